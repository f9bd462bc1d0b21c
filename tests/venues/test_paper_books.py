"""The paper exchange's books: the same commands give the same exchange, and passing ticks over changes nothing."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.instruments import PercentPrice
from fillwright.core.requests import (
    AmendRequest,
    CancelOpenOrdersRequest,
    CancelRequest,
    Request,
)
from fillwright.core.types import MINUTE, ListKind, OrderType, SymbolStatus, TimeInForce
from fillwright.exchange.market import INFINITY
from fillwright.exchange.messages import ExchangeError, ExchangeEvent
from fillwright.exchange.settings import DEFAULT_ORDER_COUNTS, ExchangeSettings, OrderCountLimit
from fillwright.exchange.snapshot import ExchangeDump
from fillwright.venues.paper_books import PaperExchange
from fillwright.venues.paper_commands import Executed, Phased, Setup, Traded, Transferred, decode, encode
from fillwright.venues.paper_market import PaperMarket
from fillwright.venues.paper_slots import Slot
from tests.exchange.builders import BTCUSDT, BUY, SELL, SYMBOL, a_list, an_oco, an_order, limit, market, stop
from tests.venues.papers import START

D = Decimal
MANY = msgspec.structs.replace(
    BTCUSDT,
    algo_orders_max=None,
    orders_max=None,
    percent_price=PercentPrice(True, D("1.012"), D("0.988"), D("1.012"), D("0.988")),
)
"""Orders are refused by the average price now and then."""


def a_setup(queue: str | None = "20", **changes: Any) -> Setup:
    settings = ExchangeSettings(
        order_counts=(), queue_ahead_quote=None if queue is None else D(queue), final_orders_max=6
    )
    fields: dict[str, Any] = {
        "account_id": "a",
        "instruments": (MANY,),
        "settings": settings,
        "maker_fee": D(0),
        "taker_fee": D("0.001"),
        **changes,
    }
    return Setup(**fields)


def begin(setup: Setup | None = None, kind: type[PaperExchange] = PaperExchange) -> PaperExchange:
    return kind.begin(setup or a_setup(), {"USDT": D(10_000), "BTC": D(50)}, START)


WIDE = a_setup(instruments=(BTCUSDT,))


def again(exchange: PaperExchange, count: int | None = None) -> PaperExchange:
    """Do the commands that an exchange noted once more, as a restart would: from their bytes."""
    made: PaperExchange | None = None
    for command in exchange.commands[:count]:
        made = PaperExchange.perform(made, decode(encode(command)))
    assert made is not None
    made.drain()
    return made


def settled_dump(exchange: PaperExchange) -> bytes:
    exchange.drain()
    return exchange.dump()


class VisitedSlot(Slot):
    """A slot inside of whose bounds nothing lies: every tick matters."""

    __slots__ = ()

    def renew(self) -> None:
        self.low, self.high = INFINITY, D(0)
        self.has_trades = self.has_depth = False


class Stage:
    """An exchange with its ear on a market, and a clock."""

    def __init__(self, setup: Setup, *, visiting: bool = False, tells_by_stream: bool = False) -> None:
        self.exchange = begin(setup)
        self.exchange.tells_by_stream = tells_by_stream
        if visiting:
            self.exchange.slots = {
                symbol: VisitedSlot(symbol, slot.market) for symbol, slot in self.exchange.slots.items()
            }
        self.now = START
        self.moves = 0
        self.market = PaperMarket(lambda: self.now, self.moved)
        self.market.attach(self.exchange)
        self.events: list[ExchangeEvent] = []

    def moved(self) -> None:
        self.moves += 1

    def do(self, action: tuple[Any, ...]) -> None:
        self.now += 1_000_000
        kind, *rest = action
        getattr(self, kind)(*rest)
        self.events += self.exchange.drain()

    def trade(self, price: Decimal, quantity: Decimal, maker: bool) -> None:
        self.market.trade(SYMBOL, price, quantity, maker, self.now)

    def quote(self, price: Decimal, quantity: Decimal, spread: Decimal) -> None:
        self.market.quote(SYMBOL, price - spread, quantity, price + spread, quantity * 2, self.now)

    def depth(self, price: Decimal, quantity: Decimal, spread: Decimal) -> None:
        steps = (D(0), D("0.2"), D("0.6"), D(2))
        bids = [(price - spread - step, quantity + step) for step in steps]
        asks = [(price + spread + step, quantity + step) for step in steps]
        self.market.depth(SYMBOL, bids, asks, self.now)

    def request(self, request: Request) -> None:
        with suppress(ExchangeError):
            self.exchange.execute("a", request, self.now)

    def cancel(self, index: int) -> None:
        orders = self.exchange.open_orders("a")
        if orders:
            order = orders[index % len(orders)]
            self.request(CancelRequest(symbol=SYMBOL, order_id=order.order_id))

    def amend(self, index: int) -> None:
        orders = [one for one in self.exchange.open_orders("a") if one.quantity > 1]
        if orders:
            order = orders[index % len(orders)]
            quantity = order.quantity - D("0.5")
            self.request(AmendRequest(symbol=SYMBOL, order_id=order.order_id, new_quantity=quantity))

    def phase(self, status: SymbolStatus, cancel: bool) -> None:
        self.exchange.set_status(SYMBOL, status, self.now, cancel_orders=cancel)

    def reopen(self) -> None:
        self.exchange.reopen(self.now)

    def funds(self, amount: int) -> None:
        if amount > 0:
            self.exchange.deposit("a", "USDT", D(amount), self.now)
        else:
            with suppress(ExchangeError):
                self.exchange.withdraw("a", "USDT", D(-amount), self.now)


# -- what may happen -----------------------------------------------------------------------------------------------

PRICES = st.integers(490, 510).map(lambda fifths: D(fifths) / 5)
QUANTITIES = st.sampled_from([D("0.1"), D("0.5"), D(1), D(2), D(7)])
SPREADS = st.sampled_from([D("0.2"), D("0.4")])


@st.composite
def requests(draw: st.DrawFn) -> Request:
    side = draw(st.sampled_from([BUY, SELL]))
    quantity, price = str(draw(QUANTITIES)), draw(PRICES)
    name = f"n{draw(st.integers(0, 10**9))}"
    kind = draw(st.sampled_from(["market", "limit", "ioc", "stop", "trailing", "oco", "opoco", "oto", "all"]))
    low, high = str(price - D("0.5")), str(price + D("0.5"))
    if kind == "market":
        return market(side, quantity, name)
    if kind == "limit":
        return limit(side, quantity, str(price), name)
    if kind == "ioc":
        return limit(side, quantity, str(price), name, time_in_force=TimeInForce.IOC)
    if kind == "stop":
        return stop(side, quantity, str(price), name)
    if kind == "trailing":
        return an_order(
            side, OrderType.STOP_LOSS, name, quantity=quantity, trailing_delta=draw(st.integers(10, 200))
        )
    if kind == "oco":
        return an_oco(quantity, low, high, name)
    if kind == "all":
        return CancelOpenOrdersRequest(symbol=SYMBOL)
    entry = limit(
        BUY, quantity, str(price), f"{name}e", time_in_force=draw(st.sampled_from(list(TimeInForce)))
    )
    stop_leg = an_order(SELL, OrderType.STOP_LOSS, f"{name}s", stop_price=low)
    if kind == "oto":
        leg = msgspec.structs.replace(stop_leg, quantity=D(quantity))
        return a_list(ListKind.OTO, entry, leg, name=name)
    target = an_order(SELL, OrderType.TAKE_PROFIT, f"{name}t", stop_price=high)
    return a_list(ListKind.OPOCO, entry, stop_leg, target, name=name)


TRADES = st.tuples(st.just("trade"), PRICES, QUANTITIES, st.booleans())
QUOTES = st.tuples(st.just("quote"), PRICES, QUANTITIES, SPREADS)
DEPTHS = st.tuples(st.just("depth"), PRICES, QUANTITIES, SPREADS)
OTHERS = st.one_of(
    st.tuples(st.just("request"), requests()),
    st.tuples(st.just("request"), requests()),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("amend"), st.integers(0, 9)),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("funds"), st.sampled_from([-20_000, -100, 5, 500])),
    st.tuples(
        st.just("phase"),
        st.sampled_from([SymbolStatus.HALT, SymbolStatus.BREAK, *[SymbolStatus.TRADING] * 3]),
        st.booleans(),
    ),
)
FEEDS = {
    "trades": TRADES,
    "quotes": QUOTES,
    "depth": DEPTHS,
    "quotes and trades": TRADES | QUOTES,
    "quotes and depth": QUOTES | DEPTHS,
    "trades and depth": TRADES | DEPTHS,
    "all": TRADES | QUOTES | DEPTHS,
}


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Three ticks for each thing that is done."""
    ticks = FEEDS[draw(st.sampled_from(sorted(FEEDS)))]
    rounds = draw(st.lists(st.tuples(OTHERS, ticks, ticks, ticks), min_size=8, max_size=16))
    first = draw(ticks)
    return [first, *(action for one in rounds for action in one)]


