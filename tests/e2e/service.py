"""The live service as a process of its own: configured, started, killed, stopped, asked over HTTP."""

from __future__ import annotations

import http.client
import importlib.resources
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.forked import Forked
from tests.e2e.processes import environment

TOKEN = "a-token-of-the-tests-and-of-them-alone"
HOST = "127.0.0.1"
START_MAX_S = 40.0
STOP_MAX_S = 15.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "TRXUSDT")

PROFILE: dict[str, dict[str, Any]] = {
    "basic": {
        "candle_interval": "5s"
    },  # short ones, so that little of the past has to be drawn at each start
    "risk": {
        "max_position_size_usdt": 1_000,
        "max_position_size_percent": 100,
        "min_position_size_usdt": 5,
        "max_total_exposure_usdt": 1_000_000_000,
        "max_symbol_exposure_usdt": 1_000_000_000,
        "max_order_size_usdt": 1_000_000,
        "risk_per_trade_percent": 100,
        "max_positions": 100_000,
        "max_positions_per_symbol": 100_000,
        "max_daily_loss_usdt": 1_000_000_000,
        "max_daily_loss_percent": 100,
        "max_drawdown_percent": 100,
        "max_consecutive_losses": 1_000_000,
        "max_daily_trades": 1_000_000,
        "min_order_interval_seconds": 0,
        "max_orders_per_10s": 1_000_000,
        "correlated_exposure_max_percent": 100,
        "quote_age_max_s": 30,
        "max_spread_percent": 5,
    },
    "execution": {"slippage_max_percent": 0.02},
    "paper": {"initial_balance": 1_000_000_000, "latency_ms": 0},
}
"""Limits out of the way, so that signals are traded; every check still runs."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def exchange_info(symbols: Sequence[str] = SYMBOLS, slots: int = 10_000, copies: int = 1) -> bytes:
    """The built-in exchangeInfo with so many slots and orders that neither is ever short.

    ``copies``: how many symbols are made of each, all but the first with another base asset.
    """
    text = importlib.resources.files("fillwright.wire").joinpath("default_exchange_info.json").read_text()
    body = json.loads(text)
    known = {one["symbol"]: one for one in body["symbols"]}
    counts = {
        "MAX_NUM_ORDERS": "maxNumOrders",
        "MAX_NUM_ORDER_LISTS": "maxNumOrderLists",
        "MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders",
    }
    body["symbols"] = []
    for copy in range(copies):
        for name in symbols:
            one = json.loads(json.dumps(known[name]))
            if copy:
                one["baseAsset"] = f"{one['baseAsset']}{copy}"
                one["symbol"] = one["baseAsset"] + one["quoteAsset"]
            for rule in one["filters"]:
                if rule["filterType"] in counts:
                    rule[counts[rule["filterType"]]] = slots
            body["symbols"].append(one)
    for limit in body["rateLimits"]:
        if limit["rateLimitType"] == "ORDERS":
            limit["limit"] = 10_000_000
    return json.dumps(body).encode()


def toml(sections: dict[str, dict[str, Any]]) -> str:
    """Plain sections of plain values as TOML (what JSON writes of them is TOML, too)."""
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


class Service:
    """One data folder, and the process that serves it; killed and started as often as a test likes."""

    def __init__(
        self,
        folder: Path,
        *,
        symbols: Sequence[str] = SYMBOLS,
        info: bytes | None = None,
        trades_per_second: float = 20,
        seed: int = 1,
        changes: dict[str, dict[str, Any]] | None = None,
        words: Sequence[str] = ("--no-trader",),
        forked: bool = False,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.symbols = tuple(symbols)
        self.port = free_port()
        self.words = tuple(words)
        self.forked = forked
        """Whether it starts from a process that has everything imported already."""
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.started_at = 0.0
        (folder / "info.json").write_bytes(info or exchange_info(symbols))
        sections: dict[str, dict[str, Any]] = {
            "server": {"host": HOST, "port": self.port},
            "data": {"dir": "data"},
            "market": {
                "feed": "synthetic",
                "symbols": list(symbols),
                "seed": seed,
                "trades_per_second": trades_per_second,
                "exchange_info": "info.json",
            },
            "log": {"format": "json"},
            **PROFILE,
        }
        for name, values in (changes or {}).items():
            sections[name] = {**sections.get(name, {}), **values}
        (folder / "fillwright.toml").write_text(toml(sections))

    # -- its life --------------------------------------------------------------------------------------------

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "fillwright", *self._arguments]

    @property
    def _arguments(self) -> list[str]:
        return ["run", *self.words]

    @property
    def environment(self) -> dict[str, str]:
        """What it finds in its environment."""
        return {**environment(), "FILLWRIGHT__SERVER__TOKEN": TOKEN}

    def start(self) -> Service:
        """Start it; its output goes to ``service.log``."""
        assert self.process is None
        path = self.folder / "service.log"
        if self.forked:
            self.process = Forked(self._arguments, self.folder, self.environment, path)
        else:
            with path.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        self.started_at = time.monotonic()
        return self

    def wait_ready(self, timeout_s: float = START_MAX_S) -> float:
        """Until it takes signals; how many seconds after its start that was."""
        until = self.started_at + timeout_s
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, (
                f"it has ended ({self.process.returncode}):\n{self.log[-4000:]}"
            )
            try:
                if self.get("/readyz")[0] == 200:
                    return time.monotonic() - self.started_at
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.01)
        raise AssertionError(f"not ready within {timeout_s} s:\n{self.log[-4000:]}")

    def kill(self) -> None:
        """SIGKILL: no chance to write anything more."""
        assert self.process is not None
        self.process.kill()
        code = self.process.wait()
        self.process = None
        assert code == -signal.SIGKILL, f"it had ended by itself ({code}):\n{self.log[-4000:]}"

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.wait()

    def wait(self, timeout_s: float = STOP_MAX_S) -> int:
        """Until it has ended by itself; its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(timeout_s)
        finally:
            self.close()

    def close(self) -> None:
        """Leave no process behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- asking it -------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        file = self.folder / "service.log"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def database(self) -> Path:
        """The store's file."""
        found = sorted(self.data.glob("*.db"))
        assert len(found) == 1, (
            f"{found} in {sorted(self.data.iterdir()) if self.data.exists() else 'no folder'}"
        )
        return found[0]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = TOKEN,
        timeout_s: float = 10,
    ) -> tuple[int, Any]:
        """One request on a connection of its own: the status, and the body (decoded if it is JSON)."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
            named = {"Content-Type": "application/json"} if sent is not None else {}
            if token is not None:
                named["Authorization"] = f"Bearer {token}"
            connection.request(method, path, sent, {**named, **(headers or {})})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = (response.getheader("content-type") or "").startswith("application/json")
        return response.status, json.loads(data) if is_json else data

    def get(self, path: str) -> tuple[int, Any]:
        """A GET."""
        return self.ask("GET", path)

    def got(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        status, body = self.get(path)
        assert status == 200, (status, body)
        return body

    def pages(self, path: str, name: str) -> list[dict[str, Any]]:
        """A whole listing, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            body = self.got(f"{path}{'&' if '?' in path else '?'}limit=1000{cursor}")
            found += body[name]
            if not body["next_cursor"]:
                return found
            cursor = f"&cursor={body['next_cursor']}"

    @property
    def resident_mb(self) -> float:
        """Its memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
