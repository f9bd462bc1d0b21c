"""The venue's port: what a venue says of itself is a value, and the paper venue offers what the port asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.settings import VenueProfile
from fillwright.ports import MarketDriven, MarketSink, Venue, VenueTerms
from fillwright.venues.binance import BinanceVenue
from fillwright.venues.paper import PaperVenue
from fillwright.venues.paper_market import PaperMarket
from tests.exchange.builders import BTCUSDT
from tests.venues.papers import a_desk


def test_terms_are_values() -> None:
    terms = VenueTerms(
        instruments=(BTCUSDT,),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.001"),
        balances=(("USDT", Decimal(1), Decimal(0)),),
        profile=VenueProfile(),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(terms), type=VenueTerms) == terms


def is_awaited(method: Callable[..., Any]) -> bool:
    """Whether it is a coroutine, or begins at once and hands one out."""
    returned = str(inspect.signature(method).return_annotation)
    return inspect.iscoroutinefunction(method) or returned.startswith("Coroutine")


@pytest.mark.parametrize(
    ("port", "adapter"),
    [(Venue, PaperVenue), (Venue, BinanceVenue), (MarketDriven, PaperVenue), (MarketSink, PaperMarket)],
)
def test_an_adapter_takes_what_its_port_promises(port: type, adapter: type) -> None:
    promised = {name: member for name, member in vars(port).items() if not name.startswith("_")}
    assert promised
    for name, member in promised.items():
        offered = inspect.getattr_static(adapter, name)
        if isinstance(member, property):
            assert isinstance(offered, property), name
        else:
            assert is_awaited(offered) is is_awaited(member), name
            assert list(inspect.signature(offered).parameters) == list(
                inspect.signature(member).parameters
            ), name


def test_a_venue_that_is_driven_by_the_market_is_told_apart() -> None:
    assert isinstance(a_desk().venue, MarketDriven)
    assert not isinstance(object(), MarketDriven)
