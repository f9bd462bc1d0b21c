"""ccxt's structures in the core's words, and the core's requests in ccxt's: markets, orders, trades, balances.

A venue's ids may be any text, the core's are whole numbers: digits stay what they are, everything else becomes a number
by a hash that is always the same. ccxt manual: "Order Structure", "Trade Structure", "Market Structure".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from fillwright.core.inputs import FillReport, OrderReport
from fillwright.core.instruments import Instrument, LotSize, Notional, PriceFilter
from fillwright.core.requests import OrderRequest
from fillwright.core.types import (
    LIMIT_TYPES,
    MILLISECOND,
    STOP_TYPES,
    TAKE_PROFIT_TYPES,
    ZERO,
    Asset,
    OrderType,
    Side,
    Symbol,
    SymbolStatus,
    Time,
    TimeInForce,
    VenueOrderStatus,
    plain,
)
from fillwright.wire.codec import WireError
from fillwright.wire.exchange_info import ExchangeInfoError, parse_exchange_info

Structure = Mapping[str, Any]
"""What ccxt calls a structure: a dict with the same names for every exchange."""
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4
"""ccxt's ways to tell precision."""
_NUMBER_DIGITS_MAX = 18
_V = VenueOrderStatus
_STATUSES = {"open": _V.NEW, "closed": _V.FILLED, "canceled": _V.CANCELED, "canceling": _V.PENDING_CANCEL}
_STATUSES |= {"expired": _V.EXPIRED, "rejected": _V.REJECTED}
_UNIFIED = {_V.NEW: "open", _V.PENDING_NEW: "open", _V.PARTIALLY_FILLED: "open", _V.FILLED: "closed"}
_UNIFIED |= {_V.CANCELED: "canceled", _V.PENDING_CANCEL: "canceling", _V.REJECTED: "rejected"}
_UNIFIED |= {_V.EXPIRED: "expired", _V.EXPIRED_IN_MATCH: "expired"}


class NotOffered(Exception):
    """ccxt has no unified way to ask for this."""


# -- values --------------------------------------------------------------------------------------------------------


def number(value: object) -> Decimal | None:
    """Read a number of ccxt's, None where it tells none; WireError for anything else."""
    if value is None:
        return None
    try:
        found = Decimal(str(value))
    except DecimalException as error:
        raise WireError(f"{value!r:.40} is no number") from error
    if not found.is_finite():
        raise WireError(f"{value!r:.40} is no number")
    return found


def whole_id(text: object) -> int:
    """A venue's id as a whole number above 0, always the same for the same text."""
    name = str(text)
    if name.isascii() and name.isdigit() and len(name) <= _NUMBER_DIGITS_MAX and name[0] != "0":
        return int(name)
    return (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1) + 1


def symbol_of(market: Structure) -> Symbol:
    """Base and quote in one word, as sources of prices spell it."""
    return f"{market['base']}{market['quote']}"


_Word = TypeVar("_Word", bound=StrEnum)


def _word(kind: type[_Word], text: object) -> _Word | None:
    try:
        return kind(str(text).upper())
    except ValueError:
        return None


# -- orders --------------------------------------------------------------------------------------------------------


def fill_of(trade: Structure, fallback: Time) -> FillReport:
    """One execution. Commissions in several assets are told by the first."""
    price, quantity = number(trade["price"]), number(trade["amount"])
    if price is None or quantity is None:
        raise WireError(f"trade {trade.get('id')}: without price or amount")
    fees = trade.get("fees") or [trade.get("fee") or {}]
    asset = str(fees[0].get("currency") or "")
    same = [number(fee.get("cost")) or ZERO for fee in fees if (fee.get("currency") or "") == asset]
    stamp = trade.get("timestamp")
    own = trade.get("id") or f"{trade.get('order')} {stamp} {price} {quantity}"
    is_maker = trade.get("takerOrMaker") == "maker"
    time = int(stamp) * MILLISECOND if stamp else fallback
    return FillReport(whole_id(own), price, quantity, sum(same, ZERO), asset, is_maker, time)


