"""What the exchange server makes of a wire request: the same core request, read by its own parsers and handlers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn, cast

import msgspec

from fillwright.core.requests import Request
from fillwright.exchange.server.accounts import ACCOUNT
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.market_operations import GENERAL
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.parameters import Parsed, Parser, decode_request
from fillwright.exchange.server.trading import TRADING
from fillwright.exchange.server.trading_lists import LISTS
from fillwright.wire.requests import WireRequest
from fillwright.wire.signing import query

OPERATIONS: dict[str, Operation] = {one.name: one for one in (*GENERAL, *TRADING, *LISTS, *ACCOUNT)}
_SIGNED = (("timestamp", 1_795_168_800_000),)


class _Understood(Exception):
    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class _Exchange:
    def execute(self, account_id: str, request: Request, now: int) -> NoReturn:
        raise _Understood(request)

    def generated_id(self) -> NoReturn:
        raise AssertionError("an id of ours was not sent")


def operation(sent: WireRequest) -> Operation:
    """What the server takes it for, the same by both ways."""
    found = OPERATIONS[sent.method]
    assert (found.method, found.path) == sent.rest
    return found


def over_rest(sent: WireRequest) -> Parsed:
    """What comes in by REST."""
    text = query((*sent.parameters, *_SIGNED, ("signature", "s")))
    return Parser(operation(sent)).rest(text.encode(), b"")


def over_websocket(sent: WireRequest) -> Parsed:
    """What comes in by the WebSocket API."""
    frame = msgspec.json.encode({"params": dict((*sent.parameters, *_SIGNED))})
    params: dict[str, Any] = decode_request(frame)["params"]
    return Parser(operation(sent)).websocket(params, is_logged_on=True)


def understood(sent: WireRequest, parsed: Parsed) -> Request:
    """The request that its handler would have the exchange execute."""
    box = cast(Box, SimpleNamespace(exchange=_Exchange()))
    call = Call(box, operation(sent), parsed.values, 0)
    try:
        operation(sent).handle(call)
    except _Understood as found:
        return found.request
    raise AssertionError("the handler executed nothing")
