from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import DAY, MINUTE, SymbolStatus
from fillwright.exchange.server.assembly import make_box
from fillwright.exchange.server.settings import MarketSettings, SourceKind
from tests.exchange.server.admin_door import Door
from tests.exchange.server.boxes import START, frozen, limit_order


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_price_is_a_quote_and_a_trade(door: Door) -> None:
    door.box.exchange.execute("main", limit_order("49000"), door.box.now)
    door.post("/price", symbol="BTCUSDT", price="48000")
    quote = door.box.exchange.quote("BTCUSDT")
    assert (quote.bid, quote.ask, quote.last) == (Decimal("47999.99"), Decimal("48000.01"), Decimal(48_000))
    assert door.box.exchange.open_orders("main") == ()


def test_quotes_books_and_trades_are_pushed(door: Door) -> None:
    exchange = door.box.exchange
    door.post("/quote", symbol="ETHUSDT", bid="3000", ask="3001", bid_quantity="2")
    assert exchange.quote("ETHUSDT").bid == Decimal(3_000)
    door.post("/depth", symbol="ETHUSDT", bids=[["2999", "4"], ["2998", "5"]], asks=[["3002", "1"]])
    assert [price for price, _ in exchange.displayed("ETHUSDT")[0]] == [Decimal(2_999), Decimal(2_998)]
    door.post("/depth", symbol="ETHUSDT", bids=[["2999", "0"]], snapshot=False)
    assert exchange.quote("ETHUSDT").bid == Decimal(2_998)
    door.post("/trade", symbol="ETHUSDT", price="3000.5", quantity="1")
    assert exchange.quote("ETHUSDT").last == Decimal("3000.5")


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/price", {"price": "0"}),
        ("/price", {"price": "NaN"}),
        ("/price", {"price": "92233720369"}),
        ("/trade", {"price": "1", "quantity": "1E+14"}),
        ("/price", {"price": "1", "quantity": "-1"}),
        ("/quote", {"bid": "2", "ask": "1"}),
        ("/quote", {"bid": "1", "ask": "1"}),
        ("/depth", {"bids": [["1", "-1"]]}),
        ("/depth", {"bids": [["1", "NaN"]]}),
        ("/depth", {"asks": [["1E+15", "1"]]}),
        ("/depth", {"asks": [["0", "1"]]}),
        ("/trade", {"price": "1", "quantity": "0"}),
        ("/symbol", {"reference_price": "-1"}),
    ],
)
def test_numbers_that_no_market_has_are_refused(door: Door, path: str, wish: dict[str, object]) -> None:
    assert door.refused(path, symbol="BTCUSDT", **wish)


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/price", {"price": "48000.001"}),
        ("/quote", {"bid": "47999.999", "ask": "48000"}),
        ("/quote", {"bid": "47999", "ask": "48000.005"}),
        ("/depth", {"bids": [["48000", "1"], ["47999.001", "1"]]}),
        ("/trade", {"price": "48000.00000001", "quantity": "1"}),
    ],
)
def test_prices_off_the_tick_are_refused(door: Door, path: str, wish: dict[str, object]) -> None:
    before = door.box.exchange.quote("BTCUSDT")
    assert "its tick is 0.01" in door.refused(path, symbol="BTCUSDT", **wish)
    assert door.box.exchange.quote("BTCUSDT") == before


def test_a_symbol_s_phase_changes_and_its_orders_end_with_it(door: Door) -> None:
    door.box.exchange.execute("main", limit_order("49000"), door.box.now)
    door.post("/symbol", symbol="BTCUSDT", status="CANCEL_ONLY")
    assert len(door.box.exchange.open_orders("main")) == 1
    door.post("/symbol", symbol="BTCUSDT", status="BREAK", cancel_orders=True)
    assert door.box.exchange.status("BTCUSDT") is SymbolStatus.BREAK
    assert door.box.exchange.open_orders("main") == ()


def test_a_reference_price_is_set_and_cleared(door: Door) -> None:
    door.post("/symbol", symbol="BTCUSDT", reference_price="51000")
    assert door.box.exchange.reference_price("BTCUSDT") == Decimal(51_000)
    door.post("/symbol", symbol="BTCUSDT", reference_price=None)
    assert door.box.exchange.reference_price("BTCUSDT") is None


def test_time_is_told_stepped_and_skewed(door: Door) -> None:
    assert door.get("/time") == {"now": START, "is_frozen": True, "skew_us": 0}
    heard: list[int] = []
    door.box.at(START + 70, heard.append)
    assert door.post("/time", action="step", by_us=100)["now"] == START + 100
    assert heard == [START + 70]
    assert door.post("/time", action="skew", by_us=-5_000_000)["skew_us"] == -5_000_000
    assert not door.post("/time", action="resume")["is_frozen"]
    assert door.post("/time", action="freeze")["is_frozen"]


def test_time_that_is_moved_wakes_whoever_waits_for_it(door: Door) -> None:
    woken: list[bool] = []
    door.box.on_wake = lambda: woken.append(True)
    door.post("/time", action="resume")
    assert woken


def test_synthetic_time_is_stepped_by_a_day_at_most() -> None:
    market = MarketSettings(source=SourceKind.SYNTHETIC, trades_per_second=0.1)
    synthetic = Door(make_box(frozen(market=market)))
    assert "a day in one step" in synthetic.refused("/time", action="step", by_us=DAY + 1)
    assert synthetic.post("/time", action="step", by_us=MINUTE)["now"] == START + MINUTE
    assert Door().post("/time", action="step", by_us=DAY + 1)["now"] == START + DAY + 1


@pytest.mark.parametrize("by_us", [-1, 10**18])
def test_time_goes_neither_back_nor_out_of_sight(door: Door, by_us: int) -> None:
    assert door.refused("/time", action="step", by_us=by_us)
