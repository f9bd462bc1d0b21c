"""The prices that the core itself watches: targets that no order holds, and stops that it trails."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.inputs import Quote
from fillwright.core.positions import HOLDING
from fillwright.core.protection import trail_trigger
from fillwright.core.settle import watches_target
from fillwright.core.state import Ledger
from fillwright.core.types import Symbol


class PriceBounds(msgspec.Struct, frozen=True, gc=False):
    """While the bid stays under one and the last price under the other, the core has nothing to do."""

    bid_high: Decimal | None
    last_high: Decimal | None

    def crossed(self, quote: Quote) -> bool:
        """Whether a quote reaches a watched price."""
        if self.bid_high is not None and quote.bid >= self.bid_high:
            return True
        return self.last_high is not None and quote.last >= self.last_high


def price_bounds(ledger: Ledger, symbol: Symbol) -> PriceBounds | None:
    """What the core watches of a symbol; None when nothing."""
    bid_high: Decimal | None = None
    last_high: Decimal | None = None
    for position in ledger.positions_in(symbol):
        if position.status not in HOLDING:
            continue
        if watches_target(ledger, position):
            assert position.take_profit is not None
            bid_high = position.take_profit if bid_high is None else min(bid_high, position.take_profit)
        if position.trail_distance and position.trailing_delta is None and position.stop_loss is not None:
            level = trail_trigger(position)
            last_high = level if last_high is None else min(last_high, level)
    return None if bid_high is None and last_high is None else PriceBounds(bid_high, last_high)
