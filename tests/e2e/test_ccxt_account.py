"""The account's engine on ccxt's venue against the exchange: an entry, then a stop alone, to either end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.material import settings
from fillwright.core import events as ev
from fillwright.core.inputs import Signal, Size, SubmitSignal
from fillwright.core.types import Direction, Mode, OrderType
from fillwright.ports import Owner
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import open_store
from fillwright.venues.ccxt import CcxtSettings, CcxtVenue
from tests.binance.live_box import until
from tests.venues.ccxt_boxes import KEYS, SYMBOL, at, hundred

pytestmark = pytest.mark.filterwarnings("default")  # ccxt's own
D = Decimal


@pytest.mark.parametrize(
    ("last", "reason"),
    [("94.99", "stop"), ("110.5", "the engine watches the target, cancels the stop and sells")],
)
def test_a_signal_becomes_a_position_with_a_stop_alone_and_ends(
    tmp_path: Path, last: str, reason: str
) -> None:
    asyncio.run(story(tmp_path, D(last)))


async def story(folder: Path, last: Decimal) -> None:
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(hundred())
        store = stack.enter_context(open_store(folder / "journal.db"))
        clock = SystemClock()
        hub = MarketHub(clock)
        wanted = CcxtSettings(symbols=(SYMBOL,), is_throttled=False, settle_ms=60)
        venue = CcxtVenue("ccxt", KEYS, clock, wanted, at(live))
        owner = Owner(account_id="ccxt", user_id="local", mode=Mode.TESTNET)
        account = AccountEngine(owner, store, venue, clock, hub, Configured(settings()))
        running = asyncio.create_task(account.run())
        stack.push_async_callback(ended, running)
        await until(lambda: account.state == READY or running.done(), "it is ready")
        price(hub, clock, "100")
        signal = Signal(
            trader_id="trader",
            symbol=SYMBOL,
            side=Direction.LONG,
            created_at=clock.now(),
            stop_loss=D(95),
            take_profit=D(110),
            size=Size(quote=D(200)),
            key="1",
        )
        answer = await account.submit(SubmitSignal(signal))
        assert answer.ok, answer

        def stops() -> list[tuple[Decimal, Decimal | None]]:
            orders = live.box.exchange.open_orders("main")
            return [(one.quantity, one.stop_price) for one in orders if one.type is OrderType.STOP_LOSS]

        await until(lambda: bool(stops()), "a stop rests at the exchange")
        (position,) = account.engine.ledger.open_positions.values()
        ((quantity, level),) = stops()
        assert quantity == position.quantity - position.quantity % D("0.00001")
        assert level == 95
        held = {one.asset: one.free + one.locked for one in live.box.exchange.balances("main")}
        assert held["BTC"] - 10 == position.quantity

        cent = D("0.01")
        live.box.quote(SYMBOL, last, D(50), last + cent, D(50), live.box.now)
        live.box.trade(SYMBOL, last, D(50), False, live.box.now)
        price(hub, clock, str(last))
        await until(lambda: not account.engine.ledger.open_positions, "it is closed")
        assert live.box.exchange.open_orders("main") == ()
        held = {one.asset: one.free + one.locked for one in live.box.exchange.balances("main")}
        assert 10 <= held["BTC"] < 10 + D("0.00001"), "what is left is dust"
        kinds = [type(record.event) for record in store.journal.load("ccxt")]
        assert ev.PositionClosed in kinds
        assert ev.PositionProtected in kinds
        account.stop_now()
        await running


async def ended(running: asyncio.Task[None]) -> None:
    """Whatever has happened, nothing goes on."""
    running.cancel()
    await asyncio.wait((running,), timeout=5)
    assert running.done()


def price(hub: MarketHub, clock: SystemClock, text: str) -> None:
    """Show the engine the market."""
    bid, ask = D(text) - D("0.01"), D(text)
    hub.quote(SYMBOL, bid, D(50), ask, D(50), clock.now())
    hub.trade(SYMBOL, bid, D(1), False, clock.now())
