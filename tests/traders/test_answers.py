from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import inputs
from fillwright.core.types import SECOND, Direction, PositionDecision
from fillwright.traders.answers import (
    DECIMALS_MAX,
    EXPIRES_S_MAX,
    KEY_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    Decision,
    Signal,
    exact_number,
)
from fillwright.traders.errors import AnswerError

D = Decimal
NOW = 1_750_000_000_000_000


def submitted(signal: Signal, now: int = NOW) -> inputs.Signal:
    item = signal.to_input(trader_id="mine", symbol="BTCUSDT", interval="15m", now=now, key="the key")
    return item.signal


# -- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, "0.1"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.1"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (107123.45, "107123.45"),
        (3, "3"),
        (np.int64(3), "3"),
        (np.uint8(3), "3"),
        ("0.10", "0.1"),
        ("-2.5", "-2.5"),
        (D("1E+3"), "1000"),
        (D("0.123456789012345678901234567890"), "0.12345678901234567890123456789"),
        (-0.0, "0"),
    ],
)
def test_a_number_means_what_is_written(value: Any, expected: str) -> None:
    number = exact_number("field", value)
    assert number == D(expected)
    assert not number.is_signed() or number < 0


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e29, max_value=1e29))
def test_a_float_that_fits_comes_back_from_its_number(value: float) -> None:
    number, written = exact_number("field", value), D(repr(value))
    if written.as_tuple().exponent >= -DECIMALS_MAX:  # type: ignore[operator] # it is finite
        assert number == written
        assert float(number) == value
    else:
        assert abs(number - written) <= D(1).scaleb(-DECIMALS_MAX) / 2


def test_a_quotient_of_decimals_is_rounded_to_the_decimals_that_are_kept() -> None:
    assert exact_number("field", D(1) / D(3) / D(100_000)) == D("0." + "0" * 5 + "3" * 25)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "not a finite number"),
        (float("inf"), "not a finite number"),
        (np.float64("-inf"), "not a finite number"),
        (np.float32("nan"), "not a finite number"),
        (D("NaN"), "not a finite number"),
        (D("sNaN"), "not a finite number"),
        (D("Infinity"), "not a finite number"),
        (1e30, "too large"),
        pytest.param(10**5000, "too large", id="huge"),
        (D("1e400"), "too large"),
        ("1e5", "not a plain decimal"),
        ("nan", "not a plain decimal"),
        ("", "not a plain decimal"),
        (True, "not a number"),
        (np.True_, "not a number"),
        (None, "NoneType is not a number"),
        (np.array([1.0, 2.0]), r"column\[-1\]"),
        (1j, "complex is not a number"),
    ],
)
def test_what_is_no_sensible_number_is_refused(value: Any, said: str) -> None:
    with pytest.raises(AnswerError, match=said) as caught:
        exact_number("stop_loss", value)
    assert caught.value.field == "stop_loss"
    assert str(caught.value).startswith("stop_loss: ")


# -- signals -----------------------------------------------------------------------------------------------------


def test_a_plain_signal_is_long_and_at_the_market() -> None:
    assert submitted(Signal(stop_loss=98.5)) == inputs.Signal(
        trader_id="mine",
        symbol="BTCUSDT",
        side=Direction.LONG,
        created_at=NOW,
        stop_loss=D("98.5"),
        interval="15m",
        key="the key",
    )


def test_every_field_of_a_signal_arrives() -> None:
    signal = Signal(
        side="short",
        stop_loss="110",
        take_profit=90,
        entry=D("101.5"),
        confidence=0.75,
        size_quote=50,
        trailing=True,
        reasoning="because",
        expires_s=2.5,
        key="own",
    )
    assert submitted(signal) == inputs.Signal(
        trader_id="mine",
        symbol="BTCUSDT",
        side=Direction.SHORT,
        created_at=NOW,
        confidence=D("0.75"),
        entry=inputs.Entry("limit", D("101.5")),
        stop_loss=D(110),
        take_profit=D(90),
        size=inputs.Size(quote=D(50)),
        trailing=True,
        interval="15m",
        expires_at=NOW + 5 * SECOND // 2,
        reasoning="because",
        key="own",
    )


