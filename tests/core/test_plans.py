"""Entry plans: the first that the symbol, the slots and the signal allow; rounding never widens risk."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.inputs import Entry, PlaceOrder
from fillwright.core.instruments import Instrument, LotSize, PriceFilter
from fillwright.core.plans import (
    Draft,
    Legs,
    algo_slots_spare,
    algo_slots_used,
    draft_entry,
    draft_order,
    entry_list,
    entry_request,
    exit_stp,
    stop_limit_price,
    stop_request,
    submitted,
    target_request,
    trailing_delta,
)
from fillwright.core.positions import Position
from fillwright.core.types import (
    CONTEXT,
    HUNDRED,
    ONE,
    ZERO,
    Leg,
    ListKind,
    OrderType,
    Protection,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from tests.core.builders import FEE, Book, D, make_instrument, make_quote, make_signal

LIMIT_ONLY = tuple(kind for kind in OrderType if kind not in (OrderType.STOP_LOSS, OrderType.TAKE_PROFIT))
"""What a symbol without market orders on trigger takes."""


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Work in the core's own arithmetic."""
    with decimal.localcontext(CONTEXT):
        yield


def draft_of(book: Book | None = None, instrument: Instrument | None = None, **signal: Any) -> Draft:
    symbol = instrument or make_instrument()
    ledger = (book or Book(symbol)).ledger
    return draft_entry(ledger, make_signal(**signal), symbol, make_quote())


def make_position(**changes: Any) -> Position:
    book = Book()
    fields = {"take_profit": D(52_000), "entry_market": True, **changes}
    return book.create_position(**fields)


# -- which plan --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rights", "target", "plan", "reason"),
    [
        ("oco oto opo", True, Protection.OPOCO, "first choice"),
        ("oco oto opo", False, Protection.OPO, "first choice"),
        ("oto opo", False, Protection.OPO, "first choice"),
        ("oco oto", True, Protection.OTOCO, "OPO not allowed"),
        ("oco oto", False, Protection.OTO, "OPO not allowed"),
        ("oco", True, Protection.OCO, "OPO, OTO or OCO not allowed"),
        ("oco opo", True, Protection.OCO, "OPO, OTO or OCO not allowed"),
        ("oto opo", True, Protection.STOP, "OPO, OTO or OCO not allowed"),
        ("oco", False, Protection.STOP, "OPO, OTO or OCO not allowed"),
        ("", True, Protection.STOP, "OPO, OTO or OCO not allowed"),
        ("", False, Protection.STOP, "OPO, OTO or OCO not allowed"),
    ],
)
def test_the_first_plan_that_the_symbol_supports(
    rights: str, target: bool, plan: Protection, reason: str
) -> None:
    """Trading rules §4: OPOCO, OTOCO, entry then OCO, entry then stop; without a target OPO, OTO, stop."""
    allowed = rights.split()
    instrument = make_instrument(
        oco_allowed="oco" in allowed, oto_allowed="oto" in allowed, opo_allowed="opo" in allowed
    )
    changes: dict[str, Any] = {} if target else {"take_profit": None}
    draft = draft_of(instrument=instrument, **changes)
    assert (draft.plan, draft.plan_reason) == (plan, reason)


@pytest.mark.parametrize(
    ("rights", "target", "orders", "lists", "slots"),
    [
        ("oco oto opo", True, 3, 1, 2),
        ("oco oto opo", False, 2, 1, 1),
        ("oco", True, 3, 1, 2),
        ("", False, 2, 0, 1),
    ],
)
def test_what_a_plan_uses_up(rights: str, target: bool, orders: int, lists: int, slots: int) -> None:
    """Trading rules §5: an OPOCO counts 3 orders; §4: TAKE_PROFIT + STOP_LOSS take two algo slots."""
    allowed = rights.split()
    instrument = make_instrument(
        oco_allowed="oco" in allowed, oto_allowed="oto" in allowed, opo_allowed="opo" in allowed
    )
    draft = draft_of(instrument=instrument, take_profit=D(52_000) if target else None)
    assert (draft.orders, draft.lists, draft.algo_slots) == (orders, lists, slots)


def test_without_a_stop_there_is_nothing_to_place() -> None:
    draft = draft_of(stop_loss=None, take_profit=None)
    assert (draft.plan, draft.plan_reason) == (Protection.NONE, "the signal has no stop loss")
    assert (draft.orders, draft.lists, draft.algo_slots) == (1, 0, 0)


