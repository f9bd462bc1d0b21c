"""What the API answers where no record is the answer: the same structs for the server and for its client."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import ClientOrderId, Mode, Time


class CheckShape(msgspec.Struct, frozen=True):
    """One risk check: what it saw and what it allows."""

    code: str
    passed: bool
    value: Decimal | None = None
    limit: Decimal | None = None
    note: str = ""


class SignalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a signal; denied is an answer like any other."""

    id: int
    status: str
    """entering | monitoring | denied | abandoned | …"""
    code: str | None = None
    """Why it was denied."""
    value: Decimal | None = None
    """What the check that denied it saw, and what it allows."""
    limit: Decimal | None = None
    message: str = ""
    position_id: int | None = None
    repeated: bool = False
    """The same key and body came before: this is the first answer again."""


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the risk checks say of a signal now; nothing is recorded."""

    approved: bool
    code: str | None
    checks: tuple[CheckShape, ...]


class PositionAnswer(msgspec.Struct, frozen=True):
    """A position's command was taken; its events tell how it goes on."""

    success: bool
    position_id: int
    repeated: bool = False
    """The same key and body came before: this is the first answer again."""


class StopAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an emergency stop has done so far."""

    cancelled_orders: tuple[ClientOrderId, ...]
    disabled: bool
    sold: tuple[int, ...]
    """Positions that are closed now."""
    left: tuple[int, ...]
    """Positions that are still open."""
    verified: bool
    """The exchange's open orders and account, read after the last answer, show that all of it is done."""
    took_ms: int | None
    """From the halt to that proof; none: it goes on, and ``orders_left`` tells with what."""
    orders_left: tuple[ClientOrderId, ...] = ()
    """Working orders that are not known to have ended yet."""


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    success: bool
    repeated: bool = False
    """The same key and body came before: it was done then, and not again."""


class ModeAnswer(msgspec.Struct, frozen=True):
    """The mode that the caller is in."""

    mode: Mode


class ModeSwitched(msgspec.Struct, frozen=True):
    """The mode after a switch."""

    success: bool
    mode: Mode


class JudgementShape(msgspec.Struct, frozen=True):
    """What was found of a closed trade."""

    position_id: int
    symbol: str
    clean: bool
    reasons: tuple[str, ...]
    """Against it; none of a clean one."""
    judged_at: Time


class StageShape(msgspec.Struct, frozen=True, kw_only=True):
    """How far one stage of the rollout is."""

    mode: Mode
    configured: bool
    """Whether the service has an account there."""
    clean_trades: int
    unclean_trades: int
    needed: int
    """Clean trades that complete it."""
    complete: bool
    cap: Decimal | None
    """Quote that one trade may be worth; None: the rollout has no cap there."""
    lifted_by: str | None
    lifted_reason: str | None
    lifted_at: Time | None
    overridden_by: str | None
    """Who let it begin although the stage before it was not complete, and why."""
    override_reason: str | None
    judged: tuple[JudgementShape, ...]
    """The newest trades, oldest first."""


class RolloutAnswer(msgspec.Struct, frozen=True):
    """The rollout: the mode that the caller is in, and every stage in order."""

    mode: Mode
    stages: tuple[StageShape, ...]


class RolloutShape(msgspec.Struct, frozen=True):
    """What an account has proved so far."""

    clean_trades: int
    needed: int
    cap: Decimal | None
    """Quote that one trade may be worth now; None: no cap."""


class HaltedShape(msgspec.Struct, frozen=True):
    """Entries are stopped until somebody resumes them."""

    cause: str
    at: Time | None
    by: str
    reason: str
    left: tuple[str, ...] = ()
    """What an emergency stop has not ended yet: orders and positions; empty also while that is read back."""
    verified: bool = True
    """Nothing is left, and the exchange's books have shown it."""


class PausedShape(msgspec.Struct, frozen=True):
    """Entries are stopped until a time."""

    cause: str
    until: Time


