"""The service on an account through ccxt, at Binance and at another exchange of ccxt's, both played by the box."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.service import Service
from tests.e2e.test_real import Allowed, enter, protected, switch, until


@contextmanager
def through_ccxt(
    folder: Path, section: str, account: dict[str, Any], box: Box, kind: type[Service] = Service, **more: Any
) -> Iterator[Service]:
    """A service with an account through ccxt beside paper."""
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "secret").write_text(box.secret)
    keys = {"api_key": box.api_key, "secret_file": str(folder / "keys" / "secret"), "through": "ccxt"}
    changes = {section: {**keys, **account}, **more}
    with kind(folder / "service", symbols=("BTCUSDT",), changes=changes, forked=True) as service:
        service.start()
        service.wait_ready()
        yield service


def addresses(box: Box) -> dict[str, str]:
    return {"rest_url": box.rest, "websocket_api_url": box.ws, "streams_url": box.ws}


def test_a_position_through_ccxt_over_a_kill_to_an_emergency_stop(tmp_path: Path) -> None:
    with (
        running_box(source="synthetic", trades_per_second=20, forked=True) as box,
        through_ccxt(
            tmp_path, "testnet", addresses(box), box, trading={"mode": "testnet", "real_mode": "testnet"}
        ) as service,
    ):
        position = enter(service)
        until(protected(service, position), "a protected position")
        found = service.got(f"/api/positions/{position}")
        assert (found["account_id"], found["plan"]) == ("testnet", "stop")
        assert Decimal(found["cost"]) <= 50, "the cap of the first orders"
        service.kill()
        service.start()
        service.wait_ready()
        until(protected(service, position), "still protected")
        assert switch(service, "paper") == (409, "OPEN_POSITIONS")

        stop = {"X-Confirm-Emergency-Stop": "CONFIRM_STOP_ALL_TRADING"}
        status, told = service.ask(
            "POST", "/api/real-trading/emergency-stop", {"flatten": True}, headers=stop, timeout_s=40
        )
        assert (status, told["left"]) == (200, []), told
        until(lambda: service.got(f"/api/trades/{position}")["status"] == "Closed", "sold")
        assert service.got("/api/status")["halted"]["by"] == "operator"
        calls = service.got("/api/status")["venue_calls"]
        assert {"call": "load_markets", "outcome": "ok", "code": None, "count": 1} in calls
        assert service.stop() == 0
        for canary in (box.api_key, box.secret):
            assert canary not in service.log
            assert canary.encode() not in service.database.read_bytes()


def test_another_exchange_is_behind_mainnets_gate_and_its_key_is_not_verified(tmp_path: Path) -> None:
    with running_box(source="synthetic", trades_per_second=20, forked=True) as box:
        urls = {"public": f"{box.rest}/api/v3", "private": f"{box.rest}/api/v3"}
        urls |= {"ws.spot": f"{box.ws}/stream", "ws.ws-api.spot": f"{box.ws}/ws-api/v3"}
        account = {"exchange": "binanceus"}
        tables = {"mainnet.ccxt_urls": urls}
        with through_ccxt(tmp_path / "open", "mainnet", account, box, Allowed, **tables) as service:
            assert switch(service, "mainnet", confirmed=True) == (409, "ROLLOUT_INCOMPLETE")
            words: dict[str, Any] = {"confirmed": True, "override_rollout": "drill"}
            assert switch(service, "mainnet", **words) == (409, "SELF_TEST_FAILED")
            words["accept_unverified_key"] = True
            until(lambda: switch(service, "mainnet", **words) == (200, "mainnet"), "up, and tested")
            until(lambda: service.got("/api/status")["feed"]["source"] == "binanceus", "its own prices")
            position = enter(service)
            until(protected(service, position), "a protected position")
            status, _ = service.ask("POST", f"/api/positions/{position}/close", {"reason": "drill"})
            assert status == 200
            until(lambda: service.got(f"/api/trades/{position}")["status"] == "Closed", "closed")
