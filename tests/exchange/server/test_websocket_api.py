"""The WebSocket API over real sockets: envelopes, mistakes in them, revoked keys, shutdown."""

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

from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.handshakes import Handshake
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.session_operations import SESSION
from fillwright.exchange.server.settings import LimitSettings
from fillwright.exchange.server.user_streams import UserStreams
from fillwright.exchange.server.websocket import WebSockets
from fillwright.exchange.server.websocket_api import ApiSession, api_sessions, check_envelope
from tests.exchange.server.boxes import START, frozen_box
from tests.exchange.server.signing import ED25519_KEY, signed, signed_ed25519
from tests.exchange.server.websocket_front import run, serving, until

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
"""Anything that JSON can say."""


def say(call: Call) -> dict[str, Any]:
    return dict(call.parameters)


def whose(call: Call) -> dict[str, Any]:
    return {"account": call.account_id}


OPERATIONS = (
    *SESSION,
    Operation("say", "", "", Security.NONE, (Parameter("word", Kind.STRING, True),), say, 1),
    Operation("whose", "", "", Security.USER_DATA, (), whose, 1),
)


class Served:
    def __init__(self, **changes: Any) -> None:
        self.box = frozen_box(**changes)
        self.box.keys.add(ED25519_KEY)
        self.streams = UserStreams(self.box)
        self.box.user_streams = self.streams
        self.desk = Desk(self.box, OPERATIONS)
        self.sockets = WebSockets(self.box, {"/ws-api/v3": api_sessions(self.desk, self.streams)})

    @asynccontextmanager
    async def client(self, query: str = "") -> AsyncIterator[ClientConnection]:
        async with serving(self.sockets) as url, connect(url + "/ws-api/v3" + query) as client:
            yield client


async def ask(
    client: ClientConnection, method: str, params: dict[str, Any] | None = None, **more: Any
) -> Any:
    await client.send(json.dumps({"id": 1, "method": method, "params": params, **more}))
    return json.loads(await client.recv())


def test_a_request_is_answered_in_an_envelope() -> None:
    async def story() -> None:
        async with Served().client() as client:
            answer = await ask(client, "say", {"word": "yes"}, id="a-1")
            assert answer == {
                "id": "a-1",
                "status": 200,
                "result": {"word": "yes"},
                "rateLimits": [
                    {
                        "rateLimitType": "REQUEST_WEIGHT",
                        "interval": "MINUTE",
                        "intervalNum": 1,
                        "limit": 6000,
                        "count": 3,
                    }
                ],
            }
            assert list(answer) == ["id", "status", "result", "rateLimits"]
            assert (await ask(client, "v3/say", {"word": "yes"}, id=None))["id"] is None
            refused = await ask(client, "say")
            assert refused["status"] == 400
            assert refused["error"]["code"] == -1102
            assert (await ask(client, "nosuch"))["status"] == 400

    run(story)


def test_rate_limits_are_shown_or_not_as_the_url_and_the_request_say() -> None:
    async def story() -> None:
        async with Served().client("?returnRateLimits=false") as client:
            assert "rateLimits" not in await ask(client, "say", {"word": "x"})
            assert "rateLimits" in await ask(client, "say", {"word": "x", "returnRateLimits": True})
            assert (await ask(client, "session.status"))["result"]["returnRateLimits"] is False

    run(story)


@pytest.mark.parametrize(
    ("message", "mistake"),
    [
        ("{", "Invalid JSON Request"),
        ("[]", "Invalid JSON Request"),
        ("[" * 5_000, "Invalid JSON Request"),
        (
            '{"id":"an id of more than thirty-six characters","method":"ping"}',
            "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null.",
        ),
        ('{"id":1}', "Invalid 'method' in JSON request; expected a string."),
        ('{"id":1,"method":"ping","params":[]}', "Invalid 'params' in JSON request; expected an object."),
    ],
)
def test_what_is_no_request_ends_the_connection(message: str, mistake: str) -> None:
    async def story() -> None:
        async with Served().client() as client:
            await client.send(message)
            assert json.loads(await client.recv()) == {
                "id": None,
                "status": 400,
                "error": {"code": -1135, "msg": mistake},
            }
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1008, "disconnected")

    run(story)


def test_identities_are_numbers_short_texts_or_null() -> None:
    for good in (0, -5, 2**70, "a", "a_B-9" * 7, None):
        assert check_envelope({"id": good, "method": "m"}) is None
    for bad in (True, 1.5, "", "a b", "ä", "a" * 37, [], {}):
        assert check_envelope({"id": bad, "method": "m"}) is not None
    assert check_envelope({"method": "m"}) is not None
    assert check_envelope({"id": 1, "method": "m", "params": None}) is None


