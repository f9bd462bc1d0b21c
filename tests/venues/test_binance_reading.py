"""How books are read: what was asked, in which order, how often, and what is made of the answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder
from fillwright.core.inputs import OrderAbsent, OrderReport
from fillwright.core.types import SECOND, ErrorClass, VenueOrderStatus
from fillwright.venues.binance_reading import (
    NEWEST_FROM,
    READ_AGAIN_MAX,
    Reader,
    decode_information,
    why,
)
from fillwright.wire import queries
from fillwright.wire.codec import WireError
from fillwright.wire.requests import WireRequest
from tests.warp import WarpClock, the_loop, warped

D = Decimal
NOW_MS = 1_795_168_800_000
ABSENT = Refused(-2013, "Order does not exist.", 400, ErrorClass.PERMANENT)


def view(
    number: int, name: str, *, executed: str = "0", status: str = "NEW", **changes: Any
) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": number,
        "orderListId": -1,
        "clientOrderId": name,
        "price": "90",
        "origQty": "1",
        "executedQty": executed,
        "cummulativeQuoteQty": str(D(executed) * 90),
        "status": status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": NOW_MS,
        "updateTime": NOW_MS,
        "isWorking": True,
        **changes,
    }


def trade(number: int, quantity: str = "0.001") -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 7,
        "price": "90",
        "qty": quantity,
        "commission": "0",
        "commissionAsset": "BNB",
        "time": NOW_MS,
        "isBuyer": True,
        "isMaker": True,
    }


def account(**held: tuple[str, str]) -> dict[str, Any]:
    return {
        **{f"{role}Commission": 10 for role in ("maker", "taker", "buyer", "seller")},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": NOW_MS,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": free, "locked": locked} for asset, (free, locked) in held.items()
        ],
    }


class Binance:
    """Answers by method: a body, an outcome, or what a function makes of the parameters; lists one by one."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked: list[tuple[str, dict[str, Any], int]] = []

    async def ask(self, request: WireRequest, attempt: int) -> Outcome:
        params = dict(request.parameters)
        self.asked.append((request.method, params, attempt))
        answer = self.answers[request.method]
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(params)
        if isinstance(answer, Script):
            answer = answer.steps.pop(0)
        if isinstance(answer, Refused | Unknown | Unsent):
            return answer
        return Answered(json.dumps(answer).encode(), NOW_MS * 1000)


