"""The stop by keys alone against the exchange: whose orders, what stays, lost answers; trading rules §8."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.binance.budget import Lane, RateBudget
from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.core.requests import CancelRequest, OrderListRequest, OrderRequest
from fillwright.core.types import FOREIGN_STOP, ErrorClass, ListKind, OrderType, Side, TimeInForce
from fillwright.venues import keys_only_stop
from fillwright.venues.keys_only_stop import KeysOnlyStop, StopReport
from fillwright.wire import queries
from fillwright.wire.answers import CancelReplaceReply
from fillwright.wire.orders import decode_orders
from fillwright.wire.requests import WireRequest, encoded
from tests.binance.live_box import LiveBox, ed25519_signer, play

D = Decimal
Meddle = Callable[[WireRequest], Outcome | None]


class Rest(PrivateRest):
    """Counts what is asked; ``before`` and ``after`` may answer instead (after: it was done all the same)."""

    instead: Callable[[WireRequest], Awaitable[Outcome | None]] | None = None
    before: Meddle | None = None
    after: Meddle | None = None

    async def call(self, request: WireRequest, lane: Lane, **more: Any) -> Outcome:
        if self.instead is not None and (told := await self.instead(request)) is not None:
            return told
        if self.before is not None and (told := self.before(request)) is not None:
            return told
        outcome = await super().call(request, lane, **more)
        if self.after is not None and (told := self.after(request)) is not None:
            return told
        return outcome


class Desk:
    """A box, and a session of the account ``main``."""

    def __init__(self, live: LiveBox, rest: Rest, clock: ClockSync) -> None:
        self.live, self.rest, self.clock = live, rest, clock

    async def do(self, request: OrderRequest | OrderListRequest) -> None:
        outcome = await self.rest.call(encoded(request), Lane.ENTRY)
        assert isinstance(outcome, Answered), outcome

    async def open(self) -> list[str]:
        found = read(await self.rest.call(queries.open_orders(), Lane.QUERY), decode_orders)
        assert isinstance(found, tuple)
        return sorted(view.client_order_id for view in found)

    async def stop(self, **wanted: Any) -> StopReport:
        options = {"flatten": False, "watch_s": 0.0, "work_max_s": 3.0, **wanted}
        return await KeysOnlyStop(self.rest, self.clock, **options).run()

    async def holding(self, position: int, quantity: str = "0.01", tag: str = "abc") -> None:
        """A position's protection: a stop and a target."""
        name, size = f"RT_{tag}_{position}", D(quantity)
        legs = (
            leg(f"{name}_S_1", OrderType.STOP_LOSS, size, "48000"),
            leg(f"{name}_T_1", OrderType.TAKE_PROFIT, size, "52000"),
        )
        await self.do(OrderListRequest(ListKind.OCO, "BTCUSDT", f"{name}_L_1", legs))

    async def resting(self, name: str, price: str = "45000", quantity: str = "0.01") -> None:
        await self.do(entry(name, price, quantity))


def entry(name: str, price: str, quantity: str) -> OrderRequest:
    """A limit order to buy."""
    return OrderRequest(
        "BTCUSDT", Side.BUY, OrderType.LIMIT, name, TimeInForce.GTC, quantity=D(quantity), price=D(price)
    )


def leg(name: str, kind: OrderType, quantity: Decimal, stop: str) -> OrderRequest:
    """A leg that sells when its price is reached."""
    return OrderRequest("BTCUSDT", Side.SELL, kind, name, quantity=quantity, stop_price=D(stop))


def at_desk(story: Callable[[Desk], Awaitable[None]]) -> None:
    async def told(live: LiveBox) -> None:
        clock = ClockSync()
        rest = Rest(live.endpoints.rest, ed25519_signer(), clock, RateBudget(clock.now))
        async with rest:
            await story(Desk(live, rest, clock))

    play(told)


def test_entries_and_manual_orders_go_protection_and_strangers_stay() -> None:
    async def story(desk: Desk) -> None:
        await desk.holding(1)
        await desk.resting("RT_abc_2_E_1")
        await desk.resting("RT_abc_0_M_7", "44000")
        await desk.resting("mine-by-hand", "43000")
        report = await desk.stop()
        assert sorted(report.cancelled) == ["RT_abc_0_M_7", "RT_abc_2_E_1"]
        assert sorted(report.kept) == ["RT_abc_1_S_1", "RT_abc_1_T_1"]
        assert (report.sold, report.left) == ((), ())
        assert report.clean_after_s is not None
        assert await desk.open() == ["RT_abc_1_S_1", "RT_abc_1_T_1", "mine-by-hand"]

    at_desk(story)


