"""The auditor finds what is planted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fillwright.core.types import VenueOrderStatus
from fillwright.exchange.state import State
from tests.exchange.builders import BUY, D, an_exchange, an_oco, an_opoco, limit


def steal(state: State) -> None:
    state.accounts["a"].balance("USDT").free -= 1


def overdraw(state: State) -> None:
    for account, sign in (("a", -1), ("b", 1)):
        state.accounts[account].balance("USDT").free += sign * D(100_000)


def unlock(state: State) -> None:
    state.accounts["a"].unlock("USDT", D(1))


def shrink_a_lock(state: State) -> None:
    state.accounts["a"].unlock("BTC", D(1))
    state.lists[1].locked -= 1


def forget_to_close(state: State) -> None:
    state.orders[1].status = VenueOrderStatus.FILLED


def leave_nothing(state: State) -> None:
    state.accounts["a"].unlock("USDT", state.orders[3].locked)
    state.orders[3].locked = D(0)
    state.orders[3].executed = state.orders[3].quantity


def close_a_list(state: State) -> None:
    state.accounts["a"].open_lists.clear()


@pytest.mark.parametrize(
    ("crime", "trace"),
    [
        (steal, "USDT: all balances sum to 19999"),
        (overdraw, "a: USDT is negative"),
        (unlock, "USDT locked, orders need"),
        (shrink_a_lock, "list 1 locks 1, needs 2"),
        (forget_to_close, "order 1 is FILLED, listed as open: True"),
        (leave_nothing, "order 3 is open with nothing left"),
        (close_a_list, "list 1: legs open True, listed False"),
    ],
)
def test_each_crime_leaves_a_trace(crime: Callable[[State], None], trace: str) -> None:
    exchange = an_exchange()
    exchange.execute("a", an_oco("2"), 5)
    exchange.execute("a", limit(BUY, "1", "90"), 5)
    exchange.execute("a", an_opoco(price="95"), 5)
    assert exchange.audit() == ()
    crime(exchange._state)
    assert any(trace in problem for problem in exchange.audit()), exchange.audit()
