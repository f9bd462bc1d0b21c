"""The live stream of one account's records: ``WS /api/events?since=seq&prices=true``.

What the server sends, each as one text message:

- ``{"type": "hello", "account_id", "mode", "since", "seq", "version"}`` first;
- ``[record, …]``: committed records in order, each as the journal has it (times in microseconds UTC);
- ``{"type": "lagged", "since", "seq"}``: the reader was slower than the feed's ring is long (or asked for more than it
  holds); the records after ``since`` follow from the journal, none is left out;
- ``{"type": "prices", …}`` at most once a second, if asked for: what everything is worth now.

Who calls shows a token in the Authorization header or, as browsers cannot, in the first message ``{"token": "…"}`` or
as the subprotocol ``bearer.<token>`` beside ``fillwright``; never in the address, which lands in logs.

A reader that does not read costs the bytes of one message and the socket's buffer; it is dropped when it has not taken
a message for 20 seconds.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler

from fillwright.api.desk import Desk
from fillwright.api.errors import ApiError, request_id_of, translated
from fillwright.api.listings import ID_MAX, refuse_unknown
from fillwright.api.marks import PriceBoard
from fillwright.api.shield import CALLER
from fillwright.api.tokens import Caller, Tokens, caller_of, unauthorized
from fillwright.ports import ReadModel
from fillwright.runtime.account import RECOVERING, AccountEngine
from fillwright.runtime.errors import NotReadyError
from fillwright.runtime.feed import Feed, Published

PROTOCOL = "fillwright"
TOKEN_PROTOCOL = "bearer."
GREETING_MAX_S = 5.0
"""So long a caller without a token has for its first message."""
SEND_MAX_S = 20.0
"""A reader that has not taken a message for so long is dropped."""
PACE_S = 0.02
"""Between two messages of records to one reader: many records become few messages."""
PRICES_EVERY_S = 1.0
MESSAGE_BYTES_MAX = 256 * 1024
"""Records of one message, but at least one."""
JOURNAL_RECORDS = 500
"""Records read from the journal at once."""
SHARED_MAX = 8
"""Messages kept for the next reader that is just as far."""
DIGITS_MAX = 19
"""Of the greatest number that stores know; Python itself refuses to read thousands of them."""
GONE = (WebSocketDisconnect, OSError)

Socket = WebSocket[Any, Any, Any]


class Greeting(msgspec.Struct, forbid_unknown_fields=True):
    """The first message of a caller who could send no header."""

    token: str


class Messages:
    """Records as messages, made once for all readers that are as far."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[Feed, int, int], tuple[str, int]] = OrderedDict()

    def after(self, feed: Feed, seq: int) -> tuple[str, int] | None:
        """The message that follows ``seq`` and the seq that it ends with; None: it is not in the feed any more."""
        name = (feed, seq, feed.last_seq)
        known = self._made.get(name)
        if known is not None:
            return known
        found = feed.since(seq)
        if found is None:
            return None
        made = joined(found)
        self._made[name] = made
        if len(self._made) > SHARED_MAX:
            self._made.popitem(last=False)
        return made


def joined(records: list[Published]) -> tuple[str, int]:
    """As many of the records as fit into a message, and the seq of the last."""
    size = 0
    bodies: list[bytes] = []
    for record in records:
        size += len(record.body) + 1
        if bodies and size > MESSAGE_BYTES_MAX:
            break
        bodies.append(record.body)
    return (b"[%b]" % b",".join(bodies)).decode(), records[len(bodies) - 1].seq


def event_route(desk: Desk, tokens: Tokens) -> WebsocketRouteHandler:
    """The route of the stream."""
    messages, board = Messages(), PriceBoard(desk.orchestrator, desk.clock)

    @websocket("/api/events")
    async def events(socket: Socket) -> None:
        """Follow an account."""
        try:
            since, wants_prices = _wishes(socket)
            caller = await _admit(socket, tokens)
            account = desk.orchestrator.engine(caller.user_id)
            reader = Reader(desk, account, socket, messages, board)
            await reader.run(since, wants_prices)
        except GONE:
            return
        except Exception as error:  # noqa: BLE001 - told to the caller; what nobody expected is logged
            await _refuse(socket, error)

    return events


def _wishes(socket: Socket) -> tuple[int | None, bool]:
    """``since`` and ``prices`` of the address."""
    refuse_unknown(socket, frozenset({"since", "prices"}))
    query = socket.query_params
    since, wanted = query.get("since"), query.get("prices", "false")
    is_number = since is None or (since.isascii() and since.isdigit() and len(since) <= DIGITS_MAX)
    if not is_number or (since is not None and int(since) > ID_MAX):
        raise ApiError(400, "INVALID_PARAMETER", "since: a record's number is wanted", {"parameter": "since"})
    if wanted not in ("true", "false"):
        raise ApiError(400, "INVALID_PARAMETER", "prices: true or false", {"parameter": "prices"})
    return None if since is None else int(since), wanted == "true"