class BreakerShape(msgspec.Struct, frozen=True):
    """The circuit breaker."""

    is_open: bool
    error_count: int
    opened_at: Time | None
    last_error: str | None


class StreamShape(msgspec.Struct, frozen=True):
    """The account's stream from its venue."""

    state: str
    """connected | reconciling | disconnected"""
    age_ms: int | None = None
    """Since it said something last; a paper exchange says nothing while nothing happens. None: nothing yet."""


class RateShape(msgspec.Struct, frozen=True):
    """How much of a limit of the venue is used."""

    type: str
    interval_s: int
    used: int
    limit: int


class FeedShape(msgspec.Struct, frozen=True):
    """Where prices come from."""

    source: str
    connected: bool
    detail: str
    age_ms: int | None
    """Of the newest price of any symbol."""


class PriceAgeShape(msgspec.Struct, frozen=True):
    """How old the newest prices of a symbol are: bid and ask, and the last trade, each for itself."""

    symbol: str
    quote_age_ms: int
    trade_age_ms: int | None
    """None: no trade was seen yet."""


class QuoteShape(msgspec.Struct, frozen=True):
    """The newest prices of one symbol."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    time: Time
    """When bid and ask were heard of last."""
    traded_at: Time | None = None
    """When the last trade was seen; None: none yet."""


class QuotesAnswer(msgspec.Struct, frozen=True):
    """The newest prices of all symbols."""

    quotes: tuple[QuoteShape, ...]
    feed: FeedShape


class TraderShape(msgspec.Struct, frozen=True):
    """A trader in this process."""

    trader_id: str
    state: str
    error: str


class ShadowShape(msgspec.Struct, frozen=True, kw_only=True):
    """The paper account that gets the same signals as a real one."""

    account_id: str
    state: str
    """recovering | ready | stopping | stopped"""
    detail: str
    """Why it is not ready; '' when it is."""
    mirrored: int
    """Signals and commands that it has taken since the start."""
    missed: int
    """Those that it has not: it was not up, or too much was waiting."""
    waiting: int
    ticks_lost: int
    """Prices that it was not shown, because too many were waiting."""


class VenueCallsShape(msgspec.Struct, frozen=True):
    """How many calls of a venue's library (ccxt) ended in one way."""

    call: str
    outcome: str
    """ok, or the library's class of the error."""
    code: int | None
    """The exchange's code of a failure."""
    count: int


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the service and the caller's account are doing."""

    version: str
    mode: Mode
    ready: bool
    reasons: tuple[str, ...]
    account_id: str
    state: str
    seq: int
    enabled: bool
    halted: HaltedShape | None
    paused: PausedShape | None
    circuit_breaker: BreakerShape
    stream: StreamShape
    clock_skew_ms: int | None
    """How far the clock of the prices' source is ahead of ours; None: not known, or made-up prices."""
    rate_limits: tuple[RateShape, ...]
    rollout: RolloutShape | None
    """Of a real account."""
    in_doubt: tuple[ClientOrderId, ...]
    unprotected: tuple[int, ...]
    positions_open: int
    orders_open: int
    feed: FeedShape
    prices: tuple[PriceAgeShape, ...]
    traders: tuple[TraderShape, ...]
    waiting: dict[str, int]
    in_flight: int
    questions_dropped: int
    """Questions to the venue that found no place to wait, since the start; they were asked again, all at once."""
    lag_ms: float
    ticks: int
    started_at: Time
    venue_calls: tuple[VenueCallsShape, ...] = ()
    """Of an account through ccxt, since the start; empty for others."""
    shadow: ShadowShape | None = None
    """Of the account, if it is a real one and has a shadow."""


class TokenAnswer(msgspec.Struct, frozen=True):
    """The bearer token, for the code of a one-time link."""

    token: str


class Ready(msgspec.Struct, frozen=True):
    """Whether signals are taken, and if not, what is not ready (and why: to those with a token)."""

    ready: bool
    reasons: tuple[str, ...]


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str
