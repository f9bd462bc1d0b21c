"""``run`` and ``token``: the service from the side of whoever starts it."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.text import Text

from fillwright.commands.output import clean, console, plain_json, print_json
from fillwright.commands.replay import show_in_browser
from fillwright.commands.services import Services
from fillwright.config import Config, load
from fillwright.options import BadInputError, ServiceOptions, ServiceUp

SYNTHETIC = "synthetic"
DOORWAY_NAME = "open.html"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says of a service; None and empty: what the settings say."""

    data: Path | None = None
    host: str | None = None
    port: int | None = None
    feed: str | None = None
    symbols: Sequence[str] = ()
    tapes: Sequence[Path] = ()
    speed: str | None = None
    trader: str | None = None
    no_trader: bool = False

    def overrides(self) -> Mapping[str, object]:
        """By the settings' keys."""
        feed = "tape" if self.feed is None and self.tapes else self.feed
        given: dict[str, object | None] = {
            "data.dir": None if self.data is None else str(self.data),
            "server.host": self.host,
            "server.port": self.port,
            "market.feed": feed,
            "market.symbols": list(self.symbols) or None,
            "market.tapes": [str(tape) for tape in self.tapes] or None,
            "market.speed": self.speed,
        }
        return {key: value for key, value in given.items() if value is not None}


def service_config(files: Sequence[Path], data: Path | None = None) -> Config:
    """The settings of a service, its data folder perhaps named on the command line; raises ConfigError."""
    return load(files, overrides={} if data is None else {"data.dir": str(data)})


def run(
    services: Services, files: Sequence[Path], wishes: Wishes, *, json_wanted: bool, open_page: bool
) -> None:
    """Run the service until it is told to stop."""
    if wishes.trader is not None and wishes.no_trader:
        raise BadInputError("give either --trader or --no-trader")
    config = load(files, overrides=wishes.overrides())
    options = ServiceOptions(config=config, trader=wishes.trader, no_trader=wishes.no_trader)
    doorways: list[Path] = []

    def tell(up: ServiceUp) -> None:
        # Who read this may have gone, or the disk be full (SystemExit is how rich says it): the service goes on.
        with suppress(OSError, SystemExit):
            if json_wanted:
                sys.stdout.write(msgspec.json.encode(plain_json(up_json(up))).decode() + "\n")
                sys.stdout.flush()
            else:
                print_up(up)
        if open_page:
            doorways.append(doorway(up))
            show_in_browser(doorways[0])

    try:
        services.run_service(options, tell)
    finally:
        for path in doorways:
            path.unlink(missing_ok=True)


def doorway(up: ServiceUp) -> Path:
    """A file of the data folder that leads a browser to the page; it goes when the service does.

    The link in it works once, and is in no command line of a browser.
    """
    path = up.data / DOORWAY_NAME
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        address = html.escape(up.link, quote=True)
        file.write(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={address}"><title>fillwright</title>\n'
        )
    return path


def up_json(up: ServiceUp) -> dict[str, object]:
    """What ``run --json`` prints, on one line, when the service is up."""
    content = {name: getattr(up, name) for name in up.__struct_fields__ if name != "code"}
    return {**content, "data": str(up.data), "link": up.link}


def print_up(up: ServiceUp) -> None:
    """Tell people where to look."""
    out = console()

    def line(name: str, text: str, style: str = "") -> None:
        out.print(Text.assemble((f"  {name:<8}", "dim"), (clean(text), style)), soft_wrap=True)

    out.print(Text(f"fillwright {up.version} is up, in {up.mode} mode", style="bold green"))
    line("Page", f"{up.link}{'  (this link works once)' if up.code else ''}", "bold")
    line("Prices", f"{up.source.upper() if up.source == SYNTHETIC else up.source}: {up.source_detail}")
    line("Trading", f"{', '.join(up.symbols)} · {', '.join(up.traders) or 'no trader: signals from outside'}")
    line("Data", str(up.data))
    if up.token:
        line("Token", f"{up.token}  (shown once; fillwright token makes a new one)")
        line("", "export FILLWRIGHT_TOKEN=… for signal send, status, emergency-stop and curl", "dim")
    for warning in up.warnings:
        line("Warning", warning, "yellow")
    line("Stop", "Ctrl-C", "dim")


def token(services: Services, config: Config, json_wanted: bool) -> None:
    """Make a new token and show it once."""
    if config.server.token is not None:
        raise BadInputError(
            "the token comes from the settings (server.token): change it there, and restart the service"
        )
    made = services.new_token(config.data.dir)
    if json_wanted:
        print_json({"token": made})
        return
    sys.stdout.write(made + "\n")
    console(sys.stderr).print("Shown once; the one before is worth nothing from now on.", style="dim")
