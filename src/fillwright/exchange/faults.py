"""Fault plans: what goes wrong between a client and the exchange, by script or by seed.

A seeded plan draws from a hash of its seed and a counter, so the same plan on the same requests does the same thing
everywhere. Rates are probabilities, not money: they are floats.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum, unique
from typing import TypeVar

import msgspec

from fillwright.core.types import AccountId, ClientOrderId, Symbol, SymbolStatus, Time
from fillwright.wire.errors import ERRORS

T = TypeVar("T")

QUERY = "Query"
"""The kind under which all queries stand; requests stand under the names of their classes."""


@unique
class Outcome(StrEnum):
    """What becomes of a request."""

    LOST = "lost"
    """It never arrives; the client times out."""
    ANSWER_LOST = "answer_lost"
    """It is carried out; the client times out."""
    REFUSED = "refused"
    """It is answered with an error and not carried out."""
    MASKED = "masked"
    """It is carried out and answered with an error all the same (-1007, HTTP 503)."""
    DELAYED = "delayed"
    """It arrives late."""


@unique
class EventOutcome(StrEnum):
    """What becomes of an event of the stream."""

    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DELAYED = "delayed"


class RequestFault(msgspec.Struct, frozen=True, gc=False):
    """One fault of a request."""

    outcome: Outcome
    code: int | None = None
    """Binance's code of an error answer; None: an answer without a body, by its HTTP status alone."""
    http_status: int = 0
    """0: the status that the code usually has."""
    delay_us: int = 0

    @property
    def status(self) -> int:
        """The HTTP status of the error answer."""
        if self.http_status:
            return self.http_status
        return ERRORS[self.code].http_status if self.code in ERRORS else 503

    @property
    def text(self) -> str:
        """The message of the error answer."""
        return ERRORS[self.code].messages[0] if self.code in ERRORS else ""


class EventFault(msgspec.Struct, frozen=True, gc=False):
    """One fault of a stream event; delays and duplicates come this much later."""

    outcome: EventOutcome
    delay_us: int = 0


class Rates(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How often each fault happens, each between 0 and 1; together at most 1 for requests, and for events."""

    lost: float = 0.0
    answer_lost: float = 0.0
    refused: float = 0.0
    masked: float = 0.0
    delayed: float = 0.0
    request_delay_us: int = 0
    codes: tuple[tuple[int | None, int], ...] = ((-1007, 0), (None, 503), (-1000, 0), (-1001, 0))
    """Code and HTTP status (0: the usual one) of refusals and masks, drawn evenly."""
    event_dropped: float = 0.0
    event_duplicated: float = 0.0
    event_delayed: float = 0.0
    event_delay_us: int = 0
    """The longest delay of an event; later events overtake it."""


class Rule(msgspec.Struct, kw_only=True, gc=False):
    """A scripted fault: what it meets is counted, the first ``skip`` matches pass, the next ``times`` are hit."""

    fault: RequestFault
    account_id: AccountId | None = None
    kind: str | None = None
    """The name of the request's class, or ``Query``; None: anything."""
    client_order_id: ClientOrderId | None = None
    """Prefix of the request's own id."""
    skip: int = 0
    times: int = 1

    def hits(self, account_id: AccountId, kind: str, client_order_id: ClientOrderId) -> bool:
        """Whether the rule acts on this request; counts it when it matches."""
        if not self.times:
            return False
        if self.account_id not in (None, account_id) or self.kind not in (None, kind):
            return False
        if self.client_order_id is not None and not client_order_id.startswith(self.client_order_id):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class EventRule(msgspec.Struct, kw_only=True, gc=False):
    """A scripted fault of stream events."""

    fault: EventFault
    account_id: AccountId | None = None
    kind: str | None = None
    """The name of the event's class."""
    skip: int = 0
    times: int = 1

    def hits(self, account_id: AccountId, kind: str) -> bool:
        """Whether the rule acts on this event; counts it when it matches."""
        if not self.times or self.account_id not in (None, account_id) or self.kind not in (None, kind):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class StreamOutage(msgspec.Struct, frozen=True, gc=False):
    """No events arrive from ``start`` until before ``end``; a mute stream does not even say that it is gone."""

    start: Time
    end: Time
    is_mute: bool = False


class Maintenance(msgspec.Struct, frozen=True, gc=False):
    """A symbol does not trade from ``start`` to ``end``."""

    symbol: Symbol
    start: Time
    end: Time
    status: SymbolStatus = SymbolStatus.HALT


class FaultPlan(msgspec.Struct, kw_only=True):
    """Everything that will go wrong on one link; rules come first, then the rates of a kind, then the rates of all."""

    seed: int = 0
    rates: Rates = Rates()
    rates_by_kind: dict[str, Rates] = {}
    rules: list[Rule] = []
    event_rules: list[EventRule] = []
    outages: tuple[StreamOutage, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    counter: int = 0

    def for_request(
        self, account_id: AccountId, kind: str, client_order_id: ClientOrderId
    ) -> RequestFault | None:
        """What happens to a request; None: nothing."""
        for rule in self.rules:
            if rule.hits(account_id, kind, client_order_id):
                return rule.fault
        rates = self.rates_by_kind.get(kind, self.rates)
        total = rates.lost + rates.answer_lost + rates.refused + rates.masked + rates.delayed
        if not total:
            return None
        outcome = _pick(
            self._draw(),
            (Outcome.LOST, rates.lost),
            (Outcome.ANSWER_LOST, rates.answer_lost),
            (Outcome.REFUSED, rates.refused),
            (Outcome.MASKED, rates.masked),
            (Outcome.DELAYED, rates.delayed),
        )
        if outcome is None:
            return None
        if outcome is Outcome.DELAYED:
            return RequestFault(outcome, delay_us=int(self._draw() * rates.request_delay_us))
        if outcome is Outcome.REFUSED or outcome is Outcome.MASKED:
            code, status = rates.codes[int(self._draw() * len(rates.codes))]
            return RequestFault(outcome, code, status)
        return RequestFault(outcome)

    def for_event(self, account_id: AccountId, kind: str) -> EventFault | None:
        """What happens to a stream event; None: nothing."""
        for rule in self.event_rules:
            if rule.hits(account_id, kind):
                return rule.fault
        rates = self.rates_by_kind.get(kind, self.rates)
        if not rates.event_dropped + rates.event_duplicated + rates.event_delayed:
            return None
        outcome = _pick(
            self._draw(),
            (EventOutcome.DROPPED, rates.event_dropped),
            (EventOutcome.DUPLICATED, rates.event_duplicated),
            (EventOutcome.DELAYED, rates.event_delayed),
        )
        if outcome is None:
            return None
        delay = 0 if outcome is EventOutcome.DROPPED else int(self._draw() * rates.event_delay_us)
        return EventFault(outcome, delay)

    def loses_events(self, time: Time) -> bool:
        """Whether the stream is down or mute at a time."""
        return any(outage.start <= time < outage.end for outage in self.outages)

    def _draw(self) -> float:
        """The next number in [0, 1)."""
        self.counter += 1
        return draw(self.seed, self.counter)


def draw(seed: int, counter: int) -> float:
    """A number in [0, 1): a hash of seed and counter."""
    digest = hashlib.blake2b(b"%d:%d" % (seed, counter), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def _pick(number: float, *choices: tuple[T, float]) -> T | None:
    for choice, rate in choices:
        if number < rate:
            return choice
        number -= rate
    return None
