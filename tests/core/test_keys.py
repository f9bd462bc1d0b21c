"""Commands with an idempotency key: whatever is repeated, happens once, and restarts make no difference."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.apply import apply, forget
from fillwright.core.apply import signals as of_signals
from fillwright.core.context import Answer
from fillwright.core.engine import Engine
from fillwright.core.keys import Keyed, body_hash
from fillwright.core.state import KEEP_KEYS, Ledger, State
from fillwright.core.types import OrderType, PositionDecision, Side
from tests.core.builders import D, wide_limits
from tests.core.desk import Desk, make_settings


def reduce(key: str | None = "k", fraction: str = "0.5", by: str = "ada") -> inp.Decision:
    return inp.Decision(
        position_id=1, decision=PositionDecision.REDUCE, fraction=Decimal(fraction), by=by, key=key
    )


def close(key: str | None = "k", reason: str = "enough") -> inp.ClosePosition:
    return inp.ClosePosition(position_id=1, by="ada", reason=reason, key=key)


ORDER = inp.PlaceOrder(
    by="ada",
    symbol="BTCUSDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=D("0.001"),
    price=D(49_900),
    key="m",
)


def held() -> Desk:
    desk = Desk(settings=make_settings(risk=wide_limits(max_position_size_usdt=D(200))))
    desk.enter(size=inp.Size(quote=D(100)))
    return desk


@pytest.mark.parametrize(
    ("command", "done"),
    [
        (reduce(), ev.PositionReduceRequested),
        (
            inp.Decision(position_id=1, decision=PositionDecision.ADD, quote=D(100), key="k"),
            ev.OrderSubmitted,
        ),
        (inp.Decision(position_id=1, decision=PositionDecision.CLOSE, key="k"), ev.PositionClosing),
        (close(), ev.PositionClosing),
        (inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(49_500), key="k"), ev.PositionUpdated),
        (ORDER, ev.OrderSubmitted),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_the_same_command_happens_once(command: Keyed, done: type[ev.Event]) -> None:
    desk = held()
    first = desk.command(command)
    assert first.ok, first
    assert not first.repeated
    made, sent = len(desk.events(done)), len(desk.tray)
    assert made
    records = len(desk.records)
    for _ in range(3):
        assert desk.command(command) == msgspec.structs.replace(first, repeated=True)
    assert (len(desk.events(done)), len(desk.tray), len(desk.records)) == (made, sent, records)


def test_without_a_key_every_order_is_another() -> None:
    desk = held()
    plain = msgspec.structs.replace(ORDER, key=None)
    assert desk.command(plain).orders != desk.command(plain).orders
    assert desk.state.commands == {}
    assert desk.events(ev.CommandTaken) == []


def test_the_first_answer_stands_whatever_became_of_the_position() -> None:
    """A repetition that comes when all is over is told of the first, not that there is nothing to be closed."""
    desk = held()
    assert desk.command(close()).ok
    desk.state.positions.clear()  # forgotten, as positions are sooner than keys
    answer = desk.command(close())
    assert (answer.ok, answer.repeated, answer.position_id) == (True, True, 1)


def test_what_was_refused_stays_refused_under_its_key() -> None:
    """As of a signal: a denial is the first answer, too; who wants to try again takes another key."""
    desk = held()
    desk.state.positions[1].reduce_quantity = D("0.0001")
    first = desk.command(reduce())
    assert (first.ok, first.code, first.message) == (False, "REFUSED", "a reduction is under way")
    desk.state.positions[1].reduce_quantity = D(0)
    again = desk.command(reduce())
    assert (again.code, again.message, again.repeated) == ("REFUSED", "a reduction is under way", True)
    assert desk.command(reduce("another")).ok


@pytest.mark.parametrize(
    "other",
    [
        reduce(fraction="0.4"),
        close(),
        inp.Decision(position_id=2, decision=PositionDecision.REDUCE, fraction=D("0.5"), by="ada", key="k"),
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(other: Keyed) -> None:
    desk = held()
    assert desk.command(reduce()).ok
    records = len(desk.records)
    answer = desk.command(other)
    assert (answer.ok, answer.code, answer.repeated) == (False, "KEY_CONFLICT", False)
    assert len(desk.records) == records


def test_a_key_is_its_callers_own() -> None:
    desk = held()
    assert desk.command(reduce(by="ada")).ok
    assert desk.command(reduce(by="bob")).message == "a reduction is under way"
    assert list(desk.state.commands) == ["ada|k", "bob|k"]


def test_a_halt_that_came_since_is_not_lifted_by_a_repeated_resume() -> None:
    desk = held()
    stop, resume = inp.EmergencyStop(by="ada"), inp.Resume(by="ada", reason="looked at it", key="r")
    desk.command(stop)
    assert desk.command(resume).ok
    desk.command(stop)
    assert desk.command(resume).repeated
    assert desk.state.safety.halted_cause == "emergency_stop"


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["0.1", "0.2"]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_each_key_happens_at_most_once_across_restarts(
    commands: list[tuple[str, str, bool]],
) -> None:
    """Against a dictionary of first answers, the engine thrown away and made of its journal at any moment."""
    desk = held()
    first: dict[str, tuple[str, Answer]] = {}
    for key, price, restarted in commands:
        if restarted:
            restart(desk)
        order = msgspec.structs.replace(ORDER, key=key, price=D(49_900) + D(price))
        answer = desk.command(order)
        if key not in first:
            first[key] = price, answer
            assert answer.ok, answer
            assert not answer.repeated
        elif first[key][0] == price:
            assert answer == msgspec.structs.replace(first[key][1], repeated=True)
        else:
            assert answer.code == "KEY_CONFLICT"
    placed = [event for event in desk.events(ev.OrderSubmitted) if event.position_id == 0]
    assert len(placed) == len(first)


def restart(desk: Desk) -> None:
    """Have the engine made anew from its journal; quotes come from the market again."""
    ledger = Ledger(State())
    for record in desk.records:
        body = ev.encode(record.event)
        event = ev.decode(type(record.event).__name__, type(record.event).version, body)
        apply(ledger, msgspec.structs.replace(record, event=event))
    assert ledger.dump() == desk.engine.ledger.dump()
    quotes = desk.engine.quotes
    desk.engine = Engine(Ledger.load(ledger.dump()))
    desk.engine.quotes.update(quotes)
    desk.engine.rearm(desk.now)


# -- memory ------------------------------------------------------------------------------------------------------


def test_keys_are_kept_for_seven_days() -> None:
    desk = held()
    desk.command(close())
    taken = desk.records[-1].time
    forget(desk.engine.ledger, taken + KEEP_KEYS)
    assert "ada|k" in desk.state.commands
    forget(desk.engine.ledger, taken + KEEP_KEYS + 1)
    assert desk.state.commands == {}
    assert desk.state.old_commands.oldest(7) == 7


def test_of_too_many_keys_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_signals, "COMMANDS_MAX", 3)
    desk = held()
    for number in range(5):
        desk.command(msgspec.structs.replace(ORDER, key=f"k{number}"))
    assert list(desk.state.commands) == ["ada|k2", "ada|k3", "ada|k4"]
    assert desk.command(msgspec.structs.replace(ORDER, key="k2")).repeated
    assert not desk.command(msgspec.structs.replace(ORDER, key="k0")).repeated


def test_a_state_of_before_there_were_keys_is_read() -> None:
    desk = held()
    fields = msgspec.msgpack.decode(desk.engine.ledger.dump())
    for name in ("commands", "old_commands"):
        del fields[name]
    ledger = Ledger.load(msgspec.msgpack.encode(fields))
    assert ledger.state.commands == {}
    assert ledger.dump() == desk.engine.ledger.dump()


def test_the_hash_of_a_command_stays_what_it_is() -> None:
    """It is in journals: a new field must have a default, and be left out of the body at it."""
    assert body_hash(close()) == body_hash(close("another"))
    assert body_hash(close()) == "b23406ad6d37f1c9b65ca32b96b439e5"
    assert body_hash(close(reason="more")) != body_hash(close())
