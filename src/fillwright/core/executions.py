"""What the venue says of orders: reports (in any order, twice, late), failures, and orders that it does not know.

Executions are deduplicated by trade id; ended states and executions never move backwards; a report that is merely old
is passed over; one that cannot be is an anomaly, changes nothing and forces reconciliation. Trading rules §2, §6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from fillwright.core import events as ev
from fillwright.core.context import Context, milliseconds
from fillwright.core.effects import FetchInstruments
from fillwright.core.exits import cancelled_by, list_of
from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    Input,
    ListDone,
    OrderReport,
    RequestFailed,
    TransferReport,
)
from fillwright.core.inquiries import (
    anomaly,
    ask,
    begin_reconciliation,
    may_arrive,
    may_be_under_way,
    owned_of,
)
from fillwright.core.orders import Order, Step
from fillwright.core.positions import BACK_OFF_FIRST, BACK_OFF_MAX, Position
from fillwright.core.requests import (
    AmendRequest,
    CancelReplaceRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.risk import breaker
from fillwright.core.strangers import stranger
from fillwright.core.types import (
    FINAL_STATES,
    LEG_NAMES,
    ZERO,
    ClientOrderId,
    ErrorClass,
    ExpiryReason,
    Leg,
    OrderState,
    PositionStatus,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
    plain,
)

DUPLICATE_ORDER = "Duplicate order sent."
INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
FILTER_FAILURE = "Filter failure"
NOT_NOW = ("Market is closed.", "This order type is not possible in this trading phase.")
"""The symbol does not trade now: the order is there as before."""
UNKNOWN_ORDER = -2011
REFUSED = "refused cancel"
"""A doubt about an order whose cancel was answered: it was gone, or not as wanted."""
CANCEL_REPLACE_FAILED = -2022
_V = VenueOrderStatus
# Enum members by a name of their own: looking them up in the class costs more than what is done with them.
_PENDING_NEW, _FILLED, _REJECTED = _V.PENDING_NEW, _V.FILLED, _V.REJECTED
_SUBMITTED, _UNKNOWN, _WAITING = OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.PENDING_NEW
_STATE_REJECTED, _STATE_FILLED = OrderState.REJECTED, OrderState.FILLED
_PENDED, _PLACED = Step.PENDED, Step.PLACED
_ENTRY, _SUBMITTING = Leg.ENTRY, PositionStatus.SUBMITTING
_NO_BUYER = ExpiryReason.INSUFFICIENT_LIQUIDITY
_HELD = (PositionStatus.OPEN, PositionStatus.MONITORING)
_MAY_PASS = (ErrorClass.RETRYABLE, ErrorClass.RATE, ErrorClass.CLOCK)
_UNHEARD = (OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.CANCEL_PENDING)
_ALIVE = frozenset({_V.NEW, _V.PENDING_NEW, _V.PARTIALLY_FILLED, _V.PENDING_CANCEL})
_STAGES = {_V.PENDING_NEW: 0, _V.NEW: 1}
_LATER_STAGE = 2


def newest(items: Sequence[Input]) -> Sequence[Input]:
    """Leave out what later news of the same batch supersedes: an order that waits, or works, and has moved on since."""
    reached: dict[ClientOrderId, int] = {}
    kept: list[Input] = []
    for item in reversed(items):
        if type(item) is OrderReport:
            name, stage = item.client_order_id, _STAGES.get(item.status)
            if stage is None:
                reached[name] = _LATER_STAGE
            elif stage > reached.get(name, -1):
                reached[name] = stage
            elif not item.fills:
                continue
        kept.append(item)
    kept.reverse()
    return kept


def report(ctx: Context, news: OrderReport) -> None:
    """Take one report of an order."""
    order = find(ctx, news)
    if order is None:
        if not stranger(ctx, news):
            return
        order = ctx.state.orders[news.client_order_id]
    ctx.touch(order.position_id)
    if order.exchange_order_id and news.order_id != order.exchange_order_id:
        anomaly(ctx, order, f"reported with id {news.order_id}, known as {order.exchange_order_id}")
        return
    if not _admit(ctx, order, news):
        return
    _acknowledge(ctx, order, news)
    for fill in news.fills:
        if not order.has_fill(fill.trade_id):
            _book(ctx, order, news, fill)
    if news.executed_quantity > order.executed_quantity:
        # the venue executed more than we have details of: nothing is invented, the details are asked for, and
        # until they come the order has not ended (or its coins would be protected or sold once more)
        if order.may(Step.DOUBTED):
            doubt(ctx, order, "fills", None, f"{plain(news.executed_quantity)} executed, not told how")
        else:
            ask(ctx, order)
        return
    _conclude(ctx, order, news)


def find(ctx: Context, news: OrderReport) -> Order | None:
    """The order that a report is about, by our id or the venue's."""
    order = ctx.state.orders.get(news.client_order_id)
    if order is None or order.symbol != news.symbol:
        name = ctx.ledger.by_exchange_id.get((news.symbol, news.order_id))
        order = ctx.state.orders.get(name) if name is not None else None
    return order


