"""What fuzzing sends: requests nearly right and anything else, from the server's own catalogue."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote

from hypothesis import strategies as st

from fillwright.exchange.server.accounts import ACCOUNT
from fillwright.exchange.server.listen_keys import PATH as LISTEN_KEY_PATH
from fillwright.exchange.server.market_operations import GENERAL, MARKET
from fillwright.exchange.server.operations import Kind, Operation, Parameter
from fillwright.exchange.server.session_operations import SESSION
from fillwright.exchange.server.ticker_operations import TICKERS
from fillwright.exchange.server.trading import TRADING
from fillwright.exchange.server.trading_lists import LISTS

CATALOGUE: tuple[Operation, ...] = (*GENERAL, *MARKET, *TICKERS, *TRADING, *LISTS, *ACCOUNT, *SESSION)
BY_NAME = {one.name: one for one in CATALOGUE}
SELDOM = st.sampled_from((False,) * 12 + (True,))
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "get", "BREW", "CONNECT")
PATHS = (
    "/", "/api/v3", "/api/v3/", "/api/v3/order/", "/api/v1/ping", "/sapi/v1/account", "//api/v3/ping", "/api/v3/%70ing",
    "/api/v3/../v3/ping", "/ws", "/ws-api/v3", "/stream", "/admin", "/admin/status", LISTEN_KEY_PATH, "*", "x",
    "http://other/api/v3/ping", "/api/v3/ping#x", "/\xff", "/api/v3/time%00", "/" + "a" * 9_000,
)  # fmt: skip
NASTY = (
    "", " ", "0", "-1", "1e5", "NaN", "Infinity", "null", "true", "[]", "{}", '[""]', '["BTCUSDT","BTCUSDT"]', "\x00",
    "'", '"', "\\", "%", "%%", "%zz", "%00", "&", "=", "a=b", "\u0660", "１２", "😀", "\ud7ff", "../..", "<x>",
    "9" * 20, "9" * 400, "9223372036854775807", "9223372036854775808", "0." + "0" * 40 + "1", "A" * 20_000,
    "' or 1=1", "-0", "+1", "1_000", "0x10", ".5", "5.", "1.", "00000000000000000001",
)  # fmt: skip
DECIMALS = (
    "0", "0.01", "1", "0.00001", "2.5", "60000", "59000.01", "61000", "89999.9", "90000", "0.1234567891", "99999999999",
)  # fmt: skip
INTEGERS = (
    "0", "1", "2", "3", "5", "10", "100", "500", "1000", "5000", "5001", "1000000", "1483228800000", "1795225000000",
    "1795225000000000", "99999999999999999",
)  # fmt: skip
SYMBOLS = ("BTCUSDT", "BTCUSDT", "BTCUSDT", "ETHUSDT", "NOSUCH", "btcusdt", "BTC/USDT", "Ａ", "A" * 51)
CLIENT_IDS = ("a", "b", "mine-1", "x" * 36, "x" * 37, "a b", "")
TEXTS = (
    "BUY",
    "SELL",
    "LIMIT",
    "MARKET",
    "GTC",
    "SPOT",
    "TRADING",
    "FULL",
    "1d",
    "1M",
    "-12:00",
    "+14:00",
    "8",
    "mine-1",
)
WORDS = ("BTCUSDT", '["BTCUSDT"]', '["BTCUSDT","ETHUSDT"]', '["SPOT"]', "[]", '["btcusdt"]')
LIKELY: dict[Kind, tuple[str, ...]] = {
    Kind.DECIMAL: DECIMALS,
    Kind.INTEGER: INTEGERS,
    Kind.TIME: INTEGERS,
    Kind.STRING: TEXTS,
    Kind.CLIENT_ID: CLIENT_IDS,
    Kind.SYMBOL: SYMBOLS,
    Kind.SYMBOLS: WORDS,
    Kind.STRINGS: WORDS,
    Kind.BOOLEAN: ("true", "false", "TRUE", "1"),
    Kind.INTERVAL: ("1s", "1m", "1h", "1d", "1w", "1M", "1y"),
}
_SELL_LEGS = "aboveType=LIMIT_MAKER&abovePrice=120000&belowType=STOP_LOSS&belowStopPrice=50000"
_WORKING = (
    "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice={price}&workingQuantity=0.01"
    "&workingTimeInForce=GTC"
)
_PENDING = (
    "pendingSide=SELL&pendingAboveType=TAKE_PROFIT&pendingAboveStopPrice=120000&pendingBelowType=STOP_LOSS"
    "&pendingBelowStopPrice=50000"
)
_PLACE = (
    "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}&newClientOrderId={own}",
    "side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.01&price={price}&newOrderRespType=FULL",
    "side=BUY&type=LIMIT&timeInForce=FOK&quantity=0.02&price={price}",
    "side=SELL&type=LIMIT_MAKER&quantity=0.01&price={price}",
    "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price={price}&icebergQty=0.01",
    "side=BUY&type=MARKET&quantity=0.001&newOrderRespType=ACK",
    "side=SELL&type=MARKET&quoteOrderQty=100",
    "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.01&price={price}&stopPrice={price}",
    "side=BUY&type=TAKE_PROFIT&quantity=0.01&stopPrice={price}",
    "side=SELL&type=STOP_LOSS&quantity=0.01&trailingDelta=100",
    "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}&selfTradePreventionMode=DECREMENT&strategyId=7",
)
SOUND: tuple[tuple[str, str], ...] = (
    *[("order.place", f"symbol=BTCUSDT&{text}") for text in _PLACE],
    *[("order.test", f"symbol=ETHUSDT&computeCommissionRates=true&{text}") for text in _PLACE[:3]],
    *[
        (
            "order.cancelReplace",
            f"symbol=BTCUSDT&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId={{number}}&{text}",
        )
        for text in _PLACE[:4]
    ],
    ("order.cancel", "symbol=BTCUSDT&orderId={number}"),
    ("order.cancel", "symbol=BTCUSDT&origClientOrderId={own}&cancelRestrictions=ONLY_NEW"),
    ("order.amend.keepPriority", "symbol=BTCUSDT&origClientOrderId={own}&newQty=0.005"),
    ("openOrders.cancelAll", "symbol=BTCUSDT"),
    ("orderList.place.oco", f"symbol=BTCUSDT&side=SELL&quantity=0.01&{_SELL_LEGS}"),
    ("orderList.place", "symbol=BTCUSDT&side=SELL&quantity=0.01&price=120000&stopPrice=50000"),
    ("orderList.place.oto", f"{_WORKING}&pendingType=MARKET&pendingSide=SELL&pendingQuantity=0.01"),
    ("orderList.place.otoco", f"{_WORKING}&pendingQuantity=0.01&{_PENDING}"),
    ("orderList.place.opo", f"{_WORKING}&pendingType=MARKET&pendingSide=SELL"),
    ("orderList.place.opoco", f"{_WORKING}&{_PENDING}"),
    ("orderList.cancel", "symbol=BTCUSDT&orderListId={number}"),
    ("orderList.status", "orderListId={number}"),
    ("order.status", "symbol=BTCUSDT&orderId={number}"),
    ("myTrades", "symbol=BTCUSDT&fromId={number}&limit=1000"),
    ("allOrders", "symbol=BTCUSDT&orderId={number}"),
    ("account.status", "omitZeroBalances=true"),
    ("klines", "symbol=BTCUSDT&interval=1m&limit=1000"),
    ("uiKlines", "symbol=BTCUSDT&interval=1M&timeZone=-3:30"),
    ("depth", "symbol=BTCUSDT&limit=5000"),
    ("ticker", "symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D&windowSize=7d"),
    ("ticker.tradingDay", "symbol=BTCUSDT&timeZone=8"),
    ("userDataStream.subscribe.signature", ""),
    ("userDataStream.unsubscribe", ""),
)
"""Requests that may be, as queries of which prices, numbers and ids are still open."""
PRICES = ("50000", "85000.01", "89900", "90100.5", "95000", "99000")
SIGNATURES = ("right", "right", "right", "right", "wrong", "none", "twice", "first")
Pairs = list[tuple[str, str]]


class Signer(NamedTuple):
    """Who signs."""

    api_key: str
    secret: str

    def sign(self, payload: bytes) -> str:
        """HMAC-SHA256 in hex."""
        return hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()


def likely(parameter: Parameter) -> st.SearchStrategy[str]:
    """Mostly a value that may be, sometimes one that may not, seldom anything."""
    good, sound = parameter.values or LIKELY[parameter.kind], st.sampled_from(LIKELY[parameter.kind])
    kinds = (st.sampled_from(good),) * 12 + (sound,) * 2 + (hostile(),)
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


def hostile() -> st.SearchStrategy[str]:
    """Anything."""
    return st.one_of(st.sampled_from(NASTY), st.text(max_size=30))


@st.composite
def parameters(draw: st.DrawFn, operation: Operation) -> Pairs:
    """What a request says: nearly everything that must be, some of what may be, seldom something else."""
    pairs = []
    for one in operation.parameters:
        if draw(st.sampled_from((one.required,) * 9 + (not one.required,) * 3)):
            pairs.append((one.name, draw(likely(one))))
    if draw(SELDOM):
        pairs.append((draw(hostile()), draw(hostile())))
    if pairs and draw(SELDOM):
        pairs.append(draw(st.sampled_from(pairs)))
    if draw(SELDOM) and draw(SELDOM):
        pairs += [(f"p{number}", "") for number in range(300)]
    return draw(st.permutations(pairs)) if draw(st.booleans()) else pairs


@st.composite
def calls(draw: st.DrawFn) -> tuple[Operation, Pairs, bool]:
    """An operation and what is said to it, and whether that may be: as often as not, but for one word now and then."""
    if draw(st.booleans()):
        operation = draw(st.sampled_from(CATALOGUE))
        return operation, draw(parameters(operation)), False
    name, text = draw(st.sampled_from(SOUND))
    filled = text.format(
        price=draw(st.sampled_from(PRICES)),
        number=draw(st.integers(0, 200)),
        own=draw(st.sampled_from(("mine-1", "mine-2", "mine-3"))),
    )
    pairs = parse_qsl(filled)
    if pairs and draw(st.sampled_from((True, False, False, False))):
        at = draw(st.integers(0, len(pairs) - 1))
        pairs[at] = (pairs[at][0], draw(hostile()))
    return BY_NAME[name], pairs, True


class Request(NamedTuple):
    """One HTTP request, not signed yet."""

    method: str
    path: str
    pairs: Pairs
    body_from: int
    """From this pair on they go into the body."""
    is_signed: bool
    signature: str
    shift_ms: int
    safe: str
    """What of values is not percent-encoded."""
    headers: tuple[str, ...]

    def encode(self, signer: Signer) -> bytes:
        """The bytes of the request, as of now."""
        query, body = (
            self._join(part) for part in (self.pairs[: self.body_from], self.pairs[self.body_from :])
        )
        if self.is_signed:
            stamp = f"timestamp={time.time_ns() // 1_000_000 + self.shift_ms}".encode()
            query = b"&".join([part for part in (query, stamp) if part])
            signature = f"signature={signer.sign(query + body)}".encode()
            if self.signature == "wrong":
                signature = signature[:-1] + b"x"
            if self.signature == "first":
                query = signature + b"&" + query
            elif self.signature != "none":
                query += b"&" + signature * (2 if self.signature == "twice" else 1)
        target = self.path.encode("utf-8", "replace") + (b"?" + query if query else b"")
        lines = [
            self.method.encode() + b" " + target + b" HTTP/1.1",
            b"Host: x",
            b"X-MBX-APIKEY: " + signer.api_key.encode(),
        ]
        lines += [one.encode("latin-1", "replace") for one in self.headers]
        if body or self.method in ("POST", "PUT"):
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _join(self, pairs: Pairs) -> bytes:
        texts = [f"{quote(name, safe=self.safe)}={quote(value, safe=self.safe)}" for name, value in pairs]
        return "&".join(texts).encode("utf-8", "replace")


HEADERS = (
    "X-MBX-TIME-UNIT: MICROSECOND",
    "X-MBX-TIME-UNIT: nothing",
    "Accept: text/html",
    "Content-Type: application/json",
    "Content-Type: application/x-www-form-urlencoded; charset=\xff",
    "X-MBX-APIKEY: ",
    "Connection: close",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    "Cookie: " + "c" * 9_000,
    "Transfer-Encoding: nothing",
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request, as a rule one that a client might send."""
    operation, pairs, is_sound = draw(calls().filter(lambda call: bool(call[0].path)))
    is_strange = not is_sound and draw(SELDOM)
    in_body = operation.method != "GET" and draw(st.booleans())
    return Request(
        draw(st.sampled_from(METHODS)) if is_strange else operation.method,
        draw(st.sampled_from(PATHS)) if is_strange else operation.path,
        pairs,
        draw(st.integers(0, len(pairs))) if in_body else len(pairs),
        operation.is_signed or (not is_sound and draw(SELDOM)),
        "right" if is_sound else draw(st.sampled_from(SIGNATURES)),
        0 if is_sound else draw(st.sampled_from((0, 0, 0, 0, 0, -4_000, -6_000, 900, 5_000, -(10**13)))),
        draw(st.sampled_from(("", "", "", '[]",:/', "%&=+ '"))),
        tuple(draw(st.lists(st.sampled_from(HEADERS), max_size=2))) if draw(SELDOM) else (),
    )


