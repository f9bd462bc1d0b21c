"""The admin door's actions on the service itself: faults, limits, connections, state, audit."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import msgspec

from fillwright import __version__
from fillwright.exchange.messages import ExchangeError, OrderView
from fillwright.exchange.server.admin_messages import (
    AuditTold,
    Ban,
    ChangeConnections,
    ConnectionAction,
    Done,
    RemoveFaults,
    SetLimits,
    StatusTold,
    ToldOtherwise,
    Wish,
)
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import CallFault, Rule, StreamEventFault
from fillwright.exchange.server.ledger import Entry
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.settings import LimitSettings
from fillwright.exchange.server.tape_source import TapeSource
from fillwright.exchange.server.user_streams import EVENT_NAMES

TOLD_MAX = 1_000
"""Faulted requests that one audit lists, the newest."""


def status(box: Box, _wish: Wish) -> StatusTold:
    """How the server is doing."""
    sockets, desk = box.sockets, box.desk
    return StatusTold(
        version=__version__,
        now=box.now,
        is_frozen=box.clock.is_frozen,
        source=box.settings.market.source.value,
        has_ended=isinstance(box.source, TapeSource) and box.source.has_ended,
        symbols=len(box.exchange.symbols),
        accounts=box.exchange.account_ids,
        keys=len(box.keys.all()),
        connections=0 if sockets is None else len(sockets),
        faults=sum(not rule.is_spent for rule in box.faults.rules),
        is_saved=box.saved in (None, box.changes),
        requests=box.ledger.answers,
        failures=(0 if sockets is None else sockets.failures) + (0 if desk is None else desk.internal_errors),
        bans=box.limits.bans(box.now),
    )


# -- faults ------------------------------------------------------------------------------------------------------


def faults(box: Box, _wish: Wish) -> list[CallFault | StreamEventFault]:
    """All faults that are installed, with how often each has hit."""
    return box.faults.rules


def add_fault(box: Box, rule: CallFault | StreamEventFault) -> Done:
    """Install a fault after those that are there; one that could never hit is refused."""
    if rule.account_id is not None and not box.exchange.has_account(rule.account_id):
        raise ValueError(f"there is no account {rule.account_id!r}")
    if isinstance(rule, StreamEventFault):
        if rule.event not in ("*", *EVENT_NAMES):
            raise ValueError(f"no event is {rule.event!r}; there are {', '.join(EVENT_NAMES)}, and * for all")
    elif box.desk is not None and not box.desk.can_meet(rule):
        raise ValueError(
            f"no request is {rule.endpoint!r}: give a method of the WebSocket API (order.place), a beginning"
            f" (order.*), a security ({', '.join(one.value for one in Security)}), or * for all"
        )
    number = box.faults.install(rule)
    if rule.for_us:
        box.at(box.now + rule.for_us, lambda _: _forget(box, number))
    return Done(now=box.now, number=number)


def _forget(box: Box, number: int) -> None:
    box.faults.remove(number)


def remove_faults(box: Box, wish: RemoveFaults) -> Done:
    """Remove one fault, or all."""
    removed = box.faults.remove(wish.number)
    if wish.number is not None and not removed:
        raise ValueError(f"there is no fault {wish.number}")
    return Done(now=box.now, number=removed)


# -- limits ------------------------------------------------------------------------------------------------------


def limits(box: Box, _wish: Wish) -> LimitSettings:
    """The limits."""
    return box.limits.settings


def set_limits(box: Box, wish: SetLimits) -> LimitSettings:
    """Change limits; what was used so far is forgotten."""
    changed = {name: value for name in wish.__struct_fields__ if (value := getattr(wish, name)) is not None}
    box.limits.replace(msgspec.structs.replace(box.limits.settings, **changed))
    return box.limits.settings


def ban(box: Box, wish: Ban) -> Done:
    """Ban an address, or lift its ban."""
    ip_address(wish.ip)
    if wish.for_us <= 0:
        box.limits.pardon(wish.ip)
        return Done(now=box.now)
    box.limits.ban(wish.ip, box.now + wish.for_us)
    cut = 0 if box.sockets is None else box.sockets.disconnect_ip(wish.ip)
    return Done(now=box.now, number=cut)


# -- connections ---------------------------------------------------------------------------------------------------


def connections(box: Box, _wish: Wish) -> list[dict[str, Any]]:
    """All WebSocket connections."""
    return [] if box.sockets is None else [session.describe() for session in box.sockets]


def change_connections(box: Box, wish: ChangeConnections) -> Done:
    """Cut, mute or shut down connections."""
    meant = [
        session
        for session in box.sockets or ()
        if wish.number in (None, session.number) and wish.kind in (None, session.kind)
    ]
    if wish.number is not None and not meant:
        raise ValueError(f"there is no connection {wish.number}")
    for session in meant:
        if wish.action is ConnectionAction.CUT:
            session.abort()
        elif wish.action is ConnectionAction.MUTE:
            session.muted_until = box.now + wish.for_us
        else:
            session.send(session.shutdown_message())
            session.close()
    return Done(now=box.now, number=len(meant))


# -- state ---------------------------------------------------------------------------------------------------------


def dump(box: Box, _wish: Wish) -> dict[str, Any]:
    """Symbols, accounts, balances, open orders and lists, exactly, for people and tests."""
    exchange = box.exchange
    symbols = {}
    for symbol in exchange.symbols:
        seen = exchange.quote(symbol)
        symbols[symbol] = {
            "status": exchange.status(symbol),
            "bid": seen.bid,
            "ask": seen.ask,
            "last": seen.last,
        }
    accounts = {
        account_id: {
            "balances": exchange.balances(account_id),
            "open_orders": exchange.open_orders(account_id),
            "open_lists": exchange.open_order_lists(account_id),
            "order_counts": exchange.order_counts(account_id),
            "fees": exchange.fees(account_id),
            "can_trade": exchange.can_trade(account_id),
        }
        for account_id in exchange.account_ids
    }
    return {"now": box.now, "symbols": symbols, "accounts": accounts, "house": exchange.house()}


def audit(box: Box, _wish: Wish) -> AuditTold:
    """Add everything up anew, and tell what clients were told otherwise than it happened."""
    entries = box.ledger.entries[-TOLD_MAX:]
    return AuditTold(
        problems=box.exchange.audit(),
        faulted=box.ledger.counts,
        forgotten=sum(box.ledger.counts.values()) - len(entries),
        entries=tuple([ToldOtherwise(sent=entry, order=_truth(box, entry)) for entry in entries]),
    )


def _truth(box: Box, entry: Entry) -> OrderView | None:
    if not entry.symbol or not entry.client_order_id:
        return None
    try:
        return box.exchange.order(entry.account_id, entry.symbol, client_order_id=entry.client_order_id)
    except ExchangeError:
        return None


ACTIONS: dict[tuple[str, str], tuple[Any, Callable[[Box, Any], object]]] = {
    ("GET", "/status"): (Wish, status),
    ("GET", "/faults"): (Wish, faults),
    ("POST", "/faults"): (Rule, add_fault),
    ("POST", "/faults/remove"): (RemoveFaults, remove_faults),
    ("GET", "/limits"): (Wish, limits),
    ("POST", "/limits"): (SetLimits, set_limits),
    ("POST", "/ban"): (Ban, ban),
    ("GET", "/connections"): (Wish, connections),
    ("POST", "/connections"): (ChangeConnections, change_connections),
    ("GET", "/dump"): (Wish, dump),
    ("GET", "/audit"): (Wish, audit),
}
