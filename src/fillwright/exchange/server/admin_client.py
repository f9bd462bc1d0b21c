"""Asks the admin door of a running server: what the command line and tests use."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 256 * 1024 * 1024


class AdminError(Exception):
    """The server could not be asked, or refused; ``status`` is 0 when it was not reached."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class AdminClient:
    """One server's admin door; every call is a connection of its own.

    Args:
        url: as the server tells it, ``http://127.0.0.1:8090``.
        token: the admin token.
    """

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        try:
            if parts.scheme != "http" or not parts.hostname:
                raise ValueError
            self._host, self._port = parts.hostname, parts.port or 80
        except ValueError as error:
            raise AdminError(f"{url!r} is no http:// address") from error
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._timeout_s = timeout_s

    def get(self, path: str) -> Any:
        """Read something, ``/status`` for example. Raises AdminError."""
        return self._ask("GET", path, b"")

    def post(self, path: str, **wish: Any) -> Any:
        """Do something, with the fields of its message. Raises AdminError."""
        return self._ask("POST", path, msgspec.json.encode(wish))

    def _ask(self, method: str, path: str, body: bytes) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request(method, f"/admin{path}", body, self._headers)
            response = connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(
                f"no exchange answers at {self._host}:{self._port} ({str(error) or type(error).__name__})"
            ) from error
        finally:
            connection.close()
        try:
            content = msgspec.json.decode(answer)
        except msgspec.DecodeError as error:
            raise AdminError(
                f"{self._host}:{self._port} is no exchange (HTTP {response.status})", response.status
            ) from error
        if response.status != http.client.OK:
            raise AdminError(_why(content, response.status), response.status)
        return content


def _why(content: Any, status: int) -> str:
    if isinstance(content, dict) and "error" in content:
        return str(content["error"])
    return f"HTTP {status}"
