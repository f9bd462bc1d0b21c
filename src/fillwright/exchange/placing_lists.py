"""New order lists: OCO, OTO, OTOCO, OPO, OPOCO, and the release of pending legs.

Binance Spot REST "Order lists"; locks: of an OTO the working leg only, of a pair the dearer leg once.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import (
    CONTINGENT_TYPES,
    STOP_TYPES,
    TAKE_PROFIT_TYPES,
    ZERO,
    ExecutionType,
    ExpiryReason,
    ListKind,
    OrderType,
    Side,
    VenueOrderStatus,
    floor_to,
)
from fillwright.exchange import validation
from fillwright.exchange.accounts import Account
from fillwright.exchange.lists import end_others
from fillwright.exchange.market import SymbolMarket, starts_rising
from fillwright.exchange.matching import plan, start_working, take
from fillwright.exchange.messages import ExchangeError, Fill, ListResponse, OrderResponse
from fillwright.exchange.orders import Order, OrderList, list_view, name_legs, order_view
from fillwright.exchange.placing import (
    INSUFFICIENT,
    WOULD_MATCH,
    activate_new,
    admit,
    arm,
    check_request,
    make_order,
    prevented_by,
    register,
    wait,
)
from fillwright.exchange.state import State
from fillwright.exchange.validation import Role

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_REPORT_EXPIRED = ExecutionType.EXPIRED
_REPORT_NEW = ExecutionType.NEW
_OCO = ListKind.OCO
_OPO = ListKind.OPO
_OPOCO = ListKind.OPOCO
_OTOCO = ListKind.OTOCO
_LIMIT = OrderType.LIMIT
_LIMIT_MAKER = OrderType.LIMIT_MAKER
_MARKET = OrderType.MARKET
_BUY = Side.BUY
_SELL = Side.SELL
_EXPIRED = VenueOrderStatus.EXPIRED
_NEW = VenueOrderStatus.NEW
_PENDING_NEW = VenueOrderStatus.PENDING_NEW

BAD_RELATION = "The relationship of the prices for the orders is not correct."
_WORKING = Role("working")
_RECEIVED = Role("pending", "pendingQuantity", True)
_ROLES = {
    ListKind.OCO: (Role("below"), Role("above")),
    ListKind.OTO: (_WORKING, Role("pending")),
    ListKind.OTOCO: (
        _WORKING,
        Role("pendingBelow", "pendingQuantity"),
        Role("pendingAbove", "pendingQuantity"),
    ),
    ListKind.OPO: (_WORKING, _RECEIVED),
    ListKind.OPOCO: (
        _WORKING,
        Role("pendingBelow", "pendingQuantity", True),
        Role("pendingAbove", "pendingQuantity", True),
    ),
}


Entered = tuple[OrderList, list[Order], list[Fill]]
"""A list just entered, its orders, and the fills of the first."""


def place_list(state: State, account: Account, request: OrderListRequest) -> ListResponse:
    """Take a new order list, and show its legs as they are before a release in this very transaction."""
    market = state.market(request.symbol)
    before = market.match_id
    order_list, orders, fills = enter_list(state, account, request)
    first = orders[0]
    prevented = () if market.match_id == before else prevented_by(account, first, before)
    responses = [OrderResponse(state.now, order_view(first), tuple(fills), prevented)]
    for order in orders[1:]:
        responses.append(OrderResponse(state.now, order_view(order)))
    view = list_view(order_list)
    if not order_list.is_open and state.settings.unfilled_fok_null_list_id:
        view = msgspec.structs.replace(view, list_client_order_id=None)
    return ListResponse(view, tuple(responses))


def enter_list(state: State, account: Account, request: OrderListRequest) -> Entered:
    """Take a new order list without an answer: all checks of all legs, then the engine."""
    market = state.market(request.symbol)
    _check_shape(market, request)
    for leg, role in zip(request.legs, _ROLES[request.kind], strict=True):
        check_request(state, market, leg, role)
    limits = state.settings.order_counts
    validation.check_counts(state, account, market, request.legs, in_list=True)
    account.check_count(limits, len(request.legs), state.now)
    _check_duplicates(state, account, request)
    account.add_count(limits, len(request.legs), state.now)
    enter = _enter_pair if request.kind is _OCO else _enter_chain
    try:
        return enter(state, account, market, request)
    except ExchangeError:
        account.add_count(limits, -len(request.legs), state.now)
        raise


# -- shape -------------------------------------------------------------------------------------------------------


def _check_shape(market: SymbolMarket, request: OrderListRequest) -> None:
    kind, legs = request.kind, request.legs
    validation.check_client_id("listClientOrderId", request.list_client_order_id)
    if len(legs) != len(_ROLES[kind]):
        raise ExchangeError(-1014, "Unsupported order combination.")
    for leg in legs:
        if leg.symbol != request.symbol:
            raise ExchangeError(-1014, "Unsupported order combination.")
    _check_allowed(market, kind)
    if kind is not _OCO:
        _check_chain(kind, legs)
    if len(legs) == 3 or kind is _OCO:
        _check_pair(legs[-2], legs[-1])


def _check_allowed(market: SymbolMarket, kind: ListKind) -> None:
    instrument = market.instrument
    if not instrument.oco_allowed and kind in (_OCO, _OTOCO, _OPOCO):
        raise ExchangeError(-1013, "OCO orders are not supported for this symbol")
    if not instrument.oto_allowed and kind is not _OCO:
        raise ExchangeError(-1013, "OTO orders are not supported for this symbol.")
    if not instrument.opo_allowed and kind in (_OPO, _OPOCO):
        raise ExchangeError(-1013, "OPO orders are not supported for this symbol.")


def _check_chain(kind: ListKind, legs: tuple[OrderRequest, ...]) -> None:
    received = kind is _OPO or kind is _OPOCO
    if received and legs[0].side is not _BUY:
        raise ExchangeError(-1222, "Working order in an OPO list must be a bid.")
    if legs[0].type is not _LIMIT and legs[0].type is not _LIMIT_MAKER:
        raise ExchangeError(-1159, "Order type not supported for the working order of an OTO.")
    for leg in legs[1:]:
        if received and leg.side is not _SELL:
            raise ExchangeError(-1223, "Pending orders in an OPO list must be asks.")
    for leg in legs:
        if leg.quote_order_quantity is not None:
            raise ExchangeError(-1106, "Parameter 'quoteOrderQty' sent when not required.")


def _check_pair(below: OrderRequest, above: OrderRequest) -> None:
    """The types a pair may have, and which of them stands on which side of the market."""
    if below.side is not above.side or below.quantity != above.quantity:
        raise ExchangeError(-1014, "Unsupported order combination.")
    buying = below.side is _BUY
    for leg in (below, above):
        if leg.type is not _LIMIT_MAKER and leg.type not in CONTINGENT_TYPES:
            raise ExchangeError(-1158, "Order type not supported in OCO.")
    if below.type is _LIMIT_MAKER and above.type is _LIMIT_MAKER:
        raise ExchangeError(-1168, "At least one OCO order must be contingent.")
    profit, protection = (below, above) if buying else (above, below)
    if protection.type is _LIMIT_MAKER:
        if buying:
            raise ExchangeError(-1165, "A limit order in a buy OCO must be below.")
        raise ExchangeError(-1166, "A limit order in a sell OCO must be above.")
    if profit.type in STOP_TYPES:
        if buying:
            raise ExchangeError(-1196, "A stop loss order in a buy OCO must be above.")
        raise ExchangeError(-1197, "A stop loss order in a sell OCO must be below.")
    if protection.type in TAKE_PROFIT_TYPES:
        if buying:
            raise ExchangeError(-1198, "A take profit order in a buy OCO must be below.")
        raise ExchangeError(-1199, "A take profit order in a sell OCO must be above.")


def _check_duplicates(state: State, account: Account, request: OrderListRequest) -> None:
    known = account.lists_by_client_id.get(request.list_client_order_id)
    ids = [leg.client_order_id for leg in request.legs]
    if (known is not None and state.lists[known].is_open) or len(set(ids)) < len(ids):
        raise ExchangeError(-2010, "Duplicate order sent.")
    for leg in request.legs:
        validation.check_duplicate(state, account, leg)


# -- entering ----------------------------------------------------------------------------------------------------


def _open_list(state: State, account: Account, request: OrderListRequest, orders: list[Order]) -> OrderList:
    number = state.next_list_id
    state.next_list_id += 1
    for order in orders:
        order.order_list_id = number
        register(state, account, order)
    order_list = OrderList(
        order_list_id=number,
        account_id=account.account_id,
        symbol=request.symbol,
        kind=request.kind,
        list_client_order_id=request.list_client_order_id,
        legs=tuple([order.order_id for order in orders]),
        transaction_time=state.now,
        named=name_legs(orders),
    )
    state.lists[number] = order_list
    account.open_lists[number] = request.symbol
    account.lists_by_client_id[request.list_client_order_id] = number
    return order_list


def _stop_first(legs: tuple[OrderRequest, ...]) -> tuple[OrderRequest, ...]:
    """A pair's legs in the order in which Binance numbers and reports them: the stop, then the other."""
    return legs[::-1] if len(legs) > 1 and legs[0].side is _BUY else legs


