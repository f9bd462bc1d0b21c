from __future__ import annotations

import pytest

from fillwright.options import BadInputError, ExitCode, Failure, StorageFailedError, TraderFailedError


@pytest.mark.parametrize(
    ("failure", "code"),
    [(Failure, 1), (BadInputError, 2), (TraderFailedError, 3), (StorageFailedError, 4)],
)
def test_each_failure_has_its_exit_code(failure: type[Failure], code: int) -> None:
    assert failure("why").exit_code == code
    assert str(failure("why")) == "why"


def test_exit_codes_do_not_change() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "BUG": 1,
        "BAD_INPUT": 2,
        "TRADER_FAILED": 3,
        "STORAGE_FAILED": 4,
        "ADDRESS_IN_USE": 5,
        "ALREADY_RUNNING": 6,
        "NOT_REACHED": 7,
        "REFUSED": 8,
        "INTERRUPTED": 130,
    }


def test_a_traders_failure_carries_its_traceback() -> None:
    assert TraderFailedError("ValueError: x", "Traceback ...").traceback_text == "Traceback ..."