def without_times_of_ticks(dump: bytes) -> ExchangeDump:
    """A dump as data; when the last price was seen is the one thing that a tick passed over does not say."""
    data = msgspec.msgpack.decode(dump, type=ExchangeDump)
    for part in data.markets:
        part.last_time = 0
    return data


@given(story=stories(), queue=st.sampled_from([None, "0", "20", "300"]))
def test_ticks_passed_over_change_nothing(story: list[tuple[Any, ...]], queue: str | None) -> None:
    skipping, visiting = Stage(a_setup(queue)), Stage(a_setup(queue), visiting=True)
    for action in [*story, ("request", CancelRequest(symbol=SYMBOL, order_id=10**9))]:
        skipping.do(action)
        visiting.do(action)
        assert skipping.events == visiting.events
        assert skipping.exchange.balances("a") == visiting.exchange.balances("a")
    assert without_times_of_ticks(skipping.exchange.dump()) == without_times_of_ticks(
        visiting.exchange.dump()
    )
    assert skipping.moves <= visiting.moves
    assert skipping.exchange.audit() == ()


@given(story=stories(), cuts=st.lists(st.integers(0, 60), max_size=4), tells_by_stream=st.booleans())
def test_the_same_commands_give_the_same_exchange_wherever_they_are_cut(
    story: list[tuple[Any, ...]], cuts: list[int], tells_by_stream: bool
) -> None:
    stage = Stage(a_setup(), tells_by_stream=tells_by_stream)
    for number, action in enumerate(story):
        stage.do(action)
        if number in cuts:
            assert again(stage.exchange).dump() == stage.exchange.dump()
    restored = again(stage.exchange)
    assert restored.dump() == stage.exchange.dump()
    assert restored.bounds(SYMBOL) == stage.exchange.bounds(SYMBOL)
    dumped = PaperExchange.resume(stage.exchange.setup, stage.exchange.dump())
    assert dumped.dump() == stage.exchange.dump()


