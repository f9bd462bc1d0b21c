"""Exposure, size and balance: where the limits lie exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import PlaceOrder
from fillwright.core.settings import Settings
from fillwright.core.types import ZERO, Direction, OrderType, Side
from tests.core.builders import Book, D, check_of, make_draft, make_instrument, make_signal, wide_limits

SALE = PlaceOrder(by="ada", symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, quantity=D("0.001"))


def verdict(code: str, book: Book, **changes: Any) -> ev.Check:
    return check_of(book.assess(**changes), code)


def two_symbols(**risk: Any) -> Book:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.set_risk(**risk)
    return book


def worth(amount: str) -> Any:
    """A draft that costs so much at a price of 50,000."""
    return make_draft(limit_price=D(50_000), quantity=D(amount) / 50_000)


# -- exposure ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "passed"), [("50", True), ("50.5", False)])
def test_exposure_in_the_symbol_counts_coins_and_money_set_aside(amount: str, passed: bool) -> None:
    book = two_symbols()
    book.open_position(quantity=D("0.002"))
    book.submit(book.create_position(), reserve=D(50))
    check = verdict("EXPOSURE_SYMBOL_MAX", book, draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, 150 + D(amount), 200)


@pytest.mark.parametrize(("amount", "passed"), [("50", True), ("50.5", False)])
def test_exposure_in_all_symbols(amount: str, passed: bool) -> None:
    book = two_symbols()
    book.open_position("ETHUSDT", quantity=D("0.008"))
    book.submit(book.create_position(), reserve=D(50))
    check = verdict("EXPOSURE_TOTAL_MAX", book, draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, 450 + D(amount), 500)


def test_exposure_follows_the_bid() -> None:
    book = two_symbols()
    book.open_position("ETHUSDT", quantity=D("0.008"))
    bids = {"ETHUSDT": D(25_000)}
    assert verdict("EXPOSURE_TOTAL_MAX", book, bids=bids, draft=worth("50")).value == 250


@pytest.mark.parametrize(("amount", "passed"), [("50", True), ("50.5", False)])
def test_an_allocation_bounds_the_traders_own_exposure(amount: str, passed: bool) -> None:
    book = two_symbols()
    book.limit("ada", allocation_usdt=D(200))
    book.open_position("ETHUSDT", quantity=D("0.003"))
    book.open_position("ETHUSDT", quantity=D("0.003"), trader_id="bob")
    check = verdict("ALLOCATION_MAX", book, draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, 150 + D(amount), 200)
    assert verdict("ALLOCATION_MAX", book, signal=make_signal(trader_id="bob")).value is None


# -- correlation -------------------------------------------------------------------------------------------------

UP = [D(100 + (number * 7) % 5) for number in range(30)]
DOWN = [200 - close for close in UP]


def held_together(closes: list[Decimal], **risk: Any) -> Book:
    """250 in ETH, whose closes are given; BTC's rise and fall."""
    book = two_symbols(**risk)
    book.open_position("ETHUSDT", quantity=D("0.005"))
    book.close_candles("BTCUSDT", UP)
    book.close_candles("ETHUSDT", closes)
    return book


@pytest.mark.parametrize(("amount", "passed"), [("50", True), ("50.5", False)])
def test_what_moves_together_is_bounded_together(amount: str, passed: bool) -> None:
    check = verdict("CORRELATION", held_together(UP), draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, 250 + D(amount), 300)
    assert check.note == "ETHUSDT 1.000000"


def test_what_the_symbol_itself_holds_counts_with_it() -> None:
    book = held_together(UP)
    book.open_position("BTCUSDT", quantity=D("0.001"))
    assert verdict("CORRELATION", book, draft=worth("20")).value == 320


@pytest.mark.parametrize(
    ("closes", "risk"),
    [(DOWN, {}), (UP[:5], {}), ([], {}), (UP, {"correlation_limit": D(1)})],
)
def test_what_moves_otherwise_or_is_not_known_is_left_alone(
    closes: list[Decimal], risk: dict[str, Any]
) -> None:
    check = verdict("CORRELATION", held_together(closes, **risk), draft=worth("100"))
    assert (check.passed, check.value) == (True, None)


def test_the_other_direction_is_left_alone() -> None:
    book = two_symbols()
    book.create_position("ETHUSDT", direction=Direction.SHORT)
    book.close_candles("BTCUSDT", UP)
    book.close_candles("ETHUSDT", UP)
    assert verdict("CORRELATION", book, draft=worth("100")).value is None


# -- size --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cash", "amount", "passed", "limit"),
    [("10000", "100", True, "100"), ("10000", "100.5", False, "100"), ("400", "80.5", False, "80")],
)
def test_a_position_is_bounded_by_amount_and_by_equity(
    cash: str, amount: str, passed: bool, limit: str
) -> None:
    check = verdict("POSITION_SIZE_MAX", Book(cash=D(cash)), draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, D(amount), D(limit))


@pytest.mark.parametrize(("amount", "passed"), [("10", True), ("9.5", False), ("0", False)])
def test_a_position_may_be_too_small_and_says_why(amount: str, passed: bool) -> None:
    draft = worth(amount)
    draft.clipped_by = "balance"
    assert verdict("POSITION_SIZE_MIN", Book(), draft=draft) == ev.Check(
        "POSITION_SIZE_MIN", passed, D(amount), D(10), "balance"
    )


@pytest.mark.parametrize(("amount", "passed"), [("60", True), ("60.5", False)])
def test_the_size_of_an_order(amount: str, passed: bool) -> None:
    check = verdict("ORDER_SIZE_MAX", two_symbols(max_order_size_usdt=D(60)), draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, D(amount), 60)


