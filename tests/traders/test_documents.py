"""What README and docs/TRADERS.md tell a user to write is run as it stands there."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from fillwright.core.inputs import Decision, Input, SubmitSignal
from fillwright.core.types import PositionDecision
from fillwright.traders import Decision as Decided
from fillwright.traders import Signal, Trader, TraderRunner, indicators, load_trader
from fillwright.traders.interface import Holding
from tests.traders.builders import START, SYMBOL, D, candle, position

ROOT = Path(__file__).resolve().parents[2]
TRADERS = (ROOT / "docs" / "TRADERS.md").read_text()
README = (ROOT / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to write a trader into."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def written(place: Path, text: str) -> tuple[str, dict[str, object]]:
    """Write a document's trader where its command looks for it; its name, and parameters if the text gives any."""
    (source,) = blocks(text, "python")
    (name,) = set(re.findall(r"--trader (\w+:\w+)", text))
    module, _, _ = name.partition(":")
    (place / f"{module}.py").write_text(source)
    tables = [tomllib.loads(block, parse_float=D)["traders"] for block in blocks(text, "toml")]
    for table in tables:
        (section,) = table.values()
        assert section["class"] == name
        return name, section["parameters"]
    return name, {}


def answers(trader: Trader, closes: list[float], held_at: int = -1) -> list[Input]:
    """What a trader makes of closes, holding a position at the one of ``held_at``."""
    runner = TraderRunner(trader, "mine", (SYMBOL,), "15m")
    inputs: list[Input] = []
    for row, close in enumerate(closes):
        held = position() if row == held_at else None
        inputs += runner.on_candle(candle(row, repr(close)), held, START)
    return inputs


def test_the_readmes_trader_buys_a_breakout(place: Path) -> None:
    name, _ = written(place, README)
    (item,) = answers(load_trader(name), [100.0] * 60 + [101.0])
    assert isinstance(item, SubmitSignal)
    assert item.signal.stop_loss == pytest.approx(D("98.98"))
    assert item.signal.take_profit == pytest.approx(D("104.03"))
    assert answers(load_trader(name), [100.0] * 61) == []


def test_the_ten_lines_buy_a_fall_and_sell_at_the_average(place: Path) -> None:
    name, parameters = written(place, TRADERS)
    fallen = [100.0] * 99 + [95.5]
    (item,) = answers(load_trader(name), fallen)
    assert isinstance(item, SubmitSignal)
    assert item.signal.stop_loss == pytest.approx(D("92.635"))
    assert item.signal.take_profit == pytest.approx(D(9595.5) / 96)
    (item,) = answers(load_trader(name), [*fallen[:-1], 101.0], held_at=99)
    assert isinstance(item, Decision)
    assert (item.decision, item.reasoning) == (PositionDecision.CLOSE, "back at the average")
    assert answers(load_trader(name, parameters), fallen) == []  # it wants five percent now


def test_the_document_names_what_there_is() -> None:
    calls = set(re.findall(r"`Decision\.(\w+)\(", TRADERS))
    assert calls == {"adjust_stop", "adjust_target", "reduce", "add", "close", "hold"}
    assert all(callable(getattr(Decided, name)) for name in calls)
    (section,) = re.findall(r"A signal may say more:\n(.*?)\nNumbers", TRADERS, flags=re.DOTALL)
    first_columns = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_columns))) == set(Signal.__struct_fields__)
    (section,) = re.findall(r"`position` is the trader's own.*?\n(.*?)\n## ", TRADERS, flags=re.DOTALL)
    first_columns = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)`", " ".join(first_columns)))
    assert named == {*Holding.__struct_fields__, "is_open"}
    (names,) = re.findall(r"`fillwright\.traders\.indicators` has (.*?):", TRADERS, flags=re.DOTALL)
    assert all(callable(getattr(indicators, name)) for name in re.findall(r"`(\w+)`", names))
    assert f"| {Trader.window} |" in TRADERS
    assert f"| {Trader.warm_up} |" in TRADERS