def _enter_pair(state: State, account: Account, market: SymbolMarket, request: OrderListRequest) -> Entered:
    orders = [make_order(state, account, market, leg) for leg in _stop_first(request.legs)]
    problem = pair_problem(market, orders)
    if problem is not None:
        raise ExchangeError(-2010, problem)
    for order in orders:
        if order.type in CONTINGENT_TYPES:
            arm(state, market, order)
    needed = _dearest(orders)
    asset = market.instrument.quote if orders[0].side is _BUY else market.instrument.base
    if not account.lock(asset, needed):
        raise ExchangeError(-2010, INSUFFICIENT)
    state.touch(account.account_id, asset)
    order_list = _open_list(state, account, request, orders)
    order_list.locked = needed
    order_list.is_released = True
    for order in orders:
        activate_new(state, market, order)
    state.report_list(order_list)
    return order_list, orders, []


def pair_problem(market: SymbolMarket, orders: list[Order]) -> str | None:
    """Why a pair's prices are not acceptable just now, in Binance's words."""
    for order in orders:
        if order.type in CONTINGENT_TYPES:
            if validation.would_trigger(market, order, starts_rising(order)):
                return BAD_RELATION
            continue
        last = market.trigger_price(order.side)
        if last is not None and (order.price >= last if order.side is _BUY else order.price <= last):
            return BAD_RELATION
        if validation.would_match(market, order):
            return WOULD_MATCH
    return None


