"""The prices that the core itself watches."""

from __future__ import annotations

from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.inputs import Quote
from fillwright.core.market_watch import MarketWatch, PriceBounds, joined, position_bounds
from fillwright.core.positions import Position
from fillwright.core.requests import CancelReplaceRequest
from fillwright.core.state import Ledger
from fillwright.core.types import Leg, OrderType, Protection, SymbolStatus
from tests.core.builders import NOW, Book, D, make_instrument, make_quote
from tests.core.desk import Desk

NO_LISTS = {"oto_allowed": False, "oco_allowed": False}
NO_STOP_LOSS = tuple(kind for kind in OrderType if kind is not OrderType.STOP_LOSS)


def price_bounds(ledger: Ledger, symbol: str) -> PriceBounds | None:
    """What a symbol's positions want watched, all of them asked anew."""
    found = None
    for position in ledger.positions_in(symbol):
        wanted = position_bounds(ledger, position)
        found = joined(found, wanted) if wanted is not None else found
    return found


def test_what_rests_at_the_venue_is_not_watched() -> None:
    desk = Desk()
    desk.enter()
    assert price_bounds(desk.engine.ledger, "BTCUSDT") is None


def test_a_target_without_an_order_is_watched_on_the_bid() -> None:
    desk = Desk(make_instrument(**NO_LISTS))
    desk.enter()
    assert desk.engine.price_bounds("BTCUSDT") == PriceBounds(D(52_000), None)


def test_a_stop_that_the_engine_trails_is_watched_on_the_last_price() -> None:
    desk = Desk(make_instrument(trailing_allowed=False))
    desk.enter(trailing=True, take_profit=None)
    assert desk.engine.price_bounds("BTCUSDT") == PriceBounds(None, D(50_150))


def test_a_stop_that_may_not_fill_is_watched_from_above() -> None:
    desk = Desk(make_instrument(order_types=NO_STOP_LOSS))
    desk.enter()
    assert desk.engine.price_bounds("BTCUSDT") == PriceBounds(None, None, D(49_000))


def test_the_nearest_of_several_levels_counts() -> None:
    desk = Desk(make_instrument(**NO_LISTS, algo_orders_max=20))
    desk.enter(key="1")
    desk.enter(key="2", trader_id="bob", take_profit=D(51_000))
    assert desk.engine.price_bounds("BTCUSDT") == PriceBounds(D(51_000), None)


def test_what_positions_do_not_want_any_more_is_forgotten() -> None:
    desk = Desk(make_instrument(**NO_LISTS, algo_orders_max=20))
    desk.enter(key="1")
    desk.enter(key="2", trader_id="bob", take_profit=D(51_000))
    ledger, watch = desk.engine.ledger, MarketWatch()
    nearer, farther = sorted(ledger.open_positions.values(), key=lambda one: one.take_profit or 0)
    watch.look(ledger, farther)
    assert watch.bounds("BTCUSDT") == PriceBounds(D(52_000), None)
    for _ in range(2):
        watch.look(ledger, nearer)
        assert watch.bounds("BTCUSDT") == PriceBounds(D(51_000), None)
    nearer.take_profit = D(53_000)
    watch.look(ledger, nearer)
    assert watch.bounds("BTCUSDT") == PriceBounds(D(52_000), None)
    farther.exit_blocked = True
    watch.look(ledger, farther)
    assert watch.bounds("BTCUSDT") == PriceBounds(D(53_000), None)
    nearer.exit_blocked = True
    watch.look(ledger, nearer)
    assert watch.bounds("BTCUSDT") is None


def test_two_positions_are_watched_together() -> None:
    one, other = PriceBounds(D(10), None, D(3)), PriceBounds(D(9), D(8), D(4))
    assert joined(one, other) == joined(other, one) == PriceBounds(D(9), D(8), D(4))
    assert joined(None, one) == one


def test_a_bound_is_reached_when_it_is_touched() -> None:
    bounds = PriceBounds(D(52_000), D(51_000), D(49_000))
    assert not bounds.crossed(make_quote(price=D(50_000)))
    assert bounds.crossed(make_quote(price=D(51_000)))
    assert bounds.crossed(make_quote(price=D(52_000)))
    assert bounds.crossed(make_quote(price=D(49_000)))
    assert not PriceBounds(None, None).crossed(make_quote())


