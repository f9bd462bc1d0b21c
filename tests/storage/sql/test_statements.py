"""Statements compiled from the schema do what they say on a real database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, bindparam, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from fillwright.storage.sql.statements import compiled, insert, insert_once, upsert

THINGS = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("number", BigInteger),
    Column("extra", Text),
    Column("created_at", BigInteger),
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with the table in it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute(str(CreateTable(THINGS).compile(dialect=sqlite.dialect())))
        yield made


def rows(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """What is in the table."""
    return connection.execute("SELECT * FROM things ORDER BY id").fetchall()


def test_an_insert_fails_when_the_row_is_there(connection: sqlite3.Connection) -> None:
    connection.execute(insert(THINGS), (1, "a", 2, None, 3))

    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(insert(THINGS), (1, "b", 2, None, 3))


def test_several_rows_are_inserted_at_once(connection: sqlite3.Connection) -> None:
    made = [(number, "a", number, None, 3) for number in range(1, 4)]
    connection.execute(insert(THINGS, 3), [value for row in made for value in row])

    assert rows(connection) == made


def test_an_empty_text_is_null_where_there_may_be_null(connection: sqlite3.Connection) -> None:
    for statement in (insert(THINGS), insert_once(THINGS), upsert(THINGS)):
        connection.execute("DELETE FROM things")
        connection.execute(statement, (1, "", "", "", ""))
        assert rows(connection) == [(1, "", None, None, None)]


def test_an_insert_once_keeps_what_is_there(connection: sqlite3.Connection) -> None:
    connection.execute(insert_once(THINGS), (1, "a", 2, None, 3))
    connection.execute(insert_once(THINGS), (1, "b", 9, None, 9))

    assert rows(connection) == [(1, "a", 2, None, 3)]


def test_an_upsert_changes_all_but_the_time_of_creation(connection: sqlite3.Connection) -> None:
    connection.execute(upsert(THINGS), (1, "a", 2, "x", 3))
    connection.execute(upsert(THINGS), (1, "b", None, "y", 9))

    assert rows(connection) == [(1, "b", None, "y", 3)]


def test_an_upsert_keeps_what_is_not_known_any_more(connection: sqlite3.Connection) -> None:
    statement = upsert(THINGS, keep_null=("extra",), keep_unnamed=("name", "number"))
    connection.execute(statement, (1, "a", 2, "x", 3))
    for nothing in (None, ""):
        connection.execute(statement, (1, "", nothing, nothing, 3))
        assert rows(connection) == [(1, "a", 2, "x", 3)]

    connection.execute(statement, (1, "b", None, "y", 3))
    assert rows(connection) == [(1, "b", None, "y", 3)]


def test_an_upsert_computes(connection: sqlite3.Connection) -> None:
    other = THINGS.alias("other")
    number = select(other.c.number).where(other.c.id == bindparam("from")).scalar_subquery()
    statement = upsert(THINGS, computed={"number": number})
    connection.execute(insert(THINGS), (1, "a", 41, None, 0))

    connection.execute(statement, (2, "b", 1, None, 0))
    connection.execute(statement, (2, "b", 7, None, 0))

    assert rows(connection)[1] == (2, "b", None, None, 0)
    connection.execute(statement, (2, "b", 1, None, 0))
    assert rows(connection)[1] == (2, "b", 41, None, 0)


def test_values_go_where_the_question_marks_are() -> None:
    text = compiled(
        select(THINGS.c.name).where(THINGS.c.id == bindparam("id"), THINGS.c.number > bindparam("n"))
    )

    assert (
        " ".join(text.split()) == "SELECT things.name FROM things WHERE things.id = ? AND things.number > ?"
    )
