"""Checks of the orders that would leave: EXIT_PRICES to RATE_RESERVE."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.events import Check
from fillwright.core.plans import Draft
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.exposure_checks import is_sale
from fillwright.core.risk.limits import ENTRY_SHARE_PERCENT
from fillwright.core.risk.situation import MICRO, NO_DRAFT, Situation
from fillwright.core.types import ZERO, OrderState, OrderType, Side

EXIT_TICKS_MIN = 2
"""Ticks between an exit's price and the price that would trigger it at once."""

_EXIT_PRICES = DenialCode.EXIT_PRICES.value
_OWN_ORDER_CROSSED = DenialCode.OWN_ORDER_CROSSED.value
_ALGO_SLOTS = DenialCode.ALGO_SLOTS.value
_ORDER_SLOTS = DenialCode.ORDER_SLOTS.value
_RATE_RESERVE = DenialCode.RATE_RESERVE.value
_NO_EXITS = Check(_EXIT_PRICES, True)
_NOT_CROSSED = Check(_OWN_ORDER_CROSSED, True)
_ALGO_UNBOUNDED = Check(_ALGO_SLOTS, True)
_ORDERS_UNBOUNDED = Check(_ORDER_SLOTS, True)
_RATE_UNBOUNDED = Check(_RATE_RESERVE, True)
_UNJUDGED = tuple(
    Check(code, False, None, None, NO_DRAFT)
    for code in (_EXIT_PRICES, _OWN_ORDER_CROSSED, _ALGO_SLOTS, _ORDER_SLOTS, _RATE_RESERVE)
)
# Tuples, not sets: an enum's hash costs more than a few comparisons.
_RESTING = (OrderType.LIMIT, OrderType.LIMIT_MAKER)
_WITHOUT_TRIGGER = (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET)


def check_orders(situation: Situation, checks: list[Check]) -> bool:
    """EXIT_PRICES to RATE_RESERVE; without a draft none of them passes."""
    draft = situation.draft
    if draft is None:
        checks += _UNJUDGED
        return False
    exits = _check_exit_prices(situation, draft)
    rate = _check_rate(situation, draft)
    checks.append(exits)
    slots = _check_slots(situation, draft, checks)
    checks.append(rate)
    return slots and exits.passed and rate.passed


def _check_exit_prices(situation: Situation, draft: Draft) -> Check:
    """Stop below bid and last trade, target above the entry's limit: our own sweep sets the last trade."""
    instrument, quote = situation.instrument, situation.quote
    stop, target = draft.stop_loss, draft.take_profit
    if instrument is None or quote is None or (stop is None and target is None):
        return _NO_EXITS
    gap_min = instrument.price_filter.tick * EXIT_TICKS_MIN
    if target is not None:
        gap = target - draft.limit_price
        if gap < gap_min:
            return Check(_EXIT_PRICES, False, gap, gap_min, "target above the entry's limit price")
    if stop is None:
        return _NO_EXITS
    gap = (quote.bid if quote.bid < quote.last else quote.last) - stop
    return Check(_EXIT_PRICES, gap >= gap_min, gap, gap_min, "stop below bid and last price")


def _check_slots(situation: Situation, draft: Draft, checks: list[Check]) -> bool:
    """OWN_ORDER_CROSSED to ORDER_SLOTS: one walk over the open orders."""
    ledger, symbol = situation.ledger, draft.symbol
    orders = algos = 0
    lists: dict[str, None] = {}
    other_side, price = (
        (Side.BUY, draft.limit_price) if is_sale(situation) else (Side.SELL, draft.limit_price)
    )
    crossed = _NOT_CROSSED
    for order in ledger.open_orders.values():
        if order.symbol != symbol:
            continue
        orders += 1
        if order.list_id:
            lists[order.list_id] = None
        if order.type not in _WITHOUT_TRIGGER:
            algos += 1
        elif (
            order.side is other_side
            and order.type in _RESTING
            and order.price is not None
            and order.state is not OrderState.PENDING_NEW
            and (order.price <= price if other_side is Side.SELL else order.price >= price)
        ):
            crossed = Check(_OWN_ORDER_CROSSED, False, order.price, price, order.id)
    for external in ledger.state.externals.values():
        if external.symbol == symbol:
            orders += 1
            algos += external.type not in _WITHOUT_TRIGGER
    algo = _check_algo_slots(situation, draft, algos)
    slots = _check_order_slots(situation, draft, orders, len(lists))
    checks += (crossed, algo, slots)
    return crossed.passed and algo.passed and slots.passed


def _check_algo_slots(situation: Situation, draft: Draft, used: int) -> Check:
    """One slot stays free: filters are checked before a cancelReplace cancels."""
    maximum = situation.instrument.algo_orders_max if situation.instrument is not None else None
    if maximum is None or not draft.algo_slots:
        return _ALGO_UNBOUNDED
    wanted = used + draft.algo_slots
    return Check(_ALGO_SLOTS, wanted < maximum, Decimal(wanted), Decimal(maximum - 1))


def _check_order_slots(situation: Situation, draft: Draft, orders: int, lists: int) -> Check:
    instrument = situation.instrument
    if instrument is None:
        return _ORDERS_UNBOUNDED
    lists_max, orders_max = instrument.order_lists_max, instrument.orders_max
    if lists_max is not None and draft.lists and lists + draft.lists > lists_max:
        return Check(_ORDER_SLOTS, False, Decimal(lists + draft.lists), Decimal(lists_max), "order lists")
    if orders_max is None:
        return _ORDERS_UNBOUNDED
    wanted = orders + draft.orders
    return Check(_ORDER_SLOTS, wanted <= orders_max, Decimal(wanted), Decimal(orders_max), "orders")


def _check_rate(situation: Situation, draft: Draft) -> Check:
    safety, now = situation.ledger.state.safety, situation.now
    if safety.rate_limited_until > now:
        seconds_left = MICRO * (safety.rate_limited_until - now)
        return Check(
            _RATE_RESERVE, False, seconds_left, ZERO, "seconds left: the venue asked us to slow down"
        )
    first = _RATE_UNBOUNDED
    for (length, ceiling), (index, used) in zip(
        situation.limits.order_ceilings, safety.order_windows, strict=False
    ):
        wanted = draft.orders + (used if index == now // length else 0)
        if wanted > ceiling:
            note = f"orders in {length // 1_000_000} s, {ENTRY_SHARE_PERCENT} % are for entries"
            return Check(_RATE_RESERVE, False, Decimal(wanted), Decimal(ceiling), note)
        if first is _RATE_UNBOUNDED:
            first = Check(_RATE_RESERVE, True, Decimal(wanted), Decimal(ceiling))
    return first
