from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from fillwright.core.types import SECOND, NumberError
from fillwright.market.events import CandleClosed, DepthSnapshot, DepthUpdate, Quote, Trade
from fillwright.market.tapes import TapeError, TapeKind, open_tape, recording
from fillwright.market.tapes.messages import UnknownMessage
from fillwright.market.tapes.recording import EventClock, split_line
from tests.market.tapes.samples import INSTRUMENTS, drained, events_of, written

E0 = 1_723_161_255_000
R0 = 1_723_161_253_700_000_000
"""The recorder's clock, in nanoseconds, 1.3 seconds behind."""


def line(after_ms: float, json: str) -> str:
    return f"{R0 + int(after_ms * 1_000_000)} {json}\n"


def trade(after_ms: int, trade_id: int, price: str = "61837.63000000", symbol: str = "BTCUSDT") -> str:
    data = (
        f'{{"e":"trade","E":{E0 + after_ms},"s":"{symbol}","t":{trade_id},"p":"{price}","q":"0.02000000",'
        f'"T":{E0 + after_ms},"m":true,"M":true}}'
    )
    return line(after_ms, f'{{"stream":"{symbol.lower()}@trade","data":{data}}}')


def ticker(after_ms: float, update_id: int, bid: str = "61837.63000000", ask: str = "61837.64000000") -> str:
    data = f'{{"u":{update_id},"s":"BTCUSDT","b":"{bid}","B":"3.78826000","a":"{ask}","A":"1.5"}}'
    return line(after_ms, f'{{"stream":"btcusdt@bookTicker","data":{data}}}')


def depth(after_ms: int, first: int, final: int, levels: str = '["61837.63000000","1.00000000"]') -> str:
    data = f'{{"e":"depthUpdate","E":{E0 + after_ms},"s":"BTCUSDT","U":{first},"u":{final},"b":[{levels}],"a":[]}}'
    return line(after_ms, f'{{"stream":"btcusdt@depth@100ms","data":{data}}}')


def snapshot(after_ms: int, last: int) -> str:
    return line(after_ms, f'{{"lastUpdateId":{last},"bids":[["61837.63","1"]],"asks":[["61837.64","2"]]}}')


def tape_of(folder: Path, text: str, **options: int) -> list[object]:
    path = written(folder, text, "btcusdt_ws")
    return list(events_of(open_tape(path, None, INSTRUMENTS, **options)))  # type: ignore[arg-type]


def test_streams_become_one_run_of_exact_events(tmp_path: Path) -> None:
    text = (
        depth(0, 1, 5)
        + ticker(10, 6)
        + trade(20, 100)
        + depth(100, 6, 9)
        + snapshot(110, 7)
        + depth(200, 10, 12)
    )
    events = tape_of(tmp_path, text)
    quote, first_trade, book, update, later = events
    assert isinstance(quote, Quote)
    assert quote.time_us == (E0 + 10) * 1000
    assert isinstance(first_trade, Trade)
    assert (first_trade.price, first_trade.buyer_is_maker) == (Decimal("61837.63"), True)
    assert isinstance(book, DepthSnapshot)
    assert (book.symbol, book.last_update_id, book.bids) == (
        "BTCUSDT",
        7,
        ((Decimal("61837.63"), Decimal(1)),),
    )
    assert isinstance(update, DepthUpdate)
    assert isinstance(later, DepthUpdate)
    assert (update.first_update_id, update.final_update_id) == (6, 9)
    assert book.time_us == update.time_us == (E0 + 110) * 1000
    assert later.time_us == (E0 + 200) * 1000


def test_tickers_get_the_time_of_their_journey_and_never_an_earlier_one(tmp_path: Path) -> None:
    text = ticker(-5, 1) + trade(0, 1) + ticker(1.5, 2) + trade(9, 2) + ticker(3, 3)
    times = [event.time_us - E0 * 1000 for event in tape_of(tmp_path, text)]  # type: ignore[attr-defined]
    assert times == [-5_000, 0, 1_500, 9_000, 9_000]


