"""All that may go out of the core; the shell carries an effect out only after its events are in the journal."""

from __future__ import annotations

import msgspec

from fillwright.core.inputs import Candle
from fillwright.core.requests import Request
from fillwright.core.types import ClientOrderId, Symbol, Time


class Send(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Send a request to the venue; every outcome comes back as reports or RequestFailed."""

    request: Request
    lane: str
    """exit | protect | query | entry: the order in which a rate budget is spent."""


class QueryOrder(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Ask the venue about one order; the answer is an OrderReport with all fills, or OrderAbsent."""

    symbol: Symbol
    client_order_id: ClientOrderId
    order_id: int | None = None
    not_before: Time = 0
    cancel_id: ClientOrderId = ""
    """Of its cancel, whose name it may bear since."""


class FetchSnapshot(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Read the venue's books of a symbol (None: all), with these orders too; the answer is a VenueSnapshot."""

    symbol: Symbol | None
    client_order_ids: tuple[ClientOrderId, ...]
    cause: str
    balances: bool = True
    symbols: tuple[Symbol, ...] = ()
    """Of each of ``client_order_ids``, where ``symbol`` is None: no venue finds an order without its symbol."""
    order_ids: tuple[int, ...] = ()
    """The venue's of each of them, 0: not known; () knows none."""
    cancel_ids: tuple[ClientOrderId, ...] = ()
    """Of the cancel of each of them, '': none was sent."""
    tag: str = ""
    """The ledger of this tag was lost: what the venue remembers of its orders is wanted, too; '': it was not."""
    since: Time = 0
    """The stream was lost: look for signs of the stop by keys in what was ordered since then; 0: it was not."""


class FetchInstruments(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Read exchangeInfo of these symbols again; the answer is UpdateInstruments."""

    symbols: tuple[Symbol, ...]
    not_before: Time = 0


class ConsultAdvisor(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Ask the trader's advisor about a monitored signal or a position at a candle's close."""

    trader_id: str
    symbol: Symbol
    candle: Candle
    signal_id: int | None = None
    position_id: int | None = None


class Alert(msgspec.Struct, frozen=True, gc=False, tag_field="effect", tag=True):
    """Tell a person at once."""

    level: str
    """error | warning"""
    code: str
    message: str


Effect = Send | QueryOrder | FetchSnapshot | FetchInstruments | ConsultAdvisor | Alert
"""Everything ``engine.step`` may ask of the shell."""
