"""From what was sent to typed values: query and form body, or a WebSocket request's params, with every check.

The order of the checks is: signing's own parameters, then an operation's in its order (missing -1102, empty -1105,
then its value's own), then what nobody asked for (-1101, -1104). Whether values make sense together is the handlers'
and the engine's business. Sources: Binance Spot REST "General Information on Endpoints", "Timing security".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.operations import Operation
from fillwright.exchange.server.values import converter, illegal, missing, time_of
from fillwright.wire.errors import message

RECV_WINDOW_DEFAULT: Time = 5 * SECOND
RECV_WINDOW_MAX: Time = 60 * SECOND
RECV_WINDOW_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,3})?$"
PAIRS_MAX = 200
"""Parameters in one request; more are refused with -1101."""

_recv_window = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,3})?", re.ASCII).fullmatch
_ENCODED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%&=+*!'(),:;@/?$#"
_signature_pair = re.compile(rb"(?:^|&)signature=[^&]*")

decode_request = msgspec.json.Decoder(float_hook=str).decode
"""Decodes a WebSocket API request; numbers with a point stay the text that they are, for it was signed."""


class Parsed:
    """A request's parameters, typed, and what signing adds to them."""

    __slots__ = ("api_key", "payload", "recv_window", "signature", "timestamp", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.timestamp: Time = 0
        self.recv_window: Time = RECV_WINDOW_DEFAULT
        self.signature: str | None = None
        """None on a WebSocket session that is logged on and did not sign."""
        self.api_key: str | None = None
        """What a WebSocket request names; REST names it in a header."""
        self.payload = b""
        """The text that was signed; on REST empty when it has characters that must be percent-encoded."""


class Parser:
    """Reads the requests of one operation."""

    __slots__ = ("_converters", "_fields", "_is_signed", "_required")

    def __init__(self, operation: Operation) -> None:
        self._is_signed = operation.is_signed
        self._fields = tuple([(one.name, one.required, converter(one)) for one in operation.parameters])
        self._converters = {name: convert for name, _, convert in self._fields}
        self._required = frozenset([one.name for one in operation.parameters if one.required])

    def rest(self, query: bytes, body: bytes) -> Parsed:
        """Read the query and, but for GET, a form body; what the query says wins. ExchangeError when malformed."""
        parsed = Parsed()
        sent = _pairs(query)
        if body:
            sent = _pairs(body) | sent
        known = 0
        if self._is_signed:
            known = _read_signing(parsed, sent)
            if "signature" not in sent:
                raise missing("signature")
            parsed.payload = _payload(query) + _payload(body)
        self._read(parsed, sent, known)
        return parsed

    def websocket(self, params: Mapping[str, Any], *, is_logged_on: bool) -> Parsed:
        """Read the params of a WebSocket API request; a session that is logged on need not sign."""
        parsed = Parsed()
        if len(params) > PAIRS_MAX:
            raise ExchangeError(-1101, message(-1101, PAIRS_MAX, len(params)))
        sent = {name: value if type(value) is str else _text(value) for name, value in params.items()}
        known = 1 if "returnRateLimits" in sent else 0
        if self._is_signed:
            if not is_logged_on and "apiKey" not in sent:
                raise missing("apiKey")
            known += _read_signing(parsed, sent)
            api_key = parsed.api_key = sent.get("apiKey")
            if api_key is not None:
                known += 1
            if parsed.signature is None:
                if api_key is not None or not is_logged_on:
                    raise missing("signature")
            else:
                text = "&".join([f"{name}={sent[name]}" for name in sorted(sent) if name != "signature"])
                parsed.payload = text.encode("utf-8", "replace")
        self._read(parsed, sent, known, is_websocket=True)
        return parsed

    def _read(self, parsed: Parsed, sent: dict[str, str], known: int, *, is_websocket: bool = False) -> None:
        """Convert what was sent, in its order; what is not in order is told in the order of the parameters."""
        values, converters = parsed.values, self._converters
        try:
            for name, text in sent.items():
                convert = converters.get(name)
                if convert is not None and text:
                    values[name] = convert(text)
        except ExchangeError:
            self._complain(sent, known, is_websocket=is_websocket)
            raise
        if len(values) + known != len(sent) or not self._required <= values.keys():
            self._complain(sent, known, is_websocket=is_websocket)

    def _complain(self, sent: dict[str, str], known: int, *, is_websocket: bool) -> None:
        """Raise the first error there is; the WebSocket API knows ``returnRateLimits`` everywhere, hence its -1104."""
        read = known
        for name, required, convert in self._fields:
            text = sent.get(name)
            if required and not text:
                raise missing(name)
            if text is not None:
                if not text:
                    raise ExchangeError(-1105, message(-1105, name))
                convert(text)
                read += 1
        code = -1104 if self._fields or self._is_signed or is_websocket else -1101
        raise ExchangeError(code, message(code, read, len(sent)))


def _read_signing(parsed: Parsed, sent: dict[str, str]) -> int:
    """Read timestamp, recvWindow and signature; how many of them there were."""
    text = sent.get("timestamp")
    if not text:
        raise missing("timestamp")
    parsed.timestamp = time_of("timestamp", text)
    count = 1
    text = sent.get("recvWindow")
    if text is not None:
        count = 2
        if not text:
            raise ExchangeError(-1105, message(-1105, "recvWindow"))
        if not _recv_window(text):
            raise illegal("recvWindow", RECV_WINDOW_RANGE)
        exact = int(text) if text.isdecimal() else Decimal(text)
        parsed.recv_window = int(exact * MILLISECOND)
        if parsed.recv_window > RECV_WINDOW_MAX:
            raise ExchangeError(-1131, message(-1131))
    text = sent.get("signature")
    if text is not None:
        if not text:
            raise missing("signature")
        parsed.signature = text
        count += 1
    return count


def _pairs(text: bytes) -> dict[str, str]:
    """Names and values of a query or form body, decoded; -1101 when a name comes twice or there are too many."""
    if not text:
        return {}
    parts = text.decode("utf-8", "replace").split("&")
    if len(parts) > PAIRS_MAX:
        raise ExchangeError(-1101, message(-1101, PAIRS_MAX, len(parts)))
    if b"%" in text or b"+" in text:
        found = [_decoded(part) for part in parts if part]
    else:
        found = [part.partition("=") for part in parts if part]
    pairs = {name: value for name, _, value in found}
    if len(pairs) != len(found):
        raise ExchangeError(-1101, message(-1101, index=1))
    return pairs


def _decoded(part: str) -> tuple[str, str, str]:
    name, sign, value = part.partition("=")
    return unquote_plus(name), sign, unquote_plus(value)


def _payload(text: bytes) -> bytes:
    """The text without its signature."""
    if not text:
        return text
    at = text.rfind(b"&signature=")
    if at >= 0 and text.find(b"&", at + 1) < 0:
        return text[:at]
    cut = _signature_pair.sub(b"", text)
    return cut[1:] if cut.startswith(b"&") and not text.startswith(b"&") else cut


def is_encoded(payload: bytes) -> bool:
    """Whether nothing in a signed text had to be percent-encoded and was not (enforced since 2026-01-15)."""
    return not payload.translate(None, _ENCODED)


def _text(value: object) -> str:
    """A JSON value as the text that it was."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()
