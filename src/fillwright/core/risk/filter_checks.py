"""FILTER_*: the venue's filters for every leg, at its own price and net quantity.

What they foresee the venue would refuse; the margins cover what moves between the check and the order (the average
price, the commission).
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter

from fillwright.core.events import Check
from fillwright.core.instruments import Instrument, Notional, PercentPrice
from fillwright.core.plans import Draft
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.exposure_checks import is_sale
from fillwright.core.risk.situation import Situation
from fillwright.core.types import ONE, ZERO, OrderType, Side, floor_to

PERCENT_PRICE_MARGIN = Decimal("0.02")
NOTIONAL_MARGIN = Decimal("1.05")

_LOW = ONE + PERCENT_PRICE_MARGIN
_HIGH = ONE - PERCENT_PRICE_MARGIN
_BUY, _MARKET, _LIMIT_MAKER = Side.BUY, OrderType.MARKET, OrderType.LIMIT_MAKER
_PRICE_FILTER = DenialCode.FILTER_PRICE_FILTER.value
_LOT_SIZE = DenialCode.FILTER_LOT_SIZE.value
_MARKET_LOT_SIZE = DenialCode.FILTER_MARKET_LOT_SIZE.value
_TRAILING_DELTA = DenialCode.FILTER_TRAILING_DELTA.value
_MAX_POSITION = DenialCode.FILTER_MAX_POSITION.value
_PERCENT_PRICE = (DenialCode.FILTER_PERCENT_PRICE.value, DenialCode.FILTER_PERCENT_PRICE_BY_SIDE.value)
_NOTIONAL = {
    "NOTIONAL": DenialCode.FILTER_NOTIONAL.value,
    "MIN_NOTIONAL": DenialCode.FILTER_MIN_NOTIONAL.value,
}
_PRICES_FIT = Check(_PRICE_FILTER, True)
_passed = attrgetter("passed")


def check_filters(situation: Situation, draft: Draft, notional: Decimal, checks: list[Check]) -> bool:
    """Every filter that the symbol has and that entry, stop or target can violate."""
    instrument, order = situation.instrument, situation.order
    if instrument is None:
        return False
    if order is None:
        market, stepped = False, True
        net = least = _net_quantity(situation, draft, instrument)
    else:
        # of an amount the venue finds the quantity
        market, stepped = order.type is _MARKET, order.quote_quantity is None
        net, least = None, draft.quantity
    found = [
        _check_prices(situation, draft, instrument, market),
        _check_lot(draft, instrument, least, stepped),
    ]
    if order is None or market:
        found.append(_check_market_lot(draft, instrument, least, market and stepped))
    if instrument.percent_price is not None and not market:
        found.append(_check_percent(situation, draft, instrument.percent_price))
    if instrument.notional is not None:
        found.append(_check_notional(draft, instrument.notional, notional, net, market))
    if draft.trailing_delta is not None:
        broken = instrument.trailing_violation(draft.stop_type, Side.SELL, draft.trailing_delta)
        found.append(Check(_TRAILING_DELTA, broken is None, Decimal(draft.trailing_delta)))
    if instrument.position_max is not None and not is_sale(situation):
        found.append(_check_position(situation, draft, instrument, instrument.position_max))
    checks += found
    return all(map(_passed, found))


def _net_quantity(situation: Situation, draft: Draft, instrument: Instrument) -> Decimal:
    """What is left to sell when the commission is taken from the coins bought."""
    received = draft.quantity * (ONE - situation.ledger.state.taker_fee)
    return floor_to(received, instrument.lot_size.step)


def _check_prices(situation: Situation, draft: Draft, instrument: Instrument, market: bool) -> Check:
    order = situation.order
    prices = (
        None if market else draft.limit_price,
        None if draft.trailing_delta is not None else draft.stop_loss,
        draft.take_profit,
        draft.stop_limit_price,
        order.stop_price if order is not None else None,
    )
    rule = instrument.price_filter
    minimum, maximum, tick = rule.minimum, rule.maximum, rule.tick
    for price in prices:
        if price is None:
            continue
        if price < minimum:
            return Check(_PRICE_FILTER, False, price, minimum)
        if price > maximum and maximum:
            return Check(_PRICE_FILTER, False, price, maximum)
        if tick and price % tick:
            return Check(_PRICE_FILTER, False, price, tick, "off the tick")
    return _PRICES_FIT


def _check_lot(draft: Draft, instrument: Instrument, least: Decimal, stepped: bool) -> Check:
    rule, quantity = instrument.lot_size, draft.quantity
    maximum, step = rule.maximum, rule.step
    if quantity > maximum and maximum:
        return Check(_LOT_SIZE, False, quantity, maximum)
    if least < rule.minimum or not least:
        return Check(_LOT_SIZE, False, least, rule.minimum, "after commission")
    if stepped and step and quantity % step:
        return Check(_LOT_SIZE, False, quantity, step, "off the step")
    return Check(_LOT_SIZE, True, quantity, maximum)


def _check_market_lot(draft: Draft, instrument: Instrument, least: Decimal, stepped: bool) -> Check:
    """Exits are sold at market: what that filter does not admit the venue would shrink."""
    rule, quantity = instrument.market_lot_size, draft.quantity
    maximum = rule.maximum
    if quantity > maximum and maximum:
        return Check(_MARKET_LOT_SIZE, False, quantity, maximum)
    if least < rule.minimum:
        return Check(_MARKET_LOT_SIZE, False, least, rule.minimum, "after commission")
    if stepped and rule.step and quantity % rule.step:
        return Check(_MARKET_LOT_SIZE, False, quantity, rule.step, "off the step")
    return Check(_MARKET_LOT_SIZE, True, quantity, maximum)


def _check_percent(situation: Situation, draft: Draft, rule: PercentPrice) -> Check:
    """Bands around the average price; where nobody knows it, around the last trade."""
    code, price = _PERCENT_PRICE[rule.by_side], draft.limit_price
    average = situation.average
    if average is None:
        if situation.quote is None:
            return Check(code, True, None, None, "no average price")
        average = situation.quote.last
    if situation.order is None or not is_sale(situation):
        lowest, highest = average * rule.bid_down * _LOW, average * rule.bid_up * _HIGH
    else:
        lowest, highest = average * rule.ask_down * _LOW, average * rule.ask_up * _HIGH
    if not lowest <= price <= highest:
        return Check(code, False, price, lowest if price < lowest else highest)
    target = draft.take_profit if draft.target_type is _LIMIT_MAKER else None
    for exit_price in (draft.stop_limit_price, target):
        if exit_price is not None:
            bottom, top = average * rule.ask_down * _LOW, average * rule.ask_up * _HIGH
            if not bottom <= exit_price <= top:
                return Check(code, False, exit_price, bottom if exit_price < bottom else top)
    return Check(code, True, price, highest)


def _check_notional(
    draft: Draft, rule: Notional, notional: Decimal, net: Decimal | None, market: bool
) -> Check:
    """The entry, and (where there are exits: net quantity given) the sale at the lowest exit price."""
    code, minimum = _NOTIONAL[rule.filter_name], rule.minimum
    if notional > rule.maximum and rule.maximum and (rule.maximum_for_market or not market):
        return Check(code, False, notional, rule.maximum)
    if net is None:
        least = minimum if rule.minimum_for_market or not market else ZERO
        return Check(code, notional >= least, notional, least)
    worth = net * (draft.stop_limit_price or draft.stop_loss or draft.limit_price)
    least = minimum * NOTIONAL_MARGIN
    return Check(code, worth >= least and notional >= minimum, worth or ZERO, least)


def _check_position(
    situation: Situation, draft: Draft, instrument: Instrument, position_max: Decimal
) -> Check:
    """Balance of the asset and all open purchases of the symbol, this one included."""
    ledger = situation.ledger
    balance = ledger.state.portfolio.balances.get(instrument.base)
    total = draft.quantity + (balance.total if balance is not None else ZERO)
    for order in ledger.orders_in(draft.symbol):
        if order.side is _BUY:
            total += order.remaining
    return Check(_MAX_POSITION, total <= position_max, total, position_max)
