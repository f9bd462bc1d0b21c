"""A paper venue that learns its terms when it is opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fillwright.ports import MarketDriven, VenueUnavailableError
from fillwright.venues.paper_late import LatePaperVenue
from fillwright.venues.paper_terms import PaperTerms
from tests.runtime.builders import SYMBOL, D, ManualClock, opened, run, turns
from tests.sim.harness import make_instrument


def terms(balance: int = 500) -> PaperTerms:
    return PaperTerms(
        instruments=(make_instrument(SYMBOL),),
        balances={"USDT": D(balance)},
        maker_fee=D("0.001"),
        taker_fee=D("0.001"),
    )


def test_it_waits_for_its_terms_and_keeps_its_books_across_restarts(tmp_path: Path) -> None:
    async def story() -> None:
        store = opened(tmp_path / "f.db")
        known: asyncio.Future[PaperTerms] = asyncio.get_running_loop().create_future()

        async def wait() -> PaperTerms:
            return await known

        venue = LatePaperVenue("shadow-testnet", store.journal, ManualClock(), wait)
        with pytest.raises(VenueUnavailableError):
            await venue.run(lambda items: None)
        await venue.close()
        opening = asyncio.create_task(venue.open())
        await turns()
        assert not opening.done()
        known.set_result(terms())
        assert (await opening).balances == (("USDT", D(500), D(0)),)
        assert isinstance(venue, MarketDriven)
        assert venue.account_id == "shadow-testnet"
        heard: list[object] = []
        running = asyncio.create_task(venue.run(heard.extend))
        await turns()
        assert heard
        running.cancel()
        await asyncio.wait((running,))
        await venue.close()

        async def richer() -> PaperTerms:
            return terms(900)

        again = LatePaperVenue("shadow-testnet", store.journal, ManualClock(), richer)
        assert (await again.open()).balances == (("USDT", D(500), D(0)),), (
            "what it has, not what it would get"
        )
        await again.close()
        with pytest.raises(VenueUnavailableError):
            _ = again.market

    run(story())
