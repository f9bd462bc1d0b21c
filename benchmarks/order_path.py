"""A signal's way to the exchange: to its bytes on the socket and to the answer, beside other clients' bare orders.

The exchange is a process of its own; everybody places the same order (LIMIT, far from the market), some in a row and in
turn, on one loop, and cancels it untimed: back to back, and again with a rest before each, after which nothing is warm.
What others do is placing alone; ours checks risk and journals before. Nobody's own frame and nobody's own block on the
disk show what the way to the exchange, and a journal that survives a power cut, take by themselves.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from picows import ws_connect
from pydantic import SecretStr

from benchmarks import exchange_server
from benchmarks.figures import Row, percentiles, row
from benchmarks.material import settings
from fillwright.binance.connection import Connection
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.signers import Signer, make_signer
from fillwright.core.effects import Send
from fillwright.core.inputs import CancelAll, Entry, Input, OrderReport, Quote, Signal, Size, SubmitSignal
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import MINUTE, Direction, Mode
from fillwright.ports import Owner, Reports, Venue, VenueEffect, VenueTerms
from fillwright.runtime.account import READY, AccountEngine
from fillwright.runtime.clock import SystemClock
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.storage.sql import open_store
from fillwright.venues.binance import BinanceSettings
from fillwright.venues.binance_place import BinancePlace
from tests.e2e.exchange.box import BOOK, Box, running_box
from tests.e2e.service import exchange_info

LISTS, ALONE = "BTCUSDT", "ETHUSDT"
"""Symbols with order lists, and with none: there an entry is one LIMIT order."""
PRICE, QUANTITY, NOTIONAL = Decimal(59_400), Decimal("0.01"), Decimal(594)
BID, ASK = Decimal(BOOK["bids"][0][0]), Decimal(BOOK["asks"][0][0])
STOP, TARGET = Decimal(57_000), Decimal(62_000)
RESTS_S = {"back to back": 0.0, "after 3 ms of rest": 0.003}
"""Between an answer and the next order."""
IN_A_ROW = 20
"""So many orders one places before it is the next one's turn; the first of everybody's turns are not counted."""
TRADERS = 40
"""Whose signals they are, in turn; each has one a candle."""
CANDLES = 55
BLOCK = b"x" * 4096
DISK_BYTES = 8 * 1024 * 1024
AIMS = {"normal": "aim ≤ 150 µs", "full": "aim ≤ 300 µs"}
"""By the journal's durability; each has an account of its own, so that nobody hears of another's orders."""
BALANCES = {"USDT": "1000000", "BTC": "10", "ETH": "100"}
Place = Callable[[], Awaitable[Any]]
Cancel = Callable[[Any], Awaitable[Any]]


@contextmanager
def server() -> Iterator[Box]:
    """The exchange without limits that anybody could meet; ``ALONE`` has no order lists."""
    info = json.loads(exchange_info((LISTS, ALONE)))
    for one in info["symbols"]:
        if one["symbol"] == ALONE:
            one.update(ocoAllowed=False, otoAllowed=False, opoAllowed=False)
    counts = [{"interval_us": us, "limit": 10**9, "label": label} for us, label in ((10**7, "10 SECOND"),)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "info.json").write_text(json.dumps(info))
        wanted = {
            "exchange_info": str(folder / "info.json"),
            "limits": {"request_weight": 10**9, "raw_requests": 10**9, "connections": 10**6},
            "exchange": {"order_counts": counts},
        }
        (folder / "settings.json").write_text(json.dumps(wanted))
        with running_box(limits=False, options=("--settings", str(folder / "settings.json"))) as box:
            box.depth(ALONE, BOOK["bids"], BOOK["asks"])
            for symbol in (LISTS, ALONE):
                box.trade(symbol, "60000", "0.1")
            yield box


# -- ours ----------------------------------------------------------------------------------------------------------


class _Noted:
    """The venue, and when its requests were answered."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.answered: asyncio.Future[float] | None = None
        self.request: OrderRequest | OrderListRequest | None = None

    @property
    def account_id(self) -> str:
        return self._venue.account_id

    async def open(self) -> VenueTerms:
        return await self._venue.open()

    async def run(self, reports: Reports) -> None:
        def noted(items: Sequence[Input]) -> None:
            if any(isinstance(item, OrderReport) for item in items):
                self._answered()
            reports(items)

        await self._venue.run(noted)

    async def close(self) -> None:
        await self._venue.close()

    def carry_out(self, effect: VenueEffect) -> Coroutine[Any, Any, Sequence[Input]]:
        answer = self._venue.carry_out(effect)
        if isinstance(effect, Send) and isinstance(effect.request, OrderRequest | OrderListRequest):
            self.request = effect.request
            return self._noted(answer)
        return answer

    async def _noted(self, answer: Coroutine[Any, Any, Sequence[Input]]) -> Sequence[Input]:
        inputs = await answer
        self._answered()
        return inputs

    def _answered(self) -> None:
        """The exchange has said something of the order: by its answer, or by the stream, whichever is first."""
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(time.perf_counter())


