"""The emergency stop that needs keys alone: no database, no service, from any machine.

Which orders are ours is read from their ids (``RT_<tag>_<position>_<leg>_<attempt>``). Working entries and manual
orders are cancelled; protection stays, or, to flatten, each position is sold by one cancelReplace of its stop. Every
cancel's id begins ``RT_ES``, as does that of a flag that rests while it watches (``stop_flag``): a service that sees
one halts itself, also when it looks later. Each round looks at what is open and does what that needs: a lost answer
costs a round and nothing else. A sale that nobody knows the end of is asked about, and
made again only when it is proven that it never came, and a position is sold once: coins that no position owns are not
touched. Trading rules §8.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from fillwright.binance.budget import Lane
from fillwright.binance.clock_sync import ClockSync, ClockSyncError
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.core.instruments import Instrument
from fillwright.core.requests import CancelReplaceRequest, CancelRequest, OrderRequest
from fillwright.core.types import (
    FOREIGN_STOP,
    VENUE_FINAL,
    ZERO,
    CancelReplaceMode,
    ClientOrderId,
    Leg,
    OrderType,
    Side,
    Symbol,
    VenueOrderStatus,
    client_order_id,
    parse_client_order_id,
)
from fillwright.venues.binance_reading import decode_information, why
from fillwright.venues.stop_flag import StopFlag
from fillwright.wire import queries
from fillwright.wire.accounts import decode_trades
from fillwright.wire.answers import CancelReplaceReply
from fillwright.wire.orders import (
    CancelReply,
    OrderList,
    OrderView,
    decode_cancel,
    decode_each_order,
    decode_order,
)
from fillwright.wire.requests import encoded

ALL_TAGS = "all"
"""Stands in our ids for a stop of every ledger."""
RECV_WINDOW_MS = 1_000
WATCH_S = 15.0
"""What was sent before may still arrive so long: the service's recvWindow, and the ten seconds of the engine."""
WORK_MAX_S = 60.0
"""So long it is tried; what is open then is told as left."""
PAUSE_S = 0.2
LOOK_S = 1.0
ABSENT_AFTER_S = 12.0
"""An order that is not found so long after it was sent, in two reads, never came."""
SALES_MAX = 5
"""Sales of one position that may be refused."""
AT_ONCE = 10
"""Requests at the same time."""
NOT_FOUND = -2013
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
Key = tuple[str, int]
"""Tag and position."""


class Sold(msgspec.Struct, frozen=True):
    """One sale."""

    client_order_id: ClientOrderId
    symbol: Symbol
    quantity: Decimal


