"""The simulation: feeds, exchange, venue, engine and traders, driven by one virtual clock.

At each turn the earliest of these happens: something under way between engine and exchange, a deadline of the
engine, a candle's close or a signal, a moment of the market. At one time what is due comes before the market.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, localcontext
from typing import Protocol

import msgspec

from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import (
    Candle,
    CandleClose,
    Input,
    PriceCrossed,
    Quote,
    SubmitSignal,
    TimeReached,
)
from fillwright.core.positions import Position
from fillwright.core.types import CONTEXT, SECOND, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.market.tapes.tape import Chunk, Tape
from fillwright.replay.agenda import Agenda
from fillwright.replay.charting import Charts
from fillwright.replay.feeds import Bounds, Feed
from fillwright.replay.venue import ReplayVenue
from fillwright.traders.runner import TraderRunner

DRAIN_MAX: Time = 60 * SECOND
"""After the tape's end, what is under way gets this long to arrive."""
BURST_MAX = 10_000
"""Turns without time passing; more is a loop between engine and exchange, a bug."""


class Recorder(Protocol):
    """Takes what the engine recorded, before its effects are carried out."""

    def record(self, step: Step, engine: Engine) -> None:
        """Journal a step's records."""


class SimulationStuckError(AssertionError):
    """Time does not pass any more: a bug."""


class Counts(msgspec.Struct):
    """How much has happened."""

    steps: int = 0
    signals: int = 0
    turns: int = 0


class _Averages:
    """Average prices of symbols, worked out when somebody looks."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def get(self, symbol: Symbol) -> Decimal | None:
        """The average price of a symbol over Binance's five minutes."""
        return self._simulation.average(symbol, 5)


