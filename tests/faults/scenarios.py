"""What the matrix over the wire is made of: plans and outcomes of ``tests.sim`` and more, and faults of the box.

Every request has a latency of 50 ms, so that something can happen while it is under way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.inputs import CancelOrder, Decision, PlaceOrder
from fillwright.core.settings import ExecutionSettings
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    Leg,
    OrderType,
    PositionDecision,
    Side,
    Symbol,
    SymbolStatus,
    Time,
)
from fillwright.exchange.faults import Outcome
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.fault_plan import CallFault, Cut, EventFate, Rule, StreamEventFault
from fillwright.venues.binance import BinanceSettings
from tests.faults.world import SYMBOL, BoxWorld
from tests.sim import scenarios as sim
from tests.sim.scenarios import STOP, PlanCase, close

__all__ = ["BY_HAND", "FAULTS", "OUTCOMES", "PLANS", "FaultCase", "PlanCase", "close", "make_world", "play"]

D = Decimal
WAY: Time = 25 * MILLISECOND
"""Of a request to the exchange, and of its answer back."""
SOON: Time = 10 * MILLISECOND
"""The engine has decided, and nothing has arrived yet."""

# -- plans ---------------------------------------------------------------------------------------------------------

BY_HAND = (PlanCase("MARKET", {}, None), PlanCase("LIMIT", {}, None))
"""An order alone, as an operator places it: what it buys is the user's own."""
PLANS = (*sim.PLANS, *BY_HAND)


class HandWorld(BoxWorld):
    """Whoever sends a signal there places an order of one type instead."""

    def __init__(self, type_: OrderType, **options: Any) -> None:
        super().__init__(**options)
        self._type = type_

    def signal(self, symbol: Symbol = SYMBOL, *, limit: Decimal | None = None, **_: Any) -> None:
        """Place the order."""
        price = None if self._type is OrderType.MARKET else limit or D("100.5")
        order = PlaceOrder(
            by="ops", symbol=symbol, side=Side.BUY, type=self._type, quantity=D(2), price=price, key="one"
        )
        self.command(order)


# -- outcomes of the entry -----------------------------------------------------------------------------------------

Outcomes = Callable[[Any, PlanCase], None]


def rejected(world: BoxWorld, plan: PlanCase) -> None:
    """The money is gone when the entry arrives, save what the user's own purchase of one coin takes."""
    world.signal(stop=STOP, target=plan.target)

    def take() -> None:
        with contextlib.suppress(ExchangeError):  # the entry was quicker
            world.withdraw("USDT", D(9_850))

    world.at(SOON, take)


def unfilled_then_repriced(world: BoxWorld, plan: PlanCase) -> None:
    """The price has run away when the entry arrives; the second attempt finds it."""
    world.signal(stop=STOP, target=plan.target)
    world.at(SOON, lambda: world.price(SYMBOL, D(102)))


def expired(world: BoxWorld, plan: PlanCase) -> None:
    """Somebody has bought nearly all that was offered when the entry arrives, and for two seconds."""
    world.signal(stop=STOP, target=plan.target)
    bids = ((D("99.99"), D(1000)),)
    world.at(SOON, lambda: world.book(bids, ((D("100.01"), D("0.3")),)))
    world.at(2 * SECOND, lambda: world.book(bids, ((D("100.01"), D(1000)),)))


OUTCOMES: dict[str, Outcomes] = {
    **sim.OUTCOMES,
    "rejected": rejected,
    "unfilled_then_repriced": unfilled_then_repriced,
    "expired": expired,
}

# -- what goes wrong -----------------------------------------------------------------------------------------------

Act = Callable[[Any], None]


class FaultCase(msgspec.Struct, frozen=True):
    """A fault: rules of the box, made anew for each world, and what a hand does during the story."""

    name: str
    rules: Callable[[], list[Rule]] = list
    act: Act | None = None
    execution: ExecutionSettings | None = None
    cash: dict[str, Decimal] | None = None
    symbols: tuple[str, ...] = (SYMBOL,)
    changes: dict[str, Any] = {}
    naked_max: Time = 17 * SECOND
    """How long coins may be without a stop: as long as one request may be in doubt (recvWindow, the engine's limit)."""
    trace: str = ""
    """What the journal says in some combination at least, or the fault was none."""


