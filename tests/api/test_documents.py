from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from fillwright.api.documents import first_page_text, page_policy, policies, reference
from fillwright.ports import FeedState
from tests.api.serving import VERSION, service
from tests.runtime.builders import run


def test_the_page_and_the_reference_are_whole_and_ask_no_other_host(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for path in ("/", "/docs"):
                async with made.respond("GET", path, Authorization="") as response:
                    text = await response.text()
                    assert (response.status, response.content_type) == (200, "text/html")
                    assert response.headers["Content-Security-Policy"] == policies()[path]
                    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
            async with made.respond("GET", "/docs/openapi.json", Authorization="") as response:
                document: dict[str, Any] = await response.json(content_type=None)
            check_document(document)
            assert await made.get("/healthz") == {"status": "alive", "version": VERSION}
            assert await made.get("/readyz") == {"ready": True, "reasons": []}

    run(story())


def test_who_has_no_token_is_told_which_part_is_not_ready_but_not_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, ready=False) as made:
            made.account.detail = "a/folder/journal.db: disk I/O error"
            made.orchestrator.hub.feed = FeedState("tape", connected=False, detail="a/folder/tape.csv: gone")
            why = [
                "account paper is recovering: a/folder/journal.db: disk I/O error",
                "no prices from tape: a/folder/tape.csv: gone",
            ]
            parts = ["account paper is recovering", "no prices from tape"]
            assert await made.ask("GET", "/readyz") == (503, {"ready": False, "reasons": why})
            for wrong in ("", "Bearer wrong", "Basic YTpi", "Bearer " + "x" * 600):
                answer = await made.ask("GET", "/readyz", Authorization=wrong)
                assert answer == (503, {"ready": False, "reasons": parts})

    run(story())


def check_document(document: dict[str, Any]) -> None:
    """Every route is in it, with its body, its answers and its errors."""
    operations = {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    send = operations["post", "/api/signals"]
    assert "$ref" in send["requestBody"]["content"]["application/json"]["schema"]
    assert {"201", "400", "401", "409", "413", "503"} <= set(send["responses"])
    assert any(parameter["name"] == "Idempotency-Key" for parameter in send["parameters"])
    schemas = document["components"]["schemas"]
    by_title = {schema.get("title", name): schema for name, schema in schemas.items()}
    signal = by_title["SignalBody"]
    assert set(signal["required"]) == {"symbol", "side"}
    assert signal["properties"]["symbol"]["type"] == "string"
    order = by_title["Order"]["properties"]
    assert order["executed_quantity"]["type"] == "string"
    assert (order["created_at"]["type"], order["created_at"]["format"]) == ("string", "date-time")
    for (_, path), operation in operations.items():
        if path.startswith("/api"):
            assert operation["responses"]["401"]["content"]["application/json"]["schema"], path
            assert operation["tags"], path
            assert operation.get("description"), path
    assert document["security"] == [{"token": []}]
    page = reference(document)
    assert "/api/positions/{position_id}/close" in page


def test_the_policy_lets_run_what_stands_in_the_page_and_nothing_else() -> None:
    page = first_page_text()
    policy = page_policy(page)
    for kind, directive in (("script", "script-src"), ("style", "style-src")):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"""\son[a-z]+=["']|\sstyle=["']|javascript:""", page)


def test_the_page_says_loudly_that_prices_are_synthetic_and_keeps_the_token_out_of_the_address() -> None:
    page = first_page_text()
    assert "Synthetic prices." in page
    assert "history.replaceState" in page
    assert "sessionStorage" in page
    assert "localStorage" not in page
    assert "X-Confirm-Emergency-Stop" in page
    assert "prefers-color-scheme: dark" in page
