"""The trades of a rollout: each goes in, is protected, goes out, and is judged by the service.

Each is a signal like any other: the service sizes, checks, enters and protects it, and judges it once it is closed and
the venue's books were compared. What counts is in the service's journal, so a run that was broken off goes on.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from fillwright.core.rollout import ROLLOUT_TRADER, STAGES
from fillwright.core.types import HUNDRED, plain
from fillwright.options import BadInputError

if TYPE_CHECKING:
    from fillwright.answers import JudgementShape, QuoteShape, RolloutAnswer, SignalAnswer, StageShape
    from fillwright.client import Client
    from fillwright.ports import PositionView

QUOTE = Decimal(15)
"""Of one trade: above what Binance asks of every order, stop included."""
STOP_PERCENT = TARGET_PERCENT = Decimal(2)
LIMIT_PERCENT = Decimal("0.1")
"""A limit entry so far above the ask is filled at once."""
PRICE_DECIMALS = 8
FAVOURITE = "BTCUSDT"
LOOK_S = 0.1
READY_MAX_S = 60.0
PRICE_MAX_S = 30.0
PROTECTED_MAX_S = 30.0
CLOSED_MAX_S = 60.0
JUDGED_MAX_S = 90.0
APART_S = 1.2
"""Between two trades: signals of one second are one idea, and entries may have to be a second apart."""
DENIED_MAX, DENIED_PAUSE_S = 10, 2.0
UNFILLED_MAX = 3
"""Entries in a row that bought nothing."""
PASSING = frozenset(
    {
        "QUOTE_STALE", "SPREAD_TOO_WIDE", "PRICE_DEVIATION", "ORDER_RATE", "SYMBOL_IN_DOUBT", "RATE_RESERVE",
        "DUPLICATE_SIGNAL", "SIGNAL_STALE",
    }
)  # fmt: skip
"""Denials that pass by themselves."""


class RolloutWish(msgspec.Struct, frozen=True, kw_only=True):
    """A stage's run as the command line has it."""

    stage: str
    symbol: str | None = None
    quote: str | None = None
    override: str = ""
    accept_unverified_key: bool = False


class Shape(msgspec.Struct, frozen=True):
    """How a trade gets in, and whether it has a target."""

    is_limit: bool
    has_target: bool

    @property
    def told(self) -> str:
        """In words."""
        return (
            f"{'limit' if self.is_limit else 'market'} entry, stop{' and target' if self.has_target else ''}"
        )


