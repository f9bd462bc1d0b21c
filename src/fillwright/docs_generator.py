"""Documents that are written from the code: EVENTS, DENIALS, JOURNAL and API, in ``docs/``.

python -m fillwright.docs_generator            write them
python -m fillwright.docs_generator --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import BigInteger, Boolean, Index, Integer, LargeBinary, Table
from sqlalchemy.types import TypeEngine

from fillwright.api import manual
from fillwright.core import events
from fillwright.core.events import account, base, orders, positions, rollout, safety, signals, venue
from fillwright.core.risk.codes import describe
from fillwright.storage.sql import schema
from fillwright.storage.sql.types import Document, Exact

STAMP = "<!-- Written by `python -m fillwright.docs_generator`; changes belong into the code. -->"
SECTIONS = (
    ("Signals and decisions", signals),
    ("Orders", orders),
    ("Positions and their protection", positions),
    ("The account", account),
    ("Safety and reconciliation", safety),
    ("Rollout", rollout),
    ("The paper exchange", venue),
)


EVENTS_INTRODUCTION = """\
Every change of state is one of these events, in the `journal` (see [JOURNAL.md](JOURNAL.md)). An event is a fact in
the past tense: *denied* is ours, *rejected* is the venue's. Decimals are texts without exponent, times are
microseconds UTC. A field that has its default is left out of the body. A body of an older version is brought up to date
when it is read."""
DENIALS_INTRODUCTION = """\
A signal or manual order is *denied* by our own risk checks before anything is sent. Every check runs, in this order,
and every result is in the journal with what it saw and what it allows (`fillwright why SIGNAL` shows them); the first
that fails is the code. Exits, protection and cancels always pass."""
JOURNAL_INTRODUCTION = """\
A store (`journal.db` of a replay) holds the journal of every event, which is the truth, and *read models* that follow
from it and can be made again from it. Exact numbers are plain decimal text, times are integer microseconds UTC,
documents are JSON. Tables that belong to one mode come twice, `paper_` and `real_` (testnet, demo, mainnet)."""


# -- events ------------------------------------------------------------------------------------------------------


def events_page() -> str:
    """Every event with its version, meaning and fields."""
    parts = [
        "# Events",
        STAMP,
        EVENTS_INTRODUCTION,
    ]
    for title, module in SECTIONS:
        parts.append(f"## {title}")
        parts += [_event(kind) for kind in events.EVENT_TYPES.values() if kind.__module__ == module.__name__]
    parts.append("## Parts of events")
    parts += [_struct(part) for part in (base.Check, base.Fill)]
    return _page(parts)


def _event(kind: type[events.Event]) -> str:
    return _struct(kind, f" (version {kind.version})")


def _struct(kind: type[msgspec.Struct], note: str = "") -> str:
    lines = [f"### {kind.__name__}{note}", "", manual.first_paragraph(kind.__doc__)]
    rows = list(_fields(kind))
    if rows:
        lines += ["", "| field | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join(lines)


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    """A row for each field; annotations and the texts below them are read from the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or "ClassVar" in ast.unparse(node.annotation):
            continue
        meaning = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            meaning = manual.first_paragraph(str(after.value.value))
        default = "" if node.value is None else f"`{ast.unparse(node.value)}`"
        yield manual.row(
            f"`{ast.unparse(node.target)}`", f"`{ast.unparse(node.annotation)}`", default, meaning
        )


# -- denials -----------------------------------------------------------------------------------------------------


def denials_page() -> str:
    """Every denial code, in the order of the checks."""
    rows = [
        manual.row(
            f"`{code}`", meaning, ", ".join(f"`{name}`" for name in setting.split(", ") if name), remedy
        )
        for code, meaning, setting, remedy in describe()
    ]
    return _page(
        [
            "# Denials",
            STAMP,
            DENIALS_INTRODUCTION,
            "\n".join(["| code | why | settings | what to do |", "|---|---|---|---|", *rows]),
        ]
    )


# -- the journal and its tables ----------------------------------------------------------------------------------

