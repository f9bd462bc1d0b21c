"""What goes wrong between the exchange and its clients, by script or by seed.

The desk asks ``for_call`` once a request has passed its checks (only while ``has_calls``), and does what it says:

- ``LOST``: not carried out; the connection is closed, or nothing is ever answered (``by``).
- ``ANSWER_LOST``: carried out; then the same.
- ``REFUSED``: not carried out; answered with ``code``, ``message``, ``status``, or ``body`` as it stands.
- ``MASKED``: carried out; answered the same way.
- ``DELAYED``: carried out ``delay_us`` later, answered ``answer_delay_us`` after that. Both delays may come with any
  other outcome, too, and pass in box time (``box.at``).

User streams ask ``for_event`` (only while ``has_events``). Draws are a hash of seed and counter: the same rules on the
same requests do the same everywhere.
"""

from __future__ import annotations

from enum import StrEnum, unique

import msgspec

from fillwright.core.types import AccountId, Time
from fillwright.exchange.faults import Outcome, draw
from fillwright.wire.errors import ERRORS

RULES_MAX = 1_000
"""Rules installed at a time; more are refused."""


@unique
class Cut(StrEnum):
    """How an answer is lost."""

    CLOSE = "close"
    """The connection is closed."""
    SILENCE = "silence"
    """The connection stays, and nothing comes."""


@unique
class EventFate(StrEnum):
    """What becomes of an event of a user stream."""

    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DELAYED = "delayed"
    """It comes ``delay_us`` later; those after it overtake it."""
    REORDERED = "reordered"
    """It comes after the next event of its account."""


class _Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which ones are hit: of those that it meets the first ``skip`` pass, then ``times`` are hit, each by chance."""

    account_id: AccountId | None = None
    probability: float = 1.0
    skip: int = 0
    times: int | None = 1
    """None: without end."""
    for_us: Time = 0
    """It is removed after this long; 0: it stays."""
    number: int = 0
    """Given at installation; by it the rule is removed."""
    hits: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError("a probability is between 0 and 1")
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError("skip and times count hits: not below 0 and 1")
        if self.for_us < 0:
            raise ValueError("for_us is a length of time")

    @property
    def is_spent(self) -> bool:
        """Whether it will hit no more."""
        return self.times is not None and self.hits >= self.times


class CallFault(_Rule, kw_only=True, forbid_unknown_fields=True, tag_field="of", tag="requests"):
    """A fault of requests; see the module for its outcomes."""

    outcome: Outcome
    endpoint: str = "*"
    """An operation by its WebSocket name (``order.place``), a beginning (``order.*``), or a security (``TRADE``)."""
    client_order_id: str = ""
    """Prefix of the request's own id (newClientOrderId, listClientOrderId)."""
    by: Cut = Cut.CLOSE
    code: int | None = None
    message: str | None = None
    """None: the code's usual one."""
    http_status: int = 0
    """0: the code's usual one, 503 without a code."""
    body: str | None = None
    """In place of the JSON error; may be empty or HTML."""
    content_type: str = "application/json"
    retry_after_s: int | None = None
    delay_us: Time = 0
    answer_delay_us: Time = 0

    @property
    def is_carried_out(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.outcome not in (Outcome.LOST, Outcome.REFUSED)

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        if self.http_status:
            return self.http_status
        return ERRORS[self.code].http_status if self.code in ERRORS else 503

    @property
    def text(self) -> str:
        """The message of the answer."""
        if self.message is not None:
            return self.message
        return ERRORS[self.code].messages[0] if self.code in ERRORS else ""

    def is_of(self, name: str, security: str) -> bool:
        """Whether it is for an operation, whoever asks."""
        endpoint = self.endpoint
        if endpoint in ("*", name, security):
            return True
        return endpoint.endswith("*") and name.startswith(endpoint[:-1])

    def meets(self, name: str, security: str, account_id: AccountId, client_order_id: str) -> bool:
        """Whether it is for this request."""
        if not self.is_of(name, security):
            return False
        if self.account_id is not None and self.account_id != account_id:
            return False
        return client_order_id.startswith(self.client_order_id)


class StreamEventFault(_Rule, kw_only=True, forbid_unknown_fields=True, tag_field="of", tag="events"):
    """A fault of user stream events."""

    outcome: EventFate
    event: str = "*"
    """As ``e`` says it, ``executionReport`` for example."""
    delay_us: Time = 0

    def meets(self, event: str, account_id: AccountId) -> bool:
        """Whether it is for this event."""
        return self.event in ("*", event) and self.account_id in (None, account_id)


Rule = CallFault | StreamEventFault
"""Anything that can be installed; ``of`` tells which."""


class Faults:
    """The plan that is installed; the first rule that hits decides."""

    __slots__ = ("_calls", "_counter", "_events", "_number", "has_calls", "has_events", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.has_calls = False
        self.has_events = False
        self._calls: list[CallFault] = []
        self._events: list[StreamEventFault] = []
        self._counter = 0
        self._number = 0

    def install(self, rule: Rule) -> int:
        """Add a rule after those that are there; returns its number. ValueError when there are too many."""
        if len(self._calls) + len(self._events) >= RULES_MAX:
            raise ValueError(f"there are {RULES_MAX} faults already")
        self._number += 1
        rule.number = self._number
        if isinstance(rule, CallFault):
            self._calls.append(rule)
        else:
            self._events.append(rule)
        self._look()
        return rule.number

    def remove(self, number: int | None = None) -> int:
        """Remove one rule, or all; returns how many."""
        before = len(self._calls) + len(self._events)
        self._calls = [rule for rule in self._calls if number not in (None, rule.number)]
        self._events = [rule for rule in self._events if number not in (None, rule.number)]
        self._look()
        return before - len(self._calls) - len(self._events)

    @property
    def rules(self) -> list[Rule]:
        """All that is installed, spent rules included, in the order of installation."""
        return sorted([*self._calls, *self._events], key=lambda rule: rule.number)

    def for_call(
        self, name: str, security: str, account_id: AccountId, client_order_id: str
    ) -> CallFault | None:
        """What happens to a request; None: nothing."""
        for rule in self._calls:
            if not rule.is_spent and rule.meets(name, security, account_id, client_order_id):
                if self._hits(rule):
                    return rule
        return None

    def for_event(self, event: str, account_id: AccountId) -> StreamEventFault | None:
        """What happens to an event; None: nothing."""
        for rule in self._events:
            if not rule.is_spent and rule.meets(event, account_id):
                if self._hits(rule):
                    return rule
        return None

    def _hits(self, rule: Rule) -> bool:
        if rule.skip:
            rule.skip -= 1
            return False
        if rule.probability < 1:
            self._counter += 1
            if draw(self.seed, self._counter) >= rule.probability:
                return False
        rule.hits += 1
        if rule.is_spent:
            self._look()
        return True

    def _look(self) -> None:
        self.has_calls = any(not rule.is_spent for rule in self._calls)
        self.has_events = any(not rule.is_spent for rule in self._events)
