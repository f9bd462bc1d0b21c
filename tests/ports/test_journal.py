"""What the journal's port promises in its types: a snapshot is a value and names its parts."""

from __future__ import annotations

import msgspec

from fillwright.core.state import Ledger, State
from fillwright.core.types import Mode
from fillwright.ports import STATE_PART, Owner, Snapshot


def test_a_snapshots_state_part_gives_the_ledger_back() -> None:
    ledger = Ledger(State(account_id="main", seq=5, time=9))

    snapshot = Snapshot(seq=5, time=9, parts={STATE_PART: ledger.dump(), "tape": b"1"})

    assert Ledger.load(snapshot.parts[STATE_PART]).state == ledger.state


def test_an_owner_is_a_value() -> None:
    owner = Owner("main", "ann", Mode.PAPER)

    assert owner == msgspec.convert({"account_id": "main", "user_id": "ann", "mode": "paper"}, Owner)
