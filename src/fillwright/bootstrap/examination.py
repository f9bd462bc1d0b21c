"""What ``fillwright doctor`` looks at: each a finding with a remedy. Nothing is changed but a file that is tried."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import msgspec

from fillwright.api.address import PortInUseError, bind
from fillwright.binance.endpoints import MARKET_DATA
from fillwright.binance.rest import MarketRest
from fillwright.bootstrap.folder import TOKEN_NAME
from fillwright.bootstrap.prices import exchange_info_of
from fillwright.bootstrap.tokens import read_digest
from fillwright.config import Config
from fillwright.core.types import SECOND
from fillwright.market.tapes import TapeError, open_tape
from fillwright.options import JOURNAL_NAME, RUNNING_NAME, BadInputError, Finding, Running
from fillwright.ports import MarketUnavailableError, StorageError
from fillwright.storage.sql import open_read_model
from fillwright.wire.exchange_info import ExchangeInfoError

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 100 << 20
FREE_BYTES_WELL = 1 << 30
FSYNC_TRIES = 5
FSYNC_WELL_S = 0.05
CLOCK_LOOK_S = 0.2
CLOCK_DRIFT_MAX = 0.01
OFFSET_WELL_MS = 500
REACH_S = 3.0
OK, WARNING, FAILED = "ok", "warning", "failed"
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def examine(config: Config) -> list[Finding]:
    """Look at everything."""
    looks: list[Callable[[Config], list[Finding]]] = [
        _python,
        _clock,
        _folder,
        _disk,
        _database,
        _token,
        _feed,
        _port,
        _openness,
        _accounts,
    ]
    return [finding for look in looks for finding in look(config)]


def _found(name: str, result: str, text: str, remedy: str = "") -> Finding:
    return Finding(name=name, result=result, text=text, remedy=remedy)


def _python(config: Config) -> list[Finding]:
    here = platform.python_version()
    if sys.version_info < PYTHON_MIN:
        return [
            _found("Python", FAILED, f"{here} is too old", "install Python 3.11 or newer, then make setup")
        ]
    missing, count = [], 0
    for requirement in importlib.metadata.requires("fillwright") or ():
        if "extra ==" in requirement:
            continue
        name = _NAME.match(requirement)
        try:
            count += 1
            importlib.metadata.version(name[0] if name else requirement)
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement)
    if missing:
        return [_found("Python", FAILED, f"{here}, without {', '.join(missing)}", "make setup installs them")]
    return [_found("Python", OK, f"{here}, with all of {count} libraries")]


def _clock(config: Config) -> list[Finding]:
    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_LOOK_S)
    drift = abs((time.time() - wall) - (time.monotonic() - steady)) / CLOCK_LOOK_S
    if drift > CLOCK_DRIFT_MAX:
        return [
            _found(
                "Clock",
                WARNING,
                f"the system's clock is being moved: {drift:.1%} off the steady one",
                "let one program set it, slowly: chrony or systemd-timesyncd",
            )
        ]
    if config.market.feed not in ("auto", "binance"):
        return [_found("Clock", OK, "steady (not compared with another: prices are not Binance's)")]
    try:
        asked = time.time()
        offset_ms = (asyncio.run(_server_time()) / SECOND - (asked + time.time()) / 2) * 1_000
    except MarketUnavailableError:
        return [_found("Clock", OK, "steady (not compared with Binance's, which cannot be reached)")]
    text = f"{abs(offset_ms):.0f} ms {'behind' if offset_ms > 0 else 'ahead of'} Binance's"
    if abs(offset_ms) > OFFSET_WELL_MS:
        return [_found("Clock", WARNING, text, "switch on time synchronisation: timedatectl set-ntp true")]
    return [_found("Clock", OK, text)]


async def _server_time() -> int:
    try:
        async with asyncio.timeout(REACH_S), MarketRest(MARKET_DATA) as rest:
            return await rest.server_time()
    except TimeoutError as error:
        raise MarketUnavailableError(f"no answer within {REACH_S:g} s") from error


def _folder(config: Config) -> list[Finding]:
    folder = config.data.dir
    if not folder.exists():
        return [_found("Data folder", OK, f"{folder} is not there yet: the first start makes it")]
    if not folder.is_dir():
        return [_found("Data folder", FAILED, f"{folder} is a file", "name a folder: data.dir, or --data")]
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        remedy = f"chown it to this user, or chmod u+rwx {folder}"
        return [_found("Data folder", FAILED, f"{folder} cannot be read and written", remedy)]
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        return [
            _found("Data folder", WARNING, f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}")
        ]
    return [_found("Data folder", OK, f"{folder.absolute()}, of this user alone")]


def _disk(config: Config) -> list[Finding]:
    place = _nearest(config.data.dir)
    free = shutil.disk_usage(place).free
    room = f"{free / (1 << 30):.1f} GiB free"
    remedy = "make room, or move data.dir to another disk"
    if free < FREE_BYTES_MIN:
        return [_found("Disk", FAILED, room, remedy)]
    try:
        took = _fsync_time(place)
    except OSError as error:
        return [_found("Disk", FAILED, f"{place} cannot be written: {error.strerror or error}", remedy)]
    text = f"{room}, a write reaches the disk in {took * 1_000:.1f} ms"
    if free < FREE_BYTES_WELL:
        return [_found("Disk", WARNING, text, remedy)]
    if took > FSYNC_WELL_S:
        return [
            _found(
                "Disk", WARNING, text, "the journal waits for it where durability is full: use a local SSD"
            )
        ]
    return [_found("Disk", OK, text)]


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _fsync_time(folder: Path) -> float:
    """Seconds (the median of some) until a small write is on the disk; raises OSError."""
    path = folder / f".fillwright-doctor-{os.getpid()}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        times = []
        for _ in range(FSYNC_TRIES):
            began = time.perf_counter()
            os.write(handle, bytes(4_096))
            os.fsync(handle)
            times.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    return sorted(times)[FSYNC_TRIES // 2]


def _database(config: Config) -> list[Finding]:
    journal = config.data.dir / JOURNAL_NAME
    if not journal.exists():
        return [_found("Database", OK, "not there yet: the first start makes it")]
    try:
        with open_read_model(journal) as model:
            accounts = [
                f"{owner.account_id} at record {model.seq(owner.account_id)}" for owner in model.accounts()
            ]
    except StorageError as error:
        remedy = "use the version that wrote it, restore a backup, or name another data.dir"
        return [_found("Database", FAILED, str(error), remedy)]
    return [_found("Database", OK, f"{journal}: {', '.join(accounts) or 'no account yet'}")]


def _token(config: Config) -> list[Finding]:
    if config.server.token is not None:
        return [_found("Token", OK, "from the settings")]
    path = config.data.dir / TOKEN_NAME
    try:
        digest = read_digest(path)
    except BadInputError as error:
        return [_found("Token", FAILED, str(error), "fillwright token")]
    if not digest:
        return [_found("Token", OK, "not there yet: the first start makes it and shows it once")]
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return [_found("Token", WARNING, f"{path} is open to others ({mode:o})", f"chmod 600 {path}")]
    return [_found("Token", OK, "its SHA-256 is kept; lost it? fillwright token makes a new one")]


def _feed(config: Config) -> list[Finding]:
    market = config.market
    try:
        instruments = exchange_info_of(market).instruments
    except ExchangeInfoError as error:
        return [_found("Prices", FAILED, str(error), "put market.exchange_info right, or leave it out")]
    if market.feed == "synthetic":
        return [_found("Prices", OK, "synthetic: made up here, by a seeded random walk")]
    if market.feed == "tape":
        if not market.tapes:
            return [_found("Prices", FAILED, "no tape is named", "market.tapes, or --tape FILE")]
        wanted = market.symbols[0] if len(market.symbols) == 1 else None
        try:
            for path in market.tapes:
                open_tape(path, wanted, instruments)
        except (TapeError, OSError) as error:
            return [_found("Prices", FAILED, str(error), "name tapes that can be read: market.tapes")]
        return [_found("Prices", OK, f"{len(market.tapes)} tapes can be read")]
    try:
        asyncio.run(_server_time())
    except MarketUnavailableError as error:
        remedy = f"let this machine reach {MARKET_DATA.rest} and {MARKET_DATA.host}, or set market.feed to synthetic"
        if market.feed == "auto":
            text = f"Binance cannot be reached ({error}): prices will be synthetic"
            return [_found("Prices", WARNING, text, remedy)]
        return [_found("Prices", FAILED, f"Binance cannot be reached: {error}", remedy)]
    return [_found("Prices", OK, "Binance's market data can be reached")]


def _port(config: Config) -> list[Finding]:
    server = config.server
    try:
        bind(server.host, server.port).close()
    except PortInUseError as error:
        ours = _ours(config)
        if ours:
            return [_found("Port", OK, f"fillwright {ours.version} runs at {ours.url} (process {ours.pid})")]
        return [
            _found("Port", FAILED, str(error), "stop what uses it, or choose another: server.port, --port")
        ]
    return [_found("Port", OK, f"{server.host}:{server.port} is free")]


def _ours(config: Config) -> Running | None:
    """The service of this data folder, if it answers."""
    try:
        running = msgspec.json.decode((config.data.dir / RUNNING_NAME).read_bytes(), type=Running)
        with urllib.request.urlopen(f"{running.url}/healthz", timeout=REACH_S) as answer:
            json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return running


def _openness(config: Config) -> list[Finding]:
    server = config.server
    if server.is_loopback:
        return [_found("Reach", OK, "this machine alone")]
    if server.tls_proxy:
        return [_found("Reach", OK, f"other machines reach {server.host}, through a proxy with TLS")]
    remedy = "put a proxy with TLS in front of it, listen on 127.0.0.1, and say server.tls_proxy = true"
    return [_found("Reach", WARNING, f"other machines reach {server.host} without TLS", remedy)]


def _accounts(config: Config) -> list[Finding]:
    """Those at Binance; what looks at them is loaded when there is one."""
    if not (config.real or config.mainnet.is_configured):
        return []
    from fillwright.bootstrap.account_examination import examine_accounts

    return examine_accounts(config)
