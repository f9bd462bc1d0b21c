"""More than a day of a session and a stream, in virtual time: connections are replaced, nothing breaks or storms."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from fillwright.binance.budget import Lane
from fillwright.binance.outcomes import Answered
from fillwright.binance.user_stream import UserStream, UserStreamSettings
from fillwright.binance.websocket_api import ApiSettings, WebSocketApi
from fillwright.core.types import HOUR, MINUTE, SECOND
from fillwright.exchange.server import listener, server
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.settings import WebSocketSettings
from fillwright.wire.stream import ExecutionReport, KnownEvent, UnknownEvent
from tests.binance.live_box import limit, live_box
from tests.warp import the_loop, warped

HOUR_S = 3_600.0
HOURS = 26
REFUSED_S = 600.0
SETTLED_S = 5.0
"""Whatever goes on at a time is over after this long."""
SERVER: dict[str, Any] = {
    "websocket": WebSocketSettings(ping_every_us=10 * MINUTE, pong_within_us=20 * MINUTE),
    "save_every_us": HOUR,
}
"""Fewer pings than Binance's, for the test's own time."""
API = ApiSettings(silence_s=1_800.0)
STREAM = UserStreamSettings(silence_s=1_800.0, look_s=120.0, probe_s=1_200.0)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks after files and connections now and then, not every second."""
    monkeypatch.setattr(server, "LOOK_S", HOUR_S)
    monkeypatch.setattr(listener, "SWEEP_S", HOUR_S)


def test_a_day_goes_by() -> None:
    async def story() -> None:
        async with live_box(BoxClock(real=the_loop().now), **SERVER) as live:
            states: list[tuple[bool, str]] = []
            told: list[str] = []

            def heard(event: KnownEvent | UnknownEvent) -> None:
                if isinstance(event, ExecutionReport):
                    told.append(event.client_order_id)

            account = live.account()
            api = WebSocketApi(
                live.endpoints,
                account,
                on_state=lambda is_up, why: states.append((is_up, why)),
                settings=API,
                draw=random.Random(1),
            )
            stream = UserStream(
                live.endpoints,
                account,
                on_event=heard,
                on_state=lambda is_up, why: states.append((is_up, why)),
                settings=STREAM,
                draw=random.Random(2),
            )
            running = [asyncio.create_task(api.run()), asyncio.create_task(stream.run())]
            await asyncio.sleep(SETTLED_S)
            for hour in range(HOURS):
                outcome = await api.ask(limit(f"h-{hour}", str(40_000 - hour)), Lane.ENTRY)
                assert isinstance(outcome, Answered), (hour, outcome)
                assert abs(outcome.received - live.box.now) < SECOND
                await asyncio.sleep(HOUR_S)
            assert states == [(True, ""), (True, "")]
            assert told == [f"h-{hour}" for hour in range(HOURS)]
            assert (api.connections, stream.connections) == (2, 2)
            assert len(live.sessions) == 2
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    warped(story())


def test_a_server_that_refuses_for_long_is_not_stormed() -> None:
    async def story() -> None:
        async with live_box(BoxClock(real=the_loop().now), **SERVER) as live:
            states: list[tuple[bool, str]] = []
            settings = msgspec.structs.replace(API, backoff_cap_s=10.0)
            api = WebSocketApi(
                live.endpoints,
                live.account(),
                on_state=lambda is_up, why: states.append((is_up, why)),
                settings=settings,
                draw=random.Random(1),
            )
            running = asyncio.create_task(api.run())
            await asyncio.sleep(SETTLED_S)
            live.box.keys.remove(live.account().signer.api_key)
            live.sessions[0].abort()
            await asyncio.sleep(REFUSED_S)
            failures = len(states) - 2
            assert states[0] == (True, "")
            # Five seconds on average between attempts; Binance allows 300 in five minutes.
            assert REFUSED_S / 10 <= failures <= REFUSED_S / 3, failures
            running.cancel()
            await asyncio.wait([running])

    warped(story())