class Simulation:
    """One replay in progress."""

    def __init__(
        self,
        engine: Engine,
        exchange: Exchange,
        venue: ReplayVenue,
        agenda: Agenda,
        recorder: Recorder,
        runners: Sequence[TraderRunner] = (),
        *,
        tick_by_tick: bool = False,
        charts: Charts | None = None,
    ) -> None:
        self.engine = engine
        self.exchange = exchange
        self.venue = venue
        self.agenda = agenda
        self.recorder = recorder
        self.runners = runners
        self.tick_by_tick = tick_by_tick
        self.charts = charts
        self.feeds: list[Feed] = []
        self._live: list[Feed] = []
        """Feeds that are not at their end."""
        self._candle_makers: list[Feed] = []
        self.counts = Counts()
        self.now: Time = 0
        self._deadline: Time | None = None
        self._crossed: dict[Symbol, None] = {}
        self._bounds: dict[Symbol, Bounds] = {}
        self._with_own_average: dict[Symbol, Feed] = {}
        engine.averages = _Averages(self)

    def add_feed(self, feed: Feed) -> None:
        """Have a tape take part."""
        self.feeds.append(feed)
        self._live.append(feed)
        for symbol in feed.tape.symbols:
            if feed.tape.kind in ("trades", "candles"):
                self._with_own_average[symbol] = feed
        if feed.makes_candles:
            self._candle_makers.append(feed)
        if len(self._with_own_average) == len({s for feed in self.feeds for s in feed.tape.symbols}):
            self.exchange.average_price = self.average

    # -- what feeds need -------------------------------------------------------------------------------------

    def bounds(self, symbol: Symbol) -> Bounds:
        """The prices strictly inside of which neither exchange nor engine has anything to do."""
        bounds = self.exchange.bounds(symbol)
        watched = self.engine.price_bounds(symbol)
        if watched is None:
            return bounds
        low, high = bounds
        for level in (watched.bid_high, watched.last_high):
            if level is not None and (high is None or level < high):
                high = level
        if watched.last_low is not None and (low is None or watched.last_low > low):
            low = watched.last_low
        return low, high

    def moved(self, symbol: Symbol, now: Time) -> None:
        """Take up the exchange's events and show the engine the quote."""
        self.venue.link.collect(now)
        self.quoted(symbol, now)

    def quoted(self, symbol: Symbol, now: Time) -> None:
        """Show the engine the quote."""
        quoted = self.exchange.quote(symbol)
        bid, ask, last = quoted.bid, quoted.ask, quoted.last
        if bid is None or ask is None or last is None:
            return
        if self.engine.observe(Quote(symbol, bid, ask, last, now)):
            self._crossed[symbol] = None

    def candle_closed(self, candle: Candle) -> None:
        """Put a complete candle on the agenda."""
        self.agenda.add_candle(candle)

    def chunk_read(self, tape: Tape, chunk: Chunk) -> None:
        """Show a chunk to whoever makes the report's chart."""
        if self.charts is not None:
            self.charts.add(tape, chunk)

    def average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        """The average price of a symbol as of now."""
        feed = self._with_own_average.get(symbol)
        return feed.average(symbol, minutes) if feed is not None else None

    # -- the clock -------------------------------------------------------------------------------------------

    def run(self, on_turn: Callable[[], None] | None = None) -> None:
        """Play the tapes to their end, then let arrive what is under way."""
        with _without_cycle_collector():
            while self.turn():
                if on_turn is not None:
                    on_turn()
        self.drain()

    def turn(self) -> bool:
        """Let the next thing happen; False when the tapes are at their end and nothing is due by it."""
        self.counts.turns += 1
        live = self._live
        for feed in live:
            if feed.is_done:
                live = self._live = [feed for feed in live if not feed.is_done or feed.load()]
                break
        for feed in self._candle_makers:
            feed.close_candles()
        due = self._next_due()
        if not live:
            return self._end(due)
        # What is due later than the rows that are known waits: rows to come may be earlier, or close a candle.
        horizon = live[0].end + 1 if len(live) == 1 else min([feed.end for feed in live]) + 1
        known = due is not None and due < horizon
        stop = due if due is not None and known else horizon
        hit = self._next_hit(live, stop)
        if hit is not None:
            self._visit(live, *hit)
            return True
        for feed in live:
            feed.skip(stop, False)
        if known:
            self._happen(stop)
        return True

    def _visit(self, live: Sequence[Feed], time: Time, chosen: int) -> None:
        """Let the moment that one feed has found happen; moments of others before it pass."""
        for index, feed in enumerate(live):
            if index != chosen:
                feed.skip(time, index < chosen)
        found = live[chosen]
        for feed in self.feeds:
            if feed is not found:
                feed.settle_slots()
        self.now = time
        found.visit()
        self._cross(time)

    def _end(self, due: Time | None) -> bool:
        """After the last row: what is due by then, such as the last candle's close, still happens."""
        end = max((feed.end for feed in self.feeds), default=0) + 1
        if due is None or due > end:
            return False
        self._happen(due)
        return True

    def _next_hit(self, live: Sequence[Feed], stop: Time) -> tuple[Time, int] | None:
        best: tuple[Time, int] | None = None
        for index, feed in enumerate(live):
            if feed.is_done:
                continue
            if self.tick_by_tick:
                time: Time | None = feed.next_time()
                if time is not None and time >= stop:
                    time = None
            else:
                time = feed.seek(stop if best is None else best[0])
            if time is not None and (best is None or time < best[0]):
                best = (time, index)
        return best

    def _next_due(self) -> Time | None:
        due, deadline, planned = self.venue.next_time(), self._deadline, self.agenda.next_time()
        if deadline is not None and (due is None or deadline < due):
            due = deadline
        if planned is not None and (due is None or planned < due):
            due = planned
        return due if due is None or due >= self.now else self.now

    def _happen(self, now: Time) -> None:
        """Everything due at a time, in a fixed order: what is under way, deadlines, candles and signals."""
        for feed in self.feeds:
            feed.settle_slots()
        self.now = now
        inputs = self.venue.advance(now)
        deadline = self._deadline
        if deadline is not None and deadline <= now:
            inputs.append(TimeReached())
        if inputs:
            self.step(*inputs)
        while (due := self.agenda.pop(now)) is not None:
            if due.candle is not None:
                self._close_candle(due.candle)
            elif due.signal is not None:
                self.counts.signals += 1
                symbol = due.signal.signal.symbol
                last = self.exchange.quote(symbol).last if symbol in self.exchange.symbols else None
                with localcontext(CONTEXT):
                    signal = due.signal.at(last)
                self.step(SubmitSignal(signal))

    def _close_candle(self, candle: Candle) -> None:
        if candle.interval == self.engine.state.settings.candle_interval:
            self.step(CandleClose(candle))
        for runner in self.runners:
            if runner.interval != candle.interval or candle.symbol not in runner.symbols:
                continue
            position = self._position_of(runner.trader_id, candle.symbol)
            for item in runner.on_candle(candle, position, self.now):
                if isinstance(item, SubmitSignal):
                    self.counts.signals += 1
                self.step(item)

    def _position_of(self, trader_id: str, symbol: Symbol) -> Position | None:
        for position in self.engine.ledger.open_positions.values():
            if position.trader_id == trader_id and position.symbol == symbol:
                return position
        return None

    def step(self, *items: Input) -> Step:
        """Step the engine, journal, then carry out."""
        step = self.engine.step(*items, now=self.now)
        self.counts.steps += 1
        if step.records:
            self.recorder.record(step, self.engine)
        if step.effects:
            self.venue.carry_out(step.effects, self.now)
        self._deadline = self.engine.next_deadline
        return step

    def _cross(self, now: Time) -> None:
        while self._crossed:
            symbol = next(iter(self._crossed))
            del self._crossed[symbol]
            self.step(PriceCrossed(symbol))

    def drain(self) -> None:
        """After the last row: answers and reports that are under way still arrive; nothing new begins."""
        for feed in self.feeds:
            feed.settle_slots()
        self.now = max([self.now, *(feed.end for feed in self.feeds)])
        end = self.now + DRAIN_MAX
        for _ in range(BURST_MAX):
            due = self.venue.next_time()
            if due is None or due > end:
                return
            self.now = max(self.now, due)
            inputs = self.venue.advance(self.now)
            if inputs:
                self.step(*inputs)
        raise SimulationStuckError("the venue does not come to rest after the tape's end")

    def rearm(self, wakes: Mapping[int, Time]) -> None:
        """After states were loaded: the engine's deadlines as they were, and its bounds anew."""
        self.engine.rearm(self.now, wakes)
        self._deadline = self.engine.next_deadline


@contextmanager
def _without_cycle_collector():  # type: ignore[no-untyped-def]
    """The structs of a replay make no cycles: the collector would only look at them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
