from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fillwright.core.types import DAY, HOUR, MINUTE, SECOND
from fillwright.market.intervals import Interval
from fillwright.market.live.epoch import (
    HISTORY_BLOCKS_MAX,
    Epoch,
    SymbolEpoch,
    history_span,
    open_epoch,
    save_epoch,
)
from fillwright.market.synthetic import MarketShape, MarketState
from fillwright.wire.exchange_info import default_exchange_info
from tests.market.live.worlds import NOW

BTC = default_exchange_info().instruments["BTCUSDT"]
SHAPE = MarketShape()


def epoch() -> Epoch:
    made, why = open_epoch(None, 1, SHAPE, NOW)
    assert why == made.renew(BTC, (Interval.S5,), NOW) == ""
    return made


def test_a_new_market_begins_early_enough_for_its_history() -> None:
    begin = epoch().symbols["BTCUSDT"].states[0].time_us
    assert NOW - begin >= 600 * 5 * SECOND
    assert begin % MINUTE == 0
    assert history_span((Interval.S5, Interval.M15), epoch().block_us) == 600 * 15 * MINUTE
    assert history_span((Interval.D1,), epoch().block_us) < HISTORY_BLOCKS_MAX * epoch().block_us


def test_one_that_can_go_on_is_left_alone() -> None:
    made = epoch()
    states = list(made.symbols["BTCUSDT"].states)
    assert made.renew(BTC, (Interval.S5,), NOW + DAY) == ""
    assert made.symbols["BTCUSDT"].states == states
    assert "starts anew near its last price" in made.renew(BTC, (Interval.S5,), NOW + 9 * DAY)


def test_another_tick_makes_another_market_at_the_same_price() -> None:
    made = epoch()
    finer = msgspec.structs.replace(BTC.price_filter, tick=BTC.price_filter.tick * 100)
    changed = msgspec.structs.replace(BTC, price_filter=finer)
    assert "starts anew near its last price" in made.renew(changed, (Interval.S5,), NOW)
    assert made.symbols["BTCUSDT"].start_price == 90_000


def test_states_are_kept_in_order_and_in_bounds() -> None:
    first = MarketState(0, 0, 1.0, 1.0, 0)
    places = SymbolEpoch(BTC.price_filter.tick, BTC.price_filter.tick, [first])
    for block in range(1, 200):
        places.keep(MarketState(block, block * HOUR, 1.0, 1.0, 0))
        places.keep(MarketState(block - 1, 0, 1.0, 1.0, 0))
    assert [state.block for state in places.states] == list(range(199 - HISTORY_BLOCKS_MAX, 200))
    assert places.state_at(150 * HOUR + 1).block == 150
    assert places.state_at(0).block == 199 - HISTORY_BLOCKS_MAX
    assert places.state_at(9_999 * HOUR).block == 199


def test_a_file_comes_back_exactly(tmp_path: Path) -> None:
    made, file = epoch(), tmp_path / "market.json"
    made.symbols["BTCUSDT"].keep(MarketState(1, NOW, 0.1 + 0.2, 1 / 3, -1))
    save_epoch(file, msgspec.json.encode(made))
    assert open_epoch(file, 1, SHAPE, NOW) == (made, "")
    assert [path.name for path in tmp_path.iterdir()] == ["market.json"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "another version"),
        ({"seed": 5}, "the seed was 5"),
        ({"alive_at": NOW - 8 * DAY}, "8 days of standing still"),
        ({"alive_at": NOW + 8 * DAY}, "in the future"),
        ({"symbols": {"BTCUSDT": {"start_price": "1", "tick": "1", "states": []}}}, "another version"),
        ({"symbols": []}, "cannot be read"),
    ],
)
def test_what_cannot_be_gone_on_from_is_said(tmp_path: Path, change: dict[str, object], why: str) -> None:
    file = tmp_path / "market.json"
    body = msgspec.json.decode(msgspec.json.encode(epoch()))
    file.write_bytes(msgspec.json.encode({**body, **change}))
    found, said = open_epoch(file, 1, SHAPE, NOW)
    assert why in said
    assert found.symbols == {}
