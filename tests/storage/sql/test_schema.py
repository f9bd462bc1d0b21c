"""The schema is what the records say: tables, names, and the indexes, read back from a real database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fillwright.core.types import Mode
from fillwright.ports import views
from fillwright.storage.sql import open_store, schema

TABLES = {
    "journal",
    "snapshots",
    "signals",
    "positions",
    "orders",
    "fills",
    "paper_trades",
    "real_trades",
    "paper_portfolios",
    "real_portfolios",
    "paper_trading_settings",
    "real_trading_settings",
    "risk_limits",
    "decisions",
    "pnl_snapshots",
    "read_model_positions",
}
TRADES_INDEXES = {"symbol, status, order_time desc", "user_id, mode, close_time desc"}
INDEXES: dict[str, set[str]] = {
    "journal": {"unique account_id, seq"},
    "snapshots": {"unique account_id, seq, name"},
    "signals": {"unique account_id, id", "account_id, trader_id, key"},
    "positions": {"unique account_id, id", "account_id, status", "trader_id", "signal_id"},
    "orders": {
        "unique account_id, id",
        "account_id, state",
        "exchange_order_id",
        "account_id, created_at, id",
    },
    "fills": {"unique account_id, symbol, trade_id", "account_id, order_id"},
    "paper_trades": {"unique account_id, id", *TRADES_INDEXES},
    "real_trades": {"unique account_id, id", *TRADES_INDEXES},
    "paper_portfolios": {"unique account_id", "unique user_id, mode"},
    "real_portfolios": {"unique account_id", "unique user_id, mode"},
    "paper_trading_settings": {"unique account_id"},
    "real_trading_settings": {"unique account_id"},
    "risk_limits": {"unique account_id, trader_id, symbol"},
    "decisions": {"unique account_id, seq"},
    "pnl_snapshots": {"unique account_id, seq"},
    "read_model_positions": {"unique account_id"},
}
"""Keys, what queries of users need, and each listing's cursor."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A fresh store, seen by SQLite alone."""
    open_store(tmp_path / "journal.db").close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as made:
        yield made


def indexes(connection: sqlite3.Connection, table: str) -> set[str]:
    """A table's indexes, as SQLite has them."""
    found = set()
    for _, name, unique, *_ in connection.execute(f"PRAGMA index_list('{table}')"):
        columns = [
            column + (" desc" if descending else "")
            for _, _, column, descending, _, is_key in connection.execute(f"PRAGMA index_xinfo('{name}')")
            if is_key
        ]
        found.add(("unique " if unique else "") + ", ".join(columns))
    return found


def test_the_tables_are_there(connection: sqlite3.Connection) -> None:
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    assert found - {"alembic_version", "sqlite_stat1"} == TABLES == set(INDEXES)
    assert set(schema.metadata.tables) == TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_indexes_are_there(connection: sqlite3.Connection, table: str) -> None:
    assert indexes(connection, table) == INDEXES[table]


@pytest.mark.parametrize(
    ("view", "table", "without"),
    [
        (views.SignalView, schema.signals, set()),
        (views.OrderView, schema.orders, {"fills"}),
        (views.FillView, schema.fills, set()),
        (views.PositionView, schema.positions, set()),
        (views.TradeView, schema.paper_trades, set()),
        (views.TradeView, schema.real_trades, set()),
        (views.PortfolioView, schema.paper_portfolios, set()),
        (views.PortfolioView, schema.real_portfolios, set()),
        (views.DecisionView, schema.decisions, set()),
    ],
)
def test_columns_are_named_as_users_see_them(view: type, table: object, without: set[str]) -> None:
    columns = set(table.c.keys())  # type: ignore[attr-defined]

    assert set(view.__struct_fields__) - without <= columns  # type: ignore[attr-defined]


def test_each_mode_has_its_tables() -> None:
    assert schema.trades_of(Mode.PAPER) is schema.paper_trades
    for mode in (Mode.TESTNET, Mode.MAINNET):
        assert schema.trades_of(mode) is schema.real_trades
        assert schema.portfolios_of(mode) is schema.real_portfolios
        assert schema.settings_of(mode) is schema.real_trading_settings
    assert schema.portfolios_of(Mode.PAPER) is schema.paper_portfolios
    assert schema.settings_of(Mode.PAPER) is schema.paper_trading_settings
