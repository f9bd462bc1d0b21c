"""What an address and an account may still ask of Binance, and who goes first when little is left.

One budget for all that a process sends to one place: weight, raw requests and connections are counted by address,
orders by account. Nothing waits in a queue: each lane may use its share of a window, so that there is always room for
exits. What Binance tells of its counts corrects ours. After a 418 or 429 nothing leaves before the time it names,
which a file keeps for the next process. Trading rules §5; Binance Spot "LIMITS", "IP Limits", "Unfilled Order Count".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum, unique
from pathlib import Path

import msgspec

from fillwright.binance.ban_file import BAN_LONGEST, Ban, BanFile
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unsent
from fillwright.binance.rate_window import RateUse, Window, interval_in_words, interval_of
from fillwright.core.types import DAY, MILLISECOND, MINUTE, SECOND, AccountId, ErrorClass, Time
from fillwright.wire.answers import RateLimitCount
from fillwright.wire.exchange_info import RateLimit
from fillwright.wire.requests import WireRequest

ENTRIES_STOP: Time = MINUTE
"""No entries for so long after a 403, 418 or 429."""
BAN_SHORTEST: Time = 2 * MINUTE
"""A ban (418) whose answer does not name its end; Binance's shortest."""
CONNECTION_WEIGHT = 2
"""Of a connection to the WebSocket API."""
TOO_MANY_REQUESTS, TOO_MANY_ORDERS = -1003, -1015
_WEIGHT, _RAW, _CONNECTIONS, _ORDERS = "REQUEST_WEIGHT", "RAW_REQUESTS", "CONNECTIONS", "ORDERS"
_USED_WEIGHT, _ORDER_COUNT = "x-mbx-used-weight-", "x-mbx-order-count-"
_ORDER_LIMITS = {10 * SECOND: 100, DAY: 200_000}
BANNED = 418
_STOPPING = frozenset({BANNED, 429})
_FIREWALL = 403


@unique
class Lane(StrEnum):
    """What a request is for: exits and cancels come before protection, queries and entries."""

    EXIT = "exit"
    PROTECT = "protect"
    QUERY = "query"
    ENTRY = "entry"


SHARES: Mapping[Lane, int] = {Lane.EXIT: 100, Lane.PROTECT: 95, Lane.QUERY: 80, Lane.ENTRY: 60}
"""Up to how many percent of a window each lane may fill it."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What one request may use; ``RateBudget.settle`` ends it."""

    number: int
    at: Time
    account_id: AccountId
    is_free: bool
    """Whether a success costs no weight."""


class _Orders:
    """The order counts of one account."""

    def __init__(self, limits: Mapping[Time, int]) -> None:
        self.windows = {interval: Window(_ORDERS, limit, interval) for interval, limit in limits.items()}
        self.stopped_until: Time = 0
        """-1015 was said."""


