from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.traders.breakout import Breakout
from fillwright.traders.errors import TraderLoadError
from fillwright.traders.loading import BUILT_IN, find_trader, load_trader

BASE = "from fillwright.traders import Signal, Trader\n"
MOMENTUM = (
    BASE
    + """
class Momentum(Trader):
    lookback = 20
    multiple = 2.5

    def on_candle(self, candles, position):
        return None


class Bought(Trader):
    def __init__(self, price, *, share: float = 0.5, names=("a",)):
        if share > 1:
            raise ValueError("share is above 1")
        self.given = (price, share, names)

    def on_candle(self, candles, position):
        return None


class Silent(Trader):
    pass


class Plain:
    def on_candle(self, candles, position):
        return None


class Outer:
    class Inner(Momentum):
        pass


number = 3
"""
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def write(place: Path, name: str, text: str = MOMENTUM) -> Path:
    file = place / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def said(spec: str, parameters: dict[str, Any] | None = None) -> str:
    with pytest.raises(TraderLoadError) as caught:
        load_trader(spec, parameters)
    text = str(caught.value)
    assert "\n" not in text
    return text


# -- found -------------------------------------------------------------------------------------------------------


def test_a_built_in_trader_has_a_short_name() -> None:
    trader = load_trader("breakout", {"lookback": 30, "reward": Decimal("1.5")})
    assert isinstance(trader, Breakout)
    assert (trader.lookback, trader.reward) == (30, 1.5)
    assert find_trader("breakout") is BUILT_IN["breakout"] is Breakout


def test_an_installed_module() -> None:
    assert type(load_trader("fillwright.traders.breakout:Breakout")) is Breakout


@pytest.mark.parametrize(
    ("file", "spec", "name"),
    [
        ("some_momentum.py", "some_momentum:Momentum", "Momentum"),
        ("some_package/inner.py", "some_package.inner:Momentum", "Momentum"),
        ("some_momentum.py", "some_momentum:Outer.Inner", "Inner"),
        ("some_momentum.py", "some_momentum.py:Momentum", "Momentum"),
        ("deep/er/my-bot.py", "deep/er/my-bot.py:Momentum", "Momentum"),
        ("deep/er/my-bot.py", "./deep/er/my-bot.py:Outer.Inner", "Inner"),
    ],
)
def test_a_module_or_file_of_the_current_directory(place: Path, file: str, spec: str, name: str) -> None:
    write(place, file)
    trader: Any = load_trader(spec, {"lookback": 7, "multiple": Decimal("1.25")})
    assert (type(trader).__name__, trader.lookback, trader.multiple) == (name, 7, 1.25)


def test_a_file_is_found_by_its_whole_path_and_imports_what_lies_beside_it(place: Path) -> None:
    write(place, "far/away/helper_of_bot.py", "LOOKBACK = 77\n")
    file = write(
        place,
        "far/away/bot.py",
        MOMENTUM.replace("lookback = 20", "from helper_of_bot import LOOKBACK as lookback"),
    )
    trader: Any = load_trader(f"{file}:Momentum")
    assert trader.lookback == 77


def test_two_files_of_one_name_stay_apart(place: Path) -> None:
    for number in (1, 2):
        write(place, f"{number}/bot.py", MOMENTUM.replace("20", str(number)))
    found: list[Any] = [load_trader(f"{number}/bot.py:Momentum") for number in (1, 2)]
    assert [trader.lookback for trader in found] == [1, 2]


def test_parameters_of_a_constructor_take_the_kind_of_its_defaults(place: Path) -> None:
    write(place, "some_bot.py")
    given: Any = load_trader("some_bot:Bought", {"price": 3, "share": Decimal("0.25"), "names": ["x"]})
    assert given.given == (3, 0.25, ("x",))
    assert type(given.given[1]) is float


# -- not found ---------------------------------------------------------------------------------------------------


def test_a_name_without_class() -> None:
    assert said("braekout").endswith("did you mean breakout?")
    assert "the class is missing: 'momentum.py:Class'" in said("momentum.py")
    assert "the class is missing" in said("bots.momentum")
    for spec in ("", ":", "module:", ":Class"):
        assert "module:Class, path/to/file.py:Class or breakout" in said(spec)


def test_no_such_module(place: Path) -> None:
    write(place, "momentum_bot.py")
    assert said("momentum_bto:Momentum") == "there is no module 'momentum_bto'; did you mean momentum_bot?"
    assert said("nowhere.at.all:Momentum").startswith("there is no module 'nowhere.at.all'")
    assert said("momentum_bot.inner:Momentum").startswith("there is no module 'momentum_bot.inner'")


def test_no_such_file(place: Path) -> None:
    write(place, "bots/momentum.py")
    assert said("bots/momentun.py:Momentum").endswith("did you mean momentum.py?")
    assert said("nowhere/momentum.py:Momentum") == "there is no file 'nowhere/momentum.py'"


def test_no_such_class(place: Path) -> None:
    write(place, "some_bot.py")
    assert said("some_bot:Momentun") == "some_bot has no 'Momentun'; did you mean Momentum?"
    assert said("some_bot:xyz") == "some_bot has no 'xyz'; there is Momentum, Bought, Silent"
    assert said("some_bot:Outer.Other").startswith("some_bot has no 'Outer.Other'")


@pytest.mark.parametrize("name", ["Plain", "number", "Signal"])
def test_not_a_trader(place: Path, name: str) -> None:
    write(place, "some_bot.py")
    assert said(f"some_bot:{name}") == (
        f"some_bot:{name} is not a trader: derive it from fillwright.traders.Trader"
    )


def test_a_trader_that_answers_nothing(place: Path) -> None:
    write(place, "some_bot.py")
    assert said("some_bot:Silent") == "some_bot:Silent does not define on_candle"


@pytest.mark.parametrize("form", ["broken_bot:Momentum", "broken_bot.py:Momentum"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import a_library_that_is_not_there\n", "No module named 'a_library_that_is_not_there'"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("def x(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_fails_is_shown_with_its_own_lines(
    place: Path, form: str, text: str, expected: str
) -> None:
    write(place, "broken_bot.py", text)
    with pytest.raises(TraderLoadError) as caught:
        load_trader(form)
    assert "cannot be imported" in str(caught.value)
    assert expected in str(caught.value)
    assert "broken_bot.py" in caught.value.trace
    assert "importlib" not in caught.value.trace
    assert "loading.py" not in caught.value.trace


# -- parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "parameters", "expected"),
    [
        ("some_bot:Momentum", {"lookbak": 3}, "there is no such parameter; did you mean lookback?"),
        ("some_bot:Momentum", {"lookback": 2.5}, "lookback: 2.5 is not a whole number"),
        ("some_bot:Bought", {"price": 1, "shares": 1}, "did you mean share?"),
        ("some_bot:Bought", {}, "price: it is needed, and has no default"),
        ("some_bot:Bought", {"price": 1, "share": "much"}, "share: 'much' is not a plain decimal number"),
        ("breakout", {"stop_atr": 0}, "stop_atr: 0.0 is not above zero"),
    ],
)
def test_a_parameter_refused_is_named(
    place: Path, spec: str, parameters: dict[str, Any], expected: str
) -> None:
    write(place, "some_bot.py")
    text = said(spec, parameters)
    assert "refuses a parameter" in text
    assert text.endswith(expected)


def test_a_constructor_that_raises_is_shown_with_its_own_lines(place: Path) -> None:
    write(place, "some_bot.py")
    with pytest.raises(
        TraderLoadError, match="Bought cannot be made: ValueError: share is above 1"
    ) as caught:
        load_trader("some_bot:Bought", {"price": 1, "share": 2})
    assert 'raise ValueError("share is above 1")' in caught.value.trace
    assert "loading.py" not in caught.value.trace


@pytest.mark.parametrize("spec", ["mine.py:Momentum", "mine:Momentum"])
def test_no_bytecode_is_left_that_could_outlive_a_mend(
    place: Path, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(place, "mine.py")
    assert find_trader(spec).__name__ == "Momentum"
    assert not (place / "__pycache__").exists()
    assert not sys.dont_write_bytecode
