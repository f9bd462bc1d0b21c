"""Checks of the orders that would leave: EXIT_PRICES to RATE_RESERVE."""

from __future__ import annotations

from fillwright.core.events import Check
from fillwright.core.instruments import Instrument
from fillwright.core.plans import Draft, algo_slots_awaited
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.exposure_checks import is_sale
from fillwright.core.risk.limits import ENTRY_SHARE_PERCENT
from fillwright.core.risk.situation import MICRO, NO_DRAFT, NUMBERS, Situation
from fillwright.core.types import SECOND, ZERO, OrderState, OrderType, Side

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
# A tuple, not a set: an enum's hash costs more than a few comparisons.
_BUY, _SELL, _PENDING_NEW = Side.BUY, Side.SELL, OrderState.PENDING_NEW
_WITHOUT_TRIGGER = (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET)


def check_orders(situation: Situation, checks: list[Check]) -> bool:
    """EXIT_PRICES to RATE_RESERVE; without a draft none of them passes."""
    draft, instrument, ledger = situation.draft, situation.instrument, situation.ledger
    if draft is None or instrument is None:
        checks += _UNJUDGED
        return False
    exits = _check_exit_prices(situation, draft, instrument)
    if ledger.open_orders or ledger.state.externals:
        crossed, algos, orders, lists = _walk(situation, draft)
    else:
        crossed, algos, orders, lists = _NOT_CROSSED, 0, 0, 0
    algo = _check_algo_slots(instrument, draft, algos)
    slots = _check_order_slots(instrument, draft, orders, lists)
    rate = _check_rate(situation, draft)
    checks += (exits, crossed, algo, slots, rate)
    return exits.passed and crossed.passed and algo.passed and slots.passed and rate.passed


def _check_exit_prices(situation: Situation, draft: Draft, instrument: Instrument) -> Check:
    """Stop below bid and last trade, target above the entry's limit: our own sweep sets the last trade."""
    quote, stop, target = situation.quote, draft.stop_loss, draft.take_profit
    if quote is None or (stop is None and target is None):
        return _NO_EXITS
    gap_min = instrument.price_filter.tick * EXIT_TICKS_MIN
    if target is not None:
        gap = target - draft.limit_price
        if gap < gap_min:
            return Check(_EXIT_PRICES, False, gap, gap_min, "target above the entry's limit price")
    if stop is None:
        return _NO_EXITS
    bid, last = quote.bid, quote.last
    gap = (bid if bid < last else last) - stop
    return Check(_EXIT_PRICES, gap >= gap_min, gap, gap_min, "stop below bid and last price")


def _walk(situation: Situation, draft: Draft) -> tuple[Check, int, int, int]:
    """One walk over the open orders: is the entry crossed, and how many (trigger orders, orders, lists) are there."""
    ledger, symbol, price = situation.ledger, draft.symbol, draft.limit_price
    algos = orders = 0
    lists: dict[str, None] = {}
    buying = not is_sale(situation)
    other_side = _SELL if buying else _BUY
    crossed = _NOT_CROSSED
    for order in ledger.orders_in(symbol):
        orders += 1
        if order.list_id:
            lists[order.list_id] = None
        if order.type not in _WITHOUT_TRIGGER:
            algos += 1
        elif (
            order.side is other_side
            and order.price is not None
            and order.state is not _PENDING_NEW
            and (order.price <= price if buying else order.price >= price)
        ):
            crossed = Check(_OWN_ORDER_CROSSED, False, order.price, price, order.id)
    for external in ledger.state.externals.values():
        if external.symbol == symbol:
            orders += 1
            algos += external.type not in _WITHOUT_TRIGGER
    return crossed, algos + algo_slots_awaited(ledger, symbol), orders, len(lists)


def _check_algo_slots(instrument: Instrument, draft: Draft, used: int) -> Check:
    """One slot stays free: filters are checked before a cancelReplace cancels."""
    maximum = instrument.algo_orders_max
    if maximum is None or not draft.algo_slots:
        return _ALGO_UNBOUNDED
    wanted = used + draft.algo_slots
    return Check(_ALGO_SLOTS, wanted < maximum, NUMBERS[wanted], NUMBERS[maximum - 1])


def _check_order_slots(instrument: Instrument, draft: Draft, orders: int, lists: int) -> Check:
    lists_max, orders_max = instrument.order_lists_max, instrument.orders_max
    if lists_max is not None and draft.lists and lists + draft.lists > lists_max:
        return Check(_ORDER_SLOTS, False, NUMBERS[lists + draft.lists], NUMBERS[lists_max], "order lists")
    if orders_max is None:
        return _ORDERS_UNBOUNDED
    wanted = orders + draft.orders
    return Check(_ORDER_SLOTS, wanted <= orders_max, NUMBERS[wanted], NUMBERS[orders_max], "orders")


def _check_rate(situation: Situation, draft: Draft) -> Check:
    safety, now, adds = situation.ledger.state.safety, situation.now, draft.orders
    if safety.rate_limited_until > now:
        seconds_left = MICRO * (safety.rate_limited_until - now)
        return Check(
            _RATE_RESERVE, False, seconds_left, ZERO, "seconds left: the venue has been asked too much"
        )
    shown, windows = _RATE_UNBOUNDED, safety.order_windows
    run_on = now < situation.ledger.windows_end  # nothing is to be divided while all of them do
    for number, (length, ceiling) in enumerate(situation.limits.order_ceilings):
        index, used = windows[number]
        wanted = used + adds if run_on or index == now // length else adds
        if wanted > ceiling:
            note = f"orders in {length // SECOND} s, {ENTRY_SHARE_PERCENT} % are for entries"
            return Check(_RATE_RESERVE, False, NUMBERS[wanted], NUMBERS[ceiling], note)
        if shown is _RATE_UNBOUNDED:  # the shortest window is the narrowest: shown when all is well
            shown = Check(_RATE_RESERVE, True, NUMBERS[wanted], NUMBERS[ceiling])
    return shown