# -- bytes -----------------------------------------------------------------------------------------------------------

UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SEEDS = (
    b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\nsymbol=BTCUSDT",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsymbo\r\n0\r\n\r\n",
    b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    b"GET /admin/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n\r\n",
    b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\n" + UPGRADE,
    b"GET /ws-api/v3?timeUnit=x HTTP/1.1\r\nHost: x\r\n" + UPGRADE,
    b"GET /stream?streams=btcusdt@depth/%zz HTTP/1.0\r\nHost: x\r\n" + UPGRADE + b"\x81\x82\0\0\0\0{}",
)
PIECES = (
    b"\r\n", b"\n", b"\0", b"\xff", b" ", b":", b"\r\nContent-Length: 5", b"\r\nContent-Length: -1",
    b"\r\nContent-Length: 99999999999999999999", b"\r\nTransfer-Encoding: chunked", b"\r\nConnection: close",
    b"\r\nUpgrade: websocket\r\nConnection: Upgrade", b"ffffffffffffffff\r\n", b"0\r\n\r\n", b"HTTP/9.9",
    b"PRI * HTTP/2.0",
    b"A" * 40_000, b"\r\n folded", *SEEDS[:3],
)  # fmt: skip


@st.composite
def streams_of_bytes(draw: st.DrawFn) -> list[bytes]:
    """What comes over one connection, in parts: HTTP that was damaged."""
    data = b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        piece = draw(st.one_of(st.just(b""), st.sampled_from(PIECES), st.binary(max_size=20)))
        data = data[:start] + piece + data[start + draw(st.integers(0, 12)) :]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


