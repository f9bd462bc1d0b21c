"""Checks of the market: QUOTE_STALE, SPREAD_TOO_WIDE, PRICE_DEVIATION."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.events import Check
from fillwright.core.risk.codes import DenialCode
from fillwright.core.risk.situation import MICRO, NO_QUOTE, SHORT, Situation
from fillwright.core.types import ZERO

_QUOTE_STALE = DenialCode.QUOTE_STALE.value
_SPREAD_TOO_WIDE = DenialCode.SPREAD_TOO_WIDE.value
_PRICE_DEVIATION = DenialCode.PRICE_DEVIATION.value
_AT_MARKET = Check(_PRICE_DEVIATION, True)
_TWO_HUNDRED = Decimal(200)


def check_market(situation: Situation, checks: list[Check]) -> bool:
    """QUOTE_STALE to PRICE_DEVIATION; without a quote none of them passes."""
    limits, quote = situation.limits, situation.quote
    if quote is None or not quote.last or (bid := quote.bid) <= ZERO or (ask := quote.ask) <= ZERO:
        checks += [
            Check(code, False, None, None, NO_QUOTE)
            for code in (_QUOTE_STALE, _SPREAD_TOO_WIDE, _PRICE_DEVIATION)
        ]
        return False
    age = situation.now - quote.time
    fresh = age <= limits.quote_age_max
    # Twice the mid price, so that nothing is divided: spread / mid × 100 = spread × 200 / (bid + ask).
    both = bid + ask
    spread, spread_max = (ask - bid) * _TWO_HUNDRED, limits.limits.max_spread_percent
    narrow = spread <= spread_max * both
    price = _limit_price(situation)
    near = _AT_MARKET if price is None else _check_deviation(situation, price, both)
    checks += (
        Check(_QUOTE_STALE, fresh, MICRO * age, limits.limits.quote_age_max_s),
        Check(_SPREAD_TOO_WIDE, narrow, SHORT.divide(spread, both) if spread else ZERO, spread_max),
        near,
    )
    return fresh and narrow and near.passed


def _limit_price(situation: Situation) -> Decimal | None:
    """The price that somebody asked for; None for what goes at the market."""
    if situation.signal is not None:
        entry = situation.signal.signal.entry
        return entry.price if entry.type == "limit" else None
    if situation.order is not None:
        return situation.order.price
    draft = situation.draft
    return draft.limit_price if draft is not None and not draft.entry_market else None


def _check_deviation(situation: Situation, price: Decimal, both: Decimal) -> Check:
    """How far a price is from the middle of bid and ask, of which the sum is given."""
    deviation = abs(price + price - both)
    limit = situation.limits.limits.max_price_deviation_percent
    passed = deviation * 100 <= limit * both
    return Check(_PRICE_DEVIATION, passed, SHORT.divide(deviation * 100, both) if deviation else ZERO, limit)