@given(story=stories(), cut=st.integers(0, 60))
def test_a_dump_goes_on_like_the_original(story: list[tuple[Any, ...]], cut: int) -> None:
    stage = Stage(a_setup())
    for action in story[:cut]:
        stage.do(action)
    image = stage.exchange.dump()
    known = len(stage.exchange.commands)
    for action in story[cut:]:
        stage.do(action)
    exchange = PaperExchange.resume(stage.exchange.setup, image)
    for command in stage.exchange.commands[known:]:
        exchange = PaperExchange.perform(exchange, command)
    exchange.drain()
    assert exchange.dump() == stage.exchange.dump()


# -- what is noted -------------------------------------------------------------------------------------------------


def traded(setup: Setup | None = None, price: str = "100") -> Stage:
    """A stage whose market has traded, with nothing noted but that."""
    stage = Stage(setup or a_setup())
    stage.do(("trade", D(price), D(1), False))
    return stage


def noted(stage: Stage) -> list[str]:
    """The commands since the market's first trade."""
    return [type(command).__name__ for command in stage.exchange.commands[2:]]


def test_ticks_inside_the_bounds_are_not_noted_but_shown_before_a_request() -> None:
    stage = traded(WIDE)
    stage.do(("request", an_oco("1", "90", "110")))
    stage.do(("trade", D(95), D(3), True))
    stage.do(("quote", D(96), D(2), D("0.2")))
    assert (noted(stage), stage.moves) == (["Executed"], 1)

    stage.do(("request", market(SELL, "1", "m")))
    command = stage.exchange.commands[-1]
    assert isinstance(command, Executed)
    assert command.shown is not None
    assert (command.shown.last, command.shown.bid) == (D(95), D("95.8"))
    assert stage.events[-2].last_price == D("95.8")  # type: ignore[union-attr]

    stage.do(("request", market(SELL, "1", "n")))
    command = stage.exchange.commands[-1]
    assert isinstance(command, Executed)
    assert command.shown is None  # nothing new


