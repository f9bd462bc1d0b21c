"""HTTP and WebSocket: routes, who may call them, the live stream of events, and the first page."""
