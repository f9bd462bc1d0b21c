from __future__ import annotations

import hashlib
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from fillwright.market.synthetic import (
    BLOCK_TICKS,
    SLOT_TICKS,
    MarketShape,
    MarketState,
    SyntheticMarket,
    Ticks,
)
from fillwright.wire.exchange_info import default_exchange_info

INSTRUMENTS = default_exchange_info().instruments


def digest(ticks: Ticks) -> str:
    columns = (ticks.time_us, ticks.price, ticks.quantity, ticks.bid, ticks.ask_quantity)
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


def blocks(seed: int, count: int, symbol: str = "BTCUSDT", shape: MarketShape | None = None) -> list[Ticks]:
    market = SyntheticMarket(seed, INSTRUMENTS[symbol], shape=shape)
    return [market.next_block() for _ in range(count)]


def test_a_seed_makes_one_market() -> None:
    assert list(map(digest, blocks(1, 2))) == list(map(digest, blocks(1, 2)))
    assert digest(blocks(1, 1)[0]) != digest(blocks(2, 1)[0])
    assert digest(blocks(1, 1)[0]) != digest(blocks(1, 1, "ETHUSDT")[0])


@pytest.mark.parametrize("symbol", list(INSTRUMENTS))
def test_ticks_are_what_the_exchange_allows(symbol: str) -> None:
    instrument = INSTRUMENTS[symbol]
    market = SyntheticMarket(7, instrument)
    ticks = market.next_block()
    assert len(ticks.price) == BLOCK_TICKS
    assert (np.diff(ticks.time_us) >= 0).all()
    assert (ticks.bid < ticks.ask).all()
    assert (ticks.price == np.where(ticks.buyer_is_maker, ticks.bid, ticks.ask)).all()
    for index in range(0, BLOCK_TICKS, 5_000):
        price = market.scale.price(int(ticks.price[index]))
        quantity = market.scale.quantity(int(ticks.quantity[index]))
        assert instrument.price_violation(price) is None
        assert quantity >= instrument.lot_size.minimum
        assert quantity % instrument.lot_size.step == 0


def test_volatility_comes_in_clusters_with_fat_tails() -> None:
    prices = np.concatenate([block.price[::SLOT_TICKS] for block in blocks(3, 20)]).astype(np.float64)
    returns = np.diff(np.log(prices))
    size = np.abs(returns)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.05
    assert ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2 > 3.5


def test_long_markets_stay_in_range() -> None:
    shape = MarketShape(trades_per_second=0.05)
    last = blocks(11, 40, shape=shape)[-1]
    assert 30_000 < last.price[-1] / 10**4 < 270_000
    days = (int(last.time_us[-1]) - 1_767_225_600_000_000) / 86_400_000_000
    assert days > 365


def test_pauses_and_jumps_happen() -> None:
    ticks = blocks(5, 1, shape=MarketShape(pause_chance=0.01, jump_chance=0.01))[0]
    assert np.diff(ticks.time_us).max() > 60_000_000
    moves = np.abs(np.diff(ticks.price[::SLOT_TICKS].astype(np.float64)))
    assert moves.max() > 8 * np.median(moves)


def test_a_market_goes_on_from_any_block() -> None:
    market = SyntheticMarket(1, INSTRUMENTS["BTCUSDT"])
    market.next_block()
    state = msgspec.json.decode(msgspec.json.encode(market.state()), type=MarketState)
    after = digest(market.next_block())
    other = SyntheticMarket(1, INSTRUMENTS["BTCUSDT"])
    other.restore(state)
    assert digest(other.next_block()) == after
    assert other.state() == market.state()


def test_the_start_price_may_be_chosen() -> None:
    market = SyntheticMarket(
        1, INSTRUMENTS["BTCUSDT"], start_price=Decimal("123.45"), start_time_us=5_000_000
    )
    ticks = market.next_block()
    assert 120 < ticks.price[0] / 10**4 < 127
    assert ticks.time_us[0] >= 5_000_000
