"""Cancels, replacements and amendments of orders that are open."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderRequest,
)
from fillwright.core.types import (
    ZERO,
    CancelReplaceMode,
    CancelRestriction,
    ClientOrderId,
    ExecutionType,
    ListStatus,
    OrderRateLimitExceededMode,
    Side,
    Symbol,
    SymbolStatus,
    VenueOrderStatus,
)
from fillwright.exchange import validation
from fillwright.exchange.accounts import Account
from fillwright.exchange.lists import cancel as cancel_order
from fillwright.exchange.lists import expire
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import (
    NO_ID,
    AmendmentView,
    AmendResponse,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ExchangeError,
    OrderResponse,
    RejectReason,
    ReplaceResult,
)
from fillwright.exchange.orders import Order, OrderList, cancel_view, list_view, name_legs, order_view
from fillwright.exchange.placing import (
    INSUFFICIENT,
    WOULD_MATCH,
    WOULD_TRIGGER,
    check_request,
    enter,
    make_order,
)
from fillwright.exchange.state import State

UNKNOWN_ORDER = "Unknown order sent."
REPLACE_FAILED = "Order cancel-replace failed."
REPLACE_HALF_FAILED = "Order cancel-replace partially failed."
_CLOSED_TO_CANCELS = frozenset({SymbolStatus.BREAK, SymbolStatus.END_OF_DAY})


def find(
    state: State,
    account: Account,
    symbol: Symbol,
    order_id: int | None,
    client_order_id: ClientOrderId | None,
    missing: ExchangeError,
) -> Order:
    """Find an order of an account by its number, else by our id; given both, they must agree (-2039)."""
    if order_id is None and client_order_id is None:
        raise ExchangeError(
            -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        )
    if order_id is None:
        assert client_order_id is not None
        order_id = account.by_client_id.get((symbol, client_order_id), NO_ID)
    order = state.orders.get(order_id)
    if order is None or order.account_id != account.account_id or order.symbol != symbol:
        raise missing
    if client_order_id is not None and client_order_id not in (
        order.client_order_id,
        order.cancel_client_order_id,
    ):
        raise ExchangeError(-2039, "Client order ID is not correct for this order ID.")
    return order


def cancel(state: State, account: Account, request: CancelRequest) -> CancelResponse | CancelListResponse:
    """Cancel an order; one that is a leg takes its list along."""
    market = state.market(request.symbol)
    validation.check_client_id("newClientOrderId", request.cancel_client_order_id)
    order = find(
        state, account, request.symbol, request.order_id, request.orig_client_order_id,
        ExchangeError(-2011, UNKNOWN_ORDER),
    )  # fmt: skip
    if not order.is_open:
        raise ExchangeError(-2011, UNKNOWN_ORDER)
    _check_cancellable(market)
    _check_restriction(order, request.restriction)
    cancel_id = request.cancel_client_order_id or state.generated_id()
    cancel_order(state, order, cancel_id)
    order_list = state.lists.get(order.order_list_id)
    if order_list is None:
        return cancel_view(order, state.now)
    return _cancelled_list(state, order_list, cancel_id)


def _check_cancellable(market: SymbolMarket) -> None:
    # HALT and CANCEL_ONLY let orders go; in BREAK and END_OF_DAY the engine takes nothing at all.
    if market.status in _CLOSED_TO_CANCELS:
        raise ExchangeError(-2011, "Market is closed.")


def _check_restriction(order: Order, restriction: CancelRestriction | None) -> None:
    if restriction is None:
        return
    wanted = (
        VenueOrderStatus.NEW
        if restriction is CancelRestriction.ONLY_NEW
        else VenueOrderStatus.PARTIALLY_FILLED
    )
    if order.status is not wanted:
        raise ExchangeError(-2011, "Order was not canceled due to cancel restrictions.")


def _cancelled_list(state: State, order_list: OrderList, cancel_id: ClientOrderId) -> CancelListResponse:
    legs = state.legs(order_list)
    ended = [leg for leg in legs if leg.cancel_client_order_id == cancel_id]
    return CancelListResponse(list_view(order_list), tuple([cancel_view(leg, state.now) for leg in ended]))


def cancel_list(state: State, account: Account, request: CancelListRequest) -> CancelListResponse:
    """Cancel all open legs of a list."""
    market = state.market(request.symbol)
    validation.check_client_id("newClientOrderId", request.cancel_client_order_id)
    number = request.order_list_id
    if number is None:
        if request.list_client_order_id is None:
            raise ExchangeError(
                -1102, "Param 'listClientOrderId' or 'orderListId' must be sent, but both were empty/null!"
            )
        number = account.lists_by_client_id.get(request.list_client_order_id, NO_ID)
    order_list = state.lists.get(number)
    if (
        order_list is None
        or order_list.account_id != account.account_id
        or order_list.symbol != request.symbol
        or not order_list.is_open
        or request.list_client_order_id not in (None, order_list.list_client_order_id)
    ):
        raise ExchangeError(-2011, UNKNOWN_ORDER)
    _check_cancellable(market)
    cancel_id = request.cancel_client_order_id or state.generated_id()
    first = next(leg for leg in state.legs(order_list) if leg.is_open)
    cancel_order(state, first, cancel_id)
    return _cancelled_list(state, order_list, cancel_id)


def cancel_open_orders(
    state: State, account: Account, request: CancelOpenOrdersRequest
) -> tuple[CancelResponse | CancelListResponse, ...]:
    """Cancel everything open on a symbol; nothing open is refused, as Binance does."""
    market = state.market(request.symbol)
    mine = list(account.open_of(request.symbol))
    if not mine:
        raise ExchangeError(-2011, UNKNOWN_ORDER)
    _check_cancellable(market)
    cancel_id = state.generated_id()
    answers: list[CancelResponse | CancelListResponse] = []
    for order in mine:
        if not order.is_open:
            continue
        cancel_order(state, order, cancel_id)
        order_list = state.lists.get(order.order_list_id)
        if order_list is None:
            answers.append(cancel_view(order, state.now))
        else:
            answers.append(_cancelled_list(state, order_list, cancel_id))
    return tuple(answers)


# -- cancelReplace -----------------------------------------------------------------------------------------------


def cancel_replace(state: State, account: Account, request: CancelReplaceRequest) -> CancelReplaceResponse:
    """Filters and counts first, then the cancel, then the engine's checks of the new order: never atomic."""
    market = state.market(request.order.symbol)
    if request.cancel.symbol != request.order.symbol:
        raise ExchangeError(-1014, "Unsupported order combination.")
    if not market.instrument.cancel_replace_allowed:
        raise ExchangeError(-1013, "Order cancel-replace is not supported for this symbol.")
    check_request(state, market, request.order)
    validation.check_counts(state, account, market, (request.order,), in_list=False)
    limits = state.settings.order_counts
    try:
        account.check_count(limits, 1, state.now)
    except ExchangeError as error:
        if request.when_exceeded is OrderRateLimitExceededMode.CANCEL_ONLY:
            raise _cancel_only(state, account, request, error) from error
        raise
    account.add_count(limits, 1, state.now)
    cancelled: CancelResponse | CancelListResponse | None = None
    refusal: ExchangeError | None = None
    try:
        cancelled = cancel(state, account, request.cancel)
    except ExchangeError as error:
        refusal = error
        if request.mode is CancelReplaceMode.STOP_ON_FAILURE:
            raise _replace_error(
                CancelReplaceResponse(ReplaceResult.FAILURE, ReplaceResult.NOT_ATTEMPTED, error.body, None)
            ) from error
    cancel_result = ReplaceResult.FAILURE if cancelled is None else ReplaceResult.SUCCESS
    cancel_answer = cancelled if refusal is None else refusal.body
    placed: OrderResponse
    try:
        placed = enter(state, account, market, request.order)
    except ExchangeError as error:
        if cancelled is not None:
            _report_rejection(state, account, market, request.order, error)
        raise _replace_error(
            CancelReplaceResponse(cancel_result, ReplaceResult.FAILURE, cancel_answer, error.body)
        ) from error
    answer = CancelReplaceResponse(cancel_result, ReplaceResult.SUCCESS, cancel_answer, placed)
    if refusal is not None:
        raise _replace_error(answer)
    return answer


