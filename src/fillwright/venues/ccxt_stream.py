"""What an account's stream says, through ccxt.pro, or through reading again and again where there is no stream.

ccxt.pro keeps what it hears in caches and wakes whoever watches; two messages in a row wake once. So the caches are
looked through after every message, and what is new in them is told: nothing is lost between two looks.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import localcontext
from typing import Any

import structlog

from fillwright.core.inputs import BalanceReport, FillReport, Input, StreamChanged
from fillwright.core.types import CONTEXT, MILLISECOND, SECOND, Asset, Symbol, Time
from fillwright.ports import Clock, Reports
from fillwright.venues.ccxt_client import CcxtClient
from fillwright.venues.ccxt_errors import ORDER_NOT_FOUND, CallFailed
from fillwright.venues.ccxt_reading import Reader
from fillwright.venues.ccxt_words import Structure, balances_of, fill_of, report_of
from fillwright.wire.codec import WireError

BACK_OFF_FIRST: Time = 500 * MILLISECOND
BACK_OFF_MAX: Time = 30 * SECOND
SEEN_MAX = 4_000
"""Orders and trades that are remembered as told: several times what ccxt keeps; the oldest are forgotten."""
UP_MAX_S = 30.0
"""So long a stream may take to come up, and one round of reading where there is none."""
TRIES_MAX = 3
"""A stream that has not come up so often is done without: the account is read again and again until that fails."""
END_MAX_S = 1.0
"""So long it is waited for what was cancelled."""
_LOOK_EVERY_S = 0.02
"""How often a stream that is being set up is looked at."""
_FINGERPRINT = ("status", "filled", "amount", "price", "clientOrderId")
_WATCHES = {
    "watchOrders": "watch_orders",
    "watchMyTrades": "watch_my_trades",
    "watchBalance": "watch_balance",
}


class News:
    """Finds what is new in ccxt's caches of orders, trades and balances."""

    def __init__(self, symbols: Mapping[str, Symbol], now: Callable[[], Time]) -> None:
        self._symbols, self._now = symbols, now
        self._orders: dict[tuple[str, str], tuple[object, ...]] = {}
        self._trades: dict[tuple[str, str], None] = {}
        self._unplaced: dict[tuple[str, str], list[FillReport]] = {}
        """Executions of orders that nothing was heard of yet."""
        self._held: dict[Asset, tuple[object, object]] = {}

    def look(
        self, orders: Iterable[Structure], trades: Iterable[Structure], balance: Structure | None
    ) -> list[Input]:
        """What has happened since the last look, oldest first; WireError for what cannot be understood."""
        fills = self._unplaced
        for trade in trades:
            token = str(trade.get("symbol")), str(trade.get("id"))
            if token not in self._trades and token[0] in self._symbols:
                self._trades[token] = None
                fills.setdefault((token[0], str(trade.get("order"))), []).append(fill_of(trade, self._now()))
        told: list[Input] = []
        for order in orders:
            token = str(order.get("symbol")), str(order.get("id"))
            print_of = tuple([order.get(name) for name in _FINGERPRINT])
            if token[0] not in self._symbols or (self._orders.get(token) == print_of and token not in fills):
                continue
            self._orders.pop(token, None)
            self._orders[token] = print_of
            news = tuple(fills.pop(token, ()))
            told.append(report_of(order, self._symbols[token[0]], news, self._now(), "stream"))
        memories: tuple[dict[tuple[str, str], Any], ...] = (self._orders, self._trades, fills)
        for memory in memories:
            while len(memory) > SEEN_MAX:
                del memory[next(iter(memory))]
        changed = self._changed(balance)
        return [*told, changed] if changed is not None else told

    def _changed(self, balance: Structure | None) -> BalanceReport | None:
        lines = balances_of(balance) if balance else ()
        changed = [line for line in lines if self._held.get(line[0]) != line[1:]]
        self._held.update({asset: (free, locked) for asset, free, locked in changed})
        return BalanceReport(tuple(changed), self._now()) if changed else None


