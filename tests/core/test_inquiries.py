"""Questions to the venue."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.effects import QueryOrder
from fillwright.core.inquiries import SNAPSHOT_AWAITED
from fillwright.core.types import SECOND, Side
from tests.core.builders import D, make_instrument
from tests.core.desk import IN_PROCESS, Desk, V, make_settings


def test_an_order_is_asked_about_by_the_venues_id_where_it_is_known() -> None:
    """§6: by order id where known, then our client id."""
    desk = Desk()
    desk.signal()
    (request,) = desk.sent()
    desk.lose(request)
    assert [effect.order_id for effect in desk.tray if isinstance(effect, QueryOrder)] == [None] * 3
    desk.tray.clear()
    desk.report("RT_t_1_E_1", V.NEW, executed_quantity=D("0.001"))
    (asked,) = (effect for effect in desk.tray if isinstance(effect, QueryOrder) and effect.order_id)
    assert asked.order_id == desk.order_id("RT_t_1_E_1")


def test_the_books_are_read_once_at_a_time() -> None:
    desk = Desk()
    desk.enter()
    for _ in range(3):
        desk.report("RT_t_1_S_1", V.NEW, side=Side.BUY)
    assert len(desk.events(ev.Anomaly)) == 3
    (effect,) = desk.snapshots()
    assert (effect.symbol, effect.cause) == ("BTCUSDT", "anomaly")
    assert set(effect.client_order_ids) == {"RT_t_1_S_1", "RT_t_1_T_1"}


def test_a_snapshot_that_never_comes_is_asked_for_again() -> None:
    desk = Desk()
    desk.enter()
    desk.report("RT_t_1_S_1", V.NEW, side=Side.BUY)
    desk.now += SNAPSHOT_AWAITED
    desk.report("RT_t_1_S_1", V.NEW, side=Side.BUY)
    assert len(desk.snapshots()) == 2


@pytest.mark.parametrize(("in_process", "seconds"), [(True, 0), (False, 15)])
def test_how_long_a_request_may_be_under_way(in_process: bool, seconds: int) -> None:
    """§6: recvWindow + the 10 s engine limit; 0 for the in-process exchange."""
    desk = Desk(settings=make_settings(venue=IN_PROCESS) if in_process else None)
    desk.signal()
    desk.lose(desk.sent()[0])
    desk.now += max(seconds * SECOND - 1, 0)
    for _ in range(2):
        desk.absent("RT_t_1_E_1")
    assert desk.order("RT_t_1_E_1").never_arrived == in_process
    desk.now += 1
    desk.absent("RT_t_1_E_1")
    assert desk.order("RT_t_1_E_1").never_arrived == in_process
    desk.now += SECOND
    desk.absent("RT_t_1_E_1")
    assert desk.order("RT_t_1_E_1").never_arrived


def test_coins_of_one_kind_are_counted_over_all_symbols() -> None:
    desk = Desk(make_instrument(), make_instrument("BTCBNB"))
    position = desk.enter()
    desk.step(inp.TransferReport("BTC", -position.quantity, desk.now))
    assert [effect.cause for effect in desk.snapshots()] == ["transfer"]
