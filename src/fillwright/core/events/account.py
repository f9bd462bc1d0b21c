"""Events of the account: ledger, instruments, settings, balances, marks, candles."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fillwright.core.events.base import Event
from fillwright.core.inputs import Candle
from fillwright.core.instruments import Instrument
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import Asset, Symbol


class AccountOpened(Event, frozen=True):
    """A ledger has begun: its id, tag of client order ids, and settings."""

    account_id: str
    tag: str
    settings: Settings
    lost: bool = False
    """Positions of this tag are to be taken back from what the venue remembers."""


class LedgerRecovered(Event, frozen=True):
    """The positions of a ledger that was lost were taken back; new orders are numbered after these counts."""

    tag: str
    positions: tuple[int, ...]
    positions_made: int
    manual_orders_made: int
    attempts_made: int


class InstrumentChanged(Event, frozen=True):
    """The venue describes a symbol (for the first time, or anew)."""

    instrument: Instrument


class FeesChanged(Event, frozen=True):
    """The account's commission rates."""

    maker: Decimal
    taker: Decimal


class SettingsChanged(Event, frozen=True):
    """The account's settings were replaced."""

    settings: Settings
    by: str


class LimitsChanged(Event, frozen=True):
    """Limits of a trader or symbol were set (None: removed)."""

    trader_id: str
    symbol: Symbol
    limits: RiskLimits | None
    by: str


class BalanceUpdated(Event, frozen=True):
    """The venue's balances of one report that are news; ``opening`` also sets our own ledger to them."""

    version: ClassVar[int] = 2

    balances: tuple[tuple[Asset, Decimal, Decimal], ...]
    """Asset, free, locked."""
    opening: bool = False


class BalanceDiffers(Event, frozen=True):
    """The venue's total of an asset is not what our executions give (0: it is again); a second read decides."""

    asset: Asset
    difference: Decimal


class BalanceCorrected(Event, frozen=True):
    """Our ledger was corrected to the venue's total after two reads said the same."""

    asset: Asset
    difference: Decimal


class TransferSeen(Event, frozen=True):
    """Money came in or went out other than by trading."""

    asset: Asset
    delta: Decimal


class EquityMarked(Event, frozen=True):
    """Equity by the bids of the symbols with positions; only marks move peak, drawdown and the day's loss.

    Each second while there are positions, once more when the last one has ended.
    """

    equity: Decimal
    prices: tuple[tuple[Symbol, Decimal], ...] = ()


class TradingDayStarted(Event, frozen=True):
    """A new trading day: daily counters start at zero, the day's loss counts from this equity."""

    day: int
    equity: Decimal


class CandleClosed(Event, frozen=True):
    """A candle of the account's interval closed."""

    candle: Candle
