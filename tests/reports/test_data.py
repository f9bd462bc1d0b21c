from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.types import DAY
from fillwright.ports import DenialCount, EquityPoint, UnknownAccountError
from fillwright.reports.data import gather
from tests.reports.sample import (
    ACCOUNT,
    START,
    MemoryModel,
    candles,
    portfolio,
    position,
    run_info,
    signal,
    trade,
)

D = Decimal


def model() -> MemoryModel:
    rows = [trade(i, "2" if i % 3 else "-1") for i in range(1, 21)]
    rows += [trade(21, None), trade(22, "0", status="Cancelled", entry_value=D(0), fill_time=None)]
    return MemoryModel(
        trade_rows=rows[::-1],
        position_rows=[position(row, "50" if row.id == 4 else "0") for row in rows],
        signal_rows=[signal(row.id) for row in rows] + [signal(100, "denied")],
        denial_rows=[DenialCount("QUOTE_STALE", 1, 0)],
        marks=[EquityPoint(9, START + 21 * DAY // 4 + 1, D("10022.5"), D(0))],
        money=portfolio("10022.5"),
    )


def test_everything_of_an_account_is_gathered_over_all_pages() -> None:
    data = gather(model(), ACCOUNT, run_info(days=7))
    assert [one.id for one in data.trades] == list(range(1, 22))
    assert (data.figures.trades, data.open_trades, data.failed) == (20, 1, 1)
    assert data.figures.profit == 14 * 2 - 6
    assert data.protection.positions == 22
    assert data.signals.total == 23
    assert data.signals.by_status == {"completed": 22, "denied": 1}
    assert data.denials == (DenialCount("QUOTE_STALE", 1, 0),)
    assert data.curve[0] == (START, D(10_000))
    assert data.curve[-1] == (START + 7 * DAY, D("10022.5"))
    assert data.equity.change == D("22.5")
    assert [group.name for group in data.by_exit] == ["take_profit", "stop_loss"]
    assert sum(day.change for day in data.days) == D("22.5")


def test_an_account_that_did_nothing() -> None:
    data = gather(MemoryModel(), ACCOUNT, run_info(days=1))
    assert (data.trades, data.figures.trades, data.equity.change, data.equity.return_percent) == (
        (),
        0,
        0,
        0.0,
    )
    assert (data.by_symbol, data.by_exit, data.denials) == ((), (), ())
    assert data.equity.sharpe is None


def test_an_unknown_account_is_told() -> None:
    with pytest.raises(UnknownAccountError):
        gather(MemoryModel(), "nobody", run_info())


def test_dust_is_worth_what_its_symbol_last_cost() -> None:
    last = D(f"{candles().close[-1]:.2f}")
    dusty = [position(trade(i), dust_quantity=D(i) / 1000, dust_cost=D(i)) for i in (1, 2)]
    told = gather(MemoryModel(position_rows=dusty, money=portfolio()), ACCOUNT, run_info(), (candles(),))
    assert (told.dust_cost, told.dust_value) == (3, D("0.003") * last)
    untold = gather(MemoryModel(position_rows=dusty, money=portfolio()), ACCOUNT, run_info())
    assert untold.dust_value is None