def _admit(ctx: Context, order: Order, news: OrderReport) -> bool:
    """Whether a report can be true of an order; an anomaly otherwise."""
    if news.side is not order.side or news.symbol != order.symbol:
        return anomaly(ctx, order, f"reported as {news.side} {news.symbol}")
    if order.state is _STATE_REJECTED and not order.never_arrived:
        if news.status is _REJECTED:
            return False
        return anomaly(ctx, order, f"reported as {news.status} after it was rejected")
    executed = news.executed_quantity
    if not news.fills and executed <= order.executed_quantity and order.state not in FINAL_STATES:
        # neither executions nor word of any that the order lacks
        if news.quantity is None or news.quantity >= order.executed_quantity:
            return True
    is_news, told = False, ZERO
    for fill in news.fills:
        if order.has_fill(fill.trade_id):
            continue
        if fill.quantity <= ZERO or fill.price <= ZERO:
            return anomaly(ctx, order, "an execution without quantity or price")
        is_news, told = True, told + fill.quantity
    size = _smaller(order.quantity, news.quantity)
    total = order.executed_quantity + told
    if told > executed or (news.status is _FILLED and total > executed):
        return anomaly(ctx, order, f"executions of {total}, {executed} in all")
    if size is not None and (total > size or executed > size):
        return anomaly(ctx, order, f"executed {max(total, executed)} of {size}")
    if order.state is _STATE_FILLED and (is_news or news.status is not _FILLED):
        # older news of the same order is harmless, anything else cannot be
        if is_news or news.status not in _ALIVE:
            return anomaly(ctx, order, f"reported as {news.status} after it was filled")
        return False
    return True


def _smaller(ours: Decimal | None, theirs: Decimal | None) -> Decimal | None:
    """The smaller of two sizes, of which each may be unknown."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return theirs if theirs < ours else ours


def _acknowledge(ctx: Context, order: Order, news: OrderReport) -> None:
    """Learn the venue's ids, and whether the order waits for its list or works."""
    state, status = order.state, news.status
    if status is _REJECTED:
        return
    unheard = state is _SUBMITTED or state is _UNKNOWN or order.never_arrived
    told = not unheard and bool(order.exchange_order_id)
    if told and state is not _WAITING and order.quantity is not None:
        return
    pending = status is _PENDING_NEW
    works = not pending and (status in _ALIVE or news.executed_quantity > ZERO)
    released = works and state is _WAITING
    sized = works and order.quantity is None and news.quantity is not None
    if told and not (released or sized):
        return
    step = _PENDED if pending else _PLACED
    if not order.may(step):
        return
    size = news.quantity
    if size is not None and (size <= ZERO or (order.quantity is not None and size >= order.quantity)):
        size = None  # what is known already; an order does not grow
    ctx.emit(
        ev.OrderPlaced(
            id=order.id,
            exchange_order_id=news.order_id,
            order_list_id=news.order_list_id,
            pending=pending,
            quantity=size,
        ),
        order.record,
    )
    if released:
        position = ctx.position_of(order)
        if position is not None and position.status is _SUBMITTING:
            _ask_entries(ctx, position)
    if unheard:
        for event in breaker.on_answer(ctx.state, order.leg):
            ctx.emit(event)


