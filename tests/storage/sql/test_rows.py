"""Objects of the core as rows: every state has its word, every number its plain text, every column its value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.events import LimitsChanged
from fillwright.core.inputs import Size
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.state import Ledger, State
from fillwright.core.types import Direction, Leg, OrderState, PositionStatus, plain
from fillwright.storage.sql import rows, schema
from tests.storage.story import Story

WHOSE = rows.Whose("main", "ann", "paper")
D = Decimal


@pytest.fixture
def story() -> Story:
    """A ledger with an open position."""
    made = Story()
    made.bought()
    return made


# -- numbers -----------------------------------------------------------------------------------------------------


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_the_quick_way_to_write_a_number_is_the_plain_one(number: Decimal) -> None:
    assert rows.text(number) == plain(number)


@pytest.mark.parametrize("text", ["0", "-0", "-0.0", "0E-18", "1E+3", "100", "100.50", "1E-7", "-12.30"])
def test_odd_numbers_are_written_plainly(text: str) -> None:
    assert rows.text(D(text)) == plain(D(text))


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        ("1", "3", "33.333333333333333333"),
        ("2", "3", "66.666666666666666667"),
        ("1", "0", "0"),
        ("-1", "8", "-12.5"),
    ],
)
def test_percentages_have_18_decimals(part: str, whole: str, percent: str) -> None:
    assert rows.percent(D(part), D(whole)) == D(percent)


def test_numbers_in_documents_have_no_exponent() -> None:
    assert rows.document(Size(quote=D("1E+3"))) == '{"quote":"1000"}'
    assert rows.document([Size(quote=D("1E-9")), {"a": (D(2),)}]) == '[{"quote":"0.000000001"},{"a":["2"]}]'
    assert rows.document({"note": "E+E-"}) == '{"note":"E+E-"}'


# -- shapes ------------------------------------------------------------------------------------------------------


def test_rows_fill_their_tables(story: Story) -> None:
    state = story.ledger.state
    (position,) = state.positions.values()
    order = state.orders[position.entry_order_ids[0]]
    value = rows.value_of(position, story.ledger)
    limits = LimitsChanged("a", "", RiskLimits(), "ann")
    mark = (1, 2, D(3), D(4), D(5), D(6))

    made = {
        schema.signals: rows.signal_row(WHOSE, state.signals[1], 7),
        schema.orders: rows.order_row(WHOSE, order),
        schema.fills: rows.fill_row(WHOSE, order, order.fills[0], 1),
        schema.paper_trades: rows.trade_row(WHOSE, position, order, D(1), value),
        schema.paper_portfolios: rows.portfolio_row(WHOSE, story.ledger, 1, D(7)),
        schema.paper_trading_settings: rows.settings_row(WHOSE, Settings(), 1),
        schema.risk_limits: rows.limits_row(WHOSE, limits, 1),
        schema.pnl_snapshots: rows.pnl_row(WHOSE, mark),
    }

    for table, row in made.items():
        assert len(row) == len(table.columns), table.name
        empty = [
            c.name for c, value in zip(table.columns, row, strict=True) if value is None and not c.nullable
        ]
        assert empty == []
    # One more than columns: the list is looked up by the stop's account and id.
    assert len(rows.position_row(WHOSE, position, value)) == len(schema.positions.columns) + 1


def test_every_order_state_has_a_word() -> None:
    assert set(rows.ORDER_STATES) == set(OrderState)
    finals = {"Filled", "Cancelled", "Rejected", "Expired"}
    assert set(rows.OPEN_ORDER_STATES) == set(rows.ORDER_STATES.values()) - finals


@pytest.mark.parametrize(
    ("status", "failure", "entry_works", "word"),
    [
        (PositionStatus.CREATED, "", False, "PendingOpen"),
        (PositionStatus.SUBMITTING, "", True, "PendingOpen"),
        (PositionStatus.OPEN, "", True, "PartiallyFilled"),
        (PositionStatus.MONITORING, "", True, "PartiallyFilled"),
        (PositionStatus.OPEN, "", False, "Open"),
        (PositionStatus.MONITORING, "", False, "Open"),
        (PositionStatus.CLOSING, "", False, "PendingClose"),
        (PositionStatus.CLOSED, "", False, "Closed"),
        (PositionStatus.FAILED, "cancelled", False, "Cancelled"),
        (PositionStatus.FAILED, "expired", False, "Cancelled"),
        (PositionStatus.FAILED, "rejected", False, "Rejected"),
        (PositionStatus.FAILED, "never_arrived", False, "Rejected"),
    ],
)
def test_every_position_status_is_a_trade_status(
    story: Story, status: PositionStatus, failure: str, entry_works: bool, word: str
) -> None:
    (position,) = story.ledger.state.positions.values()
    position.status, position.failure_status = status, failure
    position.open_order_ids = list(position.entry_order_ids) if entry_works else []

    assert rows.trade_status(position) == word
    assert (word in rows.OPEN_TRADE_STATUSES) == (status.value in rows.OPEN_POSITION_STATUSES)


def test_a_position_is_worth_what_it_would_bring(story: Story) -> None:
    (position,) = story.ledger.state.positions.values()
    story.ledger.state.prices["BTCUSDT"] = D(61000)

    value = rows.value_of(position, story.ledger)

    assert value.price == "61000"
    assert value.unrealized == position.quantity * 61000 * D("0.999") - position.cost


def test_a_short_position_is_shown_as_one(story: Story) -> None:
    (position,) = story.ledger.state.positions.values()
    position.direction = Direction.SHORT
    value = rows.value_of(position, story.ledger)

    assert "SHORT" in rows.position_row(WHOSE, position, value)
    assert "Short" in rows.trade_row(WHOSE, position, None, None, value)


def test_a_position_that_ended_has_no_price(story: Story) -> None:
    story.closed(1, D(62000), Leg.TAKE_PROFIT)
    (position,) = story.ledger.state.positions.values()

    assert rows.value_of(position, story.ledger) == rows.Valuation(rows.NULL, D(0), "60000.5", "62000")


def test_an_account_without_money_has_a_portfolio() -> None:
    row = rows.portfolio_row(WHOSE, Ledger(State()), 1, Decimal(0))

    assert row[2:5] == ("0", "0", "0")


def test_an_order_in_doubt_is_pending_and_says_so(story: Story) -> None:
    (position,) = story.ledger.state.positions.values()
    order = story.ledger.state.orders[position.stop_order_id]
    columns = [column.name for column in schema.orders.columns]

    def shown(name: str) -> object:
        return rows.order_row(WHOSE, order)[columns.index(name)]

    assert (shown("state"), shown("in_doubt")) == ("New", False)
    order.state = OrderState.UNKNOWN
    order.doubt = object()  # type: ignore[assignment]
    assert (shown("state"), shown("in_doubt")) == ("Pending", True)
