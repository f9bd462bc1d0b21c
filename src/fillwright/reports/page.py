"""The report: one HTML page with its styles, script, charts and data inside; it asks nothing of any network."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

from fillwright.reports import panels
from fillwright.reports.data import ReportData
from fillwright.reports.page_data import page_data
from fillwright.reports.words import day, plural

_STATIC = files("fillwright.reports") / "static"
SCRIPTS = ("data.js", "layer.js", "charts.js", "page.js")
LIBRARY = "lightweight-charts.js"


def static(name: str) -> str:
    """Read a file that is part of the package."""
    return (_STATIC / name).read_text(encoding="utf-8")


def title(data: ReportData) -> str:
    """What the browser's tab says."""
    names = ", ".join(data.run.symbols[:3]) or "no symbol"
    return f"{names} · {day(data.run.start)} to {day(data.run.end)} · fillwright"


def render(data: ReportData) -> str:
    """Write the page; the same data give the same bytes."""
    marks = plural(len(data.curve), "point")
    return Template(static("template.html")).substitute(
        title=escape(title(data)),
        style=static("report.css"),
        badges=panels.badges(data),
        hero=panels.hero(data),
        notes=panels.notes((*data.run.notes, *panels.dust_notes(data))),
        tiles=panels.tiles(data),
        curve_hint=f"{escape(data.quote_asset)}, {marks}",
        panels=panels.panels(data),
        about=panels.about(data),
        data=page_data(data).decode(),
        library=static(LIBRARY),
        script="\n".join(static(name) for name in SCRIPTS),
    )
