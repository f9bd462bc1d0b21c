"""One of Binance's counters as seen from here: what it told last, and what was asked for since.

Windows are fixed and aligned to the clock. Source: Binance Spot REST "LIMITS", "IP Limits".
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND, Time

_UNITS = {"SECOND": SECOND, "MINUTE": MINUTE, "HOUR": HOUR, "DAY": DAY}
_LETTERS = {unit[0]: length for unit, length in _UNITS.items()}
_SHORT = re.compile(r"([0-9]{1,6})([SMHD])", re.ASCII | re.IGNORECASE)


class RateUse(msgspec.Struct, frozen=True):
    """How full one window is."""

    kind: str
    """REQUEST_WEIGHT | RAW_REQUESTS | CONNECTIONS | ORDERS"""
    interval: Time
    limit: int
    used: int


@lru_cache(maxsize=64)
def interval_of(text: str) -> Time:
    """The length that a header's name tells (``1M``, ``10S``); 0 for what is none."""
    match = _SHORT.fullmatch(text)
    return int(match[1]) * _LETTERS[match[2].upper()] if match else 0


def interval_in_words(unit: str, number: int) -> Time:
    """The length of, for example, ``SECOND`` and 10; 0 for a unit that is not known."""
    return _UNITS.get(unit, 0) * number


class Window:
    """One counter; a claim is the number of a request, rising; ``is_told``: whether Binance ever tells its count."""

    __slots__ = (
        "_answered",
        "_ends",
        "_pending",
        "_pending_sum",
        "_told",
        "_told_by",
        "interval",
        "is_told",
        "kind",
        "limit",
    )

    def __init__(self, kind: str, limit: int, interval: Time, *, is_told: bool = True) -> None:
        self.kind, self.limit, self.interval, self.is_told = kind, limit, interval, is_told
        self._ends: Time = 0
        self._told = 0
        self._told_by = 0
        self._pending: dict[int, int] = {}
        """What each claim costs that Binance's count may not have in it yet; empty again with each window."""
        self._pending_sum = 0
        self._answered: list[int] = []
        """Claims among them whose answers told no count: the count that a later claim is told has them in it."""

    def used(self, now: Time) -> int:
        """How much is used, as far as we know."""
        self._roll(now)
        return self._told + self._pending_sum

    def end(self, now: Time) -> Time:
        """When the window is over."""
        self._roll(now)
        return self._ends

    def add(self, claim: int, cost: int, now: Time) -> None:
        """Something was asked for."""
        self._roll(now)
        self._pending[claim] = cost
        self._pending_sum += cost

    def drop(self, claim: int) -> None:
        """It cost nothing after all, or is counted."""
        self._pending_sum -= self._pending.pop(claim, 0)

    def settle(self, claim: int) -> None:
        """It has come to its end; what it cost stays, until Binance tells a count again."""
        if claim not in self._pending:
            return
        if self.is_told:
            self._answered.append(claim)
        else:
            cost = self._pending.pop(claim)
            self._pending_sum -= cost
            self._told += cost

    def tell(self, claim: int, at: Time, count: int, now: Time) -> None:
        """Take Binance's count from the answer to a claim made ``at``.

        What the answer to an earlier claim tells is old, and what one from before this window tells is of another.
        """
        self._roll(now)
        self.drop(claim)
        if claim >= self._told_by and at >= self._ends - self.interval:
            self._told, self._told_by = count, claim
            if self._answered:
                for earlier in self._answered:
                    if earlier < claim:
                        self.drop(earlier)
                self._answered = [one for one in self._answered if one > claim]

    def _roll(self, now: Time) -> None:
        if self._ends - self.interval <= now < self._ends:
            return
        self._ends = now - now % self.interval + self.interval
        self._told = self._pending_sum = 0
        self._pending.clear()
        self._answered.clear()
