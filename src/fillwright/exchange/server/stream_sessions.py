"""Connections to the market streams (``/ws``, ``/stream``): what their URL asks for, and control messages.

Texts and codes of errors are those of Binance's documents, wrapped as frames seen in the wild are:
``{"error":{"code":2,"msg":"..."},"id":1}``. Source: Binance Spot WebSocket Streams "Live Subscribing/Unsubscribing to
streams", "WebSocket Limits".
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote

import msgspec
from picows import WSCloseCode

from fillwright.exchange.server.handshakes import Handshake, Refused
from fillwright.exchange.server.listen_keys import ListenKeys
from fillwright.exchange.server.market_streams import MarketStreams
from fillwright.exchange.server.replies import encode
from fillwright.exchange.server.stream_names import StreamKind, StreamName, parse_stream_name
from fillwright.exchange.server.websocket import SessionFactory, WebSockets
from fillwright.exchange.server.websocket_session import WebSocketSession

WINDOW_S = 1.0
"""Incoming messages are counted over this time, sliding."""
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_COMBINED = "combined"
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1
_UNKNOWN_PROPERTY, _WRONG_TYPE, _INVALID_REQUEST, _INVALID_JSON, _TOO_MANY = range(5)

_is_id = re.compile(r"[a-zA-Z0-9\-_]{0,36}", re.ASCII).fullmatch
_byte = re.compile(r"\(byte (\d+)\)")
_decode = msgspec.json.Decoder().decode


class ControlError(Exception):
    """A control message is refused, with Binance's code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class StreamSession(WebSocketSession):
    """One connection to the market streams.

    Attributes:
        is_combined: whether payloads are wrapped with their stream's name.
    """

    kind = "streams"

    def __init__(
        self,
        sockets: WebSockets,
        handshake: Handshake,
        streams: MarketStreams,
        names: Iterable[StreamName],
        listen_keys: ListenKeys | None = None,
    ) -> None:
        super().__init__(sockets, handshake)
        self.is_combined = handshake.path.startswith("/stream")
        self._streams = streams
        self._listen_keys = listen_keys
        self._leave: dict[str, Callable[[], None]] = {}
        self._asked = tuple(names)
        self._arrivals: deque[float] = deque()

    # -- its life ------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Begin with the streams of the URL."""
        self._subscribe(self._asked)

    def closed(self) -> None:
        """Listen to nothing any more."""
        for leave in self._leave.values():
            leave()
        self._leave.clear()

    def shutdown_message(self) -> bytes:
        """Wrapped where payloads are."""
        event = {"e": "serverShutdown", "E": self.time(self.box.now)}
        return encode({"stream": "!serverShutdown", "data": event} if self.is_combined else event)

    def describe(self) -> dict[str, Any]:
        """With its streams."""
        return super().describe() | {"streams": list(self._leave)}

    def control_received(self) -> bool:
        """Pings and pongs count as messages."""
        return self._may_speak()

    def _may_speak(self) -> bool:
        """Count a message; close who sends too many."""
        arrivals, now = self._arrivals, asyncio.get_running_loop().time()
        arrivals.append(now)
        while arrivals[0] <= now - WINDOW_S:
            arrivals.popleft()
        if len(arrivals) <= self.box.settings.websocket.stream_messages:
            return True
        arrivals.popleft()
        if not self.box.limits.settings.is_enabled:
            return True
        self.close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
        return False

    # -- control messages ------------------------------------------------------------------------------------------

    def received(self, message: bytes) -> None:
        """Carry out a control message and answer it."""
        if not self._may_speak():
            return
        identity: int | str | None = None
        try:
            request = _read(message)
            identity = _identity(request)
            answer = {"result": self._carry_out(request, message), "id": identity}
        except ControlError as error:
            answer = {"error": {"code": error.code, "msg": error.text}, "id": identity}
        self.send(encode(answer))

    def _carry_out(self, request: dict[str, Any], message: bytes) -> object:
        method = _method(request, message)
        params = request.get("params")
        if params is None:
            params = []
        if type(params) is not list:
            raise ControlError(_INVALID_REQUEST, "Invalid request: params must be an array")
        if method == "SUBSCRIBE":
            self._subscribe(_names(params))
        elif method == "UNSUBSCRIBE":
            for name in _names(params):
                leave = self._leave.pop(name.text, None)
                if leave is not None:
                    leave()
        elif method == "LIST_SUBSCRIPTIONS":
            _check_count(params, 0)
            return list(self._leave)
        elif method == "SET_PROPERTY":
            self._set_property(params)
        else:
            _check_count(params, 1)
            _check_property(params)
            return self.is_combined
        return None

    def _set_property(self, params: list[Any]) -> None:
        _check_count(params, 2)
        _check_property(params)
        if len(params) < 2 or type(params[1]) is not bool:
            raise ControlError(_WRONG_TYPE, "Invalid value type: expected Boolean")
        self.is_combined = params[1]

    def _subscribe(self, names: Iterable[StreamName]) -> None:
        joined = self._leave
        new = {name.text: name for name in names if name.text not in joined}
        if len(joined) + len(new) > self.box.settings.websocket.streams_per_connection:
            raise ControlError(_TOO_MANY, "Too many subscriptions")
        for text, name in new.items():
            joined[text] = self._listen(name)

    def _listen(self, name: StreamName) -> Callable[[], None]:
        """Begin to hear a stream, or an account by its key; returns how to leave it."""
        if self._listen_keys is not None and name.kind is StreamKind.SILENT:
            leave = self._listen_keys.follow(name.text, self)
            if leave is not None:
                return leave
        return partial(self._streams.leave, self._streams.listen(name, self), self)


