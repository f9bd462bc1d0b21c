"""The drift report's figures, worked out by hand beside the code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core.types import Mode, Time
from fillwright.ports import OrderExecution, SignalExecution, Spread
from fillwright.reports import drift
from fillwright.reports.drift import (
    denials_of,
    drift_of,
    groups_of,
    pairs_of,
    result_of,
    results_of,
    spread_of,
)

D = Decimal
T0: Time = 1_000_000_000
MS = 1_000


def order(leg: str = "entry", **changes: Any) -> OrderExecution:
    """Two at 100, for 0.2 of commission; sent 1 ms after the signal, acknowledged after 11, filled after 21."""
    fields: dict[str, Any] = {
        "id": f"RT_t_1_{leg}_1",
        "leg": leg,
        "side": "BUY" if leg == "entry" else "SELL",
        "order_type": "LIMIT" if leg == "entry" else "MARKET",
        "sent_at": T0 + MS,
        "acknowledged_at": T0 + 11 * MS,
        "first_fill_at": T0 + 21 * MS,
        "executed_quantity": D(2),
        "executed_quote": D(200),
        "commission_quote": D("0.2"),
    }
    return OrderExecution(**{**fields, **changes})


UNFILLED: dict[str, Any] = {
    "first_fill_at": None,
    "executed_quantity": D(0),
    "executed_quote": D(0),
    "commission_quote": D(0),
}


def signal(number: int = 1, *orders: OrderExecution, **changes: Any) -> SignalExecution:
    fields: dict[str, Any] = {
        "signal_id": number,
        "key": f"k{number}",
        "trader_id": "ada",
        "symbol": "BTCUSDT",
        "received_at": T0,
        "status": "completed",
        "code": "",
        "has_position": True,
        "is_ended": True,
        "entry_value": D(200),
        "realized_pnl": D(0),
        "orders": orders,
    }
    return SignalExecution(**{**fields, **changes})


def twin(number: int, *orders: OrderExecution, **changes: Any) -> SignalExecution:
    """The shadow's, whose ids are others."""
    return msgspec.structs.replace(
        signal(number, *orders, **changes), signal_id=900 - number, key=f"shadow:{number}"
    )


# -- pairs -------------------------------------------------------------------------------------------------------


def test_pairs_are_found_by_the_key_and_in_the_order_of_the_real_signals() -> None:
    real = [signal(1), signal(2), signal(3)]
    shadow = [twin(3), signal(2, symbol="OWN"), twin(1)]
    assert [(one.signal_id, other.key) for one, other in pairs_of(real, shadow)] == [
        (1, "shadow:1"),
        (3, "shadow:3"),
    ]


# -- prices and fees ---------------------------------------------------------------------------------------------


def test_a_higher_price_is_worse_for_a_buyer_and_better_for_a_seller() -> None:
    """Bought at 100.1 instead of 100: +10 bps. Sold at 100.1 instead of 100: -10 bps."""
    dear = {"executed_quote": D("200.2")}
    pair = (signal(1, order(**dear), order("exit", **dear)), twin(1, order(), order("exit")))
    entry, leave = groups_of([pair])
    assert (entry.symbol, entry.leg, entry.order_type, entry.pairs) == ("BTCUSDT", "entry", "LIMIT", 1)
    assert entry.price_bps == Spread(1, D(10), D(10), D(10))
    assert (leave.leg, leave.order_type) == ("exit", "MARKET")
    assert leave.price_bps == Spread(1, D(-10), D(-10), D(-10))


def test_prices_are_averages_over_all_orders_of_a_leg_and_sizes_do_not_matter() -> None:
    """Real: 1 at 100 and 3 at 104 = 412 / 4 = 103; shadow: 2 at 100. 3 % = 300 bps."""
    real = signal(
        1,
        order(executed_quantity=D(1), executed_quote=D(100)),
        order(id="RT_t_1_E_2", sent_at=T0 + 5 * MS, executed_quantity=D(3), executed_quote=D(312)),
    )
    (group,) = groups_of([(real, twin(1, order()))])
    assert group.price_bps.mean == D(300)


def test_fees_are_compared_by_value() -> None:
    """Real: 0.3 of 300 and 0 of 100 = 7.5 bps; shadow: 0.2 of 200 = 10 bps: 2.5 bps less, twice."""
    real = [
        order(executed_quote=D(300), commission_quote=D("0.3")),
        order(executed_quote=D(100), commission_quote=D(0)),
    ]
    pairs = [(signal(number, *real), twin(number, order())) for number in (1, 2)]
    (group,) = groups_of(pairs)
    assert group.fee_bps == Spread(2, D("-2.5"), D("-2.5"), D("-2.5"))
    assert (group.fees_real, group.fees_shadow) == (D("0.6"), D("0.4"))


