from __future__ import annotations

import pytest

from fillwright.core.types import Mode
from fillwright.runtime import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.LaneFullError("signals", 5),
        errors.NotReadyError("recovering"),
        errors.EngineStoppedError("stopped"),
        errors.NotStoredError("full", recorded=False),
    ],
)
def test_what_may_be_asked_again_is_of_one_kind(error: Exception) -> None:
    assert isinstance(error, errors.UnavailableError)
    assert str(error)


def test_errors_say_what_it_is_about() -> None:
    assert str(errors.LaneFullError("signals", 5)).startswith("5 signals are waiting")
    assert str(errors.ModeUnavailableError("local", Mode.TESTNET)) == "user local has no testnet account"
    assert errors.NotStoredError("x", recorded=True).recorded


def test_an_account_that_is_not_there_is_no_reason_to_ask_again() -> None:
    assert not issubclass(errors.UnknownAccountError, errors.UnavailableError)
    assert not issubclass(errors.ModeUnavailableError, errors.UnavailableError)


def test_the_first_failure_of_a_group_is_told() -> None:
    error = ValueError("x")
    assert errors.first_of(ExceptionGroup("", [ExceptionGroup("", [error]), TypeError()])) is error
