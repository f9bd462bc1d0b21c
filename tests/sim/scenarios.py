"""What the matrix is made of: entry plans, what the market makes of the entry, and what goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.inputs import CancelOrder, Decision
from fillwright.core.requests import CancelRequest, OrderRequest
from fillwright.core.settings import ExecutionSettings
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    OrderType,
    PositionDecision,
    SelfTradePrevention,
    Side,
    SymbolStatus,
    Time,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange.faults import (
    EventFault,
    EventOutcome,
    EventRule,
    FaultPlan,
    Maintenance,
    Outcome,
    Rates,
    RequestFault,
    Rule,
    StreamOutage,
)
from fillwright.exchange.messages import ExchangeError
from tests.sim.harness import START, World, make_instrument, make_settings

D = Decimal
SYMBOL = "AAAUSDT"
STOP, TARGET = D(95), D(110)


class PlanCase(msgspec.Struct, frozen=True):
    """A plan: what the symbol must not allow for it to be chosen, and whether there is a target."""

    name: str
    changes: dict[str, Any]
    target: Decimal | None


PLANS = (
    PlanCase("OPOCO", {}, TARGET),
    PlanCase("OPO", {}, None),
    PlanCase("OTOCO", {"opo_allowed": False}, TARGET),
    PlanCase("OTO", {"opo_allowed": False}, None),
    PlanCase("OCO", {"oto_allowed": False}, TARGET),
    PlanCase("STOP", {"oto_allowed": False}, None),
)

# -- outcomes of the entry -----------------------------------------------------------------------------------------

Outcomes = Callable[[World, PlanCase], None]


def full_fill(world: World, plan: PlanCase) -> None:
    """A market signal that finds its quantity."""
    world.signal(stop=STOP, target=plan.target)


def partial_then_rest(world: World, plan: PlanCase) -> None:
    """A limit that is filled in two steps within a second."""
    world.signal(stop=STOP, target=plan.target, limit=D(99))
    world.at(200 * MILLISECOND, lambda: world.price(SYMBOL, D("98.5"), volume=D("0.8")))
    world.at(700 * MILLISECOND, lambda: world.price(SYMBOL, D("98.4"), volume=D(100)))


def partial_then_timeout(world: World, plan: PlanCase) -> None:
    """A limit of which a part is filled; the price goes away."""
    world.signal(stop=STOP, target=plan.target, limit=D(99))
    world.at(200 * MILLISECOND, lambda: world.price(SYMBOL, D("98.5"), volume=D("0.8")))
    world.at(400 * MILLISECOND, lambda: world.price(SYMBOL, D(101)))


def dust_then_timeout(world: World, plan: PlanCase) -> None:
    """A limit of which less than may be sold is filled."""
    world.signal(stop=STOP, target=plan.target, limit=D(99))
    world.at(200 * MILLISECOND, lambda: world.price(SYMBOL, D("98.5"), volume=D("0.03")))
    world.at(400 * MILLISECOND, lambda: world.price(SYMBOL, D(101)))


def no_fill(world: World, plan: PlanCase) -> None:
    """A limit that the price never reaches."""
    world.signal(stop=STOP, target=plan.target, limit=D(99))


def rejected(world: World, plan: PlanCase) -> None:
    """The money is gone when the entry arrives."""
    world.signal(stop=STOP, target=plan.target)
    world.withdraw("USDT", D(9_900))


def unfilled_then_repriced(world: World, plan: PlanCase) -> None:
    """The price has run away when the entry arrives; the second attempt finds it."""
    world.signal(stop=STOP, target=plan.target)
    world.price(SYMBOL, D(102))
    world.link.exchange.on_quote(SYMBOL, D("101.99"), D(1000), D(102), D(1000), world.now)


OUTCOMES: dict[str, Outcomes] = {
    function.__name__: function
    for function in (
        full_fill,
        partial_then_rest,
        partial_then_timeout,
        dust_then_timeout,
        no_fill,
        rejected,
        unfilled_then_repriced,
    )
}

# -- what goes wrong -----------------------------------------------------------------------------------------------


class FaultCase(msgspec.Struct, frozen=True):
    """A fault: its plan, made anew for each world, and what a hand does during the story."""

    name: str
    plan: Callable[[], FaultPlan] = FaultPlan
    act: Callable[[World], None] | None = None
    execution: ExecutionSettings | None = None
    cash: dict[str, Decimal] | None = None
    symbols: tuple[str, ...] = (SYMBOL,)
    trace: str = ""
    """What the journal says in some combination at least, or the fault was none."""


def on_requests(fault: RequestFault, kind: str, skip: int, times: int) -> FaultPlan:
    """Let a fault meet requests of a kind, after the first few."""
    return FaultPlan(rules=[Rule(fault=fault, kind=kind, skip=skip, times=times)])


def on_first_orders(fault: RequestFault, times: int = 1) -> Callable[[], FaultPlan]:
    """Let a fault meet the first orders and lists that are placed."""

    def make() -> FaultPlan:
        kinds = ("OrderRequest", "OrderListRequest")
        return FaultPlan(rules=[Rule(fault=fault, kind=kind, times=times) for kind in kinds])

    return make


def on_first_changes(fault: RequestFault, times: int = 1) -> Callable[[], FaultPlan]:
    """Let a fault meet the first cancels and replacements."""

    def make() -> FaultPlan:
        kinds = ("CancelRequest", "CancelListRequest", "CancelReplaceRequest", "AmendRequest")
        return FaultPlan(rules=[Rule(fault=fault, kind=kind, times=times) for kind in kinds])

    return make


def on_reports(
    fault: EventFault, kind: str | None, times: int = 1000, skip: int = 0
) -> Callable[[], FaultPlan]:
    """Let a fault meet events of the stream."""
    return lambda: FaultPlan(event_rules=[EventRule(fault=fault, kind=kind, times=times, skip=skip)])


def outage(begin: Time, end: Time, *, is_mute: bool = False) -> Callable[[], FaultPlan]:
    """Lose the stream's events for a while."""
    return lambda: FaultPlan(outages=(StreamOutage(START + begin, START + end, is_mute),))