def test_figures_are_rounded_at_the_end_alone() -> None:
    """100.01 for 3 and 100 for 3: 1/3 of 1 cent each: 1 bps exactly, though neither average is exact."""
    pair = (
        signal(1, order(executed_quantity=D(3), executed_quote=D("100.01"))),
        twin(1, order(executed_quantity=D(3), executed_quote=D(100))),
    )
    (group,) = groups_of([pair])
    assert group.price_bps.mean == D(1)


def test_symbols_legs_and_types_are_groups_of_their_own() -> None:
    pairs = [
        (signal(1, order()), twin(1, order())),
        (signal(2, order(order_type="MARKET")), twin(2, order())),
        (signal(3, order(), symbol="ETHUSDT"), twin(3, order(), symbol="ETHUSDT")),
    ]
    assert [(one.symbol, one.order_type, one.pairs) for one in groups_of(pairs)] == [
        ("BTCUSDT", "LIMIT", 1),
        ("BTCUSDT", "MARKET", 1),
        ("ETHUSDT", "LIMIT", 1),
    ]


# -- latency -----------------------------------------------------------------------------------------------------


def test_an_entrys_time_begins_with_its_signal_and_an_exits_with_its_order() -> None:
    later = {"acknowledged_at": T0 + 31 * MS, "first_fill_at": T0 + 41 * MS + 500}
    pair = (signal(1, order(**later), order("exit", **later)), twin(1, order(), order("exit")))
    entry, leave = groups_of([pair])
    assert (entry.ack_ms_real.p50, entry.ack_ms_shadow.p50) == (D(31), D(11))
    assert (entry.fill_ms_real.p50, entry.fill_ms_shadow.p50) == (D("41.5"), D(21))
    assert (leave.ack_ms_real.p50, leave.fill_ms_real.p50) == (D(30), D("40.5"))


def test_what_rests_has_a_time_to_its_acknowledgement_and_none_to_its_fill() -> None:
    (group,) = groups_of([(signal(1, order("stop_loss")), twin(1, order("stop_loss")))])
    assert group.ack_ms_real.p50 == D(10)
    assert group.fill_ms_real == group.fill_ms_shadow == Spread()


def test_an_order_of_which_nothing_was_heard_has_no_time() -> None:
    pair = (signal(1, order(acknowledged_at=None, **UNFILLED)), twin(1, order()))
    (group,) = groups_of([pair])
    assert (group.ack_ms_real.count, group.ack_ms_shadow.count) == (0, 1)


# -- fills that one of them missed -------------------------------------------------------------------------------


def test_fills_are_missed_in_both_directions() -> None:
    pairs = [
        (signal(1, order(**UNFILLED)), twin(1, order())),
        (signal(2, order(**UNFILLED)), twin(2, order())),
        (signal(3, order()), twin(3, order(**UNFILLED))),
        (signal(4, order(**UNFILLED)), twin(4, order(**UNFILLED))),
    ]
    (group,) = groups_of(pairs)
    assert (group.missed_by_real, group.missed_by_shadow, group.pending, group.pairs) == (2, 1, 0, 0)
    assert group.price_bps == Spread()


def test_what_may_still_be_filled_is_not_missed_yet() -> None:
    (group,) = groups_of([(signal(1, order(**UNFILLED), is_ended=False), twin(1, order()))])
    assert (group.missed_by_real, group.pending) == (0, 1)


def test_a_position_that_was_left_another_way_missed_the_other() -> None:
    """The real stop was reached, the shadow's was not: it was sold later."""
    real = signal(1, order(), order("stop_loss"))
    shadow = twin(1, order(), order("stop_loss", **UNFILLED), order("exit"))
    groups = {one.leg: one for one in groups_of([(real, shadow)])}
    assert (groups["stop_loss"].missed_by_shadow, groups["stop_loss"].missed_by_real) == (1, 0)
    assert (groups["exit"].missed_by_real, groups["exit"].missed_by_shadow) == (1, 0)


