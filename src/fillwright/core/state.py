"""State: all that is true of one account. Only ``apply`` (``core.apply``) changes it, from records.

Ended orders, positions and signals stay for 24 hours (late reports find them; a venue that has none needs them
less long), idempotency keys for 7 days (of commands at most 20,000, the oldest give way); then they are forgotten, so
that memory is flat in the number of trades.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

import msgspec

from fillwright.core.inputs import Signal
from fillwright.core.instruments import Instrument
from fillwright.core.orders import Order
from fillwright.core.portfolio import Portfolio
from fillwright.core.positions import ENTERING, Position
from fillwright.core.rollout import Rollout
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import (
    DAY,
    FINAL_STATES,
    ZERO,
    AccountId,
    ClientOrderId,
    SignalStatus,
    Symbol,
    Time,
)

KEEP_CANDLES: Time = DAY
"""How long it is remembered that a candle had its signal."""
KEEP_KEYS: Time = 7 * DAY
"""How long idempotency keys stay."""
COMMANDS_MAX = 20_000
"""Commands with a key remembered at most; the oldest give way."""
CLOSES_MAX = 1_000
"""Candle closes kept per symbol, whatever window the settings ask for."""
FOREIGN_STOPS_MAX = 32
"""Runs of the stop by keys remembered; the oldest give way."""
EXTERNALS_MAX = 10_000
"""External orders remembered at most; the oldest give way."""


class SignalRecord(msgspec.Struct):
    """A signal and what became of it."""

    id: int
    signal: Signal
    received_at: Time
    key: str
    status: SignalStatus = SignalStatus.RECEIVED
    reason: str = ""
    code: str = ""
    position_id: int = 0
    decided_at: Time = 0
    """When its age starts to count: its creation, or the decision to enter after monitoring."""
    updated_at: Time = 0


class Breaker(msgspec.Struct):
    """The circuit breaker: open means no entries."""

    is_open: bool = False
    error_count: int = 0
    identical_rejects: int = 0
    last_reject: str = ""
    opened_at: Time = 0
    until: Time = 0
    last_error: str = ""
    probing: bool = False


class Safety(msgspec.Struct, kw_only=True):
    """What stops entries: halt, pause, breaker, cool-down, rate limits."""

    halted_cause: str = ""
    halted_reason: str = ""
    halted_by: str = ""
    halted_at: Time = 0
    paused_cause: str = ""
    paused_until: Time = 0
    shutdown: bool = False
    mode_off: bool = False
    """Another mode of its user is traded."""
    flatten: bool = False
    stopping_since: Time = 0
    """When the emergency stop began that is not proven yet; 0: none is."""
    stop_read_at: Time = 0
    """When the books were asked for that are to prove it; 0: not yet."""
    stop_proven_at: Time = 0
    """When the last one was proven."""
    stop_external: bool = False
    """Orders that are not ours are to go with it."""
    foreign_stops: list[str] = []
    """The last runs of the stop by keys that were seen."""
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    consecutive_losses: int = 0
    cooldown_until: Time = 0
    rate_limited_until: Time = 0
    entry_times: list[Time] = []
    """Entries of the last ten seconds."""
    last_entry_at: Time = 0
    order_windows: list[list[int]] = []
    """Per venue window: [index of the window, orders sent in it]."""


class KeyedCommand(msgspec.Struct, frozen=True, gc=False):
    """A command that brought a key, and what was answered."""

    body_hash: str
    ok: bool
    code: str = ""
    message: str = ""
    position_id: int = 0
    orders: tuple[ClientOrderId, ...] = ()


class External(msgspec.Struct, gc=False):
    """An order at the venue that is not ours."""

    symbol: Symbol
    client_order_id: ClientOrderId
    exchange_order_id: int
    side: str
    type: str
    quantity: Decimal
    executed_quantity: Decimal
    status: str
    seen_at: Time
    cancel_at: Time = 0
    """When an emergency stop has cancelled it."""


class Fifo(msgspec.Struct):
    """A queue of (time, key), oldest first, that gives its head up in constant time."""

    items: list[tuple[Time, str]] = []
    head: int = 0

    def push(self, time: Time, key: str) -> None:
        """Add at the end."""
        self.items.append((time, key))

    def oldest(self, default: Time) -> Time:
        """When the oldest key came in; the default when there is none."""
        return self.items[self.head][0] if self.head < len(self.items) else default

    def pop_before(self, time: Time) -> str | None:
        """Take the oldest key if it is older than a time."""
        if self.head >= len(self.items) or self.items[self.head][0] >= time:
            return None
        key = self.items[self.head][1]
        self.head += 1
        if self.head > 1_024 and self.head * 2 > len(self.items):
            del self.items[: self.head]
            self.head = 0
        return key


class State(msgspec.Struct, kw_only=True):
    """All that is true of one account after the record ``seq``."""

    account_id: AccountId = ""
    tag: str = ""
    lost: bool = False
    """Positions of the tag are to be taken back still: until then nothing is made of the venue's orders."""
    seq: int = 0
    time: Time = 0
    settings: Settings = Settings()
    limits: dict[str, RiskLimits] = {}
    """Overrides by ``trader|symbol`` ('' = all)."""
    instruments: dict[Symbol, Instrument] = {}
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO

    signals: dict[int, SignalRecord] = {}
    signals_made: int = 0
    keys: dict[str, int] = {}
    """Idempotency key (``trader|key``) → signal id."""
    key_hashes: dict[str, str] = {}
    """Hashes of the bodies of signals that were forgotten sooner than their keys."""
    key_codes: dict[str, str] = {}
    """Why the signals of some keys were denied."""
    commands: dict[str, KeyedCommand] = {}
    """Commands by their key (``by|key``)."""
    candle_signals: dict[str, int] = {}
    """``trader|symbol|side|candle`` → signal id, of signals that were not denied."""
    positions: dict[int, Position] = {}
    positions_made: int = 0
    orders: dict[ClientOrderId, Order] = {}
    manual_orders_made: int = 0
    cancels_made: int = 0
    externals: dict[str, External] = {}
    portfolio: Portfolio = msgspec.field(default_factory=Portfolio)
    safety: Safety = msgspec.field(default_factory=Safety)
    rollout: Rollout = msgspec.field(default_factory=Rollout)
    prices: dict[Symbol, Decimal] = {}
    """Last price known from the journal (fills and marks): the fallback where no quote has come yet."""
    closes: dict[Symbol, list[Decimal]] = {}
    stream_connected: bool = True
    stream_lost_at: Time = 0
    """When it broke, until the whole books have been read after it was back; 0: nothing was missed."""
    reconciling: bool = False
    reconciling_since: Time = 0
    reconciling_symbol: Symbol = ""
    """Empty: the whole account."""
    reconciled_at: Time = 0
    protection_read_at: Time = 0
    ended: Fifo = msgspec.field(default_factory=Fifo)
    old_keys: Fifo = msgspec.field(default_factory=Fifo)
    old_candles: Fifo = msgspec.field(default_factory=Fifo)
    old_commands: Fifo = msgspec.field(default_factory=Fifo)


