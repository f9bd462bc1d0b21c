"""The rollout of the caller's real accounts: how far each stage is, and the cap on the first trades of mainnet."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.response import Response

from fillwright.answers import Done, JudgementShape, RolloutAnswer, RolloutShape, StageShape
from fillwright.api import shapes
from fillwright.api.bodies import BodyDTO, CapBody
from fillwright.api.desk import Desk, check, json_response
from fillwright.api.errors import ApiError
from fillwright.core.state import State
from fillwright.ports import StorageError
from fillwright.runtime.rollout import Stage


def rollout_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes of ``/api/rollout``."""

    @get("/api/rollout", responses=shapes.answers(RolloutAnswer, 200, "", 503), tags=["operations"])
    async def rollout(request: Request[Any, Any, Any]) -> Response[bytes]:
        """How far the rollout is: testnet, demo mode, mainnet, each with its clean trades and its cap."""
        user_id = desk.caller(request).user_id
        try:
            stages = desk.orchestrator.modes.rollout.stages(user_id)
        except StorageError as error:
            raise ApiError(503, "STORAGE_FAILED", str(error)) from error
        told = RolloutAnswer(desk.orchestrator.mode(user_id), tuple(_shape(stage) for stage in stages))
        return json_response(told)

    @post(
        "/api/rollout/cap",
        dto=BodyDTO[CapBody],
        status_code=200,
        responses=shapes.answers(Done, 200, "", 409, 422, 503),
        tags=["operations"],
    )
    async def cap(request: Request[Any, Any, Any], data: JSONBody[CapBody]) -> Response[bytes]:
        """Lift the rollout's cap on trades of a mode, or put it back: a reason is needed, and is on record."""
        caller = desk.caller(request)
        account = desk.orchestrator.engine(caller.user_id, data.wanted())
        check(await account.submit(data.command(caller.name)))
        return json_response(Done(True))

    return [rollout, cap]


def rollout_of(state: State) -> RolloutShape | None:
    """What the status of an account tells of it; None where nothing has to be proved."""
    needed, found = state.settings.rollout.clean_trades, state.rollout
    return RolloutShape(found.clean_trades, needed, found.cap) if needed else None


def _shape(stage: Stage) -> StageShape:
    return StageShape(
        mode=stage.mode,
        configured=stage.is_configured,
        clean_trades=stage.clean_trades,
        unclean_trades=stage.unclean_trades,
        needed=stage.needed,
        complete=stage.is_complete,
        cap=stage.cap,
        lifted_by=stage.lifted_by or None,
        lifted_reason=stage.lifted_reason or None,
        lifted_at=stage.lifted_at or None,
        overridden_by=stage.overridden_by or None,
        override_reason=stage.override_reason or None,
        judged=tuple(
            JudgementShape(one.position_id, one.symbol, one.clean, one.reasons, one.judged_at)
            for one in stage.judged
        ),
    )