def _book(ctx: Context, order: Order, news: OrderReport, report_of: FillReport) -> None:
    """Book one execution, and let the position know."""
    quote = report_of.price * report_of.quantity
    fill = ev.Fill(
        trade_id=report_of.trade_id,
        price=report_of.price,
        quantity=report_of.quantity,
        quote=quote,
        commission=report_of.commission,
        commission_asset=report_of.commission_asset,
        commission_quote=ctx.value_in_quote(
            order.symbol, report_of.commission_asset, report_of.commission, report_of.price
        ),
        is_maker=report_of.is_maker,
        time=report_of.time,
    )
    if fill.commission and not fill.commission_quote:
        ctx.alert("warning", "FEE_UNVALUED", f"no price of {fill.commission_asset}: a fee counts as 0")
    executed = order.executed_quantity + fill.quantity
    # what is filled may have been amended before, and that not been told
    size = news.executed_quantity if news.status is _FILLED else order.quantity
    complete = size is not None and executed >= size
    event = (ev.OrderFilled if complete else ev.OrderPartiallyFilled)(id=order.id, fill=fill)
    ctx.emit(event, order.record)
    position = ctx.position_of(order)
    if position is None:
        return
    if order.leg is _ENTRY:
        if position.status is _SUBMITTING:
            ctx.emit(ev.PositionOpened(position_id=position.id))
            _note_exits_ahead(ctx, position)
        elif position.is_ended:
            ctx.emit(ev.PositionReopened(position_id=position.id, reason="late fill of its entry"))
    elif position.status in _HELD:
        _note_exit(ctx, position, order)
    if position.sold_ahead and order.leg is not _ENTRY:
        _ask_entries(ctx, position)


def _note_exit(ctx: Context, position: Position, order: Order) -> None:
    """A protective order executes: the position closes."""
    if order.leg is Leg.STOP_LOSS or order.leg is Leg.TAKE_PROFIT:
        ctx.emit(ev.PositionClosing(position_id=position.id, reason=LEG_NAMES[order.leg]))


def _note_exits_ahead(ctx: Context, position: Position) -> None:
    """An exit's execution may have been heard of before the entry's."""
    for name in position.exit_order_ids:
        order = ctx.state.orders.get(name)
        if order is not None and order.executed_quantity:
            _note_exit(ctx, position, order)
            return


def _ask_entries(ctx: Context, position: Position) -> None:
    """An exit that works, or sells, says that the entry was filled, whatever we heard of it."""
    for name in position.entry_order_ids:
        order = ctx.state.orders.get(name)
        if order is not None and order.state is not OrderState.FILLED:
            ask(ctx, order)


def _conclude(ctx: Context, order: Order, news: OrderReport) -> None:
    """Take the end of an order, or what an amendment made of it."""
    status = news.status
    if status is _FILLED:
        return  # its executions have said so
    if status in _ALIVE:
        if order.state not in FINAL_STATES:  # else it is an older report of an order that has ended since
            _amended(ctx, order, news)
            _still_there(ctx, order, news)
    elif status is _V.CANCELED and order.may(Step.CANCELLED):
        ctx.emit(ev.OrderCancelled(id=order.id, reason=order.cancel_reason or "venue"), order.record)
    elif status is _V.EXPIRED and order.may(Step.EXPIRED):
        reason = news.expiry_reason or ExpiryReason.EXCHANGE_CANCELED
        ctx.emit(ev.OrderExpired(id=order.id, reason=reason), order.record)
        if reason is _NO_BUYER:
            _note_sweep(ctx, order)
    elif status is _V.EXPIRED_IN_MATCH and order.may(Step.EXPIRED):
        ctx.emit(ev.OrderExpired(id=order.id, reason="EXPIRED_IN_MATCH"), order.record)
    elif status is _REJECTED and order.may(Step.REJECTED):
        ctx.emit(ev.OrderRejected(id=order.id, code=-2010, reason=news.reject_reason), order.record)


def _note_sweep(ctx: Context, order: Order) -> None:
    """A market order took all there was: it was triggered if it was a stop, and set the last price."""
    position = ctx.position_of(order)
    if position is not None and position.status in _HELD:
        _note_exit(ctx, position, order)
    quote = ctx.quotes.get(order.symbol)
    if quote is not None and order.fills and order.fills[-1].time > quote.time:
        ctx.quotes[order.symbol] = msgspec.structs.replace(quote, last=order.fills[-1].price)