_NO_ORDERS: dict[ClientOrderId, Order] = {}
_NO_POSITIONS: dict[int, Position] = {}


class Ledger:
    """State with the indexes that are derived from it: what is open, what is whose."""

    __slots__ = (
        "by_exchange_id",
        "doubts",
        "entering",
        "forget_after",
        "open_orders",
        "open_positions",
        "orders_by_symbol",
        "positions_by_symbol",
        "state",
        "waiting_signals",
        "windows_end",
    )

    def __init__(self, state: State) -> None:
        self.state = state
        self.open_orders: dict[ClientOrderId, Order] = {}
        self.orders_by_symbol: dict[Symbol, dict[ClientOrderId, Order]] = {}
        self.open_positions: dict[int, Position] = {}
        self.entering: dict[int, Position] = {}
        """Open positions of which nothing is bought yet."""
        self.positions_by_symbol: dict[Symbol, dict[int, Position]] = {}
        self.waiting_signals: dict[int, SignalRecord] = {}
        self.by_exchange_id: dict[tuple[Symbol, int], ClientOrderId] = {}
        self.doubts: dict[ClientOrderId, Order] = {}
        self.forget_after: Time = 0
        """Until then nothing is old enough to be forgotten."""
        self.windows_end: Time = 0
        """Until then the order-count windows (``Safety.order_windows``) are the ones that orders count in."""
        for order in state.orders.values():
            self.index_order(order)
            if order.exchange_order_id:
                self.by_exchange_id[order.symbol, order.exchange_order_id] = order.id
        for position in state.positions.values():
            if not position.is_ended:
                self.index_position(position)
        for signal in state.signals.values():
            if signal.status is SignalStatus.MONITORING:
                self.waiting_signals[signal.id] = signal

    def index_order(self, order: Order) -> None:
        """Put an order where its state says it belongs."""
        name = order.id
        if order.state in FINAL_STATES:
            if self.open_orders.pop(name, None) is not None:
                del self.orders_by_symbol[order.symbol][name]
        elif name not in self.open_orders:
            mine = self.orders_by_symbol.get(order.symbol)
            if mine is None:
                mine = self.orders_by_symbol[order.symbol] = {}
            self.open_orders[name] = mine[name] = order
        if order.doubt is not None:
            self.doubts[name] = order
        elif self.doubts:
            self.doubts.pop(name, None)

    def index_new_order(self, order: Order) -> None:
        """Put an order where it belongs that has just been submitted: it is open, and nothing is in doubt."""
        mine = self.orders_by_symbol.get(order.symbol)
        if mine is None:
            mine = self.orders_by_symbol[order.symbol] = {}
        self.open_orders[order.id] = mine[order.id] = order

    def index_position(self, position: Position) -> None:
        """Put a position where its status says it belongs."""
        mine = self.positions_by_symbol.get(position.symbol)
        if mine is None:
            mine = self.positions_by_symbol[position.symbol] = {}
        if position.is_ended:
            self.open_positions.pop(position.id, None)
            self.entering.pop(position.id, None)
            mine.pop(position.id, None)
        else:
            self.open_positions[position.id] = mine[position.id] = position
            if position.status in ENTERING:
                self.entering[position.id] = position

    def positions_in(self, symbol: Symbol) -> Collection[Position]:
        """The open positions of a symbol."""
        return self.positions_by_symbol.get(symbol, _NO_POSITIONS).values()

    def orders_in(self, symbol: Symbol) -> Iterable[Order]:
        """The open orders of a symbol."""
        return self.orders_by_symbol.get(symbol, _NO_ORDERS).values()

    def orders_of(self, position: Position) -> list[Order]:
        """The position's orders that have not ended, oldest first."""
        orders = self.state.orders
        return [orders[name] for name in position.open_order_ids]

    def dump(self) -> bytes:
        """The whole state as bytes, exactly; ``load`` gives it back."""
        return _ENCODER.encode(self.state)

    @classmethod
    def load(cls, data: bytes) -> Ledger:
        """The state that ``dump`` wrote."""
        return cls(_DECODER.decode(data))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(State)
