from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from fillwright.core.types import Mode
from fillwright.ports import Owner
from fillwright.runtime.account import READY
from fillwright.runtime.modes import Finding, Modes
from tests.api.serving import Service, service
from tests.runtime.builders import BoxVenue, run, until
from tests.runtime.test_modes import account_of


async def switch(made: Service, mode: str, **more: bool | str) -> tuple[int, str]:
    """Status, and the code or the mode."""
    status, answer = await made.ask("POST", "/api/trading/mode", {"mode": mode, **more})
    return status, answer["mode"] if status == 200 else answer["error"]["code"]


def test_modes_without_an_account_are_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            assert await made.get("/api/trading/mode") == {"mode": "paper"}
            assert await switch(made, "testnet", confirmed=True) == (409, "MODE_UNAVAILABLE")
            assert await switch(made, "mainnet", confirmed=True) == (403, "MAINNET_DISABLED")
            assert await switch(made, "moon", confirmed=True) == (400, "INVALID_FIELD")
            assert await switch(made, "paper") == (200, "paper")
            status, answer = await made.ask("GET", "/api/real-trading/portfolio")
            assert (status, answer["error"]["code"]) == (409, "MODE_UNAVAILABLE")

    run(story())


def test_a_mode_is_switched_when_nothing_is_open_and_the_self_test_passes(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            findings = [
                Finding(name="ping", passed=True),
                Finding(name="key", passed=False, is_unverified=True),
            ]

            async def self_test() -> Sequence[Finding]:
                return findings

            bench, orchestrator = made.bench, made.orchestrator
            venue = BoxVenue(bench.clock, bench.real_store, "mainnet")
            mainnet = account_of(
                bench, Owner(account_id="mainnet", user_id="local", mode=Mode.MAINNET), venue
            )
            accounts = [bench.account, mainnet]
            orchestrator.modes = Modes(
                bench.store.journal, bench.clock, accounts, {"local": Mode.PAPER}, {"mainnet": self_test}
            )
            living = asyncio.create_task(mainnet.run())
            await until(lambda: mainnet.state == READY, "ready")
            assert await switch(made, "mainnet") == (400, "REQUIRES_CONFIRMATION")
            assert await switch(made, "mainnet", confirmed=True) == (409, "ROLLOUT_INCOMPLETE")
            status, answer = await made.ask(
                "POST",
                "/api/trading/mode",
                {"mode": "mainnet", "confirmed": True, "override_rollout": "known"},
            )
            assert (status, answer["error"]["code"]) == (409, "SELF_TEST_FAILED")
            assert answer["error"]["details"]["findings"][-1] == {
                "name": "key",
                "passed": False,
                "detail": "",
                "unverified": True,
            }
            accepted = {"confirmed": True, "accept_unverified_key": True, "override_rollout": "known"}
            position = await made.open_position()
            assert await switch(made, "mainnet", **accepted) == (409, "OPEN_POSITIONS")
            assert await switch(made, "mainnet", flatten=True) == (400, "REQUIRES_CONFIRMATION")
            assert await switch(made, "mainnet", flatten=True, **accepted) == (200, "mainnet")
            assert position not in bench.account.engine.ledger.open_positions
            assert await made.get("/api/trading/mode") == {"mode": "mainnet"}
            assert (await made.get("/api/status"))["account_id"] == "mainnet"
            _, portfolio = await made.ask("GET", "/api/paper-trading/portfolio")
            assert portfolio["account_id"] == "paper"
            assert await switch(made, "paper") == (200, "paper")
            venue.release()
            mainnet.stop_now()
            await living

    run(story())
