"""The settings file that ``fillwright init`` writes: every setting, commented out, its default, and what it may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from fillwright.config.problems import is_secret
from fillwright.config.real import GATE, REAL_GROUPS
from fillwright.config.schema import GROUPS, keys_of
from fillwright.config.service import SERVICE_GROUPS
from fillwright.core.types import plain

HEAD = """\
# fillwright's settings. Whatever is commented out stands at its default; `fillwright show-config` shows all that is in
# force and where it came from. The environment wins over this file: FILLWRIGHT__RISK__MAX_POSITIONS=3, or, for what
# nobody should read in a list of processes, FILLWRIGHT__SERVER__TOKEN_FILE=/run/secrets/token.
"""
ABOUT = {
    "server": "The API and the page. Other machines reach them if host says so: then put a proxy with TLS in front.",
    "data": "What the service remembers: journal, token, the synthetic market. Relative to the current folder.",
    "market": "Where prices come from: auto is Binance, or a synthetic market when that cannot be reached.",
    "log": "What the service tells of itself on standard error.",
    "trading": "Which mode is traded at the first start; `fillwright mode` switches, and that is remembered.",
    "testnet": "The account at Binance's Spot test network, if it has a key. Keep keys in files, or the environment.",
    "demo": "The account in Binance's demo mode: play money, commissions and limits as live; after testnet.",
    "mainnet": f"The account at Binance: real money. It needs {GATE}=true in the environment, too.",
    "basic": "The account.",
    "risk": "Limits, checked for each signal before anything leaves.",
    "execution": "How orders are worked and positions protected.",
    "breaker": "When repeated errors of the venue stop entries for a while.",
    "reconciliation": "How often the venue's books are compared with ours.",
    "paper": "The exchange in the same process.",
    "journal": "How the journal is kept.",
}
FOOT = """
# Traders: a class with parameters, or none (then it only sends signals over the API). Without any, the example runs.
# [traders.momentum]
# class = "momentum.py:Momentum"
# symbols = ["BTCUSDT", "ETHUSDT"]
# interval = "5m"
# parameters = { lookback = 20 }

# Limits of one trader and symbol, beyond those of the account; "*" is all of them.
# [limits.momentum."*"]
# max_position_size_usdt = 50
"""


def template() -> str:
    """The file's text."""
    parts = [HEAD]
    for section in (*SERVICE_GROUPS, *GROUPS, "journal", *REAL_GROUPS):
        parts += ["", f"# {ABOUT[section]}", f"[{section}]", *_lines(section)]
    return "\n".join(parts) + "\n" + FOOT


def _lines(section: str) -> Iterator[str]:
    struct = {**SERVICE_GROUPS, **GROUPS, **REAL_GROUPS}.get(section)
    default = None if struct is None else struct[0]()
    for key, allowed in keys_of((section,)).items():
        value = getattr(default, key, "auto" if section == "journal" else None)
        if value is None:
            yield f"# {key} = {_example(key)}  # none unless set; {allowed}"
        else:
            yield f"# {key} = {_toml(value)}  # {allowed}"


_NO_FEES = {"ccxt_maker_fee": '"none"', "ccxt_taker_fee": '"none"'}


def _example(key: str) -> str:
    if is_secret(key):
        return '"…"'
    return {"allocation_usdt": '"none"', "shadow_balance": '"none"', **_NO_FEES}.get(key, '"FILE"')


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{}"
    return json.dumps(str(value)) if isinstance(value, str | Path) else str(value)
