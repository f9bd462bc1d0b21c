"""Numbers, times and durations as people read them; None is a dash."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from fillwright.core.types import CONTEXT, SECOND, Time
from fillwright.reports.summary import timestamp

DASH = "–"
MINUS = "−"
SPACE = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"

Number = Decimal | float | int


def number(value: Number | None, decimals: int = 2) -> str:
    """A number with thousands set apart."""
    if value is None:
        return DASH
    exact = Decimal(value) if isinstance(value, int | Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        return DASH
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN, context=CONTEXT)
    text = f"{abs(rounded):,f}".replace(",", THIN)
    return MINUS + text if rounded < 0 else text


def signed(value: Number | None, decimals: int = 2) -> str:
    """A number that says that it is above zero, too."""
    text = number(value, decimals)
    return "+" + text if value is not None and text != DASH and value > 0 else text


def percent(value: Number | None, decimals: int = 2) -> str:
    """A percentage."""
    return DASH if value is None else number(value, decimals) + SPACE + "%"


def duration(us: Time | None) -> str:
    """A length of time in its two largest units."""
    if us is None:
        return DASH
    seconds = us // SECOND
    if us < 60 * SECOND:
        return f"{us / SECOND:.1f}{SPACE}s" if us < 10 * SECOND else f"{seconds}{SPACE}s"
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if not hours:
        return f"{minutes}{SPACE}min {seconds % 60}{SPACE}s"
    if not days:
        return f"{hours}{SPACE}h {minutes % 60}{SPACE}min"
    return f"{days}{SPACE}d {hours % 24}{SPACE}h"


def day(time: Time) -> str:
    """The UTC day of a time."""
    return timestamp(time)[:10]


def moment(time: Time) -> str:
    """A time to the second, UTC."""
    return timestamp(time)[:19].replace("T", " ")


def tone(value: Number | None) -> str:
    """The class that colours a number by its sign."""
    if value is None or not value:
        return ""
    return "up" if value > 0 else "down"


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{number(count, 0)} {noun}{'' if count == 1 else 's'}"
