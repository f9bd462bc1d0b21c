"""Commands that bring an idempotency key happen once: the same key and body gets the first answer again.

The key is scoped to whoever commands, and stands for one command alone: used for another one it is a conflict. What is
remembered is a record of the journal, written in the same step as what the command did: both are there after a crash,
or neither. Trading rules §1 (signals have the same rule, in ``intake``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from fillwright.core import events as ev
from fillwright.core.context import Answer, Context
from fillwright.core.inputs import AdjustProtection, ClosePosition, Decision, PlaceOrder, Resume

Keyed = Decision | ClosePosition | AdjustProtection | PlaceOrder | Resume
"""Commands that may bring a key: those that would do something else, or more, when they happen twice."""
DONE = Answer(ok=True)
"""What is remembered of a command that has no answer of its own."""


def once(ctx: Context, command: Keyed, happen: Callable[[], None]) -> None:
    """Have a command happen, unless its key came before; then the answer is the first one, or KEY_CONFLICT."""
    if command.key is None:
        happen()
        return
    key = f"{command.by}|{command.key}"
    known = ctx.state.commands.get(key)
    if known is None:
        happen()
        answer = ctx.answer or DONE
        ctx.emit(
            ev.CommandTaken(
                key=key,
                command=type(command).__name__,
                body_hash=body_hash(command),
                ok=answer.ok,
                code=answer.code,
                message=answer.message,
                position_id=answer.position_id,
                orders=answer.orders,
            )
        )
    elif known.body_hash != body_hash(command):
        ctx.answer = Answer(
            ok=False,
            code="KEY_CONFLICT",
            message="this key came before with another command or body",
            position_id=known.position_id,
        )
    else:
        ctx.answer = Answer(
            ok=known.ok,
            code=known.code,
            message=known.message,
            position_id=known.position_id,
            orders=known.orders,
            repeated=True,
        )


def body_hash(command: Keyed) -> str:
    """What tells two commands apart, in every version of this program: name, and fields not at their default."""
    body = msgspec.json.encode(msgspec.structs.replace(command, key=None))
    return hashlib.blake2b(type(command).__name__.encode() + body, digest_size=16).hexdigest()