def test_who_is_logged_on_need_not_sign() -> None:
    async def story() -> None:
        async with Served().client() as client:
            stamp = {"timestamp": START // 1000}
            assert (await ask(client, "whose", stamp))["error"]["code"] == -1102
            assert (await ask(client, "whose", signed(stamp)))["result"] == {"account": "main"}
            await ask(client, "session.logon", signed_ed25519(stamp))
            assert (await ask(client, "whose", stamp))["result"] == {"account": "second"}
            assert (await ask(client, "whose", signed(stamp)))["result"] == {"account": "main"}
            await ask(client, "session.logout")
            assert (await ask(client, "whose", stamp))["error"]["code"] == -1102

    run(story)


def test_a_key_that_is_gone_logs_its_session_out() -> None:
    async def story() -> None:
        served = Served()
        async with served.client() as client:
            stamp = {"timestamp": START // 1000}
            await ask(client, "session.logon", signed_ed25519(stamp))
            assert (await ask(client, "userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
            served.box.keys.remove(ED25519_KEY.api_key)
            assert (await ask(client, "say", {"word": "x"}))["event"]["e"] == "eventStreamTerminated"
            assert json.loads(await client.recv()) == {
                "id": None,
                "status": 401,
                "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
            }
            assert (await ask(client, "session.status"))["result"]["apiKey"] is None

    run(story)


def test_events_and_the_shutdown_have_no_id() -> None:
    async def story() -> None:
        served = Served()
        async with served.client() as client:
            stamp = {"timestamp": START // 1000}
            assert (await ask(client, "userDataStream.subscribe.signature", signed(stamp)))["status"] == 200
            served.box.exchange.deposit("main", "BTC", Decimal(1), served.box.now)
            served.box.settle()
            assert json.loads(await client.recv()) == {
                "subscriptionId": 0,
                "event": {
                    "e": "balanceUpdate",
                    "E": START // 1000,
                    "a": "BTC",
                    "d": "1.00000000",
                    "T": START // 1000,
                },
            }
            await client.recv()
            served.sockets.announce_shutdown()
            assert json.loads(await client.recv()) == {"event": {"e": "serverShutdown", "E": START // 1000}}
            (session,) = served.sockets
            assert session.describe()["accounts"] == ["main"]
            assert session.describe()["apiKey"] is None
        assert served.streams.listeners("main") == 0

    run(story)


def test_a_connection_costs_weight_and_a_ban_ends_it() -> None:
    async def story() -> None:
        served = Served(limits=LimitSettings(request_weight=10))
        async with served.client() as client:
            answer = await ask(client, "say", {"word": "x"})
            assert answer["rateLimits"][0]["count"] == 3
            served.box.limits.ban("127.0.0.1", START + 60_000_000)
            banned = await ask(client, "say", {"word": "x"})
            assert banned["status"] == 418
            assert banned["error"]["data"] == {
                "serverTime": START // 1000,
                "retryAfter": START // 1000 + 60_000,
            }
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1008, "disconnected")
        with pytest.raises(InvalidStatus) as refused:
            async with served.client():
                pass
        assert refused.value.response.status_code == 418

    run(story)


def test_an_administrator_can_cut_it_off() -> None:
    async def story() -> None:
        served = Served()
        async with served.client() as client:
            await until(lambda: len(served.sockets) == 1)
            (session,) = served.sockets
            session.abort()
            with pytest.raises(ConnectionClosed):
                await client.recv()

    run(story)


class Recorder(ApiSession):
    """A session without a connection."""

    def __init__(self, served: Served) -> None:
        super().__init__(
            served.sockets, Handshake("/ws-api/v3", {}, "127.0.0.1"), served.desk, served.streams
        )
        self.answers: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.answers.append(message)


@given(
    identity=JSON,
    method=st.sampled_from([one.name for one in OPERATIONS]) | JSON,
    params=st.dictionaries(
        st.sampled_from(["word", "apiKey", "timestamp", "signature", "subscriptionId"]), JSON
    )
    | JSON,
    is_whole=st.booleans(),
)
def test_whatever_is_sent_has_one_answer_that_is_no_mistake_of_ours(
    identity: Any, method: Any, params: Any, is_whole: bool
) -> None:
    served = Served(limits=LimitSettings(is_enabled=False))
    session = Recorder(served)
    message = msgspec.json.encode({"id": identity, "method": method, "params": params})
    session.received(message if is_whole else message[:-1])
    answers = [json.loads(answer) for answer in session.answers]
    assert len([answer for answer in answers if "status" in answer]) == 1
    assert all(answer.get("status", 200) < 500 for answer in answers)
    assert served.desk.internal_errors == 0
