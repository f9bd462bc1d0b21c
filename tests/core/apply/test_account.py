"""What events of the account do to the state."""

from __future__ import annotations

import msgspec

from fillwright.core import events as ev
from fillwright.core.settings import Settings, VenueProfile
from fillwright.core.types import SymbolStatus
from tests.core.builders import CASH, NOW, Book, D, make_instrument, wide_limits


def test_a_ledger_begins_with_its_tag_settings_and_money() -> None:
    book = Book(settings=Settings(quote_asset="USDT"))
    state = book.state
    assert (state.account_id, state.tag) == ("paper/ada/main", "t")
    assert state.portfolio.equity == state.portfolio.peak == state.portfolio.day_start_equity == CASH
    assert [len(window) for window in state.safety.order_windows] == [2, 2]


def test_new_settings_do_not_lose_the_counts_of_orders() -> None:
    book = Book()
    book.submit()
    counted = [list(window) for window in book.state.safety.order_windows]
    book.set(take_profit_style="maker")
    assert book.state.safety.order_windows == counted
    book.set(venue=VenueProfile(order_limits=((10, 50),)))
    assert book.state.safety.order_windows == [[0, 0]]


def test_limits_are_set_and_removed_as_a_new_object() -> None:
    """§5: limits change at run time (a journaled input)."""
    book = Book()
    before = book.state.limits
    book.push(ev.LimitsChanged("ada", "BTCUSDT", wide_limits(), "root"))
    assert book.state.limits.keys() == {"ada|BTCUSDT"}
    assert before == {}
    book.push(ev.LimitsChanged("ada", "BTCUSDT", None, "root"))
    book.push(ev.LimitsChanged("bob", "", None, "root"))
    assert book.state.limits == {}


def test_instruments_and_fees_are_as_the_venue_last_said() -> None:
    book = Book()
    book.push(
        ev.InstrumentChanged(make_instrument(status=SymbolStatus.HALT)), ev.FeesChanged(D(0), D("0.002"))
    )
    assert book.state.instruments["BTCUSDT"].status is SymbolStatus.HALT
    assert (book.state.maker_fee, book.state.taker_fee) == (0, D("0.002"))


def test_the_venues_balance_does_not_touch_our_own_ledger() -> None:
    book = Book()
    book.push(ev.BalanceUpdated((("USDT", D(9_000), D(500)),)))
    balance = book.state.portfolio.balance_of("USDT")
    assert (balance.free, balance.locked, balance.ledger) == (9_000, 500, CASH)


def test_a_difference_is_noted_then_corrected_or_forgotten() -> None:
    """§7: balance corrected; a correction of the quote asset is a transfer, neither gain nor loss."""
    book = Book()
    book.push(ev.BalanceDiffers("USDT", D(-100)))
    assert book.state.portfolio.differences == {"USDT": (D(-100), NOW)}
    book.push(ev.BalanceDiffers("USDT", D(0)))
    assert book.state.portfolio.differences == {}
    book.push(ev.BalanceDiffers("USDT", D(-100)), ev.BalanceCorrected("USDT", D(-100)))
    portfolio = book.state.portfolio
    assert portfolio.differences == {}
    assert (portfolio.balance_of("USDT").ledger, portfolio.transfers) == (9_900, -100)
    assert portfolio.daily_loss == 0
    book.push(ev.BalanceCorrected("BTC", D(1)))
    assert portfolio.transfers == -100


def test_a_mark_keeps_its_prices() -> None:
    """§3: only marks move peak, drawdown and the day's loss."""
    book = Book()
    book.push(ev.EquityMarked(D(9_000), (("BTCUSDT", D(45_000)),)))
    assert book.state.prices["BTCUSDT"] == 45_000
    assert book.state.portfolio.drawdown_percent == 10


def test_a_trading_day_starts_from_its_equity() -> None:
    book = Book()
    book.state.portfolio.day_trades = 5
    book.push(ev.TradingDayStarted(7, D(9_500)))
    portfolio = book.state.portfolio
    assert (portfolio.day, portfolio.day_start_equity, portfolio.day_trades) == (7, 9_500, 0)


def test_closes_are_kept_for_the_window_alone() -> None:
    book = Book()
    book.set(risk=msgspec.structs.replace(book.state.settings.risk, correlation_window_candles=3))
    book.close_candles("BTCUSDT", [D(number) for number in range(1, 8)])
    assert book.state.closes["BTCUSDT"] == [4, 5, 6, 7]
