from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.reports.data import gather
from fillwright.reports.summary import builtins, summary, summary_json, timestamp
from tests.reports.sample import ACCOUNT, START, MemoryModel, candles, run_info
from tests.reports.test_data import model


def test_money_is_exact_text_and_ratios_are_numbers() -> None:
    content = summary(gather(model(), ACCOUNT, run_info(days=7), (candles(days=7),)))
    assert content["trades"]["profit"] == "22"
    assert content["trades"]["profit_factor"] == pytest.approx(28 / 6)
    assert (content["trades"]["open"], content["trades"]["failed"]) == (1, 1)
    assert content["equity"]["end"] == content["account"]["balance"] == "10022.5"
    assert content["denials"] == {"QUOTE_STALE": 1}
    assert content["protection"]["classes"]["≤ 50 ms"] == 1
    assert content["run"]["start"] == "2025-05-20T00:00:00Z"
    assert content["by_symbol"]["BTCUSDT"]["trades"] == 20
    assert content["market_change_percent"].keys() == {"BTCUSDT"}
    assert content["account"]["balances"][0] == {"asset": "BTC", "free": "0.00000123", "locked": "0"}


def test_no_figure_is_null_text_or_infinite() -> None:
    """Whatever is undefined is null: JSON has no other word for it."""
    written = summary_json(gather(MemoryModel(), ACCOUNT, run_info(days=1)))
    read = msgspec.json.decode(written)
    assert read["trades"]["profit_factor"] is None
    assert read["equity"]["sharpe"] is None
    assert b"Infinity" not in written
    assert b"NaN" not in written
    assert written.endswith(b"}\n")


def test_the_same_run_gives_the_same_bytes() -> None:
    data = gather(model(), ACCOUNT, run_info(days=7))
    assert summary_json(data) == summary_json(gather(model(), ACCOUNT, run_info(days=7)))


def test_times_are_rfc_3339() -> None:
    assert timestamp(START + 1_500_000) == "2025-05-20T00:00:01.5Z"
    assert builtins({"a": (Decimal("1E+2"), None)}) == {"a": ["100", None]}
