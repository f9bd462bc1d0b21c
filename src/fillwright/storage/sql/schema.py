"""The tables: names, columns and indexes, once for every SQL database.

A change here needs a migration beside it (``migrations/versions``) and a new ``SCHEMA_REVISION``; tests prove that the
migrations lead to the same schema. ``docs/JOURNAL.md`` is generated from this module.

Tables that belong to one mode come twice, ``paper_`` and ``real_`` (testnet, demo, mainnet): they are never mixed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

from fillwright.core.types import Mode
from fillwright.storage.sql.types import Document, Exact

SCHEMA_REVISION = "0002"
"""The newest migration; a store that carries another, unknown one was written by a newer program."""

metadata = MetaData()


def _column(name: str, kind: type[TypeEngine[Any]], doc: str = "", *, key: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=False, doc=doc)


def _maybe(name: str, kind: type[TypeEngine[Any]], doc: str = "") -> Column[Any]:
    return Column(name, kind, nullable=True, doc=doc)


def _table(name: str, doc: str, *parts: Column[Any], rowid: bool = False) -> Table:
    return Table(name, metadata, *parts, sqlite_with_rowid=rowid, info={"doc": doc})


def _owned() -> tuple[Column[Any], ...]:
    return (
        _column("user_id", Text, "whose account it is"),
        _column("mode", Text, "paper, testnet, demo or mainnet"),
        _column("created_at", BigInteger, "when it came to be"),
        _column("updated_at", BigInteger, "when it last changed"),
    )


_ACCOUNT = "the ledger it belongs to"


def _account() -> Column[Any]:
    return _column("account_id", Text, _ACCOUNT, key=True)


# -- the truth ---------------------------------------------------------------------------------------------------

journal = _table(
    "journal",
    "every event, in order; everything else follows from it",
    _account(),
    _column("seq", BigInteger, "place in the journal, from 1, without gaps", key=True),
    _column("time", BigInteger, "when it happened"),
    _column("cause", BigInteger, "seq of the record that led to it; 0: it came from outside"),
    _column("kind", Text, "the event, see EVENTS.md"),
    _column("version", Integer, "version of its body"),
    _column("body", Text, "the event as JSON"),
    rowid=True,  # records are appended whole; in the key's own tree long ones would overflow to pages of their own
)

snapshots = _table(
    "snapshots",
    "what is true after a record, so that a start need not read the whole journal; the two newest are kept",
    _account(),
    _column("seq", BigInteger, "the record it follows", key=True),
    _column("name", Text, "which part: state (the engine's), or what the shell keeps beside it", key=True),
    _column("time", BigInteger, "the record's time"),
    _column("body", LargeBinary, "the part, in its owner's format"),
    rowid=True,
)

read_model_positions = _table(
    "read_model_positions",
    "how far the tables below follow the journal",
    _account(),
    _column("seq", BigInteger, "the last record they show"),
)

# -- read models -------------------------------------------------------------------------------------------------

signals = _table(
    "signals",
    "signals and what became of them",
    _account(),
    _column("id", BigInteger, key=True),
    _column("key", Text, "idempotency key within the trader: the caller's, or derived"),
    _column("trader_id", Text),
    _column("symbol", Text),
    _column("side", Text, "long or short"),
    _column("decision", Text, "enter_trade, wait or bad_setup"),
    _column("confidence", Exact, "0 to 1"),
    _column("entry", Document, "{type: market or limit, price?}"),
    _maybe("stop_loss", Exact),
    _maybe("take_profit", Exact),
    _maybe("size", Document, "{quote?, risk_percent?}"),
    _column("interval", Text, "the candles it was made from"),
    _maybe("expires_at", BigInteger),
    _column("reasoning", Text),
    _column("metadata", Document),
    _column(
        "status",
        Text,
        "received, denied, abandoned, monitoring, entering, in_position, completed, expired, failed",
    ),
    _column("status_reason", Text, "why; when denied, the code of the check (see DENIALS.md)"),
    _maybe("position_id", BigInteger),
    _column("received_at", BigInteger, "when the engine took it"),
    _maybe("received_seq", BigInteger, "the journal's record of it"),
    *_owned(),
)
Index("ix_signals_account_id_trader_id_key", signals.c.account_id, signals.c.trader_id, signals.c.key)

positions = _table(
    "positions",
    "trade ideas in the market",
    _account(),
    _column("id", BigInteger, key=True),
    _maybe("signal_id", BigInteger),
    _column("trader_id", Text),
    _column("symbol", Text),
    _column("side", Text, "LONG or SHORT"),
    _column("status", Text, "created, submitting, open, monitoring, closing, closed or failed"),
    _column("quantity", Exact, "held now"),
    _column("requested_quantity", Exact),
    _maybe("entry_price", Exact, "average"),
    _maybe("exit_price", Exact, "average"),
    _maybe("current_price", Exact, "the journal's last price: of a mark or an execution"),
    _column("unrealized_pnl", Exact, "quantity × current price − estimated exit fee − cost"),
    _column("realized_pnl", Exact),
    _maybe("stop_loss", Exact),
    _maybe("take_profit", Exact),
    _maybe("trailing_delta", BigInteger, "basis points"),
    _maybe("stop_loss_order_id", Text),
    _maybe("take_profit_order_id", Text),
    _maybe("order_list_id", BigInteger, "of its protection, at the venue"),
    _column("entry_order_ids", Document),
    _column("exit_order_ids", Document),
    _column(
        "protection", Text, "how stop and target rest at the venue: opoco, opo, otoco, oto, oco, stop or none"
    ),
    _column("plan", Text, "how they were meant to go there"),
    _column("plan_reason", Text, "why this plan"),
    _column("exit_blocked", Boolean, "the symbol does not trade"),
    _column("unprotected_ms", Exact, "in all, from an entry's last fill to the stop leg's being live"),
    _maybe("unprotected_since", BigInteger),
    _column("unprotected_spells", Integer, "how often it was protected anew"),
    _column("cost", Exact, "cash in what is held"),
    _column("dust_quantity", Exact, "left when it closed, too little to sell"),
    _column("dust_cost", Exact),
    _column("max_loss_quote", Exact, "the loss it was sized for"),
    _maybe("exit_reason", Text),
    _maybe("failure_reason", Text),
    _maybe("closed_at", BigInteger),
    *_owned(),
)
Index("ix_positions_account_id_status", positions.c.account_id, positions.c.status)
Index("ix_positions_trader_id", positions.c.trader_id)
Index("ix_positions_signal_id", positions.c.signal_id)

orders = _table(
    "orders",
    "orders of ours, and those adopted",
    _account(),
    _column("id", Text, "client order id", key=True),
    _maybe("exchange_order_id", BigInteger),
    _maybe("order_list_id", BigInteger),
    _maybe("position_id", BigInteger),
    _column("leg", Text, "entry, stop_loss, take_profit, exit or manual"),
    _column("symbol", Text),
    _column("side", Text, "BUY or SELL"),
    _column("order_type", Text),
    _maybe("time_in_force", Text),
    _maybe("original_quantity", Exact, "NULL: a pending leg that the exchange has not sized yet"),
    _column("executed_quantity", Exact),
    _column("executed_quote", Exact),
    _column("remaining_quantity", Exact),
    _maybe("price", Exact),
    _maybe("stop_price", Exact),
    _maybe("trailing_delta", BigInteger, "basis points"),
    _maybe("average_fill_price", Exact),
    _column(
        "state",
        Text,
        "Pending, PendingNew, New, PartiallyFilled, Filled, PendingCancel, Cancelled, Rejected or Expired",
    ),
    _column("in_doubt", Boolean, "its outcome is unknown, and asked about"),
    _maybe("reject_code", BigInteger),
    _maybe("reject_reason", Text),
    _maybe("expiry_reason", Text),
    _column("attempt", Integer),
    _maybe("sent_at", BigInteger, "when its intent was journaled"),
    *_owned(),
)
Index("ix_orders_account_id_state", orders.c.account_id, orders.c.state)
Index("ix_orders_exchange_order_id", orders.c.exchange_order_id)
Index("ix_orders_account_id_created_at_id", orders.c.account_id, orders.c.created_at, orders.c.id)

fills = _table(
    "fills",
    "executions of orders",
    _account(),
    _column("symbol", Text, key=True),
    _column("trade_id", BigInteger, "the venue's", key=True),
    _column("order_id", Text, "client order id"),
    _maybe("position_id", BigInteger),
    _column("side", Text, "BUY or SELL"),
    _column("price", Exact),
    _column("quantity", Exact),
    _column("quote_quantity", Exact),
    _column("commission", Exact),
    _column("commission_asset", Text),
    _column("commission_quote", Exact, "its value in quote at that moment"),
    _column("is_maker", Boolean),
    _column("timestamp", BigInteger, "the venue's time"),
    *_owned(),
)
Index("ix_fills_account_id_order_id", fills.c.account_id, fills.c.order_id)


def _trades(name: str, doc: str) -> Table:
    table = _table(
        name,
        doc,
        _account(),
        _column("id", BigInteger, "the position's", key=True),
        _maybe("binance_order_id", BigInteger),
        _column("client_order_id", Text, "the entry that was executed, or else the last one tried"),
        _column("trader_id", Text),
        _column("symbol", Text),
        _column("trade_type", Text, "Long or Short"),
        _column(
            "status", Text, "PendingOpen, PartiallyFilled, Open, PendingClose, Closed, Cancelled or Rejected"
        ),
        _maybe("entry_price", Exact, "average"),
        _maybe("exit_price", Exact, "average"),
        _column("quantity", Exact, "executed by the entry"),
        _column("exit_quantity", Exact, "executed by exits"),
        _column("requested_quantity", Exact),
        _column("entry_value", Exact, "quote"),
        _maybe("exit_value", Exact, "quote"),
        _column("leverage", Integer, "1 on Spot"),
        _maybe("stop_loss", Exact),
        _maybe("take_profit", Exact),
        _maybe("stop_loss_order_id", Text),
        _maybe("take_profit_order_id", Text),
        _column("unrealized_pnl", Exact),
        _maybe("realized_pnl", Exact, "NULL before the first exit"),
        _column("pnl_percentage", Exact, "realised and unrealised, of the entry's value"),
        _column("commission_paid", Exact, "in quote, for information: realised PnL has it already"),
        _column("commissions", Document, "[{asset, amount}]"),
        _column("slippage", Exact, "quote paid for the entry beyond the quote at the decision"),
        _maybe("exit_reason", Text, "why it closed, or why it failed"),
        _column("order_time", BigInteger, "of its first order"),
        _maybe("fill_time", BigInteger, "of the entry's first execution"),
        _maybe("close_time", BigInteger),
        _maybe("ai_signal_id", BigInteger, "the signal's id"),
        _maybe("ai_confidence", Exact, "the signal's confidence"),
        *_owned(),
    )
    columns = table.c
    Index(f"ix_{name}_symbol_status_order_time", columns.symbol, columns.status, columns.order_time.desc())
    Index(f"ix_{name}_user_id_mode_close_time", columns.user_id, columns.mode, columns.close_time.desc())
    return table


def _portfolios(name: str, doc: str) -> Table:
    table = _table(
        name,
        doc,
        _account(),
        _column("quote_asset", Text),
        _column("balance", Exact, "equity: quote, and the coins of positions at the last price"),
        _column("available_balance", Exact, "quote that an entry may use"),
        _column("locked_balance", Exact, "quote locked at the venue"),
        _column("balances", Document, "[{asset, free, locked}], the venue's"),
        _column("total_pnl", Exact, "realised by all positions, and unrealised of those that are open"),
        _column("daily_pnl", Exact, "since the trading day began"),
        _column("total_trades", BigInteger),
        _column("winning_trades", BigInteger),
        _column("losing_trades", BigInteger),
        _column("win_rate", Exact, "percent of trades that ended"),
        _column("max_drawdown", Exact, "percent of the peak, by marks"),
        _column("exposure", Exact, "coins of positions, and quote set aside for more"),
        _column("positions_open", BigInteger),
        _maybe("last_sync_time", BigInteger, "of the last reconciliation"),
        *_owned(),
    )
    Index(f"ix_{name}_user_id_mode", table.c.user_id, table.c.mode, unique=True)
    return table


def _settings(name: str, doc: str) -> Table:
    return _table(name, doc, _account(), _column("settings", Document, "all settings, by group"), *_owned())


paper_trades = _trades("paper_trades", "users' records of positions, mode paper")
real_trades = _trades("real_trades", "users' records of positions, modes testnet, demo and mainnet")
paper_portfolios = _portfolios("paper_portfolios", "accounts' money, mode paper")
real_portfolios = _portfolios("real_portfolios", "accounts' money, modes testnet, demo and mainnet")
paper_trading_settings = _settings("paper_trading_settings", "accounts' settings, mode paper")
real_trading_settings = _settings(
    "real_trading_settings", "accounts' settings, modes testnet, demo and mainnet"
)

risk_limits = _table(
    "risk_limits",
    "limits of traders and symbols that differ from the account's",
    _account(),
    _column("trader_id", Text, "'' = all", key=True),
    _column("symbol", Text, "'' = all", key=True),
    _column("limits", Document),
    *_owned(),
)

decisions = _table(
    "decisions",
    "what traders, advisors and operators decided, and what came of it",
    _account(),
    _column("seq", BigInteger, "the journal's record of it", key=True),
    _column("decision", Text, "hold, adjust_sl, adjust_tp, add, reduce, close; enter_trade, wait, bad_setup"),
    _column("by", Text),
    _maybe("signal_id", BigInteger),
    _maybe("position_id", BigInteger),
    _maybe("price", Exact),
    _maybe("quantity", Exact),
    _maybe("confidence", Exact),
    _column("reasoning", Text),
    _column("outcome", Text, "accepted, or why it was refused"),
    *_owned(),
)

pnl_snapshots = _table(
    "pnl_snapshots",
    "equity at each mark: the equity curve",
    _account(),
    _column("seq", BigInteger, "the journal's record of it", key=True),
    _column("time", BigInteger),
    _column("equity", Exact),
    _column("peak", Exact, "the highest equity so far"),
    _column("drawdown_percent", Exact, "below the peak"),
    _column("realized_pnl", Exact, "by positions that have closed"),
)


def trades_of(mode: Mode) -> Table:
    """The trades of a mode."""
    return paper_trades if mode is Mode.PAPER else real_trades


def portfolios_of(mode: Mode) -> Table:
    """The portfolios of a mode."""
    return paper_portfolios if mode is Mode.PAPER else real_portfolios


def settings_of(mode: Mode) -> Table:
    """The settings of a mode."""
    return paper_trading_settings if mode is Mode.PAPER else real_trading_settings
