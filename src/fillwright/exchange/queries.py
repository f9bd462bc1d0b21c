"""Reading the exchange: orders, lists, trades, balances; and queries as data, for links and servers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TypeVar

import msgspec

from fillwright.core.types import DAY, AccountId, ClientOrderId, Symbol, Time, VenueOrderStatus
from fillwright.exchange.accounts import Account
from fillwright.exchange.cancels import find
from fillwright.exchange.messages import (
    NO_ID,
    AmendmentView,
    AssetBalance,
    ExchangeError,
    ListView,
    OrderCount,
    OrderView,
    PreventedMatch,
    TradeView,
)
from fillwright.exchange.orders import Order, list_view, order_view
from fillwright.exchange.state import State

LIMIT_DEFAULT = 500
LIMIT_MAX = 1000
ARCHIVED_AFTER_US = 90 * DAY
ARCHIVED = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
_ARCHIVED = (VenueOrderStatus.CANCELED, VenueOrderStatus.EXPIRED, VenueOrderStatus.EXPIRED_IN_MATCH)

T = TypeVar("T")


class OrderQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/order``; answers OrderView."""

    symbol: Symbol
    order_id: int | None = None
    client_order_id: ClientOrderId | None = None


class OpenOrdersQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/openOrders``; answers a tuple of OrderView."""

    symbol: Symbol | None = None


class AllOrdersQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/allOrders``: from an order id on; answers a tuple of OrderView."""

    symbol: Symbol
    order_id: int | None = None
    limit: int = LIMIT_DEFAULT


class OrderListQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/orderList``; answers ListView."""

    order_list_id: int | None = None
    list_client_order_id: ClientOrderId | None = None


class OpenOrderListsQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/openOrderList``; answers a tuple of ListView."""


class TradesQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/myTrades``: of an order, or from a trade id on, else the newest; a tuple of TradeView."""

    symbol: Symbol
    order_id: int | None = None
    from_id: int | None = None
    limit: int = LIMIT_DEFAULT


class AccountQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/account``: balances; answers a tuple of AssetBalance."""


class OrderCountsQuery(msgspec.Struct, frozen=True, gc=False, tag=True):
    """``GET /api/v3/rateLimit/order``; answers a tuple of OrderCount."""


Query = (
    OrderQuery
    | OpenOrdersQuery
    | AllOrdersQuery
    | OrderListQuery
    | OpenOrderListsQuery
    | TradesQuery
    | AccountQuery
    | OrderCountsQuery
)
"""Anything that reads an account."""

QueryAnswer = OrderView | ListView | tuple[OrderView | ListView | TradeView | AssetBalance | OrderCount, ...]
"""What a query answers."""


def order(
    state: State,
    account: Account,
    symbol: Symbol,
    order_id: int | None = None,
    client_order_id: ClientOrderId | None = None,
) -> OrderView:
    """One order, by its number or its id; -2013 when there is none."""
    state.market(symbol)
    missing = ExchangeError(-2013, "Order does not exist.")
    found = find(state, account, symbol, order_id, client_order_id, missing)
    if found.status in _ARCHIVED and not found.executed and state.now - found.update_time > ARCHIVED_AFTER_US:
        raise ExchangeError(-2026, ARCHIVED)
    return order_view(found)


def named(state: State, account: Account, client_order_id: ClientOrderId) -> OrderView | None:
    """The order with an id, of whatever symbol; None when there is none."""
    for symbol in state.markets:
        number = account.by_client_id.get((symbol, client_order_id))
        if number is not None:
            return order_view(state.orders[number])
    return None


def open_orders(state: State, account: Account, symbol: Symbol | None = None) -> tuple[OrderView, ...]:
    """Open orders in order of creation, pending legs included."""
    if symbol is None:
        return tuple([order_view(one) for one in account.open.values()])
    state.market(symbol)
    return tuple([order_view(one) for one in account.open_of(symbol)])


def all_orders(
    state: State,
    account: Account,
    symbol: Symbol,
    order_id: int | None = None,
    limit: int = LIMIT_DEFAULT,
    start_time: Time | None = None,
    end_time: Time | None = None,
) -> tuple[OrderView, ...]:
    """Open and remembered orders, ascending: the oldest from an order id or a time on, else the newest.

    Orders are remembered in the order of their ids and of their times, so that a search ends where both are passed.
    """
    state.market(symbol)
    limit = max(1, min(limit, LIMIT_MAX))
    from_start = order_id is not None or start_time is not None
    owner, least = account.account_id, order_id or 0
    mine: list[Order] = []
    for one in state.orders.values() if from_start else reversed(state.orders.values()):
        if one.account_id != owner or one.symbol != symbol or one.order_id < least:
            continue
        if _is_between(one.time, start_time, end_time):
            mine.append(one)
            if len(mine) == limit:
                break
    return tuple([order_view(one) for one in (mine if from_start else reversed(mine))])


def _is_between(time: Time, start: Time | None, end: Time | None) -> bool:
    return (start is None or time >= start) and (end is None or time <= end)


def _window(rows: list[T], limit: int, *, from_start: bool) -> list[T]:
    limit = max(1, min(limit, LIMIT_MAX))
    return rows[:limit] if from_start else rows[-limit:]


