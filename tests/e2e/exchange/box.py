"""A server as a process of its own, with two accounts and a book of BTCUSDT, steered through its admin door."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
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

STOP_MAX_S = 10.0
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
        admin: its admin door.
    """

    def __init__(self, process: subprocess.Popen[str], up: dict[str, Any]) -> None:
        self.process = process
        self.host, self.port = "127.0.0.1", int(up["port"])
        self.rest, self.ws = f"http://{self.host}:{self.port}", f"ws://{self.host}:{self.port}"
        self.api_key, self.secret = up["keys"][0]["api_key"], up["keys"][0]["secret"]
        self.admin = AdminClient(self.rest, up["admin_token"])
        private = Ed25519PrivateKey.generate()
        self.ed25519_private = private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.ed25519_key = self.admin.post("/keys", account="main", public_key=public.decode())["api_key"]

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
) -> Iterator[Box]:
    """Start a server on a free port and stop it; whatever it logs goes to our own standard error."""
    with tempfile.TemporaryDirectory(prefix="fillwright-exchange-") as folder:
        command = [sys.executable, "-m", "fillwright", "exchange", "run", "--json", "--port", "0"]
        command += [
            "--data",
            str(Path(folder) / "data"),
            "--market",
            source,
            "--rate",
            str(trades_per_second),
        ]
        command += [word for asset, amount in BALANCES.items() for word in ("--balance", f"{asset}={amount}")]
        command += [*([] if limits else ["--no-limits"]), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                assert line, "the server did not start"
                box = Box(process, json.loads(line))
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
