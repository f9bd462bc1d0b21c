"""Carries out what a fault says about a request: lost, answered wrongly, or late. See ``fault_plan``."""

from __future__ import annotations

from collections.abc import Callable

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.exchange.server.operations import Call
from fillwright.exchange.server.replies import Pending, Reply, encode


class Faulting:
    """One request that a fault hit, from its arrival to its answer.

    Args:
        box: the server's heart.
        call: the request, checked.
        fault: what happens to it.
        carry_out: does what was asked and answers; called at most once, when its time has come.
    """

    def __init__(self, box: Box, call: Call, fault: CallFault, carry_out: Callable[[], Reply]) -> None:
        self._box = box
        self._call = call
        self._fault = fault
        self._carry_out = carry_out
        self._pending: Pending | None = None
        self._reply: Reply | None = None

    def begin(self) -> Reply | Pending:
        """The answer, if nothing is late; else what will have it."""
        fault = self._fault
        if fault.delay_us or fault.answer_delay_us:
            self._pending = Pending()
        if fault.delay_us:
            self._box.at(self._box.now + fault.delay_us, self._arrive)
        else:
            self._arrive(self._box.now)
        return self._pending or self._told()

    def _arrive(self, now: Time) -> None:
        """The request reaches the exchange, if it does."""
        self._call.now = now
        self._reply = self._carry_out() if self._fault.is_carried_out else None
        if self._pending is None:
            return
        if self._fault.answer_delay_us:
            self._box.at(self._box.now + self._fault.answer_delay_us, self._answer)
        else:
            self._answer(now)

    def _answer(self, _now: Time) -> None:
        if self._pending is not None:
            self._pending.deliver(self._told())

    def _told(self) -> Reply:
        """What the client is told, noted in the ledger."""
        fault = self._fault
        if fault.outcome in (Outcome.LOST, Outcome.ANSWER_LOST):
            reply = Reply(0, b"", cut=fault.by)
        elif fault.outcome is Outcome.DELAYED and self._reply is not None:
            reply = self._reply
        else:
            reply = _error(fault, self._box.now)
        self._box.answered(self._call, reply.status, reply.code, fault)
        return reply


def _error(fault: CallFault, now: Time) -> Reply:
    """The error that a fault wants told."""
    headers, retry = "", b""
    if fault.retry_after_s is not None:
        headers = f"retry-after: {fault.retry_after_s}\r\n"
        until = now + fault.retry_after_s * SECOND
        retry = encode({"serverTime": now // MILLISECOND, "retryAfter": until // MILLISECOND})
    if fault.body is not None:
        return Reply(fault.status, fault.body.encode(), headers, fault.content_type)
    if fault.code is None:
        return Reply(fault.status, b"", headers)
    body = encode({"code": fault.code, "msg": fault.text})
    return Reply(fault.status, body, headers, code=fault.code, retry=retry)
