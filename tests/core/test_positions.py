"""A position's life and money: average cost to the last digit, for longs and, mirrored, for shorts."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.events import Fill
from fillwright.core.positions import HOLDING, TRANSITIONS, IllegalPositionStep, Position
from fillwright.core.types import CONTEXT, ZERO, Direction, PositionStatus, Protection, Side
from tests.core.builders import NOW, D, make_fill, make_quote

LONG, SHORT = Direction.LONG, Direction.SHORT
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Work in the core's own arithmetic."""
    with decimal.localcontext(CONTEXT):
        yield


def make_position(direction: Direction = LONG, **changes: Any) -> Position:
    fields: dict[str, Any] = {
        "id": 1,
        "signal_id": 1,
        "trader_id": "ada",
        "symbol": "BTCUSDT",
        "base": "BTC",
        "direction": direction,
        "created_at": NOW,
        "updated_at": NOW,
        "requested_quantity": D(1),
        "limit_price": D(100),
        "decision_quote": make_quote(price=D(100)),
        "plan": Protection.OPOCO,
        "plan_reason": "",
        "max_loss_quote": D(2),
    }
    return Position(**{**fields, **changes})


# -- life --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", PositionStatus)
@pytest.mark.parametrize("end", PositionStatus)
def test_a_position_takes_the_steps_of_its_table_and_no_other(
    start: PositionStatus, end: PositionStatus
) -> None:
    position = make_position(status=start)
    if end in TRANSITIONS[start]:
        position.move(end)
        assert position.status is end
    else:
        with pytest.raises(IllegalPositionStep):
            position.move(end)
        assert position.status is start


@pytest.mark.parametrize(
    "path",
    [
        "submitting open monitoring open closing closed open closing closed",
        "submitting submitting failed open closing closing open",
        "submitting open closing monitoring closed",
        "failed open closed",
    ],
)
def test_lives_that_the_rules_tell_of(path: str) -> None:
    position = make_position()
    for status in path.split():
        position.move(PositionStatus(status))
        assert position.is_ended == (status in ("closed", "failed"))
        assert (position.status in HOLDING) == (status in ("open", "monitoring", "closing"))


def test_attempts_are_counted_by_leg() -> None:
    position = make_position()
    assert position.next_attempt("S") == 1
    position.take_attempt("S")
    position.take_attempt("S")
    assert (position.next_attempt("S"), position.next_attempt("T")) == (3, 1)


def test_a_short_enters_by_selling() -> None:
    assert (make_position().entry_side, make_position().exit_side) == (BUY, SELL)
    assert (make_position(SHORT).entry_side, make_position(SHORT).exit_side) == (SELL, BUY)


# -- money -------------------------------------------------------------------------------------------------------


def test_the_worked_example_of_the_rules() -> None:
    """Buy 1 at 100 with 0.1 % in base, sell 0.999 at 100 with 0.1 % in quote: -0.1999, the change in cash."""
    position = make_position()
    commission = D("0.001")
    position.book_fill(
        BUY, make_fill(D(100), D(1), commission=commission, asset="BTC", commission_quote=D("0.1"))
    )
    assert (position.quantity, position.cost) == (D("0.999"), D(100))
    position.book_fill(SELL, make_fill(D(100), D("0.999"), trade_id=2, commission=D("0.0999")))
    assert position.realized == D("-0.1999")
    assert (position.quantity, position.cost) == (ZERO, ZERO)
    assert position.commissions == {"BTC": D("0.001"), "USDT": D("0.0999")}
    assert position.commission_quote == D("0.1999")
    assert (position.entry_price, position.exit_price) == (100, 100)


def test_the_example_mirrored() -> None:
    """Sell 1 at 100 with 0.1 % in quote, buy back 1.001 of which 0.1 % stays with the venue."""
    position = make_position(SHORT)
    position.book_fill(SELL, make_fill(D(100), D(1), commission=D("0.1")))
    assert (position.quantity, position.cost) == (1, D("-99.9"))
    position.book_fill(
        BUY,
        make_fill(
            D(90), D("1.001"), trade_id=2, commission=D("0.001"), asset="BTC", commission_quote=D("0.09")
        ),
    )
    assert position.quantity == ZERO
    assert position.realized == D("99.9") - D("90.09")


def test_a_commission_in_quote_or_in_bnb_belongs_to_the_cost() -> None:
    position = make_position()
    position.book_fill(BUY, make_fill(D(100), D(1), commission=D("0.1")))
    position.book_fill(
        BUY,
        make_fill(D(100), D(1), trade_id=2, commission=D("0.0001"), asset="BNB", commission_quote=D("0.06")),
    )
    assert (position.quantity, position.cost) == (2, D("200.16"))
    assert position.unrealized(D(101), D("0.001")) == D("202") - D("0.202") - D("200.16")


def test_dust_keeps_its_share_of_the_cost() -> None:
    position = make_position()
    position.book_fill(BUY, make_fill(D(100), D(3)))
    position.book_fill(SELL, make_fill(D(110), D(2), trade_id=2))
    assert position.realized == D(20)
    assert (position.quantity, position.cost) == (1, 100)
    assert position.release(D("0.25")) == 25
    assert (position.quantity, position.cost) == (D("0.75"), 75)


def test_a_share_of_the_cost_is_rounded_half_even_to_18_decimals() -> None:
    position = make_position()
    position.book_fill(BUY, make_fill(D(100), D(3)))
    third = position.release(D(1))
    assert third == D(100)
    position.cost = D(100)
    position.quantity = D(3)
    assert position.release(D(1)) == D("33.333333333333333333")
    assert position.cost == D("66.666666666666666667")


