"""Verification finds what was tampered with: a fill, a result, a commission, a balance, a trade's price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.core.events import (
    Event,
    OrderFilled,
    OrderPartiallyFilled,
    OrderRejected,
    PositionClosed,
    PositionProtected,
    Record,
)
from fillwright.core.types import Mode
from fillwright.ports import Owner, TradeView
from fillwright.replay import verification
from fillwright.replay.run import Replay
from fillwright.replay.verification import DIFFERENCES_MAX, Verification, distribution, verify
from fillwright.storage.sql import open_read_model, open_store
from fillwright.venues.in_process import balances
from tests.replay.builders import ACCOUNT, Case, Played, planned, trades_tape

D = Decimal


class Story(msgspec.Struct):
    """A replay with a dozen trades, as the journal, the engine, the exchange and the users' trades have it."""

    played: Played
    trades: list[TradeView]

    def verify(
        self,
        change: Callable[[Event], Event] | None = None,
        *,
        trades: Iterable[TradeView] | None = None,
        held: Any = None,
        records: Iterable[Record] | None = None,
    ) -> Verification:
        """Verify it with something changed."""
        simulation = self.played.simulation
        return verify(
            self.records(change) if records is None else records,
            simulation.engine.ledger,
            balances(simulation.exchange.balances(ACCOUNT)) if held is None else held,
            self.trades if trades is None else trades,
        )

    def records(self, change: Callable[[Event], Event] | None) -> Iterator[Record]:
        """The journal; ``change`` is offered every event until it changes one."""
        changed = change is None
        for record in self.played.journal.records:
            event = record.event
            if change is not None and not changed:
                event = change(event)
                changed = event is not record.event
            yield Record(record.seq, record.time, record.cause, event)
        assert changed, "nothing was there to be changed"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    path: Path = tmp_path_factory.mktemp("story") / "journal.db"
    rows = [(number * 0.5, 100 + ((number * 7) % 13 - 6) * 0.2, 5, number % 2) for number in range(1_500)]
    signals = [
        planned(number, 5 + number * 30, stop_percent="0.8", target_percent="0.6") for number in range(20)
    ]
    case = Case(tapes=[trades_tape(rows)], signals=signals)
    memory = case.play()
    with open_store(path) as store:
        owner = Owner(account_id=ACCOUNT, user_id="local", mode=Mode.PAPER)
        job = Replay(case.plan(), store.journal, store.projection(owner), None)
        job.play(job.start())
    with open_read_model(path) as model:
        trades = model.trades(ACCOUNT, limit=100, oldest_first=True).items
    return Story(memory, list(trades))


def test_what_is_true_verifies(story: Story) -> None:
    found = story.verify()
    assert found.ok, found.differences
    assert found.trades >= 10
    assert found.fills >= 2 * found.trades
    assert found.balances == 2
    assert len(found.unprotected_us) >= found.trades


@pytest.mark.parametrize("field", ["price", "quantity", "commission", "commission_quote"])
def test_a_fill_that_was_changed(story: Story, field: str) -> None:
    def change(event: Event) -> Event:
        if isinstance(event, OrderFilled | OrderPartiallyFilled) and "_E_" in event.id:
            fill = msgspec.structs.replace(
                event.fill,
                **{field: getattr(event.fill, field) + D("0.00000001")},
                **({"commission_asset": "USDT"} if field == "commission_quote" else {}),
            )
            return msgspec.structs.replace(event, fill=fill)
        return event

    assert not story.verify(change).ok


def test_a_fill_that_is_missing(story: Story) -> None:
    records = list(story.records(None))
    missing = next(place for place, record in enumerate(records) if isinstance(record.event, OrderFilled))
    assert not story.verify(records=records[:missing] + records[missing + 1 :]).ok


@pytest.mark.parametrize("field", ["pnl", "dust_quantity", "dust_cost"])
def test_a_result_that_was_changed(story: Story, field: str) -> None:
    def change(event: Event) -> Event:
        if isinstance(event, PositionClosed):
            return msgspec.structs.replace(event, **{field: getattr(event, field) + D("1e-18")})
        return event

    found = story.verify(change)
    assert found.differing == 1
    assert found.differences[0].startswith("position 1 ")


@pytest.mark.parametrize("field", ["realized_pnl", "entry_price", "exit_price"])
def test_a_trade_that_tells_otherwise(story: Story, field: str) -> None:
    closed = next(trade for trade in story.trades if trade.status == "Closed")
    wrong = msgspec.structs.replace(closed, **{field: getattr(closed, field) + D("1e-18")})
    trades = [wrong if trade is closed else trade for trade in story.trades]
    found = story.verify(trades=trades)
    assert found.differing == 1
    assert found.differences[0].startswith(f"trade {closed.id} ")


