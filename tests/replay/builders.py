"""What the replay's tests build on: tapes held in memory, a journal held in memory, a replay in one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fillwright.core.events import Record, encode
from fillwright.core.inputs import Entry, Signal, Size
from fillwright.core.instruments import Instrument
from fillwright.core.settings import ExecutionSettings, PaperSettings, RiskLimits, Settings
from fillwright.core.state import Ledger
from fillwright.core.types import SECOND, AccountId, Direction, Symbol, Time
from fillwright.market.columns import CandleColumns, QuoteColumns, Scale, TradeColumns
from fillwright.market.events import Event, EventChunk
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Chunk, Tape, TapeKind, cut_into_chunks
from fillwright.ports import Projection, Snapshot
from fillwright.replay.charting import Charts
from fillwright.replay.run import Outcome, Plan, Replay
from fillwright.replay.signals import PlannedSignal
from fillwright.replay.simulation import Simulation
from tests.core.builders import make_instrument, wide_limits

D = Decimal
START: Time = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC."""
SYMBOL = "BTCUSDT"
SCALE = Scale(2, 5)
ACCOUNT = "replay"
BTCUSDT = make_instrument(percent_price=None)
LOOSE = wide_limits(
    max_position_size_usdt=D(1000),
    risk_per_trade_percent=D(5),
    max_consecutive_losses=1_000_000,
    max_daily_loss_usdt=D(10**9),
    max_daily_loss_percent=D(100),
    max_drawdown_percent=D(100),
    max_spread_percent=D(5),
    max_price_deviation_percent=D(50),
    max_stop_loss_percent=D(50),
    quote_age_max_s=D(60),
    signal_age_max_s=D(3600),
    correlation_limit=D(1),
)
"""Limits that leave it to the market what happens."""


# -- tapes -------------------------------------------------------------------------------------------------------


