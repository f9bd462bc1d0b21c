"""The rollout's cap: the first until the clean trades are made, then the last, until it is lifted."""

from __future__ import annotations

import pytest

from fillwright.core.rollout import (
    JUDGED_AFTER,
    NEWS_WITHIN,
    Judgement,
    Rollout,
    cap_of,
    is_proving,
    judge_at,
)
from fillwright.core.settings import RolloutSettings
from fillwright.core.types import SECOND, Time
from tests.core.builders import D

GUARD = RolloutSettings(clean_trades=10, caps=(D(50), D(100)))


@pytest.mark.parametrize(
    ("clean", "lifted_at", "cap"),
    [(0, 0, 50), (9, 0, 50), (10, 0, 100), (99, 0, 100), (10, 1, None), (0, 1, None)],
)
def test_caps_follow_each_other(clean: int, lifted_at: Time, cap: int | None) -> None:
    """§8: 10 clean trades; caps 50, then 100 quote."""
    assert cap_of(GUARD, Rollout(clean_trades=clean, lifted_at=lifted_at)) == cap


def test_without_caps_there_is_none() -> None:
    assert cap_of(RolloutSettings(clean_trades=10), Rollout()) is None
    assert cap_of(RolloutSettings(), Rollout()) is None


def test_an_account_proves_itself_until_its_clean_trades_are_made() -> None:
    assert is_proving(GUARD, Rollout(clean_trades=9))
    assert not is_proving(GUARD, Rollout(clean_trades=10))
    assert not is_proving(RolloutSettings(), Rollout())


def test_clean_is_without_reasons_against_it() -> None:
    assert Judgement(1, "BTCUSDT", (), 5).clean
    assert not Judgement(1, "BTCUSDT", ("its stop was never live",), 5).clean


def test_the_books_are_read_at_once_for_a_closed_trade_and_ever_later_while_that_decides_nothing() -> None:
    rollout = Rollout(closed={1: 100 * SECOND, 2: 200 * SECOND})
    assert judge_at(rollout, 90 * SECOND) == 100 * SECOND + NEWS_WITHIN
    assert judge_at(rollout, 101 * SECOND) == 101 * SECOND + JUDGED_AFTER
    assert judge_at(rollout, 160 * SECOND) == 190 * SECOND
