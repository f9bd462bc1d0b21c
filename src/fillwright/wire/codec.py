"""How Binance's JSON becomes structs and JSON again, exactly: the base of all messages, and their one error.

Numbers keep the digits they came with ("0.10000000" stays so), fields that were absent stay absent, unknown fields
are passed over. Words (status, type, side and the like) stay text here, since Binance adds to them without notice;
who needs a member of an enum asks for it. Source: Binance Spot REST "General API information".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from fillwright.core.types import MILLISECOND, Time

DIGITS_MAX = 30
"""Digits before the point, and zeros after it, that a number may have."""
_MICROSECONDS_FROM = 10**14


class WireError(ValueError):
    """A text is not the message it should be; says which message was expected and what is wrong, never the body."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, rename="camel"):
    """Anything on Binance's wire. A field with a default may be absent, and is written only when it differs."""

    def __post_init__(self) -> None:
        for name in _number_fields(type(self)):
            number: Decimal | None = getattr(self, name)
            if number is not None and not (
                number.is_finite() and -DIGITS_MAX <= number.adjusted() < DIGITS_MAX
            ):
                raise ValueError(f"{name} is not a plain number: {number!s:.60}")


_Decoded = TypeVar("_Decoded")


def decode(decoder: msgspec.json.Decoder[_Decoded], body: bytes | msgspec.Raw, what: str) -> _Decoded:
    """Read a body with a decoder; WireError names what it should have been."""
    try:
        return decoder.decode(bytes(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not {what}: {error}") from error


def encode(message: Message | Sequence[Message]) -> bytes:
    """Write a message as Binance does: numbers as plain decimal text with the digits that they have."""
    return msgspec.json.encode(_plain(msgspec.to_builtins(message, builtin_types=(Decimal, msgspec.Raw))))


def moment(wire_time: int) -> Time:
    """A time of the wire in microseconds: milliseconds as a rule, microseconds where they were asked for.

    The two are told apart by size (X-MBX-TIME-UNIT, ``timeUnit``).
    """
    return wire_time * MILLISECOND if wire_time < _MICROSECONDS_FROM else wire_time


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _number_fields(kind: type[Message]) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    return tuple(
        name for name in kind.__struct_fields__ if hints[name] is Decimal or Decimal in get_args(hints[name])
    )
