"""What users' records must say, worked out from the journal's events alone: no ledger, no position, no SQL.

A second, plain reading of the rules of cost and state, for stores to be compared with.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from fillwright.core import events as ev
from fillwright.core.types import Leg

EXACT = Context(prec=80)
CENT = Decimal("1e-18")
ZERO = Decimal(0)


def rounded(number: Decimal) -> Decimal:
    """To 18 decimals, half-even."""
    return number.quantize(CENT, context=EXACT)


class Orders:
    """Orders by id, as their events tell."""

    def __init__(self, records: list[ev.Record]) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        for record in records:
            event = record.event
            if isinstance(event, ev.OrderSubmitted):
                self.orders[event.id] = {
                    "id": event.id,
                    "position_id": event.position_id,
                    "leg": event.leg,
                    "side": event.side.value,
                    "symbol": event.symbol,
                    "original_quantity": event.quantity,
                    "exchange_order_id": None,
                    "state": "Pending",
                    "created_at": record.time,
                    "updated_at": record.time,
                    "fills": [],
                    "reject_code": None,
                    "expiry_reason": None,
                }
            elif event.__class__.__name__.startswith("Order") and getattr(event, "id", "") in self.orders:
                self._change(self.orders[event.id], event, record.time)  # type: ignore[attr-defined]

    @staticmethod
    def _change(order: dict[str, Any], event: ev.Event, now: int) -> None:
        order["updated_at"] = now
        if isinstance(event, ev.OrderPlaced):
            order["exchange_order_id"] = event.exchange_order_id
            order["state"] = "PendingNew" if event.pending else "New"
            order["original_quantity"] = event.quantity or order["original_quantity"]
        elif isinstance(event, ev.OrderFilled | ev.OrderPartiallyFilled):
            order["fills"].append(event.fill)
            order["state"] = "Filled" if isinstance(event, ev.OrderFilled) else "PartiallyFilled"
        elif isinstance(event, ev.OrderRejected):
            order["state"], order["reject_code"] = "Rejected", event.code
        elif isinstance(event, ev.OrderExpired):
            order["state"], order["expiry_reason"] = "Expired", event.reason


def trades(records: list[ev.Record]) -> dict[int, dict[str, Any]]:
    """Trades by id: money on average cost, one execution after the other."""
    made: dict[int, dict[str, Any]] = {}
    whose = Orders(records).orders
    for record in records:
        event = record.event
        if isinstance(event, ev.PositionCreated):
            made[event.position_id] = {
                "symbol": event.symbol,
                "requested_quantity": event.quantity,
                "status": "PendingOpen",
                "ask": event.quote.ask,
                "held": ZERO,
                "cost": ZERO,
                "realized": ZERO,
                "bought": [],
                "sold": [],
                "order_time": record.time,
                "fill_time": None,
                "close_time": None,
                "exit_reason": None,
                "ai_signal_id": event.signal_id,
            }
        elif isinstance(event, ev.OrderFilled | ev.OrderPartiallyFilled):
            order = whose[event.id]
            _book(made[order["position_id"]], order["leg"] is Leg.ENTRY, event.fill, record.time)
        elif isinstance(event, ev.PositionOpened):
            made[event.position_id]["status"] = "Open"
        elif isinstance(event, ev.PositionClosing):
            made[event.position_id].update(status="PendingClose", exit_reason=event.reason)
        elif isinstance(event, ev.PositionClosed):
            made[event.position_id].update(status="Closed", close_time=record.time)
        elif isinstance(event, ev.PositionFailed):
            status = "Rejected" if event.status == "rejected" else "Cancelled"
            made[event.position_id].update(status=status, close_time=record.time, exit_reason=event.reason)
    return made


def _book(trade: dict[str, Any], entry: bool, fill: ev.Fill, now: int) -> None:
    base = trade["symbol"].removesuffix("USDT")
    paid_in_base = fill.commission if fill.commission_asset == base else ZERO
    paid_in_quote = ZERO if paid_in_base else fill.commission_quote
    value = EXACT.multiply(fill.price, fill.quantity)
    if entry:
        trade["bought"].append(fill)
        trade["fill_time"] = trade["fill_time"] or now
        trade["held"] += fill.quantity - paid_in_base
        trade["cost"] += value + paid_in_quote
        return
    trade["sold"].append(fill)
    gone = min(fill.quantity + paid_in_base, trade["held"])
    if gone == trade["held"]:
        share = trade["cost"]
    else:
        share = rounded(EXACT.divide(EXACT.multiply(trade["cost"], gone), trade["held"]))
    trade["realized"] += value - paid_in_quote - share
    trade["held"] -= gone
    trade["cost"] -= share


def average(fills: list[ev.Fill]) -> Decimal | None:
    """Average price of executions."""
    if not fills:
        return None
    value = sum((EXACT.multiply(fill.price, fill.quantity) for fill in fills), ZERO)
    return rounded(EXACT.divide(value, sum((fill.quantity for fill in fills), ZERO)))


def commissions(fills: list[ev.Fill]) -> dict[str, Decimal]:
    """What was paid, by asset."""
    paid: dict[str, Decimal] = {}
    for fill in fills:
        paid[fill.commission_asset] = paid.get(fill.commission_asset, ZERO) + fill.commission
    return paid
