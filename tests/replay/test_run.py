"""A whole replay: how its ledger begins, what it says at its end, what a resumed one refuses."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.core.events import (
    AccountOpened,
    BalanceUpdated,
    InstrumentChanged,
    LimitsChanged,
    ReconciliationComplete,
)
from fillwright.core.settings import PaperSettings, Settings
from fillwright.exchange.faults import FaultPlan, Rates
from fillwright.market.intervals import Interval
from fillwright.replay.run import ResumeMismatchError, fingerprint, marked_by, replay_settings
from tests.replay.builders import (
    LOOSE,
    Case,
    ListTape,
    MemoryJournal,
    candles_tape,
    planned,
    quotes_tape,
    trades_tape,
)

D = Decimal
ROWS = [(number, 100 + number % 7, 5) for number in range(400)]


def a_case() -> Case:
    signals = [planned(number, 5 + number * 30, stop_percent=1, target_percent=2) for number in range(10)]
    return Case(tapes=[trades_tape(ROWS, chunk_rows=50)], signals=signals)


def test_a_ledger_begins_with_what_the_plan_says() -> None:
    case = msgspec.structs.replace(a_case(), paper=PaperSettings(initial_balance=D(777)))
    played = case.play(limits={"": LOOSE, "ada|": LOOSE, "ada|BTCUSDT": LOOSE})
    (opened,) = played.events(AccountOpened)
    assert (opened.account_id, opened.tag) == ("replay", "replay")
    balance = played.events(BalanceUpdated)[0]
    assert balance == BalanceUpdated((("USDT", D(777), D(0)),), opening=True)
    assert [event.instrument.symbol for event in played.events(InstrumentChanged)] == ["BTCUSDT"]
    assert [(event.trader_id, event.symbol) for event in played.events(LimitsChanged)] == [
        ("", ""),
        ("ada", ""),
        ("ada", "BTCUSDT"),
    ]


def test_it_ends_with_books_that_agree() -> None:
    played = a_case().play()
    (complete,) = played.events(ReconciliationComplete)
    assert complete.discrepancies == 0
    outcome = played.outcome
    assert outcome.verification.ok
    assert outcome.verification.trades >= 5
    assert outcome.records == len(played.journal.records)
    assert outcome.ticks == len(ROWS)
    assert outcome.visited < outcome.ticks
    assert outcome.digest == a_case().play().outcome.digest
    assert (outcome.resumed, outcome.resumed_at) == (False, 0)


def test_another_replay_is_not_gone_on_with() -> None:
    journal = MemoryJournal()
    job = a_case().job(journal)
    job.play(job.start())
    records = list(journal.records)
    with pytest.raises(ResumeMismatchError, match="other tapes, signals, trader or settings"):
        a_case().job(journal, fingerprint="two").resume()
    assert journal.records == records


def test_nothing_to_resume() -> None:
    assert a_case().job(MemoryJournal()).resume() is None


def test_a_finished_replay_is_only_reported_again() -> None:
    journal = MemoryJournal()
    job = a_case().job(journal)
    whole = job.play(job.start())
    for _ in range(2):
        job = a_case().job(journal)
        simulation = job.resume()
        assert simulation is not None
        again = job.play(simulation)
        assert (again.digest, again.ticks, again.end) == (whole.digest, whole.ticks, whole.end)
        assert again.resumed
        assert again.resumed_at == whole.ticks
    assert len(journal.records) == whole.records


def test_the_settings_of_a_replay() -> None:
    perfect, faulty = replay_settings(Settings(), faulty=False), replay_settings(Settings(), faulty=True)
    assert (perfect.venue.protection_read_s, perfect.venue.reconciliation) == (0, False)
    assert (faulty.venue.protection_read_s, faulty.venue.reconciliation) == (30, True)
    assert perfect.venue.in_flight_max_ms == faulty.venue.in_flight_max_ms == 0
    assert perfect.venue.mark_interval_s == 60
    assert perfect.risk == Settings().risk


@pytest.mark.parametrize("seed", range(4))
def test_faults_are_survived(seed: int) -> None:
    rates = Rates(
        lost=0.03,
        answer_lost=0.03,
        masked=0.03,
        event_dropped=0.02,
        event_duplicated=0.1,
        event_delayed=0.1,
        event_delay_us=300_000,
    )
    played = a_case().play(faults=FaultPlan(seed=seed, rates=rates))
    assert played.outcome.verification.differences == []
    assert played.lines == a_case().play(faults=FaultPlan(seed=seed, rates=rates), tick_by_tick=True).lines
    assert played.outcome.ticks == len(ROWS)


def test_what_a_report_must_say_of_its_tapes() -> None:
    notes = a_case().play().outcome.notes
    assert len(notes) == 1
    assert notes[0].startswith("No quotes and no depth")
    gaps = candles_tape([(0, 1, 1, 1, 1, 1), (5, 1, 1, 1, 1, 1)])

    def with_gap(case: Case) -> list[ListTape]:
        tapes = [one.at(0) for one in case.tapes]
        tapes[0].gaps, tapes[0].missing = 1, 4
        return tapes

    case = Case(tapes=[gaps])
    told = case.play(open_tapes=lambda rows: with_gap(case)).outcome.notes
    assert [note.split()[0] for note in told] == ["No", "Inside", "memory:"]
    assert "1 gaps, 4 rows missing" in told[2]
    assert Case(tapes=[quotes_tape([(0, 1, 2)])]).play().outcome.notes[0].startswith("No trades on the tape")


def test_a_fingerprint_tells_all_parts_apart() -> None:
    assert fingerprint("a", 1) == fingerprint("a", 1)
    assert len({fingerprint("a", 1), fingerprint("a", 2), fingerprint("a", "1"), fingerprint("a1")}) == 4


def held_after(trades: int) -> dict[str, int]:
    """How much is in memory after so many trades, ten minutes apart."""
    rows = [(number * 30, 100 + (number // 10) % 2, 50) for number in range(trades * 20)]
    signals = [
        planned(number, number * 600 + 15, stop_percent="0.3", target_percent="0.4")
        for number in range(trades)
    ]
    played = Case(tapes=[trades_tape(rows, chunk_rows=1_000)], signals=signals).play()
    assert played.outcome.verification.trades > trades / 2
    simulation = played.simulation
    state, exchange = simulation.engine.state, simulation.exchange
    assert not exchange.open_orders("replay")
    return {
        "orders": len(state.orders),
        "positions": len(state.positions),
        "signals": len(state.signals),
        "wakes": len(simulation.engine.wakes),
        "under way": len(simulation.venue.dump()),
        "exchange": len(exchange.all_orders("replay", "BTCUSDT", limit=1_000)),
        "ledger": len(simulation.engine.ledger.dump()) // 100_000,
    }


def test_nothing_but_the_journal_grows_with_the_number_of_trades() -> None:
    few, many = held_after(300), held_after(900)
    for what, count in few.items():
        assert many[what] <= count * 1.1 + 3, (what, few, many)


def test_equity_is_marked_once_a_candle_where_nothing_is_known_between() -> None:
    settings = replay_settings(Settings(), faulty=False)
    quarters = candles_tape([(0, 100, 101, 99, 100, 1)])
    quarters.interval = Interval.M15
    months = candles_tape([(0, 100, 101, 99, 100, 1)])
    months.interval = Interval.MO1
    trades = trades_tape([(0, 100)])
    assert marked_by(settings, [quarters]).venue.mark_interval_s == 900
    assert marked_by(settings, [quarters, months]).venue.mark_interval_s == 900
    assert marked_by(settings, [months]).venue.mark_interval_s == 86_400
    assert marked_by(settings, [candles_tape([(0, 100, 101, 99, 100, 1)])]) == settings
    assert marked_by(settings, [quarters, trades]) == settings
