"""What every request passes first: the Host check, the token, a request id, and headers that keep browsers careful.

Pure ASGI, outside of the framework, so that nothing is answered without it, whatever the router makes of the path.
A name in the Host header that is not ours is refused: a page elsewhere whose name was made to point at this machine
(DNS rebinding) would otherwise speak to us with the browser's help.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from fillwright.api.errors import JSON, REQUEST_ID, ApiError, no_such_path, translated
from fillwright.api.tokens import Tokens, bearer, caller_of, known_caller

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
READY = "/readyz"
"""Open, but it tells those more who show a token."""
ENTRANCE = "/api/entrance"
"""Where the code of a one-time link is given for the token."""
OPEN_PATHS = frozenset({"/", "/healthz", READY, "/docs", "/docs/openapi.json", ENTRANCE})
"""What anybody may ask; everything else needs a token."""
EVENTS = "/api/events"
"""The one WebSocket; who calls it may show a token later."""
DOCUMENTS = "/docs/"
"""Below it there is nothing but what is open."""
CALLER = "fillwright.caller"
"""Where the scope holds who calls."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CACHE = (b"cache-control", b"no-store")
_POLICY = b"default-src 'none'; frame-ancestors 'none'"


class Shield:
    """Wraps the application; ``hosts`` are names beside the loopback's that the Host header may have (``*``: any)."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        hosts: Iterable[str] = (),
        policies: Mapping[str, str] | None = None,
    ) -> None:
        """``policies``: the content security policies of paths that show a page."""
        self.app = app
        self._policies = {path: policy.encode() for path, policy in (policies or {}).items()}
        self._tokens = tokens
        self._hosts = frozenset(host_name(name) for name in (*LOOPBACK_NAMES, *hosts))
        self._any_host = "*" in self._hosts
        self._prefix = secrets.token_hex(4)
        self._counter = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then hand on."""
        kind = str(scope["type"])
        if kind == "lifespan":
            await self.app(scope, receive, send)
            return
        host = authorization = request_id = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"authorization":
                authorization = value
            elif name == b"x-request-id":
                request_id = value
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = b"%b-%d" % (self._prefix.encode(), next(self._counter))

        scope[REQUEST_ID] = request_id.decode()  # type: ignore[literal-required]
        policy = self._policies.get(scope["path"], _POLICY)

        async def careful(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message["headers"] = _completed(message["headers"], request_id, policy)
            await send(message)

        try:
            self._check_host(host)
            if kind == "http":
                path = scope["path"]
                if path not in OPEN_PATHS:
                    scope[CALLER] = caller_of(self._tokens, bearer(authorization))  # type: ignore[literal-required]
                    if path.startswith(DOCUMENTS):
                        raise no_such_path()  # the framework would answer with a page of its own
                elif path == READY and authorization:
                    known = known_caller(self._tokens, bearer(authorization))
                    if known is not None:
                        scope[CALLER] = known  # type: ignore[literal-required]
            elif scope["path"] != EVENTS:
                raise no_such_path()  # the framework would only log that nobody answered
            elif authorization:
                scope[CALLER] = caller_of(self._tokens, bearer(authorization))  # type: ignore[literal-required]
        except ApiError as error:
            await refuse(scope, careful, error)
            return
        await self.app(scope, receive, careful)

    def _check_host(self, header: bytes) -> None:
        if self._any_host:
            return
        name = host_name(header.decode("latin-1"))
        if name not in self._hosts:
            raise ApiError(
                403,
                "HOST_NOT_ALLOWED",
                f"this service does not answer to the name {name!r:.100}; allow it in the configuration",
            )


def host_name(header: str) -> str:
    """The name in a Host header, without port, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def _completed(
    headers: Iterable[tuple[bytes, bytes]], request_id: bytes, policy: bytes
) -> Sequence[tuple[bytes, bytes]]:
    given = list(headers)
    if all(name != b"cache-control" for name, _ in given):
        given.append(_CACHE)
    given += _HEADERS
    given += ((b"content-security-policy", policy), (b"x-request-id", request_id))
    return given


async def refuse(scope: Scope, send: Any, error: Exception) -> None:
    """Answer with an error, outside of the framework; of a WebSocket: refuse the handshake."""
    told = translated(error)
    headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(told.body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in told.headers.items()]
    is_http = str(scope["type"]) == "http"
    kind = "http.response" if is_http else "websocket.http.response"
    if not is_http and "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4000 + told.status, "reason": told.code})
        return
    await send({"type": f"{kind}.start", "status": told.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": told.body, "more_body": False})
