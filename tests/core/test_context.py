"""Context: what a step records and sends, and the words it looks things up by."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core import events as ev
from fillwright.core.context import (
    ENTRY_LANE,
    EXIT_LANE,
    Bids,
    Context,
    NoAverages,
    milliseconds,
    seconds,
)
from fillwright.core.effects import Alert, Send
from fillwright.core.requests import CancelOpenOrdersRequest
from fillwright.core.types import Leg
from tests.core.builders import NOW, PRICE, Book, D, make_instrument, make_quote


def make_context(book: Book, *symbols: str, price: Decimal = PRICE) -> Context:
    quotes = {symbol: make_quote(symbol, price) for symbol in symbols}
    return Context(book.ledger, quotes, Bids(book.state, quotes), NoAverages(), NOW)


def test_what_is_emitted_is_true_at_once() -> None:
    """Design: records are true when they are made; the shell journals them before it acts."""
    book = Book()
    ctx = make_context(book)
    seq = ctx.emit(ev.Paused("news", NOW, "ada"))
    assert seq == book.state.seq
    assert book.state.safety.paused_cause == "news"
    (record,) = ctx.records
    assert (record.seq, record.time, record.cause) == (seq, NOW, 0)


def test_the_first_record_of_a_step_is_the_cause_of_the_others() -> None:
    ctx = make_context(Book())
    first = ctx.emit(ev.Paused("news", NOW, "ada"))
    ctx.emit(ev.Resumed("over", "ada"))
    other = ctx.emit(ev.Paused("news", NOW, "ada"), cause=3)
    ctx.emit(ev.Resumed("over", "ada"))
    assert [record.cause for record in ctx.records] == [0, first, 3, first]
    assert other == first + 2


def test_a_first_record_with_a_cause_of_its_own_keeps_it() -> None:
    ctx = make_context(Book())
    first = ctx.emit(ev.Paused("news", NOW, "ada"), cause=2)
    ctx.emit(ev.Resumed("over", "ada"))
    assert [record.cause for record in ctx.records] == [2, first]


def test_effects_keep_their_order() -> None:
    ctx = make_context(Book())
    request = CancelOpenOrdersRequest(symbol="BTCUSDT")
    ctx.send(request, EXIT_LANE)
    ctx.alert("warning", "LOW_BNB", "buy some")
    ctx.send(request, ENTRY_LANE)
    assert ctx.effects == [
        Send(request, EXIT_LANE),
        Alert("warning", "LOW_BNB", "buy some"),
        Send(request, ENTRY_LANE),
    ]


def test_a_position_touched_twice_is_settled_once_in_the_order_of_touching() -> None:
    ctx = make_context(Book())
    for number in (4, 0, 2, 4):
        ctx.touch(number)
    assert list(ctx.touched) == [4, 0, 2]


def test_names_are_a_pure_function_of_the_state() -> None:
    """Trading rules §2: ``RT_<ledger tag>_<position>_<leg>_<attempt>``; each attempt has a name of its own."""
    book = Book()
    ctx = make_context(book)
    position = book.create_position()
    assert ctx.name(position, Leg.ENTRY) == ctx.name(position, Leg.ENTRY) == "RT_t_1_E_1"
    book.submit(position)
    assert ctx.name(position, Leg.ENTRY) == "RT_t_1_E_2"
    assert ctx.name(position, Leg.STOP_LOSS) == "RT_t_1_S_1"


def test_orders_know_their_position() -> None:
    book = Book()
    ctx = make_context(book)
    position = book.create_position()
    assert ctx.position_of(book.state.orders[book.submit(position)]) is position
    assert ctx.position_of(book.state.orders[book.submit(leg=Leg.MANUAL)]) is None


@pytest.mark.parametrize(
    ("asset", "worth"),
    [("USDT", D("0.5")), ("BTC", D("24_500.0")), ("BNB", D(25_000)), ("DOGE", D(0))],
)
def test_a_commission_is_worth_what_it_would_cost_in_quote(asset: str, worth: Decimal) -> None:
    """Trading rules §3: quote as it is, base at the fill's price, others at their bid, unknown ones at 0."""
    book = Book(make_instrument(), make_instrument("BNBUSDT"))
    ctx = make_context(book, "BTCUSDT", "BNBUSDT")
    assert ctx.value_in_quote("BTCUSDT", asset, D("0.5"), D(49_000)) == worth


def test_no_commission_is_worth_nothing() -> None:
    ctx = make_context(Book())
    assert ctx.value_in_quote("BTCUSDT", "DOGE", D(0), PRICE) == 0


def test_bids_fall_back_to_the_last_price_of_the_journal() -> None:
    book = Book()
    ctx = make_context(book, "ETHUSDT")
    book.state.prices["BTCUSDT"] = D(48_000)
    book.state.prices["ETHUSDT"] = D(1)
    assert ctx.bids["BTCUSDT"] == 48_000
    assert ctx.bids["ETHUSDT"] == PRICE, "a quote says more"
    assert ctx.bids["DOGEUSDT"] == 0
    assert (list(ctx.bids), len(ctx.bids)) == (["ETHUSDT"], 1)


def test_averages_that_nobody_knows() -> None:
    assert NoAverages().get("BTCUSDT") is None


def test_settings_are_turned_into_the_units_of_time() -> None:
    assert seconds(D("1.5")) == 1_500_000
    assert seconds(2) == 2_000_000
    assert milliseconds(250) == 250_000
