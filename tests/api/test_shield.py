from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from fillwright.api.shield import CALLER, Shield, host_name
from fillwright.api.tokens import Caller, HashedTokens, token_hash

ADA = Caller("ada", "ada")
TOKENS = HashedTokens({token_hash("secret"): ADA})


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Answers with who calls."""
    caller = scope.get(CALLER)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": caller.name.encode() if caller else b"nobody"})


def ask(
    shield: Shield, path: str = "/api/status", kind: str = "http", **headers: str
) -> tuple[int, Any, bytes]:
    """Status, headers and body."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {
        "type": kind,
        "path": path,
        "headers": given,
        "extensions": {"websocket.http.response": {}},
    }
    asyncio.run(shield(scope, None, send))  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_who_shows_a_token_is_let_through_and_named() -> None:
    status, headers, body = ask(Shield(inner, TOKENS), host="127.0.0.1:8080", authorization="Bearer secret")

    assert (status, body) == (200, b"ada")
    assert headers[b"x-own"] == b"1"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"access-control-allow-origin" not in headers


def test_there_is_one_websocket_which_may_show_its_token_later() -> None:
    status, _, body = ask(Shield(inner, TOKENS), "/api/status", kind="websocket", host="localhost")
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (404, "NOT_FOUND")
    status, _, body = ask(Shield(inner, TOKENS), "/api/events", kind="websocket", host="localhost")
    assert (status, body) == (200, b"nobody")


@pytest.mark.parametrize("path", ["/api/status", "/api/unknown", "/docs/other", "/healthz/", "//"])
def test_without_a_token_only_open_paths_answer(path: str) -> None:
    status, headers, body = ask(Shield(inner, TOKENS), path, host="localhost")

    assert status == 401
    assert headers[b"www-authenticate"].startswith(b"Bearer")
    assert msgspec.json.decode(body)["error"]["code"] == "UNAUTHORIZED"
    for free in ("/", "/healthz", "/readyz", "/docs"):
        assert ask(Shield(inner, TOKENS), free, host="localhost")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "", "127.0.0.1.evil.example", "[::2]"])
def test_a_name_that_is_not_ours_is_refused_before_anything_else(host: str) -> None:
    for kind in ("http", "websocket"):
        status, _, body = ask(Shield(inner, TOKENS), "/", kind, host=host, authorization="Bearer secret")
        assert (status, msgspec.json.decode(body)["error"]["code"]) == (403, "HOST_NOT_ALLOWED")


@pytest.mark.parametrize("host", ["LOCALHOST:1", "127.0.0.1", "[::1]:8080", "trade.example:443"])
def test_loopback_and_configured_names_are_ours(host: str) -> None:
    shield = Shield(inner, TOKENS, ["Trade.example:8443"])
    assert ask(shield, "/", host=host)[0] == 200
    assert ask(Shield(inner, TOKENS, ["*"]), "/", host="any.example")[0] == 200


def test_a_request_id_is_kept_if_it_is_one_and_made_if_not() -> None:
    shield = Shield(inner, TOKENS)
    assert ask(shield, "/", host="localhost", x_request_id="abc-1")[1][b"x-request-id"] == b"abc-1"
    made = {
        ask(shield, "/", host="localhost", x_request_id=bad)[1][b"x-request-id"]
        for bad in ("", "a b", "x" * 65)
    }
    assert len(made) == 3


def test_pages_have_their_own_policy() -> None:
    shield = Shield(inner, TOKENS, policies={"/": "default-src 'self'"})
    assert ask(shield, "/", host="localhost")[1][b"content-security-policy"] == b"default-src 'self'"


def test_host_names_are_read_without_their_port() -> None:
    assert [host_name(text) for text in ("A.b:80", "[::1]:80", "[::1]", "")] == ["a.b", "[::1]", "[::1]", ""]
