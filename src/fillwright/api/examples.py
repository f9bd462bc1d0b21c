"""Requests and their answers as the reference shows them; a test sends each, in this order, to a service.

The prices are those of a symbol that trades at 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

SYMBOL = "SOLUSDT"
Json = Mapping[str, Any]


class Example(msgspec.Struct, frozen=True):
    """One request, and what comes of it."""

    words: str
    method: str
    path: str
    status: int
    answer: Json
    body: Json | None = None
    headers: Mapping[str, str] = {}


SIGNAL: Json = {
    "symbol": SYMBOL,
    "side": "long",
    "trader_id": "ada",
    "stop_loss": "95",
    "take_profit": "110",
    "size": {"quote": "200"},
}
KEY = {"Idempotency-Key": "breakout-42"}
HALF: Json = {"fraction": "0.5"}
TAKEN: Json = {
    "id": 1,
    "status": "entering",
    "code": None,
    "value": None,
    "limit": None,
    "message": "",
    "position_id": 1,
    "repeated": False,
}
DONE: Json = {"success": True, "position_id": 1, "repeated": False}
QUOTES: Json = {
    "quotes": [
        {
            "symbol": SYMBOL,
            "bid": "99.99",
            "ask": "100.01",
            "last": "100",
            "time": "2026-11-20T10:00:00.000000Z",
            "traded_at": "2026-11-20T10:00:00.000000Z",
        }
    ],
    "feed": {"source": "synthetic", "connected": True, "detail": "", "age_ms": 0},
}


def _error(code: str, message: str, details: Json) -> Json:
    return {"error": {"code": code, "message": message, "details": details}}


EXAMPLES = (
    Example(
        "Send a signal. 201: it is recorded. What the engine made of it is in `status`; a signal that a risk check "
        "denies is an answer like any other, with `code`, `value` and `limit`.",
        "POST",
        "/api/signals",
        201,
        TAKEN,
        SIGNAL,
        KEY,
    ),
    Example(
        "The same signal with the same key gets the first answer again, with 200, and nothing happens twice.",
        "POST",
        "/api/signals",
        200,
        {**TAKEN, "repeated": True},
        SIGNAL,
        KEY,
    ),
    Example(
        "Another body under the same key is a conflict.",
        "POST",
        "/api/signals",
        409,
        _error("KEY_CONFLICT", "this key came before with another body", {"signal_id": 1}),
        {**SIGNAL, "stop_loss": "94"},
        KEY,
    ),
    Example(
        "A mistake in the body: the details name the field.",
        "POST",
        "/api/signals/preview",
        400,
        _error(
            "INVALID_FIELD",
            "$.stop_loss: Expected `str | null`, got `int` (amounts are texts, so that they stay exact)",
            {"path": "$.stop_loss"},
        ),
        {**SIGNAL, "stop_loss": 95},
    ),
    Example(
        "Sell half of a position; the rest stays protected. The key makes it safe to send again.",
        "POST",
        "/api/positions/1/reduce",
        200,
        DONE,
        HALF,
        {"Idempotency-Key": "half-1"},
    ),
    Example(
        "Sent again: it was done, and is not done again.",
        "POST",
        "/api/positions/1/reduce",
        200,
        {**DONE, "repeated": True},
        HALF,
        {"Idempotency-Key": "half-1"},
    ),
    Example("The newest prices.", "GET", "/api/quotes", 200, QUOTES),
    Example(
        "Close a position at the market.",
        "POST",
        "/api/positions/1/close",
        200,
        DONE,
        {"reason": "enough"},
        {"Idempotency-Key": "close-1"},
    ),
    Example(
        "Stop entries at once, and cancel those that work; with `flatten` every position is sold, too.",
        "POST",
        "/api/emergency-stop",
        200,
        {
            "cancelled_orders": [],
            "disabled": True,
            "sold": [],
            "left": [],
            "verified": True,
            "took_ms": 2,
            "orders_left": [],
        },
        {"flatten": True, "reason": "drill"},
        {"X-Confirm-Emergency-Stop": "CONFIRM_STOP_ALL_TRADING"},
    ),
    Example(
        "Take entries again.",
        "POST",
        "/api/resume",
        200,
        {"success": True, "repeated": False},
        {"reason": "the drill is over"},
    ),
    Example(
        "Whether signals are taken; needs no token.", "GET", "/readyz", 200, {"ready": True, "reasons": []}
    ),
)
