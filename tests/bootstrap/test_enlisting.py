"""Who trades what: the example unless somebody else is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.bootstrap.enlisting import DEMO_PARAMETERS, Lineup, line_up
from fillwright.bootstrap.prices import OnTape
from fillwright.config import load
from fillwright.market.intervals import Interval
from fillwright.options import BadInputError, ServiceOptions
from fillwright.traders import TraderLoadError


def lined_up(
    tmp_path: Path,
    text: str = "",
    on_tape: OnTape | None = None,
    trader: str | None = None,
    no_trader: bool = False,
) -> Lineup:
    (tmp_path / "fillwright.toml").write_text(text)
    config = load(environment={}, folder=tmp_path)
    return line_up(ServiceOptions(config=config, trader=trader, no_trader=no_trader), on_tape or OnTape())


def test_the_example_on_three_symbols(tmp_path: Path) -> None:
    lineup = lined_up(tmp_path)
    assert lineup.symbols == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    (runner,) = lineup.runners()
    assert (runner.trader_id, runner.interval) == ("breakout", "5s")
    assert {name: getattr(runner.trader, name) for name in DEMO_PARAMETERS} == DEMO_PARAMETERS
    assert (lineup.settings.candle_interval, lineup.settings.risk.cooldown_minutes) == ("5s", 2)


def test_what_is_set_stays_set_for_the_example(tmp_path: Path) -> None:
    lineup = lined_up(tmp_path, '[risk]\ncooldown_minutes = 60\n[basic]\ncandle_interval = "15m"\n')
    assert (lineup.settings.candle_interval, lineup.settings.risk.cooldown_minutes) == ("15m", 60)
    assert lineup.settings.risk.max_daily_trades == 1_000


TWO = """
[traders.ada]
class = "breakout"
interval = "1m"
symbols = ["XRPUSDT"]
[traders.bob]
class = "breakout"
symbols = ["ETHUSDT"]
[traders.webhook]
"""


def test_traders_of_the_settings(tmp_path: Path) -> None:
    lineup = lined_up(tmp_path, TWO)
    assert lineup.symbols == ("XRPUSDT", "ETHUSDT")
    assert [(one.trader_id, one.interval, one.symbols) for one in lineup.runners()] == [
        ("ada", "1m", ("XRPUSDT",)),
        ("bob", "15m", ("ETHUSDT",)),
    ]
    assert lineup.settings.risk.cooldown_minutes == 60


def test_one_of_them_or_another(tmp_path: Path) -> None:
    assert list(lined_up(tmp_path, TWO, trader="bob").traders) == ["bob"]
    assert list(lined_up(tmp_path, TWO, trader="mine.py:Mine").traders) == ["Mine"]
    with pytest.raises(TraderLoadError):
        lined_up(tmp_path, trader="nobody").runners()


def test_nobody(tmp_path: Path) -> None:
    lineup = lined_up(tmp_path, no_trader=True)
    assert (lineup.runners(), lineup.symbols) == ([], ("BTCUSDT", "ETHUSDT", "SOLUSDT"))
    assert lineup.settings.risk.cooldown_minutes == 60


def test_symbols_of_the_market_come_first(tmp_path: Path) -> None:
    text = '[market]\nsymbols = ["ADAUSDT"]\n[basic]\nsymbols = ["ADAUSDT", "ETHUSDT"]\n'
    assert lined_up(tmp_path, text).symbols == ("ADAUSDT",)
    with pytest.raises(BadInputError, match="trader ada wants XRPUSDT"):
        lined_up(tmp_path, text + TWO)


def test_symbols_of_a_tape(tmp_path: Path) -> None:
    assert lined_up(tmp_path, "", OnTape(("LTCUSDT",))).symbols == ("LTCUSDT",)
    with pytest.raises(BadInputError, match="ADAUSDT is not on the tape"):
        lined_up(tmp_path, '[market]\nsymbols = ["ADAUSDT"]\n', OnTape(("LTCUSDT",)))


def test_the_example_takes_the_candles_that_a_tape_has(tmp_path: Path) -> None:
    lineup = lined_up(tmp_path, "", OnTape(("LTCUSDT",), Interval.M1))
    assert [str(one.interval) for one in lineup.runners()] == ["1m"]
    assert lineup.settings.candle_interval == "1m"