async def _admit(socket: Socket, tokens: Tokens) -> Caller:
    """Find out who calls, and accept the connection."""
    offered: list[str] = socket.scope["subprotocols"]
    answer = PROTOCOL if PROTOCOL in offered else None
    if CALLER in socket.scope:
        caller: Caller = socket.scope[CALLER]  # type: ignore[literal-required]
        await socket.accept(subprotocols=answer)
        return caller
    token = next((name for name in offered if name.startswith(TOKEN_PROTOCOL)), None)
    if token is not None:
        caller = caller_of(tokens, token.removeprefix(TOKEN_PROTOCOL))
        await socket.accept(subprotocols=answer)
        return caller
    await socket.accept(subprotocols=answer)
    try:
        async with asyncio.timeout(GREETING_MAX_S):
            greeting = msgspec.json.decode(await socket.receive_text(), type=Greeting)
    except (TimeoutError, msgspec.DecodeError):
        raise unauthorized('the first message must be {"token": "…"}') from None
    return caller_of(tokens, greeting.token)


async def _refuse(socket: Socket, error: Exception) -> None:
    """Say what is wrong: before the handshake by HTTP, after it by a message and the close code 4000 + status."""
    told = translated(error, request_id_of(socket.scope))
    try:
        if socket.connection_state == "init":
            await _refuse_handshake(socket, told)
            return
        await socket.send_text(told.body.decode())
        await socket.close(4000 + told.status, told.code)
    except (*GONE, RuntimeError):
        return  # it has gone meanwhile


async def _refuse_handshake(socket: Socket, told: ApiError) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(told.body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in told.headers.items()]
    start: Any = {"type": "websocket.http.response.start", "status": told.status, "headers": headers}
    body: Any = {"type": "websocket.http.response.body", "body": told.body, "more_body": False}
    await socket.send(start)
    await socket.send(body)


class Reader:
    """One who follows an account."""

    def __init__(
        self, desk: Desk, account: AccountEngine, socket: Socket, messages: Messages, board: PriceBoard
    ) -> None:
        self._desk = desk
        self._account = account
        self._socket = socket
        self._messages = messages
        self._board = board

    async def run(self, since: int | None, wants_prices: bool) -> None:
        """Send until the caller goes, the account ends, or the caller reads no more."""
        feed = self._account.feed
        seq = feed.last_seq if since is None else since
        if seq > feed.last_seq == 0 and self._account.state == RECOVERING:
            raise NotReadyError(f"account {self._account.owner.account_id}: its journal is not read yet")
        if seq > feed.last_seq:
            raise ApiError(
                409,
                "SINCE_AHEAD",
                f"the journal ends at record {feed.last_seq}; it is another one than the caller knows",
                {"seq": feed.last_seq},
            )
        await self._send_hello(seq)
        tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._send_records(seq))]
        if wants_prices:
            tasks.append(asyncio.create_task(self._send_prices()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, TimeoutError):
                raise result
        if feed.closed and isinstance(results[0], asyncio.CancelledError):  # the caller is there still
            await self._socket.close(1012, "the account has stopped")

    async def _send_hello(self, seq: int) -> None:
        owner = self._account.owner
        hello = {
            "type": "hello",
            "account_id": owner.account_id,
            "mode": owner.mode,
            "since": seq,
            "seq": self._account.feed.last_seq,
            "version": self._desk.version,
        }
        await self._send(msgspec.json.encode(hello).decode())

    async def _send(self, text: str) -> None:
        """Send a message; TimeoutError when the caller does not take it."""
        async with asyncio.timeout(SEND_MAX_S):
            await self._socket.send({"type": "websocket.send", "bytes": None, "text": text})

    async def _hear(self) -> None:
        """Notice when the caller goes; what it says is of no interest."""
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass

    async def _send_records(self, seq: int) -> None:
        feed = self._account.feed
        while True:
            await feed.wait(seq)
            if feed.last_seq <= seq:
                return  # closed
            made = self._messages.after(feed, seq)
            if made is None:
                seq = await self._catch_up(seq)
                continue
            text, seq = made
            await self._send(text)
            await asyncio.sleep(PACE_S)

    async def _catch_up(self, seq: int) -> int:
        """Send what the feed does not hold any more from the journal, up to where the feed begins."""
        feed, account_id = self._account.feed, self._account.owner.account_id
        lagged = {"type": "lagged", "since": seq, "seq": feed.last_seq}
        await self._send(msgspec.json.encode(lagged).decode())
        while feed.since(seq) is None:

            def ask(model: ReadModel, after: int = seq) -> tuple[str, int] | None:
                found = model.records(account_id, after, JOURNAL_RECORDS)
                return joined([Published(record) for record in found]) if found else None

            made = await self._desk.reads.ask(ask)
            if made is None:
                return seq
            text, seq = made
            await self._send(text)
        return seq

    async def _send_prices(self) -> None:
        while True:
            await self._send(self._board.message(self._account))
            await asyncio.sleep(PRICES_EVERY_S)
