"""How records are spelt in JSON for users: decimals as plain text, times in RFC 3339 UTC; and how they are read back.

Which fields hold times is told by their annotation, ``Time``, so that no list of names can fall behind.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from fillwright.core.types import Time, plain

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)
_TIME = re.compile(r"\bTime\b")
T = TypeVar("T")
Fields = dict[str, Any]


def moment(time: Time) -> str:
    """A time in RFC 3339 UTC, to the microsecond."""
    return (_NAIVE_EPOCH + timedelta(microseconds=time)).isoformat(timespec="microseconds") + "Z"


def microseconds(when: datetime) -> Time:
    """A moment with a time zone as microseconds UTC."""
    return (when - EPOCH) // _MICROSECOND


def parse_moment(text: str) -> Time:
    """Read a time in RFC 3339; ValueError when it is none, or has no zone."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text!r:.40} has no time zone")
    return microseconds(when)


# -- writing -----------------------------------------------------------------------------------------------------


def spelled(value: Any) -> Any:
    """Make what a JSON encoder writes as users see it: of structs, sequences, mappings and plain values."""
    speller = _SPELLERS.get(type(value))
    if speller is not None:
        return speller(value)
    if isinstance(value, msgspec.Struct):
        return {name: spell(getattr(value, name)) for name, spell in _plan(type(value))} | _kind(value)
    if isinstance(value, Mapping):
        return {str(key): spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(item) for item in value]
    return value


def encode(value: Any) -> bytes:
    """Write it as JSON."""
    return msgspec.json.encode(spelled(value))


def _same(value: Any) -> Any:
    return value


def _moment_or_none(value: Any) -> Any:
    return moment(value) if type(value) is int else spelled(value)


_SPELLERS: dict[type, Callable[[Any], Any]] = {
    Decimal: plain,
    str: _same,
    int: _same,
    bool: _same,
    float: _same,
    type(None): _same,
}


def _kind(value: msgspec.Struct) -> Fields:
    tag = value.__struct_config__.tag
    return {"kind": tag} if isinstance(tag, str) else {}


@cache
def _plan(cls: type[msgspec.Struct]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    times = time_fields(cls)
    return tuple((name, _moment_or_none if name in times else spelled) for name in cls.__struct_fields__)


@cache
def time_fields(cls: type[msgspec.Struct]) -> frozenset[str]:
    """The fields of a struct that hold times."""
    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations.update(inspect.get_annotations(base))
    return frozenset(name for name in cls.__struct_fields__ if _TIME.search(str(annotations.get(name, ""))))


# -- reading -----------------------------------------------------------------------------------------------------


def read(cls: type[T], fields: Any) -> T:
    """Make a struct of ports or core from what ``encode`` wrote of it; raises msgspec.ValidationError."""
    try:
        return msgspec.convert(_with_times(cls, fields), cls)
    except ValueError as error:
        if isinstance(error, msgspec.ValidationError):
            raise
        raise msgspec.ValidationError(str(error)) from error


def _with_times(cls: type, fields: Any) -> Any:
    if isinstance(fields, list):
        return [_with_times(cls, item) for item in fields]
    if not isinstance(fields, dict):
        return fields
    struct = cast("type[msgspec.Struct]", cls)
    times, inner = time_fields(struct), _inner(struct)
    made: Fields = {}
    for name, value in fields.items():
        if name in times and isinstance(value, str):
            made[name] = parse_moment(value)
        elif name in inner:
            made[name] = _with_times(inner[name], value)
        else:
            made[name] = value
    if struct.__struct_config__.array_like:
        return [made.get(name) for name in struct.__struct_fields__]
    return made


@cache
def _inner(cls: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """The fields that hold structs, or sequences of them, and of which kind."""
    found: dict[str, type[msgspec.Struct]] = {}
    for name, hint in typing.get_type_hints(cls).items():
        for part in (hint, *typing.get_args(hint)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                found[name] = part
    return found


# -- describing --------------------------------------------------------------------------------------------------


@cache
def described(cls: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """The type of what ``spelled`` makes of a struct, under a name for documents: times are date-times there."""
    known = {"Time": datetime}
    for inner in _inner(cls).values():
        known[inner.__name__] = cast(Any, described(inner, inner.__name__.removesuffix("View")))
    hints = typing.get_type_hints(cls, localns=known)
    made = msgspec.defstruct(
        name, [(field, hints[field]) for field in cls.__struct_fields__], module=__name__
    )
    made.__doc__ = cls.__doc__
    return made
