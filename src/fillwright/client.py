"""A typed client of our own API.

```
async with Client("http://127.0.0.1:8080", token) as client:
    sent = await client.send_signal(NewSignal(symbol="BTCUSDT", side="long", stop_loss=Decimal("77000")), key="a1")
    async for record in client.events(since=0):
        print(record.seq, record.kind)
```

Whatever goes wrong is a ClientError with the API's code; ConnectionFailed says that nobody answers, and what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar, cast

import aiohttp
import msgspec

from fillwright.answers import (
    Done,
    ModeAnswer,
    ModeSwitched,
    PositionAnswer,
    PreviewAnswer,
    QuotesAnswer,
    Ready,
    RolloutAnswer,
    SignalAnswer,
    StatusAnswer,
    StopAnswer,
    TokenAnswer,
)
from fillwright.client_errors import ClientError, ConnectionFailed, error_of, refused_events, why
from fillwright.core.types import ClientOrderId, Mode, Time
from fillwright.ports import (
    DriftReport,
    OrderView,
    Page,
    PortfolioView,
    PositionView,
    SignalView,
    TradeView,
    Verdict,
)
from fillwright.spelling import encode, read

__all__ = ["URL", "Client", "ClientError", "ConnectionFailed", "EventRecord", "NewSignal", "WhyTold"]

URL = "http://127.0.0.1:8080"
TIMEOUT_S = 30.0
RECONNECTS_MAX = 20
"""Attempts in a row to follow the events again before it is given up."""
PAUSE_FIRST_S = 0.2
PAUSE_MAX_S = 5.0
HEARTBEAT_S = 20.0
UNAVAILABLE = 503
CONFIRMATION = {"X-Confirm-Emergency-Stop": "CONFIRM_STOP_ALL_TRADING"}
_CLOSED = (
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
)
T = TypeVar("T")


class NewSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal to be sent; what is None the service fills in or leaves out."""

    symbol: str
    side: str
    """long | short"""
    trader_id: str = "api"
    decision: str = "enter_trade"
    confidence: Decimal = Decimal(1)
    entry_price: Decimal | None = None
    """Of a limit entry; None: at the market."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    quote: Decimal | None = None
    """How much, in quote; or ``risk_percent`` of equity; both None: the account's default."""
    risk_percent: Decimal | None = None
    trailing: bool = False
    interval: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    reasoning: str = ""
    metadata: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """As the API wants it."""
        made: dict[str, Any] = {
            name: value
            for name, value in msgspec.structs.asdict(self).items()
            if value is not None and name not in ("entry_price", "quote", "risk_percent")
        }
        if self.entry_price is not None:
            made["entry"] = {"type": "limit", "price": self.entry_price}
        size = {"quote": self.quote, "risk_percent": self.risk_percent}
        wanted = {name: value for name, value in size.items() if value is not None}
        if wanted:
            made["size"] = wanted
        return made


class EventRecord(msgspec.Struct, frozen=True):
    """A committed record as the live stream tells it."""

    seq: int
    time: Time
    """Microseconds UTC."""
    cause: int
    event: dict[str, Any]
    """With its ``kind``; times in microseconds UTC."""

    @property
    def kind(self) -> str:
        """What happened, for example OrderFilled."""
        return str(self.event["kind"])


class WhyTold(msgspec.Struct, frozen=True):
    """Why a signal fared as it did."""

    signal: SignalView
    verdicts: tuple[Verdict, ...]
    chain: tuple[dict[str, Any], ...]
    """The records that followed, as the API spells them."""
    position: PositionView | None
    trade: TradeView | None
    orders: tuple[OrderView, ...]


