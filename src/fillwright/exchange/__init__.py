"""A Binance Spot exchange in a box: pure matching, balances, order lists and fees, without clock or I/O."""
