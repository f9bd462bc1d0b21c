"""Events of safety: errors, breaker, pauses, halts, reconciliation."""

from __future__ import annotations

from fillwright.core.events.base import Event
from fillwright.core.types import ClientOrderId, Mode, Symbol, Time


class VenueErrorSeen(Event, frozen=True):
    """The venue answered a request with an error; the breaker counts those that are not rejections by rule."""

    code: int
    message: str
    error_class: str
    request: str
    symbol: Symbol = ""
    counts: bool = False
    """Whether the breaker counts it."""


class VenueAnswered(Event, frozen=True):
    """The venue accepted a request after errors: the breaker's count starts anew."""


class RateLimited(Event, frozen=True):
    """The venue asked us to slow down, or our own budget of its limits is used up: no entries until then."""

    until: Time
    code: int


class CircuitBreakerOpened(Event, frozen=True):
    """Too many errors: no entries until the probe."""

    reason: str
    until: Time


class CircuitBreakerClosed(Event, frozen=True):
    """The probe succeeded."""

    reason: str


class Paused(Event, frozen=True):
    """Entries are stopped for a while."""

    cause: str
    until: Time
    by: str


class Halted(Event, frozen=True):
    """Entries are stopped until somebody allowed resumes, and why."""

    cause: str
    reason: str
    by: str


class Resumed(Event, frozen=True):
    """A halt or pause was lifted."""

    reason: str
    by: str


class EmergencyStopped(Event, frozen=True):
    """The emergency stop began: halt first, then cancels, then (flatten) sales."""

    by: str
    flatten: bool
    external: bool = False


class EmergencyStopVerified(Event, frozen=True):
    """The venue's open orders and account show that nothing is left of what the stop was to end."""

    took_us: Time


class ExternalCancelRequested(Event, frozen=True):
    """An order that is not ours is to be cancelled, as an emergency stop was told to."""

    symbol: Symbol
    exchange_order_id: int
    cancel_id: ClientOrderId


class ForeignStopSeen(Event, frozen=True):
    """A sign of the emergency stop by keys was seen: each of its runs counts once, also after a resume."""

    client_order_id: ClientOrderId
    run: str


class ShutdownBegun(Event, frozen=True):
    """The service is stopping: no new entries."""

    by: str


class ModeSwitched(Event, frozen=True):
    """The account was enabled or disabled by a switch of mode."""

    enabled: bool
    by: str


class UserModeSwitched(Event, frozen=True):
    """A user went over to another mode; recorded in the stream ``admin``, beside those of the accounts.

    The first of a user who has several accounts says where they began: ``old`` is ``new``.
    """

    user_id: str
    old: Mode
    new: Mode
    by: str
    flatten: bool = False
    forced: bool = False
    """The old account was not up, and its journal had something open: somebody said that it is left all the same."""


class ProtectionRead(Event, frozen=True):
    """The venue's open orders of the symbols with positions were asked for."""

    symbols: tuple[Symbol, ...]


class ReconciliationStarted(Event, frozen=True):
    """The venue's books were asked for."""

    cause: str
    symbol: Symbol = ""


class Discrepancy(Event, frozen=True):
    """A difference between the venue's books and ours, its cause and remedy."""

    subject: str
    what: str
    ours: str
    theirs: str
    remedy: str


class ReconciliationComplete(Event, frozen=True):
    """The venue's books were compared with ours: of the whole account, or of one symbol."""

    cause: str
    discrepancies: int
    symbol: Symbol = ""


class StreamStateChanged(Event, frozen=True):
    """The user data stream connected or broke."""

    connected: bool
    detail: str = ""


class Anomaly(Event, frozen=True):
    """A report that cannot be: it changed nothing and forces reconciliation."""

    subject: str
    what: str


class Error(Event, frozen=True):
    """Something went wrong that a person should read."""

    where: str
    what: str
