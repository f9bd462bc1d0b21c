"""Reading: orders, lists, trades, balances, by call and as data."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core.requests import CancelRequest
from fillwright.core.types import DAY
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.queries import (
    ARCHIVED,
    ARCHIVED_AFTER_US,
    AccountQuery,
    AllOrdersQuery,
    OpenOrderListsQuery,
    OpenOrdersQuery,
    OrderCountsQuery,
    OrderListQuery,
    OrderQuery,
    Query,
    TradesQuery,
)
from tests.exchange.builders import BUY, EXACT, SELL, SYMBOL, an_exchange, an_oco, limit, market, refused


@pytest.fixture
def exchange() -> Exchange:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", "rests"), 5)
    exchange.execute("a", market(BUY, "1", "bought"), 6)
    exchange.execute("a", market(SELL, "1", "sold"), 7)
    exchange.execute("a", an_oco(), 8)
    exchange.execute("b", market(BUY, "1", "theirs"), 9)
    return exchange


def test_orders_are_found_by_number_or_name(exchange: Exchange) -> None:
    assert exchange.order("a", SYMBOL, order_id=2).client_order_id == "bought"
    assert exchange.order("a", SYMBOL, client_order_id="sold").order_id == 3
    assert exchange.order("a", SYMBOL, order_id=2, client_order_id="bought").order_id == 2
    assert refused(lambda: exchange.order("a", SYMBOL, order_id=2, client_order_id="sold"))[0] == -2039
    assert refused(lambda: exchange.order("b", SYMBOL, order_id=2)) == (-2013, "Order does not exist.")
    assert refused(lambda: exchange.order("a", SYMBOL))[0] == -1102
    assert refused(lambda: exchange.order("a", "NOPE", order_id=2))[0] == -1121


def test_open_orders_are_those_of_the_account(exchange: Exchange) -> None:
    names = [order.client_order_id for order in exchange.open_orders("a")]
    assert names == ["rests", "oco-stop", "oco-limit"]
    assert exchange.open_orders("b", SYMBOL) == ()


def test_histories_run_forward_from_an_id_else_end_with_the_newest(exchange: Exchange) -> None:
    def names(**fields: int) -> list[str]:
        return [order.client_order_id for order in exchange.all_orders("a", SYMBOL, **fields)]

    assert names(limit=2) == ["oco-stop", "oco-limit"]
    assert names(order_id=2, limit=2) == ["bought", "sold"]
    assert [one.order_id for one in exchange.trades("a", SYMBOL)] == [2, 3]
    assert [one.order_id for one in exchange.trades("a", SYMBOL, order_id=3)] == [3]
    assert [one.order_id for one in exchange.trades("a", SYMBOL, from_id=1, limit=1)] == [2]


def test_lists(exchange: Exchange) -> None:
    (found,) = exchange.open_order_lists("a")
    assert exchange.order_list("a", order_list_id=1) == found
    assert exchange.order_list("a", list_client_order_id="oco") == found
    assert refused(lambda: exchange.order_list("b", order_list_id=1))[0] == -2013
    assert refused(lambda: exchange.order_list("a"))[0] == -1102


@pytest.mark.parametrize(
    ("query", "call"),
    [
        (OrderQuery(SYMBOL, order_id=2), lambda one: one.order("a", SYMBOL, 2)),
        (OpenOrdersQuery(), lambda one: one.open_orders("a")),
        (AllOrdersQuery(SYMBOL), lambda one: one.all_orders("a", SYMBOL)),
        (OrderListQuery(order_list_id=1), lambda one: one.order_list("a", 1)),
        (OpenOrderListsQuery(), lambda one: one.open_order_lists("a")),
        (TradesQuery(SYMBOL), lambda one: one.trades("a", SYMBOL)),
        (AccountQuery(), lambda one: one.balances("a")),
        (OrderCountsQuery(), lambda one: one.order_counts("a")),
    ],
)
def test_queries_as_data_answer_what_the_calls_do(exchange: Exchange, query: Query, call: object) -> None:
    answer = exchange.ask("a", query)
    assert answer
    assert answer == call(exchange)  # type: ignore[operator]


def test_a_key_of_nobody_reads_nothing(exchange: Exchange) -> None:
    assert refused(lambda: exchange.ask("nobody", AccountQuery()))[0] == -2015


def test_an_order_is_found_by_its_id_alone() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", "mine"), 5)
    found = exchange.named("a", "mine")
    assert found == exchange.order("a", SYMBOL, client_order_id="mine")
    assert exchange.named("b", "mine") is None


def test_histories_by_time(exchange: Exchange) -> None:
    def names(**bounds: int) -> list[str]:
        return [one.client_order_id for one in exchange.all_orders("a", SYMBOL, **bounds)]

    assert names(start_time=6) == ["bought", "sold", "oco-stop", "oco-limit"]
    assert names(start_time=6, limit=1) == ["bought"]
    assert names(end_time=7) == ["rests", "bought", "sold"]
    assert names(end_time=7, limit=2) == ["bought", "sold"]
    assert names(start_time=6, end_time=7) == ["bought", "sold"]
    assert names(start_time=6, order_id=3) == ["sold", "oco-stop", "oco-limit"]
    assert names(start_time=100) == []
    assert [one.time for one in exchange.trades("a", SYMBOL, start_time=7)] == [7]
    assert [one.time for one in exchange.trades("a", SYMBOL, end_time=6)] == [6]


def test_lists_by_time_and_number(exchange: Exchange) -> None:
    exchange.execute("a", an_oco(name="second"), 10)

    def names(**bounds: int) -> list[str | None]:
        return [one.list_client_order_id for one in exchange.all_order_lists("a", **bounds)]

    assert names() == ["oco", "second"]
    assert names(limit=1) == ["second"]
    assert names(from_id=1, limit=1) == ["oco"]
    assert names(start_time=10) == ["second"]
    assert names(end_time=9) == ["oco"]
    assert exchange.all_order_lists("b") == ()


def test_orders_without_fills_are_archived_after_ninety_days() -> None:
    keeping = msgspec.structs.replace(EXACT, final_retention_us=1_000 * DAY)
    exchange = an_exchange(keeping)
    exchange.execute("a", limit(BUY, "1", "90", "gone"), 5)
    exchange.execute("a", CancelRequest(symbol=SYMBOL, orig_client_order_id="gone"), 6)
    exchange.execute("a", market(BUY, "1", "bought"), 6)
    exchange.set_market(SYMBOL, now=6 + ARCHIVED_AFTER_US)
    assert exchange.order("a", SYMBOL, client_order_id="gone").order_id == 1
    exchange.set_market(SYMBOL, now=7 + ARCHIVED_AFTER_US)
    assert refused(lambda: exchange.order("a", SYMBOL, client_order_id="gone")) == (-2026, ARCHIVED)
    assert exchange.order("a", SYMBOL, client_order_id="bought").order_id == 2


def test_fills_are_kept_beyond_their_orders_where_settings_say_so() -> None:
    forgetful = msgspec.structs.replace(EXACT, final_orders_max=1, fills_kept_max=2)
    exchange = an_exchange(forgetful)
    for number in range(5):
        exchange.execute("a", market(BUY, "0.1", f"m{number}"), 5 + number)
    assert [one.client_order_id for one in exchange.all_orders("a", SYMBOL)] == ["m4"]
    fills = exchange.trades("a", SYMBOL)
    assert [one.time for one in fills] == [7, 8, 9]
    assert exchange.trades("a", SYMBOL, order_id=fills[0].order_id) == fills[:1]
    assert exchange.trades("a", SYMBOL, from_id=fills[1].trade_id) == fills[1:]
    assert exchange.trades("a", SYMBOL, start_time=8, end_time=8) == fills[1:2]
    assert exchange.trades("a", SYMBOL, end_time=8, limit=1) == fills[1:2]
    assert exchange.trades("a", SYMBOL, order_id=1) == ()
    again = Exchange.load(exchange.dump(), [exchange.instrument(SYMBOL)], forgetful)
    assert again.trades("a", SYMBOL) == fills
    assert again.update_time("a") == exchange.update_time("a") == 9
