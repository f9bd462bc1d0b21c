"""``why``: why a signal was or was not traded, from the journal: every check, and all that followed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from fillwright.commands.journal import account_of
from fillwright.commands.output import (
    clean,
    console,
    moment,
    plain_json,
    price,
    print_json,
    shown,
    table,
)
from fillwright.commands.services import Services
from fillwright.core.events import Check, Fill, Record
from fillwright.core.types import AccountId, plain
from fillwright.options import BadInputError
from fillwright.ports import ReadModel, SignalView, Verdict, Why, every

DETAIL_LENGTH_MAX = 110
_TOLD_ELSEWHERE = frozenset({"kind", "checks", "signal", "quote", "signal_id", "position_id", "key"})


def why(services: Services, out: Path, account_id: str | None, signal: str, json_wanted: bool) -> None:
    """Print the story of a signal, given by its number or its key; raises BadInputError where there is none."""
    with account_of(services, out, account_id) as (model, account):
        story = model.why(account, signal_number(model, account, signal))
    if story is None:
        raise BadInputError(f"there is no signal {signal!r:.80}")
    if json_wanted:
        print_json(story_json(story))
    else:
        print_story(story)


def signal_number(model: ReadModel, account_id: AccountId, signal: str) -> int:
    """A signal's number, from itself or from its key; raises BadInputError for an unknown key."""
    if signal.isdecimal() and signal.isascii() and len(signal) < 19:
        return int(signal)
    for one in every(lambda cursor: model.signals(account_id, cursor=cursor)):
        if one.key == signal:
            return one.id
    raise BadInputError(f"there is no signal {signal!r:.80}: neither a number nor a key of one")


def story_json(story: Why) -> dict[str, Any]:
    """The story as JSON; events with their kind."""
    content: dict[str, Any] = plain_json(story)
    content["verdicts"] = [
        {**plain_json(verdict), "checks": [check_json(check) for check in verdict.checks]}
        for verdict in story.verdicts
    ]
    return content


def check_json(check: Check) -> dict[str, Any]:
    """A check with the names of its parts."""
    return {name: plain_json(getattr(check, name)) for name in check.__struct_fields__}


def print_story(story: Why) -> None:
    """Print a story for people."""
    out = console()
    out.print(headline(story.signal), style="bold")
    out.print(wish(story.signal))
    if story.signal.reasoning:
        out.print(f"“{clean(story.signal.reasoning)}”", style="italic")
    for verdict in story.verdicts:
        out.print()
        out.print(verdict_line(verdict))
        out.print(checks_table(verdict))
    out.print()
    out.print(
        table(
            "What followed",
            [("Seq", "right"), ("Time (UTC)", "left"), ("Event", "left"), ("", "left")],
            [[one.seq, moment_exact(one), type(one.event).__name__, detail(one)] for one in story.chain],
        )
    )
    if ending := outcome(story):
        out.print()
        out.print(ending, style="bold")


def headline(signal: SignalView) -> str:
    """What became of the signal, in a line."""
    reason = f" ({clean(signal.status_reason)})" if signal.status_reason else ""
    return (
        f"Signal {signal.id} of {clean(signal.trader_id)}: {clean(signal.symbol)} {signal.side}"
        f" is {signal.status}{reason}"
    )


def wish(signal: SignalView) -> str:
    """What the signal asked for."""
    at = f"at {signal.entry.type}" if signal.entry.price is None else f"at limit {plain(signal.entry.price)}"
    parts = [f"received {moment(signal.received_at)} UTC", f"entry {at}"]
    parts += [f"stop {plain(signal.stop_loss)}"] if signal.stop_loss is not None else []
    parts += [f"target {plain(signal.take_profit)}"] if signal.take_profit is not None else []
    if signal.size is not None:
        if signal.size.quote is not None:
            parts.append(f"size {plain(signal.size.quote)} quote")
        if signal.size.risk_percent is not None:
            parts.append(f"risk {plain(signal.size.risk_percent)} %")
    parts.append(f"confidence {plain(signal.confidence)}")
    return " · ".join(parts)


def verdict_line(verdict: Verdict) -> Text:
    """What the checks said."""
    failed = sum(1 for check in verdict.checks if not check.passed)
    if verdict.approved:
        return Text(f"Approved: all {len(verdict.checks)} checks passed", style="green")
    others = f", and {failed - 1} more failed" if failed > 1 else ""
    return Text(f"Denied by {clean(verdict.code)}{others}, of {len(verdict.checks)} checks", style="red")


def checks_table(verdict: Verdict) -> Any:
    """Every check with its value and limit."""

    def row(check: Check) -> list[object]:
        mark = Text("✓", style="green") if check.passed else Text("✗", style="red bold")
        code = Text(clean(check.code), style="" if check.passed else "red bold")
        return [mark, code, price(check.value), price(check.limit), Text(clean(check.note), style="dim")]

    columns = [("", "left"), ("Check", "left"), ("Value", "right"), ("Limit", "right"), ("", "left")]
    return table("", columns, [row(check) for check in verdict.checks])


def moment_exact(record: Record) -> str:
    """A record's time to the millisecond."""
    return f"{moment(record.time)}.{record.time % 1_000_000 // 1_000:03d}"


def detail(record: Record) -> Text:
    """An event's fields in a line, those that say something."""
    fields = {name: getattr(record.event, name) for name in record.event.__struct_fields__}
    parts = [
        f"{name}={brief(value)}"
        for name, value in fields.items()
        if name not in _TOLD_ELSEWHERE and told(value)
    ]
    text = " ".join(parts)
    return Text(text if len(text) <= DETAIL_LENGTH_MAX else text[: DETAIL_LENGTH_MAX - 1] + "…", style="dim")


def told(value: object) -> bool:
    """Whether a field's value is worth its place."""
    return value not in (None, "", (), 0, False) or value is True


def brief(value: object) -> str:
    """A field's value, short."""
    if isinstance(value, Decimal):
        return price(value)
    if isinstance(value, Fill):
        fee = f", fee {plain(value.commission)} {clean(value.commission_asset)}" if value.commission else ""
        return f"{plain(value.quantity)} × {plain(value.price)}{fee}"
    if isinstance(value, msgspec.Struct):
        inner = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return "(" + " ".join(f"{name}={brief(item)}" for name, item in inner if told(item)) + ")"
    if isinstance(value, Mapping):
        return "{" + " ".join(f"{clean(str(key))}={brief(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + " ".join(brief(item) for item in value) + "]"
    return shown(value)


def outcome(story: Why) -> str:
    """How it ended, in a line; '' when no position came of it."""
    trade, position = story.trade, story.position
    if trade is None or position is None:
        return ""
    if trade.realized_pnl is not None and trade.close_time is not None and trade.entry_value:
        return (
            f"Trade {trade.id}: closed by {clean(trade.exit_reason or 'unknown')},"
            f" result {trade.realized_pnl:+.2f} ({trade.pnl_percentage:+.2f} %),"
            f" {price(position.unprotected_ms)} ms without a live stop"
        )
    ended = f" ({clean(position.failure_reason)})" if position.failure_reason else ""
    return f"Position {position.id}: {position.status}{ended}, protection {position.protection}"
