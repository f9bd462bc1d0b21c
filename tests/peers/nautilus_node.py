"""NautilusTrader's Binance Spot adapter, live: buys at market, rests and cancels, sells again.

Runs in its own environment:
``python nautilus_node.py HTTP_URL WS_URL API_KEY SECRET``; prints one JSON line with what happened.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

BTCUSDT = InstrumentId.from_str("BTCUSDT.BINANCE")
QUANTITY = Decimal("0.010")


class Tour(Strategy):  # type: ignore[misc]
    """One order after another, each waiting for the report of the one before."""

    def __init__(self, node: TradingNode) -> None:
        super().__init__()
        self.node = node
        self.happened: list[str] = []
        self.started = False

    def on_start(self) -> None:
        """Wait for the first quote."""
        self.subscribe_quote_ticks(BTCUSDT)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Begin."""
        if self.started:
            return
        self.started = True
        self._market(OrderSide.BUY)

    def _market(self, side: OrderSide) -> None:
        instrument = self.cache.instrument(BTCUSDT)
        self.submit_order(self.order_factory.market(BTCUSDT, side, instrument.make_qty(QUANTITY)))

    def on_order_filled(self, event: Any) -> None:
        """Bought: rest a sale far away. Sold: the end."""
        self.happened.append(
            f"filled {event.order_side.name if hasattr(event.order_side, 'name') else event.order_side}"
        )
        if event.order_side == OrderSide.BUY:
            instrument = self.cache.instrument(BTCUSDT)
            price = instrument.make_price(float(event.last_px) * 1.02)
            self.submit_order(
                self.order_factory.limit(
                    BTCUSDT, OrderSide.SELL, instrument.make_qty(QUANTITY / 2), price, TimeInForce.GTC
                )
            )
        else:
            self.clock.set_time_alert_ns("end", self.clock.timestamp_ns() + 500_000_000, self._end)

    def on_order_accepted(self, event: Any) -> None:
        """A resting sale is cancelled again."""
        order = self.cache.order(event.client_order_id)
        if order is not None and order.has_price:
            self.happened.append("accepted")
            self.cancel_order(order)

    def on_order_canceled(self, event: Any) -> None:
        """Then everything is sold."""
        self.happened.append("canceled")
        instrument = self.cache.instrument(BTCUSDT)
        free = self.portfolio.account(BTCUSDT.venue).balance_free(instrument.base_currency)
        quantity = instrument.make_qty(min(QUANTITY, free.as_decimal()))
        self.submit_order(self.order_factory.market(BTCUSDT, OrderSide.SELL, quantity))

    def on_order_rejected(self, event: Any) -> None:
        """Nothing should be."""
        self.happened.append(f"rejected: {event.reason}")
        self._end(None)

    def _end(self, event: Any) -> None:
        sys.stdout.write(json.dumps({"happened": self.happened}) + "\n")
        sys.stdout.flush()
        self.node.stop()


def main(http_url: str, ws_url: str, api_key: str, secret: str) -> None:
    """Run the node until the tour is over."""
    client: dict[str, Any] = {
        "api_key": api_key,
        "api_secret": secret,
        "account_type": BinanceAccountType.SPOT,
        "base_url_http": http_url,
        "base_url_ws": ws_url,
        "testnet": True,  # asks for nothing under /sapi, which a testnet does not have
        "instrument_provider": InstrumentProviderConfig(load_ids=frozenset({str(BTCUSDT)})),
    }
    node = TradingNode(
        TradingNodeConfig(
            trader_id=TraderId("TOUR-001"),
            logging=LoggingConfig(log_level="WARNING", log_colors=False),
            exec_engine=LiveExecEngineConfig(reconciliation=True),
            data_clients={BINANCE: BinanceDataClientConfig(**client)},
            exec_clients={BINANCE: BinanceExecClientConfig(**client)},
            timeout_connection=20.0,
            timeout_disconnection=5.0,
            timeout_post_stop=1.0,
        )
    )
    node.trader.add_strategy(Tour(node))
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    try:
        node.run()
    finally:
        node.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:5])
