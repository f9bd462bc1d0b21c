from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.inputs import Candle
from fillwright.core.types import PositionDecision, PositionStatus
from fillwright.market.intervals import Interval
from fillwright.market.window import CandleWindow
from fillwright.traders.answers import Decision, Signal
from fillwright.traders.breakout import Breakout
from fillwright.traders.errors import AnswerError, RunnerStateError, TraderError, TraderLoadError
from fillwright.traders.interface import Holding
from fillwright.traders.runner import WINDOW_MAX, TraderRunner
from tests.traders.builders import (
    START,
    SYMBOL,
    Answer,
    D,
    Scripted,
    candle,
    position,
    the_decision,
    the_signal,
)

NOW = START + 99
ETH = "ETHUSDT"


def runner_of(trader: Scripted, symbols: tuple[str, ...] = (SYMBOL,), **fields: Any) -> TraderRunner:
    for name, value in fields.items():
        setattr(trader, name, value)
    return TraderRunner(trader, "mine", symbols, "15m")


# -- asking ------------------------------------------------------------------------------------------------------


def test_a_trader_is_asked_once_it_is_warm_and_sees_no_more_than_its_window() -> None:
    trader = Scripted()
    runner = runner_of(trader, warm_up=3, window=4)
    for row in range(7):
        assert runner.on_candle(candle(row), None, NOW) == []
    assert [count for count, _ in trader.seen] == [3, 4, 4, 4, 4]


def test_a_past_is_shown_without_asking_and_counts_as_warm_up() -> None:
    trader = Scripted(lambda *_: Signal(stop_loss=98))
    runner = runner_of(trader, warm_up=3, window=4)
    for row in range(5):
        runner.warm(candle(row))
    assert trader.seen == []
    assert len(runner.on_candle(candle(5), None, NOW)) == 1
    assert [count for count, _ in trader.seen] == [4]
    with pytest.raises(AssertionError, match="once and in order"):
        runner.warm(candle(5))


def test_a_signal_becomes_an_input_of_this_trader_symbol_and_candle() -> None:
    runner = runner_of(Scripted(lambda *_: Signal(stop_loss=98.5)))
    signal = the_signal(runner.on_candle(candle(5), None, NOW))
    assert (signal.trader_id, signal.symbol, signal.interval, signal.created_at) == (
        "mine",
        SYMBOL,
        "15m",
        NOW,
    )
    assert signal.stop_loss == D("98.5")
    assert signal.key == f"{SYMBOL}|15m|{candle(5).open_time}"


def test_keys_tell_symbols_and_candles_apart_and_nothing_else() -> None:
    runner = runner_of(Scripted(lambda *_: Signal(stop_loss=98)), (SYMBOL, ETH))
    asked = [(row, symbol) for row in range(3) for symbol in (SYMBOL, ETH)]
    keys = [the_signal(runner.on_candle(candle(row, symbol=symbol), None, NOW)).key for row, symbol in asked]
    assert len(set(keys)) == len(asked)
    again = runner_of(Scripted(lambda *_: Signal(stop_loss=97, reasoning="other")))
    assert the_signal(again.on_candle(candle(0), None, NOW + 5)).key == keys[0]


def test_a_traders_own_key_goes_before_ours() -> None:
    runner = runner_of(Scripted(lambda *_: Signal(stop_loss=98, key="own")))
    assert the_signal(runner.on_candle(candle(0), None, NOW)).key == "own"


def test_a_decision_is_about_the_position() -> None:
    trader = Scripted(lambda *_: Decision.adjust_stop("99.5"))
    decision = the_decision(runner_of(trader).on_candle(candle(0), position(), NOW))
    assert (decision.position_id, decision.decision) == (7, PositionDecision.ADJUST_STOP_LOSS)
    assert decision.price == D("99.5")
    ((_, holding),) = trader.seen
    assert holding is not None
    assert holding.id == 7


def test_a_signal_beside_a_position_is_for_the_engine_to_judge() -> None:
    runner = runner_of(Scripted(lambda *_: Signal(stop_loss=98)))
    assert the_signal(runner.on_candle(candle(0), position(), NOW)).symbol == SYMBOL


def test_a_position_that_has_ended_is_none() -> None:
    trader = Scripted()
    runner_of(trader).on_candle(candle(0), position(status=PositionStatus.CLOSED), NOW)
    assert trader.seen == [(1, None)]


def test_to_hold_nothing_is_no_answer_and_to_hold_something_is_one() -> None:
    runner = runner_of(Scripted(lambda *_: Decision.hold("calm")))
    assert runner.on_candle(candle(0), None, NOW) == []
    assert the_decision(runner.on_candle(candle(1), position(), NOW)).reasoning == "calm"


