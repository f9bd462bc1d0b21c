"""Stories told once: close, reduce, add, move, trail, two traders, coins that leave, manual orders, emergency stop."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import (
    AdjustProtection,
    CancelAll,
    CancelOrder,
    ClosePosition,
    EmergencyStop,
    PlaceOrder,
    Resume,
)
from fillwright.core.requests import CancelRequest, OrderRequest
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    OrderType,
    PositionDecision,
    PositionStatus,
    Side,
    SignalStatus,
    TimeInForce,
)
from fillwright.exchange.faults import (
    EventFault,
    EventOutcome,
    EventRule,
    FaultPlan,
    Outcome,
    RequestFault,
    Rule,
)
from tests.sim.harness import ACCOUNT, D, World, make_instrument
from tests.sim.scenarios import SYMBOL

FAULTS: dict[str, Callable[[], FaultPlan]] = {
    "none": FaultPlan,
    "answers lost": lambda: FaultPlan(rules=_rules(Outcome.ANSWER_LOST)),
    "requests lost": lambda: FaultPlan(rules=_rules(Outcome.LOST)),
    "503 after execution": lambda: FaultPlan(rules=_rules(Outcome.MASKED)),
    "reports lost": lambda: FaultPlan(
        event_rules=[EventRule(fault=EventFault(EventOutcome.DROPPED), skip=8, times=40)]
    ),
    "reports twice, late": lambda: FaultPlan(
        event_rules=[
            EventRule(fault=EventFault(EventOutcome.DUPLICATED, 700 * MILLISECOND), skip=4, times=500)
        ]
    ),
}


def _rules(outcome: Outcome) -> list[Rule]:
    """Faults of the changes that follow the entry."""
    fault = RequestFault(outcome, http_status=503)
    rules = [
        Rule(fault=fault, kind=kind, times=2)
        for kind in ("CancelRequest", "CancelListRequest", "CancelReplaceRequest", "AmendRequest")
    ]
    return [*rules, Rule(fault=fault, kind="OrderRequest", skip=0, times=1)]


def in_position(world: World, **fields: object) -> World:
    """An armed position."""
    world.signal(**fields)  # type: ignore[arg-type]
    world.run(SECOND)
    assert world.position().stop_order_id
    return world


def signal_status(world: World) -> SignalStatus:
    """What has become of the first signal."""
    return world.engine.state.signals[1].status


faulty = pytest.mark.parametrize("fault", FAULTS)


# -- close, reduce, add, move --------------------------------------------------------------------------------------


@faulty
def test_close(fault: str) -> None:
    world = in_position(World(faults=FAULTS[fault]()))
    world.command(ClosePosition(position_id=1, by="ops"))
    world.audit()
    position = world.position()
    assert position.status is PositionStatus.CLOSED
    assert position.exit_reason == "ops: operator"
    assert world.exchange.open_orders(ACCOUNT) == ()


def test_a_close_is_one_request() -> None:
    world = in_position(World())
    before = len(world.requests)
    world.command(ClosePosition(position_id=1, by="ops"))
    world.audit()
    assert [type(request).__name__ for _, request in world.requests[before:]] == ["CancelReplaceRequest"]


@faulty
def test_reduce(fault: str) -> None:
    world = in_position(World(faults=FAULTS[fault]()))
    held = world.position().quantity
    world.decide(PositionDecision.REDUCE, fraction=D("0.5"))
    world.audit()
    position = world.position()
    assert position.status is PositionStatus.OPEN
    assert abs(position.quantity - held / 2) <= D("0.0002")
    assert world.live_stop().quantity == position.quantity - position.quantity % D("0.0001")


@pytest.mark.parametrize("amendable", [True, False])
def test_reduce_by_amending_or_anew(amendable: bool) -> None:
    world = in_position(World(instruments=[make_instrument(amend_allowed=amendable)]))
    world.decide(PositionDecision.REDUCE, fraction=D("0.5"))
    world.audit()
    kinds = [type(request).__name__ for _, request in world.requests[1:]]
    anew = ["CancelListRequest", "OrderListRequest", "OrderRequest"]
    assert sorted(kinds) == (["AmendRequest", "OrderRequest"] if amendable else anew)
    assert bool(world.events(ev.PositionUnprotected)) is not amendable


def test_amended_too_often_it_is_placed_anew() -> None:
    world = in_position(World(instruments=[make_instrument(amends_max=1)]), quote=D(900))
    for _ in range(3):
        world.decide(PositionDecision.REDUCE, quantity=D(1))
        world.run(5 * SECOND)
    world.audit()
    assert world.position().exit_quantity == 3
    assert len(world.events(ev.OrderAmendRefused)) >= 1


@faulty
def test_add(fault: str) -> None:
    world = in_position(World(faults=FAULTS[fault]()))
    assert world.decide(PositionDecision.ADD, quote=D(100)).ok
    world.audit()
    position = world.position()
    added = {"requests lost": 1, "none": 2}.get(fault)
    if added is not None:  # a market order in doubt is never sent again
        filled = [name for name in position.entry_order_ids if world.engine.state.orders[name].fills]
        assert len(filled) == added
    assert world.live_stop().quantity == position.quantity - position.quantity % D("0.0001")


@faulty
@pytest.mark.parametrize("target", [None, D(110)])
def test_move_the_stop(target: object, fault: str) -> None:
    """Refused while the outcome of a move is unknown would be fine as well; at the end it is where it is meant."""
    world = in_position(World(faults=FAULTS[fault]()), target=target)
    assert world.decide(PositionDecision.ADJUST_STOP_LOSS, price=D("97.3")).ok
    world.audit()
    assert world.live_stop().stop_price == world.position().stop_loss
    if fault == "none":
        assert world.live_stop().stop_price == D("97.3")
        assert world.position().unprotected_last_us <= 100 * MILLISECOND


@faulty
def test_move_the_target(fault: str) -> None:
    world = in_position(World(faults=FAULTS[fault]()))
    assert world.decide(PositionDecision.ADJUST_TAKE_PROFIT, price=D("104.2")).ok
    world.audit()
    world.price(SYMBOL, D("104.3"))
    world.audit()
    assert world.position().status is PositionStatus.CLOSED
    assert world.position().exit_reason == "take_profit"


def test_a_stop_is_widened_by_nobody_but_an_operator() -> None:
    world = in_position(World())
    assert not world.decide(PositionDecision.ADJUST_STOP_LOSS, price=D(90)).ok
    assert not world.command(AdjustProtection(position_id=1, by="ops", stop_loss=D(90))).ok
    assert world.command(AdjustProtection(position_id=1, by="ops", stop_loss=D(90), widen=True)).ok
    world.audit()
    assert world.live_stop().stop_price == D(90)


def test_many_wishes_at_once() -> None:
    """Move, reduce, add and close within one latency: the last word holds, nothing is sold twice."""
    world = in_position(World())
    world.decide(PositionDecision.ADJUST_STOP_LOSS, price=D(96))
    world.decide(PositionDecision.REDUCE, fraction=D("0.3"))
    world.decide(PositionDecision.ADD, quote=D(50))
    world.decide(PositionDecision.CLOSE)
    world.audit()
    assert world.position().status is PositionStatus.CLOSED


# -- trailing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("fault", ["none", "reports twice, late"])
def test_a_trailing_stop_follows_the_price_and_sells(native: bool, fault: str) -> None:
    instrument = make_instrument(trailing_allowed=native)
    world = in_position(World(instruments=[instrument], faults=FAULTS[fault]()), trailing=True, target=None)
    assert (world.live_stop().trailing_delta is not None) is native
    for price in range(101, 109):
        world.price(SYMBOL, D(price))
        world.run(11 * SECOND)
    world.audit()
    for level in (106, 104, D("102.5")):
        world.price(SYMBOL, D(level), volume=D(100))
        world.run(SECOND)
    world.audit()
    position = world.position()
    assert position.status is PositionStatus.CLOSED
    assert position.realized > 0
    assert position.exit_reason == "stop_loss"


# -- whose coins ---------------------------------------------------------------------------------------------------


def test_two_traders_in_one_symbol() -> None:
    """One's exit sells its own coins; the other's stop stays where it is."""
    world = World()
    world.signal(trader_id="ada")
    world.run(SECOND)
    world.signal(trader_id="bob", stop=D(96))
    world.run(SECOND)
    world.command(ClosePosition(position_id=1, by="ops"))
    world.run(SECOND)
    assert world.position(1).status is PositionStatus.CLOSED
    assert world.live_stop().stop_price == D(96)
    world.audit()
    world.price(SYMBOL, D("95.5"))
    world.audit()
    assert world.position(2).exit_reason == "stop_loss"


def test_an_exit_does_not_eat_the_others_limit_exit() -> None:
    """Self-trade prevention: a resting target in the way of a market exit expires, and is noticed."""
    world = World(instruments=[make_instrument(algo_orders_max=5)])
    world.signal(trader_id="ada")
    world.run(SECOND)
    world.signal(trader_id="bob", stop=D(96))
    world.run(SECOND)
    for price in ("100.5", "99.5", "101"):
        world.price(SYMBOL, D(price))
        world.run(SECOND)
    world.decide(PositionDecision.CLOSE, 1)
    world.audit()


def test_the_users_own_coins_are_never_sold() -> None:
    world = World(cash={"USDT": D(10_000), "AAA": D(5)})
    in_position(world)
    world.price(SYMBOL, D(94))
    world.run(SECOND)
    world.signal(stop=D(90), target=D(99))
    world.run(SECOND)
    world.command(EmergencyStop(by="ops", flatten=True))
    world.audit()
    held = {balance.asset: balance.free + balance.locked for balance in world.exchange.balances(ACCOUNT)}
    assert D(5) <= held["AAA"] < D("5.001")
    assert world.engine.ledger.open_positions == {}


def test_an_exit_heard_of_before_its_entry_is_not_sold_again() -> None:
    """The report of the entry's fill is lost, the stop's comes: the user's own coins stay."""
    rules = [
        EventRule(fault=EventFault(EventOutcome.DROPPED), kind="ExecutionReport", skip=3, times=1),
    ]
    world = World(cash={"USDT": D(10_000), "AAA": D(5)}, faults=FaultPlan(event_rules=rules))
    world.signal(limit=D(99))
    world.at(200 * MILLISECOND, lambda: world.price(SYMBOL, D("98.5"), volume=D(100)))
    world.at(210 * MILLISECOND, lambda: world.price(SYMBOL, D(94), volume=D(100)))
    world.audit()
    position = world.position()
    assert position.status is PositionStatus.CLOSED
    assert position.exit_reason == "stop_loss"
    assert position.exit_quantity <= position.entry_quantity
    assert position.realized < 0
    held = {balance.asset: balance.free + balance.locked for balance in world.exchange.balances(ACCOUNT)}
    assert held["AAA"] >= 5


