"""What operators do and look at: emergency stop, resume, status."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, JSONBody
from litestar.response import Response

from fillwright import answers
from fillwright.answers import Done, StopAnswer
from fillwright.api import shapes
from fillwright.api.bodies import BodyDTO, ResumeBody, StopBody
from fillwright.api.desk import CommandKey, Desk, check, json_response
from fillwright.api.errors import ApiError
from fillwright.api.marks import age_ms, feed_shape, price_ages
from fillwright.api.rollout import rollout_of
from fillwright.api.shadow import shadow_shape
from fillwright.core.context import Answer
from fillwright.core.inputs import EmergencyStop
from fillwright.core.state import Ledger, Safety
from fillwright.core.stopping import still_to_do
from fillwright.core.types import MILLISECOND, SECOND, Leg, Time
from fillwright.ports import CountsCalls
from fillwright.runtime.account import AccountEngine

CONFIRMATION = "CONFIRM_STOP_ALL_TRADING"
STOP = StopBody()
RECORDED_MAX_S = 3.0
"""So long it waits for the journal."""
PROVEN_MAX_S = 5.0
"""So long an emergency stop waits for its end, read back from the exchange, before it answers."""
Confirmation = Annotated[
    str | None,
    HeaderParameter(name="X-Confirm-Emergency-Stop", description=f"Must be {CONFIRMATION}."),
]


def operation_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Emergency stop, resume and status."""
    return [*_stopping(desk), *_looking(desk)]


def _stopping(desk: Desk) -> list[HTTPRouteHandler]:
    @post(
        shapes.in_modes("emergency-stop"),
        dto=BodyDTO[StopBody],
        status_code=200,
        responses=shapes.answers(StopAnswer, 200, "Halted; positions keep their protection", 503),
        tags=["operations"],
    )
    async def emergency_stop(
        request: Request[Any, Any, Any], data: JSONBody[StopBody] = STOP, confirmation: Confirmation = None
    ) -> Response[bytes]:
        """Halt, cancel working entries; with ``flatten`` sell every position. Needs its confirming header.

        It answers when that is done and read back from the exchange, or after five seconds: then it goes on, and the
        status tells how far it is.
        """
        if confirmation != CONFIRMATION:
            raise ApiError(
                400, "REQUIRES_CONFIRMATION", f"send the header X-Confirm-Emergency-Stop: {CONFIRMATION}"
            )
        account = desk.account(request)
        before = _held(account)
        by = desk.caller(request).name
        item = EmergencyStop(by=by, flatten=data.flatten, reason=data.reason, external=data.external)
        answer = check(await _recorded(account, item))
        took_us = await _proven(account)
        ledger = account.engine.ledger
        left = tuple(ledger.open_positions)
        return json_response(
            StopAnswer(
                cancelled_orders=answer.orders,
                disabled=True,
                sold=tuple(position for position in before if position not in left) if data.flatten else (),
                left=left,
                verified=took_us is not None,
                took_ms=None if took_us is None else round(took_us / MILLISECOND),
                orders_left=tuple(
                    order.id for order in ledger.open_orders.values() if order.leg in (Leg.ENTRY, Leg.MANUAL)
                ),
            )
        )

    @post(
        shapes.in_modes("resume"),
        dto=BodyDTO[ResumeBody],
        status_code=200,
        responses=shapes.answers(Done, 200, "Entries are taken again", 409, 422, 503),
        tags=["operations"],
    )
    async def resume(
        request: Request[Any, Any, Any], data: JSONBody[ResumeBody], idempotency_key: CommandKey = None
    ) -> Response[bytes]:
        """Lift a halt or an operator's pause; a reason is needed."""
        item = data.command(desk.caller(request).name, idempotency_key)
        answer = check(await desk.account(request).submit(item))
        return json_response(Done(True, answer.repeated))

    return [emergency_stop, resume]


def _looking(desk: Desk) -> list[HTTPRouteHandler]:
    @get("/api/status", responses=shapes.answers(answers.StatusAnswer), tags=["operations"])
    async def status(request: Request[Any, Any, Any]) -> Response[bytes]:
        """How the service and the account are doing."""
        return json_response(status_of(desk, desk.account(request)))

    return [status]


async def _recorded(account: AccountEngine, item: EmergencyStop) -> Answer:
    """The core's answer, once the journal has the stop; an ApiError tells what holds while it has not."""
    reply = account.post(item)
    await asyncio.wait((reply,), timeout=RECORDED_MAX_S)
    if not reply.done() and account.unrecorded:
        raise ApiError(503, "STOP_NOT_RECORDED", f"{account.unrecorded} ({account.detail})")
    return await reply


