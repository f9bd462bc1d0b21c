"""How the market of a server is opened: its public side for each symbol, and the source that its settings name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.types import MINUTE, SECOND, Symbol, Time
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.market_sink import Levels, MarketSourceError
from fillwright.exchange.server.public_market import PublicMarket
from fillwright.exchange.server.settings import SourceKind
from fillwright.exchange.server.synthetic_past import LAST_TRADE_ID
from fillwright.exchange.server.synthetic_source import SyntheticSource
from fillwright.exchange.server.tape_source import TapeSource

__all__ = ["MarketSourceError", "open_markets"]
_LEAST = Decimal("0.00000001")
LOOK_BACK: Time = 10 * SECOND
"""The synthetic market has been going for at least this long when a server begins."""


class _Before:
    """Takes what a market did before the server began: trades, at their own times. Nobody has orders yet."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        exchange = self._box.exchange
        exchange.on_trade(symbol, price, quantity, time, buyer_is_maker)
        self._box.markets[symbol].traded(exchange.drain_trades())

    def quote(self, *_: object) -> None:
        """Of no interest any more."""

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time, *, snapshot: bool = True) -> None:
        """Of no interest any more."""


class _Nobody(_Before):
    """Takes what a market did before a server went on: nothing of it happened here."""

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """Passed over."""


def open_markets(box: Box, instruments: Mapping[Symbol, Instrument], *, goes_on: bool) -> None:
    """Open the public side of every symbol, and the source of prices. Raises MarketSourceError.

    ``goes_on``: the exchange was restored, so that its orders must not meet what happened before.
    """
    settings, exchange = box.settings.market, box.exchange
    if settings.source is SourceKind.SYNTHETIC:
        _open_synthetic(box, instruments, goes_on=goes_on)
        return
    for symbol in exchange.symbols:
        box.markets[symbol] = PublicMarket(exchange, symbol)
    if settings.source is SourceKind.TAPE:
        box.source = TapeSource(
            settings.tapes, instruments, box.now, speed=settings.speed, is_paced=not box.clock.is_frozen
        )


def set_price(box: Box, symbol: Symbol, price: Decimal, quantity: Decimal) -> None:
    """Bring a symbol to a price: the book goes there, then a trade at it; a synthetic walk goes on from there."""
    exchange, source = box.exchange, box.source
    instrument, last = exchange.instrument(symbol), exchange.quote(symbol).last
    tick = instrument.price_filter.tick or _LEAST
    bid, ask = price if price <= tick else price - tick, price + tick
    if isinstance(source, SyntheticSource):
        source.move(symbol, price, box, box.now)
    elif exchange.has_depth(symbol):
        box.depth(symbol, [(bid, quantity)], [(ask, quantity)], box.now)
    else:
        box.quote(symbol, bid, quantity, ask, quantity, box.now)
    box.trade(symbol, price, quantity, last is not None and price < last, box.now)


def _open_synthetic(box: Box, instruments: Mapping[Symbol, Instrument], *, goes_on: bool) -> None:
    exchange = box.exchange
    begin = (box.now - LOOK_BACK) // MINUTE * MINUTE
    lasts = {symbol: exchange.quote(symbol).last for symbol in exchange.symbols}
    source = SyntheticSource(
        [instruments[symbol] for symbol in exchange.symbols],
        box.settings.seed,
        begin,
        trades_per_second=box.settings.market.trades_per_second,
        start_prices={symbol: last for symbol, last in lasts.items() if last is not None},
    )
    for symbol in exchange.symbols:
        exchange.skip_trade_ids(symbol, LAST_TRADE_ID)
        market = box.markets[symbol] = PublicMarket(exchange, symbol, source.past(symbol))
        market.candles.begin(begin, source.start_price(symbol))
    source.advance(box.now, _Nobody(box) if goes_on else _Before(box), with_depth=False)
    source.open(box, box.now)
    box.source = source
