"""What the benchmarks work on: an instrument, generous limits, tapes in memory, signals at even distances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from fillwright.core.inputs import Signal, Size
from fillwright.core.instruments import Instrument
from fillwright.core.settings import ExecutionSettings, PaperSettings, RiskLimits, Settings
from fillwright.core.types import Direction, Time
from fillwright.market.columns import Columns, TradeColumns
from fillwright.market.synthetic import MarketShape
from fillwright.market.synthetic_tape import synthetic_tape
from fillwright.market.tapes import Tape, TapeKind
from fillwright.replay.signals import PlannedSignal
from fillwright.wire.exchange_info import default_exchange_info

SYMBOL = "BTCUSDT"
D = Decimal

LIMITS = RiskLimits(
    max_position_size_usdt=D(1_000),
    max_position_size_percent=D(100),
    max_total_exposure_usdt=D(10_000_000),
    max_symbol_exposure_usdt=D(10_000_000),
    max_order_size_usdt=D(10_000_000),
    risk_per_trade_percent=D(100),
    max_positions=10_000,
    max_positions_per_symbol=10_000,
    max_daily_loss_usdt=D(10_000_000),
    max_daily_loss_percent=D(100),
    max_drawdown_percent=D(100),
    max_consecutive_losses=1_000_000,
    max_daily_trades=1_000_000,
    min_order_interval_seconds=D(0),
    max_orders_per_10s=1_000_000,
    quote_age_max_s=D(3_600),
    signal_age_max_s=D(3_600),
)
"""Limits that never bind: every check still runs."""


def settings() -> Settings:
    """Settings whose limits never bind, with enough money for any number of trades."""
    base = Settings(
        risk=LIMITS,
        paper=PaperSettings(initial_balance=D(10_000_000)),
        execution=ExecutionSettings(slippage_max_percent=D("0.02")),
    )
    venue = msgspec.structs.replace(base.venue, order_limits=((10, 1_000_000), (86_400, 100_000_000)))
    return msgspec.structs.replace(base, venue=venue)


def instrument() -> Instrument:
    """BTCUSDT with enough slots for any number of brackets."""
    known = default_exchange_info().instruments[SYMBOL]
    return msgspec.structs.replace(known, algo_orders_max=10_000, orders_max=20_000, order_lists_max=10_000)


class MemoryTape(Tape):
    """A tape whose chunks are in memory already: nothing is read or parsed."""

    def __init__(self, chunks: Sequence[Columns], start_row: int = 0) -> None:
        super().__init__(Path("memory"), TapeKind.TRADES, start_row)
        self._chunks = chunks
        first = chunks[0]
        self.symbols = (first.symbol,)
        self.scales = {first.symbol: first.scale}

    @property
    def consumed(self) -> int:
        """All of it."""
        return self.total

    @property
    def total(self) -> int:
        """Rows in memory."""
        return sum(len(chunk) for chunk in self._chunks)

    def chunks(self) -> Iterator[Columns]:
        """The chunks, made anew so that their searches are built inside the run."""
        for chunk in self._chunks:
            yield chunk.slice(0, len(chunk))


TRADES_PER_SECOND = 50.0
BRACKET_PERCENT = D("0.05")
"""Stop and target lie so far from the price."""
"""About what BTCUSDT shows on a quiet day of 2026."""


SLOW_TRADES_PER_SECOND = 5.0
SLOW_BRACKET_PERCENT = D("0.15")
"""A tape on which a bracket lives for minutes, and equity is marked meanwhile."""


def trades(ticks: int, seed: int = 7, per_second: float = TRADES_PER_SECOND) -> list[TradeColumns]:
    """Chunks of a synthetic tape."""
    tape = synthetic_tape(seed, instrument(), ticks, shape=MarketShape(trades_per_second=per_second))
    return [chunk for chunk in tape.chunks() if isinstance(chunk, TradeColumns)]


def brackets(
    chunks: Sequence[TradeColumns], every: int, distance: Decimal = BRACKET_PERCENT
) -> list[PlannedSignal]:
    """A signal with stop and target every so many ticks, at a percentage from the price."""
    signals = []
    count = 0
    for chunk in chunks:
        first = (-chunk.row) % every
        for index in range(first, len(chunk), every):
            count += 1
            signals.append(bracket(count, int(chunk.time_us[index]) + 1, distance))
    return signals[1:]


def bracket(number: int, time: Time, distance: Decimal) -> PlannedSignal:
    """One signal: enter at the market, stop and target at the same distance."""
    signal = Signal(
        trader_id="bench",
        symbol=SYMBOL,
        side=Direction.LONG,
        created_at=time,
        size=Size(quote=D(100)),
        interval="1s",
        key=str(number),
    )
    return PlannedSignal(number, signal, distance, distance)