def test_the_clock_never_goes_back() -> None:
    clock = EventClock(100)
    assert clock.estimated(1_000) == 1_100
    assert clock.told(1_050, 900) == 1_100
    assert clock.estimated(1_000) == 1_150
    assert clock.estimated(None) == 1_150
    clock.told(60 * SECOND, None)
    with pytest.raises(NumberError, match="unsorted"):
        clock.told(54 * SECOND, None)


def test_lines_are_taken_apart() -> None:
    assert split_line(b'{"a":1}') == recording.Line(None, "", b'{"a":1}')
    assert split_line(b'1723161253937085768 {"a":1}') == recording.Line(1_723_161_253_937_085, "", b'{"a":1}')
    assert split_line(b'1617647603.4249449: {"a":1}') == recording.Line(1_617_647_603_424_944, "", b'{"a":1}')
    fetched = b'https://www.binance.com/api/v1/depth?symbol=ZILUSDT&limit=1000 -> 1617647603.8: {"a":1}'
    assert split_line(fetched) == recording.Line(1_617_647_603_800_000, "ZILUSDT", b'{"a":1}')
    for note in (b"configuration: {}", b"wss://stream.binance.com:9443/stream <-> 1617647602.6", b"", b"  "):
        assert split_line(note) is None
    with pytest.raises(UnknownMessage):
        split_line(b"12 {}")


def test_trades_told_twice_count_once(tmp_path: Path) -> None:
    aggregate = (
        trade(1, 50)
        .replace("@trade", "@aggTrade")
        .replace('"e":"trade"', '"e":"aggTrade"')
        .replace('"t"', '"a"')
    )
    events = tape_of(tmp_path, trade(0, 100) + aggregate + trade(2, 101))
    assert [event.trade_id for event in events if isinstance(event, Trade)] == [100, 101]


def test_closed_candles_are_events_and_open_ones_are_not(tmp_path: Path) -> None:
    begin = E0 // 60_000 * 60_000
    fields = (
        f'"t":{begin},"T":{begin + 59_999},"s":"BTCUSDT","i":"1m","o":"1.5","c":"2","h":"3","l":"1","v":"9"'
    )
    message = f'{{"e":"kline","E":{E0},"s":"BTCUSDT","k":{{{fields},"x":CLOSED}}}}'
    text = line(0, message.replace("CLOSED", "false")) + line(1, message.replace("CLOSED", "true"))
    (event,) = tape_of(tmp_path, text)
    assert isinstance(event, CandleClosed)
    assert (event.symbol, event.candle.interval, event.candle.open) == ("BTCUSDT", "1m", Decimal("1.5"))
    assert event.candle.close_time == begin * 1000 + 59_999_999
    for broken in (
        line(2, message.replace("CLOSED", "true")),
        line(3, message.replace('"h":"3"', '"h":"1.9"')),
    ):
        with pytest.raises(TapeError, match=r":3: the (1m )?candle"):
            tape_of(
                tmp_path,
                text
                + broken.replace("CLOSED", "true").replace(
                    str(begin), str(begin + 60_000 * ("1.9" in broken))
                ),
            )


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (trade(5, 101), "trade id 101 of BTCUSDT is repeated"),
        (trade(5, 7), "trade id 7 of BTCUSDT is out of order, after 101"),
        (trade(5, 102, "-5.00000000"), "the price '-5.00000000' is not above 0"),
        (trade(5, 102, "NaN"), "'NaN' is not a plain decimal number"),
        (trade(5, 102, "1e400"), "'1e400' is not a plain decimal number"),
        (trade(5, 102, "1.123456"), "'1.123456' has more than 4 decimals"),
        (trade(-9_000, 102), "unsorted: "),
        (trade(5, 102).replace(str(E0 + 5), "12"), "the time 12 is not between 2009 and 2100"),
        (trade(5, 102).replace('"t":102,', ""), "missing required field `t`"),
        (trade(5, 102)[:90] + "\n", "truncated|malformed"),
        (ticker(5, 9, "61838.00000000"), "the bid 61838.00000000 is not below the ask 61837.64000000"),
        (ticker(5, 2), "book ticker 2 comes after 3"),
        (depth(5, 10, 12), "depth updates 8 to 9 of BTCUSDT are missing before 10 to 12"),
        (depth(5, 8, 9, '["1","-1"]'), "the quantity '-1' is not from 0"),
        ("hello\n", "is no JSON message"),
        (line(5, "{}"), "none of Binance's market messages"),
        (trade(5, 1, symbol="NOPEUSDT"), "symbol 'NOPEUSDT' is not in the exchange info"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, bad: str, what: str) -> None:
    good = trade(0, 101) + snapshot(1, 5) + depth(2, 6, 7) + ticker(3, 3)
    path = written(tmp_path, good + bad, "btcusdt_ws")
    with pytest.raises(TapeError, match=what) as caught:
        drained(open_tape(path, None, INSTRUMENTS))
    assert str(caught.value).startswith(f"{path}:5: ")


