"""What can be asked about an account, of any store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from fillwright.core.events import Record
from fillwright.core.settings import Settings
from fillwright.core.types import AccountId, ClientOrderId, Symbol, Time
from fillwright.ports.drift import SignalExecution
from fillwright.ports.journal import Owner
from fillwright.ports.views import (
    DecisionView,
    DenialCount,
    EquityPoint,
    FillView,
    LimitsView,
    OrderView,
    Page,
    PortfolioView,
    PositionView,
    SignalView,
    TradeView,
    Why,
)

T = TypeVar("T")

PAGE_DEFAULT = 50
PAGE_MAX = 1_000
"""Rows in one page at most; a greater limit is cut to it."""


def every(fetch: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Walk through all pages of a listing: ``every(lambda cursor: model.trades(account, cursor=cursor))``."""
    cursor = None
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


class ReadModel(Protocol):
    """Queries over signals, positions, orders, trades and money; listings are newest first.

    ``status`` of a listing is ``open``, ``closed`` or None (both); of signals also one of their own statuses. A cursor
    stays valid while rows are added. Everything raises UnknownAccountError for an account that is not there,
    CursorError for a cursor no listing gave, and other StorageErrors when the store cannot be read.
    """

    def accounts(self) -> list[Owner]:
        """The accounts that have a portfolio, by id."""

    def seq(self, account_id: AccountId) -> int:
        """The last record that the rows show."""

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
        """List signals."""

    def signal(self, account_id: AccountId, signal_id: int) -> SignalView | None:
        """One signal."""

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
        """List positions."""

    def position(self, account_id: AccountId, position_id: int) -> PositionView | None:
        """One position."""

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
        """List orders (without their fills)."""

    def order(self, account_id: AccountId, order_id: ClientOrderId) -> OrderView | None:
        """One order, with its fills."""

    def orders_of(self, account_id: AccountId, position_id: int) -> list[OrderView]:
        """All orders of a position with their fills, oldest first."""

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
        """List trades, newest first unless asked otherwise; closed are Closed, Cancelled and Rejected."""

    def trade(self, account_id: AccountId, trade_id: int) -> TradeView | None:
        """One trade."""

    def fills(
        self,
        account_id: AccountId,
        *,
        order_id: ClientOrderId | None = None,
        position_id: int | None = None,
    ) -> list[FillView]:
        """Executions of an order, of a position (a trade), or all, oldest first."""

    def portfolio(self, account_id: AccountId) -> PortfolioView:
        """The account's money."""

    def settings(self, account_id: AccountId) -> Settings:
        """The account's settings."""

    def risk_limits(self, account_id: AccountId) -> list[LimitsView]:
        """Limits of traders and symbols that differ from the account's."""

    def equity_curve(self, account_id: AccountId, points_max: int | None = None) -> list[EquityPoint]:
        """Equity at each mark, oldest first.

        Thinned to ``points_max`` the curve keeps its first and last point and, of each stretch, its deepest drawdown
        and its highest equity.
        """

    def decisions(
        self, account_id: AccountId, *, limit: int = PAGE_DEFAULT, cursor: str | None = None
    ) -> Page[DecisionView]:
        """List decisions."""

    def denials(self, account_id: AccountId) -> list[DenialCount]:
        """Denials by code, most frequent first."""

    def why(self, account_id: AccountId, signal_id: int) -> Why | None:
        """Why a signal fared as it did: each check with its value and limit, and all that followed."""

    def executions(
        self, account_id: AccountId, *, since: Time = 0, limit: int = PAGE_MAX
    ) -> list[SignalExecution]:
        """Signals that came since a time, the newest ``limit`` of them, oldest first, and how they were executed."""

    def records(self, account_id: AccountId, after_seq: int, limit: int = PAGE_DEFAULT) -> list[Record]:
        """Records of the journal after a seq, oldest first, at most ``limit`` (and at most PAGE_MAX)."""

    def close(self) -> None:
        """Let go of the store."""
