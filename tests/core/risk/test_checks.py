"""Every denial code, provoked; and what holds for the checker as a whole.

Each provocation changes one thing about an entry that is otherwise approved, so the code it names is the first failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import Entry, PlaceOrder
from fillwright.core.instruments import Notional, PercentPrice
from fillwright.core.risk.checks import Assessment, assess
from fillwright.core.risk.codes import SIGNAL_CODES, DenialCode
from fillwright.core.risk.sizing import size_draft
from fillwright.core.settings import Settings
from fillwright.core.types import SECOND, ZERO, Direction, Leg, OrderType, Protection, Side, SymbolStatus
from tests.core.builders import (
    NOW,
    Book,
    D,
    check_of,
    later,
    make_draft,
    make_instrument,
    make_quote,
    make_signal,
    wide_limits,
)

PROVOCATIONS: dict[str, Callable[[], Assessment]] = {}


def provokes(code: str) -> Callable[[Callable[[], Assessment]], Callable[[], Assessment]]:
    """Enter a provocation under the code that it provokes."""

    def enter(provocation: Callable[[], Assessment]) -> Callable[[], Assessment]:
        assert code not in PROVOCATIONS
        PROVOCATIONS[code] = provocation
        return provocation

    return enter


def wide_book(**instrument: Any) -> Book:
    """An account whose limits nothing reaches."""
    return Book(make_instrument(**instrument), settings=Settings(risk=wide_limits()), cash=D(10**9))


# -- the account and the symbol ----------------------------------------------------------------------------------


@provokes("HALTED")
def halted() -> Assessment:
    book = Book()
    book.push(ev.Halted("drawdown", "20 % below the peak", "engine"))
    return book.assess()


@provokes("PAUSED")
def paused() -> Assessment:
    book = Book()
    book.push(ev.Paused("operator", later(60), "ada"))
    return book.assess()


@provokes("MODE_DISABLED")
def disabled() -> Assessment:
    book = Book()
    book.set(enabled=False)
    return book.assess()


@provokes("SYMBOL_NOT_ALLOWED")
def not_listed() -> Assessment:
    book = Book()
    book.set(symbols=("ETHUSDT",))
    return book.assess()


@provokes("SYMBOL_NOT_TRADING")
def in_a_break() -> Assessment:
    return Book(make_instrument(status=SymbolStatus.BREAK)).assess()


# -- the signal --------------------------------------------------------------------------------------------------


@provokes("SHORT_NOT_SUPPORTED")
def short() -> Assessment:
    return Book().assess(signal=make_signal(side=Direction.SHORT, stop_loss=D(51_000), take_profit=D(48_000)))


@provokes("DUPLICATE_SIGNAL")
def second_of_the_candle() -> Assessment:
    book = Book()
    book.push(ev.SignalApproved(book.receive(key="ada|first").id, ()))
    book.now = later(30)
    return book.assess(signal=make_signal(created_at=later(20), key="second"))


@provokes("SIGNAL_STALE")
def too_old() -> Assessment:
    return Book().assess(signal=make_signal(created_at=NOW - 61 * SECOND))


@provokes("CONFIDENCE_TOO_LOW")
def unsure() -> Assessment:
    return Book().assess(signal=make_signal(confidence=D("0.4")))


@provokes("STOP_LOSS_REQUIRED")
def without_stop() -> Assessment:
    return Book().assess(signal=make_signal(stop_loss=None))


@provokes("STOP_LOSS_WRONG_SIDE")
def stop_above() -> Assessment:
    return Book().assess(signal=make_signal(stop_loss=D(50_500)))


@provokes("STOP_LOSS_TOO_FAR")
def stop_far_below() -> Assessment:
    return Book().assess(signal=make_signal(stop_loss=D(44_000)))


@provokes("TAKE_PROFIT_WRONG_SIDE")
def target_below() -> Assessment:
    return Book().assess(signal=make_signal(take_profit=D(49_900)))


# -- the market --------------------------------------------------------------------------------------------------


@provokes("QUOTE_STALE")
def old_quote() -> Assessment:
    return Book().assess(quote=make_quote(time=NOW - 3 * SECOND))


@provokes("SPREAD_TOO_WIDE")
def wide_spread() -> Assessment:
    quote = make_quote()
    return Book().assess(quote=type(quote)("BTCUSDT", D(50_000), D(50_300), D(50_000), NOW))


@provokes("PRICE_DEVIATION")
def limit_far_below() -> Assessment:
    signal = make_signal(entry=Entry("limit", D(48_900)), stop_loss=D(48_000))
    draft = make_draft(entry_market=False, limit_price=D(48_900), stop_loss=D(48_000))
    return Book().assess(signal=signal, draft=draft)


# -- losses, rates, counts ---------------------------------------------------------------------------------------


@provokes("CIRCUIT_OPEN")
def open_breaker() -> Assessment:
    book = Book()
    book.push(ev.CircuitBreakerOpened("3 venue errors in a row", later(300)))
    return book.assess()


@provokes("COOLDOWN_LOSSES")
def five_losses() -> Assessment:
    book = Book()
    for _ in range(5):
        book.close_position(book.open_position(), D(49_990))
    return book.assess()


@provokes("DAILY_LOSS")
def a_bad_day() -> Assessment:
    book = Book()
    book.mark(D(9_950))
    return book.assess()


@provokes("DRAWDOWN_MAX")
def deep_drawdown() -> Assessment:
    book = Book()
    book.mark(D(10_000))
    book.mark(D(8_000))
    book.push(ev.TradingDayStarted(1, D(8_000)))
    return book.assess()


@provokes("DAILY_TRADES_MAX")
def busy_day() -> Assessment:
    book = Book()
    book.set_risk(max_daily_trades=1)
    book.close_position(book.open_position(), D(50_000))
    return book.assess()


@provokes("ORDER_RATE")
def right_after_another() -> Assessment:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.push(ev.SignalApproved(book.receive(make_signal(symbol="ETHUSDT")).id, ()))
    book.now = NOW + SECOND // 2
    return book.assess()


@provokes("SYMBOL_IN_DOUBT")
def order_in_doubt() -> Assessment:
    book = wide_book()
    book.push(ev.OrderUnknown(book.submit(book.create_position()), "timeout"))
    return book.assess()


@provokes("POSITIONS_MAX")
def five_positions() -> Assessment:
    symbols = ["ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT"]
    book = Book(make_instrument(), *map(make_instrument, symbols))
    for symbol in symbols:
        book.open_position(symbol, quantity=D("0.0001"))
    return book.assess()


@provokes("POSITIONS_PER_SYMBOL_MAX")
def one_there_already() -> Assessment:
    book = Book()
    book.open_position(quantity=D("0.0001"))
    return book.assess()


# -- exposure and size -------------------------------------------------------------------------------------------


@provokes("EXPOSURE_SYMBOL_MAX")
def much_in_one_symbol() -> Assessment:
    book = Book()
    book.set_risk(max_positions_per_symbol=2)
    book.open_position(quantity=D("0.0021"))
    return book.assess()


@provokes("EXPOSURE_TOTAL_MAX")
def much_in_all() -> Assessment:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.open_position("ETHUSDT", quantity=D("0.0081"))
    return book.assess()


@provokes("ALLOCATION_MAX")
def beyond_the_allocation() -> Assessment:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.limit("ada", allocation_usdt=D(150))
    book.open_position("ETHUSDT", quantity=D("0.0011"))
    return book.assess()


@provokes("CORRELATION")
def moving_together() -> Assessment:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.open_position("ETHUSDT", quantity=D("0.005"))
    closes = [D(100 + (number * 7) % 5) for number in range(30)]
    book.close_candles("BTCUSDT", closes)
    book.close_candles("ETHUSDT", closes)
    return book.assess()


@provokes("POSITION_SIZE_MAX")
def too_large() -> Assessment:
    return Book().assess(draft=make_draft(quantity=D("0.002")))


@provokes("POSITION_SIZE_MIN")
def too_small() -> Assessment:
    return Book().assess(draft=make_draft(quantity=D("0.00015"), clipped_by="balance"))


@provokes("ORDER_SIZE_MAX")
def order_too_large() -> Assessment:
    book = Book()
    book.set_risk(max_order_size_usdt=D(99))
    return book.assess()


@provokes("BALANCE_INSUFFICIENT")
def no_money() -> Assessment:
    book = Book()
    book.push(ev.BalanceUpdated((("USDT", D(50), D(9_950)),)))
    return book.assess()


@provokes("FEE_RESERVE")
def no_bnb() -> Assessment:
    book = Book()
    book.set_execution(pay_fees_in_bnb=True)
    book.push(ev.BalanceUpdated((("BNB", D("0.001"), ZERO),), opening=True))
    return book.assess(bids={"BNBUSDT": D(600)})


# -- the orders --------------------------------------------------------------------------------------------------


@provokes("EXIT_PRICES")
def stop_a_tick_below() -> Assessment:
    return Book().assess(draft=make_draft(stop_loss=D("49999.99")))


@provokes("OWN_ORDER_CROSSED")
def own_target_in_the_way() -> Assessment:
    book = wide_book()
    position = book.open_position()
    book.place(book.submit(position, Leg.TAKE_PROFIT, order_type=OrderType.LIMIT_MAKER, price=D(50_250)))
    return book.assess()


@provokes("ALGO_SLOTS")
def three_stops_there() -> Assessment:
    book = wide_book()
    for _ in range(3):
        position = book.open_position()
        book.place(book.submit(position, Leg.STOP_LOSS, order_type=OrderType.STOP_LOSS, price=None))
    return book.assess()


@provokes("ORDER_SLOTS")
def no_room_for_orders() -> Assessment:
    return wide_book(orders_max=2).assess()


@provokes("RATE_RESERVE")
def slowed_down() -> Assessment:
    book = Book()
    book.push(ev.RateLimited(later(60), 429))
    return book.assess()


# -- the filters -------------------------------------------------------------------------------------------------


@provokes("FILTER_PRICE_FILTER")
def target_off_the_tick() -> Assessment:
    return Book().assess(draft=make_draft(take_profit=D("52000.005")))


@provokes("FILTER_PERCENT_PRICE")
def near_the_edge() -> Assessment:
    band = PercentPrice(False, D(5), D("0.2"), D(5), D("0.2"))
    return Book(make_instrument(percent_price=band)).assess(average=D(10_000))


@provokes("FILTER_PERCENT_PRICE_BY_SIDE")
def near_the_edge_of_its_side() -> Assessment:
    return Book().assess(average=D(42_700))


@provokes("FILTER_LOT_SIZE")
def off_the_step() -> Assessment:
    return Book().assess(draft=make_draft(quantity=D("0.001985")))


@provokes("FILTER_MARKET_LOT_SIZE")
def more_than_one_market_order() -> Assessment:
    return wide_book().assess(draft=make_draft(quantity=D(101)))


@provokes("FILTER_MIN_NOTIONAL")
def exit_worth_too_little() -> Assessment:
    rule = Notional(filter_name="MIN_NOTIONAL", minimum=D(10))
    return Book(make_instrument(notional=rule)).assess(draft=make_draft(quantity=D("0.00021")))


@provokes("FILTER_NOTIONAL")
def exit_worth_too_little_after_commission() -> Assessment:
    return wide_book().assess(draft=make_draft(quantity=D("0.0001")))


@provokes("FILTER_TRAILING_DELTA")
def trailing_too_close() -> Assessment:
    return Book().assess(draft=make_draft(trailing_delta=9))


@provokes("FILTER_MAX_POSITION")
def more_than_the_venue_admits() -> Assessment:
    return Book(make_instrument(position_max=D("0.001"))).assess()


# -- the table ---------------------------------------------------------------------------------------------------


def test_every_code_is_provoked() -> None:
    assert list(PROVOCATIONS) == [code.value for code in DenialCode]


@pytest.mark.parametrize("code", PROVOCATIONS)
def test_provoked(code: str) -> None:
    assessment = PROVOCATIONS[code]()
    assert assessment.code == code
    assert not check_of(assessment, code).passed


@pytest.mark.parametrize("code", PROVOCATIONS)
def test_the_checks_stand_in_the_order_of_the_codes(code: str) -> None:
    order = {each.value: number for number, each in enumerate(DenialCode)}
    filters = order["FILTER_PRICE_FILTER"]
    places = [min(order[check.code], filters) for check in PROVOCATIONS[code]().checks]
    assert places == sorted(places)
    assert set(range(filters)) <= set(places)


# -- the whole ---------------------------------------------------------------------------------------------------


def test_an_ordinary_entry_is_approved_by_every_check() -> None:
    assessment = Book().assess()
    assert assessment.code is None
    assert all(check.passed for check in assessment.checks)
    assert len({check.code for check in assessment.checks}) == len(assessment.checks) == 44


def test_several_failures_are_all_told_and_the_first_is_the_code() -> None:
    book = Book()
    book.push(ev.Halted("operator", "a look around", "ada"), ev.Paused("lunch", later(600), "ada"))
    book.mark(D(9_000))
    assessment = book.assess(signal=make_signal(stop_loss=None))
    failed = [check.code for check in assessment.checks if not check.passed]
    assert failed == ["HALTED", "PAUSED", "STOP_LOSS_REQUIRED", "DAILY_LOSS"]
    assert assessment.code == "HALTED"


def test_judging_changes_nothing() -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.open_position("ETHUSDT", quantity=D("0.001"))
    situation = book.situation()
    before = book.ledger.dump()
    first = assess(situation)
    assert assess(situation) == first
    assert book.ledger.dump() == before


def test_without_a_draft_nothing_that_needs_one_passes() -> None:
    assessment = Book().assess(draft=None, quote=None)
    assert assessment.code == "QUOTE_STALE"
    noted = {check.code for check in assessment.checks if check.note == "no entry could be planned"}
    assert {"EXPOSURE_TOTAL_MAX", "BALANCE_INSUFFICIENT", "EXIT_PRICES", "RATE_RESERVE"} <= noted
    assert all(not check.passed for check in assessment.checks if check.code in noted)


def test_an_unknown_symbol_is_denied_in_order() -> None:
    assessment = Book().assess(signal=make_signal(symbol="NOPEUSDT"), draft=None, quote=None)
    assert assessment.code == "SYMBOL_NOT_ALLOWED"
    assert "NOPEUSDT" in check_of(assessment, "SYMBOL_NOT_ALLOWED").note


def test_what_sizing_looked_up_gives_the_same_judgement() -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.open_position("ETHUSDT", quantity=D("0.001"))
    situation = book.situation()
    signal, draft = situation.signal, situation.draft
    assert signal is not None
    assert draft is not None
    situation.room = size_draft(
        draft, book.ledger, situation.limits, signal.signal, make_instrument(), situation.bids
    )
    with_room = assess(situation)
    situation.room = None
    assert assess(situation) == with_room


# -- manual orders and additions ---------------------------------------------------------------------------------


def manual(side: Side = Side.BUY, **changes: Any) -> PlaceOrder:
    fields: dict[str, Any] = {
        "by": "ada",
        "symbol": "BTCUSDT",
        "side": side,
        "type": OrderType.LIMIT,
        "quantity": D("0.00198"),
        "price": D(50_000),
    }
    return PlaceOrder(**{**fields, **changes})


def manual_draft(**changes: Any) -> Any:
    fields: dict[str, Any] = {
        "trader_id": "",
        "entry_market": False,
        "limit_price": D(50_000),
        "plan": Protection.NONE,
        "stop_loss": None,
        "take_profit": None,
        "target_type": None,
        "algo_slots": 0,
        "orders": 1,
        "lists": 0,
    }
    return make_draft(**{**fields, **changes})


def test_a_manual_order_is_not_asked_about_a_signal() -> None:
    assessment = Book().assess(order=manual(), draft=manual_draft())
    asked = [check.code for check in assessment.checks]
    assert assessment.code is None
    assert not {code.value for code in SIGNAL_CODES} & set(asked)
    ordinary = [check.code for check in Book().assess().checks]
    assert [code for code in ordinary if code in asked] == asked
    missing = [code for code in ordinary if code not in asked]
    assert missing == [*(code.value for code in SIGNAL_CODES), "FILTER_MARKET_LOT_SIZE"]


def test_a_manual_order_passes_the_other_checks_too() -> None:
    book = Book()
    book.push(ev.Halted("operator", "a look around", "ada"))
    assert book.assess(order=manual(), draft=manual_draft()).code == "HALTED"
    far = manual(price=D(45_000))
    assert Book().assess(order=far, draft=manual_draft(limit_price=D(45_000))).code == "PRICE_DEVIATION"


def test_a_manual_order_opens_no_position() -> None:
    book = Book()
    book.set_risk(max_positions=1, max_daily_trades=1)
    book.open_position(quantity=D("0.0001"))
    assessment = book.assess(order=manual(), draft=manual_draft())
    assert assessment.code is None
    assert check_of(assessment, "POSITIONS_MAX").value == 1


def test_a_manual_sale_takes_only_coins_that_no_position_owns() -> None:
    book = Book(cash=D(1_000))
    book.push(ev.BalanceUpdated((("BTC", D("0.003"), ZERO),), opening=True))
    book.open_position(quantity=D("0.002"))
    book.push(ev.BalanceUpdated((("BTC", D("0.005"), ZERO),)))
    sale = manual(Side.SELL)
    assert book.assess(order=sale, draft=manual_draft(quantity=D("0.003"))).code is None
    denied = book.assess(order=sale, draft=manual_draft(quantity=D("0.00301")))
    assert denied.code == "BALANCE_INSUFFICIENT"
    assert check_of(denied, "BALANCE_INSUFFICIENT").limit == D("0.003")
    assert check_of(denied, "EXPOSURE_SYMBOL_MAX").value == D("100")


def test_a_manual_sale_must_not_meet_our_own_purchase() -> None:
    book = Book()
    book.push(ev.BalanceUpdated((("BTC", D(1), ZERO),), opening=True))
    book.place(book.submit(book.create_position(), price=D(50_000)))
    assert book.assess(order=manual(Side.SELL), draft=manual_draft()).code == "OWN_ORDER_CROSSED"


def test_a_manual_market_order_is_held_against_the_market_filters() -> None:
    book = wide_book()
    order = manual(type=OrderType.MARKET, price=None)
    draft = manual_draft(entry_market=True, quantity=D(101))
    assessment = book.assess(order=order, draft=draft)
    assert assessment.code == "FILTER_MARKET_LOT_SIZE"
    assert "FILTER_PERCENT_PRICE_BY_SIDE" not in [check.code for check in assessment.checks]


def test_a_manual_stop_price_is_held_against_the_price_filter() -> None:
    order = manual(type=OrderType.STOP_LOSS_LIMIT, stop_price=D("50000.001"))
    assessment = Book().assess(order=order, draft=manual_draft(algo_slots=1))
    assert assessment.code == "FILTER_PRICE_FILTER"
    assert check_of(assessment, "FILTER_PRICE_FILTER").value == D("50000.001")


def test_an_addition_counts_what_the_position_holds() -> None:
    book = Book()
    position = book.open_position(quantity=D("0.001"))
    draft = make_draft(quantity=D("0.0009"))
    situation = book.situation(order=manual(), draft=draft)
    situation.order, situation.position = None, position
    assert assess(situation).code is None
    draft.quantity = D("0.001")
    assessment = assess(situation)
    assert assessment.code == "POSITION_SIZE_MAX"
    assert check_of(assessment, "POSITION_SIZE_MAX").value == D("100.25")


def test_an_entry_tried_again_does_not_count_twice() -> None:
    book = Book()
    book.set_risk(max_positions=1, max_daily_trades=1, max_orders_per_10s=1)
    record = book.receive()
    book.push(ev.SignalApproved(record.id, ()))
    book.create_position(signal_id=record.id)
    book.now = NOW + SECOND // 10
    assert book.assess(signal=record).code is None
    assert book.assess(signal=make_signal(symbol="BTCUSDT", trader_id="bob")).code == "DAILY_TRADES_MAX"
