"""Market stream connections over real sockets: URLs, control messages, limits; the exact words of errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fillwright.exchange.server.box import Box
from fillwright.exchange.server.handshakes import Handshake, parse_target
from fillwright.exchange.server.market_streams import MarketStreams
from fillwright.exchange.server.public_market import PublicMarket
from fillwright.exchange.server.settings import LimitSettings, WebSocketSettings
from fillwright.exchange.server.stream_sessions import StreamSession, asked_streams, stream_sessions
from fillwright.exchange.server.websocket import WebSockets
from tests.exchange.server.boxes import START, frozen_box
from tests.exchange.server.test_websocket_api import JSON
from tests.exchange.server.websocket_front import run, serving, until

UNBOUND = LimitSettings(is_enabled=False)


class Served:
    """A server of market streams."""

    def __init__(self, **changes: Any) -> None:
        self.box = frozen_box(**{"limits": UNBOUND, **changes})
        for symbol in self.box.exchange.symbols:
            self.box.markets.setdefault(symbol, PublicMarket(self.box.exchange, symbol))
        self.streams = MarketStreams(self.box)
        factory = stream_sessions(self.streams)
        paths = ("/ws", "/ws/", "/stream", "/stream/")
        self.sockets = WebSockets(self.box, dict.fromkeys(paths, factory))

    @asynccontextmanager
    async def client(self, path: str) -> AsyncIterator[ClientConnection]:
        async with serving(self.sockets) as url, connect(url + path) as client:
            yield client


async def ask(client: ClientConnection, **request: Any) -> Any:
    await client.send(json.dumps(request))
    return json.loads(await client.recv())


def trade(box: Box, price: str = "50000") -> None:
    box.trade("BTCUSDT", Decimal(price), Decimal("0.5"), True, box.now)


def test_a_raw_stream_tells_bare_payloads() -> None:
    async def story() -> None:
        served = Served()
        async with served.client("/ws/btcusdt@trade/ethusdt@trade") as client:
            await until(lambda: len(served.sockets) == 1)
            trade(served.box)
            told = json.loads(await client.recv())
            assert (told["e"], told["s"], told["p"], told["m"]) == (
                "trade",
                "BTCUSDT",
                "50000.00000000",
                True,
            )
            assert told["E"] == START // 1000

    run(story)


def test_a_combined_stream_wraps_payloads_and_tells_microseconds() -> None:
    async def story() -> None:
        served = Served()
        async with served.client("/stream?streams=btcusdt%40trade&timeUnit=MICROSECOND") as client:
            await until(lambda: len(served.sockets) == 1)
            trade(served.box)
            told = json.loads(await client.recv())
            assert told["stream"] == "btcusdt@trade"
            assert told["data"]["T"] == START

    run(story)


def test_streams_come_and_go_by_message() -> None:
    async def story() -> None:
        served = Served()
        async with served.client("/ws/1") as client:
            assert await ask(client, method="LIST_SUBSCRIPTIONS", id=3) == {"result": [], "id": 3}
            names = ["btcusdt@trade", "nosuch@trade", "BTCUSDT@trade"]
            assert await ask(client, method="SUBSCRIBE", params=names, id="a-1") == {
                "result": None,
                "id": "a-1",
            }
            assert await ask(client, method="SUBSCRIBE", params=names, id=None) == {
                "result": None,
                "id": None,
            }
            assert (await ask(client, method="LIST_SUBSCRIPTIONS", id=4))["result"] == names
            trade(served.box)
            assert json.loads(await client.recv())["e"] == "trade"
            assert await ask(client, method="UNSUBSCRIBE", params=[*names, "other@trade"], id=5) == {
                "result": None,
                "id": 5,
            }
            trade(served.box)
            assert (await ask(client, method="LIST_SUBSCRIPTIONS", id=6))["result"] == []
            assert len(served.streams) == 0

    run(story)


def test_the_combined_property_is_read_and_set() -> None:
    async def story() -> None:
        served = Served()
        async with served.client("/ws/btcusdt@trade") as client:
            assert await ask(client, method="GET_PROPERTY", params=["combined"], id=1) == {
                "result": False,
                "id": 1,
            }
            assert await ask(client, method="SET_PROPERTY", params=["combined", True], id=2) == {
                "result": None,
                "id": 2,
            }
            trade(served.box)
            assert json.loads(await client.recv())["stream"] == "btcusdt@trade"
            served.sockets.announce_shutdown()
            assert json.loads(await client.recv()) == {
                "stream": "!serverShutdown",
                "data": {"e": "serverShutdown", "E": START // 1000},
            }

    run(story)


KNOWN = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


@pytest.mark.parametrize(
    ("message", "code", "text", "identity"),
    [
        ('{"method":"SET_PROPERTY","params":["other",true],"id":1}', 0, "Unknown property", 1),
        ('{"method":"GET_PROPERTY","params":["other"],"id":1}', 0, "Unknown property", 1),
        (
            '{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}',
            1,
            "Invalid value type: expected Boolean",
            1,
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined"],"id":1}',
            1,
            "Invalid value type: expected Boolean",
            1,
        ),
        (
            '{"method":"SET_PROPERTY","params":[7,true],"id":1}',
            2,
            "Invalid request: property name must be a string",
            1,
        ),
        ('{"method":"GET_PROPERTY","id":1}', 2, "Invalid request: property name must be a string", 1),
        (
            '{"method":"GET_PROPERTY","params":["combined",1],"id":1}',
            2,
            "Invalid request: too many parameters",
            1,
        ),
        ('{"method":"LIST_SUBSCRIPTIONS","params":[1],"id":1}', 2, "Invalid request: too many parameters", 1),
        (
            '{"method":"SUBSCRIBE","params":["x@trade"],"id":1.5}',
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        (
            '{"method":"SUBSCRIBE","params":["x@trade"]}',
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        (
            '{"method":"SUBSCRIBE!","params":[],"id":1}',
            2,
            f"Invalid request: unknown variant `SUBSCRIBE!`, expected one of {KNOWN} at line 1 column 22",
            1,
        ),
        ('{"params":[],"id":1}', 2, "Invalid request: missing field `method` at line 1 column 20", 1),
        ('{"method":"SUBSCRIBE","params":["@@@x###"],"id":1}', 2, "Invalid request: invalid stream", 1),
        ('{"method":"SUBSCRIBE","params":[5],"id":1}', 2, "Invalid request: invalid stream", 1),
        ('{"method":"SUBSCRIBE","params":"x","id":1}', 2, "Invalid request: params must be an array", 1),
        ("[1]", 2, "Invalid request: expected an object", None),
        ('{"method":\n oops}', 3, "Invalid JSON: expected value at line 2 column 1", None),
        ('{"method":', 3, "Invalid JSON: EOF while parsing a value at line 1 column 10", None),
        ("[" * 5_000, 3, None, None),
    ],
)
def test_mistakes_are_named(message: str, code: int, text: str | None, identity: int | None) -> None:
    async def story() -> None:
        async with Served().client("/ws") as client:
            await client.send(message)
            answer = json.loads(await client.recv())
            assert answer["id"] == identity
            assert answer["error"]["code"] == code
            assert text in (None, answer["error"]["msg"])

    run(story)


def test_a_connection_has_so_many_streams_and_no_more() -> None:
    async def story() -> None:
        served = Served(websocket=WebSocketSettings(streams_per_connection=2))
        async with served.client("/ws/a@trade") as client:
            assert await ask(client, method="SUBSCRIBE", params=["a@trade", "b@trade"], id=1) == {
                "result": None,
                "id": 1,
            }
            assert await ask(client, method="SUBSCRIBE", params=["c@trade"], id=2) == {
                "error": {"code": 4, "msg": "Too many subscriptions"},
                "id": 2,
            }
        with pytest.raises(InvalidStatus):
            async with served.client("/stream?streams=a@trade/b@trade/c@trade"):
                pass

    run(story)


def test_who_sends_too_much_is_closed() -> None:
    async def story() -> None:
        served = Served(limits=LimitSettings())
        async with served.client("/ws") as client:
            for number in range(5):
                assert (await ask(client, method="LIST_SUBSCRIPTIONS", id=number))["id"] == number
            await client.ping()
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1008, "Too many requests")

    run(story)


def test_the_url_names_streams() -> None:
    def names(target: str) -> list[str]:
        return [name.text for name in asked_streams(parse_target(target, "ip"))]

    assert names("/ws") == names("/ws/") == names("/stream") == names("/ws/0") == names("/stream/1") == []
    assert names("/ws/a@trade//b@depth") == ["a@trade", "b@depth"]
    assert names("/stream?streams=a@kline_1d@+08:00/b%40depth&timeUnit=MICROSECOND") == [
        "a@kline_1d@+08:00",
        "b@depth",
    ]
    assert names("/ws/btcusdt%40trade%2Fa@trade") == ["btcusdt@trade", "a@trade"]


def test_an_administrator_sees_the_streams() -> None:
    async def story() -> None:
        served = Served()
        async with served.client("/ws/btcusdt@trade"):
            await until(lambda: len(served.sockets) == 1)
            (session,) = served.sockets
            assert session.describe()["streams"] == ["btcusdt@trade"]
            assert session.describe()["kind"] == "streams"

    run(story)


@given(
    identity=JSON,
    method=st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"])
    | JSON,
    params=st.lists(st.sampled_from(["btcusdt@trade", "!miniTicker@arr", "combined"]) | JSON, max_size=4)
    | JSON,
    is_whole=st.booleans(),
)
def test_whatever_is_sent_has_one_answer(identity: Any, method: Any, params: Any, is_whole: bool) -> None:
    answers: list[bytes] = []

    class Recorder(StreamSession):
        def send(self, message: bytes) -> None:
            answers.append(message)

    async def story() -> None:
        served = Served()
        session = Recorder(served.sockets, Handshake("/ws", {}, "127.0.0.1"), served.streams, ())
        message = msgspec.json.encode({"id": identity, "method": method, "params": params})
        session.received(message if is_whole else message[:-1])
        (answer,) = answers
        assert set(json.loads(answer)) in ({"result", "id"}, {"error", "id"})

    run(story)
