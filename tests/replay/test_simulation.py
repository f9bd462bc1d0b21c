"""The clock: what happens at a time, in which order, and what happens after the last row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.events import (
    CandleClosed,
    EquityMarked,
    OrderFilled,
    OrderRejected,
    PositionClosed,
    SignalReceived,
)
from fillwright.core.settings import PaperSettings
from fillwright.core.types import MINUTE, SECOND
from fillwright.market.intervals import Interval
from fillwright.replay.simulation import SimulationStuckError
from fillwright.traders import Signal as Wish
from fillwright.traders import Trader, TraderRunner
from tests.core.builders import make_instrument
from tests.replay.builders import (
    START,
    Case,
    MemoryJournal,
    at,
    by_instrument,
    candles_tape,
    planned,
    quotes_tape,
    trades_tape,
)

D = Decimal


def flat(count: int, price: Any = 100, every_s: float = 1) -> list[tuple[Any, ...]]:
    return [(number * every_s, price, 50) for number in range(count)]


def times_of(case: Case, kind: type[Any]) -> list[int]:
    return [record.time for record in case.play().journal.records if isinstance(record.event, kind)]


def test_a_signal_comes_before_the_trade_of_its_moment() -> None:
    rows = [(0, 100, 50), (10, 200, 50), (20, 200, 50)]
    case = Case(tapes=[trades_tape(rows)], signals=[planned(1, 10, stop=90, target=110)])
    (filled, *_) = case.play().events(OrderFilled)
    assert filled.fill.price < 101


def test_requests_and_reports_take_their_time() -> None:
    for latency_ms in (0, 80):
        case = Case(
            tapes=[trades_tape(flat(20))],
            signals=[planned(1, 5, stop=90, target=110)],
            paper=PaperSettings(latency_ms=latency_ms),
        )
        (told,) = times_of(case, OrderFilled)
        assert told == at(5) + latency_ms * 1_000


def test_without_trades_the_last_price_is_the_bid_also_after_trades_of_our_own() -> None:
    """Stops compare with the bid there: what the entry paid is no reason to place a stop that has been passed."""
    case = Case(
        tapes=[quotes_tape([(0, 100, 100.1), (5.05, 90, 90.1), (9, 90, 90.1)])],
        signals=[planned(1, 5, stop_percent=5, target_percent=5)],
        instruments=by_instrument(make_instrument(oto_allowed=False)),
        paper=PaperSettings(latency_ms=80),
    )
    played = case.play()
    assert played.events(OrderRejected) == []
    (closed,) = played.events(PositionClosed)
    assert closed.reason == "stop_loss"


def test_candles_come_when_they_close_and_signals_of_that_time_after_them() -> None:
    case = Case(tapes=[trades_tape(flat(200))], signals=[planned(1, 60, stop=90, target=110)])
    records = case.play().journal.records
    kinds = [type(record.event) for record in records if record.time == START + MINUTE]
    assert kinds.index(CandleClosed) < kinds.index(SignalReceived)
    assert times_of(case, CandleClosed) == [START + MINUTE, START + 2 * MINUTE, START + 3 * MINUTE]


def test_a_candle_of_the_tape_s_last_moment_still_closes() -> None:
    case = Case(tapes=[candles_tape([(number, 100, 100, 100, 100, 1) for number in range(3)])])
    assert times_of(case, CandleClosed) == [START + number * MINUTE for number in (1, 2, 3)]
    played = case.play()
    assert played.outcome.end == START + 3 * MINUTE


def test_signals_after_the_last_row_are_left() -> None:
    case = Case(tapes=[trades_tape(flat(10))], signals=[planned(1, 5, stop=90), planned(2, 3600, stop=90)])
    assert case.play().outcome.signals == 1


def test_what_is_under_way_at_the_end_still_arrives() -> None:
    case = Case(
        tapes=[trades_tape(flat(10))],
        signals=[planned(1, 9, stop=90, target=110)],
        paper=PaperSettings(latency_ms=500),
    )
    assert times_of(case, OrderFilled) == [at(9.5)]


def test_several_tapes_share_one_clock() -> None:
    case = Case(
        tapes=[
            trades_tape(flat(100), chunk_rows=7),
            trades_tape(flat(300, 50, 0.5), symbol="ETHUSDT", chunk_rows=11),
        ],
        instruments=by_instrument(make_instrument("BTCUSDT"), make_instrument("ETHUSDT")),
        signals=[
            planned(1, 20, stop=90, target=110),
            planned(2, 20, symbol="ETHUSDT", stop=45, target=55),
            planned(3, 149, symbol="ETHUSDT", stop=45, target=55),
        ],
    )
    played = case.play()
    assert [event.fill.time for event in played.events(OrderFilled)] == [at(20), at(20), at(149)]
    assert played.outcome.ticks == 400
    times = [record.time for record in played.journal.records]
    assert times == sorted(times)


def test_equity_is_marked_each_minute_while_something_is_held_and_when_nothing_is_any_more() -> None:
    rows = [*flat(150), *[(150 + number, 120, 50) for number in range(150)]]
    case = Case(tapes=[trades_tape(rows)], signals=[planned(1, 30, stop=90, target=110)])
    assert times_of(case, EquityMarked) == [START + MINUTE, START + 2 * MINUTE, at(150)]
    assert times_of(case, PositionClosed) == [at(150)]


def test_percentages_of_a_signal_are_of_the_last_price_even_where_it_was_skipped() -> None:
    rows = [(number, 100 + number, 50) for number in range(50)]
    case = Case(tapes=[trades_tape(rows)], signals=[planned(1, 30.5, stop_percent=10)])
    (received,) = case.play().events(SignalReceived)
    assert received.signal.stop_loss == D(117)


class Eager(Trader):
    """Enters at every close while flat."""

    warm_up = 1

    def on_candle(self, candles: Any, position: Any) -> Any:
        close = float(candles.close[-1])
        return None if position is not None else Wish(stop_loss=close * 0.99, take_profit=close * 1.01)


def eager() -> list[TraderRunner]:
    return [TraderRunner(Eager(), "eager", ("BTCUSDT",), "1m", taker_fee=D("0.001"))]


def test_traders_see_each_candle_once_and_their_own_position() -> None:
    prices = [100 + 3 * ((number // 40) % 2) for number in range(1_000)]
    rows = [(number, price, 50) for number, price in enumerate(prices)]
    case = Case(tapes=[trades_tape(rows, chunk_rows=64)], runners=eager)
    played = case.play()
    assert played.outcome.signals == len(played.events(SignalReceived)) >= 5
    assert len(played.events(PositionClosed)) >= 3
    assert played.lines == case.play(tick_by_tick=True).lines


def test_a_trader_goes_on_after_a_resume() -> None:
    prices = [100 + 3 * ((number // 40) % 2) for number in range(600)]
    case = Case(
        tapes=[trades_tape([(n, price, 50) for n, price in enumerate(prices)], chunk_rows=64)], runners=eager
    )
    whole = case.play()
    for turns in (1, 5, 9, 14, 30):
        journal = MemoryJournal()
        begun = case.job(journal)
        simulation = begun.start()
        for _ in range(turns):
            assert simulation.turn()
        begun.recorder.commit(simulation, snapshot=True)
        job = case.job(journal)
        resumed = job.resume()
        assert resumed is not None
        assert job.play(resumed).digest == whole.outcome.digest


def test_nothing_comes_of_an_exchange_that_never_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Case(tapes=[trades_tape(flat(3))]).job()
    simulation = job.start()
    monkeypatch.setattr(simulation.venue, "next_time", lambda: simulation.now)
    with pytest.raises(SimulationStuckError):
        simulation.drain()


def test_an_average_is_given_where_a_feed_has_one() -> None:
    case = Case(tapes=[trades_tape(flat(3))])
    simulation = case.job().start()
    while simulation.turn():
        pass
    assert simulation.average("BTCUSDT", 5) == D(100)
    assert simulation.average("ETHUSDT", 5) is None
    assert simulation.exchange.average_price is not None
    assert simulation.engine.averages.get("BTCUSDT") == D(100)


def test_candles_of_other_intervals_are_made_for_who_wants_them() -> None:
    case = Case(tapes=[trades_tape(flat(400))], candle_interval="5m", runners=eager)
    played = case.play()
    assert [event.candle.interval for event in played.events(CandleClosed)] == [Interval.M5]
    assert played.outcome.signals >= 1
    assert played.outcome.end == START + 400 * SECOND - SECOND


def test_counts_are_kept() -> None:
    played = Case(tapes=[trades_tape(flat(10))], signals=[planned(1, 5, stop=90)]).play()
    counts = msgspec.to_builtins(played.simulation.counts)
    assert counts["signals"] == 1
    assert counts["turns"] >= 2
    assert counts["steps"] >= 3
