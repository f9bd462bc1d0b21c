from __future__ import annotations

import pytest

from fillwright.ports import Strategy, StrategyError
from fillwright.traders.errors import TraderError
from fillwright.traders.runner import TraderRunner
from tests.traders.builders import SYMBOL, Scripted


def test_a_traders_runner_is_a_strategy() -> None:
    runner: Strategy = TraderRunner(Scripted(), "mine", (SYMBOL,), "15m")
    assert (runner.trader_id, runner.symbols, runner.interval) == ("mine", (SYMBOL,), "15m")
    assert runner.window_size > 0


def test_a_traders_error_is_a_strategys() -> None:
    error: StrategyError = TraderError("mine", ValueError("odd"))
    with pytest.raises(StrategyError, match="trader mine: ValueError: odd"):
        raise error
    assert StrategyError("x").trace == ""
