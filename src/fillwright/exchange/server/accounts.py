"""Reading an account: balances, orders, lists, trades, counts, commissions, filters.

Lists ascend in time: without times the newest, from a start time the oldest, up to an end time the newest.
Sources: Binance Spot REST "Account Endpoints", WebSocket API "Account requests".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from fillwright.core.types import HOUR, ZERO, Time
from fillwright.exchange.messages import AssetBalance, ExchangeError, PreventedMatch
from fillwright.exchange.queries import LIMIT_DEFAULT, LIMIT_MAX
from fillwright.exchange.server.limits import order_count_rows
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.order_parameters import client_id, integer, symbol
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.shapes import (
    Json,
    amendment,
    number,
    order_view,
    prevented_match,
    trade_view,
)
from fillwright.exchange.server.shapes_lists import list_view
from fillwright.exchange.server.trading import discount
from fillwright.wire.errors import message

WINDOW_HOURS_MAX = 24
_BIPS = 4
"""Decimals of a rate in basis points."""
_BAD_COMBINATION = -1128


# -- the account -------------------------------------------------------------------------------------------------


def account(call: Call) -> Json:
    """Balances, rates and rights."""
    exchange, account_id = call.box.exchange, call.account_id
    fees = exchange.fees(account_id)
    can_trade = exchange.can_trade(account_id)
    none = number(ZERO)
    body: Json = {
        "makerCommission": int(fees.maker.scaleb(_BIPS)),
        "takerCommission": int(fees.taker.scaleb(_BIPS)),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": number(fees.maker),
            "taker": number(fees.taker),
            "buyer": none,
            "seller": none,
        },
        "canTrade": can_trade,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.time(exchange.update_time(account_id)),
        "accountType": "SPOT",
        "balances": _balances(call),
        "permissions": ["SPOT"],
        "uid": zlib.crc32(account_id.encode()),
    }
    group = exchange.trade_group(account_id)
    if group >= 0:
        body["tradeGroupId"] = group
    return body


def _balances(call: Call) -> list[Json]:
    """All assets that are traded here, and all that the account has had."""
    exchange = call.box.exchange
    held = {one.asset: one for one in exchange.balances(call.account_id)}
    if call.parameters.get("omitZeroBalances"):
        shown = [one for one in held.values() if one.free or one.locked]
    else:
        names = dict.fromkeys([*exchange.assets, *held])
        shown = [held.get(name) or AssetBalance(name, ZERO, ZERO) for name in names]
    return [{"asset": one.asset, "free": number(one.free), "locked": number(one.locked)} for one in shown]


def commission(call: Call) -> Json:
    """The account's commission rates on a symbol."""
    exchange = call.box.exchange
    name = exchange.instrument(call.parameters["symbol"]).symbol
    fees = exchange.fees(call.account_id)
    none = number(ZERO)
    nothing = {"maker": none, "taker": none, "buyer": none, "seller": none}
    return {
        "symbol": name,
        "standardCommission": {**nothing, "maker": number(fees.maker), "taker": number(fees.taker)},
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": discount(fees, call.box.settings.exchange.bnb),
    }


def order_counts(call: Call) -> list[Json]:
    """Unfilled orders in each window."""
    exchange = call.box.exchange
    exchange.set_time(call.now)
    return order_count_rows(exchange.order_counts(call.account_id))


def my_filters(call: Call) -> Json:
    """The filters that bound the account's orders on a symbol."""
    box = call.box
    instrument = box.exchange.instrument(call.parameters["symbol"])
    limits = box.settings.exchange.asset_limits
    return {
        "exchangeFilters": box.info.exchange_filters,
        "symbolFilters": box.info.filters(instrument.symbol),
        "assetFilters": [
            {"filterType": "MAX_ASSET", "asset": one.asset, "limit": number(one.limit)}
            for one in limits
            if one.asset in (instrument.base, instrument.quote)
        ],
    }


# -- orders ------------------------------------------------------------------------------------------------------


def order(call: Call) -> Json:
    """One order."""
    get, exchange = call.parameters.get, call.box.exchange
    exchange.set_time(call.now)
    found = exchange.order(
        call.account_id, call.parameters["symbol"], get("orderId"), get("origClientOrderId")
    )
    return order_view(found, call.time)


