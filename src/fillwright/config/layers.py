"""Layers of values with the place that each came from: one per file, one for the environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from fillwright.config.problems import HIDDEN, Problem

PREFIX = "FILLWRIGHT__"
FILE_SUFFIX = "_FILE"
FILE_BYTES_MAX = 1_000_000
SECRET_BYTES_MAX = 65_536

COMMAND_LINE = "command line"

ALL = "*"
"""In ``[limits."*"."BTCUSDT"]``: every trader, or every symbol; the same as an empty name."""

Path_ = tuple[str, ...]
_KEY_LINE = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_TABLE_LINE = re.compile(r"^\s*\[([^\[\]]+)\]\s*(#.*)?$")


class Layer(msgspec.Struct):
    """Values as nested tables, and where each stands."""

    name: str
    values: dict[str, Any] = {}
    places: dict[Path_, str] = {}
    secrets: set[Path_] = set()
    """Values that came from a secrets file: never shown."""

    def place(self, path: Path_) -> str | None:
        """Where a key, or the nearest table around it, stands in this layer; None when it says nothing of it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]] if contains(self.values, path) else None
        return self.name if contains(self.values, path) else None


def contains(values: Mapping[str, Any], path: Path_) -> bool:
    """Whether nested tables hold a path."""
    node: Any = values
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True


def read_file(path: Path, problems: list[Problem]) -> Layer:
    """Read a TOML file; what cannot be read becomes a problem and an empty layer."""
    layer = Layer(name=str(path))

    def refuse(why: str) -> Layer:
        problems.append(Problem(key="", given="", allowed=why, source=str(path)))
        return layer

    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return refuse("no such file")
    except OSError as error:
        return refuse(f"cannot be read: {error.strerror or error}")
    if len(content) > FILE_BYTES_MAX:
        return refuse(f"larger than {FILE_BYTES_MAX} bytes: not a configuration")
    try:
        text = content.decode("utf-8-sig")
        layer.values = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError:
        return refuse("not UTF-8 text")
    except (ValueError, ArithmeticError, RecursionError) as error:
        return refuse(f"not valid TOML: {error}")
    layer.places = {key: f"{path}:{line}" for key, line in _lines_of(text).items()}
    return layer


def _lines_of(text: str) -> dict[Path_, int]:
    """Find the line of each table and key; a guess by shape, for messages alone."""
    lines: dict[Path_, int] = {}
    table: Path_ = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE_LINE.match(line):
            table = _dotted(match[1])
            lines.setdefault(table, number)
        elif match := _KEY_LINE.match(line):
            lines.setdefault(table + _dotted(match[1]), number)
    return lines


def _dotted(text: str) -> Path_:
    parts = re.findall(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""", text)
    return tuple(part.strip("\"'") for part in parts)


def read_environment(environment: Mapping[str, str], problems: list[Problem]) -> Layer:
    """Read ``FILLWRIGHT__SECTION__KEY`` and, for ``…_FILE``, the content of the file that it names."""
    layer = Layer(name="environment")
    for variable in sorted(environment):
        if not variable.upper().startswith(PREFIX):
            continue
        path = _path_of(variable[len(PREFIX) :])
        value: str | None = environment[variable]
        is_file = path[-1].lower().endswith(FILE_SUFFIX.lower())
        if is_file:
            path = (*path[:-1], path[-1][: -len(FILE_SUFFIX)])
            value = _read_secret(variable, environment[variable], path, problems)
        if value is None:
            continue
        if len(path) < 2 or not all(path):
            problems.append(
                Problem(key="", given="", allowed=f"read it as {PREFIX}SECTION__KEY", source=variable)
            )
        elif contains(layer.values, path) or not _put(layer.values, path, value):
            other = layer.places.get(path, "another variable")
            problems.append(
                Problem(
                    key=".".join(path), given="", allowed=f"given twice, also by {other}", source=variable
                )
            )
        else:
            layer.places[path] = variable
            if is_file:
                layer.secrets.add(path)
    return layer


def overrides_layer(overrides: Mapping[str, object]) -> Layer:
    """What a command line says, by dotted key."""
    layer = Layer(name=COMMAND_LINE)
    for key, value in overrides.items():
        path = tuple(key.split("."))
        _put(layer.values, path, value)
        layer.places[path] = COMMAND_LINE
    return layer


def _path_of(name: str) -> Path_:
    """Sections and keys in small letters; names of traders and symbols as they are."""
    parts = name.split("__")
    free = {"traders": (1,), "limits": (1, 2)}.get(parts[0].lower(), ())
    return tuple(part if index in free else part.lower() for index, part in enumerate(parts))


def _put(values: dict[str, Any], path: Path_, value: object) -> bool:
    node = values
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            return False
    is_parameter = path[0] == "traders" and "parameters" in path and isinstance(value, str)
    node[path[-1]] = parameter(str(value)) if is_parameter else value
    return True


def parameter(text: str) -> object:
    """Read a trader's parameter from the environment as TOML would: number, true or false, list; else it is text."""
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except (ValueError, ArithmeticError, RecursionError, KeyError):
        return text


def _read_secret(variable: str, name: str, path: Path_, problems: list[Problem]) -> str | None:
    why = ""
    try:
        with Path(name).open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
        if len(content) <= SECRET_BYTES_MAX:
            return content.decode().rstrip("\r\n")
        why = f"larger than {SECRET_BYTES_MAX} bytes: not a secret"
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        why = "not UTF-8 text"
    except ValueError:  # a name with a null byte
        why = "not a file name"
    problems.append(Problem(key=".".join(path), given=name or HIDDEN, allowed=why, source=variable))
    return None
