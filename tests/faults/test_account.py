"""The account's engine on the Binance venue against the box: from a signal to its end, and over a restart."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.requests import OrderListRequest
from fillwright.core.types import SECOND, ListKind, PositionStatus
from tests.faults.world import SYMBOL, BoxWorld
from tests.warp import warped

D = Decimal


def test_a_signal_becomes_a_protected_position_that_ends_at_its_stop() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal()
            await world.run(SECOND)
            (request,) = [request for _, request in world.requests]
            assert isinstance(request, OrderListRequest)
            assert request.kind is ListKind.OPOCO
            position = world.position()
            assert position.status is PositionStatus.OPEN
            stop = world.live_stop()
            assert stop.quantity == position.quantity - position.quantity % D("0.0001")
            assert world.events(ev.PositionProtected)
            await world.audit()
            world.price(SYMBOL, D(94), volume=D(1000))
            await world.run(SECOND)
            assert world.position().status is PositionStatus.CLOSED
            await world.audit()

    warped(story())


def test_a_killed_process_comes_back_to_its_position() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal()
            await world.run(SECOND)
            await world.kill()
            world.price(SYMBOL, D(94), volume=D(1000))
            await world.begin()
            await world.run(SECOND)
            assert world.position().status is PositionStatus.CLOSED
            await world.audit()

    warped(story())


def test_a_process_that_is_killed_with_its_request_under_way_finds_its_order() -> None:
    async def story() -> None:
        async with BoxWorld() as world:
            world.signal()
            while not world.requests:
                await world.run(0)
            await world.kill()
            await world.begin()
            await world.run(SECOND)
            await world.audit()
            assert world.live_stop()

    warped(story())