def test_an_entry_goes_with_its_whole_list() -> None:
    async def story(desk: Desk) -> None:
        name, size = "RT_abc_3", D("0.01")
        legs = (
            entry(f"{name}_E_1", "45000", "0.01"),
            leg(f"{name}_S_1", OrderType.STOP_LOSS, size, "40000"),
            leg(f"{name}_T_1", OrderType.TAKE_PROFIT, size, "52000"),
        )
        await desk.do(OrderListRequest(ListKind.OTOCO, "BTCUSDT", f"{name}_L_1", legs))
        report = await desk.stop(flatten=True)
        assert (report.cancelled, report.sold, report.left) == (("RT_abc_3_E_1",), (), ())
        assert await desk.open() == []

    at_desk(story)


def test_to_flatten_each_position_is_sold_with_its_stop_and_nothing_else_is() -> None:
    async def story(desk: Desk) -> None:
        for position in (1, 2):
            await desk.holding(position)
        await desk.resting("mine-by-hand", "43000")
        asked: list[WireRequest] = []

        def note(request: WireRequest) -> None:
            asked.append(request)

        desk.rest.before = note
        report = await desk.stop(flatten=True)
        assert [one.quantity for one in report.sold] == [D("0.01"), D("0.01")]
        assert all(one.client_order_id.startswith(("RT_abc_1_X_", "RT_abc_2_X_")) for one in report.sold)
        assert report.left == ()
        desk.rest.before = None
        assert await desk.open() == ["mine-by-hand"]
        sales = [dict(one.parameters) for one in asked if one.rest[1].endswith("cancelReplace")]
        assert len(sales) == 2, "each once"
        assert all(str(one["cancelNewClientOrderId"]).startswith(FOREIGN_STOP) for one in sales)

    at_desk(story)


def test_what_was_not_executed_is_not_asked_about() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1")
        asked: list[str] = []

        def note(request: WireRequest) -> None:
            asked.append(request.method)

        desk.rest.before = note
        await desk.stop()
        flag = ("exchangeInfo", "avgPrice", "order.place", "order.cancel")
        assert [one for one in asked if one not in flag] == ["openOrders.status", "openOrders.status"]
        assert asked.count("order.cancel") == 2, "of the entry and of the flag"

    at_desk(story)


def test_protection_that_a_service_places_after_the_sale_is_cancelled_and_not_sold() -> None:
    """The account holds more than the position does: a second sale would sell the user's own coins."""

    async def story(desk: Desk) -> None:
        await desk.holding(1)
        placed = iter([True])

        async def place(request: WireRequest) -> Outcome | None:
            if request.rest[1].endswith("cancelReplace") and next(placed, False):
                outcome = await PrivateRest.call(desk.rest, request, Lane.EXIT)
                assert isinstance(outcome, Answered)
                await desk.do(leg("RT_abc_1_S_2", OrderType.STOP_LOSS, D("0.01"), "48000"))
                return outcome
            return None

        desk.rest.instead = place
        report = await desk.stop(flatten=True)
        assert [one.quantity for one in report.sold] == [D("0.01")]
        assert sorted(report.cancelled) == ["RT_abc_1_S_1", "RT_abc_1_S_2"]
        assert (report.left, await desk.open()) == ((), [])

    at_desk(story)


def test_another_installations_orders_are_left_alone_where_a_tag_is_named() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1")
        await desk.resting("RT_xyz_2_E_1", "44000")
        assert (await desk.stop(tag="abc")).cancelled == ("RT_abc_2_E_1",)
        assert await desk.open() == ["RT_xyz_2_E_1"]

    at_desk(story)


@pytest.mark.parametrize("flatten", [False, True])
def test_what_a_cancelled_entry_has_bought_is_told_or_sold(flatten: bool) -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1", "49995", "0.02")
        desk.live.trade("49990", "0.008")
        report = await desk.stop(flatten=flatten)
        assert report.cancelled == ("RT_abc_2_E_1",)
        if flatten:
            assert report.left == ()
            (sale,) = report.sold
            assert D("0.007") < sale.quantity < D("0.008"), "less the commission"
        else:
            assert report.sold == ()
            assert [one.why for one in report.left] == ["it bought 0.00799200, which has no stop"]

    at_desk(story)