# -- WebSocket messages ----------------------------------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(NASTY[:40]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
IDS = st.one_of(
    st.integers(1, 99),
    st.none(),
    st.text(max_size=40),
    st.integers(),
    st.floats(),
    st.lists(st.none(), max_size=1),
)
BROKEN = (
    b"", b"{", b"[", b"nul", b"\xff\xfe", b'{"id":1', b"[" * 60_000, b'{"a":' * 9_000, b'"\\ud800"', b"1e999", b"{}",
    b"[]",
    b'{"id":1,"id":2,"method":"ping","method":"time"}', b'{"id":1,"method":"ping","params":{"a":1e400}}', b"\0",
    b'{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":99999999999999999999999}', b" " * 60_000,
)  # fmt: skip
STREAM_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "NOTHING")
STREAM_NAMES = (
    "btcusdt@trade", "btcusdt@aggTrade", "btcusdt@bookTicker", "btcusdt@depth", "btcusdt@depth@100ms",
    "btcusdt@depth5",
    "btcusdt@depth20@100ms", "btcusdt@kline_1s", "btcusdt@kline_1M@+08:00", "btcusdt@kline_1m@+99:99",
    "btcusdt@miniTicker",
    "btcusdt@ticker", "btcusdt@ticker_4h", "btcusdt@avgPrice", "btcusdt@referencePrice", "!miniTicker@arr",
    "!ticker_1h@arr", "!ticker@arr", "nosuch@trade", "BTCUSDT@trade", "@", "", "btcusdt", "😀@trade", "combined",
    "a" * 300,
)  # fmt: skip


