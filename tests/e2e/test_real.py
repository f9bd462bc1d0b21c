"""The service on an account at Binance, played by the exchange server: a trade, modes, the stop by keys alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.processes import environment
from tests.e2e.service import Service

UNTIL_S = 20.0


class Allowed(Service):
    """Its environment allows mainnet."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "ALLOW_MAINNET_TRADING": "true"}


@contextmanager
def on_testnet(
    folder: Path, *, mode: str = "paper", section: str = "testnet", kind: type[Service] = Service
) -> Iterator[tuple[Service, Box]]:
    """A service with a testnet account (or what ``section`` says) at an exchange server, beside paper."""
    with running_box(source="synthetic", trades_per_second=20, forked=True) as box:
        (folder / "keys").mkdir()
        (folder / "keys" / "private.pem").write_text(box.ed25519_private)
        account = {
            "api_key": box.ed25519_key,
            "private_key_file": str(folder / "keys" / "private.pem"),
            "rest_url": box.rest,
            "websocket_api_url": box.ws,
            "streams_url": box.ws,
        }
        changes: dict[str, dict[str, Any]] = {"trading": {"mode": mode}, section: account}
        with kind(
            folder / "service", symbols=("BTCUSDT", "ETHUSDT"), changes=changes, forked=True
        ) as service:
            service.start()
            service.wait_ready()
            yield service, box


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so, that another process does."""
    end = time.monotonic() + UNTIL_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def enter(service: Service, *, below: Decimal | None = None) -> int:
    """Send a signal for BTCUSDT, at the market or so far below it; the position that is made."""

    def quote() -> dict[str, Any] | None:
        found = service.got("/api/quotes")["quotes"]
        return next((one for one in found if one["symbol"] == "BTCUSDT"), None)

    until(quote, "a price")
    price = quote()
    assert price is not None
    last = Decimal(price["last"])
    at = last if below is None else (last * (1 - below)).quantize(Decimal("0.1"))
    signal: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "long",
        "trader_id": f"trader-{below}",
        "stop_loss": str((at * Decimal("0.97")).quantize(Decimal("0.1"))),
        "take_profit": str((at * Decimal("1.05")).quantize(Decimal("0.1"))),
        "confidence": "1",
    }
    if below is not None:
        signal["entry"] = {"type": "limit", "price": str(at)}
    status, answer = service.ask("POST", "/api/signals", signal)
    assert (status, answer["status"]) == (201, "entering"), answer
    position: int = answer["position_id"]
    return position


def protected(service: Service, position: int) -> Callable[[], bool]:
    """Whether a position is open and a live stop protects it."""

    def look() -> bool:
        found = service.got(f"/api/positions/{position}")
        stop = found["stop_loss_order_id"]
        if found["status"] != "open" or stop is None:
            return False
        return bool(service.got(f"/api/orders/{stop}")["state"] == "New")

    return look


def switch(service: Service, mode: str, **more: bool | str) -> tuple[int, str]:
    status, answer = service.ask("POST", "/api/trading/mode", {"mode": mode, **more}, timeout_s=30)
    return status, answer["mode"] if status == 200 else answer["error"]["code"]


def test_a_signal_becomes_a_protected_position_and_is_closed(tmp_path: Path) -> None:
    with on_testnet(tmp_path, mode="testnet") as (service, box):
        position = enter(service)
        until(protected(service, position), "a protected position")
        found = service.got(f"/api/positions/{position}")
        assert (found["account_id"], found["plan"]) == ("testnet", "opoco")
        assert Decimal(found["cost"]) <= 50, "the cap of the first orders"
        status, _ = service.ask("POST", f"/api/positions/{position}/close", {"reason": "drill"})
        assert status == 200
        until(lambda: service.got(f"/api/trades/{position}")["status"] == "Closed", "a closed trade")
        trade = service.got(f"/api/real-trading/trades/{position}")
        assert trade["mode"] == "testnet"
        assert service.got("/api/paper-trading/trades")["trades"] == []
        assert service.stop() == 0
        for canary in (box.ed25519_key, box.ed25519_private.splitlines()[1]):
            assert canary not in service.log
            assert canary.encode() not in service.database.read_bytes()


def test_the_mode_is_switched_there_and_back_and_survives_a_kill(tmp_path: Path) -> None:
    with on_testnet(tmp_path, mode="paper") as (service, _):
        until(lambda: switch(service, "testnet") == (200, "testnet"), "the account is up, and tested")
        position = enter(service)
        until(protected(service, position), "a protected position")
        assert switch(service, "paper") == (409, "OPEN_POSITIONS")
        service.kill()
        service.start()
        service.wait_ready()
        assert service.got("/api/trading/mode") == {"mode": "testnet"}
        until(protected(service, position), "still protected")
        assert switch(service, "paper", flatten=True) == (400, "REQUIRES_CONFIRMATION")
        assert switch(service, "paper", flatten=True, confirmed=True) == (200, "paper")
        assert service.got("/api/status")["account_id"] == "paper"
        assert service.got(f"/api/real-trading/trades/{position}")["status"] == "Closed"


def test_mainnet_needs_the_environment_a_confirmation_and_a_key_that_was_looked_at(tmp_path: Path) -> None:
    """This exchange server does not tell what a key may do: somebody must say that it is so."""
    with on_testnet(tmp_path, section="mainnet") as (service, _):
        assert switch(service, "mainnet", confirmed=True) == (403, "MAINNET_DISABLED")
        assert "ALLOW_MAINNET_TRADING" in service.log
    (tmp_path / "again").mkdir()
    with on_testnet(tmp_path / "again", section="mainnet", kind=Allowed) as (service, _):
        assert switch(service, "mainnet") == (400, "REQUIRES_CONFIRMATION")
        assert switch(service, "mainnet", confirmed=True) == (409, "ROLLOUT_INCOMPLETE")
        go: dict[str, Any] = {"confirmed": True, "override_rollout": "drill"}
        assert switch(service, "mainnet", **go) == (409, "SELF_TEST_FAILED")
        until(
            lambda: switch(service, "mainnet", accept_unverified_key=True, **go) == (200, "mainnet"),
            "the account is up, and tested",
        )
        position = enter(service)
        until(protected(service, position), "a protected position")
        stop = {"X-Confirm-Emergency-Stop": "CONFIRM_STOP_ALL_TRADING"}
        status, told = service.ask(
            "POST", "/api/real-trading/emergency-stop", {"flatten": True}, headers=stop
        )
        assert (status, told["sold"], told["left"]) == (200, [position], [])
        assert service.got("/api/status")["halted"]["by"] == "operator"


def keys_stop(service: Service, *words: str) -> tuple[int, dict[str, Any]]:
    """The stop from another process, with the settings file as its only word of keys."""
    command = [
        sys.executable,
        "-m",
        "fillwright",
        "emergency-stop",
        "--keys",
        "fillwright.toml",
        "--yes",
        "--json",
    ]
    done = subprocess.run(
        [*command, *words],
        cwd=service.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def test_the_stop_with_keys_alone_halts_the_running_service_for_good(tmp_path: Path) -> None:
    with on_testnet(tmp_path, mode="testnet") as (service, _):
        held = enter(service)
        until(protected(service, held), "a protected position")
        working = enter(service, below=Decimal("0.015"))
        entry = f"_{working}_E_1"
        until(
            lambda: any(
                one["id"].endswith(entry) and one["state"] == "New"
                for one in service.got("/api/orders")["orders"]
            ),
            "an entry that works",
        )
        code, told = keys_stop(service, "--watch", "0")
        assert (code, told["clean"], told["sold"], told["left"]) == (0, True, [], [])
        assert [name[-len(entry) :] for name in told["cancelled"]] == [entry]
        assert len(told["kept"]) == 2, "the stop and the target of what is held"
        until(lambda: service.got("/api/status")["halted"], "halted")
        halted = service.got("/api/status")["halted"]
        assert (halted["cause"], halted["by"]) == ("emergency_stop", "keys-only stop")
        assert protected(service, held)()
        service.kill()
        service.start()
        service.wait_ready()
        assert service.got("/api/status")["halted"]["cause"] == "emergency_stop"

        code, told = keys_stop(service, "--flatten", "--watch", "0")
        assert (code, told["clean"], len(told["sold"]), told["left"]) == (0, True, 1, [])
        until(lambda: service.got(f"/api/trades/{held}")["status"] == "Closed", "closed by the sale")
        assert service.ask("POST", "/api/resume", {"reason": "drill over"})[0] == 200


def test_back_to_paper_while_binance_is_gone(tmp_path: Path) -> None:
    """Nothing open by the journal: allowed. Something open: only by force, which is on record."""
    with on_testnet(tmp_path, mode="testnet") as (service, box):
        position = enter(service)
        until(protected(service, position), "a protected position")
        service.kill()
        box.process.kill()
        service.start()
        until(lambda: reached(service), "the service answers")
        assert switch(service, "paper") == (409, "OPEN_POSITIONS")
        assert switch(service, "paper", force=True) == (400, "REQUIRES_CONFIRMATION")
        assert switch(service, "paper", force=True, confirmed=True) == (200, "paper")
        service.wait_ready()
        assert service.got("/api/trading/mode") == {"mode": "paper"}


def reached(service: Service) -> bool:
    try:
        return service.get("/api/trading/mode")[0] == 200
    except OSError:
        return False
