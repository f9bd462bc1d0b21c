"""The prices that the core itself watches."""

from __future__ import annotations

from fillwright.core.market_watch import PriceBounds, price_bounds
from fillwright.core.types import OrderType
from tests.core.builders import D, make_instrument, make_quote
from tests.core.desk import Desk

NO_LISTS = {"oto_allowed": False, "oco_allowed": False}
NO_STOP_LOSS = tuple(kind for kind in OrderType if kind is not OrderType.STOP_LOSS)


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


def test_a_bound_is_reached_when_it_is_touched() -> None:
    bounds = PriceBounds(D(52_000), D(51_000), D(49_000))
    assert not bounds.crossed(make_quote(price=D(50_000)))
    assert bounds.crossed(make_quote(price=D(51_000)))
    assert bounds.crossed(make_quote(price=D(52_000)))
    assert bounds.crossed(make_quote(price=D(49_000)))
    assert not PriceBounds(None, None).crossed(make_quote())
