"""What is judged before an order reaches the engine: parameters, precision, filters, counts.

In Binance's order: illegal texts and parameter combinations (-1100 to -1116), precision (-1111), then filters
(-1013), then counts (-1015). Sources: Binance Spot REST "Trading endpoints", ``filters``, ``errors``.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.requests import OrderRequest
from fillwright.core.types import (
    CONTINGENT_TYPES,
    LIMIT_TYPES,
    ZERO,
    OrderType,
    SelfTradePrevention,
    Side,
    SymbolStatus,
    TimeInForce,
    is_client_order_id,
)
from fillwright.exchange.accounts import Account
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import NO_ID, ExchangeError
from fillwright.exchange.orders import Order
from fillwright.exchange.settings import ExchangeLimits
from fillwright.exchange.state import State
from fillwright.wire.errors import message

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_LIMIT_MAKER = OrderType.LIMIT_MAKER
_MARKET = OrderType.MARKET
_BUY = Side.BUY
_TRADING = SymbolStatus.TRADING
_GTC = TimeInForce.GTC

CLIENT_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"

_UNSUPPORTED = {
    OrderType.MARKET: "Market orders are not supported for this symbol.",
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
    OrderType.LIMIT: "Unsupported order combination.",
    OrderType.LIMIT_MAKER: "Unsupported order combination.",
}


class Role(msgspec.Struct, frozen=True, gc=False):
    """What an order is in its request: the prefix of its parameters, and what the list gives instead of them."""

    prefix: str = ""
    quantity_name: str = "quantity"
    quantity_is_received: bool = False
    """Whether the quantity is what the working order brings (OPO's pending legs)."""

    @property
    def is_of_pair(self) -> bool:
        """Whether the order is the above or the below leg of a pair."""
        return self.prefix.lower().endswith(("above", "below"))

    def name(self, parameter: str) -> str:
        """Spell a parameter as this order's request does."""
        if parameter == "quantity":
            return self.quantity_name
        if not self.prefix:
            return "newClientOrderId" if parameter == "clientOrderId" else parameter
        return self.prefix + parameter[0].upper() + parameter[1:]


ALONE = Role()


def check_open(market: SymbolMarket) -> None:
    """Refuse new orders on symbols that do not trade."""
    if market.status is not _TRADING:
        raise ExchangeError(-1013, "Market is closed.")
    if not market.instrument.spot_allowed:
        raise ExchangeError(-2010, "This symbol is not permitted for this account.")


def check_client_id(name: str, text: str | None) -> None:
    """Refuse an id outside of Binance's pattern (-1100)."""
    if text is not None and not is_client_order_id(text):
        raise illegal(name, CLIENT_ID_RANGE)


def illegal(name: str, legal: str) -> ExchangeError:
    """-1100 for a parameter."""
    return ExchangeError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def filter_failure(name: str, code: int = -1013) -> ExchangeError:
    """A violated filter."""
    return ExchangeError(code, f"Filter failure: {name}")


def check_parameters(state: State, request: OrderRequest, role: Role = ALONE) -> None:
    """Refuse what the order's type does not take, or lacks; what has passed once in this shape is known to pass."""
    if not is_client_order_id(request.client_order_id):
        raise illegal(role.name("clientOrderId"), CLIENT_ID_RANGE)
    if request.iceberg_quantity is not None:
        _check_parameters(request, role)
        return
    shape = (
        request.type,
        role.prefix,
        role.quantity_is_received,
        request.time_in_force is None,
        request.quantity is None,
        request.quote_order_quantity is None,
        request.price is None,
        request.stop_price is None,
        request.trailing_delta is None,
    )
    if shape not in state.shapes:
        _check_parameters(request, role)
        state.shapes[shape] = None


def _check_parameters(request: OrderRequest, role: Role) -> None:
    kind = request.type
    has_price = kind in LIMIT_TYPES
    takes_time_in_force = has_price and kind is not _LIMIT_MAKER
    _require(role, "timeInForce", request.time_in_force, takes_time_in_force)
    _require(role, "price", request.price, has_price)
    contingent = kind in CONTINGENT_TYPES
    if not contingent:
        _require(role, "stopPrice", request.stop_price, False)
        _require(role, "trailingDelta", request.trailing_delta, False)
    elif request.stop_price is None and request.trailing_delta is None:
        first, second = role.name("stopPrice"), role.name("trailingDelta")
        raise ExchangeError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")
    if role.quantity_is_received:
        _require(role, "quantity", request.quantity, False)
    elif kind is _MARKET and not role.prefix:
        if request.quantity is None and request.quote_order_quantity is None:
            raise ExchangeError(
                -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
            )
        if request.quantity is not None:
            _require(role, "quoteOrderQty", request.quote_order_quantity, False)
    else:
        _require(role, "quantity", request.quantity, True)
        _require(role, "quoteOrderQty", request.quote_order_quantity, False)
    if request.iceberg_quantity is not None and request.iceberg_quantity:
        if not has_price:
            raise ExchangeError(-1106, f"Parameter '{role.name('icebergQty')}' sent when not required.")
        if request.time_in_force not in (None, _GTC):
            if role.is_of_pair:
                raise ExchangeError(-1160, message(-1160, role.name("icebergQty")))
            raise ExchangeError(-1014, "Unsupported order combination.")


def _require(role: Role, name: str, value: object, wanted: bool) -> None:
    if wanted:
        if value is None:
            raise ExchangeError(
                -1102, f"Mandatory parameter '{role.name(name)}' was not sent, was empty/null, or malformed."
            )
    elif value is not None:
        raise ExchangeError(-1106, f"Parameter '{role.name(name)}' sent when not required.")


def check_numbers(request: OrderRequest, market: SymbolMarket, role: Role = ALONE) -> None:
    """Refuse numbers that are not plain (-1100), too precise (-1111) or zero."""
    base, quote = market.base_quantum, market.quote_quantum
    quantity, price, stop = request.quantity, request.price, request.stop_price
    if (
        (quantity is None or _is_plain(quantity, base))
        and (price is None or _is_plain(price, quote))
        and (stop is None or _is_plain(stop, quote))
        and request.quote_order_quantity is None
        and request.iceberg_quantity is None
        and request.trailing_delta is None
    ):
        return
    for name, number, quantum in (
        ("quantity", request.quantity, base),
        ("quoteOrderQty", request.quote_order_quantity, quote),
        ("icebergQty", request.iceberg_quantity, base),
        ("price", request.price, quote),
        ("stopPrice", request.stop_price, quote),
    ):
        if number is None:
            continue
        if not number.is_finite() or number < ZERO:
            raise illegal(role.name(name), DECIMAL_RANGE)
        if number % quantum:
            raise ExchangeError(-1111, f"Parameter '{role.name(name)}' has too much precision.")
    if request.price is not None and not request.price:
        raise ExchangeError(-1013, "Invalid price.")
    if request.quantity is not None and not request.quantity:
        raise ExchangeError(-1013, "Invalid quantity.")
    if request.trailing_delta is not None and request.trailing_delta <= 0:
        raise illegal(role.name("trailingDelta"), "^[0-9]{1,20}$")
    if request.stop_price is not None and not request.stop_price and request.trailing_delta is None:
        raise ExchangeError(-1013, "Invalid stopPrice.")


def _is_plain(number: Decimal, quantum: Decimal) -> bool:
    return number.is_finite() and number > ZERO and not number % quantum


def check_supported(request: OrderRequest, instrument: Instrument) -> None:
    """Refuse what the symbol does not offer."""
    if request.type not in instrument.order_types:
        raise ExchangeError(-1013, _UNSUPPORTED[request.type])
    if request.quote_order_quantity is not None and not instrument.quote_order_quantity_allowed:
        raise ExchangeError(-1013, "Quote order qty market orders are not support for this symbol.")
    if request.trailing_delta is not None and not instrument.trailing_allowed:
        raise ExchangeError(-1013, "Trailing stop orders are not supported for this symbol.")
    if request.iceberg_quantity and not instrument.iceberg_allowed:
        raise ExchangeError(-1013, "Iceberg orders are not supported for this symbol.")
    if (
        request.stp is not None
        and request.stp is not instrument.default_stp
        and request.stp not in instrument.allowed_stp
    ):
        raise ExchangeError(-1013, "This symbol does not allow the specified self-trade prevention mode.")


def check_filters(
    state: State, market: SymbolMarket, request: OrderRequest, quantity: Decimal | None
) -> None:
    """Refuse an order by its own prices and quantity; a quantity not known yet (OPO) is judged at its release."""
    instrument = market.instrument
    price, stop, kind = request.price, request.stop_price, request.type
    name: str | None = None
    if price is not None:
        name = instrument.price_violation(price)
    if name is None and stop:
        name = instrument.price_violation(stop)
    if name is None and price is not None and instrument.percent_price is not None:
        average = state.average(market, instrument.percent_price.average_minutes)
        name = instrument.percent_violation(request.side, price, average)
    if name is not None:
        raise filter_failure(name)
    if market.has_asset_limits:
        _check_assets(state, market, request, quantity)
    if quantity is not None:
        check_quantity(state, market, kind, quantity, price or stop)
        iceberg = request.iceberg_quantity
        if iceberg:
            check_iceberg(instrument, quantity, iceberg)
    elif request.quote_order_quantity is not None:
        name = instrument.notional_violation(request.quote_order_quantity, Decimal(1), True)
    if name is None and request.trailing_delta is not None:
        name = instrument.trailing_violation(kind, request.side, request.trailing_delta)
    if name is not None:
        raise filter_failure(name)


def _check_assets(
    state: State, market: SymbolMarket, request: OrderRequest, quantity: Decimal | None
) -> None:
    """MAX_ASSET: the quantity where the asset is the base, the notional where it is the quote."""
    base, quote = market.base_limit, market.quote_limit
    if base is not None and quantity is not None and quantity > base:
        raise filter_failure("MAX_ASSET")
    if quote is None:
        return
    notional = request.quote_order_quantity
    if notional is None and quantity is not None:
        price = request.price or request.stop_price or state.average(market, 0)
        notional = None if price is None else price * quantity
    if notional is not None and notional > quote:
        raise filter_failure("MAX_ASSET")


def check_quantity(
    state: State, market: SymbolMarket, kind: OrderType, quantity: Decimal, price: Decimal | None
) -> None:
    """LOT_SIZE, MARKET_LOT_SIZE and (MIN_)NOTIONAL; without a price of its own, at the average price."""
    instrument = market.instrument
    is_market = kind is _MARKET
    name = instrument.quantity_violation(quantity, is_market)
    rule = instrument.notional
    if (
        name is None
        and (rule is None or not rule.minimum)
        and price
        and price * quantity < market.quote_quantum
    ):
        raise ExchangeError(-1013, "Price * QTY is zero or less.")
    if name is None and rule is not None:
        value = price if price else state.average(market, rule.average_minutes)
        if value is not None:
            name = instrument.notional_violation(value, quantity, is_market)
    if name is not None:
        raise filter_failure(name)


def check_iceberg(instrument: Instrument, quantity: Decimal, iceberg: Decimal) -> None:
    """An iceberg's displayed part: less than the whole, by LOT_SIZE, not in too many parts."""
    if iceberg >= quantity:
        raise ExchangeError(-1013, "IcebergQty exceeds QTY.")
    if instrument.quantity_violation(iceberg, False) is not None:
        raise filter_failure("LOT_SIZE")
    parts = -(-quantity // iceberg)
    if instrument.iceberg_parts_max is not None and parts > instrument.iceberg_parts_max:
        raise filter_failure("ICEBERG_PARTS")


def check_counts(
    state: State, account: Account, market: SymbolMarket, requests: tuple[OrderRequest, ...], *, in_list: bool
) -> None:
    """MAX_NUM_* of the symbol and EXCHANGE_MAX_NUM_* of the exchange, MAX_POSITION of buys.

    Lists are not counted where orders are few enough: an open list has an open order.
    """
    instrument = market.instrument
    if instrument.position_max is not None:
        _check_position(account, instrument, requests)
    mine = account.open_of(instrument.symbol)
    if len(mine) + len(requests) > market.least_count:
        _check_limits("MAX_NUM", mine, requests, in_list, market.own_limits)
    if len(account.open) + len(requests) > market.least_shared_count:
        _check_limits("EXCHANGE_MAX_NUM", account.open.values(), requests, in_list, market.limits)


def _check_limits(
    prefix: str,
    mine: Collection[Order],
    requests: tuple[OrderRequest, ...],
    in_list: bool,
    limits: ExchangeLimits,
) -> None:
    """Count open orders, those that work on a trigger, icebergs and lists, with those to come."""
    algos = sum([order.type in CONTINGENT_TYPES for order in mine])
    icebergs = sum([bool(order.iceberg_quantity) for order in mine])
    lists = len({order.order_list_id for order in mine if order.order_list_id != NO_ID})
    for name, count, more, limit in (
        ("ORDERS", len(mine), len(requests), limits.orders_max),
        ("ALGO_ORDERS", algos, sum(one.type in CONTINGENT_TYPES for one in requests), limits.algo_orders_max),
        (
            "ICEBERG_ORDERS",
            icebergs,
            sum(bool(one.iceberg_quantity) for one in requests),
            limits.iceberg_orders_max,
        ),
        ("ORDER_LISTS", lists, int(in_list), limits.order_lists_max),
    ):
        if limit is not None and more and count + more > limit:
            raise filter_failure(f"{prefix}_{name}")


def _check_position(account: Account, instrument: Instrument, requests: tuple[OrderRequest, ...]) -> None:
    buying = [one.quantity for one in requests if one.side is _BUY and one.quantity is not None]
    if not buying or instrument.position_max is None:
        return
    balance = account.balance(instrument.base)
    resting = sum(
        (order.remaining for order in account.open_of(instrument.symbol) if order.side is _BUY),
        ZERO,
    )
    # Either leg of a pair may fill, never both; Binance's text sums open orders, so both are counted.
    if balance.free + balance.locked + resting + sum(buying, ZERO) > instrument.position_max:
        raise filter_failure("MAX_POSITION", -2010)


# -- the engine's own refusals -----------------------------------------------------------------------------------


def check_duplicate(state: State, account: Account, request: OrderRequest) -> None:
    """Refuse an id that an open order of the account has."""
    known = account.by_client_id.get((request.symbol, request.client_order_id))
    if known is not None and state.orders[known].is_open:
        raise ExchangeError(-2010, "Duplicate order sent.")


def would_trigger(market: SymbolMarket, order: Order, rising: bool) -> bool:
    """Whether a contingent order's stop price is met already."""
    if not order.stop_price:
        return False
    price = market.trigger_price(order.side)
    if price is None:
        return False
    return price >= order.stop_price if rising else price <= order.stop_price


def would_match(market: SymbolMarket, order: Order) -> bool:
    """Whether a LIMIT_MAKER would take: from the outside market, or from another order here."""
    if order.side is _BUY:
        outside, resting = market.best_ask(), market.asks.best
        best = [price for price in (outside, resting.price if resting else None) if price is not None]
        return bool(best) and order.price >= min(best)
    outside, resting = market.best_bid(), market.bids.best
    best = [price for price in (outside, resting.price if resting else None) if price is not None]
    return bool(best) and order.price <= max(best)


def default_stp(request: OrderRequest, instrument: Instrument) -> SelfTradePrevention:
    """The mode an order gets: its own, else the symbol's."""
    return request.stp if request.stp is not None else instrument.default_stp