class RateBudget:
    """One for each place (mainnet, testnet) in a process; ``now`` is Binance's clock as far as it is known."""

    def __init__(self, now: Callable[[], Time], ban_file: Path | None = None) -> None:
        self._now = now
        self._file = None if ban_file is None else BanFile(ban_file)
        self._weight = Window(_WEIGHT, 6_000, MINUTE)
        self._raw = Window(_RAW, 300_000, 5 * MINUTE, is_told=False)
        self._connections = Window(_CONNECTIONS, 300, 5 * MINUTE, is_told=False)
        self._order_limits = dict(_ORDER_LIMITS)
        self._orders: dict[AccountId, _Orders] = {}
        self._number = 0
        self._ban: Ban | None = None if self._file is None else self._file.read(now())
        self.entries_stopped_until: Time = 0

    # -- before a request --------------------------------------------------------------------------------------

    def claim(
        self, request: WireRequest, lane: Lane, account_id: AccountId = "", *, over_rest: bool = False
    ) -> Claim | Unsent:
        """Take what a request costs, or be told why it may not be sent now and when it may.

        Cancels and amendments go before everything, whatever lane they come by.
        """
        if request.changes and not request.orders:
            lane = Lane.EXIT
        now, share = self._now(), SHARES[lane]
        refusal = self._stopped(lane, now)
        costs = [(self._weight, request.weight)]
        if over_rest:
            costs.append((self._raw, 1))
        if request.orders:
            orders = self._of(account_id)
            costs += [(window, request.orders) for window in orders.windows.values()]
            if refusal is None and now < orders.stopped_until:
                refusal = _unsent("Binance counts too many orders", orders.stopped_until - now)
        if refusal is None:
            refusal = _exceeded(costs, share, lane, now)
        return refusal or self._take(costs, account_id, request.is_free, now)

    def claim_connection(self, lane: Lane = Lane.PROTECT) -> Claim | Unsent:
        """Take what a connection to the WebSocket API costs."""
        now = self._now()
        costs = [(self._connections, 1), (self._weight, CONNECTION_WEIGHT)]
        refusal = self._stopped(lane, now) or _exceeded(costs, SHARES[lane], lane, now)
        return refusal or self._take(costs, "", False, now)

    def _take(
        self, costs: list[tuple[Window, int]], account_id: AccountId, is_free: bool, now: Time
    ) -> Claim:
        self._number += 1
        for window, cost in costs:
            window.add(self._number, cost, now)
        return Claim(self._number, now, account_id, is_free)

    def _stopped(self, lane: Lane, now: Time) -> Unsent | None:
        ban = self._ban
        if ban is not None:
            if now < ban.until:
                why = ban.why or "Binance wants no requests for a while"
                return _unsent(why, ban.until - now, ban.http_status)
            self._ban = None
        if lane is Lane.ENTRY and now < self.entries_stopped_until:
            return _unsent("no entries so soon after Binance refused", self.entries_stopped_until - now)
        return None

    # -- after it ----------------------------------------------------------------------------------------------

    def settle(self, claim: Claim, outcome: Outcome) -> None:
        """Take note of how a request ended, after its counts were told; one without an answer stays counted."""
        orders = self._orders.get(claim.account_id)
        windows = [self._weight, self._raw, self._connections]
        if orders is not None:
            windows += orders.windows.values()
        if isinstance(outcome, Unsent):
            for window in windows:
                window.drop(claim.number)
            return
        if claim.is_free and isinstance(outcome, Answered):
            self._weight.drop(claim.number)
        for window in windows:
            window.settle(claim.number)
        if isinstance(outcome, Refused):
            self._refused(claim, outcome)

    def told_by_headers(self, claim: Claim, headers: Mapping[str, str]) -> None:
        """Take the counts of a REST answer: ``X-MBX-USED-WEIGHT-1M``, ``X-MBX-ORDER-COUNT-10S`` and the like."""
        now = self._now()
        for name, text in headers.items():
            name = name.lower()
            if name.startswith(_USED_WEIGHT) and interval_of(name[len(_USED_WEIGHT) :]) == MINUTE:
                if text.isdecimal():
                    self._weight.tell(claim.number, claim.at, int(text), now)
            elif name.startswith(_ORDER_COUNT) and text.isdecimal():
                window = self._of(claim.account_id).windows.get(interval_of(name[len(_ORDER_COUNT) :]))
                if window is not None:
                    window.tell(claim.number, claim.at, int(text), now)

    def told_by_reply(self, claim: Claim, counts: Iterable[RateLimitCount]) -> None:
        """Take the ``rateLimits`` of an answer on the WebSocket API, or of ``GET rateLimit/order``."""
        now = self._now()
        for row in counts:
            window = self._window(row.rate_limit_type, row.interval, row.interval_num, claim.account_id)
            if window is not None:
                window.limit = row.limit
                window.tell(claim.number, claim.at, row.count, now)

    def _refused(self, claim: Claim, refusal: Refused) -> None:
        """After 403, 418 and 429 entries stop, after the last two all does.

        -1015 is about an account's orders alone: its cancels and queries go on.
        """
        code, status = refusal.code, refusal.http_status
        stops = code == TOO_MANY_REQUESTS or (status in _STOPPING and code != TOO_MANY_ORDERS)
        if not stops and code != TOO_MANY_ORDERS and status != _FIREWALL:
            return
        now, wait = self._now(), min(refusal.retry_after_ms * MILLISECOND, BAN_LONGEST)
        self.entries_stopped_until = max(self.entries_stopped_until, now + ENTRIES_STOP)
        if code == TOO_MANY_ORDERS:
            orders = self._of(claim.account_id)
            until = now + wait if wait else min([one.end(now) for one in orders.windows.values()])
            orders.stopped_until = max(orders.stopped_until, until)
        elif stops:
            shortest = now + BAN_SHORTEST if status == BANNED else self._weight.end(now)
            self._stop(Ban(now + wait if wait else shortest, status, refusal.message))

    def _stop(self, ban: Ban) -> None:
        """Send nothing for a while: the longer while counts, and that it is a ban."""
        before = self.ban
        if before is not None:
            graver = before if before.http_status == BANNED else ban
            ban = msgspec.structs.replace(graver, until=max(before.until, ban.until))
        if ban != before:
            self._ban = ban
            if self._file is not None:
                self._file.write(ban)

    def learn(self, limits: Iterable[RateLimit]) -> None:
        """Take the limits that exchangeInfo tells."""
        for row in limits:
            interval = interval_in_words(row.interval, row.interval_num)
            if row.rate_limit_type == _ORDERS:
                if interval:
                    self._order_limits[interval] = row.limit
                    for orders in self._orders.values():
                        orders.windows.setdefault(interval, Window(_ORDERS, 0, interval)).limit = row.limit
                continue
            window = self._window(row.rate_limit_type, row.interval, row.interval_num, "")
            if window is not None:
                window.limit = row.limit

    # -- what is told ------------------------------------------------------------------------------------------

    @property
    def ban(self) -> Ban | None:
        """What stops everything now; its status tells a ban (418) from a pause (429)."""
        return self._ban if self._ban is not None and self._now() < self._ban.until else None

    @property
    def problem(self) -> str:
        """What is wrong with the file of the ban; empty: nothing."""
        return "" if self._file is None else self._file.problem

    def usage(self, account_id: AccountId = "") -> tuple[RateUse, ...]:
        """Every window of the address, and those of an account."""
        now = self._now()
        windows = [self._weight, self._raw, self._connections]
        if account_id:
            windows += self._of(account_id).windows.values()
        return tuple([RateUse(one.kind, one.interval, one.limit, one.used(now)) for one in windows])

    def _of(self, account_id: AccountId) -> _Orders:
        found = self._orders.get(account_id)
        if found is None:
            found = self._orders[account_id] = _Orders(self._order_limits)
        return found

    def _window(self, kind: str, unit: str, number: int, account_id: AccountId) -> Window | None:
        interval = interval_in_words(unit, number)
        if kind == _ORDERS:
            return self._of(account_id).windows.get(interval)
        for window in (self._weight, self._raw, self._connections):
            if window.kind == kind and window.interval == interval:
                return window
        return None


def _exceeded(costs: list[tuple[Window, int]], share: int, lane: Lane, now: Time) -> Unsent | None:
    for window, cost in costs:
        if (window.used(now) + cost) * 100 > window.limit * share:
            why = f"{window.kind}: {window.used(now)} of {window.limit} are used, {lane} may use {share} %"
            return _unsent(why, window.end(now) - now)
    return None


def _unsent(why: str, wait: Time, http_status: int = 0) -> Unsent:
    return Unsent(why, ErrorClass.RATE, -(-wait // MILLISECOND), http_status)
