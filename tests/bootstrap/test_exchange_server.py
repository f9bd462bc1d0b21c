from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from fillwright.bootstrap.exchange_server import PLACE_NAME, ask_exchange, run_exchange, settings_of
from fillwright.exchange.server.settings import SourceKind
from fillwright.options import (
    AddressInUseError,
    BadInputError,
    ExchangeOptions,
    ExchangePlace,
    ExchangeUp,
    NotReachedError,
    RefusedError,
    StorageFailedError,
)

SCRIPTED = {"port": 0, "market": {"source": "script"}, "clock": {"is_frozen": True}}


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "box.toml"
    file.write_text(
        'seed = 4\nstate_file = "s.db"\n[market]\nsource = "script"\ntrades_per_second = 2.5\n'
        '[[accounts]]\naccount_id = "a"\nmaker_fee = 0.00075\n[accounts.balances]\nUSDT = 0.1\n'
    )
    options = ExchangeOptions(
        data=tmp_path, file=file, settings={"seed": 5, "market": {"trades_per_second": 3}}
    )
    settings = settings_of(options)
    assert (settings.seed, settings.state_file) == (5, Path("s.db"))
    assert (settings.market.source, settings.market.trades_per_second) == (SourceKind.SCRIPT, 3.0)
    assert str(settings.accounts[0].balances["USDT"]) == "0.1"
    assert str(settings.accounts[0].maker_fee) == "0.00075"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", "[]", "no table"),
        ("a.json", "{", "cannot be read"),
        ("a.toml", "a = ", "cannot be read"),
        ("a.toml", "seeds = 1", "seeds"),
        ("a.json", '{"state_file": 5}', "Path"),
        ("a.json", '{"port": -1}', "port"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(BadInputError, match=told):
        settings_of(ExchangeOptions(data=tmp_path, file=file))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere\.toml"):
        settings_of(ExchangeOptions(data=tmp_path, file=tmp_path / "nowhere.toml"))


def test_a_server_leaves_a_note_of_where_it_is_until_it_stops(tmp_path: Path) -> None:
    place = tmp_path / "data" / PLACE_NAME
    ups: list[ExchangeUp] = []

    def stop(up: ExchangeUp) -> None:
        ups.append(up)
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        found = msgspec.json.decode(place.read_bytes(), type=ExchangePlace)
        assert (found.url, found.token, found.pid) == (up.url, up.admin_token, os.getpid())
        os.kill(os.getpid(), signal.SIGTERM)

    run_exchange(ExchangeOptions(data=tmp_path / "data", settings=SCRIPTED), stop)
    (up,) = ups
    assert (up.accounts, up.source, len(up.keys[0].secret)) == (("main",), "script", 64)
    assert not place.exists()


def test_another_server_s_note_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / PLACE_NAME

    def stop(_up: ExchangeUp) -> None:
        place.write_bytes(msgspec.json.encode(ExchangePlace(url="http://other", token="t", pid=1)))
        os.kill(os.getpid(), signal.SIGTERM)

    run_exchange(ExchangeOptions(data=tmp_path, settings=SCRIPTED), stop)
    assert place.exists()


def never(_up: ExchangeUp) -> None:
    raise AssertionError("it started")


def test_failures_are_told_by_their_kind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=str(port)):
            run_exchange(ExchangeOptions(data=tmp_path, settings=SCRIPTED | {"port": port}), never)
    with pytest.raises(BadInputError, match="BTCUSDT"):
        run_exchange(ExchangeOptions(data=tmp_path, settings=SCRIPTED | {"symbols": ["BTCUSTD"]}), never)
    (tmp_path / "s.db").write_text("this is text, and not a database, whatever its name may promise")
    settings = SCRIPTED | {"state_file": str(tmp_path / "s.db")}
    with pytest.raises(StorageFailedError, match="not a database"):
        run_exchange(ExchangeOptions(data=tmp_path, settings=settings), never)


def test_a_server_is_asked_where_its_note_says(tmp_path: Path) -> None:
    with pytest.raises(NotReachedError, match="no exchange runs"):
        ask_exchange(tmp_path, None, None, "GET", "/status", {})
    (tmp_path / PLACE_NAME).write_text("{")
    with pytest.raises(BadInputError, match="cannot be read"):
        ask_exchange(tmp_path, None, None, "GET", "/status", {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NotReachedError):
        ask_exchange(tmp_path, url, "t", "POST", "/price", {"symbol": "BTCUSDT"})


def test_a_server_that_refuses_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    from tests.exchange.server.boxes import frozen
    from tests.exchange.server.http_box import HttpBox

    with HttpBox(frozen(port=0, admin_token="t")) as box:
        url = box.server.url
        assert ask_exchange(tmp_path, url, "t", "GET", "/time", {})["is_frozen"]
        assert ask_exchange(tmp_path, url, "t", "POST", "/time", {"action": "step", "by_us": 5})["now"]
        with pytest.raises(RefusedError, match="token"):
            ask_exchange(tmp_path, url, "wrong", "GET", "/time", {})
