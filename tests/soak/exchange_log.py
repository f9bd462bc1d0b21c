"""The exchange's own account of what happened: its event log, read while it is written.

Of each customer: orders and the content under each of our ids, executions, and by the exchange's clock every spell in
which coins of a position could have been sold and no live stop covered them.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import (
    STOP_TYPES,
    VENUE_FINAL,
    ZERO,
    ExecutionType,
    OrderType,
    Side,
    Symbol,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.messages import ExchangeEvent, ExecutionReport
from fillwright.exchange.server.event_log import AnswerLine

LOWER = Decimal("0.998")
"""No stop is further below its entry than this: what can be sold there can be sold at the stop."""
CHANGING = ("order.place", "orderList.place", "order.cancel", "orderList.cancel", "order.amend")
FAULTS_KEPT_MAX = 200_000


class VenueOrder(msgspec.Struct):
    """An order at the exchange, under the name that we gave it."""

    order_id: int
    name: str
    symbol: Symbol
    side: Side
    type: OrderType
    content: tuple[Decimal, Decimal, Decimal]
    """Quantity, price, stop price, as they were first told."""
    quantity: Decimal
    status: VenueOrderStatus
    executed: Decimal = ZERO


class Spell(msgspec.Struct):
    """Coins of a position without a live stop."""

    position_id: int
    symbol: Symbol
    begin: Time
    end: Time | None = None
    """None: it lasts."""
    least: Decimal = ZERO
    """How many coins, at its beginning."""


class Holding(msgspec.Struct):
    """What a position owns by what the exchange has executed, and which stops are live for it."""

    symbol: Symbol
    bought: Decimal = ZERO
    """Less the commission taken in coins."""
    sold: Decimal = ZERO
    stops: dict[int, Decimal] = {}
    """What is left of each live stop, by order."""
    resting: int = 0
    """Targets that rest as LIMIT_MAKER and have filled in part: what is left of them waits."""
    price: Decimal = ZERO
    """Of the last purchase."""
    spell: Spell | None = None


class Fault(msgspec.Struct):
    """A call that was told otherwise than it happened, or not at all."""

    time: Time
    operation: str
    outcome: str
    names: str
    """Our ids in its parameters, as text."""

    @property
    def is_question(self) -> bool:
        """Whether nothing was to be changed by it."""
        return not self.operation.startswith(CHANGING)


class Account:
    """One customer as the exchange knows it."""

    def __init__(self, name: str, instruments: Callable[[Symbol], Instrument]) -> None:
        self.name = name
        self._instruments = instruments
        self.orders: dict[int, VenueOrder] = {}
        self.names: dict[str, list[int]] = {}
        """Orders by our id; more than one when an id was used again."""
        self.trades: dict[tuple[Symbol, int, int], Decimal] = {}
        """Quantities by symbol, trade id and order id."""
        self.names_of_trades: dict[tuple[Symbol, int, int], str] = {}
        self.holdings: dict[int, Holding] = {}
        self.spells: list[Spell] = []
        self.faults: list[Fault] = []
        self.problems: list[str] = []
        self.calls = 0

    def heard(self, report: ExecutionReport) -> None:
        """Take in one report."""
        order = self._order(report)
        if report.execution_type is ExecutionType.TRADE:
            self._executed(order, report)
        order.status, order.quantity = report.status, report.quantity
        order.executed = report.executed_quantity
        parsed = parse_client_order_id(order.name)
        if parsed is not None:
            self._cover(parsed[1], order, report)

    def _order(self, report: ExecutionReport) -> VenueOrder:
        known = self.orders.get(report.order_id)
        if known is not None:
            return known
        name = report.orig_client_order_id or report.client_order_id
        content = (report.quantity, report.price, report.stop_price)
        order = VenueOrder(
            report.order_id,
            name,
            report.symbol,
            report.side,
            report.type,
            content,
            report.quantity,
            report.status,
        )
        self.orders[order.order_id] = order
        self.names.setdefault(name, []).append(order.order_id)
        if parse_client_order_id(name) is None:
            self.problems.append(f"{name} is not of our making")
        first = self.orders[self.names[name][0]]
        if (first.symbol, first.side, first.type) != (order.symbol, order.side, order.type):
            self.problems.append(f"{name} was used for {first} and for {order}")
        return order

    def _executed(self, order: VenueOrder, report: ExecutionReport) -> None:
        key = (report.symbol, report.trade_id, report.order_id)
        if key in self.trades:
            self.problems.append(f"trade {key} happened twice")
        self.trades[key] = report.last_quantity
        self.names_of_trades[key] = order.name
        others = [n for n in self.names[order.name] if n != order.order_id and self.orders[n].executed]
        if others:
            self.problems.append(f"{order.name} was executed as orders {others} and {order.order_id}")

    def _cover(self, position_id: int, order: VenueOrder, report: ExecutionReport) -> None:
        holding = self.holdings.setdefault(position_id, Holding(order.symbol))
        if report.execution_type is ExecutionType.TRADE:
            self._move(holding, report)
        is_live = order.status in (VenueOrderStatus.NEW, VenueOrderStatus.PARTIALLY_FILLED)
        if order.type in STOP_TYPES and order.side is Side.SELL:
            if is_live:
                holding.stops[order.order_id] = order.quantity - order.executed
            else:
                holding.stops.pop(order.order_id, None)
        elif order.type is OrderType.LIMIT_MAKER and order.executed:
            holding.resting = order.order_id if is_live else 0
        self._look(position_id, holding, report.time)

    def _move(self, holding: Holding, report: ExecutionReport) -> None:
        base = self._instruments(report.symbol).base
        fee = report.commission if report.commission_asset == base else ZERO
        if report.side is Side.BUY:
            holding.bought += report.last_quantity - fee
            holding.price = report.last_price
        else:
            holding.sold += report.last_quantity + fee

    def _look(self, position_id: int, holding: Holding, now: Time) -> None:
        naked = holding.bought - holding.sold - sum(holding.stops.values(), ZERO)
        instrument = self._instruments(holding.symbol)
        is_naked = not holding.resting and instrument.is_sellable(naked, holding.price * LOWER)
        if is_naked and holding.spell is None:
            holding.spell = Spell(position_id, holding.symbol, now, None, naked)
            self.spells.append(holding.spell)
        elif not is_naked and holding.spell is not None:
            holding.spell.end = now
            if holding.spell.end == holding.spell.begin:
                self.spells.remove(holding.spell)
            holding.spell = None

    def answered(self, line: AnswerLine) -> None:
        """Take in what a call was told."""
        self.calls += 1
        if line.fault and len(self.faults) < FAULTS_KEPT_MAX:
            names = " ".join(str(value) for value in line.parameters.values() if "RT_" in str(value))
            self.faults.append(Fault(line.time, line.answer, line.fault, names))

    @property
    def open_orders(self) -> dict[str, Decimal]:
        """Open orders by our id: how much of each is executed."""
        return {
            order.name: order.executed for order in self.orders.values() if order.status not in VENUE_FINAL
        }


class ExchangeLog:
    """Follows the file."""

    def __init__(
        self, path: Path, instruments: Callable[[Symbol], Instrument], names: tuple[str, ...]
    ) -> None:
        self._path = path
        self._place = 0
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ExchangeEvent)
        self._answers = msgspec.json.Decoder(AnswerLine)
        self.accounts = {name: Account(name, instruments) for name in names}

    def look(self) -> None:
        """Take in the lines that have been completed since the last look."""
        with self._path.open("rb") as file:
            file.seek(self._place)
            while (line := file.readline()).endswith(b"\n"):
                self._place += len(line)
                self._take(line)

    def _take(self, line: bytes) -> None:
        if line.startswith(b'{"answer"'):
            answer = self._answers.decode(line)
            if (account := self.accounts.get(answer.account)) is not None:
                account.answered(answer)
            return
        event = self._decoder.decode(line)
        if isinstance(event, ExecutionReport) and event.account_id in self.accounts:
            self.accounts[event.account_id].heard(event)
