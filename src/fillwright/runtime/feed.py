"""The committed records of one account, for whoever follows it: a ring of the newest, each encoded once.

The writer never waits. A reader keeps its own place; when that falls out of the ring it has lagged, is told so, and
reads the journal instead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from fillwright.core.events import Record, encode

RECORDS_MAX = 10_000


class Published:
    """A committed record and its JSON, which is made when the first reader wants it."""

    __slots__ = ("_body", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self._body: bytes | None = None

    @property
    def seq(self) -> int:
        """The record's place in the journal."""
        return self.record.seq

    @property
    def body(self) -> bytes:
        """``{"seq":…,"time":…,"cause":…,"event":{"kind":…,…}}``; time is microseconds UTC."""
        if self._body is None:
            record = self.record
            self._body = b'{"seq":%d,"time":%d,"cause":%d,"event":%s}' % (
                record.seq,
                record.time,
                record.cause,
                encode(record.event),
            )
        return self._body


class Feed:
    """One account's committed records."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self.last_seq = 0
        self.closed = False
        self._ring: deque[Published] = deque(maxlen=records_max)
        self._waiting: dict[asyncio.Future[None], None] = {}

    def start(self, seq: int) -> None:
        """Go on after the record ``seq``: the journal's end when the account was loaded.

        What was published before stays, unless records lie between that nobody published.
        """
        if seq != self.last_seq:
            self._ring.clear()
            self.last_seq = seq
            self._wake()

    def publish(self, records: Sequence[Record]) -> None:
        """Show committed records to everybody; never waits."""
        if not records:
            return
        if records[0].seq != self.last_seq + 1:
            raise AssertionError(f"record {records[0].seq} published after {self.last_seq}")
        self._ring.extend(map(Published, records))
        self.last_seq = records[-1].seq
        if self._waiting:
            self._wake()

    def since(self, seq: int) -> list[Published] | None:
        """The records after ``seq``, oldest first; None when some of them are in the journal alone."""
        count = self.last_seq - seq
        if count <= 0:
            return []
        ring = self._ring
        if count > len(ring):
            return None
        if count * 2 > len(ring):
            return list(islice(ring, len(ring) - count, None))
        newest = list(islice(reversed(ring), count))
        newest.reverse()
        return newest

    async def wait(self, seq: int) -> None:
        """Until there is a record after ``seq``, or the feed is closed."""
        while self.last_seq <= seq and not self.closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[waiter] = None
            try:
                await waiter
            finally:
                self._waiting.pop(waiter, None)

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
