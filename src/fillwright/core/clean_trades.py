"""Judging closed trades: clean is what was filled, protected within the rule, closed, and left the books equal.

Called when the venue's whole books were compared with ours. Nothing is judged by a read that left before the trade was
closed, while the venue's totals differ (a second read decides), or while an order of it is open or in doubt.
Trading rules §8.
"""

from __future__ import annotations

from fillwright.core import events as ev
from fillwright.core.context import Answer, Context
from fillwright.core.inputs import LiftRolloutCap
from fillwright.core.positions import Position
from fillwright.core.rollout import is_proving


def judge_trades(ctx: Context) -> None:
    """Say of each closed trade whether it was clean, if that can be said now."""
    state = ctx.state
    rollout = state.rollout
    if not rollout.closed or state.portfolio.differences:
        return
    for position_id, closed_at in [*rollout.closed.items()]:
        if state.reconciling_since <= closed_at:
            continue
        position = state.positions.get(position_id)
        if position is not None and _is_unsettled(ctx, position):
            continue
        reasons = [*rollout.flaws.get(position_id, ()), *_shortcomings(position)]
        symbol = "" if position is None else position.symbol
        ctx.emit(ev.TradeJudged(position_id=position_id, symbol=symbol, reasons=tuple(reasons)))


def _is_unsettled(ctx: Context, position: Position) -> bool:
    return bool(position.open_order_ids) or any(
        order.position_id == position.id for order in ctx.ledger.doubts.values()
    )


def _shortcomings(position: Position | None) -> list[str]:
    """What the closed position itself shows."""
    if position is None:
        return ["it was forgotten before it could be judged"]
    found = []
    if position.stop_loss is None:
        found.append("it had no stop loss")
    elif not position.unprotected_spells:
        found.append("its stop was never live")
    if position.exit_reason == "unprotected":
        found.append("it was sold because it had no stop")
    return found


def lift_cap(ctx: Context, command: LiftRolloutCap) -> None:
    """Lift the rollout's cap, or put it back; before the clean trades are made only if it is said."""
    settings, rollout = ctx.state.settings.rollout, ctx.state.rollout
    if not command.reason.strip():
        ctx.answer = Answer(ok=False, code="REASON_REQUIRED", message="a cap is lifted for a reason")
        return
    if not command.restore and is_proving(settings, rollout) and not command.early:
        made = f"{rollout.clean_trades} of {settings.clean_trades} clean trades"
        ctx.answer = Answer(ok=False, code="ROLLOUT_INCOMPLETE", message=f"the account has made {made}")
        return
    if command.restore is bool(rollout.lifted_at):
        lifted = not command.restore
        ctx.emit(ev.RolloutCapChanged(lifted=lifted, reason=command.reason, by=command.by))
    ctx.answer = Answer(ok=True)
