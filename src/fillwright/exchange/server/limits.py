"""What one address may ask for: request weight, raw requests, connections, and the ban for who does not listen.

Windows are fixed and aligned to the clock. A request over a limit is refused with 429 and still counts; whoever
goes on after that is banned (418), longer each time. Sources: Binance Spot REST "LIMITS", "IP Limits".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fillwright.core.types import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Time
from fillwright.exchange.messages import ExchangeError, OrderCount
from fillwright.exchange.server.settings import LimitSettings
from fillwright.exchange.settings import OrderCountLimit

REFUSALS_BEFORE_BAN = 10
"""Requests refused with 429 in one minute before the address is banned (Binance does not say how many)."""
BAN_FIRST: Time = 2 * MINUTE
BAN_LONGEST: Time = 3 * DAY
BAN_GROWTH = 4
"""Each further ban is this many times as long as the one before."""
BAN_FORGOTTEN: Time = DAY
"""After this long without a ban the next one is a first one again."""
VISITORS_MAX = 10_000
"""Addresses remembered; beyond, the one that came first and is not banned is forgotten."""

_INTERVALS = (("DAY", DAY), ("HOUR", HOUR), ("MINUTE", MINUTE), ("SECOND", SECOND))
_TOO_MUCH = (
    "Too much request weight used; current limit is {limit} request weight per {interval}. Please use WebSocket "
    "Streams for live updates to avoid polling the API."
)
_TOO_MANY = "Too many requests queued."
_TOO_MANY_CONNECTIONS = "Too many connection attempts from IP; current limit is {limit} per '{interval}'."
_BANNED = (
    "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates "
    "to avoid bans."
)


def interval_parts(interval_us: int) -> tuple[str, int]:
    """An interval in Binance's words: unit and number, for example ``("SECOND", 10)``."""
    for name, unit in _INTERVALS:
        if interval_us >= unit and interval_us % unit == 0:
            return name, interval_us // unit
    raise ValueError(f"an interval of {interval_us} µs is no whole number of seconds")


class Limit(msgspec.Struct, frozen=True):
    """At most ``limit`` in a window of ``interval_us``, aligned to the clock."""

    limit: int
    interval_us: int

    @property
    def label(self) -> str:
        """As error messages spell the window, for example ``1 MINUTE``."""
        unit, number = interval_parts(self.interval_us)
        return f"{number} {unit}"

    @property
    def letters(self) -> str:
        """As headers spell the window, for example ``1M``."""
        unit, number = interval_parts(self.interval_us)
        return f"{number}{unit[0]}"


class RateLimited(ExchangeError):
    """An address asks for too much (429), or is banned (418), until a time."""

    def __init__(self, message: str, http_status: int, retry_at: Time, code: int = -1003) -> None:
        super().__init__(code, message, http_status)
        self.retry_at = retry_at