def _enter_chain(state: State, account: Account, market: SymbolMarket, request: OrderListRequest) -> Entered:
    working = make_order(state, account, market, request.legs[0])
    admit(state, account, market, working)
    pending_new = _PENDING_NEW
    orders = [working]
    for leg in _stop_first(request.legs[1:]):
        orders.append(make_order(state, account, market, leg, status=pending_new))
    order_list = _open_list(state, account, request, orders)
    state.report_list(order_list)
    start_working(state, working)
    for order in orders[1:]:
        state.report(order, _REPORT_NEW)
    return order_list, orders, take(state, market, working)


# -- release -----------------------------------------------------------------------------------------------------


def release(state: State, order_list: OrderList) -> None:
    """Let the pending legs of a filled working order enter the book; what fails expires, reason REJECTED."""
    order_list.is_released = True
    market = state.markets[order_list.symbol]
    account = state.accounts[order_list.account_id]
    legs = [state.orders[order_id] for order_id in order_list.pending]
    if order_list.takes_received:
        _size_by_received(state, account, market, order_list, legs)
    failed = _failed_leg(state, account, market, order_list, legs)
    if failed is not None:
        _reject_release(state, order_list, failed)
        return
    for order in legs:
        order.status = _NEW
        if order.is_contingent:
            wait(state, market, order)
            state.report(order, _REPORT_NEW)
        else:
            start_working(state, order)
            take(state, market, order)


def _size_by_received(
    state: State, account: Account, market: SymbolMarket, order_list: OrderList, legs: list[Order]
) -> None:
    """The exits of an OPO sell what was received, floored to the lot; the coins are locked anew by the legs."""
    instrument = market.instrument
    received = order_list.received
    account.unlock(instrument.base, received)
    order_list.received = ZERO
    state.touch(account.account_id, instrument.base)
    if any(not order.price for order in legs):
        quantity = instrument.floor_market_quantity(received)
    else:
        maximum = instrument.lot_size.maximum
        quantity = floor_to(min(received, maximum) if maximum else received, instrument.lot_size.step)
    for order in legs:
        order.quantity = quantity


def _failed_leg(
    state: State, account: Account, market: SymbolMarket, order_list: OrderList, legs: list[Order]
) -> Order | None:
    """Judge legs at their release: filters of an OPO's quantity, prices against the market now, funds."""
    if not market.is_trading:
        return legs[0]
    for order in legs:
        if order_list.takes_received and _size_problem(state, market, order):
            return order
        if order.type in CONTINGENT_TYPES:
            if validation.would_trigger(market, order, starts_rising(order)):
                return order
            arm(state, market, order)
        elif order.type is _LIMIT_MAKER and _is_crossed(market, order, len(legs) > 1):
            return order
    if legs[0].type is _MARKET:
        made = plan(state, market, legs[0], legs[0].quantity)
        buying = legs[0].side is _BUY
        asset = market.instrument.quote if buying else market.instrument.base
        enough = account.balance(asset).free >= (made.cost if buying else legs[0].quantity)
        return None if enough else legs[0]
    needed = _dearest(legs)
    asset = market.instrument.quote if legs[0].side is _BUY else market.instrument.base
    if not account.lock(asset, needed):
        return legs[0]
    state.touch(account.account_id, asset)
    if len(legs) > 1:
        order_list.locked = needed
    else:
        legs[0].locked = needed
    return None


def _dearest(legs: list[Order]) -> Decimal:
    """The largest lock of any leg: only one of a pair will act."""
    needed = legs[0].lock_needed()
    for leg in legs[1:]:
        needed = max(needed, leg.lock_needed())
    return needed


def _size_problem(state: State, market: SymbolMarket, order: Order) -> bool:
    if order.quantity <= ZERO:
        return True
    try:
        validation.check_quantity(state, market, order.type, order.quantity, order.price or order.stop_price)
    except ExchangeError:
        return True
    return False


def _is_crossed(market: SymbolMarket, order: Order, in_pair: bool) -> bool:
    if in_pair:
        return pair_problem(market, [order]) is not None
    return validation.would_match(market, order)


def _reject_release(state: State, order_list: OrderList, failed: Order) -> None:
    failed.status = _EXPIRED
    failed.expiry_reason = ExpiryReason.REJECTED
    state.finish(failed)
    state.report(failed, _REPORT_EXPIRED)
    end_others(state, order_list, failed)
