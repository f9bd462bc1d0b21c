from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from fillwright.api import events as module
from fillwright.core.events import Error, Record
from fillwright.core.types import SECOND
from fillwright.runtime.feed import Feed, Published
from tests.api.serving import TOKEN, Service, service
from tests.runtime.builders import run, until

BEARER = {"Authorization": f"Bearer {TOKEN}"}


def connect(made: Service, query: str = "", headers: dict[str, str] | None = None, **more: Any) -> Any:
    return made.http.ws_connect(
        f"{made.url}/api/events{query}", headers=BEARER if headers is None else headers, **more
    )


async def records_up_to(stream: aiohttp.ClientWebSocketResponse, seq: int) -> list[Any]:
    """All records until this one; control messages are passed over."""
    found: list[Any] = []
    while not found or found[-1]["seq"] < seq:
        message = json.loads(await stream.receive_str(timeout=10))
        if isinstance(message, list):
            found += message
    return found


def test_records_come_in_order_from_the_seq_on_as_the_journal_has_them(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            await made.open_position()
            feed = made.account.feed
            async with connect(made, "?since=5") as stream:
                hello = json.loads(await stream.receive_str())
                assert (hello["type"], hello["since"], hello["seq"]) == ("hello", 5, feed.last_seq)
                found = await records_up_to(stream, feed.last_seq)
                assert [record["seq"] for record in found] == list(range(6, feed.last_seq + 1))

                await made.open_position()
                later = await records_up_to(stream, feed.last_seq)
                assert [r["seq"] for r in later] == list(range(found[-1]["seq"] + 1, feed.last_seq + 1))
            journal = {record.seq: record for record in made.bench.records()}
            for record in (*found, *later):
                stored = json.loads(Published(journal[record["seq"]]).body)
                assert record == stored

    run(story())


def test_without_since_the_stream_begins_now_and_what_fell_out_of_the_feed_comes_from_the_journal(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            await made.open_position()
            feed: Feed = made.account.feed
            seq = feed.last_seq
            async with connect(made) as stream:
                assert json.loads(await stream.receive_str())["since"] == seq
            feed._ring.clear()  # as if very much had happened meanwhile
            async with connect(made, "?since=0") as stream:
                await stream.receive_str()
                lagged = json.loads(await stream.receive_str())
                assert lagged == {"type": "lagged", "since": 0, "seq": seq}
                found = await records_up_to(stream, seq)
                assert [record["seq"] for record in found] == list(range(1, seq + 1))
                await made.open_position()
                later = await records_up_to(stream, feed.last_seq)
                assert later[0]["seq"] == seq + 1

    run(story())


def test_the_token_comes_by_header_first_message_or_subprotocol_and_never_in_the_address(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            async with connect(made, headers={}) as stream:
                await stream.send_str(json.dumps({"token": TOKEN}))
                assert json.loads(await stream.receive_str())["type"] == "hello"
            async with connect(made, headers={}, protocols=["fillwright", f"bearer.{TOKEN}"]) as stream:
                assert stream.protocol == "fillwright"
                assert json.loads(await stream.receive_str())["type"] == "hello"

            for first in ('{"token": "wrong"}', "hello", '{"token": 5}'):
                async with connect(made, headers={}) as stream:
                    await stream.send_str(first)
                    assert json.loads(await stream.receive_str())["error"]["code"] == "UNAUTHORIZED"
                    assert (await stream.receive()).type is aiohttp.WSMsgType.CLOSE
                    assert stream.close_code == 4401
            for query, headers, status in (
                ("", {"Authorization": "Bearer wrong"}, 401),
                (f"?token={TOKEN}", BEARER, 400),
                ("?since=x", BEARER, 400),
                ("?since=" + "1" * 5_000, BEARER, 400),
                ("?prices=maybe", BEARER, 400),
            ):
                with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                    async with connect(made, query, headers):
                        pass
                assert caught.value.status == status

    run(story())


def test_who_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GREETING_MAX_S", 0.05)

    async def story() -> None:
        async with service(tmp_path) as made, connect(made, headers={}) as stream:
            assert json.loads(await stream.receive_str())["error"]["code"] == "UNAUTHORIZED"

    run(story())


def test_when_the_account_stops_its_readers_are_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made, connect(made) as stream:
            await stream.receive_str()
            made.account.stop_now()
            while (await stream.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert stream.close_code == 1012

    run(story())


def test_a_seq_that_is_not_there_yet_is_of_another_journal(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made, connect(made, "?since=999999") as stream:
            told = json.loads(await stream.receive_str())
            assert told["error"]["code"] == "SINCE_AHEAD"
            await stream.receive()
            assert stream.close_code == 4409

    run(story())


def test_who_comes_back_before_the_journal_is_read_is_not_told_that_it_is_another(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path, ready=False) as made, connect(made, "?since=5") as stream:
            told = json.loads(await stream.receive_str())
            assert told["error"]["code"] == "NOT_READY"
            await stream.receive()
            assert stream.close_code == 4503

    run(story())


def test_prices_are_pushed_to_those_alone_who_ask_for_them(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            await made.open_position()
            async with connect(made, "?prices=true") as stream:
                await stream.receive_str()
                prices = json.loads(await stream.receive_str())
                assert (prices["type"], prices["ready"]) == ("prices", True)
                assert prices["positions"][0]["last"] == "100"
                made.bench.clock.move(SECOND)
                async with connect(made) as other:
                    await other.receive_str()
                    await made.open_position()
                    assert isinstance(json.loads(await other.receive_str()), list)

    run(story())


def test_a_reader_that_never_reads_costs_a_bounded_amount_and_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_MAX_S", 0.3)
    monkeypatch.setattr(module, "PACE_S", 0)

    async def story() -> None:
        async with service(tmp_path) as made:
            small = socket.socket()
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            small.setblocking(False)
            await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", made.port))
            handshake = (
                f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            )
            await asyncio.get_running_loop().sock_sendall(small, handshake.encode())
            feed: Feed = made.account.feed
            await until(lambda: feed._waiting, "the reader follows")
            seq = feed.last_seq
            large = "x" * 200_000  # the sockets' buffers take some of it; then nothing goes out any more
            for _ in range(80):
                feed.publish([_error(feed, large)])
                await asyncio.sleep(0)
            tasks = made.reader_tasks()
            assert tasks
            await asyncio.wait(tasks, timeout=20)
            assert all(task.done() for task in tasks)

            feed._ring.clear()  # what was published here, nobody recorded
            feed.last_seq = seq
            assert (await made.send(trader_id="zoe"))[0] == 201
            small.close()

    run(story())


def _error(feed: Feed, text: str) -> Record:
    return Record(feed.last_seq + 1, 0, 0, Error(where="test", what=text))


def test_messages_are_made_once_for_all_who_are_as_far_and_bounded() -> None:
    feed, messages = Feed(), module.Messages()
    feed.publish([Record(seq, seq, 0, Error(where="a", what="b")) for seq in range(1, 6)])

    first = messages.after(feed, 2)
    assert first is not None
    assert first is messages.after(feed, 2)
    assert first[1] == 5
    assert [record["seq"] for record in msgspec.json.decode(first[0])] == [3, 4, 5]
    for seq in range(5):
        messages.after(feed, seq)
        feed.publish([_error(feed, "more")])
    assert len(messages._made) <= module.SHARED_MAX

    large = [Published(Record(seq, 0, 0, Error(where="a", what="x" * 200_000))) for seq in range(1, 5)]
    text, last = module.joined(large)
    assert (last, len(text) < module.MESSAGE_BYTES_MAX + 1000) == (1, True)
