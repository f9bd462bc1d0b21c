"""What the matrix over the wire covers: every fault that was asked for, and where a fault can do nothing, and why.

Every combination of plan, outcome and fault is played (but for ``LEFT_OUT``). In some of them a fault finds nothing to
do: then ``IDLE`` has a reason, and ``test_matrix`` fails if it does something all the same, or does nothing without a
reason. ``python -m tests.faults.coverage`` writes docs/FAULTS.md.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.faults.scenarios import FAULTS, OUTCOMES, PLANS, FaultCase, PlanCase

DOCUMENT = Path(__file__).parents[2] / "docs" / "FAULTS.md"
KILLED = "killed at request "

ASKED_PLANS: dict[str, tuple[str, ...]] = {
    "market order alone": ("MARKET",),
    "limit order alone": ("LIMIT",),
    "OPOCO (without a target OPO)": ("OPOCO", "OPO"),
    "OTOCO (without a target OTO)": ("OTOCO", "OTO"),
    "entry, then OCO": ("OCO",),
    "entry, then a stop": ("STOP",),
}
ASKED_OUTCOMES: dict[str, tuple[str, ...]] = {
    "full fill": ("full_fill",),
    "partial fill": ("partial_then_rest", "partial_then_timeout", "dust_then_timeout"),
    "no fill": ("no_fill",),
    "reject": ("rejected",),
    "expire": ("expired", "unfilled_then_repriced"),
}
EACH_AWAIT = "tests/faults/test_restarts.py"
ASKED_FAULTS: dict[str, tuple[str, ...]] = {
    "no fault": ("none", "target reached"),
    "response lost before execution": (
        "place lost, connection cut",
        "place lost in silence",
        "protection lost",
        "change lost",
    ),
    "response lost after execution": (
        "place answer lost, connection cut",
        "place answer lost in silence",
        "place executed, nobody tells",
        "place executed, connection cut, nobody tells",
        "protection unheard",
        "change answer lost",
        "change answer lost in silence",
        "change executed, nobody tells",
    ),
    "-1007 (and -1000, -1006, -1008, late answers)": (
        "place -1007 executed",
        "place -1007 not executed",
        "change -1007 executed",
        "change -1007 not executed",
        "place -1006 executed",
        "place -1000 executed",
        "place -1008 not executed",
        "place slow",
        "place very slow",
    ),
    "HTTP 503 (and what is no JSON)": (
        "place 503 executed",
        "place 503 not executed",
        "change 503",
        "change 503 executed",
        "place answered with HTML",
    ),
    "429": ("place 429", "changes 429"),
    "418": ("place 418", "change 418"),
    "-1021": ("place -1021", "changes -1021", "clock set"),
    "duplicate report": ("duplicate reports",),
    "report before response": ("answers late",),
    "report after cancel": ("report after cancel",),
    "reports late, reordered, lost": (
        "late reports",
        "one late report",
        "late balances",
        "reordered reports",
        "all reports lost",
        "some reports lost",
    ),
    "stream drop": ("streams cut", "server shutdown"),
    "mute stream": ("streams mute",),
    "release of the exits refused": ("gap through the stop, release refused", "list ended in the same call"),
    "list ended in the same call": ("list ended in the same call",),
    "exit partly executed then expired": ("thin exit", "thin stop"),
    "slots full": ("slots full", "slots short"),
    "-2021": ("move meets a gap",),
    "-2022": ("close loses to the stop",),
    "-1015 on an exit": ("changes -1015", "protection -1015"),
    "cancel loses to fill": ("cancel loses to the fill",),
    "self-trade prevention hit": (
        "self-trade",
        "self-trade expires the entry",
        "self-trade expires the target",
    ),
    "BNB short in mid-fill": ("BNB short in mid-fill",),
    "CANCEL_ONLY (and HALT, BREAK)": ("cancel only", "halt", "break"),
    "exchange-cancelled (and cancelled or moved away by the user)": (
        "exits cancelled by the exchange",
        "exits cancelled by the user",
        "base moved away",
    ),
    "restart at each await": tuple([fault.name for fault in FAULTS if fault.name.startswith(KILLED)]),
}


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Combinations in which faults do nothing; an empty tuple stands for all."""

    faults: tuple[str, ...]
    """Names, or their beginnings."""
    plans: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    reason: str
    by_chance: bool = False
    """They hit by a hash of what came before: whether they do something there is not held."""

    def covers(self, fault: str, plan: str, outcome: str) -> bool:
        """Whether a combination is one of them."""
        if self.plans and plan not in self.plans:
            return False
        if self.outcomes and outcome not in self.outcomes:
            return False
        return not self.faults or any(fault.startswith(name) for name in self.faults)


