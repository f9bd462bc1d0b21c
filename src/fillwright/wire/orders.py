"""Orders and order lists as Binance's answers show them: responses, cancels, queries.

One set of fields under readable names; what a shape always has is required, the rest is conditional. Times are as
the wire has them (``codec.moment``). Sources: Binance Spot REST "Trading endpoints", "Account endpoints",
"Conditional fields in Order Responses".
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import Asset, ClientOrderId, Symbol
from fillwright.wire.codec import Message, WireError, decode


class OrderFields(Message, frozen=True, kw_only=True, gc=False):
    """What any answer may say of an order."""

    symbol: Symbol
    order_id: int
    order_list_id: int | None = None
    """-1: not in a list."""
    client_order_id: ClientOrderId = ""
    """On a cancel the cancel's own id."""
    orig_client_order_id: ClientOrderId | None = None
    transaction_time: int | None = msgspec.field(name="transactTime", default=None)
    price: Decimal | None = None
    quantity: Decimal | None = msgspec.field(name="origQty", default=None)
    """Absent for a pending leg of OPO and OPOCO."""
    executed_quantity: Decimal | None = msgspec.field(name="executedQty", default=None)
    quote_order_quantity: Decimal | None = msgspec.field(name="origQuoteOrderQty", default=None)
    executed_quote: Decimal | None = msgspec.field(name="cummulativeQuoteQty", default=None)
    """Negative for very old orders: not available."""
    status: str | None = None
    time_in_force: str | None = None
    type: str | None = None
    side: str | None = None
    stop_price: Decimal | None = None
    iceberg_quantity: Decimal | None = msgspec.field(name="icebergQty", default=None)
    trailing_delta: int | None = None
    """Basis points."""
    trailing_time: int | None = None
    """-1: not trailing yet."""
    time: int | None = None
    update_time: int | None = None
    is_working: bool | None = None
    working_time: int | None = None
    """-1: not on the book yet."""
    stp: str | None = msgspec.field(name="selfTradePreventionMode", default=None)
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_match_id: int | None = None
    prevented_quantity: Decimal | None = None
    trade_group_id: int | None = None
    used_sor: bool | None = None
    working_floor: str | None = None
    peg_price_type: str | None = None
    peg_offset_type: str | None = None
    peg_offset_value: int | None = None
    pegged_price: Decimal | None = None
    expiry_reason: str | None = None


class Fill(Message, frozen=True, kw_only=True, gc=False):
    """One execution in a FULL response; ``match_type`` and ``alloc_id`` with smart order routing only."""

    price: Decimal
    quantity: Decimal = msgspec.field(name="qty")
    commission: Decimal
    commission_asset: Asset
    trade_id: int
    match_type: str | None = None
    alloc_id: int | None = None


class PreventedMatch(Message, frozen=True, kw_only=True, gc=False):
    """A match that self-trade prevention stopped; inside a response only ids, price and quantity are told."""

    prevented_match_id: int
    maker_order_id: int
    price: Decimal
    symbol: Symbol | None = None
    taker_order_id: int | None = None
    maker_symbol: Symbol | None = None
    trade_group_id: int | None = None
    stp: str | None = msgspec.field(name="selfTradePreventionMode", default=None)
    taker_prevented_quantity: Decimal | None = None
    maker_prevented_quantity: Decimal | None = None
    transaction_time: int | None = msgspec.field(name="transactTime", default=None)


class OrderResponse(OrderFields, frozen=True, kw_only=True, gc=False):
    """The answer to a new order, and what lists report of each leg.

    ACK has ids alone (``status`` None), RESULT all fields, FULL also ``fills`` (None: not FULL).
    """

    fills: tuple[Fill, ...] | None = None
    prevented_matches: tuple[PreventedMatch, ...] | None = None

    @property
    def is_acknowledgement(self) -> bool:
        """Whether this is an ACK: it tells that the order has arrived, and nothing of what became of it."""
        return self.status is None


class CancelReply(OrderFields, frozen=True, kw_only=True, gc=False):
    """The answer to a cancel: ``client_order_id`` is the cancel's, ``orig_client_order_id`` the order's."""

    price: Decimal
    quantity: Decimal = msgspec.field(name="origQty")
    executed_quantity: Decimal = msgspec.field(name="executedQty")
    executed_quote: Decimal = msgspec.field(name="cummulativeQuoteQty")
    status: str
    type: str
    side: str


