"""Arrow arrays as exact numpy integers: scaled prices, microseconds, flags; the first value that cannot be is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.market.columns import Booleans, Integers
from fillwright.market.tapes.checks import Fail, first_true

NOT_CONVERTED = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
"""What Arrow raises at a value, or a kind of values, that it cannot turn into the kind asked for."""
FLOAT_TOLERANCE = 1e-6
"""How far, in units of the last decimal, a float may lie from the number it stands for."""
_FLOAT_EXACT = 2.0**53
_UNITS_MAX = 9.2e18
_UNITS: tuple[tuple[int, Time], ...] = ((10**11, SECOND), (10**14, MILLISECOND), (10**17, 1))
_NANOSECONDS_PER_MICROSECOND = 1000


def units_of(array: Any, decimals: int, name: str, fail: Fail) -> Integers:
    """Numbers (decimal128 of that scale, floats, integers or text) as integers of so many decimals."""
    if array.null_count:
        fail(_first_null(array), f"{name} is missing")
    kind = array.type
    if pa.types.is_decimal128(kind) and kind.scale == decimals:
        return _decimal_units(array, name, fail)
    if pa.types.is_floating(kind):
        return float_units(array.cast(pa.float64()).to_numpy(zero_copy_only=False), decimals, name, fail)
    try:
        return _decimal_units(array.cast(pa.decimal128(38, decimals)), name, fail)
    except NOT_CONVERTED:
        for row, value in enumerate(array):
            try:
                pa.array([value.as_py()]).cast(pa.decimal128(38, decimals))
            except NOT_CONVERTED:
                fail(
                    row, f"{name} {str(value.as_py())!r:.60} is not a number with at most {decimals} decimals"
                )
        raise


def float_units(
    values: np.ndarray[Any, np.dtype[np.float64]], decimals: int, name: str, fail: Fail
) -> Integers:
    """Floats as integers of so many decimals: each must be the float of such a decimal number."""
    bad = first_true(~np.isfinite(values))
    if bad is not None:
        fail(bad, f"{name} is {values[bad]}")
    factor = 10.0**decimals
    scaled = values * factor
    bad = first_true(np.abs(scaled) > _UNITS_MAX)
    if bad is not None:
        fail(bad, f"{name} {values[bad]} is too large")
    rounded = np.rint(scaled)
    exact = (np.abs(scaled - rounded) <= FLOAT_TOLERANCE) | (rounded / factor == values)
    bad = first_true(~exact & (np.abs(scaled) < _FLOAT_EXACT))
    if bad is not None:
        fail(bad, f"{name} {values[bad]!r} has more than {decimals} decimals")
    return rounded.astype(np.int64)


def _decimal_units(array: Any, name: str, fail: Fail) -> Integers:
    words = np.frombuffer(array.buffers()[1], dtype=np.int64)
    words = words[2 * array.offset : 2 * (array.offset + len(array))]
    low, high = words[::2], words[1::2]
    bad = first_true(high != low >> 63)
    if bad is not None:
        fail(bad, f"{name} {array[bad].as_py():f} is too large")
    return np.ascontiguousarray(low)


def times_of(array: Any, name: str, fail: Fail) -> Integers:
    """Times as microseconds: timestamps of any unit, or integers whose unit shows in their size."""
    if array.null_count:
        fail(_first_null(array), f"{name} is missing")
    kind = array.type
    if pa.types.is_timestamp(kind):
        return np.asarray(
            pc.cast(array, pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64()).to_numpy()
        )
    if not pa.types.is_integer(kind):
        fail(0, f"{name} is of type {kind}, not a time")
    values = array.cast(pa.int64()).to_numpy()
    if not len(values):
        return np.asarray(values)
    usual, low = int(np.median(values)), 0
    for bound, factor in _UNITS:
        if usual < bound:
            bad = first_true((values < low) | (values >= bound))
            if bad is not None:
                fail(bad, f"{name} {values[bad]} is no time, or of another unit than the rows around it")
            return np.asarray(values * factor)
        low = bound
    bad = first_true(values < low)
    if bad is not None:
        fail(bad, f"{name} {values[bad]} is no time, or of another unit than the rows around it")
    return np.asarray(values // _NANOSECONDS_PER_MICROSECOND)


def integers_of(array: Any, name: str, fail: Fail) -> Integers:
    """Ids: integers, or text of digits."""
    if array.null_count:
        fail(_first_null(array), f"{name} is missing")
    try:
        return np.ascontiguousarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        for row, value in enumerate(array):
            text = str(value.as_py())
            if not text.isdecimal() or len(text) > 18:
                fail(row, f"{name} {text!r:.60} is not an id")
        raise


def flags_of(array: Any, name: str, fail: Fail) -> Booleans:
    """Whether the buyer was the maker: booleans, 0 and 1, or the taker's side as buy or sell."""
    if array.null_count:
        fail(_first_null(array), f"{name} is missing")
    if pa.types.is_boolean(array.type):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if pa.types.is_integer(array.type):
        values = array.to_numpy()
        bad = first_true((values != 0) & (values != 1))
        if bad is not None:
            fail(bad, f"{name} is {values[bad]}, neither 0 nor 1")
        return np.asarray(values == 1)
    sides = pc.utf8_lower(array.cast(pa.string()))
    sells = pc.equal(sides, "sell").to_numpy(zero_copy_only=False)
    bad = first_true(~sells & ~pc.equal(sides, "buy").to_numpy(zero_copy_only=False))
    if bad is not None:
        fail(bad, f"{name} {array[bad].as_py()!r:.40} is neither buy nor sell")
    return np.asarray(sells)


def _first_null(array: Any) -> int:
    index = first_true(array.is_null().to_numpy(zero_copy_only=False))
    assert index is not None
    return index
