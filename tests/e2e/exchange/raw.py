"""A client of no library: exact bytes over HTTP and WebSocket, signed by hand, nothing hidden."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from websockets.sync.client import ClientConnection, connect

TIMEOUT_S = 15.0


class Answer(NamedTuple):
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RawClient:
    """HTTP on one connection that stays open."""

    def __init__(self, url: str, api_key: str = "", secret: str = "") -> None:
        self.url = urlsplit(url)
        self.api_key = api_key
        self.secret = secret
        self.connection = http.client.HTTPConnection(self.url.netloc, timeout=TIMEOUT_S)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def request(
        self, method: str, target: str, body: str | bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send exactly this."""
        self.connection.request(method, target, body or None, dict(headers or {}))
        response = self.connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())

    def get(self, path: str, **params: Any) -> Answer:
        """Ask something public."""
        return self.request("GET", f"/api/v3/{path}?{urlencode(params)}" if params else f"/api/v3/{path}")

    def signed(self, method: str, path: str, **params: Any) -> Answer:
        """Ask with key, timestamp and signature, all in the query."""
        query = self.sign(params)
        return self.request(method, f"/api/v3/{path}?{query}", headers={"X-MBX-APIKEY": self.api_key})

    def sign(self, params: Mapping[str, Any]) -> str:
        """Parameters with timestamp and signature, encoded."""
        query = urlencode({**params, "timestamp": params.get("timestamp", time.time_ns() // 1_000_000)})
        return f"{query}&signature={signature(self.secret, query)}"


def signature(secret: str, payload: str) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class RawSocket:
    """The WebSocket API, or any WebSocket of the server, one frame after another."""

    def __init__(self, url: str, api_key: str = "", secret: str = "") -> None:
        self.api_key = api_key
        self.secret = secret
        self._stack = ExitStack()
        opened = connect(url, max_size=None, open_timeout=TIMEOUT_S)
        self.socket: ClientConnection = self._stack.enter_context(opened)
        self.events: list[Any] = []
        """What came and was no reply."""
        self.last_id = 0

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def send(self, frame: Any) -> None:
        """Send a JSON frame."""
        self.socket.send(json.dumps(frame))

    def receive(self) -> Any:
        """The next frame of any kind."""
        return json.loads(self.socket.recv(TIMEOUT_S))

    def event(self) -> Any:
        """The next frame that is no reply."""
        return self.events.pop(0) if self.events else self.receive()

    def ask(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its reply; events in between are kept."""
        self.last_id += 1
        self.send({"id": self.last_id, "method": method} | ({} if params is None else {"params": params}))
        while (frame := self.receive()).get("id", "") != self.last_id:
            self.events.append(frame)
        return frame

    def signed(self, method: str, **params: Any) -> Any:
        """Ask with key, timestamp and signature."""
        params = {**params, "apiKey": self.api_key, "timestamp": time.time_ns() // 1_000_000}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return self.ask(method, {**params, "signature": signature(self.secret, payload)})
