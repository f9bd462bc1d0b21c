"""The Binance venue against the box: which way requests go, what the stream tells, what opening and closing do.

What every venue promises is in ``tests/contract``, what faults make of it in ``tests/faults``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from fillwright.binance.connection import Connection
from fillwright.binance.private_rest import READ_TIMEOUT_S
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import (
    ForeignStop,
    OrderReport,
    RequestFailed,
    StreamChanged,
    VenueSnapshot,
)
from fillwright.core.requests import CancelRequest
from fillwright.core.types import SECOND, ErrorClass, VenueOrderStatus
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault, Cut, EventFate, StreamEventFault
from fillwright.ports import VenueUnavailableError
from fillwright.venues.binance import PROTECT_WINDOW_MS, READS_AT_OPEN_MAX, is_foreign_stop
from fillwright.wire.stream import ExecutionReport, decode_event
from tests.exchange.builders import BUY, SYMBOL, limit
from tests.venues.box_kit import BoxKit
from tests.warp import the_loop, warped
from tests.wire import samples
from tests.wire.samples import text

D = Decimal


def at(story: Callable[[BoxKit], Awaitable[None]], **options: bool) -> None:
    """Run a story at a fresh account."""

    async def whole() -> None:
        kit = await BoxKit(**options).start()
        try:
            await story(kit)
        finally:
            await kit.end()

    warped(whole())


def sent(name: str = "l", price: str = "90", lane: str = "entry") -> Send:
    return Send(limit(BUY, "1", price, name), lane)


async def cut(kit: BoxKit) -> None:
    """Every WebSocket is dropped, and our side has noticed."""
    assert kit.box.sockets is not None
    for session in tuple(kit.box.sockets):
        session.abort()
    for _ in range(20):
        await asyncio.sleep(0)


# -- opening and closing -------------------------------------------------------------------------------------------


def test_a_venue_that_cannot_be_reached_says_so_and_can_be_opened_later() -> None:
    async def story(kit: BoxKit) -> None:
        await kit.leave()
        await kit.server.stop()
        with pytest.raises(VenueUnavailableError, match="Binance does not tell its time"):
            await kit.venue.open()
        with pytest.raises(VenueUnavailableError, match="not open"):
            await kit.venue.run(lambda items: None)
        await kit.server.start()

    at(story)


def test_an_account_that_may_not_trade_is_not_opened() -> None:
    async def story(kit: BoxKit) -> None:
        await kit.leave()
        kit.box.exchange.set_can_trade("main", False)
        with pytest.raises(VenueUnavailableError, match="does not let this account trade"):
            await kit.venue.open()
        kit.box.exchange.set_can_trade("main", True)
        assert (await kit.venue.open()).instruments

    at(story)


def test_what_is_not_told_at_once_is_asked_again_before_it_is_given_up() -> None:
    async def story(kit: BoxKit) -> None:
        def lost(times: int, by: Cut) -> None:
            kit.box.faults.install(
                CallFault(endpoint="account.commission", outcome=Outcome.LOST, times=times, by=by)
            )

        await kit.leave()
        lost(READS_AT_OPEN_MAX - 1, Cut.SILENCE)
        began = the_loop().time()
        assert (await kit.venue.open()).instruments
        assert the_loop().time() - began < READS_AT_OPEN_MAX * (READ_TIMEOUT_S + 1)
        lost(READS_AT_OPEN_MAX, Cut.CLOSE)
        with pytest.raises(VenueUnavailableError, match="rates of"):
            await kit.venue.open()

    at(story)


def test_its_stream_has_one_listener() -> None:
    async def story(kit: BoxKit) -> None:
        with pytest.raises(RuntimeError, match="one listener"):
            await kit.venue.run(lambda items: None)

    at(story)


# -- the way of a request ------------------------------------------------------------------------------------------


def test_a_request_is_on_the_socket_before_anything_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(kit: BoxKit) -> None:
        written: list[bytes] = []
        send = Connection.send

        def noted(connection: Connection, text: bytes) -> None:
            send(connection, text)
            written.append(text)

        monkeypatch.setattr(Connection, "send", noted)
        answer = kit.venue.carry_out(sent("early"))
        assert [b'"order.place"' in text and b'"early"' in text for text in written] == [True]
        (report, *_) = await answer
        assert isinstance(report, OrderReport)
        assert report.client_order_id == "early"
        assert len(written) == 1

    at(story)


def test_a_request_goes_over_rest_while_there_is_no_session() -> None:
    async def story(kit: BoxKit) -> None:
        kit.box.faults.install(
            CallFault(endpoint="session.logon", outcome=Outcome.REFUSED, code=-1001, times=None)
        )
        await cut(kit)
        (report, *_) = await kit.venue.carry_out(sent())
        assert isinstance(report, OrderReport)
        assert report.status is VenueOrderStatus.NEW

    at(story)


def test_what_was_written_to_the_session_is_never_repeated_over_rest() -> None:
    async def story(kit: BoxKit) -> None:
        fault = CallFault(endpoint="order.place", outcome=Outcome.LOST, by=Cut.CLOSE)
        kit.box.faults.install(fault)
        (failed,) = await kit.venue.carry_out(sent())
        assert isinstance(failed, RequestFailed)
        assert failed.error_class is ErrorClass.UNKNOWN
        await asyncio.sleep(30)
        assert fault.hits == 1
        assert not kit.box.exchange.open_orders("main")

    at(story)


def test_a_request_that_a_limit_keeps_back_is_told_when_it_may_go() -> None:
    async def story(kit: BoxKit) -> None:
        refusal = CallFault(
            endpoint="order.place", outcome=Outcome.REFUSED, code=-1003, http_status=429, retry_after_s=7
        )
        kit.box.faults.install(refusal)
        (first,) = await kit.venue.carry_out(sent())
        (second,) = await kit.venue.carry_out(sent())
        for failed in (first, second):
            assert isinstance(failed, RequestFailed)
            assert failed.error_class is ErrorClass.RATE
        assert isinstance(first, RequestFailed)
        assert first.retry_after_ms == 7_000
        assert not kit.box.exchange.open_orders("main")

    at(story)


@pytest.mark.parametrize("over_rest", [False, True])
def test_a_request_of_a_wrong_time_is_refused_once_and_the_next_has_the_right_one(over_rest: bool) -> None:
    async def story(kit: BoxKit) -> None:
        kit.box.clock.skew_us = 20 * SECOND
        (failed,) = await kit.venue.carry_out(sent())
        assert isinstance(failed, RequestFailed)
        assert (failed.code, failed.error_class) == (-1021, ErrorClass.CLOCK)
        (report, *_) = await kit.venue.carry_out(sent())
        assert isinstance(report, OrderReport)

    at(story, over_rest=over_rest)


@pytest.mark.parametrize(("lane", "arrives"), [("entry", True), ("exit", True), ("protect", False)])
def test_protection_is_not_placed_when_it_comes_late(lane: str, arrives: bool) -> None:
    assert PROTECT_WINDOW_MS == 1_000

    async def story(kit: BoxKit) -> None:
        kit.box.clock.skew_us = 2 * SECOND  # as if it had been under way for so long
        await kit.venue.carry_out(sent(lane=lane))
        assert bool(kit.box.exchange.open_orders("main")) is arrives

    at(story)


# -- the stream ----------------------------------------------------------------------------------------------------


def test_a_stream_that_breaks_says_so_and_is_there_again() -> None:
    async def story(kit: BoxKit) -> None:
        kit.told.clear()
        await cut(kit)
        await asyncio.sleep(5)
        states = [item.connected for item in kit.told if isinstance(item, StreamChanged)]
        assert states == [False, True]

    at(story)


def test_an_event_that_cannot_be_read_has_the_books_read_anew() -> None:
    async def story(kit: BoxKit) -> None:
        kit.told.clear()
        strange = {**samples.REPORT, "c": "RT_abc_1_S_1", "C": "", "X": "ASLEEP"}
        kit.venue._heard(decode_event(text(strange)))
        assert [item.connected for item in kit.told if isinstance(item, StreamChanged)] == [False, True]
        assert kit.venue.unreadable == 1

    at(story)


@pytest.mark.parametrize(("name", "stops"), [("by-hand", []), ("RT_ES_1795168800_1", [ForeignStop])])
def test_what_cannot_be_read_of_anothers_order_is_left_out(name: str, stops: list[type]) -> None:
    """An order type that is new at Binance, used by hand: the books are not read for each of its events."""

    async def story(kit: BoxKit) -> None:
        kit.told.clear()
        strange = {**samples.REPORT, "c": name, "C": "by-hand", "x": "CANCELED", "o": "STOP_OF_2027"}
        kit.venue._heard(decode_event(text(strange)))
        assert [type(item) for item in kit.told] == stops

    at(story)


def test_an_order_that_a_read_finds_and_the_stream_never_told_of_gives_the_stream_away() -> None:
    async def story(kit: BoxKit) -> None:
        await asyncio.sleep(1)
        kit.box.faults.install(StreamEventFault(outcome=EventFate.DROPPED, times=None, for_us=2 * SECOND))
        lost = CallFault(endpoint="order.place", outcome=Outcome.ANSWER_LOST, by=Cut.SILENCE)
        kit.box.faults.install(lost)
        sending = asyncio.create_task(kit.venue.carry_out(sent()))
        await asyncio.sleep(0.5)
        kit.told.clear()
        await kit.venue.carry_out(QueryOrder(SYMBOL, "l"))
        await asyncio.sleep(6)
        assert [item.connected for item in kit.told if isinstance(item, StreamChanged)] == [False, True]
        await sending

    at(story)


def test_an_order_that_was_there_before_the_stream_is_not_awaited() -> None:
    async def story(kit: BoxKit) -> None:
        await kit.do(sent())
        kit = await kit.restart()
        await asyncio.sleep(1)
        await kit.venue.carry_out(QueryOrder(SYMBOL, "l"))
        await asyncio.sleep(10)
        assert [item.connected for item in kit.told if isinstance(item, StreamChanged)] == [True]

    at(story)


def test_the_keys_only_stop_is_heard() -> None:
    async def story(kit: BoxKit) -> None:
        await kit.do(sent())
        told = await kit.do(
            Send(
                CancelRequest(symbol=SYMBOL, orig_client_order_id="l", cancel_client_order_id="RT_ES_1_2"),
                "exit",
            )
        )
        assert ForeignStop("RT_ES_1_2") in told

    at(story)


def test_only_cancels_of_that_name_are_a_keys_only_stop() -> None:
    def cancelled(name: str, kind: str = "CANCELED") -> ExecutionReport:
        event = decode_event(text({**samples.REPORT, "c": name, "x": kind}))
        assert isinstance(event, ExecutionReport)
        return event

    assert is_foreign_stop(cancelled("RT_ES_1"))
    assert not is_foreign_stop(cancelled("RT_es_1_C_1"))
    assert is_foreign_stop(cancelled("RT_ES_1", "NEW")), "its flag"


# -- questions -----------------------------------------------------------------------------------------------------


def test_a_question_waits_for_its_time() -> None:
    async def story(kit: BoxKit) -> None:
        begin = the_loop().now()
        await kit.venue.carry_out(QueryOrder(SYMBOL, "l", not_before=begin + 3 * SECOND))
        assert the_loop().now() >= begin + 3 * SECOND
        await kit.venue.carry_out(FetchInstruments((SYMBOL,), not_before=begin + 5 * SECOND))
        assert the_loop().now() >= begin + 5 * SECOND

    at(story)


def test_reads_go_the_other_way_when_rest_does_not_answer() -> None:
    async def story(kit: BoxKit) -> None:
        kit.box.faults.install(
            CallFault(endpoint="openOrders.status", outcome=Outcome.REFUSED, http_status=503)
        )
        (books,) = await kit.venue.carry_out(FetchSnapshot(None, (), "test"))
        assert isinstance(books, VenueSnapshot)

    at(story)
