"""An engine on a desk: its account is opened, its effects lie in a tray, and the test plays the venue by hand.

Every record is kept, so that a test (or the desk itself, at its end) can replay the journal from nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.apply import apply
from fillwright.core.context import Answer
from fillwright.core.effects import Alert, Effect, FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.engine import Engine, Step
from fillwright.core.instruments import Instrument
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.requests import (
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.settings import ExecutionSettings, Settings, VenueProfile
from fillwright.core.state import Ledger, State
from fillwright.core.types import (
    ONE,
    SECOND,
    ZERO,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    Leg,
    OrderState,
    Side,
    Symbol,
    Time,
    VenueOrderStatus,
    floor_to,
)
from tests.core.builders import (
    CASH,
    FEE,
    NOW,
    PRICE,
    D,
    make_instrument,
    make_quote,
    make_signal,
    wide_limits,
)

V = VenueOrderStatus
EventType = TypeVar("EventType", bound=ev.Event)
RequestType = TypeVar("RequestType", bound=Request)
STEPS_MAX = 10_000
"""More deadlines than this in one stretch of time are a clock that stands still."""


def make_settings(execution: dict[str, Any] | None = None, **changes: Any) -> Settings:
    """Settings whose limits are out of the way, save a position size of 100."""
    fields: dict[str, Any] = {
        "risk": wide_limits(max_position_size_usdt=D(100)),
        "execution": ExecutionSettings(**(execution or {})),
    }
    return Settings(**{**fields, **changes})


class Desk:
    """One engine, one account, and a venue played by hand."""

    def __init__(
        self,
        *instruments: Instrument,
        settings: Settings | None = None,
        price: Decimal = PRICE,
        balances: Iterable[tuple[str, Decimal, Decimal]] = (("USDT", CASH, ZERO),),
    ) -> None:
        self.engine = Engine()
        self.now: Time = NOW
        self.records: list[ev.Record] = []
        self.tray: list[Effect] = []
        """Effects that nobody has looked at yet."""
        self.order_ids: dict[str, int] = {}
        self.trades = 0
        self.executed: dict[str, Decimal] = {}
        known = instruments or (make_instrument(),)
        self.step(
            inp.OpenLedger(
                account_id="paper/ada/main",
                tag="t",
                settings=settings or make_settings(),
                instruments=known,
                maker_fee=FEE,
                taker_fee=FEE,
                balances=tuple(balances),
            )
        )
        for instrument in known:
            self.price(price, instrument.symbol)

    # -- in and out ------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The account's state."""
        return self.engine.state

    def step(self, *items: inp.Input) -> Step:
        """Let inputs happen now."""
        step = self.engine.step(*items, now=self.now)
        self.records += step.records
        self.tray += step.effects
        return step

    def price(self, price: Decimal | int, symbol: Symbol = "BTCUSDT") -> None:
        """The market moves; the engine is stepped when it asked for that."""
        quote = make_quote(symbol, D(price), self.now)
        if self.engine.observe(quote):
            self.step(inp.PriceCrossed(symbol))

    def wait(self, seconds: Decimal | float) -> None:
        """Let time pass, with every deadline on the way; quotes stay fresh."""
        end = self.now + int(Decimal(str(seconds)) * SECOND)
        for _ in range(STEPS_MAX):
            due = self.engine.next_deadline
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self._refresh()
            self.step(inp.TimeReached())
        else:
            raise AssertionError("the deadline does not move on")
        self.now = end
        self._refresh()

    def _refresh(self) -> None:
        for symbol, quote in self.engine.quotes.items():
            self.engine.quotes[symbol] = msgspec.structs.replace(quote, time=self.now)

    # -- looking ---------------------------------------------------------------------------------------------

    def events(self, kind: type[EventType]) -> list[EventType]:
        """All recorded events of a kind."""
        return [record.event for record in self.records if isinstance(record.event, kind)]

    def alerts(self) -> list[str]:
        """Codes of the alerts in the tray, taken out."""
        codes = [effect.code for effect in self.tray if isinstance(effect, Alert)]
        self.tray = [effect for effect in self.tray if not isinstance(effect, Alert)]
        return codes

    def sent(self) -> list[Request]:
        """The requests in the tray, all of them taken out."""
        requests = [effect.request for effect in self.tray if isinstance(effect, Send)]
        self.tray = [effect for effect in self.tray if not isinstance(effect, Send)]
        return requests

    def asked(self) -> list[str]:
        """The orders asked about, taken out of the tray."""
        names = [effect.client_order_id for effect in self.tray if isinstance(effect, QueryOrder)]
        self.tray = [effect for effect in self.tray if not isinstance(effect, QueryOrder)]
        return names

    def snapshots(self) -> list[FetchSnapshot]:
        """The snapshots asked for, taken out of the tray."""
        found = [effect for effect in self.tray if isinstance(effect, FetchSnapshot)]
        self.tray = [effect for effect in self.tray if not isinstance(effect, FetchSnapshot)]
        return found

    def instruments_asked(self) -> list[FetchInstruments]:
        """The instruments asked for, taken out of the tray."""
        found = [effect for effect in self.tray if isinstance(effect, FetchInstruments)]
        self.tray = [effect for effect in self.tray if not isinstance(effect, FetchInstruments)]
        return found

    def only(self, kind: type[RequestType]) -> RequestType:
        """The one request in the tray, which is of this kind."""
        (request,) = self.sent()
        assert isinstance(request, kind), request
        return request

    def order(self, name: str) -> Order:
        """An order by its id."""
        return self.state.orders[name]

    @property
    def position(self) -> Position:
        """The newest position."""
        return self.state.positions[self.state.positions_made]

    def live(self, leg: Leg) -> Order:
        """The one open order of a leg."""
        (order,) = (order for order in self.engine.ledger.open_orders.values() if order.leg is leg)
        return order

    # -- the trader ------------------------------------------------------------------------------------------

    def signal(self, **changes: Any) -> Answer:
        """A signal comes in now."""
        answer = self.step(inp.SubmitSignal(make_signal(**{"created_at": self.now, **changes}))).answer
        assert answer is not None
        return answer

    def command(self, item: inp.Input) -> Answer:
        """A command comes in; its answer."""
        answer = self.step(item).answer
        assert answer is not None
        return answer

    def enter(self, **changes: Any) -> Position:
        """A signal is entered by its plan, filled at once, and armed."""
        answer = self.signal(**changes)
        assert answer.ok, answer
        (request,) = self.sent()
        self.accept(request)
        position = self.position
        name = position.entry_order_ids[-1]
        self.fill(name, commission_in_base=True)
        if isinstance(request, OrderListRequest):
            self.release(position)
        else:
            (request,) = self.sent()
            self.accept(request)
        return position

    # -- the venue, by hand ----------------------------------------------------------------------------------

    def order_id(self, name: str) -> int:
        """The venue's number of an order."""
        return self.order_ids.setdefault(name, len(self.order_ids) + 101)

    def report(self, name: str, status: VenueOrderStatus, **changes: Any) -> Step:
        """The venue reports an order."""
        return self.step(self.news(name, status, **changes))

    def news(self, name: str, status: VenueOrderStatus, **changes: Any) -> inp.OrderReport:
        """A report of an order that we know, true unless something is changed."""
        order = self.order(name)
        fields: dict[str, Any] = {
            "symbol": order.symbol,
            "client_order_id": name,
            "order_id": self.order_id(name),
            "status": status,
            "side": order.side,
            "type": order.type,
            "time": self.now,
            "quantity": order.quantity,
            "price": order.price,
            "stop_price": order.stop_price,
            "executed_quantity": self.executed.get(name, ZERO),
        }
        return inp.OrderReport(**{**fields, **changes})

    def accept(self, request: Request) -> None:
        """The venue takes a new order or list; pending legs wait."""
        if isinstance(request, OrderListRequest):
            working = request.legs[:1] if request.kind.value != "OCO" else request.legs
            for leg in request.legs:
                self.report(leg.client_order_id, V.NEW if leg in working else V.PENDING_NEW, order_list_id=7)
            return
        assert isinstance(request, OrderRequest)
        self.report(request.client_order_id, V.NEW)

    def release(self, position: Position) -> None:
        """The exits of a filled entry go to the book, sized by the venue."""
        instrument = self.state.instruments[position.symbol]
        for name in list(position.open_order_ids):
            order = self.order(name)
            if order.state is OrderState.PENDING_NEW:
                size = order.quantity or floor_to(position.quantity, instrument.lot_size.step)
                self.report(name, V.NEW, quantity=size, order_list_id=7)

    def fill_report(
        self, name: str, quantity: Decimal, price: Decimal, commission: Decimal, asset: str
    ) -> inp.FillReport:
        """One execution."""
        self.trades += 1
        return inp.FillReport(self.trades, price, quantity, commission, asset, False, self.now)

    def fill(
        self,
        name: str,
        quantity: Decimal | None = None,
        price: Decimal | int | None = None,
        *,
        commission: Decimal = ZERO,
        asset: str = "USDT",
        commission_in_base: bool = False,
        **changes: Any,
    ) -> Step:
        """An order is executed: all that is left of it, unless a quantity is given."""
        order = self.order(name)
        done = self.executed.get(name, ZERO)
        size = order.quantity if order.quantity is not None else changes.get("quantity")
        assert size is not None
        part = size - done if quantity is None else quantity
        if commission_in_base:
            commission, asset = part * FEE, self.state.instruments[order.symbol].base
        paid = D(price) if price is not None else order.price or order.stop_price or D(50_000)
        report = self.fill_report(name, part, paid, commission, asset)
        self.executed[name] = done + part
        status = V.FILLED if done + part == size else V.PARTIALLY_FILLED
        fields = {"execution_type": ExecutionType.TRADE, "fills": (report,), **changes}
        return self.report(name, status, **fields)

    def cancelled(self, *names: str) -> None:
        """The venue cancels orders."""
        for name in names:
            self.report(name, V.CANCELED, execution_type=ExecutionType.CANCELED)

    def expired(
        self, name: str, reason: ExpiryReason | None = None, status: VenueOrderStatus = V.EXPIRED
    ) -> None:
        """An order expires."""
        self.report(name, status, execution_type=ExecutionType.EXPIRED, expiry_reason=reason)

    def refuse(
        self,
        request: Request,
        code: int = -2010,
        message: str = "Account has insufficient balance for requested action.",
        error_class: ErrorClass = ErrorClass.PERMANENT,
        **changes: Any,
    ) -> Step:
        """The venue refuses a request."""
        return self.step(
            inp.RequestFailed(request=request, error_class=error_class, code=code, message=message, **changes)
        )

    def lose(self, request: Request) -> Step:
        """Nobody can say what became of a request."""
        return self.refuse(
            request, -1007, "Timeout waiting for response from backend server.", ErrorClass.UNKNOWN
        )

    def absent(self, name: str) -> Step:
        """The venue does not know an order that we asked about."""
        return self.step(inp.OrderAbsent(symbol=self.order(name).symbol, client_order_id=name))

    # -- the judge -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Everything that must hold at any time: see ``tests.core.judge``."""
        replayed = Ledger(State())
        for record in self.records:
            apply(replayed, record)
        assert replayed.dump() == self.engine.ledger.dump()


IN_PROCESS = VenueProfile(in_flight_max_ms=0, protection_read_s=0, reconciliation=False)
"""A venue in the same process: nothing is ever under way."""
FULL_FEE = ONE - FEE
SELL, BUY = Side.SELL, Side.BUY
