"""A small venue for state machines: it may answer any request with any outcome that is legal at Binance.

Reports pile up in an outbox; the test delivers them in any order, twice, late or never. One symbol; the quote balance
is without end, coins are counted, so that nothing can be sold twice.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core import inputs as inp
from fillwright.core.effects import Effect, FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.instruments import Instrument
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import (
    ONE,
    ZERO,
    CancelRestriction,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    ListKind,
    OrderType,
    Side,
    Time,
    TimeInForce,
    VenueOrderStatus,
)
from tests.core.builders import FEE

V = VenueOrderStatus
ONLY_NEW = CancelRestriction.ONLY_NEW
OPEN = (V.NEW, V.PENDING_NEW, V.PARTIALLY_FILLED)
Asked = Send | QueryOrder | FetchSnapshot | FetchInstruments


class Refused(Exception):
    """The venue says no."""

    def __init__(self, code: int, message: str, cancel_done: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.cancel_done = code, message, cancel_done


class VenueOrder(msgspec.Struct, kw_only=True):
    """An order as the venue has it."""

    id: int
    request: OrderRequest
    status: VenueOrderStatus
    quantity: Decimal | None
    list_id: int = -1
    kind: ListKind | None = None
    working: bool = False
    """The working order of a list."""
    executed: Decimal = ZERO
    fills: list[inp.FillReport] = []
    expiry: ExpiryReason | None = None

    @property
    def name(self) -> str:
        """Its client order id."""
        return self.request.client_order_id

    @property
    def remaining(self) -> Decimal:
        """What is open."""
        return (self.quantity or ZERO) - self.executed


class ModelVenue:
    """Orders, coins, and what the engine has not heard yet."""

    def __init__(self, instrument: Instrument, coins: Decimal = ZERO) -> None:
        self.instrument = instrument
        self.coins = coins
        self.price = Decimal(50_000)
        self.now: Time = 0
        self.orders: dict[int, VenueOrder] = {}
        self.inbox: list[Asked] = []
        """What the engine sent and the venue has not taken yet."""
        self.outbox: list[inp.Input] = []
        """What the venue said and the engine has not heard yet."""
        self.lists = 0
        self.list_names: dict[int, str] = {}
        self.trades = 0
        self.market_part: Decimal | None = None
        """What of the next market order is executed before liquidity ends; None: all."""
        self.release_refused = False

    def take(self, effects: list[Effect]) -> None:
        """Put what the engine sends into the inbox."""
        self.inbox += [effect for effect in effects if isinstance(effect, Asked)]

    # -- what it holds ---------------------------------------------------------------------------------------

    def open_orders(self) -> list[VenueOrder]:
        """Orders that have not ended."""
        return [order for order in self.orders.values() if order.status in OPEN]

    def named(self, name: str) -> VenueOrder | None:
        """The newest order of a name."""
        return next((o for o in reversed(self.orders.values()) if o.name == name), None)

    def locked(self) -> Decimal:
        """Coins that live sells hold; an OCO pair holds them once."""
        held: dict[int, Decimal] = {}
        total = ZERO
        for order in self.open_orders():
            if order.request.side is Side.BUY or order.status is V.PENDING_NEW:
                continue
            if order.list_id < 0:
                total += order.remaining
            else:
                held[order.list_id] = max(held.get(order.list_id, ZERO), order.remaining)
        return total + sum(held.values(), ZERO)

    @property
    def free(self) -> Decimal:
        """Coins that a new sell may use."""
        return self.coins - self.locked()

    # -- reports ---------------------------------------------------------------------------------------------

    def view(self, order: VenueOrder, fills: tuple[inp.FillReport, ...], source: str) -> inp.OrderReport:
        """An order as the venue tells of it."""
        request = order.request
        return inp.OrderReport(
            symbol=request.symbol,
            client_order_id=order.name,
            order_id=order.id,
            status=order.status,
            side=request.side,
            type=request.type,
            time=self.now,
            order_list_id=order.list_id,
            time_in_force=request.time_in_force,
            quantity=order.quantity,
            price=request.price,
            stop_price=request.stop_price,
            executed_quantity=order.executed,
            fills=fills,
            expiry_reason=order.expiry,
            source=source,
        )

    def tell(self, order: VenueOrder, kind: ExecutionType, *fills: inp.FillReport) -> None:
        """Put a report of the stream into the outbox."""
        self.outbox.append(msgspec.structs.replace(self.view(order, fills, "stream"), execution_type=kind))

    # -- requests --------------------------------------------------------------------------------------------

    def execute(self, request: Request) -> None:
        """Do what a request asks; Refused when that cannot be."""
        if isinstance(request, OrderRequest):
            self._place(request)
        elif isinstance(request, OrderListRequest):
            self._place_list(request)
        elif isinstance(request, CancelRequest):
            self._cancel(request.order_id, request.orig_client_order_id, request.restriction is ONLY_NEW)
        elif isinstance(request, CancelListRequest):
            self._cancel_list(request)
        elif isinstance(request, CancelReplaceRequest):
            self._replace(request)
        else:
            assert isinstance(request, AmendRequest)
            self._amend(request)

    def _admit(self, request: OrderRequest, quantity: Decimal | None) -> None:
        known = self.named(request.client_order_id)
        if known is not None and known.status in OPEN:
            raise Refused(-2010, "Duplicate order sent.")
        if quantity is not None and quantity <= ZERO:
            raise Refused(-1013, "Filter failure: LOT_SIZE")
        if request.side is Side.SELL and quantity is not None and quantity > self.free:
            raise Refused(-2010, "Account has insufficient balance for requested action.")
        if request.type is OrderType.STOP_LOSS and request.stop_price is not None:
            if request.stop_price >= self.price:
                raise Refused(-2010, "Stop price would trigger immediately.")

    def _new(self, request: OrderRequest, status: VenueOrderStatus, quantity: Decimal | None) -> VenueOrder:
        order = VenueOrder(id=len(self.orders) + 1, request=request, status=status, quantity=quantity)
        self.orders[order.id] = order
        return order

    def _place(self, request: OrderRequest) -> None:
        self._admit(request, request.quantity)
        order = self._new(request, V.NEW, request.quantity)
        self.tell(order, ExecutionType.NEW)
        self._start(order)

    def _start(self, order: VenueOrder) -> None:
        """What executes at once does; FOK does or expires as the market allows."""
        if order.request.type is OrderType.MARKET:
            part = order.remaining if self.market_part is None else min(self.market_part, order.remaining)
            self.market_part = None
            if part:
                self.fill(order, part)
            if order.status in OPEN:
                self.expire(order, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        elif order.request.time_in_force is TimeInForce.FOK:
            if self.market_part is None:
                self.fill(order, order.remaining)
            else:
                self.market_part = None
                self.expire(order, ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED)

    def _place_list(self, request: OrderListRequest) -> None:
        is_oco = request.kind is ListKind.OCO
        if is_oco:
            for leg in request.legs[:1]:
                self._admit(leg, leg.quantity)
        for leg in request.legs:
            known = self.named(leg.client_order_id)
            if known is not None and known.status in OPEN:
                raise Refused(-2010, "Duplicate order sent.")
        self.lists += 1
        self.list_names[self.lists] = request.list_client_order_id
        legs = []
        for index, leg in enumerate(request.legs):
            pending = not is_oco and index > 0
            quantity = None if pending and request.kind in (ListKind.OPO, ListKind.OPOCO) else leg.quantity
            order = self._new(leg, V.PENDING_NEW if pending else V.NEW, quantity)
            order.list_id, order.kind = self.lists, request.kind
            order.working = not is_oco and index == 0
            legs.append(order)
        for order in legs:
            self.tell(order, ExecutionType.NEW)
        if not is_oco:
            self._start(legs[0])

    def _family(self, order: VenueOrder) -> list[VenueOrder]:
        if order.list_id < 0:
            return [order]
        return [other for other in self.open_orders() if other.list_id == order.list_id]

    def _cancel(self, order_id: int | None, name: str | None, only_new: bool = False) -> None:
        order = self.orders.get(order_id) if order_id else self.named(name or "")
        if order is None or order.status not in OPEN:
            raise Refused(-2011, "Unknown order sent.")
        if only_new and order.executed:
            raise Refused(-2011, "Order was not canceled due to cancel restrictions.")
        for member in self._family(order):
            member.status = V.CANCELED
            self.tell(member, ExecutionType.CANCELED)

    def _cancel_list(self, request: CancelListRequest) -> None:
        legs = [
            o for o in self.open_orders() if self.list_names.get(o.list_id) == request.list_client_order_id
        ]
        if not legs:
            raise Refused(-2011, "Unknown order sent.")
        self._cancel(legs[0].id, None)

    def _replace(self, request: CancelReplaceRequest) -> None:
        try:
            cancel = request.cancel
            self._cancel(cancel.order_id, cancel.orig_client_order_id, cancel.restriction is ONLY_NEW)
        except Refused as refused:
            raise Refused(-2022, refused.message) from None
        try:
            self._place(request.order)
        except Refused as refused:
            raise Refused(-2021, refused.message, cancel_done=True) from None

    def _amend(self, request: AmendRequest) -> None:
        order = self.orders.get(request.order_id or 0) or self.named(request.orig_client_order_id or "")
        if order is None or order.status not in OPEN:
            raise Refused(-2011, "Unknown order sent.")
        if order.quantity is None or not order.executed < request.new_quantity < order.quantity:
            raise Refused(-2038, "The requested action would change no state; rejecting.")
        for member in self._family(order):
            member.quantity = request.new_quantity
            self.tell(member, ExecutionType.REPLACED)

    # -- the market ------------------------------------------------------------------------------------------

    def fill(self, order: VenueOrder, quantity: Decimal) -> None:
        """Execute a part of an open order, with all that follows in its list."""
        self.trades += 1
        buys = order.request.side is Side.BUY
        price = self.price if order.request.price is None else order.request.price
        commission = quantity * FEE if buys else quantity * price * FEE
        asset = self.instrument.base if buys else self.instrument.quote
        fill = inp.FillReport(self.trades, price, quantity, commission, asset, False, self.now)
        order.fills.append(fill)
        order.executed += quantity
        order.status = V.FILLED if not order.remaining else V.PARTIALLY_FILLED
        self.coins += quantity - commission if buys else -quantity
        self.tell(order, ExecutionType.TRADE, fill)
        if order.list_id < 0:
            return
        if not order.working:
            for member in self._family(order):
                if member is not order:
                    self.expire(member, ExpiryReason.OCO_TRIGGER, alone=True)
        elif order.status is V.FILLED:
            self._release(order)

    def _release(self, working: VenueOrder) -> None:
        received = sum((fill.quantity - fill.commission for fill in working.fills), ZERO)
        size = self.instrument.floor_quantity(received)
        legs = [member for member in self._family(working) if member.status is V.PENDING_NEW]
        wanted = legs[0].quantity if legs and legs[0].quantity is not None else size
        refused = self.release_refused or wanted > self.free or not wanted
        self.release_refused = False
        for leg in legs:
            if refused:
                self.expire(leg, ExpiryReason.REJECTED, alone=True)
            else:
                leg.quantity, leg.status = wanted, V.NEW
                self.tell(leg, ExecutionType.NEW)

    def expire(self, order: VenueOrder, reason: ExpiryReason, *, alone: bool = False) -> None:
        """An order ends by itself, and its list with it."""
        members = [order] if alone else [order, *(m for m in self._family(order) if m is not order)]
        for member in members:
            own = member is order
            follows = ExpiryReason.OTO_PHASE_ONE_EXPIRED if order.working else ExpiryReason.OCO_TRIGGER
            member.status, member.expiry = V.EXPIRED, reason if own else follows
            self.tell(member, ExecutionType.EXPIRED)

    # -- answers ---------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> None:
        """Answer a question from the books as they are now."""
        if isinstance(asked, QueryOrder):
            order = self.orders.get(asked.order_id) if asked.order_id else self.named(asked.client_order_id)
            if order is None:
                self.outbox.append(
                    inp.OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)
                )
            else:
                self.outbox.append(self.view(order, tuple(order.fills), "query"))
        elif isinstance(asked, FetchSnapshot):
            self.outbox.append(self.snapshot(asked))
        else:
            assert isinstance(asked, FetchInstruments)
            self.outbox.append(inp.UpdateInstruments((self.instrument,)))

    def snapshot(self, asked: FetchSnapshot) -> inp.VenueSnapshot:
        """The books, with the orders asked about."""
        shown = {order.id: order for order in self.open_orders()}
        absent = []
        for name in asked.client_order_ids:
            order = self.named(name)
            if order is None:
                absent.append(name)
            else:
                shown[order.id] = order
        reports = tuple(self.view(order, tuple(order.fills), "query") for order in shown.values())
        return inp.VenueSnapshot(
            symbol=asked.symbol,
            orders=reports,
            time=self.now,
            absent=tuple(absent),
            cause=asked.cause,
        )

    def carry_out(self, asked: Asked, *, answered: bool = True) -> None:
        """Take one thing out of the inbox and do it; ``answered`` False: the answer is lost on the way."""
        self.inbox.remove(asked)
        if not isinstance(asked, Send):
            self.answer(asked)
            return
        try:
            self.execute(asked.request)
        except Refused as refused:
            if answered:
                self.outbox.append(
                    inp.RequestFailed(
                        request=asked.request,
                        error_class=ErrorClass.PERMANENT,
                        code=refused.code,
                        message=refused.message,
                        cancel_done=refused.cancel_done,
                    )
                )
                return
        if not answered:
            self.outbox.append(unanswered(asked.request))


def unanswered(request: Request) -> inp.RequestFailed:
    """Nobody can say what became of a request."""
    return inp.RequestFailed(
        request=request, error_class=ErrorClass.UNKNOWN, code=-1007, message="Timeout waiting for response."
    )


NET = ONE - FEE