def _cancel_only(
    state: State, account: Account, request: CancelReplaceRequest, exceeded: ExchangeError
) -> ExchangeError:
    """The cancel goes ahead although too many orders were sent; the new order fails, or is not attempted."""
    try:
        cancelled = cancel(state, account, request.cancel)
    except ExchangeError as error:
        if request.mode is CancelReplaceMode.STOP_ON_FAILURE:
            not_attempted = ReplaceResult.NOT_ATTEMPTED
            answer = CancelReplaceResponse(ReplaceResult.FAILURE, not_attempted, error.body, None)
            return ExchangeError(-2022, REPLACE_FAILED, exceeded.http_status, answer)
        failure = ReplaceResult.FAILURE
        return _replace_error(CancelReplaceResponse(failure, failure, error.body, exceeded.body))
    answer = CancelReplaceResponse(ReplaceResult.SUCCESS, ReplaceResult.FAILURE, cancelled, exceeded.body)
    if request.mode is CancelReplaceMode.STOP_ON_FAILURE:
        return ExchangeError(-2021, REPLACE_HALF_FAILED, exceeded.http_status, answer)
    return _replace_error(answer)


_REJECT_REASONS = {
    INSUFFICIENT: RejectReason.INSUFFICIENT_BALANCES,
    WOULD_TRIGGER: RejectReason.STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY,
    WOULD_MATCH: RejectReason.WOULD_MATCH_IMMEDIATELY,
}


