from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from fillwright.commands.journal import (
    SPARE_OF_POSITIONS,
    SPARE_OF_TRADES,
    Listing,
    account_of,
    collect,
    orders,
    positions,
    trades,
)
from fillwright.core.events import Record, UserModeSwitched
from fillwright.core.types import Mode
from fillwright.options import BadInputError, ReplayOptions, ReplayProgress, ReplayResult
from fillwright.ports import ADMIN, Owner, Page, ReadModel
from tests.reports.sample import ACCOUNT, MemoryModel, position, trade


class Shelf:
    """Services with a read model in memory."""

    def __init__(self, model: MemoryModel) -> None:
        self.model = model

    def replay(self, options: ReplayOptions, progress: Callable[[ReplayProgress], None]) -> ReplayResult:
        raise AssertionError("not asked for")

    def read_model(self, database: Path) -> AbstractContextManager[ReadModel]:
        return nullcontext(self.model)


class TwoAccounts(MemoryModel):
    def accounts(self) -> list[Owner]:
        return [Owner("a", "local", Mode.PAPER), Owner("b", "local", Mode.PAPER)]

    def records(self, account_id: str, after_seq: int, limit: int = 50) -> list[Record]:
        return []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "journal.db").touch()
    return tmp_path


def test_the_only_account_is_taken(out: Path) -> None:
    with account_of(Shelf(MemoryModel()), out, None) as (_, account):
        assert account == ACCOUNT
    with account_of(Shelf(MemoryModel()), out / "journal.db", None) as (_, account):
        assert account == ACCOUNT


def test_of_several_accounts_one_must_be_named(out: Path) -> None:
    shelf = Shelf(TwoAccounts())
    with pytest.raises(BadInputError, match="name one with --account: a, b"), account_of(shelf, out, None):
        pass
    with account_of(shelf, out, "b") as (_, account):
        assert account == "b"
    with pytest.raises(BadInputError, match="no account 'c'; it has a, b"), account_of(shelf, out, "c"):
        pass


def test_of_several_accounts_that_of_the_mode_in_force_is_taken(out: Path) -> None:
    class Switched(TwoAccounts):
        def accounts(self) -> list[Owner]:
            return [Owner("a", "local", Mode.PAPER), Owner("b", "local", Mode.TESTNET)]

        def records(self, account_id: str, after_seq: int, limit: int = 50) -> list[Record]:
            assert account_id == ADMIN
            modes = (Mode.PAPER, Mode.TESTNET)
            found = [
                Record(seq, 0, 0, UserModeSwitched(user_id=user, old=Mode.PAPER, new=mode, by="eve"))
                for seq, (user, mode) in enumerate(
                    [*(("local", mode) for mode in modes), ("bob", Mode.PAPER)], 1
                )
            ]
            return [record for record in found if record.seq > after_seq][:limit]

    with account_of(Shelf(Switched()), out, None) as (_, account):
        assert account == "b"


def test_pages_are_read_until_the_limit() -> None:
    asked: list[tuple[int, str | None]] = []

    def fetch(limit: int, cursor: str | None) -> Page[int]:
        asked.append((limit, cursor))
        start = int(cursor or 0)
        rows = tuple(range(start, min(start + min(limit, 3), 10)))
        return Page(rows, str(start + len(rows)) if start + len(rows) < 10 else None)

    assert collect(fetch, 5, None) == ([0, 1, 2, 3, 4], "5")
    assert asked == [(5, None), (2, "3")]
    assert collect(fetch, 100, "5") == ([5, 6, 7, 8, 9], None)


def test_tables_for_people(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [trade(1, "2.5"), trade(2, None), trade(3, "-1", symbol="ETHUSDT")]
    shelf = Shelf(MemoryModel(trade_rows=rows, position_rows=[position(row, "12.5") for row in rows]))
    trades(shelf, out, None, Listing())
    text = capsys.readouterr().out
    assert "+2.50" in text
    assert "-1.00" in text
    assert "take_profit" in text
    trades(shelf, out, None, Listing(symbol="ETHUSDT"))
    assert "BTCUSDT" not in capsys.readouterr().out
    trades(shelf, out, None, Listing(status="open"))
    assert "take_profit" not in capsys.readouterr().out
    positions(shelf, out, None, Listing())
    text = capsys.readouterr().out
    assert "12.5" in text
    assert "closed (stop_loss)" in text
    orders(shelf, out, None, Listing())
    assert capsys.readouterr().out == "No orders.\n"


def test_a_narrow_terminal_sees_whole_columns_and_is_told_of_the_others(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fillwright.commands.output.WIDTH_WITHOUT_TERMINAL", 80)
    rows = [trade(number, "2") for number in (1, 2)]
    shelf = Shelf(MemoryModel(trade_rows=rows, position_rows=[position(row) for row in rows]))
    for show, spare in ((trades, SPARE_OF_TRADES), (positions, SPARE_OF_POSITIONS)):
        show(shelf, out, None, Listing())
        head, *lines, note = capsys.readouterr().out.strip().splitlines()
        assert max(map(len, (head, *lines))) <= 80
        assert len(lines) == 2
        assert note.startswith("A wider terminal shows ")
        assert spare[0] in note
