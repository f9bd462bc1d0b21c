"""``replay``: runs a tape, shows how far it is, and says what came of it."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from fillwright.commands.output import console, moment, print_json
from fillwright.commands.services import Services
from fillwright.options import (
    SYNTHETIC_DAYS_MAX,
    BadInputError,
    ReplayOptions,
    ReplayProgress,
    ReplayResult,
)

SEED_MAX = 2**63 - 1
PHASE_WIDTH = len("replaying")


def check_options(options: ReplayOptions, *, seed_given: bool, days_given: bool) -> None:
    """Refuse options that contradict each other; BadInputError."""
    if options.synthetic and options.tapes:
        raise BadInputError("give either --tape or --synthetic, not both")
    if not options.synthetic and not options.tapes:
        raise BadInputError("nothing to replay: give --tape FILE, or --synthetic")
    if not options.synthetic and (seed_given or days_given):
        raise BadInputError(f"{'--seed' if seed_given else '--days'} belongs to --synthetic")
    if options.trader is not None and options.signals is not None:
        raise BadInputError("give either --trader or --signals, not both")
    if not 1 <= options.days <= SYNTHETIC_DAYS_MAX:
        raise BadInputError(f"--days {options.days}: must be from 1 to {SYNTHETIC_DAYS_MAX}")
    if not 0 <= options.seed <= SEED_MAX:
        raise BadInputError(f"--seed {options.seed}: must be from 0 to {SEED_MAX}")
    for symbol in options.symbols:
        if not (symbol.isascii() and symbol.isalnum() and symbol == symbol.upper()):
            raise BadInputError(f"--symbol {symbol!r:.60}: a symbol is in capitals, such as BTCUSDT")
    if options.out.exists() and not options.out.is_dir():
        raise BadInputError(f"--out {options.out}: is a file, not a folder")


def replay(
    services: Services, options: ReplayOptions, *, json_wanted: bool, quiet: bool, open_report: bool
) -> None:
    """Run a replay and print its figures."""
    with progress_bar(quiet) as progress:
        result = services.replay(options, progress)
    if json_wanted:
        print_json(
            {
                "digest": result.digest,
                "journal": str(result.journal),
                "summary_file": str(result.summary),
                "report": str(result.report),
                "resumed": result.resumed,
                "summary": result.figures,
            }
        )
    elif not quiet:
        print_result(result)
    if open_report and not show_in_browser(result.report) and not quiet and not json_wanted:
        console(sys.stderr).print("No browser here: open the report yourself.", style="dim")


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[ReplayProgress], None]]:
    """A bar on standard error where that is a terminal; elsewhere nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=Column(no_wrap=True, min_width=PHASE_WIDTH)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6, max_width=40)),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("starting", total=None, note="")

        def progress(now: ReplayProgress) -> None:
            bar.update(task, description=now.phase, completed=now.done, total=now.total, note=note_of(now))

        yield progress


def note_of(now: ReplayProgress) -> str:
    """Where a replay is, short enough for a terminal of 80 columns."""
    parts = [moment(now.time)[:16]] if now.time else []
    parts += [f"{now.ticks / 1e6:,.1f} M ticks"] if now.ticks else []
    parts += [f"{now.trades} trades"] if now.trades else []
    return " · ".join(parts)


def print_result(result: ReplayResult) -> None:
    """Print the figures that matter most, and where the rest is."""
    out = console()
    width = max(len(name) for name, _ in figures_of(result.figures))
    for name, value in figures_of(result.figures):
        out.print(f"{name:<{width}}  {value}", soft_wrap=True)
    out.print()
    out.print(f"{'Report':<{width}}  {result.report}", soft_wrap=True)
    out.print(f"{'Journal':<{width}}  {result.journal}", soft_wrap=True)
    out.print(f"{'Digest':<{width}}  {result.digest}", style="dim", soft_wrap=True)


def figures_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures that matter most, from the content of ``summary.json``."""
    trades, equity, run = summary["trades"], summary["equity"], summary["run"]
    quote = summary["account"]["quote_asset"]
    denied = sum(summary["denials"].values())
    drawdown = equity["drawdown"]
    return [
        ("Period", f"{run['start']} to {run['end']}"),
        (
            "Net result",
            f"{fixed(equity['change'], signed=True)} {quote} ({fixed(equity['return_percent'], signed=True)} %)",
        ),
        (
            "Closed trades",
            f"{trades['trades']} ({trades['wins']} won, {trades['losses']} lost), {trades['open']} open",
        ),
        ("Win rate", fixed(trades["win_rate_percent"], 1, unit="%")),
        ("Profit factor", fixed(trades["profit_factor"])),
        ("Expectancy", fixed(trades["expectancy"], signed=True, unit=quote)),
        ("Sharpe / Sortino", f"{fixed(equity['sharpe'])} / {fixed(equity['sortino'])}"),
        ("Max drawdown", f"{fixed(drawdown['percent'])} % ({fixed(drawdown['value'])} {quote})"),
        ("Fees / slippage", f"{fixed(trades['fees'])} / {fixed(trades['slippage'])} {quote}"),
        ("Dust left", dust_of(trades, quote)),
        ("Time in market", f"{fixed(summary['exposure']['time_in_market_percent'], 1)} %"),
        ("Signals / denied", f"{summary['signals']['total']} / {denied}{no_signals(summary)}"),
        ("Without live stop", without_stop(summary)),
        *verification_of(summary),
    ]


def dust_of(trades: Mapping[str, Any], quote: str) -> str:
    """Coins too few to sell, and why they are told: they lower the net result although they are still there."""
    text = f"{fixed(trades['dust_cost'])} {quote} at cost"
    if not float(trades["dust_cost"]):
        return text
    if trades.get("dust_value") is not None:
        text += f", worth {fixed(trades['dust_value'])} now"
    return f"{text}; not in the net result"


def without_stop(summary: Mapping[str, Any]) -> str:
    """How long a position's coins had no live stop: the longest spell where it was measured, and the worst sum."""
    protection = summary["protection"]
    text = f"{fixed(protection['maximum_ms'], 1)} ms in all for one position"
    longest_us = summary.get("verification", {}).get("unprotected_us", {}).get("max")
    stretch = "" if longest_us is None else f"{fixed(longest_us / 1_000, 1)} ms at once, "
    return f"at most {stretch}{text}"


def no_signals(summary: Mapping[str, Any]) -> str:
    """What a run without any signal may be about."""
    return "" if summary["signals"]["total"] else " (is the tape too short for the trader's candles?)"


def verification_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the replay's recomputation from fills found, where it says."""
    found = summary.get("verification")
    if not found:
        return []
    if found["ok"]:
        return [
            (
                "Verified",
                f"{found['trades']} trades recomputed from {found['fills']} fills: all equal, exactly",
            )
        ]
    first = found["differences"][0] if found["differences"] else "orders that the filters could have foreseen"
    return [("NOT VERIFIED", f"{first} (more in the summary)")]


def fixed(value: object, decimals: int = 2, *, signed: bool = False, unit: str = "") -> str:
    """A figure of the summary (exact text, number or null) with few decimals, and its unit where there is one."""
    if not isinstance(value, str | int | float):
        return "–"
    return f"{float(value):{'+' if signed else ''},.{decimals}f}{' ' if unit else ''}{unit}"


def show_in_browser(page: Path) -> bool:
    """Open a page where there is a desktop to open it on; never a text browser that would take the terminal."""
    desktop = (
        sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return bool(desktop) and webbrowser.open(page.resolve().as_uri())
