from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.core import events as ev
from fillwright.core.context import NoAverages
from fillwright.core.effects import Effect
from fillwright.core.engine import Engine
from fillwright.core.inputs import (
    ChangeLimits,
    ChangeSettings,
    EmergencyStop,
    Pause,
    Quote,
    Resume,
    Shutdown,
    StreamChanged,
)
from fillwright.core.settings import RiskLimits, VenueProfile
from fillwright.core.types import SECOND, ZERO
from fillwright.ports import DiskFullError, SeqConflictError, VenueTerms
from fillwright.runtime.recovery import (
    CONFIGURATION_PART,
    Configured,
    Market,
    Recovered,
    draw_tag,
    load,
    record_trouble,
    recover,
    snapshot_of,
)
from fillwright.storage.sql import SqliteStore, open_store
from tests.runtime.builders import NOW, OWNER, PROFILE, SYMBOL, D, FailingStore, make_settings, make_signal
from tests.sim.harness import FEE, make_instrument

TERMS = VenueTerms(
    instruments=(make_instrument(SYMBOL),),
    maker_fee=FEE,
    taker_fee=FEE,
    balances=(("USDT", D(10_000), ZERO),),
    profile=PROFILE,
)
TIGHT, WIDE = RiskLimits(max_positions=1), RiskLimits(max_positions=99)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "f.db") as found:
        yield found


def bring_up(
    store: Any,
    configured: Configured | None = None,
    terms: VenueTerms = TERMS,
    now: int = NOW,
    quotes: dict[str, Quote] | None = None,
    troubles: tuple[tuple[str, str], ...] = (),
) -> Recovered:
    return recover(
        store,
        OWNER,
        terms,
        configured or Configured(make_settings()),
        Market(quotes or {}, NoAverages()),
        now,
        tag=lambda: "t",
        troubles=troubles,
    )


def do(store: SqliteStore, engine: Engine, *items: Any, now: int = NOW) -> list[Effect]:
    """Step and journal, as the shell does."""
    effects = []
    for item in items:
        before = engine.state.seq
        step = engine.step(item, now=now)
        store.journal.append(OWNER.account_id, before, step.records)
        effects += step.effects
    return effects


def kinds(store: SqliteStore, after: int = 0) -> list[str]:
    return [type(record.event).__name__ for record in store.journal.load(OWNER.account_id, after)]


# -- opening and loading -----------------------------------------------------------------------------------------


