from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from fillwright.core import events as ev
from fillwright.core.inputs import Candle, Decision, Input, StreamChanged
from fillwright.core.positions import Position
from fillwright.core.types import SECOND, PositionDecision, Symbol, Time
from fillwright.ports import DiskFullError, MarketUnavailableError, StrategyError
from fillwright.runtime.account import RECOVERING
from fillwright.runtime.inbox import Bounds
from fillwright.runtime.strategies import OFF, RUNNING, WARMING, StrategyTask, position_of
from tests.runtime.builders import (
    SYMBOL,
    Bench,
    D,
    StillMarket,
    make_candle,
    make_signal,
    open_bench,
    run,
    turns,
    until,
)

Answerer = Callable[[Candle, Position | None], Sequence[Input]]


class ScriptedStrategy:
    """Answers as the test says, and keeps what it was shown."""

    def __init__(self, answer: Answerer = lambda candle, position: (), *symbols: Symbol) -> None:
        self.trader_id = "scripted"
        self.symbols = symbols or (SYMBOL,)
        self.interval = "15m"
        self.window_size = 5
        self.answer = answer
        self.warmed: list[Candle] = []
        self.asked: list[tuple[Candle, Position | None, Time]] = []

    def warm(self, candle: Candle) -> None:
        self.warmed.append(candle)

    def on_candle(self, candle: Candle, position: Position | None, now: Time) -> Sequence[Input]:
        self.asked.append((candle, position, now))
        return self.answer(candle, position)

    @property
    def rows(self) -> list[Candle]:
        """The candles that it was asked about."""
        return [candle for candle, _, _ in self.asked]


class Stage:
    """A ready account, a market with a past of ten candles, and one trader."""

    def __init__(self, bench: Bench, strategy: ScriptedStrategy, market: StillMarket) -> None:
        self.bench = bench
        self.strategy = strategy
        self.market = market
        self.trader = StrategyTask("local", strategy, bench.account, market, bench.clock)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.trader.run())

    async def show(self, *candles: Candle) -> None:
        for candle in candles:
            self.trader.candle(candle)
            await turns()


def on_stage(
    path: Path,
    check: Callable[[Stage], Any],
    answer: Answerer = lambda candle, position: (),
    symbols: tuple[Symbol, ...] = (),
    **fields: Any,
) -> None:
    async def body() -> None:
        bench = open_bench(path, **fields)
        market = StillMarket()
        market.candles = {symbol: [make_candle(row, symbol) for row in range(-10, 0)] for symbol in
                          (SYMBOL, "BBBUSDT")}  # fmt: skip
        async with bench.running():
            stage = Stage(bench, ScriptedStrategy(answer, *symbols), market)
            try:
                await check(stage)
            finally:
                if stage.task is not None:
                    stage.task.cancel()
                    await asyncio.wait((stage.task,))

    run(body())


def enter(candle: Candle, position: Position | None) -> Sequence[Input]:
    return (make_signal(f"{candle.symbol}|{candle.open_time}", trader_id="scripted"),)


# -- warming up --------------------------------------------------------------------------------------------------


