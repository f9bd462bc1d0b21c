"""Prices: recorded tapes, columns, searches over them, candles, and a synthetic market."""
