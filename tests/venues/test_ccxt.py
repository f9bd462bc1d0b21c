"""Beyond the contract that every venue keeps: what only this one must say, refuse, or leave in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.effects import QueryOrder, Send
from fillwright.core.inputs import Input, OrderReport, RequestFailed
from fillwright.core.requests import AmendRequest, CancelOpenOrdersRequest, CancelRequest, Request
from fillwright.core.types import ErrorClass, OrderType, VenueOrderStatus
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.ports import VenueUnavailableError
from fillwright.runtime.clock import SystemClock
from fillwright.venues.ccxt import CcxtSettings, CcxtVenue
from tests.exchange.builders import BUY, SELL, SYMBOL, an_oco, an_order, limit, market
from tests.venues.ccxt_boxes import KEYS, CcxtDesk, at, hundred

pytestmark = pytest.mark.filterwarnings("default")  # the library's own
D = Decimal
Story = Callable[[CcxtDesk], Awaitable[None]]


def play(story: Story, **settings: Any) -> None:
    async def whole() -> None:
        async with hundred() as live:
            desk = await CcxtDesk(live, **settings).start()
            try:
                await story(desk)
            finally:
                await desk.end()

    asyncio.run(whole())


async def ask(desk: CcxtDesk, request: Request) -> Input:
    (answer,) = await desk.venue.carry_out(Send(request, "entry"))
    return answer


def test_lists_are_off_so_that_the_core_enters_and_then_places_a_stop() -> None:
    async def story(desk: CcxtDesk) -> None:
        (one,) = desk.terms.instruments
        assert not any((one.oco_allowed, one.oto_allowed, one.opo_allowed, one.trailing_allowed))
        assert not any((one.cancel_replace_allowed, one.amend_allowed))
        assert OrderType.STOP_LOSS in one.order_types
        assert one.algo_orders_max is not None  # Binance's own filters are there
        for request in (an_oco(), AmendRequest(symbol=SYMBOL, new_quantity=D(1), orig_client_order_id="x")):
            failed = await ask(desk, request)
            assert isinstance(failed, RequestFailed)
            assert (failed.error_class, failed.code) == (ErrorClass.PERMANENT, -1020)

    play(story)


@pytest.mark.parametrize("kind", [OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT])
def test_a_stop_waits_and_works(kind: OrderType) -> None:
    async def story(desk: CcxtDesk) -> None:
        price = {"price": "89"} if kind is OrderType.STOP_LOSS_LIMIT else {}
        report = await ask(desk, an_order(SELL, kind, "s", quantity="1", stop_price="90", **price))
        assert isinstance(report, OrderReport)
        assert (report.type, report.status, report.stop_price) == (kind, VenueOrderStatus.NEW, D(90))
        box = desk.live.box
        box.quote(SYMBOL, D("89.5"), D(5), D("89.6"), D(5), box.now)
        box.trade(SYMBOL, D("89.5"), D(1), False, box.now)
        await desk.quiet()
        (found,) = await desk.venue.carry_out(QueryOrder(SYMBOL, "s"))
        assert isinstance(found, OrderReport)
        assert found.status is VenueOrderStatus.FILLED
        assert sum(fill.quantity for fill in found.fills) == 1
        assert found.executed_quote == sum(fill.quantity * fill.price for fill in found.fills)

    play(story)


@pytest.mark.parametrize(
    "fault",
    [
        {"outcome": Outcome.MASKED, "http_status": 200, "body": "[]"},
        {"outcome": Outcome.MASKED, "http_status": 200, "body": "{}"},
        {"outcome": Outcome.MASKED, "http_status": 200, "body": "<html>", "content_type": "text/html"},
        {"outcome": Outcome.MASKED, "code": -1006},
        {"outcome": Outcome.ANSWER_LOST},
    ],
)
def test_an_answer_that_says_nothing_leaves_the_order_in_doubt(fault: dict[str, Any]) -> None:
    async def story(desk: CcxtDesk) -> None:
        desk.live.fault(CallFault(endpoint="order.place", **fault))
        failed = await ask(desk, limit(BUY, "1", "90", "l"))
        assert isinstance(failed, RequestFailed)
        assert failed.error_class is ErrorClass.UNKNOWN
        (found,) = await desk.venue.carry_out(QueryOrder(SYMBOL, "l"))
        assert isinstance(found, OrderReport)

    play(story)


def test_a_clock_that_is_wrong_is_set() -> None:
    async def story(desk: CcxtDesk) -> None:
        desk.live.fault(CallFault(endpoint="order.place", outcome=Outcome.REFUSED, code=-1021))
        failed = await ask(desk, limit(BUY, "1", "90", "l"))
        assert isinstance(failed, RequestFailed)
        assert failed.error_class is ErrorClass.CLOCK
        assert desk.venue.calls["load_time_difference", "ok"] == 1
        counted = {(one.call, one.outcome, one.code): one.count for one in desk.venue.call_counts}
        assert counted["create_order", "InvalidNonce", -1021] == 1
        assert counted["load_time_difference", "ok", None] == 1

    play(story)


def test_cancels_carry_their_own_id_and_all_of_a_symbol_go() -> None:
    async def story(desk: CcxtDesk) -> None:
        for name in ("a", "b", "c"):
            await ask(desk, limit(BUY, "1", "90", name))
        cancelled = await ask(
            desk, CancelRequest(symbol=SYMBOL, orig_client_order_id="a", cancel_client_order_id="ca")
        )
        assert isinstance(cancelled, OrderReport)
        assert cancelled.client_order_id == "a"
        await desk.quiet()
        assert all(one.client_order_id != "ca" for one in desk.told if isinstance(one, OrderReport))
        rest = await desk.venue.carry_out(Send(CancelOpenOrdersRequest(symbol=SYMBOL), "exit"))
        assert {one.client_order_id for one in rest if isinstance(one, OrderReport)} == {"b", "c"}
        failed = await ask(desk, CancelOpenOrdersRequest(symbol=SYMBOL))
        assert isinstance(failed, RequestFailed)
        assert failed.code == -2011

    play(story)


def test_fees_are_as_set_or_as_the_account_tells() -> None:
    async def told(desk: CcxtDesk) -> None:
        assert (desk.terms.maker_fee, desk.terms.taker_fee) == (D("0.001"), D("0.001"))

    async def fixed(desk: CcxtDesk) -> None:
        assert (desk.terms.maker_fee, desk.terms.taker_fee) == (D("0.0002"), D("0.001"))

    play(told)
    play(fixed, maker_fee="0.0002")


def test_what_cannot_be_opened_says_why() -> None:
    async def whole() -> None:
        async with hundred() as live:
            nothing = CcxtVenue("main", KEYS, SystemClock(), CcxtSettings(symbols=("NOSUCH",)), at(live))
            with pytest.raises(VenueUnavailableError, match="NOSUCH"):
                await nothing.open()
            live.fault(CallFault(outcome=Outcome.REFUSED, code=-2015, times=None))
            refused = CcxtVenue("main", KEYS, SystemClock(), CcxtSettings(), at(live))
            with pytest.raises(VenueUnavailableError, match="Invalid API-key"):
                await refused.open()
            with pytest.raises(VenueUnavailableError, match="not open"):
                await refused.run(lambda told: None)

            def without(exchange: Any) -> None:
                at(live)(exchange)
                exchange.has["fetchOrder"] = False

            lacking = CcxtVenue("main", KEYS, SystemClock(), CcxtSettings(), without)
            with pytest.raises(VenueUnavailableError, match="fetchOrder"):
                await lacking.open()

    asyncio.run(whole())


def test_one_listener() -> None:
    async def story(desk: CcxtDesk) -> None:
        with pytest.raises(RuntimeError):
            await desk.venue.run(lambda told: None)
        unknown = await ask(desk, market(BUY, "1", symbol="NOSUCH"))
        assert isinstance(unknown, RequestFailed)
        assert unknown.error_class is ErrorClass.PERMANENT

    play(story)
