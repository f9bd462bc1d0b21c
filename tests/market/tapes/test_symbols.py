from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.market.tapes.errors import TapeError
from fillwright.market.tapes.symbols import known, symbols_in_name, tape_symbol
from tests.market.tapes.samples import INSTRUMENTS


def test_names_of_files_tell_symbols() -> None:
    assert symbols_in_name(Path("lostleaf_BTCUSDT-1m-2020-01-01.zip"), INSTRUMENTS) == ["BTCUSDT"]
    assert symbols_in_name(Path("x/ethusdt_20240808_ws.gz"), INSTRUMENTS) == ["ETHUSDT"]
    assert symbols_in_name(Path("trades.csv"), INSTRUMENTS) == []


@pytest.mark.parametrize(
    ("name", "asked", "in_rows", "symbol"),
    [
        ("BTCUSDT.csv", None, None, "BTCUSDT"),
        ("tape.csv", "ETHUSDT", None, "ETHUSDT"),
        ("tape.csv", None, "ETHUSDT", "ETHUSDT"),
        ("BTCUSDT.csv", None, "ETHUSDT", "ETHUSDT"),
        ("BTCUSDT_ETHUSDT.csv", "ETHUSDT", None, "ETHUSDT"),
    ],
)
def test_the_symbol_comes_from_whoever_knows_it(
    name: str, asked: str | None, in_rows: str | None, symbol: str
) -> None:
    assert tape_symbol(Path(name), asked, in_rows, INSTRUMENTS) == symbol


@pytest.mark.parametrize(
    ("name", "asked", "in_rows", "what"),
    [
        ("tape.csv", None, None, "neither the rows nor the file's name tell the symbol"),
        ("BTCUSDT.csv", "ETHUSDT", None, "the file's name says BTCUSDT, not ETHUSDT"),
        ("tape.csv", "ETHUSDT", "BTCUSDT", "is a tape of BTCUSDT, not of ETHUSDT"),
        ("tape.csv", "BTCUSD", None, "'BTCUSD' is not in the exchange info; did you mean BTCUSDT"),
        ("tape.csv", None, "NOPE", "'NOPE' is not in the exchange info"),
    ],
)
def test_disagreement_and_ignorance_are_told(
    name: str, asked: str | None, in_rows: str | None, what: str
) -> None:
    with pytest.raises(TapeError, match=what):
        tape_symbol(Path(name), asked, in_rows, INSTRUMENTS)


def test_known_symbols_give_their_instrument() -> None:
    assert known(Path("x"), "ETHBTC", INSTRUMENTS).quote == "BTC"
