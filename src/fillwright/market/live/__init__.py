"""Market data in real time without an exchange: the synthetic market, tapes, and the choice among sources."""
