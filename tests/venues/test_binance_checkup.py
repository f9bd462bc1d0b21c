"""What the check-up makes of symbols, money, fees, open orders and the stream of an account at the exchange."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.binance.budget import RateBudget
from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.private_rest import PrivateRest
from fillwright.core.settings import ExecutionSettings, RiskLimits, Settings
from fillwright.core.types import OrderType, SymbolStatus
from fillwright.venues import binance_checkup as module
from fillwright.venues.binance_checkup import (
    Checked,
    check_stream,
    check_up,
    fees_of,
    least_of,
    money_of,
    orders_of,
    plans_of,
    symbols_of,
)
from tests.binance.live_box import LiveBox, ed25519_signer, live_box
from tests.core.builders import make_instrument
from tests.exchange.server.boxes import limit_order

FIFTY = Decimal(50)


async def checked(live: LiveBox, *symbols: str, settings: Settings | None = None) -> dict[str, Checked]:
    clock = ClockSync(wall=live.box.clock.now)
    rest = PrivateRest(live.endpoints.rest, ed25519_signer(), clock, RateBudget(clock.now))
    found = await check_up(rest, symbols, settings or Settings(), FIFTY)
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def results(found: dict[str, Checked]) -> dict[str, str]:
    return {name: one.result for name, one in found.items()}


def test_an_account_in_order() -> None:
    async def story() -> dict[str, Checked]:
        async with live_box() as live:
            return await checked(live, "BTCUSDT", "ETHUSDT")

    found = asyncio.run(story())
    assert results(found) == dict.fromkeys(
        ("symbols", "protection", "minimum", "money", "fees", "orders"), "ok"
    )
    assert found["symbols"].text == "BTCUSDT, ETHUSDT trade"
    assert found["money"].text == "100000 USDT free"
    assert found["orders"].text == "none open"


def test_a_symbol_that_is_not_there_is_named_and_the_others_are_looked_at() -> None:
    async def story() -> dict[str, Checked]:
        async with live_box() as live:
            return await checked(live, "BTCUSDT", "NOPEUSDT")

    found = asyncio.run(story())
    assert (found["symbols"].result, found["symbols"].text) == ("failed", "there is no NOPEUSDT")
    assert found["minimum"].result == "ok"


def test_orders_of_others_are_told() -> None:
    async def story() -> dict[str, Checked]:
        async with live_box() as live:
            box = live.box
            for own in ("RT_t_1_E_1", "web_7"):
                box.exchange.execute("main", limit_order("40000", own=own), box.now)
            return await checked(live, "BTCUSDT")

    orders = asyncio.run(story())["orders"]
    assert (orders.result, orders.text) == (
        "warning",
        "1 open orders are not fillwright's: BTCUSDT BUY LIMIT",
    )
    assert orders_of(()).text == "none open"


def test_an_exchange_that_does_not_answer_is_told_once_for_each_thing() -> None:
    async def story() -> list[Checked]:
        clock = ClockSync()
        rest = PrivateRest("http://127.0.0.1:1", ed25519_signer(), clock, RateBudget(clock.now))
        return await check_up(rest, ("BTCUSDT",), Settings(), FIFTY)

    found = asyncio.run(story())
    assert [(one.name, one.result) for one in found] == [("symbols", "failed"), ("orders", "failed")]
    assert all("cannot be read" in one.text for one in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"status": SymbolStatus.HALT}, "BTCUSDT is HALT"), ({"spot_allowed": False}, "not for Spot")],
)
def test_a_symbol_that_does_not_trade_is_a_warning(changes: dict[str, Any], said: str) -> None:
    found = symbols_of([make_instrument(**changes)], ())
    assert found.result == "warning"
    assert said in found.text


def test_what_a_symbol_cannot_do_for_protection_is_a_warning() -> None:
    bare = make_instrument(order_types=(OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS_LIMIT))
    late = make_instrument(opo_allowed=False, oto_allowed=False)
    assert [(one.name, one.result) for one in plans_of([bare])] == [("stops", "warning")]
    assert [(one.name, one.result) for one in plans_of([late])] == [("protection", "warning")]
    assert [(one.name, one.result) for one in plans_of([make_instrument()])] == [("protection", "ok")]


@pytest.mark.parametrize(("cap", "result"), [("5", "failed"), ("5.5", "failed"), ("5.6", "ok"), ("50", "ok")])
def test_a_cap_must_leave_room_for_the_least_that_an_exit_may_be_worth(cap: str, result: str) -> None:
    """The symbol wants 5; what is bought for that falls below it before its stop."""
    assert least_of([make_instrument()], Decimal(cap)).result == result


@pytest.mark.parametrize(("free", "result"), [("9.99", "warning"), ("10", "ok")])
def test_there_must_be_something_to_buy_with(free: str, result: str) -> None:
    settings = Settings(risk=RiskLimits(min_position_size_usdt=Decimal(10)))
    assert money_of({"USDT": Decimal(free)}, settings).result == result
    assert money_of({"EUR": Decimal(free)}, settings).text == "0 USDT free"


@pytest.mark.parametrize(
    ("in_bnb", "bnb", "result"), [(False, "0", "ok"), (True, "0", "warning"), (True, "1", "ok")]
)
def test_fees_in_bnb_want_bnb(in_bnb: bool, bnb: str, result: str) -> None:
    settings = Settings(execution=ExecutionSettings(pay_fees_in_bnb=in_bnb))
    assert fees_of({"BNB": Decimal(bnb)}, settings).result == result


def test_the_stream_is_listened_to() -> None:
    async def story() -> Checked:
        async with live_box() as live:
            return await check_stream(live.endpoints, live.account())

    assert asyncio.run(story()).result == "ok"


def test_a_stream_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STREAM_MAX_S", 0.2)

    async def story() -> Checked:
        async with live_box() as live:
            nowhere = Endpoints(rest=live.endpoints.rest, streams="", websocket_api="ws://127.0.0.1:1")
            return await check_stream(nowhere, live.account())

    found = asyncio.run(story())
    assert found.result == "failed"
    assert found.text
    assert "127.0.0.1:1" in found.remedy


def test_long_lists_are_cut() -> None:
    many = [msgspec.structs.replace(make_instrument(), symbol=f"A{number}USDT") for number in range(9)]
    assert symbols_of(many, ()).text.endswith("A4USDT and 4 more trade")
