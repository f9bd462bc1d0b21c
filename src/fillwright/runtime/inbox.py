"""What waits for an account's engine, in lanes: each has its bound, and none waits for ever behind another.

What the venue says is never refused: at its bound the lane is given up as a whole, and the venue's books are read
instead. Prices are no queue at all: a symbol whose watched price was crossed waits once. Lanes that people or programs
fill say no when they are full.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from fillwright.core.context import Answer
from fillwright.core.inputs import Candle, CandleClose, Input, PriceCrossed, StreamChanged, TimeReached
from fillwright.core.types import Symbol
from fillwright.runtime.errors import LaneFullError

RESERVE = 8
"""So many places of a batch are kept for each lane that has something, however much the venue says."""


class Bounds(msgspec.Struct, frozen=True):
    """How much each lane holds."""

    reports: int = 100_000
    operator: int = 256
    signals: int = 1_024
    candles: int = 4_096


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """Something outside of the core that a person should find in the journal; recorded as Error."""

    where: str
    what: str


Item = Input | Trouble
Reply = asyncio.Future[Answer]
Asked = tuple[Item, Reply | None]
_DUE: Asked = (TimeReached(), None)


class Depths(msgspec.Struct, frozen=True):
    """How much waits in each lane."""

    reports: int
    operator: int
    signals: int
    candles: int


class Batch(msgspec.Struct):
    """What is taken at once, in the order in which it is to happen: what the venue says first."""

    reports: list[Input]
    asked: list[Asked]
    overflowed: bool = False
    """Reports were lost before these: the venue's books must be read."""


class Inbox:
    """The lanes of one account, with one reader."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.connected = False
        """What the venue's newest StreamChanged said."""
        self.overflowed = False
        self._reports: deque[Input] = deque()
        self._operator: deque[Asked] = deque()
        self._signals: deque[Asked] = deque()
        self._candles: deque[Asked] = deque()
        self._crossed: dict[Symbol, None] = {}
        self._is_due = False
        self._is_awake = False
        self._reader: asyncio.Future[None] | None = None

    # -- in --------------------------------------------------------------------------------------------------

    def report(self, items: Sequence[Input]) -> None:
        """Take what the venue says; never refused."""
        for item in items:
            if type(item) is StreamChanged:
                self.connected = item.connected
        if self.overflowed:
            return  # the books will be read: what is said before tells nothing more
        if len(self._reports) + len(items) > self.bounds.reports:
            self._reports.clear()
            self.overflowed = True
        else:
            self._reports.extend(items)
        self.wake()

    def command(self, item: Item, reply: Reply | None = None) -> None:
        """Take what an operator wants; LaneFullError at the bound."""
        self._offer("commands", self._operator, self.bounds.operator, item, reply)

    def signal(self, item: Input, reply: Reply | None = None) -> None:
        """Take a signal; LaneFullError at the bound."""
        self._offer("signals", self._signals, self.bounds.signals, item, reply)

    def candle(self, candle: Candle) -> None:
        """Take a closed candle; LaneFullError at the bound."""
        self._offer("candles", self._candles, self.bounds.candles, CandleClose(candle), None)

    def _offer(self, lane: str, queue: deque[Asked], bound: int, item: Item, reply: Reply | None) -> None:
        if len(queue) >= bound:
            raise LaneFullError(lane, bound)
        queue.append((item, reply))
        self.wake()

    def cross(self, symbol: Symbol) -> None:
        """A watched price of a symbol is reached."""
        if symbol not in self._crossed:
            self._crossed[symbol] = None
            self.wake()

    def reach(self) -> None:
        """The engine's deadline has come."""
        self._is_due = True
        self.wake()

    def wake(self) -> None:
        """Have the reader look."""
        self._is_awake = True
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    # -- out -------------------------------------------------------------------------------------------------

    async def wait(self) -> None:
        """Until something is there, or ``wake`` was called; others of the loop have their turn in any case."""
        if self._is_awake:
            await asyncio.sleep(0)
        while not self._is_awake:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        self._is_awake = False

    def take(self, count: int) -> Batch:
        """At most so many inputs; what does not fit stays, and keeps the reader awake."""
        batch = Batch([], [], self.overflowed)
        self.overflowed = False
        room = count
        if self._is_due:
            self._is_due = False
            batch.asked.append(_DUE)
            room -= 1
        lanes = (self._operator, self._candles, self._signals)
        waiting = len(self._reports) + len(self._crossed) + sum(map(len, lanes))
        if waiting > room:
            self._take_shares(batch, room, lanes)
            self._is_awake = True
            return batch
        batch.reports.extend(self._reports)
        self._reports.clear()
        if self._crossed:
            batch.asked += [(PriceCrossed(symbol), None) for symbol in self._crossed]
            self._crossed.clear()
        for lane in lanes:
            if lane:
                batch.asked += lane
                lane.clear()
        return batch

    def _take_shares(self, batch: Batch, room: int, lanes: tuple[deque[Asked], ...]) -> None:
        """There is more than fits: each lane has its reserve, what the venue says the rest."""
        kept = sum(min(len(lane), RESERVE) for lane in (self._crossed, *lanes))
        for _ in range(min(len(self._reports), max(room - kept, RESERVE))):
            batch.reports.append(self._reports.popleft())
        room -= len(batch.reports)
        kept -= min(len(self._crossed), RESERVE)
        for symbol in list(self._crossed)[: max(room - kept, 0)]:
            del self._crossed[symbol]
            batch.asked.append((PriceCrossed(symbol), None))
            room -= 1
        for lane in lanes:
            kept -= min(len(lane), RESERVE)
            taken = min(len(lane), max(room - kept, 0))
            for _ in range(taken):
                batch.asked.append(lane.popleft())
            room -= taken

    def clear_signals(self) -> list[Asked]:
        """Empty the lane of signals, and give them back."""
        signals = [*self._signals]
        self._signals.clear()
        return signals

    def clear(self) -> list[Asked]:
        """Empty every lane; what was asked by somebody is given back."""
        asked = [*self._operator, *self._signals]
        for lane in (self._reports, self._operator, self._signals, self._candles):
            lane.clear()
        self._crossed.clear()
        self._is_due = self.overflowed = self.connected = False
        return asked

    @property
    def depths(self) -> Depths:
        """How much waits in each lane."""
        return Depths(len(self._reports), len(self._operator), len(self._signals), len(self._candles))