class Client:
    """One service; an async context manager, or closed by ``close``."""

    def __init__(self, url: str = URL, token: str = "", *, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- signals ---------------------------------------------------------------------------------------------

    async def send_signal(
        self, signal: NewSignal | Mapping[str, Any], key: str | None = None
    ) -> SignalAnswer:
        """Send a signal; with a key it may be sent again without being done twice. Denied is an answer, no error."""
        body = signal.body() if isinstance(signal, NewSignal) else dict(signal)
        return read(SignalAnswer, await self._ask("POST", "/api/signals", body, _keyed(key)))

    async def preview_signal(self, signal: NewSignal | Mapping[str, Any]) -> PreviewAnswer:
        """Every risk check of a signal; nothing is recorded."""
        body = signal.body() if isinstance(signal, NewSignal) else dict(signal)
        return read(PreviewAnswer, await self._ask("POST", "/api/signals/preview", body))

    async def signals(self, **filters: str | int | None) -> Page[SignalView]:
        """List signals, newest first; filters: status, symbol, trader_id, limit, cursor."""
        return await self._page("/api/signals", "signals", SignalView, filters)

    async def signal(self, signal_id: int) -> SignalView:
        """One signal."""
        return read(SignalView, await self._ask("GET", f"/api/signals/{signal_id}"))

    async def why(self, signal_id: int) -> WhyTold:
        """Why a signal fared as it did."""
        found = await self._ask("GET", f"/api/signals/{signal_id}/why")
        return WhyTold(
            signal=read(SignalView, found["signal"]),
            verdicts=tuple(read(Verdict, verdict) for verdict in found["verdicts"]),
            chain=tuple(found["chain"]),
            position=None if found["position"] is None else read(PositionView, found["position"]),
            trade=None if found["trade"] is None else read(TradeView, found["trade"]),
            orders=tuple(read(OrderView, order) for order in found["orders"]),
        )

    # -- positions, orders, trades, money --------------------------------------------------------------------

    async def positions(self, **filters: str | int | None) -> Page[PositionView]:
        """List positions, newest first."""
        return await self._page("/api/positions", "positions", PositionView, filters)

    async def position(self, position_id: int) -> PositionView:
        """One position."""
        return read(PositionView, await self._ask("GET", f"/api/positions/{position_id}"))

    async def close_position(
        self, position_id: int, reason: str = "operator", *, key: str | None = None
    ) -> PositionAnswer:
        """Close a position at the market; with a key this and its like may be sent again without being done twice."""
        return await self._command(position_id, "close", {"reason": reason}, key)

    async def reduce_position(
        self,
        position_id: int,
        *,
        fraction: Decimal | None = None,
        quantity: Decimal | None = None,
        key: str | None = None,
    ) -> PositionAnswer:
        """Sell a fraction or a quantity of a position."""
        return await self._command(position_id, "reduce", {"fraction": fraction, "quantity": quantity}, key)

    async def add_to_position(
        self, position_id: int, quote: Decimal, *, key: str | None = None
    ) -> PositionAnswer:
        """Buy more of a position for an amount of quote."""
        return await self._command(position_id, "add", {"quote": quote}, key)

    async def adjust_position(
        self,
        position_id: int,
        *,
        stop_loss: Decimal | None = None,
        take_profit: Decimal | None = None,
        widen: bool = False,
        key: str | None = None,
    ) -> PositionAnswer:
        """Move a position's stop or target."""
        levels = {"stop_loss": stop_loss, "take_profit": take_profit, "widen": widen}
        return await self._command(position_id, "adjust", levels, key)

    async def orders(self, **filters: str | int | None) -> Page[OrderView]:
        """List orders, newest first, without their fills."""
        return await self._page("/api/orders", "orders", OrderView, filters)

    async def order(self, order_id: ClientOrderId) -> OrderView:
        """One order with its fills."""
        return read(OrderView, await self._ask("GET", f"/api/orders/{order_id}"))

    async def trades(self, **filters: str | int | None) -> Page[TradeView]:
        """List trades, newest first."""
        return await self._page("/api/trades", "trades", TradeView, filters)

    async def trade(self, trade_id: int) -> TradeView:
        """One trade."""
        return read(TradeView, await self._ask("GET", f"/api/trades/{trade_id}"))

    async def portfolio(self) -> PortfolioView:
        """The account's money."""
        return read(PortfolioView, await self._ask("GET", "/api/portfolio"))

    async def shadow_report(self, **filters: str | int | None) -> DriftReport:
        """How the real account fared against its shadow; filters: since (RFC 3339), limit (of signals)."""
        params = {key: str(value) for key, value in filters.items() if value is not None}
        return read(DriftReport, await self._ask("GET", "/api/shadow-trading/report", params=params))

    async def every(
        self, listing: Callable[..., Awaitable[Page[T]]], **filters: str | int | None
    ) -> AsyncIterator[T]:
        """Walk through all pages of a listing: ``client.every(client.trades, status="closed")``."""
        cursor: str | None = None
        while True:
            page = await listing(**{**filters, "cursor": cursor})
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    # -- operations ------------------------------------------------------------------------------------------

    async def status(self) -> StatusAnswer:
        """How service and account are doing."""
        return read(StatusAnswer, await self._ask("GET", "/api/status"))

    async def quotes(self) -> QuotesAnswer:
        """The newest prices of each symbol."""
        return read(QuotesAnswer, await self._ask("GET", "/api/quotes"))

    async def ready(self) -> Ready:
        """Whether signals are taken, and if not, what is not ready; with a token also why."""
        return read(Ready, await self._ask("GET", "/readyz", accepted=(200, 503)))

    async def enter(self, code: str) -> str:
        """The token, for the code of the first run's one-time link; needs no token."""
        return read(TokenAnswer, await self._ask("POST", "/api/entrance", {"code": code})).token

    async def mode(self) -> Mode:
        """The mode that the caller is in."""
        return read(ModeAnswer, await self._ask("GET", "/api/trading/mode")).mode

    async def switch_mode(
        self,
        mode: str,
        *,
        confirmed: bool = False,
        flatten: bool = False,
        accept_unverified_key: bool = False,
        override_rollout: str = "",
        force: bool = False,
    ) -> Mode:
        """Switch the mode; ``flatten`` first sells what is held, and is to be confirmed, as mainnet is.

        ``force`` leaves an account that is not up although its journal has something open; it is confirmed, too.
        """
        more = {"accept_unverified_key": accept_unverified_key, "override_rollout": override_rollout}
        more |= {"force": force}
        body = {"mode": mode, "confirmed": confirmed, "flatten": flatten, **more}
        return read(ModeSwitched, await self._ask("POST", "/api/trading/mode", body)).mode

    async def rollout(self) -> RolloutAnswer:
        """How far the rollout is: testnet, demo mode, mainnet."""
        return read(RolloutAnswer, await self._ask("GET", "/api/rollout"))

    async def lift_cap(self, mode: str, reason: str, *, restore: bool = False, early: bool = False) -> Done:
        """Lift the rollout's cap on trades of a mode, or put it back."""
        body = {"mode": mode, "reason": reason, "restore": restore, "early": early}
        return read(Done, await self._ask("POST", "/api/rollout/cap", body))

    async def emergency_stop(
        self, *, flatten: bool = False, external: bool = False, reason: str = "emergency stop"
    ) -> StopAnswer:
        """Halt and cancel working entries; ``flatten`` sells every position, ``external`` cancels others' orders."""
        body = {"flatten": flatten, "external": external, "reason": reason}
        return read(StopAnswer, await self._ask("POST", "/api/emergency-stop", body, CONFIRMATION))

    async def resume(self, reason: str, *, key: str | None = None) -> Done:
        """Lift a halt or an operator's pause."""
        return read(Done, await self._ask("POST", "/api/resume", {"reason": reason}, _keyed(key)))

    # -- events ----------------------------------------------------------------------------------------------

    async def events(self, since: int | None = None) -> AsyncIterator[EventRecord]:
        """Follow the account's records after ``since`` (None: from now on), each once and in order.

        A connection that breaks is made again, from the last record that came. Raises ClientError when the service
        refuses, ConnectionFailed when it does not come back.
        """
        seq, failures, pause = since, 0, PAUSE_FIRST_S
        while True:
            try:
                async for message in self._messages(seq):
                    failures, pause = 0, PAUSE_FIRST_S
                    if isinstance(message, dict):
                        if message.get("type") == "hello" and seq is None:
                            seq = int(message["since"])
                        continue
                    for fields in message:
                        record = msgspec.convert(fields, EventRecord)
                        seq = record.seq
                        yield record
                reason: object = "the connection was closed"
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                reason = why(error)
            failures += 1
            if failures > RECONNECTS_MAX:
                raise ConnectionFailed(self.url, reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_MAX_S)

    async def _messages(self, since: int | None) -> AsyncIterator[Any]:
        """The stream's messages until the connection ends."""
        params = {} if since is None else {"since": str(since)}
        try:
            socket = await self._http().ws_connect(
                f"{self.url}/api/events",
                params=params,
                headers=self._headers,
                heartbeat=HEARTBEAT_S,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status == UNAVAILABLE:
                return  # it is starting or busy
            raise refused_events(error.status) from error
        refused: ClientError | None = None
        async with socket:
            while True:
                message = await socket.receive()
                if message.type in _CLOSED:
                    break
                found = msgspec.json.decode(message.data)
                if isinstance(found, dict) and "error" in found:
                    refused = error_of(0, found)  # its close code follows
                    continue
                yield found
        status = (socket.close_code or 0) - 4000
        if status == UNAVAILABLE:
            return
        if refused is not None:
            raise refused
        if status >= 0:
            raise refused_events(status)

    # -- asking ----------------------------------------------------------------------------------------------

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    async def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accepted: tuple[int, ...] = (200, 201),
        params: Mapping[str, str] | None = None,
    ) -> Any:
        sent = {**self._headers, "Content-Type": "application/json", **(headers or {})}
        data = None if body is None else encode(body)
        try:
            async with self._http().request(
                method, self.url + path, data=data, headers=sent, params=params
            ) as response:
                text, status = await response.read(), response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionFailed(self.url, why(error)) from error
        try:
            found = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ClientError(
                "UNREADABLE", f"{self.url} answered {status} without JSON; is it fillwright?", status
            ) from error
        if status not in accepted:
            raise error_of(status, found)
        return found

    async def _page(
        self, path: str, name: str, kind: type[T], filters: Mapping[str, str | int | None]
    ) -> Page[T]:
        params = {key: str(value) for key, value in filters.items() if value is not None}
        found = await self._ask("GET", path, params=params)
        items = tuple(read(kind, item) for item in found[name])
        return cast("Page[T]", Page(items, found.get("next_cursor")))

    async def _command(
        self, position_id: int, command: str, body: Mapping[str, Any], key: str | None
    ) -> PositionAnswer:
        wanted = {name: value for name, value in body.items() if value is not None}
        path = f"/api/positions/{position_id}/{command}"
        return read(PositionAnswer, await self._ask("POST", path, wanted, _keyed(key)))


def _keyed(key: str | None) -> dict[str, str]:
    """The header that has a command happen once, however often it is sent."""
    return {} if key is None else {"Idempotency-Key": key}
