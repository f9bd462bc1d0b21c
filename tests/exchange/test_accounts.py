"""Balances, unfilled order counts and the rounding of commissions."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.exchange.accounts import Account, round_commission
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.settings import ExchangeSettings, FeeSchedule, OrderCountLimit
from tests.exchange.builders import BUY, EXACT, SYMBOL, D, an_exchange, an_opoco, limit, market, refused

TEN_SECONDS = 10_000_000
LIMITS = (OrderCountLimit(TEN_SECONDS, 3, "10 SECOND"),)


def an_account() -> Account:
    account = Account("a", FeeSchedule(), -1, ExchangeSettings(order_counts=LIMITS))
    account.balance("USDT").free = D(10)
    return account


def test_a_lock_moves_what_is_free_or_nothing() -> None:
    account = an_account()
    assert account.lock("USDT", D(4))
    assert not account.lock("USDT", D(7))
    account.unlock("USDT", D(1))
    balance = account.balance("USDT")
    assert (balance.free, balance.locked) == (7, 3)


def test_windows_are_aligned_to_the_clock() -> None:
    account = an_account()
    account.add_count(LIMITS, 3, TEN_SECONDS - 1)
    with pytest.raises(ExchangeError) as caught:
        account.check_count(LIMITS, 1, TEN_SECONDS - 1)
    assert (caught.value.code, caught.value.http_status) == (-1015, 429)
    assert caught.value.message == "Too many new orders; current limit is 3 orders per 10 SECOND."
    account.check_count(LIMITS, 3, TEN_SECONDS)
    assert [one.count for one in account.counts(LIMITS, TEN_SECONDS)] == [0]


def test_a_limit_that_is_not_enforced_counts_and_refuses_nothing() -> None:
    limits = (OrderCountLimit(TEN_SECONDS, 3, "10 SECOND", is_enforced=False),)
    account = an_account()
    account.add_count(limits, 3, 1)
    account.check_count(limits, 1, 1)
    assert account.counts(limits, 1)[0].count == 3


def test_a_count_never_falls_below_zero() -> None:
    account = an_account()
    account.add_count(LIMITS, -5, 1)
    assert account.counts(LIMITS, 1)[0].count == 0


def test_orders_count_until_their_first_fill() -> None:
    exchange = an_exchange(ExchangeSettings(order_counts=LIMITS))
    exchange.execute("a", limit(BUY, "1", "90", "rests"), 5)
    exchange.execute("a", market(BUY, "1", "fills"), 6)
    assert exchange.order_counts("a")[0].count == 1
    exchange.execute("a", limit(BUY, "1", "90", "two"), 7)
    exchange.execute("a", limit(BUY, "1", "90", "three"), 8)
    assert refused(lambda: exchange.execute("a", limit(BUY, "1", "90", "four"), 9))[0] == -1015
    exchange.execute("b", limit(BUY, "1", "90", "theirs"), 9)


def test_a_bracket_counts_three_less_its_filled_entry_and_a_refused_one_nothing() -> None:
    limits = (OrderCountLimit(TEN_SECONDS, 100, "10 SECOND"),)
    exchange = an_exchange(ExchangeSettings(order_counts=limits, spread_bps=D(0), slippage_bps=D(0)))
    exchange.execute("a", an_opoco(), 5)
    assert exchange.order_counts("a")[0].count == 2
    exchange.execute("a", an_opoco(price="99", name="unfilled"), 6)
    assert exchange.order_counts("a")[0].count == 5
    refused(lambda: exchange.execute("a", an_opoco("10000", name="too-dear"), 7))
    refused(lambda: exchange.execute("a", limit(BUY, "900", "100"), 8))
    assert exchange.order_counts("a")[0].count == 5


def test_no_limits_no_counts() -> None:
    exchange = an_exchange(ExchangeSettings(order_counts=()))
    for number in range(20):
        exchange.execute("a", limit(BUY, "0.1", "90", f"n{number}"), 5)
    assert exchange.order_counts("a") == ()
    assert EXACT.order_counts


def test_open_orders_are_known_by_their_symbol() -> None:
    account = Account("a", FeeSchedule(), -1, ExchangeSettings())
    exchange = an_exchange()
    for name in "xyz":
        exchange.execute("a", limit(BUY, "1", "90", name), 5)
    first, second, third = exchange._state.orders.values()
    assert list(account.open_of(SYMBOL)) == []
    for order in (first, second, third):
        account.add_open(order)
    account.drop_open(second)
    account.drop_open(second)
    assert list(account.open_of(SYMBOL)) == list(account.open.values()) == [first, third]
    assert list(account.open_of("ETHUSDT")) == []


@pytest.mark.parametrize(
    ("amount", "precision", "rounded"),
    [
        ("0.123456789", 8, "0.12345678"),
        ("0.000000009", 8, "0"),
        ("0.1", 8, "0.1"),
        ("5", 8, "5"),
        ("1.239", 2, "1.23"),
        ("1E+2", 2, "100"),
    ],
)
def test_commissions_are_cut_off(amount: str, precision: int, rounded: str) -> None:
    assert round_commission(D(amount), precision) == D(rounded)


def test_the_oldest_fills_go_when_there_are_twice_as_many_as_are_kept() -> None:
    exchange = an_exchange(msgspec.structs.replace(EXACT, fills_kept_max=3))
    counts = []
    for number in range(9):
        exchange.execute("a", market(BUY, "0.1", f"m{number}"), 5 + number)
        counts.append(len(exchange.trades("a", SYMBOL)))
    assert counts == [1, 2, 3, 4, 5, 3, 4, 5, 3]
