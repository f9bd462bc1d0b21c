from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.exchange.server.parameters import is_encoded
from fillwright.wire.signing import percent_encoded, query, text, timed, websocket_payload


def test_values_are_written_as_they_are_signed() -> None:
    assert [text(value) for value in ("0.10", 7, True, False, ("A", "B"))] == [
        "0.10",
        "7",
        "true",
        "false",
        '["A","B"]',
    ]


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("１２３４５６", "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"),
        ("a b+c/d=e&f", "a%20b%2Bc%2Fd%3De%26f"),
        ("-_.~", "-_.~"),
    ],
)
def test_what_is_not_plain_is_percent_encoded(value: str, sent: str) -> None:
    assert percent_encoded(value) == sent


@given(st.text())
def test_the_exchange_finds_every_payload_encoded(value: str) -> None:
    payload = query((("a", value.encode("utf-8", "replace").decode()),)).encode()
    assert is_encoded(payload)
    assert payload.count(b"&") == 0


def test_rest_keeps_the_order_in_which_it_is_sent() -> None:
    sent = timed((("symbol", "LTCBTC"), ("side", "BUY")), 1_499_827_319_559, 5_000)
    assert query(sent) == "symbol=LTCBTC&side=BUY&recvWindow=5000&timestamp=1499827319559"


@pytest.mark.parametrize("window", [0, 60_001])
def test_the_window_is_bounded(window: int) -> None:
    with pytest.raises(ValueError, match="recvWindow is 1 to 60000 ms"):
        timed((), 1, window)


def test_websocket_requests_are_sorted_and_not_encoded() -> None:
    params = {"timestamp": 5, "symbol": "１２", "apiKey": "k"}
    assert websocket_payload(params) == "apiKey=k&symbol=１２&timestamp=5".encode()
