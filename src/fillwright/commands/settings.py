"""``show-config``: every setting, its value, and where it came from; secrets hidden."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from fillwright.commands.output import console, print_json, table
from fillwright.config import load

DEFAULT = "default"


def show_config(files: Sequence[Path], json_wanted: bool, changed_only: bool) -> None:
    """Print the settings in force; raises ConfigError when they cannot be used."""
    config = load(files)
    rows = [
        (key, value, config.places.get(key, DEFAULT))
        for key, value in config.values.items()
        if key in config.places or not changed_only
    ]
    if json_wanted:
        print_json(
            {"settings": [{"setting": key, "value": value, "source": place} for key, value, place in rows]}
        )
        return
    out = console()
    if not rows:
        out.print("Everything is at its default.")
        return
    cells = [
        [key, Text(value, style="" if place == DEFAULT else "bold"), Text(place, style="dim")]
        for key, value, place in rows
    ]
    out.print(table("", [("Setting", "left"), ("Value", "left"), ("From", "left")], cells))
