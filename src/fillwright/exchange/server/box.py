"""The heart of the server: one exchange, its market, its clients' streams, and one time. Synchronous.

Shells (REST, WebSocket, the loop's timer) call ``tick`` and then do what they came for at ``box.now``: ``perform`` a
call, or anything else followed by ``settle``. With a clock moved by hand everything here is a function of the settings
and the calls.

``advance`` goes through what is due in the order of time; at the same time the market comes before timers, and timers
in the order in which they were made. ``settle`` hands on what the exchange says: to the log, to public markets, to user
streams.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from fillwright.core.types import Symbol, SymbolStatus, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeEvent, ExecutionReport, MarketTrade
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.event_log import AnswerLine, EventLog
from fillwright.exchange.server.fault_plan import CallFault, Faults
from fillwright.exchange.server.ledger import Asked, Ledger
from fillwright.exchange.server.market_sink import FAR, Levels, MarketSource
from fillwright.exchange.server.settings import BoxSettings

if TYPE_CHECKING:
    from fillwright.exchange.server.exchange_info import InfoBook
    from fillwright.exchange.server.keys import KeyRing
    from fillwright.exchange.server.limits import Limits
    from fillwright.exchange.server.public_market import PublicMarket

_BREAK = SymbolStatus.BREAK
CATCH_UP_MAX = 1_000
"""Times that a timer goes off in one advance; what is missed beyond that is passed over (the machine slept)."""


class EventSink(Protocol):
    """Whoever wants all that happens to accounts."""

    def publish(self, events: Sequence[ExchangeEvent]) -> None:
        """Take events of one settlement, in their order, of all accounts."""


class Answering(Protocol):
    """Whoever answers requests."""

    @property
    def internal_errors(self) -> int:
        """Answers that were bugs of ours."""

    def can_meet(self, fault: CallFault) -> bool:
        """Whether there is an operation that a fault is for."""


class Connection(Protocol):
    """One WebSocket connection, as the admin door handles it."""

    muted_until: Time
    """Until when nothing is sent."""

    @property
    def number(self) -> int:
        """Of the connection, from 1."""

    @property
    def kind(self) -> str:
        """Of what API it is."""

    def describe(self) -> dict[str, Any]:
        """What there is to know of it."""

    def send(self, message: bytes) -> None:
        """Send a text message."""

    def shutdown_message(self) -> bytes:
        """What is said before the server goes away."""

    def close(self) -> None:
        """Say goodbye and close."""

    def abort(self) -> None:
        """Drop it without a word."""


class Connections(Protocol):
    """All WebSocket connections."""

    @property
    def failures(self) -> int:
        """Connections that ended by bugs of ours."""

    def __iter__(self) -> Iterator[Connection]:
        """Those that are open."""

    def __len__(self) -> int:
        """How many are open."""

    def disconnect_ip(self, ip: str, kind: str | None = None) -> int:
        """Close those of an address (and of a kind); how many."""

    async def shut_down(self) -> None:
        """Close all in order."""


class Timer:
    """An action at every multiple of its period, until it is cancelled; period 0: once."""

    __slots__ = ("action", "is_active", "period_us")

    def __init__(self, period_us: Time, action: Callable[[Time], None]) -> None:
        self.period_us = period_us
        self.action = action
        self.is_active = True

    def cancel(self) -> None:
        """Never again."""
        self.is_active = False


class Box:
    """Everything of one server; its parts are put in by ``assembly.make_box``.

    Attributes:
        now: the time of what is done now; ``tick`` moves it.
        exchange: accounts, orders, matching.
        clock: real or moved by hand.
        keys, limits: of clients.
        info: what is said of symbols.
        markets: what is public of each symbol.
        source: where prices come from.
        faults: what goes wrong, by plan.
        ledger: what clients were told against what happened.
        desk: answers requests of both APIs.
        sockets: all WebSocket connections.
        log: the event log, if one is written.
        user_streams: told of every event of accounts.
        on_wake: called when something became due earlier than the shell knows.
    """

    keys: KeyRing
    limits: Limits
    info: InfoBook

    def __init__(self, settings: BoxSettings, exchange: Exchange, clock: BoxClock) -> None:
        self.settings = settings
        self.exchange = exchange
        self.clock = clock
        self.now: Time = clock.now()
        self.markets: dict[Symbol, PublicMarket] = {}
        self.source: MarketSource | None = None
        self.user_streams: EventSink | None = None
        self.faults = Faults(settings.seed)
        self.ledger = Ledger()
        self.desk: Answering | None = None
        self.sockets: Connections | None = None
        self.log: EventLog | None = None
        self.changes = 0
        """Grows with everything of accounts and keys that is worth saving."""
        self.saved: int | None = None
        """``changes`` of what is in the state file; None: there is no state file."""
        self.on_wake: Callable[[], None] | None = None
        self._timers: list[tuple[Time, int, Timer]] = []
        self._numbers = count()
        self._due: Time = 0

    # -- time ----------------------------------------------------------------------------------------------------

    def tick(self) -> Time:
        """Let happen what is due by the clock; returns the time, which is ``now`` from here on."""
        now = self.clock.now()
        if now >= self._due:
            self.advance(now)
        elif now > self.now:
            self.now = now
        return self.now

    @property
    def next_due(self) -> Time:
        """When ``tick`` has something to do by itself."""
        return self._due

    def advance(self, now: Time) -> None:
        """Let happen everything that is due up to a time: market first, then timers, each at its own time."""
        source = self.source
        while True:
            timer_time = self._timers[0][0] if self._timers else FAR
            until = min(now, timer_time)
            if source is not None and source.next_time <= until:
                source.advance(until, self)
            if timer_time > now:
                break
            self.now = max(self.now, timer_time)
            self._fire(now)
        self.now = max(self.now, now)
        self._reckon()

    def every(self, period_us: Time, action: Callable[[Time], None]) -> Timer:
        """Call with the time at every multiple of a period, from after now on."""
        timer = Timer(period_us, action)
        self._arm(self.now - self.now % period_us + period_us, timer)
        return timer

    def at(self, time: Time, action: Callable[[Time], None]) -> Timer:
        """Call once when box time reaches a time."""
        timer = Timer(0, action)
        self._arm(max(time, self.now), timer)
        return timer

    def _arm(self, time: Time, timer: Timer) -> None:
        heapq.heappush(self._timers, (time, next(self._numbers), timer))
        if time < self._due:
            self._due = time
            if self.on_wake is not None:
                self.on_wake()

    def _fire(self, now: Time) -> None:
        time, number, timer = heapq.heappop(self._timers)
        if not timer.is_active:
            return
        period = timer.period_us
        if period:
            following = time + period
            if (now - following) // period > CATCH_UP_MAX:
                following = now - now % period
            heapq.heappush(self._timers, (following, number, timer))
        timer.action(time)
        self.settle()

    def _reckon(self) -> None:
        while self._timers and not self._timers[0][2].is_active:
            heapq.heappop(self._timers)
        timer_time = self._timers[0][0] if self._timers else FAR
        self._due = min(timer_time, FAR if self.source is None else self.source.next_time)

    # -- the market's sink -----------------------------------------------------------------------------------------

    def trade(
        self, symbol: Symbol, price: Decimal, quantity: Decimal, buyer_is_maker: bool, time: Time
    ) -> None:
        """One trade of the outside market."""
        if self._is_in_break(symbol):
            return
        if time > self.now:
            self.now = time
        self.exchange.on_trade(symbol, price, quantity, self.now, buyer_is_maker)
        self.settle()

    def quote(
        self,
        symbol: Symbol,
        bid: Decimal,
        bid_quantity: Decimal,
        ask: Decimal,
        ask_quantity: Decimal,
        time: Time,
    ) -> None:
        """New best quotes of the outside market."""
        if self._is_in_break(symbol):
            return
        if time > self.now:
            self.now = time
        self.exchange.on_quote(symbol, bid, bid_quantity, ask, ask_quantity, self.now)
        market = self.markets.get(symbol)
        if market is not None:
            market.touched()
        self.settle()

    def depth(self, symbol: Symbol, bids: Levels, asks: Levels, time: Time, *, snapshot: bool = True) -> None:
        """The outside book: a snapshot of its best levels, or absolute quantities of changed ones (0 removes)."""
        if self._is_in_break(symbol):
            return
        if time > self.now:
            self.now = time
        self.exchange.on_depth(symbol, bids, asks, self.now, snapshot=snapshot)
        market = self.markets.get(symbol)
        if market is not None:
            market.touched()
        self.settle()

    def _is_in_break(self, symbol: Symbol) -> bool:
        """Whether a symbol has no market data: what the outside market does meanwhile is not heard of here."""
        return self.exchange.status(symbol) is _BREAK

    # -- what happened -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Hand on what the exchange says since the last time; call it after everything that changes the exchange."""
        trades = self.exchange.drain_trades()
        if trades:
            self._publish(trades)
        events = self.exchange.drain()
        if not events:
            return
        symbols = dict.fromkeys(event.symbol for event in events if type(event) is ExecutionReport)
        for symbol in symbols:
            market = self.markets.get(symbol)
            if market is not None:
                market.touched()
        self._tell(events)

    def _publish(self, trades: Sequence[MarketTrade]) -> None:
        """Tell public markets of trades; one transaction trades one symbol, a settlement perhaps several."""
        for symbol, group in groupby(trades, key=attrgetter("symbol")):
            market = self.markets.get(symbol)
            if market is not None:
                market.traded(list(group))

    def answered(self, call: Asked, status: int, code: int | None, fault: CallFault | None = None) -> None:
        """Note what the sender of a call was told; status 0 for nothing. The desk calls it once for each call."""
        self.ledger.answers += 1
        if fault is not None:
            self.ledger.faulted(call, status, code, fault)
        if self.log is not None:
            self.log.answer(
                AnswerLine(
                    answer=call.operation.name or f"{call.operation.method} {call.operation.path}",
                    time=self.now,
                    account=call.account_id,
                    parameters=call.parameters,
                    status=status,
                    code=code,
                    fault="" if fault is None else fault.outcome.value,
                )
            )

    def _tell(self, events: Sequence[ExchangeEvent]) -> None:
        self.changes += 1
        if self.log is not None:
            self.log.events(events)
        if self.user_streams is not None:
            self.user_streams.publish(events)
