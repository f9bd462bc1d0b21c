"""A tape as a source: recorded trades, quotes and books as if they happened now; it ends, and says so."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol, Time
from fillwright.exchange.server.market_sink import FAR, MarketSourceError, Sink
from fillwright.market.events import DepthSnapshot, DepthUpdate, Event, Quote, Trade
from fillwright.market.live.tape_events import TapeReel
from fillwright.market.tapes import TapeError

EVENTS_MAX = 5_000
"""Events in one go, unless time is moved by hand: a machine that is too slow plays the tape slower."""
SPEED_MAX = 1_000_000.0

_log = logging.getLogger(__name__)


class _Legible(dict[Symbol, Instrument]):
    """Instruments to read a tape with: of symbols that do not trade here, one whose numbers have eight decimals."""

    def __missing__(self, symbol: Symbol) -> Instrument:
        return Instrument(symbol=symbol, base=symbol, quote=symbol)

    def get(self, symbol: Symbol, default: object = None) -> Instrument:
        """The symbol's instrument; there always is one."""
        return self[symbol]


class TapeSource:
    """Recorded market data from now on; it ends, and says so.

    Args:
        paths: files of any format that tapes have.
        instruments: symbols that trade here; others on the tape are passed over.
        begin: when the tape's first event happens.
        speed: how many of the tape's seconds pass in one.
        is_paced: whether a machine that is too slow may play it slower.

    Raises:
        MarketSourceError: a speed that cannot be, a tape that cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        instruments: Mapping[Symbol, Instrument],
        begin: Time,
        *,
        speed: float = 1.0,
        is_paced: bool = True,
    ) -> None:
        if not 0 < speed <= SPEED_MAX:
            raise MarketSourceError(f"a tape's speed is above 0 and at most {SPEED_MAX:g}")
        if not paths:
            raise MarketSourceError("no tape was named")
        self._instruments = instruments
        self._speed = speed
        self._is_paced = is_paced
        only = next(iter(instruments)) if len(instruments) == 1 else None
        self._with_book: set[Symbol] = set()
        try:
            self._reel = TapeReel(paths, only, _Legible(instruments))
            self._events = self._reel.events()
            self._next: Event | None = next(self._events, None)
        except TapeError as error:
            raise MarketSourceError(str(error)) from error
        if self._next is None:
            raise MarketSourceError(f"the tape {self._reel.name} is empty")
        if not any(symbol in instruments for symbol in self._reel.symbols):
            raise MarketSourceError(
                f"the tape {self._reel.name} is of {', '.join(self._reel.symbols)}, which do not trade here"
            )
        self._first, self._begin = self._next.time_us, begin
        self.played = 0
        """Events handed on."""

    @property
    def next_time(self) -> Time:
        """When the next event is; never when the tape has ended."""
        return FAR if self._next is None else self._our_time(self._next.time_us)

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left."""
        return self._next is None

    def advance(self, now: Time, sink: Sink) -> None:
        """Push what is due up to a time."""
        room = EVENTS_MAX
        while self._next is not None:
            time = self._our_time(self._next.time_us)
            if time > now:
                return
            if not room and self._is_paced:
                self._begin += now + 1 - time
                return
            room -= 1
            self._push(self._next, time, sink)
            self._read()

    def _read(self) -> None:
        self.played += 1
        try:
            self._next = next(self._events, None)
        except TapeError as error:
            self._next = None
            _log.error("the tape %s is broken after %d events: %s", self._reel.name, self.played, error)
            return
        if self._next is None:
            _log.info("the tape %s has ended after %d events", self._reel.name, self.played)

    def _push(self, event: Event, time: Time, sink: Sink) -> None:
        symbol = event.symbol
        if symbol not in self._instruments:
            return
        if isinstance(event, Trade):
            sink.trade(symbol, event.price, event.quantity, event.buyer_is_maker, time)
        elif isinstance(event, Quote):
            if symbol not in self._with_book:
                sink.quote(symbol, event.bid, event.bid_quantity, event.ask, event.ask_quantity, time)
        elif isinstance(event, DepthSnapshot):
            self._with_book.add(symbol)
            sink.depth(symbol, event.bids, event.asks, time, snapshot=True)
        elif isinstance(event, DepthUpdate) and symbol in self._with_book:
            sink.depth(symbol, event.bids, event.asks, time, snapshot=False)

    def _our_time(self, tape_time: Time) -> Time:
        return self._begin + math.floor((tape_time - self._first) / self._speed)
