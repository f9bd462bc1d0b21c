"""``rollout``: small whole trades through the running service, until a stage has the clean ones that it needs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from fillwright.commands.output import clean, console, print_json
from fillwright.commands.remote import Target, asked, proved
from fillwright.commands.rollout_trades import QUOTE, RolloutWish, Run, stage_of
from fillwright.core.types import Mode, NumberError, exact
from fillwright.options import AlreadyToldError, BadInputError

if TYPE_CHECKING:
    from fillwright.answers import StageShape


def question_of(stage: str, standing: StageShape) -> str:
    """What a person is to be asked before a run; '' when nothing is at stake."""
    if stage != Mode.MAINNET or standing.complete:
        return ""
    left = standing.needed - standing.clean_trades
    return f"Really make {left} trades with REAL MONEY (traders of the service trade there as well)?"


# -- looking -----------------------------------------------------------------------------------------------------


def show(wanted: Target, json_wanted: bool) -> None:
    """Print how far every stage is."""
    told = asked(wanted, lambda client: client.rollout())
    if json_wanted:
        print_json(told)
        return
    out = console()
    for stage in told.stages:
        out.print(_line(stage, is_current=stage.mode == told.mode), soft_wrap=True)
        for one in stage.judged:
            if not one.clean:
                out.print(
                    f"            position {one.position_id}: {clean('; '.join(one.reasons))}", soft_wrap=True
                )


def _line(stage: StageShape, *, is_current: bool) -> str:
    """One stage for people."""
    mark = "✓" if stage.complete else ">" if is_current else "·"
    parts = [proved(stage.clean_trades, stage.needed, stage.cap)]
    parts += [f"{stage.unclean_trades} unclean"] if stage.unclean_trades else []
    if stage.lifted_by is not None:
        parts.append(f"cap lifted by {clean(stage.lifted_by)}: {clean(stage.lifted_reason or '')}")
    if stage.overridden_by is not None:
        parts.append(f"begun early by {clean(stage.overridden_by)}: {clean(stage.override_reason or '')}")
    parts += [] if stage.configured else [f"no account: [{stage.mode}] has no key"]
    return f"{mark} {stage.mode:<9} {', '.join(parts)}"


def lift(wanted: Target, stage: str, reason: str, json_wanted: bool, *, restore: bool, early: bool) -> None:
    """Lift the cap on trades of a stage, or put it back."""
    told = asked(wanted, lambda client: client.rollout())
    stage_of(told, stage)
    done = asked(wanted, lambda client: client.lift_cap(stage, reason, restore=restore, early=early))
    if json_wanted:
        print_json(done)
    else:
        console().print("The cap is back." if restore else "The cap is lifted: your own limits hold.")


def standing(wanted: Target, stage: str) -> StageShape:
    """How far a stage is."""
    return stage_of(asked(wanted, lambda client: client.rollout()), stage)


# -- running -----------------------------------------------------------------------------------------------------


def run(wanted: Target, wish: RolloutWish, json_wanted: bool) -> None:
    """Make the trades that a stage lacks, the first unclean one ends it; raises RefusedError unless it is complete."""
    quote = QUOTE if wish.quote is None else _amount(wish.quote)
    out = console()

    def tell(line: str) -> None:
        if not json_wanted:
            out.print(clean(line), soft_wrap=True)

    outcome = asked(wanted, lambda client: Run(client, wish, quote, tell).all())
    if json_wanted:
        print_json(outcome)
    elif outcome.complete:
        out.print(f"{wish.stage} is complete: {outcome.clean_trades} clean trades.", style="bold")
    else:
        out.print(f"Stopped: {clean(outcome.stopped or '')}", style="bold", soft_wrap=True)
        out.print("Once it is mended the same command goes on from here.", soft_wrap=True)
    if not outcome.complete:
        raise AlreadyToldError(f"the rollout stopped: {outcome.stopped}", "ROLLOUT_STOPPED")


def _amount(text: str) -> Decimal:
    try:
        found = exact(text)
    except NumberError:
        raise BadInputError(f"--quote {text!r:.40}: not a plain decimal number") from None
    if found <= 0:
        raise BadInputError("--quote: more than nothing")
    return found
