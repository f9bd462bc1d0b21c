"""``fillwright exchange``: settings from a file and the command line, a server that runs, and its admin door."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from fillwright import __version__
from fillwright.bootstrap.folder import make_folder, write_private
from fillwright.exchange.server.admin_client import AdminClient, AdminError
from fillwright.exchange.server.keys import KeyKind
from fillwright.exchange.server.server import PortError, Server, serve
from fillwright.exchange.server.settings import BoxSettings, BoxSettingsError
from fillwright.exchange.server.state_file import StateFileError
from fillwright.options import (
    AddressInUseError,
    BadInputError,
    ExchangeKey,
    ExchangeOptions,
    ExchangePlace,
    ExchangeUp,
    NotReachedError,
    RefusedError,
    StorageFailedError,
)

PLACE_NAME = "exchange.json"
"""In a data folder: where a running exchange server is found, with its admin token; its owner's alone."""
SETTINGS_BYTES_MAX = 4 * 1024 * 1024


def settings_of(options: ExchangeOptions) -> BoxSettings:
    """The file's settings, those of the command line over them; raises BadInputError."""
    content: dict[str, Any] = {} if options.file is None else _read(options.file)
    merged = _merged(content, options.settings)
    try:
        return msgspec.convert(merged, BoxSettings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        where = "" if options.file is None else f"{options.file}: "
        raise BadInputError(f"{where}{error}") from error


def _path(kind: type, value: Any) -> Any:
    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return Path(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > SETTINGS_BYTES_MAX:
            raise BadInputError(f"{path}: larger than {SETTINGS_BYTES_MAX} bytes")
        text = path.read_bytes()
        content = (
            msgspec.json.decode(text)
            if path.suffix == ".json"
            else tomllib.loads(text.decode(), parse_float=str)
        )
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: is no table of settings")
    return content


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged


def run_exchange(options: ExchangeOptions, tell: Callable[[ExchangeUp], None]) -> None:
    """Run a server until SIGINT or SIGTERM; ``tell`` is called once it listens. Raises Failure."""
    settings = settings_of(options)
    place = options.data / PLACE_NAME
    make_folder(options.data)
    try:
        uvloop.run(_run(settings, place, tell))
    except BoxSettingsError as error:
        raise BadInputError(str(error)) from error
    except PortError as error:
        raise AddressInUseError(str(error)) from error
    except StateFileError as error:
        raise StorageFailedError(str(error)) from error
    finally:
        gc.unfreeze()
        _remove_own(place)


async def _run(settings: BoxSettings, place: Path, tell: Callable[[ExchangeUp], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    async with serve(settings) as server:
        where = ExchangePlace(url=server.url, token=server.admin_token, pid=os.getpid())
        try:
            write_private(place, msgspec.json.encode(where))
        except OSError as error:
            raise StorageFailedError(f"{place}: {error.strerror or error}") from error
        gc.collect()
        gc.freeze()  # what is here now stays: later collections need not look at it
        tell(_up(server))
        server.failed.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
        if server.failed.done():
            server.failed.result()


def _up(server: Server) -> ExchangeUp:
    box = server.box
    keys = [
        ExchangeKey(account=key.account_id, api_key=key.api_key, secret=key.secret)
        for key in box.keys.all()
        if key.kind is KeyKind.HMAC
    ]
    return ExchangeUp(
        url=server.url,
        port=server.port,
        pid=os.getpid(),
        version=__version__,
        admin_token=server.admin_token,
        source=box.settings.market.source.value,
        symbols=box.exchange.symbols,
        accounts=box.exchange.account_ids,
        keys=tuple(keys),
    )


def _remove_own(place: Path) -> None:
    """Remove the note of where the server is, unless another server has written its own there."""
    with suppress(OSError, msgspec.MsgspecError):
        if msgspec.json.decode(place.read_bytes(), type=ExchangePlace).pid == os.getpid():
            place.unlink()


def ask_exchange(
    data: Path, url: str | None, token: str | None, method: str, path: str, wish: Mapping[str, Any]
) -> Any:
    """Ask the admin door of the server that runs on a data folder, or of the one named; raises Failure."""
    if url is None or token is None:
        found = _place(data / PLACE_NAME)
        url, token = url or found.url, token or found.token
    try:
        client = AdminClient(url, token)
        return client.get(path) if method == "GET" else client.post(path, **wish)
    except AdminError as error:
        if error.status:
            raise RefusedError(str(error)) from error
        raise NotReachedError(str(error)) from error


def _place(path: Path) -> ExchangePlace:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ExchangePlace)
    except FileNotFoundError as error:
        raise NotReachedError(
            f"no exchange runs on {path.parent} (no {path.name}): start one with `fillwright exchange run`,"
            " or name it with --data, or --url and --token"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
