"""A day of the whole service over Binance's protocol, in virtual time: nothing grows, storms, drifts or is in doubt.

The service is ``bootstrap.service``'s, with a testnet account at an exchange in this process; only what serves the API
is left out. The day is the one on which summer time ends in Europe, and local time is that of Berlin.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fillwright.api.address import bind
from fillwright.binance import connection
from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.market_data import BinanceMarketData
from fillwright.bootstrap import service as module
from fillwright.bootstrap import sources
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.real import RealAccount
from fillwright.config import load
from fillwright.core import events as ev
from fillwright.core.inputs import ClosePosition, Signal, Size, SubmitSignal
from fillwright.core.positions import Position
from fillwright.core.types import (
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    STOP_TYPES,
    Direction,
    PositionStatus,
    Time,
)
from fillwright.exchange.server import listener, server
from fillwright.exchange.server.server import Server, serve
from fillwright.exchange.settings import ExchangeSettings
from fillwright.options import ServiceOptions
from fillwright.replay.verification import verify
from fillwright.runtime import orchestrator
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.watchdog import Watchdog
from fillwright.storage.sql import open_store
from fillwright.venues import binance_place
from fillwright.venues.in_process import balances
from tests.binance.live_box import ED25519_KEY, PRIVATE
from tests.e2e.service import exchange_info, toml
from tests.venues.box_kit import ACCOUNT, WIDE, box_clock, box_settings
from tests.warp import WarpClock, WarpLoop, the_loop, warped

D = Decimal
PAPER, REAL = "paper", "testnet"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
BEGIN = datetime(2026, 10, 24, 21, 30, tzinfo=UTC)
"""Clocks in Berlin go back at 01:00 UTC of the 25th."""
PRICE = D(50_000)
PRICES_EVERY_S = 20.0
DRIFT_PPM = 20
"""The exchange's clock goes so much faster."""
SKEW_MAX: Time = 50 * MILLISECOND
CAP = 50
DAILY_LOSS = 5
"""Less than two stops lose, more than one."""
CONNECTIONS_MAX = 12
"""Three connections, each replaced once a day, and the first of all; a storm has hundreds."""
GROWTH_MAX_MB = 24.0
"""Of the whole process, the exchange with all it remembers included, from the third hour on."""


class DayLoop(WarpLoop):
    """What a thread is asked for is done at once: while a thread works time must not leap."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - handed on, as an executor does
            done.set_exception(error)
        return done


class _NoApi:
    """Serves nothing."""

    code = None

    def __init__(self, **_: object) -> None: ...

    async def serve(self, bound: object, ready: Callable[[], object], stop: asyncio.Event) -> None:
        ready()
        await stop.wait()


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is Berlin's; the process is as it was afterwards."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    gc.unfreeze()
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[Time]:
    """When connections were made; and the seams by which the service lives in virtual time."""
    made: list[Time] = []
    connect = connection.ws_connect

    async def noted(*args: Any, **named: Any) -> Any:
        made.append(the_loop().now())
        return await connect(*args, **named)

    def clock_sync(draw: random.Random | None = None) -> ClockSync:
        loop = the_loop()
        return ClockSync(wall=loop.now, steady=loop.now, draw=draw)

    def watchdog() -> Watchdog:
        return Watchdog(look_every_s=30.0, steady=the_loop().time)

    monkeypatch.setattr(connection, "ws_connect", noted)
    monkeypatch.setattr(binance_place, "ClockSync", clock_sync)
    monkeypatch.setattr(module, "clock_after", lambda journal: WarpClock())
    monkeypatch.setattr(module, "_load_api", lambda: _NoApi)
    monkeypatch.setattr(orchestrator, "Watchdog", watchdog)
    # Books come ten times a second, trades or not: of a day the exchange would do little else.
    monkeypatch.setattr(sources, "BinanceMarketData", partial(BinanceMarketData, depth=None))
    monkeypatch.setattr(server, "LOOK_S", 60.0)  # files and connections of the exchange: not what is tested
    monkeypatch.setattr(listener, "SWEEP_S", 60.0)
    return made


def resident_mb() -> float:
    """Memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


