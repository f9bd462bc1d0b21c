"""Events of the user data stream: order updates, balances, order lists, and the stream's own end.

Binance's letters differ by case alone; here they have readable names. Numbers are exact, words stay text, times are
as the wire has them (``codec.moment``). Source: Binance Spot "User Data Stream".
"""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import msgspec
from msgspec import field

from fillwright.core.types import Asset, ClientOrderId, Symbol
from fillwright.wire.codec import Message, WireError, decode


class Event(Message, frozen=True, kw_only=True, gc=False, tag_field="e"):
    """Anything on a user data stream."""

    event_time: int = field(name="E")


class ExecutionReport(Event, frozen=True, kw_only=True, gc=False, tag="executionReport"):
    """One step in an order's life."""

    symbol: Symbol = field(name="s")
    client_order_id: ClientOrderId = field(name="c")
    """On a cancel the cancel's own id."""
    side: str = field(name="S")
    type: str = field(name="o")
    time_in_force: str = field(name="f")
    quantity: Decimal = field(name="q")
    price: Decimal = field(name="p")
    stop_price: Decimal = field(name="P")
    iceberg_quantity: Decimal = field(name="F")
    order_list_id: int = field(name="g")
    """-1: not in a list."""
    orig_client_order_id: ClientOrderId = field(name="C")
    """The id of the order that is cancelled or amended; empty otherwise."""
    execution_type: str = field(name="x")
    status: str = field(name="X")
    reject_reason: str = field(name="r")
    order_id: int = field(name="i")
    last_quantity: Decimal = field(name="l")
    executed_quantity: Decimal = field(name="z")
    last_price: Decimal = field(name="L")
    commission: Decimal = field(name="n")
    commission_asset: Asset | None = field(name="N")
    transaction_time: int = field(name="T")
    trade_id: int = field(name="t")
    """-1: no trade."""
    execution_id: int = field(name="I")
    is_working: bool = field(name="w")
    is_maker: bool = field(name="m")
    is_best_match: bool | None = field(name="M", default=None)
    """To be ignored, says Binance."""
    order_time: int = field(name="O")
    """When the order was made; -1: not told."""
    executed_quote: Decimal = field(name="Z")
    last_quote: Decimal = field(name="Y")
    quote_order_quantity: Decimal = field(name="Q")
    stp: str | None = field(name="V", default=None)
    working_time: int | None = field(name="W", default=None)
    trailing_delta: int | None = field(name="d", default=None)
    trailing_time: int | None = field(name="D", default=None)
    strategy_id: int | None = field(name="j", default=None)
    strategy_type: int | None = field(name="J", default=None)
    prevented_match_id: int | None = field(name="v", default=None)
    prevented_quantity: Decimal | None = field(name="A", default=None)
    last_prevented_quantity: Decimal | None = field(name="B", default=None)
    trade_group_id: int | None = field(name="u", default=None)
    counter_order_id: int | None = field(name="U", default=None)
    counter_symbol: Symbol | None = field(name="Cs", default=None)
    prevented_execution_quantity: Decimal | None = field(name="pl", default=None)
    prevented_execution_price: Decimal | None = field(name="pL", default=None)
    prevented_execution_quote: Decimal | None = field(name="pY", default=None)
    match_type: str | None = field(name="b", default=None)
    allocation_id: int | None = field(name="a", default=None)
    working_floor: str | None = field(name="k", default=None)
    used_sor: bool | None = field(name="uS", default=None)
    peg_price_type: str | None = field(name="gP", default=None)
    peg_offset_type: str | None = field(name="gOT", default=None)
    peg_offset_value: int | None = field(name="gOV", default=None)
    pegged_price: Decimal | None = field(name="gp", default=None)
    expiry_reason: str | None = field(name="eR", default=None)


class BalanceLine(Message, frozen=True, kw_only=True, gc=False):
    """What an account holds of one asset, absolute."""

    asset: Asset = field(name="a")
    free: Decimal = field(name="f")
    locked: Decimal = field(name="l")


