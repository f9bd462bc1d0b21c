"""The engine: one stamped input in, events and effects out. Synchronous, deterministic, without a clock of its own.

    step = engine.step(input, now=now)  # records to journal, then effects to carry out
    engine.observe(quote)               # a tick: overwrite the symbol's slot; True when a watched price is crossed
    engine.next_deadline                # when to send TimeReached

The shell journals ``step.records`` before it carries out ``step.effects``.
"""

from __future__ import annotations

import decimal
import heapq
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fillwright.core import commands, executions, intake, keys, reconcile, stopping
from fillwright.core import doubt as doubts
from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.clean_trades import judge_trades, lift_cap
from fillwright.core.context import Answer, Averages, Bids, Context, NoAverages
from fillwright.core.effects import ConsultAdvisor, Effect, FetchSnapshot
from fillwright.core.inquiries import READS_APART, SNAPSHOT_AWAITED, begin_reconciliation
from fillwright.core.lost_ledger import take_back
from fillwright.core.market_watch import MarketWatch, PriceBounds
from fillwright.core.portfolio import trading_day, trading_day_end
from fillwright.core.positions import HOLDING, Position
from fillwright.core.protection import watchdog
from fillwright.core.risk import breaker
from fillwright.core.risk.limits import Limits
from fillwright.core.risk.situation import Assessment
from fillwright.core.rollout import is_proving, judge_at
from fillwright.core.settle import AT_REST, settle, settle_manual
from fillwright.core.state import Ledger, State
from fillwright.core.types import CONTEXT, MINUTE, SECOND, PositionStatus, SignalStatus, Symbol, Time
from fillwright.core.waiting import soonest

