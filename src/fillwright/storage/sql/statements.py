"""Statements of the hot path: compiled once from the schema into text that sqlite3 runs as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, bindparam, case, func, literal_column, update
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect(paramstyle="qmark")


def compiled(statement: Executable) -> str:
    """SQLite's text of a statement, with ``?`` where values go."""
    return str(statement.compile(dialect=_DIALECT))  # type: ignore[attr-defined]


def insert(table: Table, rows: int = 1) -> str:
    """Insert a row, or several at once; parameters are the table's columns in order, row by row."""
    one = compiled(sqlite.insert(table).values(_everything(table)))
    _, word, values = one.partition(" VALUES ")
    assert word, one
    return one + f", {values}" * (rows - 1)  # compiling them all takes milliseconds


def insert_once(table: Table) -> str:
    """Insert a row unless its key is there already."""
    return compiled(sqlite.insert(table).values(_everything(table)).on_conflict_do_nothing())


def upsert(
    table: Table,
    *,
    keep_null: tuple[str, ...] = (),
    keep_unnamed: tuple[str, ...] = (),
    computed: Mapping[str, ColumnElement[Any]] | None = None,
) -> str:
    """Insert a row, or bring the one with its key up to date; ``created_at`` stays as it was.

    Some columns come from objects that may be forgotten by now. Those in ``keep_null`` stay when the new value is NULL;
    those in ``keep_unnamed`` stay all together when the first of them is ''. A ``computed`` column is an expression
    with parameters of its own, in its place.
    """
    statement = sqlite.insert(table).values({**_everything(table), **(computed or {})})
    key = [column.name for column in table.primary_key]
    changes: dict[str, Any] = {}
    for column in table.columns:
        name, new = column.name, statement.excluded[column.name]
        if name in keep_null:
            changes[name] = func.coalesce(new, column)
        elif name in keep_unnamed:
            unnamed = statement.excluded[keep_unnamed[0]] == literal_column("''")
            changes[name] = case((unnamed, column), else_=new)
        elif name not in key and name != "created_at":
            changes[name] = new
    return compiled(statement.on_conflict_do_update(index_elements=key, set_=changes))


def reprice(table: Table, *names: str) -> str:
    """Change some columns of a row and nothing else of it: their values, then those of the key."""
    values = _everything(table)
    found = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
    changes = {name: values[name] if values[name] is not None else bindparam(f"new_{name}") for name in names}
    return compiled(update(table).where(*found).values(changes))


def _everything(table: Table) -> dict[str, Any]:
    """A parameter for each column; '' becomes NULL in those that may be NULL (binding None is slow)."""
    return {
        column.name: func.nullif(bindparam(f"new_{column.name}"), literal_column("''"))
        if column.nullable
        else None
        for column in table.columns
    }