def maintenance(begin: Time, end: Time, status: SymbolStatus) -> Callable[[], FaultPlan]:
    """Let the symbol not trade for a while."""
    return lambda: FaultPlan(maintenance=(Maintenance(SYMBOL, START + begin, START + end, status),))


LOST = RequestFault(Outcome.LOST)
ANSWER_LOST = RequestFault(Outcome.ANSWER_LOST)
SLOW = RequestFault(Outcome.DELAYED, delay_us=4 * SECOND)


def error(outcome: Outcome, code: int | None, status: int = 0) -> RequestFault:
    """An error answer, with (MASKED) or without (REFUSED) the request being carried out."""
    return RequestFault(outcome, code, status)


def move_base_away(world: World) -> None:
    """Every 50 ms somebody else takes the free coins."""

    def take() -> None:
        for balance in world.exchange.balances(world.account_id):
            if balance.asset == "AAA" and balance.free > D("0.01"):
                world.withdraw("AAA", balance.free)

    for step in range(1, 40):
        world.at(step * 50 * MILLISECOND, take)


def exits_cancelled_by_exchange(world: World) -> None:
    """The exchange cancels everything on the symbol."""
    world.at(3 * SECOND, lambda: _cancel_all_by_exchange(world))


def _cancel_all_by_exchange(world: World) -> None:
    world.exchange.set_status(SYMBOL, SymbolStatus.TRADING, world.now, cancel_orders=True)
    world.link.collect(world.now)


def exits_cancelled_by_user(world: World) -> None:
    """The user cancels the protection in another app."""

    def act() -> None:
        for view in world.exchange.open_orders(world.account_id, SYMBOL):
            if view.side is Side.SELL and view.status is not VenueOrderStatus.PENDING_NEW:
                world.outside(CancelRequest(symbol=SYMBOL, order_id=view.order_id))
                return

    world.at(3 * SECOND, act)


