"""The book-keeping of the matrix: nothing that was asked for is missing, and no reason is unused."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.faults import coverage
from tests.faults.coverage import IDLE, LEFT_OUT, Idle, why_idle, why_left_out
from tests.faults.scenarios import FAULTS, OUTCOMES, PLANS

NAMES = [fault.name for fault in FAULTS]


def test_everything_that_was_asked_for_is_played_and_nothing_else() -> None:
    for asked, there in (
        (coverage.ASKED_PLANS, [plan.name for plan in PLANS]),
        (coverage.ASKED_OUTCOMES, list(OUTCOMES)),
        (coverage.ASKED_FAULTS, NAMES),
    ):
        assert set(chain.from_iterable(asked.values())) == set(there)
        assert all(asked.values()), "asked for, and never played"


def test_names_are_no_ones_twice() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("rows", [IDLE, LEFT_OUT], ids=["idle", "left out"])
def test_every_reason_is_used(rows: tuple[Idle, ...]) -> None:
    for number, one in enumerate(rows):
        used = [
            (fault.name, plan.name, outcome)
            for fault in FAULTS
            for plan in PLANS
            for outcome in OUTCOMES
            if one.covers(fault.name, plan.name, outcome)
            and not any(before.covers(fault.name, plan.name, outcome) for before in rows[:number])
            and (rows is LEFT_OUT or not why_left_out(plan, outcome))
        ]
        assert used, one
        assert one.reason, one
        known = {*[plan.name for plan in PLANS]}
        assert set(one.plans) <= known, one
        assert set(one.outcomes) <= set(OUTCOMES), one
        for name in one.faults:
            assert any(fault.startswith(name) for fault in NAMES), name


def test_every_fault_does_something_somewhere() -> None:
    for fault in FAULTS[1:]:
        assert any(
            (idle is None or idle.by_chance) and not why_left_out(plan, outcome)
            for plan in PLANS
            for outcome in OUTCOMES
            for idle in (why_idle(fault, plan, outcome),)
        ), fault.name


def test_the_document_is_fresh() -> None:
    """``python -m tests.faults.coverage`` writes it."""
    assert coverage.DOCUMENT.read_text(encoding="utf-8") == coverage.document()
