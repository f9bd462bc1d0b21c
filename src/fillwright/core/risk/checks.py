"""The checker: every check in the order of the codes, each with what it saw and what it allows. Trading rules §5.

It serves entries, manual orders, previews and ``why`` alike, and changes nothing. An ordinary entry is judged in a
few microseconds: results without figures are shared objects, and nothing is divided where a product decides.
"""

from __future__ import annotations

from fillwright.core.events import Check
from fillwright.core.risk.exposure_checks import check_exposure, check_size, refuse_unplanned
from fillwright.core.risk.filter_checks import check_filters
from fillwright.core.risk.loss_checks import check_counts, check_losses
from fillwright.core.risk.market_checks import check_market
from fillwright.core.risk.order_checks import check_orders
from fillwright.core.risk.signal_checks import check_exits, check_gates, check_signal
from fillwright.core.risk.situation import Assessment, Room, Situation, room_for
from fillwright.core.types import ZERO

__all__ = ["Assessment", "Room", "Situation", "assess"]


def assess(situation: Situation) -> Assessment:
    """Run every check; the code is that of the first that failed, None when all passed."""
    checks: list[Check] = []
    passed = check_gates(situation, checks)
    record, draft = situation.signal, situation.draft
    if record is not None:
        passed = check_signal(situation, record, checks) and passed
        passed = check_exits(situation, record.signal, checks) and passed
    passed = check_market(situation, checks) and passed
    passed = check_losses(situation, checks) and passed
    passed = check_counts(situation, checks) and passed
    if draft is None:
        refuse_unplanned(checks)
        passed = check_orders(situation, checks)
    else:
        room = situation.room or room_for(
            draft, situation.ledger.state.portfolio, situation.bids, situation.position
        )
        notional = draft.quantity * draft.limit_price or ZERO
        passed = check_exposure(situation, draft, room, notional, checks) and passed
        passed = check_size(situation, draft, room, notional, checks) and passed
        passed = check_orders(situation, checks) and passed
        passed = check_filters(situation, draft, notional, checks) and passed
    if passed:
        return Assessment(tuple(checks))
    return Assessment(tuple(checks), next(check.code for check in checks if not check.passed))
