"""The judge of the soak: a service's journal and answers against the exchange's own books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core import events as ev
from fillwright.core.positions import HOLDING
from fillwright.core.types import (
    SECOND,
    STOP_TYPES,
    ZERO,
    Asset,
    OrderType,
    Symbol,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
)
from tests.e2e.journal_judge import PROBLEMS_MAX, JournalJudge
from tests.soak.exchange_log import Account
from tests.soak.traffic import Command

ACCOUNT = "testnet"
PROTECTED_MAX: Time = 3 * SECOND
"""Without any fault coins are protected this soon: ``partial_protect_s``, ``arm_timeout_s``, and the way."""
DOUBT_MAX: Time = 27 * SECOND
"""recvWindow 5 s, the engine's limit 10 s, then at most the longest wait between two questions, and their way."""
FAULT_MAX: Time = 17 * SECOND
"""How much longer a fault of its own requests may leave coins without a stop: as long as one may be in doubt."""
NEVER: Time = 3_600 * SECOND
QUESTION_MAX: Time = 5 * SECOND
"""How much longer a question makes it that is not answered, or a connection that is gone: asked again, made anew."""


Dead = tuple[Time, Time]
"""From a kill to the moment at which the service knew again how things stand."""


class Doubt(msgspec.Struct):
    """An order whose outcome nobody knew."""

    order_id: str
    begin: Time
    end: Time | None = None


class Disturbance(msgspec.Struct):
    """Something that happened to connections, and what was lost on them meanwhile."""

    what: str
    begin: Time
    end: Time


class Lasting(msgspec.Struct):
    """How long something lasted, and how much of it the service was dead or coming up again."""

    what: str
    begin: Time
    total: Time
    dead: Time
    faults: int
    """All that hit it, of whatever kind."""
    allowed: Time
    """So long it may have lasted while the service was there."""

    @property
    def alive(self) -> Time:
        """While the service was there."""
        return self.total - self.dead


