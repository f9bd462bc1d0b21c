"""Ways out: sales, cancels and replacements, never a cancel and a sale side by side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.context import EXIT_LANE, PROTECT_LANE, Bids, Context, NoAverages
from fillwright.core.effects import Send
from fillwright.core.exits import (
    cancel,
    cancel_alone,
    is_trading,
    market_sell,
    replace_by_sale,
    sell,
    shrink,
)
from fillwright.core.instruments import Instrument, LotSize
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderRequest,
)
from fillwright.core.settings import VenueProfile
from fillwright.core.types import (
    ZERO,
    CancelReplaceMode,
    CancelRestriction,
    ErrorClass,
    Leg,
    ListKind,
    OrderState,
    OrderType,
    PositionDecision,
    Side,
    SymbolStatus,
)
from tests.core.builders import CASH, QUANTITY, Book, D, make_instrument, make_quote
from tests.core.desk import Desk, V, make_settings


class Scene:
    """A position with its exits at the venue, and a step that may still do something."""

    def __init__(self, instrument: Instrument | None = None, *, pair: bool = True, coins: str = "0") -> None:
        self.book = Book(instrument or make_instrument())
        self.book.push(ev.BalanceUpdated((("BTC", D(coins), ZERO),), opening=True))
        self.position: Position = self.book.open_position(take_profit=D(52_000))
        listed: dict[str, Any] = {"list_id": "RT_t_1_L_1", "list_kind": ListKind.OCO} if pair else {}
        legs = [(Leg.STOP_LOSS, OrderType.STOP_LOSS), (Leg.TAKE_PROFIT, OrderType.TAKE_PROFIT)]
        self.exits: list[Order] = []
        for leg, kind in legs[: 2 if pair else 1]:
            name = self.book.submit(
                self.position, leg, order_type=kind, price=None, stop_price=D(49_000), **listed
            )
            self.book.place(name)
            self.exits.append(self.book.state.orders[name])
        quotes = {"BTCUSDT": make_quote()}
        self.ctx = Context(
            self.book.ledger, quotes, Bids(self.book.state, quotes), NoAverages(), self.book.now
        )

    @property
    def sent(self) -> Send:
        (effect,) = self.ctx.effects
        assert isinstance(effect, Send)
        return effect

    @property
    def events(self) -> list[ev.Event]:
        return [record.event for record in self.ctx.records]


# -- sales -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "maximum", "sold"),
    [
        ("0.00198801", "100", "0.00198"),
        ("0.002", "0.0015", "0.0015"),
        ("250", "100", "100"),
        ("0", "100", "0"),
    ],
)
def test_a_sale_is_one_piece_as_large_as_the_symbol_allows(quantity: str, maximum: str, sold: str) -> None:
    """Trading rules §3: the rest at market, split by MARKET_LOT_SIZE."""
    scene = Scene(make_instrument(market_lot_size=LotSize(ZERO, D(maximum), ZERO)))
    request = market_sell(scene.ctx, scene.position, D(quantity))
    assert (request.type, request.side, request.quantity) == (OrderType.MARKET, Side.SELL, D(sold))
    assert request.client_order_id == "RT_t_1_X_1"


def test_a_sale_is_recorded_before_it_is_sent() -> None:
    scene = Scene()
    sell(scene.ctx, scene.position, QUANTITY)
    (event,) = scene.events
    assert isinstance(event, ev.OrderSubmitted)
    assert (event.id, event.leg, event.quantity, event.reserve) == ("RT_t_1_X_1", Leg.EXIT, QUANTITY, ZERO)
    assert event.quote == make_quote()
    assert scene.sent.lane == EXIT_LANE
    assert isinstance(scene.sent.request, OrderRequest)


# -- a sale in the place of an exit ------------------------------------------------------------------------------


def test_a_close_is_one_request_that_does_both_or_neither() -> None:
    """Trading rules §4 (Close): one cancelReplace on the stop leg, STOP_ON_FAILURE, with a MARKET sell."""
    scene = Scene()
    replace_by_sale(scene.ctx, scene.position, scene.exits[0], QUANTITY)
    assert scene.sent.lane == EXIT_LANE
    request = scene.sent.request
    assert isinstance(request, CancelReplaceRequest)
    assert request.mode is CancelReplaceMode.STOP_ON_FAILURE
    assert request.cancel.orig_client_order_id == scene.exits[0].id
    assert request.cancel.restriction is CancelRestriction.ONLY_NEW
    assert request.cancel.cancel_client_order_id == "RT_t_1_C_1"
    assert (request.order.type, request.order.quantity) == (OrderType.MARKET, QUANTITY)
    assert [order.state for order in scene.exits] == 2 * [OrderState.CANCEL_PENDING], "the list goes with it"
    assert scene.book.state.orders["RT_t_1_X_1"].replaces == scene.exits[0].id


@pytest.mark.parametrize(
    ("coins", "replaced"), [("0", True), ("0.000009", True), ("0.00001", False), ("1", False)]
)
def test_a_part_filled_exit_is_replaced_only_where_no_other_coins_can_be_taken(
    coins: str, replaced: bool
) -> None:
    """Trading rules §3: coins that no position owns are the user's, and are never sold."""
    scene = Scene(pair=False, coins=coins)
    stop = scene.exits[0]
    scene.book.fill(stop.id, D(49_000), D("0.0005"))
    replace_by_sale(scene.ctx, scene.position, stop, stop.remaining)
    request = scene.sent.request
    if replaced:
        assert isinstance(request, CancelReplaceRequest)
        assert request.cancel.restriction is None, "it is not new any more"
        assert request.order.quantity == D("0.0015")
    else:
        assert isinstance(request, CancelRequest)
        assert "RT_t_1_X_1" not in scene.book.state.orders, "the sale follows the cancel's answer"


