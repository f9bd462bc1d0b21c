"""Feeds: tapes as moments of the market, visited one by one or skipped where they can change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fillwright.core.types import Symbol
from fillwright.market.intervals import Interval
from fillwright.market.tapes.tape import Tape, TapeKind
from fillwright.replay.feeds.base import Bounds, Feed, Market
from fillwright.replay.feeds.columns import CandleFeed, TradeFeed
from fillwright.replay.feeds.events import EventFeed, QuoteFeed

__all__ = ["Bounds", "CandleFeed", "EventFeed", "Feed", "Market", "QuoteFeed", "TradeFeed", "open_feed"]


def open_feed(
    tape: Tape, market: Market, intervals: Sequence[Interval], symbols: frozenset[Symbol] | None
) -> Feed:
    """The feed for a tape's kind."""
    if tape.kind is TapeKind.EVENTS:
        return EventFeed(tape, market, intervals, symbols)
    kinds: dict[TapeKind, Callable[[Tape, Market, Sequence[Interval]], Feed]] = {
        TapeKind.TRADES: TradeFeed,
        TapeKind.CANDLES: CandleFeed,
        TapeKind.QUOTES: QuoteFeed,
    }
    return kinds[tape.kind](tape, market, intervals)
