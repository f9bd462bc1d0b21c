"""How a real account fared against its shadow: per symbol, leg and order type, in exact figures, when somebody asks.

A pair is one signal in both accounts, found by the key of the shadow's signal, and in it one leg: the orders of a leg
that were executed count together. Signs say what paper promised too much: a price drift above 0 is a worse price, a fee
drift above 0 a higher fee, a result's difference below 0 a smaller gain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext

import msgspec

from fillwright.core.types import BASIS_POINT, CONTEXT, ZERO, AccountId, Symbol, Time
from fillwright.ports import (
    DriftDenial,
    DriftGroup,
    DriftReport,
    DriftResult,
    OrderExecution,
    ReadModel,
    SignalExecution,
    Spread,
    shadow_of,
    twin_of,
)

SIGNALS_MAX = 10_000
"""Signals that one report tells of: the newest."""
_BPS_SHOWN = Decimal("0.0001")
_MS_SHOWN = Decimal("0.001")
_AT_ONCE = ("entry", "exit")
"""Legs that are meant to be executed when they are sent."""

Pair = tuple[SignalExecution, SignalExecution]
"""The real account's signal, and its twin."""


class Side(msgspec.Struct, frozen=True):
    """What one account did in one leg of a signal."""

    signal: SignalExecution
    orders: tuple[OrderExecution, ...]
    """Those of the leg, oldest first."""

    @property
    def executed(self) -> list[OrderExecution]:
        """The orders that were executed, if only in part."""
        return [order for order in self.orders if order.executed_quantity]

    @property
    def order_type(self) -> str:
        """That of the first order that was executed, else of the first; '' without orders."""
        chosen = self.executed or self.orders
        return chosen[0].order_type if chosen else ""

    @property
    def value(self) -> Decimal:
        """Executed, in quote."""
        return sum((order.executed_quote for order in self.orders), ZERO)

    @property
    def price(self) -> Decimal:
        """The average price of what was executed."""
        return self.value / sum((order.executed_quantity for order in self.orders), ZERO)

    @property
    def fees(self) -> Decimal:
        """Commission in quote."""
        return sum((order.commission_quote for order in self.orders), ZERO)

    def since_began(self, leg: str, moment: Callable[[OrderExecution], Time | None]) -> Decimal | None:
        """Milliseconds until the first such moment: from the signal for an entry, else from the first order."""
        times = [time for order in self.orders if (time := moment(order)) is not None]
        if not times:
            return None
        began = self.signal.received_at if leg == "entry" else self.orders[0].sent_at
        return Decimal(min(times) - began).scaleb(-3)


class Matched(msgspec.Struct, frozen=True):
    """One leg of one signal in both accounts."""

    symbol: Symbol
    leg: str
    real: Side
    shadow: Side

    @property
    def order_type(self) -> str:
        """The real account's, unless only the shadow was executed, or has one at all."""
        if self.shadow.executed and not self.real.executed:
            return self.shadow.order_type
        return self.real.order_type or self.shadow.order_type

    @property
    def is_pair(self) -> bool:
        """Whether both were executed."""
        return bool(self.real.executed and self.shadow.executed)

    def is_missed_by(self, missing: Side, filled: Side) -> bool:
        """Whether an account was not executed where the other was, and will not be any more."""
        return _is_lacking(missing, filled) and missing.signal.is_ended

    @property
    def is_pending(self) -> bool:
        """Whether one was executed, and the other may be."""
        sides = ((self.real, self.shadow), (self.shadow, self.real))
        return any(_is_lacking(*one) and not one[0].signal.is_ended for one in sides)


def _is_lacking(missing: Side, filled: Side) -> bool:
    """A signal that was denied, and so has no position, is told of among denials."""
    return bool(filled.executed) and not missing.executed and missing.signal.has_position


def drift_of(
    model: ReadModel, account_id: AccountId, since: Time = 0, signals_max: int | None = None
) -> DriftReport:
    """Compare an account with its shadow, over the newest ``signals_max`` signals (None, and at most: SIGNALS_MAX).

    Raises UnknownAccountError when there is no shadow, and other StorageErrors.
    """
    limit = SIGNALS_MAX if signals_max is None else min(signals_max, SIGNALS_MAX)
    shadow_id = shadow_of(account_id)
    began = model.portfolio(shadow_id).created_at
    portfolio = model.portfolio(account_id)
    start = max(since, began)
    real = model.executions(account_id, since=start, limit=limit + 1)
    is_cut = len(real) > limit
    real = real[-limit:]
    shadow = model.executions(shadow_id, since=start, limit=limit)
    with localcontext(CONTEXT):
        pairs = pairs_of(real, shadow)
        return DriftReport(
            account_id=account_id,
            shadow_id=shadow_id,
            mode=portfolio.mode,
            quote_asset=portfolio.quote_asset,
            since=real[0].received_at if is_cut else start,
            is_cut=is_cut,
            signals=len(real),
            shadowed=len(pairs),
            unshadowed=len(real) - len(pairs),
            groups=groups_of(pairs),
            denials=denials_of(pairs),
            results=results_of(pairs),
            total=result_of("", pairs),
        )


# -- pairs -------------------------------------------------------------------------------------------------------


def pairs_of(real: Sequence[SignalExecution], shadow: Iterable[SignalExecution]) -> list[Pair]:
    """Each real signal that has a twin, with it."""
    twins = {number: one for one in shadow if (number := twin_of(one.key)) is not None}
    return [(one, twins[one.signal_id]) for one in real if one.signal_id in twins]