PLACING = ("order.place", "orderList.place.*")
CHANGING = ("order.cancel", "orderList.cancel", "order.cancelReplace", "order.amend.keepPriority")


def calls(endpoints: tuple[str, ...], times: int = 1, **fault: Any) -> Callable[[], list[Rule]]:
    """Let a fault meet the first requests of each of these kinds."""
    ways = {"delay_us": WAY, "answer_delay_us": WAY}
    return lambda: [CallFault(endpoint=one, times=times, **{**ways, **fault}) for one in endpoints]


def reports(fate: EventFate, delay: Time = 0, **which: Any) -> Callable[[], list[Rule]]:
    """Let a fault meet events of the stream."""
    return lambda: [StreamEventFault(outcome=fate, delay_us=delay, **{"times": None, **which})]


def cut_streams(world: BoxWorld) -> None:
    """All WebSockets are cut in the moment of the first answer, and twice more."""
    for moment in (30 * MILLISECOND, 800 * MILLISECOND, 3_100 * MILLISECOND):
        world.at(moment, world.cut)


def mute_streams(world: BoxWorld) -> None:
    """Everything goes mute for a minute, and does not say so."""
    world.at(20 * MILLISECOND, lambda: world.mute(60 * SECOND))
    world.at(3_100 * MILLISECOND, lambda: close(world))


def clock_set(world: BoxWorld) -> None:
    """The exchange's clock is ten seconds ahead at once, and the trader closes."""

    def skew() -> None:
        world.box.clock.skew_us = 10 * SECOND

    skew()
    world.at(2 * SECOND, lambda: setattr(world.box.clock, "skew_us", -20 * SECOND))
    world.at(3 * SECOND, lambda: close(world))


def trading_phase(status: SymbolStatus, begin: Time, end: Time) -> Act:
    """The symbol does not trade for a while; the trader closes meanwhile."""

    def act(world: BoxWorld) -> None:
        world.at(begin, lambda: world.set_status(SYMBOL, status))
        world.at(end, lambda: world.set_status(SYMBOL, SymbolStatus.TRADING))
        world.at(begin + SECOND, lambda: close(world))

    return act


def crash_at(number: int, delay: Time) -> Act:
    """The process is killed a moment after a request was handed to the venue."""

    def act(world: BoxWorld) -> None:
        def sent(count: int) -> None:
            if count == number:
                world.at(delay, world.crash)

        world.on_request = sent
        world.at(8 * SECOND, lambda: close(world))

    return act


def entry_meets_own(world: BoxWorld) -> None:
    """The user sells into our resting entry, which self-trade prevention expires."""

    def sell() -> None:
        asks = ((D("100.01"), D(1000)),)
        world.book(((D("98.5"), D(1000)),), asks)
        world.trade_by_hand(Side.SELL, D("98.9"))
        world.book(((D("99.99"), D(1000)),), asks)

    world.at(100 * MILLISECOND, sell)


def exit_meets_own(world: BoxWorld) -> None:
    """The user buys into our resting target, which self-trade prevention expires, and its stop with it."""

    def buy() -> None:
        world.price(SYMBOL, D("109.99"), displayed=D("0.1"))
        world.trade_by_hand(Side.BUY, D("110.5"))

    world.at(4 * SECOND, buy)


def nobody_tells(begin: Time) -> Act:
    """Events are lost for twenty seconds; the trader closes as that begins, if it is not at once."""

    def act(world: BoxWorld) -> None:
        lost = StreamEventFault(outcome=EventFate.DROPPED, times=None, for_us=20 * SECOND)
        world.at(begin, lambda: world.fault(lost))
        if begin:
            world.at(begin + SOON, lambda: close(world))

    return act


def move_meets_gap(world: BoxWorld) -> None:
    """The stop is moved up, and the price has fallen below the new level when it arrives (-2021)."""

    def move() -> None:
        for position in list(world.engine.ledger.open_positions.values()):
            if position.stop_loss is not None:
                level = PositionDecision.ADJUST_STOP_LOSS
                world.command(Decision(position_id=position.id, decision=level, price=D("97.5")))
        world.at(SOON, lambda: world.price(SYMBOL, D("96.5")))

    world.at(3 * SECOND, move)


def gap_before_the_entry(world: BoxWorld) -> None:
    """The price has fallen below the stop when the entry arrives: bought, exits refused, and the list ends at once."""
    world.at(SOON, lambda: world.price(SYMBOL, D(94), volume=D(1000)))


