"""hummingbot's Binance connector, live: buys at market, rests a sale and cancels it, sells again.

Runs in its own environment:
``python hummingbot_connector.py HTTP_URL WS_URL API_KEY SECRET``; prints one JSON line with what happened.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from decimal import Decimal

import hummingbot.connector.exchange.binance.binance_constants as constants
from hummingbot.connector.exchange.binance.binance_exchange import BinanceExchange
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent

PAIR = "BTC-USDT"
WAIT_MAX_S = 30.0
POLL_S = 0.05
HEARD = (
    MarketEvent.BuyOrderCompleted,
    MarketEvent.SellOrderCreated,
    MarketEvent.SellOrderCompleted,
    MarketEvent.OrderCancelled,
    MarketEvent.OrderFailure,
)


async def until(condition: Callable[[], bool]) -> None:
    """Wait."""
    async with asyncio.timeout(WAIT_MAX_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def tour(connector: BinanceExchange, happened: list[str]) -> None:
    """One order after another, each waiting for the event of the one before."""
    await until(lambda: connector.ready)
    connector.buy(PAIR, Decimal("0.01"), OrderType.MARKET, connector.get_price(PAIR, True))
    await until(lambda: "BuyOrderCompletedEvent" in happened)
    price = connector.quantize_order_price(PAIR, connector.get_price(PAIR, True) * Decimal("1.02"))
    resting = connector.sell(PAIR, Decimal("0.005"), OrderType.LIMIT, price)
    await until(lambda: "SellOrderCreatedEvent" in happened)
    connector.cancel(PAIR, resting)
    await until(lambda: "OrderCancelledEvent" in happened)
    connector.sell(PAIR, Decimal("0.005"), OrderType.MARKET, connector.get_price(PAIR, False))
    await until(lambda: "SellOrderCompletedEvent" in happened)


async def main(http_url: str, ws_url: str, api_key: str, secret: str) -> None:
    """Run the connector on a clock of its own until the tour is over."""
    constants.REST_URL = f"{http_url}/api/"
    constants.WSS_URL = f"{ws_url}/ws"
    constants.WSS_API_URL = f"{ws_url}/ws-api/v3"
    happened: list[str] = []
    listener = EventForwarder(lambda event: happened.append(type(event).__name__))
    connector = BinanceExchange(binance_api_key=api_key, binance_api_secret=secret, trading_pairs=[PAIR])
    for event in HEARD:
        connector.add_listener(event, listener)
    with Clock(ClockMode.REALTIME) as clock:
        clock.add_iterator(connector)
        running = asyncio.create_task(clock.run())
        try:
            await tour(connector, happened)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await connector.stop_network()
    sys.stdout.write(json.dumps({"happened": happened}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
