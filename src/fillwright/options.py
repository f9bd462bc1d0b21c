"""What a command line asks of the composition root, and what it gets back: plain data, no terminal in sight.

``bootstrap`` turns every error of the rooms below into one of the three failures here, so that whoever called it
(the command line today, a service tomorrow) needs to know no concrete class to answer in one clear line.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, unique
from pathlib import Path
from typing import Any

import msgspec

from fillwright.config import Config
from fillwright.core.types import Mode, Symbol, Time

JOURNAL_NAME = "journal.db"
SUMMARY_NAME = "summary.json"
REPORT_NAME = "report.html"
CANDLES_NAME = "candles.feather"
"""The candles of the report's charts, so that the report can be built again without the tape."""

LOCK_NAME = "lock"
"""In a data folder: locked while a service runs, with its process id in it."""
RUNNING_NAME = "service.json"
"""In a data folder: where the running service is found."""

SYNTHETIC_DAYS_MAX = 3_650


@unique
class ExitCode(IntEnum):
    """How a command ended; these numbers are part of the interface and never change their meaning."""

    OK = 0
    BUG = 1
    """fillwright's own fault: please report it."""
    BAD_INPUT = 2
    """A tape, file, option or setting cannot be used as it is."""
    TRADER_FAILED = 3
    """The trader's own code raised."""
    STORAGE_FAILED = 4
    """The journal cannot be read or written: disk full, file broken, locked, or of a newer version."""
    ADDRESS_IN_USE = 5
    """The port is another program's, or the address is none of this machine."""
    ALREADY_RUNNING = 6
    """Another service works on the same data folder."""
    NOT_REACHED = 7
    """There is no service where one was looked for, or it did not answer."""
    REFUSED = 8
    """The service said no: a wrong token, a signal that was denied, an order that has ended."""
    INTERRUPTED = 130
    """Ctrl-C, or a second signal to stop; what is in the journal stays, and the next start goes on from there."""


class Failure(Exception):
    """A command cannot do what it was asked; the text is one clear line for a person."""

    exit_code = ExitCode.BUG


class BadInputError(Failure):
    """Something the user gave cannot be used: missing, broken, out of range, unknown."""

    exit_code = ExitCode.BAD_INPUT


class TraderFailedError(Failure):
    """The trader's own code raised; ``traceback_text`` is its traceback alone, without our frames."""

    exit_code = ExitCode.TRADER_FAILED

    def __init__(self, message: str, traceback_text: str = "") -> None:
        super().__init__(message)
        self.traceback_text = traceback_text


class StorageFailedError(Failure):
    """The journal cannot be read or written."""

    exit_code = ExitCode.STORAGE_FAILED


class AddressInUseError(Failure):
    """The service cannot listen where it should."""

    exit_code = ExitCode.ADDRESS_IN_USE


class AlreadyRunningError(Failure):
    """Another service works on the same data folder."""

    exit_code = ExitCode.ALREADY_RUNNING


class NotReachedError(Failure):
    """There is no service where one was looked for."""

    exit_code = ExitCode.NOT_REACHED


