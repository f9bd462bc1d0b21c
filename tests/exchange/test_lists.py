"""Contingencies: every way in which one leg's end reaches the others."""

from __future__ import annotations

from fillwright.core.requests import CancelRequest
from fillwright.core.types import ListKind, OrderType, SelfTradePrevention, SymbolStatus
from tests.exchange.builders import (
    BUY,
    SELL,
    SYMBOL,
    D,
    a_list,
    an_exchange,
    an_oco,
    an_opoco,
    an_order,
    holds,
    limit,
    stop,
    told,
    trade,
)


def test_cancelling_an_entry_cancels_its_pending_legs() -> None:
    exchange = an_exchange()
    exchange.execute("a", a_list(ListKind.OTO, limit(BUY, "1", "90", "e"), stop(SELL, "1", "80", "s")), 5)
    told(exchange)
    exchange.execute(
        "a", CancelRequest(symbol=SYMBOL, orig_client_order_id="s", cancel_client_order_id="c"), 6
    )
    assert told(exchange) == [
        "c CANCELED CANCELED",
        "c CANCELED CANCELED",
        "list ALL_DONE ALL_DONE",
        "a balances",
    ]


def test_the_exchange_may_cancel_everything() -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco(), 5)
    exchange.execute("b", limit(BUY, "1", "90", "theirs"), 5)
    told(exchange)
    exchange.set_status(SYMBOL, SymbolStatus.BREAK, 6, cancel_orders=True)
    assert told(exchange) == [
        "oco-stop EXPIRED EXPIRED EXCHANGE_CANCELED",
        "oco-limit EXPIRED EXPIRED OCO_TRIGGER",
        "theirs EXPIRED EXPIRED EXCHANGE_CANCELED",
        "oco ALL_DONE ALL_DONE",
        "a balances",
        "b balances",
    ]
    assert exchange.audit() == ()


def test_an_entry_decremented_in_part_and_then_filled_releases_nothing() -> None:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(110), D(9))], 2, snapshot=True)
    exchange.execute("a", limit(SELL, "0.4", "105", "own"), 3)
    entry = limit(BUY, "1", "110", "e", stp=SelfTradePrevention.DECREMENT)
    exchange.execute("a", a_list(ListKind.OTO, entry, stop(SELL, "0.5", "80", "s")), 4)
    lines = told(exchange)
    assert "e TRADE EXPIRED_IN_MATCH 0.6@110" in lines
    assert "s EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED" in lines
    assert exchange.audit() == ()


def test_an_entry_expired_in_a_match_gives_the_received_coins_back() -> None:
    exchange = an_exchange(USDT="1000", BTC="1")
    exchange.on_depth(SYMBOL, [(D(90), D(9))], [(D(100), D("0.4")), (D(110), D(9))], 2, snapshot=True)
    exchange.execute("a", limit(SELL, "1", "105", "own"), 3)
    entry = limit(BUY, "1", "105", "e", stp=SelfTradePrevention.EXPIRE_TAKER)
    exits = an_order(SELL, OrderType.STOP_LOSS, "s", stop_price="80")
    exchange.execute("a", a_list(ListKind.OPO, entry, exits), 4)
    assert "s EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED" in told(exchange)
    assert holds(exchange, "a", "BTC") == ("0.4", "1")


def test_a_list_is_done_once_all_its_legs_are() -> None:
    exchange = an_exchange(USDT="1000")
    exchange.execute("a", an_opoco(), 5)
    assert exchange.open_order_lists("a")[0].order_status == "EXECUTING"
    trade(exchange, "89")
    assert exchange.open_order_lists("a") == ()
    assert exchange.order_list("a", list_client_order_id="opoco").order_status == "ALL_DONE"