def bought(report: StopReport, flatten: bool) -> None:
    """0.008 less the commission, which are sold, or told of."""
    if flatten:
        assert report.left == ()
        (sale,) = report.sold
        assert D("0.007") < sale.quantity < D("0.008"), "less the commission"
    else:
        assert report.sold == ()
        assert [one.why for one in report.left] == ["it bought 0.00799200, which has no stop"]


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("method", ["order.cancel", "order.status", "myTrades", "exchangeInfo"])
def test_what_an_entry_has_bought_is_found_whichever_answer_is_lost(method: str, flatten: bool) -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1", "49995", "0.02")
        desk.live.trade("49990", "0.008")
        lost = iter([True])
        desk.rest.after = lambda request: (
            Unknown("lost") if request.method == method and next(lost, False) else None
        )
        bought(await desk.stop(flatten=flatten), flatten)

    at_desk(story)


@pytest.mark.parametrize("flatten", [False, True])
def test_an_entry_that_fills_before_its_cancel_arrives_has_bought_too(flatten: bool) -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1", "49995", "0.008")

        def fill(request: WireRequest) -> None:
            if request.method == "order.cancel":
                desk.live.trade("49990", "0.02")

        desk.rest.before = fill
        bought(await desk.stop(flatten=flatten), flatten)

    at_desk(story)


def test_executions_that_are_not_told_yet_are_waited_for() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1", "49995", "0.02")
        desk.live.trade("49990", "0.008")
        late = iter([True])

        async def lag(request: WireRequest) -> Outcome | None:
            return Answered(b"[]", 0) if request.method == "myTrades" and next(late, False) else None

        desk.rest.instead = lag
        bought(await desk.stop(flatten=True), True)

    at_desk(story)


def test_what_a_service_protects_meanwhile_is_not_told_as_left() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1", "49995", "0.02")
        desk.live.trade("49990", "0.008")
        stopping = asyncio.create_task(desk.stop(watch_s=0.6))
        await asyncio.sleep(0.2)
        await desk.do(leg("RT_abc_2_S_1", OrderType.STOP_LOSS, D("0.007"), "48000"))
        report = await stopping
        assert (report.left, report.kept) == ((), ("RT_abc_2_S_1",))

    at_desk(story)


def is_sale(request: WireRequest) -> bool:
    return request.rest[1].endswith("cancelReplace") or (
        request.method == "order.place" and ("side", "SELL") in request.parameters
    )


@pytest.mark.parametrize("was_done", [False, True])
def test_a_sale_in_doubt_is_asked_about_and_never_made_twice(
    was_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_only_stop, "ABSENT_AFTER_S", 0.3)

    async def story(desk: Desk) -> None:
        await desk.holding(1)
        lost = iter([True])

        def lose(request: WireRequest) -> Outcome | None:
            return Unknown("lost") if is_sale(request) and next(lost, False) else None

        setattr(desk.rest, "after" if was_done else "before", lose)
        report = await desk.stop(flatten=True)
        assert [one.quantity for one in report.sold] == [D("0.01")]
        assert report.left == ()
        assert await desk.open() == []

    at_desk(story)


def test_a_stop_that_went_without_its_sale_is_followed_by_one() -> None:
    """-2021: the cancel was done, the new order was not."""

    naked = CancelReplaceReply(
        cancel_result="SUCCESS", new_order_result="FAILURE", cancel_response=None, new_order_response=None
    )

    async def story(desk: Desk) -> None:
        await desk.holding(1)
        refused = iter([True])

        async def refuse(request: WireRequest) -> Outcome | None:
            if not request.rest[1].endswith("cancelReplace") or not next(refused, False):
                return None
            cancel = CancelRequest(symbol="BTCUSDT", orig_client_order_id="RT_abc_1_S_1")
            await desk.rest.call(encoded(cancel), Lane.EXIT)
            return Refused(-2021, "partly", 409, ErrorClass.PERMANENT, 0, naked)

        desk.rest.instead = refuse
        report = await desk.stop(flatten=True)
        assert [one.quantity for one in report.sold] == [D("0.01")]
        assert report.left == ()
        assert await desk.open() == []

    at_desk(story)


def test_an_order_that_cannot_be_read_does_not_keep_the_others() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1")

        async def odd(request: WireRequest) -> Outcome | None:
            if request.method != "openOrders.status":
                return None
            outcome = await PrivateRest.call(desk.rest, request, Lane.EXIT)
            assert isinstance(outcome, Answered)
            rows = json.loads(bytes(outcome.result))
            return Answered(json.dumps([{"symbol": "BTCUSDT"}, *rows]).encode(), outcome.received)

        desk.rest.instead = odd
        report = await desk.stop()
        assert report.cancelled == ("RT_abc_2_E_1",)
        assert [one.what for one in report.left] == ["1 open orders"]

    at_desk(story)


