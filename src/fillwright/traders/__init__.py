"""Traders in Python: the interface that they implement, indicators, and an example."""

from fillwright.market.window import CandleWindow
from fillwright.traders.answers import Decision, Number, Signal
from fillwright.traders.breakout import Breakout
from fillwright.traders.errors import (
    AnswerError,
    ParameterError,
    RunnerStateError,
    TraderError,
    TraderLoadError,
)
from fillwright.traders.interface import Holding, Trader
from fillwright.traders.loading import load_trader
from fillwright.traders.runner import TraderRunner

__all__ = [
    "AnswerError",
    "Breakout",
    "CandleWindow",
    "Decision",
    "Holding",
    "Number",
    "ParameterError",
    "RunnerStateError",
    "Signal",
    "Trader",
    "TraderError",
    "TraderLoadError",
    "TraderRunner",
    "load_trader",
]