LISTS = ("OPOCO", "OPO", "OTOCO", "OTO")
SIGNALS = (*LISTS, "OCO", "STOP")
ALONE = ("MARKET", "LIMIT")
UNBOUGHT = ("rejected", "expired")
"""Outcomes after which a signal has bought nothing."""
UNHELD = (*UNBOUGHT, "no_fill", "dust_then_timeout")
"""Outcomes after which a signal holds nothing that could be sold."""
CHANGES = (
    "change executed, nobody tells",
    "change answer lost",
    "change -1007",
    "change 503",
    "change 418",
    "changes ",
    "halt",
    "break",
    "thin exit",
    "killed at request 3",
)
ON_EXITS = (
    "change lost",
    "exits cancelled by the exchange",
    "thin stop",
    "close loses to the stop",
    "move meets a gap",
)
ON_ENTRY = ("cancel loses to the fill", "gap through the stop")
IDLE: tuple[Idle, ...] = (
    Idle(
        faults=("reordered reports", "some reports lost"),
        reason="which reports they hit is drawn; where there are few it may be none",
        by_chance=True,
    ),
    Idle(
        faults=(*CHANGES, *ON_EXITS, *ON_ENTRY),
        plans=SIGNALS,
        outcomes=UNBOUGHT,
        reason="nothing was bought: there are no exits, and nothing is left to change or to cancel",
    ),
    Idle(
        faults=(*CHANGES, "killed at request 2"),
        plans=ALONE,
        reason="an order alone is one request, and has no exits",
    ),
    Idle(
        faults=(*ON_EXITS, *ON_ENTRY, "target reached"),
        plans=("MARKET",),
        reason="it is done when it arrives, and what it bought is the user's own",
    ),
    Idle(
        faults=(*ON_EXITS, "target reached"),
        plans=("LIMIT",),
        outcomes=("full_fill", "partial_then_rest", "rejected"),
        reason="the order is done by then, and what it bought is the user's own",
    ),
    Idle(
        faults=ON_ENTRY,
        plans=("LIMIT",),
        outcomes=("full_fill", "rejected"),
        reason="the order is done when it arrives",
    ),
    Idle(
        faults=("killed at request 2", "late reports", "report after cancel", "list ended in the same call"),
        outcomes=("rejected",),
        reason="the entry is refused: one request, its answer, and nothing to report",
    ),
    Idle(
        faults=("one late report",),
        outcomes=("rejected",),
        reason="the entry is refused: nothing to report",
    ),
    Idle(
        faults=("one late report",),
        plans=("LIMIT",),
        outcomes=("no_fill", "unfilled_then_repriced"),
        reason="the second report is late, and there is one until the end",
    ),
    Idle(
        faults=("protection ",),
        plans=LISTS,
        outcomes=tuple([name for name in OUTCOMES if name != "partial_then_timeout"]),
        reason="the entry's list brings the exits; they are placed by themselves for a part that was filled",
    ),
    Idle(
        faults=("target reached", "exits cancelled by the user", "self-trade expires the target"),
        plans=SIGNALS,
        outcomes=UNHELD,
        reason="nothing is held that has exits",
    ),
    Idle(
        faults=("exits cancelled by the user", "self-trade expires the target", "slots full", "slots short"),
        plans=ALONE,
        reason="an order alone has no exits",
    ),
    Idle(
        faults=("self-trade expires the target", "slots short"),
        plans=("OPO", "OTO", "STOP"),
        reason="there is no target",
    ),
    Idle(
        faults=("slots short",),
        plans=("OCO",),
        outcomes=UNHELD,
        reason="the exits are chosen once enough is bought",
    ),
    Idle(
        faults=("self-trade expires the entry",),
        plans=SIGNALS,
        outcomes=("full_fill", "unfilled_then_repriced", *UNBOUGHT),
        reason="a market signal's entry does not rest",
    ),
    Idle(
        faults=("self-trade expires the entry",),
        plans=("MARKET",),
        reason="it does not rest",
    ),
    Idle(
        faults=("self-trade expires the entry",),
        plans=("LIMIT",),
        outcomes=("full_fill", "rejected"),
        reason="it does not rest",
    ),
    Idle(
        faults=("base moved away",),
        plans=("OPOCO", "OPO"),
        reason="what is bought is locked in the exits from the first coin on",
    ),
    Idle(
        faults=("base moved away",),
        outcomes=("no_fill", "rejected"),
        reason="nothing was bought",
    ),
    Idle(
        faults=("base moved away",),
        plans=("OTOCO", "OTO", "OCO", "STOP"),
        outcomes=("full_fill", "expired"),
        reason="the exits have the coins before anybody takes some away, or nothing was bought",
    ),
    Idle(
        faults=("base moved away",),
        plans=("OTOCO", "OTO", "LIMIT"),
        outcomes=("unfilled_then_repriced",),
        reason="the exits have the coins at once; nothing is bought by a limit that rests below the market",
    ),
    Idle(
        faults=("BNB short",),
        outcomes=("full_fill", "no_fill", "rejected", "unfilled_then_repriced"),
        reason="it is one execution at most, for which there is too little BNB from the beginning",
    ),
    Idle(
        faults=("BNB short",),
        plans=SIGNALS,
        outcomes=("expired",),
        reason="nothing was bought",
    ),
)
LEFT_OUT: tuple[Idle, ...] = (
    Idle(
        faults=(),
        plans=("MARKET",),
        outcomes=(
            "partial_then_rest",
            "partial_then_timeout",
            "dust_then_timeout",
            "no_fill",
            "unfilled_then_repriced",
        ),
        reason="a market order alone executes when it arrives, at whatever price: the same as full_fill",
    ),
)
"""Not played: they would be what is played already."""


