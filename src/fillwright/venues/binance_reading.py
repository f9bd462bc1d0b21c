"""How an account's books are read at Binance: orders with their executions, balances, symbols.

A read that fails is tried again, later each time, until it is cancelled: the core waits for what it asked. What cannot
be understood is left out and said in the log, so that it stays unknown. Sources: Binance Spot REST "Account endpoints",
"General endpoints".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
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
from fillwright.core.types import MILLISECOND, SECOND, ZERO, Asset, ClientOrderId, Symbol, Time
from fillwright.ports import Clock
from fillwright.venues.wire_reports import from_trades, from_view
from fillwright.wire import queries
from fillwright.wire.accounts import Account, decode_account, decode_trades
from fillwright.wire.codec import WireError
from fillwright.wire.exchange_info import ExchangeInfo, ExchangeInfoError, parse_exchange_info
from fillwright.wire.orders import OrderView, decode_order, decode_orders
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
NO_SUCH_ORDER, ARCHIVED, BAD_SYMBOL = -2013, -2026, -1121
_NOT_THERE = frozenset({NO_SUCH_ORDER, ARCHIVED})


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


class Reader:
    """Reads for one account."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self.known: dict[Asset, None] = {}
        """Assets that are told of even when nothing is left of them."""
        self.on_found: Callable[[OrderView], None] = lambda view: None
        """Told of each order that is read."""
        self._ask = ask
        self._clock = clock
        self._log = structlog.get_logger()

    # -- effects -----------------------------------------------------------------------------------------------

    async def about(self, asked: QueryOrder) -> OrderReport | OrderAbsent:
        """One order with all its executions, by Binance's number where it is known, then by our id."""
        view = None
        if asked.order_id:
            view = await self._order(asked.symbol, order_id=asked.order_id)
        if view is None:
            view = await self._order(asked.symbol, client_order_id=asked.client_order_id)
        if view is None:
            return OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)
        # By its number an order is found that shows its cancel's id.
        return await self._reported(view, asked.client_order_id)

    async def snapshot(self, asked: FetchSnapshot) -> VenueSnapshot:
        """Open orders, those that were named, and balances."""
        views = await self._read(queries.open_orders(asked.symbol), decode_orders) or ()
        reports = await self._all([self._reported(view) for view in views])
        seen = {report.client_order_id for report in reports}
        named = [
            QueryOrder(symbol, name) for name, symbol in self._symbols_of(asked).items() if name not in seen
        ]
        others = await self._all([self.about(question) for question in named])
        held = await self.balances() if asked.balances else ()
        return VenueSnapshot(
            symbol=asked.symbol,
            orders=(*reports, *[one for one in others if isinstance(one, OrderReport)]),
            time=self._clock.now(),
            balances=held,
            absent=tuple([one.client_order_id for one in others if isinstance(one, OrderAbsent)]),
            cause=asked.cause,
        )

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
        info = await self._read(request, decode_information, frozenset({BAD_SYMBOL}))
        if info is None:
            return None
        return [info.instruments[symbol] for symbol in symbols if symbol in info.instruments]

    # -- orders ------------------------------------------------------------------------------------------------

    async def _order(
        self, symbol: Symbol, *, order_id: int | None = None, client_order_id: ClientOrderId | None = None
    ) -> OrderView | None:
        request = queries.order_status(symbol, order_id=order_id, client_order_id=client_order_id)
        return await self._read(request, decode_order, _NOT_THERE)

    async def _reported(self, view: OrderView, name: ClientOrderId = "") -> OrderReport:
        """An order with its executions."""
        self.on_found(view)
        fills: tuple[FillReport, ...] = ()
        if view.executed_quantity != ZERO:
            fills = await self._fills(view.symbol, view.order_id)
        return from_view(view, fills, name)

    async def _fills(self, symbol: Symbol, order_id: int) -> tuple[FillReport, ...]:
        """All executions of an order, page by page."""
        fills: list[FillReport] = []
        first: int | None = None
        while True:
            request = queries.my_trades(symbol, order_id=order_id, from_id=first)
            page = await self._read(request, decode_trades) or ()
            fills += from_trades(page)
            if len(page) < queries.TRADES_MAX:
                return tuple(fills)
            first = page[-1].trade_id + 1

    def _symbols_of(self, asked: FetchSnapshot) -> dict[ClientOrderId, Symbol]:
        """Where to look for each order that was named; of one whose symbol nobody tells nothing is said."""
        names = asked.client_order_ids
        symbols: Iterable[Symbol] = asked.symbols
        if asked.symbol is not None:
            symbols = [asked.symbol] * len(names)
        return dict(zip(names, symbols, strict=False))

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