class AccountPosition(Event, frozen=True, kw_only=True, gc=False, tag="outboundAccountPosition"):
    """Balances that possibly changed."""

    update_time: int = field(name="u")
    balances: tuple[BalanceLine, ...] = field(name="B")


class BalanceUpdate(Event, frozen=True, kw_only=True, gc=False, tag="balanceUpdate"):
    """A deposit, withdrawal or transfer; never a trade."""

    asset: Asset = field(name="a")
    delta: Decimal = field(name="d")
    clear_time: int = field(name="T")


class ListMember(Message, frozen=True, kw_only=True, gc=False):
    """One order of a list."""

    symbol: Symbol = field(name="s")
    order_id: int = field(name="i")
    client_order_id: ClientOrderId = field(name="c")


class ListStatusUpdate(Event, frozen=True, kw_only=True, gc=False, tag="listStatus"):
    """A change of an order list."""

    symbol: Symbol = field(name="s")
    order_list_id: int = field(name="g")
    contingency: str = field(name="c")
    list_status_type: str = field(name="l")
    list_order_status: str = field(name="L")
    reject_reason: str = field(name="r")
    list_client_order_id: ClientOrderId | None = field(name="C")
    transaction_time: int = field(name="T")
    legs: tuple[ListMember, ...] = field(name="O")


class ExternalLockUpdate(Event, frozen=True, kw_only=True, gc=False, tag="externalLockUpdate"):
    """A part of a balance was locked (or freed again) by another system of Binance's."""

    asset: Asset = field(name="a")
    delta: Decimal = field(name="d")
    transaction_time: int = field(name="T")


class EventStreamTerminated(Event, frozen=True, kw_only=True, gc=False, tag="eventStreamTerminated"):
    """The subscription has ended: no event comes after this one."""


class ServerShutdown(Event, frozen=True, kw_only=True, gc=False, tag="serverShutdown"):
    """The connection is about to be closed: open another one now."""


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that this version does not know, as it came."""

    name: str
    body: bytes


KnownEvent = (
    ExecutionReport
    | AccountPosition
    | BalanceUpdate
    | ListStatusUpdate
    | ExternalLockUpdate
    | EventStreamTerminated
    | ServerShutdown
)
"""Every event that this version reads."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the stream: the event, and the subscription that it came by (None: not told)."""

    event: KnownEvent | UnknownEvent
    subscription_id: int | None = None


class _Shape(msgspec.Struct, rename="camel"):
    """Where in a frame the event is: under ``event``, under ``data`` (combined streams), or the frame itself."""

    subscription_id: int | None = None
    event: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Name(msgspec.Struct):
    e: str


class _Wrapped(Message, frozen=True, kw_only=True):
    subscription_id: int
    event: Event


_SHAPE = msgspec.json.Decoder(_Shape)
_NAME = msgspec.json.Decoder(_Name)
_EVENT: msgspec.json.Decoder[KnownEvent] = msgspec.json.Decoder(KnownEvent)
_WHAT = "an event of the user data stream"
_NAMES = frozenset(kind.__struct_config__.tag for kind in get_args(KnownEvent))


def decode_event(body: bytes | msgspec.Raw) -> KnownEvent | UnknownEvent:
    """Read one event without its wrapping; WireError when it is malformed or no event at all."""
    try:
        return decode(_EVENT, body, _WHAT)
    except WireError:
        name = decode(_NAME, body, _WHAT).e
        if name in _NAMES:
            raise
        return UnknownEvent(name=name, body=bytes(body))


def decode_frame(frame: bytes) -> Frame:
    """Read a frame: ``{subscriptionId, event}``, ``{stream, data}``, or an event as it is; WireError otherwise."""
    shape = decode(_SHAPE, frame, _WHAT)
    inner = bytes(shape.event) or bytes(shape.data) or frame
    return Frame(event=decode_event(inner), subscription_id=shape.subscription_id)


def wrapped(event: KnownEvent, subscription_id: int) -> Message:
    """An event as the WebSocket API sends it, to be encoded."""
    return _Wrapped(subscription_id=subscription_id, event=event)
