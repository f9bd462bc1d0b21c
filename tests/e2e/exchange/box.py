"""A server as a process of its own, with two accounts and a book of BTCUSDT, steered through its admin door."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fillwright.exchange.server.admin_client import AdminClient
from tests.e2e.forked import Forked
from tests.e2e.processes import environment

START_MAX_S = 30.0
STOP_MAX_S = 10.0
LOG = "exchange.log"
SUBSCRIBED_MAX_S = 10.0
BALANCES = {"USDT": "1000000", "BTC": "10", "ETH": "100", "BNB": "0"}
BOOK = {"bids": [("59990", "2"), ("59980", "5")], "asks": [("60010", "2"), ("60020", "5")]}
Level = tuple[str, str]


class Box:
    """A running server.

    Attributes:
        rest, ws: where it is, without a path.
        api_key, secret: of the account ``main``, HMAC.
        ed25519_key, ed25519_private: of the same account; the private key as PEM.
        admin, admin_token: its admin door.
    """

    def __init__(self, process: subprocess.Popen[bytes] | Forked, up: dict[str, Any], log: Path) -> None:
        self.process = process
        self._log = log
        self.host, self.port = "127.0.0.1", int(up["port"])
        self.rest, self.ws = f"http://{self.host}:{self.port}", f"ws://{self.host}:{self.port}"
        self.api_key, self.secret = up["keys"][0]["api_key"], up["keys"][0]["secret"]
        self.admin_token = str(up["admin_token"])
        self.admin = AdminClient(self.rest, self.admin_token)
        private = Ed25519PrivateKey.generate()
        self.ed25519_private = private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.ed25519_key = self.admin.post("/keys", account="main", public_key=public.decode())["api_key"]

    def said(self) -> str:
        """What it wrote since it takes requests: nothing, while all is well."""
        return "".join(self._log.read_text().splitlines(keepends=True)[1:])

    def trade(self, symbol: str, price: str, quantity: str) -> None:
        """The outside market trades; a buyer was the taker above the middle, a seller below."""
        self.admin.post("/trade", symbol=symbol, price=price, quantity=quantity)

    def depth(self, symbol: str, bids: Sequence[Level], asks: Sequence[Level], snapshot: bool = True) -> None:
        """The outside market's book."""
        self.admin.post("/depth", symbol=symbol, bids=list(bids), asks=list(asks), snapshot=snapshot)

    def deposit(self, asset: str, amount: str) -> None:
        """Funds come in."""
        self.admin.post("/deposit", account="main", asset=asset, amount=amount)

    def set_reference_price(self, symbol: str, price: str | None) -> None:
        """Set what percent and notional filters compare with."""
        self.admin.post("/symbol", symbol=symbol, reference_price=price)

    async def subscribed(self) -> None:
        """Wait until somebody listens to a user data stream."""
        async with asyncio.timeout(SUBSCRIBED_MAX_S):
            while not any(one.get("accounts") for one in self.admin.get("/connections")):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@contextmanager
def running_box(
    *,
    source: str = "script",
    limits: bool = True,
    trades_per_second: float = 5.0,
    options: Sequence[str] = (),
    forked: bool = False,
) -> Iterator[Box]:
    """Start a server on a free port and stop it; what it logs goes to our own standard error when it has ended.

    ``forked``: from a process that has everything imported already.
    """
    with tempfile.TemporaryDirectory(prefix="fillwright-exchange-") as name:
        folder = Path(name)
        words = ["exchange", "run", "--json", "--port", "0", "--data", str(folder / "data")]
        words += ["--market", source, "--rate", str(trades_per_second)]
        words += [word for asset, amount in BALANCES.items() for word in ("--balance", f"{asset}={amount}")]
        words += [*([] if limits else ["--no-limits"]), *options]
        process = _started(words, folder, forked)
        try:
            box = Box(process, _up(process, folder / LOG), folder / LOG)
            if source == "script":
                box.depth("BTCUSDT", BOOK["bids"], BOOK["asks"])
            yield box
        finally:
            process.terminate()
            try:
                process.wait(STOP_MAX_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                sys.stderr.write("".join((folder / LOG).read_text().splitlines(keepends=True)[1:]))


def _started(words: Sequence[str], folder: Path, forked: bool) -> subprocess.Popen[bytes] | Forked:
    if forked:
        return Forked(words, folder, environment(), folder / LOG)
    with (folder / LOG).open("ab") as log:
        command = [sys.executable, "-m", "fillwright", *words]
        return subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=log)


def _up(process: subprocess.Popen[bytes] | Forked, log: Path) -> dict[str, Any]:
    """What it prints once it takes requests."""
    until = time.monotonic() + START_MAX_S
    while time.monotonic() < until:
        for line in (log.read_text() if log.exists() else "").splitlines(keepends=True):
            if line.startswith('{"') and line.endswith("}\n") and '"port"' in line:
                up: dict[str, Any] = json.loads(line)
                return up
        assert process.poll() is None, f"it has ended:\n{log.read_text() if log.exists() else ''}"
        time.sleep(0.01)
    raise AssertionError("the server did not start in time")
