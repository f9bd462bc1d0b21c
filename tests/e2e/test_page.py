"""The page in a real browser: a token, a close by a click, an emergency stop and its end, both widths."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.service import TOKEN, Service
from tests.e2e.test_commands import SYMBOL, open_position

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MAX_MS = 15_000
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium (on Debian: apt install chromium)"),
    pytest.mark.filterwarnings("default"),  # the browser's driver has its own
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    with Service(folder, symbols=[SYMBOL], trades_per_second=20, seed=5, forked=True) as one:
        one.start().wait_ready()
        yield one
        assert one.stop() == 0


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """The page as it greets somebody who has come with the right token; nothing may go wrong in it."""
    context = browser.new_context(viewport=WIDE)
    one = context.new_page()
    one.set_default_timeout(WAIT_MAX_MS)
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    one.goto(service.url)
    one.get_by_label("Token").fill(TOKEN)
    one.get_by_role("button", name="Connect").click()
    expect(one.locator("#state")).to_have_text("ready", timeout=WAIT_MAX_MS)
    yield one
    assert errors == []
    context.close()


def test_a_wrong_token_is_said_to_be_wrong(browser: Browser, service: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(service.url)
    page.get_by_label("Token").fill("another")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#tokenerror")).not_to_be_empty(timeout=WAIT_MAX_MS)
    context.close()


def test_a_position_shows_its_stop_and_closes_by_a_click(page: Page, service: Service) -> None:
    position_id = open_position(service, 1)
    row = page.locator("#positions tr").first
    expect(row).to_contain_text(SYMBOL, timeout=WAIT_MAX_MS)
    row.get_by_role("button").click()
    page.get_by_role("button", name="Sell at the market").click()
    expect(page.locator("#nopositions")).to_be_visible(timeout=WAIT_MAX_MS)
    expect(page.locator("#closed tr").first).to_contain_text(SYMBOL, timeout=WAIT_MAX_MS)
    expect(page.locator("#events")).to_contain_text(SYMBOL)
    assert service.got(f"/api/positions/{position_id}")["status"] == "closed"


def test_an_emergency_stop_and_its_end(page: Page, service: Service) -> None:
    page.get_by_role("button", name="Emergency stop").click()
    page.get_by_role("button", name="Stop all trading").click()
    expect(page.locator("#state")).to_contain_text("halted", timeout=WAIT_MAX_MS)
    assert service.got("/api/status")["halted"]["cause"] == "emergency_stop"
    page.get_by_role("button", name="Resume…").click()
    page.get_by_label("Reason").fill("looked into it")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#state")).to_have_text("ready", timeout=WAIT_MAX_MS)


def test_it_fits_a_telephone(page: Page, service: Service, tmp_path: Path) -> None:
    open_position(service, 2)
    expect(page.locator("#positions tr").first).to_contain_text(SYMBOL, timeout=WAIT_MAX_MS)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=tmp_path / f"page-{size['width']}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
