"""The one-time link of the first run: its code is worth the token once, and for a while.

So the token itself is in no address, and what is left of the link (a browser's history, a file, a terminal) opens
nothing. Whoever comes too late gives the token by hand, or has ``fillwright token`` make a new one.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.response import Response

from fillwright.answers import TokenAnswer
from fillwright.api import shapes
from fillwright.api.bodies import Body, BodyDTO
from fillwright.api.desk import json_response
from fillwright.api.documents import OPEN
from fillwright.api.errors import ApiError
from fillwright.api.shield import ENTRANCE
from fillwright.core.types import MINUTE, Time
from fillwright.ports import Clock

VALID: Time = 60 * MINUTE
CODE_BYTES = 24


class Entrance:
    """A code that is worth a token until it is used, or too old."""

    def __init__(self, token: str, clock: Clock) -> None:
        self.code = secrets.token_urlsafe(CODE_BYTES)
        self._token: str | None = token
        self._clock = clock
        self._until = clock.now() + VALID

    def redeem(self, code: str) -> str | None:
        """The token, for the code, once; None otherwise."""
        if not hmac.compare_digest(self.code.encode(), code.encode()) or self._clock.now() >= self._until:
            return None
        token, self._token = self._token, None
        return token


class EntranceBody(Body, frozen=True):
    """The code of a one-time link."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


def entrance_route(entrance: Entrance | None) -> HTTPRouteHandler:
    """The route that gives the token for a code; without an entrance no code is known."""

    @post(
        ENTRANCE,
        dto=BodyDTO[EntranceBody],
        status_code=200,
        responses=shapes.answers(TokenAnswer, 200, "The token: the code is worth nothing from now on"),
        security=OPEN,
        tags=["service"],
    )
    async def enter(data: JSONBody[EntranceBody]) -> Response[bytes]:
        """Take the token for the code of the first run's link; it works once, and for an hour."""
        token = None if entrance is None else entrance.redeem(data.code)
        if token is None:
            raise ApiError(401, "LINK_USED", "this link was used, or is too old: give the token")
        return json_response(TokenAnswer(token))

    return enter
