"""Binance Spot as a venue: requests over the WebSocket API, reads over REST, reports from the user data stream.

What was written to the WebSocket is never repeated over REST; what could not be written goes over REST. Every request
ends in reports or in RequestFailed, unknown where nobody can say. An event that cannot be read counts as missed: the
books are read anew. Trading rules §6; Binance Spot WebSocket API, REST, "User Data Streams".
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import structlog

from fillwright.binance.budget import Lane
from fillwright.binance.clock_sync import ClockSync, ClockSyncError
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.outcomes import Outcome, Refused, Unknown, Unsent
from fillwright.binance.private_rest import READ_TIMEOUT_S, PrivateRest
from fillwright.binance.user_stream import UserStream, UserStreamSettings
from fillwright.binance.websocket_api import Account, ApiSettings, WebSocketApi, Written
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import ForeignStop, Input, OrderReport, StreamChanged, VenueSnapshot
from fillwright.core.settings import VenueProfile
from fillwright.core.types import (
    FOREIGN_STOP,
    SECOND,
    VENUE_FINAL,
    AccountId,
    ErrorClass,
    Symbol,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.ports import Clock, Reports, VenueEffect, VenueTerms, VenueUnavailableError
from fillwright.venues.binance_answers import from_outcome
from fillwright.venues.binance_reading import READ_AGAIN_FIRST, Reader
from fillwright.venues.binance_terms import read_terms
from fillwright.venues.lost_orders import remembered
from fillwright.venues.wire_reports import from_event
from fillwright.wire.codec import WireError, moment
from fillwright.wire.orders import OrderView
from fillwright.wire.requests import WireRequest, encoded
from fillwright.wire.stream import EventStreamTerminated, ExecutionReport, KnownEvent, UnknownEvent

PROTECT_WINDOW_MS = 1_000
"""recvWindow of protective requests: one that is late is placed again soon."""
READS_AT_OPEN_MAX = 3
"""Tries of what an account needs before it comes up; then it is told that it cannot be had."""


class BinanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account trades at Binance, and how its requests are sent."""

    symbols: tuple[Symbol, ...] = ()
    """Empty: all that Spot has."""
    recv_window_ms: int = 5_000
    profile: VenueProfile = VenueProfile()
    """Its ``order_limits`` are replaced by those that exchangeInfo tells."""
    over_websocket: bool = True
    """False: requests go over REST alone; events come from the user data stream all the same."""
    session: ApiSettings = ApiSettings()
    stream: UserStreamSettings = UserStreamSettings()