class Ours:
    """An account at the exchange: signals in, times of their orders out."""

    def __init__(self, box: Box, folder: Path, durability: str, signer: Signer) -> None:
        clock = SystemClock()
        place = BinancePlace(Endpoints(rest=box.rest, streams=box.ws, websocket_api=box.ws))
        self.store = open_store(folder / f"{durability}.db", durability=durability, lay_out=True)
        wanted = settings()
        risk = msgspec.structs.replace(wanted.risk, max_spread_percent=Decimal(5))
        wanted = msgspec.structs.replace(wanted, risk=risk, candle_interval="1m")
        venue = place.venue(durability, signer, clock, BinanceSettings(symbols=(LISTS, ALONE)))
        self.venue = _Noted(venue)
        self.hub, self.clock = MarketHub(clock), clock
        owner = Owner(account_id=durability, user_id="local", mode=Mode.TESTNET)
        self.account = AccountEngine(owner, self.store, self.venue, clock, self.hub, Configured(wanted))
        self.running = asyncio.create_task(self.account.run())
        self.sent: list[float] = []
        self.acknowledged: list[float] = []
        self._number, self._since = 0, clock.now()

    async def ready(self) -> None:
        """Wait until it takes signals, with a price of each symbol."""
        while self.account.state != READY:
            assert not self.running.done(), self.running
            await asyncio.sleep(0.01)
        for symbol in (LISTS, ALONE):
            self.account.observe(Quote(symbol, BID, ASK, BID, self.clock.now()))

    async def one(self, symbol: str, written: list[float], rest_s: float) -> None:
        """One signal, timed; then everything is cancelled."""
        self._number += 1
        item = SubmitSignal(
            Signal(
                trader_id=f"t{self._number % TRADERS}",
                symbol=symbol,
                side=Direction.LONG,
                created_at=self._since - self._number // TRADERS % CANDLES * MINUTE,
                entry=Entry("limit", PRICE),
                stop_loss=STOP,
                take_profit=TARGET,
                size=Size(quote=NOTIONAL),
                key=str(self._number),
            )
        )
        loop = asyncio.get_running_loop()
        answered = self.venue.answered = loop.create_future()
        written.clear()
        begin = time.perf_counter()
        reply = self.account.post(item)
        end = await asyncio.wait_for(answered, 5)
        self.sent.append(written[0] - begin)
        self.acknowledged.append(end - begin)
        answer = await reply
        assert answer.ok, answer
        await asyncio.sleep(rest_s)
        await self.account.submit(CancelAll(by="bench"))
        while self.account.engine.ledger.open_orders:  # noqa: ASYNC110 - the ledger tells nobody
            await asyncio.sleep(0.001)
        await asyncio.sleep(rest_s)

    def reset(self) -> None:
        """Forget the times so far."""
        self.sent, self.acknowledged = [], []

    async def end(self) -> None:
        """Stop."""
        self.account.stop_now()
        await self.running
        self.store.close()


# -- others --------------------------------------------------------------------------------------------------------


async def _ccxt(box: Box, stack: AsyncExitStack) -> dict[str, tuple[Place, Cancel]]:
    from tests.e2e.exchange.test_ccxt import client

    exchange = client(box)
    stack.push_async_callback(exchange.close)
    await exchange.load_markets()
    market = exchange.market_id  # a name of Binance's for one of ccxt's
    assert market("ETH/USDT") == ALONE
    order = ("ETH/USDT", "limit", "buy", float(QUANTITY), float(PRICE))
    return {
        "ccxt, REST": (
            lambda: exchange.create_order(*order),
            lambda made: exchange.cancel_order(made["id"], "ETH/USDT"),
        ),
        "ccxt, WebSocket": (
            lambda: exchange.create_order_ws(*order),
            lambda made: exchange.cancel_order_ws(made["id"], "ETH/USDT"),
        ),
    }


