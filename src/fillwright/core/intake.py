"""Signals come in: deduplicated, planned, sized, judged; the approved ones become a position and its entry.

Deduplication lives here and nowhere else: the same key and body gives the first answer again, the same key with
another body is a conflict. Trading rules §1, §4, §5.
"""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.apply.signals import body_hash, candle_key
from fillwright.core.context import ENTRY_LANE, Answer, Context
from fillwright.core.inputs import PlaceOrder, Signal, SignalAdvice
from fillwright.core.plans import (
    LIST_KINDS,
    Draft,
    Legs,
    draft_entry,
    draft_order,
    entry_list,
    entry_request,
    submitted,
)
from fillwright.core.positions import Position
from fillwright.core.requests import OrderRequest
from fillwright.core.risk.checks import assess
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.limits import Limits
from fillwright.core.risk.situation import Assessment, Situation
from fillwright.core.risk.sizing import size_draft
from fillwright.core.state import SignalRecord
from fillwright.core.types import (
    Leg,
    OrderType,
    Side,
    SignalDecision,
    SignalStatus,
    Symbol,
    TimeInForce,
)

# Enum members by a name of their own: looking them up in the class costs as much as a multiplication.
_ENTER_TRADE, _WAIT, _BAD_SETUP = SignalDecision.ENTER_TRADE, SignalDecision.WAIT, SignalDecision.BAD_SETUP
_DENIED = SignalStatus.DENIED
_ENTRY, _LIST, _STOP_LOSS, _TAKE_PROFIT = Leg.ENTRY, Leg.LIST, Leg.STOP_LOSS, Leg.TAKE_PROFIT


def receive(ctx: Context, limits: Limits, signal: Signal) -> None:
    """Take a signal in; the answer says what became of it."""
    state = ctx.state
    key = f"{signal.trader_id}|{signal.key or derived_key(ctx, signal)}"
    known = state.keys.get(key)
    if known is not None:
        _answer_again(ctx, known, key, signal)
        return
    signal_id = state.signals_made + 1
    ctx.emit(ev.SignalReceived(signal_id, signal, key))
    record = state.signals[signal_id]
    if signal.decision is _BAD_SETUP:
        _end(ctx, record, SignalStatus.ABANDONED, "bad_setup")
    elif signal.decision is _WAIT:
        ctx.emit(ev.SignalStatusChanged(signal_id=signal_id, status=SignalStatus.MONITORING))
    else:
        enter(ctx, limits, record)
    denied = record.status is _DENIED
    ctx.answer = Answer(not denied, record.code, record.reason, signal_id, record.position_id)


def derived_key(ctx: Context, signal: Signal) -> str:
    """The idempotency key of a signal that brings none: trader, symbol, side, candle (else its creation time)."""
    probe = SignalRecord(id=0, signal=signal, received_at=0, key="")
    return "auto:" + (candle_key(ctx.ledger, probe) or f"{signal.symbol}|{signal.side}|{signal.created_at}")


def _answer_again(ctx: Context, signal_id: int, key: str, signal: Signal) -> None:
    record = ctx.state.signals.get(signal_id)
    known_hash = body_hash(record.signal) if record is not None else ctx.state.key_hashes[key]
    if body_hash(signal) != known_hash:
        ctx.answer = Answer(
            ok=False,
            code="KEY_CONFLICT",
            message="this key came before with another body",
            signal_id=signal_id,
        )
        return
    code = ctx.state.key_codes.get(key, "")  # the signal itself is forgotten sooner than its key
    ctx.answer = Answer(
        ok=not code,
        code=code,
        message=code or (record.reason if record is not None else ""),
        signal_id=signal_id,
        position_id=record.position_id if record is not None else 0,
        repeated=True,
    )


