"""``shadow report`` on stores with and without a shadow."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from fillwright.commands.shadow import report
from fillwright.core.types import Mode
from fillwright.options import BadInputError
from fillwright.ports import Owner, ReadModel
from tests.reports.test_drift import T0, UNFILLED, D, Model, order, signal, twin


class Books(Model):
    """Two accounts, and whose they are."""

    names = ("paper", "shadow-testnet", "testnet")

    def accounts(self) -> list[Owner]:
        return [Owner(name, "local", Mode.PAPER) for name in self.names]


class Shelf:
    """Services with that model."""

    def __init__(self, model: Books) -> None:
        self.model: Any = model

    def read_model(self, database: Path) -> AbstractContextManager[ReadModel]:
        return nullcontext(self.model)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "journal.db").touch()
    return tmp_path


def books() -> Books:
    worse = order(executed_quote=D("200.2"), acknowledged_at=T0 + 31_000)
    return Books(
        [
            signal(1, worse, realized_pnl=D("1.5")),
            signal(2, order(**UNFILLED)),
            signal(3, code="SPREAD_TOO_WIDE"),
            signal(4),
        ],
        [twin(1, order(), realized_pnl=D(2)), twin(2, order()), twin(3)],
    )


def told(shelf: Any, out: Path, capsys: pytest.CaptureFixture[str], since: str | None = None) -> str:
    report(shelf, out, None, since, False)
    return capsys.readouterr().out


def test_people_get_tables(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(Shelf(books()), out, capsys)
    assert "testnet against its shadow" in text
    assert "4 signals, 3 of them in both; the shadow missed 1." in text
    row = next(line.split() for line in text.splitlines() if line.startswith("BTCUSDT  entry"))
    assert row == [
        *("BTCUSDT", "entry", "LIMIT", "1", "+10", "+10", "+10", "-0.01", "11", "11", "21", "21"),
        *("1", "0", "0"),
    ]
    assert "1 × BTCUSDT: SPREAD_TOO_WIDE here, approved in the shadow" in text
    assert next(line.split() for line in text.splitlines() if line.startswith("all")) == [
        *("all", "3", "+1.50", "+2.00", "-0.50", "0"),
    ]


def test_programs_get_one_document(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf: Any = Shelf(books())
    report(shelf, out / "journal.db", "testnet", "1970-01-01", True)
    found = json.loads(capsys.readouterr().out)
    assert (found["signals"], found["shadowed"], found["mode"]) == (4, 3, "testnet")
    assert found["groups"][0]["price_bps"] == {"count": 1, "mean": "10", "p50": "10", "p99": "10"}
    assert found["since"] == "1970-01-01T00:16:39.99999Z"


def test_nothing_yet_is_said(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(Shelf(Books([], [])), out, capsys, "2026-11-21T08:00:00+01:00")
    assert "since 2026-11-21 07:00:00 UTC" in text
    assert "0 signals, 0 of them in both." in text
    assert "No position is closed in both yet." in text


def test_a_shadow_is_looked_for(out: Path, tmp_path: Path) -> None:
    shelf: Any = Shelf(books())
    for account in ("paper", "shadow-testnet", "moon"):
        with pytest.raises(BadInputError, match="testnet has one"):
            report(shelf, out, account, None, False)
    shelf.model.names = ("paper", "testnet")
    with pytest.raises(BadInputError, match=r"no account has a shadow; trading\.shadow = true"):
        report(shelf, out, None, None, False)
    shelf.model.names = ("mainnet", "shadow-mainnet", "shadow-testnet", "testnet")
    with pytest.raises(BadInputError, match="several shadows; name one with --account: mainnet, testnet"):
        report(shelf, out, None, None, False)
    with pytest.raises(BadInputError, match="no journal there"):
        report(shelf, tmp_path / "nowhere", None, None, False)
    with pytest.raises(BadInputError, match="--since 'soon'"):
        report(shelf, out, None, "soon", False)