# -- slots -------------------------------------------------------------------------------------------------------


def with_stops(count: int) -> Book:
    book = Book()
    for _ in range(count):
        book.submit(order_type=OrderType.STOP_LOSS, leg=Leg.MANUAL, stop_price=D(49_000))
    return book


@pytest.mark.parametrize(
    ("used", "style", "slots"),
    [
        (0, OrderType.TAKE_PROFIT, 2),
        (2, OrderType.TAKE_PROFIT, 2),
        (3, OrderType.LIMIT_MAKER, 1),
        (4, OrderType.LIMIT_MAKER, 1),
    ],
)
def test_when_slots_run_short_the_target_rests_as_a_limit(used: int, style: OrderType, slots: int) -> None:
    """Trading rules §4 (Slots): five of them, one stays free; short of them the planner uses maker style."""
    draft = draft_of(with_stops(used))
    assert (draft.target_type, draft.algo_slots) == (style, slots)


def test_slots_of_others_count_those_of_limits_do_not() -> None:
    """External orders take slots too; so does a leg that waits for its entry; a final order gives its back."""
    book = with_stops(1)
    instrument = book.state.instruments["BTCUSDT"]
    book.submit(order_type=OrderType.LIMIT_MAKER, leg=Leg.MANUAL)
    book.submit(order_type=OrderType.TAKE_PROFIT, leg=Leg.MANUAL, pending=True)
    assert algo_slots_used(book.ledger, "BTCUSDT") == 2
    for kind in (OrderType.TAKE_PROFIT_LIMIT, OrderType.LIMIT):
        book.push(
            ev.ExternalOrderSeen("BTCUSDT", f"x{kind}", 900 + len(kind), Side.SELL, kind, D(1), ZERO, "NEW")
        )
    assert algo_slots_used(book.ledger, "BTCUSDT") == 3
    assert algo_slots_used(book.ledger, "ETHUSDT") == 0
    assert algo_slots_spare(book.ledger, instrument) == 1
    assert algo_slots_spare(book.ledger, make_instrument(algo_orders_max=None)) is None
    book.push(ev.OrderCancelled("RT_t_0_M_1"))
    assert algo_slots_spare(book.ledger, instrument) == 2


@pytest.mark.parametrize("why", ["style", "type"])
def test_maker_style_by_setting_or_because_the_symbol_has_no_take_profit(why: str) -> None:
    """Trading rules §4: take profit ``maker`` = LIMIT_MAKER, one slot with the stop."""
    book = Book()
    instrument = make_instrument()
    if why == "style":
        book.set(take_profit_style="maker")
    else:
        types = tuple(kind for kind in OrderType if kind is not OrderType.TAKE_PROFIT)
        instrument = make_instrument(order_types=types)
    draft = draft_of(book, instrument)
    assert (draft.target_type, draft.algo_slots) == (OrderType.LIMIT_MAKER, 1)


# -- prices ------------------------------------------------------------------------------------------------------


def test_a_market_signal_pays_at_most_the_slippage_over_the_ask() -> None:
    """Trading rules §4: FOK at quote × (1 + ``slippage_max_percent``)."""
    draft = draft_of()
    assert draft.entry_market
    assert draft.limit_price == D("50_250.01"), "50,000.01 and 0.5 %, down to the tick"


def test_a_limit_signal_pays_at_most_its_price() -> None:
    draft = draft_of(entry=Entry("limit", D("49_900.019")))
    assert not draft.entry_market
    assert draft.limit_price == D("49_900.01")
    assert draft_of(entry=Entry("limit", None)).entry_market, "a limit without a price is a market signal"


