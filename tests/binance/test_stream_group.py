from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from fillwright.binance.pacing import RateWindow
from fillwright.binance.stream_group import StreamGroup, StreamSettings
from fillwright.wire.market_streams import MarketMessage, TradeMessage
from tests.binance.server import FakeBinance, fake_binance

SETTINGS = StreamSettings(
    silence_s=5.0,
    overlap_s=0.05,
    backoff_base_s=0.01,
    backoff_cap_s=0.05,
    connect_timeout_s=2.0,
    stable_s=0.0,
)


class Watched:
    """A group and what it said."""

    def __init__(self, server: FakeBinance, streams: list[str], settings: StreamSettings) -> None:
        self.server = server
        self.messages: list[tuple[bytes, MarketMessage]] = []
        self.states: list[tuple[bool, str]] = []
        self.group = StreamGroup(
            server.endpoints.streams,
            streams,
            self._deliver,
            self._told,
            settings=settings,
            attempts=RateWindow(280, 300.0),
            draw=random.Random(1),
        )

    def _deliver(self, stream: bytes, message: MarketMessage) -> None:
        self.messages.append((stream, message))
        self.server.changed.set()

    def _told(self, is_up: bool, why: str) -> None:
        self.states.append((is_up, why))
        self.server.changed.set()

    @property
    def is_up(self) -> bool:
        return bool(self.states) and self.states[-1][0]

    @property
    def trade_ids(self) -> list[int]:
        return [message.trade_id for _, message in self.messages if isinstance(message, TradeMessage)]


@asynccontextmanager
async def watched(
    server: FakeBinance, streams: list[str] | None = None, settings: StreamSettings = SETTINGS
) -> AsyncIterator[Watched]:
    found = Watched(server, streams or ["btcusdt@trade"], settings)
    task = asyncio.create_task(found.group.run())
    try:
        yield found
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])


def play(story: Callable[[FakeBinance], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fake_binance() as server:
            await story(server)

    asyncio.run(run())


def changed(**changes: float) -> StreamSettings:
    return msgspec.structs.replace(SETTINGS, **changes)


def test_streams_beyond_the_url_are_subscribed_to_within_the_limits() -> None:
    async def story(server: FakeBinance) -> None:
        names = [f"coin{number}@trade" for number in range(1_024)]
        async with watched(server, names, changed(url_streams_max=256)) as found:
            await server.until(lambda: found.is_up, "up")
            (client,) = server.clients
            assert client.streams == names
            assert [len(request["params"]) for request in client.requests] == [256] * 3
            server.trade("COIN1023", "1.0")
            await server.until(lambda: bool(found.messages), "a message")
            assert found.messages[0][0] == b"coin1023@trade"

    play(story)


def test_it_connects_again_and_subscribes_again() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server, ["a@trade", "b@trade", "c@trade"], changed(url_streams_max=1)) as found:
            for number in range(1, 4):
                await server.until(lambda: found.is_up and bool(server.open), "up")
                assert server.clients[-1].streams == ["a@trade", "b@trade", "c@trade"]
                server.clients[-1].drop()
                await server.until(
                    lambda n=number: found.states.count((False, "the connection was lost")) == n, "down"
                )  # type: ignore[misc]

    play(story)


def test_refusals_are_waited_out() -> None:
    async def story(server: FakeBinance) -> None:
        server.refusals = 6
        async with watched(server) as found:
            await server.until(lambda: found.is_up, "up")
            assert server.attempts == 7
            assert found.states[:-1] == [(False, "HTTP status 503")] * 6

    play(story)


def test_a_server_that_shuts_down_is_left_for_another_without_missing_anything() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server) as found:
            await server.until(lambda: found.is_up, "up")
            (old,) = server.clients
            server.trade("BTCUSDT", "1.0")
            old.shut_down()
            await server.until(lambda: len(server.clients) == 2, "another connection")
            new = server.clients[1]
            assert old.is_open
            server.trade("BTCUSDT", "2.0", [old])
            server.trade("BTCUSDT", "3.0", [old])
            server.trade("BTCUSDT", "3.0", [new], again=1)
            await server.until(lambda: not old.is_open, "the old one closed")
            server.trade("BTCUSDT", "4.0")
            await server.until(lambda: 1_004 in found.trade_ids, "a trade of the new one")
            assert sorted(set(found.trade_ids)) == [1_001, 1_002, 1_003, 1_004]
            assert found.states == [(True, "")]

    play(story)


