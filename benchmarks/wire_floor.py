"""The floor of this machine: a server that answers canned bytes, and clients that do nothing but send and read.

``python -m benchmarks.wire_floor`` runs the server: it prints its two ports and answers until its input closes.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

BODY = b'{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"x","transactTime":1700000000000}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
HOST = "127.0.0.1"


class Canned(asyncio.Protocol):
    """Answers every read with the same answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit from it

    def data_received(self, data: bytes) -> None:
        """One read is one request here."""
        self._transport.write(ANSWER)


class CannedSocket(WSListener):
    """Answers every frame with the same frame."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame is one request."""
        if frame.msg_type == WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, BODY)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


def _canned_socket(request: WSUpgradeRequest) -> WSListener:
    return CannedSocket()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    plain = await loop.create_server(Canned, HOST, 0)
    sockets = await ws_create_server(_canned_socket, HOST, 0)
    ports = [one.sockets[0].getsockname()[1] for one in (plain, sockets)]
    sys.stdout.write(f"{ports[0]} {ports[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve())
