"""Where the API listens: taken before anything else is begun, and long before anybody is answered there."""

from __future__ import annotations

import socket

BACKLOG = 2_048
"""Connections that wait to be taken."""


class PortInUseError(Exception):
    """The address cannot be listened on; the text says which and why."""


def bind(host: str, port: int) -> socket.socket:
    """Take the address before anything else is started; port 0: any that is free. Raises PortInUseError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise PortInUseError(f"{host} is no address to listen on: {error.strerror or error}") from error
    bound = socket.socket(family, kind, protocol)  # asyncio sets TCP_NODELAY where the protocol is told alone
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise PortInUseError(
            f"cannot listen on {host}:{port}: {error.strerror}; stop what uses it, or choose another port"
        ) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """Where a browser finds the server."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