class CcxtStream:
    """The stream of one account; ``run`` it while the venue is open."""

    def __init__(
        self, client: CcxtClient, reader: Reader, clock: Clock, *, draw: random.Random | None = None
    ) -> None:
        self.unreadable = 0
        """Messages that could not be understood: the books were read anew."""
        self._client, self._reader, self._clock = client, reader, clock
        self._draw = draw or random.Random()
        self._news = News(reader.symbols, clock.now)
        self._reports: Reports | None = None
        self._is_up = False
        self._log = structlog.get_logger()

    async def run(self, reports: Reports) -> None:
        """Hand on what is heard until cancelled; StreamChanged tells when the stream breaks and is back."""
        exchange = self._client.exchange
        handle = exchange.handle_message

        def handled(*arguments: Any) -> Any:
            answer = handle(*arguments)
            self._look()
            return answer

        exchange.handle_message = handled
        self._reports = reports
        failures = 0
        try:
            while True:
                why = await self._session(by_reading=failures >= TRIES_MAX)
                await self._client.hang_up()
                failures = 0 if self._is_up else failures + 1
                if self._is_up:
                    self._tell_state(False, why)
                pause = min(BACK_OFF_FIRST << min(failures, 10), BACK_OFF_MAX)
                pause = pause // 2 + int(self._draw.random() * pause / 2)
                await self._clock.sleep_until(self._clock.now() + pause)
        finally:
            self._reports, self._is_up = None, False
            exchange.handle_message = handle

    def _tell_state(self, is_up: bool, why: str) -> None:
        self._is_up = is_up
        self._log.info("the stream is up" if is_up else "the stream is down", reason=why)
        if self._reports is not None:
            self._reports((StreamChanged(is_up, why),))

    async def _session(self, *, by_reading: bool = False) -> str:
        """Watch until something fails; why it did. ``by_reading``: as if there were no stream."""
        watched = [call for name, call in _WATCHES.items() if self._client.has(name) and not by_reading]
        jobs: list[Awaitable[str]]
        if _WATCHES["watchOrders"] in watched:
            jobs = [self._until_failure(self._watched(call)) for call in watched]
            if _WATCHES["watchBalance"] not in watched:
                jobs.append(self._until_failure(self._polled(balances_only=True)))
        else:
            jobs = [self._until_failure(self._polled(balances_only=False))]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        has_stream = _WATCHES["watchOrders"] in watched
        settled = asyncio.ensure_future(self._settled()) if has_stream else None
        everything = [*tasks, *([settled] if settled else [])]
        try:
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED, timeout=UP_MAX_S)
            if not any(task.done() for task in tasks):
                if settled is not None and not settled.done():
                    return f"no stream after {UP_MAX_S:g} s"
                if settled is not None:
                    self._tell_state(True, "the exchange's streams")
                    self._look()
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task.result() for task in tasks if task.done())
        finally:
            for task in everything:
                task.cancel()
            await asyncio.wait(everything, timeout=END_MAX_S)

    async def _until_failure(self, work: Awaitable[None]) -> str:
        try:
            await work
        except CallFailed as error:
            return str(error)
        except TimeoutError:
            return f"a round of reading took longer than {UP_MAX_S:g} s"
        return "the stream has ended"

    async def _watched(self, call: str) -> None:
        while True:
            await self._client.call(call)

    async def _settled(self) -> None:
        """Wait until all connections have been there for a while."""
        quiet_since: float | None = None
        loop = asyncio.get_running_loop()
        while True:
            lines = list(self._client.exchange.clients.values())
            if lines and all(line.isConnected for line in lines):
                quiet_since = quiet_since or loop.time()
                if loop.time() - quiet_since >= self._client.settings.settle_ms / 1_000:
                    return
            else:
                quiet_since = None
            await asyncio.sleep(_LOOK_EVERY_S)

    # -- what ccxt keeps -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._is_up or self._reports is None:
            return
        exchange = self._client.exchange
        with localcontext(CONTEXT):  # whoever has called is ccxt, with a context of its own
            self._tell(exchange.orders or (), exchange.myTrades or (), _spot(exchange.balance))

    def _tell(
        self, orders: Iterable[Structure], trades: Iterable[Structure], balance: Structure | None
    ) -> None:
        assert self._reports is not None
        try:
            orders = list(orders)
            for order in orders:
                self._reader.remember(order)
            told = self._news.look(orders, trades, balance)
        except (WireError, LookupError, TypeError, ValueError) as error:
            self.unreadable += 1
            self._log.error("news cannot be read: the books are read anew", reason=str(error))
            missed = "news could not be read"
            self._reports((StreamChanged(False, missed), StreamChanged(True, missed)))
            return
        if told:
            self._reports(told)

    # -- an exchange without streams -----------------------------------------------------------------------------

    async def _polled(self, *, balances_only: bool) -> None:
        """Read again and again what is open, what was open, and the balances."""
        while True:
            async with asyncio.timeout(UP_MAX_S):
                await self._read_round(balances_only=balances_only)
            await self._clock.sleep_until(self._clock.now() + self._client.settings.poll_ms * MILLISECOND)

    async def _read_round(self, *, balances_only: bool) -> None:
        """Read once: balances, what is open, and what was heard of and is not open any more."""
        balance = await self._client.call("fetch_balance")
        orders: list[Structure] = []
        if not balances_only:
            known = dict(self._reader.working)
            orders = [order for _, order in await self._reader.open_orders(None)]
            opened = {str(order["id"]) for order in orders}
            orders += [
                order
                for own, symbol in known.items()
                if own not in opened and (order := await self._ended(own, symbol)) is not None
            ]
            if not self._is_up:
                self._tell_state(True, "read again and again")
        if self._is_up:
            self._tell(orders, (), balance)

    async def _ended(self, own: str, symbol: Symbol) -> Structure | None:
        """An order that is not open any more; None when the exchange does not know it."""
        try:
            order = await self._client.call("fetch_order", own, self._reader.market(symbol)["symbol"])
        except CallFailed as error:
            if error.failure.kind != ORDER_NOT_FOUND:
                raise
            self._reader.working.pop(own, None)
            return None
        return dict(order)


def _spot(balance: Any) -> Structure | None:
    """The part of ccxt's balances that is Spot's: exchanges with several kinds of accounts keep each apart."""
    if not isinstance(balance, Mapping):
        return None
    part = balance.get("spot", balance)
    return part if isinstance(part, Mapping) and "free" in part else None
