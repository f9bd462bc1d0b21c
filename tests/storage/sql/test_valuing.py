"""Valuing position by position: what is worked out of changes alone is what working everything out anew gives."""

from __future__ import annotations

import decimal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.events import FeesChanged
from fillwright.core.state import Ledger
from fillwright.core.types import CONTEXT, ZERO
from fillwright.ports import StorageError
from fillwright.storage.sql import open_store
from fillwright.storage.sql.valuing import Valuing, unrealized_of
from tests.storage.story import FEE, OWNER, PRICE, Story, replayed

D = Decimal
TABLES = ("positions", "paper_trades", "paper_portfolios")


def a_story() -> Story:
    """Positions in two symbols that open, are valued and close while others stay open; fees change, too."""
    story = Story()
    first = story.bought()
    eth = [story.bought("ETHUSDT", D(3000) + number) for number in range(3)]
    story.mark(PRICE + 70)
    second = story.bought(price=PRICE + 80, parts=2)
    story.mark(D("2999.9"), "ETHUSDT")
    story.closed(first, D(59000))
    story.step(FeesChanged(FEE, FEE * 2))
    story.decide(second)
    story.closed(eth[1], D(2990))
    third = story.bought(price=PRICE - 40)
    story.mark(PRICE)
    story.closed(second, D(62000))
    story.mark(PRICE - 1)
    story.closed(third, D(59500))
    return story


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with decimal.localcontext(CONTEXT):
        yield


def anew(ledger: Ledger) -> Decimal:
    """Realised by all, unrealised of those that are open, from the whole ledger."""
    opened = ledger.open_positions.values()
    total = sum((one.realized + unrealized_of(one, ledger) for one in opened), ZERO)
    return total + ledger.state.portfolio.realized


def shown(folder: Path, story: Story, every: int) -> list[list[tuple[Any, ...]]]:
    """What the tables say when rows are written after so many steps each."""
    folder.mkdir()
    with open_store(folder / "journal.db") as store:
        watching = store.projection(OWNER)
        for number, (step, ledger) in enumerate(replayed(story.steps), 1):
            watching.observe(step, ledger)
            if number % every == 0 or number == len(story.steps):
                watching.flush()
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]


def test_rows_say_the_same_however_often_they_are_written(tmp_path: Path) -> None:
    story = a_story()

    at_once = shown(tmp_path / "at-once", story, len(story.steps))

    assert len(at_once[0]) == 6
    for every in (1, 2, 3, 7):
        assert shown(tmp_path / f"every-{every}", story, every) == at_once, every


def test_the_total_follows_changes() -> None:
    story, valuing = a_story(), Valuing()
    seen = []
    for step, ledger in replayed(story.steps):
        valuing.begin()
        moved = valuing.moved(ledger)
        names = {getattr(record.event, "position_id", 0) for record in step}
        orders = [ledger.state.orders.get(getattr(record.event, "id", "")) for record in step]
        names |= {order.position_id for order in orders if order is not None}
        touched = {number: ledger.state.positions[number] for number in names if number}
        changed = {**moved, **touched}.values()
        seen.append(valuing.total(ledger, [(one, unrealized_of(one, ledger)) for one in changed]))
        valuing.committed()
        assert seen[-1] == anew(ledger)
    assert len(set(seen)) > 10


def test_only_symbols_with_another_price_have_moved() -> None:
    story, valuing = Story(), Valuing()
    btc, eth = story.bought(), story.bought("ETHUSDT", D(3000))
    assert set(valuing.moved(story.ledger)) == {btc, eth}
    assert set(valuing.moved(story.ledger)) == set()
    story.mark(PRICE + 1)
    assert set(valuing.moved(story.ledger)) == {btc}
    story.step(FeesChanged(FEE, FEE * 3))
    assert set(valuing.moved(story.ledger)) == {btc, eth}


def test_what_was_never_stored_is_valued_again() -> None:
    story, valuing = Story(), Valuing()
    number = story.bought()
    valuing.begin()
    assert set(valuing.moved(story.ledger)) == {number}
    valuing.total(story.ledger, [])
    valuing.begin()
    assert set(valuing.moved(story.ledger)) == {number}
    assert valuing.total(story.ledger, []) == anew(story.ledger)


def test_a_flush_that_fails_is_made_up_for(tmp_path: Path) -> None:
    story = a_story()
    whole = shown(tmp_path / "whole", story, 1)
    path = tmp_path / "journal.db"
    failed = 0
    with open_store(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        watching = store.projection(OWNER)
        for number, (step, ledger) in enumerate(replayed(story.steps), 1):
            watching.observe(step, ledger)
            if number % 3 == 0 and number < len(story.steps):
                other.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON paper_portfolios BEGIN SELECT raise(FAIL, 'x'); END"
                )
                with pytest.raises(StorageError):
                    watching.flush()
                other.execute("DROP TRIGGER full")
                failed += 1
            else:
                watching.flush()
        found = [other.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]
    assert failed > 5
    assert found == whole
