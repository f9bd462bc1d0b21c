"""The venue's filters: where they lie exactly, and that what the checks approve no filter refuses."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.inputs import PlaceOrder
from fillwright.core.instruments import Instrument, LotSize, Notional, PercentPrice, PriceFilter
from fillwright.core.risk.filter_checks import check_filters
from fillwright.core.settings import Settings
from fillwright.core.types import CONTEXT, ONE, ZERO, Leg, OrderType, Side
from tests.core.builders import FEE, Book, D, check_of, make_draft, make_instrument, make_quote, wide_limits


def verdict(code: str, instrument: dict[str, Any] | None = None, **changes: Any) -> ev.Check:
    return check_of(wide_book(**(instrument or {})).assess(**changes), code)


def wide_book(**instrument: Any) -> Book:
    return Book(make_instrument(**instrument), settings=Settings(risk=wide_limits()), cash=D(10**9))


def manual(side: Side = Side.BUY, order_type: OrderType = OrderType.LIMIT) -> PlaceOrder:
    return PlaceOrder(by="ada", symbol="BTCUSDT", side=side, type=order_type)


# -- prices ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leg", "price", "limit"),
    [
        ("limit_price", "50250.005", "0.01"),
        ("stop_loss", "49000.001", "0.01"),
        ("take_profit", "52000.009", "0.01"),
        ("stop_limit_price", "48000.001", "0.01"),
        ("take_profit", "1000000.01", "1000000"),
        ("stop_limit_price", "0.00", "0.01"),
    ],
)
def test_every_legs_price_is_within_bounds_and_on_the_tick(leg: str, price: str, limit: str) -> None:
    check = verdict("FILTER_PRICE_FILTER", draft=make_draft(**{leg: D(price)}))
    assert (check.passed, check.value, check.limit) == (False, D(price), D(limit))


def test_prices_may_lie_on_their_bounds() -> None:
    bounded = {"price_filter": PriceFilter(D(49_000), D(52_000), D("0.01"))}
    assert verdict("FILTER_PRICE_FILTER", bounded).passed


def test_a_trailing_stop_has_no_price() -> None:
    draft = make_draft(stop_loss=D("49000.001"), trailing_delta=200)
    assert verdict("FILTER_PRICE_FILTER", draft=draft).passed


def test_parts_that_are_off_admit_every_price() -> None:
    free = {"price_filter": PriceFilter()}
    assert verdict("FILTER_PRICE_FILTER", free, draft=make_draft(stop_loss=D("49000.001"))).passed


BAND = PercentPrice(True, D("1.1"), D("0.9"), D("1.2"), D("0.8"))


@pytest.mark.parametrize(
    ("price", "passed", "limit"),
    [("107.8", True, "107.8"), ("107.81", False, "107.8"), ("91.8", True, "107.8"), ("91.79", False, "91.8")],
)
def test_a_purchase_keeps_two_percent_from_the_edges_of_its_band(
    price: str, passed: bool, limit: str
) -> None:
    draft = make_draft(limit_price=D(price), stop_loss=D(90), take_profit=D(110))
    check = verdict("FILTER_PERCENT_PRICE_BY_SIDE", {"percent_price": BAND}, draft=draft, average=D(100))
    assert (check.passed, check.value, check.limit) == (passed, D(price), D(limit))


@pytest.mark.parametrize(("price", "passed"), [("117.6", True), ("117.61", False)])
def test_a_resting_target_keeps_two_percent_from_the_edges_of_its_band(price: str, passed: bool) -> None:
    draft = make_draft(limit_price=D(100), stop_loss=D(90), take_profit=D(price))
    verdict_of = {"instrument": {"percent_price": BAND}, "draft": draft, "average": D(100)}
    assert verdict("FILTER_PERCENT_PRICE_BY_SIDE", **verdict_of).passed  # a market target has no price
    draft.target_type = OrderType.LIMIT_MAKER
    assert verdict("FILTER_PERCENT_PRICE_BY_SIDE", **verdict_of).passed is passed


@pytest.mark.parametrize(("price", "passed"), [("81.6", True), ("81.59", False)])
def test_a_stops_limit_keeps_two_percent_from_the_edges_of_its_band(price: str, passed: bool) -> None:
    draft = make_draft(limit_price=D(100), stop_loss=D(90), stop_limit_price=D(price), take_profit=D(110))
    code = "FILTER_PERCENT_PRICE_BY_SIDE"
    assert verdict(code, {"percent_price": BAND}, draft=draft, average=D(100)).passed is passed


def test_a_manual_sale_has_the_band_of_sales() -> None:
    draft = make_draft(limit_price=D(115), stop_loss=None, take_profit=None)
    code, band = "FILTER_PERCENT_PRICE_BY_SIDE", {"percent_price": BAND}
    assert verdict(code, band, order=manual(Side.SELL), draft=draft, average=D(100)).passed
    assert not verdict(code, band, order=manual(), draft=draft, average=D(100)).passed


def test_without_an_average_price_the_last_trade_is_the_middle() -> None:
    draft = make_draft(limit_price=D(108), stop_loss=D(90), take_profit=D(110))
    check = verdict(
        "FILTER_PERCENT_PRICE_BY_SIDE", {"percent_price": BAND}, draft=draft, quote=make_quote(price=D(100))
    )
    assert not check.passed
    nothing = verdict("FILTER_PERCENT_PRICE_BY_SIDE", {"percent_price": BAND}, draft=draft, quote=None)
    assert nothing.note == "no average price"


# -- quantities --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "passed", "limit"),
    [
        ("0.011", True, "5"),
        ("0.01", False, "0.01"),
        ("0.0115", False, "0.001"),
        ("5", True, "5"),
        ("5.001", False, "5"),
    ],
)
def test_the_lot_also_of_what_is_left_after_commission(quantity: str, passed: bool, limit: str) -> None:
    """At least 0.01 in steps of 0.001: of 0.01 bought only 0.009 can be sold."""
    lot = {"lot_size": LotSize(D("0.01"), D(5), D("0.001"))}
    check = verdict("FILTER_LOT_SIZE", lot, draft=make_draft(quantity=D(quantity)))
    assert (check.passed, check.limit) == (passed, D(limit))


@pytest.mark.parametrize(
    ("quantity", "passed"), [("0.011", True), ("0.01", False), ("2", True), ("2.001", False)]
)
def test_exits_are_sold_at_market(quantity: str, passed: bool) -> None:
    lots = {
        "lot_size": LotSize(D("0.001"), D(5), D("0.001")),
        "market_lot_size": LotSize(D("0.01"), D(2), ZERO),
    }
    assert verdict("FILTER_MARKET_LOT_SIZE", lots, draft=make_draft(quantity=D(quantity))).passed is passed


def test_a_market_order_is_on_the_step_of_both_lots() -> None:
    lots = {
        "lot_size": LotSize(D("0.001"), D(5), D("0.001")),
        "market_lot_size": LotSize(ZERO, ZERO, D("0.01")),
    }
    order, draft = manual(order_type=OrderType.MARKET), make_draft(quantity=D("0.015"))
    assert not verdict("FILTER_MARKET_LOT_SIZE", lots, order=order, draft=draft).passed
    draft.quantity = D("0.02")
    assert verdict("FILTER_MARKET_LOT_SIZE", lots, order=order, draft=draft).passed


# -- notional ----------------------------------------------------------------------------------------------------

COARSE = {"lot_size": LotSize(D("0.001"), D(9000), D("0.001")), "notional": Notional(minimum=D(100))}


@pytest.mark.parametrize(
    ("quantity", "stop", "passed"),
    [("1.061", "100", True), ("1.052", "100", True), ("1.051", "100", False), ("1.2", "80", False)],
)
def test_the_sale_at_the_lowest_price_is_worth_the_least_with_a_margin(
    quantity: str, stop: str, passed: bool
) -> None:
    """At least 100, with the margin 105: of 1.051 bought only 1.049 can be sold."""
    draft = make_draft(quantity=D(quantity), limit_price=D(110), stop_loss=D(stop), take_profit=D(120))
    check = verdict("FILTER_NOTIONAL", COARSE, draft=draft)
    net = (D(quantity) * D("0.999")).quantize(D("0.001"), rounding=decimal.ROUND_FLOOR)
    assert (check.passed, check.value, check.limit) == (passed, net * D(stop), 105)


def test_a_stops_limit_is_the_lowest_price() -> None:
    draft = make_draft(quantity=D("1.06"), limit_price=D(110), stop_loss=D(100), stop_limit_price=D(99))
    assert verdict("FILTER_NOTIONAL", COARSE, draft=draft).value == D("1.058") * 99


def test_the_entry_itself_is_worth_the_least() -> None:
    """A stop far above the entry could be sold well enough; the entry is refused all the same."""
    draft = make_draft(quantity=D(1), limit_price=D(99), stop_loss=D(120), take_profit=D(130))
    assert not verdict("FILTER_NOTIONAL", COARSE, draft=draft).passed
    draft.limit_price = D(100)
    assert verdict("FILTER_NOTIONAL", COARSE, draft=draft).passed


def test_without_a_stop_the_limit_price_stands_in() -> None:
    draft = make_draft(quantity=D(1), limit_price=D(110), stop_loss=None, take_profit=None)
    assert verdict("FILTER_NOTIONAL", COARSE, draft=draft).value == D("0.999") * 110


@pytest.mark.parametrize(
    ("rule", "order_type", "passed"),
    [
        (Notional(maximum=D(110), minimum=D(110)), OrderType.LIMIT, True),
        (Notional(maximum=D(100)), OrderType.LIMIT, False),
        (Notional(maximum=D(100)), OrderType.MARKET, True),
        (Notional(maximum=D(100), maximum_for_market=True), OrderType.MARKET, False),
        (Notional(minimum=D(200)), OrderType.LIMIT, False),
        (Notional(minimum=D(200)), OrderType.MARKET, False),
        (Notional(minimum=D(200), minimum_for_market=False), OrderType.MARKET, True),
    ],
)
def test_manual_orders_are_held_against_the_bounds_alone(
    rule: Notional, order_type: OrderType, passed: bool
) -> None:
    draft = make_draft(quantity=D(1), limit_price=D(110), stop_loss=None, take_profit=None)
    order = manual(order_type=order_type)
    assert verdict("FILTER_NOTIONAL", {"notional": rule}, order=order, draft=draft).passed is passed


# -- trailing, position ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("delta", "passed"), [(9, False), (10, True), (2000, True), (2001, False)])
def test_a_trailing_distance_lies_within_the_filter(delta: int, passed: bool) -> None:
    check = verdict("FILTER_TRAILING_DELTA", draft=make_draft(trailing_delta=delta))
    assert (check.passed, check.value) == (passed, delta)


@pytest.mark.parametrize(("quantity", "passed"), [("0.004", True), ("0.00401", False)])
def test_the_position_counts_balance_and_open_purchases(quantity: str, passed: bool) -> None:
    instruments = make_instrument(position_max=D("0.01")), make_instrument("ETHUSDT")
    book = Book(*instruments, settings=Settings(risk=wide_limits()), cash=D(10**9))
    book.push(ev.BalanceUpdated((("BTC", D("0.001"), D("0.003")),), opening=True))
    book.submit(book.create_position("ETHUSDT"))
    book.submit(book.create_position(), Leg.TAKE_PROFIT, price=D(60_000))
    entry = book.submit(book.create_position(), quantity=D("0.003"))
    book.fill(entry, D(50_000), D("0.001"))
    check = check_of(book.assess(draft=make_draft(quantity=D(quantity))), "FILTER_MAX_POSITION")
    assert (check.passed, check.value, check.limit) == (passed, D("0.006") + D(quantity), D("0.01"))
    sale = book.assess(order=manual(Side.SELL), draft=make_draft(quantity=D(quantity)))
    assert "FILTER_MAX_POSITION" not in [check.code for check in sale.checks]


def test_a_symbol_without_filters_has_few_checks() -> None:
    bare = Instrument(symbol="BTCUSDT", base="BTC", quote="USDT")
    book = Book(bare, settings=Settings(risk=wide_limits()))
    codes = [check.code for check in book.assess().checks if check.code.startswith("FILTER_")]
    assert codes == ["FILTER_PRICE_FILTER", "FILTER_LOT_SIZE", "FILTER_MARKET_LOT_SIZE"]


# -- what is approved no filter refuses --------------------------------------------------------------------------

PLACES = st.integers(0, 5).map(lambda places: Decimal(1).scaleb(-places))


@st.composite
def lots(draw: st.DrawFn) -> LotSize:
    step = draw(PLACES)
    minimum = step * draw(st.integers(0, 10))
    return LotSize(minimum, draw(st.sampled_from([ZERO, minimum + step * 400])), step)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    tick = draw(PLACES)
    return make_instrument(
        price_filter=PriceFilter(tick, draw(st.sampled_from([ZERO, D(200)])), tick),
        lot_size=draw(lots()),
        market_lot_size=LotSize(ZERO, draw(st.sampled_from([ZERO, D(50)])), ZERO),
        percent_price=PercentPrice(draw(st.booleans()), D("1.3"), D("0.7"), D("1.4"), D("0.6")),
        notional=Notional(minimum=draw(st.integers(0, 100).map(Decimal)), maximum=D(20_000)),
    )


@given(
    instrument=instruments(),
    steps=st.integers(1, 500),
    prices=st.lists(st.decimals(75, 125, places=2), min_size=3, max_size=3).map(sorted),
    off_the_grid=st.sampled_from([False, False, False, True]),
    maker=st.booleans(),
    stop_limit=st.booleans(),
)
def test_what_is_approved_no_filter_refuses(
    instrument: Instrument,
    steps: int,
    prices: list[Decimal],
    off_the_grid: bool,
    maker: bool,
    stop_limit: bool,
) -> None:
    with decimal.localcontext(CONTEXT):
        stop, limit, target = prices if off_the_grid else map(instrument.price_down, prices)
        draft = make_draft(
            quantity=instrument.lot_size.step * steps,
            limit_price=limit,
            stop_loss=stop,
            stop_limit_price=stop if stop_limit else None,
            take_profit=target,
            target_type=OrderType.LIMIT_MAKER if maker else OrderType.TAKE_PROFIT,
        )
        average = D(100)
        situation = Book(instrument).situation(draft=draft, average=average)
        notional = draft.quantity * draft.limit_price
        approved = check_filters(situation, draft, notional, [])
        event(f"approved: {approved}")
        if not approved:
            return
        net = instrument.floor_quantity(draft.quantity * (ONE - FEE))
        assert instrument.quantity_violation(draft.quantity, market=False) is None
        assert instrument.quantity_violation(net, market=True) is None
        assert instrument.notional_violation(limit, draft.quantity, market=False) is None
        assert instrument.notional_violation(stop, net, market=False) is None
        assert instrument.is_sellable(net, stop)
        for price in (stop, limit, target):
            assert instrument.price_violation(price) is None
        assert instrument.percent_violation(Side.BUY, limit, average, D("0.02")) is None
        for exit_price in ([stop] if stop_limit else []) + ([target] if maker else []):
            assert instrument.percent_violation(Side.SELL, exit_price, average, D("0.02")) is None
