"""How signals were executed, in a few queries: the same as the other queries say one by one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.core.events import OrderPlaced
from fillwright.core.types import ZERO, Mode
from fillwright.ports import Owner, ReadModel, UnknownAccountError, every
from fillwright.storage.sql import executions as module
from fillwright.storage.sql import open_store
from tests.storage.story import OWNER, Story, long_story, replayed

ACCOUNT = OWNER.account_id
OPEN = ("created", "submitting", "open", "monitoring", "closing")


def written(folder: Path, story: Story) -> ReadModel:
    store = open_store(folder / "f.db")
    projection = store.projection(story.owner)
    for records, ledger in replayed(story.steps):
        store.journal.append(story.owner.account_id, records[0].seq - 1, records)
        projection.observe(records, ledger)
    projection.flush()
    return store.read_model()


def test_it_is_what_the_other_queries_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDS_MAX", 7)
    story = long_story(60)
    model = written(tmp_path, story)
    placed = {}
    for record in story.records:
        if isinstance(record.event, OrderPlaced):
            placed.setdefault(record.event.id, record.time)
    found = model.executions(ACCOUNT)
    signals = sorted(every(lambda cursor: model.signals(ACCOUNT, cursor=cursor)), key=lambda one: one.id)
    assert [one.signal_id for one in found] == [one.id for one in signals]
    assert any(one.code for one in found)
    assert any(one.has_position and not one.is_ended for one in found) or any(one.is_ended for one in found)
    filled = 0
    for one, signal in zip(found, signals, strict=True):
        assert (one.key, one.trader_id, one.symbol) == (signal.key, signal.trader_id, signal.symbol)
        assert (one.received_at, one.status) == (signal.received_at, signal.status)
        assert one.code == (signal.status_reason if signal.status == "denied" else "")
        position = None if signal.position_id is None else model.position(ACCOUNT, signal.position_id)
        assert one.has_position is (position is not None)
        if position is None:
            assert (one.orders, one.is_ended, one.realized_pnl, one.entry_value) == ((), False, ZERO, ZERO)
            continue
        trade = model.trade(ACCOUNT, position.id)
        assert one.is_ended is (position.status not in OPEN)
        assert one.realized_pnl == position.realized_pnl
        assert one.entry_value == (ZERO if trade is None else trade.entry_value)
        orders = {order.id: order for order in model.orders_of(ACCOUNT, position.id)}
        assert sorted(orders) == sorted(order.id for order in one.orders)
        for order in one.orders:
            full = orders[order.id]
            assert (order.leg, order.side, order.order_type) == (full.leg, full.side, full.order_type)
            assert (order.executed_quantity, order.executed_quote) == (
                full.executed_quantity,
                full.executed_quote,
            )
            assert order.commission_quote == sum((fill.commission_quote for fill in full.fills), Decimal(0))
            assert (order.first_fill_at is None) is (not full.fills)
            words = [time for time in (placed.get(order.id), order.first_fill_at) if time is not None]
            assert order.acknowledged_at == min(words, default=None)
            filled += bool(full.fills)
    assert filled > 10


def test_the_newest_are_taken_and_those_since_a_time(tmp_path: Path) -> None:
    model = written(tmp_path, long_story(20))
    found = model.executions(ACCOUNT)
    assert model.executions(ACCOUNT, limit=3) == found[-3:]
    assert model.executions(ACCOUNT, since=found[5].received_at)[0].received_at == found[5].received_at
    assert model.executions(ACCOUNT, since=found[-1].received_at + 1) == []
    with pytest.raises(UnknownAccountError):
        model.executions("moon")


def test_trades_of_a_real_account_are_looked_for_among_real_ones(tmp_path: Path) -> None:
    story = long_story(10)
    story.owner = Owner(ACCOUNT, "ann", Mode.TESTNET)
    model = written(tmp_path, story)
    assert sum(one.entry_value for one in model.executions(ACCOUNT)) > 0