def _read(message: bytes) -> dict[str, Any]:
    try:
        request = _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _byte.search(str(error))
        at = len(message) if found is None else int(found[1])
        what = "EOF while parsing a value" if found is None else "expected value"
        raise ControlError(_INVALID_JSON, f"Invalid JSON: {what} at {_place(message, at)}") from error
    if type(request) is not dict:
        raise ControlError(_INVALID_REQUEST, "Invalid request: expected an object")
    return request


def _identity(request: dict[str, Any]) -> int | str | None:
    identity = request.get("id", ...)
    if identity is None:
        return None
    if type(identity) is int and _INTEGER_MIN <= identity <= _INTEGER_MAX:
        return identity
    if type(identity) is str and _is_id(identity):
        return identity
    raise ControlError(_INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _method(request: dict[str, Any], message: bytes) -> str:
    method = request.get("method")
    if type(method) is not str:
        where = _place(message, len(message))
        raise ControlError(_INVALID_REQUEST, f"Invalid request: missing field `method` at {where}")
    if method not in _METHODS:
        at = message.find(encode(method)) + len(encode(method))
        known = ", ".join(f"`{one}`" for one in _METHODS)
        raise ControlError(
            _INVALID_REQUEST,
            f"Invalid request: unknown variant `{method:.100}`, expected one of {known} at {_place(message, at)}",
        )
    return method


def _names(params: list[Any]) -> list[StreamName]:
    names = []
    for text in params:
        name = parse_stream_name(text) if type(text) is str else None
        if name is None:
            raise ControlError(_INVALID_REQUEST, "Invalid request: invalid stream")
        names.append(name)
    return names


def _check_count(params: list[Any], most: int) -> None:
    if len(params) > most:
        raise ControlError(_INVALID_REQUEST, "Invalid request: too many parameters")


def _check_property(params: list[Any]) -> None:
    if not params or type(params[0]) is not str:
        raise ControlError(_INVALID_REQUEST, "Invalid request: property name must be a string")
    if params[0] != _COMBINED:
        raise ControlError(_UNKNOWN_PROPERTY, "Unknown property")


def _place(message: bytes, at: int) -> str:
    """A place in a text as line and column, both from 1."""
    before = message[:at]
    return f"line {before.count(10) + 1} column {at - (before.rfind(10) + 1)}"


def asked_streams(handshake: Handshake, listen_keys: Container[str] = ()) -> list[StreamName]:
    """The streams that a URL names, or keys; what is neither (an empty name, a number of ccxt's) is passed over."""
    if handshake.path.startswith("/stream"):
        # A plus sign in a query stands for a space, but streams have none: it is that of a time zone.
        texts = handshake.query.get("streams", "").replace(" ", "+").split("/")
    else:
        texts = handshake.path.removeprefix("/ws").split("/")
    names = (parse_stream_name(unquote(text)) for text in texts if text)
    return [one for one in names if one is not None and ("@" in one.text or one.text in listen_keys)]


def stream_sessions(streams: MarketStreams, listen_keys: ListenKeys | None = None) -> SessionFactory:
    """Makes sessions of the market streams, and of accounts by their keys if there are any; a connection is counted."""

    def make(sockets: WebSockets, handshake: Handshake) -> StreamSession:
        box = sockets.box
        box.limits.connect(handshake.ip, box.now)
        names = asked_streams(handshake, () if listen_keys is None else listen_keys)
        if len({name.text for name in names}) > box.settings.websocket.streams_per_connection:
            raise Refused(400)
        return StreamSession(sockets, handshake, streams, names, listen_keys)

    return make