def _held(account: AccountEngine) -> tuple[int, ...]:
    """Positions that own coins."""
    return tuple([one.id for one in account.engine.ledger.open_positions.values() if one.quantity])


async def _proven(account: AccountEngine) -> Time | None:
    """Wait until a stop is done and proven, as long as the caller may be kept waiting; how long it took."""
    feed, since = account.feed, account.engine.state.safety.halted_at
    try:
        async with asyncio.timeout(PROVEN_MAX_S):
            while not feed.closed:
                safety = account.engine.state.safety
                if not safety.stopping_since:
                    return safety.stop_proven_at - since if safety.stop_proven_at >= since else None
                await feed.wait(feed.last_seq)
    except TimeoutError:
        return None
    return None


def status_of(desk: Desk, account: AccountEngine) -> answers.StatusAnswer:
    """Put together what ``GET /api/status`` tells."""
    service, hub = desk.orchestrator.status(), account.hub
    state, ledger = account.engine.state, account.engine.ledger
    safety, now = state.safety, desk.clock.now()
    breaker = safety.breaker
    depths = account.depths
    return answers.StatusAnswer(
        version=desk.version,
        mode=account.owner.mode,
        ready=service.ready,
        reasons=service.reasons,
        account_id=account.owner.account_id,
        state=account.state,
        seq=account.feed.last_seq,
        enabled=state.settings.enabled and not safety.halted_cause and not safety.mode_off,
        halted=_halted(ledger),
        paused=_paused(safety, now),
        circuit_breaker=answers.BreakerShape(
            breaker.is_open, breaker.error_count, breaker.opened_at or None, breaker.last_error or None
        ),
        stream=_stream(account, now),
        clock_skew_ms=hub.feed.clock_skew_ms,
        rate_limits=_rates(account, now),
        rollout=rollout_of(state),
        in_doubt=tuple(ledger.doubts),
        unprotected=tuple(p.id for p in ledger.open_positions.values() if p.unprotected_since),
        positions_open=len(ledger.open_positions),
        orders_open=len(ledger.open_orders),
        feed=feed_shape(hub, now),
        prices=price_ages(hub, now),
        traders=tuple(
            answers.TraderShape(trader.trader_id, trader.state, trader.error)
            for trader in service.traders
            if trader.user_id == account.owner.user_id
        ),
        waiting={
            "reports": depths.reports,
            "operator": depths.operator,
            "signals": depths.signals,
            "candles": depths.candles,
        },
        in_flight=account.in_flight,
        questions_dropped=account.questions_dropped,
        lag_ms=round(service.lag_ms, 3),
        ticks=service.ticks,
        started_at=service.started_at,
        venue_calls=_calls(account),
        shadow=shadow_shape(desk.orchestrator.shadow(account)),
    )


def _calls(account: AccountEngine) -> tuple[answers.VenueCallsShape, ...]:
    if not isinstance(account.venue, CountsCalls):
        return ()
    counts = account.venue.call_counts
    return tuple([answers.VenueCallsShape(one.call, one.outcome, one.code, one.count) for one in counts])


def _halted(ledger: Ledger) -> answers.HaltedShape | None:
    safety = ledger.state.safety
    if not safety.halted_cause:
        return None
    stopping = safety.stopping_since > 0
    left = still_to_do(ledger, flatten=safety.flatten, external=safety.stop_external) if stopping else []
    return answers.HaltedShape(
        safety.halted_cause,
        safety.halted_at or None,
        safety.halted_by,
        safety.halted_reason,
        tuple(left),
        verified=not stopping,
    )


def _paused(safety: Safety, now: Time) -> answers.PausedShape | None:
    if safety.paused_until <= now:
        return None
    return answers.PausedShape(safety.paused_cause, safety.paused_until)


def _stream(account: AccountEngine, now: Time) -> answers.StreamShape:
    state = account.engine.state
    if not state.stream_connected:
        word = "disconnected"
    else:
        word = "reconciling" if state.reconciling else "connected"
    return answers.StreamShape(word, age_ms(account.heard_at, now))


def _rates(account: AccountEngine, now: Time) -> tuple[answers.RateShape, ...]:
    """Orders sent in each window of the venue, as far as that window is not over."""
    state = account.engine.state
    windows = state.safety.order_windows
    found = []
    for place, (seconds, limit) in enumerate(state.settings.venue.order_limits):
        used = 0
        if place < len(windows) and windows[place][0] == now // (seconds * SECOND):
            used = windows[place][1]
        found.append(answers.RateShape("ORDERS", seconds, used, limit))
    return tuple(found)