def test_a_trader_is_shown_its_window_of_the_past_and_asked_nothing(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        assert stage.trader.state == WARMING
        stage.start()
        await until(lambda: stage.trader.state == RUNNING)
        assert stage.market.asked == [(SYMBOL, "15m", 5), ("BBBUSDT", "15m", 5)]
        assert stage.strategy.warmed == [
            make_candle(row, symbol) for symbol in (SYMBOL, "BBBUSDT") for row in range(-5, 0)
        ]
        assert stage.strategy.asked == []
        await stage.show(make_candle(0))
        assert stage.strategy.rows == [make_candle(0)]

    on_stage(tmp_path, check, symbols=(SYMBOL, "BBBUSDT"))


def test_candles_that_close_while_it_is_warmed_are_neither_lost_nor_shown_twice(tmp_path: Path) -> None:
    """The past ends with candle -1; -1, 0, 1 and 2 came live meanwhile: only the newest is asked about."""

    async def check(stage: Stage) -> None:
        for row in (-1, 0, 1, 2):
            stage.trader.candle(make_candle(row))
        stage.start()
        await until(lambda: stage.strategy.asked)
        assert stage.strategy.warmed == [make_candle(row) for row in range(-5, 2)]
        assert stage.strategy.rows == [make_candle(2)]

    on_stage(tmp_path, check)


def test_a_past_that_ends_later_than_what_came_live_is_enough(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.trader.candle(make_candle(-2))
        stage.start()
        await until(lambda: stage.trader.state == RUNNING)
        await turns()
        assert stage.strategy.warmed == [make_candle(row) for row in range(-5, 0)]
        assert stage.strategy.asked == []

    on_stage(tmp_path, check)


def test_a_past_that_cannot_be_had_is_asked_for_again(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.market.errors += [MarketUnavailableError("no history yet")] * 3
        stage.start()
        await turns()
        assert stage.trader.status.error == "no history yet"
        assert stage.trader.state == WARMING
        await stage.bench.clock.pass_by(10 * SECOND)
        assert stage.trader.state == RUNNING
        assert stage.trader.status.error == ""
        assert len(stage.strategy.warmed) == 5

    on_stage(tmp_path, check)


# -- asking ------------------------------------------------------------------------------------------------------


def test_only_its_own_symbols_and_interval_and_each_candle_once(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.start()
        await stage.show(
            make_candle(0),
            make_candle(0),
            make_candle(1, interval="1m"),
            make_candle(1, "CCCUSDT"),
            make_candle(2),
            make_candle(1),
        )
        assert stage.strategy.rows == [make_candle(0), make_candle(2)]
        assert stage.strategy.asked[0][2] == stage.bench.clock.now()

    on_stage(tmp_path, check)


def test_a_signal_becomes_a_position_and_the_position_is_shown(tmp_path: Path) -> None:
    def answer(candle: Candle, position: Position | None) -> Sequence[Input]:
        if position is None:
            return enter(candle, position)
        return (Decision(position_id=position.id, decision=PositionDecision.CLOSE),)

    async def check(stage: Stage) -> None:
        stage.start()
        await stage.show(make_candle(0))
        engine = stage.bench.account.engine
        position = position_of(stage.bench.account, "scripted", SYMBOL)
        assert position is not None
        assert position_of(stage.bench.account, "other", SYMBOL) is None
        await stage.show(make_candle(1))
        assert stage.strategy.asked[1][1] is position
        assert not engine.ledger.open_positions
        assert [e.outcome for e in stage.bench.events(ev.DecisionMade)] == ["accepted"]  # type: ignore[attr-defined]
        stage.bench.check()

    on_stage(tmp_path, check, answer)


def test_while_the_account_is_not_ready_candles_only_warm(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.start()
        await stage.show(make_candle(0))
        stage.bench.account.state = RECOVERING
        warmed = len(stage.strategy.warmed)
        stage.trader.candle(make_candle(1))
        await until(lambda: len(stage.strategy.warmed) == warmed + 1)
        assert stage.bench.venue.reports is not None
        stage.bench.venue.reports([StreamChanged(True)])  # any batch: it finds itself ready
        await stage.show(make_candle(2))
        assert stage.strategy.rows == [make_candle(0), make_candle(2)]

    on_stage(tmp_path, check)


def test_a_signal_that_finds_its_lane_full_is_lost_and_told(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.start()
        await turns()
        with structlog.testing.capture_logs() as logs:
            await stage.show(make_candle(0))
        assert "a signal is lost" in [log["event"] for log in logs]
        assert stage.trader.state == RUNNING

    on_stage(tmp_path, check, enter, bounds=Bounds(signals=0))


def test_an_answer_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        stage.start()
        await turns()
        stage.bench.store.journal.errors.append(DiskFullError("no room"))
        with structlog.testing.capture_logs() as logs:
            await stage.show(make_candle(0))
        assert "no answer" in [log["event"] for log in logs]
        await stage.bench.clock.pass_by(2 * SECOND)
        stage.bench.price(D(100))
        await stage.show(make_candle(1))
        assert len(stage.bench.events(ev.SignalReceived)) == 1

    on_stage(tmp_path, check, enter)


# -- a trader that raises ----------------------------------------------------------------------------------------


def test_a_trader_that_raises_is_switched_off_and_everything_else_goes_on(tmp_path: Path) -> None:
    class OddError(StrategyError):
        trace = "line 7"

    def answer(candle: Candle, position: Position | None) -> Sequence[Input]:
        if candle.open_time >= make_candle(1).open_time:
            raise OddError("trader scripted: KeyError: 'x'")
        return enter(candle, position)

    async def check(stage: Stage) -> None:
        stage.start()
        await turns()
        with structlog.testing.capture_logs() as logs:
            await stage.show(make_candle(0), make_candle(1), make_candle(2))
        assert (stage.trader.state, stage.trader.status.error) == (OFF, "trader scripted: KeyError: 'x'")
        assert stage.strategy.rows == [make_candle(0), make_candle(1)]
        assert stage.task is not None
        assert stage.task.done()
        assert stage.task.exception() is None
        (told,) = [log for log in logs if log["event"] == "the trader is switched off"]
        assert told["trace"] == "line 7"
        assert stage.bench.events(ev.Error) == [
            ev.Error(where="trader scripted", what="switched off: trader scripted: KeyError: 'x'")
        ]
        assert len(stage.bench.account.engine.ledger.open_positions) == 1
        assert (await stage.bench.submit(make_signal("other"))).ok
        await turns()
        stage.bench.check()

    on_stage(tmp_path, check, answer)


def test_signals_given_before_it_raised_in_the_same_moment_stand(tmp_path: Path) -> None:
    def answer(candle: Candle, position: Position | None) -> Sequence[Input]:
        if candle.symbol != SYMBOL:
            raise StrategyError("enough")
        return enter(candle, position)

    async def check(stage: Stage) -> None:
        stage.start()
        await until(lambda: stage.trader.state == RUNNING)
        stage.trader.candle(make_candle(0))
        stage.trader.candle(make_candle(0, "BBBUSDT"))
        await turns()
        assert stage.trader.state == OFF
        assert len(stage.bench.events(ev.PositionOpened)) == 1

    on_stage(tmp_path, check, answer, symbols=(SYMBOL, "BBBUSDT"))


def test_what_is_told_of_a_trader(tmp_path: Path) -> None:
    async def check(stage: Stage) -> None:
        status = stage.trader.status
        assert (status.trader_id, status.user_id, status.interval, status.symbols, status.state) == (
            "scripted",
            "local",
            "15m",
            (SYMBOL,),
            WARMING,
        )

    on_stage(tmp_path, check)
