"""What tests of the core build on: an account with a symbol and money, and its events pushed through ``apply``.

Nothing here is random and time stands still unless a test moves ``Book.now``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.inputs import Candle, PlaceOrder, Quote, Signal
from fillwright.core.instruments import (
    Instrument,
    LotSize,
    Notional,
    PercentPrice,
    PriceFilter,
    TrailingDelta,
)
from fillwright.core.plans import Draft
from fillwright.core.positions import Position
from fillwright.core.risk.checks import Assessment, Situation, assess
from fillwright.core.risk.limits import Limits
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.state import Ledger, SignalRecord, State
from fillwright.core.types import (
    MINUTE,
    SECOND,
    ZERO,
    Direction,
    Leg,
    OrderType,
    Protection,
    Side,
    Symbol,
    Time,
    client_order_id,
)

D = Decimal
NOW: Time = 1_795_168_800_000_000
"""2026-11-20 10:00 UTC, the start of a 15-minute candle."""
FEE = D("0.001")
CASH = D(10_000)
PRICE = D(50_000)
QUANTITY = D("0.002")


def make_instrument(symbol: Symbol = "BTCUSDT", **changes: Any) -> Instrument:
    """A symbol with the filters that BTCUSDT has on the venue."""
    base = symbol.removesuffix("USDT").removesuffix("BNB")
    instrument = Instrument(
        symbol=symbol,
        base=base,
        quote=symbol.removeprefix(base),
        price_filter=PriceFilter(D("0.01"), D(1_000_000), D("0.01")),
        lot_size=LotSize(D("0.00001"), D(9000), D("0.00001")),
        market_lot_size=LotSize(ZERO, D(100), ZERO),
        percent_price=PercentPrice(True, D("1.2"), D("0.5"), D(5), D("0.8")),
        notional=Notional(minimum=D(5), maximum=D(9_000_000)),
        trailing_delta=TrailingDelta(10, 2000, 10, 2000),
        orders_max=200,
        algo_orders_max=5,
        order_lists_max=20,
    )
    return msgspec.structs.replace(instrument, **changes)


def make_quote(symbol: Symbol = "BTCUSDT", price: Decimal = PRICE, time: Time = NOW) -> Quote:
    """A bid at the price, an ask one cent above."""
    return Quote(symbol, price, price + D("0.01"), price, time)


def make_signal(**changes: Any) -> Signal:
    """A long market signal with a stop 2 % below and a target 4 % above 50,000."""
    fields: dict[str, Any] = {
        "trader_id": "ada",
        "symbol": "BTCUSDT",
        "side": Direction.LONG,
        "created_at": NOW,
        "stop_loss": D(49_000),
        "take_profit": D(52_000),
    }
    return Signal(**{**fields, **changes})


def make_draft(**changes: Any) -> Draft:
    """What becomes of such a signal: 0.00199 BTC in one request."""
    fields: dict[str, Any] = {
        "trader_id": "ada",
        "symbol": "BTCUSDT",
        "direction": Direction.LONG,
        "entry_market": True,
        "limit_price": D(50_250),
        "quantity": D("0.00198"),
        "plan": Protection.OPOCO,
        "plan_reason": "first choice",
        "stop_loss": D(49_000),
        "take_profit": D(52_000),
        "target_type": OrderType.TAKE_PROFIT,
        "algo_slots": 2,
        "orders": 3,
        "lists": 1,
    }
    return Draft(**{**fields, **changes})


def make_fill(
    price: Decimal,
    quantity: Decimal,
    *,
    trade_id: int = 1,
    commission: Decimal = ZERO,
    asset: str = "USDT",
    commission_quote: Decimal | None = None,
    time: Time = NOW,
) -> ev.Fill:
    """One execution; a commission in quote is worth itself."""
    worth = commission if commission_quote is None else commission_quote
    return ev.Fill(trade_id, price, quantity, price * quantity, commission, asset, worth, False, time)


class Book:
    """One account: its ledger, and words for what happens to it."""

    def __init__(
        self,
        *instruments: Instrument,
        settings: Settings | None = None,
        cash: Decimal = CASH,
        now: Time = NOW,
    ) -> None:
        self.ledger = Ledger(State())
        self.now = now
        self.limits = Limits()
        self.records: list[ev.Record] = []
        self.trades = 0
        self.push(ev.AccountOpened("paper/ada/main", "t", settings or Settings()))
        for instrument in instruments or (make_instrument(),):
            self.push(ev.InstrumentChanged(instrument))
        self.push(ev.FeesChanged(FEE, FEE))
        self.push(ev.BalanceUpdated((("USDT", cash, ZERO),), opening=True))

    @property
    def state(self) -> State:
        """The account's state."""
        return self.ledger.state

    def push(self, *events: ev.Event) -> ev.Record:
        """Record events and make them true; returns the last record."""
        for event in events:
            record = ev.Record(self.state.seq + 1, self.now, 0, event)
            apply(self.ledger, record)
            self.records.append(record)
        return self.records[-1]

    # -- settings --------------------------------------------------------------------------------------------

    def set(self, **changes: Any) -> None:
        """Replace some of the account's settings."""
        self.push(ev.SettingsChanged(msgspec.structs.replace(self.state.settings, **changes), "ada"))

    def set_risk(self, **changes: Any) -> None:
        """Replace some of the account's limits."""
        self.set(risk=msgspec.structs.replace(self.state.settings.risk, **changes))

    def set_execution(self, **changes: Any) -> None:
        """Replace some of the account's execution settings."""
        self.set(execution=msgspec.structs.replace(self.state.settings.execution, **changes))

    def limit(self, trader_id: str = "", symbol: Symbol = "", **changes: Any) -> None:
        """Set limits of a trader or symbol, the others as the account has them."""
        limits = msgspec.structs.replace(self.state.settings.risk, **changes)
        self.push(ev.LimitsChanged(trader_id, symbol, limits, "ada"))

    # -- orders and positions --------------------------------------------------------------------------------

    def receive(self, signal: Signal | None = None, key: str = "") -> SignalRecord:
        """A signal comes in."""
        number = self.state.signals_made + 1
        wanted = signal or make_signal()
        self.push(ev.SignalReceived(number, wanted, key or f"{wanted.trader_id}|{number}"))
        return self.state.signals[number]

    def create_position(self, symbol: Symbol = "BTCUSDT", **changes: Any) -> Position:
        """A position is created, before its entry's intent."""
        number = self.state.positions_made + 1
        fields: dict[str, Any] = {
            "position_id": number,
            "signal_id": 0,
            "trader_id": "ada",
            "symbol": symbol,
            "direction": Direction.LONG,
            "quantity": QUANTITY,
            "limit_price": PRICE,
            "plan": Protection.OPOCO,
            "plan_reason": "first choice",
            "max_loss_quote": D(2),
            "quote": make_quote(symbol),
            "stop_loss": D(49_000),
        }
        self.push(ev.PositionCreated(**{**fields, **changes}))
        return self.state.positions[number]

    def submit(
        self,
        position: Position | None = None,
        leg: Leg = Leg.ENTRY,
        *,
        symbol: Symbol = "BTCUSDT",
        **changes: Any,
    ) -> str:
        """An order's intent is recorded; returns its id."""
        attempt = self.state.manual_orders_made + 1 if position is None else position.next_attempt(leg.value)
        number = position.id if position is not None else 0
        name = client_order_id(self.state.tag, number, leg, attempt)
        fields: dict[str, Any] = {
            "id": name,
            "position_id": number,
            "leg": leg,
            "attempt": attempt,
            "symbol": position.symbol if position is not None else symbol,
            "side": Side.BUY if leg is Leg.ENTRY else Side.SELL,
            "order_type": OrderType.LIMIT,
            "quantity": QUANTITY,
            "price": PRICE,
        }
        self.push(ev.OrderSubmitted(**{**fields, **changes}))
        return name

    def place(self, name: str, *, pending: bool = False) -> None:
        """The venue acknowledges an order."""
        self.push(ev.OrderPlaced(name, self.state.seq, pending=pending))

    def fill(self, name: str, price: Decimal, quantity: Decimal, **changes: Any) -> None:
        """An order is executed, and completed if that was all of it."""
        self.trades += 1
        order = self.state.orders[name]
        fill = make_fill(price, quantity, trade_id=self.trades, time=self.now, **changes)
        complete = order.quantity is not None and order.executed_quantity + quantity >= order.quantity
        self.push(ev.OrderFilled(name, fill) if complete else ev.OrderPartiallyFilled(name, fill))

    def open_position(
        self,
        symbol: Symbol = "BTCUSDT",
        quantity: Decimal = QUANTITY,
        price: Decimal = PRICE,
        **changes: Any,
    ) -> Position:
        """A position is entered and its entry filled, without commission."""
        position = self.create_position(symbol, quantity=quantity, limit_price=price, **changes)
        name = self.submit(position, quantity=quantity, price=price, reserve=quantity * price)
        self.place(name)
        self.fill(name, price, quantity)
        self.push(ev.PositionOpened(position.id))
        self.state.prices[symbol] = price
        return position

    def close_position(self, position: Position, price: Decimal) -> Decimal:
        """A position's coins are sold without commission; returns the result."""
        quantity = position.quantity
        name = self.submit(position, Leg.EXIT, order_type=OrderType.MARKET, quantity=quantity, price=None)
        self.push(ev.PositionClosing(position.id, "test"))
        self.fill(name, price, quantity)
        self.push(ev.PositionClosed(position.id, position.realized, "test"))
        return position.realized

    def mark(self, equity: Decimal) -> None:
        """Equity is marked."""
        self.push(ev.EquityMarked(equity))

    def close_candles(self, symbol: Symbol, closes: list[Decimal]) -> None:
        """Candles of a symbol close, a minute apart."""
        for number, close in enumerate(closes):
            time = self.now + number * MINUTE
            candle = Candle(symbol, "1m", time, time + MINUTE - 1, close, close, close, close, D(1))
            self.push(ev.CandleClosed(candle))

    # -- judging ---------------------------------------------------------------------------------------------

    def situation(
        self,
        *,
        signal: SignalRecord | Signal | None = None,
        order: PlaceOrder | None = None,
        bids: Mapping[Symbol, Decimal] | None = None,
        **changes: Any,
    ) -> Situation:
        """An entry about to leave: of the usual signal unless something else is given."""
        record = self.receive(signal) if isinstance(signal, Signal) else signal
        if record is None and order is None:
            record = self.receive()
        symbol = order.symbol if order is not None else record.signal.symbol if record is not None else ""
        trader_id = record.signal.trader_id if record is not None else ""
        fields: dict[str, Any] = {
            "ledger": self.ledger,
            "limits": self.limits.of(self.state, trader_id, symbol),
            "instrument": self.state.instruments.get(symbol),
            "quote": make_quote(symbol, time=self.now),
            "bids": bids if bids is not None else self.state.prices,
            "draft": make_draft(symbol=symbol, trader_id=trader_id),
            "now": self.now,
            "signal": record,
            "order": order,
        }
        return Situation(**{**fields, **changes})

    def assess(self, **changes: Any) -> Assessment:
        """Judge an entry."""
        return assess(self.situation(**changes))


def wide_limits(**changes: Any) -> RiskLimits:
    """Limits that nothing in these tests reaches, save those given."""
    huge = D(10**9)
    fields: dict[str, Any] = {
        "max_position_size_usdt": huge,
        "max_position_size_percent": D(100),
        "min_position_size_usdt": ZERO,
        "max_total_exposure_usdt": huge,
        "max_symbol_exposure_usdt": huge,
        "max_order_size_usdt": huge,
        "max_positions": 1000,
        "max_positions_per_symbol": 1000,
        "max_daily_trades": 1000,
        "min_order_interval_seconds": ZERO,
        "max_orders_per_10s": 1000,
    }
    return RiskLimits(**{**fields, **changes})


def check_of(assessment: Assessment, code: str) -> ev.Check:
    """The result of one check; fails when the check did not run exactly once."""
    found = [check for check in assessment.checks if check.code == code]
    assert len(found) == 1, (code, found)
    return found[0]


def later(seconds: int) -> Time:
    """A time after NOW."""
    return NOW + seconds * SECOND