@pytest.mark.parametrize("part", [D("0.9"), D(2)])
def test_coins_withdrawn_by_another_hand(part: object) -> None:
    """The user cancels the protection and moves coins away: what is left is protected, what is gone is booked."""
    world = in_position(World())
    held = world.position().quantity
    world.outside(CancelRequest(symbol=SYMBOL, orig_client_order_id="RT_sim_1_S_1"))
    gone = min(D(str(part)), world.exchange.balances(ACCOUNT)[1].free)
    world.withdraw("AAA", gone)
    world.audit()
    position = world.position()
    assert position.closed_outside > 0
    assert (
        position.quantity + position.closed_outside + position.exit_quantity + position.dust_quantity <= held
    )
    assert "CLOSED_OUTSIDE" in {code for _, code in world.alerts}


def test_coins_sold_by_another_hand() -> None:
    """Without a word on any stream but of an order that is not ours."""
    world = in_position(World())
    world.outside(CancelRequest(symbol=SYMBOL, orig_client_order_id="RT_sim_1_S_1"))
    free = next(one.free for one in world.exchange.balances(ACCOUNT) if one.asset == "AAA")
    world.outside(
        OrderRequest(
            symbol=SYMBOL,
            side=Side.SELL,
            type=OrderType.MARKET,
            client_order_id="mine",
            quantity=free - free % D("0.0001"),
        )
    )
    world.audit()
    position = world.position()
    assert position.is_ended
    assert position.closed_outside > 0
    assert position.exit_quantity == 0


