from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fillwright.binance.connection import Connection, ConnectionFailed, connect
from fillwright.binance.keeping import Keeper, KeepSettings, until_set
from tests.binance.server import FakeBinance, fake_binance

SETTINGS = KeepSettings(backoff_base_s=0.001, backoff_cap_s=0.01, stable_s=0.0, overlap_s=0.0)


class Kept:
    """A keeper, what it said, and who took over from whom."""

    def __init__(self, server: FakeBinance, settings: KeepSettings = SETTINGS) -> None:
        self.server = server
        self.states: list[tuple[bool, str]] = []
        self.made: list[Connection] = []
        self.taken_over: list[tuple[int, int]] = []
        self.failures: list[ConnectionFailed] = []
        """What the next attempts meet."""
        self.keeper = Keeper(self._make, self._take_over, self._told, settings, random.Random(1))

    async def _make(self) -> Connection:
        if self.failures:
            raise self.failures.pop(0)
        url = f"{self.server.endpoints.streams}/stream?streams=a@trade&timeUnit=MICROSECOND"
        self.made.append(await connect(url, lambda _, __: None, timeout_s=2.0))
        return self.made[-1]

    async def _take_over(self, old: Connection, new: Connection) -> None:
        self.taken_over.append((self.made.index(old), self.made.index(new)))

    def _told(self, is_up: bool, why: str) -> None:
        self.states.append((is_up, why))
        self.server.changed.set()


@asynccontextmanager
async def kept(server: FakeBinance, settings: KeepSettings = SETTINGS) -> AsyncIterator[Kept]:
    found = Kept(server, settings)
    task = asyncio.create_task(found.keeper.run())
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


def test_attempts_go_on_until_one_succeeds() -> None:
    async def story(server: FakeBinance) -> None:
        found = Kept(server)
        found.failures = [ConnectionFailed("no"), ConnectionFailed("not yet")]
        task = asyncio.create_task(found.keeper.run())
        await server.until(lambda: (True, "") in found.states, "up")
        assert found.states == [(False, "no"), (False, "not yet"), (True, "")]
        assert found.keeper.connections == 1
        task.cancel()
        await asyncio.wait([task])
        await server.until(lambda: not server.open, "closed")

    play(story)


def test_a_failure_may_say_how_long_to_wait() -> None:
    async def story(server: FakeBinance) -> None:
        found = Kept(server)
        found.failures = [ConnectionFailed("banned", 0.2)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        task = asyncio.create_task(found.keeper.run())
        await server.until(lambda: (True, "") in found.states, "up")
        assert loop.time() - began >= 0.2
        task.cancel()
        await asyncio.wait([task])

    play(story)


def test_why_a_connection_was_given_up_is_told() -> None:
    async def story(server: FakeBinance) -> None:
        async with kept(server) as found:
            await server.until(lambda: len(found.states) == 1, "up")
            found.made[0].abort("it is mute")
            found.made[0].abort("a second reason")
            await server.until(lambda: len(found.states) == 3, "up again")
            assert found.states == [(True, ""), (False, "it is mute"), (True, "")]

    play(story)


def test_the_next_connection_takes_over_before_the_old_one_is_closed() -> None:
    async def story(server: FakeBinance) -> None:
        async with kept(server) as found:
            await server.until(lambda: len(found.states) == 1, "up")
            found.made[0].ask_rotation("it is time")
            await server.until(lambda: len(found.taken_over) == 1, "taken over")
            await server.until(lambda: len(server.open) == 1, "the old one closed")
            found.made[1].ask_rotation("again")
            await server.until(lambda: len(found.taken_over) == 2, "taken over again")
            assert found.taken_over == [(0, 1), (1, 2)]
            assert found.states == [(True, "")]
            await server.until(lambda: len(server.open) == 1, "the old one closed")

    play(story)


def test_a_new_connection_that_ends_while_it_takes_over_is_made_again() -> None:
    async def story(server: FakeBinance) -> None:
        async with kept(server) as found:
            await server.until(lambda: len(found.states) == 1, "up")

            async def losing(old: Connection, new: Connection) -> None:
                if len(found.made) == 2:
                    new.abort()
                    await new.ended()

            found.keeper._take_over = losing
            found.made[0].ask_rotation("it is time")
            await server.until(lambda: len(found.made) == 3, "made again")
            assert found.states == [(True, "")]

    play(story)


YOUNG = KeepSettings(backoff_base_s=0.1, backoff_cap_s=0.2, stable_s=10.0, overlap_s=0.0)


def test_connections_that_are_all_to_be_replaced_at_once_are_replaced_ever_more_slowly() -> None:
    async def story(server: FakeBinance) -> None:
        async with kept(server, YOUNG) as found:

            async def shutting_down(old: Connection, new: Connection) -> None:
                new.ask_rotation("this server is going, too")

            found.keeper._take_over = shutting_down
            await server.until(lambda: len(found.states) == 1, "up")
            found.made[0].ask_rotation("it is time")
            await asyncio.sleep(1.0)
            assert 2 <= len(found.made) <= 30  # without a wait hundreds
            assert found.states == [(True, "")]

    play(story)


def test_successors_that_end_at_once_are_made_ever_more_slowly() -> None:
    async def story(server: FakeBinance) -> None:
        async with kept(server, YOUNG) as found:

            async def losing(old: Connection, new: Connection) -> None:
                new.abort()
                await new.ended()

            found.keeper._take_over = losing
            await server.until(lambda: len(found.states) == 1, "up")
            found.made[0].ask_rotation("it is time")
            await asyncio.sleep(1.0)
            assert 2 <= len(found.made) <= 30
            assert found.states == [(True, "")]

    play(story)


def test_a_connection_that_cannot_be_replaced_yet_is_asked_whether_it_is_there() -> None:
    async def story(server: FakeBinance) -> None:
        settings = KeepSettings(backoff_base_s=0.1, backoff_cap_s=0.2, stable_s=0.0, silence_s=0.2)
        async with kept(server, settings) as found:
            await server.until(lambda: len(found.states) == 1, "up")
            found.failures = [ConnectionFailed("too many connections", 0.7)]
            found.made[0].ask_rotation("it is time")
            await asyncio.sleep(0.4)
            assert server.clients[0].pings
            server.answers_pings = False
            await server.until(lambda: len(found.states) > 1, "given up")
            assert found.states[1] == (False, "the connection was lost while it was being replaced")
            assert len(found.made) < 3

    play(story)


def test_waiting_for_an_event_ends_with_time() -> None:
    async def story() -> None:
        event = asyncio.Event()
        await until_set(event, 0.001)
        event.set()
        await asyncio.wait_for(until_set(event, 60.0), 5)

    asyncio.run(story())
