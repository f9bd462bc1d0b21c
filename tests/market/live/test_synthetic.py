from __future__ import annotations

import asyncio
import itertools
import os
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND, Time
from fillwright.market.live.synthetic import LIVE_SHAPE, LiveSyntheticMarket, parsed_intervals
from fillwright.market.synthetic import MarketShape
from fillwright.ports import MarketUnavailableError
from fillwright.wire.exchange_info import default_exchange_info
from tests.market.live.worlds import NOW, Book, Enough, MadeClock, WallClock

INSTRUMENTS = default_exchange_info().instruments
SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


def market(
    clock: MadeClock | WallClock,
    file: Path | None = None,
    *,
    symbols: list[str] = SYMBOLS,
    intervals: tuple[str, ...] = ("5s",),
    shape: MarketShape = LIVE_SHAPE,
    seed: int = 1,
) -> LiveSyntheticMarket:
    return LiveSyntheticMarket(
        INSTRUMENTS, symbols, intervals, clock, seed=seed, epoch_file=file, shape=shape
    )


def play(source: LiveSyntheticMarket, book: Book | None = None) -> Book:
    """Run it until its clock has had enough."""
    book = book or Book()

    async def run() -> None:
        with pytest.raises(Enough):
            await source.run(book)

    asyncio.run(run())
    return book