def thin_stop(world: BoxWorld) -> None:
    """The stop triggers where little is bid: a part is sold, the rest expires."""

    def fall() -> None:
        world.book(((D("94.5"), D("0.7")),), ((D(95), D(1000)),))
        world.box.trade(SYMBOL, D("94.8"), D(1), False, world.box.now)
        world.seen(SYMBOL)

    world.at(3 * SECOND, fall)
    world.at(3_500 * MILLISECOND, lambda: world.book(((D("94.5"), D(1000)),), ((D(95), D(1000)),)))


def cancelled_entry(world: BoxWorld) -> None:
    """Reports are late: that a part was filled is heard after the cancel's answer."""
    world.at(150 * MILLISECOND, lambda: world.price(SYMBOL, D("98.7"), volume=D("0.6")))

    def cancel() -> None:
        for order in list(world.engine.ledger.open_orders.values()):
            if order.leg in (Leg.ENTRY, Leg.MANUAL):
                world.command(CancelOrder(client_order_id=order.id, by="ops"))

    world.at(160 * MILLISECOND, cancel)


def shut_down_servers(world: BoxWorld) -> None:
    """serverShutdown is said on every connection, in the worst moments."""
    for moment in (20 * MILLISECOND, 2 * SECOND):
        world.at(moment, world.shut_down_connections)


