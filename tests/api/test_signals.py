from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from fillwright.core.events import SignalReceived
from fillwright.core.types import SECOND
from fillwright.ports import DiskFullError
from fillwright.runtime.inbox import Bounds
from tests.api.serving import SIGNAL, service
from tests.runtime.builders import run, until


def test_a_signal_is_taken_and_becomes_a_protected_position(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            status, answer = await made.send(key="a1")
            assert status == 201
            assert answer == {
                "id": 1,
                "status": "entering",
                "code": None,
                "value": None,
                "limit": None,
                "message": "",
                "position_id": 1,
                "repeated": False,
            }
            ledger = made.account.engine.ledger
            await until(lambda: ledger.state.positions[1].stop_order_id, "protection")

            signal = await made.get("/api/signals/1")
            assert (signal["key"], signal["status"], signal["stop_loss"]) == ("a1", "in_position", "95")
            assert signal["created_at"] == "2026-11-20T10:00:00.000000Z"
            why = await made.get("/api/signals/1/why")
            assert why["verdicts"][0]["approved"] is True
            assert {"code": "HALTED", "passed": True, "value": None, "limit": None, "note": ""} in why[
                "verdicts"
            ][0]["checks"]
            assert why["chain"][0]["event"]["kind"] == "SignalReceived"
            assert why["position"]["id"] == 1

    run(story())


def test_the_same_key_gives_the_first_answer_again_and_another_body_a_conflict(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            first = await made.send(key="a1")
            made.bench.clock.move(
                3 * SECOND
            )  # it brings no created_at: its repetition is the same signal still

            status, again = await made.send(key="a1")
            assert (status, again["id"], again["repeated"]) == (200, first[1]["id"], True)
            status, again = await made.ask("POST", "/api/signals", SIGNAL, Idempotency_Key="a1")
            assert (status, again["repeated"]) == (200, True)
            status, other = await made.send(key="a1", stop_loss="94")
            assert (status, other["error"]["code"]) == (409, "KEY_CONFLICT")
            assert other["error"]["details"] == {"signal_id": 1}
            status, both = await made.ask("POST", "/api/signals", {**SIGNAL, "key": "x"}, Idempotency_Key="y")
            assert (status, both["error"]["details"]) == (400, {"path": "$.key"})
            assert len(made.bench.events(SignalReceived)) == 1

    run(story())


def test_many_who_send_the_same_at_once_make_one_signal(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            answers = await asyncio.gather(*(made.send(key="a1") for _ in range(20)))

            assert sorted(status for status, _ in answers) == [200] * 19 + [201]
            assert {answer["id"] for _, answer in answers} == {1}
            assert len(made.bench.events(SignalReceived)) == 1

    run(story())


def test_denied_is_an_answer_with_code_value_and_limit_also_when_it_is_repeated(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            status, denied = await made.send(key="d", stop_loss="80")
            assert (status, denied["status"], denied["code"]) == (201, "denied", "STOP_LOSS_TOO_FAR")
            assert Decimal(denied["value"]) > Decimal(denied["limit"]) == 10

            status, again = await made.send(key="d", stop_loss="80")
            assert denied["message"].startswith("The stop loss is further from the entry than allowed")
            assert (status, again) == (200, {**denied, "repeated": True})

            listed = await made.get("/api/signals?status=denied")
            assert [signal["status_reason"] for signal in listed["signals"]] == ["STOP_LOSS_TOO_FAR"]

    run(story())


def test_a_preview_runs_every_check_and_records_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            seq = made.account.feed.last_seq
            status, good = await made.ask("POST", "/api/signals/preview", SIGNAL)
            assert (status, good["approved"], good["code"]) == (200, True, None)
            _, bad = await made.ask("POST", "/api/signals/preview", {**SIGNAL, "stop_loss": "120"})
            assert (bad["approved"], bad["code"]) == (False, "STOP_LOSS_WRONG_SIDE")
            assert len(bad["checks"]) > 20
            assert made.account.feed.last_seq == seq

    run(story())


def test_a_full_lane_and_a_store_that_fails_are_503_and_nothing_is_half_done(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, bounds=Bounds(signals=1)) as made:
            answers = await asyncio.gather(*(made.send(key=f"k{n}") for n in range(30)))
            refused = [answer["error"]["code"] for status, answer in answers if status == 503]
            taken = [status for status, _ in answers if status == 201]
            assert len(refused) + len(taken) == 30
            assert set(refused) <= {"LANE_FULL"}
            assert len(made.bench.events(SignalReceived)) == len(taken)

            made.bench.store.journal.errors.append(DiskFullError("no room"))
            async with made.respond("POST", "/api/signals", {**SIGNAL, "key": "full"}) as response:
                body = await response.json()
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert body["error"]["code"] == "NOT_STORED"
            assert body["error"]["details"] == {"recorded": False}

    run(story())


def test_before_the_account_is_ready_signals_are_503_with_the_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, ready=False) as made:
            status, answer = await made.send(key="a1")
            assert (status, answer["error"]["code"]) == (503, "NOT_READY")
            status, answer = await made.ask("GET", "/api/portfolio")
            assert (status, answer["error"]["code"]) == (503, "NOT_READY")
            status, ready = await made.ask("GET", "/readyz")
            assert status == 503
            assert any("recovering" in reason for reason in ready["reasons"])
            assert (await made.ask("GET", "/healthz"))[0] == 200

    run(story())
