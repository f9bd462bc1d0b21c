"""Entry plans: how a position's entry and protection go to the venue, and what every leg will be. Trading rules §4.

The first plan that the symbol supports, the account's slots allow and the signal permits: OPOCO, OTOCO, entry then
OCO, entry then stop; without a target OPO, OTO, entry then stop. Rounding never widens risk: stops up to
the tick, targets, buy limits and quantities down.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.events import OrderSubmitted
from fillwright.core.inputs import PlaceOrder, Quote, Signal
from fillwright.core.instruments import Instrument
from fillwright.core.positions import Position
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.settings import Settings
from fillwright.core.state import Ledger
from fillwright.core.types import (
    CONTINGENT_TYPES,
    HUNDRED,
    ONE,
    ZERO,
    ClientOrderId,
    Direction,
    Leg,
    ListKind,
    OrderType,
    Protection,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
    ceil_to,
    floor_to,
    money,
)

STOP_LIMIT_GAP = Decimal("0.005")
"""A STOP_LOSS_LIMIT sells at most this far below its stop price."""

LIST_KINDS = {
    Protection.OPOCO: ListKind.OPOCO,
    Protection.OPO: ListKind.OPO,
    Protection.OTOCO: ListKind.OTOCO,
    Protection.OTO: ListKind.OTO,
}
"""Plans whose entry is the working order of a list."""

# Enum members by a name of their own: looking them up in the class costs as much as a multiplication.
_LIMIT, _LIMIT_MAKER, _TAKE_PROFIT = OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT
_STOP_LOSS, _STOP_LOSS_LIMIT = OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT
_FOK, _GTC = TimeInForce.FOK, TimeInForce.GTC
_EXPIRE_MAKER = SelfTradePrevention.EXPIRE_MAKER
_OPOCO, _OPO = Protection.OPOCO, Protection.OPO
_PLAN_OCO, _PLAN_STOP = Protection.OCO, Protection.STOP
_OCO, _OTO, _OTOCO = ListKind.OCO, ListKind.OTO, ListKind.OTOCO


class Draft(msgspec.Struct, gc=False):
    """An entry as it would leave, before the risk checks have judged it."""

    trader_id: str
    symbol: Symbol
    direction: Direction
    entry_market: bool
    """A market signal: FOK at the quote plus the allowed slippage; else a GTC limit."""
    limit_price: Decimal
    """The worst price the entry may pay; sizing and reservation use it."""
    quantity: Decimal = ZERO
    """Floored to the step; 0 when nothing may be bought."""
    plan: Protection = Protection.NONE
    plan_reason: str = ""
    stop_loss: Decimal | None = None
    """Aligned to the tick, upwards."""
    take_profit: Decimal | None = None
    """Aligned to the tick, downwards."""
    trailing_delta: int | None = None
    trail_distance: Decimal = ZERO
    """Of a trailing stop: its distance as a fraction of the last price."""
    stop_type: OrderType = OrderType.STOP_LOSS
    stop_limit_price: Decimal | None = None
    """Only for STOP_LOSS_LIMIT."""
    target_type: OrderType | None = None
    algo_slots: int = 1
    """Legs that use a slot of MAX_NUM_ALGO_ORDERS."""
    orders: int = 2
    """Orders it adds to MAX_NUM_ORDERS and to the venue's order count."""
    lists: int = 1
    risk_amount: Decimal = ZERO
    """Quote at risk that sizing aimed at."""
    clipped_by: str = ""
    """The limit that made it smaller than the risk amount allows; '' if none."""


def draft_entry(ledger: Ledger, signal: Signal, instrument: Instrument, quote: Quote) -> Draft:
    """Plan an entry, all but its quantity (``risk.sizing`` sets that)."""
    settings, tick = ledger.state.settings, instrument.price_filter.tick
    entry, stop, target = signal.entry, signal.stop_loss, signal.take_profit
    market = entry.type == "market" or entry.price is None
    if market:
        worst = quote.ask * (ONE + settings.execution.slippage_max_percent / HUNDRED)
    else:
        worst = entry.price or ZERO
    draft = Draft(signal.trader_id, signal.symbol, signal.side, market, floor_to(worst, tick))
    draft.stop_loss = stop if stop is None else ceil_to(stop, tick)
    draft.take_profit = target if target is None else floor_to(target, tick)
    _choose_legs(draft, ledger, settings, instrument, signal, quote)
    _choose_plan(draft, instrument)
    return draft