@given(
    tick=st.sampled_from([D("0.01"), D("0.1"), D("0.05"), D(1), D("0.00000001"), ZERO]),
    entry=st.decimals(1, 100_000, places=9),
    stop=st.decimals(1, 100_000, places=9),
    target=st.decimals(1, 100_000, places=9),
    slippage=st.decimals(0, 5, places=3),
    market=st.booleans(),
)
def test_rounding_never_widens_risk(
    tick: Decimal, entry: Decimal, stop: Decimal, target: Decimal, slippage: Decimal, market: bool
) -> None:
    """Trading rules §4: stops up to the tick, targets down, buy limits down; never off by a whole tick."""
    with decimal.localcontext(CONTEXT):
        book = Book()
        book.set_execution(slippage_max_percent=slippage)
        instrument = make_instrument(price_filter=PriceFilter(tick=tick))
        draft = draft_of(
            book,
            instrument,
            entry=Entry() if market else Entry("limit", entry),
            stop_loss=stop,
            take_profit=target,
        )
        worst = D("50_000.01") * (ONE + slippage / HUNDRED) if market else entry
        assert draft.stop_loss is not None
        assert draft.take_profit is not None
        assert stop <= draft.stop_loss <= stop + tick
        assert target - tick <= draft.take_profit <= target
        assert worst - tick <= draft.limit_price <= worst
        if tick:
            for price in (draft.stop_loss, draft.take_profit, draft.limit_price):
                assert price % tick == ZERO
            assert draft.stop_loss - stop < tick
            assert target - draft.take_profit < tick


def test_a_stop_limit_only_where_there_is_no_stop() -> None:
    """Trading rules §4 (Stops): limit = stop × (1 − 0.5 %)."""
    usual = draft_of()
    assert (usual.stop_type, usual.stop_limit_price) == (OrderType.STOP_LOSS, None)
    draft = draft_of(instrument=make_instrument(order_types=LIMIT_ONLY))
    assert draft.stop_type is OrderType.STOP_LOSS_LIMIT
    assert draft.stop_limit_price == D(48_755)
    assert stop_limit_price(make_instrument(), D("49_000.01")) == D("48_755.00"), "down to the tick"


# -- trailing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "delta"),
    [
        ("49_000", 200),
        ("49_000.01", 199),
        ("49_949.99", 10),
        ("49_950.01", None),
        ("40_000", 2000),
        ("39_994", None),
    ],
)
def test_the_trailing_delta_is_floored_and_inside_the_filter(stop: str, delta: int | None) -> None:
    """Trading rules §4 (Trailing): floor((last − stop)/last × 10⁴), never wider than the signal's stop."""
    assert trailing_delta(make_instrument(), D(stop), D(50_000)) == delta


@given(stop=st.decimals(1, 49_999, places=2), last=st.decimals(50_000, 99_999, places=2))
def test_a_trailing_stop_is_never_wider_than_the_signals(stop: Decimal, last: Decimal) -> None:
    with decimal.localcontext(CONTEXT):
        delta = trailing_delta(make_instrument(), stop, last)
        if delta is not None:
            assert last * (1 - Decimal(delta) / 10_000) >= stop


@pytest.mark.parametrize("changes", [{"trailing_allowed": False}, {"trailing_delta": None}])
def test_where_the_venue_cannot_trail_the_engine_does(changes: dict[str, Any]) -> None:
    instrument = make_instrument(**changes)
    assert trailing_delta(instrument, D(49_000), D(50_000)) is None
    draft = draft_of(instrument=instrument, trailing=True)
    assert (draft.trailing_delta, draft.trail_distance) == (None, D("0.02"))


def test_a_stop_over_the_price_does_not_trail() -> None:
    assert trailing_delta(make_instrument(), D(50_000), D(50_000)) is None
    assert draft_of(stop_loss=D(50_000), trailing=True).trail_distance == ZERO


def test_trailing_is_what_the_signal_asks_for() -> None:
    assert (draft_of().trailing_delta, draft_of().trail_distance) == (None, ZERO)
    draft = draft_of(trailing=True)
    assert (draft.trailing_delta, draft.trail_distance) == (200, D("0.02"))


def test_a_limit_entrys_stop_trails_from_where_it_will_be_filled() -> None:
    """Trading rules §4 (Trailing): never wider than the signal's stop: 2 % under 49,700 would be 48,706."""
    draft = draft_of(trailing=True, entry=Entry("limit", D(49_700)))
    assert draft.trailing_delta == 140
    assert D(49_700) * (1 - D("0.0140")) >= 49_000
    assert draft.trail_distance == D("0.014084507042253521")
    far = draft_of(trailing=True, entry=Entry("limit", D(51_000)))
    assert far.trailing_delta == 200, "a limit above the price is filled at the price"


def test_a_stop_with_a_limit_is_trailed_by_the_engine() -> None:
    """Trading rules §4 (Trailing): STOP_LOSS with ``trailingDelta`` only."""
    draft = draft_of(instrument=make_instrument(order_types=LIMIT_ONLY), trailing=True)
    assert (draft.trailing_delta, draft.trail_distance) == (None, D("0.02"))