# -- manual orders -------------------------------------------------------------------------------------------------


def manual(world: World, price: object = None, quantity: object = D(1), side: Side = Side.BUY) -> str:
    """Place a manual order and give its id."""
    answer = world.command(
        PlaceOrder(
            by="ops",
            symbol=SYMBOL,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=D(str(quantity)),
            price=None if price is None else D(str(price)),
            time_in_force=None if price is None else TimeInForce.GTC,
        )
    )
    assert answer.ok, answer
    return answer.orders[0]


@faulty
def test_manual_orders(fault: str) -> None:
    world = World(faults=FAULTS[fault]())
    bought = manual(world)
    world.run(30 * SECOND)
    resting = manual(world, D(95))
    world.run(30 * SECOND)
    world.command(CancelOrder(client_order_id=resting, by="ops"))
    world.run(60 * SECOND)
    world.audit()
    orders = world.engine.state.orders
    assert orders[resting].is_final
    assert orders[bought].is_final
    ended = world.command(CancelOrder(client_order_id=resting, by="ops"))
    assert ended.code == "ORDER_ENDED"
    assert orders[resting].state in ended.message
    assert world.engine.ledger.open_positions == {}


def test_cancel_all_leaves_protection() -> None:
    world = in_position(World())
    manual(world, D(95))
    world.signal(limit=D(98), trader_id="bob")
    world.run(SECOND)
    answer = world.command(CancelAll(by="ops"))
    assert len(answer.orders) == 2
    world.audit()
    assert world.live_stop().client_order_id == "RT_sim_1_S_1"
    assert world.position(2).failure_status == "cancelled"