def report_of(
    order: Structure, symbol: Symbol, fills: tuple[FillReport, ...], now: Time, source: str, name: str = ""
) -> OrderReport:
    """An order; ``name`` is the id that it was asked about by. WireError when ccxt does not tell enough of it."""
    what = f"order {order.get('id')} of {symbol}"
    filled, cost = number(order.get("filled")) or ZERO, number(order.get("cost"))
    filled = max(filled, sum((fill.quantity for fill in fills), ZERO))
    if cost is None:
        cost = (number(order.get("average")) or ZERO) * filled
    side, status = _word(Side, order.get("side")), _status(order, filled)
    if side is None or status is None:
        raise WireError(f"{what}: side {order.get('side')!r:.20}, status {order.get('status')!r:.20}")
    kind = _type(order)
    return OrderReport(
        symbol=symbol,
        client_order_id=name or _own_name(order),
        order_id=whole_id(order["id"]),
        status=status,
        side=side,
        type=kind,
        time=_time(order) or now,
        order_list_id=_list_id(order),
        time_in_force=_word(TimeInForce, order.get("timeInForce")),
        quantity=number(order.get("amount")) or None,
        price=(number(order.get("price")) or None) if kind in LIMIT_TYPES else None,
        stop_price=_trigger(order),
        executed_quantity=filled,
        executed_quote=cost,
        fills=fills,
        source=source,
    )


def _own_name(order: Structure) -> str:
    """The order's own id of ours: a cancel's answer at Binance carries the cancel's beside it."""
    info = order.get("info") or {}
    own = info.get("origClientOrderId") if isinstance(info, Mapping) else None
    return str(own or order.get("clientOrderId") or order["id"])


def _status(order: Structure, filled: Decimal) -> VenueOrderStatus | None:
    """The venue's own word where it is one of ours and means the same as ccxt's."""
    unified, info = order.get("status"), order.get("info") or {}
    raw = _word(VenueOrderStatus, info.get("status") or info.get("X")) if isinstance(info, Mapping) else None
    if raw is not None and _UNIFIED[raw] == unified:
        return _V.PARTIALLY_FILLED if raw is _V.NEW and filled else raw
    if unified is None:
        unified = "closed" if filled and filled == number(order.get("amount")) else "open"
    found = _STATUSES.get(str(unified))
    return _V.PARTIALLY_FILLED if found is _V.NEW and filled else found


def _type(order: Structure) -> OrderType:
    info = order.get("info") or {}
    raw = _word(OrderType, info.get("type") or info.get("o")) if isinstance(info, Mapping) else None
    if raw is not None:
        return raw
    is_market, waits = order.get("type") == "market", _trigger(order) is not None
    if not waits:
        limit = OrderType.LIMIT_MAKER if order.get("postOnly") else OrderType.LIMIT
        return OrderType.MARKET if is_market else limit
    if number(order.get("takeProfitPrice")):
        return OrderType.TAKE_PROFIT if is_market else OrderType.TAKE_PROFIT_LIMIT
    return OrderType.STOP_LOSS if is_market else OrderType.STOP_LOSS_LIMIT


def _trigger(order: Structure) -> Decimal | None:
    names = ("stopLossPrice", "takeProfitPrice", "triggerPrice")
    return next((found for name in names if (found := number(order.get(name)))), None)


def _time(order: Structure) -> Time:
    stamps = [order.get(name) for name in ("lastUpdateTimestamp", "lastTradeTimestamp", "timestamp")]
    return max([int(stamp) for stamp in stamps if stamp and int(stamp) > 0], default=0) * MILLISECOND


def _list_id(order: Structure) -> int:
    info = order.get("info") or {}
    raw = info.get("orderListId", info.get("g")) if isinstance(info, Mapping) else None
    return raw if isinstance(raw, int) else -1


class Placing(msgspec.Struct, frozen=True):
    """The arguments of ccxt's ``create_order`` after the symbol."""

    type: str
    side: str
    amount: str | None
    price: str | None
    params: dict[str, Any]

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In ccxt's order."""
        return self.type, self.side, self.amount, self.price, self.params


