"""The newest prices over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.serving import service
from tests.runtime.builders import run


def test_prices_are_told_with_their_source(tmp_path: Path) -> None:
    async def story() -> Any:
        async with service(tmp_path) as served:
            return await served.get("/api/quotes")

    answer = run(story())
    (quote,) = answer["quotes"]
    assert quote["symbol"] == "AAAUSDT"
    assert float(quote["bid"]) <= float(quote["ask"])
    assert quote["time"].endswith("Z")
    assert answer["feed"]["connected"] in (True, False)


def test_prices_need_a_token(tmp_path: Path) -> None:
    async def story() -> Any:
        async with service(tmp_path) as served:
            return await served.ask("GET", "/api/quotes", Authorization="")

    status, answer = run(story())
    assert status == 401
    assert answer["error"]["code"] == "UNAUTHORIZED"
