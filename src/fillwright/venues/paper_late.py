"""A paper venue whose terms are known late: what an account starts with is found out when it is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fillwright.core.inputs import Input
from fillwright.core.types import AccountId
from fillwright.ports import (
    Clock,
    Journal,
    MarketSink,
    Reports,
    VenueEffect,
    VenueTerms,
    VenueUnavailableError,
)
from fillwright.venues.paper import PaperVenue
from fillwright.venues.paper_terms import PaperTerms


class LatePaperVenue:
    """``ports.Venue`` and ``ports.MarketDriven``: a paper venue made by ``open``, which waits for its terms."""

    def __init__(
        self,
        account_id: AccountId,
        journal: Journal,
        clock: Clock,
        terms: Callable[[], Awaitable[PaperTerms]],
        *,
        latency_ms: int = 0,
    ) -> None:
        self._account_id = account_id
        self._journal = journal
        self._clock = clock
        self._terms = terms
        self._latency_ms = latency_ms
        self._venue: PaperVenue | None = None

    @property
    def account_id(self) -> AccountId:
        """Whose orders go here."""
        return self._account_id

    @property
    def market(self) -> MarketSink:
        """Takes the market once the venue is open."""
        return self._opened().market

    def _opened(self) -> PaperVenue:
        if self._venue is None:
            raise VenueUnavailableError("the paper venue is not open")
        return self._venue

    async def open(self) -> VenueTerms:
        """Wait for the terms, then as PaperVenue."""
        terms = await self._terms()
        self._venue = PaperVenue(
            self._account_id, self._journal, self._clock, terms, latency_ms=self._latency_ms
        )
        return await self._venue.open()

    async def run(self, reports: Reports) -> None:
        """As PaperVenue."""
        await self._opened().run(reports)

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        """As PaperVenue."""
        return await self._opened().carry_out(effect)

    async def close(self) -> None:
        """As PaperVenue; one that was never opened has nothing to close."""
        venue, self._venue = self._venue, None
        if venue is not None:
            await venue.close()