def _amended(ctx: Context, order: Order, news: OrderReport) -> None:
    """Quantities only ever shrink, so a smaller one is news, whoever tells it; of a pair both legs change."""
    quantity = news.quantity
    if quantity is None or order.quantity is None or quantity >= order.quantity:
        return
    wanted = order.amend_to
    ctx.emit(ev.OrderAmended(id=order.id, quantity=quantity), order.record)
    if not order.list_id or wanted != quantity:
        return
    for other in list_of(ctx, order.list_id):
        if other.amend_to == quantity:
            ctx.emit(ev.OrderAmended(id=other.id, quantity=quantity), other.record)


def _still_there(ctx: Context, order: Order, news: OrderReport) -> None:
    """A cancel was in doubt and the order is alive: once it cannot be under way any more, it was refused."""
    if order.state is not OrderState.CANCEL_PENDING or order.doubt is None:
        return
    answered = order.doubt.request == REFUSED
    # an emergency stop does not wait: of two cancels under way the second finds nothing, and does no harm
    works = order.leg in (_ENTRY, Leg.MANUAL) or news.status is _PENDING_NEW
    hurries = works and ctx.state.safety.stopping_since
    if answered or hurries or not may_be_under_way(ctx, order.cancel_requested_at):
        position = ctx.position_of(order)
        again = ctx.now + position.back_off if answered and position is not None else 0
        ctx.emit(ev.OrderCancelRefused(id=order.id, code=0, message="the order still works", retry_at=again))


def balances(ctx: Context, news: BalanceReport) -> None:
    """Take the venue's balances: only those that changed are recorded."""
    known = ctx.state.portfolio.balances
    changed = []
    for asset, free, locked in news.balances:
        balance = known.get(asset)
        if balance is None or balance.free != free or balance.locked != locked:
            # "or ZERO": a nought with decimals would be written with an exponent
            changed.append((asset, free or ZERO, locked or ZERO))
    if changed:
        ctx.emit(ev.BalanceUpdated(balances=tuple(changed)))


def transfer(ctx: Context, news: TransferReport) -> None:
    """Take a deposit or withdrawal; coins that positions own may have left with it."""
    ctx.emit(ev.TransferSeen(asset=news.asset, delta=news.delta))
    if news.delta < ZERO and owned_of(ctx, news.asset) > ctx.state.portfolio.balance_of(news.asset).ledger:
        begin_reconciliation(ctx, "transfer", anew=True)


def list_done(ctx: Context, news: ListDone) -> None:
    """A list has ended: its position looks whether its legs have too."""
    name = parse_client_order_id(news.list_client_order_id)
    if name is not None and name[0] == ctx.state.tag and name[1] in ctx.state.positions:
        ctx.touch(name[1])


# -- failures ----------------------------------------------------------------------------------------------------


def failed(ctx: Context, failure: RequestFailed) -> None:
    """A request was refused, or nobody can say what became of it."""
    request = failure.request
    if failure.message.startswith(FILTER_FAILURE) or failure.message in NOT_NOW:
        symbol = request.order.symbol if isinstance(request, CancelReplaceRequest) else request.symbol
        ctx.effects.append(FetchInstruments((symbol,), ctx.now))  # the symbol is not as we know it
    ctx.emit_safety(breaker.on_error(ctx.state, failure, ctx.now))
    if isinstance(request, OrderRequest):
        _place_failed(ctx, [request.client_order_id], failure)
    elif isinstance(request, OrderListRequest):
        _place_failed(ctx, [leg.client_order_id for leg in request.legs], failure)
    elif isinstance(request, CancelReplaceRequest):
        _replace_failed(ctx, request, failure)
    elif isinstance(request, AmendRequest):
        _amend_failed(ctx, request, failure)
    else:
        for order in cancelled_by(ctx, request):
            _cancel_failed(ctx, order, failure)


