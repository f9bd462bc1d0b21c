"""The tightest of all levels wins, and combined limits live exactly as long as what they were made of."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.risk.limits import CACHE_MAX, Limits, effective, tightest
from fillwright.core.settings import RiskLimits, VenueProfile
from fillwright.core.types import SECOND
from tests.core.builders import Book, D

OF_THE_ACCOUNT = {"day_start_hour_utc", "correlation_window_candles"}
GREATEST = {"min_position_size_usdt", "min_order_interval_seconds", "min_confidence", "cooldown_minutes"}
FIELDS = [field.name for field in msgspec.structs.fields(RiskLimits)]


def random_limits() -> st.SearchStrategy[RiskLimits]:
    amounts = st.decimals(0, 1000, places=2)
    values = {
        "allocation_usdt": st.none() | amounts,
        "require_stop_loss": st.booleans(),
    }
    for field in msgspec.structs.fields(RiskLimits):
        values.setdefault(field.name, st.integers(0, 100) if field.type is int else amounts)
    return st.builds(RiskLimits, **values)


def is_as_tight(limits: RiskLimits, other: RiskLimits, name: str) -> bool:
    """Tell whether one level's limit admits nothing that the other's forbids."""
    mine, theirs = getattr(limits, name), getattr(other, name)
    if name == "allocation_usdt":
        return theirs is None or (mine is not None and mine <= theirs)
    if name == "require_stop_loss":
        return mine or not theirs
    return mine >= theirs if name in GREATEST else mine <= theirs


@given(random_limits(), random_limits(), random_limits())
def test_the_tightest_wins(account: RiskLimits, trader: RiskLimits, symbol: RiskLimits) -> None:
    combined = tightest(tightest(account, trader), symbol)
    for name in FIELDS:
        value = getattr(combined, name)
        if name in OF_THE_ACCOUNT:
            assert value == getattr(account, name)
            continue
        assert value in [getattr(level, name) for level in (account, trader, symbol)]
        assert all(is_as_tight(combined, level, name) for level in (account, trader, symbol))
    assert tightest(account, tightest(trader, symbol)) == combined
    assert tightest(combined, trader) == combined


@given(random_limits())
def test_a_level_does_not_change_itself(limits: RiskLimits) -> None:
    assert tightest(limits, limits) == limits


def test_limits_nest_from_the_account_to_the_traders_symbol() -> None:
    book = Book()
    book.limit(max_positions=4)
    book.limit("ada", max_position_size_usdt=D(80), max_positions=10)
    book.limit("", "BTCUSDT", max_position_size_usdt=D(60), min_confidence=D("0.7"))
    book.limit("ada", "BTCUSDT", allocation_usdt=D(300))
    nested = effective(book.state, "ada", "BTCUSDT")
    assert nested.max_positions == 4
    assert nested.max_position_size_usdt == 60
    assert nested.min_confidence == D("0.7")
    assert nested.allocation_usdt == 300
    other = effective(book.state, "bob", "ETHUSDT")
    assert (other.max_positions, other.max_position_size_usdt, other.allocation_usdt) == (4, 100, None)
    assert effective(book.state, "bob", "BTCUSDT").max_position_size_usdt == 60
    assert effective(book.state, "ada", "ETHUSDT").max_position_size_usdt == 80


def test_without_nested_limits_the_accounts_hold() -> None:
    book = Book()
    assert effective(book.state, "ada", "BTCUSDT") is book.state.settings.risk


def test_combined_limits_are_kept_until_something_is_replaced() -> None:
    book, limits = Book(), Limits()
    first = limits.of(book.state, "ada", "BTCUSDT")
    book.mark(D(9_000))
    assert limits.of(book.state, "ada", "BTCUSDT") is first
    book.limit("ada", max_positions=1)
    second = limits.of(book.state, "ada", "BTCUSDT")
    assert second.limits.max_positions == 1
    assert limits.of(book.state, "bob", "BTCUSDT").limits.max_positions == 5
    book.set_risk(max_spread_percent=D("0.1"))
    assert limits.of(book.state, "ada", "BTCUSDT").limits.max_spread_percent == D("0.1")
    book.push(ev.LimitsChanged("ada", "", None, "root"))
    assert limits.of(book.state, "ada", "BTCUSDT").limits.max_positions == 5


def test_one_account_does_not_see_anothers_limits() -> None:
    limits, one, other = Limits(), Book(), Book()
    one.set_risk(max_positions=1)
    other.set_risk(max_positions=2)
    assert limits.of(one.state, "", "BTCUSDT").limits.max_positions == 1
    assert limits.of(other.state, "", "BTCUSDT").limits.max_positions == 2


def test_no_more_combinations_are_kept_than_the_bound() -> None:
    book, limits = Book(), Limits()
    first = limits.of(book.state, "ada", "S0")
    for number in range(1, CACHE_MAX):
        limits.of(book.state, "ada", f"S{number}")
    assert limits.of(book.state, "ada", "S0") is first
    limits.of(book.state, "ada", "one more")
    again = limits.of(book.state, "ada", "S0")
    assert again is not first
    assert again.limits == first.limits


def test_what_follows_from_the_limits_is_worked_out() -> None:
    book = Book()
    book.set(venue=VenueProfile(order_limits=((10, 99), (86_400, 200_000))), symbols=("BTCUSDT",))
    combined = Limits().of(book.state, "ada", "BTCUSDT")
    assert combined.order_ceilings == ((10 * SECOND, 59), (86_400 * SECOND, 120_000))
    assert combined.signal_age_max == 60 * SECOND
    assert combined.order_interval_min == SECOND
    assert combined.position_share == Decimal("0.20")
    assert combined.risk_share == Decimal("0.01")
    assert combined.correlated_exposure_max == 300
    assert combined.symbol_listed
    assert not Limits().of(book.state, "ada", "ETHUSDT").symbol_listed
