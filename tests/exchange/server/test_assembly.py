from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.exchange.server.assembly import make_box, make_listener, state_of, trading_rules
from fillwright.exchange.server.settings import BoxSettings, BoxSettingsError, MarketSettings, SourceKind
from fillwright.exchange.settings import ExchangeLimits, ExchangeSettings
from tests.exchange.server.boxes import API_KEY, START, frozen, frozen_box, limit_order


def test_a_box_has_what_its_settings_say() -> None:
    box = frozen_box()
    assert box.exchange.symbols == ("BTCUSDT", "ETHUSDT")
    assert box.exchange.account_ids == ("main",)
    assert box.keys.get(API_KEY) is not None
    assert (box.now, set(box.markets)) == (START, {"BTCUSDT", "ETHUSDT"})
    assert box.source is None
    assert make_listener(box, "token").desk is box.desk


def test_all_built_in_symbols_trade_unless_some_are_named() -> None:
    assert len(trading_rules(BoxSettings())[1]) == 10


def test_a_synthetic_market_has_prices_from_the_beginning() -> None:
    box = make_box(frozen(market=MarketSettings(source=SourceKind.SYNTHETIC)))
    quote = box.exchange.quote("BTCUSDT")
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < quote.ask
    assert box.next_due > START


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"symbols": ("BTCUSTD",)}, "did you mean BTCUSDT"),
        ({"exchange_info": Path("/nowhere/info.json")}, "info.json"),
        ({"log_file": Path("/nowhere/log")}, "No such file"),
        ({"market": MarketSettings(source=SourceKind.TAPE)}, "no tape"),
        ({"market": MarketSettings(trades_per_second=0)}, "trades a second"),
    ],
)
def test_settings_that_make_no_box_are_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(BoxSettingsError, match=told):
        make_box(frozen(**changes))


def test_a_box_goes_on_from_what_was_saved() -> None:
    box = frozen_box()
    box.exchange.execute("main", limit_order("40000"), box.now)
    box.clock.step(5_000_000)
    box.tick()
    saved = state_of(box)
    again = make_box(frozen(), saved=saved)
    assert again.now == START + 5_000_000
    assert again.exchange.open_orders("main") == box.exchange.open_orders("main")
    assert again.exchange.balances("main") == box.exchange.balances("main")
    assert again.keys.all() == box.keys.all()
    assert again.exchange.audit() == ()
    assert state_of(again).exchange == saved.exchange


def test_a_saved_box_wants_its_symbols_and_its_windows() -> None:
    box = frozen_box()
    saved = state_of(box)
    with pytest.raises(BoxSettingsError, match="also has BTCUSDT"):
        make_box(frozen(symbols=("ETHUSDT",)), saved=saved)
    with pytest.raises(BoxSettingsError, match="move the file away"):
        make_box(frozen(exchange=ExchangeSettings(order_counts=())), saved=saved)


def test_exchange_wide_limits_are_the_settings_where_they_have_some() -> None:
    settings = ExchangeSettings(limits=ExchangeLimits(orders_max=1), public_trades=True)
    box = frozen_box(exchange=settings)
    box.exchange.execute("main", limit_order("40000", own="a"), box.now)
    with pytest.raises(Exception, match="EXCHANGE_MAX_NUM_ORDERS"):
        box.exchange.execute("main", limit_order("40000", own="b"), box.now)
    assert sum(one.locked for one in box.exchange.balances("main")) == Decimal(40)
