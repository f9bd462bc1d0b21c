"""An account full of work for an emergency stop: 200 working entries on 20 symbols, held positions, others' orders."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.processes import environment
from tests.e2e.service import HOST, TOKEN, Service, exchange_info

D = Decimal
SYMBOLS = ("BTCUSDT", *(f"BTC{number}USDT" for number in range(1, 20)))
ENTRIES_EACH = 10
PRICE = D(60_000)
LEVELS = {"bids": [("59999.9", "500")], "asks": [("60000.1", "500")]}
CONFIRM = {"X-Confirm-Emergency-Stop": "CONFIRM_STOP_ALL_TRADING"}
UNTIL_S = 30.0
ELSEWHERE = "127.0.0.2"
"""The owner's address: what is asked from there uses up nothing of the service's."""
OWN = D(1)
"""Coins of each kind that no position owns."""


class Loaded:
    """A service and its exchange.

    Attributes:
        held: positions that are protected.
    """

    def __init__(self, service: Service, box: Box) -> None:
        self.service, self.box = service, box
        self.held: list[int] = []
        self._number = 0

    def prices(self) -> None:
        """The market says again what it said: no price is too old for an entry."""
        for symbol in SYMBOLS:
            self.box.depth(symbol, LEVELS["bids"], LEVELS["asks"])
            self.box.trade(symbol, str(PRICE), "0.01")

    def signals(self, wanted: list[tuple[str, Decimal | None]]) -> list[int]:
        """Entries, at the market or at a limit; the positions that they make."""
        connection = http.client.HTTPConnection(HOST, self.service.port, timeout=10)
        made = []
        for symbol, limit in wanted:
            self._number += 1
            body: dict[str, Any] = {
                "symbol": symbol,
                "side": "long",
                "trader_id": f"t{self._number}",
                "stop_loss": "58200",
                "take_profit": "66000",
                "confidence": "1",
                "size": {"quote": "30"},
            }
            if limit is not None:
                body["entry"] = {"type": "limit", "price": str(limit)}
            connection.request(
                "POST",
                "/api/signals",
                json.dumps(body),
                {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
            )
            answer = json.loads(connection.getresponse().read())
            assert answer.get("status") == "entering", answer
            made.append(answer["position_id"])
        connection.close()
        return made

    def hold(self) -> None:
        """One protected position on each symbol."""
        self.prices()
        self.held += self.signals([(symbol, None) for symbol in SYMBOLS])
        until(self.is_protected, "protected positions")

    def fill(self, each: int = ENTRIES_EACH) -> None:
        """Working entries, all of them acknowledged."""
        self.prices()
        before = len(self.working())
        count = each * len(SYMBOLS)
        self.signals([(symbol, PRICE - 400 - number) for number in range(each) for symbol in SYMBOLS])
        until(lambda: len(self.working()) == before + count, "entries that work")

    def working(self) -> list[str]:
        """Entries of ours that work at the exchange."""
        return [one["clientOrderId"] for one in self.open_orders() if "_E_" in one["clientOrderId"]]

    def open_orders(self) -> list[dict[str, Any]]:
        """Every open order of the account, as the exchange has it (legs that wait are left out)."""
        found: list[dict[str, Any]] = self.asked("GET", "/api/v3/openOrders")
        return [one for one in found if one["status"] in ("NEW", "PARTIALLY_FILLED")]

    def asked(self, method: str, path: str, **fields: Any) -> Any:
        """A signed request of the account's owner, beside any service."""
        query = urlencode({**fields, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(self.box.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection(
            self.box.host, self.box.port, timeout=10, source_address=(ELSEWHERE, 0)
        )
        try:
            connection.request(
                method, f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": self.box.api_key}
            )
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            return json.loads(body)
        finally:
            connection.close()

    def others_order(self, symbol: str, price: str = "50000") -> str:
        """An order of the account's owner's own; its client id."""
        order = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        made = self.asked("POST", "/api/v3/order", **order, quantity="0.001", price=price)
        return str(made["clientOrderId"])

    def balances(self) -> dict[str, Decimal]:
        """What the account holds of each coin."""
        found = self.asked("GET", "/api/v3/account", omitZeroBalances="true")["balances"]
        return {one["asset"]: D(one["free"]) + D(one["locked"]) for one in found}

    def stops(self) -> list[str]:
        """Live stops of ours."""
        return [one["clientOrderId"] for one in self.open_orders() if "_S_" in one["clientOrderId"]]

    def others(self) -> list[str]:
        """Open orders that are not fillwright's."""
        names = [one["clientOrderId"] for one in self.open_orders()]
        return sorted(name for name in names if not name.startswith("RT_"))

    def is_protected(self) -> bool:
        """Whether all that is held has a live stop."""
        status = self.service.got("/api/status")
        return len(self.stops()) == len(self.held) and not status["unprotected"]

    def stop(self, **body: Any) -> tuple[dict[str, Any], float]:
        """The emergency stop over the API; its answer, and after how many seconds that came."""
        began = time.perf_counter()
        status, answer = self.service.ask("POST", "/api/emergency-stop", body, headers=CONFIRM, timeout_s=30)
        took = time.perf_counter() - began
        assert status == 200, answer
        return answer, took

    def resume(self) -> None:
        """Take entries again."""
        status, answer = self.service.ask("POST", "/api/resume", {"reason": "the drill is over"})
        assert status == 200, answer


def keys_stop(service: Service, *words: str) -> tuple[int, dict[str, Any]]:
    """The stop by keys alone, of a process of its own with the settings file as its only word: exit code, report."""
    command = [sys.executable, "-m", "fillwright", "emergency-stop", "--keys", "fillwright.toml"]
    done = subprocess.run(
        [*command, "--yes", "--json", *words],
        cwd=service.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def until(condition: Any, what: str, within_s: float = UNTIL_S) -> float:
    """Wait until something is so; how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + within_s, what
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def loaded(folder: Path, *, forked: bool = True, data: Path | None = None) -> Iterator[Loaded]:
    """A running service on an account at an exchange of its own with 20 symbols, whose prices stand still.

    ``data``: its data folder, else one beside its settings.
    """
    info = exchange_info(("BTCUSDT",), copies=len(SYMBOLS))
    (folder / "info.json").write_bytes(info)
    counts = [{"interval_us": 10**7, "limit": 10**9, "label": "10 SECOND"}]
    wanted: dict[str, Any] = {
        "exchange_info": str(folder / "info.json"),
        "exchange": {"order_counts": counts},
    }
    wanted["limits"] = {"request_weight": 10**9, "raw_requests": 10**9, "connections": 10**6}
    (folder / "box.json").write_text(json.dumps(wanted))
    options = ("--settings", str(folder / "box.json"))
    with running_box(limits=False, options=options, forked=forked) as box:
        for symbol in SYMBOLS:
            asset = symbol.removesuffix("USDT")
            box.deposit(asset, str(OWN))
        (folder / "private.pem").write_text(box.ed25519_private)
        account = {
            "api_key": box.ed25519_key,
            "private_key_file": str(folder / "private.pem"),
            "rest_url": box.rest,
            "websocket_api_url": box.ws,
            "streams_url": box.ws,
        }
        changes: dict[str, dict[str, Any]] = {
            "trading": {"mode": "testnet"},
            "testnet": account,
            "execution": {"entry_timeout_s": 3600},
            "risk": {"quote_age_max_s": 60},
        }
        if data is not None:
            changes["data"] = {"dir": str(data)}
        with Service(
            folder / "service", symbols=SYMBOLS, info=info, changes=changes, forked=forked
        ) as service:
            service.data = data or service.data
            made = Loaded(service, box)
            made.prices()
            service.start()
            service.wait_ready()
            yield made
