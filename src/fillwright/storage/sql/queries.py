"""Queries over the read models, for users: command line, reports, API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Table,
    create_engine,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.engine import Connection
from sqlalchemy.pool import QueuePool

from fillwright.core.events import Record, decode
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import AccountId, ClientOrderId, Symbol, Time
from fillwright.ports import (
    PAGE_DEFAULT,
    PAGE_MAX,
    DecisionView,
    DenialCount,
    EquityPoint,
    FillView,
    LimitsView,
    OrderView,
    Owner,
    Page,
    PortfolioView,
    PositionView,
    SignalExecution,
    SignalView,
    TradeView,
    UnknownAccountError,
    Why,
)
from fillwright.storage.sql import rows, schema
from fillwright.storage.sql.cursors import read_cursor, write_cursor
from fillwright.storage.sql.curves import thin
from fillwright.storage.sql.database import connect_readonly
from fillwright.storage.sql.errors import translating
from fillwright.storage.sql.executions import executions
from fillwright.storage.sql.stories import tell

T = TypeVar("T")

CONNECTIONS_MAX = 4
"""Queries at the same time."""
IDS_MAX = 500
"""Ids named in one statement."""


class SqlReadModel:
    """``ports.ReadModel`` over one SQLite file, read-only; usable from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        connect_readonly(path).close()  # say at once when it cannot be
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: connect_readonly(path),
            poolclass=QueuePool,
            pool_size=CONNECTIONS_MAX,
        )
        self._owners: dict[AccountId, Owner] = {}

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def __enter__(self) -> SqlReadModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with translating(self._path), self._engine.connect() as connection:
            yield connection

    def _all(self, query: Executable) -> list[dict[str, Any]]:
        """Rows by column name (SQLAlchemy's names are no plain texts, which msgspec wants)."""
        with self._connect() as connection:
            found = connection.execute(query)
            names = [str(name) for name in found.keys()]  # noqa: SIM118
            return [dict(zip(names, row, strict=True)) for row in found]

    # -- accounts --------------------------------------------------------------------------------------------

    def accounts(self) -> list[Owner]:
        """The accounts that have a portfolio, by id."""
        tables = (schema.paper_portfolios.c, schema.real_portfolios.c)
        query = union_all(*(select(c.account_id, c.user_id, c.mode) for c in tables))
        return sorted(
            (msgspec.convert(row, Owner) for row in self._all(query)), key=lambda owner: owner.account_id
        )

    def _owner(self, account_id: AccountId) -> Owner:
        owner = self._owners.get(account_id)
        if owner is None:
            self._owners = {owner.account_id: owner for owner in self.accounts()}
            owner = self._owners.get(account_id)
        if owner is None:
            raise UnknownAccountError(f"{self._path}: there is no account {account_id!r}")
        return owner

    def seq(self, account_id: AccountId) -> int:
        """The last record that the rows show."""
        table = schema.read_model_positions.c
        with self._connect() as connection:
            return connection.scalar(select(table.seq).where(table.account_id == account_id)) or 0

    # -- listings --------------------------------------------------------------------------------------------

    def _page(
        self,
        view: type[T],
        query: Select[Any],
        key: tuple[ColumnElement[Any], ...],
        limit: int,
        cursor: str | None,
        *,
        oldest_first: bool = False,
    ) -> Page[T]:
        """Run a listing, newest first by its key; one row more than asked for tells whether there is a next page."""
        listing = view.__name__ + (" oldest first" if oldest_first else "")
        kinds = tuple(column.type.python_type for column in key)
        if cursor is not None:
            after = read_cursor(listing, cursor, kinds)
            ours, theirs = (tuple_(*key), tuple_(*after)) if len(key) > 1 else (key[0], after[0])
            query = query.where(ours > theirs if oldest_first else ours < theirs)
        limit = max(1, min(limit, PAGE_MAX))
        order = key if oldest_first else tuple(column.desc() for column in key)
        found = self._all(query.order_by(*order).limit(limit + 1))
        items = tuple(msgspec.convert(row, view) for row in found[:limit])
        if len(found) <= limit:
            return Page(items)
        last = found[limit - 1]
        return Page(items, write_cursor(listing, tuple(last[column.name] for column in key)))

    def signals(
        self,
        account_id: AccountId,
        *,
        status: str | None = None,
        symbol: Symbol | None = None,
        trader_id: str | None = None,
        limit: int = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> Page[SignalView]:
        """List signals; ``status``: open, closed, or one of a signal's own."""
        self._owner(account_id)
        table = schema.signals
        query = _filtered(table, account_id, symbol=symbol, trader_id=trader_id)
        if status in ("open", "closed"):
            query = query.where(_is_open(table.c.status, rows.OPEN_SIGNAL_STATUSES, status))
        elif status is not None:
            query = query.where(table.c.status == status)
        return self._page(SignalView, query, (table.c.id,), limit, cursor)

    def positions(
        self,
        account_id: AccountId,
        *,
        status: str | None = None,
        symbol: Symbol | None = None,
        trader_id: str | None = None,
        limit: int = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> Page[PositionView]:
        """List positions; ``status``: open or closed."""
        self._owner(account_id)
        table = schema.positions
        query = _filtered(table, account_id, symbol=symbol, trader_id=trader_id)
        if status is not None:
            query = query.where(_is_open(table.c.status, rows.OPEN_POSITION_STATUSES, status))
        return self._page(PositionView, query, (table.c.id,), limit, cursor)

    def orders(
        self,
        account_id: AccountId,
        *,
        status: str | None = None,
        symbol: Symbol | None = None,
        trader_id: str | None = None,
        limit: int = PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> Page[OrderView]:
        """List orders, without their fills; ``status``: open or closed."""
        self._owner(account_id)
        table = schema.orders
        query = _filtered(table, account_id, symbol=symbol)
        if trader_id is not None:
            positions = schema.positions.c
            mine = select(positions.id).where(
                positions.account_id == account_id, positions.trader_id == trader_id
            )
            query = query.where(table.c.position_id.in_(mine))
        if status is not None:
            query = query.where(_is_open(table.c.state, rows.OPEN_ORDER_STATES, status))
        return self._page(OrderView, query, (table.c.created_at, table.c.id), limit, cursor)

    def trades(
        self,
        account_id: AccountId,
        *,
        status: str | None = None,
        symbol: Symbol | None = None,
        trader_id: str | None = None,
        limit: int = PAGE_DEFAULT,
        cursor: str | None = None,
        oldest_first: bool = False,
    ) -> Page[TradeView]:
        """List trades; ``status``: open or closed (Closed, Cancelled, Rejected)."""
        table = schema.trades_of(self._owner(account_id).mode)
        query = _filtered(table, account_id, symbol=symbol, trader_id=trader_id)
        if status is not None:
            query = query.where(_is_open(table.c.status, rows.OPEN_TRADE_STATUSES, status))
        if status == "open":
            positions = schema.positions.c
            held = select(positions.id).where(
                positions.account_id == account_id, positions.status.in_(rows.OPEN_POSITION_STATUSES)
            )
            query = query.where(table.c.id.in_(held))
        return self._page(TradeView, query, (table.c.id,), limit, cursor, oldest_first=oldest_first)

    def decisions(
        self, account_id: AccountId, *, limit: int = PAGE_DEFAULT, cursor: str | None = None
    ) -> Page[DecisionView]:
        """List decisions."""
        self._owner(account_id)
        table = schema.decisions
        return self._page(DecisionView, _filtered(table, account_id), (table.c.seq,), limit, cursor)

    # -- one of them -----------------------------------------------------------------------------------------

    def _one(self, view: type[T], table: Table, account_id: AccountId, number: int | str) -> T | None:
        found = self._all(select(table).where(table.c.account_id == account_id, table.c.id == number))
        return msgspec.convert(found[0], view) if found else None

    def signal(self, account_id: AccountId, signal_id: int) -> SignalView | None:
        """One signal."""
        self._owner(account_id)
        return self._one(SignalView, schema.signals, account_id, signal_id)

    def position(self, account_id: AccountId, position_id: int) -> PositionView | None:
        """One position."""
        self._owner(account_id)
        return self._one(PositionView, schema.positions, account_id, position_id)

    def order(self, account_id: AccountId, order_id: ClientOrderId) -> OrderView | None:
        """One order, with its fills."""
        self._owner(account_id)
        order = self._one(OrderView, schema.orders, account_id, order_id)
        if order is None:
            return None
        return msgspec.structs.replace(order, fills=tuple(self.fills(account_id, order_id=order_id)))

    def trade(self, account_id: AccountId, trade_id: int) -> TradeView | None:
        """One trade."""
        return self._one(TradeView, schema.trades_of(self._owner(account_id).mode), account_id, trade_id)

    def orders_of(self, account_id: AccountId, position_id: int) -> list[OrderView]:
        """All orders of a position with their fills, oldest first."""
        names = self._order_ids_of(account_id, position_id)
        found = self._of_ids(_filtered(schema.orders, account_id), schema.orders.c.id, names)
        fills: dict[ClientOrderId, list[FillView]] = {}
        for fill in self.fills(account_id, position_id=position_id):
            fills.setdefault(fill.order_id, []).append(fill)
        orders = [msgspec.convert({**row, "fills": fills.get(row["id"], ())}, OrderView) for row in found]
        place = {name: at for at, name in enumerate(names)}
        return sorted(orders, key=lambda order: (order.created_at, place[order.id]))

    def _order_ids_of(self, account_id: AccountId, position_id: int) -> list[ClientOrderId]:
        position = self.position(account_id, position_id)
        return [] if position is None else [*position.entry_order_ids, *position.exit_order_ids]

    def _of_ids(
        self, query: Select[Any], column: ColumnElement[Any], names: list[ClientOrderId]
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(names), IDS_MAX):
            found += self._all(query.where(column.in_(names[start : start + IDS_MAX])))
        return found

    def fills(
        self,
        account_id: AccountId,
        *,
        order_id: ClientOrderId | None = None,
        position_id: int | None = None,
    ) -> list[FillView]:
        """Executions of an order, of a position (a trade), or all, oldest first."""
        self._owner(account_id)
        table = schema.fills
        query = _filtered(table, account_id)
        if order_id is None and position_id is None:
            found = self._all(query)
        else:
            names = self._order_ids_of(account_id, position_id) if position_id is not None else []
            if order_id is not None:
                names = [order_id]
            found = self._of_ids(query, table.c.order_id, names)
        fills = [msgspec.convert(row, FillView) for row in found]
        return sorted(fills, key=lambda fill: (fill.timestamp, fill.symbol, fill.trade_id))

    # -- the account -----------------------------------------------------------------------------------------

    def portfolio(self, account_id: AccountId) -> PortfolioView:
        """The account's money."""
        table = schema.portfolios_of(self._owner(account_id).mode)
        return msgspec.convert(self._all(_filtered(table, account_id))[0], PortfolioView)

    def settings(self, account_id: AccountId) -> Settings:
        """The account's settings (the defaults when none are stored)."""
        table = schema.settings_of(self._owner(account_id).mode)
        found = self._all(_filtered(table, account_id))
        return msgspec.convert(found[0]["settings"], Settings) if found else Settings()

    def risk_limits(self, account_id: AccountId) -> list[LimitsView]:
        """Limits of traders and symbols that differ from the account's."""
        self._owner(account_id)
        table = schema.risk_limits
        found = self._all(_filtered(table, account_id).order_by(table.c.trader_id, table.c.symbol))
        return [
            LimitsView(row["trader_id"], row["symbol"], msgspec.convert(row["limits"], RiskLimits))
            for row in found
        ]

    def equity_curve(self, account_id: AccountId, points_max: int | None = None) -> list[EquityPoint]:
        """Equity at each mark, oldest first, thinned to at most ``points_max`` (at least 4)."""
        self._owner(account_id)
        table = schema.pnl_snapshots.c
        query = (
            select(table.seq, table.time, table.equity, table.drawdown_percent)
            .where(table.account_id == account_id)
            .order_by(table.seq)
        )
        with self._connect() as connection:
            points = [EquityPoint(*row) for row in connection.execute(query)]
        return points if points_max is None else thin(points, points_max)

    def denials(self, account_id: AccountId) -> list[DenialCount]:
        """Denials by code, most frequent first."""
        self._owner(account_id)
        signals, journal = schema.signals.c, schema.journal.c
        by_signal = (
            select(signals.status_reason, func.count())
            .where(signals.account_id == account_id, signals.status == "denied")
            .group_by(signals.status_reason)
        )
        by_order = select(journal.body).where(journal.account_id == account_id, journal.kind == "OrderDenied")
        counts: dict[str, list[int]] = {}
        with self._connect() as connection:
            for code, number in connection.execute(by_signal):
                counts.setdefault(code, [0, 0])[0] += number
            for (body,) in connection.execute(by_order):
                counts.setdefault(msgspec.json.decode(body)["code"], [0, 0])[1] += 1
        found = [DenialCount(code, *numbers) for code, numbers in counts.items()]
        return sorted(found, key=lambda count: (-count.signals - count.orders, count.code))

    def records(self, account_id: AccountId, after_seq: int, limit: int = PAGE_DEFAULT) -> list[Record]:
        """Records of the journal after a seq, oldest first."""
        journal = schema.journal.c
        query = (
            select(journal.seq, journal.time, journal.cause, journal.kind, journal.version, journal.body)
            .where(journal.account_id == account_id, journal.seq > after_seq)
            .order_by(journal.seq)
            .limit(max(1, min(limit, PAGE_MAX)))
        )
        with self._connect() as connection:
            return [
                Record(seq, time, cause, decode(kind, version, body.encode()))
                for seq, time, cause, kind, version, body in connection.execute(query)
            ]

    def executions(
        self, account_id: AccountId, *, since: Time = 0, limit: int = PAGE_MAX
    ) -> list[SignalExecution]:
        """Signals that came since a time, the newest ``limit`` of them, oldest first, and how they were executed."""
        owner = self._owner(account_id)
        with self._connect() as connection:
            return executions(connection, owner, since, limit)

    # -- why -------------------------------------------------------------------------------------------------

    def why(self, account_id: AccountId, signal_id: int) -> Why | None:
        """Why a signal fared as it did: each check with its value and limit, and all that followed."""
        signal = self.signal(account_id, signal_id)
        if signal is None:
            return None
        position = None if signal.position_id is None else self.position(account_id, signal.position_id)
        orders = [] if position is None else self.orders_of(account_id, position.id)
        ended = signal.status not in rows.OPEN_SIGNAL_STATUSES
        ends = [signal.updated_at, *(order.updated_at for order in orders)]
        if position is not None:
            ended = ended and position.status not in rows.OPEN_POSITION_STATUSES
            ends.append(position.updated_at)
        with self._connect() as connection:
            table = schema.signals.c
            start = connection.scalar(
                select(table.received_seq).where(table.account_id == account_id, table.id == signal_id)
            )
            chain, verdicts = tell(
                connection,
                account_id,
                start=start or 1,
                end_time=max(ends) if ended else None,
                signal_id=signal_id,
                position_id=0 if position is None else position.id,
                order_ids=frozenset(order.id for order in orders),
            )
        return Why(
            signal=signal,
            verdicts=verdicts,
            chain=chain,
            position=position,
            trade=None if position is None else self.trade(account_id, position.id),
            orders=tuple(orders),
        )


def _filtered(table: Table, account_id: AccountId, **equal: str | None) -> Select[Any]:
    query = select(table).where(table.c.account_id == account_id)
    for name, value in equal.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return query


def _is_open(column: ColumnElement[Any], open_ones: tuple[str, ...], status: str) -> ColumnElement[bool]:
    if status not in ("open", "closed"):
        raise ValueError(f"status {status!r} is neither open nor closed")
    return column.in_(open_ones) if status == "open" else column.not_in(open_ones)
