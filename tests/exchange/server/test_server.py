from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop

from fillwright.core.types import MILLISECOND
from fillwright.exchange.server.server import PortError, Server, serve
from fillwright.exchange.server.state_file import StateFile, StateFileError
from tests.exchange.server.boxes import frozen, limit_order
from tests.exchange.server.http_box import HttpBox, HttpClient

WAIT_S = 10.0


def run(play: Any, **changes: Any) -> None:
    async def all_of_it() -> None:
        async with serve(frozen(port=0, **changes)) as server:
            await play(server)

    uvloop.run(all_of_it())


def test_a_server_answers_where_it_says() -> None:
    with HttpBox(frozen(port=0)) as box:
        client = HttpClient(box.server.port)
        assert client.send("GET", "ping", "").body == {}
        assert box.server.url == f"http://127.0.0.1:{box.server.port}"
        client.close()


def test_an_address_of_version_six_is_written_in_brackets() -> None:
    async def play() -> None:
        async with serve(frozen(port=0, host="::1")) as server:
            assert server.url == f"http://[::1]:{server.port}"

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    uvloop.run(play())


def test_a_port_in_use_is_named() -> None:
    async def play(server: Server) -> None:
        with pytest.raises(PortError, match=str(server.port)):
            async with serve(frozen(port=server.port)):
                pass

    run(play)


def test_a_stopped_server_goes_on_where_it_was(tmp_path: Path) -> None:
    async def trade(server: Server) -> None:
        server.box.exchange.execute("main", limit_order("40000"), server.box.now)

    async def look(server: Server) -> None:
        (order,) = server.box.exchange.open_orders("main")
        assert order.client_order_id == "a-1"
        assert len(server.box.keys.all()) == 1

    run(trade, state_file=tmp_path / "state.db")
    run(look, state_file=tmp_path / "state.db")


def test_a_running_server_saves_what_changed(tmp_path: Path) -> None:
    path, copy = tmp_path / "state.db", tmp_path / "copy" / "state.db"
    copy.parent.mkdir()

    def saved_orders() -> int:
        for suffix in ("", "-wal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        file = StateFile(copy)
        try:
            state = file.load()
        except StateFileError:
            return 0  # copied in the middle of a write
        finally:
            file.close()
        return 0 if state is None else state.exchange.count(b"a-1")

    async def play(server: Server) -> None:
        server.box.exchange.execute("main", limit_order("40000"), server.box.now)
        server.box.settle()
        async with asyncio.timeout(WAIT_S):
            while not saved_orders():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)

    run(play, state_file=path, save_every_us=20 * MILLISECOND)


def test_a_state_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("no state at all, and long enough to be looked at as a database")

    async def play(_server: Server) -> None:
        raise AssertionError("it started")

    with pytest.raises(StateFileError):
        run(play, state_file=path)


def test_the_log_is_whole_when_the_server_has_stopped(tmp_path: Path) -> None:
    async def play(server: Server) -> None:
        server.box.exchange.execute("main", limit_order("40000"), server.box.now)
        server.box.settle()

    run(play, log_file=tmp_path / "log")
    assert (tmp_path / "log").read_text().count("\n") == 2


def test_a_bug_in_the_box_is_told_to_whoever_runs_the_server() -> None:
    async def play(server: Server) -> None:
        server.box.clock.resume()
        server.box.every(MILLISECOND, lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(server.failed, WAIT_S)

    run(play)
