"""The shadow over HTTP: its report, its books, and what is said where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fillwright.client import Client, ClientError
from fillwright.core.types import Mode
from fillwright.ports import Owner
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.modes import Modes
from fillwright.runtime.recovery import Configured
from fillwright.runtime.relaxed import RelaxedStore
from fillwright.runtime.shadow import Shadow, shadow_owner
from fillwright.spelling import moment
from tests.api.serving import TOKEN, Service, service
from tests.runtime.builders import NOW, BoxVenue, make_settings, run, turns, until
from tests.runtime.test_modes import account_of

TESTNET = Owner(account_id="testnet", user_id="local", mode=Mode.TESTNET)


@asynccontextmanager
async def shadowed(path: Path) -> AsyncIterator[tuple[Service, Shadow]]:
    """A service whose user trades on testnet, with a shadow."""
    async with service(path) as made:
        bench, orchestrator = made.bench, made.orchestrator
        venue = BoxVenue(bench.clock, bench.real_store, "testnet")
        real = account_of(bench, TESTNET, venue)
        owner = shadow_owner(TESTNET)
        shadow_venue = BoxVenue(bench.clock, bench.real_store, owner.account_id)
        account = AccountEngine(
            owner,
            RelaxedStore(bench.store),
            shadow_venue,
            bench.clock,
            MarketHub(bench.clock),
            Configured(make_settings()),
            tag=lambda: "s",
        )
        shadow = Shadow(real, account, bench.clock)
        accounts = [bench.account, real]
        orchestrator.modes = Modes(bench.store.journal, bench.clock, accounts, {"local": Mode.TESTNET}, {})
        orchestrator.accounts, orchestrator.shadows = accounts, [shadow]
        living = [asyncio.create_task(real.run()), asyncio.create_task(shadow.run())]
        await until(lambda: real.state == account.state == READY, "ready")
        bench.clock.move(1_000_000)
        await turns()
        bench.price(bench.hub.quotes["AAAUSDT"].last)
        await until(lambda: "AAAUSDT" in account.hub.quotes, "prices")
        try:
            yield made, shadow
        finally:
            real.stop_now()
            shadow.stop_now()
            await asyncio.wait(living)


def test_a_pair_is_in_the_report_and_in_the_shadows_books(tmp_path: Path) -> None:
    async def story() -> None:
        async with shadowed(tmp_path) as (made, shadow), Client(made.url, TOKEN) as client:
            assert (await client.shadow_report()).signals == 0
            status, body = await made.send(trader_id="ada", key="k")
            assert status == 201, body
            await until(lambda: len(shadow.account.engine.ledger.open_positions) == 1, "the twin")
            await until(lambda: shadow.account.engine.state.positions[1].stop_order_id, "protected")
            report = await client.shadow_report(since=moment(NOW - 60_000_000))
            assert (report.account_id, report.shadow_id, report.mode) == (
                "testnet",
                "shadow-testnet",
                Mode.TESTNET,
            )
            assert (report.signals, report.shadowed, report.unshadowed, report.is_cut) == (1, 1, 0, False)
            entry = report.groups[0]
            assert (entry.symbol, entry.leg, entry.pairs) == ("AAAUSDT", "entry", 1)
            assert (entry.price_bps.p50, entry.fee_bps.p50) == (0, 0), "the same exchange twice"
            assert (await client.shadow_report(since="2100-01-01T00:00:00Z")).signals == 0
            await made.send(trader_id="bob", key="k2")
            assert (await client.shadow_report()).signals == 2
            newest = await client.shadow_report(limit=1)
            assert (newest.signals, newest.is_cut) == (1, True)
            await until(lambda: len(shadow.account.engine.ledger.open_positions) == 2, "the second")
            await until(lambda: shadow.account.engine.state.positions[2].stop_order_id, "protected")
            trade = (await made.get("/api/shadow-trading/trades"))["trades"][-1]
            assert (trade["account_id"], trade["mode"]) == ("shadow-testnet", "paper")
            assert (await made.get("/api/shadow-trading/portfolio"))["account_id"] == "shadow-testnet"
            assert (await made.get("/api/real-trading/portfolio"))["account_id"] == "testnet"
            told = (await client.status()).shadow
            assert told is not None
            assert (told.account_id, told.state, told.mirrored, told.missed) == (
                "shadow-testnet",
                READY,
                2,
                0,
            )

    run(story())


def test_a_shadow_takes_no_commands(tmp_path: Path) -> None:
    async def story() -> None:
        async with shadowed(tmp_path) as (made, _):
            for path in ("emergency-stop", "resume"):
                status, answer = await made.ask("POST", f"/api/shadow-trading/{path}", {})
                assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")

    run(story())


def test_where_there_is_none_it_is_said(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made, Client(made.url, TOKEN) as client:
            assert (await client.status()).shadow is None
            with pytest.raises(ClientError, match="MODE_UNAVAILABLE"):
                await client.shadow_report()
        (tmp_path / "two").mkdir()
        async with shadowed(tmp_path / "two") as (made, _):
            made.orchestrator.shadows = []
            status, answer = await made.ask("GET", "/api/shadow-trading/portfolio")
            assert (status, answer["error"]["code"]) == (409, "SHADOW_OFF")
            assert (await made.get("/api/shadow-trading/report"))["signals"] == 0, "what was is still told"

    run(story())


@pytest.mark.parametrize("since", ["yesterday", "2026-11-21", "2026-11-21T08:00:00", "9" * 30])
def test_a_time_that_is_none_is_refused(tmp_path: Path, since: str) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            status, answer = await made.ask("GET", f"/api/shadow-trading/report?since={since}")
            assert (status, answer["error"]["code"]) == (400, "INVALID_PARAMETER")
            status, answer = await made.ask("GET", "/api/shadow-trading/report?before=1")
            assert (status, answer["error"]["code"]) == (400, "UNKNOWN_PARAMETER")

    run(story())
