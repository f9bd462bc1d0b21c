"""The replay's venue: effects out, inputs in, in virtual time."""

from __future__ import annotations

import pytest

from fillwright.core.effects import Alert, ConsultAdvisor, FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import (
    BalanceReport,
    Candle,
    Input,
    OrderAbsent,
    OrderReport,
    RequestFailed,
    StreamChanged,
    UpdateInstruments,
    VenueSnapshot,
)
from fillwright.core.types import SECOND, ZERO, ErrorClass, SymbolStatus, Time, VenueOrderStatus
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import FaultPlan, Outcome, RequestFault, Rule, StreamOutage
from fillwright.exchange.link import Link
from fillwright.replay.venue import READ_AGAIN, ReplayVenue
from tests.exchange.builders import BUY, SYMBOL, D, an_exchange, an_opoco, limit, market

LATENCY: Time = 1000
SENT: Time = 100


def a_venue(faults: FaultPlan | None = None, *, stream_only: bool = False) -> ReplayVenue:
    exchange = an_exchange()
    return ReplayVenue(exchange, Link(exchange, "a", LATENCY, faults, stream_only=stream_only), LATENCY)


def with_fault(outcome: Outcome, code: int | None = None, status: int = 0, times: int = 1) -> FaultPlan:
    return FaultPlan(rules=[Rule(fault=RequestFault(outcome, code, status), times=times)])


def until(venue: ReplayVenue, end: Time) -> list[tuple[Time, Input]]:
    """Let everything happen until a time, each at its own."""
    told = []
    while (due := venue.next_time()) is not None and due <= end:
        told += [(due, item) for item in venue.advance(due)]
    return told


def reports(told: list[tuple[Time, Input]]) -> list[OrderReport]:
    return [item for _, item in told if isinstance(item, OrderReport)]


# -- requests ------------------------------------------------------------------------------------------------------


def test_an_order_comes_back_as_answer_and_as_stream() -> None:
    venue = a_venue()
    venue.carry_out([Send(market(BUY, "1", "m"), "entry")], SENT)
    told = until(venue, 10 * SECOND)
    assert {time for time, _ in told} == {SENT + LATENCY}
    assert [report.source for report in reports(told)] == ["response", "stream", "stream"]
    assert any(isinstance(item, BalanceReport) for _, item in told)


def test_a_link_that_tells_by_its_stream_alone_forgets_what_was_answered() -> None:
    venue = a_venue(stream_only=True)
    venue.carry_out([Send(market(BUY, "1", "m"), "entry")], SENT)
    assert [report.source for report in reports(until(venue, 10 * SECOND))] == ["stream", "stream"]
    before = len(venue.dump())
    for number in range(50):
        venue.carry_out([Send(limit(BUY, "0.1", "50", f"l{number}"), "entry")], (number + 1) * SECOND)
        until(venue, (number + 2) * SECOND)
    assert len(venue.dump()) < before + 1000


def test_a_refusal() -> None:
    venue = a_venue()
    request = limit(BUY, "1000", "90")
    venue.carry_out([Send(request, "entry")], SENT)
    ((time, failure),) = until(venue, 10 * SECOND)
    assert time == SENT + LATENCY
    assert isinstance(failure, RequestFailed)
    assert (failure.request, failure.code, failure.error_class) == (request, -2010, ErrorClass.PERMANENT)


@pytest.mark.parametrize(("outcome", "executed"), [(Outcome.LOST, False), (Outcome.ANSWER_LOST, True)])
def test_no_answer_is_told_when_the_timeout_is_over(outcome: Outcome, executed: bool) -> None:
    venue = a_venue(with_fault(outcome))
    venue.carry_out([Send(limit(BUY, "1", "90", "l"), "entry")], SENT)
    failures = [item for item in until(venue, 20 * SECOND) if isinstance(item[1], RequestFailed)]
    ((time, failure),) = failures
    assert time == SENT + 10 * SECOND
    assert isinstance(failure, RequestFailed)
    assert failure.error_class is ErrorClass.UNKNOWN
    assert bool(venue.exchange.open_orders("a")) is executed


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (None, 503, ErrorClass.UNKNOWN),
        (-1007, 0, ErrorClass.UNKNOWN),
        (None, 403, ErrorClass.RATE),
        (None, 418, ErrorClass.RATE),
        (-1003, 429, ErrorClass.RATE),
        (-1021, 0, ErrorClass.CLOCK),
    ],
)
def test_answers_that_are_errors(code: int | None, status: int, expected: ErrorClass) -> None:
    venue = a_venue(with_fault(Outcome.REFUSED, code, status))
    venue.carry_out([Send(limit(BUY, "1", "90"), "entry")], SENT)
    ((_, failure),) = until(venue, 10 * SECOND)
    assert isinstance(failure, RequestFailed)
    assert failure.error_class is expected
    assert failure.code == (status if code is None else code)


# -- reads ---------------------------------------------------------------------------------------------------------


def filled(exchange: Exchange) -> None:
    exchange.execute("a", an_opoco(), 20)
    exchange.drain()


