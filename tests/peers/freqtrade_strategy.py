"""A strategy for freqtrade that enters at once and leaves a few seconds later, one time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy
from pandas import DataFrame

HOLD = timedelta(seconds=4)


class Tour(IStrategy):  # type: ignore[misc]
    """Enters as soon as it may, holds for seconds; its stop rests at the exchange, and is renewed now and then."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 5
    minimal_roi = {"0": 100.0}
    stoploss = -0.05
    process_only_new_candles = False
    order_types = {
        "entry": "market",
        "exit": "market",
        "stoploss": "limit",
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_interval": 5,
    }

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """None are needed."""
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Always."""
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """By time alone."""
        dataframe["exit_long"] = 0
        return dataframe

    def confirm_trade_entry(self, *asked: Any, **more: Any) -> bool:
        """One trade is enough."""
        return not Trade.get_trades_proxy()

    def custom_exit(
        self,
        pair: str,
        trade: Any,
        current_time: datetime,
        current_rate: float,
        current_profit: float,
        **more: Any,
    ) -> str | None:
        """After some seconds."""
        return "tour over" if current_time - trade.open_date_utc > HOLD else None
