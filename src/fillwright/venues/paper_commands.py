"""What the paper exchange has been asked and told: each command is enough to do the same again.

The exchange is a function of its commands, so they are its journal. Ticks that can change nothing are no commands;
what a command found of them (the latest prices) is written down with it.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.requests import Request
from fillwright.core.types import AccountId, Asset, Symbol, SymbolStatus, Time
from fillwright.exchange.settings import ExchangeSettings

LevelTuple = tuple[tuple[Decimal, Decimal], ...]
Averages = tuple[Decimal | None, ...]
"""The average prices that a command asked for, in the order of asking."""


class Shown(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the exchange was shown of a market before a command: what is new since the command before; None: nothing.

    ``bids`` and ``asks`` are the levels that differ from what the exchange knew (0 removes one).
    """

    last: Decimal | None
    bid: Decimal | None
    bid_quantity: Decimal | None
    ask: Decimal | None
    ask_quantity: Decimal | None
    bids: LevelTuple | None
    asks: LevelTuple | None


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange is made of, and one account's terms at it."""

    account_id: AccountId
    instruments: tuple[Instrument, ...]
    settings: ExchangeSettings
    maker_fee: Decimal
    taker_fee: Decimal


class Opened(msgspec.Struct, frozen=True, gc=False, tag="opened", array_like=True):
    """The exchange and its account begin."""

    setup: Setup
    balances: dict[Asset, Decimal]
    now: Time


class Configured(msgspec.Struct, frozen=True, gc=False, tag="configured", array_like=True):
    """Instruments, settings or fees are others from now on; symbols that are not named any more stay."""

    setup: Setup
    now: Time


class Reopened(msgspec.Struct, frozen=True, gc=False, tag="reopened", array_like=True):
    """Another process took the exchange up: of markets it knows nothing any more until it hears of them."""

    now: Time


class Executed(msgspec.Struct, frozen=True, gc=False, tag="executed", array_like=True):
    """A request reached the exchange, whether it accepted it or not."""

    now: Time
    request: Request
    shown: Shown | None
    averages: Averages


class Traded(msgspec.Struct, frozen=True, gc=False, tag="traded", array_like=True):
    """A trade of the market left the bounds inside of which it changes nothing."""

    now: Time
    symbol: Symbol
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool
    shown: Shown | None
    averages: Averages


class Quoted(msgspec.Struct, frozen=True, gc=False, tag="quoted", array_like=True):
    """Best quotes left the bounds, in a market without trades."""

    now: Time
    symbol: Symbol
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    shown: Shown | None
    averages: Averages


class Deepened(msgspec.Struct, frozen=True, gc=False, tag="deepened", array_like=True):
    """The book moved so that it matters: a queue before a resting order is shorter, or its top left the bounds."""

    now: Time
    symbol: Symbol
    shown: Shown
    averages: Averages


class Phased(msgspec.Struct, frozen=True, gc=False, tag="phased", array_like=True):
    """A symbol's trading phase changed."""

    now: Time
    symbol: Symbol
    status: SymbolStatus
    cancel_orders: bool
    shown: Shown | None
    averages: Averages


class Transferred(msgspec.Struct, frozen=True, gc=False, tag="transferred", array_like=True):
    """Funds came from elsewhere or went there (negative)."""

    now: Time
    asset: Asset
    delta: Decimal


Command = Opened | Configured | Reopened | Executed | Traded | Quoted | Deepened | Phased | Transferred

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Command)
_SETUP_DECODER = msgspec.msgpack.Decoder(Setup)


def name_of(command: Command) -> str:
    """The word under which a command is recorded."""
    return type(command).__name__.lower()


def encode(command: Command) -> bytes:
    """Write a command down, exactly."""
    return _ENCODER.encode(command)


def decode(data: bytes) -> Command:
    """Read a command; ValueError for what is none."""
    try:
        command: Command = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a command of the paper exchange: {error}") from error
    return command


def encode_setup(setup: Setup) -> bytes:
    """Write down what an exchange is made of."""
    return _ENCODER.encode(setup)


def decode_setup(data: bytes) -> Setup:
    """Read what an exchange is made of; ValueError for what is something else."""
    try:
        return _SETUP_DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not the setup of a paper exchange: {error}") from error
