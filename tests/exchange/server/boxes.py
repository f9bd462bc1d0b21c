"""Servers without their shells, for tests: time by hand, no market but what a test pushes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fillwright.core.requests import OrderRequest
from fillwright.core.types import OrderType, Side, TimeInForce
from fillwright.exchange.server.assembly import make_box
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.settings import (
    AccountSettings,
    BoxSettings,
    ClockSettings,
    KeySettings,
    MarketSettings,
    SourceKind,
)

START = 1_795_168_800_000_000
API_KEY = "k" * 64
SECRET = "s" * 64


def frozen(**changes: Any) -> BoxSettings:
    """Settings of a server that does nothing by itself."""
    values: dict[str, Any] = {
        "symbols": ("BTCUSDT", "ETHUSDT"),
        "clock": ClockSettings(is_frozen=True, start_us=START),
        "market": MarketSettings(source=SourceKind.SCRIPT),
        "accounts": (
            AccountSettings(
                balances={"USDT": Decimal(100_000), "BTC": Decimal(1)},
                keys=(KeySettings(api_key=API_KEY, secret=SECRET),),
            ),
        ),
        **changes,
    }
    return BoxSettings(**values)


def frozen_box(**changes: Any) -> Box:
    """A server that does nothing by itself, with a market of BTCUSDT at 50,000."""
    box = make_box(frozen(**changes))
    box.quote("BTCUSDT", Decimal("49999.99"), Decimal(5), Decimal("50000.01"), Decimal(5), box.now)
    box.trade("BTCUSDT", Decimal(50_000), Decimal(1), False, box.now)
    return box


def limit_order(price: str, quantity: str = "0.001", own: str = "a-1", **changes: Any) -> OrderRequest:
    """A limit order to buy BTC."""
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "client_order_id": own,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        **changes,
    }
    return OrderRequest(**values)
