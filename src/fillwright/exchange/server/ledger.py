"""Expected against sent: what clients should have been told had nothing gone wrong, and what they were told.

Only requests and events that a fault hit are kept one by one; all others were told as they happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fillwright.core.types import AccountId, Symbol, Time

if TYPE_CHECKING:
    from fillwright.exchange.server.fault_plan import CallFault, StreamEventFault

ENTRIES_MAX = 10_000
"""Faulted requests remembered; older ones are only counted."""


class Named(Protocol):
    """An operation, by its names."""

    @property
    def name(self) -> str:
        """The WebSocket API's method."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def path(self) -> str:
        """The path."""


class Asked(Protocol):
    """What is told of a call (``operations.Call``)."""

    @property
    def now(self) -> Time:
        """When it was made."""

    @property
    def account_id(self) -> AccountId:
        """By whom; empty: by anybody."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was sent."""

    @property
    def operation(self) -> Named:
        """What was asked for."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One request, or one event of a user stream, that a fault hit."""

    time: Time
    account_id: AccountId
    operation: str
    """Or the event's name."""
    symbol: Symbol
    client_order_id: str
    fault: int
    """The number of the rule."""
    outcome: str
    is_executed: bool
    """Whether it was carried out (and then, perhaps, refused by the exchange itself)."""
    status: int
    """What was told; 0: nothing."""
    code: int | None


class Ledger:
    """What was told of calls that faults hit."""

    __slots__ = ("_entries", "answers", "counts")

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self.counts: dict[str, int] = {}
        """Faulted calls by outcome."""
        self.answers = 0
        """Calls that were answered, or would have been but for a fault."""

    def event_faulted(self, event: str, account_id: AccountId, time: Time, fault: StreamEventFault) -> None:
        """Note an event that a fault hit."""
        self._note(Entry(time, account_id, event, "", "", fault.number, fault.outcome.value, True, 0, None))

    def faulted(self, call: Asked, status: int, code: int | None, fault: CallFault) -> None:
        """Note a call, what its sender was told, and the fault behind it."""
        entry = Entry(
            call.now,
            call.account_id,
            call.operation.name,
            str(call.parameters.get("symbol", "")),
            own_id(call),
            fault.number,
            fault.outcome.value,
            fault.is_carried_out,
            status,
            code,
        )
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        self.counts[entry.outcome] = self.counts.get(entry.outcome, 0) + 1
        self._entries.append(entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The newest, oldest first."""
        return tuple(self._entries)


def own_id(call: Asked) -> str:
    """The id that a request gives itself: of its order, its list, or the order that it asks about."""
    parameters = call.parameters
    for name in ("newClientOrderId", "listClientOrderId", "origClientOrderId", "cancelOrigClientOrderId"):
        value = parameters.get(name)
        if value:
            return str(value)
    return ""
