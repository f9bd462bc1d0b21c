"""Stories that no single fault tells: two traders, coins that go away, another installation, a stop of everything."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import ClosePosition, EmergencyStop, Reconcile
from fillwright.core.requests import CancelListRequest, CancelRequest, OrderRequest
from fillwright.core.types import SECOND, STOP_TYPES, Leg, OrderType, PositionStatus, Side, VenueOrderStatus
from fillwright.exchange.faults import Outcome
from fillwright.exchange.messages import OrderView
from fillwright.exchange.server.fault_plan import CallFault, Cut, EventFate, StreamEventFault
from fillwright.exchange.settings import ExchangeSettings
from tests.faults.world import ACCOUNT, SYMBOL, BoxWorld
from tests.warp import warped

D = Decimal


def stops(world: BoxWorld, tag: str = "") -> list[OrderView]:
    """Live stops at the exchange, of one tag or of all."""
    return [
        order
        for order in world.exchange.open_orders(ACCOUNT, SYMBOL)
        if order.type in STOP_TYPES and order.stop_price < D(100) and f"RT_{tag}" in order.client_order_id
    ]


def test_two_traders_hold_one_symbol_and_each_closes_his_own() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal(trader_id="ada")
            world.signal(trader_id="bob", stop=D(96))
            await world.run(SECOND)
            assert sorted(order.stop_price for order in stops(world)) == [D(95), D(96)]
            world.command(ClosePosition(position_id=1, by="ops"))
            await world.run(SECOND)
            assert world.position(1).status is PositionStatus.CLOSED
            assert world.position(2).status is PositionStatus.OPEN
            (left,) = stops(world)
            assert left.stop_price == world.position(2).stop_loss
            await world.audit()
            world.price(SYMBOL, D("95.5"), volume=D(1000))
            await world.run(SECOND)
            assert world.position(2).status is PositionStatus.CLOSED
            await world.audit()

    warped(story())


def test_coins_that_are_taken_away_close_the_position() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal()
            await world.run(SECOND)
            world.outside(CancelListRequest(symbol=SYMBOL, order_list_id=stops(world)[0].order_list_id))
            (free,) = [one.free for one in world.exchange.balances(ACCOUNT) if one.asset == "AAA"]
            world.withdraw("AAA", free)
            await world.run(200 * SECOND)
            assert world.position().status is PositionStatus.CLOSED
            assert any("closed_outside" in str(event) for event in world.events(ev.PositionReduced))
            assert "CLOSED_OUTSIDE" in [code for _, code in world.alerts]
            await world.audit()

    warped(story())


def test_two_installations_leave_each_others_orders_alone() -> None:
    async def story() -> None:
        async with BoxWorld(tag="one") as one, BoxWorld(tag="two", beside=one) as two:
            one.signal()
            two.signal(stop=D(96))
            await one.run(SECOND)
            assert len(stops(one, "one")) == len(stops(one, "two")) == 1
            await one.run(150 * SECOND)
            one.command(EmergencyStop(by="ops", flatten=True))
            await one.run(30 * SECOND)
            assert one.position().status is PositionStatus.CLOSED
            assert stops(one, "one") == []
            (theirs,) = stops(one, "two")
            assert theirs.quantity >= two.position().quantity - D("0.0001")
            assert two.position().status is PositionStatus.OPEN
            assert one.exchange.audit() == ()
            one.price(SYMBOL, D("95.5"), volume=D(1000))
            two.seen(SYMBOL)
            await two.run(SECOND)
            assert two.position().status is PositionStatus.CLOSED
            sold = [
                order
                for order in one.orders_at_exchange()
                if order.side is Side.SELL and order.executed_quantity
            ]
            assert len(sold) == 2

    warped(story())


def test_the_keys_only_stop_halts_a_running_service() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal(limit=D(98))
            await world.run(SECOND)
            (entry,) = [order for order in world.exchange.open_orders(ACCOUNT) if order.side is Side.BUY]
            world.outside(
                CancelRequest(
                    symbol=SYMBOL, order_id=entry.order_id, cancel_client_order_id="RT_ES_1795168800_1"
                )
            )
            await world.run(SECOND)
            assert world.engine.state.safety.halted_cause
            await world.restart()
            assert world.engine.state.safety.halted_cause
            await world.audit()

    warped(story())


def test_a_ban_that_a_read_meets_halts() -> None:
    """Placing weighs nothing: it is reads that are banned for their weight, and no order hears of it."""

    async def story() -> None:
        async with BoxWorld() as world:
            for read in ("openOrders.status", "account.status", "order.status"):
                world.fault(
                    CallFault(
                        outcome=Outcome.REFUSED, endpoint=read, code=-1003, http_status=418, retry_after_s=30
                    )
                )
            world.command(Reconcile(cause="by hand"))
            await world.run(SECOND)
            world.signal()
            await world.run(SECOND)
            assert world.orders_at_exchange() == []
            assert world.engine.state.safety.halted_cause == "ip_banned"

    warped(story())


def test_an_entry_whose_cancel_renamed_it_is_found_by_the_cancels_name() -> None:
    """Neither its number nor any answer was ever heard: what it bought must not pass for something that never came."""

    async def story() -> None:
        async with BoxWorld(
            exchange=ExchangeSettings(order_counts=(), cancel_renames=True),
            changes={"opo_allowed": False, "oto_allowed": False},
        ) as world:
            world.fault(StreamEventFault(outcome=EventFate.DROPPED, times=None, for_us=5 * SECOND))
            for endpoint in ("order.place", "order.cancel"):
                world.fault(CallFault(outcome=Outcome.ANSWER_LOST, by=Cut.SILENCE, endpoint=endpoint))
            world.signal(limit=D(98))
            await world.run(SECOND // 5)
            world.price(SYMBOL, D("97.99"), volume=D("0.05"))
            world.command(EmergencyStop(by="ops"))
            await world.run(SECOND)
            (entry,) = world.orders_at_exchange()
            assert (entry.status, entry.executed_quantity > 0) == (VenueOrderStatus.CANCELED, True)
            await world.run(60 * SECOND)
            assert world.position().entry_quantity
            await world.audit()

    warped(story())


@pytest.mark.parametrize("is_sold", [True, False])
def test_a_stop_that_somebody_cancels_is_not_placed_on_the_users_coins_before_the_books_are_read(
    is_sold: bool,
) -> None:
    """As a stop by keys does it in two steps: the sale is heard of only after the cancel."""

    async def story() -> None:
        async with BoxWorld() as world:
            world.deposit("AAA", D(5))
            world.signal()
            await world.run(SECOND)
            (stop,) = stops(world)
            world.outside(CancelListRequest(symbol=SYMBOL, order_list_id=stop.order_list_id))
            await world.run(SECOND // 10)
            assert stops(world) == []
            if is_sold:
                sale = OrderRequest(
                    SYMBOL, Side.SELL, OrderType.MARKET, "RT_sim_1_X_901", quantity=stop.quantity
                )
                world.outside(sale)
            await world.run(SECOND)
            orders = [
                event for event in world.events(ev.OrderSubmitted) if isinstance(event, ev.OrderSubmitted)
            ]
            submitted = [order.id for order in orders if order.leg is Leg.STOP_LOSS]
            assert "STOP_TAKEN_AWAY" in [code for _, code in world.alerts]
            if is_sold:
                assert world.position().status is PositionStatus.CLOSED
                assert submitted == ["RT_sim_1_S_1"]
            else:
                assert [one.quantity for one in stops(world)] == [stop.quantity]
                await world.audit()
            assert world.exchange.audit() == ()
            (left,) = [
                one.free + one.locked for one in world.exchange.balances(ACCOUNT) if one.asset == "AAA"
            ]
            assert left >= D(5)

    warped(story())


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.ANSWER_LOST])
def test_a_stop_is_not_proven_while_a_request_without_an_answer_may_still_arrive(outcome: Outcome) -> None:
    """Trading rules §8: nothing is clean before recvWindow and ten seconds have passed, unless all was answered."""

    async def story() -> None:
        async with BoxWorld() as world:
            world.fault(StreamEventFault(outcome=EventFate.DROPPED, times=None, for_us=20 * SECOND))
            world.fault(CallFault(outcome=outcome, by=Cut.SILENCE, endpoint="order*"))
            world.signal(limit=D(98))
            await world.run(SECOND // 5)
            world.command(EmergencyStop(by="ops"))
            await world.run(60 * SECOND)
            (proof,) = world.events(ev.EmergencyStopVerified)
            assert isinstance(proof, ev.EmergencyStopVerified)
            if outcome is Outcome.LOST:
                assert proof.took_us >= 14 * SECOND, "it might have come"
            assert world.exchange.open_orders(ACCOUNT) == ()
            await world.audit()

    warped(story())
