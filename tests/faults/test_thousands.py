"""Executions that fail although nothing goes wrong: fewer than one in a thousand orders, of every plan and type."""

from __future__ import annotations

import pytest

from fillwright.core.types import OrderType, Protection
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from tests.faults.thousands import ARMED_MAX, PARTLY_ARMED_MAX, Failures, deal
from tests.warp import warped

RATE_MAX = 0.001
SLICE, WHOLE = 300, 10_000
PLANS = (Protection.OPOCO, Protection.OPO, Protection.OTOCO, Protection.OTO, Protection.OCO, Protection.STOP)


def judged(orders: int, seed: int, *, over_websocket: bool = True) -> Failures:
    found = warped(deal(orders, seed, over_websocket=over_websocket))
    assert found.orders >= orders
    assert found.rate < RATE_MAX, "\n".join([str(found), *found.failed[:20]])
    return found


@pytest.mark.parametrize("over_websocket", [True, False], ids=["websocket", "rest"])
def test_three_hundred_orders(over_websocket: bool) -> None:
    found = judged(SLICE, 1, over_websocket=over_websocket)
    assert not found.failed, found.failed


def test_what_fails_is_counted() -> None:
    refused = CallFault(
        endpoint="orderList.place.*", outcome=Outcome.REFUSED, code=-2010, message="no", skip=5, times=2
    )
    lost = CallFault(endpoint="order.place", outcome=Outcome.LOST, skip=3, times=1)
    found = warped(deal(100, 1, faults=(refused, lost)))
    assert found.rate > RATE_MAX
    told = "\n".join(found.failed)
    assert "OrderRejected" in told
    assert "PositionFailed" in told
    assert "OrderUnknown" in told


@pytest.mark.long
def test_ten_thousand_orders(capsys: pytest.CaptureFixture[str]) -> None:
    found = judged(WHOLE, 2)
    with capsys.disabled():
        print(f"\n{found}; {found.lost_races} requests met a market that was quicker")  # noqa: T201
    for plan in PLANS:
        assert found.kinds[f"{plan} {OrderType.LIMIT}"] > 100, (plan, found.kinds)
        longest = max(found.naked[plan])
        assert longest <= PARTLY_ARMED_MAX, (plan, longest)
        quick = sorted(found.naked[plan])[len(found.naked[plan]) // 2]
        assert quick <= ARMED_MAX / 10, (plan, quick)
    for type_ in OrderType:
        assert sum(count for kind, count in found.kinds.items() if kind.endswith(f" {type_}")) > 100, type_
