"""What traders, advisors and operators want of positions and orders: hold, move, add, reduce, close, place, cancel.

Advice is advice: nobody but an operator may widen a stop, and nobody exceeds a limit. Trading rules §2, §4, §8, §10.
"""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.context import ENTRY_LANE, EXIT_LANE, Answer, Context
from fillwright.core.exits import cancel, cancel_alone, is_trading
from fillwright.core.inputs import (
    AdjustProtection,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Decision,
    Entry,
    Pause,
    PlaceOrder,
    Resume,
    Shutdown,
    Signal,
    Size,
    SwitchMode,
)
from fillwright.core.intake import add_to, deny_order, end_waiting, judge, judge_order
from fillwright.core.orders import Order
from fillwright.core.plans import submitted
from fillwright.core.positions import Position
from fillwright.core.protection import refuse_stop, refuse_target
from fillwright.core.requests import OrderRequest
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.limits import Limits
from fillwright.core.state import Ledger
from fillwright.core.types import (
    CONTINGENT_TYPES,
    FINAL_STATES,
    LIMIT_TYPES,
    ONE,
    ZERO,
    ClientOrderId,
    Leg,
    OrderState,
    OrderType,
    PositionDecision,
    PositionStatus,
    Side,
    TimeInForce,
    client_order_id,
)

