"""Column types keep numbers and documents exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from fillwright.core.types import plain
from fillwright.storage.sql.types import Document, Exact

SQLITE, POSTGRES = sqlite.dialect(), postgresql.dialect()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18))
def test_numbers_are_plain_text_and_come_back(number: Decimal) -> None:
    text = Exact().process_bind_param(number, SQLITE)

    assert text == plain(number)
    assert "E" not in text
    assert Exact().process_result_value(text, SQLITE) == number


@pytest.mark.parametrize(
    ("text", "written"), [("1E+3", "1000"), ("1E-9", "0.000000001"), ("-0", "0"), ("1.50", "1.5")]
)
def test_no_exponent_and_no_trailing_zeros_are_written(text: str, written: str) -> None:
    assert Exact().process_bind_param(Decimal(text), SQLITE) == written


def test_postgresql_has_a_type_of_its_own() -> None:
    assert Exact().process_bind_param(Decimal("1.50"), POSTGRES) == Decimal("1.50")
    assert str(Exact().compile(dialect=POSTGRES)) == "NUMERIC"
    assert str(Exact().compile(dialect=SQLITE)) == "TEXT"


@pytest.mark.parametrize("value", [[], ["a"], {"price": "1.5", "type": "limit"}, None])
def test_documents_come_back(value: object) -> None:
    text = Document().process_bind_param(value, SQLITE)

    assert Document().process_result_value(text, SQLITE) == value
    assert (text is None) == (value is None)


def test_nothing_stays_nothing() -> None:
    assert Exact().process_bind_param(None, SQLITE) is None
    assert Exact().process_result_value(None, SQLITE) is None
