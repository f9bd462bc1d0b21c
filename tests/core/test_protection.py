"""Protection: a live stop for every sellable coin, placed, measured, moved and trailed."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.context import Bids, Context, NoAverages
from fillwright.core.inputs import Quote
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.protection import (
    covered,
    protect,
    refuse_stop,
    refuse_target,
    trail,
    trail_level,
    trail_trigger,
    wants_move,
)
from fillwright.core.requests import (
    CancelListRequest,
    CancelReplaceRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.types import (
    CONTEXT,
    SECOND,
    ZERO,
    CancelRestriction,
    Leg,
    ListKind,
    OrderState,
    OrderType,
    PositionStatus,
    Protection,
)
from tests.core.builders import CASH, NOW, QUANTITY, Book, D, make_instrument, make_quote
from tests.core.desk import Desk, V, make_settings


def move_stop(desk: Desk, level: int) -> None:
    answer = desk.command(inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(level)))
    assert answer.ok, answer


def test_only_live_stops_cover() -> None:
    """§4: a pending leg (PENDING_NEW) is not a live stop."""
    desk = Desk()
    position = desk.enter()
    orders = desk.engine.ledger.orders_of(position)
    assert covered(orders) == D("0.00198")
    desk.live(Leg.STOP_LOSS).state = OrderState.PENDING_NEW
    assert covered(orders) == 0


def test_how_a_position_is_protected_is_recorded() -> None:
    desk = Desk(make_instrument(oto_allowed=False))
    desk.enter()
    assert desk.events(ev.PositionProtected)[-1].protection is Protection.OCO
    assert desk.position.stop_order_id == "RT_t_1_S_1"


def test_coins_without_a_live_stop_are_looked_at_again_and_told_of_each_time() -> None:
    """§4 Watchdog: every ``protection_check_s`` (2 s) until the stop is live; a protected position needs no look."""
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    entry = desk.only(OrderRequest)
    desk.accept(entry)
    desk.fill(entry.client_order_id)
    pair = desk.only(OrderListRequest)
    desk.wait(D("1.9"))
    assert desk.alerts() == []
    desk.wait(D("0.1"))
    assert desk.alerts() == ["UNPROTECTED"]
    desk.wait(2)
    assert desk.alerts() == ["UNPROTECTED"]
    desk.accept(pair)
    assert desk.position.unprotected_since == 0
    desk.wait(10)
    assert desk.alerts() == []


# -- moving ------------------------------------------------------------------------------------------------------


def test_a_lone_stop_moves_in_one_request() -> None:
    """§4 Move: a lone stop by cancelReplace STOP_ON_FAILURE (only while it is untouched)."""
    desk = Desk()
    desk.enter(take_profit=None)
    move_stop(desk, 49_500)
    request = desk.only(CancelReplaceRequest)
    assert (request.order.type, request.order.stop_price) == (OrderType.STOP_LOSS, D(49_500))
    assert request.cancel.restriction is CancelRestriction.ONLY_NEW
    desk.cancelled("RT_t_1_S_1")
    desk.report("RT_t_1_S_2", V.NEW)
    assert desk.position.stop_order_id == "RT_t_1_S_2"
    assert desk.sent() == []
    desk.check()


def test_a_pair_moves_by_cancelling_its_list_first() -> None:
    """§4 Move: an OCO by cancelling the list, awaiting the ack, placing the new OCO; the gap is measured."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.now += 40_000
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    oco = desk.only(OrderListRequest)
    assert (oco.legs[0].stop_price, oco.legs[1].stop_price) == (D(49_500), D(52_000))
    desk.now += 10_000
    desk.accept(oco)
    assert desk.position.unprotected_last_us == 50_000


def test_a_refused_move_of_a_lone_stop_leaves_the_old_level() -> None:
    """§4 Move: refused = the old level."""
    desk = Desk()
    position = desk.enter(take_profit=None)
    move_stop(desk, 49_500)
    desk.refuse(desk.only(CancelReplaceRequest), -1013, "Filter failure: PRICE_FILTER")
    assert position.stop_loss == 49_000
    desk.wait(5)
    assert desk.sent() == []
    assert desk.live(Leg.STOP_LOSS).is_live


def test_a_refused_move_of_a_pair_goes_back_to_the_old_level() -> None:
    """§4 Move: refused = the old level."""
    desk = Desk()
    position = desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    desk.refuse(
        desk.only(OrderListRequest), -2010, "The relationship of the prices for the orders is not correct."
    )
    assert position.stop_loss == 49_000
    assert desk.only(OrderRequest).stop_price == D(49_000)


