"""Sessions and streams over an exchange that cuts, mutes, delays and loses: nothing is claimed that is not so."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
import uvloop

from fillwright.binance.budget import Lane
from fillwright.binance.mute_watch import WatchSettings
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent
from fillwright.binance.user_stream import UserStream, UserStreamSettings
from fillwright.binance.websocket_api import ApiSettings, WebSocketApi
from fillwright.core.requests import CancelRequest
from fillwright.core.types import MILLISECOND, SECOND
from fillwright.exchange.faults import Outcome as Fate
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.exchange.server.settings import BoxSettings, LimitSettings
from fillwright.wire.exchange_info import RateLimit
from fillwright.wire.requests import encoded
from fillwright.wire.stream import ExecutionReport, KnownEvent, UnknownEvent
from tests.binance.live_box import LiveBox, limit, live_box, play, until

ORDERS = 100
API = ApiSettings(
    backoff_base_s=0.001, backoff_cap_s=0.02, stable_s=0.0, silence_s=0.3, connect_timeout_s=0.5, drain_s=0.2
)
STREAM = UserStreamSettings(
    backoff_base_s=0.001,
    backoff_cap_s=0.02,
    stable_s=0.0,
    silence_s=0.3,
    connect_timeout_s=0.5,
    overlap_s=0.05,
    look_s=0.01,
    probe_s=0.1,
    probe_timeout_s=0.2,
    watch=WatchSettings(tells_within_s=0.2, quiet_s=0.1),
)
FAULTS = (
    CallFault(outcome=Fate.LOST, times=None, probability=0.03),
    CallFault(outcome=Fate.ANSWER_LOST, times=None, probability=0.03),
    CallFault(outcome=Fate.LOST, by=Cut.SILENCE, times=None, probability=0.02),
    CallFault(outcome=Fate.ANSWER_LOST, by=Cut.SILENCE, times=None, probability=0.02),
    CallFault(outcome=Fate.MASKED, code=-1007, times=None, probability=0.03),
    CallFault(outcome=Fate.REFUSED, code=-1001, times=None, probability=0.03),
    CallFault(outcome=Fate.REFUSED, code=-2010, times=None, probability=0.03),
    CallFault(outcome=Fate.DELAYED, answer_delay_us=20 * MILLISECOND, times=None, probability=0.1),
)


UNCOUNTED = msgspec.structs.replace(BoxSettings().exchange, order_counts=())


class Chaos:
    """A session, a stream, and what both said."""

    def __init__(self, live: LiveBox, seed: int) -> None:
        self.live = live
        self.draw = random.Random(seed)
        self.outcomes: dict[str, Outcome] = {}
        self.epoch = 0
        """Grows with each break of the stream."""
        self.is_up = False
        self.told: list[tuple[int, str]] = []
        """(epoch, order) of each report."""
        self.expected: dict[str, int] = {}
        """Answered while the stream was up: the epoch."""
        live.budget.learn([RateLimit("ORDERS", "SECOND", 10, 10**6)])
        account = live.account()
        self.api = WebSocketApi(live.endpoints, account, settings=API, draw=random.Random(seed))
        self.stream = UserStream(
            live.endpoints,
            account,
            on_event=self._heard,
            on_state=self._state,
            settings=STREAM,
            draw=random.Random(seed),
        )

    def _heard(self, event: KnownEvent | UnknownEvent) -> None:
        assert self.is_up
        if isinstance(event, ExecutionReport) and event.execution_type == "NEW":
            self.told.append((self.epoch, event.client_order_id))

    def _state(self, is_up: bool, why: str) -> None:
        assert is_up != self.is_up
        self.is_up = is_up
        self.epoch += 1

    async def place(self, own: str) -> None:
        """Place an order, wait for its outcome, and cancel it if it is there."""
        sent_at, epoch = asyncio.get_running_loop().time(), self.epoch
        outcome = self.outcomes[own] = await self.api.ask(limit(own), Lane.EXIT, timeout_s=0.3)
        if isinstance(outcome, Answered) and self.is_up and epoch == self.epoch:
            view = self.live.box.exchange.named("main", own)
            assert view is not None
            self.stream.expect("BTCUSDT", view.order_id, sent_at)
            self.expected[own] = epoch
        cancel = CancelRequest(symbol="BTCUSDT", orig_client_order_id=own)
        while (view := self.live.box.exchange.named("main", own)) is not None and view.status == "NEW":
            await self.api.ask(encoded(cancel), Lane.EXIT, timeout_s=0.3)
            await asyncio.sleep(0.005)

    async def disturb(self) -> None:
        """Now and then something happens to a connection."""
        while True:
            await asyncio.sleep(self.draw.uniform(0.02, 0.1))
            sessions = self.live.sessions
            if not sessions:
                continue
            one, chance = self.draw.choice(sessions), self.draw.random()
            if chance < 0.3:
                one.abort()
            elif chance < 0.5:
                one.muted_until = self.live.box.now + SECOND
            elif chance < 0.8:
                one.send(one.shutdown_message())
            else:
                one.subscriptions.drop()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_told_is_so(seed: int) -> None:
    async def story(live: LiveBox) -> None:
        chaos = Chaos(live, seed)
        for fault in FAULTS:
            live.fault(fault)
        running = [asyncio.create_task(one) for one in (chaos.api.run(), chaos.stream.run(), chaos.disturb())]
        await until(lambda: chaos.api.is_up and chaos.is_up, "up")
        for first in range(0, ORDERS, 5):
            await until(lambda: chaos.api.is_up, "the session is up again")
            await asyncio.gather(*[chaos.place(f"c-{seed}-{number}") for number in range(first, first + 5)])
            if any(task.done() for task in running):
                break
        live.box.faults.remove()
        running.pop().cancel()
        await asyncio.sleep(2 * STREAM.watch.tells_within_s)
        await until(lambda: chaos.is_up, "the stream is up again")
        assert not any(task.done() for task in running)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        judge(chaos, seed)

    play(story, {"limits": LimitSettings(is_enabled=False), "exchange": UNCOUNTED})


def judge(chaos: Chaos, seed: int) -> None:
    """Compare what was told with what the exchange knows."""
    exchange = chaos.live.box.exchange
    kinds = {type(outcome) for outcome in chaos.outcomes.values()}
    assert {Answered, Unknown} <= kinds
    for own, outcome in chaos.outcomes.items():
        is_there = any(view.client_order_id == own for view in exchange.all_orders("main", "BTCUSDT"))
        if isinstance(outcome, Answered):
            assert is_there, own
        elif isinstance(outcome, Refused | Unsent):
            assert not is_there, own
    told = [name for _, name in chaos.told]
    assert len(told) == len(set(told)), "an order is told once"
    missing = [own for own, epoch in chaos.expected.items() if own not in told and epoch == chaos.epoch]
    assert not missing, "what is not told comes with a break"


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    async def run() -> None:
        settings = {"state_file": tmp_path / "state.db"}
        async with asyncio.timeout(30), AsyncExitStack() as stack:
            async with live_box(**settings) as live:
                chaos = Chaos(live, 1)
                for one in (chaos.api.run(), chaos.stream.run()):
                    task = asyncio.create_task(one)
                    stack.push_async_callback(asyncio.wait, [task])
                    stack.callback(task.cancel)
                await until(lambda: chaos.api.is_up and chaos.is_up, "up")
                assert isinstance(await chaos.api.ask(limit("a-1"), Lane.EXIT), Answered)
                port = live.server.port
            await until(lambda: not chaos.api.is_up and not chaos.is_up, "down")
            assert isinstance(await chaos.api.ask(limit("a-2"), Lane.EXIT), Unsent)
            async with live_box(**settings, port=port) as again:
                await until(lambda: chaos.api.is_up and chaos.is_up, "up again")
                assert isinstance(await chaos.api.ask(limit("a-3", "39000"), Lane.EXIT), Answered)
                await until(lambda: (3, "a-3") in chaos.told, "told")
                assert chaos.told == [(1, "a-1"), (3, "a-3")]
                names = [view.client_order_id for view in again.box.exchange.open_orders("main")]
                assert names == ["a-1", "a-3"]

    uvloop.run(run())