def advise(ctx: Context, limits: Limits, advice: SignalAdvice) -> None:
    """Take analysis of a monitored signal: enter, keep waiting, or abandon."""
    record = ctx.state.signals.get(advice.signal_id)
    if record is None or record.status is not SignalStatus.MONITORING:
        ctx.answer = Answer(
            ok=False, code="NOT_MONITORED", message=f"signal {advice.signal_id} is not monitored"
        )
        return
    ctx.emit(
        ev.DecisionMade(
            decision=advice.decision,
            by="advisor",
            signal_id=record.id,
            confidence=advice.confidence,
            reasoning=advice.reasoning,
        )
    )
    if advice.decision is _BAD_SETUP:
        _end(ctx, record, SignalStatus.ABANDONED, "bad_setup")
    elif advice.decision is _ENTER_TRADE:
        ctx.emit(
            ev.SignalStatusChanged(signal_id=record.id, status=SignalStatus.RECEIVED, reason="enter_trade")
        )
        enter(ctx, limits, record)
    ctx.answer = Answer(
        ok=not record.code,
        code=record.code,
        signal_id=record.id,
        position_id=record.position_id,
    )


def expire_waiting(ctx: Context) -> None:
    """End monitored signals whose time is over."""
    for record in list(ctx.ledger.waiting_signals.values()):
        expires_at = record.signal.expires_at
        if expires_at is not None and ctx.now >= expires_at:
            _end(ctx, record, SignalStatus.EXPIRED, "expires_at")


def end_waiting(ctx: Context, reason: str) -> None:
    """End all signals that are not decided yet."""
    for record in list(ctx.ledger.waiting_signals.values()):
        _end(ctx, record, SignalStatus.EXPIRED, reason)


def _end(ctx: Context, record: SignalRecord, status: SignalStatus, reason: str) -> None:
    ctx.emit(ev.SignalStatusChanged(signal_id=record.id, status=status, reason=reason))


# -- entering ----------------------------------------------------------------------------------------------------


def judge(
    ctx: Context,
    limits: Limits,
    signal: Signal,
    record: SignalRecord | None = None,
    position: Position | None = None,
) -> tuple[Draft | None, Assessment]:
    """Plan, size and judge an entry without doing anything.

    ``record``: the signal that it comes from (None: an addition to a position, judged without the checks about a
    signal). ``position``: the one that is added to, or whose entry is tried again.
    """
    state, symbol = ctx.state, signal.symbol
    instrument, quote = state.instruments.get(symbol), ctx.quotes.get(symbol)
    combined = limits.of(state, signal.trader_id, symbol)
    draft = room = None
    if instrument is not None and quote is not None and quote.last:
        draft = draft_entry(ctx.ledger, signal, instrument, quote)
        added_to = position if record is None else None
        room = size_draft(draft, ctx.ledger, combined, signal, instrument, ctx.bids, added_to)
    return draft, assess(
        Situation(
            ctx.ledger,
            combined,
            instrument,
            quote,
            ctx.bids,
            draft,
            ctx.now,
            room,
            ctx.averages.get(symbol),
            record,
            None,
            position,
        )
    )


def judge_order(ctx: Context, limits: Limits, order: PlaceOrder) -> tuple[Draft | None, Assessment]:
    """Judge a manual order: all checks save those about a signal."""
    instrument = ctx.state.instruments.get(order.symbol)
    quote = ctx.quotes.get(order.symbol)
    draft = None
    if instrument is not None and quote is not None:
        draft = draft_order(order, instrument, quote)
    return draft, assess(
        Situation(
            ledger=ctx.ledger,
            limits=limits.of(ctx.state, "", order.symbol),
            instrument=instrument,
            quote=quote,
            bids=ctx.bids,
            draft=draft,
            average=ctx.averages.get(order.symbol),
            now=ctx.now,
            order=order,
        )
    )


def preview(ctx: Context, limits: Limits, signal: Signal) -> Assessment:
    """Judge a signal that has not come in: nothing is recorded."""
    record = SignalRecord(id=0, signal=signal, received_at=ctx.now, key="", decided_at=signal.created_at)
    return judge(ctx, limits, signal, record)[1]


