"""Keys never appear: canaries in every place where a secret may stand, and a search of everything that is said."""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
import re
import secrets
import subprocess
import sys
import traceback
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from fillwright.binance.endpoints import Endpoints
from fillwright.binance.signers import SigningKeyError, make_signer
from fillwright.config import load
from fillwright.ops.logs import configure_logs
from fillwright.runtime.clock import SystemClock
from fillwright.venues.binance_place import BinancePlace
from fillwright.venues.ccxt import CcxtKeys, CcxtVenue
from tests.e2e.exchange.box import Box, running_box
from tests.e2e.forked import Forked
from tests.e2e.processes import environment
from tests.e2e.service import TOKEN, Service, toml
from tests.e2e.test_real import enter, protected, until

PART = 16
"""So many characters in a row of a secret are a leak of it."""
COMMANDS = (
    ("show-config",),
    ("show-config", "--json"),
    ("doctor",),
    ("status",),
    ("mode",),
    ("positions",),
    ("orders",),
    ("trades",),
    ("emergency-stop", "--yes"),
    ("emergency-stop", "--keys", "fillwright.toml", "--testnet", "--yes", "--watch", "0"),
)


def disguises(secret: str) -> set[str]:
    """A secret and its parts, as they stand or as some layer would write them."""
    plain = "".join(line for line in secret.splitlines() if "-----" not in line)
    whole = {plain, urllib.parse.quote(plain, safe=""), plain.encode().hex()}
    whole |= {base64.b64encode(plain[shift:].encode()).decode()[4:-4] for shift in range(3)}
    return {one[at : at + PART] for one in whole for at in range(0, len(one) - PART + 1, PART // 2)}


def leaks(text: str | bytes, canaries: Sequence[str]) -> list[str]:
    """What a text holds of any of the canaries."""
    said = text.decode("latin-1") if isinstance(text, bytes) else text
    said = said.replace("\\n", "").replace("\n", "")
    return [part for canary in canaries for part in sorted(disguises(canary)) if part in said]


@pytest.mark.parametrize(
    "write",
    [
        lambda secret: f"x={secret}&y",
        lambda secret: f"…{secret[5:40]}…",
        lambda secret: base64.b64encode(b"user:" + secret.encode()).decode(),
        lambda secret: secret.encode().hex(),
        urllib.parse.quote,
    ],
)
def test_a_leak_is_found(write: Any) -> None:
    assert leaks(write("b+/" + secrets.token_urlsafe(48)), ["other" * 9]) == []
    canary = "b+/" + secrets.token_urlsafe(48)
    assert leaks(write(canary), [canary])
    assert leaks(write(canary).encode(), [canary])


# -- a service with keys ------------------------------------------------------------------------------------------


@contextmanager
def running(folder: Path, account: dict[str, Any], box: Box, log_format: str) -> Iterator[Service]:
    places = {"rest_url": box.rest, "websocket_api_url": box.ws, "streams_url": box.ws}
    changes: dict[str, dict[str, Any]] = {
        "trading": {"mode": "testnet"},
        "testnet": {**account, **places},
        "log": {"format": log_format, "level": "debug"},
    }
    with Service(folder / "service", symbols=("BTCUSDT",), changes=changes, forked=True) as service:
        service.start()
        service.wait_ready()
        yield service


def make_trouble(box: Box) -> None:
    """Answers that say what was asked, or nothing, or that nobody may."""
    for fault in (
        {"outcome": "masked", "http_status": 500, "body": "<html>", "content_type": "text/html"},
        {"outcome": "answer_lost"},
        {"outcome": "refused", "code": -1022},
        {"outcome": "refused", "code": -2015},
        {"outcome": "refused", "code": -1021},
        {"outcome": "masked", "http_status": 200, "body": "[}"},
    ):
        box.admin.post("/faults", of="requests", endpoint="*", **fault)


def all_that_the_api_says(service: Service) -> str:
    """Every GET without parameters, right and wrong tokens, and answers to nonsense."""
    said = []
    paths = json.loads(service.got("/docs/openapi.json"))["paths"]
    for path in sorted(path for path, methods in paths.items() if "get" in methods and "{" not in path):
        if path in ("/api/events", "/api/stream"):
            continue  # they do not end
        for token in (TOKEN, "wrong" * 9, None):
            said.append(str(service.ask("GET", path, token=token)))
    for body in ({"symbol": "x"}, [1], None):
        said.append(str(service.ask("POST", "/api/signals", body)))
    said.append(str(service.ask("POST", "/api/trading/mode", {"mode": "mainnet", "confirmed": True})))
    return "\n".join(said)


def answers(service: Service) -> bool:
    try:
        return bool(service.get("/readyz"))
    except OSError:
        return False


def ended(words: Sequence[str], folder: Path, **variables: str) -> str:
    """All that a command says; it must end by itself."""
    log = folder / "said.log"
    log.unlink(missing_ok=True)
    process = Forked(words, folder, {**environment(), **variables}, log)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return log.read_text(errors="replace")


def written(service: Service) -> Iterator[tuple[str, bytes]]:
    """Every file that the service has made, its journal among them."""
    for file in sorted(service.folder.rglob("*")):
        if file.is_file() and file.name != "fillwright.toml":
            yield str(file.relative_to(service.folder)), file.read_bytes()


@pytest.mark.parametrize(("kind", "log_format"), [("HMAC", "json"), ("Ed25519", "console")])
def test_a_service_in_trouble_says_nothing_of_its_keys(tmp_path: Path, kind: str, log_format: str) -> None:
    with running_box(source="synthetic", trades_per_second=20, forked=True) as box:
        if kind == "HMAC":
            account = {"api_key": box.api_key, "secret": box.secret}
        else:
            account = {"api_key": box.ed25519_key, "private_key": box.ed25519_private}
        canaries = [*account.values(), TOKEN]
        with running(tmp_path, account, box, log_format) as service:
            position = enter(service)
            until(protected(service, position), "a protected position")
            make_trouble(box)
            service.ask("POST", f"/api/positions/{position}/close", {"reason": "drill"})
            said = all_that_the_api_says(service)
            said += "".join(
                ended(words, service.folder, FILLWRIGHT__SERVER__TOKEN=TOKEN) for words in COMMANDS
            )
            box.admin.post("/keys/revoke", api_key=account["api_key"])
            service.stop()
            service.start()
            until(lambda: "API-key" in service.log, "the key is refused")
            until(lambda: answers(service), "it says that it is not ready")
            said += all_that_the_api_says(service)
            service.stop()
            said += service.log
            found = {name: leaks(content, canaries) for name, content in written(service)}
        for word in ("testnet.api_key", "API-key", "STOP_LOSS"):
            assert word in said, "there is something to search"
        assert "traceback" not in said.lower()
        assert leaks(said, canaries) == []
        assert {name: parts for name, parts in found.items() if parts} == {}


# -- keys in the wrong place ---------------------------------------------------------------------------------------

PRIVATE = Ed25519PrivateKey.generate()
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PASSWORD = "pw" + secrets.token_urlsafe(32)
LOCKED = PRIVATE.private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
).decode()
CANARY = "cn" + secrets.token_urlsafe(45).replace("-", "a").replace("_", "b")
NOWHERE = {
    "rest_url": "http://127.0.0.1:1",
    "websocket_api_url": "ws://127.0.0.1:1",
    "streams_url": "ws://127.0.0.1:1",
}
MISTAKES: dict[str, dict[str, Any]] = {
    "the key for its file": {"api_key": CANARY, "secret_file": CANARY},
    "no secret": {"api_key": CANARY},
    "two secrets": {"api_key": CANARY, "secret": CANARY, "private_key": PEM},
    "no key in the PEM": {"api_key": CANARY, "private_key": CANARY, "key_type": "Ed25519"},
    "half of a PEM": {"api_key": CANARY, "private_key": PEM[: len(PEM) // 2]},
    "no password": {"api_key": CANARY, "private_key": LOCKED},
    "a wrong password": {"api_key": CANARY, "private_key": LOCKED, "private_key_password": CANARY},
    "another kind": {"api_key": CANARY, "private_key": PEM, "key_type": "HMAC"},
    "an unknown kind": {"api_key": CANARY, "secret": CANARY, "key_type": CANARY},
    "a misspelled name": {"api_key": CANARY, "secrett": CANARY},
    "a key as an address": {"api_key": CANARY, "secret": CANARY, "rest_url": CANARY},
    "a list": {"api_key": CANARY, "secret": [CANARY]},
    "a letter that is none": {"api_key": CANARY + "\u0000é", "secret": CANARY},
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_settings_that_are_wrong_are_refused_without_being_shown(tmp_path: Path, mistake: str) -> None:
    canaries = [CANARY, PASSWORD, PEM, LOCKED]
    (tmp_path / "fillwright.toml").write_text(
        toml({"testnet": {**NOWHERE, **MISTAKES[mistake]}, "data": {"dir": "data"}}), encoding="utf-8"
    )
    said = "".join(
        ended(words, tmp_path) for words in (("show-config",), ("run", "--no-trader", "--port", "0"))
    )
    assert leaks(said, canaries) == []
    assert "Traceback" not in said


def test_variables_of_the_environment_are_not_shown(tmp_path: Path) -> None:
    variables = {"FILLWRIGHT__TESTNET__API_KEY": CANARY, "FILLWRIGHT__TESTNET__SECRET": CANARY}
    done = subprocess.run(
        [sys.executable, "-m", "fillwright", "show-config", "--json"],
        cwd=tmp_path,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "testnet.api_key" in done.stdout
    assert leaks(done.stdout + done.stderr, [CANARY]) == []


# -- objects and tracebacks ------------------------------------------------------------------------------------------


API_KEY = "ak" + secrets.token_hex(31)


def described(thing: Any) -> tuple[str, str]:
    """An object as people print it, and what it holds printed the same way."""
    fields = [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
    held = itertools.chain(vars(thing).values() if hasattr(thing, "__dict__") else (), fields)
    return f"{thing!r} {thing}", " ".join(f"{part!r} {part}" for part in held)


def test_objects_that_hold_keys_show_nothing_of_them(tmp_path: Path) -> None:
    file = tmp_path / "fillwright.toml"
    file.write_text(toml({"testnet": {"api_key": API_KEY, "secret": CANARY}}))
    config = load([file], environment={})
    pem = rsa.generate_private_key(65_537, 2_048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    endpoints = Endpoints(rest="http://x", streams="ws://x", websocket_api="ws://x")
    keys = CcxtKeys(SecretStr(API_KEY), SecretStr(CANARY), SecretStr(CANARY))
    things: list[Any] = [config, *config.real.values(), keys, CcxtVenue("a", keys, SystemClock())]
    for secret in (CANARY, PEM, pem.decode()):
        signer, place = make_signer(SecretStr(API_KEY), SecretStr(secret)), BinancePlace(endpoints)
        things += [signer, place, place.rest(signer), place.venue("a", signer, SystemClock())]
    for thing in things:
        itself, held = described(thing)
        assert leaks(itself, [API_KEY, CANARY, PEM, pem.decode()]) == [], type(thing)
        assert leaks(held, [CANARY, PEM, pem.decode()]) == [], type(thing)


def test_what_is_wrong_with_a_key_is_said_without_it() -> None:
    for secret in (CANARY + "\nx", "-----BEGIN PRIVATE KEY-----\n" + CANARY, LOCKED, ""):
        try:
            make_signer(SecretStr(CANARY), SecretStr(secret))
        except SigningKeyError as error:
            text = "".join(traceback.format_exception(error))
            assert leaks(text, [CANARY, LOCKED, PEM]) == []


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_tracebacks_in_the_log_show_no_variables(log_format: str) -> None:
    out = io.StringIO()
    before = structlog.get_config()
    handlers, level = logging.root.handlers[:], logging.root.level
    configure_logs(log_format, "debug", out)
    try:
        _fail(CANARY)
    except ValueError:
        structlog.get_logger().exception("it failed", secret=CANARY, api_key=CANARY)
        logging.getLogger("a library").exception("it failed, too")
    finally:
        structlog.configure(**before)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    said = out.getvalue()
    assert said.count("ValueError") >= 2
    assert re.search("it failed, too", said)
    assert leaks(said, [CANARY]) == []


def _fail(secret: str) -> None:
    key = json.dumps({"key": secret})
    raise ValueError(f"a key of {len(key)} characters")
