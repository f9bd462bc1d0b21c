"""Traders in this process: each is warmed up with candles of the past, then asked at every candle's close.

What a trader wants goes through the inbox of its user's account like anybody's signal. A trader that raises is switched
off, which is recorded and logged; everything else goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
import structlog

from fillwright.core.inputs import Candle, SubmitSignal
from fillwright.core.positions import Position
from fillwright.core.types import MILLISECOND, SECOND, Symbol, Time
from fillwright.ports import Clock, MarketData, MarketUnavailableError, Strategy, StrategyError
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.errors import UnavailableError
from fillwright.runtime.inbox import Reply

CANDLES_MAX = 10_000
"""Candles that wait for a trader; the oldest give way."""
HISTORY_PAUSE_FIRST: Time = 500 * MILLISECOND
HISTORY_PAUSE_MAX: Time = 30 * SECOND
WARMING, RUNNING, OFF = "warming", "running", "off"


class TraderStatus(msgspec.Struct, frozen=True):
    """How a trader is doing."""

    trader_id: str
    user_id: str
    interval: str
    symbols: tuple[Symbol, ...]
    state: str
    """warming | running | off"""
    error: str = ""
    """Why it is off, or why it is not warm yet."""


class StrategyTask:
    """One trader and its candles; it is asked, and not just shown them, while ``asked`` says so."""

    def __init__(
        self,
        user_id: str,
        strategy: Strategy,
        account: AccountEngine,
        market: MarketData,
        clock: Clock,
        asked: Callable[[], bool] = lambda: True,
    ) -> None:
        self.user_id = user_id
        self.strategy = strategy
        self.state = WARMING
        self.error = ""
        self.account = account
        self._asked = asked
        self._market = market
        self._clock = clock
        self._symbols = frozenset(strategy.symbols)
        self._waiting: deque[Candle] = deque(maxlen=CANDLES_MAX)
        self._awake = asyncio.Event()
        self._shown: dict[Symbol, Time] = {}
        self._log = structlog.get_logger().bind(trader=strategy.trader_id)

    @property
    def is_asked(self) -> bool:
        """Whether its user is in its account's mode."""
        return self._asked()

    @property
    def status(self) -> TraderStatus:
        """How it is doing."""
        trader = self.strategy
        return TraderStatus(
            trader.trader_id,
            self.user_id,
            str(trader.interval),
            tuple(trader.symbols),
            self.state,
            self.error,
        )

    def candle(self, candle: Candle) -> None:
        """Take a closed candle, if it is one of this trader's."""
        if (
            self.state == OFF
            or candle.symbol not in self._symbols
            or candle.interval != self.strategy.interval
        ):
            return
        self._waiting.append(candle)
        self._awake.set()

    async def run(self) -> None:
        """Warm up, then ask at every candle, until cancelled or switched off."""
        await self._warm_up()
        self.state, self.error = RUNNING, ""
        self._log.info("the trader is warm", symbols=list(self.strategy.symbols))
        while True:
            await self._awake.wait()
            self._awake.clear()
            candles = [*self._waiting]
            self._waiting.clear()
            replies: list[tuple[Candle, Reply]] = []
            try:
                for candle in candles:
                    replies += self._ask(candle)
            except StrategyError as error:
                self._switch_off(error)
                return
            finally:
                await self._hear(replies)

    # -- warming up ------------------------------------------------------------------------------------------

    async def _warm_up(self) -> None:
        for symbol in self.strategy.symbols:
            for candle in await self._history(symbol):
                self._warm(candle)
        newest = {candle.symbol: candle for candle in self._waiting}
        for candle in [*self._waiting]:
            if candle is not newest[candle.symbol]:  # nobody asks what to do at a close long past
                self._warm(candle)
                self._waiting.remove(candle)

    async def _history(self, symbol: Symbol) -> Sequence[Candle]:
        pause = HISTORY_PAUSE_FIRST
        while True:
            try:
                return await self._market.history(
                    symbol, str(self.strategy.interval), self.strategy.window_size
                )
            except MarketUnavailableError as error:
                self.error = str(error)
                self._log.warning("no candles of the past yet", symbol=symbol, reason=self.error)
            await self._clock.sleep_until(self._clock.now() + pause)
            pause = min(pause * 2, HISTORY_PAUSE_MAX)

    def _is_new(self, candle: Candle) -> bool:
        """Whether a candle follows those that the trader has seen."""
        if candle.open_time <= self._shown.get(candle.symbol, -1):
            return False
        self._shown[candle.symbol] = candle.open_time
        return True

    def _warm(self, candle: Candle) -> None:
        if self._is_new(candle):
            self.strategy.warm(candle)

    # -- asking ----------------------------------------------------------------------------------------------

    def _ask(self, candle: Candle) -> list[tuple[Candle, Reply]]:
        if not self._is_new(candle):
            return []
        account = self.account
        if account.state != READY or not self._asked():
            self.strategy.warm(candle)
            return []
        position = position_of(account, self.strategy.trader_id, candle.symbol)
        replies = []
        for item in self.strategy.on_candle(candle, position, self._clock.now()):
            try:
                replies.append((candle, account.post(item)))
            except UnavailableError as error:
                kind = "signal" if isinstance(item, SubmitSignal) else "decision"
                self._log.warning(f"a {kind} is lost", symbol=candle.symbol, reason=str(error))
        return replies

    async def _hear(self, replies: list[tuple[Candle, Reply]]) -> None:
        for candle, reply in replies:
            try:
                answer = await reply
            except UnavailableError as error:
                self._log.warning("no answer", symbol=candle.symbol, reason=str(error))
            else:
                self._log.info(
                    "answered",
                    symbol=candle.symbol,
                    ok=answer.ok,
                    code=answer.code,
                    signal_id=answer.signal_id,
                    position_id=answer.position_id,
                )

    def _switch_off(self, error: StrategyError) -> None:
        self.state, self.error = OFF, str(error)
        self._waiting.clear()
        self._log.error("the trader is switched off", reason=self.error, trace=error.trace)
        self.account.note(f"trader {self.strategy.trader_id}", f"switched off: {self.error}")


def position_of(account: AccountEngine, trader_id: str, symbol: Symbol) -> Position | None:
    """The trader's open position in a symbol."""
    for position in account.engine.ledger.positions_in(symbol):
        if position.trader_id == trader_id:
            return position
    return None