def draft_order(order: PlaceOrder, instrument: Instrument, quote: Quote) -> Draft:
    """What a manual order asks for, in the words of a draft, so that the same checks judge it."""
    price = order.price or order.stop_price or (quote.ask if order.side is Side.BUY else quote.bid)
    quantity = order.quantity
    if quantity is None:
        quantity = money((order.quote_quantity or ZERO) / price)
    return Draft(
        trader_id="",
        symbol=order.symbol,
        direction=Direction.LONG,
        entry_market=order.price is None,
        limit_price=price,
        quantity=quantity,
        plan_reason="manual order",
        algo_slots=int(order.type in CONTINGENT_TYPES),
        orders=1,
        lists=0,
    )


def _choose_legs(
    draft: Draft, ledger: Ledger, settings: Settings, instrument: Instrument, signal: Signal, quote: Quote
) -> None:
    types, stop = instrument.order_types, draft.stop_loss
    if _STOP_LOSS not in types and _STOP_LOSS_LIMIT in types:
        draft.stop_type = _STOP_LOSS_LIMIT
        if stop is not None:
            draft.stop_limit_price = stop_limit_price(instrument, stop)
    if signal.trailing and stop is not None:
        # where it will be followed from: a limit is filled below the price
        start = min(quote.last, draft.limit_price)
        if stop < start:
            draft.trail_distance = money((start - stop) / start)
            if draft.stop_type is _STOP_LOSS:
                draft.trailing_delta = trailing_delta(instrument, stop, start)
    slots = 0 if stop is None else 1
    if draft.take_profit is not None:
        draft.target_type = _LIMIT_MAKER
        if settings.take_profit_style == "market" and _TAKE_PROFIT in types:
            spare = algo_slots_spare(ledger, instrument)
            if spare is None or spare > slots:
                draft.target_type = _TAKE_PROFIT
                slots += 1
    draft.algo_slots = slots


def _choose_plan(draft: Draft, instrument: Instrument) -> None:
    two_exits = draft.take_profit is not None
    if draft.stop_loss is None:
        draft.plan, draft.plan_reason = Protection.NONE, "the signal has no stop loss"
        draft.orders, draft.lists = 1, 0
        return
    oto, opo, oco = instrument.oto_allowed, instrument.opo_allowed, instrument.oco_allowed
    draft.orders, draft.lists = (3, 1) if two_exits else (2, 1)
    if oto and opo and (oco or not two_exits):
        draft.plan = _OPOCO if two_exits else _OPO
        draft.plan_reason = "first choice"
        return
    draft.plan_reason = "OPO not allowed" if oto and oco else "OPO, OTO or OCO not allowed"
    if oto and (oco or not two_exits):
        draft.plan = Protection.OTOCO if two_exits else Protection.OTO
    elif oco and two_exits:
        draft.plan = Protection.OCO
    else:
        draft.plan, draft.lists = Protection.STOP, 0
        draft.orders = 2


def algo_slots_spare(ledger: Ledger, instrument: Instrument) -> int | None:
    """Slots of MAX_NUM_ALGO_ORDERS that an entry may take, one staying free for replacements; None: unbounded."""
    if instrument.algo_orders_max is None:
        return None
    spare = instrument.algo_orders_max - 1
    if ledger.open_orders or ledger.state.externals:
        spare -= algo_slots_used(ledger, instrument.symbol) + algo_slots_awaited(ledger, instrument.symbol)
    return spare


def algo_slots_used(ledger: Ledger, symbol: Symbol) -> int:
    """Slots that open orders of ours, and external ones, take on a symbol."""
    used = 0
    for order in ledger.orders_in(symbol):
        if order.type in CONTINGENT_TYPES:
            used += 1
    for external in ledger.state.externals.values():
        if external.symbol == symbol and external.type in CONTINGENT_TYPES:
            used += 1
    return used


def algo_slots_awaited(ledger: Ledger, symbol: Symbol) -> int:
    """Slots that exits will take once entries that work alone (plans 3 and 4) are filled."""
    awaited = 0
    for position in ledger.positions_in(symbol):
        plan = position.plan
        if (plan is not _PLAN_OCO and plan is not _PLAN_STOP) or position.stop_loss is None:
            continue
        orders = ledger.orders_of(position)
        if orders and all(order.leg is Leg.ENTRY for order in orders):
            style = ledger.state.settings.take_profit_style
            awaited += 2 if plan is _PLAN_OCO and style == "market" else 1
    return awaited


def stop_limit_price(instrument: Instrument, stop: Decimal) -> Decimal:
    """The limit of a STOP_LOSS_LIMIT: half a percent under its stop."""
    return instrument.price_down(stop * (ONE - STOP_LIMIT_GAP))


