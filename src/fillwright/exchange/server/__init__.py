"""The exchange as a server: Binance Spot's REST, WebSocket API and streams around the pure exchange."""
