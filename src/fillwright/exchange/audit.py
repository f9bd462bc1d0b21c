"""The auditor: recomputes from scratch what must hold, independently of the code that moved the money."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.types import CONTEXT, ZERO, AccountId, Asset, Side
from fillwright.exchange.orders import OrderList
from fillwright.exchange.state import State


def audit(state: State) -> tuple[str, ...]:
    """Name every discrepancy: sums per asset, negative balances, locks, indexes."""
    return (*_sums(state), *_negatives(state), *_locks(state), *_open_orders(state), *_lists(state))


def _sums(state: State) -> list[str]:
    totals: dict[Asset, Decimal] = {}
    for account in state.accounts.values():
        for asset, balance in account.balances.items():
            total = CONTEXT.add(totals.get(asset, ZERO), balance.free)
            totals[asset] = CONTEXT.add(total, balance.locked)
    for book in (state.house, state.outside):
        for asset, amount in book.items():
            totals[asset] = CONTEXT.add(totals.get(asset, ZERO), amount)
    problems = []
    for asset in {**totals, **state.issued}:
        total, issued = totals.get(asset, ZERO), state.issued.get(asset, ZERO)
        if total != issued:
            problems.append(f"{asset}: all balances sum to {total}, {issued} were issued")
    return problems


def _negatives(state: State) -> list[str]:
    return [
        f"{account.account_id}: {asset} is negative: {balance.free} free, {balance.locked} locked"
        for account in state.accounts.values()
        for asset, balance in account.balances.items()
        if balance.free < ZERO or balance.locked < ZERO
    ]


def _locks(state: State) -> list[str]:
    """Locks follow from open orders alone: each order's own, one per untouched pair, what OPOs received."""
    wanted: dict[tuple[AccountId, Asset], Decimal] = {}
    problems = []

    def add(account_id: AccountId, asset: Asset, amount: Decimal) -> None:
        wanted[account_id, asset] = CONTEXT.add(wanted.get((account_id, asset), ZERO), amount)

    for account in state.accounts.values():
        for order in account.open.values():
            instrument = state.markets[order.symbol].instrument
            asset = instrument.quote if order.side is Side.BUY else instrument.base
            add(account.account_id, asset, order.locked)
            order_list = state.lists.get(order.order_list_id)
            waits = order_list is not None and order.order_id in order_list.pending
            shared = waits and order_list is not None and (not order_list.is_released or order_list.locked)
            if not shared and order.locked != order.lock_needed():
                problems.append(f"order {order.order_id} locks {order.locked}, needs {order.lock_needed()}")
        for number in account.open_lists:
            one = state.lists[number]
            instrument = state.markets[one.symbol].instrument
            side = state.orders[one.pending[0]].side
            add(account.account_id, instrument.quote if side is Side.BUY else instrument.base, one.locked)
            add(account.account_id, instrument.base, one.received)
            needed = _pair_need(state, one)
            if needed is not None and one.locked != needed:
                problems.append(f"list {number} locks {one.locked}, needs {needed}")
        for asset, balance in account.balances.items():
            amount = wanted.get((account.account_id, asset), ZERO)
            if amount != balance.locked:
                problems.append(
                    f"{account.account_id}: {balance.locked} {asset} locked, orders need {amount}"
                )
    return problems


def _pair_need(state: State, order_list: OrderList) -> Decimal | None:
    legs = [state.orders[number] for number in order_list.pending]
    if not order_list.is_released or len(legs) < 2 or not all(leg.is_open for leg in legs):
        return None
    return max(leg.lock_needed() for leg in legs)


def _open_orders(state: State) -> list[str]:
    problems = []
    for account in state.accounts.values():
        by_symbol = {number for mine in account.open_by_symbol.values() for number in mine}
        if by_symbol != account.open.keys():
            problems.append(
                f"{account.account_id}: {len(by_symbol)} open by symbol, {len(account.open)} in all"
            )
    for order in state.orders.values():
        listed = order.order_id in state.accounts[order.account_id].open
        if listed is not order.is_open:
            problems.append(f"order {order.order_id} is {order.status}, listed as open: {listed}")
        if order.is_open and order.remaining <= ZERO and order.quantity > ZERO:
            problems.append(f"order {order.order_id} is open with nothing left")
    return problems


def _lists(state: State) -> list[str]:
    problems = []
    for number, order_list in state.lists.items():
        is_open = any(leg.is_open for leg in state.legs(order_list))
        listed = number in state.accounts[order_list.account_id].open_lists
        if not is_open == listed == order_list.is_open:
            problems.append(f"list {number}: legs open {is_open}, listed {listed}, {order_list.order_status}")
    return problems
