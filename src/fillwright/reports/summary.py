"""``summary.json``: every figure of a report, money as exact text, ratios as numbers, times in RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from fillwright.core.types import SECOND, Time, plain

if TYPE_CHECKING:  # whoever wants a timestamp alone need not wait for all that makes figures
    from fillwright.reports.analytics import GroupFigures
    from fillwright.reports.data import ReportData

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SUMMARY_VERSION = 1


def summary(data: ReportData) -> dict[str, Any]:
    """The content of ``summary.json``; the same run gives the same bytes."""
    return {
        "version": SUMMARY_VERSION,
        "run": {
            "fillwright": data.run.version,
            "tapes": list(data.run.tapes),
            "symbols": list(data.run.symbols),
            "traders": list(data.run.traders),
            "seed": data.run.seed,
            "start": timestamp(data.run.start),
            "end": timestamp(data.run.end),
            "ticks": data.run.ticks,
            "settings": dict(data.run.settings),
            "facts": dict(data.run.facts),
            "notes": list(data.run.notes),
            "digest": data.run.digest,
            "initial_balance": plain(data.run.initial_balance),
        },
        "account": {
            "account_id": data.account_id,
            "mode": data.mode,
            "quote_asset": data.quote_asset,
            "balance": plain(data.portfolio.balance),
            "balances": [builtins(balance) for balance in data.portfolio.balances],
        },
        "trades": {
            **builtins(data.figures),
            "open": data.open_trades,
            "failed": data.failed,
            "dust_cost": plain(data.dust_cost),
            "dust_value": None if data.dust_value is None else plain(data.dust_value),
        },
        "equity": builtins(data.equity),
        "exposure": builtins(data.exposure),
        "protection": {**builtins(data.protection), "classes": dict(data.protection.classes)},
        "signals": builtins(data.signals),
        "denials": {denial.code: denial.signals + denial.orders for denial in data.denials},
        "by_symbol": _groups(data.by_symbol),
        "by_trader": _groups(data.by_trader),
        "by_exit_reason": _groups(data.by_exit),
        "market_change_percent": {series.symbol: series.change_percent for series in data.candles},
    }


def _groups(groups: tuple[GroupFigures, ...]) -> dict[str, Any]:
    return {group.name: builtins(group.figures) for group in groups}


def builtins(value: Any) -> Any:
    """Structs as dicts, decimals as plain text, times named ``*_time`` in RFC 3339."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return {key: _timed(key, item) for key, item in fields.items()}
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): builtins(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [builtins(item) for item in value]
    return value


def _timed(key: str, item: Any) -> Any:
    if key.endswith("_time") and isinstance(item, int):
        return timestamp(item)
    return builtins(item)


def timestamp(time: Time) -> str:
    """A time in RFC 3339, UTC, with as many decimals of a second as it has."""
    moment = EPOCH + timedelta(microseconds=time)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if micros := time % SECOND:
        text += f".{micros:06d}".rstrip("0")
    return text + "Z"


def summary_json(data: ReportData, extra: Mapping[str, Any] | None = None) -> bytes:
    """``summary.json`` as bytes, indented, with a newline at its end; ``extra`` sections follow the report's own."""
    content = {**(extra or {}), **summary(data)}
    ordered = {name: content[name] for name in (*summary(data), *(extra or {}))}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n"