def test_history_and_live_candles_follow_each_other_without_a_hole() -> None:
    clock = MadeClock(end=NOW + 2 * MINUTE)
    source = market(clock, intervals=("5s", "1m"))

    async def history() -> list[Time]:
        candles = [await source.history(symbol, "5s", 500) for symbol in SYMBOLS]
        assert [len(line) for line in candles] == [500] * 3
        for line in candles:
            assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(line))
            assert NOW - 5 * SECOND <= line[-1].close_time < NOW
        clock.time += 30 * SECOND
        return [line[-1].close_time for line in candles]

    ends = asyncio.run(history())
    book = play(source)
    for symbol, end in zip(SYMBOLS, ends, strict=True):
        line = book.line(symbol, "5s")
        assert line[0].open_time == end + 1
        assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(line))
        assert all(a.close_time // MINUTE * MINUTE == a.open_time for a in book.line(symbol, "1m"))
        assert len(book.line(symbol, "1m")) == 2


def test_ticks_and_candles_come_in_the_order_of_time_and_candles_hold_the_trades() -> None:
    book = play(market(MadeClock(end=NOW + MINUTE), symbols=["BTCUSDT"]))
    times = [time for _, time in book.order[2:]]
    assert times == sorted(times)
    assert len(book.trades) == len(book.quotes) > 150
    for candle in book.candles[1:]:
        inside = [trade for trade in book.trades if candle.open_time <= trade[-1] <= candle.close_time]
        assert candle.volume == sum(trade[2] for trade in inside)
        prices = [trade[1] for trade in inside]
        assert (candle.open, candle.close) == (prices[0], prices[-1])
        assert (candle.high, candle.low) == (max(prices), min(prices))
    for quote, trade in zip(book.quotes, book.trades, strict=True):
        assert quote[1] < quote[3]
        assert trade[1] == (quote[1] if trade[3] else quote[3])
        assert INSTRUMENTS["BTCUSDT"].price_violation(trade[1]) is None


def test_a_market_that_was_stopped_goes_on_as_if_it_never_was(tmp_path: Path) -> None:
    whole = play(market(MadeClock(end=NOW + 30 * MINUTE), tmp_path / "whole.json"))
    play(market(MadeClock(end=NOW + 10 * MINUTE), tmp_path / "cut.json"))
    rest = play(market(MadeClock(NOW + 20 * MINUTE, NOW + 30 * MINUTE), tmp_path / "cut.json"))
    assert rest.states[0].detail == whole.states[0].detail

    def after(book: Book) -> list[object]:
        return [trade for trade in book.trades if trade[-1] > NOW + 20 * MINUTE]

    assert after(rest) == after(whole)
    assert rest.line("ETHUSDT", "5s") == whole.line("ETHUSDT", "5s")[-len(rest.line("ETHUSDT", "5s")) :]


def test_a_kill_between_two_savings_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    shape = MarketShape(trades_per_second=1_000.0, pause_chance=0.0)
    first = market(MadeClock(end=NOW + SECOND), file, symbols=["BTCUSDT"], shape=shape)
    play(first)
    early = file.read_bytes()
    whole = play(market(MadeClock(NOW + SECOND, NOW + 200 * SECOND), file, symbols=["BTCUSDT"], shape=shape))
    assert file.read_bytes() != early
    file.write_bytes(early)
    again = play(
        market(MadeClock(NOW + 190 * SECOND, NOW + 200 * SECOND), file, symbols=["BTCUSDT"], shape=shape)
    )
    assert again.trades[1:] == whole.trades[-len(again.trades) + 1 :]
    assert len(again.trades) > 5_000


def test_after_a_very_long_stop_it_starts_anew(tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    play(market(MadeClock(end=NOW + SECOND), file))
    book = play(market(MadeClock(NOW + 8 * DAY, NOW + 8 * DAY + SECOND), file))
    assert "starts anew after 7 days of standing still" in book.states[0].detail
    assert book.trades


def test_another_seed_starts_anew_and_another_shape_near_the_last_price(tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    last = play(market(MadeClock(end=NOW + 30 * SECOND), file)).trades[-1]
    quick = MarketShape(trades_per_second=50.0, pause_chance=0.0)
    clock = MadeClock(NOW + MINUTE, NOW + 2 * MINUTE)
    book = play(market(clock, file, shape=quick))
    assert "BTCUSDT starts anew near its last price" in book.states[0].detail
    prices = [trade[1] for trade in book.trades if trade[0] == last[0]]
    assert abs(prices[0] / last[1] - 1) < Decimal("0.05")
    book = play(market(MadeClock(NOW + MINUTE, NOW + 2 * MINUTE), file, seed=2))
    assert "starts anew: the seed was 1" in book.states[0].detail


def test_symbols_may_be_added(tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    alone = play(market(MadeClock(end=NOW + MINUTE), file, symbols=["BTCUSDT"]))
    both = play(market(MadeClock(NOW, NOW + MINUTE), file, symbols=["SOLUSDT", "BTCUSDT"]))
    assert [trade for trade in both.trades if trade[0] == "BTCUSDT"] == alone.trades
    assert {trade[0] for trade in both.trades} == {"BTCUSDT", "SOLUSDT"}


def test_nobody_trades_and_candles_close_on_time() -> None:
    shape = MarketShape(trades_per_second=0.1, pause_chance=0.0)
    source = market(MadeClock(end=NOW + 30 * MINUTE), symbols=["BTCUSDT"], shape=shape)
    book = play(source)
    line = book.line("BTCUSDT", "5s")
    assert len(line) == 360
    assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(line))
    flat = [(before, candle) for before, candle in itertools.pairwise(line) if not candle.volume]
    assert len(flat) > 100
    for before, candle in flat:
        assert candle.open == candle.high == candle.low == candle.close == before.close


def test_a_machine_that_slept_misses_ticks_but_no_candle() -> None:
    class Lid(MadeClock):
        async def sleep_until(self, time: Time) -> None:
            await super().sleep_until(time + 2 * HOUR if self.wakes == 5 else time)

    book = play(market(Lid(end=NOW + 3 * HOUR), symbols=["BTCUSDT"]))
    line = book.line("BTCUSDT", "5s")
    assert len(line) == 3 * 720
    assert all(a.close_time + 1 == b.open_time for a, b in itertools.pairwise(line))
    times = [trade[-1] for trade in book.trades]
    assert max(after - before for before, after in itertools.pairwise(times)) > HOUR
    assert times[-1] > NOW + 3 * HOUR - MINUTE


def test_what_it_was_not_made_for_is_refused() -> None:
    clock = MadeClock()
    with pytest.raises(MarketUnavailableError, match="does not know NEWUSDT"):
        market(clock, symbols=["NEWUSDT"])
    with pytest.raises(MarketUnavailableError, match="'7s' is not an interval"):
        market(clock, intervals=("7s",))
    with pytest.raises(MarketUnavailableError, match=r"0\.1 to 50000 trades"):
        market(clock, shape=MarketShape(trades_per_second=0.0))
    source = market(clock)
    for symbol, interval in (("SOLUSDT", "5s"), ("BTCUSDT", "1m")):
        with pytest.raises(MarketUnavailableError, match=f"was not made for {symbol} {interval}"):
            asyncio.run(source.history(symbol, interval, 1))
    assert [str(interval) for interval in parsed_intervals(["1m", "5s", "1m"])] == ["5s", "1m"]


def test_a_file_that_cannot_be_read_starts_anew_and_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path,
) -> None:
    file = tmp_path / "market.json"
    file.write_bytes(b'{"seed":')
    book = play(market(MadeClock(end=NOW + SECOND), file))
    assert "market.json cannot be read" in book.states[0].detail
    with pytest.raises(MarketUnavailableError, match="cannot be remembered"):
        asyncio.run(market(MadeClock(), tmp_path / "nowhere" / "market.json").history("BTCUSDT", "5s", 1))


def test_a_disk_that_fills_up_later_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    source = market(MadeClock(end=NOW + 11 * MINUTE), folder / "market.json", symbols=["BTCUSDT"])
    asyncio.run(source.history("BTCUSDT", "5s", 1))
    for name in os.listdir(folder):
        (folder / name).unlink()
    folder.rmdir()
    book = play(source)
    assert "market.json cannot be written" in book.states[-1].detail
    assert book.trades[-1][-1] > NOW + 10 * MINUTE


def test_in_real_time_thousands_of_ticks_come_in_few_wakes() -> None:
    shape = MarketShape(trades_per_second=2_000.0, pause_chance=0.0)
    clock = WallClock()
    source = market(clock, symbols=SYMBOLS, intervals=("1s",), shape=shape)
    book = Book()

    async def run() -> None:
        running = asyncio.create_task(source.run(book))
        await book.until(lambda: len(book.trades) > 2_000, "2,000 trades")
        await book.until(lambda: len(book.candles) >= 3, "a candle of each symbol")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(run())
    assert all(trade[-1] <= clock.now() for trade in book.trades)
    assert book.states[0].connected
