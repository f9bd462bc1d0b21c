from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.exchange.server.user_events import stream_terminated, user_event
from fillwright.wire.stream import decode_event
from tests.exchange.server.asking import Asker
from tests.exchange.server.boxes import START, frozen_box

ALWAYS = [
    "e", "E", "s", "c", "S", "o", "f", "q", "p", "P", "F", "g", "C", "x", "X", "r", "i", "l", "z", "L", "n", "N", "T",
    "t", "I", "w", "m", "M", "O", "Z", "Y", "Q",
]  # fmt: skip


class Listener:
    """Takes what the box publishes, as JSON."""

    def __init__(self, asker: Asker) -> None:
        self.box = asker.box
        self.heard: list[Any] = []
        self.box.user_streams = self

    def publish(self, events: Any) -> None:
        for event in events:
            made = msgspec.json.encode(user_event(event, self.box.now, lambda time: time // 1000))
            decode_event(made)
            self.heard.append(msgspec.json.decode(made))

    def told(self) -> list[Any]:
        heard, self.heard = self.heard, []
        return heard


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


@pytest.fixture
def listener(asker: Asker) -> Listener:
    return Listener(asker)


def test_an_order_that_rests_and_is_cancelled(asker: Asker, listener: Listener) -> None:
    asker.bid("45000", newClientOrderId="mine")
    new, position = listener.told()
    assert list(new) == [*ALWAYS, "W", "V"]
    assert new == {
        "e": "executionReport", "E": START // 1000, "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC",
        "q": "0.00100000", "p": "45000.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW",
        "X": "NEW", "r": "NONE", "i": 1, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0",
        "N": None, "T": START // 1000, "t": -1, "I": 1, "w": True, "m": False, "M": False, "O": START // 1000,
        "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "W": START // 1000, "V": "EXPIRE_MAKER",
    }  # fmt: skip
    assert position == {
        "e": "outboundAccountPosition",
        "E": START // 1000,
        "u": START // 1000,
        "B": [{"a": "USDT", "f": "99955.00000000", "l": "45.00000000"}],
    }
    asker.ask("order.cancel", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="gone")
    cancelled, _ = listener.told()
    assert (cancelled["c"], cancelled["C"], cancelled["x"], cancelled["w"]) == (
        "gone",
        "mine",
        "CANCELED",
        False,
    )


def test_a_fill_has_its_commission_and_what_it_was_worth(asker: Asker, listener: Listener) -> None:
    asker.place("BUY", "MARKET", quantity="0.01", strategyId=7, strategyType=1_000_001)
    new, trade, position = listener.told()
    assert (new["x"], trade["x"], trade["X"]) == ("NEW", "TRADE", "FILLED")
    assert (trade["l"], trade["L"], trade["Y"], trade["n"], trade["N"]) == (
        "0.01000000",
        "50000.01000000",
        "500.00010000",
        "0.00001000",
        "BTC",
    )
    assert (trade["t"], trade["m"], trade["M"], trade["w"]) == (2, False, True, False)
    assert (trade["j"], trade["J"]) == (7, 1_000_001)
    assert trade["T"] == position["u"]
    assert trade["I"] > new["I"]


def test_lists_come_after_reports_and_before_balances(asker: Asker, listener: Listener) -> None:
    asker.ask(
        "orderList.place.oco", symbol="BTCUSDT", side="SELL", quantity="0.01", aboveType="LIMIT_MAKER",
        abovePrice="51000", belowType="STOP_LOSS", belowStopPrice="45000", listClientOrderId="pair",
    )  # fmt: skip
    stop, limit, status, position = listener.told()
    assert "W" not in stop
    assert (stop["o"], stop["w"], limit["o"], limit["w"]) == ("STOP_LOSS", False, "LIMIT_MAKER", True)
    assert list(status) == ["e", "E", "s", "g", "c", "l", "L", "r", "C", "T", "O"]
    assert (status["e"], status["C"], status["l"], status["L"]) == (
        "listStatus",
        "pair",
        "EXEC_STARTED",
        "EXECUTING",
    )
    assert [one["i"] for one in status["O"]] == [stop["i"], limit["i"]]
    assert position["e"] == "outboundAccountPosition"
    asker.box.trade("BTCUSDT", Decimal(52000), Decimal(1), False, asker.box.now)
    events = listener.told()
    assert [(one["e"], one.get("x")) for one in events] == [
        ("executionReport", "TRADE"),
        ("executionReport", "EXPIRED"),
        ("listStatus", None),
        ("outboundAccountPosition", None),
    ]
    assert events[1]["eR"] == "OCO_TRIGGER"


def test_a_trailing_stop_and_a_prevented_match(asker: Asker, listener: Listener) -> None:
    asker.place("SELL", "STOP_LOSS", quantity="0.01", trailingDelta=100)
    trailing = listener.told()[0]
    assert (trailing["d"], trailing["D"]) == (100, START // 1000)
    asker.bid("49000", newClientOrderId="maker")
    asker.box.quote("BTCUSDT", Decimal(48000), Decimal(1), Decimal(50000), Decimal(1), asker.box.now)
    listener.told()
    asker.place("SELL", "LIMIT", quantity="0.002", price="49000")
    prevented = next(one for one in listener.told() if one.get("x") == "TRADE_PREVENTION")
    assert (prevented["v"], prevented["A"], prevented["B"], prevented["U"], prevented["Cs"]) == (
        1,
        "0.00100000",
        "0.00100000",
        3,
        "BTCUSDT",
    )
    assert (prevented["pl"], prevented["pL"], prevented["pY"], prevented["u"]) == (
        "0.00100000",
        "49000.00000000",
        "49.00000000",
        -1,
    )
    assert (prevented["X"], prevented["l"]) == ("EXPIRED_IN_MATCH", "0.00000000")


def test_a_deposit_is_a_balance_update(asker: Asker, listener: Listener) -> None:
    asker.box.exchange.withdraw("main", "USDT", Decimal("2.5"), asker.box.now)
    asker.box.settle()
    update, position = listener.told()
    assert update == {
        "e": "balanceUpdate",
        "E": START // 1000,
        "a": "USDT",
        "d": "-2.50000000",
        "T": START // 1000,
    }
    assert position["B"] == [{"a": "USDT", "f": "99997.50000000", "l": "0.00000000"}]


def test_the_end_of_a_stream() -> None:
    assert stream_terminated(5_000, lambda time: time) == {"e": "eventStreamTerminated", "E": 5_000}