def thin_exit(world: World) -> None:
    """The book is thin when the position is closed: part is sold, the rest expires."""

    def act() -> None:
        bids = ((D("99.9"), D("0.7")), (D("99.8"), D("0.2")))
        asks = ((D("100.1"), D(1000)),)
        world.exchange.on_depth(SYMBOL, bids, asks, world.now, snapshot=True)
        world.seen(SYMBOL)
        close(world)

    def deep() -> None:
        world.exchange.on_depth(
            SYMBOL, ((D("99.9"), D(1000)),), ((D("100.1"), D(1000)),), world.now, snapshot=True
        )
        world.seen(SYMBOL)

    world.at(3 * SECOND, act)
    world.at(3500 * MILLISECOND, deep)


def close(world: World) -> None:
    """The trader closes whatever is open."""
    for position in list(world.engine.ledger.open_positions.values()):
        world.decide(PositionDecision.CLOSE, position.id)


def close_loses_to_stop(world: World) -> None:
    """The stop triggers while the close is under way (-2022, or -2011)."""

    def act() -> None:
        close(world)
        world.price(SYMBOL, D(94))

    world.at(3 * SECOND, act)


def cancel_loses_to_fill(world: World) -> None:
    """The entry fills while its cancel is under way."""

    def act() -> None:
        for order in list(world.engine.ledger.open_orders.values()):
            if order.leg == "E":
                world.command(CancelOrder(client_order_id=order.id, by="ops"))
        world.price(SYMBOL, D("98.5"), volume=D(100))

    world.at(100 * MILLISECOND, act)


def move_meets_gap(world: World) -> None:
    """The stop is moved up and the price has fallen below the new level when it arrives (-2021)."""

    def act() -> None:
        for position in list(world.engine.ledger.open_positions.values()):
            if position.stop_loss is not None:
                world.command(
                    Decision(
                        position_id=position.id, decision=PositionDecision.ADJUST_STOP_LOSS, price=D("97.5")
                    )
                )
        world.price(SYMBOL, D("96.5"))

    world.at(3 * SECOND, act)


def self_trade(world: World) -> None:
    """An order of the user's own stands in the way of the exit."""

    def act() -> None:
        try:
            world.outside(
                OrderRequest(
                    symbol=SYMBOL,
                    side=Side.BUY,
                    type=OrderType.LIMIT,
                    client_order_id="mine",
                    time_in_force=TimeInForce.GTC,
                    quantity=D(1),
                    price=D("98.6"),
                    stp=SelfTradePrevention.EXPIRE_MAKER,
                )
            )
        except ExchangeError:
            return
        world.price(SYMBOL, D("98.61"))
        close(world)

    world.at(3 * SECOND, act)


def gap_through_stop(world: World) -> None:
    """The price falls through the stop in the moment of the fill."""
    world.at(51 * MILLISECOND, lambda: world.price(SYMBOL, D(94), volume=D(1000)))


def rally(world: World) -> None:
    """The target is reached."""
    world.at(5 * SECOND, lambda: world.price(SYMBOL, D("110.5"), volume=D(1000)))


def close_soon(world: World) -> None:
    """The trader closes after three seconds."""
    world.at(3 * SECOND, lambda: close(world))


