"""Anything over REST, the WebSocket API and market streams: no fault of the server's own, no crash, hang or leak.

Short in ``make test``, always the same; ten minutes in ``make test-long``, of seeds that go on.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fillwright.exchange.server.listener import REQUEST_S
from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.fuzz_drivers import (
    ANSWER_MAX_S,
    RestDriver,
    SocketDriver,
    connect,
    read_all,
    signer_of,
)
from tests.e2e.exchange.fuzz_requests import (
    SEEDS,
    UPGRADE,
    api_messages,
    frames,
    requests,
    stream_messages,
    streams_of_bytes,
)

LONG_S = 600.0
SLOW, SLOW_PAUSE_S = 100, 0.5
EXAMPLES_SHORT = 60
EXAMPLES_LONG = 300
"""Of each kind in one round of the long run."""
REQUESTS_MAX = 12
"""In one example."""
MEMORY_GROWTH_MAX = 48 * 1024 * 1024
WARM_UP_ROUNDS = 3
KEPT = 1_000
"""Orders and fills that are kept: histories are bounded by settings, and what grows beyond them is a leak."""


def rest_requests(box: Box) -> Any:
    """Requests of the catalogue, nearly right."""

    @given(st.lists(requests(), min_size=1, max_size=REQUESTS_MAX))
    def run(asked: list[Any]) -> None:
        with RestDriver(box) as driver:
            for request in asked:
                driver.send(request)

    return run


def damaged_bytes(box: Box) -> Any:
    """HTTP that is none any more."""

    @given(streams_of_bytes())
    def run(parts: list[bytes]) -> None:
        RestDriver(box).send_bytes(parts)

    return run


def websocket_api(box: Box) -> Any:
    """Requests in frames."""
    messages = frames(api_messages(signer_of(box)))

    @given(st.lists(messages, min_size=1, max_size=REQUESTS_MAX))
    def run(sent: list[Any]) -> None:
        with SocketDriver(box, "/ws-api/v3", {"method": "ping"}) as driver:
            for message in sent:
                driver.send(message)

    return run


def market_streams(box: Box) -> Any:
    """Control messages in frames."""

    @given(
        st.lists(frames(stream_messages()), min_size=1, max_size=REQUESTS_MAX),
        st.sampled_from(("/ws", "/stream")),
    )
    def run(sent: list[Any], path: str) -> None:
        with SocketDriver(box, path, {"method": "LIST_SUBSCRIPTIONS"}) as driver:
            for message in sent:
                driver.send(message)

    return run


KINDS = (rest_requests, damaged_bytes, websocket_api, market_streams)


def fuzz(box: Box, kind: Callable[[Box], Any], examples: int, number: int) -> None:
    """Run one kind with so many examples of a seed; what fails is not made smaller, for the server has a memory."""
    bounded = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(bounded(kind(box)))()


@contextmanager
def fuzzed_box() -> Iterator[Box]:
    """A server without limits that keeps little; in the end it has said nothing, and its books are right."""
    with tempfile.TemporaryDirectory(prefix="fillwright-fuzz-") as folder:
        file = Path(folder) / "settings.toml"
        kept = "\n".join(f"{name} = {KEPT}" for name in ("final_orders_max", "trades_max", "fills_kept_max"))
        file.write_text(f"[exchange]\npublic_trades = true\nfinal_retention_us = {10**15}\n{kept}\n")
        options = [
            "--settings",
            str(file),
            "--symbol",
            "BTCUSDT",
            "--symbol",
            "ETHUSDT",
            "--legacy-listen-key",
        ]
        with running_box(source="synthetic", limits=False, options=options, forked=True) as box:
            yield box
            check(box)
            assert box.admin.get("/audit")["problems"] == []


def check(box: Box) -> None:
    """It lives, and no fault was its own."""
    assert box.process.poll() is None, box.said()
    assert box.admin.get("/status")["failures"] == 0, box.said()
    assert box.said() == ""


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Box]:
    """One server for all short runs."""
    with fuzzed_box() as box:
        yield box


@pytest.mark.parametrize("kind", KINDS, ids=[one.__name__ for one in KINDS])
def test_anything_is_answered_or_closed(fuzzed: Box, kind: Callable[[Box], Any]) -> None:
    fuzz(fuzzed, kind, EXAMPLES_SHORT, 1)
    check(fuzzed)


def test_half_a_conversation_is_ended_and_holds_up_nobody(fuzzed: Box) -> None:
    """Peers that stop in the middle; whoever says that he is done is closed at once, the rest when time is out."""
    heads = [
        one[:size]
        for one in (*SEEDS, b"GET /ws HTTP/1.1\r\nHost: x\r\n" + UPGRADE)
        for size in (0, 9, len(one) - 3)
    ]
    slow = [connect(fuzzed) for _ in heads]
    for connection, head in zip(slow, heads, strict=True):
        connection.sendall(head)
    began = time.monotonic()
    with RestDriver(fuzzed) as driver:
        driver.send_bytes([SEEDS[0]])
    assert time.monotonic() - began < ANSWER_MAX_S
    for connection in slow:
        with connection:
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)


@pytest.mark.long
def test_a_hundred_who_speak_too_slowly_are_told_so_and_hold_up_nobody(fuzzed: Box) -> None:
    slow = [connect(fuzzed) for _ in range(SLOW)]
    began = time.monotonic()
    for sent in b"GET /api/v3/ping HTTP/1.1\r\nX-A-Header: " + b"a" * 60:
        with suppress(BrokenPipeError, ConnectionResetError):
            for connection in slow:
                connection.send(bytes((sent,)))
        asked = time.monotonic()
        with RestDriver(fuzzed) as driver:
            driver.send_bytes([SEEDS[0]])
        assert time.monotonic() - asked < SLOW_PAUSE_S
        time.sleep(SLOW_PAUSE_S)
        if time.monotonic() - began > REQUEST_S + 3:
            break
    for connection in slow:
        with connection:
            assert read_all(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.long
def test_ten_minutes_of_anything() -> None:
    with fuzzed_box() as box:
        server = psutil.Process(box.process.pid)
        end, before = time.monotonic() + LONG_S, 0
        for number in count():
            for kind in KINDS:
                fuzz(box, kind, EXAMPLES_LONG, number)
            check(box)
            if number == WARM_UP_ROUNDS:
                before = server.memory_info().rss
            if time.monotonic() > end:
                break
        assert number > WARM_UP_ROUNDS
        assert server.memory_info().rss - before < MEMORY_GROWTH_MAX
