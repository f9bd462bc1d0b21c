"""The circuit breaker and what else stops entries by itself: pure decisions, returned as events. Trading rules §5.

Venue errors in a row, or the same rejection again and again, open the breaker; after its cool-down one entry goes
out as a probe and closes it, or opens it again. A venue that asks us to slow down stops entries for a minute; one that
bans us, and a drawdown, halt them until somebody resumes.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.inputs import RequestFailed
from fillwright.core.requests import CancelReplaceRequest, OrderListRequest, OrderRequest
from fillwright.core.state import State
from fillwright.core.types import MILLISECOND, SECOND, ErrorClass, Leg, Time, plain

RATE_STOP: Time = 60 * SECOND
"""Entries stop at least this long after the venue asked us to slow down (HTTP 429 or 403)."""
NEVER_SENT = 0
"""Code of a request that our own budget kept back: the venue was not asked, and the budget knows when it may be."""
BANNED_STATUS = 418
TOO_MANY_REQUESTS = -1003
ORDINARY_CODES = (-2011, -2013, -2021, -2022, -2026)
"""An order that was gone or is not known: the way of races between cancels and fills, no sign of trouble."""
IP_BANNED = "ip_banned"
DRAWDOWN = "drawdown"


def on_error(state: State, failure: RequestFailed, now: Time) -> list[ev.Event]:
    """Say what follows from a request that failed (before any of it has been applied)."""
    request, settings, breaker = failure.request, state.settings.breaker, state.safety.breaker
    counts = failure.error_class is not ErrorClass.PERMANENT
    events: list[ev.Event] = [
        ev.VenueErrorSeen(
            code=failure.code,
            message=failure.message,
            error_class=failure.error_class,
            request=type(request).__name__,
            symbol=request.cancel.symbol if isinstance(request, CancelReplaceRequest) else request.symbol,
            counts=counts,
        )
    ]
    if failure.error_class is ErrorClass.RATE:
        events += _on_rate_limit(state, failure, now)
    text = f"{failure.code} {failure.message}"
    reason = ""
    if breaker.is_open and breaker.probing and _is_entry(state, failure):
        reason = f"the probe failed: {text}"
    elif breaker.is_open and now < breaker.until:
        return events
    elif counts and breaker.error_count + 1 >= settings.circuit_breaker_errors:
        reason = f"{breaker.error_count + 1} venue errors in a row: {text}"
    elif not counts and failure.code not in ORDINARY_CODES:
        same = breaker.identical_rejects if breaker.last_reject == text else 0
        if same + 1 >= settings.identical_rejects_max:
            reason = f"{same + 1} identical rejections: {text}"
    if reason:
        until = now + settings.circuit_breaker_cooldown_secs * SECOND
        events.append(ev.CircuitBreakerOpened(reason=reason, until=until))
    return events


def _on_rate_limit(state: State, failure: RequestFailed, now: Time) -> list[ev.Event]:
    stop = failure.retry_after_ms * MILLISECOND
    if failure.code != NEVER_SENT or not stop:
        stop = max(RATE_STOP, stop)
    until = now + stop
    events: list[ev.Event] = [
        ev.RateLimited(until=max(until, state.safety.rate_limited_until), code=failure.code)
    ]
    banned = failure.code == BANNED_STATUS or (
        failure.code == TOO_MANY_REQUESTS and "banned" in failure.message
    )
    if banned and not state.safety.halted_cause:
        events.append(ev.Halted(cause=IP_BANNED, reason=failure.message, by="venue"))
    return events


def _is_entry(state: State, failure: RequestFailed) -> bool:
    request = failure.request
    if isinstance(request, OrderListRequest):
        request = request.legs[0]
    if not isinstance(request, OrderRequest):
        return False
    order = state.orders.get(request.client_order_id)
    return order is not None and order.leg is Leg.ENTRY


def on_answer(state: State, leg: Leg) -> list[ev.Event]:
    """Say what follows when the venue accepted an order of this leg: errors start anew, a probe closes the breaker."""
    breaker = state.safety.breaker
    events: list[ev.Event] = []
    if breaker.error_count:
        events.append(ev.VenueAnswered())
    if breaker.is_open and breaker.probing and leg is Leg.ENTRY:
        events.append(ev.CircuitBreakerClosed(reason="the probe succeeded"))
    return events


def on_mark(state: State, drawdown_max_percent: Decimal) -> list[ev.Event]:
    """Say what follows from a mark of equity: too deep a drawdown halts, unless something has halted already."""
    drawdown = state.portfolio.drawdown_percent
    if state.safety.halted_cause or not drawdown or drawdown < drawdown_max_percent:
        return []
    fell = plain(drawdown.quantize(Decimal("0.01")))
    reason = f"equity is {fell} % below its peak, {plain(drawdown_max_percent)} % are allowed"
    return [ev.Halted(cause=DRAWDOWN, reason=reason, by="engine")]
