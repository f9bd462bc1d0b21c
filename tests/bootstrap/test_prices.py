"""What the settings say of the market."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.bootstrap.prices import OnTape, exchange_info_of, known, on_tape, with_order_limits
from fillwright.config import MarketConfig
from fillwright.core.settings import Settings
from fillwright.options import BadInputError
from fillwright.wire.exchange_info import ExchangeInfoError, parse_exchange_info
from tests.e2e.service import exchange_info

INSTRUMENTS = exchange_info_of(MarketConfig()).instruments


def tape(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-trades-2026-11-20.csv"
    path.write_text("".join(f"{n},60000.01,0.5,1.0,{1_795_168_800_000 + n},true,true\n" for n in range(50)))
    return path


def test_what_a_tape_holds(tmp_path: Path) -> None:
    config = MarketConfig(feed="tape", tapes=(tape(tmp_path),))
    assert on_tape(config, INSTRUMENTS) == OnTape(("BTCUSDT",), None)
    assert on_tape(MarketConfig(), INSTRUMENTS) == OnTape()
    with pytest.raises(BadInputError, match="no tape is named"):
        on_tape(MarketConfig(feed="tape"), INSTRUMENTS)


def test_a_tape_of_candles_says_of_which(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m-2026-11-20.csv"
    first = 1_795_168_800_000
    rows = [f"{first + 60_000 * n},1,1,1,1,5,{first + 60_000 * n + 59_999},5,1,1,1,0" for n in range(20)]
    path.write_text("\n".join(rows) + "\n")
    found = on_tape(MarketConfig(feed="tape", tapes=(path,)), INSTRUMENTS)
    assert (found.symbols, found.interval) == (("BTCUSDT",), "1m")


def test_an_unknown_symbol_is_named() -> None:
    known(("BTCUSDT",), INSTRUMENTS)
    with pytest.raises(BadInputError, match="unknown symbol NOPEUSDT"):
        known(("BTCUSDT", "NOPEUSDT"), INSTRUMENTS)


def test_another_exchange_info(tmp_path: Path) -> None:
    with pytest.raises(ExchangeInfoError):
        exchange_info_of(MarketConfig(exchange_info=tmp_path / "nowhere"))
    (tmp_path / "info.json").write_bytes(exchange_info(("BTCUSDT",)))
    info = exchange_info_of(MarketConfig(exchange_info=tmp_path / "info.json"))
    assert list(info.instruments) == ["BTCUSDT"]
    limits = with_order_limits(Settings(), info).venue.order_limits
    assert {orders for _, orders in limits} == {10_000_000}


def test_an_exchange_info_without_limits_changes_none() -> None:
    info = parse_exchange_info(b'{"timezone": "UTC", "serverTime": 1, "rateLimits": [], "exchangeFilters": [],'
                               b' "symbols": []}')  # fmt: skip
    assert with_order_limits(Settings(), info) == Settings()