def test_the_first_start_opens_the_ledger_and_waits_for_the_stream(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    state = engine.state
    assert (state.account_id, state.tag, state.maker_fee) == ("paper", "t", FEE)
    assert state.settings.venue == PROFILE
    assert state.portfolio.balance_of("USDT").free == D(10_000)
    assert not state.stream_connected
    assert kinds(store)[0] == "AccountOpened"
    assert store.journal.last_seq("paper") == state.seq
    snapshot = store.journal.load_snapshot("paper")
    assert snapshot is not None
    assert snapshot.seq == state.seq
    with store.read_model() as model:
        assert model.seq("paper") == state.seq
        assert model.accounts() == [OWNER]


def test_a_tag_is_short_and_drawn_anew() -> None:
    tags = {draw_tag() for _ in range(200)}
    assert len(tags) > 190
    assert all(re.fullmatch(r"[a-z0-9]{6}", tag) for tag in tags)


def test_the_state_comes_from_the_snapshot_and_the_records_after_it(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, StreamChanged(True), make_signal("a"))
    loaded, _ = load(store.journal, "paper")
    assert loaded.dump() == engine.ledger.dump()
    store.journal.save_snapshot("paper", snapshot_of(engine, Configured(make_settings())))
    do(store, engine, make_signal("b", trader_id="bob"))
    loaded, fingerprint = load(store.journal, "paper")
    assert loaded.dump() == engine.ledger.dump()
    assert fingerprint == Configured(make_settings()).fingerprint()


def test_a_start_that_changes_nothing_records_that_it_was_one_and_no_more(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, StreamChanged(True))
    seq = engine.state.seq
    again = bring_up(store).engine
    assert kinds(store, seq) == ["StreamStateChanged"]
    assert again.state.tag == "t"
    twice = bring_up(store).engine  # it crashed before the venue said anything
    assert twice.state.seq == again.state.seq


def test_positions_are_looked_at_at_once_after_a_start(store: SqliteStore) -> None:
    quotes = {SYMBOL: Quote(SYMBOL, D("99.99"), D("100.01"), D(100), NOW)}
    engine = bring_up(store, quotes=quotes).engine
    do(store, engine, StreamChanged(True), make_signal("a"))
    again = bring_up(store, now=NOW + SECOND, quotes=quotes).engine
    assert list(again.ledger.open_positions) == [1]
    assert again.next_deadline is not None
    assert again.next_deadline <= NOW + SECOND
    assert again.quotes == quotes


def test_read_models_catch_up_with_what_a_crash_left_behind(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, StreamChanged(True), make_signal("a"))
    with store.read_model() as model:
        assert model.seq("paper") < engine.state.seq
    bring_up(store)
    with store.read_model() as model:
        assert model.seq("paper") == store.journal.last_seq("paper")
        assert model.signal("paper", 1) is not None


# -- what may have changed ---------------------------------------------------------------------------------------


def test_the_venues_terms_are_taken_up(store: SqliteStore) -> None:
    bring_up(store)
    profile = VenueProfile(in_flight_max_ms=7)
    finer = make_instrument(SYMBOL, orders_max=7)
    terms = msgspec.structs.replace(TERMS, profile=profile, instruments=(finer,), taker_fee=D("0.0005"))
    state = bring_up(store, terms=terms).engine.state
    assert state.settings.venue == profile
    assert state.instruments[SYMBOL] == finer
    assert (state.maker_fee, state.taker_fee) == (FEE, D("0.0005"))


def test_a_changed_configuration_is_applied(store: SqliteStore) -> None:
    bring_up(store, Configured(make_settings(), {"ada|": WIDE, "|AAAUSDT": WIDE}))
    changed = Configured(make_settings(candle_interval="5m"), {"ada|": TIGHT, "bob|AAAUSDT": WIDE})
    state = bring_up(store, changed).engine.state
    assert state.settings.candle_interval == "5m"
    assert state.limits == {"ada|": TIGHT, "bob|AAAUSDT": WIDE}
    by = {
        record.event.by
        for record in store.journal.load("paper")
        if isinstance(record.event, ev.LimitsChanged)
    }
    assert by == {"configuration"}


def test_what_was_changed_at_run_time_survives_as_long_as_the_configuration_stays(store: SqliteStore) -> None:
    configured = Configured(make_settings(), {"ada|": WIDE})
    engine = bring_up(store, configured).engine
    do(
        store,
        engine,
        ChangeLimits(by="ops", trader_id="ada", limits=TIGHT),
        ChangeSettings(settings=make_settings(enabled=False), by="ops"),
    )
    state = bring_up(store, configured).engine.state
    assert state.limits == {"ada|": TIGHT}
    assert not state.settings.enabled
    state = bring_up(store, Configured(make_settings(), {"ada|": WIDE, "bob|": WIDE})).engine.state
    assert state.limits == {"ada|": WIDE, "bob|": WIDE}
    assert state.settings.enabled


def test_fingerprints_tell_configurations_apart_whatever_their_order() -> None:
    one = Configured(make_settings(), {"a|": WIDE, "b|": TIGHT})
    other = Configured(make_settings(), {"b|": TIGHT, "a|": WIDE})
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint() != Configured(make_settings(), {"a|": TIGHT, "b|": TIGHT}).fingerprint()
    assert (
        one.fingerprint() != Configured(make_settings(enabled=False), {"a|": WIDE, "b|": TIGHT}).fingerprint()
    )


# -- after a stop ------------------------------------------------------------------------------------------------


def test_after_a_graceful_stop_entries_are_allowed_again(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, Shutdown())
    assert engine.state.safety.shutdown
    assert not bring_up(store).engine.state.safety.shutdown


def test_an_operators_pause_outlasts_a_stop(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, Pause(until=NOW + 60 * SECOND, by="ada", cause="lunch"), Shutdown())
    safety = bring_up(store, now=NOW + SECOND).engine.state.safety
    assert (safety.shutdown, safety.paused_cause, safety.paused_until) == (False, "lunch", NOW + 60 * SECOND)
    engine = bring_up(store, now=NOW + SECOND).engine
    do(store, engine, Shutdown())
    safety = bring_up(store, now=NOW + 61 * SECOND).engine.state.safety
    assert (safety.shutdown, safety.paused_until) == (False, 0)


def test_a_halt_outlasts_a_stop_and_one_resume_lifts_both(store: SqliteStore) -> None:
    engine = bring_up(store).engine
    do(store, engine, EmergencyStop(by="ada"), Shutdown())
    engine = bring_up(store).engine
    assert engine.state.safety.halted_cause == "emergency_stop"
    do(store, engine, Resume(by="ada", reason="it is over"))
    assert not engine.state.safety.halted_cause
    assert not engine.state.safety.shutdown


# -- trouble -----------------------------------------------------------------------------------------------------


def test_what_went_wrong_is_recorded_once_the_store_is_back(store: SqliteStore) -> None:
    bring_up(store)
    bring_up(store, troubles=(("store", "the disk was full"),))
    errors = [r.event for r in store.journal.load("paper") if isinstance(r.event, ev.Error)]
    assert errors == [ev.Error(where="store", what="the disk was full")]


def test_trouble_is_recorded_like_any_step() -> None:
    engine = Engine()
    step = record_trouble(engine, "trader x", "off", NOW)
    assert [record.event for record in step.records] == [ev.Error(where="trader x", what="off")]
    assert engine.state.seq == 1
    assert (step.effects, step.answer) == ([], None)


def test_a_start_is_whole_or_not_at_all(store: SqliteStore) -> None:
    failing = FailingStore(store)
    failing.journal.errors.append(DiskFullError("no room"))
    with pytest.raises(DiskFullError):
        bring_up(failing)
    assert store.journal.last_seq("paper") == 0
    assert store.journal.load_snapshot("paper") is None
    bring_up(failing)


def test_of_two_that_start_at_once_the_second_loses(store: SqliteStore, tmp_path: Path) -> None:
    first = bring_up(store).engine
    with open_store(tmp_path / "f.db") as other:
        second = bring_up(other).engine
        do(other, second, StreamChanged(True))
        with pytest.raises(SeqConflictError):
            do(store, first, StreamChanged(True))


def test_a_snapshot_says_which_configuration_was_applied() -> None:
    configured = Configured(make_settings())
    snapshot = snapshot_of(Engine(), configured)
    assert snapshot.parts[CONFIGURATION_PART] == configured.fingerprint()
    assert snapshot.seq == 0