_OPEN = (PositionStatus.OPEN, PositionStatus.MONITORING)
_DENIALS = frozenset(code.value for code in DenialCode)
NO_LEVEL = "a level needs a price"
_TIMED = (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
"""Types with a time in force; it is GTC unless something else is said."""


def decide(ctx: Context, limits: Limits, decision: Decision) -> None:
    """Take a decision about a position; what was made of it is recorded with it."""
    position = ctx.state.positions.get(decision.position_id)
    is_open = position is not None and position.status in _OPEN
    if position is None or not is_open:
        state = position.status if position is not None else "unknown"
        outcome = f"position {decision.position_id} is {state}"
    else:
        outcome = _carry_out(ctx, limits, position, decision)
        ctx.touch(position.id)
    ctx.emit(
        ev.DecisionMade(
            decision=decision.decision,
            by=decision.by,
            position_id=decision.position_id,
            price=decision.price,
            quantity=decision.quantity,
            confidence=decision.confidence,
            reasoning=decision.reasoning,
            outcome=outcome or "accepted",
        )
    )
    ctx.answer = Answer(
        ok=not outcome,
        code=_code_of(outcome, is_open),
        message=outcome,
        position_id=decision.position_id,
    )


def _code_of(outcome: str, is_open: bool) -> str:
    """What a decision's outcome is called: a denial by its own code."""
    if not outcome:
        return ""
    if not is_open:
        return "POSITION_NOT_OPEN"
    return outcome if outcome in _DENIALS else "REFUSED"


def _carry_out(ctx: Context, limits: Limits, position: Position, decision: Decision) -> str:
    kind = decision.decision
    if kind is PositionDecision.HOLD:
        return ""
    if kind is PositionDecision.CLOSE:
        ctx.emit(ev.PositionClosing(position_id=position.id, reason=f"{decision.by}: close"))
        return ""
    if kind is PositionDecision.REDUCE:
        return _reduce(ctx, position, decision)
    if kind is PositionDecision.ADD:
        return _add(ctx, limits, position, decision)
    if kind is PositionDecision.ADJUST_STOP_LOSS:
        return adjust(ctx, position, decision.price, None, widen=False, reason=f"{decision.by}: adjust_sl")
    return adjust(ctx, position, None, decision.price, widen=False, reason=f"{decision.by}: adjust_tp")


def adjust(
    ctx: Context,
    position: Position,
    stop: Decimal | None,
    target: Decimal | None,
    *,
    widen: bool,
    reason: str,
) -> str:
    """Set new levels; returns why not, or ''. The exits follow when the position is settled."""
    instrument = ctx.instrument(position.symbol)
    quote = ctx.quotes.get(position.symbol)
    levels = [level for level in (stop, target) if level is not None]
    if not levels or min(levels) <= ZERO:
        return NO_LEVEL
    if quote is None:
        return "no quote"
    if not ctx.state.stream_connected:
        return "the user data stream is down"
    if not is_trading(ctx, position):
        return f"{position.symbol} is not trading"
    if stop is not None:
        stop = instrument.price_up(stop)
        if position.stop_loss is not None and stop < position.stop_loss and not widen:
            return "a stop is never widened"
        refused = refuse_stop(instrument, position, quote, stop)
        if refused:
            return refused
    if target is not None:
        target = instrument.price_down(target)
        refused = refuse_target(instrument, position, quote, target)
        if refused:
            return refused
    fixed = 0 if stop is not None and position.trailing_delta is not None else None
    ctx.emit(
        ev.PositionUpdated(
            position_id=position.id,
            reason=reason,
            stop_loss=stop,
            take_profit=target,
            trailing_delta=fixed,
        )
    )
    return ""


def _reduce(ctx: Context, position: Position, decision: Decision) -> str:
    instrument = ctx.instrument(position.symbol)
    if decision.quantity is not None:
        wanted = decision.quantity
    elif decision.fraction is not None and ZERO < decision.fraction <= ONE:
        wanted = position.quantity * decision.fraction
    else:
        return "reduce needs a quantity, or a fraction from 0 to 1"
    part = instrument.floor_market_quantity(wanted)
    bid = ctx.bids[position.symbol]
    if position.reduce_quantity:
        return "a reduction is under way"
    if not instrument.is_sellable(part, bid):
        return "too small to be sold"
    if not instrument.is_sellable(position.quantity - part, position.stop_loss or bid):
        ctx.emit(ev.PositionClosing(position_id=position.id, reason=f"{decision.by}: reduce"))
        return ""  # what would be left could not be protected
    ctx.emit(
        ev.PositionReduceRequested(position_id=position.id, quantity=part, reason=f"{decision.by}: reduce")
    )
    return ""


def _add(ctx: Context, limits: Limits, position: Position, decision: Decision) -> str:
    signal = Signal(
        trader_id=position.trader_id,
        symbol=position.symbol,
        side=position.direction,
        created_at=ctx.now,
        entry=Entry(),
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        size=Size(quote=decision.quote) if decision.quote is not None else None,
    )
    draft, verdict = judge(ctx, limits, signal, position=position)
    if verdict.code is not None or draft is None:
        return deny_order(
            ctx, position.symbol, position.entry_side, OrderType.LIMIT, verdict, decision.by, position.id
        )
    add_to(ctx, position, draft)
    return ""


# -- operators ---------------------------------------------------------------------------------------------------


def close(ctx: Context, command: ClosePosition) -> None:
    """Close a position at the market."""
    position = ctx.state.positions.get(command.position_id)
    if position is None or position.status not in _OPEN:
        state = position.status if position is not None else "unknown"
        _refuse(ctx, "POSITION_NOT_OPEN", f"position {command.position_id} is {state}")
        return
    ctx.emit(ev.PositionClosing(position_id=position.id, reason=f"{command.by}: {command.reason}"))
    ctx.touch(position.id)
    ctx.answer = Answer(ok=True, position_id=position.id)


def adjust_protection(ctx: Context, command: AdjustProtection) -> None:
    """Move a position's levels by an operator's hand."""
    position = ctx.state.positions.get(command.position_id)
    if position is None or position.status not in _OPEN:
        _refuse(ctx, "POSITION_NOT_OPEN", f"position {command.position_id} is not open")
        return
    refused = adjust(
        ctx,
        position,
        command.stop_loss,
        command.take_profit,
        widen=command.widen,
        reason=f"{command.by}: adjust",
    )
    if refused:
        _refuse(ctx, "REFUSED", refused)
        return
    ctx.touch(position.id)
    ctx.answer = Answer(ok=True, position_id=position.id)


def place(ctx: Context, limits: Limits, command: PlaceOrder) -> None:
    """Place a manual order, after the same checks as a signal's save those about a signal."""
    state = ctx.state
    wrong = _malformed(command)
    if wrong:
        _refuse(ctx, "ORDER_INVALID", wrong)
        return
    instrument = state.instruments.get(command.symbol)
    quote = ctx.quotes.get(command.symbol)
    if instrument is None or quote is None:
        _refuse(ctx, "SYMBOL_NOT_ALLOWED", f"{command.symbol} is not known, or has no quote")
        return
    draft, verdict = judge_order(ctx, limits, command)
    if verdict.code is not None or draft is None:
        code = deny_order(ctx, command.symbol, command.side, command.type, verdict, command.by)
        _refuse(ctx, code, "denied by a risk check")
        return
    request = OrderRequest(
        symbol=command.symbol,
        side=command.side,
        type=command.type,
        client_order_id=client_order_id(state.tag, 0, Leg.MANUAL, state.manual_orders_made + 1),
        quantity=command.quantity,
        quote_order_quantity=command.quote_quantity,
        price=command.price,
        stop_price=command.stop_price,
        time_in_force=command.time_in_force or (TimeInForce.GTC if command.type in _TIMED else None),
    )
    price = command.price or command.stop_price or quote.ask
    quantity = command.quantity or ZERO
    reserve = command.quote_quantity or quantity * price if command.side is Side.BUY else ZERO
    ctx.emit(submitted(request, 0, Leg.MANUAL, reserve=reserve, quote=quote))
    ctx.touch(0)
    ctx.send(request, ENTRY_LANE)
    ctx.answer = Answer(ok=True, orders=(request.client_order_id,))


def _malformed(order: PlaceOrder) -> str:
    """Why an order's fields do not make an order of its type (Binance Spot "New order"); '' when they do."""
    kind = order.type
    for name, needed in (("price", kind in LIMIT_TYPES), ("stop_price", kind in CONTINGENT_TYPES)):
        if (getattr(order, name) is not None) is not needed:
            return f"{kind} {'needs a' if needed else 'takes no'} {name}"
    if kind is OrderType.MARKET:
        if (order.quantity is None) is (order.quote_quantity is None):
            return f"{kind} needs a quantity or a quote_quantity, not both"
    elif order.quantity is None or order.quote_quantity is not None:
        return f"{kind} needs a quantity, and takes no quote_quantity"
    if order.time_in_force is not None and kind not in _TIMED:
        return f"{kind} takes no time_in_force"
    for number in (order.price, order.stop_price, order.quantity, order.quote_quantity):
        if number is not None and number <= ZERO:
            return "prices and quantities must be greater than 0"
    return ""


def cancel_one(ctx: Context, command: CancelOrder) -> None:
    """Cancel an order of ours; of an ended one the answer names its state."""
    order = ctx.state.orders.get(command.client_order_id)
    if order is None:
        _refuse(ctx, "ORDER_UNKNOWN", f"no order {command.client_order_id}")
    elif order.state in FINAL_STATES:
        _refuse(ctx, "ORDER_ENDED", f"order {order.id} is {order.state}")
    elif order.leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.EXIT):
        _refuse(ctx, "ORDER_PROTECTS", f"order {order.id} protects position {order.position_id}: close that")
    else:
        cancel_order(ctx, order, f"{command.by}: cancel")
        ctx.answer = Answer(ok=True, orders=(order.id,))


