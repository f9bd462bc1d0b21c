"""Positions over HTTP: listed, closed, reduced, added to, their levels moved."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from fillwright.answers import PositionAnswer
from fillwright.api import shapes
from fillwright.api.bodies import AddBody, AdjustBody, BodyDTO, CloseBody, ReduceBody
from fillwright.api.desk import Desk, check, json_response
from fillwright.api.errors import ApiError, not_found
from fillwright.api.listings import (
    ID_MAX,
    Cursor,
    Limit,
    StatusFilter,
    SymbolFilter,
    TraderFilter,
    listing,
    one,
)
from fillwright.core.context import Answer
from fillwright.core.inputs import AdjustProtection, ClosePosition, Decision
from fillwright.ports import ReadModel
from fillwright.runtime.account import AccountEngine

CLOSE = CloseBody()
COMMAND_ERRORS = (404, 409, 413, 422, 503)


def position_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes below ``/api/positions``."""
    return [*_reading(desk), *_commands(desk)]


def _commands(desk: Desk) -> list[HTTPRouteHandler]:
    taken = shapes.answers(PositionAnswer, 200, "Taken; events tell how it goes on", *COMMAND_ERRORS)

    @post(
        "/api/positions/{position_id:int}/close",
        dto=BodyDTO[CloseBody],
        status_code=200,
        responses=taken,
        tags=["positions"],
    )
    async def close_position(
        request: Request[Any, Any, Any], position_id: FromPath[int], data: JSONBody[CloseBody] = CLOSE
    ) -> Response[bytes]:
        """Close a position at the market."""
        by = desk.caller(request).name
        item = ClosePosition(position_id=position_id, by=by, reason=data.reason)
        return await command(desk, desk.account(request), item)

    @post(
        "/api/positions/{position_id:int}/reduce",
        dto=BodyDTO[ReduceBody],
        status_code=200,
        responses=taken,
        tags=["positions"],
    )
    async def reduce_position(
        request: Request[Any, Any, Any], position_id: FromPath[int], data: JSONBody[ReduceBody]
    ) -> Response[bytes]:
        """Sell a part of a position; the rest stays protected."""
        item = data.decision(position_id, desk.caller(request).name)
        return await command(desk, desk.account(request), item)

    @post(
        "/api/positions/{position_id:int}/add",
        dto=BodyDTO[AddBody],
        status_code=200,
        responses=taken,
        tags=["positions"],
    )
    async def add_to_position(
        request: Request[Any, Any, Any], position_id: FromPath[int], data: JSONBody[AddBody]
    ) -> Response[bytes]:
        """Buy more of a position, after the same checks as an entry."""
        item = data.decision(position_id, desk.caller(request).name)
        return await command(desk, desk.account(request), item)

    @post(
        "/api/positions/{position_id:int}/adjust",
        dto=BodyDTO[AdjustBody],
        status_code=200,
        responses=taken,
        tags=["positions"],
    )
    async def adjust_position(
        request: Request[Any, Any, Any], position_id: FromPath[int], data: JSONBody[AdjustBody]
    ) -> Response[bytes]:
        """Move a position's stop or target."""
        item = data.command(position_id, desk.caller(request).name)
        return await command(desk, desk.account(request), item)

    return [close_position, reduce_position, add_to_position, adjust_position]


def _reading(desk: Desk) -> list[HTTPRouteHandler]:
    @get(
        "/api/positions",
        responses=shapes.answers(shapes.page_of("positions", shapes.PositionRecord), 200, "", 503),
        tags=["positions"],
    )
    async def list_positions(
        request: Request[Any, Any, Any],
        status: StatusFilter = None,
        symbol: SymbolFilter = None,
        trader_id: TraderFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response[bytes]:
        """List positions, newest first."""
        return await listing(
            desk, request, "positions", ReadModel.positions, status, symbol, trader_id, limit, cursor
        )

    @get(
        "/api/positions/{position_id:int}",
        responses=shapes.answers(shapes.PositionRecord, 200, "", 404, 503),
        tags=["positions"],
    )
    async def one_position(request: Request[Any, Any, Any], position_id: FromPath[int]) -> Response[bytes]:
        """One position."""
        return await one(desk, request, "position", "position", position_id)

    return [list_positions, one_position]


async def command(
    desk: Desk, account: AccountEngine, item: ClosePosition | Decision | AdjustProtection
) -> Response[bytes]:
    """Have a command about a position happen; 404 for one that never was, 409 for one that is not open."""
    position_id = item.position_id
    if position_id not in account.engine.state.positions:
        account_id = account.owner.account_id
        if abs(position_id) > ID_MAX:
            raise not_found("position", position_id)
        ended = await desk.reads.ask(lambda model: model.position(account_id, position_id))
        if ended is None:
            raise not_found("position", position_id)
        raise ApiError(409, "POSITION_NOT_OPEN", f"position {position_id} is {ended.status}")
    answer: Answer = check(await account.submit(item))
    return json_response(PositionAnswer(True, answer.position_id or position_id))
