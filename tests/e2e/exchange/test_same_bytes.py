"""Two servers of the same seed, script and steps of time write the same event log, byte by byte."""

from __future__ import annotations

import hmac
import http.client
import json
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.exchange.box import Box, running_box

START_US = 1_795_168_800_000_000
STEPS = 6


def signed(box: Box, method: str, path: str, **params: object) -> tuple[int, object]:
    """Ask under /api/v3 with the server's own time."""
    now_ms = box.admin.get("/time")["now"] // 1_000
    text = urlencode({**params, "timestamp": now_ms})
    text += "&signature=" + hmac.digest(box.secret.encode(), text.encode(), "sha256").hex()
    connection = http.client.HTTPConnection(box.host, box.port, timeout=20)
    try:
        connection.request(method, f"/api/v3/{path}?{text}", headers={"X-MBX-APIKEY": box.api_key})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    except http.client.RemoteDisconnected:
        return 0, None
    finally:
        connection.close()


def play(log: Path, seed: int) -> list[object]:
    """A life of orders under faults, while time is moved by hand; returns what the client was told."""
    options = ["--seed", str(seed), "--frozen", "--start-us", str(START_US), "--log", str(log)]
    told: list[object] = []
    with running_box(source="synthetic", options=options) as box:
        box.admin.post(
            "/faults", of="requests", outcome="answer_lost", endpoint="order.*", probability=0.3, times=None
        )
        box.admin.post("/faults", of="requests", outcome="masked", code=-1007, endpoint="TRADE", times=2)
        for step in range(STEPS):
            box.admin.post("/time", action="step", by_us=1_700_000)
            bid = signed(box, "GET", "ticker/bookTicker", symbol="BTCUSDT")
            told += [
                bid,
                signed(box, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01"),
            ]
            told.append(
                signed(
                    box, "POST", "order", symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC",
                    quantity="0.02", price=str(95_000 + step),
                )
            )  # fmt: skip
        told.append(signed(box, "DELETE", "openOrders", symbol="BTCUSDT"))
        assert box.admin.get("/audit")["problems"] == []
    return told


def test_two_servers_write_the_same_bytes(tmp_path: Path) -> None:
    first, second = play(tmp_path / "first", 5), play(tmp_path / "second", 5)
    logs = [(tmp_path / name).read_bytes() for name in ("first", "second")]
    assert logs[0].count(b"\n") > 4 * STEPS
    assert b'"answer_lost"' in logs[0]
    assert logs[0] == logs[1]
    assert first == second
    play(tmp_path / "third", 6)
    assert (tmp_path / "third").read_bytes() != logs[0]
