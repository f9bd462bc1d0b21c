"""Commands about one position of a running service: close, reduce, add, adjust; each with a key, so it happens once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fillwright.commands.output import console, plain_json, print_json
from fillwright.commands.remote import Target, asked
from fillwright.core.types import HUNDRED, NumberError, exact
from fillwright.options import BadInputError, NotReachedError

if TYPE_CHECKING:
    from fillwright.answers import PositionAnswer
    from fillwright.client import Client

Question = Callable[["Client", str], Coroutine[Any, Any, "PositionAnswer"]]


def close(wanted: Target, position_id: int, reason: str, key: str | None, json_wanted: bool) -> None:
    """Close a position at the market."""
    _carry_out(
        wanted,
        lambda client, known: client.close_position(position_id, reason, key=known),
        "is being closed",
        key,
        json_wanted,
    )


def reduce(wanted: Target, position_id: int, part: str, key: str | None, json_wanted: bool) -> None:
    """Sell a part of a position: ``25%`` of it, or a quantity."""
    is_share = part.endswith("%")
    number = _number("PART", part.removesuffix("%"))
    if is_share and number >= HUNDRED:
        raise BadInputError(f"PART {part}: less than 100% (to sell all of it, close the position)")
    fraction, quantity = (number / HUNDRED, None) if is_share else (None, number)
    _carry_out(
        wanted,
        lambda client, known: client.reduce_position(
            position_id, fraction=fraction, quantity=quantity, key=known
        ),
        "is being reduced",
        key,
        json_wanted,
    )


def add(wanted: Target, position_id: int, quote: str, key: str | None, json_wanted: bool) -> None:
    """Buy more of a position, for an amount of quote."""
    amount = _number("--quote", quote)
    _carry_out(
        wanted,
        lambda client, known: client.add_to_position(position_id, amount, key=known),
        "is being added to",
        key,
        json_wanted,
    )


def adjust(
    wanted: Target,
    position_id: int,
    stop_loss: str | None,
    take_profit: str | None,
    widen: bool,
    key: str | None,
    json_wanted: bool,
) -> None:
    """Move a position's stop or target."""
    if stop_loss is None and take_profit is None:
        raise BadInputError("which level? Give --stop-loss, --take-profit or both")
    stop = None if stop_loss is None else _number("--stop-loss", stop_loss)
    target = None if take_profit is None else _number("--take-profit", take_profit)
    _carry_out(
        wanted,
        lambda client, known: client.adjust_position(
            position_id, stop_loss=stop, take_profit=target, widen=widen, key=known
        ),
        "has its new levels; its orders follow",
        key,
        json_wanted,
    )


def _carry_out(wanted: Target, question: Question, words: str, key: str | None, json_wanted: bool) -> None:
    """Ask for it under a key, and print what became of it; raises NotReachedError, RefusedError."""
    known = key or f"cli-{secrets.token_hex(8)}"
    try:
        answer = asked(wanted, lambda client: question(client, known))
    except NotReachedError as error:
        raise NotReachedError(
            f"{error}. With --key {known} it may be sent again, and happens once"
        ) from error
    if json_wanted:
        print_json({**plain_json(answer), "key": known})
        return
    again = " (it came before: nothing was done again)" if answer.repeated else ""
    console().print(f"Position {answer.position_id} {words}{again}.", soft_wrap=True)


def _number(name: str, text: str) -> Decimal:
    try:
        number = exact(text)
    except NumberError:
        raise BadInputError(f"{name} {text!r:.40}: not a plain decimal number") from None
    if number <= 0:
        raise BadInputError(f"{name} {text}: must be more than 0")
    return number
