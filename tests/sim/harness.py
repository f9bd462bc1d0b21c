"""A world in virtual time: one engine, one exchange, the link between them, and a judge.

Nothing sleeps and nothing is random: the market moves when a test says so, faults come from a plan, time is a number.
``World.audit`` is the judge at the end of every test: it recomputes from the exchange's books and from the journal
what must hold, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.context import Answer
from fillwright.core.effects import Alert, Effect, FetchInstruments, Send
from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import (
    Decision,
    Entry,
    Input,
    OpenLedger,
    OrderAbsent,
    OrderReport,
    PriceCrossed,
    Quote,
    Reconcile,
    Signal,
    Size,
    StreamChanged,
    SubmitSignal,
    TimeReached,
    VenueSnapshot,
)
from fillwright.core.instruments import (
    Instrument,
    LotSize,
    Notional,
    PercentPrice,
    PriceFilter,
    TrailingDelta,
)
from fillwright.core.positions import Position
from fillwright.core.requests import CancelRequest, Request
from fillwright.core.settings import (
    BreakerSettings,
    ExecutionSettings,
    RiskLimits,
    Settings,
    VenueProfile,
)
from fillwright.core.state import Ledger
from fillwright.core.types import (
    MILLISECOND,
    MINUTE,
    SECOND,
    STOP_TYPES,
    ZERO,
    Direction,
    PositionDecision,
    Symbol,
    Time,
    VenueOrderStatus,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import FaultPlan, Rates
from fillwright.exchange.link import Delivery, Link
from fillwright.exchange.messages import OrderView
from fillwright.exchange.settings import ExchangeSettings
from fillwright.replay.venue import ReplayVenue
from tests.sim.judge import Judge

D = Decimal
STOP, TARGET, SIZE, LITTLE, MUCH = D(95), D(110), D(200), D("0.001"), D(1000)
START: Time = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC."""
ACCOUNT = "ada-paper-main"
TAG = "sim"
FEE = D("0.001")
CASH = D(10_000)
TURNS_MAX = 200_000
"""Turns in one ``run_until``; more is a loop between engine and exchange."""
QUIET: Time = 11 * MINUTE
"""Two periodic reconciliations, and every doubt's window, fit into this."""

LIMITS = RiskLimits(
    max_position_size_usdt=D(1000),
    max_position_size_percent=D(50),
    max_total_exposure_usdt=D(100_000),
    max_symbol_exposure_usdt=D(10_000),
    max_order_size_usdt=D(100_000),
    max_positions=50,
    max_positions_per_symbol=10,
    max_daily_loss_usdt=D(100_000),
    max_daily_loss_percent=D(100),
    max_drawdown_percent=D(100),
    max_consecutive_losses=100_000,
    max_daily_trades=100_000,
    min_order_interval_seconds=ZERO,
    max_orders_per_10s=1000,
    quote_age_max_s=D(3600),
    signal_age_max_s=D(600),
    risk_per_trade_percent=D(100),
    correlated_exposure_max_percent=D(100),
    max_spread_percent=D(5),
    max_price_deviation_percent=D(50),
)
"""Limits that let everything pass: what is tested here happens after the checks."""


_BY_THE_CLOCK = (ev.ReconciliationComplete, ev.ReconciliationStarted, ev.ProtectionRead, ev.EquityMarked)


def make_instrument(symbol: Symbol = "AAAUSDT", **changes: Any) -> Instrument:
    """A symbol with filters as mainnet has them."""
    instrument = Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        price_filter=PriceFilter(D("0.01"), D(1_000_000), D("0.01")),
        lot_size=LotSize(D("0.0001"), D(9000), D("0.0001")),
        market_lot_size=LotSize(ZERO, D(9000), ZERO),
        percent_price=PercentPrice(True, D(5), D("0.2"), D(5), D("0.2")),
        notional=Notional(minimum=D(5), maximum=D(9_000_000)),
        trailing_delta=TrailingDelta(10, 2000, 10, 2000),
        orders_max=200,
        algo_orders_max=20,
        order_lists_max=20,
        amends_max=10,
    )
    return msgspec.structs.replace(instrument, **changes)


