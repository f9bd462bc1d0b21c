"""Context: what one step of the engine works with. It emits events (and makes them true at once) and sends effects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import make_true
from fillwright.core.effects import Alert, Effect, Send
from fillwright.core.events import Record
from fillwright.core.inputs import Quote
from fillwright.core.instruments import Instrument
from fillwright.core.orders import Order
from fillwright.core.positions import Position
from fillwright.core.requests import Request
from fillwright.core.settings import ExecutionSettings
from fillwright.core.state import Ledger, State
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    ZERO,
    Asset,
    ClientOrderId,
    Leg,
    Symbol,
    Time,
    client_order_id,
)

EXIT_LANE = "exit"
PROTECT_LANE = "protect"
QUERY_LANE = "query"
ENTRY_LANE = "entry"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the sender of a signal or command is told at once."""

    ok: bool
    code: str = ""
    message: str = ""
    signal_id: int = 0
    position_id: int = 0
    orders: tuple[ClientOrderId, ...] = ()
    repeated: bool = False
    """The same key and body came before: this is the first answer again."""


class Averages(Protocol):
    """The venue's average prices (``avgPrice``), worked out when somebody looks."""

    def get(self, symbol: Symbol) -> Decimal | None:
        """The average price of a symbol; None when nobody knows."""


class NoAverages:
    """No average prices are known."""

    def get(self, symbol: Symbol) -> Decimal | None:
        """None."""
        return None


class Bids(Mapping[Symbol, Decimal]):
    """The bid of every symbol: from the quote, or the last price that the journal knows."""

    __slots__ = ("quotes", "state")

    def __init__(self, state: State, quotes: dict[Symbol, Quote]) -> None:
        self.state = state
        self.quotes = quotes

    def __getitem__(self, symbol: Symbol) -> Decimal:
        quote = self.quotes.get(symbol)
        return quote.bid if quote is not None else self.state.prices.get(symbol, ZERO)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.quotes)

    def __len__(self) -> int:
        return len(self.quotes)


class Context:
    """One step: the time, the state, the market, and what the step has recorded and sent so far."""

    __slots__ = (
        "answer",
        "averages",
        "bids",
        "cause",
        "effects",
        "ledger",
        "now",
        "quotes",
        "records",
        "state",
        "touched",
    )

    def __init__(
        self,
        ledger: Ledger,
        quotes: dict[Symbol, Quote],
        bids: Bids,
        averages: Averages,
        now: Time,
    ) -> None:
        self.ledger = ledger
        self.state = ledger.state
        self.quotes = quotes
        self.bids = bids
        self.averages = averages
        self.now = now
        self.cause = 0
        self.records: list[Record] = []
        self.effects: list[Effect] = []
        self.touched: dict[int, None] = {}
        self.answer: Answer | None = None

    # -- out -------------------------------------------------------------------------------------------------

    def emit(self, event: ev.Event, cause: int = 0) -> int:
        """Record an event and make it true; returns its sequence number.

        Its cause is the one given, else the step's first record.
        """
        seq = self.state.seq + 1
        record = Record(seq, self.now, cause or self.cause, event)
        make_true(self.ledger, record)
        self.records.append(record)
        if not self.cause:
            self.cause = seq
        return seq

    def emit_safety(self, events: Iterable[ev.Event]) -> None:
        """Record what follows for the safety of all; a person is told at once of a halt and of an open breaker."""
        for event in events:
            self.emit(event)
            if isinstance(event, ev.Halted):
                self.alert("error", "HALTED", event.reason)
            elif isinstance(event, ev.CircuitBreakerOpened):
                self.alert("error", "CIRCUIT_OPEN", event.reason)

    def send(self, request: Request, lane: str) -> None:
        """Have a request sent to the venue."""
        self.effects.append(Send(request, lane))

    def alert(self, level: str, code: str, message: str) -> None:
        """Have a person told."""
        self.effects.append(Alert(level, code, message))

    def touch(self, position_id: int) -> None:
        """Have a position (0: the manual orders) settled at the end of the step."""
        self.touched[position_id] = None

    # -- short words -----------------------------------------------------------------------------------------

    @property
    def execution(self) -> ExecutionSettings:
        """The account's execution settings."""
        return self.state.settings.execution

    def instrument(self, symbol: Symbol) -> Instrument:
        """A symbol that orders or positions exist for (so it is known)."""
        return self.state.instruments[symbol]

    def name(self, position: Position, leg: Leg) -> ClientOrderId:
        """A fresh client order id for a leg of a position."""
        return client_order_id(self.state.tag, position.id, leg, position.attempts.get(leg, 0) + 1)

    def position_of(self, order: Order) -> Position | None:
        """The position that an order belongs to."""
        return self.state.positions.get(order.position_id)

    def value_in_quote(self, symbol: Symbol, asset: Asset, amount: Decimal, price: Decimal) -> Decimal:
        """What an amount of an asset (a commission) is worth in the symbol's quote asset now; 0 if nobody knows."""
        instrument = self.state.instruments[symbol]
        if asset == instrument.quote or not amount:
            return amount
        if asset == instrument.base:
            return amount * price
        return amount * self.bids[asset + instrument.quote]


def seconds(value: Decimal | int) -> Time:
    """Seconds (a setting) as microseconds."""
    return int(value * SECOND)


def milliseconds(value: int) -> Time:
    """Milliseconds (a setting) as microseconds."""
    return value * MILLISECOND
