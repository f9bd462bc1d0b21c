"""Events of the user data stream that came already: two connections that overlap both tell what happens meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from fillwright.wire.stream import (
    AccountPosition,
    BalanceUpdate,
    ExecutionReport,
    ExternalLockUpdate,
    KnownEvent,
    ListStatusUpdate,
    UnknownEvent,
)

REMEMBERED_MAX = 4_096
"""Events; what is repeated after so many others is not recognised."""
LINES_MAX = 2
"""Connections that overlap."""


class EventMemory:
    """The newest events, by what makes each the one that it is; when it was sent is not part of that.

    Of an event that one connection tells n times, another one's first n are repetitions. What a single connection
    says twice is not judged here.
    """

    __slots__ = ("_lines", "_order", "_told")

    def __init__(self) -> None:
        self._told: dict[Hashable, int] = {}
        self._lines: dict[Hashable, dict[Hashable, int]] = {}
        self._order: deque[Hashable] = deque()

    def is_new(self, line: Hashable, event: KnownEvent | UnknownEvent) -> bool:
        """Take note of an event of a connection: whether no other connection told it before."""
        heard = self._lines.get(line)
        if heard is None:
            heard = self._lines[line] = {}
            if len(self._lines) > LINES_MAX:
                del self._lines[next(iter(self._lines))]
        identity = _identity(event)
        times = heard[identity] = heard.get(identity, 0) + 1
        told = self._told.get(identity, 0)
        if times <= told:
            return False
        self._told[identity] = times
        if told == 0:
            self._order.append(identity)
            if len(self._order) > REMEMBERED_MAX:
                self._forget(self._order.popleft())
        return True

    def clear(self) -> None:
        """Forget all."""
        self._told.clear()
        self._lines.clear()
        self._order.clear()

    def _forget(self, identity: Hashable) -> None:
        del self._told[identity]
        for heard in self._lines.values():
            heard.pop(identity, None)


def _identity(event: KnownEvent | UnknownEvent) -> Hashable:
    if isinstance(event, ExecutionReport):
        return (
            event.symbol,
            event.order_id,
            event.execution_id,
            event.execution_type,
            event.trade_id,
            event.is_working,
        )
    if isinstance(event, AccountPosition):
        return event.update_time, event.balances
    if isinstance(event, BalanceUpdate | ExternalLockUpdate):
        return type(event).__name__, event.asset, event.delta, _time(event)
    if isinstance(event, ListStatusUpdate):
        return event.symbol, event.order_list_id, event.list_status_type, event.transaction_time, event.legs
    if isinstance(event, UnknownEvent):
        return event.body
    return type(event).__name__, event.event_time


def _time(event: BalanceUpdate | ExternalLockUpdate) -> int:
    return event.clear_time if isinstance(event, BalanceUpdate) else event.transaction_time
