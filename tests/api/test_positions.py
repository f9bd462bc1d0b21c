from __future__ import annotations

import asyncio
from pathlib import Path

from tests.api.serving import service
from tests.runtime.builders import run, until


def test_a_position_is_reduced_moved_and_closed(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            path = f"/api/positions/{number}"
            position = made.account.engine.state.positions[number]
            assert (await made.get(path))["protection"] == position.protection

            status, answer = await made.ask("POST", f"{path}/adjust", {"stop_loss": "96"})
            assert (status, answer) == (200, {"success": True, "position_id": number, "repeated": False})
            await until(lambda: position.stop_loss == 96, "the stop")
            status, answer = await made.ask("POST", f"{path}/adjust", {"stop_loss": "90"})
            assert (status, answer["error"]["code"]) == (409, "REFUSED")

            before = position.quantity
            assert (await made.ask("POST", f"{path}/reduce", {"fraction": "0.5"}))[0] == 200
            await until(lambda: position.quantity < before, "the reduction")
            assert (await made.ask("POST", f"{path}/reduce", {}))[0] == 400
            assert (await made.ask("POST", f"{path}/reduce", {"fraction": "1"}))[0] == 400

            assert (await made.ask("POST", f"{path}/close", raw=b""))[0] == 200
            await until(lambda: number not in made.account.engine.ledger.open_positions, "closed")
            status, answer = await made.ask("POST", f"{path}/close", {})
            assert (status, answer["error"]["code"]) == (409, "POSITION_NOT_OPEN")
            trade = await made.get(f"/api/paper-trading/trades/{number}")
            assert trade["status"] == "Closed"
            assert trade["exit_reason"] == "tester: operator"

    run(story())


def test_more_is_bought_after_the_same_checks(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            position = made.account.engine.state.positions[number]
            before = position.quantity
            status, answer = await made.ask("POST", f"/api/positions/{number}/add", {"quote": "100"})
            assert status == 200, answer
            await until(lambda: position.quantity > before, "more")
            status, answer = await made.ask("POST", f"/api/positions/{number}/add", {"quote": "1"})
            assert (status, answer["error"]["code"]) == (422, "POSITION_SIZE_MIN"), answer

    run(story())


def test_of_positions_that_never_were_nothing_is_done(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for number in ("7", "99999999999999999999999"):
                status, answer = await made.ask("POST", f"/api/positions/{number}/close", {})
                assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
                assert (await made.ask("GET", f"/api/positions/{number}"))[0] == 404

    run(story())


def test_the_same_command_with_its_key_happens_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            path = f"/api/positions/{number}"
            position = made.account.engine.state.positions[number]
            before = position.quantity
            half = {"fraction": "0.5"}
            done = {"success": True, "position_id": number}
            answers = await asyncio.gather(
                *(made.ask("POST", f"{path}/reduce", half, Idempotency_Key="r1") for _ in range(4))
            )
            assert [status for status, _ in answers] == [200] * 4
            assert sorted(answer["repeated"] for _, answer in answers) == [False, True, True, True]
            await until(lambda: position.quantity < before, "the reduction")
            left = position.quantity
            assert before / 2 <= left < before * 51 / 100
            again = await made.ask("POST", f"{path}/reduce", half, Idempotency_Key="r1")
            assert again == (200, {**done, "repeated": True})
            assert position.quantity == left
            for name, body in (("reduce", {"fraction": "0.4"}), ("close", {}), ("add", {"quote": "50"})):
                status, answer = await made.ask("POST", f"{path}/{name}", body, Idempotency_Key="r1")
                assert (status, answer["error"]["code"]) == (409, "KEY_CONFLICT")
            assert position.quantity == left

    run(story())


def test_a_close_is_answered_again_when_the_position_is_long_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            path, ledger = f"/api/positions/{number}", made.account.engine.ledger
            assert (await made.ask("POST", f"{path}/close", {}, Idempotency_Key="c"))[0] == 200
            await until(lambda: number not in ledger.open_positions, "closed")
            del made.account.engine.state.positions[number]
            status, answer = await made.ask("POST", f"{path}/close", {}, Idempotency_Key="c")
            assert (status, answer["repeated"]) == (200, True)
            for key in ("other", "other"):  # the first answer again, and again
                status, answer = await made.ask("POST", f"{path}/close", {}, Idempotency_Key=key)
                assert (status, answer["error"]["code"]) == (409, "POSITION_NOT_OPEN")
                status, answer = await made.ask(
                    "POST", "/api/positions/77/close", {}, Idempotency_Key=f"{key}7"
                )
                assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")

    run(story())


def test_keys_have_a_length(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for key in ("", "k" * 129):
                status, answer = await made.ask("POST", "/api/positions/1/close", {}, Idempotency_Key=key)
                assert (status, answer["error"]["code"]) == (400, "INVALID_PARAMETER")

    run(story())
