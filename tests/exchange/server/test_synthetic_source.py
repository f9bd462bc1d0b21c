"""The synthetic source: in the order of time, the same whatever the steps, and never too much at once."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.core.instruments import Instrument, PriceFilter
from fillwright.core.types import DAY, HOUR, MINUTE, SECOND
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.server import synthetic_source
from fillwright.exchange.server.market_sink import FAR, MarketSourceError
from fillwright.exchange.server.synthetic_source import DUE_MAX, SyntheticSource, start_price
from tests.exchange.builders import BTCUSDT
from tests.exchange.server.sinks import Recorder

START = 1_795_168_800_000_000
ETHUSDT = msgspec.structs.replace(BTCUSDT, symbol="ETHUSDT", base="ETH")
NEWUSDT = msgspec.structs.replace(BTCUSDT, symbol="NEWUSDT", base="NEW")
THREE = (BTCUSDT, ETHUSDT, NEWUSDT)


def source(*instruments: Instrument, seed: int = 1, rate: float = 5.0) -> SyntheticSource:
    return SyntheticSource(instruments or THREE, seed, START, trades_per_second=rate)


def test_ticks_of_all_symbols_come_in_the_order_of_time() -> None:
    market, sink = source(), Recorder()
    market.advance(START + MINUTE, sink)
    times = [one[2] for one in sink.events]
    assert times == sorted(times)
    assert times[0] > START
    assert times[-1] <= START + MINUTE < market.next_time
    for symbol in ("BTCUSDT", "ETHUSDT", "NEWUSDT"):
        assert 100 < len(sink.of("trade", symbol)) < 900


def test_steps_do_not_matter() -> None:
    at_once, in_steps = Recorder(), Recorder()
    source().advance(START + MINUTE, at_once)
    market = source()
    for step in range(1, 601):
        market.advance(START + step * SECOND // 10, in_steps)
    assert in_steps.events == at_once.events


def test_seeds() -> None:
    one, same, other = Recorder(), Recorder(), Recorder()
    for seed, sink in ((1, one), (1, same), (2, other)):
        source(seed=seed).advance(START + 10 * SECOND, sink)
    assert one.events == same.events
    assert one.events != other.events


def test_every_trade_is_at_the_best_price_of_its_book() -> None:
    sink = Recorder()
    source(BTCUSDT).advance(START + MINUTE, sink)
    bids, asks = Ladder(descending=True), Ladder(descending=False)
    for event in sink.events:
        if event[0] == "depth":
            for ladder, levels in ((bids, event[3]), (asks, event[4])):
                if event[5]:
                    ladder.replace(levels)
                for price, quantity in levels:
                    ladder.set(price, quantity)
            assert bids.best is not None
            assert asks.best is not None
            assert bids.best < asks.best
        else:
            assert event[3] == (bids.best if event[5] else asks.best)


def test_prices_are_on_the_tick_and_quantities_on_the_step() -> None:
    sink = Recorder()
    source().advance(START + 10 * SECOND, sink)
    for _, _, _, price, quantity, _ in sink.of("trade"):
        assert price % Decimal("0.01") == 0
        assert quantity % Decimal("0.00001") == 0
        assert quantity > 0


def test_a_long_sleep_is_thinned_and_keeps_extremes() -> None:
    faithful, slept = Recorder(), Recorder()
    market = source(BTCUSDT)
    for minute in range(1, 12 * 60 + 1):
        market.advance(START + minute * MINUTE, faithful, with_depth=False)
    source(BTCUSDT).advance(START + 12 * HOUR, slept, with_depth=False)
    whole, thinned = faithful.of("trade"), slept.of("trade")
    assert len(thinned) < 4 * DUE_MAX < len(whole)
    assert set(thinned) < set(whole)
    assert thinned[-1] == whole[-1]
    for wanted in (max, min):
        assert wanted(one[3] for one in thinned) == wanted(one[3] for one in whole)
    assert [one[2] for one in thinned] == sorted(one[2] for one in thinned)


def test_weeks_go_by() -> None:
    sink = Recorder()
    market = source(BTCUSDT, rate=0.5)
    market.advance(START + 14 * DAY, sink, with_depth=False)
    assert market.next_time > START + 14 * DAY
    assert len(sink.events) < 14 * 24 * 60 * 4 + DUE_MAX


def test_open_shows_everybodys_book() -> None:
    market, sink = source(), Recorder()
    market.open(sink, START)
    assert {event[1] for event in sink.of("depth")} == {"BTCUSDT", "ETHUSDT", "NEWUSDT"}
    assert not sink.of("trade")


def test_too_many_symbols_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic_source, "SYMBOLS_LIVE_MAX", 2)
    market, sink = source(NEWUSDT, BTCUSDT, ETHUSDT), Recorder()
    market.open(sink, START)
    market.advance(START + MINUTE, sink)
    assert len(sink.of("trade", "NEWUSDT")) == 1
    assert len(sink.of("trade", "BTCUSDT")) > 100
    assert sink.of("depth", "NEWUSDT")
    assert market.past("NEWUSDT") is None


def test_the_past_ends_where_the_walk_begins() -> None:
    market = source()
    past = market.past("BTCUSDT")
    assert past is not None
    assert int(past.recent()[0][-1, 4]) == market.start_price("BTCUSDT") * 100


@pytest.mark.parametrize(
    ("symbol", "minimum", "maximum", "tick", "price"),
    [
        ("BTCUSDT", "0.01", "1000000", "0.01", "90000"),
        ("NEWUSDT", "0.01", "1000000", "0.01", "100"),
        ("SHIBUSDT", "0.00000001", "1", "0.00000001", "0.00031622"),
        ("DEARUSDT", "1000", "100000000", "10", "1000000"),
        ("ANYUSDT", "0", "0", "0", "100"),
    ],
)
def test_where_a_symbol_begins(symbol: str, minimum: str, maximum: str, tick: str, price: str) -> None:
    rule = PriceFilter(Decimal(minimum), Decimal(maximum), Decimal(tick))
    instrument = msgspec.structs.replace(BTCUSDT, symbol=symbol, price_filter=rule)
    assert start_price(instrument) == Decimal(price)


def test_it_goes_on_from_known_prices() -> None:
    market = SyntheticSource([BTCUSDT], 1, START, start_prices={"BTCUSDT": Decimal(12_345)})
    sink = Recorder()
    market.advance(START + 5 * SECOND, sink)
    assert abs(sink.of("trade")[0][3] - 12_345) < 50


def test_a_price_that_was_set_is_where_it_goes_on_from() -> None:
    market, sink = source(BTCUSDT), Recorder()
    market.advance(START + MINUTE, sink)
    market.move("BTCUSDT", Decimal("1234.56"), sink, START + MINUTE)
    _, _, time, bids, asks, is_snapshot = sink.events[-1]
    assert (time, is_snapshot) == (START + MINUTE, True)
    assert bids[0][0] == Decimal("1234.56") < asks[0][0]
    market.advance(START + 2 * MINUTE, sink)
    assert abs(sink.of("trade")[-1][3] - Decimal(1234)) < 500
    market.move("BTCUSDT", Decimal("0.01"), sink, START + 2 * MINUTE)
    market.advance(START + 4 * MINUTE, sink)
    assert all(one[3] > 0 for one in sink.of("trade"))


def test_rates_that_cannot_be_and_no_symbols() -> None:
    with pytest.raises(MarketSourceError, match="trades a second"):
        source(rate=0)
    nobody = SyntheticSource([], 1, START)
    nobody.advance(START + MINUTE, Recorder())
    assert nobody.next_time == FAR
