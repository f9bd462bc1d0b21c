"""The event log: one JSON line for each answer and each event of the exchange, exact, in their order.

Nothing of the machine is in it (no clock but the box's, no addresses, keys or signatures), so that two servers with the
same seed, the same steps of time and the same requests write the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core.types import AccountId, Time
from fillwright.exchange.messages import ExchangeEvent

BUFFER_BYTES = 64 * 1024
"""Lines wait for this much, or for ``flush``."""


class AnswerLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One request and what its sender was told; it follows the events that it brought about."""

    answer: str
    """The operation's name on the WebSocket API; method and path of a request that has none."""
    time: Time
    account: AccountId = ""
    parameters: Mapping[str, Any] = {}
    status: int = 0
    """0: nothing was told."""
    code: int | None = None
    """Binance's; absent when there was no error."""
    fault: str = ""
    """What the fault plan did to it."""


class EventLog:
    """Writes to a file; lines appear in it when ``flush`` is called, or when many have come together.

    Raises OSError when the file cannot be written.
    """

    __slots__ = ("_buffer", "_encoder", "_file", "lines")

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=BUFFER_BYTES)
        self._encoder = msgspec.json.Encoder()
        self._buffer = bytearray()
        self.lines = 0
        """Written by this process."""

    def events(self, events: Sequence[ExchangeEvent]) -> None:
        """Write what happened."""
        for event in events:
            self._write(event)

    def answer(self, line: AnswerLine) -> None:
        """Write what somebody was told."""
        self._write(line)

    def _write(self, line: ExchangeEvent | AnswerLine) -> None:
        self._encoder.encode_into(line, self._buffer)
        self._buffer += b"\n"
        self._file.write(self._buffer)
        self.lines += 1

    def flush(self) -> None:
        """Let readers of the file see every line."""
        self._file.flush()

    def close(self) -> None:
        """Write everything and let the file go."""
        self._file.close()
