"""``init``: a settings file with everything in it, and a data folder."""

from __future__ import annotations

from pathlib import Path

from fillwright.commands.failures import writing_files
from fillwright.commands.output import console, print_json
from fillwright.config import template
from fillwright.options import BadInputError

SETTINGS_NAME = "fillwright.toml"


def init(folder: Path, data: Path, force: bool, json_wanted: bool) -> None:
    """Write the settings file (never over one that is there, unless forced) and make the data folder.

    Raises BadInputError and DiskError.
    """
    settings = folder / SETTINGS_NAME
    with writing_files():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with settings.open("w" if force else "x", encoding="utf-8") as file:
                file.write(template())
        except FileExistsError:
            raise BadInputError(f"{settings} is there already; --force writes it anew") from None
        data = folder / data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if json_wanted:
        print_json({"settings": str(settings), "data": str(data)})
        return
    out = console()
    out.print(f"Wrote {settings}: every setting, commented out, with what it may be.", soft_wrap=True)
    out.print(f"Data go to {data}. Next: fillwright doctor, then fillwright run.", soft_wrap=True)
