"""Modes over accounts with venues of the box: trading rules §8, mode switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.inputs import SwitchMode
from fillwright.core.types import Mode
from fillwright.ports import ADMIN, DiskFullError, Owner, UnknownAccountError, VenueUnavailableError
from fillwright.runtime import modes as module
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.errors import ModeUnavailableError, NotStoredError
from fillwright.runtime.modes import Finding, ModeRefusedError, Modes
from fillwright.runtime.recovery import Configured
from tests.runtime.builders import Bench, BoxVenue, make_settings, make_signal, open_bench, run, until

D = Decimal
PAPER = Owner(account_id="paper", user_id="local", mode=Mode.PAPER)
TESTNET = Owner(account_id="testnet", user_id="local", mode=Mode.TESTNET)


def account_of(bench: Bench, owner: Owner, venue: BoxVenue) -> AccountEngine:
    """Another account on a bench's store."""
    return AccountEngine(
        owner, bench.store, venue, bench.clock, bench.hub, Configured(make_settings()), tag=lambda: "u"
    )


class Two:
    """A user's two accounts, running, and the modes."""

    def __init__(self, bench: Bench, testnet: AccountEngine, modes: Modes) -> None:
        self.bench, self.paper, self.testnet, self.modes = bench, bench.account, testnet, modes

    def kinds(self) -> list[tuple[str, str]]:
        """What the admin stream says: from, to."""
        records = [record.event for record in self.bench.store.journal.load(ADMIN)]
        return [
            (str(e.old), str(e.new)) for e in records if isinstance(e, ev.UserModeSwitched) and e.old != e.new
        ]

    async def is_off(self, account: AccountEngine, expected: bool) -> None:
        self.bench.clock.move(1_000_000)
        await until(lambda: account.engine.state.safety.mode_off is expected, "the mode is set")


@asynccontextmanager
async def two_accounts(
    path: Path, default: Mode = Mode.PAPER, findings: Sequence[Finding] = ()
) -> AsyncIterator[Two]:
    bench = open_bench(path)
    venue = BoxVenue(bench.clock, bench.real_store, "testnet")
    testnet = account_of(bench, TESTNET, venue)

    async def self_test() -> Sequence[Finding]:
        return findings

    modes = Modes(
        bench.store.journal, bench.clock, [bench.account, testnet], {"local": default}, {"testnet": self_test}
    )
    tasks = [asyncio.create_task(job) for job in (bench.account.run(), testnet.run(), modes.run())]
    try:
        await until(lambda: bench.account.state == testnet.state == READY, "ready")
        bench.clock.move(1_000_000)
        yield Two(bench, testnet, modes)
    finally:
        tasks[2].cancel()
        for account in (bench.account, testnet):
            account.stop_now()
        venue.release()
        bench.venue.release()
        await asyncio.wait(tasks)
        bench.real_store.close()


