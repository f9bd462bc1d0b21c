"""Figures of a benchmark: medians and percentiles, and rows of a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One line of the results: what, how much, and what it is to be compared with."""

    what: str
    value: str
    p99: str = ""
    compared: str = ""


def percentiles(samples: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(samples)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def microseconds(seconds: float) -> str:
    """Seconds as microseconds with one decimal."""
    return f"{seconds * 1e6:.1f} µs"


def timed(action: Callable[[], object], times: int) -> list[float]:
    """How long an action takes, each time."""
    samples = []
    clock = time.perf_counter
    for _ in range(times):
        begin = clock()
        action()
        samples.append(clock() - begin)
    return samples


def row(what: str, samples: Sequence[float], compared: str = "") -> Row:
    """A row of a median and a 99th percentile."""
    p50, p99 = percentiles(samples)
    return Row(what, microseconds(p50), microseconds(p99), compared)