@st.composite
def api_messages(draw: st.DrawFn, signer: Signer) -> bytes:
    """A message to the WebSocket API; signed ones are of the moment they are drawn in."""
    choice = draw(st.sampled_from(range(10)))
    if choice == 0:
        return draw(st.one_of(st.sampled_from(BROKEN), st.binary(max_size=60)))
    if choice == 1:
        envelope = {"id": draw(IDS), "method": draw(ANY_JSON), "params": draw(ANY_JSON)}
        return json.dumps(envelope).encode()
    operation, pairs, is_sound = draw(calls())
    params: dict[str, Any] = dict(pairs)
    if not is_sound and draw(SELDOM):
        params[draw(st.sampled_from([*params, "x"]))] = draw(ANY_JSON)
    if operation.is_signed and not draw(SELDOM):
        params |= {"apiKey": signer.api_key, "timestamp": time.time_ns() // 1_000_000}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = signer.sign(text.encode("utf-8", "replace"))
    identity = draw(IDS) if draw(SELDOM) else 1
    return json.dumps({"id": identity, "method": operation.name, "params": params}).encode()


@st.composite
def stream_messages(draw: st.DrawFn) -> bytes:
    """A message to the market streams."""
    choice = draw(st.sampled_from(range(10)))
    if choice == 0:
        return draw(st.one_of(st.sampled_from(BROKEN), st.binary(max_size=60)))
    if choice == 1:
        return json.dumps(draw(ANY_JSON)).encode()
    names = st.one_of(st.sampled_from(STREAM_NAMES), st.sampled_from(STREAM_NAMES), st.text(max_size=20))
    params: Any = draw(
        st.one_of(st.lists(names, max_size=30), ANY_JSON, st.sampled_from(([], ["combined", True])))
    )
    request = {"method": draw(st.sampled_from(STREAM_METHODS)), "params": params, "id": draw(IDS)}
    return json.dumps(request).encode()


class Frame(NamedTuple):
    """One frame as a client sends it."""

    head: int
    payload: bytes
    is_masked: bool = True

    def encode(self) -> bytes:
        """Its bytes; the mask is zero."""
        size, mask = len(self.payload), 0x80 if self.is_masked else 0
        if size < 126:
            length = bytes((mask | size,))
        elif size < 1 << 16:
            length = bytes((mask | 126,)) + size.to_bytes(2, "big")
        else:
            length = bytes((mask | 127,)) + size.to_bytes(8, "big")
        return bytes((self.head,)) + length + (bytes(4) if self.is_masked else b"") + self.payload


@st.composite
def frames(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> list[Frame]:
    """A message in one frame as a rule; else in several, of strange kinds, or with control frames between."""
    message = draw(messages)
    choice = draw(st.sampled_from(range(20)))
    if choice == 0:
        return [Frame(draw(st.integers(0, 255)), message[:200], draw(st.booleans()))]
    if choice == 1:
        return [Frame(draw(st.sampled_from((0x89, 0x8A, 0x88))), draw(st.binary(max_size=125)))]
    if choice == 2:
        return [Frame(0x81, message + b" " * 70_000)]
    if choice < 6:
        at = draw(st.integers(0, len(message)))
        between = [Frame(0x89, b"x")] if draw(st.booleans()) else []
        return [Frame(0x01, message[:at]), *between, Frame(0x00, b""), Frame(0x80, message[at:])]
    return [Frame(0x81, message)]