REFUSED, MASKED = Outcome.REFUSED, Outcome.MASKED
MUTE = EventFault(EventOutcome.DROPPED)
TWICE = EventFault(EventOutcome.DUPLICATED, 300 * MILLISECOND)
LATE = EventFault(EventOutcome.DELAYED, 5 * SECOND)
UNTIDY = Rates(event_delayed=0.5, event_delay_us=400 * MILLISECOND)
HALT, CANCEL_ONLY, BREAK = SymbolStatus.HALT, SymbolStatus.CANCEL_ONLY, SymbolStatus.BREAK
FAULTS = (
    FaultCase("none", trace="PositionClosed"),
    FaultCase("target reached", act=rally, trace="reason='take_profit'"),
    FaultCase("place lost", on_first_orders(LOST), trace="never arrived"),
    FaultCase("place answer lost", on_first_orders(ANSWER_LOST), trace="PositionProtected"),
    FaultCase("place slow", on_first_orders(SLOW), trace="PositionProtected"),
    FaultCase("place -1007 executed", on_first_orders(error(MASKED, -1007)), trace="-1007"),
    FaultCase("place -1007 not executed", on_first_orders(error(REFUSED, -1007)), trace="-1007"),
    FaultCase("place 503 executed", on_first_orders(error(MASKED, None, 503)), trace="503"),
    FaultCase("place 503 not executed", on_first_orders(error(REFUSED, None, 503)), trace="503"),
    FaultCase("place -1000 executed", on_first_orders(error(MASKED, -1000)), trace="-1000"),
    FaultCase("place 429", on_first_orders(error(REFUSED, -1003, 429)), trace="RateLimited"),
    FaultCase("place -1021", on_first_orders(error(REFUSED, -1021)), trace="-1021"),
    FaultCase("protection lost", lambda: on_requests(LOST, "OrderListRequest", 0, 3), trace="resent=True"),
    FaultCase("protection unheard", lambda: on_requests(ANSWER_LOST, "OrderListRequest", 0, 3)),
    FaultCase("change lost", on_first_changes(LOST), close_loses_to_stop, trace="OrderUnknown"),
    FaultCase("change answer lost", on_first_changes(ANSWER_LOST), close_soon, trace="PositionClosed"),
    FaultCase("change 503", on_first_changes(error(REFUSED, None, 503)), close_soon, trace="503"),
    FaultCase(
        "changes 429", on_first_changes(error(REFUSED, -1003, 429), 8), close_soon, trace="CancelRefused"
    ),
    FaultCase("changes -1021", on_first_changes(error(REFUSED, -1021), 2), close_soon, trace="CancelRefused"),
    FaultCase("duplicate reports", on_reports(TWICE, None)),
    FaultCase("late reports", on_reports(LATE, "ExecutionReport"), trace="OrderPartiallyFilled"),
    FaultCase("one late report", on_reports(LATE, "ExecutionReport", 1, 1)),
    FaultCase("reordered reports", lambda: FaultPlan(seed=7, rates=UNTIDY)),
    FaultCase("all reports lost", on_reports(MUTE, None), trace="OrderQueried"),
    FaultCase("stream drops", outage(0, 20 * SECOND), trace="connected=False"),
    FaultCase("stream mute for a minute", outage(0, 60 * SECOND, is_mute=True), trace="OrderQueried"),
    FaultCase("halt", maintenance(2 * SECOND, 40 * SECOND, HALT)),
    FaultCase("cancel only", maintenance(0, 40 * SECOND, CANCEL_ONLY), trace="Market is closed"),
    FaultCase("break", maintenance(2 * SECOND, 40 * SECOND, BREAK), close_soon, trace="exit_blocked=True"),
    FaultCase("base moved away", act=move_base_away, trace="closed_outside"),
    FaultCase("exits cancelled by the exchange", act=exits_cancelled_by_exchange, trace="EXCHANGE_CANCELED"),
    FaultCase("exits cancelled by the user", act=exits_cancelled_by_user, trace="PositionUnprotected"),
    FaultCase("thin exit", act=thin_exit, trace="INSUFFICIENT_LIQUIDITY"),
    FaultCase("close loses to the stop", act=close_loses_to_stop, trace="-2022"),
    FaultCase("cancel loses to the fill", act=cancel_loses_to_fill, trace="-2011"),
    FaultCase("move meets a gap", act=move_meets_gap, trace="-2021"),
    FaultCase("self-trade", act=self_trade, trace="PositionClosed"),
    FaultCase("gap through the stop", act=gap_through_stop, trace="PositionClosed"),
    FaultCase(
        "BNB short in mid-fill",
        execution=ExecutionSettings(pay_fees_in_bnb=True, bnb_reserve_trades=0),
        cash={"USDT": D(10_000), "BNB": D("0.0009")},
        symbols=(SYMBOL, "BNBUSDT"),
        trace="commission_asset='BNB'",
    ),
)


def play(plan: PlanCase, outcome: Outcomes, fault: FaultCase, *, ends: bool = True) -> World:
    """Play one combination: a minute of story, then the price falls through every stop."""
    world = World(
        instruments=[make_instrument(symbol, **plan.changes) for symbol in fault.symbols],
        faults=fault.plan(),
        settings=make_settings(execution=fault.execution),
        cash=fault.cash,
    )
    outcome(world, plan)
    if fault.act is not None:
        fault.act(world)
    world.run(70 * SECOND)
    world.audit()
    if ends:
        world.price(SYMBOL, D(90), volume=D(1000))
        world.audit()
    return world