def test_connections_are_replaced_before_their_day_is_over() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server, settings=changed(rotate_after_s=0.2, overlap_s=0.02)) as found:
            while len(server.clients) < 4:
                server.trade("BTCUSDT", "1.0")
                await asyncio.sleep(0.005)
            assert found.states == [(True, "")]
            assert len(server.open) <= 2

    play(story)


def test_a_replacement_that_fails_leaves_the_old_one_at_work() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server) as found:
            await server.until(lambda: found.is_up, "up")
            server.refusals = 3
            server.clients[0].shut_down()
            await server.until(lambda: server.attempts == 4, "tried")
            server.trade("BTCUSDT", "1.0")
            await server.until(lambda: bool(found.messages), "delivered meanwhile")
            await server.until(lambda: len(server.clients) == 2, "replaced")
            assert found.states == [(True, "")]

    play(story)


def test_an_end_before_there_is_a_replacement_is_a_break() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server) as found:
            await server.until(lambda: found.is_up, "up")
            server.refusals = 10_000
            server.clients[0].shut_down()
            await server.until(lambda: server.attempts >= 3, "tried")
            server.clients[0].drop()
            await server.until(lambda: not found.is_up, "down")
            assert found.states[1] == (False, "the connection was lost while it was being replaced")
            server.refusals = 0
            await server.until(lambda: found.is_up, "up again")

    play(story)


def test_silence_is_broken_by_a_ping_or_ends_the_connection() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server, settings=changed(silence_s=0.2)) as found:
            await server.until(lambda: found.is_up, "up")
            (client,) = server.clients
            await server.until(lambda: len(client.pings) >= 3, "three signs of life")
            assert found.states == [(True, "")]
            server.answers_pings = False
            await server.until(lambda: len(server.clients) == 2, "another connection")
            assert (False, "nothing was heard for 0.2 s") in found.states

    play(story)


def test_a_subscription_without_reply_is_a_failure_and_a_refused_one_is_told() -> None:
    async def story(server: FakeBinance) -> None:
        server.is_mute = True
        quick = changed(url_streams_max=1, connect_timeout_s=0.2)
        async with watched(server, ["a@trade", "b@trade"], quick) as found:
            await server.until(
                lambda: (False, "no reply to a request within 0.2 s") in found.states, "a failure"
            )
            server.is_mute = False
            server.bad_streams = {"b@trade"}
            await server.until(lambda: found.is_up, "up")
            assert "Binance refused some streams: Invalid request: invalid stream" in found.states[-1][1]

    play(story)


def test_what_cannot_be_read_is_counted_and_left_out() -> None:
    async def story(server: FakeBinance) -> None:
        async with watched(server) as found:
            await server.until(lambda: found.is_up, "up")
            client = server.clients[0]
            client.send_text(b'{"stream":"btcusdt@trade","data":{"e":"trade","p":"NaN"}}')
            client.send_text(b"nonsense")
            client.send_text({"result": None, "id": 99})
            client.send_text({"error": {"code": 3, "msg": "odd"}, "id": 98})
            server.trade("BTCUSDT", "1.0")
            await server.until(lambda: bool(found.messages), "a message")
            assert found.group.unreadable == 2
            assert "not a message" in found.group.last_unreadable
            assert found.group.refused == "Binance refused a request: odd"

    play(story)


def test_what_the_receiver_raises_ends_it() -> None:
    async def story(server: FakeBinance) -> None:
        found = Watched(server, ["btcusdt@trade"], SETTINGS)

        def raising(stream: bytes, message: MarketMessage) -> None:
            raise ZeroDivisionError

        found.group._deliver = raising
        task = asyncio.create_task(found.group.run())
        await server.until(lambda: found.is_up, "up")
        server.trade("BTCUSDT", "1.0")
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 10)

    play(story)