class OrderView(OrderFields, frozen=True, kw_only=True, gc=False):
    """An order as ``GET order``, ``openOrders`` and ``allOrders`` show it."""

    price: Decimal
    executed_quantity: Decimal = msgspec.field(name="executedQty")
    status: str
    type: str
    side: str
    time: int
    update_time: int
    is_working: bool


class ListLeg(Message, frozen=True, kw_only=True, gc=False):
    """One order of a list, as lists name it."""

    symbol: Symbol
    order_id: int
    client_order_id: ClientOrderId


class OrderList(Message, frozen=True, kw_only=True, gc=False):
    """An order list: answers to new lists and to cancels tell of each leg, queries name them only."""

    order_list_id: int
    contingency: str = msgspec.field(name="contingencyType")
    """OCO or OTO; OTOCO, OPO and OPOCO say OTO."""
    list_status_type: str | None = None
    """Absent in the answer to an amendment."""
    list_order_status: str
    list_client_order_id: ClientOrderId | None
    """None in the answer to a list that ended in the very call."""
    transaction_time: int | None = None
    symbol: Symbol
    legs: tuple[ListLeg, ...] = msgspec.field(name="orders")
    order_reports: tuple[OrderResponse, ...] | None = None


class _Shape(msgspec.Struct, rename="camel"):
    """Enough of an answer to a cancel to tell what it is."""

    list_order_status: str | None = None


_RESPONSE = msgspec.json.Decoder(OrderResponse)
_CANCEL = msgspec.json.Decoder(CancelReply)
_VIEW = msgspec.json.Decoder(OrderView)
_VIEWS = msgspec.json.Decoder(tuple[OrderView, ...])
_LIST = msgspec.json.Decoder(OrderList)
_LISTS = msgspec.json.Decoder(tuple[OrderList, ...])
_SHAPE = msgspec.json.Decoder(_Shape)
_PARTS = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_PREVENTED = msgspec.json.Decoder(tuple[PreventedMatch, ...])


def decode_order_response(body: bytes | msgspec.Raw) -> OrderResponse:
    """Read the answer to a new order (ACK, RESULT or FULL); WireError otherwise."""
    return decode(_RESPONSE, body, "an order response")


def decode_cancel(body: bytes | msgspec.Raw) -> CancelReply | OrderList:
    """Read the answer to a cancel: the order's, or its whole list's when it is a leg; WireError otherwise."""
    if decode(_SHAPE, body, "an answer to a cancel").list_order_status is not None:
        return decode_order_list(body)
    return decode(_CANCEL, body, "an answer to a cancel")


def decode_cancels(body: bytes | msgspec.Raw) -> tuple[CancelReply | OrderList, ...]:
    """Read the answer to ``DELETE openOrders``: orders and whole lists, mixed; WireError otherwise."""
    return tuple(decode_cancel(part) for part in decode(_PARTS, body, "an answer to a cancel of open orders"))


def decode_order(body: bytes | msgspec.Raw) -> OrderView:
    """Read the answer to ``GET order``; WireError otherwise."""
    return decode(_VIEW, body, "an order")


def decode_orders(body: bytes | msgspec.Raw) -> tuple[OrderView, ...]:
    """Read the answer to ``GET openOrders`` or ``allOrders``; WireError otherwise."""
    return decode(_VIEWS, body, "orders")


def decode_each_order(body: bytes | msgspec.Raw) -> tuple[tuple[OrderView, ...], tuple[str, ...]]:
    """Read a list of orders, and why some of them cannot be read; WireError when it is no list at all."""
    try:
        return decode_orders(body), ()
    except WireError:
        parts = decode(_PARTS, body, "orders")
    found, wrong = [], []
    for part in parts:
        try:
            found.append(decode_order(part))
        except WireError as error:
            wrong.append(str(error))
    return tuple(found), tuple(wrong)


def decode_order_list(body: bytes | msgspec.Raw) -> OrderList:
    """Read an order list, with reports of its legs or without; WireError otherwise."""
    found = decode(_LIST, body, "an order list")
    if not found.legs:
        raise WireError("not an order list: it has no orders")
    return found


def decode_order_lists(body: bytes | msgspec.Raw) -> tuple[OrderList, ...]:
    """Read the answer to ``GET openOrderList`` or ``allOrderList``; WireError otherwise."""
    return decode(_LISTS, body, "order lists")


def decode_prevented_matches(body: bytes | msgspec.Raw) -> tuple[PreventedMatch, ...]:
    """Read the answer to ``GET myPreventedMatches``; WireError otherwise."""
    return decode(_PREVENTED, body, "prevented matches")
