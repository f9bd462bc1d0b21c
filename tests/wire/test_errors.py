"""The error table: classes, texts, and the rules for what is not in it."""

from __future__ import annotations

import pytest

from fillwright.core.types import ErrorClass
from fillwright.wire.errors import ERRORS, error_class, is_known_message, message


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008])
def test_an_unknown_execution_is_classed_unknown(code: int) -> None:
    assert error_class(code) is ErrorClass.UNKNOWN


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (-2010, 400, ErrorClass.PERMANENT),
        (-1013, 400, ErrorClass.PERMANENT),
        (-2011, 400, ErrorClass.PERMANENT),
        (-1021, 400, ErrorClass.CLOCK),
        (-1015, 429, ErrorClass.RATE),
        (-1003, 418, ErrorClass.RATE),
        (-1112, 400, ErrorClass.RETRYABLE),
        (None, 503, ErrorClass.UNKNOWN),
        (None, 500, ErrorClass.UNKNOWN),
        (-999_999, 502, ErrorClass.UNKNOWN),
        (-999_999, 400, ErrorClass.PERMANENT),
        (None, 403, ErrorClass.RATE),
        (None, 418, ErrorClass.RATE),
        (None, 451, ErrorClass.PERMANENT),
        (None, 404, ErrorClass.PERMANENT),
    ],
)
def test_classes_follow_code_then_status(code: int | None, status: int, expected: ErrorClass) -> None:
    assert error_class(code, status) is expected


def test_a_ban_outranks_the_code_it_comes_with() -> None:
    assert error_class(-1007, 418) is ErrorClass.RATE


def test_codes_are_unique_and_negative() -> None:
    assert all(code == entry.code < 0 for code, entry in ERRORS.items())
    assert all(entry.messages for entry in ERRORS.values())


def test_texts_are_filled_and_recognised() -> None:
    text = message(-1100, "newClientOrderId", "^[a-zA-Z0-9-_]{1,36}$")
    assert text == (
        "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."
    )
    assert is_known_message(-1100, text)
    assert message(-1102, "a", "b", index=1) == "Param 'a' or 'b' must be sent, but both were empty/null!"
    assert is_known_message(-2010, "Filter failure: MAX_POSITION")
    assert not is_known_message(-2010, "Something else.")
    assert not is_known_message(-4242, "Something else.")


def test_a_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(TypeError):
        message(-1111, "a", "b")
