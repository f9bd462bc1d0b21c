"""Thousands of orders of every plan and type at an exchange without faults, and what became of each.

Requests take 25 ms to the exchange and as long back, and prices move all the while: what a live market does by itself
is no fault. What counts as a failed execution is said by ``Failures``.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.inputs import CancelOrder, ClosePosition, Decision, PlaceOrder
from fillwright.core.positions import Position
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    Leg,
    OrderType,
    PositionDecision,
    PositionStatus,
    Protection,
    Side,
    Symbol,
    Time,
    TimeInForce,
    parse_client_order_id,
)
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault, Rule
from fillwright.venues.binance import BinanceSettings
from tests.faults.world import BoxWorld

D = Decimal
WAY: Time = 25 * MILLISECOND
STEP_S = 0.75
"""Between two prices of a symbol."""
NOISE = D("0.03")
HIGH, LOW = D("110.6"), D("94.4")
"""Beyond every target and stop."""
FAR, NEAR = D(112), D(110)
"""Targets: out of reach, and within."""
ARMED_MAX: Time = SECOND
"""``arm_timeout_s``: so long after the entry's last fill a stop is live."""
PARTLY_ARMED_MAX: Time = 3 * SECOND
"""A partly filled limit waits for ``partial_protect_s``, then for the cancel of its list and for the OCO."""
ALONE = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]
SYMBOLS: dict[Symbol, dict[str, object]] = {
    "AAAUSDT": {},
    "BBBUSDT": {"opo_allowed": False},
    "CCCUSDT": {"oto_allowed": False},
    "DDDUSDT": {"oto_allowed": False, "oco_allowed": False},
    "EEEUSDT": {"order_types": ALONE},
    "FFFUSDT": {"algo_orders_max": 2},
    "GGGUSDT": {"opo_allowed": False, "algo_orders_max": 2},
    "HHHUSDT": {"oto_allowed": False, "order_types": ALONE},
}
"""Every plan, with stops and targets of every type."""
MANUAL_SELLS = (
    (OrderType.STOP_LOSS, None, D(95)),
    (OrderType.STOP_LOSS_LIMIT, D(94), D(95)),
    (OrderType.TAKE_PROFIT, None, D(105)),
    (OrderType.TAKE_PROFIT_LIMIT, D(104), D(105)),
)