def why_left_out(plan: PlanCase, outcome: str) -> str:
    """Why a plan does not meet an outcome; '' if it does."""
    return next((one.reason for one in LEFT_OUT if one.covers("", plan.name, outcome)), "")


def why_idle(fault: FaultCase, plan: PlanCase, outcome: str) -> Idle | None:
    """Why a fault does nothing there; None if it does something."""
    return next((one for one in IDLE if one.covers(fault.name, plan.name, outcome)), None)


def document() -> str:
    """docs/FAULTS.md."""
    played = [
        (fault, plan, outcome)
        for fault in FAULTS
        for plan in PLANS
        for outcome in OUTCOMES
        if not why_left_out(plan, outcome)
    ]
    idle = sum([why_idle(*one) is not None for one in played])
    lines = [
        "# The fault matrix",
        "",
        "`python -m tests.faults.coverage` writes this page from the table in `tests/faults`, and a test fails when it",
        "is stale. `make test-faults` plays every combination of plan, outcome and fault over the wire against the",
        "exchange of ours, judges each (one intended order per leg, coins protected or sold, the ledger equal to the",
        "exchange, nothing in doubt or without a stop for longer than the rules say), and ends with one line.",
        "",
        f"{len(played):,} combinations of {len(PLANS)} plans, {len(OUTCOMES)} outcomes and {len(FAULTS)} faults are",
        f"played; in {idle:,} of them the fault finds nothing to do, for the reasons below.",
        f"Each fault is played over REST alone, too. A restart at each await is `{EACH_AWAIT}`:",
        "there the process is killed at every turn of its loop.",
        "",
        "## Plans",
        "",
        *_table("plan", "played as", ASKED_PLANS),
        "## Outcomes of the entry",
        "",
        *_table("outcome", "played as", ASKED_OUTCOMES),
        "## Faults",
        "",
        *_table("fault", "played as", ASKED_FAULTS),
        "## Left out",
        "",
        *_reasons(LEFT_OUT),
        "## Played, and nothing to do",
        "",
        *_reasons(IDLE),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(what: str, how: str, rows: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        f"| {what} | {how} |",
        "|---|---|",
        *[f"| {key} | {'; '.join(names)} |" for key, names in rows.items()],
        "",
    ]


def _reasons(rows: tuple[Idle, ...]) -> list[str]:
    lines = ["| faults | plans | outcomes | why |", "|---|---|---|---|"]
    for one in rows:
        cells = [", ".join(names) or "all" for names in (one.faults, one.plans, one.outcomes)]
        lines.append(f"| {' | '.join(cells)} | {one.reason} |")
    return [*lines, ""]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
