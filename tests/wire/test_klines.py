from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.wire.codec import WireError
from fillwright.wire.klines import decode_klines
from tests.wire.recordings import _bodies

ROW = [
    1499040000000,
    "0.01634790",
    "0.80000000",
    "0.01575800",
    "0.01577100",
    "148976.11427815",
    1499644799999,
    "2434.19055334",
    308,
    "1756.87402397",
    "28.46694368",
    "0",
]


def changed(place: int, value: Any) -> bytes:
    row = list(ROW)
    row[place] = value
    return json.dumps([ROW, row]).encode()


def test_rows_become_candles_with_exact_numbers() -> None:
    (kline,) = decode_klines(json.dumps([ROW]).encode())
    assert (kline.open_time, kline.close_time, kline.trades) == (ROW[0], ROW[6], 308)
    assert (str(kline.open), kline.high, kline.volume) == (
        "0.01634790",
        Decimal("0.8"),
        Decimal("148976.11427815"),
    )
    assert decode_klines(b"[]") == []


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"code":-1121,"msg":"Invalid symbol."}',
        b"[[1]]",
        b"<html>",
        changed(0, "now"),
        changed(1, "NaN"),
        changed(2, "1e20"),
        changed(3, "0"),
        changed(5, "-1"),
    ],
)
def test_what_is_no_list_of_candles_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="not a list of candles"):
        decode_klines(body)


def test_recorded_candles_are_read(shared_data: Path) -> None:
    found = 0
    for _, body in _bodies(shared_data / "fixtures"):
        if isinstance(body, list) and body and isinstance(body[0], list) and len(body[0]) == 12:
            found += len(decode_klines(json.dumps(body).encode()))
    assert found >= 10
