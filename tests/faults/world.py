"""One account of the live shell on the Binance venue against the box: real sockets, real journal, virtual time.

The stories and the judge are those of ``tests/sim``: what holds over a link in memory must hold over the wire. Faults
are the box's own, and so is the audit of its books.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.effects import Alert, Send
from fillwright.core.engine import Engine
from fillwright.core.inputs import Decision, Entry, Input, Signal, Size, SubmitSignal
from fillwright.core.positions import Position
from fillwright.core.requests import OrderRequest, Request
from fillwright.core.settings import ExecutionSettings, ReconciliationSettings
from fillwright.core.types import (
    SECOND,
    STOP_TYPES,
    Direction,
    Mode,
    OrderType,
    PositionDecision,
    SelfTradePrevention,
    Side,
    Symbol,
    SymbolStatus,
    Time,
    TimeInForce,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import OrderView
from fillwright.exchange.server.admin_messages import ChangeConnections, ConnectionAction
from fillwright.exchange.server.admin_service import add_fault, change_connections
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import Rule
from fillwright.exchange.server.server import Server, serve
from fillwright.exchange.settings import ExchangeSettings
from fillwright.ports import Owner, VenueEffect
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.errors import EngineStoppedError, NotReadyError
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import SqliteStore, open_store
from fillwright.venues.binance import BinanceSettings, BinanceVenue
from tests.binance.live_box import ed25519_signer
from tests.sim.harness import CASH, LITTLE, MUCH, SIZE, STOP, TARGET, make_settings
from tests.sim.judge import Judge
from tests.venues.box_kit import ACCOUNT, WIDE, box_clock, box_settings, place_of
from tests.warp import START, WarpClock, the_loop

D = Decimal
Levels = tuple[tuple[Decimal, Decimal], ...]
"""Prices and quantities, best first."""
SYMBOL: Symbol = "AAAUSDT"
OWNER = Owner(account_id=ACCOUNT, user_id="local", mode=Mode.TESTNET)
TAG = "sim"
READY_MAX_S = 120.0
LOOK_S, LOOK_SELDOM_S = 0.25, 2.0
"""How often it is noted what is in doubt and without a stop; seldom once the story is over and nothing is."""
STORY: Time = 75 * SECOND
RECONCILED_EVERY_S = 60
QUIET: Time = 150 * SECOND
"""Two periodic reconciliations, and every doubt's window, fit into this."""
FEE = D("0.001")
_WIRE = {
    "opo_allowed": "opoAllowed",
    "oto_allowed": "otoAllowed",
    "oco_allowed": "ocoAllowed",
    "order_types": "orderTypes",
}
_BY_THE_CLOCK = (ev.ReconciliationComplete, ev.ReconciliationStarted, ev.ProtectionRead, ev.EquityMarked)