class _Window:
    """One counter of one address."""

    __slots__ = ("count", "ends", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.count = 0
        self.ends: Time = 0

    def roll(self, now: Time) -> None:
        """Begin a new window when the last one is over, or the clock was set back before it."""
        interval = self.limit.interval_us
        if now >= self.ends or now < self.ends - interval:
            self.count = 0
            self.ends = now - now % interval + interval


class Visitor:
    """What one address used up in the current windows."""

    __slots__ = ("banned_until", "bans", "connections", "raw_requests", "refusals", "weight")

    def __init__(self, settings: LimitSettings) -> None:
        self.weight = _Window(Limit(settings.request_weight, MINUTE))
        self.raw_requests = _Window(Limit(settings.raw_requests, 5 * MINUTE))
        self.connections = _Window(Limit(settings.connections, 5 * MINUTE))
        self.refusals = 0
        self.bans = 0
        self.banned_until: Time = 0


class Limits:
    """The limits of all addresses."""

    __slots__ = ("_order_counts", "_order_headers", "_order_rows", "_settings", "_visitors", "_weight_row")

    def __init__(self, settings: LimitSettings, order_counts: Sequence[OrderCountLimit] = ()) -> None:
        self._settings = settings
        self._order_counts = tuple(order_counts)
        self._visitors: dict[str, Visitor] = {}
        limits = [Limit(one.limit, one.interval_us) for one in order_counts]
        self._order_headers = {
            one.interval_us: f"x-mbx-order-count-{one.letters.lower()}: " for one in limits
        }
        self._order_rows = {one.interval_us: _row_text("ORDERS", one) for one in limits}
        self._weight_row = _row_text("REQUEST_WEIGHT", Limit(settings.request_weight, MINUTE))

    @property
    def settings(self) -> LimitSettings:
        """The limits as they are."""
        return self._settings

    def replace(self, settings: LimitSettings) -> None:
        """Set other limits; what was used so far is forgotten, bans stay."""
        self._settings = settings
        self._weight_row = _row_text("REQUEST_WEIGHT", Limit(settings.request_weight, MINUTE))
        before = self._visitors
        self._visitors = {}
        for ip, visitor in before.items():
            self.visitor(ip).banned_until = visitor.banned_until

    def visitor(self, ip: str) -> Visitor:
        """The counters of an address."""
        found = self._visitors.get(ip)
        if found is None:
            if len(self._visitors) >= VISITORS_MAX:
                self._forget_one()
            found = self._visitors[ip] = Visitor(self._settings)
        return found

    def _forget_one(self) -> None:
        oldest = next(iter(self._visitors))
        free = (ip for ip, visitor in self._visitors.items() if not visitor.banned_until)
        del self._visitors[next(free, oldest)]

    # -- counting ------------------------------------------------------------------------------------------------

    def enter(self, ip: str, now: Time) -> Visitor:
        """Count a REST request; RateLimited when the address is banned or sends too many."""
        visitor = self._visitors.get(ip) or self.visitor(ip)
        window = visitor.raw_requests
        if now >= window.ends or now < window.ends - window.limit.interval_us:
            window.roll(now)
        window.count += 1
        if visitor.banned_until:
            self.check_ban(visitor, now)
        if window.count > window.limit.limit and self._settings.is_enabled:
            raise self._refuse(visitor, _TOO_MANY, window, now)
        return visitor

    def charge(self, visitor: Visitor, weight: int, now: Time) -> None:
        """Take weight; RateLimited when that is more than the window allows."""
        window = visitor.weight
        if now >= window.ends or now < window.ends - window.limit.interval_us:
            window.roll(now)
            visitor.refusals = 0
        window.count += weight
        if window.count > window.limit.limit and self._settings.is_enabled:
            raise self._refuse(visitor, _TOO_MUCH, window, now)

    def give_back(self, visitor: Visitor, weight: int, now: Time) -> None:
        """Return weight that a success does not cost."""
        window = visitor.weight
        if now < window.ends:
            window.count = max(0, window.count - weight)

    def connect(self, ip: str, now: Time, weight: int = 0) -> Visitor:
        """Count a WebSocket connection attempt and its weight; RateLimited when there are too many."""
        visitor = self.visitor(ip)
        self.check_ban(visitor, now)
        window = visitor.connections
        window.roll(now)
        window.count += 1
        if window.count > window.limit.limit and self._settings.is_enabled:
            raise self._refuse(visitor, _TOO_MANY_CONNECTIONS, window, now)
        if weight:
            self.charge(visitor, weight, now)
        return visitor

    def check_ban(self, visitor: Visitor, now: Time) -> None:
        """RateLimited with 418 while an address is banned; an injected ban holds also when limits are off."""
        if not visitor.banned_until:
            return
        if now >= visitor.banned_until:
            if now >= visitor.banned_until + BAN_FORGOTTEN:
                visitor.bans = 0
                visitor.banned_until = 0
            return
        message = _BANNED.format(until=visitor.banned_until // MILLISECOND)
        raise RateLimited(message, 418, visitor.banned_until)

    def _refuse(self, visitor: Visitor, message: str, window: _Window, now: Time) -> RateLimited:
        visitor.refusals += 1
        if visitor.refusals > REFUSALS_BEFORE_BAN:
            length = min(BAN_FIRST * BAN_GROWTH**visitor.bans, BAN_LONGEST)
            visitor.bans += 1
            visitor.refusals = 0
            visitor.banned_until = now + length
            return RateLimited(
                _BANNED.format(until=visitor.banned_until // MILLISECOND), 418, visitor.banned_until
            )
        text = message.format(limit=window.limit.limit, interval=window.limit.label)
        return RateLimited(text, 429, window.ends, -1034 if window is visitor.connections else -1003)

    # -- administration ------------------------------------------------------------------------------------------

    def ban(self, ip: str, until: Time) -> None:
        """Ban an address until a time."""
        self.visitor(ip).banned_until = until

    def pardon(self, ip: str) -> None:
        """Lift an address's ban and forget what it used."""
        self._visitors.pop(ip, None)

    def bans(self, now: Time) -> dict[str, Time]:
        """The banned addresses and until when."""
        return {ip: one.banned_until for ip, one in self._visitors.items() if one.banned_until > now}

    # -- telling -------------------------------------------------------------------------------------------------

    def weight_headers(self, visitor: Visitor) -> str:
        """The lines ``X-MBX-USED-WEIGHT`` and ``X-MBX-USED-WEIGHT-1M``."""
        count = visitor.weight.count
        return f"x-mbx-used-weight: {count}\r\nx-mbx-used-weight-1m: {count}\r\n"

    def order_headers(self, counts: Sequence[OrderCount]) -> str:
        """The lines ``X-MBX-ORDER-COUNT-10S``, ``X-MBX-ORDER-COUNT-1D``."""
        names = self._order_headers
        return "".join([f"{names[one.interval_us]}{one.count}\r\n" for one in counts])

    def used(self, visitor: Visitor, now: Time, counts: Sequence[OrderCount] = ()) -> str:
        """The ``rateLimits`` array of a WebSocket API answer, as JSON: order counts first, then the weight."""
        visitor.weight.roll(now)
        rows = [f"{self._order_rows[one.interval_us]}{one.count}}}" for one in counts]
        rows.append(f"{self._weight_row}{visitor.weight.count}}}")
        return f"[{','.join(rows)}]"

    def shown(self, *, websocket: bool = False) -> list[dict[str, Any]]:
        """``exchangeInfo.rateLimits``; the WebSocket API shows CONNECTIONS in place of RAW_REQUESTS."""
        settings = self._settings
        orders = [_row("ORDERS", Limit(one.limit, one.interval_us)) for one in self._order_counts]
        last = (
            _row("CONNECTIONS", Limit(settings.connections, 5 * MINUTE))
            if websocket
            else _row("RAW_REQUESTS", Limit(settings.raw_requests, 5 * MINUTE))
        )
        return [_row("REQUEST_WEIGHT", Limit(settings.request_weight, MINUTE)), *orders, last]


def order_count_rows(counts: Sequence[OrderCount]) -> list[dict[str, Any]]:
    """Unfilled order counts as ``GET /api/v3/rateLimit/order`` and the WebSocket API show them."""
    return [_row("ORDERS", Limit(one.limit, one.interval_us)) | {"count": one.count} for one in counts]


def _row(kind: str, limit: Limit) -> dict[str, Any]:
    unit, number = interval_parts(limit.interval_us)
    return {"rateLimitType": kind, "interval": unit, "intervalNum": number, "limit": limit.limit}


def _row_text(kind: str, limit: Limit) -> str:
    """A row as JSON, up to its count."""
    return msgspec.json.encode(_row(kind, limit)).decode()[:-1] + ',"count":'