def test_a_sales_commission_in_the_base_takes_at_most_what_is_held() -> None:
    position = make_position(base="BNB", symbol="BNBUSDT")
    position.book_fill(BUY, make_fill(D(600), D(1)))
    position.book_fill(
        SELL,
        make_fill(
            D(600), D("0.9995"), trade_id=2, commission=D("0.001"), asset="BNB", commission_quote=D("0.6")
        ),
    )
    assert (position.quantity, position.cost) == (ZERO, ZERO)
    assert position.realized == D("0.9995") * 600 - 600


def test_more_can_not_be_released_than_is_held() -> None:
    position = make_position()
    position.book_fill(BUY, make_fill(D(100), D(1)))
    assert position.release(D(5)) == 100
    assert (position.quantity, position.cost) == (ZERO, ZERO)


def test_unrealized_is_mirrored_for_shorts() -> None:
    position = make_position(SHORT)
    position.book_fill(SELL, make_fill(D(100), D(1)))
    assert position.unrealized(D(90), D("0.001")) == D(100) - D(90) - D("0.09")


def test_slippage_is_against_the_quote_of_the_decision() -> None:
    assert make_position().slippage() == ZERO
    position = make_position()
    position.book_fill(BUY, make_fill(D("100.51"), D(2)))
    assert position.slippage() == D("1.00")
    short = make_position(SHORT)
    short.book_fill(SELL, make_fill(D("99.75"), D(2)))
    assert short.slippage() == D("0.50")


def test_averages_are_derived_to_18_decimals() -> None:
    position = make_position()
    assert (position.entry_price, position.exit_price) == (None, None)
    position.book_fill(BUY, make_fill(D(100), D(1)))
    position.book_fill(BUY, make_fill(D(101), D(2), trade_id=2))
    assert position.entry_price == D("100.666666666666666667")


# -- always: realised − cost of what is left = change in cash ----------------------------------------------------

PRICES = st.decimals("0.01", 100_000, places=2)
QUANTITIES = st.decimals("0.00001", 100, places=5)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Direction, list[tuple[Side, Fill]]]:
    """Entries and exits in any order; exits never of more than is held. Commissions in base, quote or BNB."""
    direction = draw(st.sampled_from([LONG, SHORT]))
    entry, leave = (BUY, SELL) if direction is LONG else (SELL, BUY)
    held = ZERO
    story: list[tuple[Side, Fill]] = []
    for trade_id in range(1, draw(st.integers(1, 12)) + 1):
        price = draw(PRICES)
        asset = draw(st.sampled_from(["BTC", "USDT", "BNB"]))
        rate = draw(st.sampled_from([ZERO, D("0.001"), D("0.00075")]))
        leaves = held > ZERO and draw(st.booleans())
        quantity = draw(QUANTITIES)
        if leaves:
            quantity = min(quantity, held) if draw(st.booleans()) else held
        commission = {"BTC": quantity * rate, "USDT": quantity * price * rate, "BNB": rate}[asset]
        worth = {"BTC": commission * price, "USDT": commission, "BNB": commission * 600}[asset]
        side = leave if leaves else entry
        fill = make_fill(
            price, quantity, trade_id=trade_id, commission=commission, asset=asset, commission_quote=worth
        )
        in_base = commission if asset == "BTC" else ZERO
        moved = quantity - in_base if side is BUY else quantity + in_base
        held = max(held - moved, ZERO) if leaves else held + moved
        story.append((side, fill))
    return direction, story


@given(stories())
def test_what_is_realised_less_the_cost_of_what_is_left_is_the_change_in_cash(
    story: tuple[Direction, list[tuple[Side, Fill]]],
) -> None:
    direction, fills = story
    with decimal.localcontext(CONTEXT):
        position = make_position(direction)
        cash = coins = ZERO
        for side, fill in fills:
            position.book_fill(side, fill)
            in_base = fill.commission_asset == "BTC"
            cash += fill.quote if side is SELL else -fill.quote
            cash -= ZERO if in_base else fill.commission_quote
            coins += fill.quantity if side is BUY else -fill.quantity
            coins -= fill.commission if in_base else ZERO
            assert position.realized - position.cost == cash
            assert position.quantity >= ZERO
        if not position.quantity:
            assert position.cost == ZERO
        held = position.quantity if direction is LONG else -position.quantity
        # A commission in base on the last sale may take more than there was: that comes from the user's own coins.
        assert held >= coins if direction is LONG else held == coins


@given(stories())
def test_the_books_of_a_position_are_sums_over_its_fills(
    story: tuple[Direction, list[tuple[Side, Fill]]],
) -> None:
    direction, fills = story
    with decimal.localcontext(CONTEXT):
        position = make_position(direction)
        for side, fill in fills:
            position.book_fill(side, fill)
        entries = [fill for side, fill in fills if side is position.entry_side]
        exits = [fill for side, fill in fills if side is position.exit_side]
        assert position.entry_quantity == sum((fill.quantity for fill in entries), ZERO)
        assert position.entry_quote == sum((fill.quote for fill in entries), ZERO)
        assert position.exit_quantity == sum((fill.quantity for fill in exits), ZERO)
        assert position.exit_quote == sum((fill.quote for fill in exits), ZERO)
        paid: dict[str, Decimal] = {}
        for _, fill in fills:
            if fill.commission:
                paid[fill.commission_asset] = paid.get(fill.commission_asset, ZERO) + fill.commission
        assert position.commissions == paid
        assert position.commission_quote == sum((fill.commission_quote for _, fill in fills), ZERO)
