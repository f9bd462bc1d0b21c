"""The paper venue: what is told, when, in which order, and what a restart or a full disk makes of it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import (
    BalanceReport,
    Input,
    OrderAbsent,
    OrderReport,
    RequestFailed,
    StreamChanged,
    TransferReport,
    UpdateInstruments,
    VenueSnapshot,
)
from fillwright.core.requests import CancelReplaceRequest, CancelRequest, Request
from fillwright.core.settings import VenueProfile
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    CancelReplaceMode,
    ErrorClass,
    ExecutionType,
    SymbolStatus,
)
from fillwright.exchange.faults import FaultPlan, Maintenance, Outcome, RequestFault, Rule, StreamOutage
from fillwright.exchange.settings import OrderCountLimit
from fillwright.ports import (
    DiskFullError,
    MarketDriven,
    MarketSink,
    SeqConflictError,
    Venue,
    VenueUnavailableError,
)
from fillwright.venues.asking import READ_AGAIN
from fillwright.venues.paper import FIRST_TICK_MAX, PaperVenue
from fillwright.venues.paper_journal import PaperJournal
from tests.exchange.builders import BTCUSDT, BUY, SELL, SYMBOL, an_oco, an_opoco, limit, market, stop
from tests.venues.papers import START, TERMS, Desk, ManualClock, MemoryJournal, a_desk, run, settle

D = Decimal
BOOKS = "venue:a"


def send(request: Request) -> Send:
    return Send(request, "entry")


def reports(told: list[Input]) -> list[OrderReport]:
    return [item for item in told if isinstance(item, OrderReport)]


def words(told: list[Input]) -> list[str]:
    """Execution reports as short texts."""
    return [f"{one.client_order_id} {one.execution_type} {one.status}" for one in reports(told)]


def fault(outcome: Outcome, code: int | None = None, times: int = 1, **which: Any) -> FaultPlan:
    return FaultPlan(rules=[Rule(fault=RequestFault(outcome, code), times=times, **which)])


def as_ports(venue: PaperVenue) -> tuple[Venue, MarketDriven, MarketSink]:
    """It type-checks: the paper venue is all of these."""
    return venue, venue, venue.market


# -- answers -------------------------------------------------------------------------------------------------------


def test_without_latency_an_answer_needs_no_iteration_of_the_loop() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            desk.trade("100")
            await settle()
            assert desk.take() == [StreamChanged(True, "paper exchange")]

            request = desk.venue.carry_out(send(limit(BUY, "1", "90", "l")))
            with pytest.raises(StopIteration) as answer:
                request.send(None)  # one step of the coroutine: it never waited
            assert answer.value.value == ()
            assert words(desk.take()) == ["l NEW NEW"]

    run(story())


def test_the_stream_tells_what_the_market_did_to_orders() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            desk.trade("100")
            await desk.venue.carry_out(send(an_opoco()))
            desk.take()
            desk.trade("95")
            await settle()
            assert desk.take() == []
            desk.trade("89")
            await settle()
            told = desk.take()
            assert words(told)[-1] == "opoco-stop TRADE FILLED"
            assert isinstance(told[-1], BalanceReport)
            assert desk.venue.audit() == ()

    run(story())


def test_a_refusal_is_an_input() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            desk.trade("100")
            (failed,) = await desk.venue.carry_out(send(limit(BUY, "1000", "90")))
            assert isinstance(failed, RequestFailed)
            assert (failed.code, failed.error_class) == (-2010, ErrorClass.PERMANENT)
            assert len(desk.take()) == 1

    run(story())


def test_latency_there_and_back() -> None:
    async def story() -> None:
        async with a_desk(latency_ms=50) as desk:
            desk.trade("100")
            request = asyncio.ensure_future(desk.venue.carry_out(send(market(BUY, "1", "m"))))
            await desk.clock.advance(24 * MILLISECOND)
            assert not desk.venue._exchange.trades("a", SYMBOL)
            desk.trade("101")  # the order meets the price of its arrival
            await desk.clock.advance(25 * MILLISECOND)
            assert [fill.price for fill in desk.venue._exchange.trades("a", SYMBOL)] == [D(101)]
            assert (len(desk.take()), request.done()) == (1, False)
            await desk.clock.advance(1 * MILLISECOND)
            assert request.result() == ()
            assert words(desk.take()) == ["m NEW NEW", "m TRADE FILLED"]

    run(story())


def test_something_due_earlier_is_not_kept_waiting_by_something_due_later() -> None:
    async def story() -> None:
        plan = fault(Outcome.LOST, client_order_id="lost")
        async with a_desk(latency_ms=50, faults=plan) as desk:
            desk.trade("100")
            lost = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "lost"))))
            await settle()
            found = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "found"))))
            await desk.clock.advance(50 * MILLISECOND)
            assert (found.done(), lost.done()) == (True, False)
            assert words(list(found.result())) == [
                "found None NEW"
            ]  # a venue that may lose reports answers in full
            await desk.clock.advance(10 * SECOND)
            (failed,) = lost.result()
            assert isinstance(failed, RequestFailed)
            assert failed.error_class is ErrorClass.UNKNOWN

    run(story())


def test_requests_that_are_ready_together_share_a_transaction() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            desk.trade("100")
            await settle()
            before = journal.appends, journal.last_seq(BOOKS)
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    request = send(limit(BUY, "0.1", "90", f"l{number}"))
                    group.create_task(desk.venue.carry_out(request))
            assert journal.last_seq(BOOKS) == before[1] + 20
            assert journal.appends == before[0] + 2
            assert (
                journal.durable_appends == 1
            )  # its beginning; what the engine is told, the engine makes durable
            assert len(reports(desk.take())) == 20

    run(story())


def test_ticks_of_one_packet_share_a_transaction() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            desk.trade("100")
            await desk.venue.carry_out(send(limit(BUY, "2", "99", "l")))
            before = journal.appends
            for _ in range(5):
                desk.trade("99", "0.1", maker=True)
            assert journal.appends == before
            await settle()
            assert journal.appends == before + 1
            assert (
                len([one for one in reports(desk.take()) if one.execution_type is ExecutionType.TRADE]) == 5
            )

    run(story())


# -- reads ---------------------------------------------------------------------------------------------------------


def test_questions_about_one_order() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            desk.trade("100")
            await desk.venue.carry_out(send(market(BUY, "1", "m")))
            (report,) = await desk.venue.carry_out(QueryOrder(SYMBOL, "m"))
            assert isinstance(report, OrderReport)
            assert (report.source, report.executed_quantity, len(report.fills)) == ("query", D(1), 1)
            (absent,) = await desk.venue.carry_out(QueryOrder(SYMBOL, "other"))
            assert absent == OrderAbsent(symbol=SYMBOL, client_order_id="other")

    run(story())


def test_the_books_at_one_time() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            desk.trade("100")
            await desk.venue.carry_out(send(market(BUY, "1", "m")))
            await desk.venue.carry_out(send(an_oco()))
            (books,) = await desk.venue.carry_out(FetchSnapshot(None, ("m", "other"), "start"))
            assert isinstance(books, VenueSnapshot)
            assert [one.client_order_id for one in books.orders] == ["oco-stop", "oco-limit", "m"]
            assert (books.absent, books.cause, books.time) == (("other",), "start", desk.clock.now())
            assert {asset: (free, locked) for asset, free, locked in books.balances}["BTC"][1] == D(1)

    run(story())


def test_a_question_may_have_to_wait() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            later = START + 3 * SECOND
            questions = [
                asyncio.ensure_future(desk.venue.carry_out(effect))
                for effect in (
                    QueryOrder(SYMBOL, "other", not_before=later),
                    FetchInstruments((SYMBOL, "NOPE"), not_before=later),
                )
            ]
            await desk.clock.advance(3 * SECOND - 1)
            assert not any(question.done() for question in questions)
            await desk.clock.advance(1)
            assert questions[0].result() == (OrderAbsent(symbol=SYMBOL, client_order_id="other"),)
            assert questions[1].result() == (UpdateInstruments((BTCUSDT,)),)

    run(story())


def test_a_read_that_fails_is_done_again() -> None:
    async def story() -> None:
        plan = fault(Outcome.REFUSED, -1001, times=2, kind="Query")
        async with a_desk(faults=plan) as desk:
            question = asyncio.ensure_future(desk.venue.carry_out(QueryOrder(SYMBOL, "other")))
            await desk.clock.advance(2 * READ_AGAIN - 1)
            assert not question.done()
            await desk.clock.advance(1)
            assert question.result() == (OrderAbsent(symbol=SYMBOL, client_order_id="other"),)

    run(story())


def test_a_question_nobody_waits_for_any_more_is_dropped() -> None:
    async def story() -> None:
        async with a_desk(latency_ms=50) as desk:
            desk.trade("100")
            request = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "l"))))
            await settle()
            request.cancel()
            await desk.clock.advance(50 * MILLISECOND)
            assert request.cancelled()
            assert words(desk.take()) == ["l NEW NEW"]  # it was on the wire
            assert not desk.venue._waiting

    run(story())


# -- faults --------------------------------------------------------------------------------------------------------


def test_a_stream_that_breaks_says_so_and_loses_what_happens() -> None:
    async def story() -> None:
        plan = FaultPlan(outages=(StreamOutage(START + SECOND, START + 2 * SECOND),))
        async with a_desk(faults=plan) as desk:
            desk.trade("100")
            await desk.clock.advance(SECOND)
            assert desk.take()[-1] == StreamChanged(False, "link")
            (report,) = await desk.venue.carry_out(send(limit(BUY, "1", "90", "l")))
            assert isinstance(report, OrderReport)
            assert desk.take() == []
            await desk.clock.advance(SECOND)
            assert desk.take() == [StreamChanged(True, "link")]

    run(story())


def test_a_symbol_stops_trading_as_planned_and_trades_again_after_a_restart() -> None:
    async def story() -> None:
        plan = FaultPlan(maintenance=(Maintenance(SYMBOL, START + SECOND, START + 3 * SECOND),))
        journal = MemoryJournal()
        desk = a_desk(journal, faults=plan)
        async with desk:
            desk.trade("100")
            await desk.clock.advance(SECOND)
            assert desk.venue._exchange.status(SYMBOL) is SymbolStatus.HALT
        async with a_desk(journal, ManualClock(START + 5 * SECOND), faults=plan) as desk:
            await desk.clock.advance(0)
            assert desk.venue._exchange.status(SYMBOL) is SymbolStatus.TRADING
        async with a_desk(journal, ManualClock(START + 6 * SECOND), faults=plan) as desk:
            before = journal.last_seq(BOOKS)
            await desk.clock.advance(SECOND)
            assert journal.last_seq(BOOKS) == before

    run(story())


def test_what_the_core_is_told_of_the_venue() -> None:
    async def story() -> None:
        base = VenueProfile(keep_ended_s=7)
        limits = (OrderCountLimit(10 * SECOND, 7, "10 SECOND"),)
        exchange = msgspec.structs.replace(TERMS.exchange, order_counts=limits)
        terms = msgspec.structs.replace(TERMS, profile=base, exchange=exchange)
        async with a_desk(terms=terms) as desk:
            assert desk.terms.instruments == (BTCUSDT,)
            assert (desk.terms.maker_fee, desk.terms.taker_fee) == (D(0), D("0.001"))
            assert desk.terms.balances == (("USDT", D(10_000), D(0)), ("BTC", D(10), D(0)))
            profile = desk.terms.profile
            assert (profile.in_flight_max_ms, profile.reconciliation, profile.protection_read_s) == (
                0,
                False,
                0,
            )
            assert (profile.keep_ended_s, profile.order_limits) == (7, ((10, 7),))
        async with a_desk(terms=terms, faults=FaultPlan()) as desk:
            assert desk.terms.profile == msgspec.structs.replace(base, order_limits=((10, 7),))

    run(story())


# -- restarts ------------------------------------------------------------------------------------------------------


def restored(journal: MemoryJournal) -> bytes:
    """The exchange as the journal has it."""
    exchange = PaperJournal(journal, "a").restore()
    assert exchange is not None
    return exchange.dump()


async def some_business(desk: Desk, prefix: str) -> None:
    desk.trade("100")
    desk.quote("99.9", "100.1")
    await desk.venue.carry_out(send(an_opoco(name=f"{prefix}o")))
    await desk.venue.carry_out(send(limit(BUY, "1", "99", f"{prefix}l")))
    desk.trade("99", "0.4", maker=True)
    await desk.venue.carry_out(send(limit(BUY, "100000", "99", f"{prefix}r")))
    desk.depth([("99.5", "1"), ("99", "7")], [("100", "3")])
    await desk.venue.carry_out(send(market(SELL, "0.5", f"{prefix}m")))
    await settle()


@pytest.mark.parametrize("snapshot_every", [2, 5_000])
def test_a_killed_venue_is_as_it_was(snapshot_every: int) -> None:
    async def story() -> None:
        journal, clock = MemoryJournal(), ManualClock()
        desk = a_desk(journal, clock, snapshot_every=snapshot_every)
        for life in range(3):
            async with desk:
                await some_business(desk, f"{life}")
                image, told = desk.venue.dump(), desk.terms
            clock.set(clock.now() + SECOND)
            assert restored(journal) == image
            desk = a_desk(journal, clock, snapshot_every=snapshot_every)
            terms = await desk.venue.open()
            assert terms.balances != told.balances
            assert desk.venue.audit() == ()
        assert bool(journal.snapshots) == (snapshot_every == 2)

    run(story())


def test_what_was_under_way_is_lost() -> None:
    async def story() -> None:
        journal, clock = MemoryJournal(), ManualClock()
        async with a_desk(journal, clock, latency_ms=50) as desk:
            desk.trade("100")
            first = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "first"))))
            await clock.advance(25 * MILLISECOND)  # it has arrived, its answer has not
            second = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "second"))))
            await settle()
            first.cancel()
            second.cancel()
        async with a_desk(journal, clock) as desk:
            (books,) = await desk.venue.carry_out(FetchSnapshot(None, ("first", "second"), "start"))
            assert isinstance(books, VenueSnapshot)
            assert [one.client_order_id for one in books.orders] == ["first"]
            assert books.absent == ("second",)

    run(story())


def test_closing_leaves_nothing_to_do_again() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            await some_business(desk, "a")
            await desk.venue.close()
            image = desk.venue.dump()
            with pytest.raises(VenueUnavailableError, match="closed"):
                await desk.venue.carry_out(send(limit(BUY, "1", "90", "late")))
            assert isinstance(await desk.failed(), VenueUnavailableError)
        (snapshot,) = journal.snapshots[BOOKS]
        assert snapshot.seq == journal.last_seq(BOOKS)
        await desk.venue.close()  # once is enough
        assert restored(journal) == image

    run(story())


def test_after_a_restart_the_market_is_unknown_until_it_is_heard_of() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            desk.trade("100")
            desk.depth([("99", "50")], [("101", "50")])
            await desk.venue.carry_out(send(an_oco()))
            await desk.venue.carry_out(send(limit(BUY, "1", "95", "l")))
        async with a_desk(journal) as desk:
            waiting = asyncio.ensure_future(desk.venue.carry_out(send(market(BUY, "1", "m"))))
            replacing = CancelReplaceRequest(
                mode=CancelReplaceMode.STOP_ON_FAILURE,
                cancel=CancelRequest(symbol=SYMBOL, orig_client_order_id="l"),
                order=limit(BUY, "1", "94.8", "n"),
            )
            moving = asyncio.ensure_future(desk.venue.carry_out(send(replacing)))
            await desk.venue.carry_out(
                send(stop(SELL, "1", "80", "s"))
            )  # it waits for the market in any case
            assert words(desk.take()) == ["s NEW NEW"]
            await desk.clock.advance(SECOND)
            desk.quote("199", "201")  # another source, and one without trades or books
            await settle()
            assert (waiting.done(), moving.done()) == (True, True)
            told = words(desk.take())
            assert told[:2] == ["oco-limit TRADE FILLED", "oco-stop EXPIRED EXPIRED"]
            assert "m TRADE FILLED" in told
            assert told[-1] == "n NEW NEW"
            (fill,) = desk.venue._exchange.trades("a", SYMBOL)[-1:]
            assert fill.price == D(201)
        before = journal.last_seq(BOOKS)
        await a_desk(journal).venue.open()
        await a_desk(journal).venue.open()
        assert journal.last_seq(BOOKS) == before + 1  # there was nothing more to forget

    run(story())


def test_an_order_does_not_wait_for_a_market_for_ever() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            first = asyncio.ensure_future(desk.venue.carry_out(send(market(BUY, "1", "m"))))
            await desk.clock.advance(FIRST_TICK_MAX - 1)
            assert not first.done()
            await desk.clock.advance(1)
            assert first.result() == ()
            assert words(desk.take()) == ["m NEW NEW", "m EXPIRED EXPIRED"]
            second = asyncio.ensure_future(desk.venue.carry_out(send(an_opoco())))
            await settle()
            await desk.venue.close()
            with pytest.raises(VenueUnavailableError, match="closed"):
                await second

    run(story())


def test_other_terms_hold_after_a_restart() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            desk.trade("100")
            await settle()
        bnb = msgspec.structs.replace(BTCUSDT, symbol="BNBUSDT", base="BNB")
        terms = msgspec.structs.replace(TERMS, instruments=(BTCUSDT, bnb), taker_fee=D("0.01"))
        async with a_desk(journal, terms=terms) as desk:
            desk.trade("100")
            assert [one.symbol for one in desk.terms.instruments] == [SYMBOL, "BNBUSDT"]
            await desk.venue.carry_out(send(market(BUY, "1", "m")))
            (fill,) = reports(desk.take())[-1].fills
            assert fill.commission == D("0.01")
            assert desk.terms.taker_fee == D("0.01")

    run(story())


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal, ManualClock(START + 3600 * SECOND)) as desk:
            desk.trade("100")
            await settle()
        async with a_desk(journal, ManualClock(START), latency_ms=50) as desk:
            desk.trade("100")
            request = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "l"))))
            await desk.clock.advance(50 * MILLISECOND)
            assert request.done()
            assert words(desk.take()) == ["l NEW NEW"]

    run(story())


# -- a journal that fails ------------------------------------------------------------------------------------------


def test_nothing_is_told_that_is_not_written_down() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            await some_business(desk, "a")
            image, rows = desk.venue.dump(), journal.last_seq(BOOKS)
            desk.take()
            journal.full = True
            with pytest.raises(DiskFullError):
                await desk.venue.carry_out(send(limit(BUY, "0.1", "90", "late")))
            assert isinstance(await desk.failed(), DiskFullError)
            assert desk.told == []
            with pytest.raises(DiskFullError):
                await desk.venue.carry_out(QueryOrder(SYMBOL, "late"))
            desk.trade("50")  # nobody listens
            await settle()

            journal.full = False
            assert journal.last_seq(BOOKS) == rows
            assert restored(journal) == image
            await desk.venue.open()  # the same venue begins anew, with what the journal holds
            running = asyncio.ensure_future(desk.venue.run(desk.told.extend))
            await settle()
            desk.trade("100")
            await desk.venue.carry_out(send(limit(BUY, "0.1", "90", "next")))
            assert words(desk.take()) == ["next NEW NEW"]
            running.cancel()

    run(story())


def test_a_tick_that_cannot_be_written_down_stops_the_venue() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal, latency_ms=50) as desk:
            await desk.clock.advance(0)
            desk.trade("100")
            await settle()
            under_way = asyncio.ensure_future(desk.venue.carry_out(send(limit(BUY, "1", "90", "l"))))
            await desk.clock.advance(25 * MILLISECOND)
            desk.take()
            journal.full = True
            desk.trade("89")
            assert isinstance(await desk.failed(), DiskFullError)
            assert desk.told == []
            with pytest.raises(DiskFullError):
                await under_way

    run(story())


def test_a_snapshot_that_cannot_be_written_stops_the_venue() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal, snapshot_every=3) as desk:
            desk.trade("100")
            await settle()
            journal.full_snapshots = True
            await desk.venue.carry_out(send(limit(BUY, "1", "90", "l")))
            assert isinstance(await desk.failed(), DiskFullError)

    run(story())


def test_of_two_processes_the_second_stops() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as one, a_desk(journal) as other:
            one.trade("100")
            await settle()
            other.trade("100")
            assert isinstance(await other.failed(), SeqConflictError)
            assert len(other.told) == 1

    run(story())


def test_books_that_do_not_read() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        await a_desk(journal).venue.open()
        journal.rows[BOOKS][0] = (1, START, 0, "TransferSeen", 1, b'{"asset":"USDT","delta":"1"}')
        with pytest.raises(VenueUnavailableError, match="paper exchange of a cannot be restored"):
            await a_desk(journal).venue.open()

    run(story())


# -- the stream's listener -----------------------------------------------------------------------------------------


def test_before_it_is_opened_it_does_nothing() -> None:
    async def story() -> None:
        desk = a_desk()
        desk.trade("100")
        with pytest.raises(VenueUnavailableError, match="not open"):
            await desk.venue.run(desk.told.extend)
        for work in (desk.venue.deposit("USDT", D(1)), desk.venue.withdraw("USDT", D(1)), desk.venue.reset()):
            with pytest.raises(VenueUnavailableError, match="not open"):
                await work
        with pytest.raises(VenueUnavailableError, match="not open"):
            await desk.venue.carry_out(FetchInstruments((SYMBOL,)))

    run(story())


def test_there_is_one_listener() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            with pytest.raises(RuntimeError, match="one listener"):
                await desk.venue.run(desk.told.extend)

    run(story())


def test_while_nobody_listens_the_answer_tells_all() -> None:
    async def story() -> None:
        desk = a_desk()
        await desk.venue.open()
        desk.trade("100")
        (report,) = await desk.venue.carry_out(send(limit(BUY, "1", "90", "l")))
        assert isinstance(report, OrderReport)
        assert report.source == "response"
        async with asyncio.timeout(10):
            running = asyncio.ensure_future(desk.venue.run(desk.told.extend))
            await settle()
        assert desk.told == [StreamChanged(True, "paper exchange")]
        running.cancel()

    run(story())


# -- the account ---------------------------------------------------------------------------------------------------


def test_deposits_and_withdrawals() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        async with a_desk(journal) as desk:
            desk.take()
            await desk.venue.deposit("USDT", D(500))
            await desk.venue.withdraw("USDT", D(100))
            assert journal.durable_appends == 3  # a person was told, not the engine
            transfers = [item for item in desk.take() if isinstance(item, TransferReport)]
            assert [(one.asset, one.delta) for one in transfers] == [("USDT", D(500)), ("USDT", D(-100))]
            with pytest.raises(ValueError, match="insufficient"):
                await desk.venue.withdraw("USDT", D(10**9))
            with pytest.raises(ValueError, match="more than zero"):
                await desk.venue.deposit("USDT", D(0))
            image = desk.venue.dump()
        assert restored(journal) == image
        again = a_desk(journal)
        assert {asset: free for asset, free, _ in (await again.venue.open()).balances}["USDT"] == D(10_400)

    run(story())


def test_a_reset_begins_anew_and_tells_how() -> None:
    async def story() -> None:
        async with a_desk() as desk:
            await some_business(desk, "a")
            desk.take()
            await desk.venue.reset()
            told = desk.take()
            (books,) = await desk.venue.carry_out(FetchSnapshot(None, (), "check"))
            assert isinstance(books, VenueSnapshot)
            assert books.orders == ()
            assert {asset: free for asset, free, _ in books.balances} == {"USDT": D(10_000), "BTC": D(10)}
            assert "al CANCELED CANCELED" in words(told)
            assert any(isinstance(item, TransferReport) for item in told)
            assert desk.venue.audit() == ()

    run(story())


def test_a_reset_that_cannot_cancel_says_so() -> None:
    async def story() -> None:
        plan = FaultPlan(
            maintenance=(Maintenance(SYMBOL, START + SECOND, START + 9 * SECOND, SymbolStatus.BREAK),)
        )
        async with a_desk(faults=plan) as desk:
            desk.trade("100")
            await desk.venue.carry_out(send(limit(BUY, "1", "90", "l")))
            await desk.clock.advance(SECOND)
            (failed,) = await desk.venue.carry_out(
                send(CancelRequest(symbol=SYMBOL, orig_client_order_id="l"))
            )
            assert isinstance(failed, RequestFailed)
            with pytest.raises(ValueError, match=failed.message):
                await desk.venue.reset()

    run(story())
