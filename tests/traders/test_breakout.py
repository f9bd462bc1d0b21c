from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.inputs import Candle, Signal, SubmitSignal
from fillwright.core.positions import Position
from fillwright.core.settings import RiskLimits
from fillwright.core.types import PositionDecision, PositionStatus
from fillwright.market.candles import CandleAggregator
from fillwright.market.columns import CandleColumns
from fillwright.market.intervals import Interval
from fillwright.market.tapes import open_tape
from fillwright.traders import Decision
from fillwright.traders.breakout import Breakout
from fillwright.traders.errors import ParameterError
from fillwright.traders.interface import holding_of
from fillwright.traders.runner import TraderRunner
from fillwright.wire.exchange_info import default_exchange_info
from tests.traders.builders import START, SYMBOL, Answer, D, candle, position, the_signal, window_of

FEE = D("0.001")
QUIET = [D(100) + D(row) / 100 for row in range(60)]  # rises by a cent a candle
WIDE = D("0.2")


def rows_of(closes: list[D], spread: D = WIDE) -> list[Candle]:
    return [candle(row, close, high=close + spread, low=close - spread) for row, close in enumerate(closes)]


def entered(closes: list[D], trader: Breakout | None = None, spread: D = WIDE) -> Answer:
    return (trader or Breakout()).on_candle(window_of(rows_of(closes, spread)), None)


def a_position(**fields: Any) -> Position:
    """One entered ten candles before the last."""
    return position(**{"opened_at": candle(51).open_time, "target": "110", **fields})


def managed(held: Position, close: str, trader: Breakout | None = None, spread: D = WIDE) -> Decision | None:
    """What it makes of a position when a quiet market closes at a price."""
    rows = [candle(row, 100, high=100 + spread, low=100 - spread) for row in range(60)]
    rows.append(candle(60, close, high=D(close) + spread, low=D(close) - spread))
    answer = (trader or Breakout()).on_candle(window_of(rows), holding_of(held, rows[-1], FEE))
    assert answer is None or isinstance(answer, Decision)
    return answer


# -- entries -----------------------------------------------------------------------------------------------------


def test_it_buys_a_close_above_the_highest_high() -> None:
    close = QUIET[-1] + D(1)
    runner = TraderRunner(Breakout(), "mine", (SYMBOL,), "15m")
    inputs = [runner.on_candle(row, None, START) for row in rows_of([*QUIET, close])]
    assert inputs[:-1] == [[]] * len(QUIET)
    signal = the_signal(inputs[-1])
    assert signal.stop_loss is not None
    assert signal.take_profit is not None
    risk = close - signal.stop_loss
    assert abs(signal.take_profit - close - 2 * risk) < D("0.0000001")
    assert signal.reasoning.startswith("closed above the highest 100.79 of 16 candles")


def test_a_close_below_the_barrier_is_no_breakout() -> None:
    assert entered([*QUIET, QUIET[-1] + D("0.1")]) is None


def test_a_breakout_against_the_trend_is_left_alone() -> None:
    falling = [D(100) - D(row) / 2 for row in range(100)]
    assert entered([*falling, falling[-1] + D(9)]) is None  # above the last sixteen, far below the average


def test_stops_are_kept_between_their_bounds() -> None:
    close = QUIET[-1] + 1
    quiet, wild = entered([*QUIET, close], spread=D("0.001")), entered([*QUIET, close + 60], spread=D(30))
    for answer, price, percent in ((quiet, close, "0.6"), (wild, close + 60, "5")):
        assert answer is not None
        assert getattr(answer, "stop_loss") == pytest.approx(float(price * (1 - D(percent) / 100)))  # noqa: B009


# -- exits -------------------------------------------------------------------------------------------------------


def test_it_waits_until_it_is_ahead_by_its_risk() -> None:
    assert managed(a_position(), "101.9") is None


def test_ahead_by_its_risk_the_stop_pays_for_entry_and_exit() -> None:
    wide = D(2)  # trailing at three ranges would be lower
    assert managed(a_position(), "102.1", spread=wide) == Decision.adjust_stop(100.25, "break even")


def test_further_ahead_the_stop_follows_the_price() -> None:
    decision = managed(a_position(), "106")
    assert decision is not None
    assert decision.decision is PositionDecision.ADJUST_STOP_LOSS
    assert decision.reasoning == "trail"
    assert decision.price is not None
    assert 100.25 < float(decision.price) < 105


def test_the_stop_moves_up_only_and_in_steps_worth_an_order() -> None:
    first = managed(a_position(), "106")
    assert first is not None
    level = D(str(first.price))
    assert managed(a_position(stop=str(level)), "106") is None
    assert managed(a_position(stop=str(level + 1)), "106") is None
    assert managed(a_position(stop=str(level - D("0.3"))), "106") is None
    assert managed(a_position(stop=str(level - D("0.32"))), "106") == first


