"""The paper venue: the in-process exchange in live time, on live prices, with books that survive the process.

Nothing of what the exchange did is told before it is in the journal: an exchange never forgets what it told. What is
under way to it or back when the process ends is lost, as it would be on a real wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from fillwright.core.effects import FetchInstruments, QueryOrder, Send
from fillwright.core.inputs import Input, StreamChanged
from fillwright.core.requests import (
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import (
    CONTINGENT_TYPES,
    MILLISECOND,
    SECOND,
    ZERO,
    AccountId,
    Asset,
    ListKind,
    Time,
)
from fillwright.exchange.faults import FaultPlan
from fillwright.exchange.link import Delivery, DeliveryKind, Link
from fillwright.exchange.messages import ExchangeError
from fillwright.ports import (
    Clock,
    Journal,
    Reports,
    StorageError,
    VenueEffect,
    VenueTerms,
    VenueUnavailableError,
)
from fillwright.venues.asking import READ_AGAIN, Answers, Asked, news, put
from fillwright.venues.in_process import balances
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import Setup
from fillwright.venues.paper_journal import SNAPSHOT_EVERY, PaperJournal
from fillwright.venues.paper_market import PaperMarket
from fillwright.venues.paper_slots import Slot
from fillwright.venues.paper_terms import PaperTerms, faults_from_now_on, paper_terms, profile

__all__ = ["FIRST_TICK_MAX", "STREAM", "PaperTerms", "PaperVenue", "paper_terms"]

STREAM = "paper exchange"
FIRST_TICK_MAX: Time = 5 * SECOND
"""So long an order that might trade at once waits after a start for the market that it is to trade in."""
_RESPONSE = DeliveryKind.RESPONSE


class PaperVenue:
    """``ports.Venue`` and ``ports.MarketDriven``: one paper account at an exchange of its own.

    ``market`` takes the live market at any time; requests are answered while ``run`` runs. A journal that fails stops
    the venue: nothing more is told, ``run`` and every request raise its StorageError, and ``open`` begins anew with
    what the journal holds.
    """

    def __init__(
        self,
        account_id: AccountId,
        journal: Journal,
        clock: Clock,
        terms: PaperTerms,
        *,
        latency_ms: int = 0,
        faults: FaultPlan | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._account_id = account_id
        self._clock = clock
        self._terms = terms
        self._latency_us = latency_ms * MILLISECOND
        self._faults = faults
        self._books = PaperJournal(journal, account_id, snapshot_every)
        self._market = PaperMarket(self._now, self._schedule)
        self._failure: BaseException | None = VenueUnavailableError("the paper venue is not open")
        """Why nothing works here, if nothing does."""
        self._exchange: PaperExchange
        self._link: Link
        self._answers: Answers
        self._loop: asyncio.AbstractEventLoop
        self._ahead: Time = 0
        self._reports: Reports | None = None
        self._waiting: dict[int, tuple[Asked, asyncio.Future[Sequence[Input] | None]]] = {}
        self._numbers = 0
        self._unheard: list[tuple[Slot, asyncio.Future[None]]] = []
        self._is_scheduled = False
        self._sleeper: asyncio.Future[None] | None = None
        self._wakes_at: Time | None = None

    @property
    def account_id(self) -> AccountId:
        """Whose orders go here."""
        return self._account_id

    @property
    def market(self) -> PaperMarket:
        """Takes what a source of market data pushes."""
        return self._market

    def audit(self) -> tuple[str, ...]:
        """Everything in the exchange's books that does not add up; empty when they are sound."""
        return self._exchange.audit()

    def dump(self) -> bytes:
        """The exchange's whole state, as its commands so far made it."""
        return self._exchange.dump()

    # -- opening and closing -----------------------------------------------------------------------------------

    async def open(self) -> VenueTerms:
        """Take up the exchange as its journal has it, or begin one; other terms than before hold from now on.

        Raises VenueUnavailableError when the journal makes no exchange, StorageError when there is none to be had.
        """
        self._loop = asyncio.get_running_loop()
        terms, now = self._terms, self._clock.now()
        setup = Setup(
            account_id=self._account_id,
            instruments=terms.instruments,
            settings=terms.exchange,
            maker_fee=terms.maker_fee,
            taker_fee=terms.taker_fee,
        )
        exchange = self._books.restore()
        stopped_at = now
        if exchange is None:
            exchange = PaperExchange.begin(setup, terms.balances, now)
        else:
            stopped_at = exchange.now
            exchange = exchange.configured(setup, max(now, stopped_at))
            exchange.reopen(max(now, stopped_at))
        self._books.write(exchange, now, durable=True)
        # An exchange's time never runs backwards: a clock that was set back is led by what it was ahead then.
        self._ahead = max(0, stopped_at - now)
        faults = faults_from_now_on(self._faults, stopped_at, now, self._books.seq)
        self._exchange = exchange
        self._link = Link(exchange, self._account_id, self._latency_us, faults)
        self._answers = Answers(exchange, self._account_id)
        self._failure = None
        self._market.attach(exchange)
        return VenueTerms(
            instruments=tuple(exchange.instrument(symbol) for symbol in exchange.symbols),
            maker_fee=terms.maker_fee,
            taker_fee=terms.taker_fee,
            balances=balances(exchange.balances(self._account_id)),
            profile=profile(terms, faulty=faults is not None),
        )

    async def close(self) -> None:
        """Write a snapshot and stop; what is under way is lost. Raises StorageError when it cannot be written."""
        if self._failure is not None:
            return
        self._turn()
        failure: BaseException | None = self._failure
        self._fail(VenueUnavailableError("the paper venue is closed"))
        if failure is not None:
            raise failure
        self._books.save_snapshot(self._exchange, self._now())

    # -- running -----------------------------------------------------------------------------------------------

    async def run(self, reports: Reports) -> None:
        """Hand on the stream until cancelled; raises what stops the venue. Events while nobody listens are lost."""
        if self._failure is not None:
            raise self._failure
        if self._reports is not None:
            raise RuntimeError("the stream of a paper account has one listener")
        self._reports = reports
        self._exchange.tells_by_stream = self._is_quiet
        try:
            reports((StreamChanged(True, STREAM),))
            while self._failure is None:
                await self._sleep()
        finally:
            self._reports = None
            self._exchange.tells_by_stream = False
        raise self._failure

    async def _sleep(self) -> None:
        """Wait until the link's next moment, or until there is an earlier one, or none any more."""
        due = self._link.next_time()
        self._wakes_at = due
        if due is None:
            self._sleeper = self._loop.create_future()
        else:
            self._sleeper = asyncio.ensure_future(self._clock.sleep_until(due - self._ahead))
        sleeper = self._sleeper
        try:
            await asyncio.wait((sleeper,))
        finally:
            self._sleeper = None
            sleeper.cancel()
        if not sleeper.cancelled():
            sleeper.result()
            self._turn()

    def _rearm(self) -> None:
        """Have ``run`` look again when something is due earlier than it believes."""
        if self._sleeper is None:
            return
        due = self._link.next_time()
        if due is not None and (self._wakes_at is None or due < self._wakes_at):
            self._sleeper.cancel()

    def _now(self) -> Time:
        return self._clock.now() + self._ahead

    # -- turns -------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        """Have a turn once everything that is ready now has had its say, so that it becomes one transaction."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._scheduled_turn)

    def _scheduled_turn(self) -> None:
        self._is_scheduled = False
        if self._failure is not None:
            return
        due = self._link.next_time()
        if self._exchange.commands or (due is not None and due <= self._now()):
            self._turn()

    def _turn(self, *, durable: bool = False) -> None:
        """Let everything due happen; write down what the exchange did; only then tell of it."""
        exchange, now = self._exchange, self._now()
        try:
            self._link.collect(now)
            deliveries = self._link.advance(now)
            if exchange.commands:
                self._books.write(exchange, now, durable=durable)
            if deliveries:
                self._deliver(deliveries, now)
        except StorageError as error:
            self._fail(error)
            return
        except BaseException as error:
            self._fail(error)
            raise
        if self._unheard:
            self._hear()
        if self._books.snapshot_due:
            self._loop.call_soon(self._save_snapshot)  # those who were told go first
        self._rearm()

    def _deliver(self, deliveries: Sequence[Delivery], now: Time) -> None:
        reports = self._reports
        told: list[Input] = []
        for delivery in deliveries:
            if delivery.request_id is None:
                item = news(delivery) if reports is not None else None
                if item is not None:
                    told.append(item)
                continue
            asked, answer = self._waiting.pop(int(delivery.request_id), (None, None))
            if asked is None or answer is None or answer.done():
                continue  # nobody waits for it any more
            if (
                reports is not None
                and delivery.kind is _RESPONSE
                and isinstance(asked, Send)
                and self._is_quiet
            ):
                answer.set_result(())
            else:
                answer.set_result(self._answers.inputs(asked, delivery, now))
        if told and reports is not None:
            reports(told)

    @property
    def _is_quiet(self) -> bool:
        """Whether the stream tells everything that a successful answer says: it loses nothing, so once is enough."""
        return self._link.faults is None

    def _save_snapshot(self) -> None:
        if self._failure is not None or self._exchange.commands or not self._books.snapshot_due:
            return
        try:
            self._books.save_snapshot(self._exchange, self._now())
        except StorageError as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Nothing more is told: the exchange may be ahead of its journal."""
        self._failure = error
        self._market.attach(None)
        waiting, self._waiting = self._waiting, {}
        for _, answer in waiting.values():
            if not answer.done():
                answer.set_exception(error)
                answer.exception()  # whoever waits gets it; nobody has to
        for _, heard in self._unheard:
            heard.cancel()  # whoever waited finds that there is nothing to ask any more
        if self._sleeper is not None:
            self._sleeper.cancel()

    # -- effects -----------------------------------------------------------------------------------------------

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        """Do one effect; the inputs that its answer makes beyond those that the stream tells.

        Raises StorageError where the exchange's books cannot be kept, VenueUnavailableError when it is not open.
        """
        if isinstance(effect, Send):
            slot = self._unheard_of(effect.request)
            if slot is not None:
                await self._first_tick(slot)
            return await self._ask(effect) or ()
        if isinstance(effect, FetchInstruments | QueryOrder) and effect.not_before > self._clock.now():
            await self._clock.sleep_until(effect.not_before)
        if isinstance(effect, FetchInstruments):
            if self._failure is not None:
                raise self._failure
            return (self._answers.instruments(effect),)
        while (answer := await self._ask(effect)) is None:
            await self._clock.sleep_until(self._clock.now() + READ_AGAIN)
        return answer

    def _unheard_of(self, request: Request) -> Slot | None:
        """The market that a request means to trade in at once, if nothing has been heard of it yet."""
        if isinstance(request, CancelReplaceRequest):
            request = request.order
        elif isinstance(request, OrderListRequest) and request.kind is not ListKind.OCO:
            request = request.legs[0]
        if (
            self._failure is not None
            or not isinstance(request, OrderRequest)
            or request.type in CONTINGENT_TYPES
        ):
            return None
        slot = self._exchange.slots.get(request.symbol)
        return slot if slot is not None and not slot.is_known else None

    async def _first_tick(self, slot: Slot) -> None:
        """Wait until there is a market, though not for ever: then there is none, as far as the exchange knows."""
        heard: asyncio.Future[None] = self._loop.create_future()
        patience = asyncio.ensure_future(self._clock.sleep_until(self._clock.now() + FIRST_TICK_MAX))
        self._unheard.append((slot, heard))
        try:
            await asyncio.wait((heard, patience), return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            heard.cancel()

    def _hear(self) -> None:
        for slot, heard in self._unheard:
            if slot.is_known and not heard.done():
                heard.set_result(None)
        self._unheard = [(slot, heard) for slot, heard in self._unheard if not heard.done()]

    async def _ask(self, effect: Asked) -> Sequence[Input] | None:
        if self._failure is not None:
            raise self._failure
        self._numbers += 1
        number = self._numbers
        answer: asyncio.Future[Sequence[Input] | None] = self._loop.create_future()
        self._waiting[number] = effect, answer
        now = self._now()
        put(self._link, number, effect, now)
        due = self._link.next_time()
        if due is not None and due <= now:
            if not self._is_scheduled:
                # The first in an iteration of the loop is answered at once; those ready with it share one turn.
                self._schedule()
                self._turn()
        else:
            self._rearm()
        try:
            return answer.result() if answer.done() else await answer
        finally:
            self._waiting.pop(number, None)

    # -- the account -------------------------------------------------------------------------------------------

    async def deposit(self, asset: Asset, amount: Decimal) -> None:
        """Bring in funds; the engine sees a transfer. Raises ValueError for an amount that is none."""
        if self._failure is not None:
            raise self._failure
        self._exchange.deposit(self._account_id, asset, amount, self._now())
        self._settle()

    async def withdraw(self, asset: Asset, amount: Decimal) -> None:
        """Take out free funds. Raises ValueError when there is not so much."""
        if self._failure is not None:
            raise self._failure
        try:
            self._exchange.withdraw(self._account_id, asset, amount, self._now())
        except ExchangeError as error:
            raise ValueError(error.message) from error
        self._settle()

    async def reset(self) -> None:
        """Begin anew: every order is cancelled, and the account holds what its terms start with, no more, no less.

        The engine sees cancels and transfers. Raises ValueError, with nothing else done, when orders of a symbol cannot
        be cancelled now.
        """
        if self._failure is not None:
            raise self._failure
        exchange, account_id, now = self._exchange, self._account_id, self._now()
        try:
            for symbol in dict.fromkeys(order.symbol for order in exchange.open_orders(account_id)):
                exchange.execute(account_id, CancelOpenOrdersRequest(symbol=symbol), now)
        except ExchangeError as error:
            raise ValueError(error.message) from error
        finally:
            self._settle()
        wanted = dict(self._terms.balances)
        for held in exchange.balances(account_id):
            wanted[held.asset] = wanted.get(held.asset, ZERO) - held.free
        for asset, difference in wanted.items():
            if difference > ZERO:
                exchange.deposit(account_id, asset, difference, now)
            elif difference < ZERO:
                exchange.withdraw(account_id, asset, -difference, now)
        self._settle()

    def _settle(self) -> None:
        self._turn(durable=True)
        if self._failure is not None:
            raise self._failure
