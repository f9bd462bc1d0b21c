"""What a shadow is told of what its real account was told, and what it misses."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.effects import Send
from fillwright.core.inputs import (
    AdjustProtection,
    CancelAll,
    CancelOrder,
    ChangeLimits,
    ChangeSettings,
    ClosePosition,
    Decision,
    EmergencyStop,
    Entry,
    LiftRolloutCap,
    Pause,
    PlaceOrder,
    Resume,
    SignalAdvice,
    SwitchMode,
)
from fillwright.core.settings import ExecutionSettings, RiskLimits, RolloutSettings
from fillwright.core.types import Leg, OrderType, PositionDecision, Side, SignalDecision
from fillwright.ports import DiskFullError
from fillwright.runtime.account import READY
from fillwright.runtime.errors import NotStoredError
from tests.runtime.builders import NOW, SYMBOL, D, make_settings, make_signal, run
from tests.runtime.shadows import Beside
from tests.sim.harness import MUCH


async def entered(two: Beside, key: str, **changes: Any) -> int:
    """A position that is open in both accounts; the real one's id."""
    two.clock.move(2_000_000)
    two.price(100)
    answer = await two.real.submit(make_signal(key, created_at=two.clock.now(), **changes))
    assert answer.ok, answer
    signals = len(two.events(ev.SignalReceived))
    await two.until(lambda: len(two.events(ev.SignalReceived)) > signals or two.shadow.status.missed)
    await two.settled()
    return answer.position_id


