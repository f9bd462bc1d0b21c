from __future__ import annotations

from fillwright.market.events import Trade
from fillwright.market.intervals import Interval
from fillwright.replay.feeds import CandleFeed, EventFeed, QuoteFeed, TradeFeed, open_feed
from tests.replay.builders import D, at, candles_tape, events_tape, quotes_tape, trades_tape
from tests.replay.feeds.test_columns import FakeMarket


def test_each_kind_of_tape_has_its_feed() -> None:
    tapes = {
        TradeFeed: trades_tape([(0, 1)]),
        CandleFeed: candles_tape([(0, 1, 1, 1, 1, 1)]),
        QuoteFeed: quotes_tape([(0, 1, 2)]),
        EventFeed: events_tape([Trade("BTCUSDT", at(0), 1, D(1), D(1), False)]),
    }
    for kind, tape in tapes.items():
        feed = open_feed(tape, FakeMarket(), (Interval.M1,), None)
        assert type(feed) is kind
        assert feed.load()
        assert feed.next_time() == at(0)
