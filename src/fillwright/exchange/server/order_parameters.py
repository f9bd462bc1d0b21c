"""The parameters of orders, alone and as legs of lists, and how they become requests to the exchange.

Pegged orders are not offered (``pegInstructionsAllowed`` is false everywhere): their parameters are known and refused.
Sources: Binance Spot REST "New order", "Order lists", "Pegged Orders Info".
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.requests import OrderRequest
from fillwright.core.types import OrderType, SelfTradePrevention, Side, Symbol, TimeInForce
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.operations import Call, Kind, Parameter
from fillwright.wire.errors import message

STRATEGY_TYPE_MIN = 1_000_000
PEG_LEVELS_MAX = 100
ORDER_TYPES = tuple([one.value for one in OrderType])
NO_PEGS = "Pegged orders are not supported for this symbol."

SIDES: dict[str, Side] = {one.value: one for one in Side}
TYPES: dict[str, OrderType] = {one.value: one for one in OrderType}
TIMES_IN_FORCE: dict[str | None, TimeInForce | None] = {None: None, **{one.value: one for one in TimeInForce}}
STP_MODES: dict[str | None, SelfTradePrevention | None] = {
    None: None,
    **{one.value: one for one in SelfTradePrevention},
}


def symbol(*, required: bool = True) -> Parameter:
    """The symbol."""
    return Parameter("symbol", Kind.SYMBOL, required)


def side(name: str = "side") -> Parameter:
    """A side, mandatory."""
    return Parameter(name, Kind.STRING, True, tuple(SIDES), -1117)


def order_type(name: str = "type") -> Parameter:
    """An order's type; which of them a leg may have is the engine's to say."""
    return Parameter(name, Kind.STRING, True, ORDER_TYPES, -1116)


def time_in_force(name: str = "timeInForce") -> Parameter:
    """How long an order works."""
    return Parameter(name, Kind.STRING, False, tuple([one.value for one in TimeInForce]), -1115)


def decimal(name: str, *, required: bool = False) -> Parameter:
    """A price or a quantity."""
    return Parameter(name, Kind.DECIMAL, required)


def client_id(name: str) -> Parameter:
    """An id of the caller's."""
    return Parameter(name, Kind.CLIENT_ID)


def integer(name: str, *, required: bool = False) -> Parameter:
    """A whole number."""
    return Parameter(name, Kind.INTEGER, required)


RESPONSE_TYPE = Parameter("newOrderRespType", Kind.STRING, False, ("ACK", "RESULT", "FULL"))
STP = Parameter(
    "selfTradePreventionMode", Kind.STRING, False, tuple([one.value for one in SelfTradePrevention])
)
RESTRICTIONS = Parameter(
    "cancelRestrictions", Kind.STRING, False, ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"), -1145
)


def spelled(prefix: str, name: str) -> str:
    """A parameter of a leg: its prefix, and the name with a capital."""
    return prefix + name[0].upper() + name[1:] if prefix else name


def strategy(prefix: str = "") -> tuple[Parameter, ...]:
    """The labels of a strategy."""
    return (
        integer(spelled(prefix, "strategyId")),
        Parameter(spelled(prefix, "strategyType"), Kind.INTEGER, error=-1134, minimum=STRATEGY_TYPE_MIN),
    )


def pegs(prefix: str = "") -> tuple[Parameter, ...]:
    """What a pegged order has."""
    return (
        Parameter(spelled(prefix, "pegPriceType"), Kind.STRING, False, ("PRIMARY_PEG", "MARKET_PEG"), -1210),
        Parameter(spelled(prefix, "pegOffsetType"), Kind.STRING, False, ("PRICE_LEVEL",), -1211),
        Parameter(spelled(prefix, "pegOffsetValue"), Kind.INTEGER, maximum=PEG_LEVELS_MAX),
    )