def matched(pair: Pair) -> list[Matched]:
    """The legs of a pair, of which either account has an order."""
    real, shadow = pair
    legs = dict.fromkeys(order.leg for order in (*real.orders, *shadow.orders))
    return [Matched(real.symbol, leg, _side(real, leg), _side(shadow, leg)) for leg in legs]


def _side(signal: SignalExecution, leg: str) -> Side:
    return Side(signal, tuple(order for order in signal.orders if order.leg == leg))


# -- figures -----------------------------------------------------------------------------------------------------


def groups_of(pairs: Iterable[Pair]) -> tuple[DriftGroup, ...]:
    """Executions by symbol, leg and order type."""
    found: dict[tuple[str, str, str], list[Matched]] = {}
    for pair in pairs:
        for one in matched(pair):
            found.setdefault((one.symbol, one.leg, one.order_type), []).append(one)
    return tuple(_group(*name, found[name]) for name in sorted(found))


def _group(symbol: Symbol, leg: str, order_type: str, found: list[Matched]) -> DriftGroup:
    both = [one for one in found if one.is_pair]
    real, shadow = [one.real for one in found], [one.shadow for one in found]
    return DriftGroup(
        symbol=symbol,
        leg=leg,
        order_type=order_type,
        pairs=len(both),
        price_bps=spread_of([price_drift(one.real, one.shadow) for one in both], _BPS_SHOWN),
        fee_bps=spread_of([fee_drift(one.real, one.shadow) for one in both], _BPS_SHOWN),
        fees_real=sum((one.real.fees for one in both), ZERO),
        fees_shadow=sum((one.shadow.fees for one in both), ZERO),
        ack_ms_real=_latency(real, leg, lambda order: order.acknowledged_at),
        ack_ms_shadow=_latency(shadow, leg, lambda order: order.acknowledged_at),
        fill_ms_real=_latency(real, leg, lambda order: order.first_fill_at, _AT_ONCE),
        fill_ms_shadow=_latency(shadow, leg, lambda order: order.first_fill_at, _AT_ONCE),
        missed_by_real=sum(one.is_missed_by(one.real, one.shadow) for one in found),
        missed_by_shadow=sum(one.is_missed_by(one.shadow, one.real) for one in found),
        pending=sum(one.is_pending for one in found),
    )


def price_drift(real: Side, shadow: Side) -> Decimal:
    """How much worse the real average price was, in basis points of the shadow's."""
    worse = real.price - shadow.price if real.executed[0].side == "BUY" else shadow.price - real.price
    return worse / shadow.price / BASIS_POINT


def fee_drift(real: Side, shadow: Side) -> Decimal:
    """How much more commission was paid for the same value, in basis points."""
    return (real.fees / real.value - shadow.fees / shadow.value) / BASIS_POINT


def _latency(
    sides: Iterable[Side],
    leg: str,
    moment: Callable[[OrderExecution], Time | None],
    legs: tuple[str, ...] | None = None,
) -> Spread:
    if legs is not None and leg not in legs:
        return Spread()
    times = (side.since_began(leg, moment) for side in sides)
    return spread_of([time for time in times if time is not None], _MS_SHOWN)


def denials_of(pairs: Iterable[Pair]) -> tuple[DriftDenial, ...]:
    """Signals that one account denied and the other did not, or for another reason; the most frequent first."""
    counts: dict[tuple[str, str, str], int] = {}
    for real, shadow in pairs:
        if real.code != shadow.code:
            name = (real.symbol, real.code, shadow.code)
            counts[name] = counts.get(name, 0) + 1
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(
        DriftDenial(symbol=name[0], code_real=name[1], code_shadow=name[2], signals=counts[name])
        for name in order
    )


def results_of(pairs: Iterable[Pair]) -> tuple[DriftResult, ...]:
    """What positions brought, by symbol."""
    found: dict[Symbol, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair[0].symbol, []).append(pair)
    results = (result_of(symbol, found[symbol]) for symbol in sorted(found))
    return tuple(result for result in results if result.pairs)


def result_of(symbol: Symbol, pairs: Iterable[Pair]) -> DriftResult:
    """What positions brought that were bought and are closed in both accounts."""
    closed = [pair for pair in pairs if all(one.is_ended and one.entry_value for one in pair)]
    real = sum((one.realized_pnl for one, _ in closed), ZERO)
    shadow = sum((one.realized_pnl for _, one in closed), ZERO)
    returns = [(_return(one) - _return(twin)) / BASIS_POINT for one, twin in closed]
    return DriftResult(
        symbol=symbol,
        pairs=len(closed),
        pnl_real=real,
        pnl_shadow=shadow,
        pnl_difference=real - shadow,
        return_bps=spread_of(returns, _BPS_SHOWN),
    )


def _return(one: SignalExecution) -> Decimal:
    return one.realized_pnl / one.entry_value


def spread_of(values: Iterable[Decimal], shown: Decimal) -> Spread:
    """How values lie, each figure rounded half-even to what is shown; percentiles by nearest rank."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return Spread()

    def figure(value: Decimal) -> Decimal:
        return CONTEXT.quantize(value, shown)

    def percentile(percent: int) -> Decimal:
        return figure(ordered[-(-count * percent // 100) - 1])

    return Spread(count, figure(sum(ordered, ZERO) / count), percentile(50), percentile(99))
