from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.ports import DenialCount
from fillwright.reports import panels
from fillwright.reports.data import gather
from tests.reports.sample import ACCOUNT, MemoryModel, candles, portfolio, position, run_info, trade
from tests.reports.test_data import model

D = Decimal


def test_tiles_say_what_the_figures_say() -> None:
    text = panels.tiles(gather(model(), ACCOUNT, run_info(days=7)))
    for expected in ('<b class="">20</b>', "14 won · 6 lost", "70.0\u00a0%", "4.67", "+1.10 <small>USDT"):
        assert expected in text


def test_tiles_of_nothing_are_dashes() -> None:
    text = panels.tiles(gather(MemoryModel(), ACCOUNT, run_info(days=1)))
    assert text.count("–") > 8
    assert "None" not in text
    assert "nan" not in text


def test_the_hero_compares_with_the_market() -> None:
    data = gather(model(), ACCOUNT, run_info(days=7), (candles(days=7),))
    text = panels.hero(data)
    assert "+22.50" in text
    assert "BTCUSDT itself" in text
    assert 'class="result up"' in text


def test_texts_of_others_are_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    rows = [trade(i, "1", trader_id=f"{evil}{i}", symbol=f"{evil}{i}", exit_reason=evil) for i in (1, 2)]
    info = run_info(
        tapes=(evil,), traders=(evil,), symbols=(evil,), settings={evil: evil}, notes=(evil,), digest=evil
    )
    sample = MemoryModel(
        trade_rows=rows, denial_rows=[DenialCount(evil, 1, 0)], money=portfolio(quote_asset=evil)
    )
    data = gather(sample, ACCOUNT, info)
    for text in (
        panels.badges(data),
        panels.hero(data),
        panels.notes(info.notes),
        panels.tiles(data),
        panels.panels(data),
        panels.about(data),
    ):
        assert "<script" not in text
        assert '">&lt;' not in text.replace(f'title="{panels.escape(evil)}', "")


def test_groups_appear_where_there_are_several() -> None:
    data = gather(model(), ACCOUNT, run_info(days=7))
    assert "<h2>Symbols</h2>" not in panels.panels(data)
    two = msgspec.structs.replace(data, by_symbol=data.by_exit, by_trader=data.by_exit)
    assert "<h2>Symbols</h2>" in panels.panels(two)
    assert "<h2>Traders</h2>" in panels.panels(two)


def test_panels_of_nothing_say_so() -> None:
    text = panels.panels(gather(MemoryModel(), ACCOUNT, run_info(days=1)))
    for expected in ("No closed trade.", "Nothing was denied.", "No position was opened."):
        assert expected in text
    assert "days-chart" not in text


def test_bars_are_as_long_as_their_counts() -> None:
    text = panels.meters([("a", 10, False), ("b", 5, True), ("c", 0, False)])
    assert 'class="" style="width:100.0%"' in text
    assert 'class="warn" style="width:50.0%"' in text
    assert 'class=" zero" style="width:0.0%"' in text
    assert panels.meters([]) == '<div class="meter"></div>'


def test_the_distribution_of_results_counts_every_trade() -> None:
    rows = [trade(1, "-3"), trade(2, "0.1"), trade(3, "3"), trade(4, "3")]
    data = gather(MemoryModel(trade_rows=rows, money=portfolio("10003.1")), ACCOUNT, run_info())
    text = panels.spread_panel(data)
    assert text.count("1 trade<") + text.count('1 trade"') == 2
    assert text.count("2 trades") == 1
    assert text.count("0 trades") == panels.SPREAD_CLASSES - 3


def test_long_times_without_a_stop_are_marked() -> None:
    row = trade(1, "1")
    data = gather(
        MemoryModel(trade_rows=[row], position_rows=[position(row, "4000")], money=portfolio("10001")),
        ACCOUNT,
        run_info(),
    )
    assert 'class="warn"' in panels.protection_panel(data)


def test_codes_read_as_words() -> None:
    assert panels.words_of("take_profit") == "take profit"
    assert panels.words_of("BTCUSDT") == "BTCUSDT"


def test_the_net_result_is_taken_apart() -> None:
    rows = [trade(1, "3"), trade(2, None)]
    dusty = position(rows[0], dust_cost=D("0.75"))
    data = gather(
        MemoryModel(trade_rows=rows, position_rows=[dusty], money=portfolio("10002.75")), ACCOUNT, run_info()
    )
    assert panels.composition(data) == [
        ("Closed trades", "+3.00"),
        ("Dust left, at cost", "−0.75"),
        ("Open trades", "+0.50"),
    ]
    plain = gather(MemoryModel(trade_rows=rows[:1], money=portfolio("10003")), ACCOUNT, run_info())
    assert panels.composition(plain) == []


def test_dust_is_explained_where_there_is_any() -> None:
    dusty = position(trade(1), dust_quantity=D("0.001"), dust_cost=D("0.75"))
    rows = MemoryModel(trade_rows=[trade(1)], position_rows=[dusty], money=portfolio("10000.25"))
    (note,) = panels.dust_notes(gather(rows, ACCOUNT, run_info(), (candles(),)))
    assert "had cost 0.75 USDT. They are worth" in note
    (note,) = panels.dust_notes(gather(rows, ACCOUNT, run_info()))
    assert "worth" not in note
    assert panels.dust_notes(gather(MemoryModel(money=portfolio()), ACCOUNT, run_info())) == []
