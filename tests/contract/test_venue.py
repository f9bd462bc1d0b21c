"""What every venue promises: effects in, reports back, nothing lost that was acknowledged, trouble told as inputs.

A venue under test is driven through a ``Kit``, which lets time pass and the outside market trade. What a venue tells by
its stream and what by its answers is its own choice (the core takes either, and both): the suite looks at both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Protocol

import pytest

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import (
    BalanceReport,
    Input,
    OrderAbsent,
    OrderReport,
    RequestFailed,
    StreamChanged,
    UpdateInstruments,
    VenueSnapshot,
)
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    Request,
)
from fillwright.core.types import CancelReplaceMode, ErrorClass, VenueOrderStatus
from fillwright.exchange.faults import FaultPlan
from fillwright.ports import Venue, VenueEffect, VenueTerms
from tests.exchange.builders import BUY, SELL, SYMBOL, an_oco, an_opoco, limit, market
from tests.venues.box_kit import BoxKit
from tests.venues.ccxt_boxes import CcxtDesk, hundred
from tests.venues.papers import ManualClock, MemoryJournal, a_desk
from tests.warp import warped

D = Decimal
FILLED, NEW = VenueOrderStatus.FILLED, VenueOrderStatus.NEW


class Kit(Protocol):
    """One account (10,000 USDT, 10 BTC) at a venue, and the market of BTCUSDT at 100."""

    @property
    def venue(self) -> Venue:
        """The venue."""

    @property
    def terms(self) -> VenueTerms:
        """What it said when it was opened."""

    @property
    def told(self) -> list[Input]:
        """Everything that its stream told so far."""

    async def trade(self, price: str, quantity: str = "1") -> None:
        """Let the outside market trade, and the news of it arrive."""

    async def do(self, effect: VenueEffect) -> list[Input]:
        """Carry out an effect; what its answer and then the stream told of it."""

    async def restart(self) -> Kit:
        """Let our process be killed, and another one take up the account."""

    async def end(self) -> None:
        """Let go of everything."""


CCXT_LACKS = OrderListRequest | CancelListRequest | CancelReplaceRequest | AmendRequest


class CcxtKit:
    """Binance's side of the exchange, reached through ccxt."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self.desk: CcxtDesk

    async def start(self) -> CcxtKit:
        self.desk = await CcxtDesk(await self._stack.enter_async_context(hundred())).start()
        return self

    @property
    def venue(self) -> Venue:
        return self.desk.venue

    @property
    def terms(self) -> VenueTerms:
        return self.desk.terms

    @property
    def told(self) -> list[Input]:
        return self.desk.told

    async def trade(self, price: str, quantity: str = "1") -> None:
        box = self.desk.live.box
        box.trade(SYMBOL, D(price), D(quantity), False, box.now)
        await self.desk.quiet()

    async def do(self, effect: VenueEffect) -> list[Input]:
        if isinstance(effect, Send) and isinstance(effect.request, CCXT_LACKS):
            pytest.skip("ccxt has no unified order lists, replacements or amendments")
        before = len(self.told)
        answer = await self.venue.carry_out(effect)
        await self.desk.quiet()
        return [*answer, *self.told[before:]]

    async def restart(self) -> Kit:
        await self.desk.end()
        self.desk = await CcxtDesk(self.desk.live).start()
        return self

    async def end(self) -> None:
        await self.desk.end()
        await self._stack.aclose()


class PaperKit:
    """The paper venue, on a clock that is set by hand."""

    def __init__(self, latency_ms: int = 0, faults: FaultPlan | None = None) -> None:
        self.journal, self.clock = MemoryJournal(), ManualClock()
        self.options: dict[str, Any] = {"latency_ms": latency_ms, "faults": faults}
        self.desk = a_desk(self.journal, self.clock, **self.options)

    async def start(self) -> PaperKit:
        await self.desk.__aenter__()
        await self.trade("100")
        return self

    @property
    def venue(self) -> Venue:
        return self.desk.venue

    @property
    def terms(self) -> VenueTerms:
        return self.desk.terms

    @property
    def told(self) -> list[Input]:
        return self.desk.told

    async def trade(self, price: str, quantity: str = "1") -> None:
        self.desk.trade(price, quantity)
        await self.clock.advance(100_000)

    async def do(self, effect: VenueEffect) -> list[Input]:
        before = len(self.told)
        answer = asyncio.ensure_future(self.venue.carry_out(effect))
        await self.clock.advance(100_000)
        return [*answer.result(), *self.told[before:]]

    async def restart(self) -> Kit:
        await self.desk.die()
        assert self.desk.venue.audit() == ()
        self.desk = a_desk(self.journal, self.clock, **self.options)
        await self.desk.__aenter__()
        return self

    async def end(self) -> None:
        assert self.desk.venue.audit() == ()
        await self.desk.die()


