"""One stage after the other: what was proved is in the journals, also of accounts that are not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright.core import events as ev
from fillwright.core.rollout import CLEAN_TRADES
from fillwright.core.settings import RolloutSettings
from fillwright.core.types import Mode
from fillwright.ports import ADMIN, Owner
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.modes import ModeRefusedError, Modes
from fillwright.runtime.recovery import Configured
from fillwright.runtime.rollout import RolloutGuard
from tests.runtime.builders import Bench, BoxVenue, make_settings, open_bench, run
from tests.runtime.test_modes import two_accounts

GUARD = RolloutSettings(clean_trades=CLEAN_TRADES)


def judged(bench: Bench, account_id: str, clean: int) -> None:
    """An account's journal tells of clean trades."""
    events: list[ev.Event] = [ev.AccountOpened(account_id, "t", make_settings(rollout=GUARD))]
    events += [ev.TradeJudged(number + 1, "AAAUSDT") for number in range(clean)]
    records = tuple(ev.Record(seq + 1, 1, 0, event) for seq, event in enumerate(events))
    bench.real_store.journal.append(account_id, 0, records)


def guard_of(bench: Bench, *accounts: AccountEngine) -> RolloutGuard:
    return RolloutGuard(bench.real_store.journal, bench.clock, accounts)


def test_a_stage_that_nobody_has_been_at_has_everything_to_prove(tmp_path: Path) -> None:
    bench = open_bench(tmp_path)
    guard = guard_of(bench)
    assert [(one.mode, one.is_configured, one.clean_trades, one.needed) for one in guard.stages("local")] == [
        (Mode.TESTNET, False, 0, 10),
        (Mode.DEMO, False, 0, 10),
        (Mode.MAINNET, False, 0, 10),
    ]
    assert guard.missing("local", Mode.PAPER) == guard.missing("local", Mode.TESTNET) == ""
    told = "demo comes after testnet, and 0 of 10 clean trades are made there"
    assert guard.missing("local", Mode.DEMO) == told
    bench.real_store.close()


@pytest.mark.parametrize(("clean", "expected"), [(9, False), (10, True), (11, True)])
def test_ten_clean_trades_of_a_journal_open_the_next_stage(
    tmp_path: Path, clean: int, expected: bool
) -> None:
    bench = open_bench(tmp_path)
    judged(bench, "testnet", clean)
    guard = guard_of(bench)
    assert guard.stage("local", Mode.TESTNET).clean_trades == clean
    assert (not guard.missing("local", Mode.DEMO)) is expected
    assert guard.missing("local", Mode.MAINNET), "demo mode comes first"
    bench.real_store.close()


def test_an_account_that_is_not_up_yet_is_read_from_its_journal(tmp_path: Path) -> None:
    bench = open_bench(tmp_path)
    judged(bench, "testnet", 10)
    venue = BoxVenue(bench.clock, bench.real_store, "testnet")
    owner = Owner(account_id="testnet", user_id="local", mode=Mode.TESTNET)
    account = AccountEngine(
        owner, bench.store, venue, bench.clock, bench.hub, Configured(make_settings()), tag=lambda: "u"
    )
    stage = guard_of(bench, account).stage("local", Mode.TESTNET)
    assert (stage.is_configured, stage.is_complete) == (True, True)
    bench.real_store.close()


def test_an_override_has_a_name_and_a_reason_and_stays(tmp_path: Path) -> None:
    bench = open_bench(tmp_path)
    guard_of(bench).override("local", Mode.MAINNET, "traded there for years", "eve")
    guard = guard_of(bench)
    stage = guard.stage("local", Mode.MAINNET)
    assert (stage.overridden_by, stage.override_reason) == ("eve", "traded there for years")
    assert guard.missing("local", Mode.MAINNET) == ""
    assert guard.missing("local", Mode.DEMO), "it is for one mode"
    assert guard.missing("bob", Mode.MAINNET), "and for one user"
    bench.real_store.close()


def test_modes_are_switched_in_the_order_of_the_stages_unless_somebody_says_why_not(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_accounts(tmp_path) as two:
            bench = two.bench
            venue = BoxVenue(bench.clock, bench.real_store, "demo")
            owner = Owner(account_id="demo", user_id="local", mode=Mode.DEMO)
            demo = AccountEngine(
                owner,
                bench.store,
                venue,
                bench.clock,
                bench.hub,
                Configured(make_settings()),
                tag=lambda: "v",
            )
            accounts = [two.paper, two.testnet, demo]
            modes = Modes(bench.store.journal, bench.clock, accounts, {"local": Mode.PAPER}, {})
            for reason in ("", "  "):
                with pytest.raises(ModeRefusedError, match="after testnet") as caught:
                    await modes.switch("local", Mode.DEMO, "eve", override_rollout=reason)
                assert caught.value.code == "ROLLOUT_INCOMPLETE"
            with pytest.raises(ModeRefusedError) as caught:
                await modes.switch("local", Mode.DEMO, "eve", override_rollout="in a hurry")
            assert caught.value.code == "SELF_TEST_FAILED", "it is not up"
            kinds = [type(record.event) for record in bench.store.journal.load(ADMIN)]
            assert ev.RolloutOverridden not in kinds, "what was not switched to is not overridden either"

    run(story())
