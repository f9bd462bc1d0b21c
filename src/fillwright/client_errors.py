"""What a client of our own API raises, and how it is read from what came back, or did not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import aiohttp


class ClientError(Exception):
    """The service refused, or its answer cannot be understood."""

    def __init__(
        self, code: str, message: str, status: int = 0, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code, self.message, self.status = code, message, status
        self.details = dict(details or {})


class ConnectionFailed(ClientError):
    """Nobody answers at the address."""

    def __init__(self, url: str, reason: object) -> None:
        super().__init__(
            "CONNECTION_FAILED",
            f"no fillwright answers at {url}: {reason}; start it with `fillwright run`, or name another address",
        )


def why(error: Exception) -> str:
    """Why nobody could be reached, in the system's words where it has some: "Connection refused"."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return str(error.os_error.strerror or error)  # its number is none of the system's
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno)
    return str(error) or type(error).__name__


def error_of(status: int, found: Any) -> ClientError:
    """The error that an answer's body tells."""
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return ClientError(
            "UNREADABLE", f"the service answered {status} in a shape that is not its own", status
        )
    return ClientError(
        str(error.get("code", "")), str(error.get("message", "")), status, error.get("details") or {}
    )


def refused_events(status: int) -> ClientError:
    """Why the live events were refused, by the status of the answer."""
    codes = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 409: "SINCE_AHEAD", 400: "INVALID_PARAMETER"}
    return ClientError(codes.get(status, f"HTTP_{status}"), f"the events were refused with {status}", status)
