"""What everybody may ask: the server itself, its symbols, books, trades and candles.

Sources: Binance Spot REST "General endpoints" and "Market Data endpoints"; the WebSocket API's requests of the same
names. Tickers are in ``ticker_operations``.
"""

from __future__ import annotations

import re
from typing import Any

from fillwright.core.types import HOUR, MINUTE, Symbol, SymbolStatus, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server import market_payloads as payloads
from fillwright.exchange.server.exchange_info import DEFAULT_PERMISSIONS
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.public_market import PublicMarket
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.values import invalid
from fillwright.market.intervals import Interval
from fillwright.wire.errors import message

ROWS_DEFAULT = 500
ROWS_MAX = 1000
DEPTH_DEFAULT = 100
DEPTH_MAX = 5000
LIST_WEIGHT = 40
"""Weight of execution rules of many symbols."""
_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?", re.ASCII)
_EAST_MAX, _WEST_MAX = 14 * HOUR, 12 * HOUR

SYMBOL = Parameter("symbol", Kind.SYMBOL, required=True)
ANY_SYMBOL = Parameter("symbol", Kind.SYMBOL)
SYMBOL_STATUS = Parameter("symbolStatus", Kind.STRING, values=("TRADING", "HALT", "BREAK"), error=-1122)
TIME_ZONE = Parameter("timeZone", Kind.STRING)
LIMIT = Parameter("limit", Kind.INTEGER, minimum=1, maximum=ROWS_MAX, is_clamped=True)


def market_of(call: Call, symbol: Symbol) -> PublicMarket:
    """A symbol's market; -1121."""
    market = call.box.markets.get(symbol)
    if market is None:
        raise ExchangeError(-1121, message(-1121))
    return market


def check_status(call: Call, symbol: Symbol) -> None:
    """-1220 when the symbol's status is not the one that was asked for."""
    wanted = call.parameters.get("symbolStatus")
    if wanted is not None and call.box.exchange.status(symbol).value != wanted:
        raise ExchangeError(-1220, message(-1220, "symbolStatus"))


def offset_of(call: Call) -> Time:
    """``timeZone`` as microseconds east of UTC; -1130 for one that there is not."""
    text = call.parameters.get("timeZone", "0")
    match = _ZONE.fullmatch(text)
    if match is None:
        raise invalid("timeZone")
    sign, hours, minutes = match.groups(default="0")
    offset = int(hours) * HOUR + int(minutes) * MINUTE
    offset = -offset if sign == "-" else offset
    if int(minutes) > 59 or not -_WEST_MAX <= offset <= _EAST_MAX:
        raise invalid("timeZone")
    return offset


# -- general -----------------------------------------------------------------------------------------------------


def _ping(_call: Call) -> Any:
    return {}


def _time(call: Call) -> Any:
    return {"serverTime": call.time(call.box.clock.served(call.now))}


def _exchange_info(call: Call) -> Any:
    sent, box = call.parameters, call.box
    named = [name for name in ("symbol", "symbols", "permissions") if name in sent]
    if len(named) > 1 or ("symbolStatus" in sent and named and named[0] != "permissions"):
        raise ExchangeError(-1128, message(-1128))
    if "symbol" in sent:
        symbols: tuple[Symbol, ...] = (sent["symbol"],)
    elif "symbols" in sent:
        symbols = tuple(sent["symbols"])
    else:
        symbols = box.info.with_permissions(sent.get("permissions", DEFAULT_PERMISSIONS))
        if "symbolStatus" in sent:
            wanted = SymbolStatus(sent["symbolStatus"])
            symbols = tuple(symbol for symbol in symbols if box.exchange.status(symbol) is wanted)
    return {
        "timezone": box.info.timezone,
        "serverTime": call.time(box.clock.served(call.now)),
        "rateLimits": box.limits.shown(websocket=call.session is not None),
        "exchangeFilters": box.info.exchange_filters,
        "symbols": box.info.shown(symbols, with_permission_sets=sent.get("showPermissionSets", True)),
    }


def _execution_rules(call: Call) -> Any:
    sent, exchange = call.parameters, call.box.exchange
    if len(sent) > 1:
        raise ExchangeError(-1128, message(-1128))
    if "symbol" in sent:
        symbols: tuple[Symbol, ...] = (sent["symbol"],)
    else:
        symbols = tuple(sent.get("symbols", call.box.info.symbols))
    if "symbolStatus" in sent:
        symbols = tuple(one for one in symbols if exchange.status(one).value == sent["symbolStatus"])
    return {"symbolRules": [{"symbol": one, "rules": _rules(call, one)} for one in symbols]}


def _rules(call: Call, symbol: Symbol) -> list[dict[str, str]]:
    rule = call.box.exchange.price_range(symbol)
    if rule is None:
        return []
    return [
        {
            "ruleType": "PRICE_RANGE",
            "bidLimitMultUp": f"{rule.bid_up:f}",
            "bidLimitMultDown": f"{rule.bid_down:f}",
            "askLimitMultUp": f"{rule.ask_up:f}",
            "askLimitMultDown": f"{rule.ask_down:f}",
        }
    ]


def _execution_rules_weight(call: Call) -> int:
    sent = call.parameters
    if "symbol" in sent:
        return 2
    return min(LIST_WEIGHT, 2 * len(sent["symbols"])) if "symbols" in sent else LIST_WEIGHT


