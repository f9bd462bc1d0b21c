"""``exchange``: a test exchange from the side of whoever starts it, and whoever asks its admin door."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import msgspec
from rich.text import Text

from fillwright.commands.output import clean, console, print_json, table
from fillwright.core.types import NumberError, exact
from fillwright.options import BadInputError, ExchangeOptions, ExchangeUp

_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)(us|ms|s|m|h|d)?")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
FILE_BYTES_MAX = 1 << 20
_NOTHING = "–"


class ExchangeServices(Protocol):
    """What of the composition root these commands need."""

    def run_exchange(self, options: ExchangeOptions, tell: Callable[[ExchangeUp], None]) -> None:
        """Run a server until told to stop; ``tell`` is called once it listens. Raises Failure."""

    def ask_exchange(
        self, data: Path, url: str | None, token: str | None, method: str, path: str, wish: Mapping[str, Any]
    ) -> Any:
        """Ask a running server's admin door; raises Failure."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Which server is asked."""

    services: Any
    data: Path
    url: str | None = None
    token: str | None = None
    json: bool = False

    def get(self, path: str) -> Any:
        """Read something."""
        return self.services.ask_exchange(self.data, self.url, self.token, "GET", path, {})

    def post(self, path: str, wish: Mapping[str, Any]) -> Any:
        """Do something; fields that are None are left out."""
        given = {name: value for name, value in wish.items() if value is not None}
        return self.services.ask_exchange(self.data, self.url, self.token, "POST", path, given)


# -- options -----------------------------------------------------------------------------------------------------


def amounts(pairs: Sequence[str]) -> dict[str, str]:
    """``ASSET=AMOUNT`` pairs; raises BadInputError."""
    found = {}
    for pair in pairs:
        asset, equals, amount = pair.partition("=")
        if not equals or not asset:
            raise BadInputError(f"{pair!r}: write ASSET=AMOUNT, such as USDT=10000")
        found[asset] = number(amount)
    return found


def number(text: str) -> str:
    """An exact number as it was written; raises BadInputError."""
    try:
        exact(text)
    except NumberError as error:
        raise BadInputError(f"{text!r} is no number") from error
    return text


def length_us(text: str) -> int:
    """A length of time: ``1500ms``, ``2s``, ``-1h``; seconds without a unit. Raises BadInputError."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise BadInputError(f"{text!r}: write a number with us, ms, s, m, h or d, such as 1500ms")
    return int(Decimal(found[1]) * _UNITS[found[2] or "s"])


def text_of(path: Path) -> str:
    """A small file's text; raises BadInputError."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadInputError(f"{path}: larger than {FILE_BYTES_MAX} bytes")
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error


def levels(path: Path) -> dict[str, Any]:
    """A book from a file: a JSON object with ``bids`` and ``asks``, as ``GET /api/v3/depth`` answers."""
    try:
        content = msgspec.json.decode(text_of(path), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadInputError(f"{path}: is no book: {error}") from error
    return {name: content[name] for name in ("bids", "asks") if name in content}


def steps(path: Path) -> list[dict[str, Any]]:
    """A script from a file: a JSON array of steps; raises BadInputError."""
    try:
        return msgspec.json.decode(text_of(path), type=list[dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise BadInputError(f"{path}: is no script: {error}") from error


# -- running -----------------------------------------------------------------------------------------------------


def run(services: ExchangeServices, options: ExchangeOptions, *, json_wanted: bool) -> None:
    """Run a server until it is told to stop."""

    def tell(up: ExchangeUp) -> None:
        # Who read this may have gone (SystemExit is how rich says it): the server goes on.
        with suppress(OSError, SystemExit):
            if json_wanted:
                sys.stdout.write(msgspec.json.encode(up_json(up)).decode() + "\n")
                sys.stdout.flush()
            else:
                print_up(up)

    services.run_exchange(options, tell)


def up_json(up: ExchangeUp) -> dict[str, Any]:
    """What ``exchange run --json`` prints, on one line, when the server takes requests."""
    return {
        **msgspec.to_builtins(up),
        "rest": f"{up.url}/api/v3",
        "websocket_api": f"{up.websocket_url}/ws-api/v3",
        "streams": f"{up.websocket_url}/stream",
        "admin": f"{up.url}/admin",
    }


def print_up(up: ExchangeUp) -> None:
    """Tell people where to look."""
    out = console()

    def line(name: str, text: str, style: str = "") -> None:
        out.print(Text.assemble((f"  {name:<9}", "dim"), (clean(text), style)), soft_wrap=True)

    out.print(Text(f"fillwright {up.version}: an exchange of your own is open", style="bold green"))
    line("REST", f"{up.url}/api/v3", "bold")
    line("WS API", f"{up.websocket_url}/ws-api/v3")
    line("Streams", f"{up.websocket_url}/ws, {up.websocket_url}/stream")
    line("Prices", up.source)
    line(
        "Symbols",
        ", ".join(up.symbols[:12]) + (f" and {len(up.symbols) - 12} more" if up.symbols[12:] else ""),
    )
    for key in up.keys:
        line("Account", key.account)
        line("", f"API key {key.api_key}")
        line("", f"secret  {key.secret}")
    line("Admin", "fillwright exchange status | price | time | fault ... (--help)")
    line("Stop", "Ctrl-C", "dim")


def install(door: Door, rule: Mapping[str, Any], times: int) -> Any:
    """Install a fault; 0 times is without end."""
    given = {name: value for name, value in rule.items() if value is not None}
    return door.services.ask_exchange(
        door.data, door.url, door.token, "POST", "/faults", {**given, "times": times or None}
    )


# -- showing -------------------------------------------------------------------------------------------------------


def show(door: Door, content: Any) -> None:
    """Print an answer: JSON as it came, else lines and tables; a column without any value is left out."""
    if door.json:
        print_json(content)
        return
    out = console()
    if isinstance(content, list):
        if not content:
            out.print("none")
        elif isinstance(content[0], dict):
            names = dict.fromkeys(name for row in content for name in row)
            columns = [name for name in names if any(_cell(row.get(name)) != _NOTHING for row in content)]
            rows = [[_cell(row.get(name)) for name in columns] for row in content]
            out.print(table("", [(name, "left") for name in columns], rows))
        else:
            for one in content:
                out.print(_cell(one), soft_wrap=True)
        return
    for name, value in content.items():
        out.print(f"{name:<16}{_cell(value)}", soft_wrap=True)


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return clean(msgspec.json.encode(value).decode()) if value else _NOTHING
    return _NOTHING if value is None or value == "" else clean(str(value))


def audit(door: Door) -> bool:
    """Show the audit; whether all adds up."""
    content = door.get("/audit")
    if door.json:
        print_json(content)
        return not content["problems"]
    out = console()
    out.print("everything adds up" if not content["problems"] else "THE BOOKS DO NOT ADD UP")
    for problem in content["problems"]:
        out.print(clean(problem), soft_wrap=True)
    for outcome, count in content["faulted"].items():
        out.print(f"{count} requests {clean(outcome)} by a fault")
    rows = [
        [
            entry["sent"]["operation"],
            entry["sent"]["client_order_id"],
            entry["sent"]["outcome"],
            entry["sent"]["status"] or "nothing",
            entry["sent"]["code"],
            entry["order"]["status"] if entry["order"] else None,
        ]
        for entry in content["entries"]
    ]
    if rows:
        heads = ("request", "its id", "fault", "told", "code", "order now")
        out.print(table("Told otherwise", [(head, "left") for head in heads], rows))
    return not content["problems"]
