"""A replay put together: tapes, traders, the store and the report; its failures in the words of ``options``."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import numpy as np

from fillwright import __version__
from fillwright.bootstrap.enlisting import EXAMPLE_TRADER, SYNTHETIC_SYMBOLS
from fillwright.core.instruments import Instrument
from fillwright.core.types import DAY, SECOND, AccountId, Mode, Symbol
from fillwright.market.columns import CandleColumns, ScaleError
from fillwright.market.intervals import IntervalError
from fillwright.market.synthetic import MarketShape
from fillwright.market.synthetic_tape import synthetic_tape
from fillwright.market.tapes import Tape, TapeError, TapeKind, open_tape, open_tapes
from fillwright.options import (
    CANDLES_NAME,
    JOURNAL_NAME,
    REPORT_NAME,
    SUMMARY_NAME,
    BadInputError,
    ReplayOptions,
    ReplayProgress,
    ReplayResult,
    StorageFailedError,
    TraderFailedError,
)
from fillwright.ports import PAGE_MAX, Owner, ReadModel, StorageError, every
from fillwright.replay.charting import Charts, read_charts
from fillwright.replay.run import Outcome, Plan, Replay, ResumeMismatchError, fingerprint
from fillwright.replay.signals import PlannedSignal, SignalFileError, read_signals
from fillwright.replay.simulation import Simulation
from fillwright.replay.verification import distribution
from fillwright.reports.candles import CandleSeries, save_candles
from fillwright.reports.data import RunInfo, gather
from fillwright.reports.page import render
from fillwright.reports.summary import summary
from fillwright.storage.sql import (
    SqliteStore,
    open_read_model,
    open_store,
)
from fillwright.traders import TraderError, TraderLoadError, TraderRunner, load_trader
from fillwright.wire.exchange_info import (
    ExchangeInfoError,
    UnknownSymbolError,
    default_exchange_info,
    load_exchange_info,
)

ACCOUNT_ID: AccountId = "replay"
USER_ID = "local"
PROGRESS_TURNS = 1_024
PROGRESS_INTERVAL_S = 0.1

Progress = Callable[[ReplayProgress], None]


def replay(options: ReplayOptions, progress: Progress | None = None) -> ReplayResult:
    """Replay tapes (or a synthetic market) and write journal, summary and report.

    Raises BadInputError, TraderFailedError or StorageFailedError, each with one clear line.
    """
    with _failures():
        job = _Job(options, progress or (lambda news: None))
        return job.run()


@contextmanager
def _failures() -> Iterator[None]:
    """Turn the rooms' errors into the failures that a caller knows."""
    try:
        yield
    except (
        TapeError,
        ExchangeInfoError,
        UnknownSymbolError,
        SignalFileError,
        TraderLoadError,
        ResumeMismatchError,
        ScaleError,
        IntervalError,
    ) as error:
        raise BadInputError(str(error)) from error
    except TraderError as error:
        raise TraderFailedError(str(error), error.trace) from error
    except StorageError as error:
        raise StorageFailedError(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise StorageFailedError(f"{error.filename or 'disk'}: {error.strerror}") from error
        raise BadInputError(f"{error.filename}: {error.strerror}") from error


class _Job:
    """One replay as the command line asks for it."""

    def __init__(self, options: ReplayOptions, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.settings = options.config.settings
        self.instruments = _instruments(options)
        self.groups = self._tape_groups()
        self.symbols = self._symbols()
        self.traders = self._traders()
        self.runners = self._runners()
        if options.signals is not None:
            next(read_signals(options.signals, self._symbol()), None)

    # -- what is asked for -----------------------------------------------------------------------------------

    def _symbol(self) -> Symbol | None:
        return self.options.symbols[0] if len(self.options.symbols) == 1 else None

    def _tape_groups(self) -> list[list[Path]]:
        """Tapes that follow each other as one (same kind and symbol); every other tape alone."""
        groups: dict[object, list[Path]] = {}
        for place, path in enumerate(self.options.tapes):
            tape = self._open(path, 0)
            own = place if tape.kind is TapeKind.EVENTS else None
            groups.setdefault((tape.kind, tape.symbols, tape.interval, own), []).append(path)
        return list(groups.values())

    def _open(self, path: Path, start_row: int) -> Tape:
        return open_tape(path, self._symbol(), self.instruments, start_row=start_row, sort=self.options.sort)

    def open_tapes(self, rows: Sequence[int]) -> Sequence[Tape]:
        """Every tape, each at a row (none given: at its first)."""
        if self.options.synthetic:
            return [
                synthetic_tape(
                    self.options.seed,
                    self.instruments[symbol],
                    int(self.options.days * MarketShape().trades_per_second * (DAY // SECOND)),
                    start_row=rows[place] if rows else 0,
                )
                for place, symbol in enumerate(self.symbols)
            ]
        return [
            open_tapes(
                group,
                self._symbol(),
                self.instruments,
                start_row=rows[place] if rows else 0,
                sort=self.options.sort,
            )
            for place, group in enumerate(self.groups)
        ]

    def _symbols(self) -> tuple[Symbol, ...]:
        if self.options.synthetic:
            return self.options.symbols or SYNTHETIC_SYMBOLS
        found = [symbol for tape in self.open_tapes(()) for symbol in tape.symbols]
        wanted = self.options.symbols
        missing = [symbol for symbol in wanted if symbol not in found]
        if missing:
            raise BadInputError(f"{missing[0]} is not on the tape; it has {', '.join(dict.fromkeys(found))}")
        return tuple(symbol for symbol in dict.fromkeys(found) if not wanted or symbol in wanted)

    def _traders(self) -> dict[str, tuple[str, Mapping[str, object]]]:
        """By name: the trader's class and its parameters."""
        options, known = self.options, self.options.config.traders
        if options.signals is not None:
            return {}
        if options.trader is None and not known:
            return {EXAMPLE_TRADER: (EXAMPLE_TRADER, {})}
        if options.trader is None or options.trader in known:
            return {
                name: (trader.trader_class, trader.parameters)
                for name, trader in known.items()
                if trader.trader_class is not None and options.trader in (None, name)
            }
        return {options.trader.rpartition(":")[2] or options.trader: (options.trader, {})}

    def _runners(self) -> list[TraderRunner]:
        return [
            TraderRunner(
                load_trader(spec, parameters),
                name,
                self.symbols,
                self.settings.candle_interval,
                taker_fee=self.settings.paper.taker_fee,
            )
            for name, (spec, parameters) in self.traders.items()
        ]

    def _signals(self) -> Iterator[PlannedSignal]:
        if self.options.signals is None:
            return iter(())
        return read_signals(self.options.signals, self._symbol())

    def _plan(self) -> Plan:
        options = self.options
        return Plan(
            account_id=ACCOUNT_ID,
            settings=self.settings,
            limits=options.config.limits,
            instruments={symbol: self.instruments[symbol] for symbol in self.symbols},
            open_tapes=self.open_tapes,
            open_signals=self._signals,
            runners=self.runners,
            symbols=frozenset(self.symbols) if options.symbols else None,
            fingerprint=self._fingerprint(),
        )

    def _fingerprint(self) -> str:
        """A short name of all that decides what a replay does; files by their names and sizes."""
        options = self.options
        return fingerprint(
            __version__,
            [_file(path) for path in options.tapes],
            options.sort,
            (options.synthetic, options.seed, options.days) if options.synthetic else None,
            [msgspec.json.encode(self.instruments[symbol]) for symbol in self.symbols],
            _file(options.signals) if options.signals is not None else None,
            [(name, spec, sorted(map(repr, given.items()))) for name, (spec, given) in self.traders.items()],
            msgspec.json.encode(self.settings),
            msgspec.json.encode(options.config.limits),
        )

    # -- doing it --------------------------------------------------------------------------------------------

    def run(self) -> ReplayResult:
        """Play, verify, report."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        journal = out / JOURNAL_NAME
        resuming = self.options.resume and journal.exists()
        if not resuming:
            _remove(out)
        try:
            with (
                open_store(journal, self.options.config.durability_in(Mode.PAPER)) as store,
                store.read_model() as model,
            ):
                outcome, charts = self._play(store, model)
        except (TapeError, SignalFileError, ScaleError):
            if not resuming:
                _remove(out)  # a tape that breaks halfway leaves nothing half written
            raise
        return self._report(journal, outcome, charts)

    def _play(self, store: SqliteStore, model: ReadModel) -> tuple[Outcome, Charts]:
        owner = Owner(account_id=ACCOUNT_ID, user_id=USER_ID, mode=Mode.PAPER)
        charts = Charts()
        job = Replay(
            self._plan(),
            store.journal,
            store.projection(owner),
            charts,
            lambda: every(
                lambda cursor: model.trades(ACCOUNT_ID, limit=PAGE_MAX, cursor=cursor, oldest_first=True)
            ),
        )
        simulation = job.resume() if self.options.resume else None
        if simulation is None:
            simulation = job.start()
        watch = _Watch(self.progress, store)
        try:
            outcome = job.play(simulation, watch.turn)
        except TraderError:
            job.recorder.commit(simulation, snapshot=False)
            raise
        return outcome, charts

    def _report(self, journal: Path, outcome: Outcome, charts: Charts) -> ReplayResult:
        options, out = self.options, self.options.out
        self.progress(ReplayProgress(phase="report", ticks=outcome.ticks, time=outcome.end))
        if outcome.resumed:
            charts = read_charts(self.open_tapes(()))
        series = tuple(_series(columns) for columns in charts.columns())
        info = RunInfo(
            start=outcome.start,
            end=outcome.end,
            traders=tuple(runner.trader_id for runner in self.runners) or ("signals",),
            symbols=self.symbols,
            tapes=tuple(path.name for path in options.tapes)
            or (f"synthetic market, seed {options.seed}, {options.days} days",),
            seed=options.seed if options.synthetic else None,
            ticks=outcome.ticks,
            settings={key: options.config.values[key] for key in options.config.places},
            digest=outcome.digest,
            version=__version__,
            initial_balance=self.settings.paper.initial_balance,
            notes=outcome.notes,
        )
        with open_read_model(journal) as model:
            data = gather(model, ACCOUNT_ID, info, series)
        figures = {**summary(data), "verification": _verification(outcome)}
        _write(out / CANDLES_NAME, lambda path: save_candles(path, series))
        _write(
            out / SUMMARY_NAME,
            lambda path: path.write_bytes(
                msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"
            ),
        )
        _write(out / REPORT_NAME, lambda path: path.write_text(render(data), encoding="utf-8"))
        return ReplayResult(
            journal=journal,
            summary=out / SUMMARY_NAME,
            report=out / REPORT_NAME,
            digest=outcome.digest,
            figures=figures,
            resumed=outcome.resumed,
        )


class _Watch:
    """Tells how far a replay is, a few times a second, and keeps the write-ahead log short."""

    def __init__(self, progress: Progress, store: SqliteStore) -> None:
        self.progress = progress
        self.store = store
        self._turns = 0
        self._told_at = time.monotonic()

    def turn(self, simulation: Simulation) -> None:
        """Called between turns."""
        self._turns += 1
        if self._turns % PROGRESS_TURNS:
            return
        now = time.monotonic()
        if now - self._told_at < PROGRESS_INTERVAL_S:
            return
        self._told_at = now
        if self.store.checkpoint_due():
            self.store.checkpoint()
        feeds = simulation.feeds
        self.progress(
            ReplayProgress(
                phase="replaying",
                done=sum(feed.tape.consumed for feed in feeds),
                total=sum(feed.tape.total for feed in feeds),
                time=simulation.now,
                ticks=sum(feed.visited + feed.passed for feed in feeds),
                signals=simulation.counts.signals,
                trades=simulation.engine.state.portfolio.trades,
            )
        )


def _instruments(options: ReplayOptions) -> Mapping[Symbol, Instrument]:
    if options.exchange_info is None:
        known = default_exchange_info().instruments
    else:
        known = load_exchange_info(options.exchange_info).instruments
    for symbol in options.symbols:
        if symbol not in known:
            raise BadInputError(f"unknown symbol {symbol}: not in the exchange info; see --exchange-info")
    return known


def _file(path: Path) -> tuple[str, int]:
    return path.name, path.stat().st_size


def _series(columns: CandleColumns) -> CandleSeries:
    scale = columns.scale
    price = np.float64(10.0**-scale.price_decimals)
    quantity = np.float64(10.0**-scale.quantity_decimals)
    return CandleSeries(
        symbol=columns.symbol,
        interval_us=columns.interval.length_us or 30 * DAY,
        price_decimals=scale.price_decimals,
        time_us=np.asarray(columns.open_time_us),
        open=np.multiply(columns.open, price, dtype=np.float64),
        high=np.multiply(columns.high, price, dtype=np.float64),
        low=np.multiply(columns.low, price, dtype=np.float64),
        close=np.multiply(columns.close, price, dtype=np.float64),
        volume=np.multiply(columns.volume, quantity, dtype=np.float64),
    )


def _verification(outcome: Outcome) -> dict[str, object]:
    found = outcome.verification
    return {
        "ok": found.ok,
        "trades": found.trades,
        "fills": found.fills,
        "balances": found.balances,
        "filter_rejections": found.filter_rejections,
        "differences": found.differences,
        "unprotected_us": distribution(found.unprotected_us),
        "alerts": outcome.alerts,
        "ticks_visited": outcome.visited,
        "records": outcome.records,
        "resumed_at_tick": outcome.resumed_at,
    }


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        write(partial)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def _remove(out: Path) -> None:
    """Remove what an earlier replay left in a folder."""
    for name in (JOURNAL_NAME, SUMMARY_NAME, REPORT_NAME, CANDLES_NAME):
        for suffix in ("", "-wal", "-shm", ".partial"):
            (out / (name + suffix)).unlink(missing_ok=True)