LOST, ANSWER_LOST = Outcome.LOST, Outcome.ANSWER_LOST
REFUSED, MASKED, DELAYED = Outcome.REFUSED, Outcome.MASKED, Outcome.DELAYED
HALT, CANCEL_ONLY, BREAK = SymbolStatus.HALT, SymbolStatus.CANCEL_ONLY, SymbolStatus.BREAK
ALL = (*PLACING, *CHANGING)
FAULTS = (
    FaultCase("none", trace="PositionClosed"),
    FaultCase("target reached", act=sim.rally, trace="reason='take_profit'"),
    FaultCase("place lost, connection cut", calls(PLACING, outcome=LOST), trace="never arrived"),
    FaultCase("place lost in silence", calls(PLACING, outcome=LOST, by=Cut.SILENCE), trace="never arrived"),
    FaultCase("place answer lost, connection cut", calls(PLACING, outcome=ANSWER_LOST)),
    FaultCase("place answer lost in silence", calls(PLACING, outcome=ANSWER_LOST, by=Cut.SILENCE)),
    FaultCase("place slow", calls(PLACING, outcome=DELAYED, delay_us=4 * SECOND)),
    FaultCase("place very slow", calls(PLACING, outcome=DELAYED, delay_us=11 * SECOND), trace="OrderUnknown"),
    FaultCase("place -1007 executed", calls(PLACING, outcome=MASKED, code=-1007), trace="-1007"),
    FaultCase("place -1007 not executed", calls(PLACING, outcome=REFUSED, code=-1007), trace="-1007"),
    FaultCase("place -1006 executed", calls(PLACING, outcome=MASKED, code=-1006), trace="-1006"),
    FaultCase("place 503 executed", calls(PLACING, outcome=MASKED, http_status=503), trace="503"),
    FaultCase("place 503 not executed", calls(PLACING, outcome=REFUSED, http_status=503), trace="503"),
    FaultCase("place -1000 executed", calls(PLACING, outcome=MASKED, code=-1000), trace="-1000"),
    FaultCase("place -1008 not executed", calls(PLACING, outcome=REFUSED, code=-1008), trace="-1008"),
    FaultCase(
        "place answered with HTML",
        calls(PLACING, outcome=REFUSED, http_status=502, body="<html>bad gateway</html>"),
        trace="OrderUnknown",
    ),
    FaultCase("place 429", calls(PLACING, outcome=REFUSED, code=-1003, http_status=429, retry_after_s=2)),
    FaultCase("place 418", calls(PLACING, outcome=REFUSED, code=-1003, http_status=418, retry_after_s=30)),
    FaultCase(
        "protection -1015",
        calls(("orderList.place.oco", "order.place"), 2, outcome=REFUSED, code=-1015, http_status=429),
        naked_max=2 * 11 * SECOND,  # the window of ten seconds is waited for, twice
        trace="-1015",
    ),
    FaultCase("place -1021", calls(PLACING, outcome=REFUSED, code=-1021), trace="-1021"),
    FaultCase("clock set", act=clock_set, trace="-1021"),
    FaultCase(
        "place executed, nobody tells",
        calls(PLACING, outcome=ANSWER_LOST, by=Cut.SILENCE),
        nobody_tells(0),
        trace="OrderUnknown",
    ),
    FaultCase(
        "place executed, connection cut, nobody tells",
        calls(PLACING, outcome=ANSWER_LOST),
        nobody_tells(0),
        trace="OrderUnknown",
    ),
    FaultCase(
        "change executed, nobody tells",
        calls(CHANGING, outcome=ANSWER_LOST, by=Cut.SILENCE),
        nobody_tells(3 * SECOND),
        trace="OrderUnknown",
    ),
    FaultCase(
        "protection lost",  # and again, and then the sale: three doubts, one after the other
        calls(("orderList.place.oco", "order.place"), 3, outcome=LOST),
        naked_max=3 * 17 * SECOND,  # each a second longer than the window: proof takes two reads
        trace="resent=True",
    ),
    FaultCase("protection unheard", calls(("orderList.place.oco", "order.place"), 3, outcome=ANSWER_LOST)),
    FaultCase("change lost", calls(CHANGING, outcome=LOST), sim.close_loses_to_stop, trace="OrderUnknown"),
    FaultCase("change answer lost", calls(CHANGING, outcome=ANSWER_LOST), sim.close_soon),
    FaultCase(
        "change answer lost in silence",
        calls(CHANGING, outcome=ANSWER_LOST, by=Cut.SILENCE),
        sim.close_soon,
    ),
    FaultCase(
        "change -1007 executed", calls(CHANGING, outcome=MASKED, code=-1007), sim.close_soon, trace="-1007"
    ),
    FaultCase(
        "change -1007 not executed",
        calls(CHANGING, outcome=REFUSED, code=-1007),
        sim.close_soon,
        trace="-1007",
    ),
    FaultCase("change 503", calls(CHANGING, outcome=REFUSED, http_status=503), sim.close_soon, trace="503"),
    FaultCase(
        "change 503 executed",
        calls(CHANGING, outcome=MASKED, http_status=503),
        sim.close_soon,
        trace="503",
    ),
    FaultCase(
        "change 418",
        calls(CHANGING, outcome=REFUSED, code=-1003, http_status=418, retry_after_s=5),
        sim.close_soon,
        naked_max=23 * SECOND,
    ),
    FaultCase(
        "changes 429",
        calls(CHANGING, 4, outcome=REFUSED, code=-1003, http_status=429, retry_after_s=1),
        sim.close_soon,
    ),
    FaultCase(
        "changes -1015",
        calls(CHANGING, 3, outcome=REFUSED, code=-1015, http_status=429),
        sim.close_soon,
        trace="-1015",
    ),
    FaultCase(
        "changes -1021", calls(CHANGING, 2, outcome=REFUSED, code=-1021), sim.close_soon, trace="-1021"
    ),
    FaultCase("duplicate reports", reports(EventFate.DUPLICATED, 300 * MILLISECOND)),
    FaultCase("late reports", reports(EventFate.DELAYED, 5 * SECOND, event="executionReport")),
    FaultCase(
        "one late report", reports(EventFate.DELAYED, 5 * SECOND, event="executionReport", skip=1, times=1)
    ),
    FaultCase(
        "report after cancel",
        reports(EventFate.DELAYED, 3 * SECOND, event="executionReport"),
        cancelled_entry,
        trace="ops: cancel",
    ),
    FaultCase("late balances", reports(EventFate.DELAYED, 3 * SECOND, event="outboundAccountPosition")),
    FaultCase("reordered reports", reports(EventFate.REORDERED, probability=0.5)),
    FaultCase("all reports lost", reports(EventFate.DROPPED), trace="connected=False"),
    FaultCase("some reports lost", reports(EventFate.DROPPED, probability=0.3)),
    FaultCase("answers late", calls(ALL, 1000, outcome=DELAYED, delay_us=WAY, answer_delay_us=2 * SECOND)),
    FaultCase("streams cut", act=cut_streams, trace="connected=False"),
    FaultCase("streams mute", act=mute_streams, trace="connected=False"),
    FaultCase("server shutdown", act=shut_down_servers, trace="connected=False"),
    FaultCase("halt", act=trading_phase(HALT, 2 * SECOND, 40 * SECOND), trace="exit_blocked"),
    FaultCase("cancel only", act=trading_phase(CANCEL_ONLY, 0, 40 * SECOND), trace="Market is closed"),
    FaultCase("break", act=trading_phase(BREAK, 2 * SECOND, 40 * SECOND), trace="exit_blocked"),
    FaultCase("base moved away", act=sim.move_base_away, trace="closed_outside"),
    FaultCase(
        "exits cancelled by the exchange", act=sim.exits_cancelled_by_exchange, trace="EXCHANGE_CANCELED"
    ),
    FaultCase("exits cancelled by the user", act=sim.exits_cancelled_by_user, trace="PositionUnprotected"),
    FaultCase("thin exit", act=sim.thin_exit, trace="INSUFFICIENT_LIQUIDITY"),
    FaultCase("thin stop", act=thin_stop, trace="INSUFFICIENT_LIQUIDITY"),
    FaultCase("close loses to the stop", act=sim.close_loses_to_stop, trace="-2022"),
    FaultCase("cancel loses to the fill", act=sim.cancel_loses_to_fill, trace="-2011"),
    FaultCase("move meets a gap", act=move_meets_gap, trace="-2021"),
    FaultCase("self-trade", act=sim.self_trade, trace="PositionClosed"),
    FaultCase(
        "self-trade expires the entry",
        act=entry_meets_own,
        cash={"USDT": D(10_000), "AAA": D(5)},
        trace="EXPIRED_IN_MATCH",
    ),
    FaultCase(
        "self-trade expires the target",
        act=exit_meets_own,
        changes={"algo_orders_max": 2},
        trace="EXPIRED_IN_MATCH",
    ),
    FaultCase("gap through the stop, release refused", act=sim.gap_through_stop, trace="REJECTED"),
    FaultCase("list ended in the same call", act=gap_before_the_entry, trace="REJECTED"),
    FaultCase("slots full", act=sim.close_soon, changes={"algo_orders_max": 1}, trace="ALGO_SLOTS"),
    FaultCase(
        "slots short",
        act=sim.close_soon,
        changes={"algo_orders_max": 2},
        trace="order_type=<OrderType.LIMIT_MAKER",
    ),
    FaultCase(
        "BNB short in mid-fill",
        execution=ExecutionSettings(pay_fees_in_bnb=True, bnb_reserve_trades=0),
        cash={"USDT": D(10_000), "BNB": D("0.0009")},
        symbols=(SYMBOL, "BNBUSDT"),
        trace="commission_asset='BNB'",
    ),
    *[
        FaultCase(f"killed at request {number}, {delay // MILLISECOND} ms on", act=crash_at(number, delay))
        for number in (1, 2, 3)
        for delay in (0, 10 * MILLISECOND, 30 * MILLISECOND, 60 * MILLISECOND, 400 * MILLISECOND)
    ],
)


