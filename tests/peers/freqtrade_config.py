"""The settings with which freqtrade talks to a server: addresses, keys, one pair."""

from __future__ import annotations

from typing import Any


def config(rest: str, ws: str, api_key: str, secret: str, *, dry_run: bool) -> dict[str, Any]:
    """What ``freqtrade trade --config`` reads."""
    ccxt_config = {
        "urls": {
            "api": {
                "public": f"{rest}/api/v3",
                "private": f"{rest}/api/v3",
                "ws": {"spot": f"{ws}/stream", "ws-api": {"spot": f"{ws}/ws-api/v3"}},
            }
        },
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
        },
    }
    return {
        "bot_name": "tour",
        "initial_state": "running",
        "dry_run": dry_run,
        "dry_run_wallet": 10_000,
        "max_open_trades": 1,
        "stake_currency": "USDT",
        "stake_amount": 100,
        "tradable_balance_ratio": 0.9,
        "trading_mode": "spot",
        "margin_mode": "",
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exchange": {
            "name": "binance",
            "key": api_key,
            "secret": secret,
            "pair_whitelist": ["BTC/USDT"],
            "pair_blacklist": [],
            "ccxt_config": ccxt_config,
            "ccxt_async_config": {},
        },
        "pairlists": [{"method": "StaticPairList"}],
        "internals": {"process_throttle_secs": 1},
    }
