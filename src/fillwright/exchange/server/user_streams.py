"""User data streams: who listens to which account, and what reaches them of what the exchange says.

An event is written once per time unit, however many listen, and wrapped with each subscription's number. Events go out
as they happen, so before the answer to the request that caused them. The fault plan may drop, double, delay or reorder
them. Sources: Binance Spot WebSocket API "User Data Stream subscription"; "User Data Stream".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from fillwright.core.types import AccountId, Time
from fillwright.exchange.messages import (
    AccountPosition,
    BalanceUpdate,
    ExchangeError,
    ExchangeEvent,
    ExecutionReport,
    ListStatusReport,
)
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import EventFate
from fillwright.exchange.server.user_events import stream_terminated, user_event
from fillwright.wire.errors import message as error_message

SUBSCRIPTIONS_MAX = 1_000
"""Active at a time in one session; one more is refused."""
NUMBERS_MAX = 65_535
"""Over a session's life; then the client has to reconnect (-2042)."""
HELD_MAX = 1_000
"""Events held back to be reordered, of one account; one more lets all of them go."""

_NAMES: dict[type[ExchangeEvent], str] = {
    ExecutionReport: "executionReport",
    AccountPosition: "outboundAccountPosition",
    ListStatusReport: "listStatus",
    BalanceUpdate: "balanceUpdate",
}
EVENT_NAMES = tuple(_NAMES.values())
"""Events of accounts, as ``e`` says them."""
_encode = msgspec.json.Encoder().encode


class StreamSession(Protocol):
    """What streams want of a connection."""

    microseconds: bool

    def send(self, message: bytes) -> None:
        """Send a text message."""


class Subscription:
    """One session listening to one account."""

    __slots__ = ("account_id", "is_of_session", "number", "session")

    def __init__(
        self, session: StreamSession, account_id: AccountId, number: int, *, is_of_session: bool
    ) -> None:
        self.session = session
        self.account_id = account_id
        self.number = number
        self.is_of_session = is_of_session
        """Whether it ends with the log-on (``userDataStream.subscribe``)."""

    def wrap(self, body: bytes) -> bytes:
        """An event as this listener gets it."""
        return b'{"subscriptionId":%d,"event":%b}' % (self.number, body)


class UserStreams:
    """All subscriptions of a server; told of all events by the box."""

    __slots__ = ("_box", "_by_account", "_held")

    def __init__(self, box: Box) -> None:
        self._box = box
        self._by_account: dict[AccountId, list[Subscription]] = {}
        self._held: dict[AccountId, list[ExchangeEvent]] = {}

    def listeners(self, account_id: AccountId) -> int:
        """How many subscriptions an account has."""
        return len(self._by_account.get(account_id, ()))

    def add(self, subscription: Subscription) -> None:
        """Somebody begins to listen."""
        self._by_account.setdefault(subscription.account_id, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Somebody listens no more."""
        found = self._by_account.get(subscription.account_id, [])
        found.remove(subscription)
        if not found:
            del self._by_account[subscription.account_id]
            self._held.pop(subscription.account_id, None)

    def publish(self, events: Sequence[ExchangeEvent]) -> None:
        """Take events of one settlement, in their order, of all accounts."""
        by_account = self._by_account
        if not by_account:
            return
        for event in events:
            if event.account_id in by_account:
                if self._box.faults.has_events or self._held:
                    self._deliver_faulted(event)
                else:
                    self._deliver(event)

    def _deliver(self, event: ExchangeEvent) -> None:
        now = self._box.now
        bodies: list[bytes | None] = [None, None]
        for one in self._by_account.get(event.account_id, ()):
            session = one.session
            body = bodies[session.microseconds]
            if body is None:
                body = _encode(user_event(event, now, _same if session.microseconds else _milliseconds))
                bodies[session.microseconds] = body
            session.send(one.wrap(body))

    def _deliver_faulted(self, event: ExchangeEvent) -> None:
        account_id = event.account_id
        fault = self._box.faults.for_event(_NAMES[type(event)], account_id)
        if fault is None:
            self._deliver(event)
            self._release(account_id)
            return
        self._box.ledger.event_faulted(_NAMES[type(event)], account_id, self._box.now, fault)
        if fault.outcome is EventFate.DUPLICATED:
            self._deliver(event)
            self._release(account_id)
            self._deliver_later(event, fault.delay_us)
        elif fault.outcome is EventFate.DELAYED:
            self._deliver_later(event, fault.delay_us)
        elif fault.outcome is EventFate.REORDERED:
            held = self._held.setdefault(account_id, [])
            held.append(event)
            if len(held) > HELD_MAX:
                self._release(account_id)

    def _deliver_later(self, event: ExchangeEvent, delay_us: Time) -> None:
        if delay_us:
            self._box.at(self._box.now + delay_us, lambda _: self._deliver(event))
        else:
            self._deliver(event)

    def _release(self, account_id: AccountId) -> None:
        for event in self._held.pop(account_id, ()):
            self._deliver(event)

    def end(self, subscription: Subscription) -> None:
        """Tell a listener that there is nothing more to come (``eventStreamTerminated``)."""
        self.remove(subscription)
        session = subscription.session
        unit = _same if session.microseconds else _milliseconds
        body = _encode(stream_terminated(self._box.now, unit))
        session.send(subscription.wrap(body))


class Subscriptions:
    """Those of one session."""

    __slots__ = ("_active", "_next", "_session", "_streams")

    def __init__(self, streams: UserStreams, session: StreamSession) -> None:
        self._streams = streams
        self._session = session
        self._active: dict[int, Subscription] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._active)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._active.values()))

    def start(self, account_id: AccountId, *, is_of_session: bool) -> int:
        """Listen to an account; gives the subscription's number. ExchangeError when it may not be."""
        if any(one.account_id == account_id for one in self._active.values()):
            raise ExchangeError(-2035, error_message(-2035))
        if self._next >= NUMBERS_MAX:
            raise ExchangeError(-2042, error_message(-2042))
        if len(self._active) >= SUBSCRIPTIONS_MAX:
            raise ExchangeError(-1034, f"Too many subscriptions; current limit is {SUBSCRIPTIONS_MAX}.")
        one = Subscription(self._session, account_id, self._next, is_of_session=is_of_session)
        self._next += 1
        self._active[one.number] = one
        self._streams.add(one)
        return one.number

    def stop(self, number: int | None) -> None:
        """Listen no more to one, or to any (None). -2036 when there is none."""
        if number is None:
            found = list(self._active.values())
        else:
            found = [self._active[number]] if number in self._active else []
        if not found:
            raise ExchangeError(-2036, error_message(-2036))
        for one in found:
            del self._active[one.number]
            self._streams.end(one)

    def end_session(self) -> None:
        """Nobody is logged on any more."""
        for one in self:
            if one.is_of_session:
                del self._active[one.number]
                self._streams.end(one)

    def drop(self) -> None:
        """The connection is gone."""
        for one in self:
            self._streams.remove(one)
        self._active.clear()


def _milliseconds(time: Time) -> int:
    return time // 1000 if time >= 0 else time


def _same(time: Time) -> int:
    return time
