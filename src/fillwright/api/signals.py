"""Signals over HTTP: sent, previewed, listed, explained.

A signal that is repeated with its key gets its first answer again. One that brings no ``created_at`` is stamped on
arrival; its repetition takes the stamp of the first, so that it is the same signal still.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import Response

from fillwright.answers import CheckShape, PreviewAnswer, SignalAnswer
from fillwright.api import shapes
from fillwright.api.bodies import BodyDTO, SignalBody, time_of
from fillwright.api.desk import KEY_LENGTH_MAX, Desk, json_response
from fillwright.api.errors import ApiError, invalid
from fillwright.api.listings import (
    Cursor,
    Limit,
    SignalStatusFilter,
    SymbolFilter,
    TraderFilter,
    listing,
    one,
)
from fillwright.core.context import Answer
from fillwright.core.events import Check, SignalDenied
from fillwright.core.inputs import SubmitSignal
from fillwright.core.risk.codes import DenialCode
from fillwright.core.types import AccountId, Time
from fillwright.ports import ReadModel
from fillwright.runtime.account import AccountEngine

KEYLESS = "; without a key a signal is known by trader, symbol, side and candle"
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", min_length=1, max_length=KEY_LENGTH_MAX, description="As the body's key."
    ),
]


class Stamps:
    """When signals with a key were first seen, while they are under way."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[AccountId, str], list[int]] = {}

    @contextmanager
    def of(self, account: AccountEngine, key: str, now: Time) -> Iterator[Time]:
        """The stamp of a signal without one: that of the first with its key, or now."""
        name = (account.owner.account_id, key)
        entry = self._under_way.setdefault(name, [now, 0])
        entry[1] += 1
        try:
            yield entry[0]
        finally:
            entry[1] -= 1
            if not entry[1]:
                del self._under_way[name]


async def first_stamp(desk: Desk, account: AccountEngine, signal_id: int, now: Time) -> Time:
    """When the signal was created that is known already."""
    record = account.engine.state.signals.get(signal_id)
    if record is not None:
        return record.signal.created_at
    account_id = account.owner.account_id
    view = await desk.reads.ask(lambda model: model.signal(account_id, signal_id))
    return now if view is None else view.created_at