def test_a_size_may_be_a_risk() -> None:
    assert submitted(Signal(size_risk_percent=0.5)).size == inputs.Size(risk_percent=D("0.5"))


def test_the_shortest_life_is_a_microsecond() -> None:
    assert submitted(Signal(expires_s="0.0000001")).expires_at == NOW + 1


@pytest.mark.parametrize(
    "field", ["stop_loss", "take_profit", "entry", "size_quote", "size_risk_percent", "expires_s"]
)
@pytest.mark.parametrize("value", [0, -1, -0.5, float("nan"), float("inf"), "x", True, 1e-40])
def test_a_level_or_size_that_is_not_above_zero_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(AnswerError) as caught:
        Signal(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"side": "buy"}, "side"),
        ({"side": None}, "side"),
        ({"side": ["long"]}, "side"),
        ({"confidence": 1.01}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"size_quote": 10, "size_risk_percent": 1}, "size_quote"),
        ({"size_risk_percent": 100.1}, "size_risk_percent"),
        ({"expires_s": EXPIRES_S_MAX + 1}, "expires_s"),
        ({"trailing": "yes"}, "trailing"),
        ({"reasoning": 3}, "reasoning"),
        ({"reasoning": "x" * (TEXT_LENGTH_MAX + 1)}, "reasoning"),
        ({"reasoning": "\ud800"}, "reasoning"),
        ({"key": ""}, "key"),
        ({"key": 7}, "key"),
        ({"key": "k" * (KEY_LENGTH_MAX + 1)}, "key"),
    ],
)
def test_a_signal_that_makes_no_sense_is_refused_by_name(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(AnswerError) as caught:
        Signal(**fields)
    assert caught.value.field == wrong


# -- decisions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (
            Decision.hold("calm"),
            inputs.Decision(position_id=7, decision=PositionDecision.HOLD, reasoning="calm"),
        ),
        (
            Decision.adjust_stop(99.5, "up"),
            inputs.Decision(
                position_id=7, decision=PositionDecision.ADJUST_STOP_LOSS, price=D("99.5"), reasoning="up"
            ),
        ),
        (
            Decision.adjust_target("120"),
            inputs.Decision(position_id=7, decision=PositionDecision.ADJUST_TAKE_PROFIT, price=D(120)),
        ),
        (
            Decision.add(25),
            inputs.Decision(position_id=7, decision=PositionDecision.ADD, quote=D(25)),
        ),
        (
            Decision.reduce(0.5),
            inputs.Decision(position_id=7, decision=PositionDecision.REDUCE, fraction=D("0.5")),
        ),
        (
            Decision.reduce(1),
            inputs.Decision(position_id=7, decision=PositionDecision.REDUCE, fraction=D(1)),
        ),
        (
            Decision.close("late"),
            inputs.Decision(position_id=7, decision=PositionDecision.CLOSE, reasoning="late"),
        ),
    ],
)
def test_decisions_become_inputs(decision: Decision, expected: inputs.Decision) -> None:
    assert decision.to_input(7) == expected


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Decision.adjust_stop(0), "price"),
        (lambda: Decision.adjust_target(float("nan")), "price"),
        (lambda: Decision.adjust_stop(None), "price"),  # type: ignore[arg-type]
        (lambda: Decision.add(-5), "quote"),
        (lambda: Decision.reduce(0), "fraction"),
        (lambda: Decision.reduce(1.5), "fraction"),
        (lambda: Decision.close(3), "reasoning"),  # type: ignore[arg-type]
        (lambda: Decision(decision="close"), "decision"),  # type: ignore[arg-type]
        (lambda: Decision(decision=PositionDecision.CLOSE, price=5), "price"),
        (lambda: Decision(decision=PositionDecision.ADD), "quote"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_by_name(make: Any, field: str) -> None:
    with pytest.raises(AnswerError) as caught:
        make()
    assert caught.value.field == field