class ListTape(Tape):
    """A tape whose rows are in memory."""

    def __init__(
        self,
        kind: TapeKind,
        data: TradeColumns | CandleColumns | QuoteColumns | list[Event],
        symbols: Sequence[Symbol],
        chunk_rows: int,
        start_row: int = 0,
    ) -> None:
        super().__init__(Path("memory"), kind, start_row)
        self.symbols = tuple(symbols)
        self.scales = dict.fromkeys(symbols, SCALE)
        self.data = data
        self.chunk_rows = chunk_rows
        if isinstance(data, CandleColumns):
            self.interval = data.interval

    def chunks(self) -> Iterator[Chunk]:
        data, start = self.data, self.start_row
        if not isinstance(data, list):
            if start < len(data):
                yield from cut_into_chunks(iter([data.slice(start, len(data))]), start, self.chunk_rows)
            return
        while start < len(data):
            stop = min((start // self.chunk_rows + 1) * self.chunk_rows, len(data))
            yield EventChunk(data[start:stop], start)
            start = stop

    @property
    def consumed(self) -> int:
        return 0

    @property
    def total(self) -> int:
        return len(self.data)

    def at(self, row: int) -> ListTape:
        """The same tape, opened at a row."""
        return ListTape(self.kind, self.data, self.symbols, self.chunk_rows, row)


def _units(values: Sequence[Any], decimals: int) -> np.ndarray:
    return np.array([int(D(str(value)).scaleb(decimals)) for value in values], dtype=np.int64)


def trades_tape(
    rows: Sequence[tuple[Any, ...]], *, symbol: Symbol = SYMBOL, chunk_rows: int = 1_000
) -> ListTape:
    """Trades: seconds after START (or microseconds as an int beyond 10^9), price, quantity, buyer is maker."""
    columns = TradeColumns(
        symbol,
        SCALE,
        np.array([at(row[0]) for row in rows], dtype=np.int64),
        _units([row[1] for row in rows], 2),
        _units([row[2] if len(row) > 2 else 1 for row in rows], 5),
        np.array([bool(row[3]) if len(row) > 3 else False for row in rows], dtype=np.bool_),
        np.arange(1, len(rows) + 1, dtype=np.int64),
    )
    return ListTape(TapeKind.TRADES, columns, (symbol,), chunk_rows)


def candles_tape(
    rows: Sequence[tuple[int, Any, Any, Any, Any, Any]],
    *,
    symbol: Symbol = SYMBOL,
    interval: Interval = Interval.M1,
    chunk_rows: int = 1_000,
) -> ListTape:
    """Candles: number of the interval after START, open, high, low, close, volume."""
    assert interval.length_us is not None
    opens = np.array([START + row[0] * interval.length_us for row in rows], dtype=np.int64)
    columns = CandleColumns(
        symbol,
        interval,
        SCALE,
        opens,
        opens + interval.length_us - 1,
        *[_units([row[place] for row in rows], 2) for place in (1, 2, 3, 4)],
        _units([row[5] for row in rows], 5),
    )
    return ListTape(TapeKind.CANDLES, columns, (symbol,), chunk_rows)


def quotes_tape(
    rows: Sequence[tuple[Any, Any, Any]], *, symbol: Symbol = SYMBOL, chunk_rows: int = 1_000
) -> ListTape:
    """Best quotes: seconds after START, bid, ask; one coin on each side."""
    one = _units([1] * len(rows), 5)
    columns = QuoteColumns(
        symbol,
        SCALE,
        np.array([at(row[0]) for row in rows], dtype=np.int64),
        _units([row[1] for row in rows], 2),
        one,
        _units([row[2] for row in rows], 2),
        one,
    )
    return ListTape(TapeKind.QUOTES, columns, (symbol,), chunk_rows)


def events_tape(
    events: list[Event], *, symbols: Sequence[Symbol] = (SYMBOL,), chunk_rows: int = 1_000
) -> ListTape:
    """A recording."""
    return ListTape(TapeKind.EVENTS, events, symbols, chunk_rows)


def at(seconds: float) -> Time:
    """A time so many seconds after START."""
    return START + round(seconds * SECOND)


# -- signals -----------------------------------------------------------------------------------------------------


def planned(
    number: int,
    seconds: float,
    *,
    symbol: Symbol = SYMBOL,
    stop: Any = None,
    target: Any = None,
    stop_percent: Any = None,
    target_percent: Any = None,
    limit: Any = None,
    quote: Any = 500,
    trailing: bool = False,
) -> PlannedSignal:
    """A signal of a file."""
    signal = Signal(
        trader_id=f"trader {number}",
        symbol=symbol,
        side=Direction.LONG,
        created_at=at(seconds),
        entry=Entry() if limit is None else Entry("limit", D(str(limit))),
        stop_loss=None if stop is None else D(str(stop)),
        take_profit=None if target is None else D(str(target)),
        size=Size(quote=D(str(quote))),
        trailing=trailing,
        key=f"signal {number}",
    )
    return PlannedSignal(
        number,
        signal,
        None if stop_percent is None else D(str(stop_percent)),
        None if target_percent is None else D(str(target_percent)),
    )


# -- journals ----------------------------------------------------------------------------------------------------


class MemoryJournal:
    """``ports.Journal`` in memory, for one account."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.snapshots: list[Snapshot] = []

    def append(self, account_id: AccountId, expected_seq: int, records: Sequence[Record]) -> None:
        assert expected_seq == len(self.records)
        self.records += records

    def verify_or_append(self, account_id: AccountId, records: Sequence[Record]) -> int:
        known = [record for record in records if record.seq <= len(self.records)]
        for record in known:
            assert self.records[record.seq - 1] == record
        self.records += records[len(known) :]
        return len(records) - len(known)

    def append_group(
        self,
        account_id: AccountId,
        records: Sequence[Record],
        *,
        verify: bool = False,
        snapshot: Snapshot | None = None,
        projection: Projection | None = None,
    ) -> None:
        if verify:
            self.verify_or_append(account_id, records)
        elif records:
            self.append(account_id, records[0].seq - 1, records)
        if snapshot is not None:
            self.save_snapshot(account_id, snapshot)

    def group(self) -> AbstractContextManager[object]:
        return nullcontext()

    def load(self, account_id: AccountId, after_seq: int = 0) -> Iterator[Record]:
        return iter(self.records[after_seq:])

    def last_seq(self, account_id: AccountId) -> int:
        return len(self.records)

    def accounts(self) -> list[AccountId]:
        return [ACCOUNT]

    def save_snapshot(self, account_id: AccountId, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def load_snapshot(self, account_id: AccountId, seq_max: int | None = None) -> Snapshot | None:
        return self.snapshots[-1] if self.snapshots else None

    def digest(self, account_id: AccountId) -> str:
        return hashlib.sha256("\n".join(lines(self.records)).encode()).hexdigest()


class NoProjection:
    """``ports.Projection`` that writes nothing."""

    seq = 0

    def observe(self, records: Sequence[Record], ledger: Ledger) -> None:
        self.seq = records[-1].seq

    def flush(self) -> int:
        return 0

    def catch_up(self) -> int:
        return 0


def lines(records: Sequence[Record]) -> list[str]:
    """Records as the store writes them, for comparing and for reading a difference."""
    return [
        f"{one.seq}|{one.time}|{one.cause}|{type(one.event).__name__}|{encode(one.event).decode()}"
        for one in records
    ]


# -- replays -----------------------------------------------------------------------------------------------------


class Case(msgspec.Struct, kw_only=True):
    """A replay that can be done again and again, in one way or another."""

    tapes: list[ListTape]
    signals: list[PlannedSignal] = []
    instruments: Mapping[Symbol, Instrument] = msgspec.field(default_factory=lambda: {SYMBOL: BTCUSDT})
    risk: RiskLimits = LOOSE
    paper: PaperSettings = PaperSettings(latency_ms=0)
    take_profit_style: str = "market"
    execution: ExecutionSettings = ExecutionSettings(slippage_max_percent=D("0.05"))
    candle_interval: str = "1m"
    runners: Any = None
    symbols: frozenset[Symbol] | None = None

    def plan(self, *, tick_by_tick: bool = False, fingerprint: str = "one", **changes: Any) -> Plan:
        """The plan of it."""
        fields: dict[str, Any] = {
            "account_id": ACCOUNT,
            "settings": Settings(
                risk=self.risk,
                paper=self.paper,
                take_profit_style=self.take_profit_style,
                candle_interval=self.candle_interval,
                execution=self.execution,
            ),
            "limits": {},
            "instruments": self.instruments,
            "open_tapes": self.open,
            "open_signals": lambda: iter(self.signals),
            "runners": () if self.runners is None else self.runners(),
            "symbols": self.symbols,
            "fingerprint": fingerprint,
            "tick_by_tick": tick_by_tick,
        }
        return Plan(**{**fields, **changes})

    def open(self, rows: Sequence[int]) -> list[ListTape]:
        """The tapes anew, each at its row."""
        return [tape.at(rows[place] if rows else 0) for place, tape in enumerate(self.tapes)]

    def job(
        self, journal: MemoryJournal | None = None, charts: Charts | None = None, **changes: Any
    ) -> Replay:
        """A replay of it that has not begun."""
        return Replay(self.plan(**changes), journal or MemoryJournal(), NoProjection(), charts)

    def play(self, **changes: Any) -> Played:
        """Replay it from beginning to end."""
        journal = MemoryJournal()
        job = self.job(journal, **changes)
        simulation = job.start()
        return Played(job.play(simulation), simulation, journal)


class Played(msgspec.Struct):
    """A replay that was done."""

    outcome: Outcome
    simulation: Simulation
    journal: MemoryJournal

    @property
    def lines(self) -> list[str]:
        """Its journal, readable."""
        return lines(self.journal.records)

    def events(self, kind: type[Any]) -> list[Any]:
        """Its events of a kind."""
        return [record.event for record in self.journal.records if isinstance(record.event, kind)]


def by_instrument(*instruments: Instrument) -> dict[Symbol, Instrument]:
    """Instruments by symbol."""
    return {one.symbol: one for one in instruments}
