"""The shadow of the caller's real account: how it is doing, and how far the two have drifted apart."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Response

from fillwright.answers import ShadowShape
from fillwright.api import shapes
from fillwright.api.desk import Desk, bytes_response, shadow_off
from fillwright.api.errors import ApiError
from fillwright.api.listings import refuse_unknown
from fillwright.core.types import Time
from fillwright.ports import ReadModel, UnknownAccountError
from fillwright.reports.drift import SIGNALS_MAX, drift_of
from fillwright.runtime.shadow import Shadow
from fillwright.spelling import encode, parse_moment

SINCE_LENGTH_MAX = 40
Since = Annotated[
    str | None,
    QueryParameter(
        max_length=SINCE_LENGTH_MAX,
        description="Signals from then on, RFC 3339 with a zone; absent: since the shadow began.",
    ),
]
SIGNALS_DEFAULT = 500
"""A report of so many takes a tenth of a second or two of a thread beside those who trade."""
Signals = Annotated[
    int,
    QueryParameter(
        ge=1, le=SIGNALS_MAX, description="At most so many signals, the newest; is_cut: there are more."
    ),
]


def shadow_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The route of the drift report; the shadow's trades and portfolio are among the others'."""

    @get(
        "/api/shadow-trading/report",
        responses=shapes.answers(shapes.DriftRecord, 200, "", 409, 503),
        tags=["shadow"],
    )
    async def report(
        request: Request[Any, Any, Any], since: Since = None, limit: Signals = SIGNALS_DEFAULT
    ) -> Response[bytes]:
        """How the caller's real account fared against its shadow, a paper account that gets the same signals.

        Per symbol, leg and order type: fill price, fee, latency, fills that one of them missed; denials on which they
        disagree; and results. It is worked out from what is stored, when it is asked for.
        """
        refuse_unknown(request, frozenset({"since", "limit"}))
        start = 0 if since is None else _time("since", since)
        account = desk.orchestrator.real_engine(desk.caller(request).user_id)

        def ask(model: ReadModel) -> bytes:
            try:
                return encode(drift_of(model, account.owner.account_id, start, limit))
            except UnknownAccountError:
                raise shadow_off(account) from None

        return bytes_response(await desk.reads.ask(ask))

    return [report]


def _time(name: str, text: str) -> Time:
    try:
        return max(parse_moment(text), 0)
    except (ValueError, OverflowError):
        raise ApiError(
            400,
            "INVALID_PARAMETER",
            f"{name}: a time in RFC 3339 with a zone is wanted, such as 2026-11-21T08:00:00Z",
            {"parameter": name},
        ) from None


def shadow_shape(shadow: Shadow | None) -> ShadowShape | None:
    """How a shadow is doing, for the status."""
    if shadow is None:
        return None
    status = shadow.status
    return ShadowShape(
        account_id=status.account_id,
        state=status.state,
        detail=status.detail,
        mirrored=status.mirrored,
        missed=status.missed,
        waiting=status.waiting,
        ticks_lost=status.ticks_lost,
    )
