"""What an account's stream tells, as Binance's JSON: executionReport, listStatus, balances; in Binance's order.

An event is made without its subscription, so that one serves all of an account's subscriptions in a time unit.
Source: Binance Spot "User Data Stream".
"""

from __future__ import annotations

from fillwright.core.types import ExecutionType, Time
from fillwright.exchange.messages import (
    NO_ID,
    AccountPosition,
    BalanceUpdate,
    ExchangeEvent,
    ExecutionReport,
    ListStatusReport,
)
from fillwright.exchange.server.shapes import Json, ToWire, number

_TRADE = ExecutionType.TRADE


def user_event(event: ExchangeEvent, event_time: Time, time: ToWire) -> Json:
    """An event of the exchange as the stream tells it; ``event_time`` (``E``) is when it is sent."""
    if isinstance(event, ExecutionReport):
        return execution_report(event, event_time, time)
    if isinstance(event, AccountPosition):
        return account_position(event, event_time, time)
    if isinstance(event, ListStatusReport):
        return list_status(event, event_time, time)
    return balance_update(event, event_time, time)


def execution_report(report: ExecutionReport, event_time: Time, time: ToWire) -> Json:
    """One step in an order's life (``executionReport``)."""
    commission = number(report.commission) if report.trade_id != NO_ID else "0"
    body: Json = {
        "e": "executionReport",
        "E": time(event_time),
        "s": report.symbol,
        "c": report.client_order_id,
        "S": report.side,
        "o": report.type,
        "f": report.time_in_force,
        "q": number(report.quantity),
        "p": number(report.price),
        "P": number(report.stop_price),
        "F": number(report.iceberg_quantity),
        "g": report.order_list_id,
        "C": report.orig_client_order_id,
        "x": report.execution_type,
        "X": report.status,
        "r": report.reject_reason,
        "i": report.order_id,
        "l": number(report.last_quantity),
        "z": number(report.executed_quantity),
        "L": number(report.last_price),
        "n": commission,
        "N": report.commission_asset,
        "T": time(report.time),
        "t": report.trade_id,
    }
    if report.prevented_match_id is not None:
        body["v"] = report.prevented_match_id
    body["I"] = report.execution_id
    body["w"] = report.is_working
    body["m"] = report.is_maker
    body["M"] = report.execution_type is _TRADE
    body["O"] = time(report.order_time)
    body["Z"] = number(report.executed_quote)
    body["Y"] = number(report.last_quote)
    body["Q"] = number(report.quote_order_quantity)
    if report.working_time is not None:
        body["W"] = time(report.working_time)
    body["V"] = report.stp
    _add_conditional(body, report, time)
    return body


def _add_conditional(body: Json, report: ExecutionReport, time: ToWire) -> None:
    if report.trailing_delta is not None:
        body["d"] = report.trailing_delta
        body["D"] = NO_ID if report.trailing_time is None else time(report.trailing_time)
    if report.strategy_id is not None:
        body["j"] = report.strategy_id
    if report.strategy_type is not None:
        body["J"] = report.strategy_type
    for name, amount in (
        ("A", report.prevented_quantity),
        ("B", report.last_prevented_quantity),
        ("pl", report.last_prevented_quantity),
        ("pL", report.last_prevented_price),
        ("pY", report.last_prevented_quote),
    ):
        if amount is not None:
            body[name] = number(amount)
    if report.trade_group_id is not None:
        body["u"] = report.trade_group_id
    if report.counter_order_id is not None:
        body["U"] = report.counter_order_id
        body["Cs"] = report.counter_symbol
    if report.expiry_reason is not None:
        body["eR"] = report.expiry_reason


def account_position(position: AccountPosition, event_time: Time, time: ToWire) -> Json:
    """Balances that possibly changed (``outboundAccountPosition``)."""
    return {
        "e": "outboundAccountPosition",
        "E": time(event_time),
        "u": time(position.time),
        "B": [{"a": one.asset, "f": number(one.free), "l": number(one.locked)} for one in position.balances],
    }


def balance_update(update: BalanceUpdate, event_time: Time, time: ToWire) -> Json:
    """A deposit or a withdrawal (``balanceUpdate``)."""
    return {
        "e": "balanceUpdate",
        "E": time(event_time),
        "a": update.asset,
        "d": number(update.delta),
        "T": time(update.time),
    }


def list_status(report: ListStatusReport, event_time: Time, time: ToWire) -> Json:
    """A change of an order list (``listStatus``)."""
    return {
        "e": "listStatus",
        "E": time(event_time),
        "s": report.symbol,
        "g": report.order_list_id,
        "c": report.contingency,
        "l": report.status,
        "L": report.order_status,
        "r": report.reject_reason,
        "C": report.list_client_order_id,
        "T": time(report.time),
        "O": [{"s": one.symbol, "i": one.order_id, "c": one.client_order_id} for one in report.legs],
    }


def stream_terminated(event_time: Time, time: ToWire) -> Json:
    """The subscription has ended (``eventStreamTerminated``)."""
    return {"e": "eventStreamTerminated", "E": time(event_time)}
