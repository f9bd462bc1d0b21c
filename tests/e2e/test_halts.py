"""A halt holds: after a kill in the moment of its answer, on a disk without room, and until somebody says why not."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.processes import fillwright
from tests.e2e.stops import CONFIRM, SYMBOLS, Loaded, loaded, until
from tests.e2e.test_broken_disks import fill

ANSWERED_MAX_S = 10.0
CROWDED_MAX_S = 60.0


def refused(world: Loaded, side: str = "long") -> tuple[int, str]:
    """What a signal is told."""
    body: dict[str, str] = {
        "symbol": SYMBOLS[0],
        "side": side,
        "trader_id": f"late-{time.monotonic_ns()}",
        "stop_loss": "58200",
        "confidence": "1",
    }
    status, answer = world.service.ask("POST", "/api/signals", body)
    return status, str(answer["error"]["code"] if "error" in answer else answer["code"])


def test_a_halt_survives_a_kill_right_after_its_answer_and_a_resume_needs_a_reason(tmp_path: Path) -> None:
    with loaded(tmp_path) as world:
        world.hold()
        world.fill(1)
        answer, _ = world.stop(reason="a drill")
        world.service.kill()
        assert answer["disabled"]
        world.service.start()
        world.service.wait_ready()
        halted = world.service.got("/api/status")["halted"]
        assert (halted["cause"], halted["reason"], halted["by"]) == ("emergency_stop", "a drill", "operator")
        assert refused(world) == (201, "HALTED")
        assert world.working() == []
        assert world.is_protected()
        resumes_with_a_reason_only(world)


def resumes_with_a_reason_only(world: Loaded) -> None:
    """Over the API and on the command line."""
    service = world.service
    for body, expected in (({}, 400), ({"reason": ""}, 400), ({"reason": "   "}, 422)):
        assert service.ask("POST", "/api/resume", body)[0] == expected, body
    token = service.folder / "token"
    token.write_text(service.environment["FILLWRIGHT__SERVER__TOKEN"])
    words = ("resume", "--token-file", token)
    assert fillwright(*words, cwd=service.folder).returncode == 2, "no --reason"
    done = fillwright(*words, "--reason", "  ", cwd=service.folder)
    assert (done.returncode, "REASON_REQUIRED" in done.stderr) == (8, True), done.stderr
    assert service.got("/api/status")["halted"]
    assert fillwright(*words, "--reason", "the drill is over", cwd=service.folder).returncode == 0
    assert service.got("/api/status")["halted"] is None


def crowd_out(world: Loaded) -> None:
    """Have the journal written until it has used the room that it set aside."""
    until(lambda: refused(world, "short")[0] == 503, "the journal is full, too", CROWDED_MAX_S)


def test_on_a_full_disk_a_stop_cancels_says_so_and_holds_after_a_restart(
    small_disk: Path, tmp_path: Path
) -> None:
    with loaded(tmp_path, data=small_disk / "data") as world:
        world.hold()
        world.fill(1)
        fill(small_disk / "filler")
        crowd_out(world)
        status, told = world.service.ask(
            "POST",
            "/api/emergency-stop",
            {"reason": "the disk is full"},
            headers=CONFIRM,
            timeout_s=ANSWERED_MAX_S,
        )
        assert (status, told["error"]["code"]) == (503, "STOP_NOT_RECORDED")
        assert "a restart halts" in told["error"]["message"]
        until(lambda: world.working() == [], "cancelled at the exchange all the same")
        assert len(world.stops()) == len(world.held)
        assert refused(world)[0] == 503
        if world.service.process is not None and world.service.process.poll() is None:
            world.service.kill()
        (small_disk / "filler").unlink()
        world.service.process = None
        world.service.start()
        world.service.wait_ready()
        halted = world.service.got("/api/status")["halted"]
        assert (halted["cause"], halted["reason"]) == ("emergency_stop", "the disk is full")
        assert refused(world) == (201, "HALTED")
        assert world.is_protected()
        world.resume()
        world.service.kill()
        world.service.start()
        world.service.wait_ready()
        assert world.service.got("/api/status")["halted"] is None, "what was lifted stays lifted"