def test_a_cancel_whose_answer_is_lost_costs_a_round() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1")
        lost = iter([True])
        desk.rest.after = lambda request: (
            Unknown("lost") if request.method == "order.cancel" and next(lost, False) else None
        )
        report = await desk.stop()
        assert report.left == ()
        assert report.clean_after_s is not None
        assert await desk.open() == []

    at_desk(story)


def test_what_cannot_be_done_is_told_as_left() -> None:
    async def story(desk: Desk) -> None:
        await desk.resting("RT_abc_2_E_1")
        desk.rest.before = lambda request: (
            Refused(-1_003, "too much", 429, ErrorClass.RATE) if request.method == "order.cancel" else None
        )
        report = await desk.stop(work_max_s=0.5)
        assert (report.clean_after_s, report.cancelled) == (None, ())
        assert [one.what for one in report.left if "_ES_" not in one.what] == ["RT_abc_2_E_1"]

    at_desk(story)


def test_an_exchange_that_does_not_answer_is_told() -> None:
    async def story(desk: Desk) -> None:
        desk.rest.before = lambda _: Unknown("no answer")
        report = await desk.stop(work_max_s=0.3)
        assert report.clean_after_s is None
        assert report.left[0].what == "open orders"

    at_desk(story)


def test_it_watches_for_what_was_under_way() -> None:
    """An entry that a service had sent before comes late: it goes, too."""

    async def story(desk: Desk) -> None:
        stopping = asyncio.create_task(desk.stop(watch_s=0.6))
        await asyncio.sleep(0.1)
        await desk.resting("RT_abc_9_E_1")
        report = await stopping
        assert report.cancelled == ("RT_abc_9_E_1",)
        assert report.took_s >= 0.6

    at_desk(story)


# -- orders of others, and the flag ------------------------------------------------------------------------------


def test_orders_of_others_go_when_that_is_said() -> None:
    async def story(desk: Desk) -> None:
        await desk.holding(1)
        await desk.resting("mine-by-hand", "43000")
        report = await desk.stop(external=True)
        assert report.cancelled == ("mine-by-hand",)
        assert (report.left, report.sold) == ((), ())
        assert await desk.open() == ["RT_abc_1_S_1", "RT_abc_1_T_1"]

    at_desk(story)


def test_a_flag_rests_while_it_watches_and_is_lowered() -> None:
    async def story(desk: Desk) -> None:
        stopping = asyncio.create_task(desk.stop(watch_s=0.5, tag="abc", external=True))
        await asyncio.sleep(0.25)
        (flag,) = await desk.open()
        assert flag.startswith("RT_ES_abc_")
        report = await stopping
        assert (report.flag, report.no_flag, report.cancelled, report.left) == ("BTCUSDT", "", (), ())
        assert await desk.open() == []

    at_desk(story)


def test_without_money_there_is_no_flag_and_that_is_told() -> None:
    async def story(desk: Desk) -> None:
        desk.rest.before = lambda request: (
            Refused(
                -2010, "Account has insufficient balance for requested action.", 400, ErrorClass.PERMANENT
            )
            if request.method == "order.place"
            else None
        )
        report = await desk.stop()
        assert report.flag == ""
        assert "insufficient balance" in report.no_flag
        assert report.left == ()

    at_desk(story)


def test_a_flag_that_cannot_be_lowered_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_only_stop, "PAUSE_S", 0.01)

    async def story(desk: Desk) -> None:
        desk.rest.before = lambda request: Unknown("lost") if request.method == "order.cancel" else None
        report = await desk.stop()
        assert report.flag == "BTCUSDT"
        assert [one.why for one in report.left] == ["the flag rests still: lost"]
        desk.rest.before = None
        assert await desk.open() == [report.left[0].what]

    at_desk(story)


def test_every_id_is_of_one_run_and_short_enough() -> None:
    async def story(desk: Desk) -> None:
        for number in range(3):
            await desk.resting(f"RT_abcdefgh_{number}_E_1", f"4{number}000")
        names: list[str] = []

        def note(request: WireRequest) -> None:
            for name, value in request.parameters:
                if name == "newClientOrderId":
                    names.append(str(value))

        desk.rest.before = note
        await desk.stop(tag="abcdefgh")
        assert len(names) == 5, "three cancels, the flag, and its cancel"
        assert len(set(names)) == 5
        assert len({name.split("_")[3] for name in names}) == 1
        assert max(map(len, names)) <= 36

    at_desk(story)