def placing(request: OrderRequest, *, is_binance: bool, has_stop_prices: bool = True) -> Placing:
    """An order in ccxt's words; NotOffered for what these have no word for.

    ``has_stop_prices``: whether the exchange takes ``stopLossPrice``, else ``triggerPrice``.
    """
    if request.trailing_delta is not None or request.iceberg_quantity is not None:
        raise NotOffered("ccxt has no unified trailing or iceberg orders")
    kind = request.type
    params: dict[str, Any] = {"clientOrderId": request.client_order_id}
    if kind is OrderType.LIMIT_MAKER:
        params["postOnly"] = True
    elif request.time_in_force is not None:
        params["timeInForce"] = request.time_in_force.value
    if request.stop_price is not None:
        word = "stopLossPrice" if kind in STOP_TYPES else "takeProfitPrice"
        params[word if has_stop_prices else "triggerPrice"] = plain(request.stop_price)
    if request.quote_order_quantity is not None:
        params["cost"] = plain(request.quote_order_quantity)
    if request.stp is not None and is_binance:
        params["selfTradePreventionMode"] = request.stp.value
    return Placing(
        type="limit" if kind in LIMIT_TYPES else "market",
        side=request.side.value.lower(),
        amount=None if request.quantity is None else plain(request.quantity),
        price=None if request.price is None else plain(request.price),
        params=params,
    )


# -- accounts and markets ------------------------------------------------------------------------------------------


def balances_of(structure: Structure) -> tuple[tuple[Asset, Decimal, Decimal], ...]:
    """What an account holds; an asset of which only a part is told is left out."""
    free, used = structure.get("free") or {}, structure.get("used") or {}
    lines = [(str(asset), number(free[asset]), number(used.get(asset))) for asset in free]
    return tuple([(asset, a, b) for asset, a, b in lines if a is not None and b is not None])


def instrument_of(market: Structure, precision_mode: int, order_types: Iterable[OrderType]) -> Instrument:
    """A market, without what ccxt has no word for; by Binance's own description where there is one.

    Lists, trailing stops, replacements and amendments are off. WireError for a market that cannot be understood.
    """
    info = market.get("info")
    if isinstance(info, Mapping) and "filters" in info and "baseAsset" in info:
        found = _of_binance(info)
    else:
        found = _of_structure(market, precision_mode, tuple(order_types))
    return msgspec.structs.replace(
        found,
        symbol=symbol_of(market),
        oco_allowed=False,
        oto_allowed=False,
        opo_allowed=False,
        trailing_allowed=False,
        cancel_replace_allowed=False,
        amend_allowed=False,
        iceberg_allowed=False,
    )


def _of_binance(info: Structure) -> Instrument:
    try:
        (found,) = parse_exchange_info(msgspec.json.encode({"symbols": [info]})).instruments.values()
    except ExchangeInfoError as error:
        raise WireError(str(error)) from error
    return found


def _of_structure(market: Structure, mode: int, order_types: tuple[OrderType, ...]) -> Instrument:
    limits, precision = market.get("limits") or {}, market.get("precision") or {}

    def bounds(name: str) -> tuple[Decimal, Decimal]:
        limit = limits.get(name) or {}
        return number(limit.get("min")) or ZERO, number(limit.get("max")) or ZERO

    (price_min, price_max), (lot_min, lot_max) = bounds("price"), bounds("amount")
    cost_min, cost_max = bounds("cost")
    return Instrument(
        symbol=symbol_of(market),
        base=str(market["base"]),
        quote=str(market["quote"]),
        status=SymbolStatus.HALT if market.get("active") is False else SymbolStatus.TRADING,
        order_types=order_types,
        allowed_stp=(),
        price_filter=PriceFilter(price_min, price_max, _step(precision.get("price"), mode)),
        lot_size=LotSize(lot_min, lot_max, _step(precision.get("amount"), mode)),
        notional=Notional(minimum=cost_min, maximum=cost_max) if cost_min or cost_max else None,
    )


def _step(value: object, mode: int) -> Decimal:
    """The step that a precision means; an exchange that counts significant digits has none."""
    found = number(value)
    if found is None or mode == SIGNIFICANT_DIGITS:
        raise WireError("the exchange does not tell steps of prices and amounts")
    return found if mode == TICK_SIZE else Decimal(1).scaleb(-int(found))


def order_types_of(features: Structure, has: Structure) -> tuple[OrderType, ...]:
    """The types that an exchange takes, as ccxt's features of ``createOrder`` on Spot tell."""
    stops = features.get("stopLossPrice") or features.get("triggerPrice")
    found = [OrderType.LIMIT]
    if has.get("createMarketOrder") is not False:
        found.append(OrderType.MARKET)
    if has.get("createPostOnlyOrder"):
        found.append(OrderType.LIMIT_MAKER)
    found += sorted(STOP_TYPES) if stops else []
    found += sorted(TAKE_PROFIT_TYPES) if features.get("takeProfitPrice") else []
    return tuple(found)
