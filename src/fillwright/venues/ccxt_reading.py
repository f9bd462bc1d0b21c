"""How an account's books are read through ccxt: orders with their executions, balances, symbols.

A read that fails is done again, later each time, until it is cancelled: the core waits for what it asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder
from fillwright.core.inputs import FillReport, OrderAbsent, OrderReport, UpdateInstruments, VenueSnapshot
from fillwright.core.instruments import Instrument
from fillwright.core.types import MILLISECOND, SECOND, STOP_TYPES, ZERO, Asset, ErrorClass, Symbol, Time
from fillwright.ports import Clock
from fillwright.venues.ccxt_client import CcxtClient
from fillwright.venues.ccxt_errors import ORDER_NOT_FOUND, CallFailed
from fillwright.venues.ccxt_words import (
    NotOffered,
    Structure,
    balances_of,
    fill_of,
    instrument_of,
    number,
    order_types_of,
    report_of,
    symbol_of,
    whole_id,
)
from fillwright.wire.codec import WireError

Balances = tuple[tuple[Asset, Any, Any], ...]

READ_AGAIN_FIRST: Time = 500 * MILLISECOND
READ_AGAIN_MAX: Time = 10 * SECOND
READS_AT_ONCE = 4
"""Single orders of one snapshot that are asked about together; ccxt itself waits for the exchange's rate."""
TRADES_MAX = 1_000
"""Executions on one page."""
WORKING_MAX = 1_000
"""Orders whose end is waited for; the oldest are forgotten, and found by the next reconciliation."""
_WORKING = (None, "open", "canceling")
_NEEDS_MORE = frozenset({"ArgumentsRequired", "NotSupported"})
"""ccxt's ways to say that an exchange cannot be asked like this."""