def signal_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes below ``/api/signals``."""
    return [*_sending(desk), *_reading(desk)]


def _sending(desk: Desk) -> list[HTTPRouteHandler]:
    stamps = Stamps()

    @post(
        "/api/signals",
        dto=BodyDTO[SignalBody],
        responses={
            **shapes.answers(SignalAnswer, 201, "Taken, or denied by a risk check", 409, 413, 503),
            200: shapes.answers(SignalAnswer, 200, "Its key came before: the first answer again")[200],
        },
        tags=["signals"],
    )
    async def send_signal(
        request: Request[Any, Any, Any], data: JSONBody[SignalBody], idempotency_key: IdempotencyKey = None
    ) -> Response[bytes]:
        """Send a signal. 201: it is recorded; 200: its key came before, and this is the first answer again."""
        account = desk.account(request)
        key = key_of(data, idempotency_key)
        now = desk.clock.now()
        if data.created_at is not None:
            item = SubmitSignal(data.signal(time_of("$.created_at", data.created_at), key))
            return await submit(desk, account, item)
        if key is None:
            return await submit(desk, account, SubmitSignal(data.signal(now, None)))
        scoped = f"{data.trader_id}|{key}"
        known = account.engine.state.keys.get(scoped)
        if known is not None:
            first = await first_stamp(desk, account, known, now)
            return await submit(desk, account, SubmitSignal(data.signal(first, key)))
        with stamps.of(account, scoped, now) as created_at:
            return await submit(desk, account, SubmitSignal(data.signal(created_at, key)))

    @post(
        "/api/signals/preview",
        dto=BodyDTO[SignalBody],
        status_code=200,
        responses=shapes.answers(PreviewAnswer, 200, "", 413, 503),
        tags=["signals"],
    )
    async def preview_signal(request: Request[Any, Any, Any], data: JSONBody[SignalBody]) -> Response[bytes]:
        """Ask what the risk checks would say of a signal now; nothing is recorded."""
        created_at = data.created_at
        now = desk.clock.now() if created_at is None else time_of("$.created_at", created_at)
        found = desk.account(request).preview(data.signal(now, data.key))
        return json_response(
            PreviewAnswer(
                approved=found.code is None, code=found.code, checks=tuple(map(_shape, found.checks))
            )
        )

    return [send_signal, preview_signal]


def _reading(desk: Desk) -> list[HTTPRouteHandler]:
    @get(
        "/api/signals",
        responses=shapes.answers(shapes.page_of("signals", shapes.SignalRecord), 200, "", 503),
        tags=["signals"],
    )
    async def list_signals(
        request: Request[Any, Any, Any],
        status: SignalStatusFilter = None,
        symbol: SymbolFilter = None,
        trader_id: TraderFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """List signals, newest first."""
        return await listing(
            desk, request, "signals", ReadModel.signals, status, symbol, trader_id, limit, cursor
        )

    @get(
        "/api/signals/{signal_id:int}",
        responses=shapes.answers(shapes.SignalRecord, 200, "", 404, 503),
        tags=["signals"],
    )
    async def one_signal(request: Request[Any, Any, Any], signal_id: FromPath[int]) -> Response[bytes]:
        """One signal and what became of it."""
        return await one(desk, request, "signal", "signal", signal_id)

    @get(
        "/api/signals/{signal_id:int}/why",
        responses=shapes.answers(shapes.WhyAnswer, 200, "", 404, 503),
        tags=["signals"],
    )
    async def why(request: Request[Any, Any, Any], signal_id: FromPath[int]) -> Response[bytes]:
        """Why a signal fared as it did: each check with its value and limit, and all that followed."""
        return await one(desk, request, "why", "signal", signal_id)

    return [list_signals, one_signal, why]


def key_of(body: SignalBody, header: str | None) -> str | None:
    """The idempotency key, from the body or the header."""
    if header is None or body.key is None or header == body.key:
        return body.key if header is None else header
    raise invalid("$.key", "differs from the header Idempotency-Key")


async def submit(desk: Desk, account: AccountEngine, item: SubmitSignal) -> Response[bytes]:
    """Have it happen, and say what became of it."""
    seq = account.feed.last_seq
    answer = await account.submit(item)
    if answer.code == "KEY_CONFLICT":
        hint = "" if item.signal.key is not None else KEYLESS
        raise ApiError(409, answer.code, answer.message + hint, {"signal_id": answer.signal_id})
    check = None
    if not answer.ok:
        check = await _denying_check(desk, account, answer, seq)
    status = await _status(desk, account, answer)
    return json_response(_answer(answer, status, check), 200 if answer.repeated else 201)


async def _status(desk: Desk, account: AccountEngine, answer: Answer) -> str:
    record = account.engine.state.signals.get(answer.signal_id)
    if record is not None:
        return str(record.status)
    account_id = account.owner.account_id  # it has ended, and is in the store alone
    view = await desk.reads.ask(lambda model: model.signal(account_id, answer.signal_id))
    return "" if view is None else view.status


def _answer(answer: Answer, status: str, check: Check | None) -> SignalAnswer:
    return SignalAnswer(
        id=answer.signal_id,
        status=status,
        code=answer.code or None,
        value=None if check is None else check.value,
        limit=None if check is None else check.limit,
        message=_words(answer, check),
        position_id=answer.position_id or None,
        repeated=answer.repeated,
    )


def _words(answer: Answer, check: Check | None) -> str:
    """What there is to say of an answer: the denying check's own note, else what its code means."""
    if check is not None and check.note:
        return check.note
    if answer.code and answer.message in ("", answer.code):
        return next((code.meaning for code in DenialCode if code == answer.code), answer.message)
    return answer.message


async def _denying_check(desk: Desk, account: AccountEngine, answer: Answer, seq: int) -> Check | None:
    """The check that denied a signal: from the feed just now, of an old signal from the journal."""
    if not answer.repeated:
        for published in account.feed.since(seq) or ():
            event = published.record.event
            if type(event) is SignalDenied and event.signal_id == answer.signal_id:
                return _failed(event.checks)
    account_id = account.owner.account_id
    found = await desk.reads.ask(lambda model: model.why(account_id, answer.signal_id))
    if found is None or not found.verdicts:
        return None
    return _failed(found.verdicts[0].checks)


def _failed(checks: tuple[Check, ...]) -> Check | None:
    return next((check for check in checks if not check.passed), None)


def _shape(check: Check) -> CheckShape:
    return CheckShape(check.code, check.passed, check.value, check.limit, check.note)
