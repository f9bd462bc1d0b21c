"""``emergency-stop --keys``: what was cancelled, sold and left, and how long it took."""

from __future__ import annotations

from fillwright.commands.output import clean, console, print_json
from fillwright.commands.services import Services
from fillwright.core.types import plain
from fillwright.options import AlreadyToldError, KeysStopOptions, KeysStopReport


def stop_by_keys(services: Services, options: KeysStopOptions, json_wanted: bool) -> None:
    """Stop, and print what was done; AlreadyToldError when something is left."""
    report = services.stop_by_keys(options)
    if json_wanted:
        print_json({**_plain(report), "clean": report.is_clean})
    else:
        _tell(report)
    if not report.is_clean:
        raise AlreadyToldError("the emergency stop has left something", "LEFT")


def _plain(report: KeysStopReport) -> dict[str, object]:
    return {
        "where": report.where,
        "cancelled": report.cancelled,
        "sold": [
            {"id": name, "symbol": symbol, "quantity": quantity} for name, symbol, quantity in report.sold
        ],
        "kept": report.kept,
        "left": [{"what": what, "why": why} for what, why in report.left],
        "flag": report.flag or None,
        "no_flag": report.no_flag or None,
        "clean_after_s": _seconds(report.clean_after_s),
        "took_s": _seconds(report.took_s),
    }


def _seconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.3f}"


def _tell(report: KeysStopReport) -> None:
    out = console()
    out.print(f"At {clean(report.where)}, without any service:", style="bold")
    out.print(f"Cancelled: {', '.join(map(clean, report.cancelled)) or 'nothing'}", soft_wrap=True)
    sold = [f"{plain(quantity)} {clean(symbol)}" for _, symbol, quantity in report.sold]
    out.print(f"Sold: {', '.join(sold) or 'nothing'}", soft_wrap=True)
    out.print(f"Protection that rests: {', '.join(map(clean, report.kept)) or 'none'}", soft_wrap=True)
    for what, why in report.left:
        out.print(f"LEFT: {clean(what)}: {clean(why)}", soft_wrap=True)
    if report.clean_after_s is None:
        out.print(f"NOT CLEAN after {report.took_s:.1f} s: start it again, or go to Binance itself.")
    else:
        out.print(f"Clean after {report.clean_after_s:.2f} s, watched until {report.took_s:.1f} s.")
    if report.flag:
        out.print(
            f"A flag rested at {clean(report.flag)}: a service that trades this account halts, or will."
        )
    elif report.cancelled:
        out.print(f"No flag: {clean(report.no_flag)}. A service that heard of the cancels has halted.")
    else:
        out.print(f"No flag: {clean(report.no_flag)}. No service has seen it: STOP a running one as well.")
