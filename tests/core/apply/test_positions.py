"""What events of positions do to the state."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core.types import MINUTE, SECOND, PositionStatus, Protection, SignalStatus
from tests.core.builders import NOW, PRICE, QUANTITY, Book, D


def test_a_closed_position_leaves_its_result_and_its_dust() -> None:
    """§3: the rest is dust: recorded at cost; the user's coins from then on."""
    book = Book()
    position = book.open_position()
    name = book.submit(position, quantity=QUANTITY)
    book.push(ev.PositionClosing(position.id, "test"))
    book.push(ev.OrderCancelled(name))
    book.push(ev.PositionClosed(position.id, D("-1.5"), "test", QUANTITY, D(100)))
    assert (position.status, position.quantity, position.cost) == (PositionStatus.CLOSED, 0, 0)
    assert (position.dust_quantity, position.dust_cost) == (QUANTITY, 100)
    portfolio = book.state.portfolio
    assert (portfolio.realized, portfolio.dust_cost, portfolio.losses) == (D("-1.5"), 100, 1)
    assert portfolio.owned == {"BTCUSDT": 0}
    assert book.ledger.open_positions == {}


@pytest.mark.parametrize(("price", "wins", "losses"), [(51_000, 1, 0), (49_000, 0, 1), (50_000, 0, 1)])
def test_results_are_counted(price: int, wins: int, losses: int) -> None:
    book = Book()
    book.close_position(book.open_position(), D(price))
    assert (book.state.portfolio.wins, book.state.portfolio.losses) == (wins, losses)
    assert book.state.safety.consecutive_losses == losses


def test_losses_in_a_row_are_followed_by_a_cool_down() -> None:
    """§5: losses cool-down."""
    book = Book()
    book.set_risk(max_consecutive_losses=2, cooldown_minutes=30)
    for _ in range(2):
        book.close_position(book.open_position(), D(49_000))
    assert book.state.safety.cooldown_until == NOW + 30 * MINUTE
    assert book.state.safety.consecutive_losses == 0


def test_a_reopened_position_takes_back_result_and_dust() -> None:
    """§3: closed to open: a late fill of its entry."""
    book = Book()
    position = book.open_position()
    book.close_position(position, D(51_000))
    realized = position.realized
    book.push(ev.PositionReopened(position.id, "late fill of its entry"))
    assert (position.status, position.closed_at) == (PositionStatus.OPEN, 0)
    assert (book.state.portfolio.realized, book.state.portfolio.wins) == (0, 0)
    assert position.realized == realized
    assert position.id in book.ledger.open_positions


@pytest.mark.parametrize(
    ("status", "signal"),
    [
        ("rejected", SignalStatus.FAILED),
        ("never_arrived", SignalStatus.FAILED),
        ("expired", SignalStatus.EXPIRED),
        ("cancelled", SignalStatus.EXPIRED),
    ],
)
def test_a_signal_follows_its_failed_position(status: str, signal: SignalStatus) -> None:
    """§1: position failed: rejected or never arrived, failed; else expired."""
    book = Book()
    record = book.receive()
    position = book.create_position(signal_id=record.id)
    book.push(ev.PositionFailed(position.id, "why", status))
    assert record.status is signal
    assert (position.failure_status, position.status) == (status, PositionStatus.FAILED)


def test_a_signal_follows_its_position_to_its_end() -> None:
    book = Book()
    record = book.receive()
    position = book.open_position(signal_id=record.id)
    assert record.status is SignalStatus.IN_POSITION
    book.close_position(position, PRICE)
    assert record.status is SignalStatus.COMPLETED


def test_time_without_a_stop_adds_up() -> None:
    """§4: unprotected_ms per position."""
    book = Book()
    position = book.open_position()
    book.push(ev.PositionProtected(position.id, "S", 500, "T", Protection.OCO))
    assert (position.unprotected_us, position.unprotected_since, position.protection) == (
        500,
        0,
        Protection.OCO,
    )
    book.now += SECOND
    book.push(ev.PositionUnprotected(position.id, "gone"))
    assert (position.unprotected_since, position.stop_order_id) == (NOW + SECOND, "")
    book.push(ev.PositionProtected(position.id, "S2", 700))
    assert (position.unprotected_us, position.unprotected_last_us, position.unprotected_spells) == (
        1200,
        700,
        2,
    )


def test_setbacks_put_off_the_next_try_ever_longer() -> None:
    book = Book()
    position = book.open_position()
    waits = []
    for number in range(9):
        waits.append(position.back_off // SECOND)
        at = position.retry_at + position.back_off or 1
        book.push(ev.ProtectionFailed(position.id, number, "no", NOW + at))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    book.push(ev.PositionProtected(position.id, "S", 0))
    assert (position.setbacks, position.retry_at, position.protection_failures) == (0, 0, 0)


def test_levels_and_management_change_only_where_said() -> None:
    """§3: open to monitoring: an advisor manages it; back to open when it stops."""
    book = Book()
    position = book.open_position(take_profit=D(52_000), trailing_delta=200)
    book.push(ev.PositionUpdated(position.id, "x", stop_loss=D(49_500)))
    assert (position.stop_loss, position.take_profit, position.trailing_delta) == (49_500, 52_000, 200)
    book.push(ev.PositionUpdated(position.id, "x", trailing_delta=0, monitoring=True))
    assert (position.trailing_delta, position.status) == (None, PositionStatus.MONITORING)
    book.push(ev.PositionUpdated(position.id, "x", monitoring=False))
    assert position.status is PositionStatus.OPEN


def test_a_managed_position_is_managed_again_after_a_failed_exit() -> None:
    """§3: closing to open, monitoring: tries used up."""
    book = Book()
    position = book.open_position()
    book.push(ev.PositionUpdated(position.id, "x", monitoring=True), ev.PositionClosing(position.id, "x"))
    book.push(ev.PositionReopened(position.id, "exit failed"))
    assert position.status is PositionStatus.MONITORING


def test_coins_that_left_take_their_cost_along() -> None:
    """§3: PositionReduced(closed_outside)."""
    book = Book()
    position = book.open_position()
    book.push(ev.PositionReduced(position.id, QUANTITY / 4, "closed_outside", D(25)))
    assert (position.quantity, position.cost, position.realized) == (QUANTITY * 3 / 4, 75, 0)
    assert position.closed_outside == QUANTITY / 4
    assert book.state.portfolio.owned == {"BTCUSDT": QUANTITY * 3 / 4}