def test_at_the_start_only_the_users_mode_takes_entries(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_accounts(tmp_path) as two:
            assert two.modes.mode("local") is Mode.PAPER
            await two.is_off(two.testnet, expected=True)
            assert two.paper.engine.state.safety.mode_off is False
            answer = await two.testnet.submit(make_signal("a"))
            assert answer.code == "MODE_DISABLED"
            assert two.kinds() == []

    run(story())


def test_a_switch_is_recorded_and_survives_restarts(tmp_path: Path) -> None:
    async def first() -> None:
        async with two_accounts(tmp_path) as two:
            assert await two.modes.switch("local", Mode.TESTNET, "eve") is Mode.TESTNET
            assert two.modes.engine("local") is two.testnet
            await two.is_off(two.testnet, expected=False)
            await two.is_off(two.paper, expected=True)
            assert await two.modes.switch("local", Mode.TESTNET, "eve") is Mode.TESTNET
            assert two.kinds() == [("paper", "testnet")]

    async def second() -> None:
        async with two_accounts(tmp_path) as two:
            assert two.modes.mode("local") is Mode.TESTNET
            await two.is_off(two.testnet, expected=False)
            await two.modes.switch("local", Mode.PAPER, "eve")
            assert two.kinds() == [("paper", "testnet"), ("testnet", "paper")]
            assert (await two.testnet.submit(make_signal("b"))).code == "MODE_DISABLED"

    run(first())
    run(second())


def test_where_a_user_began_is_on_record_and_other_settings_change_nothing_later(tmp_path: Path) -> None:
    async def begin(default: Mode) -> Mode:
        async with two_accounts(tmp_path, default) as two:
            await two.is_off(two.testnet, expected=False)
            (record,) = two.bench.store.journal.load(ADMIN)
            assert isinstance(record.event, ev.UserModeSwitched)
            assert (record.event.old, record.event.new) == (Mode.TESTNET, Mode.TESTNET)
            return two.modes.mode("local")

    assert run(begin(Mode.TESTNET)) is Mode.TESTNET
    assert run(begin(Mode.PAPER)) is Mode.TESTNET


def test_what_fails_its_self_test_is_not_switched_to(tmp_path: Path) -> None:
    unverified = Finding(name="key", passed=False, detail="cannot be read", is_unverified=True)

    async def story(findings: Sequence[Finding], accepted: bool) -> str:
        (path := tmp_path / str(len(findings))).mkdir()
        async with two_accounts(path, findings=findings) as two:
            try:
                await two.modes.switch("local", Mode.TESTNET, "eve", accept_unverified_key=accepted)
            except ModeRefusedError as error:
                assert two.modes.mode("local") is Mode.PAPER
                assert two.paper.engine.state.safety.mode_off is False
                assert two.kinds() == []
                return f"{error.code} {error}"
        return ""

    assert run(story((unverified,), False)) == "SELF_TEST_FAILED key: cannot be read"
    assert run(story((unverified, unverified), True)) == ""
    skew = Finding(name="clock", passed=False, detail="1200 ms")
    assert run(story((skew, skew, skew), True)).startswith("SELF_TEST_FAILED clock: 1200 ms")


def test_a_self_test_without_end_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SELF_TEST_MAX_S", 0.05)

    async def story() -> None:
        async with two_accounts(tmp_path) as two:

            async def never() -> Sequence[Finding]:
                await asyncio.Event().wait()
                return ()

            two.modes._self_tests = {"testnet": never}
            with pytest.raises(ModeRefusedError, match="no end within"):
                await two.modes.switch("local", Mode.TESTNET, "eve")

    run(story())


def test_a_switch_that_cannot_be_recorded_does_not_happen(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_accounts(tmp_path) as two:

            def fail(*_: object, **__: object) -> None:
                raise DiskFullError("no space")

            two.modes._journal = _Failing(two.bench.store.journal, fail)  # type: ignore[assignment]
            with pytest.raises(NotStoredError):
                await two.modes.switch("local", Mode.TESTNET, "eve")
            assert two.modes.mode("local") is Mode.PAPER
            await two.is_off(two.paper, expected=False)

    run(story())


class _Failing:
    """A journal that cannot be added to."""

    def __init__(self, journal: object, append: object) -> None:
        self._journal, self.append = journal, append

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)


def test_a_crash_before_the_record_leaves_the_old_mode(tmp_path: Path) -> None:
    """The old account was left already: at the next start it takes entries again."""

    async def first() -> None:
        async with two_accounts(tmp_path) as two:
            await two.is_off(two.testnet, expected=True)
            await two.paper.submit(SwitchMode(enabled=False, by="eve"))

    async def second() -> None:
        async with two_accounts(tmp_path) as two:
            assert two.modes.mode("local") is Mode.PAPER
            await two.is_off(two.paper, expected=False)

    run(first())
    run(second())


def test_unknown_users_and_modes(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_accounts(tmp_path) as two:
            with pytest.raises(ModeUnavailableError):
                await two.modes.switch("local", Mode.MAINNET, "eve")
            with pytest.raises(UnknownAccountError):
                two.modes.mode("bob")

    run(story())


def test_a_mode_whose_account_is_gone_gives_way_to_the_first(tmp_path: Path) -> None:
    async def first() -> None:
        async with two_accounts(tmp_path) as two:
            await two.modes.switch("local", Mode.TESTNET, "eve")

    async def second() -> None:
        bench = open_bench(tmp_path)
        modes = Modes(bench.store.journal, bench.clock, [bench.account], {}, {})
        assert modes.mode("local") is Mode.PAPER
        bench.real_store.close()

    run(first())
    run(second())


# -- an account that is not up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_open", [False, True])
def test_an_account_that_is_not_up_is_left_when_its_journal_has_nothing_open_or_by_force(
    tmp_path: Path, is_open: bool
) -> None:
    async def before() -> None:
        async with two_accounts(tmp_path, Mode.TESTNET) as two:
            await two.is_off(two.testnet, expected=False)
            if is_open:
                two.bench.price(D(100))
                assert (await two.testnet.submit(make_signal("a"))).ok
                await until(lambda: bool(two.testnet.engine.ledger.open_positions), "a position")

    async def story() -> None:
        bench = open_bench(tmp_path)
        venue = BoxVenue(bench.clock, bench.real_store, "testnet")
        venue.open_errors += [VenueUnavailableError("Binance is gone")] * 1_000
        testnet = account_of(bench, TESTNET, venue)
        modes = Modes(bench.store.journal, bench.clock, [bench.account, testnet], {"local": Mode.TESTNET}, {})
        jobs = (bench.account.run(), testnet.run(), modes.run())
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await until(lambda: bench.account.state == READY and "gone" in testnet.detail, "paper is up")
            if is_open:
                refused: tuple[dict[str, Any], ...] = (
                    {},
                    {"flatten": True},
                    {"flatten": True, "force": True},
                )
                for options in refused:
                    with pytest.raises(ModeRefusedError, match="1 open positions") as caught:
                        await modes.switch("local", Mode.PAPER, "eve", **options)
                    assert caught.value.code == "OPEN_POSITIONS"
                assert modes.mode("local") is Mode.TESTNET
            assert await modes.switch("local", Mode.PAPER, "eve", force=is_open) is Mode.PAPER
            (switched,) = [
                record.event
                for record in bench.store.journal.load(ADMIN)
                if isinstance(record.event, ev.UserModeSwitched) and record.event.old != record.event.new
            ]
            assert (switched.new, switched.by, switched.forced) == (Mode.PAPER, "eve", is_open)
            bench.price(D(100))
            assert (await bench.account.submit(make_signal("b"))).ok
            venue.open_errors.clear()
            for _ in range(20):
                bench.clock.move(1_000_000)
                await asyncio.sleep(0)
            await until(lambda: testnet.state == READY, "it is up again")
            bench.clock.move(2_000_000)
            await until(lambda: testnet.engine.state.safety.mode_off, "and told that it is left")
            assert bool(testnet.engine.ledger.open_positions) is is_open
        finally:
            tasks[2].cancel()
            for account in (bench.account, testnet):
                account.stop_now()
            venue.release()
            bench.venue.release()
            await asyncio.wait(tasks)
            bench.real_store.close()

    run(before())
    run(story())
