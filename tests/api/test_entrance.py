from __future__ import annotations

from pathlib import Path

from fillwright.api.entrance import VALID, Entrance
from tests.api.serving import TOKEN, service
from tests.runtime.builders import run


class StoppedClock:
    def __init__(self) -> None:
        self.time = 5

    def now(self) -> int:
        return self.time

    async def sleep_until(self, time: int) -> None:
        raise AssertionError("nobody sleeps here")


def test_a_code_is_worth_the_token_once() -> None:
    entrance = Entrance(TOKEN, StoppedClock())
    assert entrance.redeem("") is None
    assert entrance.redeem(entrance.code + "x") is None
    assert entrance.redeem("ü") is None
    assert entrance.redeem(entrance.code) == TOKEN
    assert entrance.redeem(entrance.code) is None
    assert Entrance(TOKEN, StoppedClock()).code != entrance.code


def test_a_code_is_worth_nothing_after_an_hour() -> None:
    clock = StoppedClock()
    entrance = Entrance(TOKEN, clock)
    clock.time += VALID
    assert entrance.redeem(entrance.code) is None


def test_the_link_of_the_first_run_lets_a_browser_in_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, entrance=True) as made:
            assert made.entrance is not None
            path, nobody = "/api/entrance", {"Authorization": ""}
            status, answer = await made.ask("POST", path, {"code": "another"}, **nobody)
            assert (status, answer["error"]["code"]) == (401, "LINK_USED")
            status, answer = await made.ask("POST", path, {"code": made.entrance.code}, **nobody)
            assert (status, answer) == (200, {"token": TOKEN})
            status, answer = await made.ask("POST", path, {"code": made.entrance.code}, **nobody)
            assert (status, answer["error"]["code"]) == (401, "LINK_USED")
            assert (await made.ask("POST", path, {}, **nobody))[0] == 400
            async with made.respond("POST", path, {"code": "x"}, Host="evil.example") as response:
                assert response.status == 403

    run(story())


def test_without_a_link_no_code_is_known(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, ready=False) as made:
            status, answer = await made.ask("POST", "/api/entrance", {"code": "x"}, Authorization="")
            assert (status, answer["error"]["code"]) == (401, "LINK_USED")

    run(story())
