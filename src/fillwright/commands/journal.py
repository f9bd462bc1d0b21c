"""``positions``, ``orders``, ``trades``: listings of a run's journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.text import Text

from fillwright.commands.output import console, fitting, moment, money, price, print_json, table
from fillwright.commands.services import Services
from fillwright.core.events import UserModeSwitched
from fillwright.core.types import AccountId
from fillwright.options import JOURNAL_NAME, BadInputError
from fillwright.ports import ADMIN, PAGE_MAX, OrderView, Page, PositionView, ReadModel, TradeView

T = TypeVar("T")

SPARE_OF_POSITIONS = (
    "Opened (UTC)",
    "Trader",
    "Unrealized",
    "Protection",
    "Quantity",
    "No stop, ms",
    "Target",
    "Stop",
)
SPARE_OF_ORDERS = ("Leg", "Quantity", "Price", "Why", "Sent (UTC)", "Stop", "Side", "Average")
SPARE_OF_TRADES = ("Closed (UTC)", "Fees", "Trader", "Quantity", "Status", "%", "Signal", "Exit by")
"""Columns that a narrow terminal does without, in this order."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What of a listing is wanted."""

    status: str | None = None
    """open | closed | None: both"""
    symbol: str | None = None
    trader_id: str | None = None
    limit: int = 50
    cursor: str | None = None
    json: bool = False


def _traded(model: ReadModel) -> AccountId | None:
    """The account of the mode that the first user is in; None when that is not on record."""
    user_id, mode, seq = "", None, 0
    while records := model.records(ADMIN, seq, PAGE_MAX):
        for record in records:
            event = record.event
            if isinstance(event, UserModeSwitched) and event.user_id == (user_id or event.user_id):
                user_id, mode = event.user_id, event.new
        seq = records[-1].seq
    return next(
        (one.account_id for one in model.accounts() if (one.user_id, one.mode) == (user_id, mode)), None
    )


@contextmanager
def account_of(
    services: Services, out: Path, account_id: str | None
) -> Iterator[tuple[ReadModel, AccountId]]:
    """Open the journal of a run, and its account: the one named, else the only one or that of the mode in force.

    Raises BadInputError where there is no journal, no such account, or several to choose from.
    """
    database = out if out.is_file() else out / JOURNAL_NAME
    if not database.is_file():
        raise BadInputError(f"{database}: no journal there; --out names the folder of a replay or a service")
    with services.read_model(database) as model:
        names = [owner.account_id for owner in model.accounts()]
        if account_id is None and len(names) > 1:
            account_id = _traded(model)
        if account_id is None and len(names) > 1:
            raise BadInputError(
                f"{database} holds several accounts; name one with --account: {', '.join(names)}"
            )
        if not names or (account_id is not None and account_id not in names):
            known = f"; it has {', '.join(names)}" if names else ""
            raise BadInputError(
                f"{database}: no account{f' {account_id!r:.60}' if account_id else ''}{known}"
            )
        yield model, account_id or names[0]


