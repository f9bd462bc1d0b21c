"""``shadow report``: how a real account fared against its shadow, from what is stored; the service need not run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from fillwright.commands.output import clean, console, fitting, moment, money, print_json, table
from fillwright.commands.services import Services
from fillwright.core.types import AccountId, Time, plain
from fillwright.options import JOURNAL_NAME, BadInputError
from fillwright.ports import DriftGroup, DriftReport, DriftResult, ReadModel, Spread, shadow_of
from fillwright.reports.drift import drift_of

COLUMNS = [
    ("Symbol", "left"),
    ("Leg", "left"),
    ("Type", "left"),
    ("Pairs", "right"),
    ("Price, bps p50", "right"),
    ("p99", "right"),
    ("mean", "right"),
    ("Fee, bps p50", "right"),
    ("Ack, ms p50 real", "right"),
    ("shadow", "right"),
    ("Fill, ms p50 real", "right"),
    ("shadow ", "right"),
    ("Missed by real", "right"),
    ("by shadow", "right"),
    ("Pending", "right"),
]
SPARE = ("mean", "Pending", "p99", "Type")
"""Columns that a narrow terminal does without, in this order."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def report(services: Services, out: Path, account_id: str | None, since: str | None, json: bool) -> None:
    """Print the drift of an account's shadow; raises BadInputError where there is none, StorageError."""
    start = 0 if since is None else _time(since)
    with _shadowed(services, out, account_id) as (model, account):
        found = drift_of(model, account, start)
    if json:
        print_json(found)
    else:
        show(found)


@contextmanager
def _shadowed(services: Services, out: Path, account_id: str | None) -> Iterator[tuple[ReadModel, AccountId]]:
    """Open the journal of a service, and choose the account that has a shadow, or the one named."""
    database = out if out.is_file() else out / JOURNAL_NAME
    if not database.is_file():
        raise BadInputError(f"{database}: no journal there; --out names the data folder of a service")
    with services.read_model(database) as model:
        names = [owner.account_id for owner in model.accounts()]
        shadowed = [name for name in names if shadow_of(name) in names]
        if account_id is None and len(shadowed) > 1:
            raise BadInputError(
                f"{database} has several shadows; name one with --account: {', '.join(shadowed)}"
            )
        if not shadowed or account_id not in (None, *shadowed):
            who = (
                "no account" if account_id is None else f"{account_id!r:.60}: that account has none, and none"
            )
            known = f"; {', '.join(shadowed)} has one" if shadowed else ""
            raise BadInputError(f"{database}: {who} has a shadow{known}; trading.shadow = true makes them")
        yield model, account_id or shadowed[0]


def _time(text: str) -> Time:
    """Read a time in RFC 3339, or a day (UTC); raises BadInputError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(
            f"--since {text!r:.60}: a day or a time in RFC 3339 is wanted, such as 2026-11-21T08:00:00Z"
        ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - _EPOCH) // timedelta(microseconds=1), 0)


# -- showing -----------------------------------------------------------------------------------------------------


def show(found: DriftReport) -> None:
    """Print a report for people."""
    out = console()
    out.print(
        f"{clean(found.account_id)} against its shadow (paper, the same signals) since {moment(found.since)} UTC",
        style="bold",
        soft_wrap=True,
    )
    missed = f"; the shadow missed {found.unshadowed}" if found.unshadowed else ""
    newest = ", the newest" if found.is_cut else ""
    out.print(f"{found.signals} signals{newest}, {found.shadowed} of them in both{missed}.", soft_wrap=True)
    if found.groups:
        cells = [_row(group) for group in found.groups]
        kept = fitting(COLUMNS, cells, SPARE, out.width)
        out.print(table("", [COLUMNS[i] for i in kept], [[line[i] for i in kept] for line in cells]))
        out.print(
            "Above 0: the real price was worse, the real fee higher, than paper promised.",
            style="dim",
            soft_wrap=True,
        )
    for denial in found.denials:
        real, shadow = (code or "approved" for code in (denial.code_real, denial.code_shadow))
        out.print(
            f"{denial.signals} × {clean(denial.symbol)}: {clean(real)} here, {clean(shadow)} in the shadow",
            soft_wrap=True,
        )
    _show_results(found)


def _show_results(found: DriftReport) -> None:
    if not found.total.pairs:
        console().print("No position is closed in both yet.", style="dim")
        return
    columns = [
        ("Result", "left"),
        ("Closed in both", "right"),
        (f"Real, {found.quote_asset}", "right"),
        ("Shadow", "right"),
        ("Difference", "right"),
        ("Return, bps p50", "right"),
    ]
    console().print(table("", columns, [_result(one) for one in (*found.results, found.total)]))


def _row(group: DriftGroup) -> list[object]:
    return [
        group.symbol,
        group.leg,
        group.order_type,
        group.pairs,
        _signed(group.price_bps.p50),
        _signed(group.price_bps.p99),
        _signed(group.price_bps.mean),
        _signed(group.fee_bps.p50),
        _middle(group.ack_ms_real),
        _middle(group.ack_ms_shadow),
        _middle(group.fill_ms_real),
        _middle(group.fill_ms_shadow),
        group.missed_by_real,
        group.missed_by_shadow,
        group.pending,
    ]


def _result(one: DriftResult) -> list[object]:
    return [
        one.symbol or "all",
        one.pairs,
        money(one.pnl_real),
        money(one.pnl_shadow),
        money(one.pnl_difference),
        _signed(one.return_bps.p50),
    ]


def _signed(value: Decimal | None) -> str:
    if value is None:
        return "–"
    return ("+" if value > 0 else "") + plain(value)


def _middle(spread: Spread) -> str:
    return "–" if spread.p50 is None else plain(spread.p50)
