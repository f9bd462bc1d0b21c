"""The example trader: buys breakouts in a rising trend, with a stop that the market's own movement sets.

It shows how a trader is written and what the engine does with its answers. It is no advice and promises no profit:
on most markets and most days such a rule loses its commissions.
"""

from __future__ import annotations

from typing import Any

from fillwright.market.window import CandleWindow
from fillwright.traders.answers import Decision, Signal
from fillwright.traders.errors import ParameterError
from fillwright.traders.indicators import atr, ema
from fillwright.traders.interface import Holding, Trader

_DECIMALS = 8
"""Levels are rounded to what Binance quotes at most; the engine aligns them to the symbol's tick."""
_MEMORY = 4
"""An exponential average has forgotten where it began after this many times its length."""


class Breakout(Trader):
    """Enters at a close above the highest high of the candles before, while the trend's average rises below it.

    Stop: ``stop_atr`` average true ranges below the close, held between the two percentages so that neither commission
    nor one bad candle rules the result. Target: ``reward`` times that risk. Once the position is ahead by its risk, the
    stop goes to where entry and exit are paid for, then follows at ``trail_atr`` ranges, upwards only and in steps
    worth an order. A position that has not come that far after ``hold_max`` candles
    is closed.
    """

    lookback: int = 16
    trend: int = 50
    atr_count: int = 14
    stop_atr: float = 2.5
    stop_min_percent: float = 0.6
    stop_max_percent: float = 5.0
    reward: float = 2.0
    trail_atr: float = 3.0
    step_percent: float = 0.3
    cost_percent: float = 0.25
    """What entry and exit cost together: commissions and slippage."""
    hold_max: int = 32

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        for name in ("lookback", "trend", "atr_count", "hold_max"):
            if getattr(self, name) < 1:
                raise ParameterError(name, f"{getattr(self, name)} is not a number of candles")
        for name in ("stop_atr", "stop_min_percent", "reward", "trail_atr", "step_percent", "cost_percent"):
            if not getattr(self, name) > 0:
                raise ParameterError(name, f"{getattr(self, name)} is not above zero")
        if not self.stop_min_percent <= self.stop_max_percent < 100:
            raise ParameterError(
                "stop_max_percent", f"{self.stop_max_percent} is not from the minimum to 100"
            )
        needed = max(self.lookback, self.trend, self.atr_count) + 2
        self.warm_up = max(self.warm_up, needed)
        self.window = max(self.window, self.warm_up, _MEMORY * needed)

    def on_candle(self, candles: CandleWindow, position: Holding | None) -> Signal | Decision | None:
        """Look for an entry while flat, else look after the position."""
        if position is None:
            return self._enter(candles)
        return self._manage(candles, position) if position.is_open else None

    def _enter(self, candles: CandleWindow) -> Signal | None:
        close = float(candles.close[-1])
        barrier = float(candles.high[-self.lookback - 1 : -1].max())
        if close <= barrier:
            return None
        average = ema(candles.close, self.trend)
        if close <= average[-1] or average[-1] <= average[-2]:
            return None
        percent = 100.0 * self.stop_atr * self._range(candles) / close
        percent = min(max(percent, self.stop_min_percent), self.stop_max_percent)
        risk = close * percent / 100.0
        return Signal(
            stop_loss=round(close - risk, _DECIMALS),
            take_profit=round(close + self.reward * risk, _DECIMALS),
            reasoning=f"closed above the highest {barrier:.10g} of {self.lookback} candles; stop {percent:.2f} % below",
        )

    def _manage(self, candles: CandleWindow, position: Holding) -> Decision | None:
        if position.stop_loss is None:
            return None
        close, entry, stop = float(candles.close[-1]), float(position.entry_price), float(position.stop_loss)
        if stop < entry and close < entry + (entry - stop):
            if position.candles_held < self.hold_max:
                return None
            return Decision.close(f"no result after {position.candles_held} candles")
        paid_for = entry * (1.0 + self.cost_percent / 100.0)
        level = max(paid_for, close - self.trail_atr * self._range(candles))
        if level - stop < close * self.step_percent / 100.0 or level >= close:
            return None
        return Decision.adjust_stop(round(level, _DECIMALS), "trail" if level > paid_for else "break even")

    def _range(self, candles: CandleWindow) -> float:
        """The average true range; as many candles as the average remembers suffice."""
        part = slice(-_MEMORY * self.atr_count - 1, None)
        return float(atr(candles.high[part], candles.low[part], candles.close[part], self.atr_count)[-1])