def test_a_denied_signal_is_told_of_among_denials_alone() -> None:
    denied = twin(1, code="MAX_POSITIONS", status="denied", has_position=False, is_ended=False)
    pairs = [(signal(1, order()), denied)]
    (group,) = groups_of(pairs)
    assert (group.pairs, group.missed_by_shadow, group.pending) == (0, 0, 0)
    (denial,) = denials_of(pairs)
    assert (denial.symbol, denial.code_real, denial.code_shadow, denial.signals) == (
        "BTCUSDT",
        "",
        "MAX_POSITIONS",
        1,
    )


def test_denials_that_agree_are_no_difference_and_the_most_frequent_come_first() -> None:
    def pair(number: int, ours: str, theirs: str) -> tuple[SignalExecution, SignalExecution]:
        return signal(number, code=ours), twin(number, code=theirs)

    pairs = [pair(1, "A", "A"), pair(2, "A", ""), pair(3, "", "B"), pair(4, "", "B")]
    assert [(one.code_real, one.code_shadow, one.signals) for one in denials_of(pairs)] == [
        ("", "B", 2),
        ("A", "", 1),
    ]


# -- results -----------------------------------------------------------------------------------------------------


def test_results_are_compared_where_both_have_closed() -> None:
    """Real: 2 and -1 on 200 each; shadow: 3 on 200 and 0 on 100. Returns: 100 - 150, -50 - 0 bps: -50 both times."""
    pairs = [
        (signal(1, realized_pnl=D(2)), twin(1, realized_pnl=D(3))),
        (signal(2, realized_pnl=D(-1)), twin(2, entry_value=D(100))),
        (signal(3, realized_pnl=D(7), is_ended=False), twin(3)),
        (signal(4, realized_pnl=D(0), entry_value=D(0)), twin(4, realized_pnl=D(9))),
    ]
    total = result_of("", pairs)
    assert (total.pairs, total.pnl_real, total.pnl_shadow, total.pnl_difference) == (2, D(1), D(3), D(-2))
    assert total.return_bps == Spread(2, D(-50), D(-50), D(-50))
    (one,) = results_of(pairs)
    assert (one.symbol, one.pairs) == ("BTCUSDT", 2)
    assert results_of(pairs[2:]) == ()


# -- spreads -----------------------------------------------------------------------------------------------------


def test_percentiles_are_values_that_were_seen() -> None:
    values = [D(number) for number in range(200, 0, -1)]
    assert spread_of(values, D(1)) == Spread(200, D(100), D(100), D(198))
    assert spread_of([D(3)], D("0.1")) == Spread(1, D(3), D(3), D(3))
    assert spread_of([D(1), D(2), D(4)], D("0.0001")) == Spread(3, D("2.3333"), D(2), D(4))
    assert spread_of([], D(1)) == Spread()


# -- the whole ---------------------------------------------------------------------------------------------------


class Model:
    """Two accounts."""

    def __init__(self, real: list[SignalExecution], shadow: list[SignalExecution]) -> None:
        self.signals = {"testnet": real, "shadow-testnet": shadow}

    def portfolio(self, account_id: str) -> Any:
        class Portfolio:
            created_at = T0 - 10 if account_id == "shadow-testnet" else T0 - 1_000
            mode = Mode.TESTNET
            quote_asset = "USDT"

        return Portfolio

    def executions(self, account_id: str, *, since: Time, limit: int) -> list[SignalExecution]:
        return [one for one in self.signals[account_id] if one.received_at >= since][-limit:]


def test_a_report_begins_with_the_shadow_or_with_what_is_asked_for() -> None:
    real = [signal(1, received_at=T0 - 500), signal(2, order()), signal(3)]
    model: Any = Model(real, [twin(2, order())])
    report = drift_of(model, "testnet")
    assert (report.account_id, report.shadow_id, report.mode) == ("testnet", "shadow-testnet", Mode.TESTNET)
    assert (report.since, report.is_cut, report.quote_asset) == (T0 - 10, False, "USDT")
    assert (report.signals, report.shadowed, report.unshadowed) == (2, 1, 1)
    assert [one.pairs for one in report.groups] == [1]
    assert report.total.pairs == 1
    later = drift_of(model, "testnet", T0 + 1)
    assert (later.since, later.signals, later.groups) == (T0 + 1, 0, ())


def test_a_report_tells_of_the_newest_signals_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "SIGNALS_MAX", 2)
    real = [signal(number, received_at=T0 + number) for number in (1, 2, 3)]
    model: Any = Model(real, [twin(number, received_at=T0 + number) for number in (1, 2, 3)])
    report = drift_of(model, "testnet")
    assert (report.signals, report.shadowed, report.is_cut, report.since) == (2, 2, True, T0 + 2)
