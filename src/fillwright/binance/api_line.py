"""One connection to the WebSocket API: requests by number, each answered, timed out or lost with the connection.

Sources: Binance Spot WebSocket API "Request format", "Response format", "Event format".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from fillwright.binance.connection import Connection
from fillwright.binance.outcomes import Outcome, Refused, Unknown, Unsent, from_reply
from fillwright.core.types import Time
from fillwright.wire.answers import RateLimitCount, decode_reply
from fillwright.wire.codec import WireError
from fillwright.wire.requests import Value

PENDING_MAX = 500
"""Requests awaiting their answers on one connection; one more is not sent."""
TIMEOUTS_MAX = 3
"""So many requests in a row without any answer: the connection is given up."""
_REPLY_BEGINS = b'{"id":'

Params = Mapping[str, Value]
Counts = tuple[RateLimitCount, ...]
Answer = tuple[Outcome, Counts]
OnEvent = Callable[["ApiLine", bytes], None]


class _Identity(msgspec.Struct):
    id: int | str | None = None
    status: int | None = None


class _Request(msgspec.Struct):
    id: int
    method: str
    params: Params


_IDENTITY = msgspec.json.Decoder(_Identity)
_encode = msgspec.json.Encoder().encode


class ApiLine:
    """A connection and what is under way on it; give ``heard`` and ``ended`` to the connection.

    Attributes:
        connection: what carries it; set by whoever connects, or by the first message.
        late: answers that came after their time was up.
        unreadable: messages that could not be read, and were left out.
        complaint: what Binance said of no request in particular (``id`` null), last.
    """

    def __init__(self, now: Callable[[], Time], on_event: OnEvent) -> None:
        self.connection: Connection
        self.late = self.unreadable = 0
        self.complaint = ""
        self.idle = asyncio.Event()
        """Set while nothing is under way."""
        self.idle.set()
        self._now, self._on_event = now, on_event
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, tuple[asyncio.Future[Answer], asyncio.TimerHandle]] = {}
        self._number = 0
        self._timeouts = 0

    @property
    def is_up(self) -> bool:
        """Whether a request would be written."""
        return self.connection.is_up

    def write(self, method: str, params: Params, timeout_s: float) -> asyncio.Future[Answer] | Unsent:
        """Write a request now; its outcome, and the counts that came with it, are the future's."""
        if not self.connection.is_up:
            return Unsent("the connection has ended")
        if len(self._pending) >= PENDING_MAX:
            return Unsent(f"{PENDING_MAX} requests await their answers")
        self._number = number = self._number + 1
        self.connection.send(_encode(_Request(number, method, params)))
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._pending[number] = answer, self._loop.call_later(timeout_s, self._timed_out, number, timeout_s)
        self.idle.clear()
        return answer

    # -- what the connection calls -----------------------------------------------------------------------------

    def heard(self, connection: Connection, frame: bytes) -> None:
        """A message came: an answer, or an event; perhaps before whoever connects knows that he is connected."""
        self.connection = connection
        if frame.startswith(_REPLY_BEGINS) or self._is_reply(frame):
            self._replied(frame)
        else:
            self._on_event(self, frame)

    def ended(self) -> None:
        """The connection is gone: of what was under way nobody can say what became of it."""
        self._end("the connection ended before the answer")

    # ----------------------------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        for number in tuple(self._pending):
            self._resolve(number, Unknown(why))

    def _resolve(self, number: int, outcome: Outcome, counts: Counts = ()) -> None:
        answer, timer = self._pending.pop(number)
        timer.cancel()
        if not answer.done():  # who asked may have gone
            answer.set_result((outcome, counts))
        if not self._pending:
            self.idle.set()

    def _is_reply(self, frame: bytes) -> bool:
        try:
            return _IDENTITY.decode(frame).status is not None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False

    def _replied(self, frame: bytes) -> None:
        self._timeouts = 0
        try:
            reply = decode_reply(frame)
            number, outcome = reply.id, from_reply(reply, self._now())
            counts: Counts = reply.rate_limits or ()
        except WireError as error:
            self.unreadable += 1
            number, outcome, counts = _number_in(frame), Unknown(f"an unreadable answer: {error}"), ()
        if number is None:
            self._complained(outcome)
            return
        if isinstance(number, int) and number in self._pending:
            self._resolve(number, outcome, counts)
        else:
            self.late += 1

    def _complained(self, outcome: Outcome) -> None:
        """Binance could not tell which request it refuses, or the key of the session is no longer valid (-2015).

        Any of those under way may be meant; none of them can be trusted to be answered on this connection.
        """
        if isinstance(outcome, Refused):
            self.complaint = f"{outcome.message} ({outcome.code})"
        elif isinstance(outcome, Unknown):
            self.complaint = outcome.why
        why = f"Binance broke the session off: {self.complaint}"
        self._end(why)
        self.connection.abort(why)

    def _timed_out(self, number: int, timeout_s: float) -> None:
        self._timeouts += 1
        self._resolve(number, Unknown(f"no answer within {timeout_s:g} s"))
        if self._timeouts >= TIMEOUTS_MAX:
            self.connection.abort(f"{TIMEOUTS_MAX} requests in a row had no answer")


def _number_in(frame: bytes) -> int | str | None:
    try:
        return _IDENTITY.decode(frame).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
