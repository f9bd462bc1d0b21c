from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fillwright.exchange.faults import Outcome
from fillwright.exchange.messages import ExchangeError, ExchangeEvent, ExecutionReport
from fillwright.exchange.server.box import CATCH_UP_MAX, FAR, Box
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.exchange.server.market_sink import Sink
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import START, frozen_box, limit_order


class Source:
    """A market that was written down."""

    def __init__(self, trades: Sequence[tuple[int, str]]) -> None:
        self._trades = list(trades)

    @property
    def next_time(self) -> int:
        return self._trades[0][0] if self._trades else FAR

    def advance(self, now: int, sink: Sink) -> None:
        while self._trades and self._trades[0][0] <= now:
            time, price = self._trades.pop(0)
            sink.trade("BTCUSDT", Decimal(price), Decimal(1), False, time)


class Heard:
    """What user streams would be told."""

    def __init__(self) -> None:
        self.events: list[ExchangeEvent] = []

    def publish(self, events: Sequence[ExchangeEvent]) -> None:
        self.events.extend(events)


@pytest.fixture
def box() -> Box:
    return frozen_box()


def place(call: Call) -> dict[str, int]:
    call.box.exchange.execute("main", limit_order("40000"), call.now)
    return {"orderId": 1}


def refuse(_call: Call) -> None:
    raise ExchangeError(-2010, "no")


def call_of(box: Box, handle: object = place) -> Call:
    operation = Operation("order.place", "POST", "/api/v3/order", Security.TRADE, (), handle)
    return Call(box, operation, {"newClientOrderId": "a-1", "symbol": "BTCUSDT"}, box.now)


def test_timers_go_off_at_multiples_of_their_period(box: Box) -> None:
    heard: list[int] = []
    box.clock.step(30)
    box.tick()
    timer = box.every(100, heard.append)
    box.clock.step(250)
    box.tick()
    assert heard == [START + 100, START + 200]
    timer.cancel()
    box.clock.step(500)
    box.tick()
    assert len(heard) == 2


def test_the_time_in_a_timer_is_its_own(box: Box) -> None:
    heard: list[int] = []
    box.at(START + 50, lambda _: heard.append(box.now))
    box.every(20, lambda _: heard.append(box.now))
    box.clock.step(60)
    assert box.tick() == START + 60
    assert heard == [START + 20, START + 40, START + 50, START + 60]


def test_something_due_already_happens_at_the_next_tick(box: Box) -> None:
    heard: list[int] = []
    box.at(START - 1_000, heard.append)
    assert box.next_due <= box.now
    box.tick()
    assert heard == [START]


def test_the_market_comes_before_timers_of_the_same_time(box: Box) -> None:
    box.source = Source([(START + 100, "50010"), (START + 150, "50020")])
    prices: list[Decimal | None] = []
    box.every(100, lambda _: prices.append(box.exchange.quote("BTCUSDT").last))
    box.clock.step(300)
    box.tick()
    assert prices == [Decimal(50_010), Decimal(50_020), Decimal(50_020)]


def test_timers_that_were_missed_for_long_are_passed_over(box: Box) -> None:
    heard: list[int] = []
    box.every(10, heard.append)
    box.clock.step(10 * 1_000_000)
    box.tick()
    assert len(heard) <= CATCH_UP_MAX + 2
    assert heard[-1] == START + 10_000_000


def test_whoever_waits_is_woken_when_something_is_due_earlier(box: Box) -> None:
    wakings: list[int] = []
    box.tick()
    box.on_wake = lambda: wakings.append(box.next_due)
    box.at(START + 500, lambda _: None)
    box.at(START + 900, lambda _: None)
    box.at(START + 100, lambda _: None)
    assert wakings == [START + 500, START + 100]


def test_the_market_is_told_to_everybody_and_to_the_exchange(box: Box) -> None:
    market = box.markets["BTCUSDT"]
    before = len(market.trades)
    box.trade("BTCUSDT", Decimal("50001"), Decimal("0.5"), True, box.now + 5)
    assert box.now == START + 5
    assert len(market.trades) == before + 1
    assert box.exchange.quote("BTCUSDT").last == Decimal(50_001)


def test_events_of_accounts_go_to_user_streams_at_once(box: Box) -> None:
    heard = box.user_streams = Heard()
    assert call_of(box).perform() == {"orderId": 1}
    reports = [event for event in heard.events if isinstance(event, ExecutionReport)]
    assert [report.client_order_id for report in reports] == ["a-1"]
    box.trade("BTCUSDT", Decimal(39_000), Decimal(1), True, box.now)
    assert isinstance(heard.events[-2], ExecutionReport)
    assert heard.events[-2].executed_quantity == Decimal("0.001")


def test_a_refused_call_settles_too(box: Box) -> None:
    heard = box.user_streams = Heard()
    box.exchange.deposit("main", "USDT", Decimal(1), box.now)
    with pytest.raises(ExchangeError):
        call_of(box, refuse).perform()
    assert heard.events


def test_changes_are_counted_for_those_who_save(box: Box) -> None:
    before = box.changes
    box.trade("BTCUSDT", Decimal(50_002), Decimal(1), False, box.now)
    assert box.changes == before
    call_of(box).perform()
    assert box.changes > before


def test_answers_are_logged_after_the_events_they_brought_about(tmp_path: Path) -> None:
    box = frozen_box(log_file=tmp_path / "log")
    call = call_of(box)
    call.perform()
    box.answered(call, 200, None)
    box.answered(call, 400, -2010)
    assert box.log is not None
    box.log.close()
    lines = [msgspec.json.decode(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert [line.get("says") or line["answer"] for line in lines] == [
        "ExecutionReport",
        "AccountPosition",
        "order.place",
        "order.place",
    ]
    assert lines[-1] == {
        "answer": "order.place",
        "time": START,
        "parameters": {"newClientOrderId": "a-1", "symbol": "BTCUSDT"},
        "status": 400,
        "code": -2010,
    }


def test_what_a_fault_did_is_in_the_ledger(box: Box) -> None:
    fault = CallFault(outcome=Outcome.ANSWER_LOST, number=3)
    before = box.ledger.answers
    box.answered(call_of(box), 0, None, fault)
    box.answered(call_of(box), 200, None)
    assert box.ledger.answers == before + 2
    assert [(one.fault, one.client_order_id, one.status) for one in box.ledger.entries] == [(3, "a-1", 0)]