def test_the_exits_commission_is_that_of_the_account() -> None:
    trader = Scripted()
    runner = TraderRunner(trader, "mine", (SYMBOL,), Interval.M15, taker_fee=D("0.01"))
    runner.on_candle(candle(0, close=110), position(), NOW)
    ((_, holding),) = trader.seen
    assert holding is not None
    assert holding.unrealized == D("17.8")  # 220 − 2.2 − 200


def test_each_symbol_has_candles_of_its_own() -> None:
    seen: list[tuple[str, list[float]]] = []

    def answer(candles: CandleWindow, _: Holding | None) -> Answer:
        seen.append((candles.symbol, candles.close.tolist()))
        return None

    runner = runner_of(Scripted(answer), (SYMBOL, ETH))
    assert runner.symbols == (SYMBOL, ETH)
    runner.on_candle(candle(0, 10), None, NOW)
    runner.on_candle(candle(0, 20, symbol=ETH), None, NOW)
    runner.on_candle(candle(1, 11), None, NOW)
    assert seen == [(SYMBOL, [10.0]), (ETH, [20.0]), (SYMBOL, [10.0, 11.0])]


# -- wishes ------------------------------------------------------------------------------------------------------


def test_a_traders_interval_goes_before_the_accounts() -> None:
    assert runner_of(Scripted()).interval is Interval.M15
    assert runner_of(Scripted(), interval="5m").interval is Interval.M5


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"interval": "7m"}, "'7m' is not an interval"),
        ({"interval": ["5m"]}, "interval"),
        ({"window": 0}, "window = 0"),
        ({"window": WINDOW_MAX + 1}, "window = 100001"),
        ({"window": 2.5}, "window = 2.5"),
        ({"warm_up": 0}, "warm_up = 0"),
        ({"warm_up": True}, "warm_up = True"),
        ({"warm_up": 11, "window": 10}, "more candles than its window"),
    ],
)
def test_impossible_wishes_are_refused(wishes: dict[str, Any], said: str) -> None:
    with pytest.raises(TraderLoadError, match=said):
        runner_of(Scripted(), **wishes)


@pytest.mark.parametrize(
    ("fed", "held"),
    [
        (candle(0), None),  # once more
        (candle(2, interval="1m"), None),
        (candle(2), position(trader_id="another")),
        (candle(2), position(symbol=ETH)),
    ],
)
def test_feeding_it_wrongly_is_a_bug(fed: Candle, held: Any) -> None:
    runner = runner_of(Scripted())
    runner.on_candle(candle(0), None, NOW)
    with pytest.raises(AssertionError):
        runner.on_candle(fed, held, NOW)


# -- failing -----------------------------------------------------------------------------------------------------


