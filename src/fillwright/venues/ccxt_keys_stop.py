"""The emergency stop that needs keys alone, at an exchange through ccxt.

As ``keys_only_stop``, with what every exchange has: working entries and manual orders of ours are cancelled, protection
stays, or, to flatten, each stop is cancelled and what it protected is sold at market: two requests, for there is no one
request for it. Each round looks at what is open and does what that needs; an order that was to be cancelled is followed
until its end is known. A sale that nobody knows the end of is asked about, and made again only when it has been proven
absent; a position is sold once. A running service sees nothing of this: it has to be stopped as well. Trading rules §8.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import (
    SECOND,
    ZERO,
    ClientOrderId,
    ErrorClass,
    Leg,
    OrderType,
    Symbol,
    client_order_id,
    parse_client_order_id,
    plain,
)
from fillwright.ports import Clock, VenueUnavailableError
from fillwright.venues.ccxt_client import CcxtClient
from fillwright.venues.ccxt_errors import ORDER_NOT_FOUND, CallFailed
from fillwright.venues.ccxt_places import UnknownAddressError
from fillwright.venues.ccxt_reading import Reader
from fillwright.venues.ccxt_words import Structure, number
from fillwright.venues.keys_only_stop import (
    ABSENT_AFTER_S,
    LOOK_S,
    PAUSE_S,
    SALES_MAX,
    WATCH_S,
    WORK_MAX_S,
    Left,
    Sold,
    StopReport,
)
from fillwright.wire.codec import WireError

NO_FLAG = "no flag can be raised through ccxt: stop a running service as well"
AT_ONCE = 4
READ_MAX_S = 10.0
"""So long executions are read for."""
Key = tuple[str, int]
"""Tag and position."""


class _Ending(msgspec.Struct):
    """An order that is to be cancelled, until its end is known."""

    symbol: Symbol
    order: Structure
    name: ClientOrderId
    key: Key | None
    """None: not of a position of ours."""
    leg: Leg | None
    is_open: bool = True


class _Sale(msgspec.Struct):
    """Coins to be sold, or whose sale is in doubt (``sent_at`` above 0)."""

    market: str
    symbol: Symbol
    quantity: Decimal
    name: ClientOrderId = ""
    sent_at: float = 0.0
    absent: int = 0
    refusals: int = 0


class CcxtKeysStop:
    """One stop; ``client`` is opened and closed here. ``tag``: only orders of one ledger."""

    def __init__(
        self,
        client: CcxtClient,
        clock: Clock,
        *,
        flatten: bool,
        tag: str | None = None,
        external: bool = False,
        watch_s: float = WATCH_S,
        work_max_s: float = WORK_MAX_S,
    ) -> None:
        self._client, self._clock = client, clock
        self._reader = Reader(client, clock)
        self._flatten, self._tag, self._external = flatten, tag, external
        self._watch_s, self._work_max_s = watch_s, work_max_s
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._instruments: dict[Symbol, Instrument] = {}
        self._number = 0
        self._cancelled: dict[ClientOrderId, None] = {}
        self._sold: list[Sold] = []
        self._done: dict[Key, None] = {}
        """Positions that were sold: nothing more of them is, whatever rests in their name."""
        self._ending: dict[str, _Ending] = {}
        self._sales: dict[Key, _Sale] = {}
        self._kept: tuple[ClientOrderId, ...] = ()
        self._trouble: dict[str, str] = {}
        self._notes: list[Left] = []
        self._last_sent = 0.0

    async def run(self) -> StopReport:
        """Stop, verify, and watch; never raises for what goes wrong at the exchange."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        clean_at: float | None = None
        try:
            while loop.time() - began < self._work_max_s:
                if await self._looked():
                    clean_at = clean_at or loop.time()
                    if loop.time() >= max(self._last_sent, began) + self._watch_s:
                        break
                    await asyncio.sleep(min(LOOK_S, self._watch_s))
                else:
                    clean_at = None
                    await asyncio.sleep(PAUSE_S)
        finally:
            await self._client.close()
        for one in self._ending.values():
            self._trouble.setdefault(one.name, "its end is not known")
        for sale in self._sales.values():
            told = "its sale is in doubt" if sale.sent_at else "not sold"
            self._trouble.setdefault(sale.name or f"{sale.quantity:f} of {sale.symbol}", told)
        return StopReport(
            cancelled=tuple(self._cancelled),
            sold=tuple(self._sold),
            kept=self._kept,
            left=(*[Left(what, because) for what, because in self._trouble.items()], *self._notes),
            flag="",
            no_flag=NO_FLAG,
            clean_after_s=None if clean_at is None else clean_at - began,
            took_s=loop.time() - began,
        )

    # -- rounds ------------------------------------------------------------------------------------------------

    async def _looked(self) -> bool:
        """One round; what keeps it from being one is told as left."""
        try:
            if self._client.exchange is None:
                self._client.open()
            if not self._instruments:
                found = self._reader.learn(await self._client.call("load_markets"))
                self._instruments = {one.symbol: one for one in found}
            return await self._round()
        except (CallFailed, UnknownAddressError, VenueUnavailableError, WireError) as error:
            self._trouble["open orders"] = f"cannot be read: {error}"
            return False

    async def _round(self) -> bool:
        """Look at what is open and do what that needs; True when it needs nothing."""
        opened = await self._open_orders()
        self._trouble.clear()
        kept = []
        for one in self._ending.values():
            one.is_open = False
        for symbol, order in opened:
            name = str(order.get("clientOrderId") or order["id"])
            parsed = parse_client_order_id(name)
            if parsed is None and self._external:
                self._ending[str(order["id"])] = _Ending(symbol, order, name, None, None)
            if parsed is None or self._tag not in (None, parsed[0]):
                continue
            key, leg = (parsed[0], parsed[1]), parsed[2]
            is_guard = leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT)
            if is_guard:
                kept.append(name)
            if leg in (Leg.ENTRY, Leg.MANUAL) or (is_guard and self._flatten):
                self._ending[str(order["id"])] = _Ending(symbol, order, name, key, leg)
        self._kept = tuple(kept)
        work = [self._end(own, one) for own, one in [*self._ending.items()]]
        work += [self._settle(key) for key in [*self._sales]]
        await asyncio.gather(*work)
        return not work

    async def _open_orders(self) -> list[tuple[Symbol, Structure]]:
        """What is open in all symbols; one by one where an exchange wants it so."""
        try:
            orders = await self._client.call("fetch_open_orders")
        except CallFailed as error:
            if error.failure.kind not in ("ArgumentsRequired", "NotSupported"):
                raise
            orders = []
            for market in self._reader.markets.values():
                orders += await self._client.call("fetch_open_orders", market["symbol"])
        symbols = self._reader.symbols
        return [(symbols[one["symbol"]], one) for one in orders if one.get("symbol") in symbols]

    async def _ask(self, name: str, *arguments: object) -> tuple[Structure, CallFailed | None]:
        async with self._slots:
            if name in ("cancel_order", "create_order"):
                self._last_sent = asyncio.get_running_loop().time()
            try:
                return dict(await self._client.call(name, *arguments) or {}), None
            except CallFailed as error:
                return {}, error

    # -- cancels -----------------------------------------------------------------------------------------------

    async def _end(self, own: str, one: _Ending) -> None:
        """Cancel an order if it is open, and do what its end asks for once that is known."""
        market = one.order["symbol"]
        if one.is_open:
            _, failed = await self._ask("cancel_order", own, market)
            if failed is not None and failed.failure.kind != ORDER_NOT_FOUND:
                self._trouble[one.name] = str(failed)  # the next round sees what became of it
                return
        told, failed = await self._ask("fetch_order", own, market)
        status = told.get("status")
        if failed is not None or status in (None, "open", "canceling"):
            self._trouble[one.name] = str(failed or f"it is {status or 'in an unknown state'}")
            return
        del self._ending[own]
        if status != "closed":
            self._cancelled[one.name] = None
        executed = number(told.get("filled")) or ZERO
        if one.leg is Leg.ENTRY and one.key is not None and executed:
            await self._entered(one.key, one, told, executed)
        elif one.leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT) and one.key is not None:
            self._unguarded(one.key, one, (number(told.get("amount")) or ZERO) - executed)

    async def _entered(self, key: Key, one: _Ending, told: Structure, executed: Decimal) -> None:
        """An entry that was cancelled has bought something, which has no stop."""
        if not self._flatten:
            self._notes.append(Left(one.name, f"it bought {executed:f}, which has no stop"))
            return
        try:
            async with asyncio.timeout(READ_MAX_S):
                quantity = await self._bought(told, one.symbol, executed)
        except (TimeoutError, WireError, LookupError) as error:
            told_why = str(error) or "no answer"
            self._notes.append(
                Left(one.name, f"it bought {executed:f}, whose commissions cannot be read: {told_why}")
            )
            return
        self._sales[key] = _Sale(str(one.order["symbol"]), one.symbol, quantity)

    def _unguarded(self, key: Key, one: _Ending, quantity: Decimal) -> None:
        """What a stop protected is to be sold, unless it has been: a service may have placed the stop anew."""
        if key in self._done:
            return
        before = self._sales.get(key)
        if before is not None:  # another order of the same coins
            before.quantity = min(before.quantity, quantity)
        elif quantity > 0:
            self._sales[key] = _Sale(str(one.order["symbol"]), one.symbol, quantity)

    async def _bought(self, order: Structure, symbol: Symbol, executed: Decimal) -> Decimal:
        """What an entry has brought, its commissions in the coin itself taken off."""
        fills = await self._reader.fills(order, symbol)
        base = self._instruments[symbol].base
        return executed - sum([one.commission for one in fills if one.commission_asset == base], ZERO)

    # -- sales -------------------------------------------------------------------------------------------------

    async def _settle(self, key: Key) -> None:
        """Find out about a sale in doubt, or make one that is to be made."""
        sale = self._sales[key]
        if sale.sent_at:
            await self._find(key, sale)
        else:
            await self._sell(key, sale)

    async def _sell(self, key: Key, sale: _Sale) -> None:
        part = self._instruments[sale.symbol].floor_market_quantity(sale.quantity)
        if not part or sale.refusals >= SALES_MAX:
            del self._sales[key]
            because = "too small to be sold" if not part else "its sale was refused again and again"
            self._notes.append(Left(f"{sale.quantity:f} of {sale.symbol}", because))
            return
        self._number += 1
        attempt = self._clock.now() // SECOND % 10**9 * 10 + self._number
        name = client_order_id(key[0], key[1], Leg.EXIT, attempt)
        params = {"clientOrderId": name}
        _, failed = await self._ask(
            "create_order", sale.market, OrderType.MARKET.value.lower(), "sell", plain(part), None, params
        )
        if failed is None:
            self._was_sold(key, sale, name, part)
        elif failed.failure.error_class is ErrorClass.UNKNOWN:
            sale.name, sale.sent_at, sale.absent = name, asyncio.get_running_loop().time(), 0
        else:
            sale.refusals += failed.failure.error_class is ErrorClass.PERMANENT
            self._trouble[name] = str(failed)

    def _was_sold(self, key: Key, sale: _Sale, name: ClientOrderId, quantity: Decimal) -> None:
        self._sold.append(Sold(name, sale.symbol, quantity))
        self._done[key] = None
        sale.quantity -= quantity
        sale.name, sale.sent_at = "", 0.0
        if not self._instruments[sale.symbol].floor_market_quantity(sale.quantity):
            del self._sales[key]

    async def _find(self, key: Key, sale: _Sale) -> None:
        """By our id; an exchange that cannot be asked so leaves it in doubt."""
        params = {"clientOrderId": sale.name}
        told, failed = await self._ask("fetch_order", None, sale.market, params)
        if failed is None and told.get("id"):
            self._was_sold(key, sale, sale.name, number(told.get("filled")) or ZERO)
            return
        self._trouble[sale.name] = f"its sale is in doubt: {failed or 'nothing is told of it'}"
        is_absent = failed is not None and failed.failure.kind == ORDER_NOT_FOUND
        if is_absent and asyncio.get_running_loop().time() - sale.sent_at >= ABSENT_AFTER_S:
            sale.absent += 1
            if sale.absent > 1:
                sale.name, sale.sent_at = "", 0.0
