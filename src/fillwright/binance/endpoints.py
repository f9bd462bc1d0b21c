"""Where Binance is. Source: Binance Spot "General API information", "WebSocket Streams", "Market data only URLs"."""

from __future__ import annotations

import msgspec


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs, without a slash at the end; wss is TLS, ws (for tests) is not."""

    rest: str
    """Before ``/api/v3``."""
    streams: str
    """Before ``/stream``."""

    @property
    def host(self) -> str:
        """Whose streams they are, for people."""
        return self.streams.partition("://")[2]


MARKET_DATA = Endpoints(rest="https://data-api.binance.vision", streams="wss://data-stream.binance.vision")
"""Market data alone, without a key."""
MAINNET = Endpoints(rest="https://api.binance.com", streams="wss://stream.binance.com:9443")
TESTNET = Endpoints(rest="https://testnet.binance.vision", streams="wss://stream.testnet.binance.vision")
DEMO = Endpoints(rest="https://demo-api.binance.com", streams="wss://demo-stream.binance.com")
