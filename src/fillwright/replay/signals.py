"""Signals from a file: one JSON object a line, in order of ``created_at``; every mistake is named with its line.

    {"symbol": "BTCUSDT", "side": "long", "created_at": "2026-02-03T00:00:05Z",
     "stop_loss": "78000", "take_profit": "80000", "size": {"quote": "100"}, "interval": "1m"}

Names are those of the API's Signal. Times are RFC 3339 or microseconds; numbers are texts or JSON numbers, read
exactly. ``stop_loss_percent`` and ``take_profit_percent`` are distances from the last price at the signal's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from fillwright.core.inputs import Entry, Signal, Size
from fillwright.core.types import (
    HUNDRED,
    ONE,
    SECOND,
    ZERO,
    Direction,
    NumberError,
    SignalDecision,
    Symbol,
    Time,
    exact,
)

DEFAULT_TRADER = "signals"
LINE_LENGTH_MAX = 1_000_000


class PlannedSignal(msgspec.Struct, frozen=True):
    """A signal of a file; levels given as distances are worked out when it is taken."""

    number: int
    """Its line."""
    signal: Signal
    stop_loss_percent: Decimal | None = None
    take_profit_percent: Decimal | None = None

    def at(self, price: Decimal | None) -> Signal:
        """The signal at the last price of its symbol."""
        if price is None or (self.stop_loss_percent is None and self.take_profit_percent is None):
            return self.signal
        sign = ONE if self.signal.side is Direction.LONG else -ONE
        stop, target = self.signal.stop_loss, self.signal.take_profit
        if self.stop_loss_percent is not None:
            stop = price * (ONE - sign * self.stop_loss_percent / HUNDRED)
        if self.take_profit_percent is not None:
            target = price * (ONE + sign * self.take_profit_percent / HUNDRED)
        return msgspec.structs.replace(self.signal, stop_loss=stop, take_profit=target)


class SignalFileError(ValueError):
    """A signal file cannot be used; the text names file, line and what is wrong."""


class _Line:
    """One line being read: gives fields by name and says what is wrong with them."""

    def __init__(self, place: str, fields: dict[str, object]) -> None:
        self.place = place
        self.fields = fields

    def fail(self, what: str) -> SignalFileError:
        return SignalFileError(f"{self.place}: {what}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.fields.pop(name, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.fail(f"{name} is missing" if value is None else f"{name} is not a text")
        return value

    def number(self, name: str, most: Decimal | None = None) -> Decimal | None:
        value = self.fields.pop(name, None)
        if value is None:
            return None
        try:
            number = exact(str(value) if isinstance(value, str | int) else format(_decimal(value), "f"))
        except (NumberError, TypeError, ValueError):
            raise self.fail(f"{name}: {value!r:.60} is not a plain decimal number") from None
        if number <= ZERO:
            raise self.fail(f"{name} must be more than zero")
        if most is not None and number > most:
            raise self.fail(f"{name} must be at most {most}")
        return number

    def time(self, name: str) -> Time | None:
        value = self.fields.pop(name, None)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise self.fail(f"{name}: {value!r:.40} is not a time (RFC 3339, or microseconds)") from None
            if moment.tzinfo is None:
                raise self.fail(f"{name}: {value!r} has no time zone")
            return int(moment.timestamp()) * SECOND + moment.microsecond
        raise self.fail(f"{name} is not a time (RFC 3339, or microseconds)")

    def part(self, name: str) -> _Line | None:
        value = self.fields.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(f"{name} is not an object")
        return _Line(f"{self.place}: {name}", value)

    def member(self, name: str, kind: type[Direction] | type[SignalDecision], default: str) -> str:
        value = self.text(name, default)
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(kind)
            raise self.fail(f"{name}: {value!r:.40} is none of {allowed}") from None

    def done(self) -> None:
        if self.fields:
            raise self.fail(f"unknown field {next(iter(self.fields))!r:.60}")


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        return value
    raise TypeError


_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def read_signals(path: Path, symbol: Symbol | None = None) -> Iterator[PlannedSignal]:
    """Read signals one at a time; SignalFileError for the first thing that is wrong."""
    last: Time = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                planned = _read(f"{path}:{number}", number, line, symbol)
                if planned.signal.created_at < last:
                    raise SignalFileError(f"{path}:{number}: created_at is before the line above")
                last = planned.signal.created_at
                yield planned
    except OSError as error:
        raise SignalFileError(f"{path}: {error.strerror}") from error
    if not last:
        raise SignalFileError(f"{path}: no signals")


def _read(place: str, number: int, text: bytes, symbol: Symbol | None) -> PlannedSignal:
    if len(text) > LINE_LENGTH_MAX:
        raise SignalFileError(f"{place}: longer than {LINE_LENGTH_MAX} bytes")
    try:
        fields = _DECODER.decode(text)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise SignalFileError(f"{place}: not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise SignalFileError(f"{place}: not a JSON object")
    line = _Line(place, fields)
    stop_percent = line.number("stop_loss_percent", HUNDRED)
    target_percent = line.number("take_profit_percent")
    signal = _signal(line, symbol)
    if (stop_percent and signal.stop_loss) or (target_percent and signal.take_profit):
        raise line.fail("a level is given as a price and as a percentage")
    line.done()
    return PlannedSignal(number, signal, stop_percent, target_percent)


def _signal(line: _Line, symbol: Symbol | None) -> Signal:
    created_at = line.time("created_at")
    if created_at is None:
        raise line.fail("created_at is missing")
    confidence = line.number("confidence", ONE)
    metadata = line.part("metadata")
    trailing = line.fields.pop("trailing", False)
    if not isinstance(trailing, bool):
        raise line.fail("trailing is not true or false")
    return Signal(
        trader_id=line.text("trader_id", DEFAULT_TRADER),
        symbol=line.text("symbol", symbol),
        side=Direction(line.member("side", Direction, Direction.LONG)),
        created_at=created_at,
        decision=SignalDecision(line.member("decision", SignalDecision, SignalDecision.ENTER_TRADE)),
        confidence=ONE if confidence is None else confidence,
        entry=_entry(line.part("entry")),
        stop_loss=line.number("stop_loss"),
        take_profit=line.number("take_profit"),
        size=_size(line.part("size")),
        trailing=trailing,
        interval=line.text("interval", ""),
        expires_at=line.time("expires_at"),
        reasoning=line.text("reasoning", ""),
        metadata={key: str(value) for key, value in metadata.fields.items()} if metadata is not None else {},
        key=line.text("key", "") or None,
    )


def _entry(line: _Line | None) -> Entry:
    if line is None:
        return Entry()
    kind, price = line.text("type", "market"), line.number("price")
    if kind not in ("market", "limit"):
        raise line.fail(f"type: {kind!r:.40} is none of market, limit")
    if (kind == "limit") != (price is not None):
        raise line.fail("a limit entry needs a price, a market entry none")
    line.done()
    return Entry(kind, price)


def _size(line: _Line | None) -> Size | None:
    if line is None:
        return None
    quote, risk_percent = line.number("quote"), line.number("risk_percent", HUNDRED)
    if (quote is None) == (risk_percent is None):
        raise line.fail("needs quote or risk_percent")
    line.done()
    return Size(quote, risk_percent)
