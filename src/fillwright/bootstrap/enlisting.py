"""Which traders run in the service, on which symbols and candles; the example where none is named."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fillwright.bootstrap.prices import OnTape
from fillwright.config import Config, TraderConfig
from fillwright.core.settings import Settings
from fillwright.core.types import ZERO, Symbol
from fillwright.options import BadInputError, ServiceOptions

if TYPE_CHECKING:  # loaded when there is a trader
    from fillwright.traders import TraderRunner

EXAMPLE_TRADER = "breakout"
SYNTHETIC_SYMBOLS: tuple[Symbol, ...] = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DEMO_INTERVAL = "5s"
DEMO_PARAMETERS: Mapping[str, object] = {
    "lookback": 2,
    "trend": 4,
    "stop_atr": 4.0,
    "stop_min_percent": 0.3,
    "hold_max": 36,
}
"""The example on candles of five seconds, so impatient that a position is open within seconds, 60 at most but for rare
markets. Its targets, twice its stops, must lie beyond the limit price of its entries."""
DEMO_RISK: Mapping[str, int | Decimal] = {
    "cooldown_minutes": 2,
    "max_daily_trades": 1_000,
    "max_positions_per_symbol": 2,
    "min_order_interval_seconds": ZERO,
}
"""An impatient trader loses often, and holds a position of every symbol: what would keep it quiet for an hour, or be in
the way of a signal that somebody tries, gives way where the settings say nothing."""


class Lineup(msgspec.Struct, frozen=True):
    """Who trades what."""

    traders: Mapping[str, TraderConfig]
    """With a class, by name."""
    symbols: tuple[Symbol, ...]
    """Of which there are to be prices."""
    settings: Settings
    is_demo: bool
    """Whether the example runs because nobody said what should."""

    def runners(self) -> list[TraderRunner]:
        """Make the traders; raises TraderLoadError."""
        return [runner_of(name, trader, self.symbols, self.settings) for name, trader in self.traders.items()]


def line_up(options: ServiceOptions, on_tape: OnTape) -> Lineup:
    """Work out who trades what; ``on_tape`` is what the tape holds, if there is one. Raises BadInputError."""
    config = options.config
    traders = _traders_of(options)
    is_demo = traders is None
    settings = config.settings
    if traders is None:
        interval = DEMO_INTERVAL if on_tape.interval is None else str(on_tape.interval)
        example = TraderConfig(
            trader_class=EXAMPLE_TRADER, parameters=dict(DEMO_PARAMETERS), interval=interval
        )
        traders = {EXAMPLE_TRADER: example}
        settings = _demo_settings(config, interval)
    symbols = _symbols_of(config, traders, on_tape.symbols)
    for name, trader in traders.items():
        for symbol in trader.symbols:
            if symbol not in symbols:
                raise BadInputError(
                    f"trader {name} wants {symbol}, of which there are no prices: add it to market.symbols"
                )
    return Lineup(traders, symbols, settings, is_demo)


def _demo_settings(config: Config, interval: str) -> Settings:
    """The account's settings while the example runs; what was set by anybody stays."""
    settings, places = config.settings, config.places
    changes = {key: value for key, value in DEMO_RISK.items() if f"risk.{key}" not in places}
    if "basic.candle_interval" in places:
        interval = settings.candle_interval
    risk = msgspec.structs.replace(settings.risk, **changes)
    return msgspec.structs.replace(settings, candle_interval=interval, risk=risk)


def _traders_of(options: ServiceOptions) -> dict[str, TraderConfig] | None:
    """By name; None: nobody said, so the example."""
    known, wanted = options.config.traders, options.trader
    if options.no_trader:
        return {}
    if wanted is None and not known:
        return None
    if wanted is None or wanted in known:
        return {
            name: trader
            for name, trader in known.items()
            if trader.trader_class is not None and wanted in (None, name)
        }
    name = wanted.rpartition(":")[2] or wanted
    return {name: TraderConfig(trader_class=wanted)}


def _symbols_of(
    config: Config, traders: Mapping[str, TraderConfig], on_tape: tuple[Symbol, ...]
) -> tuple[Symbol, ...]:
    wanted = config.market.symbols or config.settings.symbols
    if on_tape:
        missing = [symbol for symbol in wanted if symbol not in on_tape]
        if missing:
            raise BadInputError(f"{missing[0]} is not on the tape; it has {', '.join(on_tape)}")
        return tuple(dict.fromkeys(wanted or on_tape))
    if wanted:
        return tuple(dict.fromkeys(wanted))
    named = dict.fromkeys(symbol for trader in traders.values() for symbol in trader.symbols)
    everything = any(not trader.symbols for trader in traders.values()) or not traders
    return tuple(dict.fromkeys((*SYNTHETIC_SYMBOLS, *named))) if everything else tuple(named)


def runner_of(
    name: str, trader: TraderConfig, symbols: tuple[Symbol, ...], settings: Settings
) -> TraderRunner:
    """Make one trader; raises TraderLoadError."""
    from fillwright.traders import TraderRunner, load_trader

    assert trader.trader_class is not None
    made = load_trader(trader.trader_class, trader.parameters)
    if trader.interval is not None:
        made.interval = trader.interval
    return TraderRunner(
        made,
        name,
        trader.symbols or symbols,
        settings.candle_interval,
        taker_fee=settings.paper.taker_fee,
    )
