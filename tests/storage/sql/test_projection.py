"""The projection on SQLite itself: what a group costs, and what it still knows of forgotten objects."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.core import events as ev
from fillwright.core.types import DAY
from fillwright.storage.sql import SqliteStore, open_store, projection
from tests.storage.story import OWNER, Story, replayed

ACCOUNT = OWNER.account_id


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """An empty store."""
    return open_store(tmp_path / "journal.db")


def test_a_trade_in_one_group_costs_one_row_of_each(store: SqliteStore) -> None:
    story = Story()
    started = len(story.steps)
    story.closed(story.bought(parts=4), price=story.ledger.state.prices["BTCUSDT"])
    watching = store.projection(OWNER)
    for number, (step, ledger) in enumerate(replayed(story.steps), 1):
        watching.observe(step, ledger)
        if number == started:
            watching.flush()

    # A signal, three orders, five executions, a position, a trade, the portfolio, and how far the rows are.
    assert watching.flush() == 13
    store.close()


def test_nothing_observed_is_nothing_written(store: SqliteStore) -> None:
    watching = store.projection(OWNER)

    assert watching.flush() == 0
    watching.observe([], Story().ledger)
    assert watching.flush() == 0
    store.close()


def test_objects_are_kept_until_the_flush_although_the_state_forgets_them(store: SqliteStore) -> None:
    """A group of a quiet replay may span weeks: all that happened in it is shown all the same."""
    story = Story()
    number = story.bought()
    story.closed(number, story.ledger.state.prices["BTCUSDT"])
    story.now += 2 * DAY
    story.candle()
    assert not story.ledger.state.orders
    assert not story.ledger.state.signals
    watching = store.projection(OWNER)
    for step, ledger in replayed(story.steps):
        watching.observe(step, ledger)

    watching.flush()

    model = store.read_model()
    trade = model.trade(ACCOUNT, number)
    assert trade is not None
    assert (trade.status, trade.client_order_id) == ("Closed", "RT_replay_1_E_1")
    assert trade.ai_confidence is not None
    assert len(model.orders_of(ACCOUNT, number)) == 3
    assert len(model.fills(ACCOUNT, position_id=number)) == 2
    store.close()


def test_the_entry_of_an_old_position_stays_known(store: SqliteStore) -> None:
    """Its entry order was forgotten by the state days before it closes."""
    story = Story()
    number = story.bought()
    shown = len(story.steps)
    story.now += 2 * DAY
    story.candle()
    story.closed(number, story.ledger.state.prices["BTCUSDT"])
    watching = store.projection(OWNER)
    for step_number, (step, ledger) in enumerate(replayed(story.steps), 1):
        watching.observe(step, ledger)
        if step_number >= shown:
            watching.flush()

    trade = store.read_model().trade(ACCOUNT, number)
    assert trade is not None
    assert (trade.status, trade.client_order_id, trade.binance_order_id) == (
        "Closed",
        "RT_replay_1_E_1",
        1001,
    )
    store.close()


def test_what_the_signal_said_stays_known(store: SqliteStore) -> None:
    """A position may be touched (by a late report) when its signal is forgotten, or long after it was received."""
    story = Story()
    story.bought()
    watching = store.projection(OWNER)
    for step, ledger in replayed(story.steps):
        watching.observe(step, ledger)
        watching.flush()
        last = ledger
    del last.state.signals[1]

    watching.observe([ev.Record(last.state.seq + 1, story.now, 0, ev.PositionClosing(1, "late"))], last)
    watching.flush()

    trade = store.read_model().trade(ACCOUNT, 1)
    assert trade is not None
    assert trade.ai_confidence == Decimal("0.8")
    with closing(sqlite3.connect(store.path)) as outside:
        received = [r.seq for r in story.records if isinstance(r.event, ev.SignalReceived)]
        assert outside.execute("SELECT received_seq FROM signals").fetchall() == [(seq,) for seq in received]
    store.close()


def test_catching_up_goes_in_groups(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story()
    for _ in range(20):
        story.random_trade()
    store.journal.append(ACCOUNT, 0, story.records)
    monkeypatch.setattr(projection, "CATCH_UP_RECORDS", 50)

    assert store.projection(OWNER).catch_up() == len(story.records)
    assert store.read_model().seq(ACCOUNT) == len(story.records)
    store.close()


def test_every_event_that_names_an_order_or_position_is_watched_or_shows_nothing() -> None:
    """A new event must be put on one of the two lists by whoever adds it."""
    shows_nothing = {
        ev.OrderDenied,  # no order came to be; it is counted from the journal
        ev.OrderQueried,
        ev.OrderNotFound,
        ev.OrderAmendRequested,
        ev.OrderAmendRefused,
        ev.PositionReduceRequested,
        ev.ProtectionFailed,
        ev.StopTakenAway,
        ev.ExitFailed,
        ev.StopTakenAway,
        ev.TradeJudged,  # what it says is in the account's state
        ev.CommandTaken,  # what the command did has events of its own
    }
    about = {
        kind
        for kind in ev.EVENT_TYPES.values()
        if {"id", "position_id", "signal_id"} & set(kind.__struct_fields__)
    }

    assert about - set(projection._WATCHES) == shows_nothing
