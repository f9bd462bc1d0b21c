"""The mode that the caller trades in: told, and switched without a restart."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.response import Response

from fillwright.answers import ModeAnswer, ModeSwitched
from fillwright.api import shapes
from fillwright.api.bodies import BodyDTO, ModeBody, mode_of
from fillwright.api.desk import Desk, json_response
from fillwright.api.errors import ApiError
from fillwright.core.types import Mode
from fillwright.runtime.errors import ModeUnavailableError
from fillwright.runtime.modes import ModeRefusedError


def mode_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The routes of ``/api/trading/mode``."""

    @get("/api/trading/mode", responses=shapes.answers(ModeAnswer), tags=["operations"])
    async def mode(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The mode that the caller is in."""
        return json_response(ModeAnswer(desk.orchestrator.mode(desk.caller(request).user_id)))

    @post(
        "/api/trading/mode",
        dto=BodyDTO[ModeBody],
        status_code=200,
        responses=shapes.answers(ModeSwitched, 200, "", 403, 409, 503),
        tags=["operations"],
    )
    async def switch_mode(request: Request[Any, Any, Any], data: JSONBody[ModeBody]) -> Response[bytes]:
        """Switch the mode. Refused while the old account has anything open; real accounts are tested first."""
        wanted, caller = mode_of(data.mode), desk.caller(request)
        try:
            desk.orchestrator.engine(caller.user_id, wanted)
        except ModeUnavailableError:
            if wanted is Mode.MAINNET:
                raise ApiError(
                    403,
                    "MAINNET_DISABLED",
                    "mainnet needs an account in [mainnet] and ALLOW_MAINNET_TRADING=true in the environment",
                ) from None
            raise
        if not data.confirmed and (data.flatten or data.force or wanted is Mode.MAINNET):
            what = "selling what is held" if data.flatten else "trading with real money"
            what = "leaving what is open" if data.force else what
            raise ApiError(400, "REQUIRES_CONFIRMATION", f"{what} needs confirmed: true")
        try:
            now_in = await desk.orchestrator.modes.switch(
                caller.user_id,
                wanted,
                caller.name,
                flatten=data.flatten,
                accept_unverified_key=data.accept_unverified_key,
                override_rollout=data.override_rollout,
                force=data.force,
            )
        except ModeRefusedError as error:
            raise _refused(error) from error
        return json_response(ModeSwitched(True, now_in))

    return [mode, switch_mode]


def _refused(error: ModeRefusedError) -> ApiError:
    if error.code == "OPEN_POSITIONS":
        return ApiError(
            409,
            "OPEN_POSITIONS",
            f"{error}; close them, or have the switch sell them: `fillwright mode MODE --flatten`",
        )
    if error.code == "ROLLOUT_INCOMPLETE":
        return ApiError(409, error.code, f"{error}; make them, or say why not: override_rollout")
    findings = [
        {"name": one.name, "passed": one.passed, "detail": one.detail, "unverified": one.is_unverified}
        for one in error.findings
    ]
    return ApiError(409, "SELF_TEST_FAILED", str(error), {"findings": findings})