class Script:
    """One answer after the other."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)


def reading(binance: Binance, story: Callable[[Reader], Any]) -> Any:
    async def whole() -> Any:
        return await story(Reader(binance.ask, WarpClock()))

    return warped(whole())


def test_an_order_is_asked_for_by_its_number_first() -> None:
    binance = Binance(order_status=view(7, "the-cancels-id"))
    report = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l", 7)))
    assert [asked[1] for asked in binance.asked] == [{"symbol": "BTCUSDT", "orderId": 7}]
    assert (report.client_order_id, report.source) == ("l", "query")


def test_an_order_that_is_not_found_by_its_number_is_asked_for_by_our_id() -> None:
    binance = Binance(order_status=lambda params: ABSENT if "orderId" in params else view(7, "l"))
    report = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l", 7)))
    assert isinstance(report, OrderReport)
    assert binance.asked[1][1] == {"symbol": "BTCUSDT", "origClientOrderId": "l"}


def test_an_order_that_bears_its_cancels_name_is_found_by_that() -> None:
    """Without its number it would pass for one that never came, whatever it had executed."""
    renamed = view(7, "cancel", status="CANCELED")
    binance = Binance(
        order_status=lambda params: renamed if params.get("origClientOrderId") == "cancel" else ABSENT,
        openOrders_status=[],
    )
    asked = QueryOrder("BTCUSDT", "l", cancel_id="cancel")
    report = reading(binance, lambda reader: reader.about(asked))
    assert (report.client_order_id, report.status) == ("l", VenueOrderStatus.CANCELED)

    books = FetchSnapshot("BTCUSDT", ("l", "m"), "test", balances=False, cancel_ids=("cancel", ""))
    found = reading(binance, lambda reader: reader.snapshot(books))
    assert [one.client_order_id for one in found.orders] == ["l"]
    assert found.absent == ("m",)


def test_orders_of_a_snapshot_are_asked_for_by_their_numbers_where_they_are_known() -> None:
    binance = Binance(order_status=view(7, "other", status="CANCELED"), openOrders_status=[])
    books = FetchSnapshot("BTCUSDT", ("l",), "test", balances=False, order_ids=(7,))
    found = reading(binance, lambda reader: reader.snapshot(books))
    assert [one.client_order_id for one in found.orders] == ["l"]
    assert binance.asked[-1][1] == {"symbol": "BTCUSDT", "orderId": 7}


def test_after_a_stream_was_lost_the_history_is_looked_through_for_the_stop_by_keys() -> None:
    def history(params: dict[str, Any]) -> Any:
        if params["symbol"] != "BTCUSDT":
            return Refused(-1121, "Invalid symbol.", 400, ErrorClass.PERMANENT)
        first = params.get("orderId", 1)
        assert ("startTime" in params) is (first == 1)
        names = [view(number, f"mine-{number}") for number in range(first, min(first + 1_000, 1_500))]
        return [*names, view(1_500, "RT_ES_all_abc_1")] if len(names) < 1_000 else names

    binance = Binance(openOrders_status=[view(3, "RT_ES_all_xyz_1")], allOrders=history)
    asked = FetchSnapshot(None, (), "stream connected", balances=False, since=1_000 * SECOND)
    found = reading(binance, lambda reader: reader.snapshot(asked))
    assert found.foreign_stops == ("RT_ES_all_xyz_1", "RT_ES_all_abc_1")
    starts = [params["startTime"] for method, params, _ in binance.asked if "startTime" in params]
    assert set(starts) == {940_000}, "a minute before: clocks differ"

    calm = FetchSnapshot(None, (), "periodic", balances=False)
    binance.asked.clear()
    assert reading(binance, lambda reader: reader.snapshot(calm)).foreign_stops == ("RT_ES_all_xyz_1",)
    assert [method for method, _, _ in binance.asked] == ["openOrders.status"]


def test_an_order_that_is_not_there_is_absent() -> None:
    binance = Binance(order_status=ABSENT)
    told = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l")))
    assert told == OrderAbsent(symbol="BTCUSDT", client_order_id="l")
    assert len(binance.asked) == 1


def test_executions_are_read_page_by_page() -> None:
    def trades(params: dict[str, Any]) -> list[dict[str, Any]]:
        first = max(params.get("fromId", 1), 1)
        return [trade(number) for number in range(first, min(first + queries.TRADES_MAX, 1_501))]

    def newest(params: dict[str, Any]) -> list[dict[str, Any]]:
        return trades(params) if "fromId" in params else trades({"fromId": 501})

    binance = Binance(order_status=view(7, "l", executed="1.5", status="FILLED"), myTrades=newest)
    report = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l")))
    assert [fill.trade_id for fill in report.fills] == list(range(1, 1_501))
    assert [asked[1].get("fromId") for asked in binance.asked[1:]] == [None, 0, 1_001]


def test_an_order_that_cannot_be_understood_is_left_out_and_hides_no_other() -> None:
    strange = view(1, "by hand", type="ICEBERG_OF_2027")
    broken = view(4, "by hand, too", price=None)
    named = view(3, "ours", status="SUSPENDED")
    binance = Binance(
        openOrders_status=[strange, broken, view(2, "open")], order_status=named, account_status=account()
    )
    asked = FetchSnapshot(None, ("ours",), "test", symbols=("BTCUSDT",))
    books = reading(binance, lambda reader: reader.snapshot(asked))
    assert [one.client_order_id for one in books.orders] == ["open"]
    assert books.absent == ()
    assert reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "ours"))) is None


def test_an_order_that_is_executed_while_it_is_read_is_read_again() -> None:
    binance = Binance(
        order_status=Script(
            view(7, "l", executed="0.001", status="PARTIALLY_FILLED"),
            view(7, "l", executed="0.002", status="PARTIALLY_FILLED"),
        ),
        myTrades=[trade(1), trade(2)],
    )
    report = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l")))
    assert (report.executed_quantity, len(report.fills)) == (D("0.002"), 2)


def test_a_symbol_that_binance_does_not_have_any_more_has_no_orders() -> None:
    wrong = Refused(-1121, "Invalid symbol.", 400, ErrorClass.PERMANENT)
    binance = Binance(order_status=wrong, openOrders_status=wrong)
    told = reading(binance, lambda reader: reader.about(QueryOrder("GONEUSDT", "l")))
    assert told == OrderAbsent(symbol="GONEUSDT", client_order_id="l")
    books = reading(
        binance, lambda reader: reader.snapshot(FetchSnapshot("GONEUSDT", ("l",), "test", balances=False))
    )
    assert (books.orders, books.absent) == ((), ("l",))


@pytest.mark.parametrize(
    "trouble",
    [
        Unknown("no answer"),
        Refused(-1003, "", 429, ErrorClass.RATE),
        Refused(-2015, "", 401, ErrorClass.PERMANENT),
        Unsent("no session"),
        {"not": "an order"},
    ],
)
def test_a_read_that_fails_is_tried_again(trouble: Any) -> None:
    binance = Binance(order_status=Script(trouble, trouble, view(7, "l")))
    report = reading(binance, lambda reader: reader.about(QueryOrder("BTCUSDT", "l")))
    assert isinstance(report, OrderReport)
    assert [asked[2] for asked in binance.asked] == [0, 1, 2]


def test_reads_are_tried_later_each_time_and_not_before_they_may() -> None:
    waited: list[float] = []

    async def story(reader: Reader) -> None:
        began = the_loop().time()
        await reader.about(QueryOrder("BTCUSDT", "l"))
        waited.append(the_loop().time() - began)

    unknown = Unknown("no answer")
    reading(Binance(order_status=Script(unknown, unknown, unknown, ABSENT)), story)
    reading(Binance(order_status=Script(Refused(-1003, "", 418, ErrorClass.RATE, 30_000), ABSENT)), story)
    reading(Binance(order_status=Script(*[unknown] * 10, ABSENT)), story)
    assert waited[:2] == [pytest.approx(0.5 + 1 + 2), pytest.approx(30)]
    assert waited[2] == pytest.approx(0.5 + 1 + 2 + 4 + 8 + 5 * READ_AGAIN_MAX / SECOND)


def test_the_books_are_open_orders_those_named_and_balances() -> None:
    binance = Binance(
        openOrders_status=[view(1, "open"), view(2, "leg", status="PENDING_NEW")],
        order_status=lambda params: (
            view(3, "done", executed="1", status="FILLED")
            if params["origClientOrderId"] == "done"
            else ABSENT
        ),
        myTrades=[trade(9, "1")],
        account_status=account(USDT=("5", "1"), BTC=("0", "0")),
    )
    found = []

    async def story(reader: Reader) -> Any:
        reader.known["ETH"] = None
        reader.on_found = found.append
        names = ("open", "done", "never", "of a symbol that nobody tells")
        return await reader.snapshot(FetchSnapshot(None, names, "test", symbols=("BTCUSDT",) * 3))

    books = reading(binance, story)
    assert [one.client_order_id for one in books.orders] == ["open", "leg", "done"]
    assert books.orders[1].status is VenueOrderStatus.PENDING_NEW
    assert books.orders[2].fills[0].trade_id == 9
    assert (books.absent, books.cause, books.symbol) == (("never",), "test", None)
    assert books.balances == (("USDT", D(5), D(1)), ("ETH", D(0), D(0)))
    assert [one.order_id for one in found] == [1, 2, 3]


def test_many_orders_of_one_symbol_are_looked_up_among_its_newest() -> None:
    """Those that are not among them, and executions that are not all there, are asked for one by one."""
    ended = [view(n, f"l{n}", executed="0.001", status="FILLED") for n in range(1, NEWEST_FROM)]
    gone = view(90, "older", status="CANCELED")

    def trades(params: dict[str, Any]) -> list[dict[str, Any]]:
        known = [{**trade(n), "orderId": n} for n in range(1, NEWEST_FROM)]
        return [one for one in known if params.get("orderId", one["orderId"]) == one["orderId"]][
            "orderId" not in params :
        ]

    binance = Binance(
        openOrders_status=[],
        allOrders=[view(50, "somebody's"), *ended],
        myTrades=trades,
        order_status=lambda params: gone if params["origClientOrderId"] == "older" else ABSENT,
    )
    names = (*[f"l{n}" for n in range(1, NEWEST_FROM)], "older", "never", "alone")
    symbols = ("BTCUSDT",) * (len(names) - 1) + ("ETHUSDT",)
    asked = FetchSnapshot(None, names, "test", symbols=symbols, balances=False)
    books = reading(binance, lambda reader: reader.snapshot(asked))
    assert [one.client_order_id for one in books.orders] == [*names[:-2]]
    assert [len(one.fills) for one in books.orders] == [1] * (NEWEST_FROM - 1) + [0]
    assert books.absent == ("never", "alone")
    told = [
        (name, params.get("orderId") or params.get("origClientOrderId")) for name, params, _ in binance.asked
    ]
    assert told[:3] == [("openOrders.status", None), ("allOrders", None), ("myTrades", None)]
    assert sorted(told[3:]) == [
        ("myTrades", 1),  # the newest executions began after it
        ("order.status", "alone"),
        ("order.status", "never"),
        ("order.status", "older"),
    ]


def test_an_asset_that_was_held_is_told_of_when_nothing_is_left() -> None:
    binance = Binance(account_status=Script(account(BTC=("1", "0")), account()))

    async def story(reader: Reader) -> Any:
        await reader.balances()
        return await reader.balances()

    assert reading(binance, story) == (("BTC", D(0), D(0)),)


def test_books_of_one_symbol_without_balances() -> None:
    binance = Binance(openOrders_status=[], order_status=ABSENT)
    asked = FetchSnapshot("BTCUSDT", ("l",), "protection", balances=False)
    books = reading(binance, lambda reader: reader.snapshot(asked))
    assert (books.symbol, books.orders, books.absent, books.balances) == ("BTCUSDT", (), ("l",), ())
    assert binance.asked[0][1] == {"symbol": "BTCUSDT"}


def test_symbols_that_binance_does_not_have_are_left_out() -> None:
    wrong = Refused(-1121, "Invalid symbol.", 400, ErrorClass.PERMANENT)
    row = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}

    def information(params: dict[str, Any]) -> Any:
        return {"symbols": [row]} if params["symbols"] == ("BTCUSDT",) else wrong

    binance = Binance(exchangeInfo=information)
    asked = FetchInstruments(("BTCUSDT", "GONE"))
    update = reading(binance, lambda reader: reader.instruments(asked))
    assert [one.symbol for one in update.instruments] == ["BTCUSDT"]


def test_what_is_no_exchange_information_is_unreadable() -> None:
    with pytest.raises(WireError):
        decode_information(b"{}")


def test_why_something_failed_is_told_in_words() -> None:
    assert why(ABSENT) == "Order does not exist. (-2013, HTTP 400)"
    assert why(Unknown("no answer")) == "no answer"


def test_reading_ends_when_it_is_cancelled() -> None:
    async def story(reader: Reader) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await reader.balances()

    reading(Binance(account_status=Unknown("no answer")), story)
