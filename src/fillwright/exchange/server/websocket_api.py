"""The WebSocket API's connections (``/ws-api/v3``): requests in envelopes, and who is logged on.

A request that is no request (broken JSON, an ``id`` or ``params`` of a wrong type) is answered with -1135 and an
``id`` of null, and the connection is closed with 1008, as clients report from Binance. Everything else is the desk's.
Source: Binance Spot WebSocket API "Request format", "Session Authentication".
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from picows import WSCloseCode

from fillwright.core.types import Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.handshakes import Handshake
from fillwright.exchange.server.keys import ApiKey
from fillwright.exchange.server.parameters import decode_request
from fillwright.exchange.server.replies import encode, error_reply, websocket_message
from fillwright.exchange.server.user_streams import Subscriptions, UserStreams
from fillwright.exchange.server.websocket import SessionFactory, WebSockets
from fillwright.exchange.server.websocket_session import WebSocketSession
from fillwright.wire.errors import message as error_message

PATH = "/ws-api/v3"
CONNECTION_WEIGHT = 2
_BROKEN = -1135
_ID = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
_METHOD = "Invalid 'method' in JSON request; expected a string."
_PARAMS = "Invalid 'params' in JSON request; expected an object."
_TEXT = "Invalid JSON Request"

_is_id = re.compile(r"[a-zA-Z0-9\-_]{1,36}", re.ASCII).fullmatch


class ApiSession(WebSocketSession):
    """One connection to the WebSocket API.

    Attributes:
        key: who is logged on; None: nobody.
        authorized_since: box time of the log-on.
        shows_rate_limits: whether answers carry ``rateLimits`` when a request does not say.
        subscriptions: the user data streams that it listens to.
    """

    kind = "api"

    def __init__(self, sockets: WebSockets, handshake: Handshake, desk: Desk, streams: UserStreams) -> None:
        super().__init__(sockets, handshake)
        self.key: ApiKey | None = None
        self.authorized_since: Time | None = None
        self.shows_rate_limits = handshake.query.get("returnRateLimits", "true").lower() != "false"
        self.subscriptions = Subscriptions(streams, self)
        self._serve = desk.serve_websocket

    def received(self, message: bytes) -> None:
        """Answer a request, at once or later."""
        try:
            request = decode_request(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._break_off(_TEXT)
            return
        mistake = check_envelope(request)
        if mistake is not None:
            self._break_off(mistake)
            return
        if self.key is not None and self._is_revoked(self.key):
            return
        answer = self._serve(self, request)
        if answer is not None:
            self.send(answer)
        if self.box.limits.visitor(self.ip).banned_until > self.box.now:
            self.sockets.disconnect_ip(self.ip, self.kind)

    def _break_off(self, mistake: str) -> None:
        self.send(websocket_message(b"null", error_reply(ExchangeError(_BROKEN, mistake)), ""))
        self.close(WSCloseCode.POLICY_VIOLATION, "disconnected")

    def _is_revoked(self, key: ApiKey) -> bool:
        """Whether the key of the session is gone; then it is told so, and nobody is logged on any more."""
        current = self.box.keys.get(key.api_key)
        if current is not None:
            self.key = current
            return False
        self.log_out()
        refusal = error_reply(ExchangeError(-2015, error_message(-2015), 401))
        self.send(websocket_message(b"null", refusal, ""))
        return True

    def log_on(self, key: ApiKey) -> None:
        """From now on requests are this key's unless they say otherwise."""
        self.key = key
        self.authorized_since = self.box.now

    def log_out(self) -> None:
        """Forget the key, and end the stream that was subscribed to with it."""
        self.key = None
        self.authorized_since = None
        self.subscriptions.end_session()

    def closed(self) -> None:
        """The connection is gone, and its streams with it."""
        self.subscriptions.drop()

    def shutdown_message(self) -> bytes:
        """An event without a subscription."""
        return encode({"event": {"e": "serverShutdown", "E": self.time(self.box.now)}})

    def describe(self) -> dict[str, Any]:
        """With who is logged on, and whose streams it listens to."""
        key = self.key
        return super().describe() | {
            "apiKey": None if key is None else key.api_key,
            "accounts": [one.account_id for one in self.subscriptions],
        }


def check_envelope(request: object) -> str | None:
    """What is wrong with a request's outside; None: nothing."""
    if type(request) is not dict:
        return _TEXT
    identity = request.get("id", ...)
    kind = type(identity)
    if not (kind is int or identity is None or (kind is str and _is_id(identity))):
        return _ID
    if type(request.get("method")) is not str:
        return _METHOD
    params = request.get("params")
    return _PARAMS if params is not None and type(params) is not dict else None


def api_sessions(desk: Desk, streams: UserStreams) -> SessionFactory:
    """Makes sessions of the WebSocket API; a connection is counted and costs weight."""

    def make(sockets: WebSockets, handshake: Handshake) -> ApiSession:
        box = sockets.box
        box.limits.connect(handshake.ip, box.now, CONNECTION_WEIGHT)
        return ApiSession(sockets, handshake, desk, streams)

    return make