def _place_failed(ctx: Context, names: Iterable[ClientOrderId], failure: RequestFailed) -> None:
    wait = max(min(milliseconds(failure.retry_after_ms), BACK_OFF_MAX), BACK_OFF_FIRST)
    for name in names:
        order = ctx.state.orders.get(name)
        if order is None:
            continue
        ctx.touch(order.position_id)
        if order.exchange_order_id or order.state not in _UNHEARD:
            continue  # its report came before the answer, and says more
        is_there = failure.message in (DUPLICATE_ORDER, INSUFFICIENT_BALANCE)
        # of what was sent twice one refusal says nothing about the other request while that may be under way
        in_doubt = order.resends and (is_there or may_arrive(ctx, order))
        if failure.error_class is ErrorClass.UNKNOWN or in_doubt:
            doubt(ctx, order, "place", failure)
        else:
            if failure.message == INSUFFICIENT_BALANCE and order.leg is not Leg.ENTRY and order.position_id:
                begin_reconciliation(ctx, "coins are missing")
            ctx.emit(
                ev.OrderRejected(
                    id=order.id,
                    code=failure.code,
                    reason=failure.message,
                    retryable=failure.error_class in _MAY_PASS,
                    retry_at=ctx.now + wait if failure.retry_after_ms else 0,
                ),
                order.record,
            )


def doubt(ctx: Context, order: Order, request: str, failure: RequestFailed | None, reason: str = "") -> None:
    """Put an order in doubt: it will be asked about."""
    text = f"{failure.code} {failure.message}" if failure is not None else reason
    if order.doubt is None and order.may(Step.DOUBTED):
        ctx.emit(ev.OrderUnknown(id=order.id, reason=text, request=request), order.record)
        ctx.touch(order.position_id)


def _replace_failed(ctx: Context, request: CancelReplaceRequest, failure: RequestFailed) -> None:
    old = cancelled_by(ctx, request.cancel)
    if failure.error_class is ErrorClass.UNKNOWN:
        for order in old:
            doubt(ctx, order, "replace", failure)
        _place_failed(ctx, [request.order.client_order_id], failure)
        return
    if failure.cancel_done:
        for order in old:
            if order.doubt is None and order.may(Step.CANCELLED):  # in doubt, its end comes with the answer
                ctx.emit(ev.OrderCancelled(id=order.id, reason=order.cancel_reason), order.record)
    else:
        for order in old:
            _cancel_failed(ctx, order, failure)
    _place_failed(ctx, [request.order.client_order_id], failure)


def _cancel_failed(ctx: Context, order: Order, failure: RequestFailed) -> None:
    ctx.touch(order.position_id)
    if order.state is not OrderState.CANCEL_PENDING:
        return
    gone = failure.code in (UNKNOWN_ORDER, CANCEL_REPLACE_FAILED) and failure.message not in NOT_NOW
    if failure.error_class is ErrorClass.UNKNOWN or gone:
        # already gone means: it may have filled, ask
        doubt(ctx, order, "cancel" if failure.error_class is ErrorClass.UNKNOWN else REFUSED, failure)
        return
    ctx.emit(
        ev.OrderCancelRefused(
            id=order.id,
            code=failure.code,
            message=failure.message,
            retry_at=_retry_at(ctx, order, failure),
        ),
        order.record,
    )


def _retry_at(ctx: Context, order: Order, failure: RequestFailed) -> Time:
    """When a position may ask again for what was refused (nobody but a person asks again for manual orders)."""
    position = ctx.position_of(order)
    if position is None:
        return 0
    if position.retry_at > ctx.now:  # another order of the same request was refused: one setback
        return position.retry_at
    return ctx.now + max(position.back_off, milliseconds(failure.retry_after_ms))


def _amend_failed(ctx: Context, request: AmendRequest, failure: RequestFailed) -> None:
    order = ctx.state.orders.get(request.orig_client_order_id or "")
    if order is None or order.amend_to is None:
        return
    ctx.touch(order.position_id)
    unknown = failure.error_class is ErrorClass.UNKNOWN
    final = failure.error_class is ErrorClass.PERMANENT
    family = list_of(ctx, order.list_id) if order.list_id else [order]
    for leg in family:
        if leg.amend_to is None:
            continue
        if unknown:
            ask(ctx, leg)
        ctx.emit(
            ev.OrderAmendRefused(
                id=leg.id,
                code=failure.code,
                message=failure.message,
                retry_at=0 if final else _retry_at(ctx, leg, failure),
                final=final,
            ),
            leg.record,
        )
