from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from fillwright.binance import rest as rest_module
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.rest import ATTEMPTS_MAX, MarketRest, RestLimits
from fillwright.core.types import MINUTE, SECOND
from fillwright.market.intervals import Interval
from fillwright.ports import MarketUnavailableError
from tests.binance.server import FakeBinance, fake_binance

NOW = 1_790_000_040 * SECOND


def play(story: Callable[[FakeBinance, MarketRest], Awaitable[None]]) -> None:
    async def run() -> None:
        async with (
            fake_binance() as server,
            MarketRest(server.endpoints, RestLimits(), random.Random(1)) as rest,
        ):
            await story(server, rest)

    asyncio.run(run())


def test_candles_are_exact_and_chosen_by_their_opening() -> None:
    async def story(server: FakeBinance, rest: MarketRest) -> None:
        server.add_klines("BTCUSDT", Interval.M1, NOW, 10)
        candles = await rest.candles("BTCUSDT", Interval.M1, start=NOW + 1, end=NOW + 3 * MINUTE)
        assert [candle.open_time for candle in candles] == [NOW + n * MINUTE for n in (1, 2, 3)]
        assert candles[0].close_time == NOW + 2 * MINUTE - 1
        assert candles[0].volume == Decimal("10.5")
        last = await rest.candles("BTCUSDT", Interval.M1, limit=2)
        assert [candle.open_time for candle in last] == [NOW + n * MINUTE for n in (8, 9)]
        assert await rest.server_time() == server.time

    play(story)


@pytest.mark.parametrize("status", [500, 503])
def test_servers_in_trouble_are_asked_again(status: int) -> None:
    async def story(server: FakeBinance, rest: MarketRest) -> None:
        server.rest_answers = [(status, b"<html>", {})] * (ATTEMPTS_MAX - 1)
        assert await rest.server_time() == server.time
        server.rest_answers = [(status, b"<html>", {})] * ATTEMPTS_MAX
        with pytest.raises(MarketUnavailableError, match=f"HTTP status {status}"):
            await rest.server_time()
        assert len(server.rest_requests) == 2 * ATTEMPTS_MAX

    play(story)


def test_limits_are_obeyed() -> None:
    async def story(server: FakeBinance, rest: MarketRest) -> None:
        loop = asyncio.get_running_loop()
        server.rest_answers = [(429, b'{"code":-1003,"msg":"Too many"}', {"Retry-After": "1"})]
        begun = loop.time()
        assert await rest.server_time() == server.time
        assert loop.time() - begun >= 1.0
        server.rest_answers = [(418, b"{}", {"Retry-After": "120"})]
        with pytest.raises(MarketUnavailableError, match="banned this address"):
            await rest.server_time()
        for _ in range(3):
            with pytest.raises(MarketUnavailableError, match=r"waiting for 1[12]\d s more"):
                await rest.server_time()
        assert len(server.rest_requests) == 3

    play(story)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((451, b"<html>", {}), "does not serve the place where this machine is"),
        ((403, b"<html>", {}), "firewall refuses"),
        ((400, b'{"code":-1121,"msg":"Invalid symbol."}', {}), r"HTTP status 400 \(Invalid symbol.\)"),
        ((200, b"<html>", {}), "not a list of candles"),
        ((200, b"[[1]]", {}), "not a list of candles"),
    ],
)
def test_what_cannot_be_helped_is_said_at_once(answer: tuple[int, bytes, dict[str, str]], words: str) -> None:
    async def story(server: FakeBinance, rest: MarketRest) -> None:
        server.rest_answers = [answer]
        with pytest.raises(MarketUnavailableError, match=words):
            await rest.candles("BTCUSDT", Interval.M1)
        assert len(server.rest_requests) == 1

    play(story)


def test_answers_are_bounded_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(server: FakeBinance, rest: MarketRest) -> None:
        server.add_klines("BTCUSDT", Interval.M1, NOW, 2)
        server.klines["BTCUSDT", "1m"].reverse()
        with pytest.raises(MarketUnavailableError, match="out of order"):
            await rest.candles("BTCUSDT", Interval.M1)
        monkeypatch.setattr(rest_module, "BODY_BYTES_MAX", 100)
        with pytest.raises(MarketUnavailableError, match="too large"):
            await rest.candles("BTCUSDT", Interval.M1)
        server.rest_answers = [(200, b'{"time":1}', {})]
        with pytest.raises(MarketUnavailableError, match="tells no time"):
            await rest.server_time()

    play(story)


def test_nobody_there_is_said() -> None:
    async def story() -> None:
        nowhere = Endpoints(rest="http://127.0.0.1:9", streams="ws://127.0.0.1:9")
        async with MarketRest(nowhere, draw=random.Random(1)) as rest:
            with pytest.raises(MarketUnavailableError, match=r"127\.0\.0\.1:9: cannot be reached"):
                await rest.server_time()

    asyncio.run(story())
