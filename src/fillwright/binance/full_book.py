"""The whole book of a symbol from its changes, by Binance's procedure: buffer, fetch a snapshot, continue it.

Changes carry absolute quantities, so that applying one twice does no harm; missing one does, and is noticed by the ids.
Source: Binance Spot "How to manage a local order book correctly".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fillwright.market.events import Levels
from fillwright.market.live.book import LocalBook
from fillwright.wire.market_streams import DepthUpdateMessage, PartialDepthMessage

WAITING_MAX = 600
"""Changes held while a snapshot is fetched: a minute at ten a second; then the oldest are dropped, and another is
wanted."""


class FullBook:
    """One symbol's book; ``show`` takes its best levels whenever they may have changed."""

    def __init__(self, show: Callable[[Levels, Levels], None]) -> None:
        self._show = show
        self._book = LocalBook()
        self._last_update_id: int | None = None
        self._waiting: deque[DepthUpdateMessage] = deque(maxlen=WAITING_MAX)
        self.restarts = 0
        """How often changes were missing."""

    @property
    def wants_snapshot(self) -> bool:
        """Whether changes wait for a snapshot."""
        return self._last_update_id is None and bool(self._waiting)

    def begin_anew(self) -> None:
        """Forget it all: changes may have been missed."""
        self._last_update_id = None
        self._waiting.clear()

    def changed(self, update: DepthUpdateMessage) -> None:
        """Some levels have changed."""
        last = self._last_update_id
        if last is None:
            self._waiting.append(update)
        elif update.first_update_id > last + 1:
            self.restarts += 1
            self.begin_anew()
            self._waiting.append(update)
        elif update.final_update_id > last:
            self._apply(update)
            self._show(*self._book.best())

    def snapshot(self, whole: PartialDepthMessage) -> None:
        """A whole book was fetched; it is of no use when it is older than the changes that wait."""
        if not self._waiting or whole.last_update_id + 1 < self._waiting[0].first_update_id:
            return
        waiting = [update for update in self._waiting if update.final_update_id > whole.last_update_id]
        self._waiting.clear()
        self._last_update_id = whole.last_update_id
        self._book.replace(whole.bids, whole.asks)
        for number, update in enumerate(waiting):
            assert self._last_update_id is not None
            if update.first_update_id > self._last_update_id + 1:
                self.restarts += 1
                self.begin_anew()
                self._waiting.extend(waiting[number:])
                return
            self._apply(update)
        self._show(*self._book.best())

    def _apply(self, update: DepthUpdateMessage) -> None:
        self._book.apply(update.bids, update.asks)
        self._last_update_id = update.final_update_id
