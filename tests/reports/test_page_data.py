from __future__ import annotations

import base64
import gzip
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from fillwright.core.types import MINUTE, SECOND
from fillwright.reports import page_data as module
from fillwright.reports.data import gather
from fillwright.reports.page_data import curve_columns, escaped, packed, page_data, price_decimals
from tests.reports.sample import ACCOUNT, START, MemoryModel, candles, portfolio, run_info, trade
from tests.reports.test_data import model

D = Decimal


def test_trades_are_columns_of_equal_length() -> None:
    content = msgspec.json.decode(page_data(gather(model(), ACCOUNT, run_info(days=7), (candles(days=7),))))
    assert {len(column) for column in content["trades"].values()} == {21}
    assert content["names"] == {
        "symbols": ["BTCUSDT"],
        "traders": ["breakout"],
        "reasons": ["still open", "stop_loss", "take_profit"],
        "decimals": [2],
    }
    assert content["trades"]["closed"][-1] is None
    assert content["trades"]["exit"][-1] is None
    assert content["trades"]["pnl"][-1] == 0.5
    assert content["trades"]["opened"][0] == (START + 6 * 60 * MINUTE) / SECOND
    assert content["initial"] == 10_000
    assert content["left_out"] == 0


def test_texts_cannot_leave_the_script_element() -> None:
    evil = "</script><!--<script>alert(1)\u2028&"
    rows = [trade(1, "1", trader_id=evil, exit_reason=evil, symbol=evil)]
    written = page_data(gather(MemoryModel(trade_rows=rows, money=portfolio("10001")), ACCOUNT, run_info()))
    assert not set(b"<>&") & set(written)
    assert "\u2028" not in written.decode()
    assert msgspec.json.decode(written)["names"]["traders"] == [evil]


def test_escapes_are_json() -> None:
    assert msgspec.json.decode(escaped(b'"<>&"')) == "<>&"


def test_only_the_newest_trades_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRADES_MAX", 5)
    content = msgspec.json.decode(page_data(gather(model(), ACCOUNT, run_info(days=7))))
    assert content["trades"]["id"] == [17, 18, 19, 20, 21]
    assert content["left_out"] == 16


def test_a_curve_has_even_steps_and_keeps_its_ends_and_its_deepest_drawdown() -> None:
    random = np.random.Generator(np.random.PCG64(3))
    values = [D(str(value)) for value in np.round(10_000 + np.cumsum(random.normal(0, 1, 50_000)), 2)]
    curve = [(START + i * SECOND, value) for i, value in enumerate(values)]
    columns = curve_columns(curve)
    assert len(columns["time"]) <= module.CURVE_STEPS_MAX + 1
    assert set(np.diff(columns["time"])[:-1]) == {25}
    assert (columns["time"][0], columns["time"][-1]) == (START // SECOND, START // SECOND + 49_999)
    assert (columns["equity"][0], columns["equity"][-1]) == (float(values[0]), float(values[-1]))
    peaks = np.maximum.accumulate(np.array(values, dtype=float))
    assert max(columns["drawdown"]) == pytest.approx(
        100 * np.max(1 - np.array(values, dtype=float) / peaks), 1e-6
    )


def test_a_step_shows_its_end_and_its_deepest_drawdown() -> None:
    curve = [(START, D(100)), (START + 1, D(90)), (START + 2, D(95))]
    assert curve_columns(curve) == {"time": [START // SECOND], "equity": [95.0], "drawdown": [10.0]}


def test_time_without_a_mark_shows_as_such() -> None:
    curve = [(START, D(100)), (START + SECOND, D(90)), (START + 4 * SECOND, D(110))]
    columns = curve_columns(curve)
    assert columns["equity"] == [100, 90, 90, 90, 110]
    assert columns["drawdown"] == [0, 10, 10, 10, 0]


def test_candles_are_packed_small() -> None:
    series = candles(days=30)
    content = packed(series)
    assert (content["symbol"], content["interval"], content["decimals"]) == ("BTCUSDT", 60, 2)
    assert content["count"] == 43_200
    assert len(gzip.decompress(base64.b64decode(content["columns"]))) == 6 * 4 * 43_200
    assert len(content["columns"]) < 15 * 43_200


def test_prices_too_fine_for_32_bits_lose_what_nobody_sees() -> None:
    series = candles(days=1)
    content = packed(msgspec.structs.replace(series, price_decimals=8, close=series.close + 1e-7))
    assert content["decimals"] == 4


def test_decimals_without_candles_are_those_of_levels() -> None:
    rows = [trade(1, "1", stop_loss=D("0.12340"), take_profit=None)]
    assert price_decimals("BTCUSDT", rows) == 4
    assert price_decimals("ETHUSDT", rows) == 2
