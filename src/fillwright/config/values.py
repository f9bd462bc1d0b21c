"""Kinds of values that settings may have: numbers, percentages, times, names, words; each says what it may be."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from fillwright.core.types import MONEY_DECIMALS, NumberError, exact

EXPONENT_MAX = 30
"""Numbers have at most this many digits on either side of the point."""


def exact_number(value: object) -> Decimal:
    """Read a number of a file (int, Decimal) or of the environment (text), exactly; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("not a number")
    if isinstance(value, str):
        try:
            return exact(value.strip())
        except NumberError:
            raise ValueError("not a plain decimal number") from None
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not a finite number")
    exponent = number.as_tuple().exponent
    if number.adjusted() >= EXPONENT_MAX or (isinstance(exponent, int) and exponent < -EXPONENT_MAX):
        raise ValueError("too many digits")
    return exact(format(number, "f"))


def whole_number(value: object) -> int:
    """Read a whole number; ValueError for anything else, a bool included."""
    number = exact_number(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def optional_number(value: object) -> Decimal | None:
    """Read a number, or the word none."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "none"):
        return None
    return exact_number(value)


def words(value: object) -> object:
    """Split the text of an environment variable at commas; anything else stays as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


_Exact = BeforeValidator(exact_number)
_Whole = BeforeValidator(whole_number)

AMOUNT_MAX = Decimal(10) ** 15
Amount = Annotated[
    Decimal,
    _Exact,
    Field(
        ge=0,
        le=AMOUNT_MAX,
        decimal_places=MONEY_DECIMALS,
        description="an amount from 0 to 10^15, at most 18 decimals",
    ),
]
OptionalAmount = Annotated[
    Annotated[Decimal, Field(ge=0, le=AMOUNT_MAX, decimal_places=MONEY_DECIMALS)] | None,
    BeforeValidator(optional_number),
    Field(description="an amount from 0 to 10^15, at most 18 decimals, or none"),
]
Balance = Annotated[
    Decimal,
    _Exact,
    Field(gt=0, le=AMOUNT_MAX, decimal_places=MONEY_DECIMALS, description="an amount above 0, at most 10^15"),
]
Percent = Annotated[
    Decimal, _Exact, Field(ge=0, le=100, decimal_places=8, description="a percentage from 0 to 100")
]
Fraction = Annotated[Decimal, _Exact, Field(ge=0, le=1, decimal_places=8, description="a number from 0 to 1")]
Fee = Annotated[
    Decimal,
    _Exact,
    Field(
        ge=0,
        le=Decimal("0.1"),
        decimal_places=8,
        description="a fraction from 0 to 0.1 (0.001 is one part in a thousand)",
    ),
]
OptionalFee = Annotated[
    Annotated[Decimal, Field(ge=0, le=Decimal("0.1"), decimal_places=8)] | None,
    BeforeValidator(optional_number),
    Field(description="a fraction from 0 to 0.1, or none"),
]
BasisPoints = Annotated[
    Decimal,
    _Exact,
    Field(ge=0, le=1_000, decimal_places=8, description="basis points (1/100 percent) from 0 to 1000"),
]
Seconds = Annotated[
    Decimal,
    _Exact,
    Field(ge=0, le=86_400, decimal_places=6, description="seconds from 0 to 86400, at most 6 decimals"),
]
Timeout = Annotated[
    Decimal,
    _Exact,
    Field(
        gt=0, le=86_400, decimal_places=6, description="seconds above 0, at most 86400, at most 6 decimals"
    ),
]
Count = Annotated[int, _Whole, Field(ge=0, le=1_000_000, description="a whole number from 0 to 1000000")]
Threshold = Annotated[int, _Whole, Field(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
Attempts = Annotated[int, _Whole, Field(ge=0, le=10, description="a whole number from 0 to 10")]
Window = Annotated[int, _Whole, Field(ge=2, le=1_000, description="a whole number from 2 to 1000")]
Minutes = Annotated[int, _Whole, Field(ge=0, le=43_200, description="whole minutes from 0 to 43200")]
WholeSeconds = Annotated[int, _Whole, Field(ge=1, le=86_400, description="whole seconds from 1 to 86400")]
Milliseconds = Annotated[
    int, _Whole, Field(ge=0, le=60_000, description="whole milliseconds from 0 to 60000")
]
ReceiveWindow = Annotated[
    int, _Whole, Field(ge=1, le=60_000, description="whole milliseconds from 1 to 60000")
]
Hour = Annotated[int, _Whole, Field(ge=0, le=23, description="an hour from 0 to 23")]
Flag = Annotated[bool, Field(description="true or false")]
AssetName = Annotated[
    str, Field(pattern=r"^[A-Z0-9]{1,20}$", description="an asset in capitals, such as USDT")
]
SymbolName = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,30}$")]
SymbolNames = Annotated[
    tuple[SymbolName, ...],
    BeforeValidator(words),
    Field(max_length=1_000, description='symbols in capitals, such as ["BTCUSDT", "ETHUSDT"]'),
]
INTERVALS = (
    "1s", "5s", "10s", "15s", "30s", "1m", "3m", "5m", "15m", "30m",
    "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
)  # fmt: skip
"""Binance's, and 5, 10, 15 and 30 seconds, which are made here."""
INTERVAL_ALLOWED = "one of " + " ".join(INTERVALS)
Interval = Annotated[
    Literal[
        "1s", "5s", "10s", "15s", "30s", "1m", "3m", "5m", "15m", "30m",
        "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ],
    Field(description=INTERVAL_ALLOWED),
]  # fmt: skip
TakeProfitStyle = Annotated[Literal["market", "maker"], Field(description="market or maker")]
UnprotectedAction = Annotated[Literal["sell", "alert"], Field(description="sell or alert")]
Durability = Annotated[
    Literal["auto", "normal", "full"],
    Field(description="auto (full on mainnet, else normal), normal or full"),
]