def test_a_refused_move_of_a_target_goes_back_to_the_old_one() -> None:
    """§4 Move: refused = the old level, of whichever exit was moved."""
    desk = Desk()
    position = desk.enter()
    desk.command(inp.AdjustProtection(position_id=1, by="ada", take_profit=D(50_500)))
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    desk.refuse(desk.only(OrderListRequest), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    assert (position.stop_loss, position.take_profit) == (49_000, 52_000)
    assert desk.only(OrderRequest).stop_price == D(49_000)


def test_a_price_that_passed_the_new_stop_is_sold() -> None:
    """§4 Move: price passed = market."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.price(49_400)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    assert desk.only(OrderRequest).type is OrderType.MARKET


def test_a_new_stop_that_the_price_passed_meanwhile_is_sold_not_moved_to() -> None:
    """§4 Move: price passed = market. The level was fine when it was asked for; another move was under way then."""
    desk = Desk()
    desk.enter(take_profit=None)
    second_move(desk, 49_900)
    desk.price(49_800)
    desk.report("RT_t_1_S_2", V.NEW)
    request = desk.only(CancelReplaceRequest)
    assert (request.order.type, request.cancel.orig_client_order_id) == (OrderType.MARKET, "RT_t_1_S_2")
    assert desk.position.exit_reason == "stop_loss"
    desk.check()


def test_a_new_target_that_the_price_passed_meanwhile_is_sold_not_moved_to() -> None:
    """§4 Move: price passed = market."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    oco = desk.only(OrderListRequest)
    desk.command(inp.AdjustProtection(position_id=1, by="ada", take_profit=D(50_500)))
    desk.price(50_600)
    desk.accept(oco)
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET
    assert desk.position.exit_reason == "take_profit"


def test_a_move_waits_while_its_level_is_nearer_than_two_ticks() -> None:
    """§4 Move: not unless the new level is ≥ 2 ticks from last; looked at again every protection_check_s."""
    desk = Desk()
    desk.enter(take_profit=None)
    second_move(desk, 49_900)
    desk.price(D("49900.01"))
    desk.report("RT_t_1_S_2", V.NEW)
    desk.wait(2)
    assert desk.sent() == []
    desk.price(D("49900.02"))
    desk.wait(2)
    assert desk.only(CancelReplaceRequest).order.stop_price == D(49_900)


def test_a_new_target_nearer_than_two_ticks_waits_too() -> None:
    desk = Desk()
    position = desk.enter()
    desk.command(inp.AdjustProtection(position_id=1, by="ada", take_profit=D("50000.02")))
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    oco = desk.only(OrderListRequest)
    desk.price(49_990)
    desk.command(inp.AdjustProtection(position_id=1, by="ada", take_profit=D(49_995)))
    desk.engine.observe(Quote("BTCUSDT", D(49_990), D(49_996), D("49994.99"), desk.now))
    desk.accept(oco)
    assert desk.sent() == []
    assert position.status is PositionStatus.OPEN


def test_a_stop_moves_though_a_target_that_stays_is_near() -> None:
    """Only new levels keep two ticks."""
    desk = Desk()
    desk.enter()
    desk.price(D("51999.99"))
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)


def second_move(desk: Desk, level: int) -> None:
    """A lone stop is moved, and meant to move on, when the first move's cancel is told."""
    move_stop(desk, 49_500)
    desk.only(CancelReplaceRequest)
    move_stop(desk, level)
    desk.cancelled("RT_t_1_S_1")
    assert desk.sent() == []


@pytest.mark.parametrize(
    ("price", "reason", "outcome"),
    [
        (50_000, "Account has insufficient balance for requested action.", D(49_000)),
        (50_000, "Stop price would trigger immediately.", None),
        (49_500, "Account has insufficient balance for requested action.", None),
    ],
)
def test_a_move_of_a_lone_stop_that_left_no_stop(price: int, reason: str, outcome: object) -> None:
    """§4 Move: refused = the old level; price passed (as we, or only the venue, have seen) = market. At once."""
    desk = Desk()
    desk.enter(take_profit=None)
    move_stop(desk, 49_500)
    request = desk.only(CancelReplaceRequest)
    desk.price(price)
    desk.refuse(request, -2021, reason, cancel_done=True)
    placed = desk.only(OrderRequest)
    assert (placed.type, placed.stop_price) == (
        OrderType.MARKET if outcome is None else OrderType.STOP_LOSS,
        outcome,
    )
    desk.check()