def enter(ctx: Context, limits: Limits, record: SignalRecord) -> None:
    """Judge a signal and send its entry, or deny it."""
    draft, verdict = judge(ctx, limits, record.signal, record)
    if verdict.code is not None or draft is None:
        code = verdict.code or DenialCode.QUOTE_STALE
        ctx.emit(ev.SignalDenied(signal_id=record.id, code=code, checks=verdict.checks))
        return
    ctx.emit(ev.SignalApproved(record.id, verdict.checks))
    position_id = ctx.state.positions_made + 1
    stop = draft.stop_loss
    ctx.emit(
        ev.PositionCreated(
            position_id,
            record.id,
            draft.trader_id,
            draft.symbol,
            draft.direction,
            draft.quantity,
            draft.limit_price,
            draft.plan,
            draft.plan_reason,
            draft.quantity * (draft.limit_price - stop if stop else draft.limit_price),  # at most lost
            ctx.quotes[draft.symbol],
            stop,
            draft.take_profit,
            draft.trailing_delta,
            draft.trail_distance,
            draft.entry_market,
        )
    )
    send_entry(ctx, ctx.state.positions[position_id], draft)
    ctx.touch(position_id)  # an entry of which nothing is heard is asked about


def send_entry(ctx: Context, position: Position, draft: Draft) -> None:
    """Record the intent and send a position's entry by its plan."""
    instrument = ctx.instrument(position.symbol)
    entry = entry_request(position, ctx.name(position, _ENTRY), draft.quantity)
    reserve = draft.quantity * draft.limit_price
    quote = ctx.quotes.get(position.symbol)
    if position.plan not in LIST_KINDS:
        ctx.emit(submitted(entry, position.id, _ENTRY, None, reserve, "", quote))
        ctx.send(entry, ENTRY_LANE)
        return
    legs = Legs(
        ctx.name(position, _LIST),
        entry.client_order_id,
        ctx.name(position, _STOP_LOSS),
        ctx.name(position, _TAKE_PROFIT),
    )
    request = entry_list(position, instrument, legs, entry, draft.target_type, ctx.state.taker_fee)
    _, stop, *target = request.legs
    ctx.emit(submitted(entry, position.id, _ENTRY, request, reserve, "", quote))
    ctx.emit(submitted(stop, position.id, _STOP_LOSS, request))
    if target:
        ctx.emit(submitted(target[0], position.id, _TAKE_PROFIT, request))
    ctx.send(request, ENTRY_LANE)


def try_again(ctx: Context, limits: Limits, position: Position) -> bool:
    """Send a position's unfilled entry once more with a fresh quote, fresh ids and all checks again."""
    record = ctx.state.signals.get(position.signal_id)
    if record is None or ctx.state.safety.shutdown:
        return False
    draft, verdict = judge(ctx, limits, record.signal, record, position)
    if verdict.code is not None or draft is None:
        deny_order(ctx, position.symbol, position.entry_side, OrderType.LIMIT, verdict, "retry", position.id)
        return False
    ctx.emit(
        ev.PositionUpdated(
            position_id=position.id,
            reason="entry tried again",
            plan=draft.plan,
            limit_price=draft.limit_price,
            quantity=draft.quantity,
            trailing_delta=(draft.trailing_delta or 0) if position.trail_distance else None,
        )
    )
    send_entry(ctx, position, draft)
    return True


def deny_order(
    ctx: Context,
    symbol: Symbol,
    side: Side,
    order_type: OrderType,
    verdict: Assessment,
    by: str,
    position_id: int = 0,
) -> str:
    """Record that our checks refused an order; returns the code."""
    code = verdict.code or DenialCode.QUOTE_STALE.value
    ctx.emit(
        ev.OrderDenied(
            symbol=symbol,
            side=side,
            order_type=order_type,
            code=code,
            checks=verdict.checks,
            position_id=position_id,
            by=by,
        )
    )
    return code


def add_to(ctx: Context, position: Position, draft: Draft) -> None:
    """Send a further entry of an open position; its protection follows once it is filled."""
    entry = OrderRequest(
        symbol=position.symbol,
        side=position.entry_side,
        type=OrderType.LIMIT,
        client_order_id=ctx.name(position, Leg.ENTRY),
        quantity=draft.quantity,
        price=draft.limit_price,
        time_in_force=TimeInForce.FOK,
    )
    reserve = draft.quantity * draft.limit_price
    ctx.emit(submitted(entry, position.id, Leg.ENTRY, reserve=reserve, quote=ctx.quotes.get(position.symbol)))
    ctx.send(entry, ENTRY_LANE)
