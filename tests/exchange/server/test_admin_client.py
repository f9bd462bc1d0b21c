from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from fillwright.exchange.server.admin_client import AdminClient, AdminError
from tests.exchange.server.boxes import START, frozen
from tests.exchange.server.http_box import HttpBox


@pytest.fixture(scope="module")
def server() -> Iterator[HttpBox]:
    with HttpBox(frozen(port=0, admin_token="secret-token")) as box:
        yield box


def test_what_is_asked_is_done(server: HttpBox) -> None:
    client = AdminClient(server.server.url, "secret-token")
    assert client.get("/time")["now"] == START
    assert client.post("/price", symbol="BTCUSDT", price="51000")["now"] == START
    assert client.get("/dump")["symbols"]["BTCUSDT"]["last"] == "51000"


def test_a_refusal_says_why(server: HttpBox) -> None:
    with pytest.raises(AdminError, match="Invalid symbol") as refused:
        AdminClient(server.server.url, "secret-token").post("/price", symbol="NOPE", price="1")
    assert refused.value.status == 400
    with pytest.raises(AdminError, match="token") as shut:
        AdminClient(server.server.url, "another").get("/status")
    assert shut.value.status == 401


def test_a_server_that_is_not_there_is_told_from_one_that_refuses() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AdminError, match="no exchange answers") as missing:
            AdminClient(url, "any").get("/status")
    assert missing.value.status == 0


@pytest.mark.parametrize("url", ["127.0.0.1:8090", "https://127.0.0.1", "http://", "http://a:b"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(AdminError, match="no http"):
        AdminClient(url, "any")
