from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.types import DAY, MINUTE, Direction, PositionStatus
from fillwright.market.intervals import Interval
from fillwright.traders.answers import Signal
from fillwright.traders.errors import ParameterError
from fillwright.traders.interface import Holding, Trader, holding_of
from tests.traders.builders import START, Answer, D, candle, position, window_of

FEE = D("0.001")


class Momentum(Trader):
    lookback = 20
    multiple: float = 2.5
    label = "m"
    _hidden = 1

    @property
    def doubled(self) -> int:
        return 2 * self.lookback

    def on_candle(self, candles: object, position: object) -> Answer:
        return Signal(stop_loss=self.multiple)


def test_class_attributes_are_parameters() -> None:
    trader = Momentum(lookback=30, multiple=Decimal("3.5"), interval="5m", warm_up=10)
    assert (trader.lookback, trader.multiple, trader.interval, trader.warm_up) == (30, 3.5, "5m", 10)
    assert type(trader.multiple) is float
    assert (Momentum.lookback, Momentum().lookback, Momentum().label) == (20, 20, "m")


@pytest.mark.parametrize("name", ["lookbak", "_hidden", "on_candle", "save", "doubled"])
def test_there_are_no_other_parameters(name: str) -> None:
    with pytest.raises(ParameterError, match="there is no such parameter"):
        Momentum(**{name: 1})


def test_a_trader_has_sensible_wishes_and_no_state_unless_it_says_so() -> None:
    trader = Momentum()
    assert (trader.interval, trader.window, trader.warm_up) == (None, 500, 50)
    assert trader.save() == b""
    trader.load(b"")
    assert trader.on_candle(window_of([candle(0)]), None) == Signal(stop_loss=2.5)


def test_without_an_answer_to_candles_it_is_no_trader() -> None:
    class Silent(Trader):
        pass

    with pytest.raises(TypeError, match="on_candle"):
        Silent()  # type: ignore[abstract]


def test_a_holding_shows_the_position_at_the_close() -> None:
    held = position(opened_at=START + 1)
    held.realized = D("1.5")
    assert holding_of(held, candle(3, close=103), FEE) == Holding(
        id=7,
        symbol="BTCUSDT",
        side=Direction.LONG,
        status="open",
        quantity=D(2),
        entry_price=D(100),
        stop_loss=D(98),
        take_profit=D(104),
        realized=D("1.5"),
        unrealized=D("5.794"),  # 2 × 103 − 0.1 % of it − 200
        opened_at=START + 1,
        candles_held=4,
    )


def test_a_holdings_amounts_are_exact_in_any_context() -> None:
    held = position()
    held.quantity, held.cost = D("0.123456789012345678"), D("13224.123456789012345678")
    with localcontext(prec=6):
        holding = holding_of(held, candle(0, close="107123.12345678"), FEE)
    value = Fraction("0.123456789012345678") * Fraction("107123.12345678")
    assert holding is not None
    assert Fraction(holding.unrealized) == value * Fraction(999, 1000) - Fraction("13224.123456789012345678")


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (PositionStatus.CREATED, "entering"),
        (PositionStatus.SUBMITTING, "entering"),
        (PositionStatus.OPEN, "open"),
        (PositionStatus.MONITORING, "open"),
        (PositionStatus.CLOSING, "closing"),
    ],
)
def test_a_holding_says_whether_decisions_are_taken(status: PositionStatus, shown: str) -> None:
    holding = holding_of(position(status=status), candle(0), FEE)
    assert holding is not None
    assert (holding.status, holding.is_open) == (shown, shown == "open")


@pytest.mark.parametrize("status", list(PositionStatus))
def test_every_status_has_its_word_or_is_over(status: PositionStatus) -> None:
    holding = holding_of(position(status=status), candle(0), FEE)
    assert (holding is None) is (status in (PositionStatus.CLOSED, PositionStatus.FAILED))


def test_no_position_is_no_holding() -> None:
    assert holding_of(None, candle(0), FEE) is None


def test_while_nothing_is_bought_the_entry_is_its_limit() -> None:
    holding = holding_of(position(status=PositionStatus.SUBMITTING), candle(0), FEE)
    assert holding is not None
    assert (holding.entry_price, holding.quantity, holding.opened_at) == (D(101), D(0), START)


@given(st.integers(0, 3000), st.integers(0, 15 * 60_000_000 - 1))
def test_candles_held_count_the_closes_since_the_opening(rows: int, after: int) -> None:
    opened_at = START + after
    holding = holding_of(position(opened_at=opened_at), candle(rows), FEE)
    assert holding is not None
    closes = [candle(row).close_time for row in range(rows + 1)]
    assert holding.candles_held == sum(1 for close in closes if close >= opened_at)


def test_a_position_opened_after_the_close_has_lived_through_none() -> None:
    holding = holding_of(position(opened_at=candle(0).close_time + 1), candle(0), FEE)
    assert holding is not None
    assert holding.candles_held == 0


def test_months_are_counted_by_the_calendar() -> None:
    january, days = 1_735_689_600_000_000, 31 + 28 + 31  # 2025-01-01
    month = candle(0, interval="1d")
    month = type(month)(
        "BTCUSDT", "1M", january + 59 * DAY, january + days * DAY - 1, D(1), D(1), D(1), D(1), D(1)
    )
    assert Interval.MO1.close_time(january + 59 * DAY) == month.close_time
    for opened_at, count in ((january + MINUTE, 3), (january + 31 * DAY, 2), (january + 60 * DAY, 1)):
        holding = holding_of(position(opened_at=opened_at), month, FEE)
        assert holding is not None
        assert holding.candles_held == count