def divide(candles: CandleWindow, _: Holding | None) -> Answer:
    return Signal(stop_loss=1 // (len(candles) - 1))


def test_what_a_trader_raises_is_named_with_its_own_lines() -> None:
    runner = runner_of(Scripted(divide))
    with pytest.raises(TraderError) as caught:
        runner.on_candle(candle(0), None, NOW)
    error = caught.value
    assert (error.trader, error.symbol, error.open_time) == ("mine", SYMBOL, candle(0).open_time)
    assert isinstance(error.original, ZeroDivisionError)
    assert str(error).startswith(f"trader mine at the {SYMBOL} candle of 20")
    assert str(error).endswith("ZeroDivisionError: integer division or modulo by zero")
    assert "1 // (len(candles) - 1)" in error.trace
    assert "traders/runner.py" not in error.trace


def leave(*_: object) -> Answer:
    sys.exit("enough")


def test_leaving_the_program_is_an_error_like_others() -> None:
    with pytest.raises(TraderError, match="SystemExit: enough"):
        runner_of(Scripted(leave)).on_candle(candle(0), None, NOW)


def interrupt(*_: object) -> Answer:
    raise KeyboardInterrupt


def test_an_interrupt_is_the_users_and_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        runner_of(Scripted(interrupt)).on_candle(candle(0), None, NOW)


def test_a_number_that_is_none_is_named_by_its_field() -> None:
    with pytest.raises(TraderError, match="stop_loss: NaN is not a finite number") as caught:
        runner_of(Scripted(lambda *_: Signal(stop_loss=float("nan")))).on_candle(candle(0), None, NOW)
    assert isinstance(caught.value.original, AnswerError)
    assert 'Signal(stop_loss=float("nan"))' in caught.value.trace
    assert "answers.py" not in caught.value.trace


@pytest.mark.parametrize("answer", ["buy", 1, True, [Signal(stop_loss=1)], Signal, Decision.close])
def test_an_answer_of_another_kind_is_refused(answer: Any) -> None:
    with pytest.raises(TraderError, match="no Signal, no Decision and not None"):
        runner_of(Scripted(lambda *_: answer)).on_candle(candle(0), position(), NOW)


def test_a_decision_needs_a_position() -> None:
    with pytest.raises(TraderError, match="close without a position"):
        runner_of(Scripted(lambda *_: Decision.close())).on_candle(candle(0), None, NOW)


# -- going on after a restart ------------------------------------------------------------------------------------


class Counter(Scripted):
    """Counts its candles, and says so in its signals."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_candle(self, candles: CandleWindow, position: Holding | None) -> Answer:
        self.count += 1
        return Signal(stop_loss=98, reasoning=f"{self.count} {candles.close.tolist()} {candles.last}")

    def save(self) -> bytes:
        return str(self.count).encode()

    def load(self, data: bytes) -> None:
        self.count = int(data)


closes = st.decimals("0.00000001", "9999999999.99999999", places=8)


@given(st.lists(closes, min_size=1, max_size=30), st.data(), st.integers(1, 8))
def test_a_restart_at_any_candle_changes_nothing(prices: list[Any], data: st.DataObject, size: int) -> None:
    cut = data.draw(st.integers(0, len(prices)))
    feed = [candle(row, price, symbol=(SYMBOL, ETH)[row % 2]) for row, price in enumerate(prices)]
    through = runner_of(Counter(), (SYMBOL, ETH), window=size)
    expected = [through.on_candle(item, None, NOW) for item in feed]
    before = runner_of(Counter(), (SYMBOL, ETH), window=size)
    given_answers = [before.on_candle(item, None, NOW) for item in feed[:cut]]
    after = runner_of(Counter(), (SYMBOL, ETH), window=size)
    after.load(before.dump())
    assert after.dump() == before.dump()
    given_answers += [after.on_candle(item, None, NOW) for item in feed[cut:]]
    assert given_answers == expected
    assert after.dump() == through.dump()


def test_a_trader_without_state_is_not_asked_to_take_any_back() -> None:
    class Stubborn(Scripted):
        def load(self, data: bytes) -> None:
            raise AssertionError

    runner = runner_of(Stubborn())
    runner.load(runner.dump())


@pytest.mark.parametrize(
    "other",
    [
        lambda: TraderRunner(Counter(), "another", (SYMBOL,), "15m"),
        lambda: TraderRunner(Counter(), "mine", (ETH,), "15m"),
        lambda: TraderRunner(Counter(), "mine", (SYMBOL,), "5m"),
        lambda: TraderRunner(Scripted(), "mine", (SYMBOL,), "15m"),
        lambda: runner_of(Counter(), window=7),
    ],
)
def test_the_state_of_another_trader_is_refused_and_changes_nothing(other: Any) -> None:
    runner, kept = runner_of(Counter()), runner_of(Counter())
    kept.on_candle(candle(0), None, NOW)
    runner = other()
    before = runner.dump()
    with pytest.raises(RunnerStateError, match="another trader"):
        runner.load(kept.dump())
    assert runner.dump() == before


@pytest.mark.parametrize("data", [b"", b"\x00", b"not state", msgspec.msgpack.encode({"version": 1})])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(RunnerStateError, match="cannot be read"):
        runner_of(Counter()).load(data)


def test_a_state_that_is_cut_or_torn_is_refused() -> None:
    runner = runner_of(Counter())
    for row in range(3):
        runner.on_candle(candle(row), None, NOW)
    whole = runner.dump()
    for end in range(0, len(whole), 7):
        with pytest.raises(RunnerStateError):
            runner.load(whole[:end])
    torn = msgspec.msgpack.decode(whole)
    torn["windows"][0]["last"] = None
    with pytest.raises(RunnerStateError, match="newest candle"):
        runner.load(msgspec.msgpack.encode(torn))
    torn = msgspec.msgpack.decode(whole)
    torn["windows"][0]["open_time"] = torn["windows"][0]["open_time"][:8]
    with pytest.raises(RunnerStateError, match="cannot be read"):
        runner.load(msgspec.msgpack.encode(torn))


def test_failing_to_save_or_load_is_the_traders_error() -> None:
    class Broken(Counter):
        def save(self) -> bytes:
            raise OSError("no room")

        def load(self, data: bytes) -> None:
            raise ValueError("what is this")

    with pytest.raises(TraderError, match="trader mine: OSError: no room"):
        runner_of(Broken()).dump()
    state = msgspec.msgpack.decode(runner_of(Counter()).dump())
    state["trader_class"] = Broken.__qualname__
    with pytest.raises(TraderError, match="what is this"):
        runner_of(Broken()).load(msgspec.msgpack.encode(state))


def test_a_state_is_bytes() -> None:
    class Wordy(Counter):
        def save(self) -> bytes:
            return "text"  # type: ignore[return-value]

    with pytest.raises(TraderError, match="save: str is not bytes"):
        runner_of(Wordy()).dump()


def test_a_kept_state_stays_small() -> None:
    runner = TraderRunner(Breakout(), "mine", (SYMBOL,), "15m")
    for row in range(1200):
        runner.on_candle(candle(row), None, NOW)
    assert len(runner.dump()) < 500 * 7 * 8 + 1000
