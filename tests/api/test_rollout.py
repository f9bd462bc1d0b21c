"""The rollout over the API: every stage with its trades, and the cap that somebody lifts with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fillwright.core import events as ev
from fillwright.core.rollout import CAPS
from fillwright.core.settings import RolloutSettings
from tests.api.serving import Service, service
from tests.runtime.builders import run


def test_every_stage_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            told = await made.get("/api/rollout")
            assert told["mode"] == "paper"
            assert [(one["mode"], one["configured"], one["complete"]) for one in told["stages"]] == [
                ("testnet", False, False),
                ("demo", False, False),
                ("mainnet", False, False),
            ]
            assert told["stages"][0]["needed"] == 10
            assert (await made.get("/api/status"))["rollout"] is None, "paper has nothing to prove"

    run(story())


async def guard(made: Service) -> None:
    """The account is one that proves itself."""
    engine = made.account.engine
    settings = engine.state.settings
    engine.state.settings = type(settings)(
        **{name: getattr(settings, name) for name in settings.__struct_fields__ if name != "rollout"},
        rollout=RolloutSettings(clean_trades=10, caps=CAPS),
    )
    engine.state.rollout.cap = CAPS[0]


def test_the_status_of_a_real_account_tells_what_it_has_proved(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            await guard(made)
            status = await made.get("/api/status")
            assert status["rollout"] == {"clean_trades": 0, "needed": 10, "cap": "50"}

    run(story())


def test_the_cap_is_lifted_with_a_reason_and_early_only_if_that_is_said(tmp_path: Path) -> None:
    async def lift(made: Service, **body: Any) -> tuple[int, str]:
        status, answer = await made.ask("POST", "/api/rollout/cap", {"mode": "paper", **body})
        return status, "" if status == 200 else answer["error"]["code"]

    async def story() -> None:
        async with service(tmp_path) as made:
            await guard(made)
            assert await lift(made) == (400, "INVALID_FIELD")
            assert await lift(made, reason=" ") == (422, "REASON_REQUIRED")
            assert await lift(made, reason="known", mode="moon") == (400, "INVALID_FIELD")
            assert await lift(made, reason="known", mode="mainnet") == (409, "MODE_UNAVAILABLE")
            assert await lift(made, reason="known") == (409, "ROLLOUT_INCOMPLETE")
            assert await lift(made, reason="known", early=True) == (200, "")
            assert made.account.engine.state.rollout.lifted_by == "tester"
            assert (await made.get("/api/status"))["rollout"]["cap"] is None
            assert await lift(made, reason="the drill is over", restore=True) == (200, "")
            assert (await made.get("/api/status"))["rollout"]["cap"] == "50"
            kinds = [type(record.event) for record in made.bench.real_store.journal.load("paper")]
            assert kinds.count(ev.RolloutCapChanged) == 2

    run(story())
