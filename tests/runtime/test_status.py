from __future__ import annotations

from pathlib import Path

import msgspec

from fillwright.core.effects import Send
from fillwright.core.inputs import EmergencyStop, Pause, StreamChanged
from fillwright.core.types import SECOND
from fillwright.ports import FeedState
from fillwright.runtime.inbox import Depths
from fillwright.runtime.status import account_status, reasons, switched_off, unready
from fillwright.runtime.strategies import TraderStatus
from tests.runtime.builders import NOW, D, make_signal, open_bench, run, turns

UP = FeedState("synthetic", connected=True)


def test_an_account_that_is_ready(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(make_signal("a", trader_id="a"))
            await bench.submit(make_signal("b", trader_id="b", limit=D(99)))
            await turns()
            status = account_status(account, NOW)
            assert (status.account_id, status.user_id, status.mode) == ("paper", "local", "paper")
            assert (status.state, status.detail) == ("ready", "")
            assert status.seq == bench.records()[-1].seq
            assert (status.open_positions, status.open_orders) == (2, 5)
            assert (status.unprotected, status.in_doubt) == ((), ())
            assert (status.stream_connected, status.reconciling) == (True, False)
            assert (status.halted, status.paused_cause, status.paused_until) == ("", "", 0)
            assert status.waiting == Depths(0, 0, 0, 0)
            assert status.in_flight == 0
            assert reasons((status,), UP) == ()
            assert msgspec.json.decode(msgspec.json.encode(status), type=type(status)) == status

    run(check())


def test_what_stops_entries_is_told(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            await bench.submit(Pause(until=NOW + SECOND, by="ada", cause="lunch"))
            await bench.submit(EmergencyStop(by="ada", reason="smoke"))
            status = account_status(account, NOW)
            assert (status.halted, status.halted_reason) == ("emergency_stop", "smoke")
            assert (status.paused_cause, status.paused_until) == ("lunch", NOW + SECOND)
            assert account_status(account, NOW + SECOND).paused_cause == ""
            assert reasons((status,), UP) == ()  # it works: it has been told to stop

    run(check())


def test_what_is_under_way_is_counted(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        async with bench.running() as account:
            bench.venue.held = lambda effect: isinstance(effect, Send)
            await bench.submit(make_signal("a"))
            await turns()
            account.post(make_signal("b"))
            status = account_status(account, NOW)
            assert (status.in_flight, status.waiting.signals) == (1, 1)

    run(check())


def test_why_it_is_not_ready(tmp_path: Path) -> None:
    async def check() -> None:
        bench = open_bench(tmp_path)
        status = account_status(bench.account, NOW)
        down = FeedState("binance", connected=False, detail="lost")
        assert reasons((status,), down) == (
            "account paper is recovering: starting",
            "no prices from binance: lost",
        )
        assert unready((status,), down) == ("account paper is recovering", "no prices from binance")
        assert unready((status,), UP) == ("account paper is recovering",)
        assert reasons((), FeedState("", connected=False)) == ("no prices from any source: not connected",)
        async with bench.running() as account:
            assert bench.venue.reports is not None
            bench.venue.reports([StreamChanged(False)])
            await turns()
            assert not account_status(account, NOW).stream_connected
        ended = account_status(bench.account, NOW)
        assert ended.state == "stopped"

    run(check())


def test_traders_that_are_off_are_named() -> None:
    on = TraderStatus("a", "local", "1m", ("AAAUSDT",), "running")
    off = TraderStatus("b", "local", "1m", ("AAAUSDT",), "off", "KeyError")
    assert switched_off((on, off)) == ("trader b is off: KeyError",)
