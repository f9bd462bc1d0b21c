"""The breaker's story: errors in a row open it, time passes, one probe goes out and closes it or opens it again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import RequestFailed
from fillwright.core.requests import (
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.risk.breaker import ORDINARY_CODES, RATE_STOP, on_answer, on_error, on_mark
from fillwright.core.types import (
    SECOND,
    CancelReplaceMode,
    ErrorClass,
    Leg,
    ListKind,
    OrderType,
    Side,
)
from tests.core.builders import NOW, Book, D, check_of, later, make_signal

STALE_PRICE = (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")


def request_of(name: str = "RT_t_1_E_1") -> OrderRequest:
    return OrderRequest(symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, client_order_id=name)


def failure(
    error_class: ErrorClass = ErrorClass.RETRYABLE,
    code: int = 503,
    message: str = "Service Unavailable",
    request: Request | None = None,
    **changes: Any,
) -> RequestFailed:
    return RequestFailed(
        request=request or request_of(), error_class=error_class, code=code, message=message, **changes
    )


def fail(book: Book, **changes: Any) -> list[ev.Event]:
    """A request fails and what follows becomes true."""
    events = on_error(book.state, failure(**changes), book.now)
    book.push(*events)
    return events


def kinds(events: list[ev.Event]) -> list[type[ev.Event]]:
    return [type(event) for event in events]


def is_open(book: Book) -> bool:
    return book.state.safety.breaker.is_open


# -- errors in a row ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error_class", [ErrorClass.RETRYABLE, ErrorClass.UNKNOWN, ErrorClass.CLOCK])
def test_errors_in_a_row_open_the_breaker(error_class: ErrorClass) -> None:
    book = Book()
    assert kinds(fail(book, error_class=error_class)) == [ev.VenueErrorSeen]
    assert kinds(fail(book, error_class=error_class)) == [ev.VenueErrorSeen]
    assert not is_open(book)
    assert kinds(fail(book, error_class=error_class)) == [ev.VenueErrorSeen, ev.CircuitBreakerOpened]
    assert is_open(book)
    opened = book.records[-1].event
    assert opened == ev.CircuitBreakerOpened("3 venue errors in a row: 503 Service Unavailable", later(300))
    check = check_of(book.assess(), "CIRCUIT_OPEN")
    assert (check.passed, check.value, check.limit) == (False, 300, 0)
    assert "503" in check.note


def test_an_answer_between_them_starts_the_count_anew() -> None:
    book = Book()
    for _ in range(2):
        fail(book)
        fail(book)
        answers = on_answer(book.state, Leg.STOP_LOSS)
        assert kinds(answers) == [ev.VenueAnswered]
        book.push(*answers)
    assert not is_open(book)
    assert on_answer(book.state, Leg.ENTRY) == []


def test_rejections_by_rule_do_not_count_as_errors() -> None:
    book = Book()
    for number in range(6):
        fail(book, error_class=ErrorClass.PERMANENT, code=-1013, message=f"Filter failure: {number}")
    assert not is_open(book)
    assert book.state.safety.breaker.error_count == 0


def test_the_settings_decide_how_many_and_how_long() -> None:
    book = Book()
    book.set(
        breaker=type(book.state.settings.breaker)(circuit_breaker_errors=1, circuit_breaker_cooldown_secs=7)
    )
    fail(book)
    assert book.state.safety.breaker.until == later(7)


# -- identical rejections ----------------------------------------------------------------------------------------


def reject(book: Book, code: int, message: str) -> list[ev.Event]:
    return fail(book, error_class=ErrorClass.PERMANENT, code=code, message=message)


def test_the_same_rejection_again_and_again_opens_the_breaker() -> None:
    book = Book()
    reject(book, *STALE_PRICE)
    reject(book, -2010, "Account has insufficient balance for requested action.")
    reject(book, *STALE_PRICE)
    reject(book, *STALE_PRICE)
    assert not is_open(book)
    (_, opened) = reject(book, *STALE_PRICE)
    assert isinstance(opened, ev.CircuitBreakerOpened)
    assert opened.reason == "3 identical rejections: -1013 Filter failure: PERCENT_PRICE_BY_SIDE"


def test_an_order_that_is_placed_ends_the_row_of_rejections() -> None:
    book = Book()
    for _ in range(2):
        reject(book, *STALE_PRICE)
        reject(book, *STALE_PRICE)
        book.place(book.submit(book.create_position()))
    assert not is_open(book)


@pytest.mark.parametrize("code", ORDINARY_CODES)
def test_orders_that_were_gone_are_no_sign_of_trouble(code: int) -> None:
    book = Book()
    for _ in range(5):
        assert kinds(reject(book, code, "Unknown order sent.")) == [ev.VenueErrorSeen]


# -- the probe ---------------------------------------------------------------------------------------------------


def opened_book() -> Book:
    """An account whose breaker opened at NOW."""
    book = Book()
    for _ in range(3):
        fail(book)
    assert is_open(book)
    return book


def send_probe(book: Book) -> str:
    """The cool-down is over and one entry goes out."""
    book.now = book.state.safety.breaker.until
    record = book.receive(make_signal(created_at=book.now))
    assert book.assess(signal=record).code is None
    book.push(ev.SignalApproved(record.id, ()))
    return book.submit(book.create_position(signal_id=record.id))


def test_entries_rest_until_the_cool_down_is_over() -> None:
    book = opened_book()
    book.now = later(299)
    assert book.assess(signal=make_signal(created_at=book.now)).code == "CIRCUIT_OPEN"
    book.now = later(300)
    assessment = book.assess(signal=make_signal(created_at=book.now))
    assert assessment.code is None
    assert check_of(assessment, "CIRCUIT_OPEN").note == "this entry is the probe"


def test_only_one_probe_goes_out() -> None:
    book = opened_book()
    send_probe(book)
    book.now += 20 * SECOND
    other = make_signal(created_at=book.now, trader_id="bob")
    assert check_of(book.assess(signal=other), "CIRCUIT_OPEN").note.startswith("a probe is under way")


def test_a_probe_that_succeeds_closes_the_breaker() -> None:
    book = opened_book()
    book.place(send_probe(book))
    assert on_answer(book.state, Leg.STOP_LOSS) == []
    answers = on_answer(book.state, Leg.ENTRY)
    assert kinds(answers) == [ev.CircuitBreakerClosed]
    book.push(*answers)
    assert not is_open(book)
    book.now += 20 * SECOND
    assert check_of(book.assess(), "CIRCUIT_OPEN").passed


@pytest.mark.parametrize("error_class", [ErrorClass.RETRYABLE, ErrorClass.PERMANENT])
@pytest.mark.parametrize("as_list", [False, True])
def test_a_probe_that_fails_opens_it_again_at_once(error_class: ErrorClass, as_list: bool) -> None:
    book = opened_book()
    request: Request = request_of(send_probe(book))
    if as_list:
        assert isinstance(request, OrderRequest)
        request = OrderListRequest(
            kind=ListKind.OPO, symbol="BTCUSDT", list_client_order_id="RT_t_1_L_1", legs=(request,)
        )
    events = fail(book, error_class=error_class, request=request)
    assert kinds(events) == [ev.VenueErrorSeen, ev.CircuitBreakerOpened]
    assert book.state.safety.breaker.until == book.now + 300 * SECOND
    assert not book.state.safety.breaker.probing


def test_other_failures_do_not_end_the_probe() -> None:
    book = opened_book()
    send_probe(book)
    stop = book.submit(book.create_position(), Leg.STOP_LOSS)
    assert kinds(fail(book, request=request_of(stop))) == [ev.VenueErrorSeen]
    book.push(ev.VenueAnswered())
    cancel = CancelRequest(symbol="BTCUSDT", orig_client_order_id="RT_t_9_S_1")
    replace = CancelReplaceRequest(
        mode=CancelReplaceMode.STOP_ON_FAILURE, cancel=cancel, order=request_of("RT_t_9_X_1")
    )
    for request in (cancel, replace):
        (seen,) = fail(book, request=request)
        assert isinstance(seen, ev.VenueErrorSeen)
        assert (seen.request, seen.symbol) == (type(request).__name__, "BTCUSDT")
    assert book.state.safety.breaker.probing


def test_errors_of_exits_do_not_prolong_an_open_breaker() -> None:
    book = opened_book()
    until = book.state.safety.breaker.until
    book.now = later(100)
    for _ in range(4):
        fail(book)
    assert book.state.safety.breaker.until == until


def test_errors_after_the_cool_down_open_it_again() -> None:
    book = opened_book()
    book.now = later(300)
    fail(book)
    fail(book)
    assert kinds(fail(book)) == [ev.VenueErrorSeen, ev.CircuitBreakerOpened]
    assert book.state.safety.breaker.until == later(600)


# -- rate limits, bans, drawdown ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 403, -1003, -1015])
def test_a_venue_that_asks_to_slow_down_stops_entries_for_a_minute(code: int) -> None:
    book = Book()
    events = fail(book, error_class=ErrorClass.RATE, code=code, message="Too many requests")
    assert kinds(events) == [ev.VenueErrorSeen, ev.RateLimited]
    assert book.state.safety.rate_limited_until == NOW + RATE_STOP
    check = check_of(book.assess(), "RATE_RESERVE")
    assert (check.passed, check.value) == (False, 60)


def test_a_longer_wait_is_honoured_and_never_shortened() -> None:
    book = Book()
    fail(book, error_class=ErrorClass.RATE, code=429, message="", retry_after_ms=150_000)
    assert book.state.safety.rate_limited_until == later(150)
    fail(book, error_class=ErrorClass.RATE, code=429, message="")
    assert book.state.safety.rate_limited_until == later(150)


def test_what_our_own_budget_keeps_back_stops_entries_as_long_as_it_says() -> None:
    book = Book()
    events = fail(book, error_class=ErrorClass.RATE, code=0, message="not sent", retry_after_ms=7_000)
    assert kinds(events) == [ev.VenueErrorSeen, ev.RateLimited]
    assert book.state.safety.rate_limited_until == later(7)
    fail(book, error_class=ErrorClass.RATE, code=0, message="nobody says when")
    assert book.state.safety.rate_limited_until == NOW + RATE_STOP


@pytest.mark.parametrize(
    ("code", "message"),
    [(418, "I'm a teapot"), (-1003, "Way too much request weight used; IP banned until 1795168999999.")],
)
def test_a_ban_halts(code: int, message: str) -> None:
    book = Book()
    events = fail(book, error_class=ErrorClass.RATE, code=code, message=message)
    assert kinds(events) == [ev.VenueErrorSeen, ev.RateLimited, ev.Halted]
    assert book.state.safety.halted_cause == "ip_banned"
    assert kinds(fail(book, error_class=ErrorClass.RATE, code=code, message=message)) == [
        ev.VenueErrorSeen,
        ev.RateLimited,
    ]


def test_a_drawdown_halts_once_and_a_resume_starts_from_there() -> None:
    book = Book()
    book.mark(D(8_001))
    assert on_mark(book.state, D(20)) == []
    book.mark(D(8_000))
    halts = on_mark(book.state, D(20))
    assert halts == [ev.Halted("drawdown", "equity is 20 % below its peak, 20 % are allowed", "engine")]
    book.push(*halts)
    assert on_mark(book.state, D(20)) == []
    book.push(ev.Resumed("the market has calmed down", "ada"))
    assert on_mark(book.state, D(20)) == []
    book.mark(D(6_400))
    assert kinds(on_mark(book.state, D(20))) == [ev.Halted]


def test_a_limit_of_nothing_halts_at_the_first_loss_only() -> None:
    book = Book()
    book.mark(D(10_000))
    assert on_mark(book.state, Decimal(0)) == []
    book.mark(D("9999.99"))
    assert kinds(on_mark(book.state, Decimal(0))) == [ev.Halted]
