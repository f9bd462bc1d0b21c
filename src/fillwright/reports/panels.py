"""Parts of a report's page that need no script: tiles, tables, bars. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from fillwright.core.types import ZERO
from fillwright.ports import DenialCount
from fillwright.reports.analytics import GroupFigures, closed_trades, result
from fillwright.reports.data import ReportData
from fillwright.reports.words import (
    DASH,
    SPACE,
    day,
    duration,
    moment,
    number,
    percent,
    plural,
    signed,
    tone,
)

UNIT_WITH_VALUE_MAX = 7
"""A longer figure leaves no room for its unit."""
SPREAD_CLASSES = 24
"""Bars in the distribution of results, an even number: zero lies between the middle ones."""


def tile(title: str, value: str, note: str = "", unit: str = "", colour: str = "") -> str:
    """One figure."""
    suffix = f" <small>{escape(unit)}</small>" if unit and len(value) <= UNIT_WITH_VALUE_MAX else ""
    return (
        f'<div class="tile"><h3 title="{escape(title)}">{escape(title)}</h3>'
        f'<b class="{colour}">{escape(value)}{suffix}</b><p title="{escape(note)}">{escape(note) or SPACE}</p></div>'
    )


def tiles(data: ReportData) -> str:
    """All figures."""
    trades, equity, held, fall = data.figures, data.equity, data.exposure, data.equity.drawdown
    quote = data.quote_asset
    recovered = "deepest one recovered" if fall.recovered_time is not None else "not recovered yet"
    entries = [
        tile(
            "Closed trades",
            number(trades.trades, 0),
            f"{trades.wins} won · {trades.losses} lost"
            + (f" · {trades.breakeven} even" if trades.breakeven else ""),
        ),
        tile("Win rate", percent(trades.win_rate_percent, 1), f"{data.open_trades} still open"),
        tile(
            "Profit factor",
            number(trades.profit_factor),
            f"payoff ratio {number(trades.payoff_ratio)}",
            colour="" if trades.profit_factor is None else "up" if trades.profit_factor > 1 else "down",
        ),
        tile("Expectancy", signed(trades.expectancy), "per trade", quote, tone(trades.expectancy)),
        tile("Average win", signed(trades.average_win), f"best {signed(trades.best)}", quote),
        tile("Average loss", number(trades.average_loss), f"worst {number(trades.worst)}", quote),
        tile("Sharpe", number(equity.sharpe), f"from {plural(equity.days, 'day')}"),
        tile("Sortino", number(equity.sortino), f"Calmar {number(equity.calmar)}"),
        tile(
            "Max drawdown",
            percent(fall.percent),
            f"{number(fall.value)} {quote}" if fall.value else "",
            colour="down" if fall.value else "",
        ),
        tile("Longest drawdown", duration(fall.longest_us or None), recovered if fall.value else ""),
        tile(
            "Annual return",
            percent(equity.annual_return_percent),
            "compounded" if equity.annual_return_percent is not None else "needs a week",
            colour=tone(equity.annual_return_percent),
        ),
        tile("Fees", number(trades.fees), f"{percent(share(trades.fees, trades.volume), 3)} turnover", quote),
        tile("Slippage", signed(trades.slippage), f"{number(trades.slippage_bps)} bps of entries", quote),
        tile("Exposure, average", number(held.average), f"at most {number(held.maximum)}", quote),
        tile(
            "Time in market",
            percent(held.time_in_market_percent, 1),
            f"at most {number(held.positions_max, 0)} at once",
        ),
        tile(
            "Held, median",
            duration(trades.duration_median_us),
            f"avg. {duration(trades.duration_average_us)}",
        ),
        tile(
            "Losses in a row", number(trades.consecutive_losses_max, 0), f"wins {trades.consecutive_wins_max}"
        ),
        tile(
            "Without stop, worst",
            f"{number(data.protection.maximum_ms, 0)}",
            f"median {number(data.protection.median_ms, 0)} ms",
            "ms",
        ),
    ]
    return "".join(entries)


def share(part: Decimal, whole: Decimal) -> Decimal | None:
    """A part in percent; None of nothing."""
    return part * 100 / whole if whole else None


def hero(data: ReportData) -> str:
    """The result, large."""
    equity, run, quote = data.equity, data.run, escape(data.quote_asset)
    changes = [(one.symbol, one.change_percent) for one in data.candles if one.change_percent is not None]
    facts = [
        ("Equity", f"{number(equity.start)} → {number(equity.end)} {quote}"),
        ("Period", f"{moment(run.start)} → {moment(run.end)} UTC"),
        ("Length", duration(run.end - run.start)),
        *composition(data),
        *[(f"{escape(symbol)} itself", signed(change) + SPACE + "%") for symbol, change in changes[:4]],
    ]
    entries = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<section class="hero"><div><div class="muted">Net result</div>'
        f'<div class="result {tone(equity.change)}">{signed(equity.change)} <small>{quote}</small></div></div>'
        f'<div class="percent {tone(equity.change)}">{signed(equity.return_percent)}{SPACE}%</div>'
        f"<dl>{entries}</dl></section>"
    )


def composition(data: ReportData) -> list[tuple[str, str]]:
    """What the net result is made of, where it is more than the results of closed trades."""
    closed, dust = data.figures.profit, data.dust_cost
    rest = data.equity.change - closed + dust
    if not dust and not rest:
        return []
    parts = [("Closed trades", signed(closed))]
    parts += [("Dust left, at cost", signed(-dust))] if dust else []
    parts += [("Open trades", signed(rest))] if rest else []
    return parts


def badges(data: ReportData) -> str:
    """What kind of run this was."""
    run = data.run
    words = [
        *run.symbols[:6],
        *([f"+{len(run.symbols) - 6}"] if len(run.symbols) > 6 else []),
        *run.traders[:4],
    ]
    rest = "".join(f'<span class="badge">{escape(word)}</span>' for word in words)
    return f'<span class="badge strong">{escape(data.mode)}</span>{rest}'


def notes(lines: Sequence[str]) -> str:
    """What a reader must know."""
    if not lines:
        return ""
    return '<ul class="notes">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def dust_notes(data: ReportData) -> list[str]:
    """What dust is and where it went, where there is any."""
    if not data.dust_cost:
        return []
    quote = data.quote_asset
    worth = "" if data.dust_value is None else f" They are worth {number(data.dust_value)} {quote} now."
    return [
        (
            f"Closed trades left dust, coins below a whole step, that had cost {number(data.dust_cost)} {quote}.{worth}"
            " They are still in the account, but count neither in equity nor in the net result."
        )
    ]


def panel(title: str, body: str, hint: str = "") -> str:
    """A card with a heading."""
    return (
        f'<section class="card panel"><div class="card-head"><h2>{escape(title)}</h2>'
        f'<span class="hint">{escape(hint)}</span></div>{body}</section>'
    )


def group_table(title: str, groups: Iterable[GroupFigures], quote: str, first: str) -> str:
    """Figures by symbol, trader or exit."""
    rows = "".join(
        f"<tr><td>{escape(words_of(group.name))}</td><td>{group.figures.trades}</td>"
        f"<td>{percent(group.figures.win_rate_percent, 1)}</td>"
        f'<td class="{tone(group.figures.profit)}">{signed(group.figures.profit)}</td>'
        f"<td>{signed(group.figures.expectancy)}</td><td>{number(group.figures.profit_factor)}</td></tr>"
        for group in groups
    )
    if not rows:
        return panel(title, '<p class="empty">No closed trade.</p>')
    head = (
        f"<tr><th>{escape(first)}</th><th>Trades</th><th>Won</th><th>Result</th>"
        '<th>Average</th><th title="Profit factor">Factor</th></tr>'
    )
    return panel(
        title, f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    )


def words_of(name: str) -> str:
    """A code in small letters as words: take_profit → take profit."""
    return name.replace("_", " ") if name.islower() else name


def meters(rows: Sequence[tuple[str, int, bool]]) -> str:
    """Counts as bars: label, count, whether it should worry."""
    most = max((count for _, count, _ in rows), default=0)
    return (
        '<div class="meter">'
        + "".join(
            f'<span>{escape(name)}</span><div class="bar">'
            f'<i class="{"warn" if worry else ""}{"" if count else " zero"}"'
            f' style="width:{100 * count / most if most else 0:.1f}%"></i></div><span>{number(count, 0)}</span>'
            for name, count, worry in rows
        )
        + "</div>"
    )


def denial_panel(denials: Sequence[DenialCount], signals: int) -> str:
    """Which checks refused signals and orders."""
    rows = [(denial.code, denial.signals + denial.orders, False) for denial in denials]
    body = meters(rows) if rows else '<p class="empty">Nothing was denied.</p>'
    return panel("Denials by code", body, f"of {plural(signals, 'signal')}")


def protection_panel(data: ReportData) -> str:
    """How long positions were without a live stop."""
    figures = data.protection
    if not figures.positions:
        return panel("Time without a live stop", '<p class="empty">No position was opened.</p>')
    last = max(i for i, (_, count) in enumerate(figures.classes) if count)
    rows = [(name, count, i > 7) for i, (name, count) in enumerate(figures.classes[: max(last + 1, 5)])]
    hint = (
        f"in all, per position · median {number(figures.median_ms, 0)} ms"
        f" · 99 % within {number(figures.p99_ms, 0)} ms · most {number(figures.maximum_ms, 0)} ms"
    )
    return panel("Time without a live stop", meters(rows), hint)


def spread_panel(data: ReportData) -> str:
    """The distribution of results."""
    results = [result(trade) for trade in closed_trades(data.trades)]
    reach = max((abs(amount) for amount in results), default=ZERO)
    if not reach:
        return panel("Results of trades", '<p class="empty">No closed trade.</p>')
    counts = [0] * SPREAD_CLASSES
    for amount in results:
        counts[min(int((amount + reach) * SPREAD_CLASSES / (2 * reach)), SPREAD_CLASSES - 1)] += 1
    most, width = max(counts), 2 * reach / SPREAD_CLASSES
    bars = "".join(
        f'<i class="{"down" if i < SPREAD_CLASSES // 2 else "up"}"'
        f' style="height:{max(100 * count / most, 1 if count else 0):.1f}%"'
        f' title="{number(width * i - reach)} to {number(width * (i + 1) - reach)}: {plural(count, "trade")}"></i>'
        for i, count in enumerate(counts)
    )
    axis = (
        f"<span>{number(-reach)}</span><span>0</span><span>{signed(reach)} {escape(data.quote_asset)}</span>"
    )
    return panel("Results of trades", f'<div class="spread">{bars}</div><div class="axis">{axis}</div>')


def days_panel(data: ReportData) -> str:
    """Results by day; the script draws them."""
    if len(data.days) < 2:
        return ""
    best, worst = data.equity.best_day, data.equity.worst_day
    body = '<div id="days-chart" class="chart days"></div>'
    return panel("Results by day", body, f"best {signed(best)} · worst {signed(worst)} {data.quote_asset}")


def panels(data: ReportData) -> str:
    """All breakdowns."""
    quote = data.quote_asset
    parts = [
        group_table("Exits", data.by_exit, quote, "Exit by"),
        spread_panel(data),
        days_panel(data),
        denial_panel(data.denials, data.signals.total),
        protection_panel(data),
    ]
    if len(data.by_symbol) > 1:
        parts.insert(0, group_table("Symbols", data.by_symbol, quote, "Symbol"))
    if len(data.by_trader) > 1:
        parts.insert(0, group_table("Traders", data.by_trader, quote, "Trader"))
    return "".join(parts)


def about(data: ReportData) -> str:
    """What was run, so that it can be run again."""
    run = data.run
    signals = " · ".join(f"{count} {words_of(name)}" for name, count in data.signals.by_status.items())
    balances = " · ".join(
        f"{balance.asset} {number(balance.free + balance.locked, 8 if balance.asset != data.quote_asset else 2)}"
        for balance in data.portfolio.balances
        if balance.free + balance.locked
    )
    facts = [
        ("Tape", ", ".join(run.tapes) or DASH),
        ("Ticks", number(run.ticks, 0)),
        ("Period", f"{day(run.start)} to {day(run.end)}"),
        ("Traders", ", ".join(run.traders) or DASH),
        ("Signals", f"{data.signals.total}" + (f" ({signals})" if signals else "")),
        ("Entries that never filled", str(data.failed)),
        ("Dust left, at cost", f"{number(data.dust_cost)} {data.quote_asset}"),
        ("Balances at the end", balances or DASH),
        (
            "Settings",
            "; ".join(f"{key} = {value}" for key, value in run.settings.items()) or "all by default",
        ),
        ("Seed", str(run.seed) if run.seed is not None else DASH),
        *run.facts.items(),
    ]
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    entries += f"<dt>Journal digest</dt><dd><code>{escape(run.digest) or DASH}</code></dd>"
    return f'<dl class="facts">{entries}<dt>fillwright</dt><dd>{escape(run.version)}</dd></dl>'
