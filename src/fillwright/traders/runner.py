"""Runs one trader: keeps its candles, asks it at each close, and turns its answers into the engine's inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
import numpy as np

from fillwright.core.inputs import Candle, Input
from fillwright.core.positions import Position
from fillwright.core.types import PositionDecision, Symbol, Time
from fillwright.market.intervals import Interval, IntervalError
from fillwright.market.window import CandleWindow
from fillwright.traders.answers import Decision, Signal
from fillwright.traders.errors import AnswerError, RunnerStateError, TraderError, TraderLoadError
from fillwright.traders.interface import Holding, Trader, holding_of

WINDOW_MAX = 100_000
"""Candles of a window: each costs 112 bytes of memory a symbol."""
STATE_VERSION = 1
TAKER_FEE_DEFAULT = Decimal("0.001")
"""What Binance Spot takes of an account without discounts."""
_FLOATS = "<f8"
_TIMES = "<i8"
_COLUMNS = ("open", "high", "low", "close", "volume")

_Result = TypeVar("_Result")


class _SavedWindow(msgspec.Struct, frozen=True):
    """The candles of one symbol: columns as little-endian bytes, the newest candle exact."""

    symbol: Symbol
    columns: tuple[bytes, bytes, bytes, bytes, bytes]
    open_time: bytes
    close_time: bytes
    last: Candle | None


class _Saved(msgspec.Struct, frozen=True):
    version: int
    trader_id: str
    trader_class: str
    interval: str
    size: int
    windows: list[_SavedWindow]
    trader: bytes


class TraderRunner:
    """Feeds a trader with the closed candles of its symbols.

    ``interval`` is the account's; the trader's own goes before it, and ``self.interval`` is the one whose candles are
    to be fed. ``taker_fee`` (a fraction) estimates the commission of an exit. TraderLoadError when the trader asks for
    an interval that is none, or for impossible numbers of candles.
    """

    def __init__(
        self,
        trader: Trader,
        trader_id: str,
        symbols: Sequence[Symbol],
        interval: Interval | str,
        *,
        taker_fee: Decimal = TAKER_FEE_DEFAULT,
    ) -> None:
        self.trader = trader
        self.trader_id = trader_id
        self.taker_fee = taker_fee
        self.interval = _interval_of(trader, interval)
        self.window_size, self.warm_up = _candles_of(trader)
        self._windows = {symbol: self._window(symbol) for symbol in symbols}

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols that it is asked about, in the order given."""
        return tuple(self._windows)

    def _window(self, symbol: Symbol) -> CandleWindow:
        return CandleWindow(symbol, self.interval, self.window_size)

    def warm(self, candle: Candle) -> None:
        """Show the trader's window a closed candle of the past; the trader itself is not asked."""
        self._take(candle)

    def _take(self, candle: Candle) -> CandleWindow:
        window = self._windows[candle.symbol]
        assert candle.interval == self.interval, (candle.interval, self.interval)
        assert not len(window) or candle.open_time > window.last.open_time, "candles come once and in order"
        window.append(candle)
        return window

    def on_candle(self, candle: Candle, position: Position | None, now: Time) -> list[Input]:
        """Feed a closed candle and ask the trader; the inputs that its answer makes, at most one.

        ``position`` is the trader's own in that symbol, ``now`` the time that the inputs are stamped with. Raises
        TraderError when the trader's code raises or its answer makes no sense.
        """
        assert position is None or (position.trader_id, position.symbol) == (self.trader_id, candle.symbol)
        window = self._take(candle)
        if len(window) < self.warm_up:
            return []
        holding = holding_of(position, candle, self.taker_fee)
        answer = self._asked(lambda: self.trader.on_candle(window, holding), candle)
        return self._inputs(answer, candle, holding, now)

    def _inputs(self, answer: object, candle: Candle, holding: Holding | None, now: Time) -> list[Input]:
        if answer is None:
            return []
        if isinstance(answer, Signal):
            key = f"{candle.symbol}|{self.interval}|{candle.open_time}"
            return [
                answer.to_input(
                    trader_id=self.trader_id, symbol=candle.symbol, interval=self.interval, now=now, key=key
                )
            ]
        if isinstance(answer, Decision):
            if holding is not None:
                return [answer.to_input(holding.id)]
            if answer.decision is PositionDecision.HOLD:
                return []
            raise self._nonsense("answer", f"{answer.decision} without a position", candle)
        reason = f"on_candle gave {answer!r:.60}, which is no Signal, no Decision and not None"
        raise self._nonsense("answer", reason, candle)

    def _nonsense(self, field: str, reason: str, candle: Candle) -> TraderError:
        error = AnswerError(field, reason)
        return TraderError(self.trader_id, error, symbol=candle.symbol, open_time=candle.open_time)

    def _asked(self, question: Callable[[], _Result], candle: Candle | None = None) -> _Result:
        """What the trader's own code gives; whatever it raises, an exit included, becomes TraderError."""
        try:
            return question()
        except (Exception, SystemExit) as error:
            if candle is None:
                raise TraderError(self.trader_id, error) from error
            raise TraderError(
                self.trader_id, error, symbol=candle.symbol, open_time=candle.open_time
            ) from error

    # -- going on after a restart ----------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Everything needed to go on: the windows, and what the trader saves. Raises TraderError."""
        own = self._asked(self.trader.save)
        if not isinstance(own, bytes):
            raise TraderError(self.trader_id, AnswerError("save", f"{type(own).__name__} is not bytes"))
        return msgspec.msgpack.encode(
            _Saved(
                version=STATE_VERSION,
                trader_id=self.trader_id,
                trader_class=type(self.trader).__qualname__,
                interval=self.interval,
                size=self.window_size,
                windows=[_saved(window) for window in self._windows.values()],
                trader=own,
            )
        )

    def load(self, data: bytes) -> None:
        """Take back a ``dump``; RunnerStateError (and no change) when it is another trader's, TraderError as above."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
            windows = {window.symbol: self._restored(window) for window in saved.windows}
        except (msgspec.DecodeError, ValueError) as error:
            raise RunnerStateError(
                f"the kept state of trader {self.trader_id} cannot be read: {error}"
            ) from None
        mine = (
            STATE_VERSION,
            self.trader_id,
            type(self.trader).__qualname__,
            self.interval,
            self.window_size,
            self.symbols,
        )
        kept = (
            saved.version,
            saved.trader_id,
            saved.trader_class,
            saved.interval,
            saved.size,
            tuple(windows),
        )
        if kept != mine:
            raise RunnerStateError(f"the kept state is of another trader: {kept}, not {mine}")
        if saved.trader:
            self._asked(lambda: self.trader.load(saved.trader))
        self._windows = windows

    def _restored(self, saved: _SavedWindow) -> CandleWindow:
        window = self._window(saved.symbol)
        columns = [np.frombuffer(column, _FLOATS).tolist() for column in saved.columns]
        times = [np.frombuffer(column, _TIMES).tolist() for column in (saved.open_time, saved.close_time)]
        rows = list(zip(*times, *columns, strict=True))
        for open_time, close_time, *values in rows[:-1]:
            numbers = (Decimal(repr(value)) for value in values)
            window.append(Candle(saved.symbol, self.interval, open_time, close_time, *numbers))
        if (saved.last is None) is not (not rows):
            raise ValueError(f"the newest candle of {saved.symbol} is missing")
        if saved.last is not None:
            window.append(saved.last)
        return window


def _saved(window: CandleWindow) -> _SavedWindow:
    opened, high, low, closed, volume = (getattr(window, name).astype(_FLOATS).tobytes() for name in _COLUMNS)
    return _SavedWindow(
        window.symbol,
        (opened, high, low, closed, volume),
        window.open_time.astype(_TIMES).tobytes(),
        window.close_time.astype(_TIMES).tobytes(),
        window.last if len(window) else None,
    )


def _interval_of(trader: Trader, interval: Interval | str) -> Interval:
    try:
        return Interval.parse(interval if trader.interval is None else trader.interval)
    except (IntervalError, TypeError) as error:
        raise TraderLoadError(f"{type(trader).__name__}.interval: {error}") from None


def _candles_of(trader: Trader) -> tuple[int, int]:
    """The trader's window and warm-up, checked."""
    name = type(trader).__name__
    for field in ("window", "warm_up"):
        count = getattr(trader, field)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= WINDOW_MAX:
            raise TraderLoadError(
                f"{name}.{field} = {count!r:.40}: a number of candles from 1 to {WINDOW_MAX}"
            )
    if trader.warm_up > trader.window:
        raise TraderLoadError(
            f"{name}.warm_up = {trader.warm_up}: more candles than its window of {trader.window} can hold"
        )
    return trader.window, trader.warm_up
