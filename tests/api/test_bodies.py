from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.api.bodies import AddBody, AdjustBody, BodyDTO, ReduceBody, SignalBody
from fillwright.api.errors import ApiError
from fillwright.core.inputs import Entry, Size
from fillwright.core.types import Direction, PositionDecision
from fillwright.spelling import parse_moment

LEAST = {"symbol": "AAAUSDT", "side": "long"}


def decode(fields: dict[str, Any]) -> SignalBody:
    body: SignalBody = BodyDTO[SignalBody](None).decode_bytes(msgspec.json.encode(fields))  # type: ignore[arg-type]
    return body


def test_a_body_becomes_the_cores_signal_exactly() -> None:
    body = decode(
        {
            **LEAST,
            "trader_id": "ada",
            "confidence": "0.75",
            "entry": {"type": "limit", "price": "100.10"},
            "stop_loss": "0.000000000000000001",
            "size": {"quote": "200"},
            "expires_at": "2026-11-20T11:00:00+01:00",
            "metadata": {"model": "m1"},
        }
    )

    signal = body.signal(5, "k")

    assert (signal.trader_id, signal.side, signal.created_at, signal.key) == ("ada", Direction.LONG, 5, "k")
    assert signal.entry == Entry("limit", Decimal("100.10"))
    assert signal.stop_loss == Decimal("1E-18")
    assert signal.size == Size(quote=Decimal(200))
    assert signal.expires_at == parse_moment("2026-11-20T10:00:00Z")
    assert signal.metadata == {"model": "m1"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"symbol": 5}, "$.symbol"),
    ({"side": "up"}, "$.side"),
    ({"stop_loss": 95.5}, "$.stop_loss"),
    ({"stop_loss": "95.5x"}, "$.stop_loss"),
    ({"stop_loss": "1e5"}, "$.stop_loss"),
    ({"stop_loss": "NaN"}, "$.stop_loss"),
    ({"stop_loss": "-5"}, "$.stop_loss"),
    ({"stop_loss": "95\n"}, "$.stop_loss"),
    ({"stop_loss": "0"}, "$.stop_loss"),
    ({"stop_loss": "9" * 31}, "$.stop_loss"),
    ({"take_profit": "0.0"}, "$.take_profit"),
    ({"confidence": "1.01"}, "$.confidence"),
    ({"entry": {"type": "limit"}}, "$.entry.price"),
    ({"entry": {"type": "market", "price": "1"}}, "$.entry.price"),
    ({"entry": {"type": "stop"}}, "$.entry.type"),
    ({"size": {}}, "$.size"),
    ({"size": {"quote": "1", "risk_percent": "1"}}, "$.size"),
    ({"size": {"risk_percent": "101"}}, "$.size.risk_percent"),
    ({"created_at": "2026-11-20T10:00:00"}, "$.created_at"),
    ({"created_at": 1}, "$.created_at"),
    ({"expires_at": "0001-01-01T00:00:00Z"}, "$.expires_at"),
    ({"interval": "soon"}, "$.interval"),
    ({"trader_id": "a|b"}, "$.trader_id"),
    ({"key": ""}, "$.key"),
    ({"metadata": {"a": 1}}, "$.metadata[...]"),
    ({"metadata": {str(n): "" for n in range(33)}}, "$.metadata"),
    ({"surprise": 1}, "$"),
]


@pytest.mark.parametrize(("change", "path"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_refused_with_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(ApiError) as caught:
        decode({**LEAST, **change}).signal(1, None)
    assert (caught.value.status, caught.value.details) == (400, {"path": path})


@pytest.mark.parametrize("body", [b"{", b"\xff", b"nul", b'{"symbol": "A", }'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        BodyDTO[SignalBody](None).decode_bytes(body)  # type: ignore[arg-type]
    assert caught.value.code == "MALFORMED_JSON"


def test_commands_about_a_position_say_one_thing() -> None:
    assert ReduceBody(fraction="0.5").decision(3, "op", None).decision is PositionDecision.REDUCE
    assert ReduceBody(quantity="1").decision(3, "op", None).quantity == 1
    assert AddBody(quote="50").decision(3, "op", "k").quote == 50
    assert AdjustBody(take_profit="5", widen=True).command(3, "op", None).take_profit == 5
    for wrong in (ReduceBody(), ReduceBody(fraction="0.5", quantity="1"), ReduceBody(fraction="1")):
        with pytest.raises(ApiError):
            wrong.decision(3, "op", None)
    with pytest.raises(ApiError):
        AdjustBody().command(3, "op", None)
