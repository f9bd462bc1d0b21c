"""What a situation is about, and what the account has when it is judged."""

from __future__ import annotations

from fillwright.core.inputs import PlaceOrder
from fillwright.core.risk.situation import NUMBERS, Room, room_for
from fillwright.core.types import OrderType, Side
from tests.core.builders import Book, D, make_draft, make_instrument, make_signal


def test_the_symbol_is_the_signals_the_orders_or_the_drafts() -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    situation = book.situation(signal=make_signal(symbol="ETHUSDT"))
    assert situation.symbol == "ETHUSDT"
    order = PlaceOrder(by="ada", symbol="SOLUSDT", side=Side.BUY, type=OrderType.MARKET)
    assert book.situation(order=order).symbol == "SOLUSDT"
    situation.signal, situation.draft = None, make_draft(symbol="BTCUSDT")
    assert situation.symbol == "BTCUSDT"
    situation.draft = None
    assert situation.symbol == ""


def test_the_room_is_what_the_portfolio_says() -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    position = book.open_position("BTCUSDT", D("0.002"), D(49_000))
    book.open_position("ETHUSDT", D("0.1"), D(3_000), trader_id="bob")
    book.submit(book.create_position(), reserve=D(50))
    bids = {"BTCUSDT": D(50_000), "ETHUSDT": D(3_100)}
    portfolio = book.state.portfolio
    assert room_for(make_draft(), portfolio, bids) == Room(
        equity=D(10_000 - 98 - 300 + 100 + 310),
        available=D(10_000 - 98 - 300 - 50),
        exposure_symbol=D(150),
        exposure_total=D(460),
        exposure_trader=D(150),
    )
    assert room_for(make_draft(), portfolio, bids, position).held == 100


def test_counts_beyond_the_table_are_numbers_too() -> None:
    assert [NUMBERS[number] for number in (0, 7, 1023, 1024, 10**9)] == [0, 7, 1023, 1024, 10**9]
