"""What goes back to a client, before a protocol writes it: status, headers, body; or nothing, or later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.fault_plan import Cut
from fillwright.exchange.server.limits import RateLimited

JSON_TYPE = "application/json;charset=UTF-8"
HTML_TYPE = "text/html"

encode = msgspec.json.Encoder().encode


class Reply:
    """One answer."""

    __slots__ = ("body", "code", "content_type", "cut", "headers", "retry", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: str = "",
        content_type: str = JSON_TYPE,
        *,
        code: int | None = None,
        retry: bytes = b"",
        cut: Cut | None = None,
    ) -> None:
        self.status = status
        """0 where nothing is told."""
        self.body = body
        """JSON of a result or an error, as REST writes it; or whatever ``content_type`` says."""
        self.headers = headers
        """Further header lines of REST, each ended by CR LF."""
        self.content_type = content_type
        self.code = code
        """Binance's, of an error."""
        self.retry = retry
        """``data`` of a 429 or 418 on the WebSocket API, as JSON."""
        self.cut = cut
        """Set where nothing is written: how the answer is lost."""


class Pending:
    """An answer that comes later, in box time."""

    __slots__ = ("_on_reply", "_reply")

    def __init__(self) -> None:
        self._reply: Reply | None = None
        self._on_reply: Callable[[Reply], None] | None = None

    def deliver(self, reply: Reply) -> None:
        """The answer is there."""
        self._reply = reply
        if self._on_reply is not None:
            self._on_reply(reply)

    def then(self, on_reply: Callable[[Reply], None]) -> None:
        """Call with the answer when it is there, at once if it is."""
        self._on_reply = on_reply
        if self._reply is not None:
            on_reply(self._reply)

    def map(self, finish: Callable[[Reply], Reply]) -> Pending:
        """The same answer, finished by a function."""
        mapped = Pending()
        self.then(lambda reply: mapped.deliver(finish(reply)))
        return mapped


def html(status: int, reason: str, headers: str = "") -> Reply:
    """A page as the proxy before the API serves it."""
    title = f"{status} {reason}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Reply(status, body.encode(), headers, HTML_TYPE)


def error_reply(error: ExchangeError, now: Time = 0, retry_at: Time | None = None) -> Reply:
    """An error as Binance says it; with ``Retry-After`` when it says when to come back."""
    body: dict[str, Any] = {"code": error.code, "msg": error.message}
    if error.data is not None:
        body["data"] = error.data
    if isinstance(error, RateLimited):
        retry_at = error.retry_at
    if retry_at is None:
        return Reply(error.http_status, encode(body), code=error.code)
    retry = {"serverTime": now // MILLISECOND, "retryAfter": retry_at // MILLISECOND}
    headers = f"retry-after: {max(1, -(-(retry_at - now) // SECOND))}\r\n"
    return Reply(error.http_status, encode(body), headers, code=error.code, retry=encode(retry))


def websocket_message(identity: bytes, reply: Reply, rate_limits: str) -> bytes:
    """An answer in the WebSocket API's envelope; ``identity`` and ``rate_limits`` as JSON, the latter may be empty."""
    limits = f',"rateLimits":{rate_limits}}}'.encode() if rate_limits else b"}"
    if reply.status == 200:
        return b'{"id":%b,"status":200,"result":%b%b' % (identity, reply.body, limits)
    if reply.code is None:
        return b'{"id":%b,"status":%d%b' % (identity, reply.status, limits)
    error = reply.body
    if reply.retry:
        error = b'%b,"data":%b}' % (error[:-1], reply.retry)
    return b'{"id":%b,"status":%d,"error":%b%b' % (identity, reply.status, error, limits)