def make_world(plan: PlanCase, fault: FaultCase, *, over_websocket: bool = True) -> BoxWorld:
    """The world of a plan and a fault."""
    options: dict[str, Any] = {
        "symbols": fault.symbols,
        "changes": {**plan.changes, **fault.changes},
        "execution": fault.execution,
        "cash": fault.cash,
        "settings": BinanceSettings(over_websocket=over_websocket),
    }
    return HandWorld(OrderType(plan.name), **options) if plan in BY_HAND else BoxWorld(**options)


async def play(
    plan: PlanCase, outcome: Outcomes, fault: FaultCase, *, over_websocket: bool = True
) -> BoxWorld:
    """Play one combination: a minute of story, then the price falls through every stop. The world has ended."""
    world = make_world(plan, fault, over_websocket=over_websocket)
    async with world:
        rules = fault.rules()
        for rule in rules:
            world.fault(rule)
        for endpoint in ALL:
            world.fault(
                CallFault(endpoint=endpoint, outcome=DELAYED, times=None, delay_us=WAY, answer_delay_us=WAY)
            )
        outcome(world, plan)
        if fault.act is not None:
            fault.act(world)
        await world.run(70 * SECOND)
        await world.audit()
        world.price(SYMBOL, D(90), volume=D(1000))
        await world.audit()
        world.hits = sum(rule.hits for rule in rules)
        world.told = "\n".join(str(record.event) for record in world.records)
    return world
