from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

from fillwright.api.marks import PriceBoard, feed_shape, prices
from fillwright.core.types import SECOND
from fillwright.runtime.market import MarketHub
from fillwright.spelling import spelled
from tests.api.serving import service
from tests.runtime.builders import NOW, ManualClock, run, until


def test_what_everything_is_worth_is_worked_out_from_the_prices_of_now(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            number = await made.open_position()
            made.bench.price(Decimal(105))
            position = made.account.engine.state.positions[number]
            bid = Decimal("104.99")

            told = prices(made.orchestrator, made.account, made.bench.clock.now())

            (row,) = told["positions"]
            value = position.quantity * bid
            fee = made.account.engine.state.taker_fee
            assert row["unrealized_pnl"] == value - value * fee - position.cost
            assert (row["id"], row["last"], row["side"]) == (number, Decimal(105), "LONG")
            assert told["total_pnl"] == row["unrealized_pnl"]
            assert told["equity"] == 10_000 + told["daily_pnl"]
            assert told["quotes"] == [
                {"symbol": "AAAUSDT", "bid": bid, "ask": Decimal("105.01"), "last": Decimal(105)}
            ]
            assert spelled(told)["feed"]["source"] == "synthetic"

            board = PriceBoard(made.orchestrator, made.bench.clock)
            first = board.message(made.account)
            made.bench.price(Decimal(106))
            assert board.message(made.account) is first  # once a second is enough
            made.bench.clock.move(SECOND)
            assert msgspec.json.decode(board.message(made.account))["positions"][0]["last"] == "106"

            await made.ask("POST", f"/api/positions/{number}/close", {})
            await until(lambda: not made.account.engine.ledger.open_positions, "closed")
            made.bench.clock.move(SECOND)
            assert msgspec.json.decode(board.message(made.account))["positions"] == []

    run(story())


def test_the_age_of_the_feed_is_that_of_its_newest_price() -> None:
    hub = MarketHub(ManualClock())
    assert feed_shape(hub, NOW).age_ms is None
    one = Decimal(1)
    hub.quote("AAAUSDT", one, one, one, one, NOW)
    assert feed_shape(hub, NOW + 2 * SECOND).age_ms == 2_000
