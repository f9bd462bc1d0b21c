"""The way to real money at an exchange server: testnet, demo mode, mainnet, each after ten clean trades.

The keys are read, as on mainnet: one that may withdraw goes nowhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.exchange.box import BALANCES, Box, running_box
from tests.e2e.service import TOKEN, Service
from tests.e2e.test_real import Allowed, enter, protected, switch, until

TIMEOUT_S = 110
STAGES = ("testnet", "demo", "mainnet")
IP = "127.0.0.1"


def section(box: Box, account: str) -> dict[str, Any]:
    """Settings of an account at the server, with a key that is bound to this machine."""
    if account not in box.admin.get("/accounts"):
        box.admin.post("/accounts", account=account, balances=BALANCES)
    key = box.admin.post("/keys", account=account, ip_addresses=[IP])
    return {
        "api_key": key["api_key"],
        "secret": key["secret"],
        "rest_url": box.rest,
        "websocket_api_url": box.ws,
        "streams_url": box.ws,
    }


@contextmanager
def guarded(folder: Path, *stages: str) -> Iterator[tuple[Service, Box, dict[str, str]]]:
    """A service on paper with accounts at these stages; the keys of each."""
    options = ("--key-rights", "--no-limits")
    with running_box(source="synthetic", trades_per_second=20, options=options, forked=True) as box:
        accounts = {stage: section(box, stage) for stage in stages}
        with Allowed(
            folder / "service", symbols=("BTCUSDT", "ETHUSDT"), changes=accounts, forked=True
        ) as service:
            service.start()
            service.wait_ready()
            until(lambda: service.got("/api/rollout"), "an answer")
            yield service, box, {stage: found["api_key"] for stage, found in accounts.items()}


def rollout(service: Service, *words: str) -> tuple[int, dict[str, Any]]:
    """The command, as a user gives it."""
    return command(service, "rollout", *words, "--yes")


def command(service: Service, *words: str) -> tuple[int, dict[str, Any]]:
    """A command's exit code, and the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "fillwright", *words, "--json"],
        cwd=service.folder,
        env={**service.environment, "FILLWRIGHT_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def stage_of(service: Service, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in service.got("/api/rollout")["stages"] if one["mode"] == name)
    return found


def test_a_run_that_is_broken_off_has_made_what_it_has_told(tmp_path: Path) -> None:
    with guarded(tmp_path, "testnet") as (service, _, _):
        running = subprocess.Popen(
            [sys.executable, "-m", "fillwright", "rollout", "testnet"],
            cwd=service.folder,
            env={**service.environment, "FILLWRIGHT_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        with running:
            assert running.stdout is not None
            lines = iter(running.stdout.readline, "")
            assert next(lines) == "The service is in testnet mode now.\n"
            for number in (1, 2):
                line = next(lines)
                assert line.startswith(f"{number}/10 BTCUSDT "), line
                assert line.endswith(": clean\n"), line
            running.kill()
        service.kill()
        service.start()
        service.wait_ready()
        assert stage_of(service, "testnet")["clean_trades"] >= 2
        shown = subprocess.run(
            [sys.executable, "-m", "fillwright", "rollout"],
            cwd=service.folder,
            env={**service.environment, "FILLWRIGHT_TOKEN": TOKEN},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        ).stdout
        assert "> testnet" in shown
        assert "no account: [mainnet] has no key" in shown


@pytest.mark.long
def test_ten_clean_trades_open_the_next_stage_and_survive_a_kill(tmp_path: Path) -> None:
    with guarded(tmp_path, "testnet", "demo") as (service, _, _):
        assert switch(service, "demo") == (409, "ROLLOUT_INCOMPLETE")
        code, told = rollout(service, "testnet")
        assert (code, told["complete"], told["clean_trades"], told["stopped"]) == (0, True, 10, None), told
        assert len(told["trades"]) == 10
        assert all(one["clean"] for one in told["trades"])
        assert {one["plan"] for one in told["trades"]} == {"opoco", "opo"}
        assert all(Decimal(one["unprotected_ms"]) <= 1000 for one in told["trades"])
        service.kill()
        service.start()
        service.wait_ready()
        assert stage_of(service, "testnet")["clean_trades"] == 10
        assert switch(service, "demo") == (200, "demo")
        code, told = rollout(service, "testnet")
        assert (code, told["complete"], told["trades"]) == (0, True, []), "nothing is left to do"


def test_a_stage_out_of_turn_needs_a_reason_that_stays_on_record(tmp_path: Path) -> None:
    with guarded(tmp_path, "demo") as (service, _, _):
        code, told = rollout(service, "demo")
        assert code == 8
        assert "ROLLOUT_INCOMPLETE" in told["error"]["message"]
        assert service.got("/api/trading/mode") == {"mode": "paper"}
        status, answer = service.ask(
            "POST", "/api/trading/mode", {"mode": "demo", "override_rollout": "testnet was wiped"}
        )
        assert (status, answer["mode"]) == (200, "demo")
        found = stage_of(service, "demo")
        assert (found["overridden_by"], found["override_reason"]) == ("operator", "testnet was wiped")
        assert switch(service, "paper") == (200, "paper")
        assert switch(service, "demo") == (200, "demo"), "said once, it is on record"


def worth(service: Service, position: int) -> Decimal:
    return Decimal(service.got(f"/api/positions/{position}")["cost"])


def test_a_key_that_may_withdraw_goes_nowhere_and_first_trades_on_mainnet_are_small(tmp_path: Path) -> None:
    """Over the wire: rights of the key, then caps of 50 until somebody lifts them with a reason."""
    with guarded(tmp_path, "mainnet") as (service, box, keys):
        go: dict[str, Any] = {"confirmed": True, "override_rollout": "drill"}
        rights = {"api_key": keys["mainnet"]}

        def refused() -> str:
            status, answer = service.ask("POST", "/api/trading/mode", {"mode": "mainnet", **go}, timeout_s=30)
            assert (status, answer["error"]["code"]) == (409, "SELF_TEST_FAILED"), answer
            (key,) = (one for one in answer["error"]["details"]["findings"] if one["name"] == "key")
            assert key["unverified"] is False
            return str(key["detail"])

        assert switch(service, "mainnet", confirmed=True) == (409, "ROLLOUT_INCOMPLETE")
        until(lambda: service.got("/api/rollout")["stages"][2]["configured"], "an account")
        box.admin.post("/keys/change", **rights, can_withdraw=True)
        assert refused() == "it may withdraw"
        assert switch(service, "mainnet", accept_unverified_key=True, **go) == (409, "SELF_TEST_FAILED"), (
            "it was read"
        )
        box.admin.post("/keys/change", **rights, can_withdraw=False, ip_addresses=[])
        assert refused() == "it is not bound to addresses (IP)"
        box.admin.post("/keys/change", **rights, ip_addresses=[IP])
        assert switch(service, "mainnet", **go) == (200, "mainnet")

        assert service.got("/api/status")["rollout"] == {"clean_trades": 0, "needed": 10, "cap": "50"}
        first = enter(service)
        until(protected(service, first), "a protected position")
        assert 0 < worth(service, first) <= 50
        service.ask("POST", f"/api/positions/{first}/close", {"reason": "drill"})
        until(lambda: stage_of(service, "mainnet")["clean_trades"] == 1, "a judgement")

        code, told = rollout(service, "mainnet", "--lift-cap", "drill")
        assert code == 8
        assert "ROLLOUT_INCOMPLETE" in told["error"]["message"]
        assert rollout(service, "mainnet", "--lift-cap", "drill", "--early")[0] == 0
        found = stage_of(service, "mainnet")
        assert (found["cap"], found["lifted_by"], found["lifted_reason"]) == (None, "operator", "drill")
        service.kill()
        service.start()
        service.wait_ready()
        until(lambda: service.got("/api/status")["stream"]["state"] == "connected", "the account is up")
        assert service.got("/api/status")["rollout"]["cap"] is None
        second = enter(service, below=Decimal("-0.001"))
        until(protected(service, second), "a protected position")
        assert worth(service, second) > 55


def test_what_is_not_clean_stops_the_run_with_its_reason(tmp_path: Path) -> None:
    with guarded(tmp_path, "testnet") as (service, box, _):
        box.admin.post("/faults", of="requests", outcome="answer_lost", endpoint="orderList.*", times=1)
        code, told = rollout(service, "testnet")
        assert code == 8
        assert told["complete"] is False
        assert "the connection ended before the answer" in told["stopped"], told
        assert [one["clean"] for one in told["trades"]] == [False]
        code, shown = rollout(service)
        assert (code, shown["stages"][0]["unclean_trades"]) == (0, 1)


def test_the_doctor_looks_at_real_accounts_and_tells_nothing_of_their_keys(tmp_path: Path) -> None:
    with guarded(tmp_path, "testnet", "mainnet") as (service, box, keys):
        code, told = command(service, "doctor")
        found = {one["name"]: one for one in told["findings"]}
        assert code == 0, told
        for name in ("ping", "account", "clock", "symbols", "minimum", "money", "fees", "orders", "stream"):
            assert found[f"testnet {name}"]["result"] == found[f"mainnet {name}"]["result"] == "ok", found
        assert found["mainnet key"]["result"] == "ok"
        assert "testnet key" not in found, "testnet does not tell"
        box.admin.post("/keys/change", api_key=keys["mainnet"], can_withdraw=True)
        code, told = command(service, "doctor")
        (failed,) = (one for one in told["findings"] if one["result"] == "failed")
        assert (code, told["ok"], failed["name"], failed["text"]) == (
            2,
            False,
            "mainnet key",
            "it may withdraw",
        )
        assert not any(key in json.dumps(told) for key in keys.values())
