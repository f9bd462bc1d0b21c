"""listenKeys as they were: one for an account, an hour's life, followed bare and wrapped, by REST and WebSocket API."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.types import HOUR, SECOND
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.handshakes import parse_target
from fillwright.exchange.server.listen_keys import PATH, ListenKeys
from fillwright.exchange.server.replies import Reply
from fillwright.exchange.server.settings import AccountSettings, KeySettings
from fillwright.exchange.server.stream_sessions import asked_streams, stream_sessions
from fillwright.exchange.server.user_streams import UserStreams
from fillwright.exchange.server.websocket import WebSockets
from tests.exchange.server.boxes import API_KEY, SECRET, START, frozen_box
from tests.exchange.server.test_stream_sessions import Served, ask
from tests.exchange.server.websocket_front import run, until

OTHER_KEY = "o" * 64


class Session:
    def __init__(self, *, is_combined: bool = False, microseconds: bool = False) -> None:
        self.is_combined = is_combined
        self.microseconds = microseconds
        self.frames: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.frames.append(message)

    def time(self, time_us: int) -> int:
        return time_us if self.microseconds else time_us // 1000

    def read(self) -> list[Any]:
        frames, self.frames = self.frames, []
        return [json.loads(frame) for frame in frames]


@pytest.fixture
def box() -> Box:
    return frozen_box(is_legacy_listen_key=True)


@pytest.fixture
def keys(box: Box) -> ListenKeys:
    streams = box.user_streams
    assert isinstance(streams, UserStreams)
    return ListenKeys(box, streams)


def deposit(box: Box) -> None:
    box.exchange.deposit("main", "USDT", Decimal(1), box.now)
    box.settle()


def test_an_account_has_one_key(keys: ListenKeys) -> None:
    text = keys.start("main")
    assert len(text) == 64
    assert text.isalnum()
    assert keys.start("main") == text
    assert keys.start("other") != text
    assert len(keys) == 2
    assert text in keys


def test_events_are_bare_or_wrapped_by_the_key(box: Box, keys: ListenKeys) -> None:
    text = keys.start("main")
    bare, combined = Session(), Session(is_combined=True, microseconds=True)
    leave = keys.follow(text, bare)
    assert leave is not None
    assert keys.follow(text, combined) is not None
    assert keys.follow("nosuch", bare) is None
    deposit(box)
    assert [one["e"] for one in bare.read()] == ["balanceUpdate", "outboundAccountPosition"]
    wrapped = combined.read()
    assert [one["stream"] for one in wrapped] == [text, text]
    assert wrapped[0]["data"]["E"] == START
    leave()
    leave()
    deposit(box)
    assert bare.read() == []
    assert len(combined.read()) == 2


def test_a_key_lives_for_an_hour_from_when_it_was_last_asked_for(box: Box, keys: ListenKeys) -> None:
    text = keys.start("main")
    session = Session(is_combined=True)
    keys.follow(text, session)
    box.advance(START + HOUR - SECOND)
    keys.keep_alive("main", text)
    box.advance(START + 2 * HOUR - 2 * SECOND)
    assert session.read() == []
    assert keys.start("main") == text
    box.advance(START + 3 * HOUR)
    event = {"e": "listenKeyExpired", "E": START // 1000 + 3 * 3_600_000 - 2_000, "listenKey": text}
    assert session.read() == [{"stream": text, "data": event}]
    deposit(box)
    assert session.read() == []
    with pytest.raises(ExchangeError) as refused:
        keys.keep_alive("main", text)
    assert (refused.value.code, refused.value.message) == (-1125, "This listenKey does not exist.")
    assert keys.start("main") != text


def test_a_closed_key_is_silent_and_strangers_cannot_touch_it(box: Box, keys: ListenKeys) -> None:
    text = keys.start("main")
    session = Session()
    leave = keys.follow(text, session)
    for act in (keys.keep_alive, keys.close):
        with pytest.raises(ExchangeError):
            act("other", text)
    keys.close("main", text)
    deposit(box)
    box.advance(START + 2 * HOUR)
    assert session.read() == []
    assert leave is not None
    leave()
    assert len(keys) == 0


def rest(box: Box, method: str, query: str = "", api_key: str = API_KEY) -> tuple[int, Any]:
    desk = box.desk
    assert desk is not None
    reply = desk.serve_rest(method, PATH, query.encode(), {"x-mbx-apikey": api_key}, b"", "127.0.0.1")
    assert isinstance(reply, Reply)
    return reply.status, json.loads(reply.body) if reply.code or reply.status == 200 else reply.body


def test_keys_by_rest_want_an_api_key_and_no_signature(box: Box) -> None:
    status, made = rest(box, "POST")
    assert status == 200
    text = made["listenKey"]
    assert rest(box, "PUT", f"listenKey={text}") == (200, {})
    assert rest(box, "PUT")[1]["code"] == -1102
    assert rest(box, "PUT", "listenKey=nosuch") == (
        400,
        {"code": -1125, "msg": "This listenKey does not exist."},
    )
    assert rest(box, "DELETE", f"listenKey={text}") == (200, {})
    assert rest(box, "DELETE", f"listenKey={text}")[1]["code"] == -1125
    assert [rest(box, "POST", api_key=one)[1]["code"] for one in ("", OTHER_KEY)] == [-2014, -2015]


def test_without_the_setting_they_are_gone() -> None:
    assert rest(frozen_box(), "POST")[0] == 410


def test_keys_by_the_websocket_api(box: Box) -> None:
    class Api:
        ip = "127.0.0.1"
        microseconds = False
        key = None
        shows_rate_limits = False

        def send(self, message: bytes) -> None: ...

        def abort(self) -> None: ...

    def asked(method: str, **params: str) -> Any:
        desk = box.desk
        assert isinstance(desk, Desk)
        answer = desk.serve_websocket(
            Api(), {"id": 1, "method": f"userDataStream.{method}", "params": params}
        )
        assert answer is not None
        return json.loads(answer)

    text = asked("start", apiKey=API_KEY)["result"]["listenKey"]
    assert asked("ping", apiKey=API_KEY, listenKey=text) == {"id": 1, "status": 200, "result": {}}
    assert asked("start")["error"]["code"] == -2014
    box.keys.remove(API_KEY)
    assert asked("stop", apiKey=API_KEY, listenKey=text)["error"]["code"] == -2015


def test_two_servers_of_one_seed_and_one_secret_make_the_same_keys() -> None:
    def made(seed: int, secret: str) -> object:
        account = AccountSettings(keys=(KeySettings(api_key=API_KEY, secret=secret),))
        box = frozen_box(is_legacy_listen_key=True, accounts=(account,), seed=seed)
        return rest(box, "POST")[1]["listenKey"]

    assert made(5, SECRET) == made(5, SECRET)
    assert len({str(made(5, SECRET)), str(made(6, SECRET)), str(made(5, "another"))}) == 3


def test_a_connection_follows_keys_beside_streams() -> None:
    async def story() -> None:
        served = Served(is_legacy_listen_key=True)
        streams = served.box.user_streams
        assert isinstance(streams, UserStreams)
        keys = ListenKeys(served.box, streams)
        factory = stream_sessions(served.streams, keys)
        paths = ("/ws", "/ws/", "/stream", "/stream/")
        served.sockets = WebSockets(served.box, dict.fromkeys(paths, factory))
        text = keys.start("main")
        async with served.client(f"/ws/{text}") as bare, served.client("/stream") as combined:
            await until(lambda: len(served.sockets) == 2)
            await ask(combined, method="SUBSCRIBE", params=[text, "btcusdt@trade"], id=1)
            deposit(served.box)
            assert json.loads(await bare.recv())["e"] == "balanceUpdate"
            assert json.loads(await combined.recv())["stream"] == text
            await combined.recv()
            assert (await ask(combined, method="LIST_SUBSCRIPTIONS", id=2))["result"] == [
                text,
                "btcusdt@trade",
            ]
            await ask(combined, method="UNSUBSCRIBE", params=[text], id=3)
            deposit(served.box)
            assert (await ask(combined, method="LIST_SUBSCRIPTIONS", id=4))["result"] == ["btcusdt@trade"]
        await until(lambda: len(served.sockets) == 0)
        assert streams.listeners("main") == 0

    run(story)


def test_a_url_names_keys_that_there_are() -> None:
    names = asked_streams(parse_target("/ws/KEY/1/other", ""), {"KEY"})
    assert [one.text for one in names] == ["KEY"]
