"""Queries on SQLite itself: threads, indexes, size; the rest is the contract's."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from fillwright.ports import CorruptStoreError, NotADatabaseError
from fillwright.storage.sql import open_read_model, open_store, queries
from fillwright.storage.sql.database import PAGE_SIZE
from fillwright.storage.sql.queries import SqlReadModel
from tests.storage.story import OWNER, Story, replayed

ACCOUNT = OWNER.account_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with some trades."""
    story = Story()
    for _ in range(10):
        story.random_trade()
    with open_store(tmp_path / "journal.db") as store:
        projection = store.projection(OWNER)
        for step, ledger in replayed(story.steps):
            projection.observe(step, ledger)
        store.journal.append_group(ACCOUNT, story.records, projection=projection)
    return tmp_path / "journal.db"


def test_several_threads_may_ask(path: Path) -> None:
    with open_read_model(path) as model, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: model.trades(ACCOUNT), range(20)))

    assert all(answer == answers[0] for answer in answers)


def test_many_ids_are_asked_for_in_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_read_model(path) as model:
        number = model.trades(ACCOUNT, status="closed").items[0].id
        whole = model.orders_of(ACCOUNT, number)
        monkeypatch.setattr(queries, "IDS_MAX", 2)

        assert model.orders_of(ACCOUNT, number) == whole
        assert len(whole) == 3


def test_a_read_model_cannot_write(path: Path) -> None:
    with open_read_model(path) as model, model._connect() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            raw.execute("DELETE FROM journal")


def test_what_is_wrong_is_said_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("dear reader " * 100)

    with pytest.raises(NotADatabaseError):
        SqlReadModel(tmp_path / "letter.db")


def test_damage_is_named(path: Path) -> None:
    with closing(sqlite3.connect(path)) as outside:
        (root,) = outside.execute("SELECT rootpage FROM sqlite_master WHERE name = 'paper_trades'").fetchone()
    raw = bytearray(path.read_bytes())
    raw[(root - 1) * PAGE_SIZE : root * PAGE_SIZE] = b"\xff" * PAGE_SIZE
    path.write_bytes(raw)

    with open_read_model(path) as model, pytest.raises(CorruptStoreError):
        model.trades(ACCOUNT)


@pytest.mark.parametrize(
    ("table", "order"),
    [
        ("signals", "id DESC"),
        ("positions", "id DESC"),
        ("orders", "created_at DESC, id DESC"),
        ("paper_trades", "id DESC"),
        ("decisions", "seq DESC"),
    ],
)
def test_a_page_needs_no_sorting(path: Path, table: str, order: str) -> None:
    with closing(sqlite3.connect(path)) as outside:
        plan = outside.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE account_id = 'main' ORDER BY {order} LIMIT 50"
        ).fetchall()

    assert [detail for *_, detail in plan if "TEMP B-TREE" in detail or detail.startswith("SCAN")] == []


QUERIES = {
    "open orders": (
        "orders",
        "state IN ('Pending', 'New')",
        "created_at DESC, id DESC",
        "ix_orders_account_id_state",
    ),
    "open positions": (
        "positions",
        "status IN ('open', 'closing')",
        "id DESC",
        "ix_positions_account_id_status",
    ),
    "fills of an order": ("fills", "order_id IN ('a', 'b')", "timestamp", "ix_fills_account_id_order_id"),
    "an order by the venue's id": ("orders", "exchange_order_id = 7", "id", "ix_orders_exchange_order_id"),
}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_what_is_few_is_found_by_its_index(path: Path, name: str) -> None:
    table, where, order, index = QUERIES[name]
    with closing(sqlite3.connect(path)) as outside:
        plan = outside.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE account_id = 'main' AND {where} ORDER BY {order} LIMIT 50"
        ).fetchall()

    assert index in plan[0][3]
