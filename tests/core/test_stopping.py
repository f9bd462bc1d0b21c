"""The emergency stop until it is proven: what it waits for, what it reads, and signs of the stop by keys; §8."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.inquiries import SNAPSHOT_AWAITED
from fillwright.core.requests import CancelRequest
from fillwright.core.settings import VenueProfile
from fillwright.core.stopping import CAUSE, run_of, still_to_do
from fillwright.core.types import OrderType, Side, VenueOrderStatus
from tests.core.builders import NOW
from tests.core.desk import Desk, make_settings

D = Decimal
V = VenueOrderStatus


def books(desk: Desk, **fields: object) -> None:
    """The reading that the stop asked for comes."""
    asked = desk.snapshots()[-1]
    assert (asked.cause, asked.symbol, asked.balances) == (CAUSE, None, True)
    desk.step(inp.VenueSnapshot(symbol=None, orders=(), time=desk.now, cause=CAUSE, **fields))  # type: ignore[arg-type]


def proofs(desk: Desk) -> list[ev.Event]:
    return [record.event for record in desk.records if isinstance(record.event, ev.EmergencyStopVerified)]


def manual(desk: Desk) -> str:
    """A manual order that works."""
    answer = desk.command(
        inp.PlaceOrder(
            by="ada",
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=D("0.001"),
            price=D(49_900),
        )
    )
    desk.sent()
    desk.report(answer.orders[0], V.NEW)
    return answer.orders[0]


def others(desk: Desk, status: V = V.NEW) -> inp.OrderReport:
    """News of an order that is not ours."""
    return inp.OrderReport(
        symbol="BTCUSDT",
        client_order_id="mine-by-hand",
        order_id=4711,
        status=status,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time=desk.now,
        quantity=D("0.001"),
        price=D(40_000),
    )


def test_a_stop_is_proven_by_books_that_were_asked_for_after_the_last_answer() -> None:
    desk = Desk()
    name = manual(desk)
    desk.command(inp.EmergencyStop(by="ada"))
    assert desk.snapshots() == []
    assert still_to_do(desk.engine.ledger, flatten=False, external=False) == [name]
    desk.now += 40_000
    desk.cancelled(name)
    books(desk)
    assert proofs(desk) == [ev.EmergencyStopVerified(took_us=40_000)]
    safety = desk.state.safety
    assert (safety.stopping_since, safety.stop_proven_at) == (0, desk.now)
    assert safety.halted_cause == "emergency_stop"
    desk.check()


def test_nothing_to_do_is_proven_all_the_same() -> None:
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    books(desk)
    assert len(proofs(desk)) == 1


def test_other_books_prove_nothing() -> None:
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    desk.step(inp.VenueSnapshot(symbol=None, orders=(), time=desk.now, cause="periodic"))
    desk.step(inp.VenueSnapshot(symbol="BTCUSDT", orders=(), time=desk.now, cause=CAUSE))
    assert proofs(desk) == []


def test_books_that_do_not_come_are_asked_for_again() -> None:
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    assert len(desk.snapshots()) == 1
    desk.wait(SNAPSHOT_AWAITED / 1_000_000 - 1)
    assert [one for one in desk.snapshots() if one.cause == CAUSE] == []
    desk.wait(1)
    assert [one.cause for one in desk.snapshots() if one.cause == CAUSE] == [CAUSE]
    desk.check()


def test_a_stream_that_breaks_has_the_books_asked_for_anew() -> None:
    """As a restart does: nobody waits any more for what was asked before."""
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    desk.snapshots()
    desk.step(inp.StreamChanged(connected=False))
    books(desk)
    assert len(proofs(desk)) == 1


def test_an_order_of_ours_that_the_books_show_is_cancelled_and_the_books_are_read_again() -> None:
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada"))
    desk.snapshots()
    stranger = inp.OrderReport(
        symbol="BTCUSDT",
        client_order_id="RT_t_0_M_9",
        order_id=4712,
        status=V.NEW,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time=desk.now,
        quantity=D("0.001"),
        price=D(40_000),
    )
    desk.step(inp.VenueSnapshot(symbol=None, orders=(stranger,), time=desk.now, cause=CAUSE))
    assert proofs(desk) == []
    assert desk.only(CancelRequest).order_id == 4712
    desk.order_ids["RT_t_0_M_9"] = 4712
    desk.cancelled("RT_t_0_M_9")
    books(desk)
    assert len(proofs(desk)) == 1


def test_to_flatten_waits_for_what_is_held() -> None:
    desk = Desk()
    desk.enter()
    desk.command(inp.EmergencyStop(by="ada", flatten=True))
    assert desk.snapshots() == []
    assert still_to_do(desk.engine.ledger, flatten=True, external=False) == ["position 1"]


def test_a_naked_position_is_something_left() -> None:
    desk = Desk()
    desk.enter()
    ledger = desk.engine.ledger
    assert still_to_do(ledger, flatten=False, external=False) == []
    desk.position.unprotected_since = desk.now
    assert still_to_do(ledger, flatten=False, external=False) == ["position 1"]


def test_others_orders_go_only_when_that_is_said() -> None:
    desk = Desk()
    desk.step(others(desk))
    desk.command(inp.EmergencyStop(by="ada"))
    assert desk.sent() == []
    desk.snapshots()

    desk.command(inp.EmergencyStop(by="ada", external=True))
    cancel = desk.only(CancelRequest)
    assert (cancel.symbol, cancel.order_id, cancel.orig_client_order_id) == ("BTCUSDT", 4711, None)
    assert desk.snapshots() == []
    desk.wait(10)
    again = desk.only(CancelRequest)
    assert again.cancel_client_order_id != cancel.cancel_client_order_id
    desk.step(others(desk, V.CANCELED))
    books(desk)
    assert len(proofs(desk)) == 1
    desk.check()


def test_a_resume_ends_a_stop_that_was_not_proven() -> None:
    desk = Desk()
    desk.command(inp.EmergencyStop(by="ada", external=True))
    desk.command(inp.Resume(by="ada", reason="over"))
    safety = desk.state.safety
    assert (safety.stopping_since, safety.stop_read_at, safety.stop_external) == (0, 0, False)
    books(desk)
    assert proofs(desk) == []


def test_each_run_of_the_stop_by_keys_halts_once() -> None:
    desk = Desk()
    desk.step(inp.ForeignStop("RT_ES_all_1795168800123_1"))
    assert desk.state.safety.halted_by == "keys-only stop"
    seq = desk.state.seq
    desk.step(inp.ForeignStop("RT_ES_all_1795168800123_2"))
    assert desk.state.seq == seq
    desk.command(inp.Resume(by="ada", reason="over"))
    desk.step(
        inp.VenueSnapshot(symbol=None, orders=(), time=NOW, foreign_stops=("RT_ES_all_1795168800123_3",))
    )
    assert desk.state.safety.halted_by == "", "it is over"
    desk.step(
        inp.VenueSnapshot(symbol=None, orders=(), time=NOW, foreign_stops=("RT_ES_all_1795168899999_1",))
    )
    assert desk.state.safety.halted_by == "keys-only stop"
    desk.check()


def test_a_stop_by_keys_for_another_ledger_is_not_ours() -> None:
    desk = Desk()
    desk.step(inp.ForeignStop("RT_ES_other_1795168800123_1"))
    assert desk.state.safety.halted_cause == ""
    desk.step(inp.ForeignStop("RT_ES_t_1795168800123_1"))
    assert desk.state.safety.halted_cause


def test_ids_of_the_stop_by_keys() -> None:
    assert run_of("RT_ES_abc_1795168800123_7") == ("1795168800123", "abc")
    assert run_of("RT_ES_1795168800_1") == ("1795168800", "all"), "as version 0.1 made them"
    assert run_of("RT_ES_1") == ("RT_ES_1", "all")


def test_a_stop_asks_soon_about_a_cancel_without_an_answer_and_repeats_it_at_once() -> None:
    """Without a stop it would wait until the first cancel can be under way no more: of two the second does no harm."""
    desk = Desk(settings=make_settings(venue=VenueProfile(in_flight_max_ms=10_000)))
    name = manual(desk)
    desk.command(inp.EmergencyStop(by="ada"))
    first = desk.only(CancelRequest)
    desk.wait(1.9)
    assert desk.asked() == []
    desk.wait(0.2)
    assert desk.asked() == [name]
    desk.report(name, V.NEW, source="query")
    again = desk.only(CancelRequest)
    assert again.cancel_client_order_id != first.cancel_client_order_id
    desk.check()