def test_without_cancel_replace_the_cancel_goes_first() -> None:
    """Trading rules §4: never pipeline a cancel and a place."""
    scene = Scene(make_instrument(cancel_replace_allowed=False))
    replace_by_sale(scene.ctx, scene.position, scene.exits[0], QUANTITY)
    assert isinstance(scene.sent.request, CancelListRequest)
    assert [type(event) for event in scene.events] == 2 * [ev.OrderCancelRequested]


# -- cancels -----------------------------------------------------------------------------------------------------


def test_a_list_is_cancelled_whole() -> None:
    scene = Scene()
    cancel(scene.ctx, scene.position, scene.exits[1], "move")
    request = scene.sent.request
    assert scene.sent.lane == PROTECT_LANE
    assert isinstance(request, CancelListRequest)
    assert request.list_client_order_id == "RT_t_1_L_1"
    assert request.cancel_client_order_id == "RT_t_1_C_1"
    assert {order.cancel_id for order in scene.exits} == {"RT_t_1_C_1"}
    assert {order.cancel_reason for order in scene.exits} == {"move"}
    assert [record.cause for record in scene.ctx.records] == [scene.exits[1].record, scene.exits[0].record]


def test_other_lists_of_the_position_stay() -> None:
    scene = Scene()
    other = scene.book.submit(scene.position, Leg.STOP_LOSS, list_id="RT_t_1_L_2", list_kind=ListKind.OCO)
    cancel(scene.ctx, scene.position, scene.exits[0], "move")
    assert scene.book.state.orders[other].state is OrderState.SUBMITTED


@pytest.mark.parametrize("placed", [True, False])
def test_a_lone_order_is_cancelled_by_its_number_where_that_is_known(placed: bool) -> None:
    """Trading rules §6: by order id where known, then our client id; each cancel carries a deterministic id."""
    scene = Scene(pair=False)
    order = scene.exits[0]
    if not placed:
        order = scene.book.state.orders[scene.book.submit(scene.position, Leg.STOP_LOSS)]
    cancel(scene.ctx, scene.position, order, "close", EXIT_LANE)
    request = scene.sent.request
    assert isinstance(request, CancelRequest)
    assert request.order_id == (order.exchange_order_id or None)
    assert request.orig_client_order_id == order.id
    assert (request.restriction, scene.sent.lane) == (None, EXIT_LANE)