SHAPES = (Shape(False, True), Shape(True, True), Shape(False, False))
"""In turn."""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of the run, as it went."""

    position_id: int
    symbol: str
    shape: str
    plan: str
    quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    unprotected_ms: Decimal
    clean: bool
    reasons: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    stage: str
    complete: bool
    clean_trades: int
    needed: int
    cap: Decimal | None
    trades: tuple[Trade, ...]
    stopped: str | None
    """Why it ended before the stage was complete."""


class StoppedError(Exception):
    """The run ends here; the text says why."""


def stage_of(told: RolloutAnswer, name: str) -> StageShape:
    """One stage; BadInputError when there is none of that name."""
    for stage in told.stages:
        if stage.mode == name:
            return stage
    raise BadInputError(f"{name!r:.40}: a stage is one of {', '.join(STAGES)}")


class Run:
    """One run of a stage."""

    def __init__(
        self, client: Client, wish: RolloutWish, quote: Decimal, tell: Callable[[str], None]
    ) -> None:
        self._client = client
        self._wish = wish
        self._quote = quote
        self._tell = tell
        self._trades: list[Trade] = []

    async def all(self) -> Outcome:
        """Make trades until the stage is complete, or one is not clean."""
        told = await self._client.rollout()
        stage, stopped = stage_of(told, self._wish.stage), None
        try:
            if not stage.complete:
                await self._go_there(told)
                await self._finish_what_is_open()
            while not (stage := await self._stage()).complete:
                await self._trade(stage)
                await asyncio.sleep(APART_S)
        except StoppedError as error:
            stopped = str(error)
            stage = await self._stage()
        return Outcome(
            stage=self._wish.stage,
            complete=stage.complete,
            clean_trades=stage.clean_trades,
            needed=stage.needed,
            cap=stage.cap,
            trades=tuple(self._trades),
            stopped=stopped,
        )

    async def _stage(self) -> StageShape:
        return stage_of(await self._client.rollout(), self._wish.stage)

    async def _go_there(self, told: RolloutAnswer) -> None:
        """The account that is meant is traded, and is ready."""
        if told.mode != self._wish.stage:
            await self._client.switch_mode(
                self._wish.stage,
                confirmed=True,
                accept_unverified_key=self._wish.accept_unverified_key,
                override_rollout=self._wish.override,
            )
            self._tell(f"The service is in {self._wish.stage} mode now.")

        async def ready() -> bool:
            status = await self._client.status()
            return status.ready and status.stream.state == "connected"

        await _until(ready, READY_MAX_S, "the account is not ready: see `fillwright status`")

    async def _finish_what_is_open(self) -> None:
        """Close what an earlier run left open; it counts as it is judged."""
        page = await self._client.positions(trader_id=ROLLOUT_TRADER, limit=20)
        for position in page.items:
            if position.status in ("open", "monitoring", "closing", "submitting"):
                self._tell(f"Position {position.id} of an earlier run is open: it is closed first.")
                await self._bring_to_its_end(position.id, "left by an earlier run")

    # -- one trade -------------------------------------------------------------------------------------------

    async def _trade(self, stage: StageShape) -> None:
        """Make one that buys something, and have it judged."""
        made, symbol = stage.clean_trades + stage.unclean_trades, ""
        for attempt in range(UNFILLED_MAX):
            shape = SHAPES[(made + attempt) % len(SHAPES)]
            quote = await self._price()
            symbol = quote.symbol
            answer = await self._enter(quote, shape)
            position = await self._filled(answer.position_id or 0)
            if position is not None and await self._bring_to_its_end(position.id, shape.told, stage):
                return
            self._tell(
                f"{symbol}: nothing was bought that could be sold, the market had moved on; once more."
            )
            await asyncio.sleep(APART_S)
        raise StoppedError(f"{UNFILLED_MAX} entries in a row bought nothing: is {symbol} liquid there?")

    async def _price(self) -> QuoteShape:
        """The symbol's price, when there is one."""
        found: list[QuoteShape] = []
        symbol = None if self._wish.symbol is None else self._wish.symbol.upper()

        async def look() -> bool:
            quotes = {one.symbol: one for one in (await self._client.quotes()).quotes}
            chosen = symbol or (FAVOURITE if FAVOURITE in quotes else next(iter(quotes), ""))
            found[:] = [quotes[chosen]] if chosen in quotes else []
            return bool(found)

        await _until(
            look, PRICE_MAX_S, f"there is no price of {symbol or 'any symbol'}: --symbol, market.symbols"
        )
        return found[0]

    async def _enter(self, quote: QuoteShape, shape: Shape) -> SignalAnswer:
        """Send the signal; a denial that passes by itself is waited for."""
        for attempt in range(DENIED_MAX):
            key = f"rollout-{secrets.token_hex(8)}"
            answer = await self._client.send_signal(signal_of(quote, shape, self._quote), key)
            if answer.status != "denied":
                return answer
            if answer.code not in PASSING or attempt == DENIED_MAX - 1:
                why = f"`fillwright why {answer.id}` tells more"
                raise StoppedError(f"the signal was denied by {answer.code} ({answer.message}); {why}")
            await asyncio.sleep(DENIED_PAUSE_S)
            quote = await self._price()
        raise AssertionError("the last try returns or raises")

    async def _filled(self, position_id: int) -> PositionView | None:
        """The position once it holds something and a live stop protects it; None: it bought nothing."""
        found: list[PositionView] = []

        async def look() -> bool:
            position = await self._client.position(position_id)
            found[:] = [position]
            if position.status in ("failed", "closed", "closing"):
                return True
            if position.status != "open" or position.stop_loss_order_id is None:
                return False
            return bool((await self._client.order(position.stop_loss_order_id)).state == "New")

        await _until(look, PROTECTED_MAX_S, "", is_enough=True)
        return None if found[0].status == "failed" else found[0]

    async def _bring_to_its_end(self, position_id: int, shape: str, stage: StageShape | None = None) -> bool:
        """Close a position, wait for its judgement, and tell of it; False: it was no whole trade."""
        from fillwright.client import ClientError

        async def closed() -> bool:
            return (await self._client.position(position_id)).status in ("closed", "failed")

        if not await closed():
            try:
                await self._client.close_position(position_id, "rollout", key=f"rollout-close-{position_id}")
            except ClientError as error:
                if not await closed():
                    raise StoppedError(f"position {position_id} cannot be closed: {error}") from error
        await _until(
            closed, CLOSED_MAX_S, f"position {position_id} is not closed: see `fillwright positions`"
        )
        position = await self._client.position(position_id)
        if position.status == "failed" or not (await self._client.trade(position_id)).exit_quantity:
            return False  # nothing was bought, or so little that nobody sells it: nobody judges it either
        judgement = await self._judged(position_id)
        trade = await self._told(position, shape, judgement)
        self._trades.append(trade)
        number = "" if stage is None else f"{stage.clean_trades + 1}/{stage.needed} "
        self._tell(f"{number}{line_of(trade)}")
        if not judgement.clean:
            raise StoppedError(f"position {position_id} was not clean: {'; '.join(judgement.reasons)}")
        return True

    async def _judged(self, position_id: int) -> JudgementShape:
        found: list[JudgementShape] = []

        async def look() -> bool:
            judged = (await self._stage()).judged
            found[:] = [one for one in judged if one.position_id == position_id]
            return bool(found)

        await _until(
            look,
            JUDGED_MAX_S,
            f"position {position_id} is not judged yet: the exchange's books could not be compared, or differ",
        )
        return found[0]

    async def _told(self, position: PositionView, shape: str, judgement: JudgementShape) -> Trade:
        trade = await self._client.trade(position.id)
        return Trade(
            position_id=position.id,
            symbol=position.symbol,
            shape=shape,
            plan=str(position.plan),
            quantity=trade.quantity,
            entry_price=trade.entry_price,
            exit_price=trade.exit_price,
            unprotected_ms=Decimal(position.unprotected_ms),
            clean=judgement.clean,
            reasons=judgement.reasons,
        )