Run = Callable[[Coroutine[Any, Any, None]], None]
KITS: dict[str, tuple[Run, Callable[[], Coroutine[Any, Any, Kit]]]] = {
    "ccxt, the box": (asyncio.run, lambda: CcxtKit().start()),
    "paper": (asyncio.run, lambda: PaperKit().start()),
    "paper with latency": (asyncio.run, lambda: PaperKit(latency_ms=50).start()),
    "paper with a fault plan": (asyncio.run, lambda: PaperKit(latency_ms=50, faults=FaultPlan()).start()),
    "binance, the box, Ed25519": (warped, lambda: BoxKit().start()),
    "binance, the box, HMAC": (warped, lambda: BoxKit(is_hmac=True).start()),
    "binance, the box, REST alone": (warped, lambda: BoxKit(over_rest=True).start()),
}
Story = Callable[[Kit], Coroutine[Any, Any, None]]
Tell = Callable[[Story], None]


NOISY = pytest.mark.filterwarnings("default")  # the library's own
PARAMETERS = [pytest.param(name, marks=NOISY if name.startswith("ccxt") else ()) for name in sorted(KITS)]


@pytest.fixture(params=PARAMETERS)
def tell(request: pytest.FixtureRequest) -> Tell:
    """Run a story at a fresh account of the venue under test."""

    run, make = KITS[request.param]

    async def whole(story: Story) -> None:
        kit = await make()
        try:
            await story(kit)
        finally:
            await kit.end()

    return lambda story: run(whole(story))


def send(request: Request) -> Send:
    return Send(request, "entry")


def of(told: Sequence[Input], name: str) -> list[OrderReport]:
    """What was told of one order."""
    return [item for item in told if isinstance(item, OrderReport) and item.client_order_id == name]


def status(told: Sequence[Input], name: str) -> VenueOrderStatus | None:
    """The last status told of an order."""
    reports = of(told, name)
    return reports[-1].status if reports else None


def fills(told: Sequence[Input], name: str) -> dict[int, Decimal]:
    """Executed quantity by trade id; the same execution may be told twice."""
    return {fill.trade_id: fill.quantity for report in of(told, name) for fill in report.fills}


async def books(kit: Kit, *names: str) -> VenueSnapshot:
    """Read the whole account."""
    asked = FetchSnapshot(None, names, "test", symbols=(SYMBOL,) * len(names))
    (snapshot,) = (item for item in await kit.do(asked) if isinstance(item, VenueSnapshot))
    return snapshot


# -- opening -------------------------------------------------------------------------------------------------------


