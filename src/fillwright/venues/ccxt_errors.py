"""What goes wrong in ccxt, in the core's words: the class of an error, a code of Binance's, a text without addresses.

ccxt names a failure by the class of its exception; the nearest class that the table knows decides. Binance's own code,
where it is in the text, says more than ccxt's class and is looked up in Binance's table. ccxt: "Error Handling".
"""

from __future__ import annotations

import re

import msgspec

from fillwright.core.executions import DUPLICATE_ORDER, INSUFFICIENT_BALANCE
from fillwright.core.types import ErrorClass
from fillwright.venues.in_process import TIMEOUT_CODE
from fillwright.wire.errors import ERRORS, error_class

MESSAGE_CHARACTERS_MAX = 300
ORDER_NOT_FOUND = "OrderNotFound"
UNREADABLE = "Unreadable"
"""The kind of an answer that ccxt itself could not read."""
LATE, BROKEN_OFF = "Late", "BrokenOff"
"""Kinds of calls that did not end in time, or that ccxt broke off by itself."""
_P, _U = ErrorClass.PERMANENT, ErrorClass.UNKNOWN

CLASSES: dict[str, tuple[ErrorClass, int, str]] = {
    "AuthenticationError": (_P, -2015, ""),
    "InsufficientFunds": (_P, -2010, INSUFFICIENT_BALANCE),
    "DuplicateOrderId": (_P, -2010, DUPLICATE_ORDER),
    "OrderImmediatelyFillable": (_P, -2010, ""),
    ORDER_NOT_FOUND: (_P, -2011, ""),
    "InvalidOrder": (_P, -1013, ""),
    "BadSymbol": (_P, -1121, ""),
    "ArgumentsRequired": (_P, -1102, ""),
    "BadRequest": (_P, -1130, ""),
    "NotSupported": (_P, -1020, ""),
    "ExchangeError": (_P, -1010, ""),
    "RateLimitExceeded": (ErrorClass.RATE, -1003, ""),
    "DDoSProtection": (ErrorClass.RATE, -1003, ""),
    "InvalidNonce": (ErrorClass.CLOCK, -1021, ""),
    "BaseError": (_U, TIMEOUT_CODE, ""),
}
"""By ccxt's class: ours, the code, and the text that the core knows; whatever else is ccxt's is unknown."""

_URL = re.compile(r"((?:https?|wss?)://[^\s?]*)\S*")
_HTTP = re.compile(r"[A-Z]+ \S+ (\d{3}) ([A-Za-z' -]*)")
"""What ccxt writes when a body says nothing: method, URL, status, reason, body."""


class Failure(msgspec.Struct, frozen=True):
    """How a call of ccxt failed."""

    kind: str
    """The exception's class: errors are counted by it."""
    error_class: ErrorClass
    code: int
    message: str


class CallFailed(Exception):
    """A call of ccxt failed; ``failure`` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


class _Body(msgspec.Struct):
    code: int
    msg: str = ""


_BODY = msgspec.json.Decoder(_Body, strict=False)


def failure_of(error: Exception, exchange_id: str) -> Failure:
    """Class an exception of ccxt's; one that is not, was raised while an answer was read: nobody can say."""
    names = [one.__name__ for one in type(error).__mro__]
    found = next((CLASSES[name] for name in names if name in CLASSES), None)
    if found is None:
        return Failure(UNREADABLE, _U, TIMEOUT_CODE, f"an unreadable answer: {names[0]}")
    kind, (outcome, code, known) = names[0], found
    text = str(error).removeprefix(f"{exchange_id} ")
    body = _body(text)
    if body is not None and exchange_id.startswith("binance") and body.code in ERRORS:
        by_code = error_class(body.code)
        outcome = outcome if outcome is ErrorClass.RATE else by_code
        return Failure(kind, outcome, body.code, body.msg[:MESSAGE_CHARACTERS_MAX])
    http = _HTTP.match(text)
    if body is None and http is not None:
        status = int(http[1])
        return Failure(kind, error_class(None, status), status, f"HTTP {status} {http[2]}".strip())
    return Failure(kind, outcome, code, known or shown(text))


def shown(text: str) -> str:
    """A text without what follows an address: there are signatures in it."""
    return _URL.sub(r"\1", text)[:MESSAGE_CHARACTERS_MAX]


def _body(text: str) -> _Body | None:
    """The JSON of the exchange's in an exception's text."""
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        return None
    try:
        return _BODY.decode(text[begin : end + 1])
    except (msgspec.DecodeError, UnicodeError):
        return None