# -- each bound by itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "bid", "last", "crossed"),
    [
        (PriceBounds(D(52), None), "51.99", "60", False),
        (PriceBounds(D(52), None), "52", "40", True),
        (PriceBounds(None, D(52)), "60", "51.99", False),
        (PriceBounds(None, D(52)), "40", "52", True),
        (PriceBounds(None, None, D(49)), "40", "49.01", False),
        (PriceBounds(None, None, D(49)), "60", "49", True),
    ],
)
def test_each_bound_looks_at_its_own_price(bounds: PriceBounds, bid: str, last: str, crossed: bool) -> None:
    """§9: stops trigger, and trailing follows, on last trades; a target that is sold at market is sold at the bid."""
    assert bounds.crossed(Quote("BTCUSDT", D(bid), D(bid) + 1, D(last), NOW)) is crossed


def stopped(book: Book, **changes: Any) -> Position:
    """A position with a stop alone at the venue."""
    fields = {"plan": Protection.STOP, "take_profit": None, **changes}
    order_type = fields.pop("stop_type", OrderType.STOP_LOSS)
    position = book.open_position(**fields)
    stop = position.stop_loss
    book.place(book.submit(position, Leg.STOP_LOSS, order_type=order_type, stop_price=stop, price=None))
    return position


def test_positions_that_hold_nothing_are_not_watched() -> None:
    book = Book()
    book.submit(book.create_position(take_profit=D(52_000)))
    assert price_bounds(book.ledger, "BTCUSDT") is None
    book.close_position(book.open_position(take_profit=D(52_000)), D(52_000))
    assert price_bounds(book.ledger, "BTCUSDT") is None


def test_of_several_trailing_stops_the_nearest_step_counts() -> None:
    """§4 Trailing: steps of 0.3 % above where the stop was last fitted; other symbols have bounds of their own."""
    book = Book()
    for stop in (49_980, 49_000):
        stopped(book, trail_distance=D("0.02"), stop_loss=D(stop))
    bounds = price_bounds(book.ledger, "BTCUSDT")
    assert bounds is not None
    assert bounds.last_high == D(50_150)
    assert price_bounds(book.ledger, "ETHUSDT") is None


def test_the_venues_own_trailing_stop_needs_no_watch() -> None:
    book = Book()
    stopped(book, trail_distance=D("0.02"), trailing_delta=200)
    assert price_bounds(book.ledger, "BTCUSDT") is None


def test_a_stop_with_a_limit_is_watched_until_its_position_is_on_its_way_out() -> None:
    """§4 Stops: unfilled after ``stop_escalate_s`` it is cancelled and sold; of several the highest counts."""
    book = Book()
    first = stopped(book, stop_type=OrderType.STOP_LOSS_LIMIT)
    second = stopped(book, stop_type=OrderType.STOP_LOSS_LIMIT, stop_loss=D(49_500))
    assert price_bounds(book.ledger, "BTCUSDT") == PriceBounds(None, None, D(49_500))
    book.push(ev.PositionClosing(second.id, "stop_loss"))
    assert price_bounds(book.ledger, "BTCUSDT") == PriceBounds(None, None, D(49_000))
    book.push(ev.OrderCancelRequested(first.open_order_ids[-1], "RT_t_1_C_1", "move"))
    assert price_bounds(book.ledger, "BTCUSDT") is None


def test_a_closing_position_watches_nothing() -> None:
    """Its exit is under way: a price beyond its target is no reason to look again at every tick."""
    book = Book()
    position = stopped(book, take_profit=D(52_000), trail_distance=D("0.02"))
    assert price_bounds(book.ledger, "BTCUSDT") == PriceBounds(D(52_000), D(50_150))
    book.push(ev.PositionClosing(position.id, "operator"))
    assert price_bounds(book.ledger, "BTCUSDT") is None
    book.push(ev.PositionReopened(position.id, "exit failed"))
    assert price_bounds(book.ledger, "BTCUSDT") == PriceBounds(D(52_000), D(50_150))


def test_where_nothing_can_be_done_nothing_is_watched_until_it_can() -> None:
    """§4: while a symbol does not trade exits are blocked; on TRADING the target is looked at first."""
    desk = Desk(make_instrument(**NO_LISTS))
    desk.enter()
    desk.step(inp.UpdateInstruments((make_instrument(**NO_LISTS, status=SymbolStatus.HALT),)))
    assert desk.engine.price_bounds("BTCUSDT") is None
    desk.price(52_000)
    assert desk.sent() == []
    desk.step(inp.UpdateInstruments((make_instrument(**NO_LISTS),)))
    assert desk.only(CancelReplaceRequest).order.type is OrderType.MARKET
