"""ccxt is set up exactly and quietly; every call is counted; keys are not shown."""

from __future__ import annotations

import asyncio
import contextlib
import decimal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from fillwright.core.types import ErrorClass
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.ports import VenueUnavailableError
from fillwright.venues import ccxt_client
from fillwright.venues.ccxt_client import OK, CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_errors import BROKEN_OFF, LATE, UNREADABLE, CallFailed
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
        assert client.codes == {("create_order", "InsufficientFunds", -2010): 1}

    with capture_logs() as logs:
        play(story)
    failed = next(one for one in logs if one["log_level"] == "warning")
    assert (failed["call"], failed["kind"], failed["times"]) == ("create_order", "InsufficientFunds", 1)
    assert next(one for one in logs if one["event"] == "calls of ccxt")["fetch_balance ok"] == 2


def test_kinds_of_failures_that_are_counted_apart_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_client, "CODES_MAX", 0)

    async def story(client: CcxtClient, live: LiveBox) -> None:
        await client.call("load_markets")
        with pytest.raises(CallFailed):
            await client.call("create_order", MARKET, "limit", "buy", "9000", "90")
        assert client.codes == {("create_order", "InsufficientFunds", 0): 1}

    play(story)


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


def test_who_rounds_beside_ccxt_rounds_as_before() -> None:
    """ccxt's ``decimal_to_precision`` sets rounding and traps of the context that it finds, for good."""

    async def story(client: CcxtClient, live: LiveBox) -> None:
        before = decimal.getcontext()

        def habits() -> tuple[object, ...]:
            found = decimal.getcontext()
            return found.rounding, found.prec, dict(found.traps)

        told = habits()
        await client.call("load_markets")
        await client.call("create_order", MARKET, "limit", "buy", "0.12345", "90.01")
        assert decimal.getcontext() is before
        assert habits() == told
        assert round(decimal.Decimal("0.5")) == 0
        client.exchange.price_to_precision(MARKET, "90.015")  # not by a call of ours: that is what it does
        assert habits() != told

    context = decimal.getcontext().copy()
    play(story)
    decimal.setcontext(context)


STUBBORN_S = 0.5


class Stubborn:
    """An exchange whose calls take long, and take no notice of being cancelled."""

    def __init__(self) -> None:
        self.clients: dict[str, object] = {}

    async def _on(self) -> None:
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(STUBBORN_S)

    async def fetch_balance(self) -> None:
        await self._on()

    async def watch_orders(self) -> None:
        await self._on()

    async def create_order(self) -> None:
        other = asyncio.get_running_loop().create_future()
        other.cancel()
        await other  # as ccxt's calls share futures

    async def close(self) -> None:
        await self._on()

    close_ws_clients = close


def stubborn(**settings: int) -> CcxtClient:
    client = CcxtClient(CcxtSettings(**settings), KEYS)  # type: ignore[arg-type]
    client.exchange = Stubborn()
    return client


def test_a_call_that_does_not_end_has_failed() -> None:
    async def story() -> None:
        client = stubborn(read_timeout_ms=20)
        with pytest.raises(CallFailed) as error:
            await client.call("fetch_balance")
        assert (error.value.failure.kind, error.value.failure.error_class) == (LATE, ErrorClass.UNKNOWN)
        assert client.calls["fetch_balance", LATE] == 1

    asyncio.run(story())


def test_who_is_cancelled_in_a_call_is_cancelled_at_once_whatever_ccxt_makes_of_it() -> None:
    async def story() -> None:
        client = stubborn()
        for name in ("fetch_balance", "watch_orders"):
            calling = asyncio.create_task(client.call(name))
            await asyncio.sleep(0.01)
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            assert client._running, "ccxt's part of it goes on"

    asyncio.run(story())


def test_a_cancellation_that_was_not_ours_is_a_failure_of_the_call() -> None:
    async def story() -> None:
        with pytest.raises(CallFailed) as error:
            await stubborn().call("create_order")
        assert (error.value.failure.kind, error.value.failure.error_class) == (BROKEN_OFF, ErrorClass.UNKNOWN)

    asyncio.run(story())


def test_what_does_not_close_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_client, "CLOSE_MAX_S", 0.01)

    async def story() -> None:
        client = stubborn()
        client.exchange.clients = {"wss://nowhere": object()}
        await client.hang_up()
        assert client.exchange.clients == {}
        await client.close()
        await client.hang_up()

    with capture_logs() as logs:
        asyncio.run(story())
    assert [one["kind"] for one in logs if one["log_level"] == "warning"] == [LATE, LATE]


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