# -- manual orders -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "price", "quantity"),
    [
        ({"type": OrderType.LIMIT, "price": D(49_000), "quantity": D(1)}, D(49_000), D(1)),
        ({"type": OrderType.STOP_LOSS, "stop_price": D(51_000), "quantity": D(1)}, D(51_000), D(1)),
        ({"type": OrderType.MARKET, "quantity": D(1)}, D("50_000.01"), D(1)),
        ({"type": OrderType.MARKET, "quantity": D(1), "side": Side.SELL}, D(50_000), D(1)),
        ({"type": OrderType.MARKET, "quote_quantity": D(10), "side": Side.SELL}, D(50_000), D("0.0002")),
        ({"type": OrderType.MARKET, "quote_quantity": D(10)}, D("50_000.01"), D("0.000199999960000008")),
        ({"type": OrderType.MARKET}, D("50_000.01"), ZERO),
    ],
)
def test_a_manual_order_in_the_words_of_a_draft(
    fields: dict[str, Any], price: Decimal, quantity: Decimal
) -> None:
    order = PlaceOrder(**{"by": "ada", "symbol": "BTCUSDT", "side": Side.BUY, **fields})
    draft = draft_order(order, make_instrument(), make_quote())
    assert (draft.limit_price, draft.quantity) == (price, quantity)
    assert (draft.orders, draft.lists) == (1, 0)
    assert draft.algo_slots == (order.type is OrderType.STOP_LOSS)


# -- requests ----------------------------------------------------------------------------------------------------


def test_a_market_signal_goes_all_or_nothing() -> None:
    """Trading rules §4: FOK, never IOC, whose partial fill ends the list and leaves coins naked."""
    request = entry_request(make_position(), "e", D("0.002"))
    assert (request.type, request.time_in_force, request.side) == (OrderType.LIMIT, TimeInForce.FOK, Side.BUY)
    assert (request.price, request.quantity) == (D(50_000), D("0.002"))
    assert entry_request(make_position(entry_market=False), "e", ONE).time_in_force is TimeInForce.GTC


def test_a_stop_is_sold_at_the_market() -> None:
    request = stop_request(make_position(), make_instrument(), "s", D("0.002"))
    assert (request.type, request.side) == (OrderType.STOP_LOSS, Side.SELL)
    assert (request.stop_price, request.price, request.time_in_force) == (D(49_000), None, None)
    assert request.trailing_delta is None


def test_a_trailing_stop_names_no_price() -> None:
    """Trading rules §4 (Trailing): with stopPrice, tracking merely starts there."""
    request = stop_request(make_position(trailing_delta=200), make_instrument(), "s", ONE)
    assert (request.stop_price, request.trailing_delta) == (None, 200)


def test_a_stop_with_a_limit_rests_until_cancelled() -> None:
    request = stop_request(make_position(), make_instrument(order_types=LIMIT_ONLY), "s", ONE)
    assert (request.type, request.time_in_force) == (OrderType.STOP_LOSS_LIMIT, TimeInForce.GTC)
    assert (request.stop_price, request.price) == (D(49_000), D(48_755))


@pytest.mark.parametrize(
    ("style", "price", "stop_price"),
    [(OrderType.TAKE_PROFIT, None, D(52_000)), (OrderType.LIMIT_MAKER, D(52_000), None)],
)
def test_a_target_by_style(style: OrderType, price: Decimal | None, stop_price: Decimal | None) -> None:
    request = target_request(make_position(), make_instrument(), "t", ONE, style)
    assert (request.type, request.price, request.stop_price) == (style, price, stop_price)
    assert (request.side, request.quantity, request.time_in_force) == (Side.SELL, ONE, None)


def test_exits_expire_the_maker_where_that_is_allowed() -> None:
    """Trading rules §3: one position's exit cannot eat another's stop unseen."""
    maker = SelfTradePrevention.EXPIRE_MAKER
    other = {"default_stp": SelfTradePrevention.EXPIRE_TAKER}
    assert exit_stp(make_instrument(**other)) is maker
    assert exit_stp(make_instrument()) is None, "the symbol's default already"
    assert exit_stp(make_instrument(allowed_stp=(SelfTradePrevention.NONE,), **other)) is None
    assert stop_request(make_position(), make_instrument(**other), "s", ONE).stp is maker
    assert (
        target_request(make_position(), make_instrument(**other), "t", ONE, OrderType.LIMIT_MAKER).stp
        is maker
    )


