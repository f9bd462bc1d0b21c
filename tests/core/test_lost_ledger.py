"""A ledger that was lost: positions taken back from what the venue remembers, nothing made up, nothing twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.lost_ledger import NUMBERS_LEFT_OUT, TRADER
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import OrderType, PositionStatus, Side, VenueOrderStatus
from tests.core.builders import CASH, FEE, make_instrument
from tests.core.desk import Desk, make_settings

D = Decimal
V = VenueOrderStatus
PAID = D(100)
BOUGHT = D("0.002")
FEE_PAID = BOUGHT * FEE
OWN = D("0.5")
"""Coins that no position owns."""


class LostDesk(Desk):
    """Its ledger is new, and told the old tag; the account holds what was bought."""

    def __init__(self, held: Decimal = BOUGHT - FEE_PAID) -> None:
        super().__init__(balances=(("USDT", CASH, D(0)), ("BTC", OWN, held)))
        self.held = held
        self.engine = type(self.engine)()
        self.records, self.tray = [], []
        self.step(
            inp.OpenLedger(
                account_id="testnet",
                tag="old",
                lost=True,
                settings=make_settings(),
                instruments=(make_instrument(),),
                maker_fee=FEE,
                taker_fee=FEE,
                balances=(("USDT", CASH, D(0)), ("BTC", OWN, held)),
            )
        )
        self.price(50_000)
        self.step(inp.StreamChanged(connected=False))
        self.step(inp.StreamChanged(connected=True))

    def remember(self, *orders: inp.OrderReport) -> None:
        """The venue tells of its books, and what it remembers."""
        (asked,) = self.snapshots()
        assert asked.tag == "old"
        balances = (("USDT", CASH, D(0)), ("BTC", OWN, self.held))
        self.step(
            inp.VenueSnapshot(
                symbol=None, orders=orders, time=self.now, cause=asked.cause, tag=asked.tag, balances=balances
            )
        )


def order(name: str, number: int, kind: OrderType, status: V, **changes: Any) -> inp.OrderReport:
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "client_order_id": name,
        "order_id": number,
        "status": status,
        "side": Side.SELL,
        "type": kind,
        "time": 1,
        "quantity": D("0.00199"),
        "source": "query",
    }
    return inp.OrderReport(**{**fields, **changes})


def entry(position: int = 17, number: int = 700) -> inp.OrderReport:
    fill = inp.FillReport(9, D(50_000), BOUGHT, FEE_PAID, "BTC", False, 1)
    return order(
        f"RT_old_{position}_E_1", number, OrderType.LIMIT, V.FILLED, side=Side.BUY, quantity=BOUGHT,
        price=D(50_250), executed_quantity=BOUGHT, executed_quote=PAID, fills=(fill,),
    )  # fmt: skip


STOP = order("RT_old_17_S_2", 702, OrderType.STOP_LOSS, V.NEW, stop_price=D(49_000), order_list_id=5)
TARGET = order("RT_old_17_T_2", 703, OrderType.TAKE_PROFIT, V.NEW, stop_price=D(52_000), order_list_id=5)


def test_a_protected_position_is_taken_back_whole() -> None:
    desk = LostDesk()
    desk.remember(STOP, TARGET, entry())
    position = desk.state.positions[17]
    assert (position.status, position.trader_id) == (PositionStatus.OPEN, TRADER)
    assert (position.quantity, position.cost) == (BOUGHT - FEE_PAID, PAID)
    assert (position.stop_loss, position.take_profit) == (D(49_000), D(52_000))
    assert (position.stop_order_id, position.unprotected_since) == ("RT_old_17_S_2", 0)
    assert desk.sent() == [], "nothing is missing, nothing is sent"
    assert desk.state.lost is False
    assert desk.alerts() == ["LEDGER_RECOVERED"]
    portfolio = desk.state.portfolio
    assert (portfolio.balance_of("BTC").ledger, portfolio.balance_of("USDT").ledger) == (
        OWN + desk.held,
        CASH,
    )
    assert portfolio.owned["BTCUSDT"] == desk.held
    desk.check()


def test_it_goes_on_counting_after_the_numbers_that_were_used() -> None:
    desk = LostDesk()
    manual = order("RT_old_0_M_8", 650, OrderType.LIMIT, V.NEW, side=Side.BUY, price=D(40_000))
    ended = order("RT_old_21_S_1", 690, OrderType.STOP_LOSS, V.CANCELED)
    desk.remember(STOP, TARGET, manual, entry(), ended)
    assert 21 not in desk.state.positions
    assert desk.state.orders["RT_old_0_M_8"].position_id == 0
    assert desk.state.manual_orders_made >= 8 + NUMBERS_LEFT_OUT
    answer = desk.signal()
    assert (answer.ok, answer.position_id) == (True, 21 + NUMBERS_LEFT_OUT + 1)
    attempts = desk.state.positions[17].attempts
    assert (attempts["S"], attempts["L"]) == (2 + NUMBERS_LEFT_OUT, NUMBERS_LEFT_OUT)


def test_coins_without_a_stop_are_protected_at_the_level_that_was_last() -> None:
    desk = LostDesk()
    gone = order("RT_old_17_S_2", 702, OrderType.STOP_LOSS, V.CANCELED, stop_price=D(49_000))
    desk.remember(entry(), gone)
    request = desk.only(OrderRequest)
    assert (request.type, request.stop_price) == (OrderType.STOP_LOSS, D(49_000))
    assert request.client_order_id == f"RT_old_17_S_{NUMBERS_LEFT_OUT + 1}" or request.quantity == D(
        "0.00199"
    )


def test_a_position_that_was_sold_stays_forgotten() -> None:
    desk = LostDesk(held=D(0))
    fill = inp.FillReport(10, D(49_000), D("0.00199"), D(0), "USDT", False, 2)
    sold = order(
        "RT_old_17_S_2", 702, OrderType.STOP_LOSS, V.FILLED, executed_quantity=D("0.00199"),
        executed_quote=D("97.51"), fills=(fill,),
    )  # fmt: skip
    desk.remember(entry(), sold)
    assert desk.state.positions == {}
    assert desk.sent() == []


def test_without_its_entry_a_position_is_not_made_up_and_its_stop_is_left_where_it_is() -> None:
    desk = LostDesk()
    desk.remember(STOP, TARGET)
    assert desk.state.positions == {}
    assert desk.sent() == []
    assert desk.state.orders["RT_old_17_S_2"].position_id == 0
    assert "ENTRY_FORGOTTEN" in desk.alerts()


def test_until_then_nothing_is_made_of_what_the_venue_says() -> None:
    desk = LostDesk()
    desk.step(STOP)
    desk.step(inp.VenueSnapshot(symbol=None, orders=(STOP, TARGET), time=desk.now, cause="periodic"))
    assert desk.state.orders == {}
    assert desk.state.lost
    desk.remember(STOP, TARGET, entry())
    assert desk.state.positions[17].stop_order_id == "RT_old_17_S_2"


def test_another_tags_orders_are_external() -> None:
    desk = LostDesk()
    other = order("RT_new_3_S_1", 800, OrderType.STOP_LOSS, V.NEW, stop_price=D(48_000))
    desk.remember(STOP, TARGET, entry(), other)
    assert list(desk.state.positions) == [17]
    assert [one.client_order_id for one in desk.state.externals.values()] == ["RT_new_3_S_1"]
    assert not [record for record in desk.records if isinstance(record.event, ev.Anomaly)]
    assert not any(isinstance(request, OrderListRequest) for request in desk.sent())
