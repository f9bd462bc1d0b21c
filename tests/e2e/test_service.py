"""`fillwright run` as a user starts it: a position with live protection by the ordinary path, and the README's tour."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fillwright.answers import StatusAnswer
from fillwright.client import Client, ClientError
from fillwright.ports import PositionView
from tests.e2e.processes import environment
from tests.e2e.service import SYMBOLS

UP_MAX_S = 60.0
"""From the service being up to the first protected position."""
START_MAX_S = 60.0
STOP_MAX_S = 10.0
SEED = 35
"""Of the synthetic market."""


MISTAKES = """
[server]
port = 70000
host = "two words"
token = "short"
[market]
feet = "auto"
speed = 0
[log]
level = "loud"
[risk]
require_stop_loss = "perhaps"
[paper]
initial_balance = -1
[traders.ada]
interval = "7m"
"""


class Running:
    """A service of a test and what it said when it was up."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        self.up: dict[str, Any] = json.loads(line)
        self.token = self.up["token"]

    def client(self) -> Client:
        return Client(self.up["url"], self.token)

    def fillwright(self, *words: str, code: int = 0) -> str:
        """Run a command beside it, as its user would."""
        done = subprocess.run(
            [sys.executable, "-m", "fillwright", *words],
            cwd=self.folder,
            env={**environment(), "FILLWRIGHT_TOKEN": self.token},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(STOP_MAX_S + 5), time.monotonic() - began


@contextmanager
def running(folder: Path, *words: str, **more: str) -> Iterator[Running]:
    """Start a service with the synthetic market; it is gone at the end."""
    command = [
        sys.executable,
        "-m",
        "fillwright",
        "run",
        "--feed",
        "synthetic",
        "--port",
        "0",
        "--json",
        *words,
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), "FILLWRIGHT__MARKET__SEED": str(SEED), **more},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield Running(process, folder)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def protected_position(client: Client, limit_s: float) -> PositionView:
    """The first open position whose stop lives at the venue, by asking like anybody."""
    async with asyncio.timeout(limit_s):
        while True:
            for position in (await client.positions(status="open")).items:
                status = await client.status()
                if (
                    position.protection != "none"
                    and position.stop_loss
                    and position.id not in status.unprotected
                ):
                    orders = (await client.orders(status="open", symbol=position.symbol)).items
                    if any(order.leg == "stop_loss" and order.state == "New" for order in orders):
                        return position
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "symbols", [SYMBOLS, pytest.param((), marks=pytest.mark.long)], ids=["many symbols", "as it comes"]
)
def test_the_demo_opens_a_protected_position_within_a_minute_and_the_tour_works(
    tmp_path: Path, symbols: tuple[str, ...]
) -> None:
    """With many symbols one of them rises soon."""
    with running(tmp_path, *(word for symbol in symbols for word in ("--symbol", symbol))) as service:
        assert (service.up["source"], service.up["mode"]) == ("synthetic", "paper")
        address, _, code = service.up["link"].partition("/#once=")

        async def enter() -> str:
            async with Client(address) as client:
                return await client.enter(code)

        assert asyncio.run(enter()) == service.token
        with pytest.raises(ClientError, match="LINK_USED"):
            asyncio.run(enter())

        async def first() -> PositionView:
            async with service.client() as client:
                return await protected_position(client, UP_MAX_S)

        position = asyncio.run(first())
        assert (position.trader_id, position.side) == ("breakout", "LONG")
        assert "ready" in service.fillwright("status")
        assert json.loads(service.fillwright("positions", "--status", "open", "--json"))["positions"]
        words = ["signal", "send", "BTCUSDT", "--stop-loss", "2%", "--take-profit", "3%", "--quote", "50"]
        sent = json.loads(service.fillwright(*words, "--key", "tour-1", "--json"))
        assert sent["status"] in ("entering", "in_position")
        story = service.fillwright("why", "1")
        assert "Signal 1 of breakout" in story
        denied = service.fillwright("signal", "send", "SOLUSDT", "--stop-loss", "1", code=8)
        assert "STOP_LOSS_TOO_FAR" in denied
        assert "Halted" in service.fillwright("emergency-stop", "--yes")
        service.fillwright("resume", "--reason", "that was a drill")
        code, took = service.stop()
        assert code == 0
        assert took < STOP_MAX_S
        log = (tmp_path / "log").read_text()
        assert service.token not in log
        assert service.token not in "".join(
            path.read_bytes().decode("latin-1") for path in (tmp_path / "data").iterdir()
        )
        assert "start it with" in service.fillwright("status", code=7)


def test_it_goes_on_after_a_kill_and_two_interrupts_are_one(tmp_path: Path) -> None:
    token = "a-token-from-the-environment"

    def status(service: Running) -> StatusAnswer:
        async def ask() -> StatusAnswer:
            async with service.client() as client:
                return await client.status()

        assert service.up["token"] is None
        service.token = token
        return asyncio.run(ask())

    with running(tmp_path, "--no-trader", FILLWRIGHT__SERVER__TOKEN=token) as service:
        before = status(service)
        assert before.ready
        service.process.kill()
        service.process.wait()
    with running(tmp_path, "--no-trader", FILLWRIGHT__SERVER__TOKEN=token) as service:
        assert status(service).seq >= before.seq
        began = time.monotonic()
        service.process.send_signal(signal.SIGINT)
        service.process.send_signal(signal.SIGINT)  # handed on twice, it is one signal
        assert service.process.wait(STOP_MAX_S) == 0
        assert time.monotonic() - began < STOP_MAX_S


def test_ten_mistakes_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text(MISTAKES)
    done = subprocess.run(
        [sys.executable, "-m", "fillwright", "run"],
        cwd=tmp_path,
        env={**environment(), "FILLWRIGHT__RISK__MAX_POSITIONS": "many"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("fillwright: ") and ": " in line for line in lines)
    assert any("did you mean market.feed?" in line for line in lines)
    assert not (tmp_path / "data").exists()
