"""The stop by keys alone through ccxt against the box: whose orders, what stays, lost answers; trading rules §8."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.requests import OrderRequest
from fillwright.core.types import OrderType, TimeInForce
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.runtime.clock import SystemClock
from fillwright.venues import ccxt_keys_stop
from fillwright.venues.ccxt_client import CcxtClient, CcxtSettings
from fillwright.venues.ccxt_keys_stop import NO_FLAG, CcxtKeysStop
from fillwright.venues.keys_only_stop import StopReport
from tests.binance.live_box import LiveBox
from tests.exchange.builders import BUY, SELL, SYMBOL, an_order, limit
from tests.venues.ccxt_boxes import KEYS, at, hundred
from tests.venues.ccxt_elsewhere import elsewhere

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
D = Decimal
ENTRY, STOP, MANUAL = "RT_abc_2_E_1", "RT_abc_1_S_1", "RT_abc_0_M_7"


class Desk:
    """A box with orders of ours and of others."""

    def __init__(self, live: LiveBox, exchange_id: str) -> None:
        self.live, self.exchange_id = live, exchange_id

    def do(self, request: OrderRequest) -> None:
        self.live.box.exchange.execute("main", request, self.live.box.tick())
        self.live.box.settle()

    def held(self) -> Decimal:
        return next(
            one.free + one.locked for one in self.live.box.exchange.balances("main") if one.asset == "BTC"
        )

    def open(self) -> list[str]:
        return sorted(one.client_order_id for one in self.live.box.exchange.open_orders("main"))

    def everything(self) -> None:
        self.do(an_order(SELL, OrderType.STOP_LOSS, STOP, quantity="1", stop_price="90"))
        self.do(limit(BUY, "1", "90", ENTRY))
        self.do(limit(BUY, "1", "80", MANUAL))
        self.do(limit(BUY, "1", "70", "mine"))

    async def stop(self, **wanted: Any) -> StopReport:
        settings = CcxtSettings(exchange_id=self.exchange_id, symbols=(SYMBOL,), is_throttled=False)
        client = CcxtClient(settings, KEYS, at(self.live))
        options = {"flatten": False, "watch_s": 0.0, "work_max_s": 6.0, **wanted}
        return await CcxtKeysStop(client, SystemClock(), **options).run()


def play(story: Callable[[Desk], Awaitable[None]], *, is_binance: bool = True) -> None:
    async def whole(exchange_id: str) -> None:
        async with hundred() as live:
            await story(Desk(live, exchange_id))

    where: AbstractContextManager[str] = nullcontext("binance") if is_binance else elsewhere()
    with where as exchange_id:
        asyncio.run(whole(exchange_id))


@pytest.mark.parametrize("is_binance", [True, False])
def test_entries_and_manual_orders_go_protection_and_strangers_stay(is_binance: bool) -> None:
    async def story(desk: Desk) -> None:
        desk.everything()
        report = await desk.stop()
        assert sorted(report.cancelled) == [MANUAL, ENTRY]
        assert (report.kept, report.sold, report.left) == ((STOP,), (), ())
        assert desk.open() == [STOP, "mine"]
        assert (report.flag, report.no_flag) == ("", NO_FLAG)
        assert report.clean_after_s is not None

    play(story, is_binance=is_binance)


@pytest.mark.parametrize("is_binance", [True, False])
def test_to_flatten_what_a_stop_protected_is_sold_and_no_coin_more(is_binance: bool) -> None:
    async def story(desk: Desk) -> None:
        desk.everything()
        before = desk.held()
        report = await desk.stop(flatten=True)
        assert [(one.symbol, one.quantity) for one in report.sold] == [(SYMBOL, 1)]
        assert desk.held() == before - 1
        assert (desk.open(), report.left) == (["mine"], ())

    play(story, is_binance=is_binance)


def test_another_ledgers_orders_are_left_alone_and_others_go_if_asked() -> None:
    async def story(desk: Desk) -> None:
        desk.everything()
        assert (await desk.stop(tag="xyz", flatten=True)).cancelled == ()
        report = await desk.stop(external=True)
        assert "mine" in report.cancelled
        assert desk.open() == [STOP]

    play(story)


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.ANSWER_LOST])
def test_lost_answers_cost_rounds_and_nothing_is_sold_twice(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_keys_stop, "ABSENT_AFTER_S", 0.3)

    async def story(desk: Desk) -> None:
        desk.everything()
        before = desk.held()
        for endpoint in ("order.place", "order.cancel"):
            desk.live.fault(CallFault(endpoint=endpoint, outcome=outcome))
        report = await desk.stop(flatten=True)
        assert desk.held() == before - 1
        assert (len(report.sold), report.left) == (1, ())
        assert desk.open() == ["mine"]

    play(story)


def test_what_a_cancelled_entry_had_bought_is_sold_or_told() -> None:
    async def story(desk: Desk) -> None:
        for flatten in (False, True):
            box = desk.live.box
            box.tick()
            box.depth(SYMBOL, ((D("99.99"), D(5)),), ((D(100), D("0.4")),), box.now)
            before = desk.held()
            desk.do(limit(BUY, "1", "100", f"RT_abc_{5 + flatten}_E_1", time_in_force=TimeInForce.GTC))
            assert desk.held() > before
            report = await desk.stop(flatten=flatten)
            if flatten:
                (sold,) = report.sold
                assert 0 <= desk.held() - before < D("0.00001"), "the commission was not bought"
                assert sold.quantity <= D("0.4")
            else:
                assert "it bought 0.4" in report.left[0].why

    play(story)


def test_an_exchange_that_does_not_answer_is_told_as_left() -> None:
    async def story(desk: Desk) -> None:
        desk.everything()
        desk.live.fault(CallFault(outcome=Outcome.REFUSED, code=-2015, times=None))
        report = await desk.stop(work_max_s=0.5)
        assert report.clean_after_s is None
        assert "Invalid API-key" in report.left[0].why

    play(story)


def test_a_sale_that_is_refused_again_and_again_is_told() -> None:
    async def story(desk: Desk) -> None:
        desk.do(an_order(SELL, OrderType.STOP_LOSS, STOP, quantity="1", stop_price="90"))
        refused = CallFault(endpoint="order.place", outcome=Outcome.REFUSED, code=-2010, times=None)
        desk.live.fault(refused)
        report = await desk.stop(flatten=True)
        assert report.sold == ()
        assert "refused again and again" in report.left[0].why

    play(story)
