from __future__ import annotations

from decimal import Decimal

from fillwright.core.inputs import Candle, Signal
from fillwright.core.types import MINUTE, Direction, Time
from fillwright.replay.agenda import Agenda
from fillwright.replay.signals import PlannedSignal

ONE = Decimal(1)


def candle(symbol: str, opened: int, length: int) -> Candle:
    """A candle by its minutes."""
    start, end = opened * MINUTE, (opened + length) * MINUTE - 1
    return Candle(symbol, f"{length}m", start, end, ONE, ONE, ONE, ONE, ONE)


def planned(number: int, time: Time) -> PlannedSignal:
    return PlannedSignal(
        number, Signal(trader_id="x", symbol="BTCUSDT", side=Direction.LONG, created_at=time)
    )


def taken(agenda: Agenda, now: Time) -> list[tuple[str, str] | int]:
    """All that is due: symbol and interval of candles, numbers of signals."""
    found: list[tuple[str, str] | int] = []
    while (due := agenda.pop(now)) is not None:
        if due.candle is not None:
            found.append((due.candle.symbol, due.candle.interval))
        if due.signal is not None:
            found.append(due.signal.number)
    return found


def test_candles_that_close_together_come_by_symbol_the_shortest_first_however_they_were_announced() -> None:
    candles = [
        candle("ETHUSDT", 0, 60),
        candle("BTCUSDT", 0, 60),
        candle("BTCUSDT", 45, 15),
        candle("ETHUSDT", 59, 1),
    ]
    for announced in (candles, candles[::-1]):
        agenda = Agenda(iter(()))
        for one in announced:
            agenda.add_candle(one)
        assert agenda.next_time() == 60 * MINUTE
        assert taken(agenda, 60 * MINUTE - 1) == []
        expected = [("BTCUSDT", "15m"), ("BTCUSDT", "60m"), ("ETHUSDT", "1m"), ("ETHUSDT", "60m")]
        assert taken(agenda, 60 * MINUTE) == expected


def test_the_same_candle_of_two_tapes_is_no_mistake() -> None:
    agenda = Agenda(iter(()))
    agenda.add_candle(candle("BTCUSDT", 0, 15))
    agenda.add_candle(candle("BTCUSDT", 0, 15))
    assert taken(agenda, 15 * MINUTE) == [("BTCUSDT", "15m")] * 2


def test_signals_come_in_the_order_of_their_file_after_candles_of_the_same_time() -> None:
    agenda = Agenda(iter([planned(1, MINUTE), planned(2, MINUTE), planned(3, 2 * MINUTE)]))
    agenda.add_candle(candle("BTCUSDT", 0, 1))
    assert agenda.next_time() == MINUTE
    assert taken(agenda, MINUTE) == [("BTCUSDT", "1m"), 1, 2]
    assert agenda.next_time() == 2 * MINUTE
    assert taken(agenda, 2 * MINUTE) == [3]
    assert agenda.next_time() is None


def test_after_a_resume_nothing_comes_twice() -> None:
    first = Agenda(iter([planned(1, MINUTE), planned(2, 3 * MINUTE)]))
    first.add_candle(candle("BTCUSDT", 0, 1))
    assert taken(first, MINUTE) == [("BTCUSDT", "1m"), 1]
    signals = iter([planned(1, MINUTE), planned(2, 3 * MINUTE)])
    second = Agenda(signals, first.delivered, first.signals_taken)
    second.add_candle(candle("BTCUSDT", 0, 1))
    second.add_candle(candle("BTCUSDT", 1, 1))
    assert taken(second, 3 * MINUTE) == [("BTCUSDT", "1m"), 2]
    assert second.signals_taken == 2
