from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.core.types import MILLISECOND, MINUTE, SECOND, Time
from fillwright.market.events import CandleClosed, Trade
from fillwright.market.live.tape import LiveTape
from fillwright.market.live.tape_events import TapeReel
from fillwright.ports import MarketUnavailableError
from tests.market.live.worlds import NOW, Book, Enough, MadeClock
from tests.market.tapes.samples import INSTRUMENTS, KLINES, QUOTES, START_MS, TRADES

START = START_MS * MILLISECOND


def play(tape: LiveTape) -> Book:
    book = Book()
    asyncio.run(tape.run(book))
    return book


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-trades.csv"
    path.write_text(TRADES)
    return path


@pytest.fixture
def klines(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text(KLINES)
    return path


def test_the_beginning_is_now_and_the_end_is_told(trades: Path) -> None:
    clock = MadeClock()
    tape = LiveTape([trades], INSTRUMENTS, ["1s"], clock)
    book = play(tape)
    assert [trade[-1] - NOW for trade in book.trades] == [7 * MILLISECOND * number for number in range(9)]
    assert book.trades[0][:4] == ("BTCUSDT", Decimal("78738.6"), Decimal("0.00059"), False)
    assert clock.time - NOW == 56 * MILLISECOND + 1
    assert [state.connected for state in book.states] == [True, False]
    assert book.states[0].detail == "playing BTCUSDT-trades.csv, with times moved to now"
    assert book.states[1].detail == "the tape BTCUSDT-trades.csv has ended"
    assert (tape.source, tape.symbols, tape.played) == ("tape", ("BTCUSDT",), 9)


@pytest.mark.parametrize("speed", [0.5, 3.0, 1_000.0])
def test_speed_presses_times_together(trades: Path, speed: float) -> None:
    clock = MadeClock()
    book = play(LiveTape([trades], INSTRUMENTS, ["1s"], clock, speed=speed))
    assert [trade[-1] - NOW for trade in book.trades] == [int(7_000 * n / speed) for n in range(9)]
    assert f"at {speed:g} times its speed" in book.states[0].detail


def test_times_may_be_kept(trades: Path) -> None:
    book = play(LiveTape([trades], INSTRUMENTS, ["1s"], MadeClock(), keep_times=True))
    assert [trade[-1] for trade in book.trades] == [START + 7_000 * number for number in range(9)]
    assert "with its own times" in book.states[0].detail


def test_nothing_comes_before_its_time(trades: Path) -> None:
    class Late(Book):
        def trade(self, *trade: object) -> None:
            assert trade[-1] <= clock.now()  # type: ignore[operator]
            super().trade(*trade)  # type: ignore[arg-type]

    clock = MadeClock()
    book = Late()
    asyncio.run(LiveTape([trades], INSTRUMENTS, ["1s"], clock, speed=7.0).run(book))
    assert len(book.trades) == 9


def test_candles_are_those_of_the_tape_and_close_on_time(klines: Path) -> None:
    seen: list[tuple[Time, Time]] = []

    class Watch(Book):
        def candle(self, candle: object) -> None:
            super().candle(candle)  # type: ignore[arg-type]
            seen.append((self.candles[-1].close_time, clock.now()))

    clock = MadeClock()
    book = Watch()
    asyncio.run(LiveTape([klines], INSTRUMENTS, ["1m", "3m"], clock, keep_times=True).run(book))
    expected = [
        e.candle for e in TapeReel([klines], None, INSTRUMENTS).events() if isinstance(e, CandleClosed)
    ]
    assert book.line("BTCUSDT", "1m") == expected
    assert [candle.open_time - START for candle in book.line("BTCUSDT", "3m")] == [0, 3 * MINUTE]
    for close_time, now in seen:
        assert now - NOW == close_time - START + 1
    assert len(book.trades) == 20


def test_part_of_the_tape_may_be_history(klines: Path) -> None:
    tape = LiveTape([klines], INSTRUMENTS, ["1m"], MadeClock(), past=5 * MINUTE, speed=60.0)

    async def story() -> Book:
        history = await tape.history("BTCUSDT", "1m", 10)
        assert len(history) == 3
        assert history[-1].close_time == NOW - 2 * SECOND - 1
        assert [candle.close for candle in await tape.history("BTCUSDT", "1m", 1)] == [history[-1].close]
        assert await tape.history("ETHUSDT", "1m", 5) == []
        book = Book()
        await tape.run(book)
        line = [*history, *book.candles]
        assert all(a.close_time < b.open_time for a, b in itertools.pairwise(line))
        return book

    book = asyncio.run(story())
    assert [candle.open_time - NOW for candle in book.candles] == [0, SECOND]


def test_an_interval_without_trades_has_no_candle_and_others_close_without_waiting_for_a_trade(
    tmp_path: Path,
) -> None:
    path = tmp_path / "BTCUSDT-trades.csv"
    late = [line.replace(str(START_MS), str(START_MS + 9_000)) for line in TRADES.splitlines()[:1]]
    late = [line.replace("100,", "109,", 1) for line in late]
    path.write_text(TRADES + "\n".join(late) + "\n")
    clock = MadeClock()
    closed_at: list[Time] = []

    class Watch(Book):
        def candle(self, candle: object) -> None:
            super().candle(candle)  # type: ignore[arg-type]
            closed_at.append(clock.now())

    book = Watch()
    asyncio.run(LiveTape([path], INSTRUMENTS, ["1s"], clock).run(book))
    assert len(book.trades) == 10
    assert len(book.candles) == 1
    assert closed_at[0] - NOW == SECOND + 1


def test_quotes_are_quotes(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT-bookTicker.csv"
    path.write_text(QUOTES)
    book = play(LiveTape([path], INSTRUMENTS, [], MadeClock()))
    assert len(book.quotes) == 2
    assert book.quotes[1][1:3] == (Decimal("60000.1"), Decimal("0.5"))


def test_what_cannot_be_is_refused(trades: Path, klines: Path, tmp_path: Path) -> None:
    clock = MadeClock()
    with pytest.raises(MarketUnavailableError, match=r"nothing\.csv"):
        LiveTape([tmp_path / "nothing.csv"], INSTRUMENTS, ["1m"], clock)
    with pytest.raises(MarketUnavailableError, match="no tape"):
        LiveTape([], INSTRUMENTS, ["1m"], clock)
    with pytest.raises(MarketUnavailableError, match="speed is above 0"):
        LiveTape([trades], INSTRUMENTS, ["1m"], clock, speed=0.0)
    with pytest.raises(MarketUnavailableError, match="candles of 5s cannot be made of"):
        LiveTape([klines], INSTRUMENTS, ["5s"], clock)
    with pytest.raises(MarketUnavailableError, match="the tape is of BTCUSDT"):
        LiveTape([trades], INSTRUMENTS, ["1m"], clock, symbols=["ETHUSDT"])


def test_a_tape_that_breaks_says_where(trades: Path) -> None:
    trades.write_text(TRADES + "what is this\n")
    book = Book()
    with pytest.raises(MarketUnavailableError, match=r"BTCUSDT-trades\.csv:10"):
        asyncio.run(LiveTape([trades], INSTRUMENTS, ["1m"], MadeClock()).run(book))


def test_a_recording_plays_as_it_was(shared_data: Path) -> None:
    path = shared_data / "tapes" / "ws" / "btcusdt_20240808_ws.gz"
    clock = MadeClock(end=NOW + 12 * SECOND)
    tape = LiveTape([path], INSTRUMENTS, ["5s"], clock, past=30 * SECOND, speed=10.0)
    book = Book()

    async def story() -> int:
        past = len(await tape.history("BTCUSDT", "5s", 100))
        with pytest.raises(Enough):
            await tape.run(book)
        return past

    assert asyncio.run(story()) in (5, 6, 7)
    events = list(TapeReel([path], "BTCUSDT", INSTRUMENTS).events())
    begin = events[0].time_us + 30 * SECOND
    trades = [e for e in events if isinstance(e, Trade) and e.time_us >= begin]
    assert [trade[1:3] for trade in book.trades] == [
        (e.price, e.quantity) for e in trades[: len(book.trades)]
    ]
    assert len(book.trades) > 1_000
    assert len(book.line("BTCUSDT", "5s")) in (23, 24)
    assert all(bids[0][0] < asks[0][0] for _, bids, asks, _ in book.depths)
    assert all(len(bids) == len(asks) == 20 for _, bids, asks, _ in book.depths)