def test_an_order_asked_about_comes_with_all_its_fills() -> None:
    venue = a_venue()
    filled(venue.exchange)
    venue.carry_out([QueryOrder(SYMBOL, "opoco-entry")], SENT)
    ((time, report),) = until(venue, 10 * SECOND)
    assert time == SENT + LATENCY
    assert isinstance(report, OrderReport)
    assert (report.source, report.status) == ("query", VenueOrderStatus.FILLED)
    assert sum(fill.quantity for fill in report.fills) == report.executed_quantity == 1


def test_an_order_that_nobody_knows_is_absent() -> None:
    venue = a_venue()
    venue.carry_out([QueryOrder(SYMBOL, "none")], SENT)
    assert until(venue, 10 * SECOND) == [(SENT + LATENCY, OrderAbsent(symbol=SYMBOL, client_order_id="none"))]


def test_a_read_that_fails_is_read_again_after_a_while() -> None:
    """An error is never taken for an absence, and a venue in trouble is not hammered."""
    venue = a_venue(with_fault(Outcome.REFUSED, None, 503, times=3))
    venue.carry_out([QueryOrder(SYMBOL, "none")], SENT)
    ((time, absent),) = until(venue, 10 * SECOND)
    assert isinstance(absent, OrderAbsent)
    assert time == SENT + 4 * LATENCY + 3 * READ_AGAIN


@pytest.mark.parametrize("balances", [True, False])
def test_a_snapshot_has_open_orders_those_named_and_those_missing(balances: bool) -> None:
    venue = a_venue()
    filled(venue.exchange)
    names = ("opoco-entry", "opoco-stop", "none")
    venue.carry_out([FetchSnapshot(SYMBOL, names, "test", balances=balances)], SENT)
    ((_, snapshot),) = until(venue, 10 * SECOND)
    assert isinstance(snapshot, VenueSnapshot)
    states = {report.client_order_id: report.status.value for report in snapshot.orders}
    assert states == {"opoco-stop": "NEW", "opoco-target": "NEW", "opoco-entry": "FILLED"}
    assert snapshot.absent == ("none",)
    assert snapshot.cause == "test"
    assert snapshot.balances == ((("USDT", D(9900), ZERO), ("BTC", D(10), D(1))) if balances else ())


def test_a_snapshot_of_the_account_looks_everywhere() -> None:
    venue = a_venue()
    filled(venue.exchange)
    venue.carry_out([FetchSnapshot(None, ("opoco-entry", "none"), "test")], SENT)
    ((_, snapshot),) = until(venue, 10 * SECOND)
    assert isinstance(snapshot, VenueSnapshot)
    assert snapshot.symbol is None
    assert {report.client_order_id for report in snapshot.orders} >= {"opoco-entry", "opoco-stop"}
    assert snapshot.absent == ("none",)


def test_instruments_are_read_when_wanted_with_their_present_phase() -> None:
    venue = a_venue()
    venue.exchange.set_status(SYMBOL, SymbolStatus.HALT, 50)
    venue.carry_out([FetchInstruments((SYMBOL,), not_before=5 * SECOND)], SENT)
    assert venue.next_time() == 5 * SECOND
    ((_, update),) = until(venue, 10 * SECOND)
    assert isinstance(update, UpdateInstruments)
    assert [(one.symbol, one.status) for one in update.instruments] == [(SYMBOL, SymbolStatus.HALT)]


# -- the rest ------------------------------------------------------------------------------------------------------


def test_a_stream_that_breaks_and_comes_back() -> None:
    venue = a_venue(FaultPlan(outages=(StreamOutage(SECOND, 2 * SECOND),)))
    states = [item.connected for _, item in until(venue, 10 * SECOND) if isinstance(item, StreamChanged)]
    assert states == [False, True]


def test_alerts_are_counted_and_advisors_left_alone() -> None:
    venue = a_venue()
    candle = Candle(SYMBOL, "1m", 0, 59, D(1), D(1), D(1), D(1), D(1))
    alert = Alert("error", "HALTED", "stop")
    venue.carry_out([alert, alert, ConsultAdvisor("ada", SYMBOL, candle)], SENT)
    assert venue.alerts == {"HALTED": 2}
    assert venue.next_time() is None


def test_what_is_under_way_survives_being_written_down() -> None:
    """Requests, reads, reads to be repeated and timers: a copy tells what the original tells."""
    plan = with_fault(Outcome.REFUSED, None, 503, times=1)
    venue = a_venue(plan)
    venue.carry_out([QueryOrder(SYMBOL, "none")], SENT)
    until(venue, SENT + LATENCY)
    venue.carry_out(
        [
            Send(limit(BUY, "1", "90", "l"), "entry"),
            FetchSnapshot(SYMBOL, ("l",), "test"),
            FetchInstruments((SYMBOL,), 3 * SECOND),
        ],
        2 * SENT + LATENCY,
    )
    exchange = Exchange.load(venue.exchange.dump(), [venue.exchange.instrument(SYMBOL)])
    copy = ReplayVenue(exchange, Link(exchange, "a", LATENCY, FaultPlan()), LATENCY)
    copy.load(venue.dump())
    told = until(copy, 10 * SECOND)
    assert told == until(venue, 10 * SECOND)
    assert {type(item).__name__ for _, item in told} == {
        "OrderReport",
        "BalanceReport",
        "VenueSnapshot",
        "UpdateInstruments",
        "OrderAbsent",
    }
