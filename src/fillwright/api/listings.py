"""Listings and single records of orders, trades and the portfolio; filters and cursors that all listings share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response import Response

from fillwright.api import shapes
from fillwright.api.desk import Connection, Desk, bytes_response
from fillwright.api.errors import ApiError, not_found
from fillwright.core.types import SignalStatus
from fillwright.ports import PAGE_MAX, Page, ReadModel
from fillwright.spelling import encode, spelled

SIGNAL_STATUSES = ("open", "closed", *SignalStatus)
StatusFilter = Annotated[
    str | None, QueryParameter(pattern="^(open|closed)$", description="open or closed; absent: both.")
]
SignalStatusFilter = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^({'|'.join(SIGNAL_STATUSES)})$", description="open, closed, or one of a signal's own."
    ),
]
SymbolFilter = Annotated[str | None, QueryParameter(max_length=32)]
TraderFilter = Annotated[str | None, QueryParameter(max_length=64)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str | None, QueryParameter(max_length=500, description="next_cursor of the page before.")]
ID_MAX = 2**63 - 1
"""The greatest number that stores know."""
FILTERS = frozenset({"status", "symbol", "trader_id", "limit", "cursor"})


def refuse_unknown(connection: Connection, known: frozenset[str]) -> None:
    """Refuse query parameters that the route does not have: a filter that is misspelt would show too much."""
    if not connection.scope["query_string"]:
        return
    for name in connection.query_params:
        if name not in known:
            raise ApiError(
                400,
                "UNKNOWN_PARAMETER",
                f"there is no parameter {name!r:.40}; known are {', '.join(sorted(known))}",
                {"parameter": name[:100]},
            )


async def listing(
    desk: Desk,
    request: Request[Any, Any, Any],
    name: str,
    fetch: Callable[..., Page[Any]],
    status: str | None,
    symbol: str | None,
    trader_id: str | None,
    limit: int,
    cursor: str | None,
) -> Response[bytes]:
    """One page, ``{name: […], next_cursor}``; ``fetch`` is a method of ReadModel, asked by its name."""
    refuse_unknown(request, FILTERS)
    account_id = desk.account(request).owner.account_id
    method = fetch.__name__

    def ask(model: ReadModel) -> bytes:
        page: Page[Any] = getattr(model, method)(
            account_id, status=status, symbol=symbol, trader_id=trader_id, limit=limit, cursor=cursor
        )
        return encode({name: [spelled(item) for item in page.items], "next_cursor": page.next_cursor})

    return bytes_response(await desk.reads.ask(ask))


def listing_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Orders, trades and the portfolio."""

    @get(
        "/api/orders",
        responses=shapes.answers(shapes.page_of("orders", shapes.OrderRecord), 200, "", 503),
        tags=["orders"],
    )
    async def list_orders(
        request: Request[Any, Any, Any],
        status: StatusFilter = None,
        symbol: SymbolFilter = None,
        trader_id: TraderFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """List orders, newest first, without their fills."""
        return await listing(
            desk, request, "orders", ReadModel.orders, status, symbol, trader_id, limit, cursor
        )

    @get(
        "/api/orders/{order_id:str}",
        responses=shapes.answers(shapes.OrderRecord, 200, "", 404, 503),
        tags=["orders"],
    )
    async def one_order(request: Request[Any, Any, Any], order_id: FromPath[str]) -> Response[bytes]:
        """One order with its fills, by its client order id."""
        return await one(desk, request, "order", "order", order_id)

    @get(
        shapes.to_look_at("trades"),
        responses=shapes.answers(shapes.page_of("trades", shapes.TradeRecord), 200, "", 503),
        tags=["trades"],
    )
    async def list_trades(
        request: Request[Any, Any, Any],
        status: StatusFilter = None,
        symbol: SymbolFilter = None,
        trader_id: TraderFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """List trades, newest first."""
        return await listing(
            desk, request, "trades", ReadModel.trades, status, symbol, trader_id, limit, cursor
        )

    @get(
        shapes.to_look_at("trades/{trade_id:int}"),
        responses=shapes.answers(shapes.TradeRecord, 200, "", 404, 503),
        tags=["trades"],
    )
    async def one_trade(request: Request[Any, Any, Any], trade_id: FromPath[int]) -> Response[bytes]:
        """One trade."""
        return await one(desk, request, "trade", "trade", trade_id)

    @get(
        shapes.to_look_at("portfolio"),
        responses=shapes.answers(shapes.PortfolioRecord, 200, "", 503),
        tags=["portfolio"],
    )
    async def portfolio(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The account's money."""
        account_id = desk.account(request).owner.account_id
        return bytes_response(await desk.reads.ask(lambda model: encode(model.portfolio(account_id))))

    return [list_orders, one_order, list_trades, one_trade, portfolio]


async def one(
    desk: Desk, request: Request[Any, Any, Any], method: str, what: str, name: int | str
) -> Response[bytes]:
    """One record by its id, or 404; ``method`` is ReadModel's."""
    account_id = desk.account(request).owner.account_id
    if isinstance(name, int) and abs(name) > ID_MAX:
        raise not_found(what, name)

    def ask(model: ReadModel) -> bytes:
        found = getattr(model, method)(account_id, name)
        if found is None:
            raise not_found(what, name)
        return encode(found)

    return bytes_response(await desk.reads.ask(ask))