class BinanceVenue:
    """``ports.Venue``: one account of Binance Spot.

    ``account`` names key, clock and budget, ``rest`` signs for the same account; clock and budget are shared by all
    that a process sends to one place (``venues.binance_place``).
    """

    def __init__(
        self,
        account: Account,
        rest: PrivateRest,
        clock_sync: ClockSync,
        endpoints: Endpoints,
        clock: Clock,
        settings: BinanceSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self.settings = settings or BinanceSettings()
        self.events = 0
        """Heard from the stream so far."""
        self.unreadable = 0
        """Of them, those that could not be read."""
        self.account = account
        self._rest = rest
        self._clock_sync = clock_sync
        self._clock = clock
        self._reader = Reader(self._read_once, clock)
        self._reader.on_found = self._found
        self._session = WebSocketApi(
            endpoints,
            account,
            on_state=self._session_told,
            settings=self.settings.session,
            tls=tls,
            draw=draw,
        )
        self._stream = UserStream(
            endpoints,
            account,
            on_event=self._heard,
            on_state=self._stream_told,
            settings=self.settings.stream,
            tls=tls,
            draw=draw,
        )
        self._reports: Reports | None = None
        self._open = AsyncExitStack()
        self._background: asyncio.Task[None] | None = None
        """What runs as long as the venue is open."""
        self._log = structlog.get_logger().bind(account=account.account_id)

    @property
    def account_id(self) -> AccountId:
        """Whose orders go here."""
        return self.account.account_id

    # -- opening and closing -----------------------------------------------------------------------------------

    async def open(self) -> VenueTerms:
        """Learn Binance's clock, the account and its symbols, and begin the session; VenueUnavailableError."""
        await self.close()
        await self._open.enter_async_context(self._rest)
        try:
            await self._clock_sync.sync(self._rest.server_time)
            terms, info = await read_terms(
                self._read_at_open, self._reader, self.settings.symbols, self.settings.profile
            )
        except ClockSyncError as error:
            await self.close()
            raise VenueUnavailableError(f"Binance does not tell its time: {error}") from error
        except BaseException:
            await self.close()
            raise
        self._background = asyncio.create_task(self._run_background())
        self.account.budget.learn(info.rate_limits)
        for one in terms.instruments if self.settings.symbols else ():
            self._reader.known.update({one.base: None, one.quote: None})
        self._reader.watched = self.settings.symbols
        return terms

    async def close(self) -> None:
        """Let go of the connections; what is under way ends as unknown, nothing is cancelled."""
        background, self._background = self._background, None
        if background is not None:
            background.cancel()
            await asyncio.wait((background,))
        await self._open.aclose()

    async def _run_background(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            if self.settings.over_websocket:
                tasks.create_task(self._session.run())
            tasks.create_task(self._clock_sync.run(self._rest.server_time))

    # -- the stream --------------------------------------------------------------------------------------------

    async def run(self, reports: Reports) -> None:
        """Hand on the stream until cancelled. The first report is StreamChanged(True)."""
        if self._background is None:
            raise VenueUnavailableError("the venue is not open")
        if self._reports is not None:
            raise RuntimeError("the stream of an account has one listener")
        self._reports = reports
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stream.run())
                tasks.create_task(self._watch(self._background))
        finally:
            self._reports = None

    async def _watch(self, background: asyncio.Task[None]) -> None:
        """Fail with what should run as long as the venue is open."""
        await asyncio.shield(background)
        raise VenueUnavailableError("the session has ended")

    def _stream_told(self, is_up: bool, why: str) -> None:
        if self._reports is not None:
            self._reports((StreamChanged(is_up, why),))

    def _session_told(self, is_up: bool, why: str) -> None:
        self._log.info("the session is up" if is_up else "the session is down", reason=why)

    def _heard(self, event: KnownEvent | UnknownEvent) -> None:
        self.events += 1
        if self._reports is None or isinstance(event, EventStreamTerminated):
            return  # the stream's own end is told by its state
        try:
            told = from_event(event)
        except WireError as error:
            self.unreadable += 1
            if isinstance(event, ExecutionReport) and not is_ours(event):
                # Nobody acts on it, and reading the books for each would use up what may be asked.
                self._log.warning("an event of another's order cannot be read", reason=str(error))
                if is_foreign_stop(event):
                    self._reports((ForeignStop(event.client_order_id),))
                return
            self._log.error("an event cannot be read: the books are read anew", reason=str(error))
            missed = "an event could not be read"
            self._reports((StreamChanged(False, missed), StreamChanged(True, missed)))
            return
        if told is None:
            return
        if isinstance(event, ExecutionReport) and is_foreign_stop(event):
            self._reports((told, ForeignStop(event.client_order_id)))
        else:
            self._reports((told,))

    # -- effects -----------------------------------------------------------------------------------------------

    def carry_out(self, effect: VenueEffect) -> Coroutine[Any, Any, Sequence[Input]]:
        """Do one effect; what goes wrong at Binance or on the way becomes an input."""
        return self._send(effect) if isinstance(effect, Send) else self._read(effect)

    async def _read(self, effect: QueryOrder | FetchSnapshot | FetchInstruments) -> Sequence[Input]:
        if isinstance(effect, FetchSnapshot):
            return (await self._books(effect),)
        if effect.not_before:
            await self._clock.sleep_until(effect.not_before)
        if isinstance(effect, FetchInstruments):
            return (await self._reader.instruments(effect),)
        told = await self._reader.about(effect)
        return () if told is None else (told,)

    def _send(self, effect: Send) -> Coroutine[Any, Any, Sequence[Input]]:
        """Write the request to the session's socket, if there is one; what comes of it."""
        lane = Lane(effect.lane)
        window_ms = self.settings.recv_window_ms
        if lane is Lane.PROTECT:
            window_ms = min(window_ms, PROTECT_WINDOW_MS)
        request = encoded(effect.request)
        written = self._session.write(request, lane, recv_window_ms=window_ms)
        return self._sent(effect, request, written, window_ms, asyncio.get_running_loop().time())

    async def _sent(
        self, effect: Send, request: WireRequest, written: Written | Unsent, window_ms: int, loop_time: float
    ) -> Sequence[Input]:
        outcome = written if isinstance(written, Unsent) else await self._session.outcome(written)
        if isinstance(outcome, Unsent) and outcome.error_class is not ErrorClass.RATE:
            outcome = await self._rest.call(request, Lane(effect.lane), recv_window_ms=window_ms)
        elif isinstance(outcome, Refused) and outcome.error_class is ErrorClass.CLOCK:
            await self._set_clock()
        inputs = from_outcome(effect.request, outcome)
        for told in inputs:
            # Whether the stream tells of pending legs before their release is not documented.
            if isinstance(told, OrderReport) and told.status is not VenueOrderStatus.PENDING_NEW:
                self._stream.expect(told.symbol, told.order_id, loop_time)
        return inputs

    async def _books(self, asked: FetchSnapshot) -> VenueSnapshot:
        """Open orders, those that were named, balances; of a lost ledger what is remembered of it, too."""
        books = await self._reader.snapshot(asked)
        if not asked.tag:
            return books
        symbols = self.settings.symbols or tuple(dict.fromkeys([one.symbol for one in books.orders]))
        lost = await remembered(self._reader, asked.tag, symbols, books.orders)
        return msgspec.structs.replace(books, orders=(*books.orders, *lost), tag=asked.tag)

    async def _set_clock(self) -> None:
        """Learn Binance's clock anew before the core is told: what it sends next has the right time."""
        try:
            await self._clock_sync.sync(self._rest.server_time)
        except ClockSyncError as error:
            self._log.warning("Binance's time cannot be had", reason=str(error))

    # -- reads -------------------------------------------------------------------------------------------------

    async def _read_at_open(self, request: WireRequest) -> Outcome:
        """Over REST; one whose outcome nobody knows is asked again: what is open waits for its account."""
        outcome = await self._rest.call(request, Lane.QUERY)
        for _ in range(READS_AT_OPEN_MAX - 1):
            if not isinstance(outcome, Unknown):
                break
            await self._clock.sleep_until(self._clock.now() + READ_AGAIN_FIRST)
            outcome = await self._rest.call(request, Lane.QUERY)
        return outcome

    async def _read_once(self, request: WireRequest, attempt: int) -> Outcome:
        """One attempt at a read: over REST, and every other time over the session while it is up."""
        if attempt % 2 and self._session.is_up:
            return await self._session.ask(request, Lane.QUERY, timeout_s=READ_TIMEOUT_S)
        return await self._rest.call(request, Lane.QUERY)

    def _found(self, view: OrderView) -> None:
        """An order was read: one that was made while the stream was up must have been told of by it."""
        if view.client_order_id.startswith(FOREIGN_STOP) and self._reports is not None:
            # a flag, or an order of ours that shows the id of its cancel
            self._reports((ForeignStop(view.client_order_id),))
        if view.status == VenueOrderStatus.PENDING_NEW:
            return
        age_s = (self.account.now() - moment(view.time)) / SECOND
        made_at = asyncio.get_running_loop().time() - age_s
        self._stream.expect(view.symbol, view.order_id, made_at)
        if view.status not in VENUE_FINAL:
            self._stream.rests(view.symbol, view.order_id, view.executed_quantity)


def is_ours(event: ExecutionReport) -> bool:
    """Whether an order is fillwright's, of whatever ledger: its id says so."""
    return parse_client_order_id(event.orig_client_order_id or event.client_order_id) is not None


def is_foreign_stop(event: ExecutionReport) -> bool:
    """Whether an order or cancel of the stop by keys is reported: somebody wants all of this to halt."""
    return event.client_order_id.startswith(FOREIGN_STOP)
