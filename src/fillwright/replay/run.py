"""A whole replay: open or resume a journal, play the tapes, verify, and say what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from fillwright.core.engine import Engine
from fillwright.core.inputs import ChangeLimits, OpenLedger, Reconcile
from fillwright.core.instruments import Instrument
from fillwright.core.settings import RiskLimits, Settings, VenueProfile
from fillwright.core.types import DAY, MILLISECOND, SECOND, AccountId, Asset, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import FaultPlan
from fillwright.exchange.link import Link
from fillwright.exchange.settings import ExchangeSettings
from fillwright.market.intervals import Interval
from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.tape import Tape
from fillwright.ports import Journal, Projection, TradeView
from fillwright.replay.agenda import Agenda
from fillwright.replay.charting import Charts
from fillwright.replay.feeds import open_feed
from fillwright.replay.recording import Recorder, Restored, restore
from fillwright.replay.signals import PlannedSignal
from fillwright.replay.simulation import Counts, Simulation
from fillwright.replay.venue import ReplayVenue
from fillwright.replay.verification import Verification, verify
from fillwright.traders.runner import TraderRunner
from fillwright.venues.in_process import balances

REPLAY_TAG = "replay"
MARK_INTERVAL_S = 60
"""How often equity is marked where something is held; on tapes of candles once a candle, if that is longer."""
MARK_INTERVAL_MAX: Time = DAY
KEEP_ENDED_S = 60
"""A stream that loses nothing has no late reports."""
EXCHANGE_FINALS_KEPT = 16
"""Ended orders and trades that the exchange keeps: nobody asks a replay's exchange about older ones."""


class ResumeMismatchError(ValueError):
    """The journal belongs to another replay than the one that is to be resumed."""


class Plan(msgspec.Struct, kw_only=True):
    """A replay to be done."""

    account_id: AccountId
    settings: Settings
    limits: Mapping[str, RiskLimits]
    instruments: Mapping[Symbol, Instrument]
    open_tapes: Callable[[Sequence[int]], Sequence[Tape]]
    """Opens the tapes, each at a row (an empty sequence: all at their first)."""
    open_signals: Callable[[], Iterator[PlannedSignal]]
    runners: Sequence[TraderRunner]
    symbols: frozenset[Symbol] | None
    fingerprint: str
    faults: FaultPlan | None = None
    tick_by_tick: bool = False


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a replay."""

    digest: str
    verification: Verification
    start: Time
    end: Time
    ticks: int
    visited: int
    signals: int
    alerts: dict[str, int]
    resumed: bool
    records: int
    notes: tuple[str, ...]
    resumed_at: int = 0
    """Moments that a resumed run found done."""


def fingerprint(*parts: object) -> str:
    """A short name of everything that must be the same for a resumed run."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def replay_settings(settings: Settings, faulty: bool) -> Settings:
    """An account's settings at the in-process exchange: its stream loses nothing, unless faults are planned."""
    venue = VenueProfile(
        in_flight_max_ms=0,
        keep_ended_s=settings.venue.keep_ended_s if faulty else KEEP_ENDED_S,
        protection_read_s=30 if faulty else 0,
        reconciliation=faulty,
        mark_interval_s=MARK_INTERVAL_S,
        order_limits=settings.venue.order_limits,
    )
    return msgspec.structs.replace(settings, venue=venue)


def marked_by(settings: Settings, tapes: Sequence[Tape]) -> Settings:
    """Settings that mark equity no more often than tapes have prices: inside a candle nothing is known.

    At a candle's end the mark sees its close.
    """
    lengths = [tape.interval.length_us or MARK_INTERVAL_MAX for tape in tapes if tape.interval is not None]
    if len(lengths) < len(tapes):
        return settings
    interval_s = min([MARK_INTERVAL_MAX, *lengths]) // SECOND
    if interval_s <= settings.venue.mark_interval_s:
        return settings
    venue = msgspec.structs.replace(settings.venue, mark_interval_s=interval_s)
    return msgspec.structs.replace(settings, venue=venue)


