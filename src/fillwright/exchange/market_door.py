"""The exchange's door to the market: trades, quotes, depth and candles in; prices, bounds, the book and trades out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, getcontext, localcontext

from fillwright.core.instruments import Instrument
from fillwright.core.types import CONTEXT, Symbol, Time
from fillwright.exchange import candles, display, feed
from fillwright.exchange.market import PriceRange, Quoted
from fillwright.exchange.messages import MarketTrade
from fillwright.exchange.settings import ExchangeSettings
from fillwright.exchange.state import AveragePrice, State


class MarketDoor:
    """What the exchange does with the outside market, and what of it everybody sees. Times never run backwards."""

    __slots__ = ("_state",)

    def __init__(self, instruments: Iterable[Instrument], settings: ExchangeSettings) -> None:
        self._state = State(instruments, settings)

    # -- what happens outside ------------------------------------------------------------------------------------

    def on_trade(
        self,
        symbol: Symbol,
        price: Decimal,
        quantity: Decimal,
        now: Time,
        buyer_is_maker: bool | None = None,
    ) -> None:
        """A trade of the outside market: may fill resting orders and set off stops."""
        market = self._state.market(symbol)
        state = self._state
        if now > state.now:
            state.now = now
        if state.average_price is None:
            market.average.add(price, quantity, state.now)
        if market.has_trades and not market.dirty and market.low < price < market.high:
            if state.tape is not None:
                state.print_outside(market, price, quantity, buyer_is_maker)
            market.last = price
            market.last_time = state.now
            return
        self._feed(lambda: feed.trade(state, market, price, quantity, buyer_is_maker))

    def on_quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        now: Time,
    ) -> None:
        """New best quotes of the outside market."""
        market = self._state.market(symbol)
        self._set_time(now)
        if market.has_trades or (not market.dirty and market.low < bid <= ask < market.high):
            market.bid, market.bid_quantity = bid, bid_quantity
            market.ask, market.ask_quantity = ask, ask_quantity
            return
        self._feed(lambda: feed.quote(self._state, market, bid, bid_quantity, ask, ask_quantity))

    def on_depth(
        self,
        symbol: Symbol,
        bids: Sequence[tuple[Decimal, Decimal]],
        asks: Sequence[tuple[Decimal, Decimal]],
        now: Time,
        *,
        snapshot: bool,
    ) -> None:
        """A snapshot of the outside book, or absolute quantities of changed levels (0 removes one)."""
        market = self._state.market(symbol)
        self._set_time(now)
        self._feed(lambda: feed.depth(self._state, market, bids, asks, snapshot=snapshot))

    def on_candle_open(self, symbol: Symbol, price: Decimal, now: Time) -> None:
        """A candle begins: its first trade, of unknown volume."""
        market = self._state.market(symbol)
        self._set_time(now)
        self._feed(lambda: candles.candle_open(self._state, market, price))

    def on_candle_close(
        self,
        symbol: Symbol,
        open: Decimal,
        high: Decimal,
        low: Decimal,
        close: Decimal,
        volume: Decimal,
        now: Time,
    ) -> None:
        """A candle ends: its inside is walked on the worst-case path; an open not told before is told now."""
        state = self._state
        market = state.market(symbol)
        self._set_time(now)
        if state.average_price is None and volume:
            market.average.add((high + low + close) / 3, volume, state.now)
        self._feed(lambda: candles.candle_close(state, market, open, high, low, close, volume))

    def _feed(self, event: Callable[[], None]) -> None:
        if getcontext().prec < CONTEXT.prec:
            with localcontext(CONTEXT):
                event()
        else:
            event()
        self._state.end_transaction()
        self._state.forget()

    def _set_time(self, now: Time) -> None:
        if now > self._state.now:
            self._state.now = now

    def set_last(self, symbol: Symbol, price: Decimal, now: Time) -> None:
        """Set the last price without matching anything, for a driver that skipped trades inside of ``bounds``."""
        market = self._state.market(symbol)
        self._set_time(now)
        market.last = price
        market.has_trades = True
        market.last_time = self._state.now

    def set_market(
        self,
        symbol: Symbol,
        *,
        last: Decimal | None = None,
        bid: Decimal | None = None,
        bid_quantity: Decimal | None = None,
        ask: Decimal | None = None,
        ask_quantity: Decimal | None = None,
        now: Time | None = None,
    ) -> None:
        """Set prices without matching anything, for a driver that skipped events inside of ``bounds``."""
        market = self._state.market(symbol)
        if now is not None:
            self._set_time(now)
        if last is not None:
            market.last = last
            market.has_trades = True
            market.last_time = self._state.now
        if bid is not None:
            market.bid = bid
        if bid_quantity is not None:
            market.bid_quantity = bid_quantity
        if ask is not None:
            market.ask = ask
        if ask_quantity is not None:
            market.ask_quantity = ask_quantity

    @property
    def average_price(self) -> AveragePrice | None:
        """The driver's source of average prices; None: the exchange averages the trades it sees itself."""
        return self._state.average_price

    @average_price.setter
    def average_price(self, source: AveragePrice | None) -> None:
        self._state.average_price = source

    def bounds(self, symbol: Symbol) -> tuple[Decimal | None, Decimal | None]:
        """The range strictly inside of which a trade changes nothing but the last price; None is unbounded.

        On feeds without trades the same holds for bid and ask. It takes a driver's average price for granted:
        the exchange's own averages count every trade.
        """
        market = self._state.market(symbol)
        if market.dirty:
            market.bounds()
        return market.range

    def quote(self, symbol: Symbol) -> Quoted:
        """Best bid and ask as the exchange sees them, and the price that stops to sell compare with."""
        return self._state.market(symbol).quoted()

    def traded_average(self, symbol: Symbol, minutes: int, now: Time) -> Decimal | None:
        """The exchange's own volume weighted average over the minutes up to now, else the last price."""
        market = self._state.market(symbol)
        average = market.average.average(minutes, max(now, self._state.now))
        return market.last if average is None else average

    # -- what everybody sees -------------------------------------------------------------------------------------

    def drain_trades(self) -> list[MarketTrade]:
        """All trades of all symbols since the last call, in order; none unless settings say ``public_trades``."""
        tape = self._state.tape
        if not tape:
            return []
        self._state.tape = []
        return tape

    def last_trade_id(self, symbol: Symbol) -> int:
        """The number of a symbol's last trade; 0 before the first."""
        return self._state.market(symbol).trade_id

    def skip_trade_ids(self, symbol: Symbol, last_id: int) -> None:
        """Let a symbol's trades be numbered from after this, if they are not that far yet."""
        market = self._state.market(symbol)
        market.trade_id = max(market.trade_id, last_id)

    def has_depth(self, symbol: Symbol) -> bool:
        """Whether the outside market's book is known beyond its best prices."""
        return self._state.market(symbol).depth_bids is not None

    def displayed(self, symbol: Symbol) -> display.Displayed:
        """The book as everybody sees it: bids and asks, best first."""
        state = self._state
        return display.displayed(state.market(symbol))

    def best_displayed(self, symbol: Symbol) -> tuple[display.Level | None, display.Level | None]:
        """The best bid and ask of that book, at less cost."""
        return display.best(self._state.market(symbol))

    def book_version(self, symbol: Symbol) -> display.Version:
        """Something that is equal as long as the displayed book is the same; it may differ when nothing did."""
        state = self._state
        return display.version(state, state.market(symbol))

    # -- rules that hang on prices -------------------------------------------------------------------------------

    def set_price_range(self, symbol: Symbol, rule: PriceRange | None) -> None:
        """Set or lift the PRICE_RANGE execution rule."""
        self._state.market(symbol).price_range = rule

    def price_range(self, symbol: Symbol) -> PriceRange | None:
        """The PRICE_RANGE execution rule; None where there is none."""
        return self._state.market(symbol).price_range

    def set_reference_price(self, symbol: Symbol, price: Decimal | None) -> None:
        """Set or clear the reference price."""
        market = self._state.market(symbol)
        market.reference_price = price
        market.has_reference = True

    def has_reference_price(self, symbol: Symbol) -> bool:
        """Whether a symbol has, or has had, a reference price."""
        market = self._state.market(symbol)
        return market.has_reference or market.reference_price is not None

    def reference_price(self, symbol: Symbol) -> Decimal | None:
        """The reference price; None where there is none now."""
        return self._state.market(symbol).reference_price
