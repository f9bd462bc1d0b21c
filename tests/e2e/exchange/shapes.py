"""The shape of JSON: which fields there are, of which kind, numbers as text with how many decimals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")
MILLISECONDS = range(10**12, 10**14)
DECIMALS = 8
"""What Binance writes; samples in documents are often shorter, by hand."""


class Kind(NamedTuple):
    """What a value is: text, number text, integer, milliseconds, float, flag, null, object, list."""

    name: str
    decimals: int = 0


ONLY_HERE = "only here"
OBJECT, LIST = Kind("object"), Kind("list")
Shape = dict[str, set[Kind]]
"""Kinds seen under each path; ``[]`` stands for every element of a list."""


class Difference(NamedTuple):
    """One field in which two shapes differ."""

    path: str
    what: str


def shape(values: Iterable[Any]) -> Shape:
    """The shape of several samples of one thing."""
    found: Shape = {}
    for value in values:
        for path, kind in _walk("", value):
            found.setdefault(path, set()).add(kind)
    return found


def _walk(path: str, value: Any) -> Iterator[tuple[str, Kind]]:
    if isinstance(value, dict):
        yield path, OBJECT
        for name, item in value.items():
            yield from _walk(f"{path}.{name}" if path else name, item)
    elif isinstance(value, list):
        yield path, LIST
        if value and all(isinstance(item, str) and not NUMBER.fullmatch(item) for item in value):
            yield f"{path}[]", Kind("text")  # words, as many as there are
        elif value and all(not isinstance(item, dict | list) for item in value):
            for index, item in enumerate(value):  # a tuple, as candles and book levels are
                yield from _walk(f"{path}[{index}]", item)
        else:
            for item in value:
                yield from _walk(f"{path}[]", item)
    else:
        yield path, _scalar(value)


def _scalar(value: Any) -> Kind:
    if value is None:
        return Kind("null")
    if isinstance(value, bool):
        return Kind("flag")
    if isinstance(value, int):
        return Kind("milliseconds" if value in MILLISECONDS else "integer")
    if isinstance(value, float):
        return Kind("float")
    number = NUMBER.fullmatch(value)
    if number is None:
        return Kind("text")
    return Kind("number text", len(number[1] or "")) if number[1] else Kind("digits")


def differences(recorded: Shape, ours: Shape) -> Iterator[Difference]:
    """What is missing here, what is more here, and what is of another kind."""
    for path, kinds in recorded.items():
        mine = ours.get(path)
        if mine is None:
            if not _inside_missing(path, recorded, ours):
                yield Difference(path, "missing")
            continue
        names, my_names = _names(kinds), _names(mine)
        if names and my_names and not names & my_names:
            yield Difference(path, f"{_spelled(names)} there, {_spelled(my_names)} here")
        decimals = max((kind.decimals for kind in kinds), default=0)
        mine_decimals = max((kind.decimals for kind in mine), default=0)
        if decimals == DECIMALS and mine_decimals not in (0, DECIMALS):
            yield Difference(path, f"{decimals} decimals there, {mine_decimals} here")
    for path in ours:
        if path not in recorded and not _inside_missing(path, ours, recorded):
            yield Difference(path, ONLY_HERE)


def _names(kinds: set[Kind]) -> set[str]:
    """Null says nothing of what else a field may be; round numbers are number texts without a point."""
    names = {"number text" if kind.name == "digits" else kind.name for kind in kinds}
    names.discard("null")
    return names | {"integer"} if "milliseconds" in names else names


def _spelled(names: set[str]) -> str:
    return " or ".join(sorted(names))


def _inside_missing(path: str, one: Shape, other: Shape) -> bool:
    """Whether the parent is missing in the other as well: one difference is enough. Empty lists tell nothing."""
    for end in range(len(path) - 1, 0, -1):
        if path[end] not in ".[":
            continue
        parent = path[:end]
        if parent not in other and parent in one:
            return True
        if path[end] == "[" and parent in other and not any(name.startswith(f"{parent}[") for name in other):
            return True
    return path.startswith("[") and not any(name.startswith("[") for name in other)
