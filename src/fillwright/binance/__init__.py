"""Sessions to Binance: public market streams that are always up, and candles over REST."""