NEW_ORDER: tuple[Parameter, ...] = (
    symbol(),
    side(),
    order_type(),
    time_in_force(),
    decimal("quantity"),
    decimal("quoteOrderQty"),
    decimal("price"),
    client_id("newClientOrderId"),
    *strategy(),
    decimal("stopPrice"),
    integer("trailingDelta"),
    decimal("icebergQty"),
    RESPONSE_TYPE,
    STP,
    *pegs(),
)
"""What ``POST /api/v3/order`` takes."""


def order_request(call: Call) -> OrderRequest:
    """The order of a call of ``order.place`` and those like it."""
    sent = call.parameters
    get = sent.get
    if "pegPriceType" in sent or "pegOffsetType" in sent or "pegOffsetValue" in sent:
        refuse_pegs(call, "")
    return OrderRequest(
        sent["symbol"],
        SIDES[sent["side"]],
        TYPES[sent["type"]],
        get("newClientOrderId") or call.box.exchange.generated_id(),
        TIMES_IN_FORCE[get("timeInForce")],
        get("quantity"),
        get("quoteOrderQty"),
        get("price"),
        get("stopPrice"),
        get("trailingDelta"),
        get("icebergQty"),
        STP_MODES[get("selfTradePreventionMode")],
        get("strategyId"),
        get("strategyType"),
    )


def refuse_pegs(call: Call, prefix: str) -> None:
    """Refuse the parameters of a pegged order if a request has any: -1121, -1013, or -1106 for an offset alone."""
    sent = call.parameters
    if spelled(prefix, "pegPriceType") in sent:
        call.box.exchange.instrument(sent["symbol"])
        raise ExchangeError(-1013, NO_PEGS)
    for name in ("pegOffsetType", "pegOffsetValue"):
        name = spelled(prefix, name)
        if name in sent:
            raise ExchangeError(-1106, message(-1106, name))


# -- legs --------------------------------------------------------------------------------------------------------


class LegNames(msgspec.Struct, frozen=True):
    """How a list's request spells what one of its orders has."""

    prefix: str
    client_order_id: str
    time_in_force: str
    price: str
    stop_price: str
    trailing_delta: str
    iceberg_quantity: str
    strategy_id: str
    strategy_type: str


def leg_names(prefix: str) -> LegNames:
    """The names of a leg with a prefix, for example ``aboveStopPrice``."""
    names = (
        "clientOrderId",
        "timeInForce",
        "price",
        "stopPrice",
        "trailingDelta",
        "icebergQty",
        "strategyId",
        "strategyType",
    )
    return LegNames(prefix, *[spelled(prefix, name) for name in names])


def leg_parameters(prefix: str) -> tuple[Parameter, ...]:
    """What a leg may have beside its type, side and quantity."""
    return (
        client_id(spelled(prefix, "clientOrderId")),
        decimal(spelled(prefix, "icebergQty")),
        decimal(spelled(prefix, "price")),
        decimal(spelled(prefix, "stopPrice")),
        integer(spelled(prefix, "trailingDelta")),
        time_in_force(spelled(prefix, "timeInForce")),
        *strategy(prefix),
        *pegs(prefix),
    )


def leg_request(
    call: Call, names: LegNames, leg_side: Side, leg_type: OrderType, quantity: Decimal | None
) -> OrderRequest:
    """One order of a list."""
    sent: Mapping[str, Any] = call.parameters
    get = sent.get
    refuse_pegs(call, names.prefix)
    name: Symbol = sent["symbol"]
    return OrderRequest(
        name,
        leg_side,
        leg_type,
        get(names.client_order_id) or call.box.exchange.generated_id(),
        TIMES_IN_FORCE[get(names.time_in_force)],
        quantity,
        None,
        get(names.price),
        get(names.stop_price),
        get(names.trailing_delta),
        get(names.iceberg_quantity),
        STP_MODES[get("selfTradePreventionMode")],
        get(names.strategy_id),
        get(names.strategy_type),
    )
