"""Positions over HTTP: listed, closed, reduced, added to, their levels moved."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from fillwright.answers import PositionAnswer
from fillwright.api import shapes
from fillwright.api.bodies import AddBody, AdjustBody, BodyDTO, CloseBody, ReduceBody
from fillwright.api.desk import CommandKey, Desk, check, json_response
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
from fillwright.core.inputs import AdjustProtection, ClosePosition, Decision
from fillwright.ports import ReadModel
from fillwright.runtime.account import AccountEngine

CLOSE = CloseBody()
COMMAND_ERRORS = (404, 409, 413, 422, 503)


def position_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes below ``/api/positions``."""
    return [*_reading(desk), *_selling(desk), *_changing(desk)]


def _taken() -> dict[int, ResponseSpec]:
    return shapes.answers(PositionAnswer, 200, "Taken; events tell how it goes on", *COMMAND_ERRORS)


def _selling(desk: Desk) -> list[HTTPRouteHandler]:
    @post(
        "/api/positions/{position_id:int}/close",
        dto=BodyDTO[CloseBody],
        status_code=200,
        responses=_taken(),
        tags=["positions"],
    )
    async def close_position(
        request: Request[Any, Any, Any],
        position_id: FromPath[int],
        data: JSONBody[CloseBody] = CLOSE,
        idempotency_key: CommandKey = None,
    ) -> Response[bytes]:
        """Close a position at the market."""
        item = data.command(position_id, desk.caller(request).name, idempotency_key)
        return await command(desk, desk.account(request), item)

    @post(
        "/api/positions/{position_id:int}/reduce",
        dto=BodyDTO[ReduceBody],
        status_code=200,
        responses=_taken(),
        tags=["positions"],
    )
    async def reduce_position(
        request: Request[Any, Any, Any],
        position_id: FromPath[int],
        data: JSONBody[ReduceBody],
        idempotency_key: CommandKey = None,
    ) -> Response[bytes]:
        """Sell a part of a position; the rest stays protected."""
        item = data.decision(position_id, desk.caller(request).name, idempotency_key)
        return await command(desk, desk.account(request), item)

    return [close_position, reduce_position]


def _changing(desk: Desk) -> list[HTTPRouteHandler]:
    @post(
        "/api/positions/{position_id:int}/add",
        dto=BodyDTO[AddBody],
        status_code=200,
        responses=_taken(),
        tags=["positions"],
    )
    async def add_to_position(
        request: Request[Any, Any, Any],
        position_id: FromPath[int],
        data: JSONBody[AddBody],
        idempotency_key: CommandKey = None,
    ) -> Response[bytes]:
        """Buy more of a position, after the same checks as an entry."""
        item = data.decision(position_id, desk.caller(request).name, idempotency_key)
        return await command(desk, desk.account(request), item)

    @post(
        "/api/positions/{position_id:int}/adjust",
        dto=BodyDTO[AdjustBody],
        status_code=200,
        responses=_taken(),
        tags=["positions"],
    )
    async def adjust_position(
        request: Request[Any, Any, Any],
        position_id: FromPath[int],
        data: JSONBody[AdjustBody],
        idempotency_key: CommandKey = None,
    ) -> Response[bytes]:
        """Move a position's stop or target."""
        item = data.command(position_id, desk.caller(request).name, idempotency_key)
        return await command(desk, desk.account(request), item)

    return [add_to_position, adjust_position]


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
    """Have a command about a position happen; 404 for one that never was, 409 for one that is not open.

    One that brings a key is the core's to judge in any case: it may have been done when the position was open.
    """
    position_id = item.position_id
    if abs(position_id) > ID_MAX:
        raise not_found("position", position_id)
    is_known = position_id in account.engine.state.positions
    if not is_known and item.key is None:
        raise await _not_open(desk, account, position_id)
    answer = await account.submit(item)
    if not is_known and answer.code == "POSITION_NOT_OPEN":
        raise await _not_open(desk, account, position_id)
    check(answer)
    return json_response(PositionAnswer(True, answer.position_id or position_id, answer.repeated))


async def _not_open(desk: Desk, account: AccountEngine, position_id: int) -> ApiError:
    """What is said of a position that the engine does not know any more, or never knew."""
    account_id = account.owner.account_id
    ended = await desk.reads.ask(lambda model: model.position(account_id, position_id))
    if ended is None:
        return not_found("position", position_id)
    return ApiError(409, "POSITION_NOT_OPEN", f"position {position_id} is {ended.status}")
