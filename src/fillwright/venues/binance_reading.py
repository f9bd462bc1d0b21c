"""How an account's books are read at Binance: orders with their executions, balances, symbols.

A read that fails is tried again, later each time, until it is cancelled: the core waits for what it asked. What cannot
be understood is left out and said in the log, so that it stays unknown. Sources: Binance Spot REST "Account endpoints",
"General endpoints".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
import structlog

from fillwright.binance.outcomes import Failed, Outcome, Refused, Unknown, Unsent, read
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder
from fillwright.core.inputs import (
    FillReport,
    OrderAbsent,
    OrderReport,
    UpdateInstruments,
    VenueSnapshot,
)
from fillwright.core.instruments import Instrument
from fillwright.core.types import (
    FOREIGN_STOP,
    MILLISECOND,
    MINUTE,
    SECOND,
    ZERO,
    Asset,
    ClientOrderId,
    Symbol,
    Time,
)
from fillwright.ports import Clock
from fillwright.venues.wire_reports import from_trades, from_view
from fillwright.wire import queries
from fillwright.wire.accounts import Account, Trade, decode_account, decode_trades
from fillwright.wire.codec import WireError
from fillwright.wire.exchange_info import ExchangeInfo, ExchangeInfoError, parse_exchange_info
from fillwright.wire.orders import OrderView, decode_each_order, decode_order
from fillwright.wire.requests import WireRequest

Body = bytes | msgspec.Raw
Ask = Callable[[WireRequest, int], Awaitable[Outcome]]
"""Asks once; the number of the attempt, from 0, lets another way be tried."""
Balances = tuple[tuple[Asset, Decimal, Decimal], ...]
Decoded = TypeVar("Decoded")

READ_AGAIN_FIRST: Time = 500 * MILLISECOND
READ_AGAIN_MAX: Time = 10 * SECOND
READS_AT_ONCE = 8
"""Single orders of one snapshot that are asked about together."""
NEWEST_FROM = 8
"""So many orders of one symbol are looked up among its newest orders and executions (weight 20 each); fewer are asked
about one by one (4, and 5 for its executions)."""
READ_ANEW_MAX = 3
"""So often an order is read again that was executed further between its own read and that of its executions."""
FLAG_SYMBOLS: tuple[Symbol, ...] = ("BTCUSDT", "BTCUSDC", "ETHUSDT", "ETHBTC")
"""Where the stop by keys leaves its sign if it knows of no symbol that services trade."""
HISTORIES_MAX = 8
"""Symbols whose history one snapshot looks through (weight 20 each)."""
HISTORY_PAGES_MAX = 5
HISTORY_MARGIN: Time = MINUTE
"""Looked back further by this, since clocks differ."""
NO_SUCH_ORDER, ARCHIVED, BAD_SYMBOL = -2013, -2026, -1121
_NO_SUCH_SYMBOL = frozenset({BAD_SYMBOL})
_NOT_THERE = frozenset({NO_SUCH_ORDER, ARCHIVED}) | _NO_SUCH_SYMBOL
"""Of a symbol that Binance does not have any more there is no order either."""


def decode_information(body: Body) -> ExchangeInfo:
    """Read exchangeInfo; WireError when it is none."""
    try:
        return parse_exchange_info(bytes(body))
    except ExchangeInfoError as error:
        raise WireError(str(error)) from error


def why(failed: Failed) -> str:
    """What is wrong, for people."""
    if isinstance(failed, Refused):
        return f"{failed.message} ({failed.code}, HTTP {failed.http_status})"
    return failed.why


def _name(view: OrderView) -> ClientOrderId:
    return view.client_order_id


def _questions(asked: FetchSnapshot) -> list[QueryOrder]:
    """About each order that was named; of one whose symbol nobody tells nothing is said."""
    names = asked.client_order_ids
    symbols = asked.symbols if asked.symbol is None else [asked.symbol] * len(names)
    numbers = asked.order_ids or [0] * len(names)
    cancels = asked.cancel_ids or [""] * len(names)
    rows = zip(names, symbols, numbers, cancels, strict=False)
    return [
        QueryOrder(symbol, name, number or None, cancel_id=cancel) for name, symbol, number, cancel in rows
    ]


class Reader:
    """Reads for one account."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self.known: dict[Asset, None] = {}
        """Assets that are told of even when nothing is left of them."""
        self.watched: tuple[Symbol, ...] = ()
        """Symbols that are traded; of the first the history is looked through for the stop by keys."""
        self.on_found: Callable[[OrderView], None] = lambda view: None
        """Told of each order that is read."""
        self._ask = ask
        self._clock = clock
        self._log = structlog.get_logger()

    # -- effects -----------------------------------------------------------------------------------------------

    async def about(self, asked: QueryOrder) -> OrderReport | OrderAbsent | None:
        """One order with all its executions, by Binance's number if known, then by our id, then its cancel's.

        None: it is there, and cannot be understood.
        """
        view = None
        if asked.order_id:
            view = await self._order(asked.symbol, order_id=asked.order_id)
        if view is None:
            view = await self._order(asked.symbol, client_order_id=asked.client_order_id)
        if view is None and asked.cancel_id:
            view = await self._order(asked.symbol, client_order_id=asked.cancel_id)
        if view is None:
            return OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)
        # By its number an order is found that shows its cancel's id.
        return await self._reported(view, asked.client_order_id)

    async def newest(self, symbol: Symbol) -> Sequence[OrderView]:
        """The newest orders of a symbol, ended ones too, a thousand at most."""
        return await self._read(queries.all_orders(symbol), self._orders, _NO_SUCH_SYMBOL) or ()

    async def reported(self, view: OrderView) -> OrderReport | None:
        """An order with its executions; None: it cannot be understood."""
        return await self._reported(view)

    def without_fills(self, view: OrderView) -> OrderReport | None:
        """An order as it was read, its executions in sum alone; None: it cannot be understood."""
        try:
            return from_view(view)
        except WireError as error:
            self._log.error("an order cannot be understood", reason=str(error))
            return None

    async def snapshot(self, asked: FetchSnapshot) -> VenueSnapshot:
        """Open orders, those that were named, and balances."""
        views = await self._read(queries.open_orders(asked.symbol), self._orders, _NO_SUCH_SYMBOL) or ()
        stops = [*map(_name, views), *(await self._history(asked) if asked.since else ())]
        told = await self._all([self._reported(view) for view in views])
        reports = [report for report in told if report is not None]
        seen = {report.client_order_id for report in reports}
        named = [question for question in _questions(asked) if question.client_order_id not in seen]
        others = await self._all_about(named)
        held = await self.balances() if asked.balances else ()
        return VenueSnapshot(
            symbol=asked.symbol,
            orders=(*reports, *[one for one in others if isinstance(one, OrderReport)]),
            time=self._clock.now(),
            balances=held,
            absent=tuple([one.client_order_id for one in others if isinstance(one, OrderAbsent)]),
            cause=asked.cause,
            foreign_stops=tuple(dict.fromkeys([name for name in stops if name.startswith(FOREIGN_STOP)])),
        )

    async def _history(self, asked: FetchSnapshot) -> list[ClientOrderId]:
        """Names of the orders that were made since the stream was lost, and nobody told us of."""
        symbols = [*dict.fromkeys([*self.watched[:1], *FLAG_SYMBOLS, *asked.symbols])][:HISTORIES_MAX]
        since_ms = max(asked.since - HISTORY_MARGIN, 0) // MILLISECOND
        pages = await self._all([self._made_since(symbol, since_ms) for symbol in symbols])
        return [name for page in pages for name in page]

    async def _made_since(self, symbol: Symbol, since_ms: int) -> list[ClientOrderId]:
        names: list[ClientOrderId] = []
        request = queries.all_orders(symbol, start_time_ms=since_ms)
        for _ in range(HISTORY_PAGES_MAX):
            page = await self._read(request, self._orders, _NO_SUCH_SYMBOL) or ()
            names += map(_name, page)
            if len(page) < queries.TRADES_MAX:
                return names
            request = queries.all_orders(symbol, from_order_id=page[-1].order_id + 1)
        self._log.warning("a history is too long to be looked through", symbol=symbol, orders=len(names))
        return names

    async def balances(self) -> Balances:
        """What the account holds; of what it is known to have held, zeros too."""
        account = await self._read(queries.account_status(), decode_account)
        assert account is not None
        return self.of_account(account)

    def of_account(self, account: Account) -> Balances:
        """The balances of an account that was read."""
        held = {line.asset: (line.free, line.locked) for line in account.balances}
        lines = [(asset, free, locked) for asset, (free, locked) in held.items() if free or locked]
        self.known.update(dict.fromkeys([asset for asset, _, _ in lines]))
        return (*lines, *[(asset, ZERO, ZERO) for asset in self.known if not any(held.get(asset, ()))])

    async def instruments(self, asked: FetchInstruments) -> UpdateInstruments:
        """Symbols as they are described now; those that Binance does not have are left out."""
        found = await self._described(asked.symbols)
        if found is None:
            alone = [await self._described((symbol,)) for symbol in asked.symbols]
            found = [one for part in alone if part is not None for one in part]
        return UpdateInstruments(tuple(found))

    async def _described(self, symbols: tuple[Symbol, ...]) -> list[Instrument] | None:
        """None: one of them does not exist."""
        request = queries.exchange_information(symbols)
        info = await self._read(request, decode_information, _NO_SUCH_SYMBOL)
        if info is None:
            return None
        return [info.instruments[symbol] for symbol in symbols if symbol in info.instruments]

    # -- orders ------------------------------------------------------------------------------------------------

    async def _all_about(self, named: Sequence[QueryOrder]) -> list[OrderReport | OrderAbsent | None]:
        """Many orders: after a time without a stream hundreds may have ended, and each question can be lost."""
        counts = Counter([question.symbol for question in named])
        many = [symbol for symbol, count in counts.items() if count >= NEWEST_FROM]
        pages = await self._all([self._newest(symbol) for symbol in many])
        newest = {
            (view.symbol, view.client_order_id): (view, fills) for page in pages for view, fills in page
        }

        async def one(question: QueryOrder) -> OrderReport | OrderAbsent | None:
            found = newest.get((question.symbol, question.client_order_id))
            if found is None:
                return await self.about(question)
            return await self._reported(found[0], question.client_order_id, found[1])

        return await self._all([one(question) for question in named])

    async def _newest(self, symbol: Symbol) -> list[tuple[OrderView, tuple[FillReport, ...]]]:
        """A symbol's newest orders, oldest first, with those of its newest executions that are theirs."""
        views = await self._read(queries.all_orders(symbol), self._orders, _NO_SUCH_SYMBOL) or ()
        trades: dict[int, list[Trade]] = {}
        for trade in await self._read(queries.my_trades(symbol), decode_trades, _NO_SUCH_SYMBOL) or ():
            trades.setdefault(trade.order_id, []).append(trade)
        return [(view, from_trades(trades.get(view.order_id, ()))) for view in views]

    def _orders(self, body: Body) -> tuple[OrderView, ...]:
        """Orders without those that cannot be read: one that somebody made by hand must not hide all others."""
        views, wrong = decode_each_order(body)
        for reason in wrong:
            self._log.error("an order cannot be read: it is left out", reason=reason)
        return views

    async def _order(
        self, symbol: Symbol, *, order_id: int | None = None, client_order_id: ClientOrderId | None = None
    ) -> OrderView | None:
        request = queries.order_status(symbol, order_id=order_id, client_order_id=client_order_id)
        return await self._read(request, decode_order, _NOT_THERE)

    async def _reported(
        self, view: OrderView, name: ClientOrderId = "", fills: tuple[FillReport, ...] = ()
    ) -> OrderReport | None:
        """An order with its executions; None when a word in it is not known, as of an order type new at Binance.

        ``fills``: executions that were read already; unless they are all of them, they are read again.
        """
        self.on_found(view)
        if view.executed_quantity != sum((fill.quantity for fill in fills), ZERO):
            fills = await self._fills(view.symbol, view.order_id)
            for _ in range(READ_ANEW_MAX):  # both are to tell of one moment
                if sum((fill.quantity for fill in fills), ZERO) <= view.executed_quantity:
                    break
                view = await self._order(view.symbol, order_id=view.order_id) or view
        try:
            return from_view(view, fills, name)
        except WireError as error:
            self._log.error("an order cannot be understood: it is left out", reason=str(error))
            return None

    async def _fills(self, symbol: Symbol, order_id: int) -> tuple[FillReport, ...]:
        """All executions of an order: the newest, and when there may be more all of them from the first, in pages."""
        page = await self._trades(symbol, order_id, None)
        if len(page) < queries.TRADES_MAX:
            return from_trades(page)
        fills: list[FillReport] = []
        first = 0
        while True:
            page = await self._trades(symbol, order_id, first)
            fills += from_trades(page)
            if len(page) < queries.TRADES_MAX:
                return tuple(fills)
            first = page[-1].trade_id + 1

    async def _trades(self, symbol: Symbol, order_id: int, first: int | None) -> tuple[Trade, ...]:
        request = queries.my_trades(symbol, order_id=order_id, from_id=first)
        return await self._read(request, decode_trades, _NO_SUCH_SYMBOL) or ()

    # -- in common ---------------------------------------------------------------------------------------------

    async def _all(self, reads: Sequence[Awaitable[Decoded]]) -> list[Decoded]:
        """Some at a time, in their order."""
        places = asyncio.Semaphore(READS_AT_ONCE)

        async def one(reading: Awaitable[Decoded]) -> Decoded:
            async with places:
                return await reading

        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(one(reading)) for reading in reads]
        return [task.result() for task in started]

    async def _read(
        self,
        request: WireRequest,
        decode: Callable[[Body], Decoded],
        absent: frozenset[int] = frozenset(),
    ) -> Decoded | None:
        """An answer, however often it must be asked for; None when it is one of these refusals."""
        attempt = 0
        while True:
            answer = read(await self._ask(request, attempt), decode)
            if not isinstance(answer, Refused | Unknown | Unsent):
                return answer
            if isinstance(answer, Refused) and answer.code in absent:
                return None
            wait_ms = 0 if isinstance(answer, Unknown) else answer.retry_after_ms
            pause = min(READ_AGAIN_FIRST << min(attempt, 10), READ_AGAIN_MAX)
            attempt += 1
            self._log.warning("a read failed", asked=request.method, attempt=attempt, reason=why(answer))
            await self._clock.sleep_until(self._clock.now() + max(pause, wait_ms * MILLISECOND))