def test_each_signal_is_taken_once_and_its_twin_is_found_by_its_key(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            signal = make_signal("a", trader_id="ada")
            first = await two.real.submit(signal)
            assert (await two.real.submit(signal)).repeated
            conflict = await two.real.submit(make_signal("a", trader_id="ada", take_profit=D(112)))
            assert conflict.code == "KEY_CONFLICT"
            denied = await two.real.submit(make_signal("b", trader_id="bob", created_at=NOW - 10**9))
            assert denied.code == "SIGNAL_STALE"
            await two.settled()
            received = two.events(ev.SignalReceived)
            assert [(one.signal.trader_id, one.signal.key) for one in received] == [
                ("ada", f"shadow:{first.signal_id}"),
                ("bob", f"shadow:{denied.signal_id}"),
            ]
            assert [one.code for one in two.events(ev.SignalDenied)] == ["SIGNAL_STALE"]
            assert two.open_positions() == (1, 1)
            assert (two.shadow.status.mirrored, two.shadow.status.missed) == (2, 0)

    run(story())


def test_commands_find_the_twin_of_their_position(tmp_path: Path) -> None:
    """The shadow's ids are others: it has missed a signal."""

    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            follower, two.real.follower = two.real.follower, None
            alone = (await two.real.submit(make_signal("alone", trader_id="zoe"))).position_id
            two.real.follower = follower
            shared = await entered(two, "a")
            assert (alone, shared, two.open_positions()) == (1, 2, (2, 1))
            (twin,) = two.account.engine.ledger.open_positions.values()
            assert twin.id == 1
            moved = AdjustProtection(position_id=shared, by="eve", stop_loss=D(96), key="k")
            assert (await two.real.submit(moved)).ok
            assert (await two.real.submit(moved)).repeated
            half = Decision(
                position_id=shared, decision=PositionDecision.REDUCE, fraction=D("0.5"), by="trader"
            )
            await two.real.submit(half)
            await two.settled()
            assert twin.stop_loss == D(96)
            (reduced,) = two.events(ev.PositionReduceRequested)
            assert reduced.position_id == twin.id
            await two.real.submit(ClosePosition(position_id=alone, by="eve"))
            await two.settled()
            assert len(two.account.engine.ledger.open_positions) == 1, "it was nobody's twin"
            await two.real.submit(ClosePosition(position_id=shared, by="eve", key="c"))
            await two.until(lambda: two.open_positions() == (0, 0), "both are closed")

    run(story())


def test_a_command_that_comes_before_the_shadow_is_filled_waits_until_it_is(tmp_path: Path) -> None:
    """The real account is quicker: it has bought, moved and sold while the shadow's entry is under way."""

    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            two.shadow_venue.held = lambda effect: isinstance(effect, Send)
            number = (await two.real.submit(make_signal("a"))).position_id
            await two.until(lambda: two.open_positions() == (1, 1), "entered, and sent")
            await two.real.submit(AdjustProtection(position_id=number, by="eve", stop_loss=D(96)))
            await two.real.submit(ClosePosition(position_id=number, by="eve"))
            await two.until(lambda: two.open_positions() == (0, 1), "the real one is out")
            await two.settled()
            two.shadow_venue.release()
            await two.until(lambda: two.open_positions() == (0, 0), "the shadow follows")
            (closed,) = two.events(ev.PositionClosed)
            assert closed.reason.startswith("eve: ")
            assert [one.stop_loss for one in two.events(ev.PositionUpdated) if one.stop_loss] == [D(96)]
            assert two.shadow.status.missed == 0

    run(story())


def test_what_rests_in_the_shadow_alone_is_cancelled_once_the_real_position_is_left(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            signal = make_signal("a", entry=Entry("limit", D(99)))
            number = (await two.real.submit(signal)).position_id
            await two.until(lambda: two.open_positions() == (1, 1), "both rest")
            two.venue.market.trade(SYMBOL, D(98), MUCH, True, two.clock.now())
            await two.until(lambda: two.real.engine.ledger.open_positions[number].quantity, "one is filled")
            await two.real.submit(ClosePosition(position_id=number, by="eve"))
            await two.until(lambda: two.open_positions() == (0, 0), "neither is left")
            assert two.events(ev.OrderFilled) == []

    run(story())


def test_advice_finds_the_twin_of_its_signal(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            follower, two.real.follower = two.real.follower, None
            await two.real.submit(make_signal("alone", trader_id="zoe", decision=SignalDecision.WAIT))
            two.real.follower = follower
            waiting = await two.real.submit(make_signal("a", decision=SignalDecision.WAIT))
            for signal_id in (waiting.signal_id, waiting.signal_id - 1):
                await two.real.submit(
                    SignalAdvice(signal_id=signal_id, decision=SignalDecision.BAD_SETUP, reasoning="no")
                )
            await two.settled()
            assert [one.signal_id for one in two.events(ev.DecisionMade)] == [1]

    run(story())


def test_a_cancelled_entry_is_cancelled_in_both_and_manual_orders_are_the_real_accounts_alone(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            await entered(two, "a", limit=D(99))
            entry = next(one for one in two.real.engine.ledger.open_orders.values() if one.leg is Leg.ENTRY)
            placed = await two.real.submit(
                PlaceOrder(
                    by="eve", symbol=SYMBOL, side=Side.BUY, type=OrderType.LIMIT, quantity=D(1), price=D(98)
                )
            )
            assert placed.ok, placed
            await two.settled()
            assert {one.leg for one in two.account.engine.ledger.open_orders.values()} >= {Leg.ENTRY}
            assert not two.events(ev.OrderDenied)
            assert Leg.MANUAL not in {one.leg for one in two.account.engine.state.orders.values()}
            assert (await two.real.submit(CancelOrder(client_order_id=entry.id, by="eve"))).ok
            assert (await two.real.submit(CancelOrder(client_order_id=placed.orders[0], by="eve"))).ok
            await two.until(lambda: not two.account.engine.ledger.open_orders, "cancelled")
            await entered(two, "b", trader_id="bob", limit=D(99))
            assert two.account.engine.ledger.open_orders
            await two.real.submit(CancelAll(by="eve"))
            await two.until(lambda: not two.account.engine.ledger.open_orders, "cancelled")

    run(story())


def test_what_stops_entries_stops_them_in_both(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            safety = lambda: two.account.engine.state.safety  # noqa: E731
            await two.real.submit(SwitchMode(enabled=False, by="eve"))
            await two.until(lambda: safety().mode_off, "another mode is traded")
            await two.real.submit(SwitchMode(enabled=True, by="eve"))
            await two.until(lambda: not safety().mode_off, "this mode is traded")
            await entered(two, "a")
            await two.real.submit(EmergencyStop(by="eve", flatten=True))
            await two.until(lambda: safety().halted_cause and two.open_positions() == (0, 0), "sold")
            await two.real.submit(Resume(by="eve", reason="over", key="r"))
            await two.until(lambda: not safety().halted_cause, "resumed")
            await two.real.submit(Pause(until=two.clock.now() + 10**9, by="eve"))
            await two.until(lambda: safety().paused_until, "paused")

    run(story())


def test_the_rollouts_cap_is_that_of_the_real_account(tmp_path: Path) -> None:
    """200 are wanted, and 50 allowed until somebody lifts the cap."""

    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            proving = make_settings(rollout=RolloutSettings(clean_trades=10, caps=(D(50), D(100))))
            await two.real.submit(ChangeSettings(settings=proving, by="eve"))
            await entered(two, "a", trader_id="ada")
            state = two.account.engine.state
            assert (state.rollout.cap, state.settings.rollout.clean_trades) == (D(50), 0)
            assert (await two.real.submit(LiftRolloutCap(by="eve", reason="sure", early=True))).ok
            await entered(two, "b", trader_id="bob")
            assert two.account.engine.state.rollout.cap is None
            small, large = two.account.engine.ledger.open_positions.values()
            assert small.cost < 51 < 190 < large.cost
            assert two.real.engine.state.positions[1].cost == small.cost

    run(story())


def test_settings_and_limits_are_changed_in_both_but_each_keeps_its_venue(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            venue = two.account.engine.state.settings.venue
            new = make_settings(candle_interval="1h", execution=ExecutionSettings(pay_fees_in_bnb=True))
            await two.real.submit(ChangeSettings(settings=new, by="eve"))
            await two.real.submit(ChangeLimits(by="eve", trader_id="ada", limits=RiskLimits()))
            await two.settled()
            state = two.account.engine.state
            assert (state.settings.candle_interval, state.settings.venue) == ("1h", venue)
            assert state.settings.execution.pay_fees_in_bnb is False, "it has no BNB"
            assert list(state.limits) == list(two.real.engine.state.limits)

    run(story())


# -- what is missed ----------------------------------------------------------------------------------------------


def test_at_the_bound_the_rest_is_missed_and_the_real_account_does_not_notice(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path, waiting_max=2).running() as two:
            two.shadow_venue.held = lambda effect: isinstance(effect, Send)
            answers = []
            for number in range(10):  # nobody else has a turn in between but the real account
                answers.append(two.real.post(make_signal(f"k{number}", trader_id=f"t{number}")))
            for answer in answers:
                assert (await answer).signal_id
            await two.until(lambda: two.shadow.status.waiting == 0, "told")
            status = two.shadow.status
            assert (status.mirrored, status.missed) == (2, 8)
            assert len(two.real.engine.ledger.open_positions) == 10
            assert [one.signal.key for one in two.events(ev.SignalReceived)] == ["shadow:1", "shadow:2"]

    run(story())


def test_nothing_is_told_of_what_the_journal_does_not_have(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            two.store.journal.errors.append(DiskFullError("full"))
            with pytest.raises(NotStoredError):
                await two.real.submit(make_signal("a"))
            await two.settled()
            assert two.events(ev.SignalReceived) == []
            assert two.shadow.status.missed == 0

    run(story())


def test_who_did_not_wait_for_an_answer_is_counted_as_missed(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            two.real.post(make_signal("a")).cancel()
            await two.settled()
            assert (two.shadow.status.missed, two.open_positions()) == (1, (1, 0))

    run(story())


def test_a_close_that_was_missed_is_made_up_for_and_a_stop_is_not(tmp_path: Path) -> None:
    """Two positions end in the real account while the shadow is away: one on command, one at its stop."""

    async def story() -> None:
        two = Beside(tmp_path)
        async with two.running():
            first = await entered(two, "a", trader_id="ada")
            second = await entered(two, "b", trader_id="bob")
            assert two.open_positions() == (2, 2)
            follower, two.real.follower = two.real.follower, None
            await two.real.submit(ClosePosition(position_id=first, by="eve"))
            await two.real.submit(AdjustProtection(position_id=second, by="eve", stop_loss=D("99.5")))
            two.price(99)
            await two.until(lambda: not two.real.engine.ledger.open_positions, "both are out")
            assert two.open_positions() == (0, 2)
            two.real.follower = follower
            two.price(100)
            two.real.post(make_signal("c", trader_id="zoe", created_at=two.clock.now())).cancel()
            await two.until(lambda: two.open_positions()[1] == 1, "what was sold is sold")
            (left,) = two.account.engine.ledger.open_positions.values()
            assert left.trader_id == "bob", "its own stop is its own business"

    run(story())


def test_a_stop_that_came_from_elsewhere_is_noticed_with_the_next_signal(tmp_path: Path) -> None:
    async def story() -> None:
        async with Beside(tmp_path).running() as two:
            follower, two.real.follower = two.real.follower, None
            await two.real.submit(EmergencyStop(by="keys-only stop"))
            two.real.follower = follower
            await two.real.submit(make_signal("a"))
            await two.settled()
            assert two.account.engine.state.safety.halted_by == "shadow"
            assert [one.code for one in two.events(ev.SignalDenied)] == ["HALTED"]
            two.real.follower = None
            await two.real.submit(Resume(by="eve", reason="over"))
            two.real.follower = follower
            await two.real.submit(make_signal("b", created_at=two.clock.now()))
            await two.settled()
            assert not two.account.engine.state.safety.halted_cause
            assert two.open_positions() == (1, 1)
            assert two.account.state == READY
            assert isinstance(two.account.engine.state.portfolio.equity, Decimal)

    run(story())
