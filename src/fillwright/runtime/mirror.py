"""What a real account is told, told to its shadow as well, once the real account has answered.

Nothing of it is waited for: what the shadow is to do stands in a queue with a bound, and what finds no place there, or
comes while the shadow is not up, is missed and counted. After that, and at each start, the shadow is put in line again:
mode and emergency stop as the real account's, and what was sold there on command is sold here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from fillwright.core.inputs import (
    AdjustProtection,
    CancelAll,
    CancelOrder,
    ChangeLimits,
    ChangeSettings,
    ClosePosition,
    Decision,
    EmergencyStop,
    Input,
    Pause,
    Resume,
    SignalAdvice,
    SubmitSignal,
    SwitchMode,
)
from fillwright.core.positions import ENDED, ENTERING, Position
from fillwright.core.settings import RolloutSettings
from fillwright.core.state import SignalRecord
from fillwright.core.types import FINAL_STATES, MILLISECOND, Leg, OrderState, PositionStatus, Time
from fillwright.ports import Clock, twin_key, twin_of
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.errors import NotStoredError, UnavailableError
from fillwright.runtime.inbox import Reply

WAITING_MAX = 1_000
"""So much waits for the shadow; more is missed."""
LOOK_EVERY: Time = 250 * MILLISECOND
"""How often it is looked whether a shadow that was not up is."""
TRY_EVERY: Time = 50 * MILLISECOND
"""How often it is tried again what came before the shadow was filled."""
BY_SHADOW = "shadow"
EMERGENCY = "emergency_stop"
_RESTING = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})
_WORKING = frozenset(OrderState) - FINAL_STATES
ON_COMMAND = (": ", "emergency stop")
"""In the reasons of exits that somebody asked for (``by: reason``); stops and targets have none of these."""


class Told(msgspec.Struct, frozen=True):
    """Something that the real account was told, and about which of its signals."""

    item: Input
    signal_id: int = 0


class Mirror:
    """From one account to its shadow."""

    def __init__(
        self, real: AccountEngine, shadow: AccountEngine, clock: Clock, waiting_max: int = WAITING_MAX
    ) -> None:
        self.mirrored = 0
        """Signals and commands that the shadow has taken, since the start."""
        self.missed = 0
        """Those that it has not."""
        self._real = real
        self._shadow = shadow
        self._clock = clock
        self._waiting_max = waiting_max
        self._waiting: deque[Told] = deque()
        self._early: deque[Told] = deque()
        """Commands about positions that are entered still here, and were filled there already."""
        self._has_early = asyncio.Event()
        self._awake = asyncio.Event()
        self._is_behind = False
        self._log = structlog.get_logger().bind(account=shadow.owner.account_id)

    @property
    def waiting(self) -> int:
        """How much the shadow has not been told yet."""
        return len(self._waiting)

    # -- hearing ---------------------------------------------------------------------------------------------

    def heard(self, item: Input, reply: Reply) -> None:
        """The real account has answered: called when a reply is there, and never waits."""
        if type(item) not in _TELLING:
            return
        told = self._told(item, reply)
        if told is None:
            return
        if self._shadow.state != READY:
            self._miss(item, f"the shadow is {self._shadow.state}")
        elif len(self._waiting) >= self._waiting_max:
            self._miss(item, f"{self._waiting_max} are waiting already")
        else:
            self._waiting.append(told)
            self._awake.set()

    def _told(self, item: Input, reply: Reply) -> Told | None:
        """What the shadow is to be told; None where the real account did nothing, or nobody knows what."""
        if reply.cancelled():
            self._miss(item, "whoever asked did not wait for the answer")
            return None
        error = reply.exception()
        if error is not None:
            if isinstance(error, NotStoredError) and error.recorded:
                self._miss(item, "the real account did not say what became of it")
            return None
        answer = reply.result()
        if isinstance(item, SubmitSignal):
            is_new = answer.signal_id and not answer.repeated and answer.code != "KEY_CONFLICT"
            return Told(item, answer.signal_id) if is_new else None
        if answer.repeated or not answer.ok:
            return None
        return Told(item, self._signal_of(item))

    def _signal_of(self, item: Input) -> int:
        """Which of the real account's signals a command is about; 0: none."""
        state = self._real.engine.state
        if isinstance(item, SignalAdvice):
            return item.signal_id
        if isinstance(item, CancelOrder):
            order = state.orders.get(item.client_order_id)
            position = None if order is None else state.positions.get(order.position_id)
        else:
            position = state.positions.get(getattr(item, "position_id", 0))
        return 0 if position is None else position.signal_id

    def _miss(self, item: Input, why: str) -> None:
        self.missed += 1
        if not self._is_behind:  # once in a row: many may be missed at once
            self._log.warning("the shadow misses something", what=type(item).__name__, reason=why)
        self._is_behind = True
        self._awake.set()

    # -- telling ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell the shadow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._try_again())
            await self._tell_while_ready()

    async def _try_again(self) -> None:
        while True:
            await self._has_early.wait()
            await self._clock.sleep_until(self._clock.now() + TRY_EVERY)
            self._awake.set()

    async def _tell_while_ready(self) -> None:
        while True:
            while self._shadow.state != READY:
                await self._clock.sleep_until(self._clock.now() + LOOK_EVERY)
            self._is_behind = True
            self._awake.set()
            while self._shadow.state == READY:
                await self._awake.wait()
                self._awake.clear()
                await self._tell_all()

    async def _tell_all(self) -> None:
        if self._is_behind:
            self._is_behind = False
            await self._put_in_line()
            await self._sell_what_was_sold()
        for _ in range(len(self._early)):
            told = self._early.popleft()
            for item in self._about_position(told):
                await self._submit(item)
        while self._waiting:
            told = self._waiting.popleft()
            if not isinstance(told.item, EmergencyStop | Resume):
                await self._put_in_line()
            for item in _TELLING[type(told.item)](self, told):
                await self._submit(item)
        if not self._early:
            self._has_early.clear()

    async def _submit(self, item: Input) -> None:
        try:
            answer = await self._shadow.submit(item)
        except UnavailableError as error:
            self._miss(item, str(error))
            return
        self.mirrored += 1
        if not answer.ok:
            self._log.info("the shadow has refused", what=type(item).__name__, code=answer.code)

    async def _put_in_line(self) -> None:
        """Have the shadow take entries when the real account does (mode, emergency stop), and as large (rollout)."""
        state, cap = self._shadow.engine.state, self._real.engine.state.rollout.cap
        if state.rollout.cap != cap:
            rollout = RolloutSettings(caps=() if cap is None else (cap,))
            settings = msgspec.structs.replace(state.settings, rollout=rollout)
            await self._submit(ChangeSettings(settings=settings, by=BY_SHADOW))
        ours, real = self._shadow.engine.state.safety, self._real.engine.state.safety
        if ours.mode_off is not real.mode_off:
            await self._submit(SwitchMode(enabled=not real.mode_off, by=BY_SHADOW, forced=True))
        if real.halted_cause == EMERGENCY and not ours.halted_cause:
            await self._submit(EmergencyStop(by=BY_SHADOW, reason="the real account is stopped"))
        elif ours.halted_cause == EMERGENCY and not real.halted_cause:
            await self._submit(Resume(by=BY_SHADOW, reason="the real account is not stopped"))

    async def _sell_what_was_sold(self) -> None:
        """Close what the real account has sold on command, or has forgotten: the command may have been missed."""
        for position in [*self._shadow.engine.ledger.open_positions.values()]:
            number = self._real_signal_of(position)
            is_leaving = position.status is PositionStatus.CLOSING
            if number is not None and not is_leaving and self._was_sold(number):
                reason = "it is closed in the real account"
                closing = ClosePosition(position_id=position.id, by=BY_SHADOW, reason=reason)
                for item in self._about_position(Told(closing, number)):
                    await self._submit(item)

    def _was_sold(self, signal_id: int) -> bool:
        state = self._real.engine.state
        record = state.signals.get(signal_id)
        position = None if record is None else state.positions.get(record.position_id)
        if position is None:
            return record is None  # it ended so long ago that it is forgotten
        if position.status in ENDED and not position.entry_quantity:
            return True
        is_leaving = position.status in ENDED or position.status is PositionStatus.CLOSING
        return is_leaving and any(word in position.exit_reason for word in ON_COMMAND)

    # -- twins -----------------------------------------------------------------------------------------------

    def _real_signal_of(self, position: Position) -> int | None:
        record = self._shadow.engine.state.signals.get(position.signal_id)
        return None if record is None else twin_of(record.signal.key or "")

    def twin_signal(self, signal_id: int) -> SignalRecord | None:
        """The shadow's signal that is the twin of a real one."""
        real = self._real.engine.state.signals.get(signal_id)
        if real is None:
            return None
        state = self._shadow.engine.state
        return state.signals.get(state.keys.get(f"{real.signal.trader_id}|{twin_key(signal_id)}", 0))

    def twin_position(self, signal_id: int) -> Position | None:
        """The shadow's open position that is the twin of that of a real signal."""
        for position in self._shadow.engine.ledger.open_positions.values():
            if signal_id and self._real_signal_of(position) == signal_id:
                return position
        return None

    # -- what is told ----------------------------------------------------------------------------------------

    def _signal(self, told: Told) -> Sequence[Input]:
        assert isinstance(told.item, SubmitSignal)
        return (SubmitSignal(msgspec.structs.replace(told.item.signal, key=twin_key(told.signal_id))),)

    def _advice(self, told: Told) -> Sequence[Input]:
        twin = self.twin_signal(told.signal_id)
        return () if twin is None else (_with(told.item, signal_id=twin.id),)

    def _about_position(self, told: Told) -> Sequence[Input]:
        twin = self.twin_position(told.signal_id)
        if twin is None:
            return ()
        if twin.status not in ENTERING:
            return (_with(told.item, position_id=twin.id, key=None),)
        if len(self._early) >= self._waiting_max:
            self._miss(told.item, f"{self._waiting_max} came too early already")
            return ()
        self._early.append(told)
        self._has_early.set()
        # What rests in the shadow alone is not waited for once the real position is to be left.
        return self._cancels_of(twin, _RESTING) if isinstance(told.item, ClosePosition) else ()

    def _cancel(self, told: Told) -> Sequence[Input]:
        """The twin's working entries for the real one's entry; manual orders have no twin."""
        twin = self.twin_position(told.signal_id)
        return () if twin is None else self._cancels_of(twin, _WORKING)

    def _cancels_of(self, twin: Position, states: frozenset[OrderState]) -> Sequence[Input]:
        return tuple(
            CancelOrder(client_order_id=order.id, by=BY_SHADOW)
            for order in self._shadow.engine.ledger.open_orders.values()
            if order.position_id == twin.id and order.leg is Leg.ENTRY and order.state in states
        )

    def _settings(self, told: Told) -> Sequence[Input]:
        """But its venue is another one, it has no BNB, and its trades are not those that are judged."""
        assert isinstance(told.item, ChangeSettings)
        new, ours = told.item.settings, self._shadow.engine.state.settings
        execution = _with(new.execution, pay_fees_in_bnb=ours.execution.pay_fees_in_bnb)
        return (
            _with(
                told.item, settings=_with(new, venue=ours.venue, rollout=ours.rollout, execution=execution)
            ),
        )

    def _as_it_is(self, told: Told) -> Sequence[Input]:
        return (told.item,)

    def _resume(self, told: Told) -> Sequence[Input]:
        return (_with(told.item, key=None),)

    def _nothing(self, told: Told) -> Sequence[Input]:
        """It was put in line before."""
        return ()


def _with(item: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(item, **changes)


_TELLING: dict[type, Callable[[Mirror, Told], Sequence[Input]]] = {
    SubmitSignal: Mirror._signal,
    SignalAdvice: Mirror._advice,
    Decision: Mirror._about_position,
    ClosePosition: Mirror._about_position,
    AdjustProtection: Mirror._about_position,
    CancelOrder: Mirror._cancel,
    CancelAll: Mirror._as_it_is,
    Pause: Mirror._as_it_is,
    EmergencyStop: Mirror._as_it_is,
    Resume: Mirror._resume,
    SwitchMode: Mirror._nothing,
    ChangeSettings: Mirror._settings,
    ChangeLimits: Mirror._as_it_is,
}
"""What a shadow is told of; manual orders belong to no signal, and to no pair."""
