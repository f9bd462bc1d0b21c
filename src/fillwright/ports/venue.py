"""Where an account's orders go, as the live shell sees it: effects out, inputs back, never an exception for trouble."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

import msgspec

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Input
from fillwright.core.instruments import Instrument
from fillwright.core.settings import VenueProfile
from fillwright.core.types import AccountId, Asset
from fillwright.ports.market_data import MarketSink

VenueEffect = Send | QueryOrder | FetchSnapshot | FetchInstruments
"""What a venue carries out; the other effects are the shell's own."""

Reports = Callable[[Sequence[Input]], None]
"""Takes what the venue says, in its order, without waiting."""


class VenueUnavailableError(Exception):
    """The venue cannot be opened; the text says why and what to do."""


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of account and symbols when it is opened."""

    instruments: tuple[Instrument, ...]
    maker_fee: Decimal
    """A fraction: 0.001 is 0.1 %."""
    taker_fee: Decimal
    balances: tuple[tuple[Asset, Decimal, Decimal], ...]
    """(asset, free, locked)."""
    profile: VenueProfile
    """How far it can be trusted."""


class Venue(Protocol):
    """One account at one venue."""

    @property
    def account_id(self) -> AccountId:
        """Whose orders go here."""

    async def open(self) -> VenueTerms:
        """Get ready; everything that was acknowledged before is still there. Raises VenueUnavailableError."""

    async def run(self, reports: Reports) -> None:
        """Hand on what the account's stream says until cancelled; StreamChanged tells when it breaks and is back.

        The first report is StreamChanged(True). Raises StorageError where the venue keeps its own books and cannot.
        """

    def carry_out(self, effect: VenueEffect) -> Coroutine[Any, Any, Sequence[Input]]:
        """Do one effect; the inputs that its answer makes.

        A venue that can write a request without waiting has done so when this returns; await the rest in any case.

        What the venue or the way to it does wrong becomes an input, too (RequestFailed: rejected or unknown). Reads
        that fail are tried again until cancelled; ``not_before`` is waited for.
        """

    async def close(self) -> None:
        """Let go of connections; nothing is cancelled at the venue."""


class VenueCalls(msgspec.Struct, frozen=True, order=True):
    """How many calls of a venue's library ended in one way."""

    call: str
    outcome: str
    """ok, or the kind of failure as the library names it."""
    code: int | None
    """The exchange's, of a failure."""
    count: int


@runtime_checkable
class CountsCalls(Protocol):
    """A venue that goes through a library of others, and counts what becomes of its calls."""

    @property
    def call_counts(self) -> tuple[VenueCalls, ...]:
        """Since the start, by call and outcome."""


@runtime_checkable
class MarketDriven(Protocol):
    """A venue whose orders meet the live market in this process: it takes what a MarketData pushes, before anybody."""

    @property
    def market(self) -> MarketSink:
        """Takes every quote, trade and depth while the venue is open."""
