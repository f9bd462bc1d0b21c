"""Binance's protocol as data: what both sides of the wire have in common."""
