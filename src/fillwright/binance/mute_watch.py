"""Whether a stream that is up tells what it should: orders that others know of, and those that rest while all is quiet.

A subscription may be dead behind a connection that answers every ping. Two things give it away: an order that an answer
has told of and the stream has not, and an order that rests here and has moved at the exchange. Either gets a little
time, for reports and answers come in any order. Trading rules §7.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import ZERO, Symbol
from fillwright.wire.orders import OrderView
from fillwright.wire.stream import ExecutionReport

TOLD_MAX = 10_000
"""Orders that are remembered; the oldest are forgotten."""
EXPECTED_MAX = 1_000
"""Orders that are waited for; of more, nothing is expected."""
_FINAL = frozenset({"CANCELED", "FILLED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})

Key = tuple[Symbol, int]
"""An order's number is its symbol's."""


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    tells_within_s: float = 3.0
    """How long a report may come after the answer that tells the same."""
    quiet_s: float = 15.0
    """Without an event for so long, a resting order is compared."""


class _Told(msgspec.Struct, gc=False):
    executed: Decimal
    is_final: bool


class _Expected(msgspec.Struct, gc=False):
    executed: Decimal
    is_final: bool
    deadline: float


class MuteWatch:
    """What one stream has told and should have; times are a loop's."""

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._since = self._heard_at = self._compared_at = 0.0
        self._told: dict[Key, _Told] = {}
        self._resting: dict[Key, None] = {}
        self._expected: dict[Key, _Expected] = {}

    def begin(self, now: float) -> None:
        """The stream is up (again): what it told before does not matter."""
        self._since = self._heard_at = self._compared_at = now
        self._told.clear()
        self._resting.clear()
        self._expected.clear()

    # -- what is known -----------------------------------------------------------------------------------------

    def heard(self, now: float, report: ExecutionReport | None) -> None:
        """An event came; whether about an order."""
        self._heard_at = now
        if report is not None:
            key = (report.symbol, report.order_id)
            self._tell(key, report.executed_quantity, report.status in _FINAL)
            expected = self._expected.get(key)
            if expected is not None and self._is_told(key, expected):
                del self._expected[key]

    def rests(self, symbol: Symbol, order_id: int, executed: Decimal) -> None:
        """The books had this order open, with so much executed."""
        self._tell((symbol, order_id), executed, False)

    def expect(self, symbol: Symbol, order_id: int, sent_at: float, now: float) -> None:
        """An answer to a request sent then tells of an order: the stream must, too, if it was up then."""
        if sent_at >= self._since:
            self._expect((symbol, order_id), ZERO, False, now)

    def compared(self, symbol: Symbol, order_id: int, view: OrderView | None, now: float) -> None:
        """What the books have of an order that was asked for (``suspect``); None: nothing."""
        key = (symbol, order_id)
        if view is None:
            self._resting.pop(key, None)
        else:
            self._expect(key, view.executed_quantity or ZERO, view.status in _FINAL, now)

    # -- what follows ------------------------------------------------------------------------------------------

    def overdue(self, now: float) -> str:
        """Why the stream is taken for mute; empty: it is not."""
        for (symbol, order_id), expected in self._expected.items():
            if now >= expected.deadline:
                return f"the stream does not tell of order {order_id} of {symbol}"
        return ""

    def suspect(self, now: float) -> Key | None:
        """A resting order to be compared now, since nothing was heard for long; each in its turn."""
        quiet_s = self._settings.quiet_s
        if not self._resting or now - max(self._heard_at, self._compared_at) < quiet_s:
            return None
        self._compared_at = now
        key = next(iter(self._resting))
        del self._resting[key]
        self._resting[key] = None
        return key

    # ----------------------------------------------------------------------------------------------------------

    def _tell(self, key: Key, executed: Decimal, is_final: bool) -> None:
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = _Told(executed, is_final)
            if len(self._told) > TOLD_MAX:
                oldest = next(iter(self._told))
                del self._told[oldest]
                self._resting.pop(oldest, None)
        else:
            told.executed, told.is_final = max(told.executed, executed), told.is_final or is_final
        if told.is_final:
            self._resting.pop(key, None)
        else:
            self._resting.setdefault(key, None)

    def _expect(self, key: Key, executed: Decimal, is_final: bool, now: float) -> None:
        expected = _Expected(executed, is_final, now + self._settings.tells_within_s)
        if key in self._expected or self._is_told(key, expected) or len(self._expected) >= EXPECTED_MAX:
            return
        self._expected[key] = expected

    def _is_told(self, key: Key, expected: _Expected) -> bool:
        told = self._told.get(key)
        return told is not None and told.executed >= expected.executed and told.is_final >= expected.is_final
