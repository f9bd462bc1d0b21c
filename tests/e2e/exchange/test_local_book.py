"""Local books over the real server, kept as Binance says, while everything moves: they are the server's book."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.raw import RawClient

START_MS = 1_795_168_800_000
STEPS_MS = (13, 87, 250, 400, 250, 130, 70, 600, 200, 1)
ROUNDS = 6
Levels = dict[Decimal, Decimal]


class LocalBook:
    """A book kept from a diff. depth stream and a snapshot; every event is checked."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.sides: dict[str, Levels] = {"b": {}, "a": {}}
        self.update_id: int | None = None
        self.is_first = True
        self.buffer: list[dict[str, Any]] = []
        self.applied = 0

    def receive(self, event: dict[str, Any]) -> None:
        if self.update_id is None:
            self.buffer.append(event)
            return
        if event["u"] <= self.update_id:
            assert self.is_first
            return
        if self.is_first:
            assert event["U"] <= self.update_id <= event["u"], "as Binance's documents say"
            assert event["U"] <= self.update_id + 1 <= event["u"], "as ccxt asks"
        else:
            assert event["U"] == self.update_id + 1
        self.is_first = False
        self.update_id = event["u"]
        self.applied += 1
        for name, side in self.sides.items():
            for price, quantity in event[name]:
                side[Decimal(price)] = Decimal(quantity)
                if not Decimal(quantity):
                    del side[Decimal(price)]

    def load(self, snapshot: dict[str, Any]) -> None:
        if self.buffer:
            assert snapshot["lastUpdateId"] >= self.buffer[0]["U"]
        self.sides = {"b": levels(snapshot["bids"]), "a": levels(snapshot["asks"])}
        self.update_id, self.is_first = snapshot["lastUpdateId"], True
        events, self.buffer = self.buffer, []
        for event in events:
            self.receive(event)


def levels(side: list[list[str]]) -> Levels:
    return {Decimal(price): Decimal(quantity) for price, quantity in side}


class Reader:
    """One connection with several streams; what was sent before ``catch_up`` is read by it."""

    def __init__(self, socket: ClientConnection, books: list[LocalBook]) -> None:
        self.socket = socket
        self.books = {book.stream: book for book in books}
        self.tops: list[dict[str, Any]] = []
        self.number = 0

    def catch_up(self) -> None:
        self.number += 1
        self.socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": self.number}))
        while True:
            frame = json.loads(self.socket.recv(15))
            if frame.get("id") == self.number:
                return
            if frame["stream"].endswith("@bookTicker"):
                self.tops.append(frame["data"])
            else:
                self.books[frame["stream"]].receive(frame["data"])


def test_local_books_are_the_servers_book() -> None:
    options = ("--frozen", "--start-us", f"{START_MS}000", "--symbol", "BTCUSDT", "--seed", "7")
    with running_box(source="synthetic", limits=False, trades_per_second=40.0, options=options) as box:
        fast, slow = LocalBook("btcusdt@depth@100ms"), LocalBook("btcusdt@depth")
        streams = f"{fast.stream}/{slow.stream}/btcusdt@bookTicker"
        with (
            connect(f"{box.ws}/stream?streams={streams}", max_size=None) as socket,
            RawClient(box.rest, box.api_key, box.secret) as client,
        ):
            drive(box, client, Reader(socket, [fast, slow]), fast, slow)
        assert slow.applied >= ROUNDS
        assert fast.applied > 3 * slow.applied


def drive(box: Box, client: RawClient, reader: Reader, fast: LocalBook, slow: LocalBook) -> None:
    now, orders = START_MS, 0
    assert sum(STEPS_MS) % 1000 == 1
    for turn in range(ROUNDS):
        for step in (*STEPS_MS[:-1], 1000 - sum(STEPS_MS[:-1]) % 1000):
            box.admin.post("/time", action="step", by_us=step * 1000)
            now += step
            orders += 1
            trade(client, now, orders)
            if turn == 1 and step == 400:
                reader.catch_up()
                fast.load(depth(client))
            if turn == 2 and step == 600:
                reader.catch_up()
                slow.load(depth(client))
        if turn == 3:
            box.admin.post("/price", symbol="BTCUSDT", price="91234.56")
        # At a whole second, once more, both feeds have told everything.
        box.admin.post("/time", action="step", by_us=1_000_000)
        now += 1000
        reader.catch_up()
        whole = depth(client)
        for book in (fast, slow):
            if book.update_id is not None:
                assert book.sides == {"b": levels(whole["bids"]), "a": levels(whole["asks"])}
        top = reader.tops[-1]
        assert [top["b"], top["B"]] == whole["bids"][0]
        assert [top["a"], top["A"]] == whole["asks"][0]


def depth(client: RawClient) -> dict[str, Any]:
    answer = client.get("depth", symbol="BTCUSDT", limit=5000).json
    assert isinstance(answer, dict)
    return answer


def trade(client: RawClient, now: int, number: int) -> None:
    """Take from the book, rest in it, or leave it."""
    top = client.get("ticker/bookTicker", symbol="BTCUSDT").json
    ways: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("POST", "order", {"side": "BUY", "type": "MARKET", "quantity": "0.7"}),
        (
            "POST",
            "order",
            {
                "side": "BUY",
                "type": "LIMIT",
                "price": top["bidPrice"][:-6],
                "quantity": "0.01",
                "timeInForce": "GTC",
            },
        ),
        (
            "POST",
            "order",
            {
                "side": "SELL",
                "type": "LIMIT",
                "price": top["askPrice"][:-6],
                "quantity": "0.02",
                "timeInForce": "GTC",
            },
        ),
        ("POST", "order", {"side": "SELL", "type": "MARKET", "quantity": "0.6"}),
        ("DELETE", "openOrders", {}),
    )
    method, path, params = ways[number % len(ways)]
    answer = client.signed(method, path, symbol="BTCUSDT", timestamp=now, **params)
    assert answer.status == 200 or answer.json["code"] == -2011, answer