async def _python_binance(box: Box, stack: AsyncExitStack) -> dict[str, tuple[Place, Cancel]]:
    from binance import AsyncClient
    from binance.ws.reconnecting_websocket import ReconnectingWebsocket

    class Client(AsyncClient):  # type: ignore[misc]
        API_URL = f"{box.rest}/api"
        WS_API_URL = f"{box.ws}/ws-api/v3"

    ReconnectingWebsocket.TIMEOUT = 0.2  # so long it goes on reading after it was closed
    client = await Client.create(box.api_key, box.secret)
    stack.push_async_callback(client.close_connection)
    order = {"symbol": ALONE, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"quantity": str(QUANTITY), "price": str(PRICE)}
    return {
        "python-binance, REST": (
            lambda: client.create_order(**order),
            lambda made: client.cancel_order(symbol=ALONE, orderId=made["orderId"]),
        ),
        "python-binance, WebSocket": (
            lambda: client.ws_create_order(**order),
            lambda made: client.ws_cancel_order(symbol=ALONE, orderId=made["orderId"]),
        ),
    }


async def _official(box: Box, stack: AsyncExitStack) -> dict[str, tuple[Place, Cancel]]:
    from binance_common.configuration import ConfigurationWebSocketAPI
    from binance_sdk_spot.rest_api.models import NewOrderSideEnum, NewOrderTimeInForceEnum, NewOrderTypeEnum
    from binance_sdk_spot.spot import Spot
    from binance_sdk_spot.websocket_api.models import (
        OrderPlaceSideEnum,
        OrderPlaceTimeInForceEnum,
        OrderPlaceTypeEnum,
    )

    from tests.e2e.exchange.test_official_sdk import rest

    by_rest = rest(box)
    config = ConfigurationWebSocketAPI(
        api_key=box.ed25519_key, private_key=box.ed25519_private, stream_url=f"{box.ws}/ws-api/v3"
    )
    connection = await Spot(config_ws_api=config).websocket_api.create_connection()
    stack.push_async_callback(connection.close_connection)
    await connection.session_logon()
    sizes = {"quantity": float(QUANTITY), "price": float(PRICE)}

    async def place() -> Any:
        return by_rest.new_order(  # it blocks, and nothing else is to be done meanwhile
            ALONE,
            NewOrderSideEnum.BUY,
            NewOrderTypeEnum.LIMIT,
            time_in_force=NewOrderTimeInForceEnum.GTC,
            **sizes,
        ).data()

    async def cancel(made: Any) -> Any:
        return by_rest.delete_order(ALONE, order_id=made.order_id)

    return {
        "binance-sdk-spot, REST": (place, cancel),
        "binance-sdk-spot, WebSocket": (
            lambda: connection.order_place(
                ALONE,
                OrderPlaceSideEnum.BUY,
                OrderPlaceTypeEnum.LIMIT,
                time_in_force=OrderPlaceTimeInForceEnum.GTC,
                **sizes,
            ),
            lambda made: connection.order_cancel(ALONE, order_id=made.data().result.order_id),
        ),
    }


async def _timed(place: Place, cancel: Cancel, rest_s: float) -> float:
    begin = time.perf_counter()
    made = await place()
    took = time.perf_counter() - begin
    await asyncio.sleep(rest_s)
    await cancel(made)
    await asyncio.sleep(rest_s)
    return took


async def _listen(box: Box, stack: AsyncExitStack) -> None:
    """Subscribe to the others' account, too: the exchange has the same work with everybody's orders."""
    transport, asker = await ws_connect(exchange_server.asker_for, f"{box.ws}/ws-api/v3")
    stack.callback(transport.disconnect)
    asker = cast(exchange_server.Asker, asker)
    _, answer = await asker.ask(transport, exchange_server.frame(box, "userDataStream.subscribe.signature"))
    assert json.loads(answer)["status"] == 200, answer
    asker.answer = None