def trailing_delta(instrument: Instrument, stop: Decimal, last: Decimal) -> int | None:
    """Basis points from the last price to a stop, floored (never wider than it); None where the venue cannot."""
    rule = instrument.trailing_delta
    if not instrument.trailing_allowed or rule is None or stop >= last:
        return None
    delta = int((last - stop) * 10_000 / last)
    return delta if rule.below_minimum <= delta <= rule.below_maximum else None


def exit_stp(instrument: Instrument) -> SelfTradePrevention | None:
    """EXPIRE_MAKER where allowed, so that one position's exit cannot eat another's stop unseen."""
    if instrument.default_stp is _EXPIRE_MAKER or _EXPIRE_MAKER not in instrument.allowed_stp:
        return None
    return _EXPIRE_MAKER


# -- requests ----------------------------------------------------------------------------------------------------


class Legs(msgspec.Struct, gc=False):
    """The client order ids of an entry list or OCO."""

    list_id: ClientOrderId = ""
    entry: ClientOrderId = ""
    stop: ClientOrderId = ""
    target: ClientOrderId = ""


def stop_request(
    position: Position, instrument: Instrument, name: ClientOrderId, quantity: Decimal | None
) -> OrderRequest:
    """The stop of a position at its stop level, trailing if the position's does."""
    stop = position.stop_loss
    assert stop is not None
    trailing = position.trailing_delta
    limited = _STOP_LOSS not in instrument.order_types
    return OrderRequest(
        position.symbol,
        position.exit_side,
        _STOP_LOSS_LIMIT if limited else _STOP_LOSS,
        name,
        _GTC if limited else None,
        quantity,
        None,
        stop_limit_price(instrument, stop) if limited else None,
        None if trailing else stop,
        trailing,
        None,
        exit_stp(instrument),
    )


def target_request(
    position: Position,
    instrument: Instrument,
    name: ClientOrderId,
    quantity: Decimal | None,
    target_type: OrderType,
) -> OrderRequest:
    """The take profit of a position at its target level."""
    maker = target_type is _LIMIT_MAKER
    return OrderRequest(
        position.symbol,
        position.exit_side,
        target_type,
        name,
        None,
        quantity,
        None,
        position.take_profit if maker else None,
        None if maker else position.take_profit,
        None,
        None,
        exit_stp(instrument),
    )


def entry_request(position: Position, name: ClientOrderId, quantity: Decimal) -> OrderRequest:
    """The entry: FOK for market signals (all or nothing, never IOC), GTC for limits."""
    return OrderRequest(
        position.symbol,
        position.entry_side,
        _LIMIT,
        name,
        _FOK if position.entry_market else _GTC,
        quantity,
        None,
        position.limit_price,
    )


def entry_list(
    position: Position,
    instrument: Instrument,
    legs: Legs,
    entry: OrderRequest,
    target_type: OrderType | None,
    taker_fee: Decimal,
) -> OrderListRequest:
    """Entry, stop and target in one request; OPO sizes the exits from what is received, OTO from ours."""
    kind = LIST_KINDS[position.plan]
    pending: Decimal | None = None
    if kind is _OTO or kind is _OTOCO:
        pending = instrument.floor_quantity((entry.quantity or ZERO) * (ONE - taker_fee))
    parts = [entry, stop_request(position, instrument, legs.stop, pending)]
    if target_type is not None:
        parts.append(target_request(position, instrument, legs.target, pending, target_type))
    return OrderListRequest(kind, position.symbol, legs.list_id, tuple(parts))


def submitted(
    request: OrderRequest,
    position_id: int,
    leg: Leg,
    list_request: OrderListRequest | None = None,
    reserve: Decimal = ZERO,
    replaces: ClientOrderId = "",
    quote: Quote | None = None,
) -> OrderSubmitted:
    """The event that records the intent to send a request."""
    list_id, list_kind, pending = "", None, False
    if list_request is not None:
        list_id, list_kind = list_request.list_client_order_id, list_request.kind
        pending = list_kind is not _OCO and request is not list_request.legs[0]
    name = request.client_order_id
    return OrderSubmitted(
        name,
        position_id,
        leg,
        int(name.rpartition("_")[2]),
        request.symbol,
        request.side,
        request.type,
        request.quantity,
        request.price,
        request.stop_price,
        request.trailing_delta,
        request.time_in_force,
        request.stp,
        list_id,
        list_kind,
        pending,
        replaces,
        reserve,
        False,
        quote,
    )
