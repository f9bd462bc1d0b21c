"""What events of safety do to the state."""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.types import SECOND
from tests.core.builders import NOW, Book, D


def error(counts: bool = True, code: int = -1001) -> ev.VenueErrorSeen:
    return ev.VenueErrorSeen(code, "text", "unknown", "OrderRequest", counts=counts)


def test_errors_in_a_row_are_counted_until_the_venue_answers() -> None:
    """§5 Breaker: consecutive venue errors (not rejections by rule)."""
    book = Book()
    breaker = book.state.safety.breaker
    book.push(error(), error(), error(counts=False))
    assert (breaker.error_count, breaker.identical_rejects) == (2, 1)
    book.push(error(counts=False), error(counts=False, code=-2010))
    assert (breaker.identical_rejects, breaker.last_reject) == (1, "-2010 text")
    book.push(ev.VenueAnswered())
    assert breaker.error_count == 0


def test_the_breaker_opens_and_closes() -> None:
    book = Book()
    breaker = book.state.safety.breaker
    book.push(error(), ev.CircuitBreakerOpened("errors", NOW + SECOND))
    assert (breaker.is_open, breaker.until, breaker.error_count, breaker.probing) == (
        True,
        NOW + SECOND,
        0,
        False,
    )
    breaker.probing = True
    book.push(ev.CircuitBreakerClosed("the probe succeeded"))
    assert (breaker.is_open, breaker.probing) == (False, False)


def test_a_halt_names_its_cause_until_somebody_resumes() -> None:
    """§5: halted is durable, names its cause and needs a resume."""
    book = Book()
    safety = book.state.safety
    book.push(ev.Halted("emergency_stop", "fire", "ada"), ev.EmergencyStopped("ada", flatten=True))
    assert (safety.halted_cause, safety.halted_by, safety.halted_at, safety.flatten) == (
        "emergency_stop",
        "ada",
        NOW,
        True,
    )
    book.push(ev.Paused("operator", NOW + SECOND, "ada"), ev.ShutdownBegun("service"))
    book.push(ev.Resumed("fixed", "ada"))
    assert (safety.halted_cause, safety.flatten, safety.shutdown, safety.paused_until) == (
        "",
        False,
        False,
        0,
    )


def test_after_a_drawdown_the_peak_counts_anew() -> None:
    book = Book()
    book.mark(D(7_000))
    book.push(ev.Halted("drawdown", "30 %", "engine"), ev.Resumed("go on", "ada"))
    portfolio = book.state.portfolio
    assert (portfolio.peak, portfolio.drawdown_percent, portfolio.drawdown_max_percent) == (7_000, 0, 30)


def test_a_look_at_one_symbol_is_not_a_look_at_the_account() -> None:
    book = Book()
    state = book.state
    book.push(ev.ReconciliationStarted("periodic"))
    book.now += SECOND
    book.push(ev.ReconciliationComplete("protection", 0, symbol="BTCUSDT"))
    assert (state.reconciling, state.reconciled_at) == (True, 0)
    book.push(ev.ReconciliationComplete("periodic", 0))
    assert (state.reconciling, state.reconciled_at) == (False, NOW + SECOND)


def test_stream_rate_limits_and_reads_are_remembered() -> None:
    book = Book()
    book.push(
        ev.StreamStateChanged(False), ev.RateLimited(NOW + SECOND, 429), ev.ProtectionRead(("BTCUSDT",))
    )
    assert not book.state.stream_connected
    assert book.state.safety.rate_limited_until == NOW + SECOND
    assert book.state.protection_read_at == NOW
