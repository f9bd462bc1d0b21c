from __future__ import annotations

import pytest

from fillwright.core.types import HOUR
from fillwright.traders import Signal
from fillwright.traders.errors import (
    AnswerError,
    ParameterError,
    TraderError,
    TraderLoadError,
    one_line,
    user_trace,
)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except type(error) as caught:
        return caught


def test_errors_name_what_is_wrong() -> None:
    assert str(AnswerError("stop_loss", "is odd")) == "stop_loss: is odd"
    assert str(ParameterError("lookback", "is odd")) == "lookback: is odd"
    assert TraderLoadError("no such thing").trace == ""


def test_a_trader_error_names_trader_candle_and_cause() -> None:
    error = TraderError("mine", raised(KeyError("x")), symbol="BTCUSDT", open_time=25 * HOUR)
    assert str(error) == "trader mine at the BTCUSDT candle of 1970-01-02 01:00:00 UTC: KeyError: 'x'"
    assert "raise error" in error.trace
    assert isinstance(error.original, KeyError)


def test_an_error_that_was_never_raised_has_no_traceback() -> None:
    error = TraderError("mine", AnswerError("save", "int is not bytes"))
    assert error.trace == ""
    assert str(error) == "trader mine: save: int is not bytes"


def test_one_line_is_one_line() -> None:
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"


def test_a_traceback_ends_in_the_users_code() -> None:
    with pytest.raises(AnswerError) as caught:
        Signal(stop_loss=-1)
    trace = user_trace(caught.value)
    assert "Signal(stop_loss=-1)" in trace
    assert "answers.py" not in trace
    assert trace.endswith("stop_loss: -1 is not above zero")


def careless() -> None:
    try:
        Signal(stop_loss=-1)
    except AnswerError as error:
        raise RuntimeError("worse") from error


def test_causes_are_kept_and_cleaned_too() -> None:
    with pytest.raises(RuntimeError) as caught:
        careless()
    trace = user_trace(caught.value)
    assert "Signal(stop_loss=-1)" in trace
    assert "direct cause" in trace
    assert "answers.py" not in trace


def test_an_endless_chain_of_causes_ends() -> None:
    first, second = raised(ValueError("a")), raised(ValueError("b"))
    first.__cause__, second.__cause__ = second, first
    assert "ValueError: a" in user_trace(first)