def test_a_move_of_a_pair_refused_because_the_price_passed_the_stop_is_sold() -> None:
    """§4 Move: price passed = market, also when it passed while the new pair was under way."""
    desk = Desk()
    desk.enter()
    move_stop(desk, 49_500)
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    request = desk.only(OrderListRequest)
    desk.price(49_400)
    desk.refuse(request, -2010, "The relationship of the prices for the orders is not correct.")
    assert desk.only(OrderRequest).type is OrderType.MARKET
    assert desk.position.exit_reason == "stop_loss"


def test_a_move_of_a_pair_refused_because_the_price_passed_the_target_is_sold_as_soon_as_a_stop_stands() -> (
    None
):
    """§4 Move: price passed = market; a stop first, as for any target that the engine watches."""
    desk = Desk()
    position = desk.enter()
    desk.command(inp.AdjustProtection(position_id=1, by="ada", take_profit=D(50_500)))
    desk.only(CancelListRequest)
    desk.cancelled("RT_t_1_S_1", "RT_t_1_T_1")
    request = desk.only(OrderListRequest)
    desk.price(50_600)
    desk.refuse(request, -2010, "The relationship of the prices for the orders is not correct.")
    assert position.take_profit == 50_500
    stop = desk.only(OrderRequest)
    assert (stop.type, stop.stop_price) == (OrderType.STOP_LOSS, D(49_000))
    desk.accept(stop)
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET
    assert position.exit_reason == "take_profit"


def test_no_exit_moves_while_the_stream_is_down() -> None:
    desk = Desk()
    position = desk.enter()
    move_stop(desk, 49_500)
    desk.sent()
    assert wants_move(position, desk.engine.ledger.orders_of(position)) is False  # under way
    desk = Desk()
    position = desk.enter()
    desk.step(inp.StreamChanged(False))
    position.stop_loss = D(49_500)
    desk.step(inp.PriceCrossed("BTCUSDT"))
    assert desk.sent() == []


# -- targets and trailing ----------------------------------------------------------------------------------------


def test_a_target_that_no_order_holds_is_watched() -> None:
    """§4 plan 4: entry, then STOP_LOSS, with the take profit watched by the engine."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.enter()
    desk.price(D("51999.99"))
    assert desk.sent() == []
    desk.price(52_000)
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET
    assert desk.position.exit_reason == "take_profit"


def test_the_venue_trails_where_it_can() -> None:
    """§4 Trailing: STOP_LOSS with trailingDelta only."""
    desk = Desk()
    desk.enter(trailing=True, take_profit=None)
    assert desk.live(Leg.STOP_LOSS).trailing_delta == 200
    desk.price(51_000)
    assert desk.sent() == []
    move_stop(desk, 50_500)
    request = desk.only(CancelReplaceRequest)
    assert (request.order.trailing_delta, request.order.stop_price) == (None, D(50_500))


@pytest.mark.parametrize(
    ("price", "delta", "stop"), [(49_500, 101, None), (49_020, None, 49_000), (51_000, 200, None)]
)
def test_a_trailing_stop_is_never_placed_wider_than_the_signals(
    price: int, delta: int | None, stop: int | None
) -> None:
    """§4 Trailing: never wider than the signal's stop; else the engine moves a fixed stop."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.signal(trailing=True, take_profit=None)
    desk.accept(desk.only(OrderRequest))
    desk.price(price)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    request = desk.only(OrderRequest)
    assert (request.trailing_delta, request.stop_price) == (delta, D(stop) if stop else None)
    desk.report(request.client_order_id, V.NEW)
    assert desk.sent() == []


def test_else_the_engine_trails_in_steps() -> None:
    """§4 Trailing: else the engine moves a fixed stop (steps ≥ 0.3 %, ≥ 10 s apart)."""
    desk = Desk(make_instrument(trailing_allowed=False))
    position = desk.enter(trailing=True, take_profit=None)
    assert trail_trigger(position) == D(50_150)
    desk.price(50_149)
    assert desk.sent() == []
    desk.price(50_150)
    request = desk.only(CancelReplaceRequest)
    assert request.order.stop_price == position.stop_loss == D(49_147)
    desk.cancelled("RT_t_1_S_1")
    desk.report("RT_t_1_S_2", V.NEW)
    desk.price(51_000)
    assert desk.sent() == []  # too soon
    desk.wait(10)
    desk.price(51_000)
    assert desk.only(CancelReplaceRequest).order.stop_price == D(49_980)
    desk.price(50_000)
    assert position.stop_loss == D(49_980)  # it never goes down


