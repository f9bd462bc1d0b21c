"""What can be wrong with a trader, and the part of a traceback that its author wants to see."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path

from fillwright.core.types import Time
from fillwright.ports import StrategyError

_ROOM = Path(__file__).resolve().parent
_NOT_THE_USERS = frozenset(
    {
        str(_ROOM / f"{name}.py")
        for name in ("answers", "errors", "interface", "loading", "parameters", "runner")
    }
    | {importlib.__file__}
)
_CHAIN_LENGTH_MAX = 20
"""Causes of causes that are looked at; Python prints no endless chain either."""


class AnswerError(ValueError):
    """An answer cannot be understood: a number that is none, a level below zero, a word that is not known.

    ``field`` names what is wrong. Raised where the answer is made, so that the traceback leads to that line.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class ParameterError(ValueError):
    """A trader refuses a parameter; ``name`` is the parameter's."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")


class TraderLoadError(ValueError):
    """A trader cannot be made; the text is one line, ``trace`` the traceback when the trader's own code raised."""

    def __init__(self, message: str, trace: str = "") -> None:
        self.trace = trace
        super().__init__(message)


class RunnerStateError(ValueError):
    """What was kept for a resume does not belong to this trader."""


class TraderError(StrategyError):
    """A trader raised, or answered nonsense.

    ``trace`` is the traceback without our own frames ('' when there is none), ``original`` what was raised.
    ``symbol`` and ``open_time`` name the candle ('' and None when it was asked for something else).
    """

    def __init__(
        self, trader: str, original: BaseException, *, symbol: str = "", open_time: Time | None = None
    ) -> None:
        self.trader = trader
        self.original = original
        self.trace = user_trace(original) if original.__traceback__ is not None else ""
        self.symbol = symbol
        self.open_time = open_time
        place = f" at the {symbol} candle of {_when(open_time)}" if open_time is not None else ""
        super().__init__(f"trader {trader}{place}: {one_line(original)}")


def user_trace(error: BaseException) -> str:
    """The traceback of an error as text, without the frames of this room and of Python's import system."""
    trace: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    whole, depth = trace, 0
    while trace is not None and depth < _CHAIN_LENGTH_MAX:
        frames = [
            frame
            for frame in trace.stack
            if frame.filename not in _NOT_THE_USERS and not frame.filename.startswith("<frozen importlib")
        ]
        trace.stack = traceback.StackSummary.from_list(frames)
        trace, depth = trace.__cause__ or trace.__context__, depth + 1
    assert whole is not None
    return "".join(whole.format()).rstrip()


def one_line(error: BaseException) -> str:
    """An error's kind and text on one line; of our own kinds the text alone, which says it all."""
    if isinstance(error, AnswerError | ParameterError):
        return str(error)
    return " ".join("".join(traceback.format_exception_only(error)).split())


def _when(time_us: Time) -> str:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(time_us // 1_000_000, tz=UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
