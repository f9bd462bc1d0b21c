"""A hundred paper trades by HTTP alone, their results worked out a second time from nothing but their executions."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from tests.e2e.judge import Judge
from tests.e2e.service import Service
from tests.e2e.traffic import Traffic

TRADES = 100
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
"""Those whose ticks are fine enough for stops and targets that are reached within seconds."""
PACE_S = 0.015
"""Between two trades: the market moves on, so that not all depend on one moment."""
OPEN_MAX_S = 30.0
REACHED = 3
"""So many trades end by their stop, and as many by their target, before the rest is closed by hand."""
ATTEMPTS_MAX = 20
DISTANCES = ((0.00025, 0.05), (0.05, 0.00025), (0.0006, 0.0006), (0.05, 0.05))
"""Of stop and target: wherever the market goes, some of either kind are reached soon."""
MOVED = ("EXIT_PRICES", "PRICE_DEVIATION", "STOP_LOSS_WRONG_SIDE", "TAKE_PROFIT_WRONG_SIDE")
"""Why signals are denied whose prices the market has left."""
CENT = Fraction(1, 10**18)
BEGINNING, ENDS = "PositionCreated", ("PositionClosed", "PositionFailed")
Record = dict[str, Any]


class Book:
    """One trade on average cost, in exact fractions; every release of cost is rounded half-even to 18 decimals."""

    def __init__(self) -> None:
        self.held = self.cost = self.realized = self.cash = Fraction(0)
        self.bought = self.sold = self.spent = self.got = Fraction(0)

    def execute(self, fill: dict[str, Any], base: str) -> None:
        quantity, price = Fraction(fill["quantity"]), Fraction(fill["price"])
        fee, in_base = Fraction(fill["commission"]), fill["commission_asset"] == base
        value = quantity * price
        if fill["side"] == "BUY":
            paid = value + (0 if in_base else fee)
            self.bought, self.spent = self.bought + quantity, self.spent + value
            self.held += quantity - (fee if in_base else 0)
            self.cost += paid
            self.cash -= paid
            return
        got = value - (0 if in_base else fee)
        self.sold, self.got = self.sold + quantity, self.got + value
        gone = quantity + (fee if in_base else 0)
        share = self.cost if gone == self.held else round(self.cost * gone / self.held / CENT) * CENT
        self.held -= gone
        self.cost -= share
        self.realized += got - share
        self.cash += got


def rounded(number: Fraction) -> Fraction:
    return round(number / CENT) * CENT


class Script:
    """What a user's script does: signals, a few commands, and waiting; all of it over HTTP."""

    def __init__(self, service: Service) -> None:
        self.url = service.url
        self.random = Random(5)
        self.records: list[Record] = []
        self.positions: dict[int, dict[str, Any]] = {}
        self.denials: list[dict[str, Any]] = []

    async def run(self) -> None:
        async with Traffic.session() as http:
            listening = asyncio.create_task(self._listen(http))
            for number in range(TRADES):
                await self._open(http, number)
                await asyncio.sleep(PACE_S)
            await self._command_some(http)
            async with asyncio.timeout(OPEN_MAX_S):
                await self._until_closed(http)
            listening.cancel()

    async def _listen(self, http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(f"{self.url}/api/events?since=0", max_msg_size=0) as socket:
            async for message in socket:
                found = json.loads(message.data)
                self.records += found if isinstance(found, list) else []

    async def _post(self, http: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
        async with http.post(self.url + path, json=body) as response:
            return response.status, await response.json()

    async def _open(self, http: aiohttp.ClientSession, number: int) -> None:
        """Send signals until one is taken: the market may have left the prices that it was made for."""
        for attempt in range(ATTEMPTS_MAX):
            if await self._taken(http, number, f"trade-{number}-{attempt}"):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"trade {number} is denied again and again: {self.denials[-1]}")

    async def _taken(self, http: aiohttp.ClientSession, number: int, key: str) -> bool:
        symbol = SYMBOLS[number % len(SYMBOLS)]
        quotes = (await self._get(http, "/api/quotes"))["quotes"]
        bid, ask = next((float(one["bid"]), float(one["ask"])) for one in quotes if one["symbol"] == symbol)
        stop_at, target_at = self.random.choice(DISTANCES)
        body = {
            "symbol": symbol,
            "side": "long",
            "trader_id": f"script-{number // len(SYMBOLS)}",
            "key": key,
            "stop_loss": f"{bid * (1 - stop_at):.8f}",
            "take_profit": f"{ask * (1 + target_at):.8f}",
            "size": {"quote": str(self.random.randrange(20, 200))},
        }
        status, answer = await self._post(http, "/api/signals", body)
        again, repeated = await self._post(http, "/api/signals", body)
        assert (status, again, repeated["id"], repeated["repeated"]) == (201, 200, answer["id"], True)
        if answer["status"] == "denied":
            assert answer["code"] in MOVED, answer
            self.denials.append(answer)
            return False
        self.positions[answer["position_id"]] = answer
        return True

    async def _command_some(self, http: aiohttp.ClientSession) -> None:
        """Sell a part of some, move the stop of others; what has closed meanwhile is refused as such."""
        for place, position_id in enumerate(self.positions):
            if place % 5 == 0:
                status, answer = await self._post(
                    http, f"/api/positions/{position_id}/reduce", {"fraction": "0.4", "reasoning": "half out"}
                )
                assert status in (200, 409, 422), answer

    async def _until_closed(self, http: aiohttp.ClientSession) -> None:
        """Wait until stops and targets were reached; close by hand what is left then."""
        reached = 0
        while reached < REACHED:
            await asyncio.sleep(0.05)
            reached = min(await self._reached(http))
        while left := (await self._get(http, "/api/positions?status=open&limit=1000"))["positions"]:
            for position in left:
                status, answer = await self._post(http, f"/api/positions/{position['id']}/close", {})
                assert status in (200, 409), answer
            await asyncio.sleep(0.05)

    async def _reached(self, http: aiohttp.ClientSession) -> tuple[int, int]:
        """How many trades have ended by their stop, and by their target."""
        trades = (await self._get(http, "/api/trades?limit=1000"))["trades"]
        reasons = [trade["exit_reason"] for trade in trades]
        return reasons.count("stop_loss"), reasons.count("take_profit")

    async def _get(self, http: aiohttp.ClientSession, path: str) -> Any:
        async with http.get(self.url + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()


class Told(Script):
    """The script with what the service said at its end."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.before = service.got("/api/portfolio")
        asyncio.run(self.run())
        self.trades = service.pages("/api/trades", "trades")
        self.orders = [
            service.got(f"/api/orders/{order['id']}") for order in service.pages("/api/orders", "orders")
        ]
        self.portfolio = service.got("/api/portfolio")
        self.whys = {
            one["id"]: service.got(f"/api/signals/{one['id']}/why") for one in self.positions.values()
        }
        self.judge = Judge(service.database)
        self.judge.look()

        self.books = self._books()

    def _books(self) -> dict[int, Book]:
        """Every trade recomputed from the executions of its orders, oldest first."""
        books = {trade["id"]: Book() for trade in self.trades}
        bases = {trade["id"]: trade["symbol"].removesuffix("USDT") for trade in self.trades}
        fills = [(order["position_id"], fill) for order in self.orders for fill in order["fills"]]
        for position_id, fill in sorted(fills, key=lambda item: (item[1]["timestamp"], item[1]["trade_id"])):
            books[position_id].execute(fill, bases[position_id])
        return books


def test_a_hundred_trades(tmp_path: Path) -> None:
    """One test, so that the script runs once however tests are spread over processes."""
    with Service(tmp_path, symbols=SYMBOLS, trades_per_second=50, seed=11, forked=True) as service:
        service.start().wait_ready()
        told = Told(service)
    for check in CHECKS:
        check(told)


def there_are_a_hundred_closed_trades_that_ended_in_every_way(told: Told) -> None:
    assert len(told.trades) == TRADES
    assert {trade["status"] for trade in told.trades} == {"Closed"}
    reasons = {trade["exit_reason"] for trade in told.trades}
    assert {"stop_loss", "take_profit"} < reasons, reasons


def every_result_is_that_of_its_executions(told: Told) -> None:
    books = told.books
    for trade in told.trades:
        book = books[trade["id"]]
        assert Fraction(trade["realized_pnl"]) == book.realized, trade
        assert Fraction(trade["quantity"]) == book.bought, trade
        assert Fraction(trade["exit_quantity"]) == book.sold, trade
        assert Fraction(trade["entry_price"]) == rounded(book.spent / book.bought), trade
        assert Fraction(trade["exit_price"]) == rounded(book.got / book.sold), trade


def the_account_has_what_its_trades_made(told: Told) -> None:
    books = told.books.values()
    realized = sum((book.realized for book in books), Fraction(0))
    assert Fraction(told.portfolio["total_pnl"]) == realized
    before, after = Fraction(told.before["available_balance"]), Fraction(told.portfolio["available_balance"])
    assert after - before == sum((book.cash for book in books), Fraction(0))
    wins = sum(book.realized > 0 for book in books)
    assert told.portfolio["winning_trades"] == wins
    assert told.portfolio["total_trades"] == TRADES
    assert Decimal(told.portfolio["locked_balance"]) == 0


def coins_that_are_left_are_dust_of_trades(told: Told) -> None:
    left: dict[str, Fraction] = {}
    for trade, book in zip(told.trades, (told.books[trade["id"]] for trade in told.trades), strict=True):
        base = trade["symbol"].removesuffix("USDT")
        left[base] = left.get(base, Fraction(0)) + book.held
    for balance in told.portfolio["balances"]:
        if balance["asset"] != "USDT":
            assert Fraction(balance["free"]) + Fraction(balance["locked"]) == left[balance["asset"]]


def every_position_lived_as_positions_may(told: Told) -> None:
    assert told.judge.problems == []
    assert told.judge.differences() == []
    for position_id in told.positions:
        history = [str(status) for status in told.judge.histories[position_id]]
        assert history[:3] == ["created", "submitting", "open"], history
        assert history[-1] == "closed", history


def the_events_tell_the_same_story(told: Told) -> None:
    seqs = [record["seq"] for record in told.records]
    assert seqs == list(range(1, len(seqs) + 1))
    for position_id in told.positions:
        kinds = [r["event"]["kind"] for r in told.records if r["event"].get("position_id") == position_id]
        assert kinds[0] == BEGINNING
        assert [kind for kind in kinds if kind in ENDS] == ["PositionClosed"]
        assert (
            kinds.index("PositionOpened") < kinds.index("PositionProtected") < kinds.index("PositionClosed")
        )


def every_signal_can_be_explained(told: Told) -> None:
    for position_id, answer in told.positions.items():
        why = told.whys[answer["id"]]
        assert why["signal"]["position_id"] == position_id
        assert why["verdicts"][0]["approved"]
        assert len(why["verdicts"][0]["checks"]) > 30


CHECKS = (
    there_are_a_hundred_closed_trades_that_ended_in_every_way,
    every_result_is_that_of_its_executions,
    the_account_has_what_its_trades_made,
    coins_that_are_left_are_dust_of_trades,
    every_position_lived_as_positions_may,
    the_events_tell_the_same_story,
    every_signal_can_be_explained,
)