@pytest.mark.parametrize("price", [52_000, 53_000])
def test_a_price_beyond_the_target_is_not_made_an_order(price: int) -> None:
    desk = Desk(make_instrument(oto_allowed=False))
    desk.signal()
    desk.accept(desk.only(OrderRequest))
    desk.price(price)
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    assert desk.only(OrderRequest).type is OrderType.STOP_LOSS


# -- by itself ---------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    """Work in the core's own arithmetic."""
    with decimal.localcontext(CONTEXT):
        yield


def context_of(book: Book, last: object = 50_000) -> Context:
    quotes = {"BTCUSDT": make_quote(price=D(str(last)), time=book.now)}
    return Context(book.ledger, quotes, Bids(book.state, quotes), NoAverages(), book.now)


def exit_of(book: Book, position: Position, leg: Leg, level: int, **changes: Any) -> Order:
    """A live exit."""
    kind = OrderType.STOP_LOSS if leg is Leg.STOP_LOSS else OrderType.TAKE_PROFIT
    fields = {"order_type": kind, "stop_price": D(level), "price": None, **changes}
    name = book.submit(position, leg, **fields)
    book.place(name)
    return book.state.orders[name]


def test_cover_is_what_live_stops_have_left() -> None:
    """§4: targets, sales, ended stops and stops on their way out cover nothing; executions are gone from it."""
    book = Book()
    position = book.open_position(take_profit=D(52_000))
    stop = exit_of(book, position, Leg.STOP_LOSS, 49_000)
    target = exit_of(book, position, Leg.TAKE_PROFIT, 52_000)
    waiting = book.state.orders[
        book.submit(position, Leg.STOP_LOSS, list_id="RT_t_1_L_1", list_kind=ListKind.OTO, pending=True)
    ]
    book.place(waiting.id, pending=True)
    exits = [stop, target, waiting]
    assert covered(exits) == QUANTITY
    book.fill(stop.id, D(49_000), D("0.0005"))
    assert covered(exits) == D("0.0015")
    book.place(waiting.id)
    assert covered(exits) == D("0.0035")
    book.push(ev.OrderCancelRequested(stop.id, "RT_t_1_C_1", "close"))
    assert covered(exits) == QUANTITY
    assert covered([]) == 0


@pytest.mark.parametrize(
    ("rights", "others", "kinds"),
    [
        ({}, 0, [OrderType.STOP_LOSS, OrderType.TAKE_PROFIT]),
        ({}, 2, [OrderType.STOP_LOSS, OrderType.TAKE_PROFIT]),
        ({}, 3, [OrderType.STOP_LOSS, OrderType.LIMIT_MAKER]),
        ({"algo_orders_max": None}, 9, [OrderType.STOP_LOSS, OrderType.TAKE_PROFIT]),
        ({"oco_allowed": False}, 0, [OrderType.STOP_LOSS]),
    ],
)
def test_free_coins_get_a_pair_or_a_stop(rights: dict[str, Any], others: int, kinds: list[OrderType]) -> None:
    """§4 plans 3 and 4; §4 Slots: one stays free for replacements, else the target rests as a limit."""
    book = Book(make_instrument(**rights))
    position = book.open_position(take_profit=D(52_000))
    for _ in range(others):
        book.submit(leg=Leg.MANUAL, order_type=OrderType.STOP_LOSS)
    ctx = context_of(book)
    assert protect(ctx, position, D("0.00198"), ctx.quotes["BTCUSDT"])
    (effect,) = ctx.effects
    request = effect.request  # type: ignore[union-attr]
    legs = request.legs if isinstance(request, OrderListRequest) else (request,)
    assert [leg.type for leg in legs] == kinds
    assert {leg.quantity for leg in legs} == {D("0.00198")}
    assert effect.lane == "protect"  # type: ignore[union-attr]
    submitted = [record.event for record in ctx.records]
    assert [event.pending for event in submitted if isinstance(event, ev.OrderSubmitted)] == [False] * len(
        kinds
    )