def open_orders(call: Call) -> list[Json]:
    """Open orders, of a symbol or of all."""
    found = call.box.exchange.open_orders(call.account_id, call.parameters.get("symbol"))
    return [order_view(one, call.time) for one in found]


def all_orders(call: Call) -> list[Json]:
    """Orders of any state of a symbol."""
    get = call.parameters.get
    start, end = _window(call)
    found = call.box.exchange.all_orders(
        call.account_id, call.parameters["symbol"], get("orderId"), get("limit", LIMIT_DEFAULT), start, end
    )
    return [order_view(one, call.time) for one in found]


def _window(call: Call) -> tuple[Time | None, Time | None]:
    """Start and end of what is asked for; -1127 when they are too far apart."""
    start: Time | None = call.parameters.get("startTime")
    end: Time | None = call.parameters.get("endTime")
    if start is not None and end is not None and end - start > WINDOW_HOURS_MAX * HOUR:
        raise ExchangeError(-1127, message(-1127, WINDOW_HOURS_MAX))
    return start, end


def amendments(call: Call) -> list[Json]:
    """What became of an order's quantity by amendments."""
    get = call.parameters.get
    found = call.box.exchange.amendments(
        call.account_id, call.parameters["symbol"], call.parameters["orderId"]
    )
    since = get("fromExecutionId", 0)
    rows = [amendment(one, call.time) for one in found if one.execution_id >= since]
    return rows[: get("limit", LIMIT_DEFAULT)]


# -- lists -------------------------------------------------------------------------------------------------------


def order_list(call: Call) -> Json:
    """One list; the WebSocket API goes by the client's id alone when it has both."""
    get = call.parameters.get
    number_, name = get("orderListId"), get("origClientOrderId")
    if number_ is None and name is None:
        raise ExchangeError(-1102, message(-1102, "origClientOrderId", "orderListId", index=1))
    if name is not None and call.session is not None:
        number_ = None
    found = call.box.exchange.order_list(call.account_id, number_, name)
    if name is not None and found.list_client_order_id != name:
        raise ExchangeError(-2013, "Order list does not exist.")
    return list_view(found, call.time)


def all_order_lists(call: Call) -> list[Json]:
    """Lists of any state."""
    get = call.parameters.get
    start, end = _window(call)
    since = get("fromId")
    if since is not None and (start is not None or end is not None):
        raise ExchangeError(_BAD_COMBINATION, message(_BAD_COMBINATION))
    found = call.box.exchange.all_order_lists(call.account_id, since, start, end, get("limit", LIMIT_DEFAULT))
    return [list_view(one, call.time) for one in found]


def open_order_lists(call: Call) -> list[Json]:
    """Open lists."""
    return [list_view(one, call.time) for one in call.box.exchange.open_order_lists(call.account_id)]


# -- trades ------------------------------------------------------------------------------------------------------

_TRADES_BY = {
    frozenset(one)
    for one in (
        (),
        ("orderId",),
        ("startTime",),
        ("endTime",),
        ("fromId",),
        ("startTime", "endTime"),
        ("orderId", "fromId"),
    )
}


def trades(call: Call) -> list[Json]:
    """Fills of a symbol; only some combinations of parameters are legal (-1128)."""
    get = call.parameters.get
    _check_combination(call, _TRADES_BY)
    start, end = _window(call)
    found = call.box.exchange.trades(
        call.account_id,
        call.parameters["symbol"],
        get("orderId"),
        get("fromId"),
        get("limit", LIMIT_DEFAULT),
        start,
        end,
    )
    return [trade_view(one, call.time) for one in found]


def _check_combination(call: Call, legal: set[frozenset[str]]) -> None:
    if call.parameters.keys() - {"symbol", "limit"} not in legal:
        raise ExchangeError(_BAD_COMBINATION, message(_BAD_COMBINATION))


def _trades_weight(call: Call) -> int:
    return 5 if "orderId" in call.parameters else 20


_PREVENTED_BY = {
    frozenset(one) for one in (("preventedMatchId",), ("orderId",), ("orderId", "fromPreventedMatchId"))
}