def test_a_trade_that_leaves_the_bounds_sets_a_stop_off() -> None:
    stage = traded(WIDE)
    stage.do(("request", an_oco("1", "90", "110")))
    stage.do(("trade", D(90), D(3), True))
    assert noted(stage) == ["Executed", "Traded"]
    assert not stage.exchange.open_orders("a")


def test_a_queue_that_gets_shorter_is_noted_once() -> None:
    stage = traded()
    stage.do(("depth", D(100), D(5), D("0.2")))
    stage.do(("request", limit(BUY, "1", "99.8", "l")))
    for quantity in (D(7), D(5), D(2), D(2), D(4)):
        stage.do(("depth", D(100), quantity, D("0.2")))
    assert noted(stage) == ["Executed", "Deepened"]
    stage.do(("trade", D("99.8"), D("2.5"), True))
    assert [fill.quantity for fill in stage.exchange.trades("a", SYMBOL)] == [D("0.5")]


def test_of_a_book_only_what_changed_is_noted() -> None:
    stage = traded()
    stage.do(("depth", D(100), D(5), D("0.2")))
    stage.do(("request", limit(BUY, "1", "50", "l")))
    levels = [(D("99.8"), D(5)), (D("99.6"), D(9)), (D("99.2"), D("5.60"))]
    stage.market.depth(SYMBOL, levels, [(D("100.2"), D(5))], stage.now)
    stage.do(("request", limit(BUY, "1", "51", "m")))
    command = stage.exchange.commands[-1]
    assert isinstance(command, Executed)
    assert command.shown is not None
    assert command.shown.bids == ((D("99.6"), D(9)), (D("97.8"), D(0)))
    assert [price for price, quantity in command.shown.asks or () if not quantity] == [
        D("100.4"), D("100.8"), D("102.2"),
    ]  # fmt: skip


def test_a_refusal_is_noted_too() -> None:
    stage = traded()
    stage.do(("request", limit(BUY, "1000", "100", "l")))
    assert noted(stage) == ["Executed"]
    assert again(stage.exchange).dump() == stage.exchange.dump()


def test_requests_whose_answers_nobody_reads_are_noted_like_others() -> None:
    stages = [traded(WIDE), traded(WIDE)]
    stages[0].exchange.tells_by_stream = True
    for stage in stages:
        stage.do(("request", an_oco("1", "90", "110")))
        stage.exchange.submit("a", market(BUY, "1", "m"), stage.now)
    first, second = (settled_dump(stage.exchange) for stage in stages)
    assert first == second == again(stages[0].exchange).dump()
    assert noted(stages[0]) == ["Executed", "Executed"]


def test_the_average_price_that_decided_is_noted() -> None:
    stage = traded()
    stage.do(("trade", D(103), D(3), True))
    stage.do(("request", limit(BUY, "1", "101.2", "l")))  # 102.25 on average, so 101.02 at the least
    command = stage.exchange.commands[-1]
    assert isinstance(command, Executed)
    assert command.averages == (D("102.25"),)
    restored = again(stage.exchange)
    assert restored.dump() == stage.exchange.dump()
    assert len(restored.open_orders("a")) == 1


def test_while_a_symbol_does_not_trade_no_tick_is_noted() -> None:
    stage = traded(WIDE)
    stage.do(("request", an_oco("1", "90", "110")))
    stage.do(("phase", SymbolStatus.HALT, False))
    for _ in range(5):
        stage.do(("trade", D(85), D(1), True))
    assert noted(stage) == ["Executed", "Phased"]
    assert len(stage.exchange.open_orders("a")) == 2
    stage.do(("phase", SymbolStatus.TRADING, False))
    assert not stage.exchange.open_orders("a")
    assert [type(command) for command in stage.exchange.commands[-2:]] == [Phased, Phased]
    assert again(stage.exchange).dump() == stage.exchange.dump()


def test_transfers_are_noted() -> None:
    stage = traded()
    stage.do(("funds", 500))
    stage.do(("funds", -200))
    stage.do(("funds", -20_000))  # more than there is: nothing happened
    deltas = [command.delta for command in stage.exchange.commands if isinstance(command, Transferred)]
    assert deltas == [D(500), D(-200)]
    assert again(stage.exchange).dump() == stage.exchange.dump()


def test_a_minute_without_ticks_does_not_count() -> None:
    stage = traded()
    stage.now += 10 * MINUTE
    stage.do(("trade", D(102), D(1), True))
    assert stage.exchange.slots[SYMBOL].average(5) == D(102)


