"""Ledgers with a past, for tests of stores: records that follow each other, each applied as it is written.

The events are written by hand here, not by the engine, so that these tests need only ``apply`` to be right. The
exchange charges 0.1 % in the received asset; a seed decides how each trade fares.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal
from random import Random

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.inputs import Candle, Quote, Signal, Size
from fillwright.core.instruments import Instrument
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.state import Ledger, State
from fillwright.core.types import (
    CONTEXT,
    MINUTE,
    SECOND,
    ZERO,
    Direction,
    Leg,
    ListKind,
    Mode,
    OrderType,
    Protection,
    Side,
    Time,
    TimeInForce,
    client_order_id,
)
from fillwright.ports import Owner

D = Decimal
START: Time = 1_700_000_000_000_000
OWNER = Owner("main", "ann", Mode.PAPER)
BTC = Instrument(symbol="BTCUSDT", base="BTC", quote="USDT")
ETH = Instrument(symbol="ETHUSDT", base="ETH", quote="USDT")
FEE = D("0.001")
PRICE = D("60000.5")
CHECKS = (ev.Check("HALTED", True), ev.Check("POSITION_SIZE_MAX", True, D("99.5"), D(100)))
DENIED = (ev.Check("HALTED", True), ev.Check("SPREAD_TOO_WIDE", False, D("0.7"), D("0.5"), "wide"))


class Story:
    """Writes records, one step at a time, and keeps the ledger that they make."""

    def __init__(self, owner: Owner = OWNER, seed: int = 0) -> None:
        self.owner = owner
        self.ledger = Ledger(State())
        self.records: list[ev.Record] = []
        self.steps: list[list[ev.Record]] = []
        self.now = START
        self.random = Random(seed)
        self._exchange_ids = 1_000
        self._trade_ids = 0
        self._signals = 0
        self._positions = 0
        self._quote = D(10_000)
        self.open()

    def step(self, *events: ev.Event, after: Time = SECOND, cause: int = 0) -> list[ev.Record]:
        """Write some events at one time; each but the first is caused by the first."""
        self.now += after
        made: list[ev.Record] = []
        for event in events:
            first = made[0].seq if made else cause
            record = ev.Record(self.ledger.state.seq + 1, self.now, first, event)
            with decimal.localcontext(CONTEXT):
                apply(self.ledger, record)
            made.append(record)
        self.records += made
        self.steps.append(made)
        return made

    def open(self) -> None:
        """Begin the ledger."""
        self.step(
            ev.AccountOpened(self.owner.account_id, "replay", Settings()),
            ev.InstrumentChanged(BTC),
            ev.InstrumentChanged(ETH),
            ev.FeesChanged(FEE, FEE),
            ev.BalanceUpdated((("USDT", self._quote, ZERO),), opening=True),
            ev.TradingDayStarted(self.now // (1440 * MINUTE), self._quote),
        )

    # -- parts -----------------------------------------------------------------------------------------------

    def signal(self, symbol: str = "BTCUSDT", trader_id: str = "breakout", **more: object) -> int:
        """Receive a signal; the id."""
        self._signals += 1
        fields: dict[str, object] = {
            "confidence": D("0.8"),
            "stop_loss": D("59000.0"),
            "take_profit": D("62000"),
            "size": Size(quote=D("99.5")),
            "interval": "15m",
            "reasoning": "a new high",
            "metadata": {"atr": "350.5"},
            "key": f"k{self._signals}",
        }
        signal = Signal(
            trader_id=trader_id,
            symbol=symbol,
            side=Direction.LONG,
            created_at=self.now,
            **{**fields, **more},  # type: ignore[arg-type]
        )
        self.step(ev.SignalReceived(self._signals, signal, f"{trader_id}|{signal.key}"))
        return self._signals

    def deny(self, signal_id: int, code: str = "SPREAD_TOO_WIDE") -> None:
        """Deny a signal."""
        self.step(ev.SignalDenied(signal_id, code, DENIED), after=0, cause=self.records[-1].seq)

    def enter(self, signal_id: int, price: Decimal, quantity: Decimal) -> int:
        """Approve a signal and place its entry with stop and target in one list; the position."""
        wanted = self.ledger.state.signals[signal_id].signal
        self._positions += 1
        number = self._positions
        quote = Quote(wanted.symbol, price, price + D("0.5"), price, self.now)
        plan = (number, 1)
        entry = self.order(
            number, Leg.ENTRY, 1, wanted.symbol, price=price + 60, quantity=quantity, plan=plan
        )
        stop = self.order(number, Leg.STOP_LOSS, 1, wanted.symbol, stop_price=D(59000), plan=plan)
        target = self.order(number, Leg.TAKE_PROFIT, 1, wanted.symbol, stop_price=D(62000), plan=plan)
        self.step(
            ev.SignalApproved(signal_id, CHECKS),
            ev.PositionCreated(
                number,
                signal_id,
                wanted.trader_id,
                wanted.symbol,
                Direction.LONG,
                quantity,
                price + 60,
                Protection.OPOCO,
                "the first that fits",
                D("1.5"),
                quote,
                wanted.stop_loss,
                wanted.take_profit,
            ),
            entry,
            stop,
            target,
            after=0,
            cause=self.records[-1].seq,
        )
        return number

    @staticmethod
    def order(
        position_id: int,
        leg: Leg,
        attempt: int,
        symbol: str,
        *,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        quantity: Decimal | None = None,
        plan: tuple[int, int] | None = None,
    ) -> ev.OrderSubmitted:
        """The intent of an order."""
        kinds = {Leg.STOP_LOSS: OrderType.STOP_LOSS, Leg.TAKE_PROFIT: OrderType.TAKE_PROFIT}
        entry = leg is Leg.ENTRY
        return ev.OrderSubmitted(
            id=client_order_id("replay", position_id, leg, attempt),
            position_id=position_id,
            leg=leg,
            attempt=attempt,
            symbol=symbol,
            side=Side.BUY if entry else Side.SELL,
            order_type=OrderType.LIMIT if entry else kinds.get(leg, OrderType.MARKET),
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            time_in_force=TimeInForce.FOK if entry else None,
            list_id=client_order_id("replay", plan[0], Leg.LIST, plan[1]) if plan else "",
            list_kind=ListKind.OPOCO if plan else None,
            pending=plan is not None and not entry,
            reserve=price * quantity if entry and price and quantity else ZERO,
        )

    def place(self, name: str, *, pending: bool = False, quantity: Decimal | None = None) -> ev.OrderPlaced:
        """The venue's acknowledgement."""
        self._exchange_ids += 1
        order_list_id = 7 if self.ledger.state.orders[name].list_id else -1
        return ev.OrderPlaced(name, self._exchange_ids, order_list_id, pending, quantity)

    def fill(self, name: str, price: Decimal, quantity: Decimal, *, last: bool) -> list[ev.Event]:
        """An execution, and the balances that follow."""
        self._trade_ids += 1
        order = self.ledger.state.orders[name]
        buys = order.side is Side.BUY
        value = price * quantity
        base = order.symbol.removesuffix("USDT")
        commission = (quantity if buys else value) * FEE
        fill = ev.Fill(
            self._trade_ids,
            price,
            quantity,
            value,
            commission,
            base if buys else "USDT",
            value * FEE,
            self._trade_ids % 2 == 0,
            self.now,
        )
        self._quote += -value if buys else value - commission
        event = ev.OrderFilled(name, fill) if last else ev.OrderPartiallyFilled(name, fill)
        return [event, ev.BalanceUpdated((("USDT", self._quote, ZERO),))]

    def name(self, position_id: int, leg: Leg, attempt: int = 1) -> str:
        """The id of one of a position's orders."""
        return client_order_id("replay", position_id, leg, attempt)

    # -- whole trades ----------------------------------------------------------------------------------------

    def bought(self, symbol: str = "BTCUSDT", price: Decimal = PRICE, parts: int = 1) -> int:
        """A position that is open and protected."""
        quantity = D("0.0016")
        number = self.enter(self.signal(symbol), price, quantity)
        entry, stop, target = (self.name(number, leg) for leg in (Leg.ENTRY, Leg.STOP_LOSS, Leg.TAKE_PROFIT))
        self.step(
            self.place(entry),
            self.place(stop, pending=True),
            self.place(target, pending=True),
            after=50_000,
            cause=self.records[-1].seq,
        )
        for part in range(parts):
            opened = [ev.PositionOpened(number)] if part == 0 else []
            events = self.fill(entry, price + part, quantity / parts, last=part == parts - 1)
            self.step(*events[:1], *opened, *events[1:], after=0)
        held = self.ledger.state.positions[number].quantity
        self.step(
            self.place(stop, quantity=held),
            self.place(target, quantity=held),
            ev.PositionProtected(number, stop, 1_500, target, Protection.OPOCO),
            after=1_500,
        )
        return number

    def closed(self, number: int, price: Decimal, leg: Leg = Leg.STOP_LOSS) -> None:
        """The stop or the target of a position is executed, the other ends, the position closes."""
        position = self.ledger.state.positions[number]
        other = Leg.TAKE_PROFIT if leg is Leg.STOP_LOSS else Leg.STOP_LOSS
        quantity = position.quantity - D("0.0000006")
        events = self.fill(self.name(number, leg), price, quantity, last=True)
        self.step(
            ev.OrderExpired(self.name(number, other), "OCO_TRIGGER"),
            ev.PositionClosing(number, "stop_loss" if leg is Leg.STOP_LOSS else "take_profit"),
            events[0],
            events[1],
            after=30 * SECOND,
        )
        dust = (position.quantity, position.cost)
        self.step(ev.PositionClosed(number, position.realized, position.exit_reason, *dust), after=0)

    def unfilled(self) -> int:
        """A position whose entry was never executed."""
        number = self.enter(self.signal("ETHUSDT"), D("3000.25"), D("0.03"))
        names = [self.name(number, leg) for leg in (Leg.ENTRY, Leg.STOP_LOSS, Leg.TAKE_PROFIT)]
        self.step(*(ev.OrderExpired(name, "UNFILLED_FOK_ORDER_EXPIRED") for name in names), after=50_000)
        self.step(ev.PositionFailed(number, "ENTRY_UNFILLED", "expired"), after=0)
        return number

    def rejected(self) -> int:
        """A position whose entry the venue refused."""
        number = self.enter(self.signal(), D("60000"), D("0.0016"))
        names = [self.name(number, leg) for leg in (Leg.ENTRY, Leg.STOP_LOSS, Leg.TAKE_PROFIT)]
        self.step(*(ev.OrderRejected(name, -2010, "insufficient balance") for name in names))
        self.step(ev.PositionFailed(number, "insufficient balance", "rejected"), after=0)
        return number

    def mark(self, price: Decimal, symbol: str = "BTCUSDT") -> None:
        """Mark equity at a price."""
        with decimal.localcontext(CONTEXT):
            portfolio = self.ledger.state.portfolio
            equity = portfolio.equity_at({**self.ledger.state.prices, symbol: price})
        self.step(ev.EquityMarked(equity, ((symbol, price),)), after=MINUTE)

    def candle(self) -> None:
        """A candle closed: nothing that a table would show."""
        at = self.now
        self.step(ev.CandleClosed(Candle("BTCUSDT", "15m", at, at + 1, D(1), D(2), D(1), D(2), D(9))))

    def limits(self, trader_id: str, symbol: str, limits: RiskLimits | None) -> None:
        """Limits of a trader or symbol were set or removed."""
        self.step(ev.LimitsChanged(trader_id, symbol, limits, "ann"))

    def decide(self, number: int) -> None:
        """A decision about a position."""
        self.step(
            ev.DecisionMade("adjust_sl", "trader", position_id=number, price=D("59500"), reasoning="trail"),
            ev.PositionUpdated(number, "trader", stop_loss=D("59500")),
        )

    def random_trade(self) -> None:
        """One signal, as the seed has it."""
        draw = self.random.randrange(8)
        if draw == 0:
            self.deny(self.signal(), self.random.choice(["SPREAD_TOO_WIDE", "PAUSED"]))
        elif draw == 1:
            self.unfilled()
        elif draw == 2:
            self.rejected()
        else:
            price = PRICE + self.random.randrange(-500, 500)
            number = self.bought(price=price, parts=self.random.choice([1, 1, 2, 4]))
            if draw == 3:
                self.decide(number)
            if draw in (3, 4):
                self.mark(price - self.random.randrange(300))
            if draw == 5:
                self.now += 3 * 1440 * MINUTE  # long enough for its entry to be forgotten
                self.candle()
            leg = self.random.choice([Leg.STOP_LOSS, Leg.TAKE_PROFIT])
            self.closed(number, D(59000) if leg is Leg.STOP_LOSS else D(62000), leg)
            self.candle()


def long_story(trades: int, owner: Owner = OWNER, seed: int = 0) -> Story:
    """Many trades, and at the end one position that is open and marked."""
    story = Story(owner, seed)
    story.limits("breakout", "", RiskLimits(max_positions=2))
    for _ in range(trades):
        story.random_trade()
    story.bought()
    story.mark(D("60123.45"))
    return story


def replayed(steps: list[list[ev.Record]]) -> Iterator[tuple[list[ev.Record], Ledger]]:
    """Apply records again, step by step, on a ledger of their own."""
    ledger = Ledger(State())
    for step in steps:
        with decimal.localcontext(CONTEXT):
            for record in step:
                apply(ledger, record)
        yield step, ledger