class Reader:
    """Reads for one account.

    Attributes:
        markets: ccxt's market of each symbol that is traded.
        symbols: our spelling of ccxt's.
        working: orders that were heard of and not of their end, by the venue's id: where there is no stream, they
            are asked about.
    """

    def __init__(self, client: CcxtClient, clock: Clock) -> None:
        self.markets: dict[Symbol, Structure] = {}
        self.symbols: dict[str, Symbol] = {}
        self.working: dict[str, Symbol] = {}
        self._client, self._clock = client, clock
        self._ids: dict[int, str] = {}
        """The venue's ids that are no numbers."""
        self._log = structlog.get_logger()

    # -- symbols -----------------------------------------------------------------------------------------------

    def learn(self, markets: Mapping[str, Structure]) -> tuple[Instrument, ...]:
        """Take up the markets that are traded; what cannot be understood is left out and said in the log."""
        wanted, found = self._client.settings.symbols, []
        for market in markets.values():
            if not market.get("spot") or (wanted and symbol_of(market) not in wanted):
                continue
            if not wanted and market.get("active") is False:
                continue
            try:
                found.append(self._instrument(market))
            except WireError as error:
                self._log.warning("a market is left out", market=market["symbol"], reason=str(error))
                continue
            self.markets[symbol_of(market)] = market
            self.symbols[market["symbol"]] = symbol_of(market)
        return tuple(found)

    def market(self, symbol: Symbol) -> Structure:
        """The market of a symbol as ccxt has it; NotOffered where the exchange has none."""
        found = self.markets.get(symbol)
        if found is None:
            raise NotOffered(f"{self._client.settings.exchange_id} has no {symbol} that is traded here")
        return found

    def _instrument(self, market: Structure) -> Instrument:
        exchange = self._client.exchange
        spot = (exchange.features or {}).get("spot") or {}
        types = order_types_of(spot.get("createOrder") or {}, exchange.has)
        stops = self._client.settings.stop_types
        if stops is not None:
            types = tuple([one for one in types if one not in STOP_TYPES or one in stops])
        return instrument_of(market, exchange.precisionMode, types)

    async def instruments(self, asked: FetchInstruments) -> UpdateInstruments:
        """Symbols as they are described now; those that the exchange does not have are left out."""
        markets = await self._read("load_markets", True)
        found = self.learn(markets)
        return UpdateInstruments(tuple([one for one in found if one.symbol in asked.symbols]))

    # -- orders ------------------------------------------------------------------------------------------------

    def id_of(self, order_id: int) -> str:
        """The venue's id of an order."""
        return self._ids.get(order_id, str(order_id))

    def remember(self, order: Structure, symbol: Symbol | None = None) -> None:
        """Keep the venue's id of an order whose number it is not, and whether it works."""
        own = str(order["id"])
        number_of = whole_id(own)
        if str(number_of) != own:
            self._ids[number_of] = own
        where = symbol or self.symbols.get(str(order.get("symbol")))
        if order.get("status") not in _WORKING:
            self.working.pop(own, None)
        elif where is not None:
            self.working[own] = where
            while len(self.working) > WORKING_MAX:
                del self.working[next(iter(self.working))]

    async def about(self, asked: QueryOrder) -> OrderReport | OrderAbsent:
        """One order with all its executions, by the venue's id where it is known, then by ours."""
        order = None
        if asked.order_id:
            order = await self._order(asked.symbol, self.id_of(asked.order_id), "")
        if order is None:
            order = await self._order(asked.symbol, None, asked.client_order_id)
        if order is None:
            return OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)
        return await self.reported(order, asked.symbol, asked.client_order_id)

    async def snapshot(self, asked: FetchSnapshot) -> VenueSnapshot:
        """Open orders, those that were named, and balances."""
        orders = await self.open_orders(asked.symbol)
        reports = await self._all([self.reported(order, symbol) for symbol, order in orders])
        seen = {report.client_order_id for report in reports}
        names = asked.client_order_ids
        symbols = asked.symbols if asked.symbol is None else (asked.symbol,) * len(names)
        named = [
            QueryOrder(symbol, name) for name, symbol in zip(names, symbols, strict=False) if name not in seen
        ]
        others = await self._all([self.about(question) for question in named])
        return VenueSnapshot(
            symbol=asked.symbol,
            orders=(*reports, *[one for one in others if isinstance(one, OrderReport)]),
            time=self._clock.now(),
            balances=await self.balances() if asked.balances else (),
            absent=tuple([one.client_order_id for one in others if isinstance(one, OrderAbsent)]),
            cause=asked.cause,
        )

    async def open_orders(self, symbol: Symbol | None) -> list[tuple[Symbol, Structure]]:
        """What is open in one symbol or in all that are traded."""
        if symbol is not None:
            orders = await self._read("fetch_open_orders", self.market(symbol)["symbol"])
        else:
            orders = await self._read("fetch_open_orders", absent=_NEEDS_MORE)
            if orders is None:  # this exchange is asked symbol by symbol
                parts = await self._all([self.open_orders(one) for one in self.markets])
                return [one for part in parts for one in part]
        return [(self.symbols[order["symbol"]], order) for order in orders if order["symbol"] in self.symbols]

    async def reported(self, order: Structure, symbol: Symbol, name: str = "") -> OrderReport:
        """An order with its executions."""
        self.remember(order, symbol)
        fills: tuple[FillReport, ...] = ()
        if number(order.get("filled")):
            fills = await self.fills(order, symbol)
        return report_of(order, symbol, fills, self._clock.now(), "query", name)

    async def fills(self, order: Structure, symbol: Symbol) -> tuple[FillReport, ...]:
        """All executions of an order; on Binance page by page, elsewhere as many as the exchange tells at once."""
        market, own = self.market(symbol)["symbol"], str(order["id"])
        call, first = ("fetch_order_trades", own) if self._client.has("fetchOrderTrades") else ("", "")
        found: dict[int, FillReport] = {}
        more: dict[str, Any] = {}
        while True:
            if call:
                page = await self._read(call, first, market, None, TRADES_MAX, more)
            else:
                page = await self._read("fetch_my_trades", market, order.get("timestamp"), TRADES_MAX)
                page = [one for one in page if str(one.get("order")) == own]
            fills = [fill_of(trade, self._clock.now()) for trade in page]
            found.update({fill.trade_id: fill for fill in fills})
            if len(page) < TRADES_MAX or not self._client.is_binance:
                return tuple(found.values())
            more = {"fromId": fills[-1].trade_id + 1}

    async def _order(self, symbol: Symbol, own: str | None, name: str) -> Structure | None:
        market = self.market(symbol)["symbol"]
        params = {} if own is not None else {"clientOrderId": name}
        order = await self._read("fetch_order", own, market, params, absent=_NEEDS_MORE | {ORDER_NOT_FOUND})
        if order is not None or own is not None or self._client.is_binance:
            return order if order is None or order.get("id") else None
        # Not every exchange is asked by our ids: then they are looked for among its orders.
        for call in ("fetch_open_orders", "fetch_closed_orders", "fetch_canceled_orders"):
            listed = await self._read(call, market, absent=_NEEDS_MORE)
            for one in listed or ():
                if one.get("clientOrderId") == name:
                    return dict(one)
        return None

    # -- balances ----------------------------------------------------------------------------------------------

    async def balances(self) -> Balances:
        """What the account holds, zeros left out save for what is traded."""
        return self.of_account(await self._read("fetch_balance"))

    def of_account(self, structure: Structure) -> Balances:
        """The balances of an account that was read."""
        traded = {market[side] for market in self.markets.values() for side in ("base", "quote")}
        few = traded if self._client.settings.symbols else frozenset()
        return tuple(
            [line for line in balances_of(structure) if line[1] != ZERO or line[2] != ZERO or line[0] in few]
        )

    # -- in common ---------------------------------------------------------------------------------------------

    async def _all(self, reads: Sequence[Any]) -> list[Any]:
        """Some at a time, in their order."""
        places = asyncio.Semaphore(READS_AT_ONCE)

        async def one(reading: Any) -> Any:
            async with places:
                return await reading

        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(one(reading)) for reading in reads]
        return [task.result() for task in started]

    async def _read(self, name: str, *arguments: Any, absent: frozenset[str] = frozenset()) -> Any:
        """An answer, however often it must be asked for; None when it is one of these refusals."""
        attempt = 0
        while True:
            try:
                return await self._client.call(name, *arguments)
            except CallFailed as error:
                failure = error.failure
            if failure.kind in absent:
                return None
            if failure.error_class is ErrorClass.CLOCK:
                await self.set_clock()
            pause = min(READ_AGAIN_FIRST << min(attempt, 10), READ_AGAIN_MAX)
            attempt += 1
            await self._clock.sleep_until(self._clock.now() + pause)

    async def set_clock(self) -> None:
        """Have ccxt look at the exchange's clock again, where it can; a failure is counted and left at that."""
        if self._client.has("fetchTime"):
            try:
                await self._client.call("load_time_difference")
            except CallFailed:
                return
