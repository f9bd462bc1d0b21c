"""The judge of the soak: each thing that may be wrong between two books is found."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from fillwright.core.events import CommandTaken
from fillwright.core.types import SECOND
from fillwright.wire.exchange_info import parse_exchange_info
from tests.soak.exchange_log import Account, Fault, Holding, Spell
from tests.soak.judge import NEVER, PROTECTED_MAX, Disturbance, Doubt, SoakJudge, lasting
from tests.soak.place import restrained
from tests.soak.soak import beyond
from tests.soak.traffic import Command

D = Decimal
INSTRUMENTS = parse_exchange_info(restrained()).instruments


def judge() -> SoakJudge:
    made = SoakJudge(Path("nowhere"), {"BTC": D(3)})
    made.ledger.state.instruments.update(INSTRUMENTS)
    return made


def account() -> Account:
    return Account("ada", lambda symbol: INSTRUMENTS[symbol])


def dump(*orders: dict[str, Any], **balances: str) -> dict[str, Any]:
    held = [{"asset": asset, "free": free, "locked": "0"} for asset, free in balances.items()]
    return {"balances": held, "open_orders": list(orders)}


def test_books_that_are_empty_are_the_same() -> None:
    assert judge().differences(account(), dump()) == []


def test_an_execution_that_only_one_side_has_is_found() -> None:
    mine, theirs = judge(), account()
    theirs.trades["BTCUSDT", 5, 1] = D(1)
    theirs.names_of_trades["BTCUSDT", 5, 1] = "RT_a_1_E_1"
    (found,) = mine.differences(theirs, dump())
    assert found == "execution ('BTCUSDT', 5, 'RT_a_1_E_1'): None here, 1 there"
    mine.fills["BTCUSDT", 5, "RT_a_1_E_1"] = D(1)
    assert mine.differences(theirs, dump()) == []
    mine.fills["BTCUSDT", 6, "RT_a_1_E_1"] = D(1)
    assert len(mine.differences(theirs, dump())) == 1


def test_balances_and_orders_that_differ_are_found() -> None:
    order = {"client_order_id": "RT_a_1_S_1", "status": "NEW", "type": "STOP_LOSS", "quantity": "1"}
    found = judge().differences(account(), dump({**order, "executed_quantity": "0"}, BTC="4"))
    assert found == [
        "BTC: 0 + 0 (0 by executions) here, 4 + 0 there",
        "open order RT_a_1_S_1: None here, 0 there",
    ]


def test_coins_of_the_customer_that_are_gone_are_found() -> None:
    theirs = account()
    theirs.holdings[7] = Holding("BTCUSDT", bought=D("0.5"), sold=D("0.4"))
    assert judge().coins(theirs, dump(BTC="3.1", USDT="1")) == []
    assert "2.9 there" in judge().coins(theirs, dump(BTC="2.9"))[0]
    theirs.holdings[7].sold = D("0.6")
    assert "sold 0.6 of 0.5" in judge().coins(theirs, dump(BTC="2.9"))[0]


def test_a_command_that_was_answered_and_is_lost_is_found() -> None:
    mine = judge()
    mine.commanded([Command("k", "/close", {}, [409]), Command("l", "/close", {}, [200])])
    assert mine.problems == ["command l /close was answered [200], and is lost"]
    mine.commands["operator|k"] = CommandTaken(
        key="operator|k", command="ClosePosition", body_hash="", ok=True
    )
    mine.commanded([Command("k", "/close", {}, [409])])
    assert "command k was answered 409" in mine.problems[1]


def test_time_in_which_the_service_was_dead_counts_apart() -> None:
    one = lasting("it", 10, 30, [(5, 12), (20, 22), (29, 40)], 0, 14)
    assert (one.total, one.dead, one.alive) == (20, 5, 15)
    assert beyond([one], "so")
    assert not beyond([lasting("it", 10, 30, [(5, 17)], 0, 14)], "so")


def test_killed_again_before_it_knew_how_things_stand_it_died_once() -> None:
    mine = judge()
    mine.recovered_at = [15, 40]
    assert mine.dead([10, 20, 30, 50]) == [(10, 15), (20, 40), (50, 50 + NEVER)]


def test_a_spell_may_last_longer_for_each_fault_that_hit_it() -> None:
    mine, theirs = judge(), account()
    theirs.spells.append(Spell(7, "BTCUSDT", 0, 10 * SECOND))
    (one,) = mine.naked(theirs, [], 0)
    assert one.allowed == PROTECTED_MAX < one.alive
    theirs.faults += [
        Fault(SECOND, "orderList.place.oco", "lost", "RT_a_7_L_2"),
        Fault(SECOND, "orderList.place.oco", "lost", "RT_a_8_L_2"),
        Fault(12 * SECOND, "orderList.place.oco", "lost", "RT_a_7_L_2"),
    ]
    (one,) = mine.naked(theirs, [], 0)
    assert (one.faults, one.allowed) == (1, 20 * SECOND)
    mine.disturbances.append(Disturbance("mute", 2 * SECOND, 4 * SECOND))
    (one,) = mine.naked(theirs, [], 0)
    assert (one.faults, one.allowed) == (2, 27 * SECOND)


def test_a_doubt_that_never_ends_is_found() -> None:
    mine = judge()
    mine.doubts.append(Doubt("RT_a_1_E_1", 0))
    (told,) = beyond(mine.doubted(account(), [], 60 * SECOND), "in doubt")
    assert told.startswith("RT_a_1_E_1 was in doubt for 60.0 s")
