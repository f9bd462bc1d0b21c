"""The first schema: journal, snapshots, and the read models."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from fillwright.ports import StorageError

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    _journal()
    _signals()
    _positions()
    _orders()
    _fills()
    for name in ("paper", "real"):
        _trades(f"{name}_trades")
        _portfolios(f"{name}_portfolios")
        _settings(f"{name}_trading_settings")
    _risk_limits()
    _decisions()


def downgrade() -> None:
    """Refuse: before the first schema there is nothing, and a journal is not thrown away."""
    raise StorageError("there is no schema before the first; restore a backup instead")


def _owned() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq", "name"),
        sqlite_with_rowid=True,
    )
    op.create_table(
        "read_model_positions",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("trader_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("stop_loss", sa.Text(), nullable=True),
        sa.Column("take_profit", sa.Text(), nullable=True),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("position_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("received_seq", sa.BigInteger(), nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_signals_account_id_trader_id_key", "signals", ["account_id", "trader_id", "key"])


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("signal_id", sa.BigInteger(), nullable=True),
        sa.Column("trader_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("requested_quantity", sa.Text(), nullable=False),
        sa.Column("entry_price", sa.Text(), nullable=True),
        sa.Column("exit_price", sa.Text(), nullable=True),
        sa.Column("current_price", sa.Text(), nullable=True),
        sa.Column("unrealized_pnl", sa.Text(), nullable=False),
        sa.Column("realized_pnl", sa.Text(), nullable=False),
        sa.Column("stop_loss", sa.Text(), nullable=True),
        sa.Column("take_profit", sa.Text(), nullable=True),
        sa.Column("trailing_delta", sa.BigInteger(), nullable=True),
        sa.Column("stop_loss_order_id", sa.Text(), nullable=True),
        sa.Column("take_profit_order_id", sa.Text(), nullable=True),
        sa.Column("order_list_id", sa.BigInteger(), nullable=True),
        sa.Column("entry_order_ids", sa.Text(), nullable=False),
        sa.Column("exit_order_ids", sa.Text(), nullable=False),
        sa.Column("protection", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("plan_reason", sa.Text(), nullable=False),
        sa.Column("exit_blocked", sa.Boolean(), nullable=False),
        sa.Column("unprotected_ms", sa.Text(), nullable=False),
        sa.Column("unprotected_since", sa.BigInteger(), nullable=True),
        sa.Column("unprotected_spells", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=False),
        sa.Column("dust_quantity", sa.Text(), nullable=False),
        sa.Column("dust_cost", sa.Text(), nullable=False),
        sa.Column("max_loss_quote", sa.Text(), nullable=False),
        sa.Column("exit_reason", sa.Text(), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_positions_account_id_status", "positions", ["account_id", "status"])
    op.create_index("ix_positions_signal_id", "positions", ["signal_id"])
    op.create_index("ix_positions_trader_id", "positions", ["trader_id"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("exchange_order_id", sa.BigInteger(), nullable=True),
        sa.Column("order_list_id", sa.BigInteger(), nullable=True),
        sa.Column("position_id", sa.BigInteger(), nullable=True),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=True),
        sa.Column("original_quantity", sa.Text(), nullable=True),
        sa.Column("executed_quantity", sa.Text(), nullable=False),
        sa.Column("executed_quote", sa.Text(), nullable=False),
        sa.Column("remaining_quantity", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=True),
        sa.Column("stop_price", sa.Text(), nullable=True),
        sa.Column("trailing_delta", sa.BigInteger(), nullable=True),
        sa.Column("average_fill_price", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("in_doubt", sa.Boolean(), nullable=False),
        sa.Column("reject_code", sa.BigInteger(), nullable=True),
        sa.Column("reject_reason", sa.Text(), nullable=True),
        sa.Column("expiry_reason", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_orders_account_id_created_at_id", "orders", ["account_id", "created_at", "id"])
    op.create_index("ix_orders_account_id_state", "orders", ["account_id", "state"])
    op.create_index("ix_orders_exchange_order_id", "orders", ["exchange_order_id"])


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("position_id", sa.BigInteger(), nullable=True),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("quote_quantity", sa.Text(), nullable=False),
        sa.Column("commission", sa.Text(), nullable=False),
        sa.Column("commission_asset", sa.Text(), nullable=False),
        sa.Column("commission_quote", sa.Text(), nullable=False),
        sa.Column("is_maker", sa.Boolean(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "symbol", "trade_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fills_account_id_order_id", "fills", ["account_id", "order_id"])


def _trades(name: str) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("binance_order_id", sa.BigInteger(), nullable=True),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("trader_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("entry_price", sa.Text(), nullable=True),
        sa.Column("exit_price", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("exit_quantity", sa.Text(), nullable=False),
        sa.Column("requested_quantity", sa.Text(), nullable=False),
        sa.Column("entry_value", sa.Text(), nullable=False),
        sa.Column("exit_value", sa.Text(), nullable=True),
        sa.Column("leverage", sa.Integer(), nullable=False),
        sa.Column("stop_loss", sa.Text(), nullable=True),
        sa.Column("take_profit", sa.Text(), nullable=True),
        sa.Column("stop_loss_order_id", sa.Text(), nullable=True),
        sa.Column("take_profit_order_id", sa.Text(), nullable=True),
        sa.Column("unrealized_pnl", sa.Text(), nullable=False),
        sa.Column("realized_pnl", sa.Text(), nullable=True),
        sa.Column("pnl_percentage", sa.Text(), nullable=False),
        sa.Column("commission_paid", sa.Text(), nullable=False),
        sa.Column("commissions", sa.Text(), nullable=False),
        sa.Column("slippage", sa.Text(), nullable=False),
        sa.Column("exit_reason", sa.Text(), nullable=True),
        sa.Column("order_time", sa.BigInteger(), nullable=False),
        sa.Column("fill_time", sa.BigInteger(), nullable=True),
        sa.Column("close_time", sa.BigInteger(), nullable=True),
        sa.Column("ai_signal_id", sa.BigInteger(), nullable=True),
        sa.Column("ai_confidence", sa.Text(), nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        f"ix_{name}_symbol_status_order_time", name, ["symbol", "status", sa.text("order_time DESC")]
    )
    op.create_index(
        f"ix_{name}_user_id_mode_close_time", name, ["user_id", "mode", sa.text("close_time DESC")]
    )


def _portfolios(name: str) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("quote_asset", sa.Text(), nullable=False),
        sa.Column("balance", sa.Text(), nullable=False),
        sa.Column("available_balance", sa.Text(), nullable=False),
        sa.Column("locked_balance", sa.Text(), nullable=False),
        sa.Column("balances", sa.Text(), nullable=False),
        sa.Column("total_pnl", sa.Text(), nullable=False),
        sa.Column("daily_pnl", sa.Text(), nullable=False),
        sa.Column("total_trades", sa.BigInteger(), nullable=False),
        sa.Column("winning_trades", sa.BigInteger(), nullable=False),
        sa.Column("losing_trades", sa.BigInteger(), nullable=False),
        sa.Column("win_rate", sa.Text(), nullable=False),
        sa.Column("max_drawdown", sa.Text(), nullable=False),
        sa.Column("exposure", sa.Text(), nullable=False),
        sa.Column("positions_open", sa.BigInteger(), nullable=False),
        sa.Column("last_sync_time", sa.BigInteger(), nullable=True),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{name}_user_id_mode", name, ["user_id", "mode"], unique=True)


def _settings(name: str) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_with_rowid=False,
    )


def _risk_limits() -> None:
    op.create_table(
        "risk_limits",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("trader_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "trader_id", "symbol"),
        sqlite_with_rowid=False,
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("signal_id", sa.BigInteger(), nullable=True),
        sa.Column("position_id", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Text(), nullable=True),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pnl_snapshots",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("equity", sa.Text(), nullable=False),
        sa.Column("peak", sa.Text(), nullable=False),
        sa.Column("drawdown_percent", sa.Text(), nullable=False),
        sa.Column("realized_pnl", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_with_rowid=False,
    )