@pytest.mark.parametrize(("style", "types"), [("market", 2), ("maker", 1)])
def test_a_target_that_would_take_is_watched(style: str, types: int) -> None:
    """A LIMIT_MAKER at or under the bid is refused, whatever was traded last; TAKE_PROFIT waits for a trade."""
    book = Book(settings=make_settings(take_profit_style=style))
    position = book.open_position(take_profit=D(52_000))
    ctx = context_of(book)
    assert protect(ctx, position, D("0.00198"), Quote("BTCUSDT", D(52_000), D(52_001), D(51_990), book.now))
    (effect,) = ctx.effects
    request = effect.request  # type: ignore[union-attr]
    assert len(request.legs if isinstance(request, OrderListRequest) else (request,)) == types


@pytest.mark.parametrize(("last", "placed"), [("49000.01", True), ("49000", False), ("48000", False)])
def test_a_stop_that_the_price_has_passed_is_not_placed(last: str, placed: bool) -> None:
    """§4: last ≤ stop → sell at market."""
    book = Book()
    position = book.open_position()
    ctx = context_of(book, last)
    assert protect(ctx, position, QUANTITY, ctx.quotes["BTCUSDT"]) is placed
    assert bool(ctx.effects) is bool(ctx.records) is placed


def test_a_position_without_a_stop_is_not_given_one() -> None:
    book = Book()
    position = book.open_position(stop_loss=None)
    assert not protect(context_of(book), position, QUANTITY, None)


def test_after_a_failure_the_stop_goes_alone() -> None:
    """§4: else OCO; else stop; else sell."""
    book = Book()
    position = book.open_position(take_profit=D(52_000))
    book.push(ev.ProtectionFailed(position.id, 1, "refused"))
    ctx = context_of(book)
    assert protect(ctx, position, QUANTITY, ctx.quotes["BTCUSDT"])
    (record,) = ctx.records
    assert isinstance(record.event, ev.OrderSubmitted)
    assert (record.event.leg, record.event.list_id) == (Leg.STOP_LOSS, "")


@pytest.mark.parametrize(
    ("stop", "target", "changes", "moves"),
    [
        (49_000, 52_000, {}, False),
        (48_900, 52_000, {}, True),
        (49_000, 52_100, {}, True),
        (49_000, None, {}, False),
        (49_000, None, {"trailing_delta": 200}, True),
    ],
)
def test_exits_move_when_they_rest_elsewhere(
    stop: int, target: int | None, changes: dict[str, Any], moves: bool
) -> None:
    book = Book()
    position = book.open_position(take_profit=D(52_000))
    exits = [exit_of(book, position, Leg.STOP_LOSS, stop, **changes)]
    if target is not None:
        exits.append(exit_of(book, position, Leg.TAKE_PROFIT, target))
    assert wants_move(position, exits) is moves


def test_a_limit_targets_level_is_its_price() -> None:
    book = Book()
    position = book.open_position(take_profit=D(52_000))
    target = exit_of(
        book, position, Leg.TAKE_PROFIT, 0, order_type=OrderType.LIMIT_MAKER, stop_price=None, price=D(52_000)
    )
    assert not wants_move(position, [target])
    position.take_profit = D(53_000)
    assert wants_move(position, [target])


def test_the_venues_own_trailing_stop_has_no_level_to_move() -> None:
    book = Book()
    position = book.open_position(trailing_delta=200, trail_distance=D("0.02"))
    stop = exit_of(book, position, Leg.STOP_LOSS, 0, stop_price=None, trailing_delta=200)
    position.stop_loss = D(49_500)
    assert not wants_move(position, [stop])
    position.trailing_delta = None
    assert wants_move(position, [stop])


def test_with_every_slot_taken_a_lone_stop_is_cancelled_first() -> None:
    """§4 Slots: filters are judged before a cancelReplace cancels, so a full set of slots would refuse it."""
    desk = Desk()
    desk.enter(take_profit=None)
    full = make_instrument(algo_orders_max=1)
    desk.step(inp.UpdateInstruments((full,)))
    move_stop(desk, 49_500)
    assert desk.only(CancelListRequest).list_client_order_id == "RT_t_1_L_1"  # no other leg is left of it
    desk.cancelled("RT_t_1_S_1")
    assert desk.only(OrderRequest).stop_price == D(49_500)


# -- levels ------------------------------------------------------------------------------------------------------

PRICES = st.decimals("0.05", 100_000, places=2)


