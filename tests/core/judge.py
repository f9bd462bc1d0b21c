"""What must hold of an engine at any time, whatever its venue says."""

from __future__ import annotations

import decimal
from collections.abc import Iterable
from decimal import Decimal

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.state import Ledger, State
from fillwright.core.types import CONTEXT, FINAL_STATES, ZERO, OrderState, Side


class Judge:
    """Follows the journal of one engine: a second reading of it, and what may never run backwards."""

    def __init__(self) -> None:
        self.shadow = Ledger(State())
        self.executed: dict[str, Decimal] = {}
        self.final: dict[str, OrderState] = {}
        self.trades: set[tuple[str, int]] = set()
        self.cash: dict[int, Decimal] = {}
        self.outside: dict[int, Decimal] = {}
        """Cost of coins that left without an order of ours."""

    def read(self, records: Iterable[ev.Record], ledger: Ledger) -> None:
        """Take new records in, and compare what they make with what the engine has."""
        with decimal.localcontext(CONTEXT):
            for record in records:
                apply(self.shadow, record)
                if isinstance(record.event, ev.OrderFilled | ev.OrderPartiallyFilled):
                    self._book(record.event)
                elif isinstance(record.event, ev.PositionReduced):
                    number = record.event.position_id
                    self.outside[number] = self.outside.get(number, ZERO) + record.event.cost
            assert self.shadow.dump() == ledger.dump(), "the journal gives another state"
            self._orders(ledger)
            self._money(ledger)
            self._indexes(ledger)

    def _book(self, event: ev.OrderFilled | ev.OrderPartiallyFilled) -> None:
        key = (event.id, event.fill.trade_id)
        assert key not in self.trades, f"{key} was booked twice"
        self.trades.add(key)
        order = self.shadow.state.orders[event.id]
        position = self.shadow.state.positions.get(order.position_id)
        fill = event.fill
        in_base = position is not None and fill.commission_asset == position.base
        fee = ZERO if in_base else fill.commission_quote
        cash = (fill.quote if order.side is Side.SELL else -fill.quote) - fee
        self.cash[order.position_id] = self.cash.get(order.position_id, ZERO) + cash

    def _orders(self, ledger: Ledger) -> None:
        for order in ledger.state.orders.values():
            assert order.executed_quantity >= self.executed.get(order.id, ZERO), f"{order.id} lost executions"
            self.executed[order.id] = order.executed_quantity
            if order.quantity is not None:
                assert order.remaining >= ZERO, f"{order.id} executed more than its size"
            was = self.final.get(order.id)
            if was in (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED):
                assert order.state in FINAL_STATES, f"{order.id} came back from {was} to {order.state}"
                if was is OrderState.FILLED:
                    assert order.state is OrderState.FILLED
            if order.is_final:
                self.final[order.id] = order.state

    def _money(self, ledger: Ledger) -> None:
        """Sum of realised, less the cost of what is left (dust too), is the change in cash."""
        portfolio = ledger.state.portfolio
        closed = ZERO
        for position in ledger.state.positions.values():
            left = position.cost + position.dust_cost
            cash = self.cash.get(position.id, ZERO) + self.outside.get(position.id, ZERO)
            assert position.realized - left == cash, f"position {position.id}"
            assert position.quantity >= ZERO
            if position.closed_at:
                closed += position.realized
        assert portfolio.realized == closed
        owned = sum((p.quantity for p in ledger.state.positions.values()), ZERO)
        assert sum(portfolio.owned.values(), ZERO) == owned
        assert portfolio.dust_cost == sum((p.dust_cost for p in ledger.state.positions.values()), ZERO)
        reserved = sum((o.reserved for o in ledger.state.orders.values()), ZERO)
        assert portfolio.reserved == reserved
        assert portfolio.reserved >= ZERO

    def _indexes(self, ledger: Ledger) -> None:
        again = Ledger.load(ledger.dump())
        for name in ("open_orders", "open_positions", "waiting_signals", "doubts"):
            ours, theirs = getattr(ledger, name), getattr(again, name)
            assert sorted(ours) == sorted(theirs), name
        assert ledger.by_exchange_id == again.by_exchange_id
        for position in ledger.state.positions.values():
            for name in position.open_order_ids:
                assert name in ledger.open_orders
        for order in ledger.open_orders.values():
            position = ledger.state.positions.get(order.position_id)
            assert position is None or order.id in position.open_order_ids
