from __future__ import annotations

from decimal import Decimal

from fillwright.binance.mute_watch import EXPECTED_MAX, TOLD_MAX, MuteWatch, WatchSettings
from fillwright.wire.orders import OrderView, decode_order
from fillwright.wire.stream import ExecutionReport, decode_event
from tests.wire.samples import REPORT, VIEW, text

SETTINGS = WatchSettings(tells_within_s=3.0, quiet_s=15.0)
BTC = "BTCUSDT"


def report(order_id: int, status: str = "NEW", executed: str = "0", symbol: str = BTC) -> ExecutionReport:
    event = decode_event(text(REPORT | {"s": symbol, "i": order_id, "X": status, "z": executed}))
    assert isinstance(event, ExecutionReport)
    return event


def view(status: str = "NEW", executed: str = "0") -> OrderView:
    return decode_order(text(VIEW | {"status": status, "executedQty": executed}))


def watch(began: float = 100.0) -> MuteWatch:
    made = MuteWatch(SETTINGS)
    made.begin(began)
    return made


def test_an_order_that_was_answered_and_is_not_told_gives_the_stream_away() -> None:
    found = watch()
    found.expect(BTC, 7, sent_at=101.0, now=101.5)

    assert found.overdue(104.4) == ""
    assert found.overdue(104.5) == "the stream does not tell of order 7 of BTCUSDT"


def test_a_report_before_or_after_the_answer_is_enough() -> None:
    found = watch()
    found.heard(101.0, report(7))
    found.expect(BTC, 7, sent_at=100.5, now=101.1)
    found.expect(BTC, 8, sent_at=101.0, now=101.2)
    found.heard(101.3, report(8, "FILLED", "1"))

    assert found.overdue(1_000.0) == ""


def test_numbers_belong_to_symbols() -> None:
    found = watch()
    found.heard(101.0, report(7, symbol="ETHUSDT"))
    found.expect(BTC, 7, sent_at=100.5, now=101.1)

    assert found.overdue(110.0)


def test_what_was_asked_for_before_the_stream_was_up_is_not_expected() -> None:
    found = watch(began=100.0)
    found.expect(BTC, 7, sent_at=99.9, now=100.5)

    assert found.overdue(1_000.0) == ""


def test_a_stream_that_begins_again_owes_nothing() -> None:
    found = watch()
    found.expect(BTC, 7, sent_at=101.0, now=101.5)
    found.rests(BTC, 8, Decimal(0))
    found.begin(103.0)

    assert found.overdue(1_000.0) == ""
    assert found.suspect(1_000.0) is None


def test_resting_orders_are_compared_in_turn_when_all_is_quiet() -> None:
    found = watch()
    found.heard(101.0, report(1))
    found.rests(BTC, 2, Decimal(0))
    found.heard(102.0, report(3))
    found.heard(102.0, report(3, "CANCELED"))

    assert found.suspect(116.9) is None
    assert found.suspect(117.0) == (BTC, 1)
    assert found.suspect(117.5) is None
    assert found.suspect(132.0) == (BTC, 2)
    assert found.suspect(147.0) == (BTC, 1)
    found.heard(150.0, None)
    assert found.suspect(164.0) is None


def test_an_order_that_has_moved_unheard_gives_the_stream_away() -> None:
    found = watch()
    found.heard(101.0, report(1, "PARTIALLY_FILLED", "0.5"))

    found.compared(BTC, 1, view("PARTIALLY_FILLED", "0.5"), 120.0)
    assert found.overdue(200.0) == ""
    found.compared(BTC, 1, view("PARTIALLY_FILLED", "0.6"), 201.0)
    assert found.overdue(203.0) == ""
    found.heard(203.5, report(1, "PARTIALLY_FILLED", "0.6"))
    assert found.overdue(210.0) == ""
    found.compared(BTC, 1, view("CANCELED", "0.6"), 220.0)
    assert found.overdue(223.0) != ""


def test_a_report_of_less_is_not_enough() -> None:
    found = watch()
    found.heard(101.0, report(1))
    found.compared(BTC, 1, view("FILLED", "1"), 120.0)
    found.heard(121.0, report(1, "PARTIALLY_FILLED", "0.6"))

    assert found.overdue(123.0) != ""


def test_an_order_that_is_not_there_any_more_is_not_asked_for_again() -> None:
    found = watch()
    found.rests(BTC, 2, Decimal(0))
    found.compared(BTC, 2, None, 120.0)

    assert found.suspect(1_000.0) is None
    assert found.overdue(1_000.0) == ""


def test_what_is_remembered_is_bounded() -> None:
    found = watch()
    for number in range(TOLD_MAX + 5):
        found.rests(BTC, number, Decimal(0))
    for number in range(TOLD_MAX + 5, TOLD_MAX + 10 + EXPECTED_MAX):
        found.expect(BTC, number, sent_at=101.0, now=101.0)

    assert len(found._told) == len(found._resting) == TOLD_MAX
    assert found.suspect(1_000.0) == (BTC, 5)
    assert len(found._expected) == EXPECTED_MAX