class Day:
    """The service and its exchange while a day goes by; ``async with``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = AsyncExitStack()
        self._last = dict.fromkeys(SYMBOLS, PRICE)
        self._signals = 0
        self._server: Server
        self._service: Any
        self.denied: list[tuple[Time, str]] = []
        self.memory: list[float] = []

    async def __aenter__(self) -> Day:
        rows = {
            symbol: {"baseAsset": symbol.removesuffix("USDT"), "filters": {"PERCENT_PRICE_BY_SIDE": WIDE}}
            for symbol in SYMBOLS
        }
        settings = box_settings(
            self._folder, rows, {"USDT": D(10_000)}, ExchangeSettings(queue_ahead_quote=D(0))
        )
        self._server = await self._open.enter_async_context(serve(settings, box_clock()))
        for symbol in SYMBOLS:
            self.price(symbol, PRICE)
        config = load(environment={}, folder=self._write_config())
        plan = module._Plan(ServiceOptions(config=config, no_trader=True))
        folder = self._open.enter_context(DataFolder(config.data.dir))
        bound = self._open.enter_context(closing(bind("127.0.0.1", 0)))
        store = self._open.enter_context(open_store(folder.private_journal(), plan.durability, lay_out=True))
        model = self._open.enter_context(store.read_model())
        self._store = store
        self._up = asyncio.Event()
        self._service = module._Service(plan, folder, bound, store, model, lambda up: self._up.set())
        self._running = asyncio.create_task(self._service.run())
        self._background = [asyncio.create_task(self._market()), asyncio.create_task(self._drift())]
        async with asyncio.timeout(120):
            await self._up.wait()
            while self.account.state != READY:
                assert not self._running.done(), self._running
                await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._background:
            task.cancel()
        self._service._orchestrator.stop()
        await asyncio.wait((self._running,), timeout=30)
        await self._open.aclose()

    def _write_config(self) -> Path:
        base = f"127.0.0.1:{self._server.port}"
        pem = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        (self._folder / "private.pem").write_text(pem)
        (self._folder / "info.json").write_bytes(exchange_info(SYMBOLS))
        sections: dict[str, dict[str, Any]] = {
            "trading": {"mode": REAL},
            "data": {"dir": str(self._folder / "data")},
            "log": {"format": "json", "level": "error"},
            "market": {
                "feed": "synthetic",
                "symbols": list(SYMBOLS),
                "trades_per_second": 0.1,
                "exchange_info": str(self._folder / "info.json"),
            },
            "risk": {"max_daily_loss_usdt": DAILY_LOSS, "quote_age_max_s": 60, "max_consecutive_losses": 100},
            REAL: {
                "api_key": ED25519_KEY,
                "private_key_file": str(self._folder / "private.pem"),
                "rest_url": f"http://{base}",
                "websocket_api_url": f"ws://{base}",
                "streams_url": f"ws://{base}",
                "cap_usdt": CAP,
            },
        }
        (self._folder / "fillwright.toml").write_text(toml(sections))
        return self._folder

    # -- the world ---------------------------------------------------------------------------------------------

    def price(self, symbol: str, last: Decimal) -> None:
        """The market trades there."""
        box, cent, much = self._server.box, D("0.01"), D(1000)
        box.tick()
        box.quote(symbol, last - cent, much, last + cent, much, box.now)
        box.trade(symbol, last, D("0.1"), False, box.now)
        self._last[symbol] = last

    async def _market(self) -> None:
        draw = random.Random(5)
        while True:
            for symbol in SYMBOLS:
                step = D(draw.randint(-20, 20)) / 10
                self.price(symbol, max(self._last[symbol] + step, D(1000)))
            await asyncio.sleep(PRICES_EVERY_S)

    async def _drift(self) -> None:
        while True:
            await asyncio.sleep(50)
            self._server.box.clock.skew_us += 50 * DRIFT_PPM

    # -- the account -------------------------------------------------------------------------------------------

    @property
    def real(self) -> RealAccount:
        (found,) = self._service.real
        return found  # type: ignore[no-any-return]

    @property
    def account(self) -> AccountEngine:
        return self.real.engine

    @property
    def records(self) -> list[ev.Record]:
        return list(self._store.journal.load(REAL))

    async def enter(self, symbol: str) -> Position | None:
        """Send a signal at the price of the moment; the position, or None if it was denied."""
        self._signals += 1
        price = self._last[symbol]
        self.price(symbol, price)
        await asyncio.sleep(1)
        answer = await self.account.submit(
            SubmitSignal(
                Signal(
                    trader_id=f"trader {self._signals}",
                    symbol=symbol,
                    side=Direction.LONG,
                    created_at=the_loop().now(),
                    stop_loss=(price * D("0.95")).quantize(D(1)),
                    take_profit=(price * D("1.04")).quantize(D(1)),
                    size=Size(quote=D(CAP)),
                    interval="15m",
                    key=f"signal {self._signals}",
                )
            )
        )
        if not answer.ok:
            self.denied.append((the_loop().now(), answer.code))
            return None
        await asyncio.sleep(2)
        (position,) = [
            one for one in self.account.engine.ledger.open_positions.values() if one.symbol == symbol
        ]
        stops = [
            one for one in self._server.box.exchange.open_orders(ACCOUNT, symbol) if one.type in STOP_TYPES
        ]
        assert len(stops) == 1, stops
        return position

    async def ended(self, position: Position, how: str) -> None:
        """The position ends."""
        begin = self._last[position.symbol]
        assert position.stop_loss is not None
        if how == "close":
            await self.account.submit(ClosePosition(position_id=position.id, by="ops"))
        elif how == "target":
            self.price(position.symbol, begin * D("1.045"))
        else:
            self.price(position.symbol, begin * D("0.945"))
        await asyncio.sleep(5)
        ended = self.account.engine.state.positions[position.id]
        assert ended.status is PositionStatus.CLOSED, ended
        self.price(position.symbol, begin)

    def _balances(self) -> list[tuple[str, Decimal, Decimal]]:
        return list(balances(self._server.box.exchange.balances(ACCOUNT)))

    def check(self, connects: list[Time], hours: float) -> None:
        """What must hold of the hours that have gone by."""
        engine, records = self.account.engine, self.records
        assert self._server.box.exchange.audit() == ()
        assert engine.ledger.doubts == {}
        found = verify(records, engine.ledger, self._balances())
        assert list(found.differences) == []
        for asset, free, locked in self._balances():
            ours = engine.state.portfolio.balances[asset]
            assert (ours.free, ours.locked, ours.ledger) == (free, locked, free + locked), asset
        bad = (
            ev.OrderUnknown,
            ev.OrderRejected,
            ev.VenueErrorSeen,
            ev.RateLimited,
            ev.Anomaly,
            ev.Error,
            ev.Halted,
        )
        assert [one for one in records if isinstance(one.event, bad)] == []
        dropped = [
            one for one in records if isinstance(one.event, ev.StreamStateChanged) and not one.event.connected
        ]
        assert len(dropped) <= 1, dropped  # before the first connection
        assert len(connects) <= CONNECTIONS_MAX, connects
        venue: Any = self.account.venue
        sync = venue._clock_sync.state
        assert sync.is_synced
        assert sync.age_us < 2 * MINUTE
        assert abs(sync.skew_ms * MILLISECOND - self._server.box.clock.skew_us) < SKEW_MAX
        assert abs(sync.drift_ppm - DRIFT_PPM) <= DRIFT_PPM / 2 or hours < 0.1
        for use in venue.account.budget.usage(REAL):
            assert use.used * 10 < use.limit * 6, use  # entries go up to 60 %
        days = [one for one in records if isinstance(one.event, ev.TradingDayStarted)]
        midnight = int(datetime(2026, 10, 25, tzinfo=UTC).timestamp()) * SECOND
        assert [abs(one.time - midnight) < 2 * SECOND for one in days] == [False, True]


async def _hours(folder: Path, hours: int, connects: list[Time]) -> Day:
    async with Day(folder) as day:
        for hour in range(hours):
            end = the_loop().now() + HOUR
            symbol = SYMBOLS[hour % 2]
            position = await day.enter(symbol)
            if position is not None:
                await asyncio.sleep(600)
                await day.ended(position, ("close", "stop", "stop", "target")[hour % 4])
            day.memory.append(resident_mb())
            await asyncio.sleep((end - the_loop().now()) / SECOND)
        await asyncio.sleep(30)
        day.check(connects, hours)
    return day


def test_minutes_over_midnight(tmp_path: Path, connects: list[Time]) -> None:
    """Two stops before midnight are the day's loss; after it entries are taken again."""

    async def story() -> None:
        async with Day(tmp_path) as day:
            for symbol in SYMBOLS:
                position = await day.enter(symbol)
                assert position is not None
                await asyncio.sleep(30)
                await day.ended(position, "stop")
            assert await day.enter(SYMBOLS[0]) is None
            assert [code for _, code in day.denied] == ["DAILY_LOSS"]
            await asyncio.sleep(300)
            position = await day.enter(SYMBOLS[0])
            assert position is not None
            await asyncio.sleep(30)
            await day.ended(position, "target")
            day.check(connects, 0)
        assert len(connects) <= 3

    begin = int(datetime(2026, 10, 24, 23, 56, tzinfo=UTC).timestamp()) * SECOND
    warped(story(), DayLoop(begin))


@pytest.mark.long
def test_twenty_four_hours(tmp_path: Path, connects: list[Time], capsys: pytest.CaptureFixture[str]) -> None:
    begin = int(BEGIN.timestamp()) * SECOND
    day = warped(_hours(tmp_path, 25, connects), DayLoop(begin))
    grown = day.memory[-1] - day.memory[2]
    with capsys.disabled():
        print(  # noqa: T201
            f"\n24 h: {day._signals} signals, {len(connects)} connections,"
            f" {day.memory[2]:.0f} MB after two hours and {day.memory[-1]:.0f} MB at the end"
        )
    assert grown < GROWTH_MAX_MB, day.memory
    assert len(connects) > 3, "connections are replaced before a day is over"
