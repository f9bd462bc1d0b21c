"""An account's events as they happen: orders, balances, lists; in their order, each once, or it is said that some lack.

The stream has a connection of its own, so that orders and their reports do not fail together. ``on_state(True)``
comes before the first event of a connection, ``on_state(False, why)`` when events may have been missed: then the
venue's books are to be read. A connection that must be replaced is replaced with an overlap, and nothing is said.
Sources: Binance Spot WebSocket API "User Data Stream subscription", "User Data Stream"; trading rules §7.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from decimal import Decimal

import msgspec

from fillwright.binance.api_line import ApiLine
from fillwright.binance.budget import Lane
from fillwright.binance.connection import ConnectionFailed
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.event_memory import EventMemory
from fillwright.binance.keeping import OnState
from fillwright.binance.mute_watch import Key, MuteWatch, WatchSettings
from fillwright.binance.outcomes import Answered, Refused, Unknown, read
from fillwright.binance.signers import KeyKind
from fillwright.binance.websocket_api import Account, ApiSettings, WebSocketApi, demand_answer
from fillwright.core.types import Symbol
from fillwright.wire.codec import WireError, decode
from fillwright.wire.orders import OrderView, decode_order
from fillwright.wire.queries import order_status
from fillwright.wire.requests import WireRequest
from fillwright.wire.stream import EventStreamTerminated, ExecutionReport, Frame, KnownEvent, UnknownEvent

EARLY_MAX = 10_000
"""Events that come while a connection is made ready; with more it is given up."""
NO_SUCH_ORDER = -2013
OnEvent = Callable[[KnownEvent | UnknownEvent], None]

_SUBSCRIBE = WireRequest("userDataStream.subscribe", ("", ""), weight=2, is_signed=False)
_SUBSCRIBE_SIGNED = WireRequest("userDataStream.subscribe.signature", ("", ""), weight=2)
_SUBSCRIPTIONS = WireRequest("session.subscriptions", ("", ""), weight=2, is_signed=False)


class _Subscription(msgspec.Struct, rename="camel"):
    subscription_id: int


_SUBSCRIPTION = msgspec.json.Decoder(_Subscription)
_LISTED = msgspec.json.Decoder(list[_Subscription])


class UserStreamSettings(ApiSettings, frozen=True, kw_only=True):
    """How a stream is looked after; seconds."""

    overlap_s: float = 2.0
    look_s: float = 0.5
    """How often it is looked after."""
    probe_s: float = 10.0
    """Without an event for so long, the session is asked whether the subscription is there."""
    probe_timeout_s: float = 3.0
    watch: WatchSettings = WatchSettings()


class UserStream:
    """The user data stream of one account, kept up while ``run`` runs.

    Attributes:
        is_up: what was told last.
        twice: events of two connections that overlapped, told once.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        account: Account,
        *,
        on_event: OnEvent,
        on_state: OnState,
        settings: UserStreamSettings | None = None,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self.is_up = False
        self.twice = 0
        self._settings = settings = settings or UserStreamSettings()
        self._on_event, self._on_state = on_event, on_state
        self._is_of_session = account.signer.kind is KeyKind.ED25519
        self._subscriptions: dict[ApiLine, int] = {}
        self._early: list[KnownEvent | UnknownEvent] = []
        self._memory = EventMemory()
        self._watch = MuteWatch(settings.watch)
        self._event_at = self._probed_at = 0.0
        self._api = WebSocketApi(
            endpoints,
            account,
            on_state=self._told,
            settings=settings,
            prepare=self._subscribe,
            on_frame=self._heard,
            on_unreadable=self._missed,
            tls=tls,
            draw=draw,
        )

    @property
    def trouble(self) -> str:
        """Why it is not up; empty while it is."""
        return self._api.trouble

    @property
    def unreadable(self) -> int:
        """Events that could not be read; each counts as missed."""
        return self._api.unreadable

    @property
    def connections(self) -> int:
        """Made so far."""
        return self._api.connections

    def silent_s(self) -> float:
        """How long nothing was heard, pongs included; without end while it is down."""
        line = self._api.line
        return line.connection.silent_s() if self.is_up and line is not None else float("inf")

    async def run(self) -> None:
        """Keep it up until cancelled; raises what ``on_event`` raises."""
        tasks = [asyncio.create_task(self._api.run()), asyncio.create_task(self._look_after())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.is_up = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def expect(self, symbol: Symbol, order_id: int, sent_at: float) -> None:
        """An answer has told of an order that was asked for at ``sent_at`` (loop time).

        When the stream was up then and does not tell of the order soon, it is mute: it is made again.
        """
        if self.is_up:
            self._watch.expect(symbol, order_id, sent_at, _time())

    def rests(self, symbol: Symbol, order_id: int, executed: Decimal) -> None:
        """The books had this order open with so much executed; a stream quiet for long is compared with it."""
        self._watch.rests(symbol, order_id, executed)

    # -- the session calls -------------------------------------------------------------------------------------

    async def _subscribe(self, line: ApiLine) -> None:
        """Subscribe on a connection; ConnectionFailed when that cannot be done."""
        if not self.is_up:
            self._early.clear()
            self._memory.clear()
        what = "the subscription to the user data stream"
        if self._is_of_session:
            outcome = await self._api.ask_on(line, _SUBSCRIBE)
        else:
            outcome = await self._api.ask_on(line, _SUBSCRIBE_SIGNED, sign=True)
        try:
            number = decode(_SUBSCRIPTION, demand_answer(outcome, what), "a subscription").subscription_id
        except WireError as error:
            raise ConnectionFailed(f"{what} failed: {error}") from error
        self._subscriptions = {one: of for one, of in self._subscriptions.items() if one.is_up}
        self._subscriptions[line] = number

    def _heard(self, line: ApiLine, frame: Frame) -> None:
        event = frame.event
        if isinstance(event, EventStreamTerminated):
            line.connection.abort("the subscription to the user data stream has ended")
        elif not self._memory.is_new(line, event):
            self.twice += 1
        elif self.is_up:
            self._deliver(event)
        elif len(self._early) < EARLY_MAX:
            self._early.append(event)
        else:
            line.connection.abort(f"{EARLY_MAX} events came before the stream was ready")

    def _missed(self, why: str) -> None:
        if self.is_up:
            self._on_state(False, f"an event could not be read: {why}")
            self._on_state(True, "")

    def _deliver(self, event: KnownEvent | UnknownEvent) -> None:
        self._event_at = now = _time()
        self._watch.heard(now, event if isinstance(event, ExecutionReport) else None)
        self._on_event(event)

    def _told(self, is_up: bool, why: str) -> None:
        if is_up:
            self._event_at = self._probed_at = now = _time()
            self._watch.begin(now)
            self.is_up = True
            self._on_state(True, "")
            early, self._early = self._early, []
            for event in early:
                self._deliver(event)
        elif self.is_up:
            self.is_up = False
            self._on_state(False, why)

    # -- looking after it --------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        settings = self._settings
        while True:
            await asyncio.sleep(settings.look_s)
            if not self.is_up:
                continue
            now = _time()
            why = self._watch.overdue(now)
            if not why and now - max(self._event_at, self._probed_at) >= settings.probe_s:
                self._probed_at = now
                why = await self._probe()
            suspect = None if why else self._watch.suspect(now)
            if suspect is not None:
                await self._compare(suspect)
            if why:
                self._api.abort(why)

    async def _probe(self) -> str:
        """Ask the session for its subscriptions; what is wrong with them."""
        line = self._api.line
        if line is None:
            return ""
        outcome = await self._api.ask_on(
            line, _SUBSCRIPTIONS, lane=Lane.QUERY, timeout_s=self._settings.probe_timeout_s
        )
        if isinstance(outcome, Unknown):
            return f"the session does not tell its subscriptions: {outcome.why}"
        if not isinstance(outcome, Answered):
            return ""
        try:
            listed = decode(_LISTED, outcome.result, "subscriptions")
        except WireError as error:
            return str(error)
        number = self._subscriptions.get(line)
        return "" if any(one.subscription_id == number for one in listed) else "the subscription is gone"

    async def _compare(self, key: Key) -> None:
        """Ask for a resting order: when it has moved, the stream is given a little time to tell."""
        symbol, order_id = key
        outcome = await self._api.ask(order_status(symbol, order_id=order_id), Lane.QUERY)
        view = read(outcome, decode_order)
        if isinstance(view, OrderView):
            self._watch.compared(symbol, order_id, view, _time())
        elif isinstance(view, Refused) and view.code == NO_SUCH_ORDER:
            self._watch.compared(symbol, order_id, None, _time())


def _time() -> float:
    return asyncio.get_running_loop().time()
