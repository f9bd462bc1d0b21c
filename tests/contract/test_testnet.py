"""The Binance venue at Binance's testnet, where there is a key for it, and the same round at the box.

FILLWRIGHT_TEST_BINANCE_TESTNET_KEY is the API key, FILLWRIGHT_TEST_BINANCE_TESTNET_SECRET its secret (HMAC) or private
key (PEM), or the path of a file with it. The round trades about 20 USDT of BTCUSDT and ends as it began.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from fillwright.binance.endpoints import TESTNET
from fillwright.binance.rest import MarketRest
from fillwright.binance.signers import Signer, make_signer, read_secret
from fillwright.core.effects import FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Input, OrderReport, RequestFailed, StreamChanged, VenueSnapshot
from fillwright.core.requests import CancelListRequest, CancelRequest, Request
from fillwright.core.types import ListKind, OrderType, TimeInForce, VenueOrderStatus
from fillwright.runtime.clock import SystemClock
from fillwright.venues.binance import BinanceSettings, BinanceVenue
from fillwright.venues.binance_place import BinancePlace
from tests.binance.live_box import LiveBox, ed25519_signer, play, until
from tests.exchange.builders import BUY, SELL, SYMBOL, a_list, an_order, limit, market

D = Decimal
KEY, SECRET = "FILLWRIGHT_TEST_BINANCE_TESTNET_KEY", "FILLWRIGHT_TEST_BINANCE_TESTNET_SECRET"
PATIENCE_S = 20.0
TICK, STEP = D("0.01"), D("0.00001")
QUOTE = D(20)
_V = VenueOrderStatus


class Round:
    """One round of orders."""

    def __init__(self, venue: BinanceVenue, price: Decimal) -> None:
        self.venue, self.price = venue, price
        self.told: list[Input] = []
        self.name = f"fwt-{SystemClock().now() // 1_000}"

    def hear(self, items: Sequence[Input]) -> None:
        self.told += items

    async def send(self, request: Request) -> Sequence[Input]:
        answer = await self.venue.carry_out(Send(request, "exit"))
        self.told += answer
        return answer

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, what, PATIENCE_S)

    def status(self, name: str, source: str = "") -> VenueOrderStatus | None:
        found = [
            item
            for item in self.told
            if isinstance(item, OrderReport) and item.client_order_id == name and source in ("", item.source)
        ]
        return found[-1].status if found else None

    def at(self, ratio: str) -> str:
        return str((self.price * D(ratio)).quantize(TICK))

    @property
    def quantity(self) -> str:
        return str((QUOTE / self.price).quantize(STEP, ROUND_UP))

    async def books(self) -> VenueSnapshot:
        (books,) = await self.venue.carry_out(FetchSnapshot(SYMBOL, (), "test"))
        assert isinstance(books, VenueSnapshot)
        return books

    def mine(self, books: VenueSnapshot) -> list[str]:
        return [one.client_order_id for one in books.orders if one.client_order_id.startswith(self.name)]

    async def play(self) -> None:
        await self.until(lambda: bool(self.told), "the stream")
        assert isinstance(self.told[0], StreamChanged)
        assert self.told[0].connected
        await self._rests()
        await self._brackets()
        assert self.mine(await self.books()) == []

    async def _rests(self) -> None:
        """An order rests, is found, has its name for itself, and is cancelled."""
        name = f"{self.name}-l"
        order = limit(BUY, self.quantity, self.at("0.9"), name)
        await self.send(order)
        await self.until(lambda: self.status(name, "stream") is _V.NEW, "its report")
        assert self.mine(await self.books()) == [name]
        (again,) = await self.send(order)
        assert isinstance(again, RequestFailed)
        assert again.code == -2010
        await self.send(CancelRequest(symbol=SYMBOL, orig_client_order_id=name))
        await self.until(lambda: self.status(name, "stream") is _V.CANCELED, "its end")
        (found,) = await self.venue.carry_out(QueryOrder(SYMBOL, name))
        assert isinstance(found, OrderReport)
        assert found.status is _V.CANCELED

    async def _brackets(self) -> None:
        """Entry, stop and target in one request; the list is cancelled, and what was bought is sold."""
        entry, below, above = (f"{self.name}-{leg}" for leg in ("e", "s", "t"))
        request = a_list(
            ListKind.OPOCO,
            limit(BUY, self.quantity, self.at("1.005"), entry, time_in_force=TimeInForce.FOK),
            an_order(SELL, OrderType.STOP_LOSS, below, stop_price=self.at("0.95")),
            an_order(SELL, OrderType.TAKE_PROFIT, above, stop_price=self.at("1.05")),
            name=f"{self.name}-list",
        )
        await self.send(request)
        await self.until(lambda: self.status(below, "stream") is _V.NEW, "its protection")
        assert self.status(entry) is _V.FILLED
        books = await self.books()
        assert sorted(self.mine(books)) == sorted([below, above])
        received = next(one.quantity for one in books.orders if one.client_order_id == below)
        assert received is not None
        await self.send(CancelListRequest(symbol=SYMBOL, list_client_order_id=f"{self.name}-list"))
        await self.until(lambda: self.status(below, "stream") is _V.CANCELED, "the list's end")
        sold = f"{self.name}-x"
        await self.send(market(SELL, str(received.quantize(STEP, ROUND_DOWN)), sold))
        await self.until(lambda: self.status(sold) is _V.FILLED, "the sale")


async def played(place: BinancePlace, signer: Signer, price: Decimal) -> None:
    venue = place.venue("main", signer, SystemClock(), BinanceSettings(symbols=(SYMBOL,)))
    terms = await venue.open()
    assert [one.symbol for one in terms.instruments] == [SYMBOL]
    assert terms.balances
    one = Round(venue, price)
    running = asyncio.create_task(venue.run(one.hear))
    try:
        await one.play()
    finally:
        running.cancel()
        await asyncio.wait((running,))
        await venue.close()


def test_a_round_at_the_box() -> None:
    async def story(live: LiveBox) -> None:
        await played(BinancePlace(live.endpoints), ed25519_signer(), D(50_000))

    play(story)


@pytest.mark.skipif(not os.environ.get(KEY), reason=f"no key of Binance's testnet: set {KEY} and {SECRET}")
def test_a_round_at_the_testnet() -> None:
    secret = os.environ[SECRET]
    text = read_secret(Path(secret)) if len(secret) < 512 and Path(secret).is_file() else SecretStr(secret)
    signer = make_signer(SecretStr(os.environ[KEY]), text)

    async def story() -> None:
        async with MarketRest(TESTNET) as market_data:
            (price, _), *_ = (await market_data.book(SYMBOL)).bids
        await played(BinancePlace(TESTNET), signer, price)

    asyncio.run(story())
