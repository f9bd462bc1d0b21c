from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.binance.mute_watch import WatchSettings
from fillwright.binance.signers import Signer
from fillwright.binance.user_stream import UserStream, UserStreamSettings
from fillwright.core.types import SECOND
from fillwright.exchange.faults import Outcome as Fate
from fillwright.exchange.server.fault_plan import CallFault, EventFate, StreamEventFault
from fillwright.exchange.server.websocket_api import ApiSession
from fillwright.wire.stream import AccountPosition, BalanceUpdate, ExecutionReport, KnownEvent, UnknownEvent
from tests.binance.live_box import LiveBox, ed25519_signer, hmac_signer, order, play, running, until

SETTINGS = UserStreamSettings(
    backoff_base_s=0.001,
    backoff_cap_s=0.02,
    stable_s=0.0,
    connect_timeout_s=2.0,
    overlap_s=0.2,
    look_s=0.01,
)
DOWN, UP = "down", "up"


class Listener:
    """A stream and what it said, in its order."""

    def __init__(self, live: LiveBox, signer: Signer | None, settings: UserStreamSettings) -> None:
        self.live = live
        self.story: list[str] = []
        """Events and states."""
        self.whys: list[str] = []
        self.events: list[KnownEvent | UnknownEvent] = []
        self.stream = UserStream(
            live.endpoints,
            live.account(signer),
            on_event=self._heard,
            on_state=self._told,
            settings=settings,
        )

    def _heard(self, event: KnownEvent | UnknownEvent) -> None:
        self.events.append(event)
        if isinstance(event, ExecutionReport):
            self.story.append(event.client_order_id)

    def _told(self, is_up: bool, why: str) -> None:
        self.story.append(UP if is_up else DOWN)
        if not is_up:
            self.whys.append(why)

    async def up(self, times: int = 1) -> None:
        """Wait until it is up, for the n-th time."""
        await until(lambda: self.story.count(UP) >= times, "up")

    async def told(self, own: str) -> None:
        """Wait for an order's first report."""
        await until(lambda: own in self.story, f"told of {own}")

    @property
    def deposits(self) -> list[Decimal]:
        return [event.delta for event in self.events if isinstance(event, BalanceUpdate)]

    def place(self, own: str, **changes: Any) -> int:
        """Somebody places an order; its number."""
        self.live.box.exchange.submit("main", order(own, **changes), self.live.box.now)
        self.live.box.settle()
        return self.live.box.exchange.order("main", "BTCUSDT", client_order_id=own).order_id


@asynccontextmanager
async def listening(
    live: LiveBox, signer: Signer | None = None, settings: UserStreamSettings = SETTINGS
) -> AsyncIterator[Listener]:
    found = Listener(live, signer, settings)
    async with running(found.stream.run()):
        yield found


def changed(**changes: Any) -> UserStreamSettings:
    return msgspec.structs.replace(SETTINGS, **changes)


@pytest.mark.parametrize("signer", [ed25519_signer(), hmac_signer()], ids=["ed25519", "hmac"])
def test_what_happens_is_told_in_its_order(signer: Signer) -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live, signer) as found:
            await found.up()
            found.place("a-1")
            found.place("a-2", price="39000")
            live.box.exchange.deposit("main", "USDT", Decimal(5), live.box.now)
            live.box.settle()
            await until(lambda: any(isinstance(one, BalanceUpdate) for one in found.events), "a deposit")
            assert found.story == [UP, "a-1", "a-2"]
            kinds = [type(one) for one in found.events[:4]]
            assert kinds == [ExecutionReport, AccountPosition] * 2
            assert found.stream.is_up
            assert found.stream.silent_s() < 5

    play(story)


def test_a_break_is_told_before_anything_else_is() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            await found.up()
            found.place("a-1")
            await found.told("a-1")
            live.sessions[0].abort()
            found.place("a-2", price="39000")
            await found.up(times=2)
            found.place("a-3", price="38000")
            await found.told("a-3")
            assert found.story == [UP, "a-1", DOWN, UP, "a-3"]
            assert found.whys == ["the connection was lost"]

    play(story)


def test_it_can_be_run_again() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            await found.up()
        assert not found.stream.is_up
        assert found.stream.silent_s() == float("inf")
        task = asyncio.create_task(found.stream.run())
        await found.up(times=2)
        found.place("a-1")
        await found.told("a-1")
        task.cancel()
        await asyncio.wait([task])

    play(story)


def test_a_replacement_misses_nothing_and_tells_nothing_twice() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            await found.up()
            count = 0
            while found.stream.twice < 5:
                count += 1
                if count == 5:
                    live.shut_down()
                live.box.exchange.deposit("main", "USDT", Decimal(count), live.box.now)
                live.box.settle()
                await asyncio.sleep(0.01)
            await until(lambda: len(live.sessions) == 1, "the old one closed")
            live.box.exchange.deposit("main", "USDT", Decimal(count + 1), live.box.now)
            live.box.settle()
            await until(lambda: found.deposits[-1] == count + 1, "told of the last one")
            assert found.deposits == list(range(1, count + 2))
            assert found.story == [UP]

    play(story)