def symbol_rows(
    symbols: Sequence[Symbol],
    changes: Mapping[str, Any],
    own: Mapping[Symbol, Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Symbols of exchangeInfo as ``tests.sim`` has them; changes in the names of Instrument, of all and of one."""
    return {one: _row(one, {**changes, **(own or {}).get(one, {})}) for one in symbols}


def _row(symbol: Symbol, changes: Mapping[str, Any]) -> dict[str, Any]:
    filters = {
        "PERCENT_PRICE_BY_SIDE": WIDE,
        "LOT_SIZE": {"minQty": "0.0001", "maxQty": "9000", "stepSize": "0.0001"},
        "MARKET_LOT_SIZE": {"minQty": "0", "maxQty": "9000", "stepSize": "0"},
        "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": changes.get("algo_orders_max", 20)},
    }
    wire = {_WIRE[name]: value for name, value in changes.items() if name in _WIRE}
    return {"baseAsset": symbol.removesuffix("USDT"), "filters": filters, **wire}


class _Venue:
    """The venue, and a note of every request that is sent."""

    def __init__(self, venue: BinanceVenue, sent: Callable[[Request], None]) -> None:
        self._venue, self._sent = venue, sent
        self.account_id = venue.account_id
        self.open, self.run, self.close = venue.open, venue.run, venue.close

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        if isinstance(effect, Send):
            self._sent(effect.request)
        return await self._venue.carry_out(effect)


class _Link:
    """What stories of ``tests.sim`` ask of their link."""

    def __init__(self, world: BoxWorld) -> None:
        self._world = world

    @property
    def exchange(self) -> Exchange:
        return self._world.exchange

    def collect(self, now: Time) -> None:
        self._world.box.settle()


class BoxWorld:
    """See the module; ``async with``. Where it can it has the names of ``tests.sim.harness.World``."""

    account_id = ACCOUNT
    start = START

    def __init__(
        self,
        *,
        symbols: Sequence[Symbol] = (SYMBOL,),
        changes: Mapping[str, Any] | None = None,
        own_changes: Mapping[Symbol, Mapping[str, Any]] | None = None,
        execution: ExecutionSettings | None = None,
        cash: Mapping[str, Decimal] | None = None,
        exchange: ExchangeSettings | None = None,
        settings: BinanceSettings | None = None,
        tag: str = TAG,
        beside: BoxWorld | None = None,
    ) -> None:
        """``beside``: another installation, with a tag of its own, at the same account of the same box."""
        self.symbols = tuple(symbols)
        self.tag = tag
        self._beside = beside
        self.requests: list[tuple[Time, Request]] = []
        self.alerts: list[tuple[Time, str]] = []
        self.doubts: dict[tuple[str, Time], Time] = {}
        """Every doubt (order, since) and how long it has lasted."""
        self.naked_us: Time = 0
        """The longest that sellable coins were at the exchange without a stop over them, while it let us place one."""
        self._naked_since: Time | None = None
        self.told = ""
        """The journal as text, once the story has ended."""
        self.hits = 0
        """How often the faults of the box hit, once the story has ended."""
        self.link = _Link(self)
        self.lives = 0
        self.account: AccountEngine
        self.venue: BinanceVenue
        self.box: Box
        self._server: Server
        self._store: SqliteStore
        self._path: Path
        self._task: asyncio.Task[None] | None = None
        self._open = contextlib.AsyncExitStack()
        self._failures: list[BaseException] = []
        self._crashing: asyncio.Task[None] | None = None
        self.on_request: Callable[[int], None] = lambda number: None
        """Told of each request as it leaves, by its number from 1."""
        self._settings = make_settings(
            execution=execution,
            reconciliation=ReconciliationSettings(reconciliation_interval_secs=RECONCILED_EVERY_S),
        )
        self._of_venue = msgspec.structs.replace(
            settings or BinanceSettings(), symbols=self.symbols, profile=self._settings.venue
        )
        rows = symbol_rows(self.symbols, changes or {}, own_changes)
        self._make_settings = lambda folder: box_settings(
            folder,
            rows,
            cash or {"USDT": CASH},
            exchange or ExchangeSettings(order_counts=()),
            pay_fees_in_bnb=self._settings.execution.pay_fees_in_bnb,
        )

    async def __aenter__(self) -> BoxWorld:
        self._path = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        if self._beside is not None:
            self._server = self._beside._server
        else:
            settings = self._make_settings(self._path)
            self._server = await self._open.enter_async_context(serve(settings, box_clock()))
        self.box = self._server.box
        # Averages of minutes make nothing clearer here: prices are judged by the last trade, as in tests.sim.
        exchange = self.box.exchange
        exchange.average_price = lambda symbol, minutes: exchange.quote(symbol).last
        self._clock = WarpClock()
        self.hub = MarketHub(self._clock)
        for symbol in self.symbols:
            self.price(symbol, D(100))
        self._open.callback(the_loop().call_later(LOOK_S, self._look).cancel)
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._open.aclose()
        if self._failures:
            raise self._failures[0]

    # -- the process -------------------------------------------------------------------------------------------

    async def begin(self, *, ready: bool = True) -> None:
        """A process comes up, with the journal of the one before."""
        self.lives += 1
        self._store = open_store(self._path / "fillwright.db")
        self.hub = MarketHub(self._clock)
        for symbol in self.symbols:
            self.seen(symbol)
        place = place_of(self._server)
        self.venue = place.venue(ACCOUNT, ed25519_signer(), self._clock, self._of_venue)
        self.account = AccountEngine(
            OWNER,
            self._store,
            _Venue(self.venue, self._sent),
            self._clock,
            self.hub,
            Configured(self._settings, {}),
            alert=self._alert,
            tag=lambda: self.tag,
        )
        self._task = asyncio.create_task(self.account.run())
        if ready:
            await self.ready()

    async def ready(self) -> None:
        """Wait until signals are taken."""
        async with asyncio.timeout(READY_MAX_S):
            while self.account.state != READY:
                assert self._task is not None
                assert not self._task.done(), self._task
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """The process is gone: what was under way to it is lost, what it sent goes on."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is not None:
            self._failures.append(task.exception())  # type: ignore[arg-type]
        self._store.close()

    def crash(self) -> None:
        """Be killed now, and come back after a second."""
        if self._crashing is None or self._crashing.done():
            self._crashing = asyncio.create_task(self.restart())

    async def restart(self, downtime_s: float = 1.0) -> None:
        """Killed, and back after a while."""
        await self.kill()
        await asyncio.sleep(downtime_s)
        await self.begin()

    def _sent(self, request: Request) -> None:
        self.requests.append((self.now, request))
        self.on_request(len(self.requests))

    def _alert(self, owner: Owner, alert: Alert) -> None:
        self.alerts.append((self.now, alert.code))

    def _look(self) -> None:
        """Note how long doubts last."""
        for order in self.engine.ledger.doubts.values():
            if order.doubt is not None:
                self.doubts[order.id, order.doubt.since] = self.now - order.doubt.since
        if not self._is_naked():
            self._naked_since = None
        elif self._naked_since is None:
            self._naked_since = self.now
        else:
            self.naked_us = max(self.naked_us, self.now - self._naked_since)
        is_quiet = self.now - START > STORY and not self._naked_since and not self.engine.ledger.doubts
        the_loop().call_later(LOOK_SELDOM_S if is_quiet else LOOK_S, self._look)

    def _is_naked(self) -> bool:
        """Whether the exchange holds coins of ours that could be sold and no stop would sell."""
        exchange = self.exchange
        if exchange.status(SYMBOL) is not SymbolStatus.TRADING:
            return False
        instrument, bid = exchange.instrument(SYMBOL), exchange.quote(SYMBOL).bid
        assert bid is not None
        ours = [
            order
            for order in exchange.all_orders(ACCOUNT, SYMBOL, limit=1000)
            if (parsed := parse_client_order_id(order.client_order_id)) is not None and parsed[1]
        ]
        bought = sum([one.executed_quantity for one in ours if one.side is Side.BUY], D(0)) * (1 - FEE)
        sold = sum([one.executed_quantity for one in ours if one.side is Side.SELL], D(0))
        owned = [one.free + one.locked for one in exchange.balances(ACCOUNT) if one.asset == instrument.base]
        held = min(bought - sold, sum(owned, D(0)))
        covered = sum(
            [
                order.quantity - order.executed_quantity
                for order in exchange.open_orders(ACCOUNT, SYMBOL)
                if order.type in STOP_TYPES and order.status is not VenueOrderStatus.PENDING_NEW
            ],
            D(0),
        )
        return instrument.is_sellable(held - covered, min(bid, STOP))

    # -- what a story does -------------------------------------------------------------------------------------

    def signal(
        self,
        symbol: Symbol = SYMBOL,
        *,
        stop: Decimal | None = STOP,
        target: Decimal | None = TARGET,
        limit: Decimal | None = None,
        quote: Decimal = SIZE,
        trader_id: str = "ada",
        trailing: bool = False,
    ) -> None:
        """Submit a long signal; each is an idea of its own."""
        self.command(
            SubmitSignal(
                Signal(
                    trader_id=trader_id,
                    symbol=symbol,
                    side=Direction.LONG,
                    created_at=self.now,
                    entry=Entry("limit", limit) if limit is not None else Entry(),
                    stop_loss=stop,
                    take_profit=target,
                    size=Size(quote=quote),
                    trailing=trailing,
                    interval="1s",
                    key=str(self.engine.state.signals_made + 1),
                )
            )
        )

    def decide(self, decision: PositionDecision, position_id: int = 1, **fields: Any) -> None:
        """Submit a trader's decision about a position."""
        self.command(Decision(position_id=position_id, decision=decision, **fields))

    def command(self, item: Input) -> None:
        """Hand in an input; nobody waits for its answer, and nobody asks again while the process is down."""
        with contextlib.suppress(NotReadyError, EngineStoppedError):
            self.account.post(item).add_done_callback(lambda reply: reply.cancelled() or reply.exception())

    def price(
        self,
        symbol: Symbol,
        last: Decimal,
        *,
        volume: Decimal = LITTLE,
        displayed: Decimal = MUCH,
        ask: Decimal | None = None,
    ) -> None:
        """Let the market trade at a price, one tick inside of the quotes, and show it to the engine."""
        tick = D("0.01")
        asked = ask if ask is not None else last + tick
        self.box.tick()
        self.box.quote(symbol, last - tick, displayed, asked, displayed, self.box.now)
        self.box.trade(symbol, last, volume, False, self.box.now)
        self.seen(symbol)

    def seen(self, symbol: Symbol) -> None:
        """Show the engine the quote."""
        self.box.settle()
        quoted = self.exchange.quote(symbol)
        assert quoted.bid is not None
        assert quoted.ask is not None
        assert quoted.last is not None
        self.hub.quote(symbol, quoted.bid, MUCH, quoted.ask, MUCH, self.now)
        self.hub.trade(symbol, quoted.last, LITTLE, False, self.now)

    def book(self, bids: Levels, asks: Levels) -> None:
        """Let so much be bid and asked, and no more."""
        self.box.tick()
        self.box.depth(SYMBOL, bids, asks, self.box.now)
        self.seen(SYMBOL)

    def outside(self, request: Request) -> None:
        """Do something at the exchange by another hand (the user's own app)."""
        self.exchange.execute(ACCOUNT, request, self.box.tick())
        self.box.settle()

    def trade_by_hand(self, side: Side, price: Decimal) -> None:
        """The user trades one coin at once, and lets orders of this account that are in the way expire."""
        order = OrderRequest(
            symbol=SYMBOL,
            side=side,
            type=OrderType.LIMIT,
            client_order_id="mine",
            time_in_force=TimeInForce.IOC,
            quantity=D(1),
            price=price,
            stp=SelfTradePrevention.EXPIRE_MAKER,
        )
        self.outside(order)

    def withdraw(self, asset: str, amount: Decimal) -> None:
        """Move free coins away from the account."""
        self.exchange.withdraw(ACCOUNT, asset, amount, self.box.tick())
        self.box.settle()

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Bring coins into the account."""
        self.exchange.deposit(ACCOUNT, asset, amount, self.box.tick())
        self.box.settle()

    def at(self, delay: Time, action: Callable[[], None]) -> None:
        """Have something done after a while."""
        the_loop().call_later(delay / SECOND, self._do, action)

    def _do(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - told when the world ends
            self._failures.append(error)

    def fault(self, rule: Rule) -> None:
        """Install a fault of the box."""
        self.box.tick()
        add_fault(self.box, rule)

    def cut(self) -> None:
        """Every WebSocket is dropped without a word."""
        self._connections(ConnectionAction.CUT)

    def mute(self, for_us: Time) -> None:
        """Every WebSocket is silent for a while, and what happens meanwhile is lost on it."""
        self._connections(ConnectionAction.MUTE, for_us)

    def shut_down_connections(self) -> None:
        """serverShutdown is said on every WebSocket."""
        self._connections(ConnectionAction.SHUTDOWN)

    def _connections(self, action: ConnectionAction, for_us: Time = 0) -> None:
        self.box.tick()
        change_connections(self.box, ChangeConnections(action=action, for_us=for_us))

    def set_status(self, symbol: Symbol, status: SymbolStatus) -> None:
        """Another trading phase."""
        self.exchange.set_status(symbol, status, self.box.tick())
        self.box.settle()

    async def run(self, duration: Time) -> None:
        """Let time pass."""
        await asyncio.sleep(duration / SECOND)
        assert self._task is None or not self._task.done(), self._task

    # -- looking -----------------------------------------------------------------------------------------------

    @property
    def now(self) -> Time:
        return the_loop().now()

    @property
    def engine(self) -> Engine:
        return self.account.engine

    @property
    def exchange(self) -> Exchange:
        """As it is now: what is due has happened."""
        self.box.tick()
        return self.box.exchange

    @property
    def records(self) -> list[ev.Record]:
        """All that the journal holds."""
        return list(self._store.journal.load(ACCOUNT))

    def events(self, *kinds: type[ev.Event]) -> list[ev.Event]:
        """Events of some kinds, in order."""
        return [record.event for record in self.records if isinstance(record.event, kinds)]

    def position(self, number: int = 1) -> Position:
        """One position as the engine has it."""
        return self.engine.state.positions[number]

    def orders_at_exchange(self) -> list[OrderView]:
        """Every order of the account that the exchange remembers."""
        return [
            view
            for symbol in self.exchange.symbols
            for view in self.exchange.all_orders(ACCOUNT, symbol, limit=1000)
        ]

    def live_stop(self, symbol: Symbol = SYMBOL) -> OrderView:
        """The one live stop of a symbol at the exchange."""
        (stop,) = [
            view
            for view in self.exchange.open_orders(ACCOUNT, symbol)
            if view.type in STOP_TYPES and view.status is not VenueOrderStatus.PENDING_NEW
        ]
        return stop

    # -- the judge ---------------------------------------------------------------------------------------------

    async def audit(self) -> None:
        """End all faults, let the account find out by itself what is so, and judge."""
        self.box.faults.remove()
        await self.run(QUIET)
        if self._crashing is not None:
            await self._crashing
        await self.ready()
        problems = Judge(self).problems()  # type: ignore[arg-type]
        assert not problems, "\n" + "\n".join(problems) + "\n" + self.story()

    def story(self, last: int = 60) -> str:
        """The newest records as text, for failures; what comes by the clock alone is left out."""
        told = [record for record in self.records if not isinstance(record.event, _BY_THE_CLOCK)]
        return "\n".join(
            f"{record.seq:4} {(record.time - START) / SECOND:10.3f} {record.event!s:.240}"
            for record in told[-last:]
        )
