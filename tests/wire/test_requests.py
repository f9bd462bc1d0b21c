from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import (
    CancelReplaceMode,
    CancelRestriction,
    ListKind,
    OrderRateLimitExceededMode,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fillwright.wire.requests import encoded
from tests.wire.spelling import operation, over_rest, over_websocket, understood

D = Decimal
SYMBOL = "BTCUSDT"

# -- whatever is asked, the exchange reads the same ----------------------------------------------------------------

names = st.text("ABCXYZabcxyz0189_-", min_size=1, max_size=36)
numbers = st.integers(1, 2**53)
amounts = st.decimals(min_value=D("0.00000001"), max_value=D("9999999999"), places=8)
optional_amounts = st.none() | amounts
modes = st.none() | st.sampled_from(SelfTradePrevention)
labels = {
    "strategy_id": st.none() | st.integers(1, 2**31),
    "strategy_type": st.none() | st.integers(1_000_000, 2**31),
}


def orders(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[OrderRequest]:
    """Orders with any fields, sensible or not: sense is the engine's business."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "symbol": st.just(SYMBOL),
        "side": st.sampled_from(Side),
        "type": st.sampled_from(OrderType),
        "client_order_id": names,
        "time_in_force": st.none() | st.sampled_from(TimeInForce),
        "quantity": optional_amounts,
        "quote_order_quantity": optional_amounts,
        "price": optional_amounts,
        "stop_price": optional_amounts,
        "trailing_delta": st.none() | st.integers(1, 5_000),
        "iceberg_quantity": optional_amounts,
        "stp": modes,
        **labels,
        **fixed,
    }
    return st.builds(OrderRequest, **fields)


@st.composite
def order_lists(draw: st.DrawFn) -> OrderListRequest:
    kind, stp = draw(st.sampled_from(ListKind)), st.just(draw(modes))
    without_quote = {"stp": stp, "quote_order_quantity": st.none()}
    exit_side, exit_quantity = draw(st.sampled_from(Side)), draw(amounts)
    sized = kind not in (ListKind.OPO, ListKind.OPOCO)
    exits = orders(
        **without_quote,
        side=st.just(exit_side),
        quantity=st.just(exit_quantity if sized else None),
    )
    working = orders(**without_quote, quantity=amounts, price=amounts)
    legs = {
        ListKind.OCO: st.tuples(exits, exits),
        ListKind.OTO: st.tuples(working, exits),
        ListKind.OPO: st.tuples(working, exits),
        ListKind.OTOCO: st.tuples(working, exits, exits),
        ListKind.OPOCO: st.tuples(working, exits, exits),
    }
    return OrderListRequest(kind, SYMBOL, draw(names), draw(legs[kind]))


which = st.tuples(st.none() | numbers, st.none() | names).filter(lambda pair: pair != (None, None))


@st.composite
def cancels(draw: st.DrawFn) -> CancelRequest:
    order_id, name = draw(which)
    return CancelRequest(
        symbol=SYMBOL,
        order_id=order_id,
        orig_client_order_id=name,
        cancel_client_order_id=draw(st.none() | names),
        restriction=draw(st.none() | st.sampled_from(CancelRestriction)),
    )


@st.composite
def list_cancels(draw: st.DrawFn) -> CancelListRequest:
    order_list_id, name = draw(which)
    return CancelListRequest(
        symbol=SYMBOL,
        order_list_id=order_list_id,
        list_client_order_id=name,
        cancel_client_order_id=draw(st.none() | names),
    )


@st.composite
def amendments(draw: st.DrawFn) -> AmendRequest:
    order_id, name = draw(which)
    return AmendRequest(
        symbol=SYMBOL,
        new_quantity=draw(amounts),
        order_id=order_id,
        orig_client_order_id=name,
        new_client_order_id=draw(st.none() | names),
    )


replacements = st.builds(
    CancelReplaceRequest,
    mode=st.sampled_from(CancelReplaceMode),
    cancel=cancels(),
    order=orders(),
    when_exceeded=st.sampled_from(OrderRateLimitExceededMode),
)
requests = st.one_of(
    orders(),
    order_lists(),
    cancels(),
    list_cancels(),
    st.builds(CancelOpenOrdersRequest, symbol=st.just(SYMBOL)),
    replacements,
    amendments(),
)


@given(requests)
def test_the_exchange_reads_what_was_meant_by_both_ways(request: Request) -> None:
    sent = encoded(request)
    assert understood(sent, over_rest(sent)) == request
    assert understood(sent, over_websocket(sent)) == request


@given(requests)
def test_costs_are_those_of_the_exchange(request: Request) -> None:
    sent = encoded(request)
    served = operation(sent)
    assert sent.weight == served.weight
    assert sent.is_free is served.is_free_on_success
    assert (sent.orders > 0) is served.shows_order_counts
    assert sent.changes
    assert sent.is_signed


# -- in exact words ------------------------------------------------------------------------------------------------


def order(**changes: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "symbol": SYMBOL,
        "side": Side.SELL,
        "type": OrderType.LIMIT,
        "client_order_id": "RT_a1_7_X_1",
        **changes,
    }
    return OrderRequest(**values)


def test_numbers_are_plain_text_and_the_answer_is_full() -> None:
    sent = encoded(
        order(quantity=D("1E-5"), price=D("60000.50"), trailing_delta=100, time_in_force=TimeInForce.GTC)
    )
    assert sent.method == "order.place"
    assert sent.rest == ("POST", "/api/v3/order")
    assert sent.parameters == (
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "LIMIT"),
        ("newClientOrderId", "RT_a1_7_X_1"),
        ("timeInForce", "GTC"),
        ("quantity", "0.00001"),
        ("price", "60000.5"),
        ("trailingDelta", 100),
        ("newOrderRespType", "FULL"),
    )


def test_the_exits_of_an_opoco_have_no_quantity() -> None:
    legs = (
        order(side=Side.BUY, client_order_id="e", quantity=D(1), price=D(100), time_in_force=TimeInForce.FOK),
        order(type=OrderType.STOP_LOSS, client_order_id="s", stop_price=D(90)),
        order(type=OrderType.TAKE_PROFIT, client_order_id="t", stop_price=D(120)),
    )
    sent = encoded(OrderListRequest(ListKind.OPOCO, SYMBOL, "l", legs))
    assert sent.rest == ("POST", "/api/v3/orderList/opoco")
    assert sent.orders == 3
    assert dict(sent.parameters) == {
        "symbol": "BTCUSDT",
        "listClientOrderId": "l",
        "workingSide": "BUY",
        "workingType": "LIMIT",
        "workingClientOrderId": "e",
        "workingTimeInForce": "FOK",
        "workingPrice": "100",
        "workingQuantity": "1",
        "pendingSide": "SELL",
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowClientOrderId": "s",
        "pendingBelowStopPrice": "90",
        "pendingAboveType": "TAKE_PROFIT",
        "pendingAboveClientOrderId": "t",
        "pendingAboveStopPrice": "120",
        "newOrderRespType": "FULL",
    }


# -- what its parameters could not say -----------------------------------------------------------------------------

STOP = order(type=OrderType.STOP_LOSS, quantity=D(1), stop_price=D(90))


@pytest.mark.parametrize(
    ("kind", "legs", "wrong"),
    [
        (ListKind.OCO, (STOP,), "2 legs, not 1"),
        (ListKind.OCO, (STOP, order(side=Side.BUY, quantity=D(1))), "share side"),
        (ListKind.OCO, (STOP, order(quantity=D(2))), "share side and quantity"),
        (ListKind.OCO, (STOP, order(symbol="ETHUSDT", quantity=D(1))), "share symbol"),
        (ListKind.OCO, (STOP, order(quantity=D(1), stp=SelfTradePrevention.NONE)), "self-trade"),
        (ListKind.OCO, (STOP, order(quantity=D(1), quote_order_quantity=D(1))), "have quantities"),
        (ListKind.OTO, (order(), STOP), "workingQuantity is missing"),
        (ListKind.OPO, (order(quantity=D(1)), STOP), "sized by the exchange"),
    ],
)
def test_lists_that_cannot_be_said_are_refused(
    kind: ListKind, legs: tuple[OrderRequest, ...], wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        encoded(OrderListRequest(kind, SYMBOL, "l", legs))


@pytest.mark.parametrize(
    "request_", [CancelRequest(symbol=SYMBOL), AmendRequest(symbol=SYMBOL, new_quantity=D(1))]
)
def test_an_order_must_be_named(request_: Request) -> None:
    with pytest.raises(ValueError, match="neither orderId nor origClientOrderId"):
        encoded(request_)


def test_a_replacement_is_about_one_symbol() -> None:
    request = CancelReplaceRequest(
        mode=CancelReplaceMode.STOP_ON_FAILURE,
        cancel=CancelRequest(symbol="ETHUSDT", order_id=1),
        order=order(),
    )
    with pytest.raises(ValueError, match="one symbol"):
        encoded(request)
