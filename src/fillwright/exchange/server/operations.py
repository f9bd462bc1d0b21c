"""What can be asked of the server, as data: parameters, security, weight and the function that answers.

One ``Operation`` serves REST and the WebSocket API alike. Modules export tuples of them; the desk finds one by method
and path, or by the WebSocket API's method. Sources: Binance Spot REST "General Information", "Endpoint
security type", and the WebSocket API's "Request format".
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, unique
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fillwright.core.types import AccountId, Time
from fillwright.exchange.server.security import Security

if TYPE_CHECKING:
    from fillwright.exchange.server.box import Box
    from fillwright.exchange.server.keys import ApiKey


@unique
class Kind(Enum):
    """What a parameter is, and so which type its value has in ``Call.parameters``."""

    DECIMAL = "decimal"
    """Plain decimal text without sign and exponent; ``Decimal``."""
    INTEGER = "integer"
    """A long without sign; ``int``."""
    TIME = "time"
    """Milliseconds or microseconds, told apart by size; ``int`` microseconds."""
    STRING = "string"
    """Any text; ``str``."""
    CLIENT_ID = "client id"
    """At most 36 of letters, digits, ``-`` and ``_``; ``str``."""
    SYMBOL = "symbol"
    """A symbol's name, well formed but not looked up; ``str``."""
    SYMBOLS = "symbols"
    """A JSON array of symbols (a list on the WebSocket API); ``list[str]``."""
    STRINGS = "strings"
    """One text or a JSON array of texts (a list on the WebSocket API); ``list[str]``."""
    BOOLEAN = "boolean"
    """``true`` or ``false``; ``bool``."""
    INTERVAL = "interval"
    """A candle's interval as Binance spells it, case-sensitive; ``str``."""


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation; signing's own (timestamp, recvWindow, signature, apiKey) are not listed."""

    name: str
    kind: Kind
    required: bool = False
    values: tuple[str, ...] = ()
    """The legal values of an enumeration; empty: any."""
    error: int = -1130
    """The code when a value is not among ``values``, or below ``minimum``."""
    minimum: int | None = None
    maximum: int | None = None
    is_clamped: bool = False
    """Whether a number above ``maximum`` is taken for the maximum instead of being refused with -1130."""


class ApiSession(Protocol):
    """What the desk wants of a WebSocket API connection."""

    ip: str
    microseconds: bool
    key: ApiKey | None
    """Who is logged on."""
    shows_rate_limits: bool
    """What ``returnRateLimits`` in its URL said."""

    def send(self, message: bytes) -> None:
        """Send a text message."""

    def abort(self) -> None:
        """Drop the connection without a word."""


class Call:
    """One request on its way: what was sent, by whom, when."""

    __slots__ = ("account_id", "box", "key", "microseconds", "now", "operation", "parameters", "session")

    def __init__(
        self,
        box: Box,
        operation: Operation,
        parameters: dict[str, Any],
        now: Time,
        *,
        key: ApiKey | None = None,
        session: ApiSession | None = None,
        microseconds: bool = False,
    ) -> None:
        self.box = box
        self.operation = operation
        self.parameters = parameters
        """Typed values by name; only what was sent."""
        self.now = now
        self.key = key
        self.account_id: AccountId = "" if key is None else key.account_id
        """The signer's account; empty where the operation is public."""
        self.session = session
        """The WebSocket API connection it came by; None on REST."""
        self.microseconds = microseconds

    def perform(self) -> Any:
        """Carry it out, sender and parameters being checked; raises ExchangeError. Events go out either way."""
        try:
            return self.operation.handle(self)
        finally:
            self.box.settle()

    def time(self, time_us: Time) -> int:
        """A time as this caller wants it: milliseconds, or microseconds when asked; -1 ("none") stays."""
        return time_us if self.microseconds or time_us < 0 else time_us // 1000


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked.

    ``handle`` answers with JSON builtins (``msgspec.Raw`` allowed) and refuses with ``ExchangeError``.
    """

    name: str
    """The WebSocket API's method, for example ``order.place``; a name of ours where it has none."""
    method: str
    """The HTTP method; empty where there is no REST endpoint."""
    path: str
    """For example ``/api/v3/order``; empty where there is no REST endpoint."""
    security: Security
    parameters: tuple[Parameter, ...]
    handle: Callable[[Call], Any]
    weight: int | Callable[[Call], int] = 1
    is_free_on_success: bool = False
    """Whether a success gives its weight back (order placing and cancelling since 2026-04-02)."""
    shows_order_counts: bool = False
    """Whether the answer carries ``X-MBX-ORDER-COUNT-*`` (placing orders)."""
    has_websocket: bool = True
    demands_signature: bool = False
    """Whether also a session that is logged on has to sign (logging on, streams by signature)."""
    is_key_enough: bool = False
    """Whether a key is demanded and nothing has to be signed (listenKeys)."""

    @property
    def is_signed(self) -> bool:
        """Whether a key, a timestamp and a signature are demanded."""
        return self.security is not Security.NONE and not self.is_key_enough