GENERAL: tuple[Operation, ...] = (
    Operation("ping", "GET", "/api/v3/ping", Security.NONE, (), _ping),
    Operation("time", "GET", "/api/v3/time", Security.NONE, (), _time),
    Operation(
        "exchangeInfo", "GET", "/api/v3/exchangeInfo", Security.NONE,
        (
            ANY_SYMBOL,
            Parameter("symbols", Kind.SYMBOLS),
            Parameter("permissions", Kind.STRINGS),
            Parameter("showPermissionSets", Kind.BOOLEAN),
            SYMBOL_STATUS,
        ),
        _exchange_info, 20,
    ),
    Operation(
        "executionRules", "GET", "/api/v3/executionRules", Security.NONE,
        (ANY_SYMBOL, Parameter("symbols", Kind.SYMBOLS), SYMBOL_STATUS),
        _execution_rules, _execution_rules_weight,
    ),
)  # fmt: skip


# -- the book and trades -----------------------------------------------------------------------------------------


def _depth(call: Call) -> Any:
    market = market_of(call, call.parameters["symbol"])
    check_status(call, market.symbol)
    return payloads.partial_depth(market.book.snapshot(call.parameters.get("limit", DEPTH_DEFAULT)))


def _depth_weight(call: Call) -> int:
    limit = call.parameters.get("limit", DEPTH_DEFAULT)
    if limit <= 100:
        return 5
    if limit <= 500:
        return 25
    return 50 if limit <= 1000 else 250


def _trades(call: Call) -> Any:
    market = market_of(call, call.parameters["symbol"])
    trades = market.recent_trades(call.parameters.get("limit", ROWS_DEFAULT))
    return [payloads.trade_row(one, call.time) for one in trades]


def _historical_trades(call: Call) -> Any:
    from_id = call.parameters.get("fromId")
    if from_id is None:
        return _trades(call)
    market = market_of(call, call.parameters["symbol"])
    trades = market.trades_from(from_id, call.parameters.get("limit", ROWS_DEFAULT))
    return [payloads.trade_row(one, call.time) for one in trades]


def _block_trades(call: Call) -> Any:
    market_of(call, call.parameters["symbol"])
    return []


def _aggregate_trades(call: Call) -> Any:
    sent = call.parameters
    market = market_of(call, sent["symbol"])
    from_id, start, end = sent.get("fromId"), sent.get("startTime"), sent.get("endTime")
    if from_id is not None and (start is not None or end is not None):
        raise ExchangeError(-1128, message(-1128))
    found = market.aggregates_of(from_id, start, end, sent.get("limit", ROWS_DEFAULT))
    return [payloads.aggregate_row(one, call.time) for one in found]


def _klines(call: Call) -> Any:
    sent = call.parameters
    market = market_of(call, sent["symbol"])
    offset, interval = offset_of(call), Interval(sent["interval"])
    rows = market.klines(
        interval,
        call.now,
        start=sent.get("startTime"),
        end=sent.get("endTime"),
        limit=sent.get("limit", ROWS_DEFAULT),
        offset_us=offset,
    )
    return payloads.kline_rows(rows, interval, market.units, call.time, offset)


def _average_price(call: Call) -> Any:
    market = market_of(call, call.parameters["symbol"])
    average = market.average_price(call.now)
    return {
        "mins": 5,
        "price": "0.00000000" if average is None else payloads.fixed(average),
        "closeTime": call.time(payloads.last_trade_time(market)),
    }


def _reference_price(call: Call) -> Any:
    symbol, exchange = call.parameters["symbol"], call.box.exchange
    if not exchange.has_reference_price(symbol):
        raise ExchangeError(-2043, message(-2043))
    price = exchange.reference_price(symbol)
    return {
        "symbol": symbol,
        "referencePrice": None if price is None else payloads.fixed(price),
        "timestamp": call.time(call.now),
    }


def _reference_price_calculation(call: Call) -> Any:
    symbol = call.parameters["symbol"]
    check_status(call, symbol)
    if not call.box.exchange.has_reference_price(symbol):
        raise ExchangeError(-2043, message(-2043))
    return {"symbol": symbol, "calculationType": "EXTERNAL", "externalCalculationId": 1}


def _public(name: str, path: str, parameters: tuple[Parameter, ...], handle: Any, weight: Any) -> Operation:
    return Operation(name, "GET", f"/api/v3/{path}", Security.NONE, parameters, handle, weight)


_FROM_ID = Parameter("fromId", Kind.INTEGER)
_SPAN = (Parameter("startTime", Kind.TIME), Parameter("endTime", Kind.TIME))
_KLINES = (SYMBOL, Parameter("interval", Kind.INTERVAL, required=True), *_SPAN, TIME_ZONE, LIMIT)

MARKET: tuple[Operation, ...] = (
    _public(
        "depth", "depth",
        (SYMBOL, Parameter("limit", Kind.INTEGER, minimum=1, maximum=DEPTH_MAX, is_clamped=True), SYMBOL_STATUS),
        _depth, _depth_weight,
    ),
    _public("trades.recent", "trades", (SYMBOL, LIMIT), _trades, 25),
    _public("trades.historical", "historicalTrades", (SYMBOL, LIMIT, _FROM_ID), _historical_trades, 25),
    _public(
        "blockTrades.historical", "historicalBlockTrades",
        (SYMBOL, Parameter("fromId", Kind.INTEGER, required=True), LIMIT),
        _block_trades, 25,
    ),
    _public("trades.aggregate", "aggTrades", (SYMBOL, _FROM_ID, *_SPAN, LIMIT), _aggregate_trades, 4),
    _public("klines", "klines", _KLINES, _klines, 2),
    _public("uiKlines", "uiKlines", _KLINES, _klines, 2),
    _public("avgPrice", "avgPrice", (SYMBOL,), _average_price, 2),
    _public("referencePrice", "referencePrice", (SYMBOL,), _reference_price, 2),
    _public(
        "referencePrice.calculation", "referencePrice/calculation", (SYMBOL, SYMBOL_STATUS),
        _reference_price_calculation, 2,
    ),
)  # fmt: skip