# -- emergency stop ------------------------------------------------------------------------------------------------


@faulty
@pytest.mark.parametrize("flatten", [False, True])
def test_emergency_stop_in_the_midst_of_everything(flatten: bool, fault: str) -> None:
    """A position, a partly filled entry, an entry under way, a move under way, a manual order."""
    world = in_position(World(faults=FAULTS[fault]()))
    manual(world, D(94))
    world.signal(limit=D(99), trader_id="bob", stop=D(96), target=None)
    world.run(SECOND)
    world.price(SYMBOL, D("98.9"), volume=D("0.9"))
    world.run(30 * MILLISECOND)
    world.price(SYMBOL, D(100))
    world.signal(trader_id="eve", stop=D(97))
    world.decide(PositionDecision.ADJUST_STOP_LOSS, price=D(98))
    world.command(EmergencyStop(by="ops", flatten=flatten, reason="drill"))
    world.audit()
    state = world.engine.state
    assert state.safety.halted_cause == "emergency_stop"
    entries = [view for view in world.exchange.open_orders(ACCOUNT) if view.side is Side.BUY]
    assert entries == []
    if flatten:
        assert world.engine.ledger.open_positions == {}
        assert world.exchange.open_orders(ACCOUNT) == ()
    denied = world.signal(trader_id="new")
    assert denied.code == "HALTED"
    assert not world.command(Resume(by="ops", reason=" ")).ok
    assert world.command(Resume(by="ops", reason="drill over")).ok
    world.price(SYMBOL, D(100))
    assert world.signal(trader_id="newer", stop=D(97)).ok
    world.audit()


