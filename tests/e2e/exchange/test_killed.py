"""A server that is killed goes on from what it saved last."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.test_same_bytes import signed

SAVED_MAX_S = 10.0


def wait_until_saved(box: Box) -> None:
    """Wait until everything is in the state file."""
    until = time.monotonic() + SAVED_MAX_S
    while not box.admin.get("/status")["is_saved"]:
        assert time.monotonic() < until, "it was never saved"
        time.sleep(0.01)


def test_a_killed_server_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    options = ["--state", str(tmp_path / "state.db"), "--settings", str(tmp_path / "box.toml")]
    (tmp_path / "box.toml").write_text("save_every_us = 20000\n")
    with running_box(options=options) as box:
        status, order = signed(
            box, "POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
            price="50000",
        )  # fmt: skip
        assert status == 200, order
        wait_until_saved(box)
        before, key = box.admin.get("/dump")["accounts"], box.api_key
        box.process.kill()
        box.process.wait()
    with running_box(options=options) as box:
        after = box.admin.get("/dump")["accounts"]
        assert after["main"]["open_orders"] == before["main"]["open_orders"]
        assert after["main"]["balances"] == before["main"]["balances"]
        assert box.api_key == key
        assert box.admin.get("/audit")["problems"] == []
        assert signed(box, "DELETE", "openOrders", symbol="BTCUSDT")[0] == 200
