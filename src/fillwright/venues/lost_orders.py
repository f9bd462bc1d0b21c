"""What Binance remembers of a ledger that was lost: the orders of its tag, those of open positions with executions.

Read are the newest thousand orders of each symbol, beside those that are open. An entry that is older than these is
asked for by its name. Source: Binance Spot REST "Account endpoints".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fillwright.core.effects import QueryOrder
from fillwright.core.inputs import OrderReport
from fillwright.core.types import VENUE_FINAL, ZERO, Leg, Side, Symbol, client_order_id, parse_client_order_id
from fillwright.venues.binance_reading import Reader
from fillwright.wire.orders import OrderView

ENTRY_TRIES = 3
"""An entry is asked for under so many attempts."""
SOLD = Decimal("0.99")
"""Of what was bought: a position of which so much was sold has ended, the rest is commissions and dust."""
Key = tuple[Symbol, int]


async def remembered(
    reader: Reader, tag: str, symbols: Sequence[Symbol], open_orders: Sequence[OrderReport]
) -> list[OrderReport]:
    """The orders of a tag that are not among the open ones; of ended positions without their executions."""
    known = {(one.symbol, one.order_id) for one in open_orders}
    live = {
        number: one.symbol for one in open_orders if (number := _number(one.client_order_id, tag)) is not None
    }
    found: list[OrderReport] = []
    for symbol in symbols:
        views = [
            view
            for view in await reader.newest(symbol)
            if _number(view.client_order_id, tag) is not None and (symbol, view.order_id) not in known
        ]
        unsold = _unsold(views, tag)
        for view in views:
            number = _number(view.client_order_id, tag)
            with_fills = number in live or number in unsold
            told = await reader.reported(view) if with_fills else reader.without_fills(view)
            if told is not None:
                found.append(told)
    entries = {number for one in (*open_orders, *found) if (number := _entry_of(one, tag)) is not None}
    for number, symbol in live.items():
        if number and number not in entries:
            found += await _entry(reader, tag, number, symbol)
    return found


def _number(name: str, tag: str) -> int | None:
    """The position of an order of ours."""
    parsed = parse_client_order_id(name)
    return parsed[1] if parsed is not None and parsed[0] == tag else None


def _entry_of(order: OrderReport, tag: str) -> int | None:
    parsed = parse_client_order_id(order.client_order_id)
    return parsed[1] if parsed is not None and parsed[0] == tag and parsed[2] is Leg.ENTRY else None


def _unsold(views: Sequence[OrderView], tag: str) -> set[int]:
    """Positions that have bought more than they sold."""
    bought: dict[int, Decimal] = {}
    sold: dict[int, Decimal] = {}
    for view in views:
        number = _number(view.client_order_id, tag)
        if number is not None:
            sums = bought if view.side == Side.BUY else sold
            sums[number] = sums.get(number, ZERO) + view.executed_quantity
    return {number for number, amount in bought.items() if sold.get(number, ZERO) < amount * SOLD}


async def _entry(reader: Reader, tag: str, number: int, symbol: Symbol) -> list[OrderReport]:
    """An entry's attempts, by their names."""
    found = []
    for attempt in range(1, ENTRY_TRIES + 1):
        name = client_order_id(tag, number, Leg.ENTRY, attempt)
        told = await reader.about(QueryOrder(symbol, name))
        if isinstance(told, OrderReport) and (told.executed_quantity or told.status not in VENUE_FINAL):
            found.append(told)
    return found
