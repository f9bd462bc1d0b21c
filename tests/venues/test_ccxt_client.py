"""ccxt is set up exactly and quietly; every call is counted; keys are not shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from fillwright.core.types import ErrorClass
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.ports import VenueUnavailableError
from fillwright.venues.ccxt_client import OK, CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_errors import UNREADABLE, CallFailed
from tests.binance.live_box import LiveBox
from tests.venues.ccxt_boxes import KEYS, at, hundred

pytestmark = pytest.mark.filterwarnings("default")  # the library's own
MARKET = "BTC/USDT"
Story = Callable[[CcxtClient, LiveBox], Awaitable[None]]


def play(story: Story, keys: CcxtKeys = KEYS) -> None:
    async def whole() -> None:
        async with hundred() as live:
            client = CcxtClient(CcxtSettings(is_throttled=False), keys, at(live))
            client.open()
            try:
                await story(client, live)
            finally:
                await client.close()

    asyncio.run(whole())


def test_calls_are_counted_by_how_they_end_and_told_at_the_end() -> None:
    async def story(client: CcxtClient, live: LiveBox) -> None:
        await client.call("load_markets")
        await client.call("fetch_balance")
        await client.call("fetch_balance")
        with pytest.raises(CallFailed) as error:
            await client.call("create_order", MARKET, "limit", "buy", "9000", "90")
        assert error.value.failure.error_class is ErrorClass.PERMANENT
        assert client.calls["fetch_balance", OK] == 2
        assert client.calls["create_order", "InsufficientFunds"] == 1

    with capture_logs() as logs:
        play(story)
    failed = next(one for one in logs if one["log_level"] == "warning")
    assert (failed["call"], failed["kind"], failed["times"]) == ("create_order", "InsufficientFunds", 1)
    assert next(one for one in logs if one["event"] == "calls of ccxt")["fetch_balance ok"] == 2


def test_numbers_stay_text() -> None:
    async def story(client: CcxtClient, live: LiveBox) -> None:
        await client.call("load_markets")
        order = await client.call("create_order", MARKET, "limit", "buy", "0.12345", "90.01")
        assert (order["amount"], order["price"]) == ("0.12345000", "90.01000000")

    play(story)


@pytest.mark.parametrize(
    ("fault", "kind", "error_class"),
    [
        ({"outcome": Outcome.ANSWER_LOST}, "ExchangeNotAvailable", ErrorClass.UNKNOWN),
        ({"outcome": Outcome.REFUSED, "code": -1007}, "RequestTimeout", ErrorClass.UNKNOWN),
        ({"outcome": Outcome.REFUSED, "code": -1021}, "InvalidNonce", ErrorClass.CLOCK),
        ({"outcome": Outcome.REFUSED, "code": -1015}, "DDoSProtection", ErrorClass.RATE),
        (
            {"outcome": Outcome.REFUSED, "http_status": 503, "body": "<html>", "content_type": "text/html"},
            "ExchangeNotAvailable",
            ErrorClass.UNKNOWN,
        ),
    ],
)
def test_an_order_that_meets_trouble_is_sent_once(
    fault: dict[str, Any], kind: str, error_class: ErrorClass
) -> None:
    async def story(client: CcxtClient, live: LiveBox) -> None:
        await client.call("load_markets")
        rule = CallFault(endpoint="order.place", **fault)
        live.fault(rule)
        with pytest.raises(CallFailed) as error:
            await client.call("create_order", MARKET, "limit", "buy", "1", "90")
        assert (error.value.failure.kind, error.value.failure.error_class) == (kind, error_class)
        opened = await client.call("fetch_open_orders", MARKET)
        assert len(opened) == (1 if rule.is_carried_out else 0)

    play(story)


def test_keys_are_not_shown() -> None:
    secret = "canary-" * 9
    keys = CcxtKeys(SecretStr(secret), SecretStr(secret))

    async def story(client: CcxtClient, live: LiveBox) -> None:
        with pytest.raises(CallFailed) as error:
            await client.call("fetch_balance")
        assert "canary" not in repr(error.value) + str(error.value.__dict__) + repr(keys) + repr(client)
        assert error.value.__context__ is None or "canary" not in repr(error.value.__context__)

    with capture_logs() as logs:
        play(story, keys)
    assert "canary" not in str(logs)


def test_an_answer_that_ccxt_stumbles_over_is_no_answer() -> None:
    async def story(client: CcxtClient, live: LiveBox) -> None:
        def stumble(order: Any, market: Any = None) -> None:
            raise KeyError("orderId")

        await client.call("load_markets")
        client.exchange.parse_order = stumble
        with pytest.raises(CallFailed) as error:
            await client.call("create_order", MARKET, "limit", "buy", "1", "90")
        assert (error.value.failure.kind, error.value.failure.error_class) == (
            UNREADABLE,
            ErrorClass.UNKNOWN,
        )

    play(story)


def test_an_exchange_that_ccxt_does_not_have() -> None:
    client = CcxtClient(CcxtSettings(exchange_id="nowhere"), KEYS)
    with pytest.raises(VenueUnavailableError, match="nowhere"):
        client.open()
    with pytest.raises(VenueUnavailableError, match="not open"):
        asyncio.run(client.call("fetch_time"))
    asyncio.run(client.close())


def test_who_is_cancelled_while_ccxt_closes_is_cancelled() -> None:
    class Swallowing:
        async def close(self) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    async def story() -> None:
        client = CcxtClient(CcxtSettings(), KEYS)
        client.exchange = Swallowing()
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing

    asyncio.run(story())


def test_a_close_that_fails_is_said() -> None:
    class Failing:
        async def close(self) -> None:
            raise OSError("gone")

    client = CcxtClient(CcxtSettings(), KEYS)
    client.exchange = Failing()
    with capture_logs() as logs:
        asyncio.run(client.close())
    assert logs[0]["kind"] == "OSError"


def test_the_test_network_and_a_password() -> None:
    async def story() -> None:
        keys = CcxtKeys(SecretStr("a"), SecretStr("b"), SecretStr("c"))
        client = CcxtClient(CcxtSettings(exchange_id="okx", sandbox=True), keys)
        client.open()
        assert client.exchange.password == "c"
        assert client.exchange.isSandboxModeEnabled
        assert not client.is_binance
        assert client.has("createOrder")
        await client.close()

    asyncio.run(story())