async def _floor(box: Box) -> tuple[Place, Cancel]:
    """A request that is spelled and signed already, over a bare socket: what the exchange and the way take."""
    transport, asker = await ws_connect(exchange_server.asker_for, f"{box.ws}/ws-api/v3")
    asker = cast(exchange_server.Asker, asker)
    order = {"symbol": ALONE, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order |= {"quantity": str(QUANTITY), "price": str(PRICE)}
    ready: list[bytes] = [exchange_server.frame(box, "order.place", **order)]

    async def place() -> Any:
        _, answer = await asker.ask(transport, ready.pop())
        return json.loads(answer)["result"]["orderId"]

    async def cancel(number: Any) -> Any:
        frame = exchange_server.frame(box, "order.cancel", symbol=ALONE, orderId=number)
        await asker.ask(transport, frame)
        ready.append(exchange_server.frame(box, "order.place", **order))

    return place, cancel


# -- all of them ---------------------------------------------------------------------------------------------------


def _signer(box: Box, account: str) -> Signer:
    """Of a new account's key."""
    box.admin.post("/accounts", account=account, balances=BALANCES)
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = box.admin.post("/keys", account=account, public_key=public.decode())["api_key"]
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return make_signer(SecretStr(key), SecretStr(pem))


async def _run(box: Box, folder: Path, rounds: int) -> list[Row]:
    written: list[float] = []
    send = Connection.send

    def noted(connection: Connection, text: bytes) -> None:
        send(connection, text)
        written.append(time.perf_counter())

    Connection.send = noted  # type: ignore[method-assign]
    found: list[Row] = []
    async with AsyncExitStack() as stack:
        stack.callback(setattr, Connection, "send", send)
        ours: dict[str, Ours] = {}
        for durability in AIMS:
            ours[durability] = Ours(box, folder, durability, _signer(box, durability))
            stack.push_async_callback(ours[durability].end)
            await ours[durability].ready()
        await _listen(box, stack)
        others = {"nobody: a ready frame, WebSocket": await _floor(box)} | {
            name: pair
            for make in (_ccxt, _python_binance, _official)
            for name, pair in (await make(box, stack)).items()
        }
        others["nobody: a block over-written and synced, disk"] = _disk(folder, stack)
        for label, rest_s in RESTS_S.items():
            times = await _compared(ours, others, written, rounds, rest_s)
            found += _of_orders(ours, times, label)
            await _lists(ours, written, rounds, rest_s)
            for name, one in ours.items():
                aim = AIMS[name] if not rest_s else ""
                found.append(
                    row(f"{label}: signal → order list on the socket, {name.upper()}", one.sent, aim)
                )
                found.append(row(f"  → acknowledged, {name.upper()}", one.acknowledged))
    return found


async def _compared(
    ours: dict[str, Ours],
    others: dict[str, tuple[Place, Cancel]],
    written: list[float],
    rounds: int,
    rest_s: float,
) -> dict[str, list[float]]:
    """Everybody's LIMIT order in turn; the others' times."""
    times: dict[str, list[float]] = {name: [] for name in others}
    for number in range(1 + rounds // IN_A_ROW):
        if number == 1:
            for one in ours.values():
                one.reset()
            times = {name: [] for name in others}
        for one in ours.values():
            for _ in range(IN_A_ROW):
                await one.one(ALONE, written, rest_s)
        for name, pair in others.items():
            times[name] += [await _timed(*pair, rest_s) for _ in range(IN_A_ROW)]
    assert all(isinstance(one.venue.request, OrderRequest) for one in ours.values())
    return times


async def _lists(ours: dict[str, Ours], written: list[float], rounds: int, rest_s: float) -> None:
    for one in ours.values():
        one.reset()
    for _ in range(rounds // IN_A_ROW):
        for one in ours.values():
            for _ in range(IN_A_ROW):
                await one.one(LISTS, written, rest_s)
    assert all(isinstance(one.venue.request, OrderListRequest) for one in ours.values())


def _of_orders(ours: dict[str, Ours], times: dict[str, list[float]], label: str) -> list[Row]:
    found = []
    for name, one in ours.items():
        aim = AIMS[name] if not RESTS_S[label] else ""
        found.append(row(f"{label}: signal → LIMIT order on the socket, {name.upper()}", one.sent, aim))
        found.append(row(f"  → acknowledged, {name.upper()}", one.acknowledged))
    base = percentiles(ours["normal"].acknowledged)[0]
    for name, samples in times.items():
        ratio = percentiles(samples)[0] / base
        found.append(
            row(f"{label}: LIMIT order → acknowledged, {name}", samples, f"{ratio:.2f} × ours (NORMAL)")
        )
    return found


def _disk(folder: Path, stack: AsyncExitStack) -> tuple[Place, Cancel]:
    """One block of a file that has its length already: less than any journal writes, and as long as any waits."""
    file = stack.enter_context((folder / "disk").open("w+b", buffering=0))
    file.write(bytes(DISK_BYTES))
    os.fsync(file.fileno())
    places = itertools.cycle(range(0, DISK_BYTES, len(BLOCK)))

    async def place() -> None:
        os.pwrite(file.fileno(), BLOCK, next(places))
        os.fdatasync(file.fileno())

    async def cancel(made: Any) -> None:
        del made

    return place, cancel


def rows(quick: bool) -> list[Row]:
    """All of it."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as name, server() as box:
        warnings.simplefilter("ignore")  # the other clients' own
        return uvloop.run(_run(box, Path(name), 20 if quick else 400))
