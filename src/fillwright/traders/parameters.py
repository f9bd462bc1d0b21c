"""Parameters of traders: values from a settings file, brought to the kind that the trader's default has.

A settings file knows exact numbers, a trader mostly wants floats; mixing the two would fail at the first
multiplication. So a value takes the kind of the default that it replaces.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from decimal import Decimal

from fillwright.core.types import NumberError, exact
from fillwright.traders.errors import ParameterError


def fitted(name: str, default: object, value: object) -> object:
    """Bring a value to the kind of a default (None and kinds of your own take anything); else ParameterError."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ParameterError(name, f"{value!r:.40} is neither true nor false")
        return value
    if isinstance(default, int | float | Decimal):
        return _number(name, default, value)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ParameterError(name, f"{value!r:.40} is not text")
        return value
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    return value


def _number(name: str, default: float | Decimal, value: object) -> float | Decimal:
    if isinstance(value, str):
        try:
            value = exact(value)
        except NumberError as error:
            raise ParameterError(name, str(error)) from None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ParameterError(name, f"{value!r:.40} is not a number")
    if not math.isfinite(value):
        raise ParameterError(name, f"{value} is not a finite number")
    if isinstance(default, int):
        if value != int(value):
            raise ParameterError(name, f"{value} is not a whole number")
        return int(value)
    if isinstance(default, float):
        return float(value)
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def unknown(name: str, known: Iterable[str]) -> ParameterError:
    """The error for a parameter that there is not."""
    names = sorted(known)
    return ParameterError(name, f"there is no such parameter{did_you_mean(name, names)}")


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``"; did you mean x?"``, or what there is when nothing is near, or '' when there is nothing."""
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(given.lower(), lowered, n=1)
    if near:
        return f"; did you mean {lowered[near[0]]}?"
    return f"; there is {', '.join(names[:_NAMED_MAX])}" if names else ""


_NAMED_MAX = 12
