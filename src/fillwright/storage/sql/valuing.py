"""What open positions are worth at the journal's last prices: only what records or prices change is worked out anew."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fillwright.core.positions import Position
from fillwright.core.state import Ledger
from fillwright.core.types import ZERO, Symbol


def unrealized_of(position: Position, ledger: Ledger) -> Decimal:
    """Quantity × last price − estimated exit fee (taker) − cost; 0 without quantity or price, or once it has ended."""
    state = ledger.state
    price = None if position.is_ended or not position.quantity else state.prices.get(position.symbol)
    return ZERO if price is None else position.unrealized(price, state.taker_fee)


class Valuing:
    """The prices at which rows of open positions were valued last, and the sum of their results."""

    def __init__(self) -> None:
        self._prices: dict[Symbol, Decimal | None] = {}
        self._fee = Decimal(-1)
        self._ledger: Ledger | None = None
        self._results: dict[int, Decimal] = {}
        """Realised and unrealised by each open position of the ledger."""
        self._sum = ZERO
        self._is_committed = True

    def begin(self) -> None:
        """What follows will be committed together; when that before it never was, everything is valued anew."""
        if not self._is_committed:
            self._prices, self._ledger = {}, None
        self._is_committed = False

    def committed(self) -> None:
        """What was worked out is stored."""
        self._is_committed = True

    def moved(self, ledger: Ledger) -> dict[int, Position]:
        """Open positions whose row may say something else now: of symbols with another price (all: other fees)."""
        prices, fee = ledger.state.prices, ledger.state.taker_fee
        known = self._prices if fee == self._fee else {}
        moved = [
            symbol
            for symbol in ledger.positions_by_symbol
            if symbol not in known or prices.get(symbol) != known[symbol]
        ]
        self._prices, self._fee = {**known, **{symbol: prices.get(symbol) for symbol in moved}}, fee
        return {position.id: position for symbol in moved for position in ledger.positions_in(symbol)}

    def total(self, ledger: Ledger, changed: Iterable[tuple[Position, Decimal]]) -> Decimal:
        """Realised by all positions, and unrealised of those that are open.

        ``changed``: every position that records or prices changed since the last time, with what is unrealised of it.
        """
        if self._ledger is ledger:
            for position, unrealized in changed:
                self._sum -= self._results.pop(position.id, ZERO)
                if position.id in ledger.open_positions:
                    self._add(position, unrealized)
        else:
            self._ledger, self._results, self._sum = ledger, {}, ZERO
            for position in ledger.open_positions.values():
                self._add(position, unrealized_of(position, ledger))
        return self._sum + ledger.state.portfolio.realized

    def _add(self, position: Position, unrealized: Decimal) -> None:
        self._results[position.id] = result = position.realized + unrealized
        self._sum += result