@given(level=PRICES, last=PRICES, bid=PRICES, stop=PRICES, target=PRICES)
def test_levels_that_are_taken_keep_two_ticks_and_their_side(
    level: object, last: object, bid: object, stop: object, target: object
) -> None:
    """§4 Move: new level ≥ 2 ticks from last; what is taken is always a stop under and a target over the price."""
    with decimal.localcontext(CONTEXT):
        book = Book()
        position = book.create_position(stop_loss=stop, take_profit=target)
        quote = Quote("BTCUSDT", D(str(bid)), D(str(bid)) + 1, D(str(last)), NOW)
        level, gap = D(str(level)), D("0.02")
        instrument = make_instrument()
        assert (refuse_stop(instrument, position, quote, level) == "") == (
            level + gap <= min(quote.last, quote.bid) and level < D(str(target))
        )
        assert (refuse_target(instrument, position, quote, level) == "") == (
            level - gap >= quote.last and level > D(str(stop))
        )


@given(
    prices=st.lists(st.integers(49_500, 60_000), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 15), min_size=20, max_size=20),
)
def test_a_trailed_stop_only_rises_in_steps_and_not_too_often(prices: list[int], gaps: list[int]) -> None:
    """§4 Trailing: steps ≥ 0.3 %, ≥ 10 s apart, at the distance of the entry, never down."""
    with decimal.localcontext(CONTEXT):
        book = Book()
        position = book.open_position(trail_distance=D("0.02"))
        moved: list[tuple[int, object]] = []
        for price, gap in zip(prices, gaps, strict=False):
            book.now += gap * SECOND
            before = position.stop_loss
            assert before is not None
            ctx = context_of(book, price)
            trail(ctx, position, ctx.quotes["BTCUSDT"])
            after = position.stop_loss
            assert after is not None
            if not ctx.records:
                assert after == before
                continue
            assert after >= before * D("1.0029999")
            assert after <= D(price) * D("0.98") + D("0.01")
            assert all(book.now - time >= 10 * SECOND for time, _ in moved)
            moved.append((book.now, after))


@pytest.mark.parametrize(("last", "level"), [("50000", None), ("49000", None), ("50001", "49000.98")])
def test_the_level_of_a_trailed_stop(last: str, level: str | None) -> None:
    book = Book()
    position = book.open_position(trail_distance=D("0.02"))
    wanted = trail_level(context_of(book), position, D(last))
    assert wanted == (D(level) if level is not None else None)
    position.stop_loss = None
    assert trail_level(context_of(book), position, D(last)) is None


# -- a stop that somebody else has cancelled ---------------------------------------------------------------------------


def taken(own: Decimal) -> Desk:
    """A protected position of 0.00198 and dust beside so many coins of others; its list is cancelled by somebody."""
    desk = Desk(balances=(("USDT", CASH, ZERO), ("BTC", own, ZERO)))
    position = desk.enter(size=inp.Size(quote=D(100)))
    told(desk, own + position.quantity)
    desk.step(*[desk.news(name, V.CANCELED) for name in position.open_order_ids])
    return desk


def told(desk: Desk, total: Decimal) -> None:
    """What the account holds of the coin."""
    desk.step(inp.BalanceReport((("BTC", total, ZERO),), desk.now))


def test_where_no_other_coins_are_it_is_placed_again_at_once() -> None:
    desk = taken(ZERO)
    assert isinstance(desk.only(OrderListRequest), OrderListRequest)
    assert desk.events(ev.StopTakenAway) == []


def test_beside_other_coins_the_books_are_read_first() -> None:
    desk = taken(D(1))
    assert desk.sent() == []
    assert [one.cause for one in desk.snapshots()] == ["a stop was cancelled by somebody else"]
    assert "STOP_TAKEN_AWAY" in desk.alerts()
    desk.wait(0.2)
    assert desk.sent() == []
    desk.wait(0.1)
    (stop, _) = desk.only(OrderListRequest).legs
    assert stop.quantity == D("0.00198")
    assert len(desk.events(ev.StopTakenAway)) == 1
    desk.check()


def test_when_coins_are_missing_then_only_those_that_are_there_are_protected() -> None:
    desk = taken(D(1))
    told(desk, D("0.001"))
    desk.wait(0.3)
    (stop, _) = desk.only(OrderListRequest).legs
    assert stop.quantity == D("0.001")


def test_when_all_are_gone_nothing_is_placed_until_the_books_have_said_so_twice() -> None:
    desk = taken(D(1))
    told(desk, ZERO)
    desk.wait(1)
    assert desk.sent() == []
