"""What positions and account are worth at this moment: worked out when somebody looks, at most once a second."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

from fillwright.answers import FeedShape, PriceAgeShape
from fillwright.core.positions import Position
from fillwright.core.types import CONTEXT, MILLISECOND, SECOND, ZERO, AccountId, Time
from fillwright.ports import Clock
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.orchestrator import Orchestrator
from fillwright.spelling import encode, moment

FRESH: Time = SECOND * 9 // 10
"""Prices that are no older than this are shown to the next who asks."""
SHOWN = Decimal("0.00000001")
"""Averages are shown to eight decimals."""
POSITIONS_MAX = 100
"""So many positions are shown with their prices: the newest."""


class PriceBoard:
    """The ``prices`` message of each account, made once for all who look."""

    def __init__(self, orchestrator: Orchestrator, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock
        self._made: dict[AccountId, tuple[Time, str]] = {}

    def message(self, account: AccountEngine) -> str:
        """What everything is worth now, as the text to be sent."""
        now = self._clock.now()
        known = self._made.get(account.owner.account_id)
        if known is not None and 0 <= now - known[0] < FRESH:
            return known[1]
        text = encode(prices(self._orchestrator, account, now)).decode()
        self._made[account.owner.account_id] = (now, text)
        return text


def feed_shape(hub: MarketHub, now: Time) -> FeedShape:
    """Where prices come from, and how old the newest is."""
    quoted = max((quote.time for quote in hub.quotes.values()), default=0)
    newest = max(hub.traded_at.values(), default=quoted)
    return FeedShape(hub.feed.source, hub.feed.connected, hub.feed.detail, age_ms(max(newest, quoted), now))


def age_ms(time: Time, now: Time) -> int | None:
    """How long ago something was; None when it never was (0)."""
    return max(now - time, 0) // MILLISECOND if time else None


def price_ages(hub: MarketHub, now: Time) -> tuple[PriceAgeShape, ...]:
    """How old each symbol's quote and last trade are."""
    traded_at = hub.traded_at
    return tuple(
        PriceAgeShape(symbol, age_ms(quote.time, now) or 0, age_ms(traded_at.get(symbol, 0), now))
        for symbol, quote in hub.quotes.items()
    )


def prices(orchestrator: Orchestrator, account: AccountEngine, now: Time) -> dict[str, Any]:
    """The ``prices`` message: account, open positions and quotes at this moment."""
    engine, hub = account.engine, account.hub
    state, safety = engine.state, engine.state.safety
    portfolio = state.portfolio
    service = orchestrator.status()
    open_positions = list(engine.ledger.open_positions.values())
    with decimal.localcontext(CONTEXT):
        equity, exposure = portfolio.equity_and_exposure(engine.bids)
        rows = [_row(position, account, hub) for position in open_positions[-POSITIONS_MAX:]]
        total = portfolio.realized + sum(
            position.realized + unrealized(position, account) for position in open_positions
        )
        daily = equity - portfolio.day_start_equity if portfolio.day >= 0 else ZERO
        available = portfolio.available() if portfolio.quote_asset in portfolio.balances else None
    rows.reverse()
    symbols = dict.fromkeys([*(row["symbol"] for row in rows), *hub.quotes])
    return {
        "type": "prices",
        "time": moment(now),
        "seq": account.feed.last_seq,
        "mode": account.owner.mode,
        "ready": service.ready,
        "reasons": service.reasons,
        "halted": safety.halted_cause,
        "halted_reason": safety.halted_reason,
        "paused": safety.paused_cause if safety.paused_until > now else "",
        "feed": feed_shape(hub, now),
        "quote_asset": portfolio.quote_asset,
        "equity": equity,
        "available": available,
        "exposure": exposure,
        "daily_pnl": daily,
        "total_pnl": total,
        "trades": portfolio.trades,
        "wins": portfolio.wins,
        "losses": portfolio.losses,
        "positions_open": len(open_positions),
        "positions": rows,
        "quotes": [
            {"symbol": symbol, "bid": quote.bid, "ask": quote.ask, "last": quote.last}
            for symbol in list(symbols)[:POSITIONS_MAX]
            if (quote := hub.quotes.get(symbol)) is not None
        ],
    }


def unrealized(position: Position, account: AccountEngine) -> Decimal:
    """What closing a position now would bring, at the bid and after the fee of the exit."""
    price = account.engine.bids[position.symbol]
    if not position.quantity or not price:
        return ZERO
    return position.unrealized(price, account.engine.state.taker_fee)


def _row(position: Position, account: AccountEngine, hub: MarketHub) -> dict[str, Any]:
    quote = hub.quotes.get(position.symbol)
    entry = position.entry_price
    return {
        "id": position.id,
        "symbol": position.symbol,
        "side": position.direction.upper(),
        "status": position.status,
        "trader_id": position.trader_id,
        "quantity": position.quantity,
        "entry_price": None if entry is None else entry.quantize(SHOWN),
        "last": None if quote is None else quote.last,
        "stop_loss": position.stop_loss,
        "take_profit": position.take_profit,
        "protection": position.protection,
        "unprotected": bool(position.unprotected_since),
        "unrealized_pnl": unrealized(position, account),
        "realized_pnl": position.realized,
        "created_at": moment(position.first_fill_at) if position.first_fill_at else None,
    }
