"""What is asked of the session itself: logging on and off, listening to user data streams."""

from __future__ import annotations

from typing import Any

from fillwright.exchange.server.keys import KeyKind, make_hmac_key
from fillwright.exchange.server.security import Security
from tests.exchange.server.boxes import START
from tests.exchange.server.signing import ED25519_KEY, signed, signed_ed25519
from tests.exchange.server.test_websocket_api import Served, ask
from tests.exchange.server.websocket_front import run

STAMP: dict[str, Any] = {"timestamp": START // 1000}
LOGGED_OUT = {
    "apiKey": None,
    "authorizedSince": None,
    "connectedSince": START // 1000,
    "returnRateLimits": True,
    "serverTime": START // 1000,
    "userDataStream": False,
}
LOGGED_ON = LOGGED_OUT | {"apiKey": ED25519_KEY.api_key, "authorizedSince": START // 1000}


def test_logging_on_and_off() -> None:
    async def story() -> None:
        async with Served().client() as client:
            assert (await ask(client, "session.status"))["result"] == LOGGED_OUT
            assert (await ask(client, "session.logon", signed_ed25519(STAMP)))["result"] == LOGGED_ON
            assert (await ask(client, "session.status"))["result"] == LOGGED_ON
            assert (await ask(client, "session.logout"))["result"] == LOGGED_OUT
            assert (await ask(client, "session.logout"))["result"] == LOGGED_OUT

    run(story)


def test_only_ed25519_keys_log_on() -> None:
    async def story() -> None:
        async with Served().client() as client:
            answer = await ask(client, "session.logon", signed(STAMP))
            assert answer["status"] == 400
            assert answer["error"] == {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}
            assert (await ask(client, "session.status"))["result"] == LOGGED_OUT

    run(story)
    assert make_hmac_key("main").kind is KeyKind.HMAC


def test_streams_by_log_on_and_by_signature() -> None:
    async def story() -> None:
        async with Served().client() as client:
            refused = await ask(client, "userDataStream.subscribe")
            assert (refused["status"], refused["error"]["code"]) == (401, -1002)
            await ask(client, "session.logon", signed_ed25519(STAMP))
            assert (await ask(client, "userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
            assert (await ask(client, "userDataStream.subscribe"))["error"]["code"] == -2035
            by_signature = "userDataStream.subscribe.signature"
            assert (await ask(client, by_signature, signed(STAMP)))["result"] == {"subscriptionId": 1}
            assert (await ask(client, by_signature, signed_ed25519(STAMP)))["error"]["code"] == -2035
            assert (await ask(client, "session.subscriptions"))["result"] == [
                {"subscriptionId": 0},
                {"subscriptionId": 1},
            ]
            assert (await ask(client, "session.status"))["result"]["userDataStream"] is True
            ended = await ask(client, "userDataStream.unsubscribe", {"subscriptionId": 1})
            assert ended["event"]["e"] == "eventStreamTerminated"
            assert (await ask(client, "session.subscriptions"))["result"] == {}
            assert (await ask(client, "session.subscriptions"))["result"] == [{"subscriptionId": 0}]

    run(story)


def test_who_is_logged_on_signs_all_the_same_for_another_log_on_or_stream() -> None:
    async def story() -> None:
        async with Served().client() as client:
            await ask(client, "session.logon", signed_ed25519(STAMP))
            for method in ("session.logon", "userDataStream.subscribe.signature"):
                assert (await ask(client, method, STAMP))["error"]["code"] == -1102

    run(story)


def test_parameters_that_nobody_asked_for_are_refused() -> None:
    async def story() -> None:
        async with Served().client() as client:
            answer = await ask(client, "userDataStream.subscribe", {"apiKey": "x"})
            assert answer["status"] == 400
            assert answer["error"]["code"] == -1104

    run(story)


def test_a_key_without_the_right_does_not_listen() -> None:
    async def story() -> None:
        served = Served()
        served.box.keys.remove(ED25519_KEY.api_key)
        served.box.keys.add(
            type(ED25519_KEY)(
                ED25519_KEY.api_key,
                "second",
                KeyKind.ED25519,
                ED25519_KEY.secret,
                (Security.TRADE, Security.USER_DATA),
            )
        )
        async with served.client() as client:
            assert (await ask(client, "session.logon", signed_ed25519(STAMP)))["status"] == 200
            refused = await ask(client, "userDataStream.subscribe")
            assert (refused["status"], refused["error"]["code"]) == (401, -2015)

    run(story)
