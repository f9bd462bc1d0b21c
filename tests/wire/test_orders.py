from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given

from fillwright.core.types import VenueOrderStatus
from fillwright.wire.codec import WireError, encode
from fillwright.wire.orders import (
    CancelReply,
    OrderList,
    OrderResponse,
    OrderView,
    PreventedMatch,
    decode_cancel,
    decode_cancels,
    decode_order,
    decode_order_list,
    decode_order_lists,
    decode_order_response,
    decode_orders,
    decode_prevented_matches,
)
from tests.wire.messages import messages
from tests.wire.samples import ACK, CANCEL, LIST, RESULT, VIEW, text, without


def test_an_acknowledgement_tells_ids_alone() -> None:
    response = decode_order_response(text(ACK))
    assert response.is_acknowledgement
    assert (response.order_id, response.client_order_id, response.order_list_id) == (28, "RT_a1_7_S_1", -1)
    assert response.executed_quantity is None
    assert response.fills is None
    assert json.loads(encode(response)) == ACK


def test_a_result_tells_all_and_a_full_response_its_fills() -> None:
    result = decode_order_response(text(RESULT))
    assert not result.is_acknowledgement
    assert result.status == VenueOrderStatus.NEW
    assert (result.quantity, result.stop_price) == (Decimal("0.002"), Decimal("90100"))
    assert (result.trailing_delta, result.working_time, result.peg_offset_value) == (100, -1, 5)
    assert result.fills is None
    assert json.loads(encode(result)) == RESULT

    fill = {"price": "1.0", "qty": "2.0", "commission": "0.1", "commissionAsset": "BNB", "tradeId": 56}
    routed = {**fill, "tradeId": -1, "matchType": "ONE_PARTY_TRADE_REPORT", "allocId": 0}
    prevented = {
        "preventedMatchId": 0,
        "makerOrderId": 2,
        "price": "1.200000",
        "makerPreventedQuantity": "1.200000",
    }
    body = {**RESULT, "fills": [fill, routed], "preventedMatches": [prevented]}
    full = decode_order_response(text(body))
    assert full.fills is not None
    assert [one.trade_id for one in full.fills] == [56, -1]
    assert full.fills[0].quantity == 2
    assert json.loads(encode(full)) == body
    empty = decode_order_response(text({**RESULT, "fills": []}))
    assert empty.fills == ()
    assert json.loads(encode(empty))["fills"] == []


def test_a_cancel_carries_both_ids() -> None:
    reply = decode_cancel(text(CANCEL))
    assert isinstance(reply, CancelReply)
    assert (reply.orig_client_order_id, reply.client_order_id) == ("myOrder1", "cancelMyOrder1")
    assert json.loads(encode(reply)) == CANCEL


def test_the_cancel_of_a_leg_gives_its_list() -> None:
    body = {**LIST, "listStatusType": "ALL_DONE", "orderReports": [CANCEL]}
    reply = decode_cancel(text(body))
    assert isinstance(reply, OrderList)
    assert reply.order_reports is not None
    assert reply.order_reports[0].orig_client_order_id == "myOrder1"
    assert json.loads(encode(reply)) == body
    mixed = decode_cancels(text([CANCEL, body]))
    assert [type(one) for one in mixed] == [CancelReply, OrderList]
    assert json.loads(encode(mixed)) == [CANCEL, body]


def test_orders_are_read_as_queries_show_them() -> None:
    view = decode_order(text(VIEW))
    assert (view.update_time, view.is_working, view.expiry_reason) == (1499827319560, True, "OCO_TRIGGER")
    assert json.loads(encode(view)) == VIEW
    assert decode_orders(text([VIEW, VIEW])) == (view, view)
    assert decode_orders(b"[]") == ()


def test_a_pending_leg_of_an_opo_has_no_quantity_yet() -> None:
    assert decode_order(text(without(VIEW, "origQty"))).quantity is None
    assert decode_order_response(text(without(RESULT, "origQty"))).quantity is None


def test_lists_are_read_with_and_without_reports_and_without_an_id() -> None:
    found = decode_order_list(text(LIST))
    assert found.order_reports is None
    assert [leg.order_id for leg in found.legs] == [28]
    assert decode_order_lists(text([LIST])) == (found,)
    ended = {**LIST, "listClientOrderId": None, "orderReports": [RESULT, ACK]}
    reply = decode_order_list(text(ended))
    assert reply.list_client_order_id is None
    assert json.loads(encode(reply)) == ended


def test_new_words_are_read() -> None:
    view = decode_order(text({**VIEW, "status": "FROZEN", "type": "STOP_BOTH", "expiryReason": "NEWS"}))
    assert (view.status, view.type, view.expiry_reason) == ("FROZEN", "STOP_BOTH", "NEWS")


@pytest.mark.parametrize("name", ["symbol", "orderId", "status", "type", "side", "price", "executedQty"])
def test_an_order_without_what_it_must_have_is_refused(name: str) -> None:
    with pytest.raises(WireError, match=f"not an order: .*`{name}`"):
        decode_order(text(without(VIEW, name)))
    with pytest.raises(WireError, match=rf"not orders: .*`{name}` - at `\$\[1\]`"):
        decode_orders(text([VIEW, without(VIEW, name)]))
    with pytest.raises(WireError, match=f"not an answer to a cancel: .*`{name}`"):
        decode_cancel(text(without(CANCEL, name)))


def test_what_is_something_else_is_refused() -> None:
    error = b'{"code":-2013,"msg":"Order does not exist."}'
    with pytest.raises(WireError, match="not an order response"):
        decode_order_response(error)
    with pytest.raises(WireError, match="not an order list"):
        decode_order_list(error)
    with pytest.raises(WireError, match="it has no orders"):
        decode_order_list(text({**LIST, "orders": []}))
    with pytest.raises(WireError, match="not order lists"):
        decode_order_lists(error)
    with pytest.raises(WireError, match="not an answer to a cancel of open orders"):
        decode_cancels(error)
    with pytest.raises(WireError, match="not prevented matches"):
        decode_prevented_matches(error)
    with pytest.raises(WireError, match=r"not an order response: price is not a plain number"):
        decode_order_response(text({**RESULT, "price": "NaN"}))


@given(messages(OrderResponse))
def test_any_order_response_comes_back(response: OrderResponse) -> None:
    assert decode_order_response(encode(response)) == response
    assert encode(decode_order_response(encode(response))) == encode(response)


@given(messages(CancelReply))
def test_any_cancel_comes_back(reply: CancelReply) -> None:
    assert decode_cancel(encode(reply)) == reply


@given(messages(OrderView))
def test_any_order_comes_back(view: OrderView) -> None:
    assert decode_order(encode(view)) == view
    assert decode_orders(encode([view])) == (view,)


@given(messages(OrderList))
def test_any_list_comes_back(found: OrderList) -> None:
    assert decode_order_list(encode(found)) == found
    assert decode_order_lists(encode([found])) == (found,)
    assert decode_cancels(encode([found])) == (found,)


@given(messages(PreventedMatch))
def test_any_prevented_match_comes_back(match: PreventedMatch) -> None:
    assert decode_prevented_matches(encode([match])) == (match,)