def prevented_matches(call: Call) -> list[Json]:
    """Matches that self-trade prevention stopped, by id or by order."""
    get = call.parameters.get
    name = call.box.exchange.instrument(call.parameters["symbol"]).symbol
    _check_combination(call, _PREVENTED_BY)
    found: list[PreventedMatch] = list(call.box.exchange.prevented_matches(call.account_id, name))
    number_, order_id = get("preventedMatchId"), get("orderId")
    if number_ is not None:
        found = [one for one in found if one.prevented_match_id == number_]
    else:
        since = get("fromPreventedMatchId", 0)
        found = [
            one
            for one in found
            if order_id in (one.taker_order_id, one.maker_order_id) and one.prevented_match_id >= since
        ]
    return [prevented_match(one, call.time) for one in found[: get("limit", LIMIT_DEFAULT)]]


def _prevented_weight(call: Call) -> int:
    is_known = call.parameters["symbol"] in call.box.exchange.symbols
    return 20 if is_known and "preventedMatchId" not in call.parameters else 2


_ALLOCATIONS_BY = {
    frozenset(one)
    for one in (
        (),
        ("startTime",),
        ("endTime",),
        ("startTime", "endTime"),
        ("fromAllocationId",),
        ("orderId",),
        ("orderId", "fromAllocationId"),
    )
}


def allocations(call: Call) -> list[Json]:
    """Fills by smart order routing: there is none."""
    call.box.exchange.instrument(call.parameters["symbol"])
    _check_combination(call, _ALLOCATIONS_BY)
    _window(call)
    return []


# -- what can be asked -------------------------------------------------------------------------------------------


def _time(name: str) -> Parameter:
    return Parameter(name, Kind.TIME)


_LIMIT = Parameter("limit", Kind.INTEGER, minimum=1, maximum=LIMIT_MAX, is_clamped=True)
_TIMES = (_time("startTime"), _time("endTime"))


def _operation(
    name: str,
    path: str,
    parameters: tuple[Parameter, ...],
    handle: Callable[[Call], Any],
    weight: int | Callable[[Call], int],
) -> Operation:
    return Operation(name, "GET", f"/api/v3/{path}", Security.USER_DATA, parameters, handle, weight)


ACCOUNT: tuple[Operation, ...] = (
    _operation("account.status", "account", (Parameter("omitZeroBalances", Kind.BOOLEAN),), account, 20),
    _operation(
        "order.status", "order", (symbol(), integer("orderId"), client_id("origClientOrderId")), order, 4
    ),
    _operation(
        "openOrders.status",
        "openOrders",
        (symbol(required=False),),
        open_orders,
        lambda call: 6 if "symbol" in call.parameters else 80,
    ),
    _operation("allOrders", "allOrders", (symbol(), integer("orderId"), *_TIMES, _LIMIT), all_orders, 20),
    _operation(
        "orderList.status",
        "orderList",
        (integer("orderListId"), client_id("origClientOrderId")),
        order_list,
        4,
    ),
    _operation("allOrderLists", "allOrderList", (integer("fromId"), *_TIMES, _LIMIT), all_order_lists, 20),
    _operation("openOrderLists.status", "openOrderList", (), open_order_lists, 6),
    _operation(
        "myTrades",
        "myTrades",
        (symbol(), integer("orderId"), *_TIMES, integer("fromId"), _LIMIT),
        trades,
        _trades_weight,
    ),
    _operation("account.rateLimits.orders", "rateLimit/order", (), order_counts, 40),
    _operation(
        "myPreventedMatches",
        "myPreventedMatches",
        (symbol(), integer("preventedMatchId"), integer("orderId"), integer("fromPreventedMatchId"), _LIMIT),
        prevented_matches,
        _prevented_weight,
    ),
    _operation(
        "myAllocations",
        "myAllocations",
        (symbol(), *_TIMES, integer("fromAllocationId"), _LIMIT, integer("orderId")),
        allocations,
        20,
    ),
    _operation("account.commission", "account/commission", (symbol(),), commission, 20),
    _operation(
        "order.amendments",
        "order/amendments",
        (symbol(), integer("orderId", required=True), integer("fromExecutionId"), _LIMIT),
        amendments,
        4,
    ),
    _operation("myFilters", "myFilters", (symbol(),), my_filters, 40),
)
"""Reading an account."""
