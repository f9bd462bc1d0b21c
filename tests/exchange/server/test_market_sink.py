"""Sources and sinks fit each other."""

from __future__ import annotations

from fillwright.exchange.server.market_sink import FAR, MarketSource, MarketSourceError, Sink
from fillwright.exchange.server.synthetic_source import SyntheticSource
from tests.exchange.builders import BTCUSDT
from tests.exchange.server.boxes import START, frozen_box
from tests.exchange.server.sinks import Recorder


def test_a_box_and_a_recorder_take_the_same() -> None:
    recorder, box = Recorder(), frozen_box(symbols=("BTCUSDT",))
    sinks: tuple[Sink, ...] = (recorder, box)
    for sink in sinks:
        source: MarketSource = SyntheticSource([BTCUSDT], 1, START)
        while source.next_time < START + 1_000_000:
            source.advance(source.next_time, sink)
    trades = box.markets["BTCUSDT"].recent_trades(len(recorder.of("trade")))
    assert [(one.price, one.quantity) for one in trades] == [one[3:5] for one in recorder.of("trade")]


def test_far_is_later_than_any_date_and_errors_are_value_errors() -> None:
    assert FAR > 100_000 * 366 * 86_400_000_000
    assert issubclass(MarketSourceError, ValueError)