class RefusedError(Failure):
    """The service refused; ``code`` is its word for why."""

    exit_code = ExitCode.REFUSED

    def __init__(self, message: str, code: str = "", details: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class AlreadyToldError(RefusedError):
    """The service refused, and what there is to say of it has been printed."""


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One replay as it was asked for; either tapes or ``synthetic``, at most one of trader and signals."""

    config: Config
    out: Path
    tapes: tuple[Path, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    """What a tape without symbols in it is about, or which symbols of a recording to trade; empty: all it has."""
    exchange_info: Path | None = None
    trader: str | None = None
    """``module:Class``, or a name of ``[traders]`` in the configuration; None: the example."""
    signals: Path | None = None
    sort: bool = False
    """Put unsorted rows in order instead of refusing them."""
    resume: bool = False
    synthetic: bool = False
    seed: int = 1
    days: int = 30


class ReplayProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replay has come; sent every now and then, never per tick."""

    phase: str
    """What is going on, in a word or two: reading, replaying, report."""
    done: int = 0
    total: int | None = None
    """Of the tape, in whatever it counts (bytes or rows); None: not known."""
    time: Time = 0
    """Virtual time."""
    ticks: int = 0
    signals: int = 0
    trades: int = 0


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay left behind."""

    journal: Path
    summary: Path
    report: Path
    digest: str
    """SHA-256 over the journal: equal for equal tape, signals and settings."""
    figures: dict[str, object]
    """The content of ``summary.json``."""
    resumed: bool = False


class ServiceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The service as it was asked for; what the command line says of settings is in ``config`` already."""

    config: Config
    trader: str | None = None
    """``module:Class``, or a name of ``[traders]``; None: all of ``[traders]``, or the example where there are none."""
    no_trader: bool = False
    """Signals come from outside alone."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service is found that runs on a data folder."""

    pid: int
    url: str
    started_at: Time
    version: str


class ServiceUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a service tells when it answers requests."""

    url: str
    pid: int
    version: str
    mode: Mode
    data: Path
    source: str
    """Of prices: binance | synthetic | tape."""
    source_detail: str
    """Why this source, in words."""
    symbols: tuple[Symbol, ...]
    traders: tuple[str, ...]
    """Each with its interval, in words."""
    token: str | None
    """Of the first run; shown now and never again."""
    code: str | None = None
    """Of the first run's link: worth the token once, and for a while."""
    warnings: tuple[str, ...] = ()

    @property
    def link(self) -> str:
        """Where a browser finds the page; the first run's lets it in, once."""
        return f"{self.url}/#once={self.code}" if self.code else f"{self.url}/"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the doctor looked at."""

    name: str
    result: str
    """ok | warning | failed"""
    text: str
    remedy: str = ""


class KeysStopOptions(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency stop straight at the exchange, with keys alone."""

    keys: Path
    """A settings file with ``[testnet]``, ``[demo]`` or ``[mainnet]``, or the keys of one of them without a section."""
    section: str | None = None
    """testnet | demo | mainnet; None: the one that the file has."""
    flatten: bool = False
    external: bool = False
    """Orders that are not ours are cancelled, too."""
    url: str | None = None
    """Of its REST API, in place of the settings'."""
    tag: str | None = None
    """Only orders of this ledger."""
    watch_s: float | None = None
    """How long it is watched afterwards; None: as long as a request may still be under way."""


class KeysStopReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an emergency stop with keys alone did."""

    where: str
    cancelled: tuple[str, ...]
    """Client order ids."""
    sold: tuple[tuple[str, Symbol, Decimal], ...]
    """Client order id, symbol, quantity."""
    kept: tuple[str, ...]
    """Protection that rests."""
    left: tuple[tuple[str, str], ...]
    """What could not be done, and why."""
    flag: str
    """The symbol where a flag rested, for services to see; '' when none could be raised."""
    no_flag: str
    """Why not."""
    clean_after_s: float | None
    """When nothing was left to do; None: it never was so."""
    took_s: float

    @property
    def is_clean(self) -> bool:
        """Whether everything was done."""
        return self.clean_after_s is not None and not self.left


class ExchangeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A test exchange as it was asked for."""

    data: Path
    """Folder in which it leaves a note of where it is, for the commands that ask it."""
    file: Path | None = None
    """Settings of the server, TOML or JSON."""
    settings: dict[str, Any] = {}
    """Settings of the command line, which win over the file's."""


class ExchangePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running test exchange is found, and what opens its admin door."""

    url: str
    token: str
    pid: int


class ExchangeKey(msgspec.Struct, frozen=True, kw_only=True):
    """An HMAC key of an account."""

    account: str
    api_key: str
    secret: str


class ExchangeUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a test exchange tells when it takes requests."""

    url: str
    port: int
    pid: int
    version: str
    admin_token: str
    source: str
    """Of prices: synthetic | tape | script."""
    symbols: tuple[Symbol, ...]
    accounts: tuple[str, ...]
    keys: tuple[ExchangeKey, ...]

    @property
    def websocket_url(self) -> str:
        """Before ``/ws-api/v3``, ``/ws`` and ``/stream``."""
        return "ws" + self.url.removeprefix("http")
