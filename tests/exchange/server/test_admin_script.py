from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import SymbolStatus
from fillwright.exchange.server.admin_script import FAILURES_KEPT, STEPS_MAX
from tests.exchange.server.admin_door import Door
from tests.exchange.server.boxes import START


@pytest.fixture
def door() -> Door:
    return Door()


def test_steps_happen_at_their_times_and_in_their_order(door: Door) -> None:
    steps = [
        {"after_us": 200, "path": "/symbol", "wish": {"symbol": "BTCUSDT", "status": "TRADING"}},
        {"after_us": 100, "path": "/symbol", "wish": {"symbol": "BTCUSDT", "status": "HALT"}},
        {"after_us": 100, "path": "/price", "wish": {"symbol": "BTCUSDT", "price": "1000"}},
        {"path": "/price", "wish": {"symbol": "BTCUSDT", "price": "2000"}},
    ]
    assert door.post("/script", steps=steps)["number"] == 4
    exchange = door.box.exchange
    assert door.get("/script")["waiting"] == 3
    assert exchange.quote("BTCUSDT").last == Decimal(2_000)
    door.post("/time", action="step", by_us=150)
    assert exchange.status("BTCUSDT") is SymbolStatus.HALT
    assert exchange.quote("BTCUSDT").last == Decimal(1_000)
    door.post("/time", action="step", by_us=50)
    assert exchange.status("BTCUSDT") is SymbolStatus.TRADING
    assert door.get("/script") == {"now": START + 200, "waiting": 0, "done": 4, "failures": []}


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"path": "/nowhere"}, "step 2: there is no /nowhere"),
        ({"path": "/script", "wish": {"steps": []}}, "step 2: there is no /script"),
        ({"path": "/price", "wish": {"symbol": "BTCUSDT"}}, "step 2: Object missing"),
        ({"path": "/price", "wish": {"symbol": "BTCUSDT", "price": "1"}, "after_us": -1}, "step 2: time"),
    ],
)
def test_a_script_with_a_wrong_step_does_nothing_at_all(
    door: Door, step: dict[str, object], told: str
) -> None:
    good = {"path": "/price", "wish": {"symbol": "BTCUSDT", "price": "1"}}
    assert told in door.refused("/script", steps=[good, step])
    assert door.get("/script")["waiting"] == 0
    assert door.box.exchange.quote("BTCUSDT").last == Decimal(50_000)


def test_a_step_that_fails_is_remembered_and_stops_nothing(door: Door) -> None:
    wrong = {"path": "/price", "wish": {"symbol": "NOPE", "price": "1"}}
    right = {"path": "/price", "wish": {"symbol": "BTCUSDT", "price": "7"}}
    door.post("/script", steps=[wrong, right])
    told = door.get("/script")
    assert told["done"] == 1
    assert told["failures"] == [{"time": START, "path": "/price", "error": "-1121 Invalid symbol."}]
    door.post("/script", steps=[wrong] * (FAILURES_KEPT + 5))
    assert len(door.get("/script")["failures"]) == FAILURES_KEPT


def test_there_is_an_end_of_steps(door: Door) -> None:
    later = {"path": "/faults/remove", "after_us": 5}
    door.post("/script", steps=[later] * STEPS_MAX)
    assert "at most" in door.refused("/script", steps=[later])