def test_a_halt_survives_a_restart() -> None:
    world = in_position(World())
    world.command(EmergencyStop(by="ops"))
    world.crash()
    world.run(5 * SECOND)
    assert world.signal(trader_id="new").code == "HALTED"
    world.audit()
    assert world.live_stop().quantity > 0


# -- what a venue does once in a while -----------------------------------------------------------------------------


def test_late_fill_of_an_entry_thought_never_to_have_arrived() -> None:
    """A list that arrives after half a minute, longer than any venue would let it: protected at once all the same."""
    slow = RequestFault(Outcome.DELAYED, delay_us=40 * SECOND)
    world = World(faults=FaultPlan(rules=[Rule(fault=slow, kind="OrderListRequest")]))
    world.signal()
    world.run(35 * SECOND)
    assert world.position().failure_status == "never_arrived"
    assert signal_status(world) is SignalStatus.FAILED
    world.run(10 * SECOND)
    assert signal_status(world) is SignalStatus.IN_POSITION
    world.audit()
    assert world.live_stop().quantity > 0


def test_protection_that_the_venue_keeps_refusing_is_not_a_storm() -> None:
    """Every order on the symbol is refused for two minutes: tried again with a back-off, then protected."""
    refusals = [
        Rule(fault=RequestFault(Outcome.REFUSED, -1015, 429), kind=kind, skip=skip, times=1000)
        for kind, skip in (("OrderListRequest", 0), ("OrderRequest", 1), ("CancelReplaceRequest", 0))
    ]
    world = World(instruments=[make_instrument(oto_allowed=False)], faults=FaultPlan(rules=refusals))
    world.signal()
    world.run(120 * SECOND)
    assert 4 < len(world.requests) < 30
    assert world.position().status is PositionStatus.OPEN
    world.audit()
    assert world.live_stop().quantity > 0


def test_a_sale_that_finds_no_buyers_is_no_storm() -> None:
    """The engine's own target is reached and the book is empty: a stop stands between the tries, ever further apart."""
    world = World(instruments=[make_instrument(oto_allowed=False, oco_allowed=False)])
    in_position(world, target=D(103))
    book = [(D("100.01"), D(0))]
    world.exchange.on_depth(SYMBOL, book, [(D("103.2"), D(100))], world.now, snapshot=True)
    world.price(SYMBOL, D("103.1"))
    world.exchange.on_depth(SYMBOL, [(D("103.05"), D("0.0001"))], (), world.now, snapshot=False)
    world.seen(SYMBOL)
    world.run(240 * SECOND)
    assert 10 < len(world.events(ev.ExitFailed)) < 40
    assert world.position().unprotected_us < 10 * SECOND
    world.exchange.on_depth(SYMBOL, [(D("103.05"), D(100))], (), world.now, snapshot=False)
    world.seen(SYMBOL)
    world.audit()
    assert world.position().exit_reason == "take_profit"
    assert world.position().status is PositionStatus.CLOSED


def test_a_stop_larger_than_its_position_is_made_smaller() -> None:
    """Coins left while the position's new exits were under way; they must not hold those of another position."""
    world = World()
    in_position(world)
    world.signal(trader_id="bob", stop=D(96))
    world.run(SECOND)
    world.faults.rules.append(
        Rule(fault=RequestFault(Outcome.DELAYED, delay_us=5 * SECOND), kind="OrderListRequest")
    )
    world.decide(PositionDecision.ADJUST_STOP_LOSS, 2, price=D(97))
    world.run(200 * MILLISECOND)
    world.withdraw("AAA", D("0.05"))
    world.audit()
    first, second = world.position(1), world.position(2)
    assert second.closed_outside > D("0.04")
    assert first.closed_outside == 0
    held = {view.client_order_id[:8]: view.quantity for view in world.exchange.open_orders(ACCOUNT)}
    assert held["RT_sim_2"] <= second.quantity
    assert held["RT_sim_1"] <= first.quantity
