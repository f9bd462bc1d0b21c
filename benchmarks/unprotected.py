"""How long coins are without a stop: from the entry's last execution to the stop's NEW, by the exchange's own clock.

Twice: in round trips, over real sockets in virtual time, where each way takes 25 ms and nothing else takes any; and in
milliseconds, against an exchange that is a process of its own. A limit that is filled in part waits for
``partial_protect_s`` first (a second; 20 ms in the second table), then for the cancel of its list.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop

from benchmarks.figures import Row, percentiles
from benchmarks.material import settings as usual_settings
from benchmarks.order_path import _signer
from fillwright.binance.endpoints import Endpoints
from fillwright.core import events as ev
from fillwright.core.inputs import ClosePosition, Entry, Input, OrderReport, Quote, Signal, Size, SubmitSignal
from fillwright.core.settings import ExecutionSettings
from fillwright.core.types import (
    MILLISECOND,
    SECOND,
    Direction,
    Leg,
    Mode,
    Symbol,
    Time,
    VenueOrderStatus,
    parse_client_order_id,
)
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault, EventFate, StreamEventFault
from fillwright.ports import Owner, Reports, Venue, VenueEffect
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import open_store
from fillwright.venues.binance import BinanceSettings
from fillwright.venues.binance_place import BinancePlace
from tests.e2e.exchange.box import Box, running_box
from tests.e2e.service import exchange_info
from tests.faults.world import ACCOUNT, SYMBOL, BoxWorld
from tests.sim.scenarios import PlanCase
from tests.warp import warped

D = Decimal
WAY: Time = 25 * MILLISECOND
ROUND_TRIP: Time = 2 * WAY
SAMPLES = 1_000
QUICK = 20
WARM_UP = 10
STOP, TARGET = D(95), D(110)
PLANS = (
    PlanCase("OPOCO", {}, TARGET),
    PlanCase("OTOCO", {"opo_allowed": False}, TARGET),
    PlanCase("OCO", {"oto_allowed": False}, TARGET),
    PlanCase("STOP", {"oto_allowed": False}, None),
)
AIMS = {
    "OPOCO": "released by the exchange itself",
    "OTOCO": "released by the exchange itself",
    "OCO": "aim ≤ 2 round trips",
    "STOP": "aim ≤ 2 round trips",
}
PARTLY = "rule §4: {} s, cancel the list, OCO"
WIRE_FLAGS = {
    "OPOCO": {},
    "OTOCO": {"opoAllowed": False},
    "OCO": {"opoAllowed": False, "otoAllowed": False},
    "STOP": {"opoAllowed": False, "otoAllowed": False, "ocoAllowed": False},
}
SYMBOLS = dict(zip(WIRE_FLAGS, ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT"), strict=True))
"""Of the second part: a symbol for each plan."""
BEFORE_PARTLY = ExecutionSettings(partial_protect_s=D("0.02"))
CLOSED_MAX_S = 10.0


# -- in round trips ------------------------------------------------------------------------------------------------


class _World(BoxWorld):
    """Nobody looks whether coins are without a stop: that takes longer with every order there was."""

    def _look(self) -> None: ...


def _slow(world: BoxWorld) -> None:
    """Each way takes its time: of requests, of answers, of reports."""
    for endpoint in ("order.*", "orderList.*"):
        world.fault(
            CallFault(
                endpoint=endpoint, outcome=Outcome.DELAYED, times=None, delay_us=WAY, answer_delay_us=WAY
            )
        )
    world.fault(StreamEventFault(outcome=EventFate.DELAYED, times=None, delay_us=WAY))


async def _virtual(plan: PlanCase, partly: bool, samples: int) -> list[Time]:
    found = []
    async with _World(changes=plan.changes) as world:
        _slow(world)
        for number in range(1, samples + 1):
            world.price(SYMBOL, D(100))
            world.signal(stop=STOP, target=plan.target, limit=D(99) if partly else None)
            if partly:
                await world.run(SECOND // 4)
                world.price(SYMBOL, D("98.9"), volume=D("0.8"))
                world.price(SYMBOL, D("99.5"))
            await world.run(2 * SECOND)
            found.append(_between(world, number))
            world.command(ClosePosition(position_id=number, by="bench"))
            await world.run(SECOND)
            assert not world.engine.ledger.open_positions, number
    return found


def _between(world: BoxWorld, number: int) -> Time:
    """From the last execution of a position's entry to its stop's beginning, as the exchange has it."""
    orders = [
        (parsed, one)
        for one in world.exchange.all_orders(ACCOUNT, SYMBOL, limit=8)
        if (parsed := parse_client_order_id(one.client_order_id)) is not None and parsed[1] == number
    ]
    entries = {one.order_id for parsed, one in orders if parsed[2] is Leg.ENTRY}
    filled = max(
        one.time for one in world.exchange.trades(ACCOUNT, SYMBOL, limit=8) if one.order_id in entries
    )
    began = [
        one.update_time
        for parsed, one in orders
        if parsed[2] is Leg.STOP_LOSS and one.status is VenueOrderStatus.NEW
    ]
    return min(began) - filled


# -- in milliseconds -----------------------------------------------------------------------------------------------


class _Heard:
    """The venue, and what the exchange says of entries and stops."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.account_id = venue.account_id
        self.open, self.close = venue.open, venue.close
        self.filled: dict[int, Time] = {}
        self.armed: dict[int, Time] = {}
        """By position: the last execution of its entry, and its first stop that works."""

    async def run(self, reports: Reports) -> None:
        def heard(items: Sequence[Input]) -> None:
            self._note(items)
            reports(items)

        await self._venue.run(heard)

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        items = await self._venue.carry_out(effect)
        self._note(items)
        return items

    def _note(self, items: Sequence[Input]) -> None:
        for item in items:
            parsed = parse_client_order_id(item.client_order_id) if isinstance(item, OrderReport) else None
            if parsed is None or not isinstance(item, OrderReport):
                continue
            if parsed[2] is Leg.ENTRY and item.fills:
                last = max(fill.time for fill in item.fills)
                self.filled[parsed[1]] = max(last, self.filled.get(parsed[1], 0))
            elif parsed[2] is Leg.STOP_LOSS and item.status is VenueOrderStatus.NEW:
                self.armed.setdefault(parsed[1], item.time)