def test_a_subscription_that_ends_is_made_again() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            await found.up()
            live.sessions[0].subscriptions.stop(None)
            await found.up(times=2)
            assert found.whys == ["the subscription to the user data stream has ended"]
            found.place("a-1")
            await found.told("a-1")

    play(story)


def test_what_comes_while_it_gets_ready_is_told_after_it_is_up() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            placed: list[int] = []
            subscribe = ApiSession.send

            def eager(session: ApiSession, message: bytes) -> None:
                subscribe(session, message)
                if b'"subscriptionId"' in message and not placed:
                    placed.append(0)
                    live.box.at(live.box.now, lambda _: placed.append(found.place("a-1")))

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ApiSession, "send", eager)
                await found.told("a-1")
            assert found.story == [UP, "a-1"]

    play(story)


def test_an_event_that_cannot_be_read_counts_as_missed() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live) as found:
            await found.up()
            live.sessions[0].send(b'{"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT"}}')
            live.sessions[0].send(b'{"subscriptionId":0,"event":{"e":"brandNew","E":1}}')
            await until(lambda: bool(found.events), "the event after it")
            assert found.story == [UP, DOWN, UP]
            assert "could not be read" in found.whys[0]
            assert found.stream.unreadable == 1
            assert isinstance(found.events[0], UnknownEvent)
            assert len(live.sessions) == 1

    play(story)


def test_an_order_that_an_answer_tells_of_and_the_stream_does_not_gives_it_away() -> None:
    async def story(live: LiveBox) -> None:
        quick = changed(watch=WatchSettings(tells_within_s=0.05))
        async with listening(live, settings=quick) as found:
            await found.up()
            loop = asyncio.get_running_loop()
            sent_at = loop.time()
            number = found.place("a-1")
            await found.told("a-1")
            found.stream.expect("BTCUSDT", number, sent_at)
            live.fault(StreamEventFault(outcome=EventFate.DROPPED, times=None))
            number = found.place("a-2", price="39000")
            found.stream.expect("BTCUSDT", number, sent_at)
            await found.up(times=2)
            assert found.whys == [f"the stream does not tell of order {number} of BTCUSDT"]

    play(story)


def test_a_resting_order_that_moved_unheard_gives_it_away() -> None:
    async def story(live: LiveBox) -> None:
        quick = changed(watch=WatchSettings(tells_within_s=0.05, quiet_s=0.05))
        async with listening(live, settings=quick) as found:
            await found.up()
            number = found.place("a-1")
            await found.told("a-1")
            await asyncio.sleep(0.3)
            assert found.whys == []
            live.fault(StreamEventFault(outcome=EventFate.DROPPED, times=None))
            live.trade("39999")
            assert live.box.exchange.open_orders("main") == ()
            await found.up(times=2)
            assert found.whys == [f"the stream does not tell of order {number} of BTCUSDT"]

    play(story)


def test_resting_orders_of_the_books_are_compared_too() -> None:
    async def story(live: LiveBox) -> None:
        quick = changed(watch=WatchSettings(tells_within_s=0.05, quiet_s=0.05))
        async with listening(live, settings=quick) as found:
            number = found.place("a-1")
            await found.up()
            found.stream.rests("BTCUSDT", number, Decimal(0))
            found.stream.rests("BTCUSDT", 999_999, Decimal(0))
            live.fault(StreamEventFault(outcome=EventFate.DROPPED, times=None))
            live.trade("39999")
            await found.up(times=2)
            assert found.whys == [f"the stream does not tell of order {number} of BTCUSDT"]

    play(story)


def test_a_subscription_that_is_gone_without_a_word_is_found_out() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live, settings=changed(probe_s=0.05)) as found:
            await found.up()
            await asyncio.sleep(0.2)
            assert found.whys == []
            live.sessions[0].subscriptions.drop()
            await found.up(times=2)
            assert found.whys == ["the subscription is gone"]

    play(story)


def test_a_session_that_does_not_answer_is_given_up() -> None:
    async def story(live: LiveBox) -> None:
        async with listening(live, settings=changed(probe_s=0.05, probe_timeout_s=0.05)) as found:
            await found.up()
            live.sessions[0].muted_until = live.box.now + 60 * SECOND
            await found.up(times=2)
            assert found.whys == ["the session does not tell its subscriptions: no answer within 0.05 s"]

    play(story)


def test_a_refused_subscription_is_tried_again() -> None:
    async def story(live: LiveBox) -> None:
        live.fault(CallFault(outcome=Fate.REFUSED, endpoint="userDataStream.*", code=-1001, times=2))
        async with listening(live) as found:
            await found.up()
            assert found.story == [UP]

    play(story)


def test_what_the_receiver_raises_ends_it() -> None:
    async def story(live: LiveBox) -> None:
        def raising(event: KnownEvent | UnknownEvent) -> None:
            raise ZeroDivisionError

        found = Listener(live, None, SETTINGS)
        found.stream._on_event = raising
        task = asyncio.create_task(found.stream.run())
        await found.up()
        found.place("a-1")
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 10)

    play(story)
