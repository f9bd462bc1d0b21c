"""Asking a server's operations without a shell: parameters as clients send them, answers as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.accounts import ACCOUNT
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.parameters import Parser
from fillwright.exchange.server.trading import TRADING
from fillwright.exchange.server.trading_lists import LISTS
from tests.exchange.server.boxes import API_KEY

OPERATIONS: dict[str, Operation] = {one.name: one for one in (*TRADING, *LISTS, *ACCOUNT)}


class Asker:
    """One client of a box."""

    def __init__(self, box: Box, api_key: str = API_KEY) -> None:
        self.box = box
        self.key = box.keys.get(api_key)

    def call(self, name: str, **params: object) -> Call:
        """A call as the desk makes it; its sender is taken for who he is."""
        operation = OPERATIONS[name]
        signed = {**params, "timestamp": 1_795_168_800_000, "apiKey": API_KEY, "signature": "none"}
        parsed = Parser(operation).websocket(signed, is_logged_on=False)
        return Call(self.box, operation, parsed.values, self.box.now, key=self.key)

    def ask(self, name: str, **params: object) -> Any:
        """The answer, through JSON and back."""
        return msgspec.json.decode(msgspec.json.encode(self.call(name, **params).perform()))

    def refusal(self, name: str, **params: object) -> ExchangeError:
        """The error that must come."""
        with pytest.raises(ExchangeError) as caught:
            self.ask(name, **params)
        return caught.value

    def refused(self, name: str, **params: object) -> tuple[int, str]:
        """Code and message of the error that must come."""
        error = self.refusal(name, **params)
        return error.code, error.message

    # -- what tests ask again and again ----------------------------------------------------------------------------

    def place(self, side: str, kind: str, **params: object) -> Any:
        """Place an order of BTCUSDT; LIMIT orders are GTC unless they say otherwise."""
        if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            params.setdefault("timeInForce", "GTC")
        return self.ask("order.place", symbol="BTCUSDT", side=side, type=kind, **params)

    def bid(self, price: str, quantity: str = "0.001", **params: object) -> Any:
        """Place a LIMIT order that buys."""
        return self.place("BUY", "LIMIT", price=price, quantity=quantity, **params)


def names(rows: Iterable[dict[str, Any]], field: str = "clientOrderId") -> list[Any]:
    """One field of each row."""
    return [row[field] for row in rows]
