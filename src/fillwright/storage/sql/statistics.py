"""What SQLite's planner is told about the tables, so that it plans well from the first row on.

Without statistics it takes "the rows of an account" for a handful and reads all of them; with real ones it takes open
orders to be as many as closed ones. These describe a store with a few busy accounts, and stay until somebody runs
ANALYZE.
"""

from __future__ import annotations

from collections.abc import Iterator

ROWS = 1_000_000
ACCOUNT = 250_000
"""Rows of one account."""
FEW = 20
"""Rows of one account in one state: those that are looked for are the open ones."""

STATISTICS: dict[str, dict[str, tuple[int, ...]]] = {
    "journal": {"sqlite_autoindex_journal_1": (ACCOUNT, 1)},
    "signals": {"signals": (ACCOUNT, 1), "ix_signals_account_id_trader_id_key": (ACCOUNT, 50_000, 1)},
    "positions": {
        "positions": (ACCOUNT, 1),
        "ix_positions_account_id_status": (ACCOUNT, FEW),
        "ix_positions_trader_id": (50_000,),
        "ix_positions_signal_id": (4,),
    },
    "orders": {
        "orders": (ACCOUNT, 1),
        "ix_orders_account_id_state": (ACCOUNT, FEW),
        "ix_orders_account_id_created_at_id": (ACCOUNT, 3, 1),
        "ix_orders_exchange_order_id": (4,),
    },
    "fills": {"fills": (ACCOUNT, 50_000, 1), "ix_fills_account_id_order_id": (ACCOUNT, 2)},
    "paper_trades": {
        "paper_trades": (ACCOUNT, 1),
        "ix_paper_trades_symbol_status_order_time": (100_000, 50_000, 1),
        "ix_paper_trades_user_id_mode_close_time": (ACCOUNT, ACCOUNT, 1),
    },
    "real_trades": {
        "real_trades": (ACCOUNT, 1),
        "ix_real_trades_symbol_status_order_time": (100_000, 50_000, 1),
        "ix_real_trades_user_id_mode_close_time": (ACCOUNT, ACCOUNT, 1),
    },
    "decisions": {"decisions": (ACCOUNT, 1)},
    "pnl_snapshots": {"pnl_snapshots": (ACCOUNT, 1)},
}
"""Table → index (its key: the table's name, or SQLite's own for the journal) → rows that
agree in the first column, the first two, and so on."""


def statistics_statements() -> Iterator[str]:
    """What writes the statistics into a store; connections opened afterwards plan by them."""
    yield "ANALYZE"  # makes the table that holds them
    yield "DELETE FROM sqlite_stat1"
    for table, indexes in STATISTICS.items():
        for index, rows in indexes.items():
            numbers = " ".join(str(number) for number in (ROWS, *rows))
            yield f"INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('{table}', '{index}', '{numbers}')"
