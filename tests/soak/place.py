"""Where the soak happens: the exchange as a process of its own, with customers that have coins of their own, and a
service for each customer, on the same five symbols.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fillwright.core.types import Symbol
from tests.e2e.exchange.box import Box, running_box
from tests.e2e.service import Service, exchange_info

SYMBOLS: tuple[Symbol, ...] = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")
CHANGES: dict[Symbol, dict[str, Any]] = {
    "ETHUSDT": {"opoAllowed": False},
    "SOLUSDT": {"opoAllowed": False, "otoAllowed": False},
    "XRPUSDT": {"opoAllowed": False, "otoAllowed": False, "ocoAllowed": False},
    "ADAUSDT": {"cancelReplaceAllowed": False, "amendAllowed": False},
}
"""What a symbol may not do, so that all plans are used; ADAUSDT has few slots for stops besides."""
FEW_SLOTS: Symbol = "ADAUSDT"
SLOTS = 7
CUSTOMERS = ("ada", "bob")
OWN: dict[str, dict[str, str]] = {
    "ada": {"USDT": "5000000", "BTC": "3", "SOL": "40", "ADA": "77.7"},
    "bob": {"USDT": "5000000", "ETH": "9.5", "XRP": "0.3"},
}
"""What the customers bring; all but USDT is theirs for good, and the services must leave it alone."""
WEIGHT = 6_000
"""A minute; Binance's 6,000 would have the services deny most of 20 signals a second."""
MARKET_RATE = 20.0
"""Trades of the outside market a second and symbol."""


def restrained(symbols: tuple[Symbol, ...] = SYMBOLS) -> bytes:
    """The built-in exchangeInfo, with symbols that lack this and that."""
    body = json.loads(exchange_info(symbols))
    for row in body["symbols"]:
        row.update(CHANGES.get(row["symbol"], {}))
        for one in row["filters"]:
            if row["symbol"] == FEW_SLOTS and one["filterType"] == "MAX_NUM_ALGO_ORDERS":
                one["maxNumAlgoOrders"] = SLOTS
    return json.dumps(body).encode()


class Customer(msgspec.Struct):
    """One account at the exchange, and the service that trades it.

    ``name`` is the account at the exchange; at its service it is ``testnet``.
    """

    name: str
    service: Service


@contextmanager
def running_place(folder: Path, seed: int) -> Iterator[tuple[Box, Path, list[Customer]]]:
    """The exchange, its event log, and the customers' services, none of them started yet.

    All are forked from a process that has everything imported: so many starts are not to be spent on that.
    """
    (folder / "info.json").write_bytes(restrained())
    log = folder / "exchange.jsonl"
    settings = {
        "seed": seed,
        "exchange": {
            "order_counts": [{"interval_us": 10_000_000, "limit": 100_000, "label": "10 SECOND"}],
            "final_orders_max": 100_000,
            "fills_kept_max": 100_000,
            "trades_max": 100_000,
            "public_trades": True,
        },
        "limits": {"request_weight": WEIGHT, "connections": 100_000},
    }
    (folder / "exchange.json").write_text(json.dumps(settings))
    words = [
        *("--settings", str(folder / "exchange.json"), "--exchange-info", str(folder / "info.json")),
        *("--log", str(log)),
    ]
    with running_box(source="synthetic", trades_per_second=MARKET_RATE, options=words, forked=True) as box:
        customers = [Customer(name, _service(folder / name, name, box)) for name in CUSTOMERS]
        try:
            yield box, log, customers
        finally:
            for customer in customers:
                customer.service.close()


def _service(folder: Path, name: str, box: Box) -> Service:
    """A customer's account with an Ed25519 key, and a service in testnet mode for it."""
    folder.mkdir()
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "private.pem").write_bytes(pem)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    box.admin.post("/accounts", account=name, balances=OWN[name])
    key = box.admin.post("/keys", account=name, public_key=public.decode())["api_key"]
    changes: dict[str, dict[str, Any]] = {
        "trading": {"mode": "testnet"},
        "testnet": {
            "api_key": key,
            "private_key_file": str(folder / "private.pem"),
            "rest_url": box.rest,
            "websocket_api_url": box.ws,
            "streams_url": box.ws,
            "cap_usdt": 1_000,
        },
        # The breaker is what it is, and opens for a moment only: this is no test of how long nothing is traded.
        "risk": {"max_positions": 250},
        "breaker": {"circuit_breaker_cooldown_secs": 2, "identical_rejects_max": 100},
    }
    return Service(
        folder / "service",
        symbols=SYMBOLS,
        info=restrained(),
        trades_per_second=0.1,  # of paper, which nobody trades
        changes=changes,
        forked=True,
    )


def own_coins(name: str) -> dict[str, Decimal]:
    """What a customer has beside the money that is traded with."""
    return {asset: Decimal(amount) for asset, amount in OWN[name].items() if asset != "USDT"}
