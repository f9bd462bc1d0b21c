"""Where Binance is.

Source: Binance Spot "General API information", "WebSocket Streams", "WebSocket API", "Market data only URLs".
"""

from __future__ import annotations

import msgspec


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs, without a slash at the end; wss is TLS, ws (for tests) is not."""

    rest: str
    """Before ``/api/v3``."""
    streams: str
    """Before ``/stream``."""
    websocket_api: str = ""
    """Before ``/ws-api/v3``; empty: there is none."""

    @property
    def host(self) -> str:
        """Whose streams they are, for people."""
        return self.streams.partition("://")[2]


MARKET_DATA = Endpoints(rest="https://data-api.binance.vision", streams="wss://data-stream.binance.vision")
"""Market data alone, without a key."""
MAINNET = Endpoints(
    rest="https://api.binance.com",
    streams="wss://stream.binance.com:9443",
    websocket_api="wss://ws-api.binance.com:443",
)
TESTNET = Endpoints(
    rest="https://testnet.binance.vision",
    streams="wss://stream.testnet.binance.vision",
    websocket_api="wss://ws-api.testnet.binance.vision",
)
DEMO = Endpoints(
    rest="https://demo-api.binance.com",
    streams="wss://demo-stream.binance.com",
    websocket_api="wss://demo-ws-api.binance.com",
)
