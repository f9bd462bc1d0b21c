"""``doctor``: whether the service can run here, line by line, each with what to do about it."""

from __future__ import annotations

from rich.text import Text

from fillwright.commands.output import clean, console, print_json
from fillwright.commands.services import Services
from fillwright.config import Config
from fillwright.options import Finding

NAME_WIDTH = 12
STYLES = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red bold")}


def doctor(services: Services, config: Config, json_wanted: bool) -> bool:
    """Print what was found; whether nothing has failed."""
    findings = services.doctor(config)
    well = all(finding.result != "failed" for finding in findings)
    if json_wanted:
        print_json({"ok": well, "findings": findings})
        return well
    out = console()
    width = max([NAME_WIDTH, *(len(finding.name) + 1 for finding in findings)])
    for finding in findings:
        out.print(line(finding, width), soft_wrap=True)
        if finding.remedy and finding.result != "ok":
            out.print(Text(f"{' ' * (width + 2)}→ {clean(finding.remedy)}", style="dim"), soft_wrap=True)
    return well


def line(finding: Finding, width: int = NAME_WIDTH) -> Text:
    """One finding."""
    mark, style = STYLES[finding.result]
    return Text.assemble((f"{mark} ", style), (f"{finding.name:<{width}}", "bold"), clean(finding.text))
