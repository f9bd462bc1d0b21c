from __future__ import annotations

from pathlib import Path

from fillwright.api.operations import CONFIRMATION
from tests.api.serving import VERSION, service
from tests.runtime.builders import run


def test_the_emergency_stop_needs_its_header_halts_and_is_lifted_with_a_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            status, answer = await made.ask("POST", "/api/emergency-stop", {})
            assert (status, answer["error"]["code"]) == (400, "REQUIRES_CONFIRMATION")

            header = {"X-Confirm-Emergency-Stop": CONFIRMATION}
            status, answer = await made.ask("POST", "/api/paper-trading/emergency-stop", {}, **header)
            assert (status, answer) == (
                200,
                {
                    "cancelled_orders": [],
                    "disabled": True,
                    "sold": [],
                    "left": [number],
                    "verified": True,
                    "took_ms": answer["took_ms"],
                    "orders_left": [],
                },
            )
            state = await made.get("/api/status")
            assert state["halted"]["cause"] == "emergency_stop"
            assert state["halted"]["by"] == "tester"
            assert state["enabled"] is False
            status, denied = await made.send(key="later")
            assert (denied["status"], denied["code"]) == ("denied", "HALTED")

            assert (await made.ask("POST", "/api/resume", {"reason": ""}))[0] == 400
            assert (await made.ask("POST", "/api/resume", {"reason": "  "}))[0] == 422
            status, answer = await made.ask("POST", "/api/paper-trading/resume", {"reason": "looked at it"})
            assert (status, answer) == (200, {"success": True, "repeated": False})
            assert (await made.get("/api/status"))["halted"] is None

    run(story())


def test_an_emergency_stop_that_flattens_waits_for_its_sales(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            numbers = [await made.open_position(), await made.open_position()]
            header = {"X-Confirm-Emergency-Stop": CONFIRMATION}
            _, answer = await made.ask("POST", "/api/emergency-stop", {"flatten": True}, **header)
            assert (answer["sold"], answer["left"]) == (numbers, [])

    run(story())


def test_the_status_tells_how_everything_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            await made.open_position()
            status = await made.get("/api/status")
            assert (status["version"], status["mode"], status["ready"]) == (VERSION, "paper", True)
            assert status["prices"] == [{"symbol": "AAAUSDT", "quote_age_ms": 0, "trade_age_ms": 0}]
            assert (status["stream"], status["clock_skew_ms"]) == ({"state": "connected", "age_ms": 0}, None)
            assert status["questions_dropped"] == 0
            assert status["feed"] == {"source": "synthetic", "connected": True, "detail": "", "age_ms": 0}
            assert status["rate_limits"][0] == {"type": "ORDERS", "interval_s": 10, "used": 3, "limit": 100}
            assert (status["positions_open"], status["unprotected"], status["in_doubt"]) == (1, [], [])
            assert status["seq"] == made.account.feed.last_seq
            assert status["paused"] is None
            assert status["circuit_breaker"]["is_open"] is False

    run(story())