def _report_rejection(
    state: State, account: Account, market: SymbolMarket, request: OrderRequest, error: ExchangeError
) -> None:
    """Tell the stream of a new order that the engine refused after its cancel had gone through; it is not kept."""
    order = make_order(state, account, market, request, status=VenueOrderStatus.REJECTED)
    order.order_id = state.next_order_id
    state.next_order_id += 1
    reason = _REJECT_REASONS.get(error.message, RejectReason.NONE)
    state.report(order, ExecutionType.REJECTED, reject_reason=reason)


def _replace_error(answer: CancelReplaceResponse) -> ExchangeError:
    halves = (answer.cancel_result, answer.new_order_result)
    if ReplaceResult.SUCCESS in halves:
        return ExchangeError(-2021, REPLACE_HALF_FAILED, 409, answer)
    return ExchangeError(-2022, REPLACE_FAILED, 400, answer)


# -- amend -------------------------------------------------------------------------------------------------------


def amend(state: State, account: Account, request: AmendRequest) -> AmendResponse:
    """Reduce an order's quantity in its place in the queue; of a pair both legs change."""
    market = state.market(request.symbol)
    instrument = market.instrument
    validation.check_client_id("newClientOrderId", request.new_client_order_id)
    if not instrument.amend_allowed:
        raise ExchangeError(-2038, "Order amend is not supported for this symbol.")
    order = find(
        state, account, request.symbol, request.order_id, request.orig_client_order_id,
        ExchangeError(-2038, UNKNOWN_ORDER),
    )  # fmt: skip
    quantity = request.new_quantity
    if not quantity.is_finite() or quantity <= ZERO:
        raise validation.illegal("newQty", validation.DECIMAL_RANGE)
    if not order.is_open:
        raise ExchangeError(-2038, UNKNOWN_ORDER)
    if market.status is not SymbolStatus.TRADING and market.status is not SymbolStatus.CANCEL_ONLY:
        raise ExchangeError(-2038, "Market is closed.")
    _check_amendable(state, account, market, order, request)
    legs = _amended_together(state, order)
    name = request.new_client_order_id or state.generated_id()
    original = order.client_order_id
    before = order.quantity
    for leg in legs:
        _set_quantity(state, account, market, leg, quantity)
    if name != original:
        account.by_client_id.pop((order.symbol, original), None)
        account.by_client_id[order.symbol, name] = order.order_id
        order.client_order_id = name
    return _report_amendment(state, order, legs, original, before)


