from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fillwright.core.types import SECOND
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.exchange.server.faulting import Faulting
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.replies import Pending, Reply
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import START, frozen_box

ASK = Operation("order.place", "POST", "/api/v3/order", Security.TRADE, (), lambda call: {})


class _Asked:
    """A request, how often it was carried out, and when."""

    def __init__(self, **fault: Any) -> None:
        self.box: Box = frozen_box()
        self.call = Call(self.box, ASK, {"newClientOrderId": "a"}, START)
        self.fault = CallFault(**fault)
        self.carried_out: list[int] = []
        self.told: list[Reply] = []

    def _carry_out(self) -> Reply:
        self.carried_out.append(self.call.now)
        return Reply(200, b"{}")

    def begin(self) -> None:
        answer = Faulting(self.box, self.call, self.fault, self._carry_out).begin()
        if isinstance(answer, Pending):
            answer.then(self.told.append)
        else:
            self.told.append(answer)

    def step(self, by_us: int) -> None:
        self.box.clock.step(by_us)
        self.box.tick()


@pytest.mark.parametrize("cut", [Cut.CLOSE, Cut.SILENCE])
@pytest.mark.parametrize(("outcome", "times"), [(Outcome.LOST, 0), (Outcome.ANSWER_LOST, 1)])
def test_a_lost_request_is_not_carried_out_and_a_lost_answer_is_of_one_that_was(
    outcome: Outcome, times: int, cut: Cut
) -> None:
    asked = _Asked(outcome=outcome, by=cut)
    asked.begin()
    assert len(asked.carried_out) == times
    assert (asked.told[0].cut, asked.told[0].status) == (cut, 0)
    entry = asked.box.ledger.entries[0]
    assert (entry.is_executed, entry.status, entry.client_order_id) == (bool(times), 0, "a")


@pytest.mark.parametrize(("outcome", "times"), [(Outcome.REFUSED, 0), (Outcome.MASKED, 1)])
def test_refused_and_masked_are_told_the_same(outcome: Outcome, times: int) -> None:
    asked = _Asked(outcome=outcome, code=-1003, http_status=429, retry_after_s=7)
    asked.begin()
    told = asked.told[0]
    assert len(asked.carried_out) == times
    assert (told.status, told.code, told.headers) == (429, -1003, "retry-after: 7\r\n")
    assert msgspec.json.decode(told.body) == {"code": -1003, "msg": "Too many requests queued."}
    assert msgspec.json.decode(told.retry)["retryAfter"] == START // 1000 + 7000


def test_an_error_may_have_any_body_or_none() -> None:
    asked = _Asked(outcome=Outcome.REFUSED, http_status=502, body="<html/>", content_type="text/html")
    asked.begin()
    assert (asked.told[0].status, asked.told[0].body, asked.told[0].content_type) == (
        502,
        b"<html/>",
        "text/html",
    )
    asked = _Asked(outcome=Outcome.REFUSED)
    asked.begin()
    assert (asked.told[0].status, asked.told[0].body, asked.told[0].code) == (503, b"", None)


def test_delays_pass_in_box_time_before_and_after() -> None:
    asked = _Asked(outcome=Outcome.DELAYED, delay_us=SECOND, answer_delay_us=2 * SECOND)
    asked.begin()
    assert (asked.carried_out, asked.told) == ([], [])
    asked.step(SECOND)
    assert (asked.carried_out, asked.told) == ([START + SECOND], [])
    asked.step(2 * SECOND - 1)
    assert asked.told == []
    asked.step(1)
    assert [reply.body for reply in asked.told] == [b"{}"]


def test_a_delay_comes_with_any_outcome() -> None:
    asked = _Asked(outcome=Outcome.MASKED, code=-1007, delay_us=SECOND)
    asked.begin()
    asked.step(SECOND)
    assert asked.carried_out == [START + SECOND]
    assert asked.told[0].code == -1007
    asked = _Asked(outcome=Outcome.LOST, answer_delay_us=SECOND)
    asked.begin()
    assert asked.told == []
    asked.step(SECOND)
    assert asked.told[0].cut is Cut.CLOSE
    assert asked.carried_out == []
