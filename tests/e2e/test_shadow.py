"""The service with a shadow beside its account at an exchange server: pairs, kills, the command, the page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.processes import environment
from tests.e2e.service import TOKEN, Service
from tests.e2e.test_real import enter, protected, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ANSWER_DELAY_US = 60_000


@contextmanager
def shadowed(folder: Path) -> Iterator[tuple[Service, Box]]:
    """A service that trades at an exchange server, with a shadow."""
    with running_box(source="synthetic", trades_per_second=20, forked=True) as box:
        (folder / "private.pem").write_text(box.ed25519_private)
        changes: dict[str, dict[str, Any]] = {
            "trading": {"mode": "testnet", "shadow": True},
            "testnet": {
                "api_key": box.ed25519_key,
                "private_key_file": str(folder / "private.pem"),
                "rest_url": box.rest,
                "websocket_api_url": box.ws,
                "streams_url": box.ws,
            },
            # the exchange takes 10 bps: 5 less on paper; an idea follows soon upon another
            "paper": {"taker_fee": "0.0005", "latency_ms": 5},
        }
        with Service(folder / "service", symbols=("BTCUSDT",), changes=changes, forked=True) as service:
            service.start()
            service.wait_ready()
            up(service)
            yield service, box


def up(service: Service) -> None:
    until(lambda: service.got("/api/status")["shadow"]["state"] == "ready", "the shadow is ready")


def report(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.got("/api/shadow-trading/report")
    return found


def close(service: Service, position: int) -> None:
    """Close a position, and wait until its twin is closed, too."""
    before = report(service)["total"]["pairs"]
    status, _ = service.ask("POST", f"/api/positions/{position}/close", {"reason": "drill"})
    assert status == 200
    until(lambda: report(service)["total"]["pairs"] == before + 1, "closed in both")


def entries(service: Service) -> dict[str, Any]:
    """What the report says of entries."""
    found = [one for one in report(service)["groups"] if one["leg"] == "entry"]
    return found[0] if found else {"pairs": 0}


def told(service: Service, *words: str) -> tuple[int, str]:
    """``fillwright shadow report`` in another process."""
    command = [sys.executable, "-m", "fillwright", "shadow", "report", *words]
    done = subprocess.run(
        command,
        cwd=service.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_pairs_are_compared_and_survive_kills(tmp_path: Path) -> None:
    with shadowed(tmp_path) as (service, box):
        box.admin.post(
            "/faults", of="requests", outcome="delayed", endpoint="order*", answer_delay_us=0,
            delay_us=ANSWER_DELAY_US, times=None,
        )  # fmt: skip
        first = enter(service)
        until(protected(service, first), "a protected position")
        until(lambda: entries(service)["pairs"] == 1, "a pair")
        service.kill()
        service.start()
        service.wait_ready()
        up(service)
        assert entries(service)["pairs"] == 1
        assert service.got("/api/shadow-trading/portfolio")["positions_open"] == 1
        close(service, first)
        found = report(service)
        assert (found["account_id"], found["shadow_id"]) == ("testnet", "shadow-testnet")
        assert (found["signals"], found["shadowed"], found["unshadowed"]) == (1, 1, 0)
        group = entries(service)
        # 0.1 % there, 0.05 % on paper; of so few coins commissions are rounded at their last digit
        assert abs(Decimal(group["fee_bps"]["p50"]) - 5) < Decimal("0.5")
        slow, quick = Decimal(group["ack_ms_real"]["p50"]), Decimal(group["ack_ms_shadow"]["p50"])
        assert slow >= ANSWER_DELAY_US / 1000
        assert quick >= 5
        (trade,) = service.got("/api/shadow-trading/trades")["trades"]
        assert (trade["account_id"], trade["mode"], trade["status"]) == ("shadow-testnet", "paper", "Closed")
        assert service.got("/api/paper-trading/trades")["trades"] == [], "the user's own paper account sleeps"
        assert service.got("/api/real-trading/portfolio")["account_id"] == "testnet"

        code, text = told(service, "--json")
        assert code == 0, text
        assert json.loads(text)["total"] == report(service)["total"]
        assert service.stop() == 0
        code, text = told(service)
        assert (code, "testnet against its shadow" in text) == (0, True), text
        assert "unhandled" not in service.log
        assert '"level":"error"' not in service.log


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (on Debian: apt install chromium)")
@pytest.mark.filterwarnings("default")
def test_the_page_shows_it_and_says_that_it_is_paper(tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with shadowed(tmp_path) as (service, _), sync_playwright() as playwright:
        enter(service)
        until(lambda: entries(service)["pairs"] == 1, "a pair")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (1440, 390):
            context = browser.new_context(viewport={"width": width, "height": 900})
            page = context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
            page.goto(service.url)
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Connect").click()
            panel = page.locator("#shadow")
            expect(panel).to_be_visible(timeout=15_000)
            expect(panel.locator("#shadowmode")).to_contain_text("paper, not your money")
            expect(panel.locator("#drift tr").first).to_contain_text("BTCUSDT")
            page.screenshot(path=tmp_path / f"shadow-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert errors == []
            context.close()