def list_of(plan: Protection, target: OrderType | None, quantity: str = "0.00198", **changes: Any) -> Any:
    position = make_position(plan=plan)
    legs = Legs(list_id="l", entry="e", stop="s", target="t")
    entry = entry_request(position, "e", D(quantity))
    return entry_list(position, make_instrument(**changes), legs, entry, target, FEE)


@pytest.mark.parametrize(
    ("plan", "kind", "sized"),
    [
        (Protection.OPOCO, ListKind.OPOCO, False),
        (Protection.OTOCO, ListKind.OTOCO, True),
        (Protection.OPO, ListKind.OPO, False),
        (Protection.OTO, ListKind.OTO, True),
    ],
)
def test_a_list_in_one_request(plan: Protection, kind: ListKind, sized: bool) -> None:
    """Trading rules §4: OPO's exits are sized by the exchange; OTO's are floor(quantity × (1 − taker rate))."""
    target = OrderType.TAKE_PROFIT if plan in (Protection.OPOCO, Protection.OTOCO) else None
    request = list_of(plan, target)
    assert (request.kind, request.list_client_order_id) == (kind, "l")
    names = ["e", "s", "t"] if target else ["e", "s"]
    assert [leg.client_order_id for leg in request.legs] == names, "working, below, above"
    expected = D("0.00197") if sized else None
    assert [leg.quantity for leg in request.legs[1:]] == [expected] * (len(names) - 1)
    assert request.legs[0].quantity == D("0.00198")


@given(quantity=st.decimals("0.00001", 10, places=5), step=st.sampled_from(["0.00001", "0.001", "0.1"]))
def test_pending_exits_never_ask_for_more_than_arrives(quantity: Decimal, step: str) -> None:
    """Trading rules §4, plan 2: if BNB runs short the fee comes from the base."""
    with decimal.localcontext(CONTEXT):
        lots = LotSize(D(step), D(100), D(step))
        request = list_of(Protection.OTO, None, str(quantity), lot_size=lots)
        pending = request.legs[1].quantity
        assert pending <= quantity * (ONE - FEE) < pending + D(step)


def test_the_intent_says_what_is_sent() -> None:
    """The journal holds what the venue will be asked: which legs wait, what is set aside, at which quote."""
    position = make_position(plan=Protection.OTOCO)
    legs = Legs(list_id="RT_t_1_L_1", entry="RT_t_1_E_1", stop="RT_t_1_S_1", target="RT_t_1_T_1")
    entry = entry_request(position, legs.entry, D("0.002"))
    request = entry_list(position, make_instrument(), legs, entry, OrderType.TAKE_PROFIT, FEE)
    kinds = (Leg.ENTRY, Leg.STOP_LOSS, Leg.TAKE_PROFIT)
    events = [
        submitted(leg, 1, kind, list_request=request, reserve=D(100), quote=make_quote())
        for leg, kind in zip(request.legs, kinds, strict=True)
    ]
    assert [event.pending for event in events] == [False, True, True]
    assert {(event.list_id, event.list_kind) for event in events} == {("RT_t_1_L_1", ListKind.OTOCO)}
    assert [(event.id, event.leg, event.attempt) for event in events] == [
        ("RT_t_1_E_1", Leg.ENTRY, 1),
        ("RT_t_1_S_1", Leg.STOP_LOSS, 1),
        ("RT_t_1_T_1", Leg.TAKE_PROFIT, 1),
    ]
    assert (events[0].reserve, events[0].quote, events[0].time_in_force) == (
        D(100),
        make_quote(),
        TimeInForce.FOK,
    )


def test_no_leg_of_an_oco_waits() -> None:
    book = Book()
    position = book.create_position(take_profit=D(52_000), plan=Protection.OCO)
    instrument = make_instrument()
    stop = stop_request(position, instrument, "RT_t_1_S_3", ONE)
    event = submitted(stop, 1, Leg.STOP_LOSS, replaces="RT_t_1_S_2")
    assert (event.pending, event.list_id, event.list_kind) == (False, "", None)
    assert (event.attempt, event.replaces, event.stop_price) == (3, "RT_t_1_S_2", D(49_000))
