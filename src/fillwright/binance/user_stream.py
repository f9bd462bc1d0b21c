"""An account's events as they happen: orders, balances, lists; in their order, each once, or it is said that some lack.

The stream has a connection of its own, so that orders and their reports do not fail together. ``on_state(True)``
comes before the first event of a connection, ``on_state(False, why)`` when events may have been missed: then the
venue's books are to be read. A connection that must be replaced is replaced with an overlap and nothing is said.
Sources: Binance Spot WebSocket API "User Data Stream subscription", "User Data Stream".
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from decimal import Decimal

from fillwright.binance.keeping import OnState
from fillwright.binance.signers import Signer
from fillwright.core.types import Symbol
from fillwright.wire.stream import KnownEvent, UnknownEvent

OnEvent = Callable[[KnownEvent | UnknownEvent], None]


class UserStream:
    """The user data stream of one account, kept up while ``run`` runs."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        *,
        on_event: OnEvent,
        on_state: OnState,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self._url, self._signer, self._on_event, self._on_state = url, signer, on_event, on_state

    async def run(self) -> None:
        """Keep it up until cancelled; raises what ``on_event`` raises."""

    @property
    def heard_at(self) -> float:
        """When something was last heard, pongs included, by the loop's clock."""
        return 0.0

    def expect(self, symbol: Symbol, order_id: int, sent_at: float) -> None:
        """An answer has told of an order that was asked for at ``sent_at`` (loop time).

        When the stream was up then and does not tell of the order soon, it is mute: it is made again.
        """

    def rests(self, symbol: Symbol, order_id: int, executed: Decimal) -> None:
        """The books had this order open with so much executed; a stream that is quiet for long is compared with it."""