class _Account:
    """An account at the exchange, which enters and leaves."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box, self.clock = box, SystemClock()
        place = BinancePlace(Endpoints(rest=box.rest, streams=box.ws, websocket_api=box.ws))
        self.store = open_store(folder / "unprotected.db", durability="normal")
        wanted = usual_settings()
        wanted = msgspec.structs.replace(wanted, execution=BEFORE_PARTLY)
        venue = place.venue(
            "bench", _signer(box, "bench"), self.clock, BinanceSettings(symbols=tuple(SYMBOLS.values()))
        )
        self.venue = _Heard(venue)
        self.engine = AccountEngine(
            Owner(account_id="bench", user_id="local", mode=Mode.TESTNET),
            self.store,
            self.venue,
            self.clock,
            MarketHub(self.clock),
            Configured(wanted, {}),
        )
        self.running = asyncio.create_task(self.engine.run())
        self._number = 0

    async def ready(self) -> None:
        while self.engine.state != READY:
            assert not self.running.done(), self.running
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.engine.stop_now()
        await self.running
        self.store.close()

    async def one(self, symbol: Symbol, target: Decimal | None, partly: bool) -> Time:
        """Enter, be protected, leave; how long the coins were without a stop."""
        self._number += 1
        self.engine.observe(Quote(symbol, D("99.9"), D("100.1"), D(100), self.clock.now()))
        signal = Signal(
            trader_id=f"t{self._number}",
            symbol=symbol,
            side=Direction.LONG,
            created_at=self.clock.now(),
            entry=Entry("limit", D(99)) if partly else Entry(),
            stop_loss=STOP,
            take_profit=target,
            size=Size(quote=D(200)),
            key=str(self._number),
        )
        answer = await self.engine.submit(SubmitSignal(signal))
        assert answer.ok, answer
        position = answer.position_id
        if partly:
            self.box.trade(symbol, "98.9", "0.8")
        await self._until(lambda: position in self.venue.armed and position in self.venue.filled)
        await self._until(lambda: self.engine.engine.state.positions[position].unprotected_since == 0)
        await self.engine.submit(ClosePosition(position_id=position, by="bench"))
        await self._until(lambda: not self.engine.engine.ledger.open_positions)
        return self.venue.armed[position] - self.venue.filled[position]

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(CLOSED_MAX_S):
            while not condition():  # noqa: ASYNC110 - the ledger tells nobody
                await asyncio.sleep(0.0005)


@contextlib.contextmanager
def _server() -> Iterator[Box]:
    """The exchange without limits, a symbol for each plan."""
    info = json.loads(exchange_info(tuple(SYMBOLS.values())))
    flags = {symbol: WIRE_FLAGS[plan] for plan, symbol in SYMBOLS.items()}
    for one in info["symbols"]:
        one.update(flags[one["symbol"]])
    wanted = {
        "exchange_info": "",
        "limits": {"request_weight": 10**9, "raw_requests": 10**9, "connections": 10**6},
        "exchange": {"order_counts": [{"interval_us": 10**7, "limit": 10**9, "label": "10 SECOND"}]},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "info.json").write_text(json.dumps(info))
        wanted["exchange_info"] = str(folder / "info.json")
        (folder / "settings.json").write_text(json.dumps(wanted))
        with running_box(limits=False, options=("--settings", str(folder / "settings.json"))) as box:
            for symbol in SYMBOLS.values():
                box.depth(symbol, [("99.9", "100000")], [("100.1", "100000")])
                box.trade(symbol, "100", "0.1")
            yield box


@contextlib.asynccontextmanager
async def _account(box: Box, folder: Path) -> AsyncIterator[_Account]:
    account = _Account(box, folder)
    try:
        await account.ready()
        yield account
    finally:
        await account.end()


async def _real(box: Box, folder: Path, samples: int) -> dict[tuple[str, bool], list[Time]]:
    async with _account(box, folder) as account:
        found: dict[tuple[str, bool], list[Time]] = {}
        for plan, partly in [*[(one, False) for one in PLANS], (PLANS[0], True), (PLANS[2], True)]:
            times = [
                await account.one(SYMBOLS[plan.name], plan.target, partly) for _ in range(WARM_UP + samples)
            ]
            found[plan.name, partly] = times[WARM_UP:]
        records = account.store.journal.load("bench")
        kinds = [one.event.plan for one in records if isinstance(one.event, ev.PositionCreated)]
        assert len(set(kinds)) == len(PLANS), set(kinds)
        return found


# -- the table -----------------------------------------------------------------------------------------------------


def _name(plan: PlanCase, partly: bool) -> str:
    return f"{plan.name}, {'limit, filled in part' if partly else 'market'}"


def _in_trips(times: Sequence[Time]) -> tuple[str, str]:
    p50, p99 = percentiles([time / ROUND_TRIP for time in times])
    return f"{p50:.1f} round trips", f"{p99:.1f}"


def _in_ms(times: Sequence[Time]) -> tuple[str, str]:
    p50, p99 = percentiles([time / MILLISECOND for time in times])
    return f"{p50:.2f} ms", f"{p99:.2f} ms"


def rows(quick: bool) -> list[Row]:
    """All of it."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    samples = QUICK if quick else SAMPLES
    found = []
    for partly in (False, True):
        for plan in PLANS:
            times = warped(_virtual(plan, partly, samples))
            waited = SECOND if partly else 0
            value, p99 = _in_trips([time - waited for time in times])
            aim = PARTLY.format(1) if partly else AIMS[plan.name]
            found.append(Row(_name(plan, partly), f"{'1 s + ' if partly else ''}{value}", p99, aim))
    with tempfile.TemporaryDirectory() as name, _server() as box:
        real = uvloop.run(_real(box, Path(name), samples))
    for (plan_name, partly), times in real.items():
        plan = next(one for one in PLANS if one.name == plan_name)
        value, p99 = _in_ms(times)
        found.append(Row(f"  {_name(plan, partly)}, box", value, p99, "20 ms of it waited" if partly else ""))
    return found