def make_settings(
    limits: RiskLimits = LIMITS, execution: ExecutionSettings | None = None, **changes: Any
) -> Settings:
    """Settings of an account whose link may fail: protection is read every 30 s, the books every 5 minutes."""
    venue = VenueProfile(protection_read_s=30, reconciliation=True, mark_interval_s=60)
    settings = Settings(
        risk=limits,
        execution=execution or ExecutionSettings(),
        breaker=BreakerSettings(circuit_breaker_errors=1000, identical_rejects_max=1000),
        venue=venue,
    )
    return msgspec.structs.replace(settings, **changes)


class _Venue(ReplayVenue):
    """The replay's venue, after a restart: answers to requests of the life before reach nobody."""

    def __init__(self, exchange: Exchange, link: Link, latency_us: Time, numbers: int = 0) -> None:
        super().__init__(exchange, link, latency_us)
        self._numbers = numbers

    @property
    def numbers(self) -> int:
        """How many requests have been numbered."""
        return self._numbers

    def _translate(self, delivery: Delivery, now: Time, inputs: list[Input]) -> None:
        number = delivery.request_id
        if number is not None and int(number) not in self._waiting:
            return
        super()._translate(delivery, now, inputs)


class _Averages:
    """The venue's average prices: here simply the last trade."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def get(self, symbol: Symbol) -> Decimal | None:
        return self._exchange.quote(symbol).last


class World:
    """Engine, exchange and link, driven by one virtual clock."""

    account_id = ACCOUNT
    tag = TAG
    start = START

    def __init__(
        self,
        *,
        instruments: Iterable[Instrument] | None = None,
        faults: FaultPlan | None = None,
        latency_ms: int = 50,
        settings: Settings | None = None,
        cash: Mapping[str, Decimal] | None = None,
        exchange_settings: ExchangeSettings | None = None,
        prices: Mapping[Symbol, Decimal] | None = None,
    ) -> None:
        self.instruments = tuple(instruments) if instruments is not None else (make_instrument(),)
        self.settings = settings or make_settings()
        opening = dict(cash) if cash is not None else {"USDT": CASH}
        self.exchange = Exchange(self.instruments, exchange_settings or ExchangeSettings(order_counts=()))
        self.exchange.open_account(
            ACCOUNT,
            opening,
            maker_fee=FEE,
            taker_fee=FEE,
            pay_fees_in_bnb=self.settings.execution.pay_fees_in_bnb,
        )
        self.exchange.average_price = lambda symbol, minutes: self.exchange.quote(symbol).last
        self.latency_us = latency_ms * MILLISECOND
        self.faults = faults if faults is not None else FaultPlan()
        self.link = Link(self.exchange, ACCOUNT, self.latency_us, self.faults)
        self.venue = _Venue(self.exchange, self.link, self.latency_us)
        self.now = START
        self.records: list[ev.Record] = []
        self.requests: list[tuple[Time, Request]] = []
        self.alerts: list[tuple[Time, str]] = []
        self.turns = 0
        self.lives = 1
        self.read_lag: Time = 0
        """How old what is read from the venue is when it arrives."""
        self.crash_at_turn: int | None = None
        """The turn after which the process is lost."""
        self.crash_at_sending: int | None = None
        """The step, of those that send something, between whose journal and wire the process is lost."""
        self.sendings = 0
        self.doubts: dict[tuple[str, Time], Time] = {}
        """Every doubt (order, since) and how long it has lasted."""
        self._agenda: list[tuple[Time, int, Callable[[], None]]] = []
        self._planned = 0
        self._is_up = True
        self.engine = Engine()
        self.engine.averages = _Averages(self.exchange)
        self.step(
            OpenLedger(
                account_id=ACCOUNT,
                tag=TAG,
                settings=self.settings,
                instruments=self.instruments,
                maker_fee=FEE,
                taker_fee=FEE,
                balances=tuple((asset, amount, ZERO) for asset, amount in opening.items()),
            )
        )
        for instrument in self.instruments:
            self.price(instrument.symbol, (prices or {}).get(instrument.symbol, D(100)))

    @property
    def is_up(self) -> bool:
        """Whether the process runs."""
        return self._is_up

    # -- what a test does ------------------------------------------------------------------------------------

    def signal(
        self,
        symbol: Symbol = "AAAUSDT",
        *,
        stop: Decimal | None = STOP,
        target: Decimal | None = TARGET,
        limit: Decimal | None = None,
        quote: Decimal = SIZE,
        trader_id: str = "ada",
        trailing: bool = False,
    ) -> Answer:
        """Submit a long signal; each is an idea of its own."""
        return self.command(
            SubmitSignal(
                Signal(
                    trader_id=trader_id,
                    symbol=symbol,
                    side=Direction.LONG,
                    created_at=self.now,
                    entry=Entry("limit", limit) if limit is not None else Entry(),
                    stop_loss=stop,
                    take_profit=target,
                    size=Size(quote=quote),
                    trailing=trailing,
                    interval="1s",
                    key=str(self.engine.state.signals_made + 1),
                )
            )
        )

    def decide(self, decision: PositionDecision, position_id: int = 1, **fields: Any) -> Answer:
        """Submit a trader's decision about a position."""
        return self.command(Decision(position_id=position_id, decision=decision, **fields))

    def command(self, item: Input) -> Answer:
        """Step the engine with an input and give its answer."""
        return self.step(item).answer or Answer(ok=True)

    def price(
        self,
        symbol: Symbol,
        last: Decimal,
        *,
        volume: Decimal = LITTLE,
        displayed: Decimal = MUCH,
        ask: Decimal | None = None,
    ) -> None:
        """Let the market trade at a price, one tick inside of the quotes, and show it to the engine."""
        tick = D("0.01")
        asked = ask if ask is not None else last + tick
        self.exchange.on_quote(symbol, last - tick, displayed, asked, displayed, self.now)
        self.exchange.on_trade(symbol, last, volume, self.now)
        self.seen(symbol)

    def seen(self, symbol: Symbol) -> None:
        """Take up what the market has set off and show the engine the quote."""
        self.link.collect(self.now)
        quoted = self.exchange.quote(symbol)
        assert quoted.bid is not None
        assert quoted.ask is not None
        assert quoted.last is not None
        if self._is_up and self.engine.observe(Quote(symbol, quoted.bid, quoted.ask, quoted.last, self.now)):
            self.step(PriceCrossed(symbol))

    def outside(self, request: Request) -> None:
        """Do something at the exchange by another hand (the user's own app)."""
        self.exchange.execute(ACCOUNT, request, self.now)
        self.link.collect(self.now)

    def withdraw(self, asset: str, amount: Decimal) -> None:
        """Move free coins away from the account."""
        self.exchange.withdraw(ACCOUNT, asset, amount, self.now)
        self.link.collect(self.now)

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Bring coins into the account."""
        self.exchange.deposit(ACCOUNT, asset, amount, self.now)
        self.link.collect(self.now)

    def cancel_outside(self, order_id: str, symbol: Symbol = "AAAUSDT") -> None:
        """Cancel one of our orders by another hand."""
        self.outside(CancelRequest(symbol=symbol, orig_client_order_id=order_id))

    def at(self, delay: Time, action: Callable[[], None]) -> None:
        """Have something done after a while, in the order of time and then of planning."""
        self._planned += 1
        heappush(self._agenda, (self.now + delay, self._planned, action))

    # -- the clock -------------------------------------------------------------------------------------------

    def run(self, duration: Time) -> None:
        """Let time pass."""
        self.run_until(self.now + duration)

    def run_until(self, end: Time) -> None:
        """Let everything happen until a time, that time included."""
        for _ in range(TURNS_MAX):
            due = self._next_due()
            if due is None or due > end:
                self.now = max(self.now, end)
                return
            self.now = max(self.now, due)
            self._turn()
        raise AssertionError(f"time stands still at {self.now - START} µs")

    def _next_due(self) -> Time | None:
        times = [self._agenda[0][0] if self._agenda else None]
        if self._is_up:
            times += [self.venue.next_time(), self.engine.next_deadline]
        else:
            times.append(self.link.next_time())
        return min((time for time in times if time is not None), default=None)

    def _turn(self) -> None:
        self.turns += 1
        if not self._is_up:
            self.link.advance(self.now)
        else:
            inputs = self.venue.advance(self.now)
            deadline = self.engine.next_deadline
            if deadline is not None and deadline <= self.now:
                inputs.append(TimeReached())
            if self.read_lag:
                inputs = [item for item in inputs if not self._lags(item)]
            if inputs:
                self.step(*inputs)
        while self._agenda and self._agenda[0][0] <= self.now:
            heappop(self._agenda)[2]()
        if self.turns == self.crash_at_turn:
            self.crash()

    def _lags(self, item: Input) -> bool:
        """Let what was read come late: the stream overtakes it."""
        is_read = isinstance(item, VenueSnapshot | OrderAbsent)
        if not is_read and not (isinstance(item, OrderReport) and item.source == "query"):
            return False
        life = self.lives

        def deliver() -> None:
            if self.lives == life:
                self.step(item)

        self.at(self.read_lag, deliver)
        return True

    def step(self, *items: Input) -> Step:
        """Step the engine, journal, carry out."""
        if not self._is_up:  # nobody listens
            return Step([], [], None)
        step = self.engine.step(*items, now=self.now)
        self.records += step.records
        for order in self.engine.ledger.doubts.values():
            if order.doubt is not None:
                self.doubts[order.id, order.doubt.since] = self.now - order.doubt.since
        if any(not _is_quiet(effect) for effect in step.effects):
            self.sendings += 1
            if self.sendings == self.crash_at_sending:
                self.crash()
                return step
        for effect in step.effects:
            if isinstance(effect, Send):
                self.requests.append((self.now, effect.request))
            elif isinstance(effect, Alert):
                self.alerts.append((self.now, effect.code))
        self.venue.carry_out(step.effects, self.now)
        return step

    # -- going down ------------------------------------------------------------------------------------------

    def crash(self, downtime: Time = SECOND) -> None:
        """Lose the process: what is under way to it is lost, what it sent goes on; it comes back after a while."""
        if not self._is_up:
            return
        self._is_up = False
        self.at(downtime, self.restart)

    def crash_before_sending(self) -> None:
        """Lose the process at the next step that sends anything, between the journal and the wire."""
        self.crash_at_sending = self.sendings + 1

    def restart(self) -> None:
        """Come back from the journal: state, quotes, deadlines, then a reconciliation."""
        dumped = self.engine.ledger.dump()
        self.link.advance(self.now)
        self.link._deliveries.clear()
        self.venue = _Venue(self.exchange, self.link, self.latency_us, self.venue.numbers)
        self.engine = Engine(Ledger.load(dumped))
        self.engine.averages = _Averages(self.exchange)
        self._is_up = True
        self.lives += 1
        for instrument in self.instruments:
            self.seen(instrument.symbol)
        self.engine.rearm(self.now)
        self.step(StreamChanged(connected=True), Reconcile(by="service", cause="restart"))

    # -- looking ---------------------------------------------------------------------------------------------

    def position(self, number: int = 1) -> Position:
        """One position as the engine has it."""
        return self.engine.state.positions[number]

    def events(self, *kinds: type[ev.Event]) -> list[ev.Event]:
        """Events of some kinds, in order."""
        return [record.event for record in self.records if isinstance(record.event, kinds)]

    def orders_at_exchange(self) -> list[OrderView]:
        """Every order of the account that the exchange remembers."""
        return [
            view
            for symbol in self.exchange.symbols
            for view in self.exchange.all_orders(ACCOUNT, symbol, limit=1000)
        ]

    def live_stop(self, symbol: Symbol = "AAAUSDT") -> OrderView:
        """The one live stop of a symbol at the exchange."""
        stops = [
            view
            for view in self.exchange.open_orders(ACCOUNT, symbol)
            if view.type in STOP_TYPES and view.status is not VenueOrderStatus.PENDING_NEW
        ]
        assert len(stops) == 1, stops
        return stops[0]

    # -- the judge -------------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Stop all faults and let the account find out by itself what is so."""
        self.faults.rates = Rates()
        self.faults.rates_by_kind.clear()
        self.faults.rules.clear()
        self.faults.event_rules.clear()
        self.run(QUIET)

    def audit(self, *, settled: bool = True) -> None:
        """Judge everything; with ``settled`` after ``come_to_rest``."""
        if settled:
            self.come_to_rest()
        assert self._is_up
        problems = Judge(self).problems()
        assert not problems, "\n" + "\n".join(problems) + "\n" + self.story()

    def story(self, last: int = 60) -> str:
        """The newest records as text, for failures; what comes by the clock alone is left out."""
        told = [record for record in self.records if not isinstance(record.event, _BY_THE_CLOCK)]
        return "\n".join(
            f"{record.seq:4} {(record.time - START) / SECOND:10.3f} {record.event!s:.240}"
            for record in told[-last:]
        )


def _is_quiet(effect: Effect) -> bool:
    return isinstance(effect, FetchInstruments | Alert)