def test_it_says_what_it_trades_and_what_the_account_holds(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        terms = kit.terms
        assert SYMBOL in [one.symbol for one in terms.instruments]
        assert {asset: (free, locked) for asset, free, locked in terms.balances} == {
            "USDT": (D(10_000), D(0)),
            "BTC": (D(10), D(0)),
        }
        assert terms.taker_fee >= 0

    tell(story)


def test_the_first_report_says_that_the_stream_is_there(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        first = kit.told[0]
        assert isinstance(first, StreamChanged)
        assert first.connected

    tell(story)


# -- requests ------------------------------------------------------------------------------------------------------


def test_an_order_that_rests(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        told = await kit.do(send(limit(BUY, "1", "90", "l")))
        report = of(told, "l")[-1]
        assert (report.status, report.quantity, report.price, report.side) == (NEW, D(1), D(90), BUY)
        assert report.order_id > 0
        (balances,) = [item for item in told if isinstance(item, BalanceReport)]
        assert ("USDT", D(9_910), D(90)) in balances.balances

    tell(story)


def test_an_order_that_is_executed_at_once(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        told = await kit.do(send(market(BUY, "2", "m")))
        assert status(told, "m") is FILLED
        assert sum(fills(told, "m").values()) == D(2)
        assert of(told, "m")[-1].executed_quantity == D(2)

    tell(story)


def test_an_order_that_the_market_executes(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(BUY, "2", "99", "l")))
        before = len(kit.told)
        await kit.trade("98", "1.5")
        await kit.trade("98", "9")
        told = kit.told[before:]
        assert list(fills(told, "l").values()) == [D("1.5"), D("0.5")]
        assert [report.executed_quantity for report in of(told, "l")] == [D("1.5"), D(2)]
        assert status(told, "l") is FILLED
        assert any(isinstance(item, BalanceReport) for item in told)

    tell(story)


def test_protection_in_one_request_works_once_the_entry_is_filled(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        told = await kit.do(send(an_opoco()))
        assert status(told, "opoco-entry") is FILLED
        assert (status(told, "opoco-stop"), status(told, "opoco-target")) == (NEW, NEW)
        before = len(kit.told)
        await kit.trade("89")
        told = kit.told[before:]
        assert status(told, "opoco-stop") is FILLED
        assert status(told, "opoco-target") is VenueOrderStatus.EXPIRED

    tell(story)


def test_a_refusal_names_its_request_and_is_final(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        request = limit(BUY, "1000", "90", "l")
        (failed,) = await kit.do(send(request))
        assert isinstance(failed, RequestFailed)
        assert (failed.request, failed.error_class, failed.code) == (request, ErrorClass.PERMANENT, -2010)
        assert failed.message
        (answer,) = await kit.do(QueryOrder(SYMBOL, "l"))
        assert isinstance(answer, OrderAbsent)

    tell(story)


def test_an_id_is_taken_as_long_as_its_order_is_open(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(BUY, "1", "90", "l")))
        (failed,) = await kit.do(send(limit(BUY, "1", "91", "l")))
        assert isinstance(failed, RequestFailed)
        assert failed.code == -2010
        assert len((await books(kit)).orders) == 1

    tell(story)


def test_cancels(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(BUY, "1", "90", "l")))
        told = await kit.do(
            send(CancelRequest(symbol=SYMBOL, orig_client_order_id="l", cancel_client_order_id="c"))
        )
        assert status(told, "l") is VenueOrderStatus.CANCELED
        (failed,) = await kit.do(send(CancelRequest(symbol=SYMBOL, orig_client_order_id="l")))
        assert isinstance(failed, RequestFailed)
        assert failed.code == -2011

        await kit.do(send(an_oco()))
        told = await kit.do(send(CancelListRequest(symbol=SYMBOL, list_client_order_id="oco")))
        canceled = VenueOrderStatus.CANCELED
        assert (status(told, "oco-stop"), status(told, "oco-limit")) == (canceled, canceled)
        assert (await books(kit)).orders == ()

    tell(story)


def test_a_replacement(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(SELL, "1", "120", "old")))
        replace = CancelReplaceRequest(
            mode=CancelReplaceMode.STOP_ON_FAILURE,
            cancel=CancelRequest(symbol=SYMBOL, orig_client_order_id="old"),
            order=limit(SELL, "1", "110", "new"),
        )
        told = await kit.do(send(replace))
        assert (status(told, "old"), status(told, "new")) == (VenueOrderStatus.CANCELED, NEW)
        (failed,) = await kit.do(send(replace))
        assert isinstance(failed, RequestFailed)
        assert not failed.cancel_done

    tell(story)


def test_an_amendment(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(SELL, "2", "120", "l")))
        amend = AmendRequest(symbol=SYMBOL, new_quantity=D("0.5"), orig_client_order_id="l")
        told = await kit.do(send(amend))
        assert any(
            report.quantity == D("0.5")
            for item in [told]
            for report in item
            if isinstance(report, OrderReport)
        )
        (order,) = (await books(kit)).orders
        assert order.quantity == D("0.5")

    tell(story)


# -- reads ---------------------------------------------------------------------------------------------------------


def test_a_question_about_an_order_is_answered_with_all_its_executions(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(BUY, "2", "99", "l")))
        await kit.trade("98", "0.5")
        await kit.trade("98", "0.25")
        (report,) = await kit.do(QueryOrder(SYMBOL, "l"))
        assert isinstance(report, OrderReport)
        assert report.status is VenueOrderStatus.PARTIALLY_FILLED
        assert [fill.quantity for fill in report.fills] == [D("0.5"), D("0.25")]
        (same,) = await kit.do(QueryOrder(SYMBOL, "l", order_id=report.order_id))
        assert same == report

    tell(story)


def test_the_books_show_open_orders_those_asked_about_and_what_is_not_there(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(market(BUY, "1", "done")))
        await kit.do(send(an_oco()))
        snapshot = await books(kit, "done", "never")
        assert [one.client_order_id for one in snapshot.orders] == ["oco-stop", "oco-limit", "done"]
        assert snapshot.orders[-1].fills
        assert (snapshot.symbol, snapshot.absent, snapshot.cause) == (None, ("never",), "test")
        held = {asset: (free, locked) for asset, free, locked in snapshot.balances}
        assert held["BTC"][1] == D(1)
        (part,) = await kit.do(FetchSnapshot(SYMBOL, (), "part", balances=False))
        assert isinstance(part, VenueSnapshot)
        assert (part.symbol, part.balances, len(part.orders)) == (SYMBOL, (), 2)

    tell(story)


def test_symbols_are_described_again_on_demand(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        (update,) = await kit.do(FetchInstruments((SYMBOL,)))
        assert isinstance(update, UpdateInstruments)
        assert [one.symbol for one in update.instruments] == [SYMBOL]

    tell(story)


# -- the end of a process ------------------------------------------------------------------------------------------


def test_what_was_acknowledged_is_there_after_a_restart(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(an_opoco()))
        await kit.do(send(limit(BUY, "1", "95", "l")))
        before = await books(kit, "opoco-entry")
        kit = await kit.restart()
        assert isinstance(kit.told[0], StreamChanged)
        after = await books(kit, "opoco-entry")
        assert (after.orders, sorted(after.balances)) == (before.orders, sorted(before.balances))
        assert sorted(kit.terms.balances) == sorted(before.balances)
        told_before = len(kit.told)
        await kit.trade("89")
        assert status(kit.told[told_before:], "opoco-stop") is FILLED

    tell(story)


def test_closing_cancels_nothing(tell: Tell) -> None:
    async def story(kit: Kit) -> None:
        await kit.do(send(limit(BUY, "1", "90", "l")))
        await kit.venue.close()
        kit = await kit.restart()
        assert [one.client_order_id for one in (await books(kit)).orders] == ["l"]

    tell(story)
