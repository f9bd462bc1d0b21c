"""What events of the account do to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fillwright.core import events as ev
from fillwright.core.apply.rollout import renew_cap
from fillwright.core.state import CLOSES_MAX, Ledger
from fillwright.core.types import Leg


def _account_opened(ledger: Ledger, event: ev.AccountOpened, record: ev.Record) -> None:
    state = ledger.state
    state.account_id, state.tag, state.lost = event.account_id, event.tag, event.lost
    _use_settings(ledger, event.settings)


def _ledger_recovered(ledger: Ledger, event: ev.LedgerRecovered, record: ev.Record) -> None:
    state = ledger.state
    state.lost = False
    state.positions_made = max(state.positions_made, event.positions_made)
    state.manual_orders_made = max(state.manual_orders_made, event.manual_orders_made)
    state.cancels_made += event.attempts_made
    for number in event.positions:
        attempts = state.positions[number].attempts
        for leg in Leg:
            attempts[leg.value] = attempts.get(leg, 0) + event.attempts_made


def _settings_changed(ledger: Ledger, event: ev.SettingsChanged, record: ev.Record) -> None:
    _use_settings(ledger, event.settings)


def _use_settings(ledger: Ledger, settings: Any) -> None:
    state = ledger.state
    state.settings = settings
    state.portfolio.quote_asset = settings.quote_asset
    windows = len(settings.venue.order_limits)
    if len(state.safety.order_windows) != windows:
        state.safety.order_windows = [[0, 0] for _ in range(windows)]
    renew_cap(state)
    ledger.windows_end = ledger.forget_after = 0  # the lengths of both may be others now


def _limits_changed(ledger: Ledger, event: ev.LimitsChanged, record: ev.Record) -> None:
    key = f"{event.trader_id}|{event.symbol}"
    limits = dict(ledger.state.limits)
    if event.limits is None:
        limits.pop(key, None)
    else:
        limits[key] = event.limits
    ledger.state.limits = limits  # a new object, so that caches of the combined limits see the change


def _instrument_changed(ledger: Ledger, event: ev.InstrumentChanged, record: ev.Record) -> None:
    ledger.state.instruments[event.instrument.symbol] = event.instrument


def _fees_changed(ledger: Ledger, event: ev.FeesChanged, record: ev.Record) -> None:
    ledger.state.maker_fee, ledger.state.taker_fee = event.maker, event.taker


def _balance_updated(ledger: Ledger, event: ev.BalanceUpdated, record: ev.Record) -> None:
    portfolio = ledger.state.portfolio
    for asset, free, locked in event.balances:
        balance = portfolio.balance(asset)
        balance.free, balance.locked = free, locked
        if event.opening:
            balance.ledger = free + locked
            if asset == portfolio.quote_asset:
                portfolio.equity = portfolio.peak = portfolio.day_start_equity = balance.ledger


def _balance_differs(ledger: Ledger, event: ev.BalanceDiffers, record: ev.Record) -> None:
    differences = ledger.state.portfolio.differences
    if event.difference:
        differences[event.asset] = (event.difference, record.time)
    else:
        differences.pop(event.asset, None)


def _balance_corrected(ledger: Ledger, event: ev.BalanceCorrected, record: ev.Record) -> None:
    portfolio = ledger.state.portfolio
    portfolio.balance(event.asset).ledger += event.difference
    portfolio.differences.pop(event.asset, None)
    if event.asset == portfolio.quote_asset:
        portfolio.transfer(event.difference)


def _transfer_seen(ledger: Ledger, event: ev.TransferSeen, record: ev.Record) -> None:
    portfolio = ledger.state.portfolio
    portfolio.balance(event.asset).ledger += event.delta
    if event.asset == portfolio.quote_asset:
        portfolio.transfer(event.delta)


def _equity_marked(ledger: Ledger, event: ev.EquityMarked, record: ev.Record) -> None:
    ledger.state.portfolio.mark(event.equity, record.time)
    for symbol, price in event.prices:
        ledger.state.prices[symbol] = price


def _trading_day_started(ledger: Ledger, event: ev.TradingDayStarted, record: ev.Record) -> None:
    ledger.state.portfolio.start_day(event.day, event.equity)


def _candle_closed(ledger: Ledger, event: ev.CandleClosed, record: ev.Record) -> None:
    closes = ledger.state.closes.setdefault(event.candle.symbol, [])
    closes.append(event.candle.close)
    keep = min(ledger.state.settings.risk.correlation_window_candles + 1, CLOSES_MAX)
    if len(closes) > keep:
        del closes[: len(closes) - keep]


HANDLERS: dict[type[ev.Event], Callable[[Ledger, Any, ev.Record], None]] = {
    ev.AccountOpened: _account_opened,
    ev.LedgerRecovered: _ledger_recovered,
    ev.SettingsChanged: _settings_changed,
    ev.LimitsChanged: _limits_changed,
    ev.InstrumentChanged: _instrument_changed,
    ev.FeesChanged: _fees_changed,
    ev.BalanceUpdated: _balance_updated,
    ev.BalanceDiffers: _balance_differs,
    ev.BalanceCorrected: _balance_corrected,
    ev.TransferSeen: _transfer_seen,
    ev.EquityMarked: _equity_marked,
    ev.TradingDayStarted: _trading_day_started,
    ev.CandleClosed: _candle_closed,
}