class Replay:
    """One replay from its plan to its outcome."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        projection: Projection,
        charts: Charts | None = None,
        trades: Callable[[], Iterable[TradeView]] | None = None,
    ) -> None:
        self.plan = plan
        self.trades = trades
        """The read model's trades by their ids, to be verified with everything else."""
        self.journal = journal
        self.projection = projection
        self.charts = charts
        self.settings = replay_settings(plan.settings, plan.faults is not None)
        self.exchange_settings = ExchangeSettings(
            slippage_bps=plan.settings.paper.slippage_bps,
            spread_bps=plan.settings.paper.spread_bps,
            final_orders_max=EXCHANGE_FINALS_KEPT,
            trades_max=EXCHANGE_FINALS_KEPT,
        )
        self.resumed = False
        self.finished = False
        """Whether the journal that was resumed holds the whole replay already."""

    # -- setting up ------------------------------------------------------------------------------------------

    def start(self) -> Simulation:
        """A simulation at its beginning, its ledger opened by its first records."""
        plan = self.plan
        exchange = Exchange(plan.instruments.values(), self.exchange_settings)
        paper = plan.settings.paper
        opening: dict[Asset, Decimal] = {plan.settings.quote_asset: paper.initial_balance}
        exchange.open_account(plan.account_id, opening, maker_fee=paper.maker_fee, taker_fee=paper.taker_fee)
        simulation = self._simulation(exchange, Engine(), Agenda(self.plan.open_signals()), verify=False)
        tapes = plan.open_tapes(())
        for tape in tapes:
            simulation.add_feed(open_feed(tape, simulation, self._intervals(), plan.symbols))
        for feed in simulation.feeds:
            if not feed.load():
                raise TapeError(feed.tape.path, f"has nothing about {' or '.join(feed.tape.symbols)}")
        times = [feed.next_time() for feed in simulation.feeds if not feed.exhausted]
        simulation.now = min(times, default=1) - 1
        self.recorder.first_time = simulation.now + 1
        simulation.step(
            OpenLedger(
                account_id=plan.account_id,
                tag=REPLAY_TAG,
                settings=marked_by(self.settings, tapes),
                instruments=tuple(plan.instruments.values()),
                maker_fee=paper.maker_fee,
                taker_fee=paper.taker_fee,
                balances=tuple((asset, amount, Decimal(0)) for asset, amount in opening.items()),
            )
        )
        for key, limits in plan.limits.items():
            trader_id, _, symbol = key.partition("|")
            simulation.step(
                ChangeLimits(by="configuration", trader_id=trader_id, symbol=symbol, limits=limits)
            )
        self.recorder.commit(simulation, snapshot=True)  # from here on there is something to go on from
        return simulation

    def resume(self) -> Simulation | None:
        """A simulation as the newest snapshot has it; None without one. ResumeMismatchError for another replay's."""
        plan = self.plan
        snapshot = self.journal.load_snapshot(plan.account_id)
        if snapshot is None:
            return None
        restored = restore(snapshot)
        run = restored.run
        if run.fingerprint != plan.fingerprint:
            raise ResumeMismatchError(
                "the journal is of a replay with other tapes, signals, trader or settings"
            )
        exchange = Exchange.load(restored.exchange, plan.instruments.values(), self.exchange_settings)
        agenda = Agenda(self.plan.open_signals(), run.delivered, run.signals_taken)
        simulation = self._simulation(exchange, Engine(restored.ledger), agenda, verify=True)
        self._restore(simulation, restored)
        self.resumed = True
        self.finished = run.finished
        return simulation

    def _restore(self, simulation: Simulation, restored: Restored) -> None:
        plan, run = self.plan, restored.run
        simulation.now = run.now
        simulation.engine.quotes.update(run.quotes)
        simulation.venue.load(restored.venue)
        simulation.venue.alerts = dict(run.alerts)
        simulation.counts = msgspec.msgpack.decode(run.counts, type=Counts)
        tapes = plan.open_tapes([image.restart_row for image in run.feeds])
        for tape, image in zip(tapes, run.feeds, strict=True):
            feed = open_feed(tape, simulation, self._intervals(), plan.symbols)
            simulation.add_feed(feed)
            feed.resume(image.moment, image.extra)
            feed.visited, feed.passed = image.visited, image.passed
        for runner, data in zip(plan.runners, run.runners, strict=True):
            runner.load(data)
        simulation.rearm(run.wakes)
        self.recorder.first_time = run.first_time
        self.recorder.resumed_at(sum(image.visited + image.passed for image in run.feeds))
        if self.projection.seq < self.journal.last_seq(plan.account_id):
            self.projection.catch_up()

    def _intervals(self) -> tuple[Interval, ...]:
        wanted = [Interval.parse(self.settings.candle_interval)]
        wanted += [runner.interval for runner in self.plan.runners]
        return tuple(dict.fromkeys(wanted))

    def _simulation(self, exchange: Exchange, engine: Engine, agenda: Agenda, *, verify: bool) -> Simulation:
        plan = self.plan
        latency_us = plan.settings.paper.latency_ms * MILLISECOND
        link = Link(exchange, plan.account_id, latency_us, plan.faults, stream_only=plan.faults is None)
        self.recorder = Recorder(
            self.journal, self.projection, plan.account_id, plan.fingerprint, verify=verify
        )
        return Simulation(
            engine,
            exchange,
            ReplayVenue(exchange, link, latency_us),
            agenda,
            self.recorder,
            plan.runners,
            tick_by_tick=plan.tick_by_tick,
            charts=None if verify else self.charts,
        )

    # -- playing ---------------------------------------------------------------------------------------------

    def play(self, simulation: Simulation, on_turn: Callable[[Simulation], None] | None = None) -> Outcome:
        """Play to the end, compare the books one last time, verify everything, and commit the whole.

        Of a replay that had been finished before only the outcome is worked out again.
        """
        recorder = self.recorder
        before = sum(feed.visited + feed.passed for feed in simulation.feeds)
        if self.finished:
            return self._outcome(simulation, before)

        def between_turns() -> None:
            recorder.between_turns(simulation)
            if on_turn is not None:
                on_turn(simulation)

        simulation.run(between_turns)
        simulation.step(Reconcile(by="replay", cause="end of the tape"))
        simulation.drain()
        recorder.commit(simulation, snapshot=True, finished=True)
        return self._outcome(simulation, before)

    def _outcome(self, simulation: Simulation, before: int) -> Outcome:
        account_id = self.plan.account_id
        held = balances(simulation.exchange.balances(account_id))
        feeds = simulation.feeds
        return Outcome(
            digest=self.journal.digest(account_id),
            verification=verify(
                self.journal.load(account_id),
                simulation.engine.ledger,
                held,
                None if self.trades is None else self.trades(),
            ),
            start=self.recorder.first_time,
            end=simulation.now,
            ticks=sum(feed.visited + feed.passed for feed in feeds),
            visited=sum(feed.visited for feed in feeds),
            signals=simulation.counts.signals,
            alerts=simulation.venue.alerts,
            resumed=self.resumed,
            records=simulation.engine.state.seq,
            notes=_notes(simulation),
            resumed_at=before,
        )


def _notes(simulation: Simulation) -> tuple[str, ...]:
    notes = []
    kinds = {feed.tape.kind.value for feed in simulation.feeds}
    if kinds <= {"trades", "candles"}:
        notes.append("No quotes and no depth on the tape: a stated spread and slippage stand in for them.")
    if "quotes" in kinds:
        notes.append("No trades on the tape: stops trigger on best bid and ask.")
    if "candles" in kinds:
        notes.append("Inside a candle the worst path is assumed: the low comes before the high.")
    for feed in simulation.feeds:
        if feed.tape.gaps:
            notes.append(f"{feed.tape.path.name}: {feed.tape.gaps} gaps, {feed.tape.missing} rows missing.")
    return tuple(notes)
