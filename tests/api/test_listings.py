from __future__ import annotations

from pathlib import Path

from tests.api.serving import service
from tests.runtime.builders import run


def test_listings_are_walked_by_cursor_and_filtered(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for _ in range(3):
                await made.open_position()
            pages, cursor = [], ""
            while True:
                page = await made.get("/api/orders?limit=4" + cursor)
                pages.append([order["id"] for order in page["orders"]])
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            everything = await made.get("/api/orders")
            assert [name for page in pages for name in page] == [o["id"] for o in everything["orders"]]
            assert [len(page) for page in pages] == [4, 4, 1]

            assert len((await made.get("/api/trades?status=open&symbol=AAAUSDT"))["trades"]) == 3
            assert (await made.get("/api/paper-trading/trades?status=closed"))["trades"] == []
            assert (await made.get("/api/positions?trader_id=nobody"))["positions"] == []
            order = await made.get("/api/orders/RT_t_1_E_1")
            assert order["fills"][0]["price"] == order["average_fill_price"]
            portfolio = await made.get("/api/portfolio")
            assert portfolio == await made.get("/api/paper-trading/portfolio")
            assert (portfolio["positions_open"], portfolio["mode"]) == (3, "paper")

    run(story())


def test_a_query_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for query, code in (
                ("limit=x", "INVALID_PARAMETER"),
                ("limit=0", "INVALID_PARAMETER"),
                ("status=sideways", "INVALID_PARAMETER"),
                ("cursor=nonsense", "INVALID_CURSOR"),
                ("symbl=AAAUSDT", "UNKNOWN_PARAMETER"),
            ):
                status, answer = await made.ask("GET", f"/api/trades?{query}")
                assert (status, answer["error"]["code"]) == (400, code), query

    run(story())


def test_what_is_not_there_is_404(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            for path in (
                "api/orders/RT_t_9_E_1",
                "api/trades/9",
                "api/signals/9",
                "api/signals/9/why",
                "api/signals/x",
                "api/nothing",
                "docs/other",
                "%ff",
            ):
                status, answer = await made.ask("GET", f"/{path}")
                assert (status, answer["error"]["code"]) == (404, "NOT_FOUND"), path

    run(story())