MARKED_MAX: Time = MINUTE
"""So long equity may stand unmarked while nothing about it changes."""
MANUAL = 0
"""Stands for the orders that belong to no position."""
SETTLE_ROUNDS_MAX = 32
"""A position that wants to be settled more often than this in one step is a bug."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """What came of one input."""

    records: list[ev.Record]
    effects: list[Effect]
    answer: Answer | None


class UnsettledError(AssertionError):
    """A position did not come to rest within a step: a bug."""


class Engine:
    """One account's engine."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger(State())
        self.quotes: dict[Symbol, inp.Quote] = {}
        self.averages: Averages = NoAverages()
        self.bids = Bids(self.ledger.state, self.quotes)
        self._limits = Limits()
        self._wakes: dict[int, Time] = {}
        self._heap: list[tuple[Time, int]] = []
        self._watch = MarketWatch()
        self._valued_at: Time = 0
        """When equity was worked out last, whether there was anything to mark or not."""

    @property
    def state(self) -> State:
        """The account's state."""
        return self.ledger.state

    # -- the market ------------------------------------------------------------------------------------------

    def observe(self, quote: inp.Quote) -> bool:
        """Take a tick; True when a price that the core watches is reached (then step PriceCrossed)."""
        self.quotes[quote.symbol] = quote
        bounds = self._watch.bounds(quote.symbol)
        return bounds is not None and bounds.crossed(quote)

    def price_bounds(self, symbol: Symbol) -> PriceBounds | None:
        """The prices of a symbol that the core watches for; None when there are none."""
        return self._watch.bounds(symbol)

    # -- time ------------------------------------------------------------------------------------------------

    @property
    def next_deadline(self) -> Time | None:
        """When TimeReached is due."""
        stop = stopping.next_read(self.ledger)
        return soonest(self._next_wake(), stop, *self._account_deadlines()) or None

    def _next_wake(self) -> Time:
        heap = self._heap
        while heap:
            time, position_id = heap[0]
            if self._wakes.get(position_id) == time:
                return time
            heapq.heappop(heap)
        return 0

    def _account_deadlines(self) -> tuple[Time, ...]:
        state = self.ledger.state
        portfolio, settings = state.portfolio, state.settings
        venue = settings.venue
        day_end = mark = reads = waiting = reconcile_at = 0
        if portfolio.day >= 0:
            day_end = trading_day_end(portfolio.day, settings.risk.day_start_hour_utc)
        if any(portfolio.owned.values()):
            valued_at = max(portfolio.marked_at, self._valued_at) or state.time
            mark = _next_multiple(valued_at, venue.mark_interval_s * SECOND)
            if venue.protection_read_s:
                reads = state.protection_read_at + venue.protection_read_s * SECOND
        if self.ledger.waiting_signals:
            waiting = soonest(
                *(record.signal.expires_at or 0 for record in self.ledger.waiting_signals.values())
            )
        if venue.reconciliation:
            interval = settings.reconciliation.reconciliation_interval_secs * SECOND
            reconcile_at = state.reconciled_at + interval
            if state.reconciling:
                reconcile_at = max(reconcile_at, state.reconciling_since + SNAPSHOT_AWAITED)
            elif portfolio.differences:  # one read has said so: the second decides
                reconcile_at = min(reconcile_at, state.reconciled_at + READS_APART)
            elif state.rollout.closed and is_proving(settings.rollout, state.rollout):
                reconcile_at = min(reconcile_at, judge_at(state.rollout, state.reconciled_at))
        return day_end, mark, reads, waiting, reconcile_at

    # -- stepping --------------------------------------------------------------------------------------------

    def step(self, *items: inp.Input, now: Time) -> Step:
        """Take inputs of one moment, in order, then settle what they touched.

        The records are true already; the effects are still to be carried out, after the records are journaled.
        """
        state = self.state
        now = max(now, state.time)  # time in the journal never runs backwards
        ctx = Context(self.ledger, self.quotes, self.bids, self.averages, now)
        with decimal.localcontext(CONTEXT):
            for item in executions.newest(items) if len(items) > 1 else items:
                ctx.cause = 0
                _HANDLERS[type(item)](self, ctx, item)
            if self._settle_touched(ctx):
                _mark_when_flat(ctx)
            if state.safety.stopping_since:
                stopping.advance(ctx)
        return Step(ctx.records, ctx.effects, ctx.answer)

    def preview(self, signal: inp.Signal, now: Time) -> Assessment:
        """Run every risk check on a signal without recording anything (preview)."""
        ctx = Context(self.ledger, self.quotes, self.bids, self.averages, now)
        with decimal.localcontext(CONTEXT):
            return intake.preview(ctx, self._limits, signal)

    @property
    def wakes(self) -> Mapping[int, Time]:
        """When each position wants to be looked at; MANUAL stands for the orders of none."""
        return self._wakes

    def rearm(self, now: Time, wakes: Mapping[int, Time] | None = None) -> None:
        """After a state was loaded: when each position wants to be looked at.

        Without ``wakes`` of the engine that left the state every position is due at once; the first step settles it
        and finds nothing to do if nothing is. With them the engine goes on exactly as that one would have.
        """
        if wakes is None:
            ended = [order.position_id for order in self.ledger.open_orders.values()]
            wakes = dict.fromkeys([MANUAL, *self.ledger.open_positions, *ended], now)
        for position_id, time in wakes.items():
            self._wake(position_id, time)
        for position in self.ledger.open_positions.values():
            self._watch.look(self.ledger, position)

    def _settle_touched(self, ctx: Context) -> bool:
        """Settle until nothing wants to be; whether a position has ended in it."""
        rounds = 0
        state = ctx.state
        seen: dict[int, Position] = {}
        while ctx.touched:
            rounds += 1
            if rounds > SETTLE_ROUNDS_MAX:
                raise UnsettledError(f"positions {list(ctx.touched)} after {rounds} rounds")
            touched, ctx.touched = ctx.touched, {}
            for position_id in touched:
                if position_id == MANUAL:
                    self._wake(MANUAL, settle_manual(ctx))
                    continue
                position = state.positions.get(position_id)
                if position is None:
                    continue
                before = state.seq
                wake = soonest(settle(ctx, self._limits, position), watchdog(ctx, position))
                recorded = state.seq - before
                if recorded and not (recorded == 1 and type(ctx.records[-1].event) in AT_REST):
                    ctx.touch(position_id)  # it may want more, now that this is so
                self._wake(position_id, wake)
                seen[position_id] = position
        has_ended = False
        for position in seen.values():
            self._watch.look(self.ledger, position)
            has_ended = has_ended or position.status is PositionStatus.CLOSED
        return has_ended

    def _wake(self, position_id: int, time: Time) -> None:
        if not time:
            self._wakes.pop(position_id, None)
        elif self._wakes.get(position_id) != time:
            self._wakes[position_id] = time
            heapq.heappush(self._heap, (time, position_id))

    # -- inputs that are about the account -------------------------------------------------------------------

    def time_reached(self, ctx: Context, item: inp.TimeReached) -> None:
        """Do everything whose time has come."""
        _start_day(ctx)
        while True:
            time = self._next_wake()
            if not time or time > ctx.now:
                break
            _, position_id = heapq.heappop(self._heap)
            del self._wakes[position_id]
            ctx.touch(position_id)
        _day_end, mark, reads, waiting, reconcile_at = self._account_deadlines()
        if mark and ctx.now >= mark:
            self._valued_at = ctx.now
            _mark(ctx)
        if waiting and ctx.now >= waiting:
            intake.expire_waiting(ctx)
        if reads and ctx.now >= reads:
            _read_protection(ctx)
        if reconcile_at and ctx.now >= reconcile_at:
            begin_reconciliation(ctx, "periodic")

    def price_crossed(self, ctx: Context, item: inp.PriceCrossed) -> None:
        """A watched price was reached: the symbol's positions look for themselves."""
        for position in self.ledger.positions_in(item.symbol):
            ctx.touch(position.id)


