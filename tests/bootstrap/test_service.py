"""What keeps a service from starting, told before anything is changed; the service itself is in tests/e2e."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
import structlog

from fillwright.api.address import bind
from fillwright.bootstrap import run_service
from fillwright.bootstrap import service as module
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.service import (
    ACCOUNT_ID,
    _Plan,
    clock_after,
    mainnet_warnings_of,
    read_faults,
    warnings_of,
)
from fillwright.bootstrap.sources import Prices
from fillwright.config import ServerConfig, load
from fillwright.core.events import Error, ReconciliationComplete, Record
from fillwright.core.types import SECOND, Mode
from fillwright.options import (
    AddressInUseError,
    AlreadyRunningError,
    BadInputError,
    ServiceOptions,
    ServiceUp,
)
from fillwright.ports import MarketUnavailableError, NotADatabaseError, SchemaTooNewError
from fillwright.storage.sql import open_read_model, open_store
from tests.e2e.processes import environment

SYNTHETIC = '[market]\nfeed = "synthetic"\n[server]\nport = 0\n'


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def refuse(up: ServiceUp) -> None:
    raise AssertionError("it has started")


def start(
    tmp_path: Path,
    text: str = SYNTHETIC,
    trader: str | None = None,
    tell: Callable[[ServiceUp], None] = refuse,
) -> None:
    (tmp_path / "fillwright.toml").write_text(text)
    config = load(environment={}, folder=tmp_path, overrides={"data.dir": str(tmp_path / "data")})
    run_service(ServiceOptions(config=config, trader=trader), tell)


LOOK = "import sys, fillwright.cli, fillwright.bootstrap.service; print(*sys.modules, sep=chr(10))"
LATE = {"litestar", "uvicorn", "aiohttp", "picows", "numpy", "pyarrow", "alembic", "fillwright.traders"}
"""What a recovery does not need, and what takes longer to load than it does to recover."""


def test_what_is_open_is_protected_before_prices_and_api_are_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "fillwright.runtime.recovery" in loaded
    assert LATE & loaded == set()


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        ('feed = "tape"', "no tape is named"),
        ('feed = "tape"\ntapes = ["nowhere.csv"]', "nowhere.csv"),
        ('feed = "synthetic"\nsymbols = ["NOPEUSDT"]', "unknown symbol NOPEUSDT"),
        ('feed = "synthetic"\nexchange_info = "nowhere.json"', "nowhere.json"),
        ('feed = "synthetic"\n[paper]\nfaults = "nowhere.json"', "nowhere.json"),
    ],
)
def test_wrong_input_touches_nothing(tmp_path: Path, market: str, expected: str) -> None:
    with pytest.raises(BadInputError, match=expected):
        start(tmp_path, f"[server]\nport = 0\n[market]\n{market}\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[trading]\nmode = 'testnet'\n", r"\[testnet\] has no api_key"),
        ("[testnet]\napi_key = 'a'\nsecret = '-----BEGIN X'\n", r"\[testnet\]: the private key"),
    ],
)
def test_accounts_that_cannot_be_made_touch_nothing(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(BadInputError, match=expected):
        start(tmp_path, SYNTHETIC + text)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("allowed", "expected"), [("true", 0), ("", 1)])
def test_mainnet_without_the_environments_word_is_warned_of(
    tmp_path: Path, allowed: str, expected: int
) -> None:
    (tmp_path / "fillwright.toml").write_text("[mainnet]\napi_key = 'a'\nsecret = 'b'\n")
    config = load(environment={"ALLOW_MAINNET_TRADING": allowed}, folder=tmp_path)
    assert len(mainnet_warnings_of(config)) == expected
    assert _Plan(ServiceOptions(config=config, no_trader=True)).durability == (
        "normal" if expected else "full"
    )


def test_the_example_never_trades_on_a_real_account(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text("[testnet]\napi_key = 'a'\nsecret = 'b'\n")
    plan = _Plan(ServiceOptions(config=load(environment={}, folder=tmp_path)))
    assert [(one.strategy.trader_id, one.mode) for one in plan.enlisted()] == [("breakout", Mode.PAPER)]
    assert plan.real_intervals == ("15m",)
    (tmp_path / "fillwright.toml").write_text(
        "[testnet]\napi_key = 'a'\nsecret = 'b'\n[traders.ada]\nclass = 'breakout'\ninterval = '1m'\n"
    )
    plan = _Plan(ServiceOptions(config=load(environment={}, folder=tmp_path)))
    first, second = plan.enlisted()
    assert (first.mode, second.mode) == (Mode.PAPER, Mode.TESTNET)
    assert first.strategy is not second.strategy
    assert plan.real_intervals == ("1m", "15m")


def test_the_books_are_compared_before_a_source_of_prices_is_chosen_and_none_at_all_ends_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bool] = []

    async def choose(prices: Prices) -> NoReturn:
        with open_read_model(tmp_path / "data" / "journal.db") as model:
            records = model.records(ACCOUNT_ID, 0)
        compared.append(any(isinstance(record.event, ReconciliationComplete) for record in records))
        raise MarketUnavailableError("no prices today")

    monkeypatch.setattr(Prices, "choose", choose)
    monkeypatch.setattr(module, "FIRST_MAX_S", 60)
    with pytest.raises(BadInputError, match="no prices today"):
        start(tmp_path)
    assert compared == [True]
    assert gc.isenabled()


def test_garbage_is_collected_once_it_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before: list[bool] = []
    after: list[bool] = []

    def look() -> type[Prices]:
        before.append(gc.isenabled())
        return Prices

    def tell(up: ServiceUp) -> None:
        after.append(gc.isenabled())
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(module, "_load_sources", look)
    start(tmp_path, tell=tell)
    gc.unfreeze()
    assert (before, after) == ([False], [True])


def test_a_trader_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nobody"):
        start(tmp_path, trader="nobody")


def test_a_data_folder_in_use(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data"), pytest.raises(AlreadyRunningError):
        start(tmp_path)


def test_a_port_in_use(tmp_path: Path) -> None:
    with closing(bind("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(AddressInUseError, match=rf":{port}: .*--port"):
            start(tmp_path, f'[market]\nfeed = "synthetic"\n[server]\nport = {port}\n')
    with DataFolder(tmp_path / "data"):
        pass  # and the folder is free again


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "journal.db"
    with open_store(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(SchemaTooNewError, match="newer fillwright"):
        start(tmp_path)


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").write_text("not a database at all, but long enough to be read " * 50)
    with pytest.raises(NotADatabaseError):
        start(tmp_path)


def test_a_fault_plan(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"seed": 7, "rates": {"lost": 0.25}}')
    assert (read_faults(path).seed, read_faults(path).rates.lost) == (7, 0.25)
    path.write_text('{"seed": "seven"}')
    with pytest.raises(BadInputError, match="not a fault plan"):
        read_faults(path)
    path.write_text(" " * 1_000_001)
    with pytest.raises(BadInputError, match="larger than"):
        read_faults(path)


def test_who_opens_it_to_others_is_told_what_that_means() -> None:
    assert warnings_of(ServerConfig()) == ()
    token, plain = warnings_of(ServerConfig(host="0.0.0.0"))
    assert "token" in token
    assert "TLS" in plain
    assert warnings_of(ServerConfig(host="0.0.0.0", tls_proxy=True)) == (token,)


def test_the_clock_goes_on_from_the_journals_end(tmp_path: Path) -> None:
    ahead = time.time_ns() // 1_000 + 3_600 * SECOND
    with open_store(tmp_path / "journal.db") as store:
        assert clock_after(store.journal).now() < ahead
        records = [Record(seq, ahead + seq, 0, Error(where="here", what="it")) for seq in (1, 2)]
        store.journal.append(ACCOUNT_ID, 0, records)
        clock = clock_after(store.journal)
        assert ahead + 2 <= clock.now() < ahead + 60 * SECOND