RACES = {
    "_close_meets_stop": ("Unknown order sent.",),
    "_move_meets_gap": (
        "The relationship of the prices for the orders is not correct.",
        "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    ),
}
"""Stories in which the market is quicker than a request, and what the exchange refuses it with: no failure, for the
position is out or has its stop at once all the same, which is judged."""


class Failures(msgspec.Struct):
    """What was asked for and what failed: rejected, in doubt, not executed though it should, without its exits."""

    orders: int = 0
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    """Orders by plan and type."""
    failed: list[str] = msgspec.field(default_factory=list)
    lost_races: int = 0
    """Requests that the exchange refused because the market was quicker: no failure."""
    naked: dict[str, list[Time]] = msgspec.field(default_factory=dict)
    """From the entry's last fill to the live stop, by plan."""

    @property
    def rate(self) -> float:
        """Failed executions by orders."""
        return len(self.failed) / self.orders

    def __str__(self) -> str:
        return f"{len(self.failed)} failed executions of {self.orders:,} orders: {self.rate:.4%}"


class _Dealer:
    """What happens on one symbol, one story after the other."""

    def __init__(self, world: BoxWorld, symbol: Symbol, draw: random.Random) -> None:
        self._world, self._symbol, self._draw = world, symbol, draw
        self._last = D(100)
        self.unfilled: set[int] = set()
        """Positions whose limit was never reached."""
        self.told: dict[int, str] = {}
        """The story of each position."""
        self._story = ""

    async def run(self, is_enough: Callable[[], bool]) -> None:
        """Play stories until there are enough."""
        stories: list[Callable[[], Awaitable[None]]] = [
            self._to_the_stop,
            self._to_the_target,
            self._closed,
            self._moved,
            self._reduced,
            self._added_to,
            self._limit,
            self._limit_in_parts,
            self._limit_cut_short,
            self._limit_never_reached,
            self._trailing,
            self._by_hand,
            self._close_meets_stop,
            self._cancel_meets_fill,
            self._move_meets_gap,
        ]
        if "algo_orders_max" in SYMBOLS[self._symbol]:
            stories.remove(self._added_to)  # denied there: no slot would stay free
        await asyncio.sleep(self._draw.random())
        while True:
            self._draw.shuffle(stories)
            for story in stories:
                if is_enough():
                    return
                await self._go(D(100), 1)
                self._story = story.__name__
                await story()
                await self._flat()

    # -- stories -----------------------------------------------------------------------------------------------

    async def _to_the_stop(self) -> None:
        self._enter()
        await self._go(LOW, 10)

    async def _to_the_target(self) -> None:
        self._enter(target=NEAR)
        await self._go(HIGH, 10)

    async def _closed(self) -> None:
        self._enter()
        await self._go(D(101), 6)
        self._decide(PositionDecision.CLOSE)
        await self._go(D(101), 3)

    async def _moved(self) -> None:
        self._enter()
        await self._go(D(101), 4)
        self._decide(PositionDecision.ADJUST_STOP_LOSS, price=D("97.5"))
        await self._go(D(99), 4)
        self._decide(PositionDecision.ADJUST_TAKE_PROFIT, price=D(108))
        await self._go(LOW, 6)

    async def _reduced(self) -> None:
        self._enter()
        await self._go(D(101), 4)
        self._decide(PositionDecision.REDUCE, fraction=D("0.5"))
        await self._go(D(99), 6)
        self._decide(PositionDecision.CLOSE)
        await self._go(D(99), 2)

    async def _added_to(self) -> None:
        self._enter()
        await self._go(D(101), 4)
        self._decide(PositionDecision.ADD, quote=D(50))
        await self._go(D(101), 8)
        await self._go(LOW, 6)

    async def _limit(self) -> None:
        self._enter(limit=D(99))
        await self._go(D("98.5"), 4)
        await self._go(HIGH, 10)

    async def _limit_in_parts(self) -> None:
        self._enter(limit=D(99))
        await self._go(D("99.5"), 2)
        self._trade(D("98.9"), D("0.7"))
        await self._go(D("98.8"), 2)
        await self._go(LOW, 8)

    async def _limit_cut_short(self) -> None:
        """A part is filled, and the price goes away: the part is protected, the rest given up."""
        self._enter(limit=D(99))
        await self._go(D("99.5"), 2)
        self._trade(D("98.9"), D("0.8"))
        await self._go(D(101), 12)
        self._decide(PositionDecision.CLOSE)
        await self._go(D(101), 2)

    async def _limit_never_reached(self) -> None:
        self._enter(limit=D(97))
        await self._go(D("99.5"), 4)
        self.unfilled.update(one.id for one in self._mine())
        self._cancel(Leg.ENTRY)
        await self._go(D(100), 2)

    async def _trailing(self) -> None:
        self._enter(trailing=True, target=None)
        await self._go(D(104), 8)
        await self._go(LOW, 10)

    async def _close_meets_stop(self) -> None:
        """The price falls through the stop while the trader's close is under way."""
        self._enter()
        await self._go(D("99.5"), 4)
        self._decide(PositionDecision.CLOSE)
        await self._go(LOW, 1, after_s=self._draw.uniform(0, 0.06))

    async def _cancel_meets_fill(self) -> None:
        """The price reaches the limit while the entry's cancel is under way."""
        self._enter(limit=D(99))
        await self._go(D("99.5"), 4)
        self.unfilled.update(one.id for one in self._mine())
        self._cancel(Leg.ENTRY)
        await self._go(D("98.5"), 1, after_s=self._draw.uniform(0, 0.06))

    async def _move_meets_gap(self) -> None:
        """The price falls below the new level while the stop is on its way there."""
        self._enter()
        await self._go(D(101), 4)
        self._decide(PositionDecision.ADJUST_STOP_LOSS, price=D(100))
        await self._go(D(99), 1, after_s=self._draw.uniform(0, 0.12))

    async def _by_hand(self) -> None:
        """Every type as a manual order, too; those that rest are cancelled."""
        buy, sell, size = Side.BUY, Side.SELL, D("0.5")
        self._place(buy, OrderType.MARKET, quantity=None, quote_quantity=D(100))
        self._place(buy, OrderType.LIMIT, size, price=D(97))
        self._place(buy, OrderType.LIMIT, size, price=D(101), time_in_force=TimeInForce.IOC)
        self._place(buy, OrderType.LIMIT, size, price=D(101), time_in_force=TimeInForce.FOK)
        self._place(buy, OrderType.LIMIT_MAKER, size, price=D(97))
        await self._go(D(100), 2)
        self._cancel(Leg.MANUAL)
        await self._go(D(100), 2)
        instrument = self._world.engine.state.instruments[self._symbol]
        usable = [one for one in MANUAL_SELLS if one[0] in instrument.order_types]
        for type_, price, stop in usable[: (instrument.algo_orders_max or 0) - 1]:
            self._place(sell, type_, D("0.2"), price=price, stop_price=stop)
        await self._go(D(100), 2)
        self._cancel(Leg.MANUAL)
        await self._go(D(100), 2)
        self._place(sell, OrderType.MARKET, D("1.9"))
        await self._go(D(100), 2)

    # -- what stories are made of ------------------------------------------------------------------------------

    def _enter(
        self, *, limit: Decimal | None = None, target: Decimal | None = FAR, trailing: bool = False
    ) -> None:
        target = target if self._draw.random() < 0.7 or target == NEAR else None
        self._world.signal(self._symbol, limit=limit, target=target, trailing=trailing)

    def _mine(self) -> list[Position]:
        return [
            one for one in self._world.engine.ledger.open_positions.values() if one.symbol == self._symbol
        ]

    def _decide(self, decision: PositionDecision, **fields: Any) -> None:
        for position in self._mine():
            self._world.command(Decision(position_id=position.id, decision=decision, **fields))

    def _place(self, side: Side, type_: OrderType, quantity: Decimal | None, **fields: object) -> None:
        self._world.command(
            PlaceOrder(by="ops", symbol=self._symbol, side=side, type=type_, quantity=quantity, **fields)  # type: ignore[arg-type]
        )

    def _cancel(self, leg: Leg) -> None:
        for order in self._world.engine.ledger.orders_in(self._symbol):
            if order.leg is leg:
                self._world.command(CancelOrder(client_order_id=order.id, by="ops"))

    def _trade(self, price: Decimal, volume: Decimal) -> None:
        """Somebody sells so much, and no more, down to a price."""
        self._world.box.tick()
        self._world.box.trade(self._symbol, price, volume, False, self._world.box.now)
        self._world.seen(self._symbol)

    async def _go(self, to: Decimal, steps: int, *, after_s: float = 0) -> None:
        """The price goes there, not straight."""
        await asyncio.sleep(after_s)
        begin = self._last
        for step in range(1, steps + 1):
            noise = NOISE * self._draw.randint(-3, 3) if step < steps else D(0)
            self._last = (begin + (to - begin) * step / steps + noise).quantize(D("0.01"))
            self.told.update((one.id, self._story) for one in self._mine() if one.id not in self.told)
            self._world.price(self._symbol, self._last, volume=D("0.01") if to != LOW else D(50))
            await asyncio.sleep(STEP_S)

    async def _flat(self) -> None:
        """Whatever is still open is closed."""
        for position in self._mine():
            self._world.command(ClosePosition(position_id=position.id, by="ops"))
        await self._go(self._last, 4)


async def deal(
    orders: int, seed: int, *, over_websocket: bool = True, faults: Sequence[Rule] = ()
) -> Failures:
    """Place at least so many orders, judge the world as after every story, and count what failed."""
    settings = BinanceSettings(over_websocket=over_websocket)
    cash = {"USDT": D(1_000_000)}
    async with BoxWorld(symbols=tuple(SYMBOLS), own_changes=SYMBOLS, settings=settings, cash=cash) as world:
        for rule in faults:
            world.fault(rule)
        for endpoint in ("order.*", "orderList.*"):
            world.fault(
                CallFault(
                    endpoint=endpoint,
                    outcome=Outcome.DELAYED,
                    times=None,
                    delay_us=WAY,
                    answer_delay_us=WAY,
                )
            )
        dealers = [_Dealer(world, symbol, random.Random(f"{seed} {symbol}")) for symbol in SYMBOLS]

        def is_enough() -> bool:
            return len(world.engine.state.orders) >= orders

        await asyncio.gather(*(dealer.run(is_enough) for dealer in dealers))
        await world.audit()
        return _judged(world, dealers)


def _judged(world: BoxWorld, dealers: list[_Dealer]) -> Failures:
    found = Failures()
    plans: dict[int, Protection] = {}
    naked_since: dict[int, Time] = {}
    told = {number: name for dealer in dealers for number, name in dealer.told.items()}
    unfilled = {number for dealer in dealers for number in dealer.unfilled}

    def story_of(what: object) -> str:
        parsed = parse_client_order_id(str(getattr(what, "id", "")))
        return told.get(getattr(what, "position_id", 0) or (parsed[1] if parsed else 0), "by hand")

    def fail(what: object) -> None:
        found.failed.append(f"{story_of(what)}: {what}")

    for record in world.records:
        match record.event:
            case ev.PositionCreated() as event:
                plans[event.position_id] = event.plan
            case ev.OrderSubmitted() as event if not event.resent:
                found.orders += 1
                found.kinds[f"{plans.get(event.position_id, 'by hand')} {event.order_type}"] += 1
            case ev.PositionUnprotected() as event:
                naked_since.setdefault(event.position_id, record.time)
            case ev.PositionProtected() as event:
                since = naked_since.pop(event.position_id, record.time)
                if record.time - since > ARMED_MAX:
                    fail(event)
                plan = str(plans[event.position_id])
                found.naked.setdefault(plan, []).append(event.unprotected_us)
                if event.unprotected_us > PARTLY_ARMED_MAX:
                    fail(event)
            case ev.PositionClosed() as event:
                since = naked_since.pop(event.position_id, record.time)
                if record.time - since > ARMED_MAX:
                    fail(event)
            case ev.OrderCancelRefused() | ev.OrderAmendRefused():
                found.lost_races += 1
            case ev.OrderRejected() | ev.ProtectionFailed() as event:
                if event.reason in RACES.get(story_of(event), ()):
                    found.lost_races += 1
                else:
                    fail(event)
            case (
                ev.OrderUnknown()
                | ev.OrderDenied()
                | ev.SignalDenied()
                | ev.ExitFailed()
                | ev.Anomaly()
                | ev.Error() as event
            ):
                fail(event)
            case ev.PositionFailed() as event if event.position_id not in unfilled:
                fail(event)
    for position in world.engine.state.positions.values():
        if position.id not in told:
            fail(position)
        if position.status not in (PositionStatus.CLOSED, PositionStatus.FAILED):
            fail(position)
    return found