def test_each_cancel_has_a_name_of_its_own() -> None:
    scene = Scene(pair=False)
    cancel(scene.ctx, scene.position, scene.exits[0], "once")
    cancel(scene.ctx, scene.position, scene.exits[0], "again")
    assert [event.cancel_id for event in scene.events if isinstance(event, ev.OrderCancelRequested)] == [
        "RT_t_1_C_1",
        "RT_t_1_C_2",
    ]


def test_an_order_of_no_position_is_cancelled_alone() -> None:
    scene = Scene()
    order = scene.book.state.orders[scene.book.submit(leg=Leg.MANUAL)]
    cancel_alone(scene.ctx, order, "ada: cancel")
    request = scene.sent.request
    assert isinstance(request, CancelRequest)
    assert (request.orig_client_order_id, request.cancel_client_order_id) == ("RT_t_0_M_1", "RT_t_0_C_1")
    assert list(scene.ctx.touched) == [0], "it is watched"
    assert scene.sent.lane == EXIT_LANE


# -- reductions --------------------------------------------------------------------------------------------------


def test_exits_are_reduced_in_place_both_at_once() -> None:
    """Trading rules §4 (Reduce): amend keepPriority; either OCO leg changes both."""
    scene = Scene()
    shrink(scene.ctx, scene.position, scene.exits, D("0.001"))
    request = scene.sent.request
    assert isinstance(request, AmendRequest)
    assert (request.new_quantity, request.orig_client_order_id) == (D("0.001"), scene.exits[0].id)
    assert request.new_client_order_id == scene.exits[0].id, "the order keeps its name"
    assert [order.amend_to for order in scene.exits] == [D("0.001"), D("0.001")]
    assert [order.quantity for order in scene.exits] == [QUANTITY, QUANTITY], "until the venue says so"


@pytest.mark.parametrize("why", ["symbol", "executed", "refused", "asked"])
def test_where_that_can_not_be_they_are_cancelled_first(why: str) -> None:
    """Trading rules §4 (Reduce): where amend is not allowed: cancel list, await ack, OCO on the rest, sell."""
    scene = Scene(make_instrument(amend_allowed=why != "symbol"))
    if why == "executed":
        scene.book.fill(scene.exits[1].id, D(52_000), D("0.0005"))
    elif why != "symbol":
        scene.book.push(ev.OrderAmendRequested(scene.exits[0].id, D("0.001"), "reduce"))
    if why == "refused":
        scene.book.push(ev.OrderAmendRefused(scene.exits[0].id, -2038, "no", final=True))
    shrink(scene.ctx, scene.position, scene.exits, D("0.001"))
    assert isinstance(scene.sent.request, CancelListRequest)
    assert {order.cancel_reason for order in scene.exits} == {"reduce"}


@pytest.mark.parametrize("status", list(SymbolStatus))
def test_orders_are_taken_while_trading_only(status: SymbolStatus) -> None:
    scene = Scene(make_instrument(status=status))
    assert is_trading(scene.ctx, scene.position) is (status is SymbolStatus.TRADING)


# -- played through ----------------------------------------------------------------------------------------------

QUIET = VenueProfile(protection_read_s=0, reconciliation=False)


def held(*instruments: Instrument, coins: Decimal = ZERO) -> Desk:
    desk = Desk(
        *instruments,
        settings=make_settings(venue=QUIET),
        balances=(("USDT", CASH, ZERO), ("BTC", coins, ZERO)),
    )
    desk.enter()
    return desk


