"""Price statistics that everybody may ask for: of 24 hours, of the trading day, of any window; last and best prices.

Sources: Binance Spot REST "Market Data endpoints", the WebSocket API's ``ticker.*``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fillwright.core.types import DAY, HOUR, MINUTE, Symbol
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server import market_payloads as payloads
from fillwright.exchange.server import ticker_payloads
from fillwright.exchange.server.market_operations import (
    ANY_SYMBOL,
    SYMBOL_STATUS,
    TIME_ZONE,
    check_status,
    market_of,
    offset_of,
)
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.public_market import PublicMarket
from fillwright.exchange.server.security import Security
from fillwright.wire.errors import message

SYMBOLS_MAX = 100
WINDOW_WEIGHT, WINDOW_WEIGHT_MAX = 4, 200
WINDOWS: dict[str, int] = {
    f"{count}{letter}": count * unit // MINUTE
    for letter, unit, longest in (("m", MINUTE, 59), ("h", HOUR, 23), ("d", DAY, 7))
    for count in range(1, longest + 1)
}
"""Minutes of each ``windowSize``."""
_ZERO = Decimal(0)


def _answer(call: Call, row: Callable[[PublicMarket], Any], *, is_all_allowed: bool) -> Any:
    """One row where ``symbol`` was sent, else a list: of ``symbols``, or of all."""
    sent = call.parameters
    if "symbol" in sent:
        if "symbols" in sent:
            raise ExchangeError(-1128, message(-1128))
        market = market_of(call, sent["symbol"])
        check_status(call, market.symbol)
        return row(market)
    if "symbols" not in sent and not is_all_allowed:
        text = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
        raise ExchangeError(-1102, text)
    symbols: tuple[Symbol, ...] = tuple(sent.get("symbols", call.box.info.symbols))
    markets = [market_of(call, symbol) for symbol in symbols]
    wanted = sent.get("symbolStatus")
    if wanted is not None:
        exchange = call.box.exchange
        markets = [market for market in markets if exchange.status(market.symbol).value == wanted]
    return [row(market) for market in markets]


def _is_mini(call: Call) -> bool:
    return bool(call.parameters.get("type") == "MINI")


def _day(call: Call) -> Any:
    now, time = call.now, call.time
    if _is_mini(call):
        return _answer(
            call,
            lambda market: ticker_payloads.ticker_row(market, market.day(now), time, is_mini=True),
            is_all_allowed=True,
        )
    return _answer(call, lambda market: ticker_payloads.day_row(market, now, time), is_all_allowed=True)


def _trading_day(call: Call) -> Any:
    now, time, offset, is_mini = call.now, call.time, offset_of(call), _is_mini(call)
    return _answer(
        call,
        lambda market: ticker_payloads.ticker_row(
            market, market.trading_day(now, offset), time, is_mini=is_mini
        ),
        is_all_allowed=False,
    )


def _window(call: Call) -> Any:
    minutes = WINDOWS[call.parameters.get("windowSize", "1d")]
    now, time, is_mini = call.now, call.time, _is_mini(call)
    return _answer(
        call,
        lambda market: ticker_payloads.ticker_row(
            market, market.minutes(minutes, now), time, is_mini=is_mini
        ),
        is_all_allowed=False,
    )


def _price(call: Call) -> Any:
    return _answer(
        call,
        lambda market: {"symbol": market.symbol, "price": payloads.fixed(market.last_price() or _ZERO)},
        is_all_allowed=True,
    )


def _book(call: Call) -> Any:
    return _answer(call, _book_row, is_all_allowed=True)


def _book_row(market: PublicMarket) -> Any:
    top = market.book.top()
    return {
        "symbol": market.symbol,
        "bidPrice": payloads.fixed(top.bid),
        "bidQty": payloads.fixed(top.bid_quantity),
        "askPrice": payloads.fixed(top.ask),
        "askQty": payloads.fixed(top.ask_quantity),
    }


def _day_weight(call: Call) -> int:
    if "symbol" in call.parameters:
        return 2
    count = len(call.parameters.get("symbols", ())) or SYMBOLS_MAX + 1
    if count <= 20:
        return 2
    return 40 if count <= SYMBOLS_MAX else 80


def _window_weight(call: Call) -> int:
    count = len(call.parameters.get("symbols", ())) or 1
    return min(WINDOW_WEIGHT_MAX, WINDOW_WEIGHT * count)


def _few_weight(call: Call) -> int:
    return 2 if "symbol" in call.parameters else 4


def _ticker(name: str, path: str, parameters: tuple[Parameter, ...], handle: Any, weight: Any) -> Operation:
    return Operation(
        name, "GET", f"/api/v3/ticker{path}", Security.NONE, (ANY_SYMBOL, *parameters), handle, weight
    )


_SYMBOLS = Parameter("symbols", Kind.SYMBOLS)
_FEW_SYMBOLS = Parameter("symbols", Kind.SYMBOLS, maximum=SYMBOLS_MAX)
_TYPE = Parameter("type", Kind.STRING, values=("FULL", "MINI"))
_SIZE = Parameter("windowSize", Kind.STRING, values=tuple(WINDOWS))

TICKERS: tuple[Operation, ...] = (
    _ticker("ticker.24hr", "/24hr", (_SYMBOLS, _TYPE, SYMBOL_STATUS), _day, _day_weight),
    _ticker(
        "ticker.tradingDay",
        "/tradingDay",
        (_FEW_SYMBOLS, TIME_ZONE, _TYPE, SYMBOL_STATUS),
        _trading_day,
        _window_weight,
    ),
    _ticker("ticker.price", "/price", (_SYMBOLS, SYMBOL_STATUS), _price, _few_weight),
    _ticker("ticker.book", "/bookTicker", (_SYMBOLS, SYMBOL_STATUS), _book, _few_weight),
    _ticker("ticker", "", (_FEW_SYMBOLS, _SIZE, _TYPE, SYMBOL_STATUS), _window, _window_weight),
)
