"""The shapes of answers as the OpenAPI document shows them: records and all else, with times as date-times."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from fillwright import ports
from fillwright.answers import __name__ as answers_module
from fillwright.api.errors import ErrorAnswer
from fillwright.spelling import described

SignalRecord = described(ports.SignalView, "Signal")
OrderRecord = described(ports.OrderView, "Order")
PositionRecord = described(ports.PositionView, "Position")
TradeRecord = described(ports.TradeView, "Trade")
PortfolioRecord = described(ports.PortfolioView, "Portfolio")
DriftRecord = described(ports.DriftReport, "DriftReport")


def page_of(name: str, record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The shape of one page of a listing."""
    made = msgspec.defstruct(
        f"{record.__name__}Page",
        [(name, list[record]), ("next_cursor", str | None, None)],  # type: ignore[valid-type]
        module=__name__,
    )
    made.__doc__ = "A part of a listing, newest first; ``next_cursor`` null: this was the last."
    return made


class WhyAnswer(msgspec.Struct, frozen=True):
    """Why a signal fared as it did: each check with its value and limit, and the records that followed."""

    signal: SignalRecord  # type: ignore[valid-type]
    verdicts: list[dict[str, Any]]
    chain: list[dict[str, Any]]
    position: PositionRecord | None  # type: ignore[valid-type]
    trade: TradeRecord | None  # type: ignore[valid-type]
    orders: list[OrderRecord]  # type: ignore[valid-type]


def answers(shape: Any, status: int = 200, description: str = "", *errors: int) -> dict[int, ResponseSpec]:
    """What a route may answer, for the OpenAPI document."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape.__module__ == answers_module:
        shape = described(shape, shape.__name__)
    found = {status: ResponseSpec(shape, generate_examples=False, description=description or "Success")}
    for code in (400, 401, *errors):
        found[code] = ResponseSpec(ErrorAnswer, generate_examples=False, description=ERRORS[code])
    return found


ERRORS = {
    400: "Malformed: the details name the field",
    401: "No token, or a wrong one",
    403: "Not allowed",
    404: "Not there",
    409: "Does not fit the state: a key used before, a position that is not open",
    413: "The body is too large",
    422: "Denied by a risk check",
    503: "Not now: try again",
}


def in_modes(path: str) -> list[str]:
    """The paths of what an account of either kind has: of the caller's mode, of paper, of the real one."""
    return [f"/api/{path}", f"/api/paper-trading/{path}", f"/api/real-trading/{path}"]


def to_look_at(path: str) -> list[str]:
    """The same, and that of the real account's shadow, which nobody but its real account moves."""
    return [*in_modes(path), f"/api/shadow-trading/{path}"]
