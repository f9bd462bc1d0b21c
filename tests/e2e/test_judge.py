"""The judge itself: a store that is whole passes, and each thing that may be wrong with one is found."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from fillwright.core.requests import CancelRequest
from tests.e2e.judge import Judge
from tests.e2e.service import Service
from tests.e2e.traffic import Answered, Sent, Traffic


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Sent]]]:
    """A store in which a second was traded, and what was answered meanwhile."""
    with Service(tmp_path_factory.mktemp("lived"), trades_per_second=50, seed=4, forked=True) as service:
        service.start().wait_ready()
        traffic = Traffic(service.symbols, 4, 400)
        asyncio.run(traffic.flow(service.url, 100, 1))
        assert service.stop() == 0
        yield service.database, traffic.sent


def judged(database: Path, sent: list[Sent]) -> Judge:
    judge = Judge(database)
    judge.look()
    judge.heard(sent)
    return judge


def test_a_store_that_is_whole_passes(lived: tuple[Path, list[Sent]]) -> None:
    judge = judged(*lived)
    assert judge.problems == []
    assert judge.differences() == []
    assert judge.settle() == []
    assert judge.snapshots_compared >= 2
    assert len(judge.executions) > 20


@pytest.fixture
def damaged(lived: tuple[Path, list[Sent]], tmp_path: Path) -> Callable[..., Path]:
    """Copies the store and changes the copy."""

    def damage(*statements: str) -> Path:
        copy = tmp_path / "damaged.db"
        shutil.copy(lived[0], copy)
        connection = sqlite3.connect(copy)
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
        connection.commit()
        connection.close()
        return copy

    return damage


NO_SNAPSHOTS = "DELETE FROM snapshots"
LAST_OF = "(SELECT max(seq) FROM journal WHERE account_id = '{}' AND kind = '{}')"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE snapshots SET body = zeroblob(9) WHERE name = 'state'"], "the account's snapshot"),
        (["UPDATE snapshots SET body = zeroblob(9) WHERE name = 'exchange'"], "the exchange's snapshot"),
        (["UPDATE positions SET quantity = '77' WHERE status = 'open'"], "open positions at record"),
        (["UPDATE orders SET executed_quantity = '77' WHERE state = 'New'"], "open orders at record"),
        (["DELETE FROM signals WHERE id = 3"], "signals in the table"),
    ],
)
def test_what_the_service_stored_of_itself_is_compared(
    damaged: Callable[..., Path], lived: tuple[Path, list[Sent]], statements: list[str], found: str
) -> None:
    judge = judged(damaged(*statements), lived[1])
    assert any(found in problem for problem in judge.problems), judge.problems


def test_commands_that_the_exchange_lost_are_found(
    damaged: Callable[..., Path], lived: tuple[Path, list[Sent]]
) -> None:
    """As if what was told to the account had not been written by the exchange."""
    last = "(SELECT max(seq) - 5 FROM journal WHERE account_id = 'venue:paper')"
    copy = damaged(NO_SNAPSHOTS, f"DELETE FROM journal WHERE account_id = 'venue:paper' AND seq > {last}")
    judge = judged(copy, lived[1])
    assert judge.differences() != []


def test_records_that_the_account_lost_are_found(
    damaged: Callable[..., Path], lived: tuple[Path, list[Sent]]
) -> None:
    """As if an answer had been given before the journal had it."""
    last = LAST_OF.format("paper", "SignalReceived")
    copy = damaged(NO_SNAPSHOTS, f"DELETE FROM journal WHERE account_id = 'paper' AND seq >= {last}")
    judge = judged(copy, lived[1])
    assert any("is lost" in problem for problem in judge.problems), judge.problems


def test_answers_that_the_journal_does_not_bear_out_are_found(lived: tuple[Path, list[Sent]]) -> None:
    database, sent = lived
    denied = next(one for one in sent if one.answers and one.answers[0].body["status"] == "denied")
    wrong = msgspec.structs.replace(denied, answers=[Answered(201, {**denied.answers[0].body, "code": None})])
    other = msgspec.structs.replace(denied, answers=[Answered(201, {**denied.answers[0].body, "id": 77777})])
    twice = msgspec.structs.replace(denied, tries=2, answers=[denied.answers[0], denied.answers[0]])
    for one, found in (
        (wrong, "was answered None"),
        (other, "was answered as 77777"),
        (twice, "was new 2 times"),
    ):
        problems = judged(database, [one]).problems
        assert any(found in problem for problem in problems), problems


def test_coins_without_a_stop_are_found(lived: tuple[Path, list[Sent]]) -> None:
    database, sent = lived
    judge = judged(database, sent)
    assert judge.exchange is not None
    stop = next(p.stop_order_id for p in judge.ledger.open_positions.values() if p.stop_order_id)
    symbol = judge.ledger.state.orders[stop].symbol
    assert judge.unprotected() == []
    judge.exchange.execute(
        "paper", CancelRequest(symbol=symbol, orig_client_order_id=stop), judge.exchange.now
    )
    assert len(judge.unprotected()) == 1


def test_a_step_that_no_position_makes_is_found(lived: tuple[Path, list[Sent]]) -> None:
    judge = judged(*lived)
    position = next(iter(judge.ledger.open_positions.values()))
    judge.histories[position.id] = [position.status.__class__.CREATED]
    judge._step(position)
    assert any("went from created to" in problem for problem in judge.problems), judge.problems


def test_what_was_executed_twice_is_found(lived: tuple[Path, list[Sent]]) -> None:
    judge = judged(*lived)
    one = next(iter(judge.executions.values()))
    one.trades[max(one.trades) + 1] = next(iter(one.trades.values()))
    assert judge.differences() != []
