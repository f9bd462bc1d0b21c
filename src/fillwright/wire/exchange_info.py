"""exchangeInfo of any year since 2020, read into instruments.

What a body does not say was not there at its time: order lists, trailing stops, amends and self-trade prevention
are off when their fields are missing. Unknown fields are ignored, unknown filters are named and kept apart.
Source: Binance Spot "Exchange information" and "Filters".
"""

from __future__ import annotations

import difflib
import importlib.resources
import zlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zstandard

from fillwright.core.instruments import (
    Instrument,
    LotSize,
    Notional,
    PercentPrice,
    PriceFilter,
    TrailingDelta,
)
from fillwright.core.types import (
    MILLISECOND,
    ZERO,
    OrderType,
    SelfTradePrevention,
    Symbol,
    SymbolStatus,
    Time,
    exact,
)

BODY_BYTES_MAX = 256 << 20
"""A full body of 2026 has about 20 MB."""
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PIECE_BYTES = 1 << 16
_DEFAULT = "default_exchange_info.json"


class ExchangeInfoError(ValueError):
    """A body is not exchangeInfo, or a value in it is not what Binance documents."""


class UnknownSymbolError(ExchangeInfoError):
    """A symbol is not in the exchange info; the message names similar ones."""


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """One of the limits that the exchange counts."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class ExchangeFilters(msgspec.Struct, frozen=True):
    """Counts over all symbols; None is unbounded."""

    orders_max: int | None = None
    algo_orders_max: int | None = None
    iceberg_orders_max: int | None = None
    order_lists_max: int | None = None


class ExchangeInfo(msgspec.Struct, frozen=True):
    """The instruments of a venue at a time."""

    server_time: Time
    instruments: dict[Symbol, Instrument]
    rate_limits: tuple[RateLimit, ...] = ()
    exchange_filters: ExchangeFilters = ExchangeFilters()
    unknown_filters: tuple[str, ...] = ()
    """``SYMBOL:FILTER_TYPE`` of filters that this version does not know."""

    def instrument(self, symbol: Symbol) -> Instrument:
        """The instrument of a symbol, in Binance's spelling; UnknownSymbolError otherwise."""
        found = self.instruments.get(symbol)
        if found is None:
            raise UnknownSymbolError(_unknown(symbol, self.instruments))
        return found


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    base_asset_precision: int = 8
    quote_precision: int = 8
    quote_asset_precision: int | None = None
    base_commission_precision: int = 8
    quote_commission_precision: int = 8
    order_types: list[str] = []
    iceberg_allowed: bool = False
    oco_allowed: bool = False
    oto_allowed: bool = False
    opo_allowed: bool = False
    quote_order_qty_market_allowed: bool = False
    allow_trailing_stop: bool = False
    cancel_replace_allowed: bool = False
    amend_allowed: bool = False
    allow_amend: bool = False
    """An older spelling of amendAllowed."""
    is_spot_trading_allowed: bool = True
    default_self_trade_prevention_mode: str = "NONE"
    allowed_self_trade_prevention_modes: list[str] = []
    filters: list[dict[str, Any]] = []


class _Body(msgspec.Struct, rename="camel"):
    symbols: list[_Symbol]
    server_time: int = 0
    rate_limits: list[dict[str, Any]] = []
    exchange_filters: list[dict[str, Any]] = []


class _WebSocketReply(msgspec.Struct):
    result: _Body


_DECODER = msgspec.json.Decoder(_Body, float_hook=Decimal)
_REPLY_DECODER = msgspec.json.Decoder(_WebSocketReply, float_hook=Decimal)


def parse_exchange_info(body: bytes) -> ExchangeInfo:
    """Read a body (plain, gzip or zstd; also a WebSocket API reply); ExchangeInfoError when it is none."""
    text = decompressed(body)
    try:
        decoded = _decoded(text)
    except msgspec.DecodeError as error:
        raise ExchangeInfoError(f"not an exchangeInfo body: {error}") from error
    instruments: dict[Symbol, Instrument] = {}
    unknown: list[str] = []
    for symbol in decoded.symbols:
        if symbol.symbol in instruments:
            raise ExchangeInfoError(f"{symbol.symbol} is listed twice")
        instruments[symbol.symbol] = _instrument(symbol, unknown)
    try:
        limits = msgspec.convert([limit for limit in decoded.rate_limits if limit], tuple[RateLimit, ...])
    except msgspec.ValidationError as error:
        raise ExchangeInfoError(f"rate limits: {error}") from error
    return ExchangeInfo(
        server_time=decoded.server_time * MILLISECOND,
        instruments=instruments,
        rate_limits=limits,
        exchange_filters=_exchange_filters(decoded.exchange_filters, unknown),
        unknown_filters=tuple(unknown),
    )


