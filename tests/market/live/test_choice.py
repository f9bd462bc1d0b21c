from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from fillwright.core.inputs import Candle
from fillwright.market.live.choice import first_available, trouble_with
from fillwright.market.live.synthetic import LiveSyntheticMarket
from fillwright.ports import FeedState, MarketData, MarketSink, MarketUnavailableError
from fillwright.wire.exchange_info import default_exchange_info
from tests.market.live.worlds import MadeClock

INSTRUMENTS = default_exchange_info().instruments


class Source:
    """A source that behaves as it is told."""

    def __init__(self, *, history: str = "", stream: str = "up") -> None:
        self._history, self._stream = history, stream
        self.is_closed = False

    @property
    def source(self) -> str:
        return "binance"

    async def history(self, symbol: str, interval: str, count: int) -> Sequence[Candle]:
        if self._history == "silent":
            await asyncio.Event().wait()
        if self._history:
            raise MarketUnavailableError(self._history)
        return []

    async def run(self, sink: MarketSink) -> None:
        try:
            if self._stream == "up":
                sink.state(FeedState("binance", True))
            elif self._stream == "prices":
                sink.quote("BTCUSDT", Decimal(1), Decimal(1), Decimal(2), Decimal(1), 0)
            elif self._stream == "ends":
                return
            elif self._stream == "broken":
                raise MarketUnavailableError("no streams here")
            else:
                sink.state(FeedState("binance", False, self._stream))
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


@pytest.mark.parametrize("stream", ["up", "prices"])
def test_a_source_that_answers_is_used(stream: str) -> None:
    made: list[Source] = []

    def make() -> Source:
        made.append(Source(stream=stream))
        return made[-1]

    def never(why: str) -> MarketData:
        raise AssertionError(why)

    chosen = asyncio.run(first_available(make, never, "BTCUSDT", "1m"))
    assert chosen is made[1]
    assert made[0].is_closed


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (Source(history="Binance does not serve this place"), "Binance does not serve this place"),
        (Source(history="silent"), "no candles came within 0.05 s"),
        (Source(stream="cannot be reached"), r"no prices came within 0.05 s (cannot be reached)"),
        (Source(stream="broken"), "no streams here"),
        (Source(stream="ends"), "it sends no prices"),
    ],
)
def test_why_a_source_is_of_no_use_is_said(source: Source, why: str) -> None:
    assert asyncio.run(trouble_with(source, "BTCUSDT", "1m", 0.05)) == why


def test_the_other_source_says_why_it_is_used() -> None:
    def synthetic(why: str) -> MarketData:
        return LiveSyntheticMarket(INSTRUMENTS, ["BTCUSDT"], ["1m"], MadeClock(), detail=why)

    async def story() -> FeedState:
        chosen = await first_available(
            lambda: Source(history="silent"), synthetic, "BTCUSDT", "1m", limit_s=0.01
        )
        assert chosen.source == "synthetic"
        states: list[FeedState] = []

        class Sink:
            def state(self, state: FeedState) -> None:
                states.append(state)
                raise EOFError

        with pytest.raises(EOFError):
            await chosen.run(Sink())  # type: ignore[arg-type]
        return states[0]

    state = asyncio.run(story())
    assert state.connected
    assert state.detail.startswith(
        "Binance cannot be used now: no candles came within 0.01 s. Prices are made up"
    )
