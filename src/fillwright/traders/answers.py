"""What a trader answers: a signal, or a decision on its position.

Numbers may be Decimal, int, float, text or numpy's. A float means what is written: 0.1 is one tenth. Anything that is
not a sensible number raises AnswerError naming the field, in the line that makes the answer.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self, TypeAlias

import msgspec
import numpy as np

from fillwright.core import inputs
from fillwright.core.types import (
    CONTEXT,
    HUNDRED,
    ONE,
    SECOND,
    ZERO,
    Direction,
    NumberError,
    PositionDecision,
    Symbol,
    Time,
    exact,
    plain,
)
from fillwright.traders.errors import AnswerError

Number: TypeAlias = Decimal | int | float | str | np.floating[Any] | np.integer[Any]
"""Anything that stands for one number."""

DIGITS_MAX = 30
"""Digits before the point that a number may have."""
DECIMALS_MAX = 30
"""Decimals that are kept of a number; more are rounded half-even (a quotient of Decimals may have them)."""
TEXT_LENGTH_MAX = 4_000
KEY_LENGTH_MAX = 128
EXPIRES_S_MAX = 366 * 86_400

_QUANTUM = Decimal(1).scaleb(-DECIMALS_MAX)


def exact_number(field: str, value: object) -> Decimal:
    """Read a number exactly as it is written; AnswerError when it is NaN, infinite, too large or no number."""
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool | np.bool_):
        raise AnswerError(field, f"{value} is not a number")
    elif isinstance(value, int | np.integer):
        number = Decimal(int(value))
    elif isinstance(value, float):
        number = Decimal(float.__repr__(value))
    elif isinstance(value, np.floating):
        number = Decimal(str(value))
    elif isinstance(value, str):
        try:
            number = exact(value)
        except NumberError as error:
            raise AnswerError(field, str(error)) from None
    elif isinstance(value, np.ndarray):
        raise AnswerError(field, "a whole column is not a number; its newest value is column[-1]")
    else:
        raise AnswerError(field, f"{type(value).__name__} is not a number")
    if not number.is_finite():
        raise AnswerError(field, f"{number} is not a finite number")
    if number and number.adjusted() >= DIGITS_MAX:
        raise AnswerError(field, f"{number:.3E} is too large")
    if number.as_tuple().exponent < -DECIMALS_MAX:  # type: ignore[operator] # it is finite
        number = number.quantize(_QUANTUM, context=CONTEXT)
    return Decimal(plain(number))


def _positive(field: str, value: Number, most: Decimal | None = None) -> Decimal:
    number = exact_number(field, value)
    if number <= ZERO:
        raise AnswerError(field, f"{plain(number)} is not above zero")
    if most is not None and number > most:
        raise AnswerError(field, f"{plain(number)} is above {plain(most)}")
    return number


def _level(field: str, value: Number | None) -> Decimal | None:
    return None if value is None else _positive(field, value)


def _text(field: str, value: str, length_max: int = TEXT_LENGTH_MAX) -> None:
    if not isinstance(value, str):
        raise AnswerError(field, f"{type(value).__name__} is not text")
    if len(value) > length_max:
        raise AnswerError(field, f"{len(value)} characters are more than {length_max}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise AnswerError(field, "it is not valid Unicode") from None


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to enter, at the market or, with ``entry``, at a limit price. Prices are in quote.

    The size is the account's default (a risk of ``risk_per_trade_percent`` of equity) unless ``size_quote`` (an amount
    of quote) or ``size_risk_percent`` says otherwise; the limits of the account hold in any case.
    """

    side: str = "long"
    """long | short (Spot has no short: such a signal is denied)"""
    stop_loss: Number | None = None
    take_profit: Number | None = None
    entry: Number | None = None
    """A limit price; None: at the market."""
    confidence: Number = 1
    """From 0 to 1; signals below ``min_confidence`` are denied."""
    size_quote: Number | None = None
    size_risk_percent: Number | None = None
    trailing: bool = False
    """Whether the stop follows the price, at the distance that it has at the entry."""
    reasoning: str = ""
    expires_s: Number | None = None
    """Seconds after which it is not worth entering any more."""
    key: str | None = None
    """An idempotency key of your own; by default one is made of symbol and candle."""

    def __post_init__(self) -> None:
        self.to_input(trader_id="", symbol="", interval="", now=0, key="")

    def to_input(
        self, *, trader_id: str, symbol: Symbol, interval: str, now: Time, key: str
    ) -> inputs.SubmitSignal:
        """The engine's input; ``key`` serves a signal that brings none. Raises AnswerError."""
        if self.side not in (Direction.LONG, Direction.SHORT):
            raise AnswerError("side", f"{self.side!r:.40} is neither 'long' nor 'short'")
        if not isinstance(self.trailing, bool | np.bool_):
            raise AnswerError("trailing", f"{type(self.trailing).__name__} is neither True nor False")
        confidence = exact_number("confidence", self.confidence)
        if not ZERO <= confidence <= ONE:
            raise AnswerError("confidence", f"{plain(confidence)} is not from 0 to 1")
        _text("reasoning", self.reasoning)
        if self.key is not None:
            _text("key", self.key, KEY_LENGTH_MAX)
            if not self.key:
                raise AnswerError("key", "it is empty")
        entry = _level("entry", self.entry)
        return inputs.SubmitSignal(
            inputs.Signal(
                trader_id=trader_id,
                symbol=symbol,
                side=Direction(self.side),
                created_at=now,
                confidence=confidence,
                entry=inputs.Entry() if entry is None else inputs.Entry("limit", entry),
                stop_loss=_level("stop_loss", self.stop_loss),
                take_profit=_level("take_profit", self.take_profit),
                size=self._size(),
                trailing=bool(self.trailing),
                interval=interval,
                expires_at=self._expires_at(now),
                reasoning=self.reasoning,
                key=key if self.key is None else self.key,
            )
        )

    def _size(self) -> inputs.Size | None:
        if self.size_quote is not None and self.size_risk_percent is not None:
            raise AnswerError("size_quote", "a size is either an amount of quote or a risk, not both")
        if self.size_quote is not None:
            return inputs.Size(quote=_positive("size_quote", self.size_quote))
        if self.size_risk_percent is not None:
            return inputs.Size(risk_percent=_positive("size_risk_percent", self.size_risk_percent, HUNDRED))
        return None

    def _expires_at(self, now: Time) -> Time | None:
        if self.expires_s is None:
            return None
        return now + max(1, int(_positive("expires_s", self.expires_s, Decimal(EXPIRES_S_MAX)) * SECOND))


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with the open position; made by ``Decision.close()`` and its siblings."""

    decision: PositionDecision
    price: Number | None = None
    quote: Number | None = None
    fraction: Number | None = None
    reasoning: str = ""

    def __post_init__(self) -> None:
        self.to_input(0)

    @classmethod
    def hold(cls, reasoning: str = "") -> Self:
        """Leave it as it is, and record why (None leaves it, too, without a record)."""
        return cls(decision=PositionDecision.HOLD, reasoning=reasoning)

    @classmethod
    def adjust_stop(cls, price: Number, reasoning: str = "") -> Self:
        """Move the stop loss to a price; one that would widen the risk is refused by the engine."""
        return cls(decision=PositionDecision.ADJUST_STOP_LOSS, price=price, reasoning=reasoning)

    @classmethod
    def adjust_target(cls, price: Number, reasoning: str = "") -> Self:
        """Move the take profit to a price."""
        return cls(decision=PositionDecision.ADJUST_TAKE_PROFIT, price=price, reasoning=reasoning)

    @classmethod
    def add(cls, quote: Number, reasoning: str = "") -> Self:
        """Buy more, for an amount of quote; the limits hold as for a signal."""
        return cls(decision=PositionDecision.ADD, quote=quote, reasoning=reasoning)

    @classmethod
    def reduce(cls, fraction: Number, reasoning: str = "") -> Self:
        """Sell a part: a fraction of what is held, above 0 up to 1."""
        return cls(decision=PositionDecision.REDUCE, fraction=fraction, reasoning=reasoning)

    @classmethod
    def close(cls, reason: str = "") -> Self:
        """Sell all of it at the market."""
        return cls(decision=PositionDecision.CLOSE, reasoning=reason)

    def to_input(self, position_id: int) -> inputs.Decision:
        """The engine's input about a position. Raises AnswerError."""
        if not isinstance(self.decision, PositionDecision):
            raise AnswerError(
                "decision", f"{self.decision!r:.40} is not a decision; use Decision.close() and others"
            )
        _text("reasoning", self.reasoning)
        needed = _NEEDS.get(self.decision, "")
        for field in ("price", "quote", "fraction"):
            if (getattr(self, field) is None) is (field == needed):
                raise AnswerError(
                    field, f"{self.decision} {'needs it' if field == needed else 'has no use for it'}"
                )
        return inputs.Decision(
            position_id=position_id,
            decision=self.decision,
            price=_level("price", self.price),
            quote=_level("quote", self.quote),
            fraction=None if self.fraction is None else _positive("fraction", self.fraction, ONE),
            reasoning=self.reasoning,
        )


_NEEDS = {
    PositionDecision.ADJUST_STOP_LOSS: "price",
    PositionDecision.ADJUST_TAKE_PROFIT: "price",
    PositionDecision.ADD: "quote",
    PositionDecision.REDUCE: "fraction",
}