def load_exchange_info(path: Path) -> ExchangeInfo:
    """Read a file (.json, .json.gz, .json.zst); ExchangeInfoError names the file when it cannot be read."""
    try:
        if path.stat().st_size > BODY_BYTES_MAX:
            raise ExchangeInfoError(f"{path}: larger than {BODY_BYTES_MAX} bytes")
        return parse_exchange_info(path.read_bytes())
    except OSError as error:
        raise ExchangeInfoError(f"{path}: {error.strerror or error}") from error
    except ExchangeInfoError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ExchangeInfoError(f"{path}: {error}") from error


def default_exchange_info() -> ExchangeInfo:
    """The built-in exchange info: ten common symbols with the filters of autumn 2026."""
    return parse_exchange_info(importlib.resources.files("fillwright.wire").joinpath(_DEFAULT).read_bytes())


def find_instrument(instruments: Mapping[Symbol, Instrument], symbol: Symbol) -> Instrument:
    """Look a symbol up in a mapping of instruments; UnknownSymbolError names similar ones."""
    found = instruments.get(symbol)
    if found is None:
        raise UnknownSymbolError(_unknown(symbol, instruments))
    return found


def _unknown(symbol: Symbol, known: Mapping[Symbol, Instrument]) -> str:
    similar = difflib.get_close_matches(symbol.upper(), known, n=3)
    hint = f"; did you mean {', '.join(similar)}?" if similar else f" ({len(known)} symbols known)"
    return f"symbol {symbol!r:.40} is not in the exchange info{hint}"


def _decoded(text: bytes) -> _Body:
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError:
        try:
            return _REPLY_DECODER.decode(text).result
        except msgspec.ValidationError:
            return _DECODER.decode(text)  # its message is the one that helps


def decompressed(body: bytes) -> bytes:
    """The body without its compression, never more than BODY_BYTES_MAX of it."""
    if body.startswith(_GZIP_MAGIC):
        inflate: Any = zlib.decompressobj(wbits=31)
    elif body.startswith(_ZSTD_MAGIC):
        inflate = zstandard.ZstdDecompressor().decompressobj()
    else:
        return body
    pieces, size = [], 0
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            pieces.append(inflate.decompress(body[start : start + _PIECE_BYTES]))
            size += len(pieces[-1])
            if size > BODY_BYTES_MAX:
                raise ExchangeInfoError(f"larger than {BODY_BYTES_MAX} bytes")
            if inflate.eof:
                return b"".join(pieces)
    except (zlib.error, zstandard.ZstdError) as error:
        raise ExchangeInfoError(f"cannot decompress: {error}") from error
    raise ExchangeInfoError("the compressed data is truncated")


def _instrument(symbol: _Symbol, unknown: list[str]) -> Instrument:
    rules: dict[str, Any] = {}
    for fields in symbol.filters:
        kind = str(fields.get("filterType", "without filterType"))
        try:
            rule = _rule(kind, fields)
        except (KeyError, TypeError, ValueError) as error:
            raise ExchangeInfoError(f"{symbol.symbol}: filter {kind}: {_why(error)}") from error
        if rule is None:
            unknown.append(f"{symbol.symbol}:{kind}")
        else:
            rules.update(rule)
    allowed = tuple(
        mode
        for text in symbol.allowed_self_trade_prevention_modes
        if (mode := _member(SelfTradePrevention, text)) is not None
    )
    default = _member(SelfTradePrevention, symbol.default_self_trade_prevention_mode)
    types = (_member(OrderType, text) for text in symbol.order_types)
    return Instrument(
        symbol=symbol.symbol,
        base=symbol.base_asset,
        quote=symbol.quote_asset,
        status=_member(SymbolStatus, symbol.status) or SymbolStatus.HALT,
        base_precision=symbol.base_asset_precision,
        quote_precision=symbol.quote_asset_precision or symbol.quote_precision,
        base_commission_precision=symbol.base_commission_precision,
        quote_commission_precision=symbol.quote_commission_precision,
        order_types=tuple(order_type for order_type in types if order_type is not None),
        iceberg_allowed=symbol.iceberg_allowed,
        oco_allowed=symbol.oco_allowed,
        oto_allowed=symbol.oto_allowed,
        opo_allowed=symbol.opo_allowed,
        quote_order_quantity_allowed=symbol.quote_order_qty_market_allowed,
        trailing_allowed=symbol.allow_trailing_stop,
        cancel_replace_allowed=symbol.cancel_replace_allowed,
        amend_allowed=symbol.amend_allowed or symbol.allow_amend,
        spot_allowed=symbol.is_spot_trading_allowed,
        default_stp=default or SelfTradePrevention.NONE,
        allowed_stp=allowed or (SelfTradePrevention.NONE,),
        **rules,
    )


