"""Asking the exchange over a link: what goes out, and what the deliveries mean (most of it: test_venue of replay)."""

from __future__ import annotations

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import OrderReport, StreamChanged, VenueSnapshot
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.link import Delivery, DeliveryKind, Failure, Link
from fillwright.exchange.queries import LIMIT_MAX
from fillwright.venues.asking import Answers, Asked, news, put
from tests.exchange.builders import BTCUSDT, BUY, SYMBOL, D, an_exchange, limit

RESPONSE = DeliveryKind.RESPONSE


def answer(exchange: Exchange, effect: Asked) -> Delivery:
    link = Link(exchange, "a")
    put(link, 7, effect, 10)
    delivery = next(one for one in link.advance(10) if one.request_id is not None)
    assert delivery.request_id == 7
    return delivery


def test_an_order_with_more_executions_than_a_page_has_them_all() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "2", "99", "l"), 5)
    for _ in range(LIMIT_MAX + 10):
        exchange.on_trade(SYMBOL, D(99), D("0.001"), 6, True)
    asked = QueryOrder(SYMBOL, "l")
    (report,) = Answers(exchange, "a").inputs(asked, answer(exchange, asked), 11) or ()
    assert isinstance(report, OrderReport)
    assert len({fill.trade_id for fill in report.fills}) == LIMIT_MAX + 10
    assert sum(fill.quantity for fill in report.fills) == report.executed_quantity


def test_a_snapshot_of_one_symbol() -> None:
    exchange = an_exchange()
    exchange.execute("a", limit(BUY, "1", "90", "l"), 5)
    exchange.execute("b", limit(BUY, "1", "90", "theirs"), 5)
    asked = FetchSnapshot(SYMBOL, ("l", "theirs"), "doubt", balances=False)
    (books,) = Answers(exchange, "a").inputs(asked, answer(exchange, asked), 11) or ()
    assert isinstance(books, VenueSnapshot)
    assert [one.client_order_id for one in books.orders] == ["l"]
    assert (books.absent, books.balances, books.time) == (("theirs",), (), 11)


def test_a_read_that_failed_is_to_be_done_again() -> None:
    answers = Answers(an_exchange(), "a")
    failure = Delivery(5, DeliveryKind.ERROR, 7, Failure(-1001, "", 500))
    assert answers.inputs(QueryOrder(SYMBOL, "l"), failure, 6) is None
    assert answers.inputs(FetchSnapshot(None, (), "start"), failure, 6) is None
    assert answers.inputs(Send(limit(BUY, "1", "90", "l"), "entry"), failure, 6)


def test_symbols_that_are_not_there_are_left_out() -> None:
    update = Answers(an_exchange(), "a").instruments(FetchInstruments(("NOPE", SYMBOL)))
    assert update.instruments == (BTCUSDT,)


def test_the_streams_own_state_is_news() -> None:
    assert news(Delivery(5, DeliveryKind.STREAM_STATE, None, False)) == StreamChanged(False, "link")
