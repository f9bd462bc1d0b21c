"""What the routes work with: accounts, questions to the store, the clock; and how answers become responses."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.connection import ASGIConnection
from litestar.params import HeaderParameter
from litestar.response import Response

from fillwright.api.errors import JSON, ApiError
from fillwright.api.reads import Reads
from fillwright.api.shield import CALLER
from fillwright.api.tokens import Caller
from fillwright.core.context import Answer
from fillwright.core.types import Mode
from fillwright.ports import Clock
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.orchestrator import Orchestrator
from fillwright.spelling import encode

Connection = ASGIConnection[Any, Any, Any, Any]

KEY_LENGTH_MAX = 128
PAPER, REAL, SHADOW = "/api/paper-trading/", "/api/real-trading/", "/api/shadow-trading/"
"""Paths that are about one account, whatever mode the caller is in."""
CommandKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=KEY_LENGTH_MAX,
        description="Sent again with the same key and body it happens once, and the first answer comes again; the same "
        "key with another command or body is 409. Kept for 7 days.",
    ),
]
"""Of commands; the core alone knows which keys came before."""
CONFLICTS = frozenset(
    {
        "OPEN_POSITIONS",
        "POSITION_NOT_OPEN",
        "REFUSED",
        "KEY_CONFLICT",
        "ORDER_ENDED",
        "ORDER_PROTECTS",
        "ROLLOUT_INCOMPLETE",
    }
)


class Desk:
    """One for the whole application."""

    def __init__(self, orchestrator: Orchestrator, reads: Reads, clock: Clock, version: str) -> None:
        self.orchestrator = orchestrator
        self.reads = reads
        self.clock = clock
        self.version = version

    def caller(self, connection: Connection) -> Caller:
        """Who calls; the shield has let nobody else through."""
        caller: Caller = connection.scope[CALLER]  # type: ignore[literal-required]
        return caller

    def is_known(self, connection: Connection) -> bool:
        """Whether the caller of an open path has shown a token that is known."""
        return CALLER in connection.scope

    def account(self, connection: Connection) -> AccountEngine:
        """The caller's account: of the mode that the path names, else of the one that they are in."""
        user_id, path = self.caller(connection).user_id, connection.scope["path"]
        if path.startswith(PAPER):
            return self.orchestrator.engine(user_id, Mode.PAPER)
        if path.startswith(REAL):
            return self.orchestrator.real_engine(user_id)
        if path.startswith(SHADOW):
            real = self.orchestrator.real_engine(user_id)
            shadow = self.orchestrator.shadow(real)
            if shadow is None:
                raise shadow_off(real)
            return shadow.account
        return self.orchestrator.engine(user_id)


def shadow_off(account: AccountEngine) -> ApiError:
    """An account has no shadow."""
    return ApiError(
        409, "SHADOW_OFF", f"account {account.owner.account_id} has no shadow: trading.shadow is not set"
    )


def json_response(value: Any, status: int = 200) -> Response[bytes]:
    """Answer with a record, or anything made of them."""
    return Response(encode(value), status_code=status, media_type=JSON)


def bytes_response(body: bytes, status: int = 200) -> Response[bytes]:
    """Answer with JSON that is written already."""
    return Response(body, status_code=status, media_type=JSON)


def check(answer: Answer) -> Answer:
    """Raise what the core refused: 409 for what does not fit the state, 422 for what a risk check denied."""
    if answer.ok:
        return answer
    status = 409 if answer.code in CONFLICTS else 422
    details = {"position_id": answer.position_id} if answer.position_id else {}
    raise ApiError(status, answer.code, answer.message or answer.code, details)