def _next_multiple(time: Time, interval: Time) -> Time:
    return (time // interval + 1) * interval


def _start_day(ctx: Context) -> None:
    day = trading_day(ctx.now, ctx.state.settings.risk.day_start_hour_utc)
    if day != ctx.state.portfolio.day:
        ctx.emit(ev.TradingDayStarted(day=day, equity=ctx.state.portfolio.equity_at(ctx.bids)))


def _mark(ctx: Context) -> None:
    portfolio, known = ctx.state.portfolio, ctx.state.prices
    prices = tuple((symbol, ctx.bids[symbol]) for symbol, owned in portfolio.owned.items() if owned)
    equity = portfolio.equity_at(ctx.bids)
    is_news = equity != portfolio.equity or any(known.get(symbol) != price for symbol, price in prices)
    if is_news or ctx.now - portfolio.marked_at >= MARKED_MAX:
        ctx.emit(ev.EquityMarked(equity=equity, prices=prices))
    ctx.emit_safety(breaker.on_mark(ctx.state, ctx.state.settings.risk.max_drawdown_percent))


def _mark_when_flat(ctx: Context) -> None:
    """The last coins are sold: what that made of equity is known before the next entry is judged.

    While coins are held the next second's mark tells, and while there are none nothing moves.
    """
    portfolio = ctx.state.portfolio
    if not any(portfolio.owned.values()) and portfolio.equity_at(ctx.bids) != portfolio.equity:
        _mark(ctx)


def _read_protection(ctx: Context) -> None:
    """The venue itself is read: open orders of the symbols with positions."""
    symbols = dict.fromkeys(
        position.symbol for position in ctx.ledger.open_positions.values() if position.status in HOLDING
    )
    ctx.emit(ev.ProtectionRead(symbols=tuple(symbols)))
    for symbol in symbols:
        names = tuple(order.id for order in ctx.ledger.orders_in(symbol))
        ctx.effects.append(
            FetchSnapshot(symbol=symbol, client_order_ids=names, cause="protection", balances=False)
        )


def _open_ledger(engine: Engine, ctx: Context, item: inp.OpenLedger) -> None:
    assert ctx.state.seq == 0, "a ledger is opened once"
    ctx.emit(
        ev.AccountOpened(account_id=item.account_id, tag=item.tag, settings=item.settings, lost=item.lost)
    )
    ctx.emit(ev.FeesChanged(maker=item.maker_fee, taker=item.taker_fee))
    for instrument in item.instruments:
        ctx.emit(ev.InstrumentChanged(instrument=instrument))
    if item.balances:
        ctx.emit(ev.BalanceUpdated(balances=item.balances, opening=True))
    _start_day(ctx)


# -- dispatch ----------------------------------------------------------------------------------------------------


def _submit_signal(engine: Engine, ctx: Context, item: inp.SubmitSignal) -> None:
    _start_day(ctx)
    intake.receive(ctx, engine._limits, item.signal)


def _candle_close(engine: Engine, ctx: Context, item: inp.CandleClose) -> None:
    candle = item.candle
    ctx.emit(ev.CandleClosed(candle=candle))
    for record in ctx.ledger.waiting_signals.values():
        if record.signal.symbol == candle.symbol and record.status is SignalStatus.MONITORING:
            ctx.effects.append(
                ConsultAdvisor(record.signal.trader_id, candle.symbol, candle, signal_id=record.id)
            )
    for position in ctx.ledger.positions_in(candle.symbol):
        if position.status in HOLDING and position.monitoring:
            ctx.effects.append(
                ConsultAdvisor(position.trader_id, candle.symbol, candle, position_id=position.id)
            )


def _change_settings(engine: Engine, ctx: Context, item: inp.ChangeSettings) -> None:
    ctx.emit(ev.SettingsChanged(settings=item.settings, by=item.by))
    ctx.answer = Answer(ok=True)


def _change_limits(engine: Engine, ctx: Context, item: inp.ChangeLimits) -> None:
    ctx.emit(ev.LimitsChanged(trader_id=item.trader_id, symbol=item.symbol, limits=item.limits, by=item.by))
    ctx.answer = Answer(ok=True)


def _update_instruments(engine: Engine, ctx: Context, item: inp.UpdateInstruments) -> None:
    known = ctx.state.instruments
    changed = [instrument for instrument in item.instruments if known.get(instrument.symbol) != instrument]
    for instrument in changed:
        ctx.emit(ev.InstrumentChanged(instrument=instrument))
    symbols = {instrument.symbol for instrument in changed}
    for position in ctx.ledger.open_positions.values():
        if position.symbol in symbols:
            ctx.touch(position.id)


def _update_fees(engine: Engine, ctx: Context, item: inp.UpdateFees) -> None:
    if (item.maker, item.taker) != (ctx.state.maker_fee, ctx.state.taker_fee):
        ctx.emit(ev.FeesChanged(maker=item.maker, taker=item.taker))


def _stream_changed(engine: Engine, ctx: Context, item: inp.StreamChanged) -> None:
    if item.connected == ctx.state.stream_connected:
        return
    ctx.emit(ev.StreamStateChanged(connected=item.connected, detail=item.detail))
    if item.connected:
        begin_reconciliation(ctx, "stream connected", anew=True)


def _snapshot(engine: Engine, ctx: Context, item: inp.VenueSnapshot) -> None:
    if ctx.state.lost:
        if item.tag != ctx.state.tag:
            return  # asked for before, and without what is remembered
        take_back(ctx, item)
    reconcile.compare(ctx, item)
    for run in item.foreign_stops:
        stopping.foreign_stop(ctx, inp.ForeignStop(run))
    stopping.look(ctx, item)
    if item.symbol is None:
        judge_trades(ctx)


_Handler = Callable[[Engine, Context, Any], None]


def _once(handler: _Handler) -> _Handler:
    """A command that brings a key happens once."""
    return lambda engine, ctx, item: keys.once(ctx, item, lambda: handler(engine, ctx, item))


_HANDLERS: dict[type, _Handler] = {
    inp.OpenLedger: _open_ledger,
    inp.SubmitSignal: _submit_signal,
    inp.SignalAdvice: lambda engine, ctx, item: intake.advise(ctx, engine._limits, item),
    inp.Decision: _once(lambda engine, ctx, item: commands.decide(ctx, engine._limits, item)),
    inp.ClosePosition: _once(lambda engine, ctx, item: commands.close(ctx, item)),
    inp.AdjustProtection: _once(lambda engine, ctx, item: commands.adjust_protection(ctx, item)),
    inp.PlaceOrder: _once(lambda engine, ctx, item: commands.place(ctx, engine._limits, item)),
    inp.CancelOrder: lambda engine, ctx, item: commands.cancel_one(ctx, item),
    inp.CancelAll: lambda engine, ctx, item: commands.cancel_all(ctx, item),
    inp.Pause: lambda engine, ctx, item: commands.pause(ctx, item),
    inp.EmergencyStop: lambda engine, ctx, item: stopping.emergency_stop(ctx, item),
    inp.Resume: _once(lambda engine, ctx, item: commands.resume(ctx, item)),
    inp.Shutdown: lambda engine, ctx, item: commands.shut_down(ctx, item),
    inp.SwitchMode: lambda engine, ctx, item: commands.switch_mode(ctx, item),
    inp.Reconcile: lambda engine, ctx, item: begin_reconciliation(ctx, item.cause, anew=True),
    inp.ChangeSettings: _change_settings,
    inp.ChangeLimits: _change_limits,
    inp.LiftRolloutCap: lambda engine, ctx, item: lift_cap(ctx, item),
    inp.UpdateInstruments: _update_instruments,
    inp.UpdateFees: _update_fees,
    inp.CandleClose: _candle_close,
    inp.PriceCrossed: lambda engine, ctx, item: engine.price_crossed(ctx, item),
    inp.TimeReached: lambda engine, ctx, item: engine.time_reached(ctx, item),
    inp.OrderReport: lambda engine, ctx, item: executions.report(ctx, item),
    inp.RequestFailed: lambda engine, ctx, item: executions.failed(ctx, item),
    inp.OrderAbsent: lambda engine, ctx, item: doubts.absent(ctx, item),
    inp.BalanceReport: lambda engine, ctx, item: executions.balances(ctx, item),
    inp.TransferReport: lambda engine, ctx, item: executions.transfer(ctx, item),
    inp.ListDone: lambda engine, ctx, item: executions.list_done(ctx, item),
    inp.VenueSnapshot: _snapshot,
    inp.StreamChanged: _stream_changed,
    inp.ForeignStop: lambda engine, ctx, item: stopping.foreign_stop(ctx, item),
}
