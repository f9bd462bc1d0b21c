"""The parts of the market data port fit together: what sources offer is what the live shell asks for."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from fillwright.binance.market_data import BinanceMarketData
from fillwright.market.live.choice import _Probe
from fillwright.market.live.synthetic import LiveSyntheticMarket
from fillwright.market.live.tape import LiveTape
from fillwright.ports import FeedState, MarketData, MarketSink

PAIRS = [
    (MarketData, BinanceMarketData),
    (MarketData, LiveSyntheticMarket),
    (MarketData, LiveTape),
    (MarketSink, _Probe),
]


@pytest.mark.parametrize(("port", "adapter"), PAIRS)
def test_an_adapter_takes_what_its_port_promises(port: type, adapter: type) -> None:
    for name, member in vars(port).items():
        if name.startswith("_"):
            continue
        if not callable(member):
            assert isinstance(vars(adapter)[name], property), name
            continue
        offered = inspect.signature(getattr(adapter, name))
        assert list(offered.parameters) == list(inspect.signature(member).parameters), name
        assert inspect.iscoroutinefunction(getattr(adapter, name)) == inspect.iscoroutinefunction(member), (
            name
        )


def test_a_state_is_a_value() -> None:
    state = FeedState("tape", False, "it has ended")
    assert msgspec.json.decode(msgspec.json.encode(state), type=FeedState) == state
    assert FeedState("binance", True).detail == ""