def _rule(kind: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The instrument's field that a filter fills; None for a filter we do not know."""
    match kind:
        case "PRICE_FILTER":
            price = PriceFilter(*(_number(fields, name) for name in ("minPrice", "maxPrice", "tickSize")))
            return {"price_filter": price}
        case "LOT_SIZE" | "MARKET_LOT_SIZE":
            lot = LotSize(*(_number(fields, name) for name in ("minQty", "maxQty", "stepSize")))
            return {kind.lower(): lot}
        case "PERCENT_PRICE":
            up, down = _number(fields, "multiplierUp"), _number(fields, "multiplierDown")
            return {
                "percent_price": PercentPrice(False, up, down, up, down, _count(fields, "avgPriceMins", 5))
            }
        case "PERCENT_PRICE_BY_SIDE":
            names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
            bid_up, bid_down, ask_up, ask_down = (_number(fields, name) for name in names)
            minutes = _count(fields, "avgPriceMins", 5)
            return {"percent_price": PercentPrice(True, bid_up, bid_down, ask_up, ask_down, minutes)}
        case "MIN_NOTIONAL" | "NOTIONAL":
            return {"notional": _notional(kind, fields)}
        case "TRAILING_DELTA":
            bounds = [
                _count(fields, f"{bound}Trailing{way}Delta")
                for way in ("Above", "Below")
                for bound in ("min", "max")
            ]
            return {"trailing_delta": TrailingDelta(*bounds)}
        case "MAX_POSITION":
            return {"position_max": _number(fields, "maxPosition")}
    if kind in _COUNTS:
        field, name = _COUNTS[kind]
        return {field: _count(fields, name if name in fields else "limit")}
    return None


_COUNTS = {
    "ICEBERG_PARTS": ("iceberg_parts_max", "limit"),
    "MAX_NUM_ORDERS": ("orders_max", "maxNumOrders"),
    "MAX_NUM_ALGO_ORDERS": ("algo_orders_max", "maxNumAlgoOrders"),
    "MAX_NUM_ICEBERG_ORDERS": ("iceberg_orders_max", "maxNumIcebergOrders"),
    "MAX_NUM_ORDER_LISTS": ("order_lists_max", "maxNumOrderLists"),
    "MAX_NUM_ORDER_AMENDS": ("amends_max", "maxNumOrderAmends"),
}


def _exchange_filters(filters: list[dict[str, Any]], unknown: list[str]) -> ExchangeFilters:
    counts: dict[str, int] = {}
    for fields in filters:
        kind = str(fields.get("filterType", ""))
        field, name = _COUNTS.get(kind.removeprefix("EXCHANGE_"), ("", ""))
        if field not in ExchangeFilters.__struct_fields__:
            unknown.append(f"*:{kind}")
            continue
        try:
            counts[field] = _count(fields, name if name in fields else "limit")
        except (KeyError, TypeError, ValueError) as error:
            raise ExchangeInfoError(f"exchange filter {kind}: {_why(error)}") from error
    return ExchangeFilters(**counts)


def _notional(kind: str, fields: dict[str, Any]) -> Notional:
    minutes = _count(fields, "avgPriceMins", 5)
    minimum = _number(fields, "minNotional")
    if kind == "MIN_NOTIONAL":
        return Notional(kind, minimum, _flag(fields, "applyToMarket"), average_minutes=minutes)
    return Notional(
        kind,
        minimum,
        _flag(fields, "applyMinToMarket"),
        _number(fields, "maxNotional") if "maxNotional" in fields else ZERO,
        _flag(fields, "applyMaxToMarket", False),
        minutes,
    )


def _number(fields: dict[str, Any], name: str) -> Decimal:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError(f"{name} is not a number")
    number = exact(value) if isinstance(value, str) else Decimal(value)
    if not number.is_finite() or number < ZERO:
        raise ValueError(f"{name} is {value}")
    return number


def _count(fields: dict[str, Any], name: str, default: int | None = None) -> int:
    value = fields.get(name, default) if default is not None else fields[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} is not a count")
    return value


def _flag(fields: dict[str, Any], name: str, default: bool = True) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise TypeError(f"{name} is not true or false")
    return value


def _why(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


_Enum = TypeVar("_Enum", OrderType, SelfTradePrevention, SymbolStatus)


def _member(kind: type[_Enum], text: str) -> _Enum | None:
    """The enum's member of a text; None for a word that Binance has added since."""
    try:
        return kind(text)
    except ValueError:
        return None
