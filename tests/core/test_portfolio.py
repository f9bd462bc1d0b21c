"""The account's money: two books per asset, what is set aside, who owns what, marks and the trading day."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.portfolio import Portfolio, trading_day, trading_day_end
from fillwright.core.types import DAY, HOUR, ZERO, Leg, OrderType, Side, Time
from tests.core.builders import NOW, Book, D, later, make_fill, make_instrument

BIDS = {"BTCUSDT": D(50_000), "ETHUSDT": D(3_000)}


def two_symbols() -> Book:
    return Book(make_instrument(), make_instrument("ETHUSDT"))


# -- balances ----------------------------------------------------------------------------------------------------


def test_our_ledger_moves_with_executions_alone() -> None:
    portfolio = Portfolio()
    portfolio.balance("USDT").ledger = D(1_000)
    portfolio.book_fill("BTC", "USDT", Side.BUY, make_fill(D(100), D(2), commission=D("0.002"), asset="BTC"))
    portfolio.book_fill("BTC", "USDT", Side.SELL, make_fill(D(110), D(1), commission=D("0.11")))
    portfolio.book_fill(
        "BTC",
        "USDT",
        Side.SELL,
        make_fill(D(110), D("0.5"), commission=D("0.0001"), asset="BNB", commission_quote=D("0.06")),
    )
    assert portfolio.balances["BTC"].ledger == D("0.498")
    assert portfolio.balances["USDT"].ledger == D("1000") - 200 + D("109.89") + 55
    assert portfolio.balances["BNB"].ledger == D("-0.0001")
    assert portfolio.balances["USDT"].total == ZERO


def test_the_opening_balance_is_the_start_of_all_figures() -> None:
    portfolio = Book().state.portfolio
    assert (portfolio.equity, portfolio.peak, portfolio.day_start_equity) == (10_000, 10_000, 10_000)
    assert portfolio.balances["USDT"].ledger == 10_000


def test_a_transfer_is_neither_gain_nor_loss() -> None:
    book = Book()
    book.mark(D(9_900))
    book.push(ev.TransferSeen("USDT", D(500)), ev.TransferSeen("BTC", D(1)))
    portfolio = book.state.portfolio
    assert (portfolio.equity, portfolio.peak, portfolio.daily_loss) == (10_400, 10_500, 100)
    assert portfolio.transfers == 500
    assert portfolio.balances["BTC"].ledger == 1
    assert portfolio.equity_at(BIDS) == 10_500


# -- what is set aside -------------------------------------------------------------------------------------------


def test_an_entry_is_set_aside_at_its_intent_and_given_back_as_it_fills() -> None:
    book = Book()
    portfolio = book.state.portfolio
    position = book.create_position()
    name = book.submit(position, quantity=D("0.002"), price=D(50_000), reserve=D(100))
    assert (portfolio.reserved, portfolio.in_flight, portfolio.available()) == (100, 100, 9_900)
    book.place(name)
    assert (portfolio.reserved, portfolio.in_flight) == (100, 0)
    book.push(ev.BalanceUpdated((("USDT", D(9_900), D(100)),)))
    assert portfolio.available() == 9_900
    book.fill(name, D(50_000), D("0.0005"))
    assert portfolio.reserved == 75
    assert portfolio.exposure_symbol("BTCUSDT", BIDS) == 100
    book.push(ev.OrderCancelled(name))
    assert (portfolio.reserved, portfolio.reserved_by_symbol["BTCUSDT"]) == (0, 0)
    assert portfolio.reserved_by_trader["ada"] == 0
    book.push(ev.BalanceUpdated((("USDT", D(9_975), ZERO),)))
    assert portfolio.available() == 9_975


def test_an_order_in_doubt_keeps_what_is_set_aside() -> None:
    book = Book()
    portfolio = book.state.portfolio
    name = book.submit(book.create_position(), reserve=D(100))
    book.push(ev.OrderUnknown(name, "timeout"))
    assert (portfolio.reserved, portfolio.in_flight) == (100, 100)
    book.push(ev.OrderRejected(name, 0, "never arrived", never_arrived=True))
    assert (portfolio.reserved, portfolio.in_flight, portfolio.available()) == (0, 0, 10_000)


def test_never_more_is_available_than_the_venue_shows_as_free() -> None:
    book = Book()
    book.push(ev.BalanceUpdated((("USDT", D(4_000), ZERO),)))
    assert book.state.portfolio.available() == 4_000
    book.push(ev.BalanceUpdated((("USDT", D(40_000), ZERO),)))
    assert book.state.portfolio.available() == 10_000


@given(
    st.lists(
        st.tuples(
            st.decimals("0.001", 1, places=3), st.sampled_from(["place", "part", "fill", "cancel", "expire"])
        ),
        max_size=8,
    )
)
def test_what_is_set_aside_is_the_sum_over_open_orders(steps: list[tuple[Decimal, str]]) -> None:
    book = Book()
    portfolio = book.state.portfolio
    for quantity, end in steps:
        name = book.submit(book.create_position(), quantity=quantity, reserve=quantity * 100, price=D(100))
        if end == "place":
            book.place(name)
        elif end in ("part", "fill"):
            book.fill(name, D(100), quantity if end == "fill" else quantity / 2)
        elif end == "cancel":
            book.push(ev.OrderCancelled(name))
        else:
            book.push(ev.OrderExpired(name, "UNFILLED_FOK_ORDER_EXPIRED"))
    orders = book.ledger.open_orders.values()
    assert portfolio.reserved == sum((order.remaining * 100 for order in orders), ZERO)
    assert portfolio.reserved == portfolio.reserved_by_symbol.get("BTCUSDT", ZERO)
    assert portfolio.reserved == portfolio.reserved_by_trader.get("ada", ZERO)
    assert portfolio.available() == portfolio.balances["USDT"].ledger - portfolio.reserved


# -- exposure and equity -----------------------------------------------------------------------------------------


def test_exposure_counts_what_positions_own_at_the_bid() -> None:
    book = two_symbols()
    book.push(ev.BalanceUpdated((("BTC", D(7), ZERO),), opening=True))  # the user's own
    book.open_position("BTCUSDT", D("0.002"), D(49_000))
    book.open_position("ETHUSDT", D("0.1"), D(2_900), trader_id="bob")
    portfolio = book.state.portfolio
    assert portfolio.exposure_symbol("BTCUSDT", BIDS) == 100
    assert portfolio.exposure_symbol("SOLUSDT", BIDS) == 0
    assert portfolio.exposure_total(BIDS) == 400
    assert portfolio.exposure_trader("ada", BIDS) == 100
    assert portfolio.exposure_trader("bob", BIDS) == 300
    assert portfolio.exposure_trader("eve", BIDS) == 0
    assert portfolio.equity_at(BIDS) == 10_000 - 98 - 290 + 400


def test_a_closed_position_owns_nothing_and_leaves_its_dust_at_cost() -> None:
    book = Book()
    position = book.open_position(quantity=D("0.002"), price=D(50_000))
    name = book.submit(position, Leg.EXIT, order_type=OrderType.MARKET, quantity=D("0.0019"), price=None)
    book.push(ev.PositionClosing(position.id, "test"))
    book.fill(name, D(51_000), D("0.0019"))
    book.push(ev.PositionClosed(position.id, position.realized, "test"))
    portfolio = book.state.portfolio
    assert portfolio.exposure_total(BIDS) == 0
    assert (position.dust_quantity, position.dust_cost, portfolio.dust_cost) == (D("0.0001"), 5, 5)
    assert portfolio.realized == D("1.9")
    assert portfolio.realized - portfolio.dust_cost == portfolio.balances["USDT"].ledger - 10_000


def test_coins_gone_outside_are_owned_no_more() -> None:
    book = Book()
    position = book.open_position(quantity=D("0.002"))
    book.push(ev.PositionReduced(position.id, D("0.0005"), "closed_outside"))
    assert book.state.portfolio.exposure_symbol("BTCUSDT", BIDS) == 75
    assert (position.quantity, position.cost, position.closed_outside) == (D("0.0015"), 75, D("0.0005"))


# -- marks and the day -------------------------------------------------------------------------------------------


def test_only_marks_move_equity_peak_and_drawdown() -> None:
    book = Book()
    portfolio = book.state.portfolio
    book.open_position()
    assert portfolio.equity == 10_000
    book.mark(D(12_000))
    assert (portfolio.peak, portfolio.drawdown_percent) == (12_000, 0)
    book.mark(D(9_000))
    assert (portfolio.peak, portfolio.drawdown_percent, portfolio.marked_at) == (12_000, 25, NOW)
    book.mark(D(10_800))
    assert (portfolio.drawdown_percent, portfolio.drawdown_max_percent) == (10, 25)
    assert portfolio.daily_loss == -800


def test_the_days_loss_counts_from_its_start() -> None:
    book = Book()
    portfolio = book.state.portfolio
    book.close_position(book.open_position(), D(49_000))
    book.mark(D(9_998))
    assert (portfolio.daily_loss, portfolio.day_trades) == (2, 1)
    book.push(ev.TradingDayStarted(5, D(9_998)))
    assert (portfolio.daily_loss, portfolio.day_trades, portfolio.day) == (0, 0, 5)
    assert (portfolio.trades, portfolio.wins, portfolio.losses) == (1, 0, 1)


def test_no_equity_has_no_drawdown() -> None:
    portfolio = Portfolio()
    portfolio.mark(ZERO, NOW)
    assert portfolio.drawdown_percent == ZERO


@pytest.mark.parametrize("hour", [0, 7, 23])
@given(now=st.integers(0, 10**17))
def test_a_trading_day_lasts_24_hours_from_its_hour(hour: int, now: Time) -> None:
    day = trading_day(now, hour)
    end = trading_day_end(day, hour)
    assert end - DAY <= now < end
    assert end % DAY == hour * HOUR
    assert trading_day(end, hour) == day + 1
    assert trading_day(end - 1, hour) == day


# -- losses in a row ---------------------------------------------------------------------------------------------


def test_losses_in_a_row_rest_entries_and_a_gain_starts_anew() -> None:
    book = Book()
    book.set_risk(max_consecutive_losses=2, cooldown_minutes=10)
    safety = book.state.safety
    book.close_position(book.open_position(), D(49_000))
    assert safety.consecutive_losses == 1
    book.close_position(book.open_position(), D(51_000))
    assert (safety.consecutive_losses, safety.cooldown_until) == (0, 0)
    book.close_position(book.open_position(), D(49_000))
    book.close_position(book.open_position(), D(49_000))
    assert safety.cooldown_until == later(600)