class SoakJudge(JournalJudge):
    """Follows the store of one service."""

    def __init__(self, database: Path, own: dict[Asset, Decimal]) -> None:
        super().__init__(database, ACCOUNT)
        self.own = own
        self.fills: dict[tuple[Symbol, int, str], Decimal] = {}
        """Executions in the journal: quantities by symbol, trade id and order."""
        self.doubts: list[Doubt] = []
        self._doubts: dict[str, Doubt] = {}
        self.commands: dict[str, ev.CommandTaken] = {}
        self.recovered_at: list[Time] = []
        """After each start, when the books had been compared; as long as ``starts`` but for the last."""
        self.denials: dict[str, int] = {}
        self.halts = 0
        self.disturbances: list[Disturbance] = []

    def _record(self, record: ev.Record) -> None:
        super()._record(record)
        event = record.event
        if isinstance(event, ev.OrderFilled | ev.OrderPartiallyFilled):
            self._filled(event)
        elif isinstance(event, ev.CommandTaken):
            if event.key in self.commands:
                self.note(f"command {event.key} was taken twice")
            self.commands[event.key] = event
        elif isinstance(event, ev.Halted):
            self.halts += 1
        if self._doubts or isinstance(event, ev.OrderUnknown):
            self._look_at_doubts(record.time)

    def _filled(self, event: ev.OrderFilled | ev.OrderPartiallyFilled) -> None:
        order = self.ledger.state.orders.get(event.id)
        if order is None:
            self.note(f"an execution of {event.id}, which is no order of ours")
            return
        key = (order.symbol, event.fill.trade_id, event.id)
        if key in self.fills:
            self.note(f"execution {key} is in the journal twice")
        self.fills[key] = event.fill.quantity

    def _denied(self, event: ev.SignalDenied, record: ev.Record) -> None:
        super()._denied(event, record)
        self.denials[event.code] = self.denials.get(event.code, 0) + 1

    def _compared(self, event: ev.ReconciliationComplete, record: ev.Record) -> None:
        super()._compared(event, record)
        if not event.symbol and len(self.recovered_at) < len(self.starts):
            self.recovered_at += [record.time] * (len(self.starts) - len(self.recovered_at))

    def _look_at_doubts(self, now: Time) -> None:
        for name in self.ledger.doubts:
            if name not in self._doubts:
                self._doubts[name] = Doubt(name, now)
                self.doubts.append(self._doubts[name])
        for name in [name for name in self._doubts if name not in self.ledger.doubts]:
            self._doubts.pop(name).end = now

    # -- what was answered -----------------------------------------------------------------------------------

    def commanded(self, commands: Sequence[Command]) -> None:
        """Every command that was answered stands in the journal, as it was answered."""
        taken = {key.split("|", 1)[1]: event for key, event in self.commands.items()}
        for one in commands:
            if not one.statuses:
                continue
            event = taken.get(one.key)
            if event is None:
                if any(200 <= status < 300 for status in one.statuses):
                    self.note(f"command {one.key} {one.path} was answered {one.statuses}, and is lost")
                continue
            for status in one.statuses:
                if (200 <= status < 300) is not event.ok and status not in (404, 503):
                    self.note(f"command {one.key} was answered {status}, the journal has {event}")

    # -- against the exchange --------------------------------------------------------------------------------

    def differences(self, account: Account, dump: dict[str, Any]) -> list[str]:
        """Where the two books differ now: executions, balances, open orders, doubts, coins without a stop.

        ``dump``: the account's part of the exchange's. While something is under way they differ rightly.
        """
        return [
            *account.problems,
            *self._differing_executions(account),
            *self._differing_balances(dump),
            *self._differing_orders(dump),
            *[f"{name} is in doubt" for name in self.ledger.doubts],
            *self._unprotected(dump),
        ][:PROBLEMS_MAX]

    def _differing_executions(self, account: Account) -> list[str]:
        theirs = {
            (symbol, trade_id, account.names_of_trades[symbol, trade_id, order_id]): quantity
            for (symbol, trade_id, order_id), quantity in account.trades.items()
        }
        if theirs == self.fills:
            return []
        keys = [key for key in {**theirs, **self.fills} if theirs.get(key) != self.fills.get(key)]
        return [f"execution {key}: {self.fills.get(key)} here, {theirs.get(key)} there" for key in keys]

    def _differing_balances(self, dump: dict[str, Any]) -> list[str]:
        found = []
        for asset, free, locked in held(dump):
            ours = self.ledger.state.portfolio.balance_of(asset)
            if (ours.free, ours.locked, ours.ledger) != (free, locked, free + locked):
                found.append(
                    f"{asset}: {ours.free} + {ours.locked} ({ours.ledger} by executions) here, {free} + {locked} there"
                )
        return found

    def _differing_orders(self, dump: dict[str, Any]) -> list[str]:
        theirs = {view["client_order_id"]: Decimal(view["executed_quantity"]) for view in dump["open_orders"]}
        ours = {order.id: order.executed_quantity for order in self.ledger.open_orders.values()}
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        return [f"open order {name}: {ours.get(name)} here, {theirs.get(name)} there" for name in names]

    def _unprotected(self, dump: dict[str, Any]) -> list[str]:
        """Open positions with coins that could be sold and that no live stop at the exchange covers."""
        stops: dict[int, Decimal] = {}
        for view in dump["open_orders"]:
            parsed = parse_client_order_id(view["client_order_id"])
            if parsed is None or view["status"] == VenueOrderStatus.PENDING_NEW:
                continue
            if view["type"] in STOP_TYPES or (
                view["type"] == OrderType.LIMIT_MAKER and Decimal(view["executed_quantity"])
            ):
                left = Decimal(view["quantity"]) - Decimal(view["executed_quantity"])
                stops[parsed[1]] = stops.get(parsed[1], ZERO) + left
        found = []
        for position in self.ledger.open_positions.values():
            if position.status not in HOLDING or position.stop_loss is None:
                continue
            instrument = self.ledger.state.instruments[position.symbol]
            left = position.quantity - stops.get(position.id, ZERO)
            if instrument.is_sellable(left, position.stop_loss):
                found.append(f"position {position.id} ({position.status}): {left} without a stop")
        return found

    def coins(self, account: Account, dump: dict[str, Any]) -> list[str]:
        """The customer's own coins are as they were: each asset is those, and what the positions own by executions."""
        owned: dict[Asset, Decimal] = {}
        problems = []
        for number, holding in account.holdings.items():
            left = holding.bought - holding.sold
            base = self.ledger.state.instruments[holding.symbol].base
            owned[base] = owned.get(base, ZERO) + left
            if left < ZERO:
                problems.append(f"position {number} sold {holding.sold} of {holding.bought} {base}")
        for asset, free, locked in held(dump):
            wanted = self.own.get(asset, ZERO) + owned.get(asset, ZERO)
            if asset != "USDT" and free + locked != wanted:
                problems.append(f"{asset}: {free + locked} there, {wanted} are the customer's and positions'")
        return problems

    # -- how long --------------------------------------------------------------------------------------------

    def dead(self, killed_at: Sequence[Time]) -> list[Dead]:
        """From each kill to the moment at which the books had been compared again; killed before, it died once."""
        found: list[Dead] = []
        for moment in killed_at:
            after = next((time for time in self.recovered_at if time > moment), moment + NEVER)
            if found and moment < found[-1][1]:
                found[-1] = (found[-1][0], after)
            else:
                found.append((moment, after))
        return found

    def naked(self, account: Account, dead: Sequence[Dead], now: Time) -> list[Lasting]:
        """Every spell without a stop, by the exchange's clock."""
        found = []
        for one in account.spells:
            end, mark = now if one.end is None else one.end, f"_{one.position_id}_"
            met = [fault for fault in account.faults if one.begin - SECOND <= fault.time <= end]
            own = sum(mark in fault.names and not fault.is_question for fault in met)
            asked = sum(fault.is_question for fault in met)
            disturbed, lost = self._disturbed(one.begin, end)
            allowed = PROTECTED_MAX + own * FAULT_MAX + (asked + disturbed) * QUESTION_MAX + lost
            what = f"position {one.position_id} of {one.symbol}"
            found.append(lasting(what, one.begin, end, dead, own + asked + disturbed, allowed))
        return found

    def doubted(self, account: Account, dead: Sequence[Dead], now: Time) -> list[Lasting]:
        """Every doubt."""
        found = []
        for one in self.doubts:
            end = now if one.end is None else one.end
            asked = sum(one.begin <= fault.time <= end and fault.is_question for fault in account.faults)
            disturbed, lost = self._disturbed(one.begin, end)
            allowed = DOUBT_MAX + (asked + disturbed) * QUESTION_MAX + lost
            found.append(lasting(one.order_id, one.begin, end, dead, asked + disturbed, allowed))
        return found

    def _disturbed(self, begin: Time, end: Time) -> tuple[int, Time]:
        """How many disturbances there were meanwhile, and how long they lasted."""
        met = [one for one in self.disturbances if one.begin <= end and begin - SECOND <= one.end]
        return len(met), sum(one.end - one.begin for one in met)


def lasting(what: str, begin: Time, end: Time, dead: Iterable[Dead], faults: int, allowed: Time) -> Lasting:
    """How long something lasted."""
    away = sum(max(0, min(end, until) - max(begin, since)) for since, until in dead)
    return Lasting(what, begin, end - begin, min(away, end - begin), faults, allowed)


def held(dump: dict[str, Any]) -> list[tuple[Asset, Decimal, Decimal]]:
    """What an account has: asset, free, locked."""
    return [(one["asset"], Decimal(one["free"]), Decimal(one["locked"])) for one in dump["balances"]]
