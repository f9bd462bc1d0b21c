"""A tape as a source: at its speed, at times of now, until it ends."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.core.instruments import Instrument
from fillwright.core.types import SECOND
from fillwright.exchange.server import tape_source
from fillwright.exchange.server.market_sink import FAR, MarketSourceError
from fillwright.exchange.server.tape_source import TapeSource
from tests.exchange.builders import BTCUSDT
from tests.exchange.server.sinks import Recorder

BEGIN = 1_795_168_800_000_000
INSTRUMENTS = {"BTCUSDT": BTCUSDT}
FIRST_MS = 1_700_000_000_000


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Ten trades, a second apart."""
    path = tmp_path / "BTCUSDT-trades.csv"
    rows = [
        f"{number},{100 + number},0.5,1,{FIRST_MS + number * 1000},{bool(number % 2)},True"
        for number in range(10)
    ]
    path.write_text("\n".join(["id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch", *rows]) + "\n")
    return path


def opened(tape: Path, speed: float = 1.0, *, is_paced: bool = True) -> TapeSource:
    return TapeSource([tape], INSTRUMENTS, BEGIN, speed=speed, is_paced=is_paced)


def test_events_happen_from_now_on(tape: Path) -> None:
    source, sink = opened(tape), Recorder()
    assert source.next_time == BEGIN
    source.advance(BEGIN + 2 * SECOND, sink)
    assert sink.events == [
        ("trade", "BTCUSDT", BEGIN, Decimal(100), Decimal("0.5"), False),
        ("trade", "BTCUSDT", BEGIN + SECOND, Decimal(101), Decimal("0.5"), True),
        ("trade", "BTCUSDT", BEGIN + 2 * SECOND, Decimal(102), Decimal("0.5"), False),
    ]
    assert source.next_time == BEGIN + 3 * SECOND


def test_speed(tape: Path) -> None:
    source, sink = opened(tape, 4.0), Recorder()
    source.advance(BEGIN + SECOND, sink)
    assert [one[2] - BEGIN for one in sink.events] == [0, SECOND // 4, SECOND // 2, 3 * SECOND // 4, SECOND]


def test_it_ends_and_says_so(tape: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, sink = opened(tape), Recorder()
    with caplog.at_level(logging.INFO):
        source.advance(BEGIN + 100 * SECOND, sink)
    assert (source.next_time, source.has_ended, source.played) == (FAR, True, 10)
    assert "has ended after 10 events" in caplog.text
    source.advance(BEGIN + 200 * SECOND, sink)
    assert len(sink.events) == 10


def test_a_machine_that_is_too_slow_plays_it_slower(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_source, "EVENTS_MAX", 4)
    paced, sink = opened(tape), Recorder()
    paced.advance(BEGIN + 100 * SECOND, sink)
    assert len(sink.events) == 4
    assert paced.next_time == BEGIN + 100 * SECOND + 1
    by_hand, sink = opened(tape, is_paced=False), Recorder()
    by_hand.advance(BEGIN + 100 * SECOND, sink)
    assert len(sink.events) == 10


def test_symbols_that_do_not_trade_here_are_passed_over(tape: Path) -> None:
    other = TapeSource([tape], {"ETHUSDT": BTCUSDT, "LTCUSDT": BTCUSDT, "BTCUSDT": BTCUSDT}, BEGIN)
    sink = Recorder()
    other.advance(BEGIN + SECOND, sink)
    assert len(sink.events) == 2


def test_a_tape_of_which_nothing_trades_here(tape: Path, tmp_path: Path) -> None:
    other = tmp_path / "trades.csv"
    other.write_text(tape.read_text().replace("id,", "id,symbol,", 1).replace(",10", ",NEWUSDT,10"))
    with pytest.raises(MarketSourceError, match="is of NEWUSDT, which do not trade here"):
        TapeSource([other], {"BTCUSDT": BTCUSDT, "ETHUSDT": BTCUSDT}, BEGIN)


def test_a_recording_of_more_symbols_than_trade_here(shared_data: Path) -> None:
    tape = shared_data / "tapes" / "ws" / "cryptofeed_10symbols_20210405_ws.zst"
    two = {symbol: Instrument(symbol=symbol, base=symbol, quote="USDT") for symbol in ("ZILUSDT", "MANAUSDT")}
    source, sink = TapeSource([tape], two, BEGIN), Recorder()
    source.advance(BEGIN + 5 * SECOND, sink)
    assert {event[1] for event in sink.events} == {"ZILUSDT", "MANAUSDT"}
    assert sink.of("depth")


def test_what_cannot_be(tape: Path, tmp_path: Path) -> None:
    with pytest.raises(MarketSourceError, match="speed"):
        opened(tape, 0)
    with pytest.raises(MarketSourceError, match="no tape"):
        TapeSource([], INSTRUMENTS, BEGIN)
    with pytest.raises(MarketSourceError):
        opened(tmp_path / "gone.csv")


def test_a_recording_of_streams(shared_data: Path) -> None:
    source, sink = opened(shared_data / "tapes" / "ws" / "btcusdt_20240808_ws.gz"), Recorder()
    source.advance(BEGIN + 20 * SECOND, sink)
    first = sink.events.index(sink.of("depth")[0])
    assert sink.events[first][5], "a snapshot comes first"
    assert all(event[0] != "quote" for event in sink.events[first:]), "the book tells the best prices"
    assert len(sink.of("depth")) > 50
    assert len(sink.of("trade")) > 50