GROUPS = (
    ("The truth", (schema.journal, schema.snapshots)),
    (
        "Signals, orders, positions, trades",
        (
            schema.signals,
            schema.positions,
            schema.orders,
            schema.fills,
            schema.paper_trades,
            schema.real_trades,
            schema.decisions,
        ),
    ),
    ("Money", (schema.paper_portfolios, schema.real_portfolios, schema.pnl_snapshots)),
    (
        "Settings",
        (schema.paper_trading_settings, schema.real_trading_settings, schema.risk_limits),
    ),
    ("Bookkeeping", (schema.read_model_positions,)),
)

EXAMPLES = """\
The file can be read with SQLite alone, also while it is written:

```sql
-- closed trades, best first
SELECT id, symbol, entry_price, exit_price, realized_pnl FROM paper_trades
WHERE status = 'Closed' ORDER BY CAST(realized_pnl AS REAL) DESC LIMIT 10;

-- every check of a denied signal
SELECT value FROM journal, json_each(body, '$.checks')
WHERE kind = 'SignalDenied' AND json_extract(body, '$.signal_id') = 7;

-- what led to a record, step by step
WITH RECURSIVE story AS (
  SELECT * FROM journal WHERE account_id = 'main' AND seq = 1234
  UNION ALL
  SELECT journal.* FROM journal JOIN story ON journal.account_id = story.account_id AND journal.seq = story.cause
)
SELECT seq, kind, body FROM story ORDER BY seq;
```"""


def journal_page() -> str:
    """Tables, columns, indexes."""
    parts = [
        "# The journal and its tables",
        STAMP,
        JOURNAL_INTRODUCTION,
        EXAMPLES,
    ]
    described: dict[tuple[str, ...], str] = {}
    for title, tables in GROUPS:
        parts.append(f"## {title}")
        for table in tables:
            parts.append(_table(table, described))
    return _page(parts)


def _table(table: Table, described: dict[tuple[str, ...], str]) -> str:
    lines = [f"### {table.name}", "", f"{table.info['doc'][0].upper()}{table.info['doc'][1:]}."]
    names = tuple(column.name for column in table.columns)
    if names in described:
        lines += ["", f"Columns and indexes as of `{described[names]}`."]
        return "\n".join(lines)
    described[names] = table.name
    lines += ["", "| column | type | meaning |", "|---|---|---|"]
    for column in table.columns:
        kind = _type(column.type) + (" or NULL" if column.nullable else "")
        lines.append(manual.row(f"`{column.name}`", kind, column.doc or ""))
    key = ", ".join(f"`{column.name}`" for column in table.primary_key)
    indexes = [_index(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    lines += ["", f"Key: {key}." + (f" Indexes: {'; '.join(indexes)}." if indexes else "")]
    return "\n".join(lines)


def _type(kind: TypeEngine[object]) -> str:
    if isinstance(kind, Exact):
        return "exact number"
    if isinstance(kind, Document):
        return "JSON"
    if isinstance(kind, LargeBinary):
        return "bytes"
    if isinstance(kind, Boolean):
        return "0 or 1"
    return "integer" if isinstance(kind, BigInteger | Integer) else "text"


def _index(index: Index) -> str:
    columns = ", ".join(str(part).rpartition(".")[2].lower() for part in index.expressions)
    return f"({columns})" + (" unique" if index.unique else "")


# -- the API -----------------------------------------------------------------------------------------------------


def api_page() -> str:
    """Paths, shapes, errors, the live stream, and examples."""
    return _page(["# The API", STAMP, *manual.sections()])


# -- pages -------------------------------------------------------------------------------------------------------


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "EVENTS.md": events_page,
    "DENIALS.md": denials_page,
    "JOURNAL.md": journal_page,
    "API.md": api_page,
}


def stale(folder: Path) -> list[str]:
    """Name the pages in a folder that are missing or not what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != page()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m fillwright.docs_generator", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is stale")
    parser.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR", help="where the pages are")
    chosen = parser.parse_args(arguments)
    names = stale(chosen.docs)
    if chosen.check:
        for name in names:
            sys.stderr.write(f"{chosen.docs / name} is stale: run python -m fillwright.docs_generator\n")
        return 1 if names else 0
    for name in names:
        (chosen.docs / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"{chosen.docs / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
