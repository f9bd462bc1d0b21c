"""Binance's procedure for a local order book: when updates may be used, and that none is missing.

Source: Binance Spot "How to manage a local order book correctly".
"""

from __future__ import annotations

from fillwright.market.events import DepthSnapshot, DepthUpdate

PENDING_UPDATES_MAX = 10_000
"""Updates held while waiting for a snapshot: 17 minutes at ten a second."""


class DepthError(ValueError):
    """Depth updates do not continue each other, or no snapshot came."""


class DepthSequence:
    """Lets through the snapshots and updates of one symbol that make a book without holes."""

    def __init__(self) -> None:
        self._last_update_id: int | None = None
        self._continues = False
        """Whether an update has followed the snapshot: from then on each must begin right after the last."""
        self._pending: list[DepthUpdate] = []

    def snapshot(self, snapshot: DepthSnapshot) -> list[DepthSnapshot | DepthUpdate]:
        """What becomes usable by a snapshot: itself and the updates held that continue it."""
        last = self._last_update_id
        if last is not None and snapshot.last_update_id < last:
            return []
        pending = [update for update in self._pending if update.final_update_id > snapshot.last_update_id]
        if last is None and pending and pending[0].first_update_id > snapshot.last_update_id + 1:
            return []  # older than the first update held: Binance says to take another one
        self._last_update_id = snapshot.last_update_id
        self._continues = False
        self._pending = []
        usable: list[DepthSnapshot | DepthUpdate] = [snapshot]
        for update in pending:
            usable.extend(self.update(update))
        return usable

    def update(self, update: DepthUpdate) -> list[DepthUpdate]:
        """The update when it is usable now; DepthError when one before it is missing."""
        first, final, last = update.first_update_id, update.final_update_id, self._last_update_id
        if first > final:
            raise DepthError(f"depth update {first} to {final} of {update.symbol} runs backwards")
        if last is None:
            if len(self._pending) == PENDING_UPDATES_MAX:
                raise DepthError(f"no depth snapshot of {update.symbol} within {PENDING_UPDATES_MAX} updates")
            if self._pending and first != self._pending[-1].final_update_id + 1:
                raise _gap(update, self._pending[-1].final_update_id)
            self._pending.append(update)
            return []
        if not self._continues:
            if final <= last:
                return []
            if first > last + 1:
                raise _gap(update, last)
        elif first != last + 1:
            raise _gap(update, last)
        self._last_update_id = final
        self._continues = True
        return [update]

    @property
    def started(self) -> bool:
        """Whether there is a book."""
        return self._last_update_id is not None

    @property
    def waiting(self) -> int:
        """Updates that no snapshot has made usable."""
        return len(self._pending)


def _gap(update: DepthUpdate, last: int) -> DepthError:
    first, final = update.first_update_id, update.final_update_id
    if first <= last:
        return DepthError(
            f"depth update {first} to {final} of {update.symbol} is repeated or late, after {last}"
        )
    return DepthError(
        f"depth updates {last + 1} to {first - 1} of {update.symbol} are missing before {first} to {final}"
    )
