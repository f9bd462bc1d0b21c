"""What may be read of Binance, as requests of its wire; weights are those of the tables.

Sources: Binance Spot REST "Account endpoints", "General endpoints", WebSocket API "Account requests".
"""

from __future__ import annotations

from collections.abc import Iterable

from fillwright.core.types import ClientOrderId, Symbol
from fillwright.wire.requests import Value, WireRequest

TRADES_MAX = 1_000
"""Trades, and orders, in one answer at most."""


def ping() -> WireRequest:
    """Whether anybody is there."""
    return WireRequest("ping", ("GET", "/api/v3/ping"), is_signed=False)


def server_time() -> WireRequest:
    """Binance's clock."""
    return WireRequest("time", ("GET", "/api/v3/time"), is_signed=False)


def exchange_information(symbols: Iterable[Symbol] = ()) -> WireRequest:
    """Rules and limits, of these symbols or of all."""
    named = tuple(symbols)
    sent: tuple[tuple[str, Value], ...] = (("symbols", named),) if named else ()
    return WireRequest("exchangeInfo", ("GET", "/api/v3/exchangeInfo"), sent, weight=20, is_signed=False)


def average_price(symbol: Symbol) -> WireRequest:
    """The average price of a symbol's last minutes."""
    return WireRequest(
        "avgPrice", ("GET", "/api/v3/avgPrice"), (("symbol", symbol),), weight=2, is_signed=False
    )


def account_status() -> WireRequest:
    """Balances (those above zero), rights and rates."""
    return WireRequest("account.status", ("GET", "/api/v3/account"), (("omitZeroBalances", True),), weight=20)


def account_commission(symbol: Symbol) -> WireRequest:
    """Commission rates of a symbol."""
    return WireRequest(
        "account.commission", ("GET", "/api/v3/account/commission"), (("symbol", symbol),), weight=20
    )


def order_counts() -> WireRequest:
    """The counts of unfilled orders."""
    return WireRequest("account.rateLimits.orders", ("GET", "/api/v3/rateLimit/order"), weight=40)


def order_status(
    symbol: Symbol, *, order_id: int | None = None, client_order_id: ClientOrderId | None = None
) -> WireRequest:
    """One order, by Binance's number or by a client id; with both they must agree."""
    sent: list[tuple[str, Value]] = [("symbol", symbol)]
    _add(sent, "orderId", order_id)
    _add(sent, "origClientOrderId", client_order_id)
    if len(sent) == 1:
        raise ValueError("neither orderId nor origClientOrderId is given")
    return WireRequest("order.status", ("GET", "/api/v3/order"), tuple(sent), weight=4)


def open_orders(symbol: Symbol | None = None) -> WireRequest:
    """The open orders of a symbol, or (dear) of all."""
    sent: list[tuple[str, Value]] = []
    _add(sent, "symbol", symbol)
    weight = 80 if symbol is None else 6
    return WireRequest("openOrders.status", ("GET", "/api/v3/openOrders"), tuple(sent), weight=weight)


def all_orders(
    symbol: Symbol,
    *,
    from_order_id: int | None = None,
    start_time_ms: int | None = None,
    limit: int = TRADES_MAX,
) -> WireRequest:
    """Orders of a symbol, ended ones too: from a number on, or made since a time, else the last."""
    sent: list[tuple[str, Value]] = [("symbol", symbol)]
    _add(sent, "orderId", from_order_id)
    _add(sent, "startTime", start_time_ms)
    sent.append(("limit", limit))
    return WireRequest("allOrders", ("GET", "/api/v3/allOrders"), tuple(sent), weight=20)


def order_list_status(
    *, order_list_id: int | None = None, list_client_order_id: ClientOrderId | None = None
) -> WireRequest:
    """One order list, by one id: the WebSocket API looks at the client id alone when it has both."""
    sent: list[tuple[str, Value]] = []
    _add(sent, "orderListId", order_list_id)
    _add(sent, "origClientOrderId", list_client_order_id)
    if len(sent) != 1:
        raise ValueError("one of orderListId and origClientOrderId is to be given")
    return WireRequest("orderList.status", ("GET", "/api/v3/orderList"), tuple(sent), weight=4)


def open_order_lists() -> WireRequest:
    """All open order lists; they name their orders only."""
    return WireRequest("openOrderLists.status", ("GET", "/api/v3/openOrderList"), weight=6)


def my_trades(
    symbol: Symbol, *, order_id: int | None = None, from_id: int | None = None, limit: int = TRADES_MAX
) -> WireRequest:
    """Own trades of a symbol, of one order (cheap) or of all, from a trade's number on, else the last."""
    sent: list[tuple[str, Value]] = [("symbol", symbol)]
    _add(sent, "orderId", order_id)
    _add(sent, "fromId", from_id)
    sent.append(("limit", limit))
    weight = 20 if order_id is None else 5
    return WireRequest("myTrades", ("GET", "/api/v3/myTrades"), tuple(sent), weight=weight)


def key_rights() -> WireRequest:
    """What the API key may do; mainnet's REST only."""
    return WireRequest("", ("GET", "/sapi/v1/account/apiRestrictions"))


def _add(sent: list[tuple[str, Value]], name: str, value: Value | None) -> None:
    if value is not None:
        sent.append((name, value))