def _check_amendable(
    state: State, account: Account, market: SymbolMarket, order: Order, request: AmendRequest
) -> None:
    quantity = request.new_quantity
    if order.quantity <= ZERO:
        raise ExchangeError(-2038, "Order amend (pending OPO order) is not supported.")
    if quantity == order.quantity:
        raise ExchangeError(-2038, "The requested action would change no state; rejecting")
    if quantity > order.quantity:
        raise ExchangeError(-2038, "Order amend (quantity increase) is not supported.")
    limit = market.instrument.amends_max
    if limit is not None and order.amends >= limit:
        raise validation.filter_failure("MAX_NUM_ORDER_AMENDS", -2038)
    name = request.new_client_order_id
    if name is not None and name != order.client_order_id:
        known = account.by_client_id.get((order.symbol, name))
        if known is not None and state.orders[known].is_open:
            raise ExchangeError(-2038, "Duplicate order sent.")
    for leg in _amended_together(state, order):
        validation.check_quantity(state, market, leg.type, quantity, leg.price or leg.stop_price)


def _amended_together(state: State, order: Order) -> list[Order]:
    """A pair's legs have one quantity; all other orders are amended alone."""
    order_list = state.lists.get(order.order_list_id)
    if order_list is None or order.order_id not in order_list.pending:
        return [order]
    return [leg for leg in (state.orders[number] for number in order_list.pending) if leg.is_open]


def _set_quantity(
    state: State, account: Account, market: SymbolMarket, order: Order, quantity: Decimal
) -> None:
    """Reduce one order and free what it no longer needs; what has executed stays, and nothing more will."""
    order.quantity = max(quantity, order.executed + order.prevented)
    order.amends += 1
    if order.iceberg_quantity > quantity:
        order.iceberg_quantity = quantity
    asset = market.instrument.quote if order.side is Side.BUY else market.instrument.base
    order_list = state.lists.get(order.order_list_id)
    if order.locked:
        surplus = order.locked - order.lock_needed()
        order.locked -= surplus
    elif order_list is not None and order_list.locked and order.order_id in order_list.pending:
        legs = [state.orders[number] for number in order_list.pending]
        surplus = order_list.locked - max(leg.lock_needed() for leg in legs)
        order_list.locked -= surplus
    else:
        return
    account.unlock(asset, surplus)
    state.touch(account.account_id, asset)


def _report_amendment(
    state: State, order: Order, legs: list[Order], original: ClientOrderId, before: Decimal
) -> AmendResponse:
    execution_id = NO_ID
    for leg in legs:
        previous = original if leg is order else leg.client_order_id
        state.report(leg, ExecutionType.REPLACED, orig_client_order_id=previous)
        if leg is order:
            execution_id = state.execution_id
        history = state.amendments.setdefault(leg.order_id, [])
        history.append(
            AmendmentView(
                leg.symbol, leg.order_id, state.execution_id, previous, leg.client_order_id, before,
                leg.quantity, state.now,
            )
        )  # fmt: skip
    order_list = state.lists.get(order.order_list_id)
    view = None
    if order_list is not None:
        if order.client_order_id != original:
            order_list.named = name_legs(state.legs(order_list))
            status = order_list.status
            order_list.status = ListStatus.UPDATED
            state.report_list(order_list)
            order_list.status = status
        view = list_view(order_list)
    if order.remaining <= ZERO:
        expire(state, order, None)
    return AmendResponse(state.now, execution_id, original, order_view(order), view)
