"""The judge: what must hold at the end of every story, recomputed from the exchange's books and the journal."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.positions import HOLDING, Position
from fillwright.core.requests import CancelReplaceRequest, Request
from fillwright.core.state import Ledger, State
from fillwright.core.types import (
    SECOND,
    STOP_TYPES,
    ZERO,
    OrderState,
    OrderType,
    PositionStatus,
    Side,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.messages import OrderView
from fillwright.replay.verification import verify
from fillwright.venues.in_process import balances

if TYPE_CHECKING:
    from tests.sim.harness import World

REQUESTS_PER_SECOND_MAX = 12
"""Requests for one position in one second of virtual time; more is a loop of retries."""
REQUESTS_MAX = 60
"""Requests for one position in a whole story."""


class Judge:
    """Looks at a world that has come to rest."""

    def __init__(self, world: World) -> None:
        self.world = world

    def problems(self) -> list[str]:
        """Everything that is not as it must be."""
        return [
            *self.world.exchange.audit(),
            *self._orders(),
            *self._balances(),
            *self._positions(),
            *self._intents(),
            *self._requests(),
            *self._journal(),
            *self._money(),
        ]

    def _orders(self) -> list[str]:
        """Our open orders are the exchange's, and nothing is in doubt."""
        ledger = self.world.engine.ledger
        problems = [
            f"{order.id} has been in doubt since {order.doubt.since - self.world.start}: {order.doubt}"
            for order in ledger.doubts.values()
            if order.doubt is not None
        ]
        theirs = {
            view.client_order_id: view for view in self.world.exchange.open_orders(self.world.account_id)
        }
        for name, order in ledger.open_orders.items():
            view = theirs.pop(name, None)
            if view is None:
                problems.append(f"{name} is {order.state} here, not open at the exchange")
                continue
            state = {
                VenueOrderStatus.NEW: OrderState.ACCEPTED,
                VenueOrderStatus.PENDING_NEW: OrderState.PENDING_NEW,
                VenueOrderStatus.PARTIALLY_FILLED: OrderState.PARTIALLY_FILLED,
            }[view.status]
            if order.state is not state:
                problems.append(f"{name} is {order.state} here, {view.status} at the exchange")
            if (order.quantity or ZERO, order.executed_quantity) != (view.quantity, view.executed_quantity):
                problems.append(f"{name}: {order.executed_quantity} of {order.quantity} here, {view}")
        for name in theirs:
            parsed = parse_client_order_id(name)
            if parsed is not None and parsed[0] == self.world.tag:
                problems.append(f"{name} is open at the exchange, not here")
        return problems

    def _balances(self) -> list[str]:
        portfolio = self.world.engine.state.portfolio
        problems = []
        for asset, free, locked in balances(self.world.exchange.balances(self.world.account_id)):
            ours = portfolio.balances.get(asset)
            if ours is None:
                if free or locked:
                    problems.append(f"{asset}: nothing here, {free} + {locked} at the exchange")
            elif (ours.free, ours.locked) != (free, locked):
                problems.append(f"{asset}: {ours.free} + {ours.locked} here, {free} + {locked}")
            elif ours.ledger != free + locked:
                problems.append(f"{asset}: {ours.ledger} by executions, {free + locked} at the exchange")
        if portfolio.reserved != sum(
            (o.reserved for o in self.world.engine.ledger.open_orders.values()), ZERO
        ):
            problems.append(f"{portfolio.reserved} are reserved, open orders need less or more")
        if portfolio.in_flight:
            problems.append(f"{portfolio.in_flight} are in flight")
        for symbol, owned in portfolio.owned.items():
            mine = [p.quantity for p in self.world.engine.state.positions.values() if p.symbol == symbol]
            held = sum(
                (p.quantity for p in self.world.engine.ledger.open_positions.values() if p.symbol == symbol),
                ZERO,
            )
            if owned != held:
                problems.append(f"{symbol}: {owned} owned, positions hold {held} ({mine})")
            base = self.world.engine.state.instruments[symbol].base
            balance = portfolio.balances.get(base)
            if balance is None or owned > balance.ledger:
                problems.append(f"{symbol}: positions own {owned}, the account holds {balance}")
        return problems

    def _positions(self) -> list[str]:
        problems = []
        for position in self.world.engine.ledger.open_positions.values():
            problems += self._position(position)
        return problems

    def _position(self, position: Position) -> list[str]:
        """A position with sellable coins has live stops over them at the exchange, unless a rule lets it be."""
        name = f"position {position.id} ({position.status})"
        open_orders = [
            view
            for view in self.world.exchange.open_orders(self.world.account_id, position.symbol)
            if (parsed := parse_client_order_id(view.client_order_id)) is not None
            and parsed[1] == position.id
        ]
        if position.status not in HOLDING:
            if not any(view.side is Side.BUY for view in open_orders):
                return [f"{name} has neither coins nor a working entry"]
            return []
        instrument = self.world.engine.state.instruments[position.symbol]
        bid = self.world.engine.bids[position.symbol]
        if position.exit_blocked or not instrument.is_sellable(
            position.quantity, min(bid, position.stop_loss or bid)
        ):
            return []
        if position.status is PositionStatus.CLOSING:
            resting = [view for view in open_orders if view.type is OrderType.LIMIT_MAKER]
            return [] if resting else [f"{name} is closing, and nothing works for it"]
        stops = sum(
            (
                view.quantity - view.executed_quantity
                for view in open_orders
                if view.type in STOP_TYPES and view.status is not VenueOrderStatus.PENDING_NEW
            ),
            ZERO,
        )
        problems = []
        if stops - position.quantity >= instrument.lot_size.step:
            problems.append(f"{name}: stops would sell {stops} of {position.quantity}")
        surplus = position.quantity - stops
        if position.stop_loss is not None and instrument.is_sellable(surplus, position.stop_loss):
            problems.append(f"{name}: {surplus} of {position.quantity} without a live stop")
        for view in open_orders:
            if view.type in STOP_TYPES and not view.trailing_delta and view.stop_price != position.stop_loss:
                last = self.world.engine.quotes[position.symbol].last
                if (
                    position.stop_loss is not None
                    and last - 2 * instrument.price_filter.tick < position.stop_loss
                ):
                    continue  # too near to the price to be moved to
                problems.append(f"{name}: stop at {view.stop_price}, meant {position.stop_loss}")
        if not problems and position.unprotected_since:
            problems.append(f"{name} is protected, and thought not to be")
        return problems

    def _intents(self) -> list[str]:
        """One intent, one order: no id was submitted twice, none executed twice, none more than was intended."""
        problems = []
        intended: dict[str, ev.OrderSubmitted] = {}
        for event in self.world.events(ev.OrderSubmitted):
            assert isinstance(event, ev.OrderSubmitted)
            if event.resent:
                if event.id not in intended:
                    problems.append(f"{event.id} was sent again, and never before")
            elif event.id in intended:
                problems.append(f"{event.id} was submitted twice")
            intended.setdefault(event.id, event)
        executed: dict[str, list[OrderView]] = {}
        for view in self.world.orders_at_exchange():
            parsed = parse_client_order_id(view.client_order_id)
            if parsed is None or parsed[0] != self.world.tag:
                continue
            if view.client_order_id not in intended:
                problems.append(f"{view.client_order_id} is at the exchange and was never intended")
            if view.executed_quantity:
                executed.setdefault(view.client_order_id, []).append(view)
        for name, views in executed.items():
            if len(views) > 1:
                problems.append(f"{name} was executed {len(views)} times")
            order = self.world.engine.state.orders.get(name)
            if order is not None and order.executed_quantity != views[0].executed_quantity:
                problems.append(
                    f"{name}: {order.executed_quantity} executed here, {views[0].executed_quantity} there"
                )
        for position_id, sold in self._sold().items():
            position = self.world.engine.state.positions.get(position_id)
            if position is not None and sold > position.entry_quantity:
                problems.append(f"position {position_id} sold {sold} of {position.entry_quantity}")
        return problems

    def _sold(self) -> dict[int, Decimal]:
        sold: dict[int, Decimal] = {}
        for view in self.world.orders_at_exchange():
            parsed = parse_client_order_id(view.client_order_id)
            if parsed is not None and parsed[0] == self.world.tag and parsed[1] and view.side is Side.SELL:
                sold[parsed[1]] = sold.get(parsed[1], ZERO) + view.executed_quantity
        return sold

    def _requests(self) -> list[str]:
        """No storms: a refusal is not answered by the same request at once, again and again."""
        per_second: dict[tuple[int, int], int] = {}
        for time, request in self.world.requests:
            key = (time // SECOND, _position_of(request))
            if key[1]:  # orders by hand are as many as somebody places
                per_second[key] = per_second.get(key, 0) + 1
        storms = [
            f"{count} requests for position {position} in second {second - self.world.start // SECOND}"
            for (second, position), count in per_second.items()
            if count > REQUESTS_PER_SECOND_MAX
        ]
        totals: dict[int, int] = {}
        for (_, position), count in per_second.items():
            totals[position] = totals.get(position, 0) + count
        return storms + [
            f"{count} requests for position {position} in all"
            for position, count in totals.items()
            if count > REQUESTS_MAX
        ]

    def _journal(self) -> list[str]:
        """The journal, applied from the beginning, gives the very state."""
        again = Ledger(State())
        for record in self.world.records:
            apply(again, record)
        if again.dump() == self.world.engine.ledger.dump():
            return []
        ours = msgspec.json.decode(msgspec.json.encode(self.world.engine.state))
        theirs = msgspec.json.decode(msgspec.json.encode(again.state))
        return [f"replayed state differs: {line}" for line in _differences("", ours, theirs)] or [
            "replayed state differs in its order"
        ]

    def _money(self) -> list[str]:
        """Realised results, commissions and averages by exact fractions."""
        held = balances(self.world.exchange.balances(self.world.account_id))
        found = verify(self.world.records, self.world.engine.ledger, held)
        problems = list(found.differences)
        if found.filter_rejections:
            problems.append(f"{found.filter_rejections} rejections that filters foresee")
        return problems


def _position_of(request: Request) -> int:
    if isinstance(request, CancelReplaceRequest):
        return _position_of(request.order)
    names = [
        getattr(request, name, None)
        for name in ("client_order_id", "list_client_order_id", "orig_client_order_id")
    ]
    parsed = parse_client_order_id(next(name for name in names if name))
    assert parsed is not None
    return parsed[1]


def _differences(path: str, ours: Any, theirs: Any) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in dict.fromkeys((*ours, *theirs))
            for line in _differences(f"{path}.{key}", ours.get(key), theirs.get(key))
        ]
    return [] if ours == theirs else [f"{path}: {ours} lived, {theirs} replayed"]