def test_a_trade_without_its_commission(story: Story) -> None:
    closed = next(trade for trade in story.trades if trade.status == "Closed")
    wrong = msgspec.structs.replace(closed, commissions=closed.commissions[:1])
    trades = [wrong if trade is closed else trade for trade in story.trades]
    assert story.verify(trades=trades).differing == len(closed.commissions) - 1


def test_a_trade_that_is_missing(story: Story) -> None:
    closed = next(trade for trade in story.trades if trade.status == "Closed")
    found = story.verify(trades=[trade for trade in story.trades if trade is not closed])
    assert found.differing == 1
    assert found.differences[0].startswith(f"trade {closed.id} realised: recorded None")


def test_what_has_ended_is_let_go_of(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books, orders and trades are as few as are open, however many there were."""
    monkeypatch.setattr(verification, "CLOSED_KEPT_MAX", 2)
    monkeypatch.setattr(verification, "ENDED_KEPT_MAX", 3)
    made: list[verification._Recount] = []
    recount = verification._Recount

    def remembered(*arguments: Any) -> verification._Recount:
        made.append(recount(*arguments))
        return made[-1]

    monkeypatch.setattr(verification, "_Recount", remembered)
    most = [0, 0, 0]

    def watched() -> Iterator[Record]:
        for record in story.played.journal.records:
            if made:
                (one,) = made
                assert one._trades is not None
                held = (len(one.books) + len(one._closed), len(one._sides), len(one._trades._ahead))
                most[:] = map(max, most, held)
            yield record

    found = story.verify(records=watched())
    assert found.ok, found.differences
    assert found.trades >= 10
    assert most[0] <= 2 + 1 + len(made[0].books) + 1
    assert most[1] <= 3 * 3
    assert most[2] <= 3
    closed = [trade for trade in story.trades if trade.status == "Closed"]
    for changed in (closed[0], closed[-1]):
        wrong = msgspec.structs.replace(changed, entry_price=D(1))
        made.clear()
        trades = [wrong if trade is changed else trade for trade in story.trades]
        assert story.verify(trades=trades).differing == 1


@pytest.mark.parametrize("place", [1, 2])
def test_a_balance_that_differs(story: Story, place: int) -> None:
    held = [list(one) for one in balances(story.played.simulation.exchange.balances(ACCOUNT))]
    held[0][place] += D("0.00000001")
    assert story.verify(held=[tuple(one) for one in held]).differing == 2


def test_money_that_the_portfolio_made_up(story: Story) -> None:
    portfolio = story.played.simulation.engine.state.portfolio
    portfolio.realized += D("1e-18")
    try:
        found = story.verify()
    finally:
        portfolio.realized -= D("1e-18")
    assert [text.partition(":")[0] for text in found.differences] == [
        "realised − cost of what is left = change in cash"
    ]


def test_a_rejection_that_filters_could_have_foreseen(story: Story) -> None:
    rejected = OrderRejected(id="RT_replay_1_X_1", code=-1013, reason="Filter failure: LOT_SIZE")
    found = story.verify(records=[*story.records(None), Record(10**9, 0, 0, rejected)])
    assert found.filter_rejections == 1
    assert not found.ok
    other = OrderRejected(id="RT_replay_1_X_1", code=-2010, reason="Order would immediately trigger.")
    assert story.verify(records=[*story.records(None), Record(10**9, 0, 0, other)]).ok


def test_differences_are_named_up_to_a_bound() -> None:
    found = Verification()
    for number in range(DIFFERENCES_MAX + 5):
        found.expect(f"thing {number}", D(1), D(2))
    found.expect("same", D("1.0"), D(1))
    assert len(found.differences) == DIFFERENCES_MAX
    assert found.differing == DIFFERENCES_MAX + 5
    assert found.differences[0] == "thing 0: recorded 1, recomputed 2"


def test_distribution() -> None:
    assert distribution([]) == {"count": 0}
    assert distribution([5]) == {"count": 1, "min": 5, "p50": 5, "p99": 5, "max": 5}
    assert distribution(list(range(100, 0, -1))) == {
        "count": 100,
        "min": 1,
        "p50": 51,
        "p99": 100,
        "max": 100,
    }


def test_protection_is_counted_per_spell(story: Story) -> None:
    spells = sum(isinstance(record.event, PositionProtected) for record in story.played.journal.records)
    assert len(story.verify().unprotected_us) == spells
