"""One parameter's text as a typed value: patterns, enumerations, ranges, and the error when it is none.

Sources: Binance Spot REST "Error codes" 11xx; the patterns are those of its own messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.types import MILLISECOND, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.operations import Kind, Parameter
from fillwright.wire.errors import ERRORS, message

SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
SYMBOL_CHARACTERS_MAX = 50
SYMBOLS_RANGE = r'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'
CLIENT_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER_RANGE = "^[0-9]{1,20}$"
INTEGER_DIGITS_MAX = 20
INTERVALS = (
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
)

_LONG_MAX = 2**63 - 1
_DECIMAL_MAX = Decimal("92233720368.54775807")
_MICROSECONDS_FROM = 10**14
"""A time from here on is in microseconds: as milliseconds it would be past the year 5000."""
_TIME_MAX: Time = 4_102_444_800_000_000
"""2100-01-01; bounds of a range that lie beyond are taken for it."""

_is_symbol = re.compile(r"(?:(?![a-z])[\w\-.]){1,50}").fullmatch
_client_id = re.compile(r"[a-zA-Z0-9\-_]{1,36}").fullmatch
_decimal = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?", re.ASCII).fullmatch

Converter = Callable[[str], Any]


def _symbol(text: str) -> bool:
    if text.isupper() and text.isalnum() and text.isascii() and len(text) <= SYMBOL_CHARACTERS_MAX:
        return True
    return _is_symbol(text) is not None


def illegal(name: str, legal: str) -> ExchangeError:
    """-1100 for a parameter."""
    return ExchangeError(-1100, message(-1100, name, legal))


def missing(name: str) -> ExchangeError:
    """-1102 for a parameter."""
    return ExchangeError(-1102, message(-1102, name))


def invalid(name: str, code: int = -1130) -> ExchangeError:
    """The error of a value that is well formed and not one of those that there are; -1130 or one of its own."""
    text = ERRORS[code].messages[0]
    return ExchangeError(code, text % name if "%s" in text else text)


def converter(parameter: Parameter) -> Converter:
    """How a parameter's text becomes its value."""
    name = parameter.name
    if parameter.kind is Kind.DECIMAL:
        return _decimals(name)
    if parameter.kind is Kind.INTEGER:
        return _integers(parameter)
    if parameter.kind is Kind.TIME:
        return _times(name)
    if parameter.kind is Kind.CLIENT_ID:
        return _matching(name, _client_id, CLIENT_ID_RANGE)
    if parameter.kind is Kind.SYMBOL:
        return _matching(name, _symbol, SYMBOL_RANGE)
    if parameter.kind is Kind.SYMBOLS:
        return _symbols(parameter)
    if parameter.kind is Kind.STRINGS:
        return _strings(parameter)
    if parameter.kind is Kind.BOOLEAN:
        return _booleans(name)
    values = parameter.values
    if parameter.kind is Kind.INTERVAL:
        return _among(name, values or INTERVALS, -1120)
    return _among(name, values, parameter.error) if values else str


def _decimals(name: str) -> Converter:
    def convert(text: str) -> Decimal:
        if not _decimal(text):
            raise illegal(name, DECIMAL_RANGE)
        value = Decimal(text)
        if value > _DECIMAL_MAX:
            raise ExchangeError(-1108, message(-1108, name))
        return value

    return convert


def integer_of(name: str, text: str) -> int:
    """A long without sign; -1100 or -1108."""
    if not (text.isdecimal() and text.isascii() and len(text) <= INTEGER_DIGITS_MAX):
        raise illegal(name, INTEGER_RANGE)
    value = int(text)
    if value > _LONG_MAX:
        raise ExchangeError(-1108, message(-1108, name))
    return value


def _integers(parameter: Parameter) -> Converter:
    name, minimum, maximum = parameter.name, parameter.minimum, parameter.maximum

    def convert(text: str) -> int:
        value = integer_of(name, text)
        if minimum is not None and value < minimum:
            raise invalid(name, parameter.error)
        if maximum is not None and value > maximum:
            if not parameter.is_clamped:
                raise invalid(name)
            return maximum
        return value

    return convert


def time_of(name: str, text: str) -> Time:
    """A time in milliseconds or microseconds, as microseconds; -1100 or -1108."""
    value = integer_of(name, text)
    return value if value >= _MICROSECONDS_FROM else value * MILLISECOND


def _times(name: str) -> Converter:
    return lambda text: min(time_of(name, text), _TIME_MAX)


def _matching(name: str, match: Callable[[str], object], legal: str) -> Converter:
    def convert(text: str) -> str:
        if not match(text):
            raise illegal(name, legal)
        return text

    return convert


def _among(name: str, values: tuple[str, ...], code: int) -> Converter:
    known = frozenset(values)

    def convert(text: str) -> str:
        if text not in known:
            raise invalid(name, code)
        return text

    return convert


def _booleans(name: str) -> Converter:
    def convert(text: str) -> bool:
        lowered = text.lower()
        if lowered not in ("true", "false"):
            raise invalid(name)
        return lowered == "true"

    return convert


def _json_texts(name: str, text: str) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError as problem:
        raise ExchangeError(-1135, message(-1135, name)) from problem


def _symbols(parameter: Parameter) -> Converter:
    name, maximum = parameter.name, parameter.maximum

    def convert(text: str) -> list[str]:
        symbols = _json_texts(name, text)
        if not all(map(_symbol, symbols)) or any(space in text for space in (" ", "\t", "\n", "\r")):
            raise illegal(name, SYMBOLS_RANGE)
        if not symbols:
            raise ExchangeError(-1105, message(-1105, name))
        if maximum is not None and len(symbols) > maximum:
            raise ExchangeError(-1101, message(-1101, maximum, len(symbols)))
        if len(set(symbols)) < len(symbols):
            raise invalid(name, -1151)
        return symbols

    return convert


def _strings(parameter: Parameter) -> Converter:
    name, known = parameter.name, frozenset(parameter.values)

    def convert(text: str) -> list[str]:
        texts = _json_texts(name, text) if text.startswith("[") else [text]
        if known and not known.issuperset(texts):
            raise invalid(name, parameter.error)
        return texts

    return convert
