"""Another exchange to ccxt: the box's addresses and protocol, and nothing of Binance's own in ccxt's structures.

What the venue knows of Binance alone (parameters, codes, exchangeInfo, pages of executions) does not apply to it, so
that the box proves what is left for every other exchange.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ELSEWHERE = "elsewhere"


def _made() -> Any:
    import ccxt.pro

    class Elsewhere(ccxt.pro.binance):  # type: ignore[misc]
        def describe(self) -> Any:
            return self.deep_extend(super().describe(), {"id": ELSEWHERE, "name": ELSEWHERE})

        def parse_market(self, market: Any) -> Any:
            found = super().parse_market(market)
            found["info"] = {name: value for name, value in market.items() if name != "filters"}
            return found

        def parse_order(self, order: Any, market: Any = None) -> Any:
            return super().parse_order(order, market) | {"info": {}}

        def parse_trade(self, trade: Any, market: Any = None) -> Any:
            return super().parse_trade(trade, market) | {"info": {}}

        def parse_ws_order(self, order: Any, market: Any = None) -> Any:
            return super().parse_ws_order(order, market) | {"info": {}}

    return Elsewhere


@contextmanager
def elsewhere() -> Iterator[str]:
    """Have ccxt know the exchange."""
    import ccxt.pro

    setattr(ccxt.pro, ELSEWHERE, _made())
    ccxt.pro.exchanges.append(ELSEWHERE)
    try:
        yield ELSEWHERE
    finally:
        ccxt.pro.exchanges.remove(ELSEWHERE)
        delattr(ccxt.pro, ELSEWHERE)
