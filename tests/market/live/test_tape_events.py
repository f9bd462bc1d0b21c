from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from fillwright.core.types import MILLISECOND
from fillwright.market.events import CandleClosed, Trade
from fillwright.market.intervals import Interval
from fillwright.market.live.tape_events import TapeReel
from tests.market.tapes.samples import INSTRUMENTS, KLINES, QUOTES, START_MS, TRADES

START = START_MS * MILLISECOND


def reel(folder: Path, **files: str) -> TapeReel:
    paths = []
    for name, text in files.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text(text)
    return TapeReel(paths, None, INSTRUMENTS)


def test_files_are_interleaved_by_time(tmp_path: Path) -> None:
    found = reel(tmp_path, BTCUSDT_trades=TRADES, ETHUSDT_quotes=QUOTES)
    assert found.symbols == ("BTCUSDT", "ETHUSDT")
    assert found.candles == {}
    events = list(found.events())
    assert [event.time_us for event in events] == sorted(event.time_us for event in events)
    assert [event.symbol for event in events[:4]] == ["BTCUSDT", "ETHUSDT", "ETHUSDT", "BTCUSDT"]
    assert len(events) == 11


def test_a_candle_is_four_trades_and_itself(tmp_path: Path) -> None:
    found = reel(tmp_path, BTCUSDT_1m=KLINES)
    assert found.candles == {"BTCUSDT": Interval.M1}
    events = list(found.events())
    assert len(events) == 25
    trades = [event for event in events[:4] if isinstance(event, Trade)]
    assert [str(trade.price.normalize()) for trade in trades] == ["7195.24", "7196.25", "7183.14", "7186.68"]
    assert [trade.buyer_is_maker for trade in trades] == [False, False, True, False]
    assert [(trade.time_us - START) // MILLISECOND for trade in trades] == [0, 19_999, 39_999, 59_999]
    assert sum((trade.quantity for trade in trades), Decimal(0)) <= Decimal("51.642812")
    closed = events[4]
    assert isinstance(closed, CandleClosed)
    assert closed.time_us == trades[3].time_us == closed.candle.close_time


def test_a_rising_candle_falls_first_and_one_without_volume_has_no_trades(tmp_path: Path) -> None:
    rising = KLINES.splitlines()[0].replace("7186.68000000", "7196.00000000")
    still = rising.replace(str(START_MS + 59_999), str(START_MS + 119_999)).replace(
        str(START_MS), str(START_MS + 60_000), 1
    )
    prices = ",7196.00000000,7196.00000000,7196.00000000,7196.00000000,0.00000000,"
    still = f"{still.split(',')[0]}{prices}{still.split(',', 6)[6]}"
    events = list(reel(tmp_path, BTCUSDT_1m=f"{rising}\n{still}\n").events())
    assert [str(event.price.normalize()) for event in events if isinstance(event, Trade)] == [
        "7195.24",
        "7183.14",
        "7196.25",
        "7196",
    ]
    assert isinstance(events[-1], CandleClosed)
    assert len(events) == 6
