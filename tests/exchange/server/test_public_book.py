"""The book that clients keep by the documented procedure is the book; and clients' own checks hold."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from fillwright.core.requests import CancelOpenOrdersRequest
from fillwright.core.types import ZERO, Side
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.public_book import DepthEvent, DepthFeed, PublicBook, changes
from tests.exchange.builders import EXACT, SYMBOL, D, an_exchange, limit, market

Levels = list[tuple[Decimal, Decimal]]


class Client:
    """Keeps a book as "How to manage a local order book correctly" says, and counts what goes wrong."""

    def __init__(self, feed: DepthFeed) -> None:
        self.feed = feed
        self.buffer: list[DepthEvent] = []
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.update_id: int | None = None
        self.is_first = True

    def receive(self) -> None:
        event = self.feed.event()
        if event is None:
            return
        if self.update_id is None:
            self.buffer.append(event)
        else:
            self.apply(event)

    def load(self, book: PublicBook, limit: int) -> bool:
        view = book.snapshot(limit)
        if self.buffer and view.last_update_id < self.buffer[0].first_update_id:
            return False  # step 4: ask again
        self.bids, self.asks = dict(view.bids), dict(view.asks)
        self.update_id, self.is_first = view.last_update_id, True
        events, self.buffer = self.buffer, []
        for event in events:
            self.apply(event)
        return True

    def apply(self, event: DepthEvent) -> None:
        assert self.update_id is not None
        if event.final_update_id <= self.update_id:
            assert self.is_first, "only what the snapshot has may be older"
            return
        if self.is_first:
            # Binance's document (lastUpdateId in [U;u]) and ccxt (U <= lastUpdateId + 1 <= u).
            assert event.first_update_id <= self.update_id < event.final_update_id
        else:
            assert event.first_update_id == self.update_id + 1
        self.is_first = False
        self.update_id = event.final_update_id
        for side, levels in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, quantity in levels:
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)


prices = st.integers(900, 1100).map(lambda tenths: D(tenths) / 10)
quantities = st.integers(1, 30).map(lambda tenths: D(tenths) / 10)


class LocalBook(RuleBasedStateMachine):
    """Anything happens; whoever follows the procedure has the book."""

    clients = Bundle("clients")

    @initialize()
    def begin(self) -> None:
        self.exchange: Exchange = an_exchange(EXACT, USDT="1000000", BTC="1000")
        bids = [(D(99) - step, D(1) + step) for step in range(5)]
        asks = [(D(101) + step, D(1) + step) for step in range(5)]
        self.exchange.on_depth(SYMBOL, bids, asks, 2, snapshot=True)
        self.book = PublicBook(self.exchange, SYMBOL)
        self.orders = 0

    @rule(target=clients)
    def subscribe(self) -> Client:
        return Client(self.book.open_feed())

    @rule(client=consumes(clients))
    def leave(self, client: Client) -> None:
        self.book.close_feed(client.feed)

    @rule(client=clients)
    def timer(self, client: Client) -> None:
        client.receive()

    @rule(client=clients, limit=st.sampled_from([1, 5, 5000]))
    def load(self, client: Client, limit: int) -> None:
        assert client.load(self.book, limit)
        if limit < 5000:
            client.update_id = None  # too short a snapshot to compare with: as if it began anew

    @rule()
    def others_look(self) -> None:
        self.book.snapshot(5)
        self.book.top()

    @rule(client=clients)
    def compare(self, client: Client) -> None:
        if client.update_id is None:
            return
        client.receive()
        bids, asks = self.exchange.displayed(SYMBOL)
        assert (client.bids, client.asks) == (dict(bids), dict(asks))

    @rule()
    def the_top_is_the_top(self) -> None:
        bids, asks = self.exchange.displayed(SYMBOL)
        top = self.book.top()
        assert (top.bid, top.bid_quantity) == (bids[0] if bids else (0, 0))
        assert (top.ask, top.ask_quantity) == (asks[0] if asks else (0, 0))
        assert top.update_id <= self.book.update_id

    @rule(price=prices, quantity=quantities, side=st.sampled_from(Side))
    def place(self, price: Decimal, quantity: Decimal, side: Side) -> None:
        self.orders += 1
        try:
            self.exchange.execute("a", limit(side, str(quantity), str(price), f"o{self.orders}"), 3)
        except ExchangeError as error:
            if error.code not in (-2010, -1013):
                raise

    @rule()
    def cancel(self) -> None:
        if self.exchange.open_orders("a", SYMBOL):
            self.exchange.execute("a", CancelOpenOrdersRequest(symbol=SYMBOL), 3)

    @rule(quantity=quantities, side=st.sampled_from(Side))
    def take(self, quantity: Decimal, side: Side) -> None:
        self.orders += 1
        self.exchange.execute("b", market(side, str(quantity), f"t{self.orders}"), 3)

    @rule(price=prices, quantity=st.one_of(st.just(ZERO), quantities))
    def outside_level(self, price: Decimal, quantity: Decimal) -> None:
        bids, asks = ([(price, quantity)], []) if price < 100 else ([], [(price, quantity)])
        self.exchange.on_depth(SYMBOL, bids, asks, 3, snapshot=False)

    @rule(price=prices, quantity=quantities, maker=st.booleans())
    def outside_trade(self, price: Decimal, quantity: Decimal, maker: bool) -> None:
        self.exchange.on_trade(SYMBOL, price, quantity, 3, maker)


LocalBook.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLocalBook = LocalBook.TestCase


def levels(text: str) -> Levels:
    return [(D(price), D(quantity)) for quantity, price in (one.split("@") for one in text.split())]


def test_changes_are_told_best_first_and_what_is_gone_as_nothing() -> None:
    old, new = levels("1@99 2@98 3@97"), levels("1@100 1@99 5@97 1@96")
    assert changes(old, new, descending=True) == levels("1@100 0@98 5@97 1@96")
    assert changes(levels("1@1 1@2"), levels("1@2"), descending=False) == levels("0@1")
    assert changes(old, [], descending=True) == levels("0@99 0@98 0@97")
    assert changes(old, old, descending=True) == []


def a_book() -> tuple[Exchange, PublicBook]:
    exchange = an_exchange()
    exchange.on_depth(SYMBOL, levels("1@99"), levels("1@101"), 2, snapshot=True)
    return exchange, PublicBook(exchange, SYMBOL)


def test_a_level_that_came_back_is_told_and_nothing_is_told_when_nothing_happened() -> None:
    exchange, book = a_book()
    feed = book.open_feed()
    assert feed.event() is None
    exchange.execute("a", limit(Side.BUY, "1", "98", "x"), 3)
    book.top()
    exchange.execute("a", CancelOpenOrdersRequest(symbol=SYMBOL), 3)
    event = feed.event()
    assert event is not None
    assert event.bids == levels("0@98")
    assert event.asks == []
    assert feed.event() is None


def test_ids_go_on_without_a_gap_whatever_snapshots_are_taken() -> None:
    exchange, book = a_book()
    feed = book.open_feed()
    final = None
    for number in range(5):
        book.snapshot(10)
        exchange.on_depth(SYMBOL, [(D(90 + number), D(1))], [], 3, snapshot=False)
        event = feed.event()
        assert event is not None
        assert final is None or event.first_update_id == final + 1
        assert event.final_update_id > event.first_update_id
        final = event.final_update_id


def test_the_top_is_zero_where_nobody_stands() -> None:
    exchange, book = a_book()
    assert (book.top().bid, book.top().ask_quantity) == (D(99), D(1))
    exchange.on_depth(SYMBOL, [], [], 3, snapshot=True)
    top = book.top()
    assert (top.bid, top.bid_quantity, top.ask, top.ask_quantity) == (0, 0, 0, 0)
    assert book.best_levels(5).bids == []


def test_orders_of_accounts_are_part_of_it() -> None:
    exchange, book = a_book()
    exchange.execute("a", limit(Side.BUY, "2", "99", "x"), 3)
    assert book.best_levels(1).bids == levels("3@99")


def test_a_snapshot_lies_inside_the_next_event_even_when_the_one_before_it_was_late() -> None:
    exchange, book = a_book()
    client = Client(book.open_feed())
    exchange.on_depth(SYMBOL, levels("1@98"), [], 3, snapshot=False)
    assert client.load(book, 10)
    client.receive()
    exchange.on_depth(SYMBOL, levels("1@97"), [], 3, snapshot=False)
    client.receive()
    assert client.bids == dict(levels("1@99 1@98 1@97"))