def test_depth_without_any_snapshot_is_told(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="depth updates of BTCUSDT without a snapshot"):
        tape_of(tmp_path, depth(0, 1, 2))


def test_one_symbol_of_several_may_be_picked(tmp_path: Path) -> None:
    text = trade(0, 1) + trade(1, 1, symbol="ETHUSDT") + trade(2, 2) + trade(3, 9, symbol="NOPEUSDT")
    path = written(tmp_path, text, "ws")
    picked = open_tape(path, "ETHUSDT", INSTRUMENTS)
    assert [event.symbol for event in events_of(picked)] == ["ETHUSDT"]
    assert picked.symbols == ("ETHUSDT",)
    path = written(tmp_path, text.replace("NOPEUSDT", "ETHUSDT"), "ws")
    both = open_tape(path, None, INSTRUMENTS)
    assert drained(both) == 4
    assert both.symbols == ("BTCUSDT", "ETHUSDT")
    assert (both.gaps, both.missing) == (1, 7)
    path = written(tmp_path, trade(0, 1) + trade(1, 1, symbol="ETHUSDT") + snapshot(9, 1), "ws")
    with pytest.raises(TapeError, match=":3: the snapshot does not tell its symbol"):
        drained(open_tape(path, None, INSTRUMENTS))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        (
            "btcusdt_20240808_ws.gz",
            {"Quote": 28_040, "Trade": 9_757, "DepthSnapshot": 1, "DepthUpdate": 3_449},
        ),
        (
            "ethusdt_20240808_ws.gz",
            {"Quote": 24_077, "Trade": 6_106, "DepthSnapshot": 1, "DepthUpdate": 3_432},
        ),
    ],
)
def test_real_recordings_make_a_book_that_agrees_with_the_tickers(
    shared_data: Path, name: str, counts: dict[str, int]
) -> None:
    tape = open_tape(shared_data / "tapes" / "ws" / name, None, INSTRUMENTS)
    assert tape.kind is TapeKind.EVENTS
    events = events_of(tape)
    assert Counter(type(event).__name__ for event in events) == counts
    assert all(one.time_us <= other.time_us for one, other in pairwise(events))
    assert tape.row == len(events)
    assert tape.consumed == tape.total

    # The book's best prices must equal the ticker of the same update id: depth is complete and in order.
    tickers = {event.update_id: event for event in events if isinstance(event, Quote)}
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    agreed = 0
    for event in events:
        if isinstance(event, DepthSnapshot):
            bids, asks = dict(event.bids), dict(event.asks)
        elif isinstance(event, DepthUpdate):
            for side, levels in ((bids, event.bids), (asks, event.asks)):
                for price, quantity in levels:
                    side[price] = quantity
                    if not quantity:
                        del side[price]
            same = tickers.get(event.final_update_id)
            if same is not None:
                agreed += 1
                assert (max(bids), min(asks)) == (same.bid, same.ask)
                assert (bids[same.bid], asks[same.ask]) == (same.bid_quantity, same.ask_quantity)
    assert agreed > 500


def test_reading_may_start_at_any_event(shared_data: Path) -> None:
    path = shared_data / "tapes" / "ws" / "ethusdt_20240808_ws.gz"
    whole = events_of(open_tape(path, None, INSTRUMENTS))
    resumed = open_tape(path, None, INSTRUMENTS, start_row=20_000)
    chunks = list(resumed.chunks())
    assert chunks[0].row == 20_000
    assert [event for chunk in chunks for event in chunk.events] == whole[20_000:]  # type: ignore[union-attr]