def test_a_refused_close_sells_nothing_and_asks() -> None:
    """Trading rules §4 (Close): -2022 / -2011 = an exit is executing: sell nothing, query."""
    desk = held()
    desk.step(inp.ClosePosition(position_id=1, by="ada"))
    desk.refuse(desk.only(CancelReplaceRequest), -2022, "Order cancel-replace failed.")
    assert desk.sent() == []
    assert len(desk.asked()) == 2
    stop = desk.order("RT_t_1_S_1")
    desk.fill(stop.id, price=49_000)
    desk.expired("RT_t_1_T_1")
    assert desk.position.status.value == "closed"
    assert desk.position.exit_quantity == D("0.00198")
    desk.check()


def test_a_close_whose_sale_was_refused_is_naked_and_sells() -> None:
    """Trading rules §4 (Close): -2021 = naked: sell."""
    desk = held()
    desk.step(inp.ClosePosition(position_id=1, by="ada"))
    desk.refuse(
        desk.only(CancelReplaceRequest),
        -2021,
        "Order cancel-replace partially failed.",
        ErrorClass.PERMANENT,
        cancel_done=True,
    )
    request = desk.only(OrderRequest)
    assert (request.type, request.quantity) == (OrderType.MARKET, D("0.00198"))
    assert request.client_order_id == "RT_t_1_X_2"


def test_a_close_that_is_half_refused_sells_only_what_the_cancelled_stop_has_left() -> None:
    """§2: what a stop had executed unheard is asked for before anything is sold."""
    desk = held()
    desk.step(inp.ClosePosition(position_id=1, by="ada"))
    request = desk.only(CancelReplaceRequest)
    desk.report("RT_t_1_S_1", V.CANCELED, executed_quantity=D("0.001"))
    desk.refuse(request, -2021, "Order cancel-replace partially failed.", cancel_done=True)
    assert desk.order("RT_t_1_S_1").doubt is not None
    assert "RT_t_1_S_1" in desk.asked()
    assert desk.sent() == []
    fill = desk.fill_report("RT_t_1_S_1", D("0.001"), D(50_000), D(0), "USDT")
    desk.report("RT_t_1_S_1", V.CANCELED, executed_quantity=D("0.001"), fills=(fill,))
    assert desk.only(OrderRequest).quantity == D("0.00098")
    desk.check()


def test_a_reduction_keeps_what_is_left_protected() -> None:
    """Amended first, sold then: at no time does an exit hold more than there is, or less than should be."""
    desk = held()
    desk.step(inp.Decision(position_id=1, decision=PositionDecision.REDUCE, quantity=D("0.001")))
    request = desk.only(AmendRequest)
    assert request.new_quantity == D("0.00098")
    desk.report("RT_t_1_S_1", V.NEW, quantity=D("0.00098"))
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.quantity) == (OrderType.MARKET, D("0.001"))
    desk.report(sale.client_order_id, V.NEW)
    desk.fill(sale.client_order_id, price=50_000)
    position = desk.position
    assert position.status.value == "open"
    assert position.reduce_quantity == ZERO
    assert [order.quantity for order in desk.engine.ledger.orders_of(position)] == 2 * [D("0.00098")]
    assert desk.events(ev.PositionUnprotected) == []
    desk.check()


def test_the_users_own_coins_stay_when_an_exit_is_part_filled() -> None:
    """A maker target's first fill ends the stop: the rest is cancelled, and only then sold."""
    desk = Desk(
        settings=make_settings(venue=QUIET, take_profit_style="maker"),
        balances=(("USDT", CASH, ZERO), ("BTC", D(1), ZERO)),
    )
    desk.enter()
    desk.fill("RT_t_1_T_1", quantity=D("0.0005"), price=52_000)
    desk.expired("RT_t_1_S_1")
    desk.wait(1)
    request = desk.only(CancelListRequest)
    assert request.list_client_order_id == "RT_t_1_L_1"
    desk.cancelled("RT_t_1_T_1")
    sale = desk.only(OrderRequest)
    assert (sale.type, sale.quantity) == (OrderType.MARKET, D("0.00148"))
