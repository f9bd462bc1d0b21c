"""Commands over HTTP with an Idempotency-Key: sent twice, also with a SIGKILL between, they happen once."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.service import Service

KILLS = 6
SYMBOL = "BTCUSDT"
OPEN_MAX_S = 10.0
KILL_WITHIN_S = 0.006
"""Some kills come before the command is recorded, some after."""


def open_position(service: Service, number: int) -> int:
    """A position with its live stop."""
    bid = next(q["bid"] for q in service.got("/api/quotes")["quotes"] if q["symbol"] == SYMBOL)
    signal = {
        "symbol": SYMBOL,
        "side": "long",
        "trader_id": f"trader-{number}",
        "stop_loss": str(round(float(bid) * 0.95)),
        "size": {"quote": "200"},
    }
    status, answer = service.ask("POST", "/api/signals", signal, headers={"Idempotency-Key": "s"})
    assert (status, answer["status"]) == (201, "entering"), answer
    until = time.monotonic() + OPEN_MAX_S
    while time.monotonic() < until:
        position = service.got(f"/api/positions/{answer['position_id']}")
        if position["stop_loss_order_id"] and position["status"] == "open":
            return int(answer["position_id"])
        time.sleep(0.02)
    raise AssertionError(f"not open: {position}")


def told(service: Service, kind: str, position_id: int) -> list[dict[str, Any]]:
    """The journal's events of one kind about a position."""
    with closing(sqlite3.connect(f"file:{service.database}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT body FROM journal WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    found = [json.loads(body) for (body,) in rows]
    return [event for event in found if event.get("position_id") == position_id]


def send(service: Service, path: str, body: dict[str, str], key: str) -> tuple[int, Any]:
    return service.ask("POST", path, body, headers={"Idempotency-Key": key})


def test_a_command_is_carried_out_once_whenever_the_service_is_killed(tmp_path: Path) -> None:
    random = Random(11)
    with Service(tmp_path, symbols=[SYMBOL], trades_per_second=50, seed=11, forked=True) as service:
        service.start().wait_ready()
        for number in range(KILLS):
            position_id = open_position(service, number)
            path, body, key = f"/api/positions/{position_id}/reduce", {"fraction": "0.5"}, f"r{number}"

            def first(path: str = path, body: dict[str, str] = body, key: str = key) -> None:
                with suppress(OSError, http.client.HTTPException):
                    send(service, path, body, key)

            sender = threading.Thread(target=first)
            sender.start()
            time.sleep(random.uniform(0, KILL_WITHIN_S))
            service.kill()
            sender.join()
            service.start().wait_ready()

            status, answer = send(service, path, body, key)
            assert (status, answer["position_id"]) == (200, position_id), answer
            assert send(service, path, body, key) == (200, {**answer, "repeated": True})
            wanted = [
                e for e in told(service, "PositionReduceRequested", position_id) if e["quantity"] != "0"
            ]
            assert len(wanted) == 1
            assert send(service, path, {"fraction": "0.4"}, key)[0] == 409
            assert send(service, f"/api/positions/{position_id}/close", {}, f"c{number}")[0] == 200

        service.kill()
        service.start().wait_ready()
        for number in range(KILLS):
            for name, body, key in (("reduce", {"fraction": "0.5"}, "r"), ("close", {}, "c")):
                status, answer = send(service, f"/api/positions/{number + 1}/{name}", body, f"{key}{number}")
                assert (status, answer["repeated"]) == (200, True), answer
            reasons = {event["reason"] for event in told(service, "PositionClosing", number + 1)}
            assert reasons == {"operator: operator"}
        assert service.stop() == 0
