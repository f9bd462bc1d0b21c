"""Candles and positions for tests of traders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from fillwright.core.inputs import Candle, Decision, Input, Quote, Signal, SubmitSignal
from fillwright.core.positions import Position
from fillwright.core.types import MINUTE, Direction, PositionStatus, Protection, Time
from fillwright.market.intervals import Interval
from fillwright.market.window import CandleWindow
from fillwright.traders import Decision as Decided
from fillwright.traders import Holding, Trader
from fillwright.traders import Signal as Wished

D = Decimal
START: Time = 1_750_000_000_000_000 // (60 * MINUTE) * (60 * MINUTE)
SYMBOL = "BTCUSDT"
Answer = Wished | Decided | None


def candle(
    row: int,
    close: Decimal | str | int = 100,
    *,
    high: Decimal | str | int | None = None,
    low: Decimal | str | int | None = None,
    symbol: str = SYMBOL,
    interval: str = "15m",
) -> Candle:
    """The row-th candle since START."""
    length = Interval(interval).length_us
    assert length is not None
    price = D(close)
    return Candle(
        symbol,
        interval,
        START + row * length,
        START + (row + 1) * length - 1,
        price,
        price if high is None else D(high),
        price if low is None else D(low),
        price,
        D(3),
    )


def window_of(candles: Iterable[Candle], size: int = 500) -> CandleWindow:
    """A window that holds candles."""
    window = CandleWindow(SYMBOL, Interval.M15, size)
    for item in candles:
        window.append(item)
    return window


def position(
    *,
    status: PositionStatus = PositionStatus.OPEN,
    entry: str = "100",
    stop: str | None = "98",
    target: str | None = "104",
    opened_at: Time = START,
    trader_id: str = "mine",
    symbol: str = SYMBOL,
) -> Position:
    """A position of two coins."""
    price, held = D(entry), status is not PositionStatus.SUBMITTING
    return Position(
        id=7,
        signal_id=3,
        trader_id=trader_id,
        symbol=symbol,
        base="BTC",
        direction=Direction.LONG,
        created_at=opened_at,
        updated_at=opened_at,
        requested_quantity=D(2),
        limit_price=price + 1,
        decision_quote=Quote(symbol, price, price, price, opened_at),
        plan=Protection.OTOCO,
        plan_reason="",
        max_loss_quote=D(4),
        status=status,
        stop_loss=None if stop is None else D(stop),
        take_profit=None if target is None else D(target),
        quantity=D(2) if held else D(0),
        cost=2 * price if held else D(0),
        entry_quantity=D(2) if held else D(0),
        entry_quote=2 * price if held else D(0),
        first_fill_at=opened_at if held else 0,
    )


class Scripted(Trader):
    """Answers what a function says, and keeps what it was shown."""

    warm_up = 1

    def __init__(self, answer: Callable[[CandleWindow, Holding | None], Answer] = lambda *_: None) -> None:
        self.answer = answer
        self.seen: list[tuple[int, Holding | None]] = []

    def on_candle(self, candles: CandleWindow, position: Holding | None) -> Answer:
        self.seen.append((len(candles), position))
        return self.answer(candles, position)


def the_signal(inputs: list[Input]) -> Signal:
    """The one signal among inputs."""
    (item,) = inputs
    assert isinstance(item, SubmitSignal)
    return item.signal


def the_decision(inputs: list[Input]) -> Decision:
    """The one decision among inputs."""
    (item,) = inputs
    assert isinstance(item, Decision)
    return item