def signal_of(quote: QuoteShape, shape: Shape, amount: Decimal) -> dict[str, Any]:
    """A signal of a small trade, as the API wants it."""
    at = quote.ask
    limit = at * (HUNDRED + LIMIT_PERCENT) / HUNDRED if shape.is_limit else at
    made: dict[str, Any] = {
        "symbol": quote.symbol,
        "side": "long",
        "trader_id": ROLLOUT_TRADER,
        "interval": "1s",
        "stop_loss": _price_text(at * (HUNDRED - STOP_PERCENT) / HUNDRED),
        "size": {"quote": plain(amount)},
        "reasoning": f"rollout: {shape.told}",
    }
    if shape.has_target:
        made["take_profit"] = _price_text(limit * (HUNDRED + TARGET_PERCENT) / HUNDRED)
    if shape.is_limit:
        made["entry"] = {"type": "limit", "price": _price_text(limit)}
    return made


def _price_text(price: Decimal) -> str:
    return plain(round(price, PRICE_DECIMALS))


def line_of(trade: Trade) -> str:
    """One trade for people."""
    bought = "" if trade.entry_price is None else f" at {plain(round(trade.entry_price, PRICE_DECIMALS))}"
    sold = "" if trade.exit_price is None else f", sold at {plain(round(trade.exit_price, PRICE_DECIMALS))}"
    verdict = "clean" if trade.clean else "NOT CLEAN: " + "; ".join(trade.reasons)
    return (
        f"{trade.symbol} ({trade.shape}; {trade.plan}): bought {plain(trade.quantity)}{bought}, without a stop for"
        f" {plain(trade.unprotected_ms)} ms{sold}: {verdict}"
    )


async def _until(
    look: Callable[[], Awaitable[bool]], at_most_s: float, what: str, *, is_enough: bool = False
) -> None:
    """Wait until something is so; StoppedError with ``what`` when it is not in time, unless that ``is_enough``."""
    end = time.monotonic() + at_most_s
    while not await look():
        if time.monotonic() > end:
            if is_enough:
                return
            raise StoppedError(what)
        await asyncio.sleep(LOOK_S)