def test_another_process_knows_nothing_of_markets_and_everything_of_orders() -> None:
    stage = traded(WIDE)
    stage.do(("depth", D(100), D(5), D("0.2")))
    stage.do(("request", an_oco("1", "90", "110")))
    before = stage.exchange.open_orders("a")
    stage.exchange.reopen(stage.now)
    stage.exchange.reopen(stage.now)  # nothing more to forget
    assert noted(stage) == ["Executed", "Reopened"]
    assert (stage.exchange.quote(SYMBOL).bid, stage.exchange.quote(SYMBOL).last) == (None, None)
    assert stage.exchange.open_orders("a") == before
    assert stage.exchange.bounds(SYMBOL) == (D(90), D(110))
    assert again(stage.exchange).dump() == settled_dump(stage.exchange)


# -- other terms ---------------------------------------------------------------------------------------------------


def test_the_same_terms_change_nothing() -> None:
    exchange = begin()
    assert exchange.configured(a_setup(), START + 1) is exchange
    assert len(exchange.commands) == 1


def test_other_terms_hold_from_now_on_and_are_noted() -> None:
    stage = traded()
    stage.do(("request", limit(BUY, "1", "99.8", "l")))
    bnb = msgspec.structs.replace(MANY, symbol="BNBUSDT", base="BNB")
    fewer = msgspec.structs.replace(MANY, orders_max=2)
    setup = a_setup("7", instruments=(fewer, bnb), taker_fee=D("0.01"))
    exchange = stage.exchange.configured(setup, stage.now + 1)
    exchange.execute("a", market(BUY, "1", "m"), stage.now + 2)
    exchange.execute("a", limit(BUY, "1", "99.7", "k"), stage.now + 3)
    with pytest.raises(ExchangeError, match="MAX_NUM_ORDERS"):
        exchange.execute("a", limit(BUY, "1", "99.6", "n"), stage.now + 3)
    exchange.drain()

    assert exchange.symbols == (SYMBOL, "BNBUSDT")
    assert exchange.trades("a", SYMBOL)[0].commission == D("0.01")
    assert again(exchange).dump() == exchange.dump()
    assert again(exchange).setup == exchange.setup


def test_a_symbol_that_is_not_named_any_more_stays() -> None:
    bnb = msgspec.structs.replace(MANY, symbol="BNBUSDT", base="BNB")
    exchange = begin(a_setup(instruments=(MANY, bnb))).configured(a_setup(), START + 1)
    assert exchange.symbols == (SYMBOL, "BNBUSDT")


def test_a_symbol_that_stopped_trading_meanwhile_does_not_trade() -> None:
    stage = traded()
    halted = msgspec.structs.replace(MANY, status=SymbolStatus.HALT)
    exchange = stage.exchange.configured(a_setup(instruments=(halted,)), stage.now + 1)
    assert exchange.status(SYMBOL) is SymbolStatus.HALT
    assert exchange.slots[SYMBOL].high == INFINITY
    assert again(exchange).dump() == settled_dump(exchange)


def test_orders_may_be_counted_otherwise_from_now_on() -> None:
    ten, day = DEFAULT_ORDER_COUNTS

    def counting(*counts: OrderCountLimit) -> Setup:
        return a_setup(settings=ExchangeSettings(order_counts=counts))

    stage = traded(counting(ten, day))
    stage.do(("request", limit(BUY, "1", "99.8", "l")))
    twice = msgspec.structs.replace(day, limit=2)
    exchange = stage.exchange.configured(counting(twice), stage.now + 1)
    assert [one.count for one in exchange.order_counts("a")] == [0]
    for name in "mn":
        exchange.execute("a", limit(BUY, "1", "99.8", name), stage.now + 2)
    with pytest.raises(ExchangeError, match="Too many new orders"):
        exchange.execute("a", limit(BUY, "1", "99.8", "o"), stage.now + 2)
    exchange = exchange.configured(counting(day), stage.now + 3)
    assert [one.count for one in exchange.order_counts("a")] == [2]  # the same window with another limit
    assert again(exchange).dump() == settled_dump(exchange)


def test_the_first_command_opens() -> None:
    command = Traded(START, SYMBOL, D(1), D(1), True, None, ())
    with pytest.raises(ValueError, match="does not open"):
        PaperExchange.perform(None, command)
