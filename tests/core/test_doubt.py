"""In doubt: asked about, never guessed, never blindly sent again."""

from __future__ import annotations

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.requests import CancelReplaceRequest, OrderListRequest, OrderRequest
from fillwright.core.types import Leg, OrderState, OrderType, PositionStatus, SignalStatus
from tests.core.builders import D, make_instrument
from tests.core.desk import IN_PROCESS, Desk, V, make_settings


def naked() -> tuple[Desk, OrderRequest]:
    """Coins whose stop has just been sent, alone."""
    desk = Desk(make_instrument(oto_allowed=False, oco_allowed=False))
    desk.signal(take_profit=None)
    desk.accept(desk.only(OrderRequest))
    desk.fill("RT_t_1_E_1", commission_in_base=True)
    return desk, desk.only(OrderRequest)


def test_an_unknown_outcome_is_asked_about_with_a_back_off() -> None:
    """§6: query at once and with backoff; keep the reservation; deny new entries on the symbol."""
    desk = Desk()
    desk.signal(key="1")
    desk.lose(desk.only(OrderListRequest))
    assert set(desk.asked()) == {"RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"}
    assert desk.state.portfolio.reserved > 0
    assert desk.signal(key="2", trader_id="bob").code == "SYMBOL_IN_DOUBT"
    desk.wait("0.4")
    assert desk.asked() == []
    desk.wait("0.1")
    assert len(desk.asked()) == 3
    desk.wait("0.9")
    assert desk.asked() == []
    desk.wait("0.1")
    assert len(desk.asked()) == 3


def test_a_doubt_of_a_minute_is_told_to_a_person() -> None:
    """§12: alerts at once: in doubt > 60 s."""
    desk = Desk()
    desk.signal()
    desk.lose(desk.only(OrderListRequest))
    desk.wait(59)
    assert "IN_DOUBT" not in desk.alerts()
    desk.wait(15)
    assert "IN_DOUBT" in desk.alerts()


def test_not_found_is_proof_only_after_the_window_and_twice() -> None:
    """§6: proof only once recvWindow + the 10 s engine limit have passed, and twice; entries are never resent."""
    desk = Desk()
    desk.signal()
    desk.lose(desk.only(OrderListRequest))
    for _ in range(3):
        for name in ("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"):
            desk.absent(name)
    assert desk.order("RT_t_1_E_1").state is OrderState.UNKNOWN
    desk.wait(15)
    for _ in range(2):  # the same moment's books prove no more than once
        for name in ("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"):
            desk.absent(name)
    assert desk.order("RT_t_1_E_1").state is OrderState.UNKNOWN
    desk.tray.clear()
    desk.wait(1)
    assert "RT_t_1_E_1" in desk.asked()
    for name in ("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"):
        desk.absent(name)
    assert desk.order("RT_t_1_E_1").never_arrived
    assert (desk.position.status, desk.position.failure_status) == (PositionStatus.FAILED, "never_arrived")
    assert desk.state.signals[1].status is SignalStatus.FAILED
    assert desk.state.portfolio.reserved == 0
    assert desk.sent() == []
    desk.check()


def test_for_a_venue_in_the_same_process_one_read_suffices() -> None:
    """§6: for the in-process exchange the window is 0 and one read suffices."""
    desk = Desk(settings=make_settings(venue=IN_PROCESS))
    desk.signal()
    desk.lose(desk.only(OrderListRequest))
    for name in ("RT_t_1_E_1", "RT_t_1_S_1", "RT_t_1_T_1"):
        desk.absent(name)
    assert desk.position.failure_status == "never_arrived"


def test_what_was_there_once_is_not_believed_to_be_absent() -> None:
    desk = Desk()
    desk.enter()
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.lose(desk.only(CancelReplaceRequest))
    desk.wait(30)
    for _ in range(3):
        desk.absent("RT_t_1_S_1")
    assert desk.order("RT_t_1_S_1").state is OrderState.CANCEL_PENDING


def test_resting_protection_is_sent_again_with_the_same_ids() -> None:
    """§6: after the first not-found (≥ 500 ms) again with the same ids, if at most one could be funded."""
    desk, stop = naked()
    desk.lose(stop)
    desk.absent(stop.client_order_id)
    assert desk.sent() == []
    desk.wait("0.5")
    desk.absent(stop.client_order_id)
    assert desk.only(OrderRequest) == stop
    assert desk.order(stop.client_order_id).resends == 1
    desk.refuse(stop, -2010, "Duplicate order sent.")
    assert desk.order(stop.client_order_id).state is OrderState.UNKNOWN  # it is there: ask
    desk.report(stop.client_order_id, V.NEW)
    assert desk.position.stop_order_id == stop.client_order_id
    desk.check()