def cancel_all(ctx: Context, command: CancelAll) -> None:
    """Cancel manual orders and working entries."""
    names = [
        order.id
        for order in list(ctx.ledger.open_orders.values())
        if order.leg in (Leg.ENTRY, Leg.MANUAL) and command.symbol in (None, order.symbol)
    ]
    for name in names:
        cancel_order(ctx, ctx.state.orders[name], f"{command.by}: cancel all")
    ctx.answer = Answer(ok=True, orders=tuple(names))


def cancel_order(ctx: Context, order: Order, reason: str) -> None:
    """Cancel an entry (with its list) or a manual order, unless that is under way."""
    if order.is_final or order.state is OrderState.CANCEL_PENDING:
        return
    position = ctx.position_of(order)
    if position is not None:
        cancel(ctx, position, order, reason, EXIT_LANE)
        ctx.touch(position.id)
        return
    cancel_alone(ctx, order, reason)


def pause(ctx: Context, command: Pause) -> None:
    """Stop entries until a time."""
    ctx.emit(ev.Paused(cause=command.cause, until=command.until, by=command.by))
    ctx.answer = Answer(ok=True)


def shut_down(ctx: Context, command: Shutdown) -> None:
    """No new entries, working entries cancelled, protection kept."""
    ctx.emit(ev.ShutdownBegun(by=command.by))
    ctx.answer = Answer(ok=True, orders=cancel_working(ctx, "shutdown"))


def switch_mode(ctx: Context, command: SwitchMode) -> None:
    """Take entries from now on, or no more: then nothing may be open, and signals that wait expire."""
    if not command.enabled:
        what = "" if command.forced else open_things(ctx.ledger)
        if what:
            _refuse(ctx, "OPEN_POSITIONS", f"{ctx.state.account_id} has {what}")
            return
        end_waiting(ctx, "another mode is traded")
    if ctx.state.safety.mode_off is command.enabled:
        ctx.emit(ev.ModeSwitched(enabled=command.enabled, by=command.by))
    ctx.answer = Answer(ok=True)


def open_things(ledger: Ledger) -> str:
    """What keeps an account from being left, in words; '' when nothing does."""
    counts = (
        (len(ledger.open_positions), "open positions"),
        (len(ledger.open_orders), "open orders"),
        (len(ledger.doubts), "orders in doubt"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def cancel_working(ctx: Context, reason: str) -> tuple[ClientOrderId, ...]:
    """Cancel entries and manual orders that work, or may; their ids."""
    names = [
        order.id for order in list(ctx.ledger.open_orders.values()) if order.leg in (Leg.ENTRY, Leg.MANUAL)
    ]
    for name in names:
        cancel_order(ctx, ctx.state.orders[name], reason)
    return tuple(names)


def resume(ctx: Context, command: Resume) -> None:
    """Lift a halt or pause; it needs a reason."""
    if not command.reason.strip():
        _refuse(ctx, "REASON_REQUIRED", "a resume needs a reason")
        return
    ctx.emit(ev.Resumed(reason=command.reason, by=command.by))
    ctx.answer = Answer(ok=True)


def _refuse(ctx: Context, code: str, message: str) -> None:
    ctx.answer = Answer(ok=False, code=code, message=message)
