from __future__ import annotations

import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.operations import Kind, Operation, Parameter
from fillwright.exchange.server.parameters import PAIRS_MAX, Parsed, Parser, decode_request, is_encoded
from fillwright.exchange.server.security import Security

ORDER = (
    Parameter("symbol", Kind.SYMBOL, required=True),
    Parameter("side", Kind.STRING, required=True, values=("BUY", "SELL"), error=-1117),
    Parameter("quantity", Kind.DECIMAL),
    Parameter("newClientOrderId", Kind.CLIENT_ID),
)
QUERY = b"symbol=BTCUSDT&side=BUY&quantity=1.50&timestamp=1499827319559&signature=abc"


def _parser(parameters: tuple[Parameter, ...] = ORDER, security: Security = Security.TRADE) -> Parser:
    return Parser(
        Operation("order.place", "POST", "/api/v3/order", security, parameters, lambda call: call.now)
    )


def _public(query: bytes, parameters: tuple[Parameter, ...] = ORDER[:1]) -> Parsed:
    return _parser(parameters, Security.NONE).rest(query, b"")


def _refusal(query: bytes, body: bytes = b"", parser: Parser | None = None) -> tuple[int, str]:
    with pytest.raises(ExchangeError) as caught:
        (parser or _parser()).rest(query, body)
    return caught.value.code, caught.value.message


def test_values_are_typed_and_signing_is_read_apart() -> None:
    parsed = _parser().rest(QUERY + b"&recvWindow=6000.346", b"")
    assert parsed.values == {"symbol": "BTCUSDT", "side": "BUY", "quantity": Decimal("1.50")}
    assert parsed.timestamp == 1_499_827_319_559_000
    assert parsed.recv_window == 6_000_346
    assert parsed.signature == "abc"
    assert _parser().rest(QUERY, b"").recv_window == 5_000_000


def test_the_payload_is_query_and_body_as_sent_without_the_signature() -> None:
    parser = _parser()
    assert parser.rest(QUERY, b"").payload == QUERY.removesuffix(b"&signature=abc")
    query, body = b"symbol=BTCUSDT&side=BUY", b"quantity=1&timestamp=1&signature=abc"
    assert parser.rest(query, body).payload == b"symbol=BTCUSDT&side=BUYquantity=1&timestamp=1"
    first = parser.rest(b"signature=a%2Bb%3D&symbol=%42TC&side=BUY&timestamp=1", b"")
    assert first.payload == b"symbol=%42TC&side=BUY&timestamp=1"
    assert first.signature == "a+b="
    assert first.values["symbol"] == "BTC"
    middle = parser.rest(b"symbol=BTC&signature=x&side=BUY&timestamp=1", b"")
    assert middle.payload == b"symbol=BTC&side=BUY&timestamp=1"


def test_the_query_wins_over_the_body() -> None:
    parsed = _parser().rest(b"symbol=BTCUSDT&side=BUY", b"symbol=ETHUSDT&timestamp=1&signature=x")
    assert parsed.values["symbol"] == "BTCUSDT"


def test_what_is_missing_empty_or_malformed_is_refused_in_the_order_of_the_parameters() -> None:
    mandatory = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
    assert _refusal(b"") == (-1102, mandatory.format("timestamp"))
    assert _refusal(b"timestamp=1") == (-1102, mandatory.format("signature"))
    assert _refusal(b"timestamp=1&signature=") == (-1102, mandatory.format("signature"))
    signed = b"timestamp=1&signature=x"
    assert _refusal(signed) == (-1102, mandatory.format("symbol"))
    assert _refusal(signed + b"&symbol=") == (-1102, mandatory.format("symbol"))
    assert _refusal(signed + b"&symbol=btc")[0] == -1100
    assert _refusal(signed + b"&symbol=BTC&side=X") == (-1117, "Invalid side.")
    assert _refusal(signed + b"&symbol=BTC&side=BUY&quantity=") == (-1105, "Parameter 'quantity' was empty.")
    assert _refusal(signed + b"&symbol=BTC&side=BUY&quantity=1e3")[0] == -1100


def test_the_timestamp_is_a_number_and_the_window_is_bounded() -> None:
    rest = b"&symbol=BTC&side=BUY&signature=x"
    assert _refusal(b"timestamp=-1" + rest)[0] == -1100
    assert _refusal(b"timestamp=1&recvWindow=" + rest) == (-1105, "Parameter 'recvWindow' was empty.")
    assert _refusal(b"timestamp=1&recvWindow=1.2345" + rest)[0] == -1100
    assert _refusal(b"timestamp=1&recvWindow=60000.001" + rest) == (
        -1131,
        "recvWindow must be less than 60000",
    )
    assert _parser().rest(b"timestamp=1&recvWindow=60000" + rest, b"").recv_window == 60_000_000


def test_unknown_double_and_too_many_parameters_are_refused() -> None:
    assert _refusal(QUERY + b"&price=1&x=2") == (
        -1104,
        "Not all sent parameters were read; read '5' parameter(s) but was sent '7'.",
    )
    assert _refusal(QUERY + b"&side=BUY") == (-1101, "Duplicate values for a parameter detected.")
    nothing = _parser((), Security.NONE)
    assert _refusal(b"x=1", parser=nothing) == (-1101, "Too many parameters; expected '0' and received '1'.")
    many = b"&".join(b"x%d=1" % number for number in range(PAIRS_MAX + 1))
    assert _refusal(many)[0] == -1101


