"""Which source the settings mean; nothing outside of this machine is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fillwright.bootstrap import sources as module
from fillwright.bootstrap.prices import exchange_info_of
from fillwright.bootstrap.sources import Prices
from fillwright.config import MarketConfig
from fillwright.ports import MarketData, MarketUnavailableError
from fillwright.runtime.clock import SystemClock
from tests.bootstrap.test_prices import tape

INSTRUMENTS = exchange_info_of(MarketConfig()).instruments


def prices(tmp_path: Path, config: MarketConfig) -> Prices:
    return Prices(config, INSTRUMENTS, ("BTCUSDT",), ("1m",), SystemClock(), tmp_path / "market.json")


def chosen(tmp_path: Path, config: MarketConfig) -> MarketData:
    return asyncio.run(prices(tmp_path, config).choose())


def test_each_source_by_its_name(tmp_path: Path) -> None:
    assert chosen(tmp_path, MarketConfig(feed="synthetic")).source == "synthetic"
    assert chosen(tmp_path, MarketConfig(feed="binance")).source == "binance"
    assert chosen(tmp_path, MarketConfig(feed="tape", tapes=(tape(tmp_path),))).source == "tape"


@pytest.mark.parametrize("is_there", [True, False])
def test_auto_takes_binance_if_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    class Source:
        source = "binance"

        async def history(self, symbol: str, interval: str, count: int) -> list[object]:
            if not is_there:
                raise MarketUnavailableError("no route")
            return []

        async def run(self, sink: module.MarketData) -> None:
            sink.quote("BTCUSDT", 1, 1, 1, 1, 0)  # type: ignore[attr-defined]
            await asyncio.Event().wait()

    monkeypatch.setattr(module, "BinanceMarketData", lambda *given: Source())
    assert chosen(tmp_path, MarketConfig()).source == ("binance" if is_there else "synthetic")