# -- balance and fees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "passed"), [("70", True), ("70.5", False)])
def test_money_set_aside_is_not_available(amount: str, passed: bool) -> None:
    book = two_symbols(max_position_size_percent=D(100))
    book.push(ev.BalanceUpdated((("USDT", D(100), ZERO),), opening=True))
    book.submit(book.create_position("ETHUSDT"), reserve=D(30))
    check = verdict("BALANCE_INSUFFICIENT", book, draft=worth(amount))
    assert (check.passed, check.value, check.limit) == (passed, D(amount), 70)


def test_a_commission_in_quote_comes_on_top() -> None:
    book = Book(make_instrument("BTCBNB"), settings=Settings(quote_asset="BNB", risk=wide_limits()))
    book.push(ev.BalanceUpdated((("BNB", D(100), ZERO),), opening=True))
    draft = make_draft(symbol="BTCBNB", limit_price=D(50_000), quantity=D("0.002"))
    signal = make_signal(symbol="BTCBNB")
    assert verdict("BALANCE_INSUFFICIENT", book, signal=signal, draft=draft).value == 100
    book.set_execution(pay_fees_in_bnb=True)
    check = verdict("BALANCE_INSUFFICIENT", book, signal=signal, draft=draft)
    assert (check.passed, check.value, check.limit) == (False, D("100.1"), 100)


@pytest.mark.parametrize(("coins", "passed"), [("0.01", True), ("0.00999", False)])
def test_bnb_for_the_next_trades(coins: str, passed: bool) -> None:
    """Ten trades of 100, each with 0.1 % on both ways: 2 in quote."""
    book = Book()
    book.set_execution(pay_fees_in_bnb=True)
    book.push(ev.BalanceUpdated((("BNB", D(coins), D(7)),)))
    check = verdict("FEE_RESERVE", book, bids={"BNBUSDT": D(200)}, draft=worth("100"))
    assert (check.passed, check.value, check.limit) == (passed, D(coins) * 200, 2)


def test_without_a_price_or_any_bnb_the_reserve_is_short() -> None:
    book = Book()
    book.set_execution(pay_fees_in_bnb=True)
    assert verdict("FEE_RESERVE", book, bids={}).note == "no price of BNB"
    assert verdict("FEE_RESERVE", book, bids={"BNBUSDT": D(600)}).value == 0


def test_where_the_account_is_in_bnb_a_coin_is_worth_itself() -> None:
    settings = Settings(quote_asset="BNB", risk=wide_limits())
    book = Book(make_instrument("BTCBNB"), settings=settings)
    book.push(ev.BalanceUpdated((("BNB", D(2), ZERO),), opening=True))
    book.set_execution(pay_fees_in_bnb=True)
    draft = make_draft(symbol="BTCBNB", limit_price=D(50_000), quantity=D("0.002"))
    check = verdict("FEE_RESERVE", book, signal=make_signal(symbol="BTCBNB"), draft=draft)
    assert (check.passed, check.value, check.limit) == (True, 2, 2)


# -- manual sales ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "locked", "owned", "sellable"), [(5, 0, 2, 3), (1, 4, 2, 1), (1, 0, 2, 0)])
def test_a_manual_sale_leaves_what_positions_own(free: int, locked: int, owned: int, sellable: int) -> None:
    book = Book(make_instrument(), make_instrument("BTCFDUSD", quote="FDUSD", base="BTC"), cash=D(10**6))
    book.open_position("BTCUSDT", quantity=D(owned) / 2)
    book.open_position("BTCFDUSD", quantity=D(owned) / 2)
    book.push(ev.BalanceUpdated((("BTC", D(free), D(locked)),)))
    check = verdict("BALANCE_INSUFFICIENT", book, order=SALE, draft=make_draft(quantity=D("0.001")))
    assert check.limit == sellable
    assert check.passed is (sellable > 0)


def test_a_manual_sale_adds_no_exposure() -> None:
    book = held_together(UP)
    book.push(ev.BalanceUpdated((("BTC", D(1), ZERO),), opening=True))
    book.set_risk(correlated_exposure_max_percent=D(10), max_total_exposure_usdt=D(250))
    assessment = book.assess(order=SALE, draft=make_draft(quantity=D("0.01"), trader_id=""))
    for code in ("EXPOSURE_SYMBOL_MAX", "EXPOSURE_TOTAL_MAX", "CORRELATION", "POSITION_SIZE_MAX"):
        assert check_of(assessment, code).passed
    purchase = PlaceOrder(by="ada", symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET)
    bought = book.assess(order=purchase, draft=make_draft(quantity=D("0.01"), trader_id=""))
    for code in ("EXPOSURE_SYMBOL_MAX", "EXPOSURE_TOTAL_MAX", "CORRELATION", "POSITION_SIZE_MAX"):
        assert not check_of(bought, code).passed


def test_other_coins_do_not_count_into_a_manual_sale() -> None:
    book = two_symbols()
    book.open_position("ETHUSDT", quantity=D("0.002"))
    book.push(ev.BalanceUpdated((("BTC", D("0.005"), ZERO),)))
    check = verdict("BALANCE_INSUFFICIENT", book, order=SALE, draft=make_draft(quantity=D("0.001")))
    assert check.limit == D("0.005")


def test_of_an_asset_never_held_nothing_can_be_sold() -> None:
    check = verdict("BALANCE_INSUFFICIENT", Book(), order=SALE, draft=make_draft(quantity=D("0.001")))
    assert (check.passed, check.limit) == (False, 0)