def order_list(
    state: State,
    account: Account,
    order_list_id: int | None = None,
    list_client_order_id: ClientOrderId | None = None,
) -> ListView:
    """One list, by its number or its id; -2013 when there is none."""
    if order_list_id is None:
        if list_client_order_id is None:
            raise ExchangeError(
                -1102, "Param 'origClientOrderId' or 'orderListId' must be sent, but both were empty/null!"
            )
        order_list_id = account.lists_by_client_id.get(list_client_order_id, NO_ID)
    found = state.lists.get(order_list_id)
    if found is None or found.account_id != account.account_id:
        raise ExchangeError(-2013, "Order list does not exist.")
    return list_view(found)


def all_order_lists(
    state: State,
    account: Account,
    from_id: int | None = None,
    start_time: Time | None = None,
    end_time: Time | None = None,
    limit: int = LIMIT_DEFAULT,
) -> tuple[ListView, ...]:
    """Open and remembered lists, ascending: the oldest from an id or a time on, else the newest."""
    mine = [
        one
        for one in state.lists.values()
        if one.account_id == account.account_id
        and one.order_list_id >= (from_id or 0)
        and _is_between(one.transaction_time, start_time, end_time)
    ]
    from_start = from_id is not None or start_time is not None
    return tuple([list_view(one) for one in _window(mine, limit, from_start=from_start)])


def open_order_lists(state: State, account: Account) -> tuple[ListView, ...]:
    """Open lists in order of creation."""
    lists = [state.lists[number] for number in account.open_lists]
    return tuple([list_view(one) for one in lists])


def trades(
    state: State,
    account: Account,
    symbol: Symbol,
    order_id: int | None = None,
    from_id: int | None = None,
    limit: int = LIMIT_DEFAULT,
    start_time: Time | None = None,
    end_time: Time | None = None,
) -> tuple[TradeView, ...]:
    """Fills ascending: of one order, or the oldest from a trade id or a time on, else the newest."""
    state.market(symbol)
    limit = max(1, min(limit, LIMIT_MAX))
    mine = _fills(state, account, symbol, order_id)
    first = 0 if from_id is None else bisect_left(mine, from_id, key=_trade_id)
    if start_time is not None:
        first = max(first, bisect_left(mine, start_time, key=_trade_time))
    last = len(mine) if end_time is None else bisect_right(mine, end_time, key=_trade_time)
    if from_id is None and start_time is None:
        first = max(first, last - limit)
    return tuple(mine[first : min(last, first + limit)])


def _fills(state: State, account: Account, symbol: Symbol, order_id: int | None) -> list[TradeView]:
    """An account's fills of a symbol, or of an order, in their order."""
    order = None if order_id is None else state.orders.get(order_id)
    if order is not None:
        is_mine = order.account_id == account.account_id and order.symbol == symbol
        return order.fills if is_mine else []
    if state.settings.fills_kept_max:
        kept = account.fills.get(symbol, [])
        return kept if order_id is None else [one for one in kept if one.order_id == order_id]
    if order_id is not None:
        return []
    mine = [
        fill
        for one in state.orders.values()
        if one.fills and one.account_id == account.account_id and one.symbol == symbol
        for fill in one.fills
    ]
    mine.sort(key=_trade_id)
    return mine


def _trade_id(trade: TradeView) -> int:
    return trade.trade_id


def _trade_time(trade: TradeView) -> Time:
    return trade.time


def balances(account: Account) -> tuple[AssetBalance, ...]:
    """All balances, absolute."""
    return tuple([AssetBalance(asset, one.free, one.locked) for asset, one in account.balances.items()])


def order_counts(state: State, account: Account) -> tuple[OrderCount, ...]:
    """The unfilled order counts as of the last transaction."""
    return tuple(account.counts(state.settings.order_counts, state.now))


def prevented_matches(account: Account, symbol: Symbol) -> tuple[PreventedMatch, ...]:
    """Matches that self-trade prevention stopped."""
    return tuple([one for one in account.prevented_matches if one.symbol == symbol])


def amendments(state: State, account: Account, symbol: Symbol, order_id: int) -> tuple[AmendmentView, ...]:
    """What became of an order's quantity by amendments."""
    order(state, account, symbol, order_id)
    return tuple(state.amendments.get(order_id, ()))


def ask(state: State, account_id: AccountId, query: Query) -> QueryAnswer:
    """Answer a query given as data."""
    account = state.account(account_id)
    match query:
        case OrderQuery():
            return order(state, account, query.symbol, query.order_id, query.client_order_id)
        case OpenOrdersQuery():
            return open_orders(state, account, query.symbol)
        case AllOrdersQuery():
            return all_orders(state, account, query.symbol, query.order_id, query.limit)
        case OrderListQuery():
            return order_list(state, account, query.order_list_id, query.list_client_order_id)
        case OpenOrderListsQuery():
            return open_order_lists(state, account)
        case TradesQuery():
            return trades(state, account, query.symbol, query.order_id, query.from_id, query.limit)
        case AccountQuery():
            return balances(account)
        case OrderCountsQuery():
            return order_counts(state, account)
