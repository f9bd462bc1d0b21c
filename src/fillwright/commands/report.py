"""``report``: writes a run's report again, from its journal, its summary and its candles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fillwright.commands.failures import writing_files
from fillwright.commands.journal import account_of
from fillwright.commands.output import console, print_json
from fillwright.commands.services import Services
from fillwright.options import CANDLES_NAME, REPORT_NAME, SUMMARY_NAME, BadInputError
from fillwright.reports.candles import CandlesError, load_candles
from fillwright.reports.data import ReportData, gather
from fillwright.reports.files import RunFileError, read_run, write_page, write_summary
from fillwright.reports.summary import summary as summary_of


def extra_of(sections: Mapping[str, Any], data: ReportData) -> dict[str, Any]:
    """Sections of a summary that the report does not work out itself (how the run was verified): they stay."""
    own = summary_of(data)
    return {name: section for name, section in sections.items() if name not in own}


def report(services: Services, out: Path, account_id: str | None, json_wanted: bool) -> Path:
    """Write report and summary anew; raises BadInputError when what they are made of is missing or broken."""
    summary = out / SUMMARY_NAME
    try:
        run, sections = read_run(summary)
        candles = load_candles(out / CANDLES_NAME) if (out / CANDLES_NAME).is_file() else ()
    except (RunFileError, CandlesError) as error:
        raise BadInputError(str(error)) from error
    with account_of(services, out, account_id) as (model, account):
        data = gather(model, account, run, candles)
    page = out / REPORT_NAME
    with writing_files():
        write_page(page, data)
        write_summary(summary, data, extra_of(sections, data))
    if json_wanted:
        print_json({"report": str(page), "summary": str(summary)})
    else:
        console().print(f"Wrote {page}")
    return page