class Left(msgspec.Struct, frozen=True):
    """What could not be done, and why."""

    what: str
    why: str


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done."""

    cancelled: tuple[ClientOrderId, ...]
    sold: tuple[Sold, ...]
    kept: tuple[ClientOrderId, ...]
    """Protection that rests."""
    left: tuple[Left, ...]
    flag: str
    """Where a flag rested for services to see; '' when none could be raised."""
    no_flag: str
    """Why not."""
    clean_after_s: float | None
    """When nothing was left to do; None: it never was so."""
    took_s: float


class _Sale(msgspec.Struct):
    """A sale whose end is not known, or that is still to be made (``sent_at`` 0)."""

    symbol: Symbol
    quantity: Decimal
    name: ClientOrderId = ""
    sent_at: float = 0.0
    absent: int = 0
    refusals: int = 0


class KeysOnlyStop:
    """One stop; ``rest`` is entered by the caller. ``tag``: only orders of one ledger. ``watch_s``: see WATCH_S.

    ``external``: orders that are not fillwright's are cancelled, too. ``symbols``: those that services trade.
    """

    def __init__(
        self,
        rest: PrivateRest,
        clock: ClockSync,
        *,
        flatten: bool,
        tag: str | None = None,
        external: bool = False,
        symbols: Sequence[Symbol] = (),
        watch_s: float = WATCH_S,
        work_max_s: float = WORK_MAX_S,
    ) -> None:
        self._rest, self._clock = rest, clock
        self._flatten, self._tag, self._external = flatten, tag, external
        self._run = ""
        self._flag = StopFlag(rest, symbols)
        self._seen: dict[Symbol, None] = {}
        """Symbols of orders of ours."""
        self._watch_s, self._work_max_s = watch_s, work_max_s
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._number = 0
        self._cancelled: dict[ClientOrderId, None] = {}
        self._sold: list[Sold] = []
        self._done: dict[Key, None] = {}
        """Positions that were sold: nothing more of them is, whatever rests in their name."""
        self._sales: dict[Key, _Sale] = {}
        self._entries: dict[ClientOrderId, tuple[OrderView, Key]] = {}
        """Entries that were told to go, and of which it is not known yet what they have bought."""
        self._naked: dict[Key, Left] = {}
        """What they have bought without a stop."""
        self._kept: tuple[ClientOrderId, ...] = ()
        self._trouble: dict[str, str] = {}
        self._notes: list[Left] = []
        self._instruments: dict[Symbol, Instrument] = {}
        self._last_sent = 0.0

    async def run(self) -> StopReport:
        """Stop, verify, and watch; never raises for what goes wrong at Binance."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._set_clock()
        self._run = _in_letters(self._clock.now_ms())
        clean_at: float | None = None
        hoisting: asyncio.Task[None] | None = None
        while loop.time() - began < self._work_max_s:
            is_clean = await self._round()
            if hoisting is None:  # cancelling came first; nobody waits for the flag
                hoisting = asyncio.create_task(self._flag.hoist(self._name(), [*self._seen]))
            if is_clean:
                clean_at = clean_at or loop.time()
                if loop.time() >= max(self._last_sent, began) + self._watch_s:
                    break
                await asyncio.sleep(min(LOOK_S, self._watch_s))
            else:
                clean_at = None
                # what was answered well is looked at again at once
                await asyncio.sleep(PAUSE_S if self._trouble or self._sales else 0)
        await self._lower(hoisting)
        for sale in self._sales.values():
            told = "its sale is in doubt" if sale.sent_at else "not sold"
            self._trouble.setdefault(sale.name or f"{sale.quantity:f} of {sale.symbol}", told)
        for name in self._entries:
            self._trouble.setdefault(name, "what it bought is not known")
        left = [Left(what, because) for what, because in self._trouble.items()]
        left += [*self._naked.values(), *self._notes]
        return StopReport(
            cancelled=tuple(self._cancelled),
            sold=tuple(self._sold),
            kept=self._kept,
            left=tuple(left),
            flag=self._flag.symbol or "",
            no_flag=self._flag.why,
            clean_after_s=None if clean_at is None else clean_at - began,
            took_s=loop.time() - began,
        )

    async def _lower(self, hoisting: asyncio.Task[None] | None) -> None:
        """Take the flag away, trying as often as anything else."""
        if hoisting is not None:
            await hoisting
        refused = ""
        for _ in range(SALES_MAX):
            refused = await self._flag.lower(self._name())
            if not refused:
                return
            await asyncio.sleep(PAUSE_S)
        self._notes.append(Left(self._flag.name, f"the flag rests still: {refused}"))

    async def _set_clock(self) -> None:
        try:
            await self._clock.sync(self._rest.server_time)
        except ClockSyncError:
            return  # Binance says -1021 if this machine's clock is wrong, and the clock is set then

    # -- rounds ------------------------------------------------------------------------------------------------

    async def _round(self) -> bool:
        """Look at what is open and do what that needs; True when it needs nothing."""
        told = read(await self._rest.call(queries.open_orders(), Lane.EXIT), decode_each_order)
        if not isinstance(told, tuple):
            self._trouble["open orders"] = f"cannot be read: {why(told)}"
            return False
        self._trouble.clear()
        found, wrong = told
        if wrong:
            self._trouble[f"{len(wrong)} open orders"] = f"left as they are: {wrong[0]}"
        ours = [(name, view) for view in found if (name := self._ours(view)) is not None]
        work = [
            self._cancel(view, (tag, position), leg)
            for (tag, position, leg), view in ours
            if leg in (Leg.ENTRY, Leg.MANUAL)
        ]
        self._seen.update({view.symbol: None for _, view in ours})
        work += [self._cancel(view, ("", 0), Leg.MANUAL) for view in found if self._is_to_go(view)]
        stops: dict[Key, OrderView] = {}
        for (tag, position, leg), view in ours:
            key = (tag, position)
            if leg is Leg.STOP_LOSS or (leg is Leg.TAKE_PROFIT and key not in stops):
                stops[key] = view
        for key in stops:
            self._naked.pop(key, None)  # a service has protected it meanwhile
        rest = {(view.symbol, view.order_id) for view in found}
        gone = [n for n, (view, _) in self._entries.items() if (view.symbol, view.order_id) not in rest]
        work += [self._account_for(name) for name in gone]
        guards = (Leg.STOP_LOSS, Leg.TAKE_PROFIT)
        self._kept = tuple([view.client_order_id for (_, _, leg), view in ours if leg in guards])
        if self._flatten:
            await self._learn(
                [view.symbol for view in stops.values()] + [s.symbol for s in self._sales.values()]
            )
            for key, view in stops.items():
                if key in self._done:
                    # A service that did not know of the sale yet has placed it, on coins that are not the position's.
                    work.append(self._cancel(view, key, Leg.STOP_LOSS))
                elif key not in self._sales:
                    work.append(self._close(view, key))
            work += [self._settle(key, key in stops) for key in [*self._sales]]
        await asyncio.gather(*work)
        return not work

    def _ours(self, view: OrderView) -> tuple[str, int, Leg] | None:
        """Tag, position and leg of an order of ours that is live; pending legs go with their entry."""
        name = parse_client_order_id(view.client_order_id)
        if name is None or view.status == VenueOrderStatus.PENDING_NEW or self._tag not in (None, name[0]):
            return None
        return name[:3]

    def _is_to_go(self, view: OrderView) -> bool:
        """Whether an order that is not fillwright's is to be cancelled, too; waiting legs go with their list."""
        if not self._external or view.status == VenueOrderStatus.PENDING_NEW:
            return False
        name = view.client_order_id
        return parse_client_order_id(name) is None and not name.startswith(FOREIGN_STOP)

    async def _learn(self, symbols: list[Symbol]) -> None:
        """The rules of symbols, for the quantities of sales."""
        wanted = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._instruments]
        if not wanted:
            return
        info = read(
            await self._rest.call(queries.exchange_information(wanted), Lane.EXIT), decode_information
        )
        if isinstance(info, Refused | Unknown | Unsent):
            self._trouble["exchangeInfo"] = why(info)
        else:
            self._instruments.update(info.instruments)

    # -- cancels -----------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._clock.now_ms() // 1_000 % 10**9 * 10 + self._number

    def _cancel_of(self, view: OrderView) -> CancelRequest:
        return CancelRequest(symbol=view.symbol, order_id=view.order_id, cancel_client_order_id=self._name())

    def _name(self) -> ClientOrderId:
        """Of a cancel, or the flag: each of one run, for one ledger or all of them."""
        return f"{FOREIGN_STOP}{self._tag or ALL_TAGS}_{self._run}_{self._next() % 100_000}"

    async def _cancel(self, view: OrderView, key: Key, leg: Leg) -> None:
        async with self._slots:
            self._last_sent = asyncio.get_running_loop().time()
            outcome = await self._rest.call(
                encoded(self._cancel_of(view)), Lane.EXIT, recv_window_ms=RECV_WINDOW_MS
            )
        name = view.client_order_id
        if leg is Leg.ENTRY and _may_have_bought(outcome, view.order_id):
            self._entries[name] = (view, key)
        if isinstance(outcome, Refused | Unknown | Unsent):
            self._trouble[name] = why(outcome)  # the next round sees what became of it
            return
        self._cancelled[name] = None
        if name in self._entries:
            await self._account_for(name)

    async def _account_for(self, name: ClientOrderId) -> None:
        """Find out what an entry that is gone has bought, which has no stop: in each round until it can be told."""
        view, key = self._entries[name]
        bought = await self._bought(view)
        if isinstance(bought, Decimal) and self._flatten and key in self._sales:
            bought = "another sale of its position comes first"
        if not isinstance(bought, Decimal):
            self._trouble[name] = bought
            return
        del self._entries[name]
        if bought and self._flatten:
            self._sales[key] = _Sale(view.symbol, bought)
        elif bought:
            self._naked[key] = Left(name, f"it bought {bought:f}, which has no stop")

    async def _bought(self, view: OrderView) -> Decimal | str:
        """What an ended order has bought, less commission; or why that cannot be said (reads lag writes)."""
        asked = queries.order_status(view.symbol, order_id=view.order_id)
        order = read(await self._rest.call(asked, Lane.EXIT), decode_order)
        if not isinstance(order, OrderView):
            return f"what it bought cannot be read: {why(order)}"
        if order.status in VENUE_FINAL and not order.executed_quantity:
            return ZERO
        request = queries.my_trades(view.symbol, order_id=view.order_id)
        trades = read(await self._rest.call(request, Lane.EXIT), decode_trades)
        if not isinstance(trades, tuple):
            return f"what it bought cannot be read: {why(trades)}"
        told = sum((trade.quantity for trade in trades), ZERO)
        if order.status not in VENUE_FINAL or told != order.executed_quantity:
            return "not all that it bought is told yet"
        await self._learn([view.symbol])
        instrument = self._instruments.get(view.symbol)
        if instrument is None:
            return "the rules of its symbol cannot be read"
        fees = [trade.commission for trade in trades if trade.commission_asset == instrument.base]
        return told - sum(fees, ZERO)

    # -- sales -------------------------------------------------------------------------------------------------

    def _order(self, key: Key, symbol: Symbol, quantity: Decimal) -> OrderRequest:
        return OrderRequest(
            symbol=symbol,
            side=Side.SELL,
            type=OrderType.MARKET,
            client_order_id=client_order_id(key[0], key[1], Leg.EXIT, self._next()),
            quantity=quantity,
        )

    def _was_sold(self, key: Key, name: ClientOrderId, symbol: Symbol, quantity: Decimal) -> None:
        self._sold.append(Sold(name, symbol, quantity))
        self._done[key] = None

    def _part(self, symbol: Symbol, quantity: Decimal) -> Decimal:
        """What of a quantity one market order may sell."""
        instrument = self._instruments.get(symbol)
        return ZERO if instrument is None else instrument.floor_market_quantity(quantity)

    async def _close(self, view: OrderView, key: Key) -> None:
        """Sell what a stop protects, in one request: both happen or neither."""
        quantity = (view.quantity or ZERO) - view.executed_quantity
        part = self._part(view.symbol, quantity)
        if not part:
            self._trouble[view.client_order_id] = "its quantity cannot be sold at market"
            return
        order = self._order(key, view.symbol, part)
        request = CancelReplaceRequest(
            mode=CancelReplaceMode.STOP_ON_FAILURE, cancel=self._cancel_of(view), order=order
        )
        async with self._slots:
            self._last_sent = asyncio.get_running_loop().time()
            outcome = await self._rest.call(encoded(request), Lane.EXIT, recv_window_ms=RECV_WINDOW_MS)
        if isinstance(outcome, Answered):
            self._cancelled[view.client_order_id] = None
            self._was_sold(key, order.client_order_id, view.symbol, part)
            if self._part(view.symbol, quantity - part):
                self._sales[key] = _Sale(view.symbol, quantity - part)
        elif isinstance(outcome, Refused) and _is_naked(outcome):
            self._cancelled[view.client_order_id] = None
            self._sales[key] = _Sale(view.symbol, quantity)
        elif isinstance(outcome, Unknown):
            self._sales[key] = _Sale(view.symbol, quantity, order.client_order_id, self._last_sent)
        else:
            self._trouble[view.client_order_id] = why(outcome)

    async def _settle(self, key: Key, has_stop: bool) -> None:
        """Find out about a sale in doubt, or make one that is to be made."""
        sale = self._sales[key]
        if sale.sent_at:
            await self._find(key, sale, has_stop)
        elif has_stop:
            del self._sales[
                key
            ]  # a service has protected it meanwhile: sold with its stop, in the next round
        else:
            await self._sell(key, sale)

    async def _find(self, key: Key, sale: _Sale, has_stop: bool) -> None:
        request = queries.order_status(sale.symbol, client_order_id=sale.name)
        found = read(await self._rest.call(request, Lane.EXIT), decode_order)
        if isinstance(found, OrderView):
            self._was_sold(key, sale.name, sale.symbol, found.executed_quantity)
            rest = sale.quantity - found.executed_quantity
            del self._sales[key]
            if self._part(sale.symbol, rest):
                self._sales[key] = _Sale(sale.symbol, rest)
            return
        self._trouble[sale.name] = f"its sale is in doubt: {why(found)}"
        if not isinstance(found, Refused) or found.code != NOT_FOUND:
            return
        if asyncio.get_running_loop().time() - sale.sent_at < ABSENT_AFTER_S:
            return
        sale.absent += 1
        if sale.absent > 1:
            del self._sales[key]
            if not has_stop:
                self._sales[key] = _Sale(sale.symbol, sale.quantity)

    async def _sell(self, key: Key, sale: _Sale) -> None:
        if sale.symbol not in self._instruments:
            return  # how much may be sold cannot be said yet
        part = self._part(sale.symbol, sale.quantity)
        if not part or sale.refusals >= SALES_MAX:
            del self._sales[key]
            because = "too small to be sold" if not part else "its sale was refused again and again"
            self._notes.append(Left(f"{sale.quantity:f} of {sale.symbol}", because))
            return
        order = self._order(key, sale.symbol, part)
        async with self._slots:
            self._last_sent = asyncio.get_running_loop().time()
            outcome = await self._rest.call(encoded(order), Lane.EXIT, recv_window_ms=RECV_WINDOW_MS)
        if isinstance(outcome, Answered):
            self._was_sold(key, order.client_order_id, sale.symbol, part)
            sale.quantity -= part
            if not self._part(sale.symbol, sale.quantity):
                del self._sales[key]
        elif isinstance(outcome, Unknown):
            sale.name, sale.sent_at, sale.absent = order.client_order_id, self._last_sent, 0
        else:
            sale.refusals += isinstance(outcome, Refused)
            self._trouble[order.client_order_id] = why(outcome)


def _may_have_bought(answer: Outcome, order_id: int) -> bool:
    """Whether the answer to a cancel, if there is one, does not say that nothing was executed."""
    told = read(answer, decode_cancel)
    if isinstance(told, CancelReply):
        return bool(told.executed_quantity)
    if isinstance(told, OrderList):
        reports = [one for one in told.order_reports or () if one.order_id == order_id]
        return not reports or reports[0].executed_quantity != ZERO
    return True


def _in_letters(number: int) -> str:
    """A number ≥ 0 in base 36, which takes less room in an id."""
    text = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text or "0"


def _is_naked(refusal: Refused) -> bool:
    """Whether a cancelReplace cancelled the stop and sold nothing (-2021)."""
    data = refusal.data
    return isinstance(data, CancelReplaceReply) and data.cancel_result == "SUCCESS"