def test_a_position_that_went_nowhere_is_closed() -> None:
    opened_at = candle(60 - 31).open_time
    assert managed(a_position(opened_at=opened_at + 1), "100") == Decision.close("no result after 32 candles")
    assert managed(a_position(opened_at=candle(60 - 30).open_time + 1), "100") is None


def test_what_is_entering_or_closing_is_left_alone() -> None:
    for status in (PositionStatus.SUBMITTING, PositionStatus.CLOSING):
        assert managed(a_position(status=status), "106") is None


def test_a_position_without_stop_is_left_to_the_engine() -> None:
    assert managed(a_position(stop=None), "106") is None


# -- parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lookback", 0),
        ("trend", -1),
        ("hold_max", 0),
        ("reward", 0),
        ("stop_atr", -2),
        ("stop_min_percent", 6),
        ("stop_max_percent", 100),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name: str, value: int) -> None:
    with pytest.raises(ParameterError, match=name if name != "stop_min_percent" else "stop_max_percent"):
        Breakout(**{name: value})


def test_it_asks_for_the_candles_that_it_needs() -> None:
    assert (Breakout().warm_up, Breakout().window) == (52, 500)
    long = Breakout(trend=300)
    assert (long.warm_up, long.window) == (302, 1208)
    assert TraderRunner(long, "mine", (SYMBOL,), "15m").window_size == 1208


# -- in any market -----------------------------------------------------------------------------------------------


def assert_sound(signal: Signal, close: D, trader: Breakout) -> None:
    assert signal.stop_loss is not None
    assert signal.take_profit is not None
    percent = (close - signal.stop_loss) / close * 100
    slack = D("0.00001")
    assert D(str(trader.stop_min_percent)) - slack <= percent <= D(str(trader.stop_max_percent)) + slack
    assert percent < RiskLimits().max_stop_loss_percent
    assert signal.take_profit > close


def play(rows: list[Candle]) -> tuple[int, int]:
    """Trade candles with the plainest of fills: at the close, stop before target; (entries, moves of a stop)."""
    trader = Breakout()
    runner = TraderRunner(trader, "mine", (rows[0].symbol,), rows[0].interval)
    held: Position | None = None
    entries = moves = 0
    for row in rows:
        if held is not None and held.stop_loss is not None and held.take_profit is not None:
            if row.low <= held.stop_loss or row.high >= held.take_profit:
                held = None
        for item in runner.on_candle(row, held, row.close_time + 1):
            if isinstance(item, SubmitSignal):
                assert held is None
                assert_sound(item.signal, row.close, trader)
                entries += 1
                held = position(entry=str(row.close), opened_at=row.close_time + 1, symbol=row.symbol)
                held.stop_loss, held.take_profit = item.signal.stop_loss, item.signal.take_profit
                continue
            decision = getattr(item, "decision")  # noqa: B009
            assert held is not None
            assert held.stop_loss is not None
            if decision is PositionDecision.CLOSE:
                held = None
                continue
            assert decision is PositionDecision.ADJUST_STOP_LOSS
            level = getattr(item, "price")  # noqa: B009
            assert held.stop_loss < level < row.close
            held.stop_loss, moves = level, moves + 1
    return entries, moves


@given(st.integers(0, 2**32 - 1), st.floats(0.0005, 0.03))
def test_in_any_market_levels_are_sound_and_stops_only_rise(seed: int, volatility: float) -> None:
    draws = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(draws.normal(0.0003, volatility, 160)))
    spreads = closes * np.abs(draws.normal(0, volatility, 160))
    play(
        [
            candle(row, f"{close:.4f}", high=f"{close + spread:.4f}", low=f"{max(close - spread, 0.01):.4f}")
            for row, (close, spread) in enumerate(zip(closes, spreads, strict=True))
        ]
    )


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_three_real_months_give_enough_trades_to_look_at(shared_data: Path, symbol: str) -> None:
    path = shared_data / "tapes" / "klines" / f"{symbol}_1m_2025-05-20_2025-08-18.feather"
    tape = open_tape(path, symbol, default_exchange_info().instruments)
    aggregator = CandleAggregator(symbol, Interval.M15, tape.scales[symbol])
    rows: list[Candle] = []
    for chunk in tape.chunks():
        assert isinstance(chunk, CandleColumns)
        done = aggregator.push(chunk)
        rows += [done.candle(index) for index in range(len(done))]
    entries, moves = play(rows)
    assert entries >= 150
    assert moves >= 20