def test_names_and_values_are_decoded_and_garbage_is_no_crash() -> None:
    assert _public(b"symbol=%EF%BC%91%EF%BC%92").values == {"symbol": "１２"}
    assert _public(b"s%79mbol=BTC&").values == {"symbol": "BTC"}
    for query in (b"symbol=%ff%fe", b"symbol=\xff", b"symbol=a+b", b"symbol=%", b"symbol", b"=&=="):
        with pytest.raises(ExchangeError):
            _public(query)


def test_signed_text_must_be_percent_encoded() -> None:
    assert is_encoded(b"symbol=%EF%BC%91&x=a.b-c_d~e&y=a%20b")
    for payload in ("symbol=１".encode(), b"symbols=[%22A%22]", b'x="', b"x=a b", b"x=a\r\n"):
        assert not is_encoded(payload)


NAMES = st.sampled_from([*(one.name for one in ORDER), "timestamp", "signature", "recvWindow", "x", ""])
PAIRS = st.lists(st.tuples(NAMES, st.text(max_size=8) | st.sampled_from(["1", "BTCUSDT", "BUY", "%", "+"])))


@given(st.binary(max_size=60), st.binary(max_size=60), PAIRS)
def test_whatever_is_sent_is_read_or_refused(query: bytes, body: bytes, pairs: list[tuple[str, str]]) -> None:
    text = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    for one, other in ((query, body), (text, body), (query, text), (text, b"")):
        try:
            parsed = _parser().rest(one, other)
        except ExchangeError:
            continue
        assert parsed.values.keys() >= {"symbol", "side"}
        assert parsed.signature


# -- the WebSocket API -----------------------------------------------------------------------------------------------


def _websocket(text: bytes, *, is_logged_on: bool = False, parser: Parser | None = None) -> Parsed:
    params: Mapping[str, Any] = decode_request(text)
    return (parser or _parser()).websocket(params, is_logged_on=is_logged_on)


def _websocket_refusal(text: bytes, *, is_logged_on: bool = False) -> tuple[int, str]:
    with pytest.raises(ExchangeError) as caught:
        _websocket(text, is_logged_on=is_logged_on)
    return caught.value.code, caught.value.message


def test_the_documented_websocket_signature_is_of_the_sorted_parameters() -> None:
    parameters = tuple(
        Parameter(name, Kind.STRING)
        for name in ("symbol", "side", "type", "timeInForce", "price", "quantity")
    )
    parsed = _websocket(
        b'{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC","quantity":"0.01000000",'
        b'"price":"52000.00","recvWindow":100,"timestamp":1645423376532,'
        b'"apiKey":"vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",'
        b'"signature":"aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"}',
        parser=_parser(parameters),
    )
    secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    assert hmac.digest(secret, parsed.payload, "sha256").hex() == parsed.signature
    assert parsed.api_key == "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


def test_numbers_are_signed_and_read_as_the_text_that_was_sent() -> None:
    parsed = _websocket(
        b'{"symbol":"BTC","side":"BUY","quantity":0.01000000,"apiKey":"k","timestamp":1,"signature":"x"}'
    )
    assert parsed.payload == b"apiKey=k&quantity=0.01000000&side=BUY&symbol=BTC&timestamp=1"
    assert parsed.values["quantity"] == Decimal("0.01")
    code, _ = _websocket_refusal(
        b'{"symbol":"BTC","side":"BUY","quantity":1e-05,"apiKey":"k","timestamp":1,"signature":"x"}'
    )
    assert code == -1100


def test_who_is_logged_on_need_not_sign_but_may() -> None:
    unsigned = b'{"symbol":"BTC","side":"BUY","timestamp":1}'
    assert _websocket(unsigned, is_logged_on=True).signature is None
    assert _websocket_refusal(unsigned)[0] == -1102
    signed = b'{"symbol":"BTC","side":"BUY","timestamp":1,"apiKey":"k","signature":"x"}'
    assert _websocket(signed, is_logged_on=True).api_key == "k"
    half = b'{"symbol":"BTC","side":"BUY","timestamp":1,"apiKey":"k"}'
    assert _websocket_refusal(half, is_logged_on=True)[1].startswith("Mandatory parameter 'signature'")
    assert _websocket_refusal(b"{}", is_logged_on=True)[1].startswith("Mandatory parameter 'timestamp'")


def test_websocket_requests_may_say_whether_limits_come_back_and_nothing_else() -> None:
    plain = _parser(ORDER[:1], Security.NONE)
    parsed = plain.websocket({"symbol": "BTC", "returnRateLimits": False}, is_logged_on=False)
    assert parsed.values == {"symbol": "BTC"}
    with pytest.raises(ExchangeError, match="-1104"):
        plain.websocket({"symbol": "BTC", "apiKey": "k"}, is_logged_on=False)


@pytest.mark.parametrize("value", [None, True, [], {}, {"a": 1}, [["x"]], 1.5, -1, "\ud800"])
def test_values_of_any_json_type_are_refused_or_read_without_a_crash(value: Any) -> None:
    with pytest.raises(ExchangeError):
        _parser().websocket(
            {"symbol": "BTC", "side": "BUY", "quantity": value, "timestamp": 1, "signature": "x"},
            is_logged_on=False,
        )
    symbols = _parser((Parameter("symbols", Kind.SYMBOLS),), Security.NONE)
    assert symbols.websocket({"symbols": ["A", "B"]}, is_logged_on=False).values == {"symbols": ["A", "B"]}
