from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.assembly import make_box
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.settings import MarketSettings, SourceKind
from tests.exchange.server.admin_door import Door
from tests.exchange.server.boxes import START, frozen, limit_order


@pytest.fixture
def door() -> Door:
    return Door()


def test_the_status_says_what_there_is(door: Door) -> None:
    status = door.get("/status")
    assert (status["now"], status["is_frozen"], status["source"]) == (START, True, "script")
    assert (status["symbols"], status["accounts"], status["keys"]) == (2, ["main"], 1)
    assert (status["connections"], status["failures"], status["faults"]) == (0, 0, 0)


def test_faults_are_installed_listed_and_removed(door: Door) -> None:
    first = door.post("/faults", of="requests", outcome="answer_lost", endpoint="order.place")["number"]
    second = door.post("/faults", of="events", outcome="dropped", times=None)["number"]
    assert [(one["number"], one["of"]) for one in door.get("/faults")] == [
        (first, "requests"),
        (second, "events"),
    ]
    assert door.get("/status")["faults"] == 2
    assert door.post("/faults/remove", number=first)["number"] == 1
    assert "no fault" in door.refused("/faults/remove", number=first)
    assert door.post("/faults/remove")["number"] == 1
    assert door.get("/faults") == []


def test_a_fault_ends_when_its_time_is_over(door: Door) -> None:
    door.post("/faults", of="requests", outcome="refused", times=None, for_us=500)
    door.post("/faults", of="requests", outcome="lost", times=None)
    door.post("/time", action="step", by_us=499)
    assert len(door.get("/faults")) == 2
    door.post("/time", action="step", by_us=1)
    assert [one["outcome"] for one in door.get("/faults")] == ["lost"]
    assert door.refused("/faults", of="requests", outcome="lost", for_us=-1)


def test_a_tape_that_has_ended_is_said(tmp_path: Path) -> None:
    tape = tmp_path / "BTCUSDT-trades-2026-11-01.csv"
    tape.write_text("1,50000,0.1,5000,1793491200000,true,true\n2,50001,0.1,5000.1,1793491201000,true,true\n")
    door = Door(make_box(frozen(market=MarketSettings(source=SourceKind.TAPE, tapes=(tape,)))))
    assert not door.get("/status")["has_ended"]
    door.post("/time", action="step", by_us=2_000_000)
    assert door.get("/status")["has_ended"]


def test_a_fault_that_makes_no_sense_is_refused(door: Door) -> None:
    assert door.refused("/faults", of="requests", outcome="nothing")
    assert door.refused("/faults", outcome="lost")


def test_a_fault_that_could_never_hit_is_refused(door: Door) -> None:
    for endpoint in ("order.plaec", "orders.*", "POST /order", ""):
        why = door.refused("/faults", of="requests", outcome="lost", endpoint=endpoint)
        assert f"no request is {endpoint!r}" in why
        assert "order.place" in why
    assert "executionReport" in door.refused("/faults", of="events", outcome="dropped", event="fills")
    assert "no account" in door.refused("/faults", of="requests", outcome="lost", account_id="mian")
    assert "no account" in door.refused("/faults", of="events", outcome="dropped", account_id="mian")
    for endpoint in ("*", "order.place", "orderList.*", "TRADE", "NONE", "time", "userDataStream.*"):
        door.post("/faults", of="requests", outcome="lost", endpoint=endpoint)
    door.post("/faults", of="events", outcome="dropped", event="balanceUpdate")
    assert len(door.get("/faults")) == 8


def test_limits_change_one_by_one(door: Door) -> None:
    before = door.get("/limits")
    after = door.post("/limits", request_weight=100)
    assert after == before | {"request_weight": 100}
    assert "1 at least" in door.refused("/limits", request_weight=0)


def test_addresses_are_banned_and_pardoned(door: Door) -> None:
    assert "IPv4" in door.refused("/ban", ip="somewhere", for_us=1_000)
    door.post("/ban", ip="10.0.0.9", for_us=1_000)
    assert door.get("/status")["bans"] == {"10.0.0.9": START + 1_000}
    door.post("/ban", ip="10.0.0.9", for_us=0)
    assert door.get("/status")["bans"] == {}


def test_connections_that_are_not_there_cannot_be_cut(door: Door) -> None:
    assert "kind" in door.refused("/connections", action="cut", kind="websockets")
    assert door.get("/connections") == []
    assert door.post("/connections", action="cut")["number"] == 0
    assert "no connection" in door.refused("/connections", action="mute", number=4)


def test_the_dump_has_balances_orders_and_prices_exactly(door: Door) -> None:
    door.box.exchange.execute("main", limit_order("40000", "0.00123"), door.box.now)
    dump = door.get("/dump")
    assert dump["symbols"]["BTCUSDT"]["last"] == "50000"
    (order,) = dump["accounts"]["main"]["open_orders"]
    assert (order["client_order_id"], order["quantity"]) == ("a-1", "0.00123")
    balances = {one["asset"]: one["locked"] for one in dump["accounts"]["main"]["balances"]}
    assert balances["USDT"] == "49.20000"


def test_the_audit_tells_what_clients_were_told_otherwise(door: Door) -> None:
    box = door.box
    box.exchange.execute("main", limit_order("40000", own="lost-1"), box.now)
    operation = Operation("order.place", "POST", "/api/v3/order", Security.TRADE, (), lambda _: {})
    for own, outcome in (("lost-1", Outcome.ANSWER_LOST), ("never-1", Outcome.LOST)):
        call = Call(box, operation, {"symbol": "BTCUSDT", "newClientOrderId": own}, box.now)
        call.account_id = "main"
        box.answered(call, 0, None, CallFault(outcome=outcome))
    audit = door.get("/audit")
    assert audit["problems"] == []
    assert audit["faulted"] == {"answer_lost": 1, "lost": 1}
    executed, never = audit["entries"]
    assert (executed["sent"]["status"], executed["order"]["status"]) == (0, "NEW")
    assert (never["sent"]["is_executed"], never["order"]) == (False, None)