def test_what_is_sent_again_is_what_was_sent() -> None:
    """§6: the same request, though its position is meant to have another stop by now; then it moves there."""
    desk, stop = naked()
    desk.lose(stop)
    desk.command(inp.AdjustProtection(position_id=1, by="ada", stop_loss=D(49_500)))
    desk.wait("0.5")
    desk.absent(stop.client_order_id)
    assert desk.only(OrderRequest) == stop
    desk.report(stop.client_order_id, V.NEW)
    assert desk.only(CancelReplaceRequest).order.stop_price == D(49_500)
    desk.check()


def test_protection_is_sent_again_once_only() -> None:
    desk, stop = naked()
    desk.lose(stop)
    desk.wait("0.5")
    for _ in range(3):
        desk.absent(stop.client_order_id)
    assert len(desk.sent()) == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_a_refusal_of_what_was_sent_again_says_nothing_of_what_was_sent_first(arrives: bool) -> None:
    """§6: "not found" and a refused repetition are no proof while the first request may be under way."""
    desk, stop = naked()
    desk.lose(stop)
    desk.wait("0.5")
    desk.absent(stop.client_order_id)
    assert desk.only(OrderRequest) == stop
    desk.refuse(stop, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    assert desk.order(stop.client_order_id).state is OrderState.UNKNOWN
    assert desk.sent() == []
    if arrives:
        desk.wait(5)
        desk.report(stop.client_order_id, V.NEW)
        assert desk.position.stop_order_id == stop.client_order_id
        assert desk.sent() == []
    else:
        desk.wait(16)
        desk.absent(stop.client_order_id)
        desk.wait(1)
        desk.absent(stop.client_order_id)
        assert desk.order(stop.client_order_id).never_arrived
        assert desk.only(OrderRequest).client_order_id == "RT_t_1_S_2"
    assert desk.events(ev.Anomaly) == []
    desk.check()


def test_protection_that_could_be_funded_twice_is_not_sent_again() -> None:
    """§6: only if the account's free base before the first send was below twice the quantity."""
    desk, stop = naked()
    desk.step(inp.BalanceReport((("BTC", D(1), D(0)),), desk.now))
    desk.lose(stop)
    desk.wait(1)
    desk.absent(stop.client_order_id)
    assert desk.sent() == []


@pytest.mark.parametrize("found", [True, False])
def test_a_market_sale_in_doubt_is_found_or_never_arrived_but_not_repeated(found: bool) -> None:
    """§6: entries and market sells in doubt are never resent; cancelReplace: ask both old and new."""
    desk = Desk()
    desk.enter(take_profit=None)
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.lose(desk.only(CancelReplaceRequest))
    assert set(desk.asked()) == {"RT_t_1_S_1", "RT_t_1_X_1"}
    desk.cancelled("RT_t_1_S_1")
    desk.wait(16)
    assert desk.sent() == []
    if found:
        desk.fill("RT_t_1_X_1", price=50_000)
        assert desk.position.status is PositionStatus.CLOSED
        return
    desk.absent("RT_t_1_X_1")
    desk.wait(1)
    desk.absent("RT_t_1_X_1")
    sale = desk.only(OrderRequest)  # old cancelled and new absent after the window = naked: sell
    assert (sale.type, sale.client_order_id) == (OrderType.MARKET, "RT_t_1_X_2")
    desk.check()


def test_a_cancel_in_doubt_is_asked_about_then_repeated() -> None:
    """§6: cancels are asked about, then repeated."""
    desk = Desk()
    desk.enter(take_profit=None)
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    desk.lose(desk.only(CancelReplaceRequest))
    desk.report("RT_t_1_S_1", V.NEW)
    assert desk.order("RT_t_1_S_1").state is OrderState.CANCEL_PENDING  # it may be under way still
    desk.wait(16)
    desk.report("RT_t_1_S_1", V.NEW)
    assert desk.live(Leg.STOP_LOSS).is_live
    desk.absent("RT_t_1_X_1")
    desk.wait(1)
    desk.absent("RT_t_1_X_1")
    assert desk.events(ev.OrderCancelRefused)
    assert desk.only(CancelReplaceRequest).order.client_order_id == "RT_t_1_X_2"


def test_news_of_orders_that_are_not_in_doubt_is_passed_over() -> None:
    desk = Desk()
    desk.enter()
    assert desk.absent("RT_t_1_S_1").records == []
    assert desk.step(inp.OrderAbsent(symbol="BTCUSDT", client_order_id="x")).records == []