def collect(
    fetch: Callable[[int, str | None], Page[T]], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """Read pages until the limit is reached; the rows, and the cursor of what follows."""
    rows: list[T] = []
    while True:
        page = fetch(min(PAGE_MAX, limit - len(rows)), cursor)
        rows += page.items
        cursor = page.next_cursor
        if cursor is None or len(rows) >= limit:
            return rows, cursor


def show(
    name: str,
    wanted: Listing,
    listing: Callable[..., Page[T]],
    account_id: AccountId,
    columns: list[tuple[str, str]],
    row: Callable[[T], list[object]],
    spare: Sequence[str],
) -> None:
    """Print a listing; where it is too wide for the terminal, spare columns are left out, the first ones first."""

    def fetch(limit: int, cursor: str | None) -> Page[T]:
        return listing(
            account_id,
            status=wanted.status,
            symbol=wanted.symbol,
            trader_id=wanted.trader_id,
            limit=limit,
            cursor=cursor,
        )

    rows, cursor = collect(fetch, wanted.limit, wanted.cursor)
    if wanted.json:
        print_json({name: rows, "next_cursor": cursor})
        return
    out = console()
    if not rows:
        out.print(f"No {name}.")
        return
    cells = [row(one) for one in rows]
    kept = fitting(columns, cells, spare, out.width)
    out.print(table("", [columns[i] for i in kept], [[line[i] for i in kept] for line in cells]))
    left_out = [heading for i, (heading, _) in enumerate(columns) if i not in kept]
    if left_out:
        out.print(f"A wider terminal shows {', '.join(left_out)} as well.", style="dim", soft_wrap=True)
    if cursor is not None:
        out.print(f"The newest {len(rows)}; --limit shows more.", style="dim")


def positions(services: Services, out: Path, account_id: str | None, wanted: Listing) -> None:
    """Print positions."""
    columns = [
        ("ID", "right"),
        ("Symbol", "left"),
        ("Trader", "left"),
        ("Status", "left"),
        ("Quantity", "right"),
        ("Entry", "right"),
        ("Stop", "right"),
        ("Target", "right"),
        ("Protection", "left"),
        ("No stop, ms", "right"),
        ("Realized", "right"),
        ("Unrealized", "right"),
        ("Opened (UTC)", "left"),
    ]

    def row(one: PositionView) -> list[object]:
        ended = one.failure_reason or one.exit_reason
        return [
            one.id,
            one.symbol,
            one.trader_id,
            f"{one.status} ({ended})" if ended else one.status,
            one.quantity,
            price(one.entry_price),
            one.stop_loss,
            one.take_profit,
            one.protection,
            price(one.unprotected_ms),
            money(one.realized_pnl),
            money(one.unrealized_pnl),
            moment(one.created_at),
        ]

    with account_of(services, out, account_id) as (model, account):
        show("positions", wanted, model.positions, account, columns, row, SPARE_OF_POSITIONS)


def orders(services: Services, out: Path, account_id: str | None, wanted: Listing) -> None:
    """Print orders."""
    columns = [
        ("ID", "left"),
        ("Symbol", "left"),
        ("Leg", "left"),
        ("Side", "left"),
        ("Type", "left"),
        ("State", "left"),
        ("Quantity", "right"),
        ("Filled", "right"),
        ("Price", "right"),
        ("Stop", "right"),
        ("Average", "right"),
        ("Sent (UTC)", "left"),
        ("Why", "left"),
    ]

    def row(one: OrderView) -> list[object]:
        state = Text(
            one.state + (" (in doubt)" if one.in_doubt else ""), style="yellow" if one.in_doubt else ""
        )
        why = one.reject_reason or one.expiry_reason
        return [
            one.id,
            one.symbol,
            one.leg,
            one.side,
            one.order_type,
            state,
            one.original_quantity,
            one.executed_quantity,
            one.price,
            one.stop_price,
            price(one.average_fill_price),
            moment(one.sent_at or one.created_at),
            f"{one.reject_code} {why}" if one.reject_code else why,
        ]

    with account_of(services, out, account_id) as (model, account):
        show("orders", wanted, model.orders, account, columns, row, SPARE_OF_ORDERS)


def trades(services: Services, out: Path, account_id: str | None, wanted: Listing) -> None:
    """Print trades."""
    columns = [
        ("ID", "right"),
        ("Symbol", "left"),
        ("Trader", "left"),
        ("Status", "left"),
        ("Quantity", "right"),
        ("Entry", "right"),
        ("Exit", "right"),
        ("Result", "right"),
        ("%", "right"),
        ("Fees", "right"),
        ("Exit by", "left"),
        ("Opened (UTC)", "left"),
        ("Closed (UTC)", "left"),
        ("Signal", "right"),
    ]

    def row(one: TradeView) -> list[object]:
        closed = one.realized_pnl is not None and one.close_time is not None
        return [
            one.id,
            one.symbol,
            one.trader_id,
            one.status,
            one.quantity,
            price(one.entry_price),
            price(one.exit_price),
            money(one.realized_pnl if closed else one.unrealized_pnl + (one.realized_pnl or 0)),
            f"{one.pnl_percentage:+.2f}",
            price(round(one.commission_paid, 4)),
            one.exit_reason,
            moment(one.fill_time),
            moment(one.close_time),
            one.ai_signal_id,
        ]

    with account_of(services, out, account_id) as (model, account):
        show("trades", wanted, model.trades, account, columns, row, SPARE_OF_TRADES)
