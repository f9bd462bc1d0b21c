"""The engine: deadlines, one settlement per step, the market it watches, and a state that goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fillwright.core import engine as engine_module
from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.apply import apply
from fillwright.core.effects import ConsultAdvisor, FetchSnapshot, Send
from fillwright.core.engine import MANUAL, Engine, UnsettledError
from fillwright.core.inquiries import READS_APART, SNAPSHOT_AWAITED
from fillwright.core.positions import Position
from fillwright.core.settings import ReconciliationSettings, VenueProfile
from fillwright.core.state import Ledger
from fillwright.core.types import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    ZERO,
    ExpiryReason,
    OrderType,
    PositionStatus,
    Side,
    SignalDecision,
    SignalStatus,
    SymbolStatus,
    Time,
)
from tests.core.builders import (
    CASH,
    FEE,
    NOW,
    PRICE,
    D,
    make_instrument,
    make_quote,
    make_signal,
    wide_limits,
)
from tests.core.desk import Desk, V, make_settings

QUIET = VenueProfile(protection_read_s=0, reconciliation=False)
"""A venue about which nothing is due by the clock."""


def quiet_desk(**changes: Any) -> Desk:
    return Desk(settings=make_settings(venue=QUIET, **changes))


def place_manual(desk: Desk, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "by": "ada",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": D("0.001"),
        "price": D(49_900),
    }
    answer = desk.command(inp.PlaceOrder(**{**fields, **changes}))
    assert answer.ok
    return answer.orders[0]


def end(desk: Desk, position: Position) -> None:
    """The position's stop sells, which ends its target."""
    desk.fill(position.stop_order_id, price=49_000)
    for name in list(position.open_order_ids):
        desk.expired(name, ExpiryReason.OCO_TRIGGER)
    assert position.status is PositionStatus.CLOSED


def make_monitored(desk: Desk, position_id: int) -> None:
    """An advisor takes a position over."""
    record = ev.Record(
        desk.state.seq + 1, desk.now, 0, ev.PositionUpdated(position_id, "advisor", monitoring=True)
    )
    apply(desk.engine.ledger, record)
    desk.records.append(record)


def make_candle(symbol: str = "BTCUSDT") -> inp.Candle:
    return inp.Candle(symbol, "15m", NOW, NOW + 15 * MINUTE - 1, PRICE, PRICE, PRICE, D(50_100), D(3))


# -- the beginning -----------------------------------------------------------------------------------------------


def test_a_ledger_opens_with_what_the_venue_says_and_the_day_begins() -> None:
    desk = quiet_desk()
    kinds = [type(record.event) for record in desk.records]
    assert kinds == [
        ev.AccountOpened,
        ev.FeesChanged,
        ev.InstrumentChanged,
        ev.BalanceUpdated,
        ev.TradingDayStarted,
    ]
    assert desk.state.portfolio.equity == desk.state.portfolio.day_start_equity == CASH
    assert (desk.state.account_id, desk.state.tag, desk.state.taker_fee) == ("paper/ada/main", "t", FEE)


def test_a_ledger_is_opened_once() -> None:
    desk = quiet_desk()
    with pytest.raises(AssertionError, match="opened once"):
        desk.step(
            inp.OpenLedger(
                account_id="paper/ada/main",
                tag="t",
                settings=make_settings(),
                instruments=(),
                maker_fee=FEE,
                taker_fee=FEE,
                balances=(),
            )
        )


# -- records -----------------------------------------------------------------------------------------------------


def test_records_are_numbered_without_gaps_and_name_what_led_to_them() -> None:
    """Each record's cause is the first of its step, or the order's intent that its news is about."""
    desk = quiet_desk()
    before = desk.state.seq
    records = desk.step(inp.SubmitSignal(make_signal())).records
    assert [record.seq for record in records] == list(range(before + 1, before + 1 + len(records)))
    assert records[0].cause == 0
    assert {record.cause for record in records[1:]} == {records[0].seq}
    (request,) = desk.sent()
    entry = desk.order(desk.position.entry_order_ids[0])
    desk.accept(request)
    placed = next(record for record in desk.records if isinstance(record.event, ev.OrderPlaced))
    assert placed.cause == entry.record


def test_time_in_the_journal_never_runs_backwards() -> None:
    """Trading rules §1: an input stamped before the last record is taken at the last record's time."""
    desk = quiet_desk()
    desk.now += 5 * SECOND
    desk.step(inp.UpdateFees(ZERO, ZERO))
    records = desk.engine.step(inp.UpdateFees(FEE, FEE), now=desk.now - 3 * SECOND).records
    assert [record.time for record in records] == [desk.now]


def test_several_inputs_of_one_moment_settle_their_position_once() -> None:
    """A FOK's fill and the release of both exits in one batch: protected at once, nothing done in between."""
    desk = quiet_desk()
    desk.signal()
    desk.accept(desk.sent()[0])
    entry, stop, target = desk.position.open_order_ids
    desk.executed[entry] = D("0.00199")
    order = desk.order(entry)
    size = order.quantity
    assert size is not None
    net = D("0.00198")
    fill = desk.fill_report(entry, size, PRICE, size * FEE, "BTC")
    desk.step(
        desk.news(entry, V.FILLED, executed_quantity=size, fills=(fill,)),
        desk.news(stop, V.NEW, quantity=net),
        desk.news(target, V.NEW, quantity=net),
    )
    (protected,) = desk.events(ev.PositionProtected)
    assert (protected.stop_order_id, protected.target_order_id) == (stop, target)
    assert desk.sent() == []
    desk.check()


def test_a_position_that_does_not_come_to_rest_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = quiet_desk()
    desk.enter()

    def restless(ctx: Any, limits: Any, position: Any) -> Time:
        ctx.emit(ev.Error(where="test", what="again"))
        return 0

    monkeypatch.setattr(engine_module, "settle", restless)
    with pytest.raises(UnsettledError, match=r"positions \[1\]"):
        desk.step(inp.ClosePosition(position_id=1, by="ada"))


# -- deadlines ---------------------------------------------------------------------------------------------------


def test_nothing_but_the_end_of_the_day_is_due_while_nothing_is_going_on() -> None:
    assert quiet_desk().engine.next_deadline == NOW // DAY * DAY + DAY


@pytest.mark.parametrize("hour", [0, 9, 23])
def test_the_trading_day_ends_at_its_hour(hour: int) -> None:
    """Trading rules §5: the daily loss counts from the start of the trading day."""
    desk = quiet_desk(risk=wide_limits(day_start_hour_utc=hour))
    due = desk.engine.next_deadline
    assert due is not None
    assert (due - hour * HOUR) % DAY == 0
    assert NOW < due <= NOW + DAY
    desk.now = due
    desk.step(inp.TimeReached())
    assert [event.day for event in desk.events(ev.TradingDayStarted)] == [
        (NOW - hour * HOUR) // DAY,
        (NOW - hour * HOUR) // DAY + 1,
    ]
    assert desk.engine.next_deadline == due + DAY


def test_a_new_day_counts_from_its_own_equity() -> None:
    desk = quiet_desk()
    desk.enter()
    desk.price(49_500)
    assert desk.state.portfolio.day_trades == 1
    desk.now = NOW + DAY
    desk.step(inp.TimeReached())
    started = desk.events(ev.TradingDayStarted)[-1]
    portfolio = desk.state.portfolio
    assert started.equity == portfolio.balances["USDT"].ledger + portfolio.owned["BTCUSDT"] * 49_500
    assert portfolio.day_start_equity == started.equity
    assert portfolio.day_trades == 0


def test_a_signal_begins_the_day_if_nothing_else_has() -> None:
    desk = quiet_desk()
    desk.now = NOW + DAY
    desk.engine.quotes["BTCUSDT"] = make_quote(time=desk.now)
    records = desk.step(inp.SubmitSignal(make_signal(created_at=desk.now))).records
    assert isinstance(records[0].event, ev.TradingDayStarted)


def test_equity_is_marked_each_second_while_coins_are_held_and_not_while_flat() -> None:
    """Trading rules §3: marked each second live (in which it changes), none while flat; only marks move the peak."""
    desk = quiet_desk()
    desk.wait(3)
    assert desk.events(ev.EquityMarked) == []
    position = desk.enter()
    for price in (50_900, 50_950, 51_000):
        desk.price(price)
        desk.wait(1)
    marks = [record for record in desk.records if isinstance(record.event, ev.EquityMarked)]
    assert [record.time - NOW for record in marks] == [4 * SECOND, 5 * SECOND, 6 * SECOND]
    event = marks[-1].event
    assert isinstance(event, ev.EquityMarked)
    assert event.prices == (("BTCUSDT", D(51_000)),)
    assert event.equity == desk.state.portfolio.balances["USDT"].ledger + position.quantity * 51_000
    assert desk.state.portfolio.peak == event.equity
    count = len(desk.events(ev.EquityMarked))
    end(desk, position)
    assert len(desk.events(ev.EquityMarked)) == count + 1
    assert desk.state.portfolio.equity == desk.state.portfolio.balances["USDT"].ledger
    desk.wait(3)
    assert len(desk.events(ev.EquityMarked)) == count + 1


def test_a_loss_between_two_marks_stands_in_the_way_of_the_very_next_entry() -> None:
    desk = quiet_desk(risk=wide_limits(max_daily_loss_usdt=D(1)))
    end(desk, desk.enter())
    answer = desk.signal(trader_id="another")
    assert not answer.ok
    assert answer.code == "DAILY_LOSS"


def test_a_fall_that_ends_the_last_position_halts_at_once() -> None:
    desk = quiet_desk(risk=wide_limits(max_drawdown_percent=D("0.001")))
    end(desk, desk.enter())
    assert desk.state.safety.halted_cause == "drawdown"


def test_equity_is_marked_as_often_as_the_venue_profile_says() -> None:
    venue = VenueProfile(protection_read_s=0, reconciliation=False, mark_interval_s=60)
    desk = Desk(settings=make_settings(venue=venue))
    desk.enter()
    desk.wait(150)
    marks = [record.time for record in desk.records if isinstance(record.event, ev.EquityMarked)]
    assert marks == [NOW + MINUTE, NOW + 2 * MINUTE]


def test_equity_that_does_not_change_is_marked_once_a_minute() -> None:
    desk = quiet_desk()
    desk.enter()
    desk.price(51_000)
    begin = len(desk.events(ev.EquityMarked))
    desk.wait(5)
    assert len(desk.events(ev.EquityMarked)) == begin + 1
    desk.price(50_990)
    desk.wait(1)
    desk.price(51_000)
    desk.wait(1)
    marks = [record for record in desk.records if isinstance(record.event, ev.EquityMarked)]
    assert len(marks) == begin + 3
    desk.wait(59)
    assert len(desk.events(ev.EquityMarked)) == begin + 3
    desk.wait(1)
    assert [r.time for r in desk.records if isinstance(r.event, ev.EquityMarked)][-2:] == [
        marks[-1].time,
        marks[-1].time + MINUTE,
    ]


def test_a_drawdown_limit_that_is_lowered_halts_though_nothing_moves() -> None:
    risk = wide_limits(max_position_size_usdt=D(5000), max_drawdown_percent=D(5))
    desk = quiet_desk(risk=risk)
    desk.enter(size=inp.Size(quote=D(4000)), stop_loss=D(48_000))
    desk.price(48_400)
    desk.wait(2)
    assert desk.state.safety.halted_cause == ""
    lower = msgspec.structs.replace(
        desk.state.settings, risk=msgspec.structs.replace(risk, max_drawdown_percent=D("0.5"))
    )
    desk.step(inp.ChangeSettings(settings=lower, by="ann"))
    desk.wait(1)
    assert desk.state.safety.halted_cause == "drawdown"


def test_a_mark_below_the_drawdown_limit_halts() -> None:
    """Trading rules §5: drawdown halts, durably, and closes nothing by itself."""
    desk = quiet_desk(risk=wide_limits(max_position_size_usdt=D(5000), max_drawdown_percent=D("0.5")))
    desk.enter(size=inp.Size(quote=D(4000)), stop_loss=D(48_000))
    desk.price(48_400)
    desk.wait(1)
    assert desk.state.safety.halted_cause == "drawdown"
    assert "HALTED" in desk.alerts()
    assert desk.position.status is PositionStatus.OPEN
    assert desk.sent() == []


def test_a_waiting_signal_ends_at_its_expiry() -> None:
    desk = quiet_desk()
    for seconds, key in ((90, "late"), (30, "soon")):
        desk.signal(decision=SignalDecision.WAIT, expires_at=NOW + seconds * SECOND, key=key)
    desk.signal(decision=SignalDecision.WAIT, key="never")
    assert desk.engine.next_deadline == NOW + 30 * SECOND
    desk.wait(30)
    assert [desk.state.signals[n].status for n in (1, 2, 3)] == [
        SignalStatus.MONITORING,
        SignalStatus.EXPIRED,
        SignalStatus.MONITORING,
    ]
    desk.wait(3600)
    assert [desk.state.signals[n].status for n in (1, 3)] == [SignalStatus.EXPIRED, SignalStatus.MONITORING]


def test_the_venue_is_read_every_30_s_while_coins_are_held() -> None:
    """Trading rules §4 (Watchdog): openOrders of the symbols with positions, and of no others."""
    venue = VenueProfile(reconciliation=False)
    desk = Desk(make_instrument(), make_instrument("ETHUSDT"), settings=make_settings(venue=venue))
    desk.wait(100)
    assert desk.snapshots() == []
    position = desk.enter()
    desk.wait(61)
    reads = desk.snapshots()
    assert [(read.symbol, read.cause, read.balances) for read in reads] == 3 * [
        ("BTCUSDT", "protection", False)
    ]
    assert set(reads[0].client_order_ids) == set(position.open_order_ids)
    assert [event.symbols for event in desk.events(ev.ProtectionRead)] == 3 * [("BTCUSDT",)]


def test_the_books_are_compared_every_300_s() -> None:
    """Trading rules §7: at start, then every 300 s; a snapshot that does not come is asked for again."""
    venue = VenueProfile(protection_read_s=0)
    desk = Desk(settings=make_settings(venue=venue))
    desk.wait(1)
    (first,) = desk.snapshots()
    assert (first.symbol, first.cause, first.balances) == (None, "periodic", True)
    desk.wait(SNAPSHOT_AWAITED // SECOND + 1)
    (again,) = desk.snapshots()
    assert again == first
    desk.step(inp.VenueSnapshot(symbol=None, orders=(), time=desk.now, cause="periodic"))
    at = desk.now
    desk.wait(299)
    assert desk.snapshots() == []
    assert desk.engine.next_deadline == at + 300 * SECOND
    desk.wait(1)
    assert len(desk.snapshots()) == 1


def test_a_difference_is_looked_at_again_soon() -> None:
    """Trading rules §7: a difference counts only in two reads at least 2 s apart."""
    desk = Desk(settings=make_settings(venue=VenueProfile(protection_read_s=0)))
    desk.wait(1)
    books = inp.VenueSnapshot(
        symbol=None, orders=(), time=desk.now, cause="periodic", balances=(("USDT", CASH - 5, ZERO),)
    )
    desk.snapshots()
    desk.step(books)
    assert desk.engine.next_deadline == desk.now + READS_APART
    desk.wait(2)
    assert len(desk.snapshots()) == 1
    desk.step(books)
    assert [event.difference for event in desk.events(ev.BalanceCorrected)] == [D(-5)]


def test_the_interval_of_reconciliation_is_a_setting() -> None:
    settings = make_settings(
        venue=VenueProfile(protection_read_s=0),
        reconciliation=ReconciliationSettings(reconciliation_interval_secs=20),
    )
    desk = Desk(settings=settings)
    desk.step(inp.VenueSnapshot(symbol=None, orders=(), time=desk.now, cause="start"))
    assert desk.engine.next_deadline == NOW + 20 * SECOND


def test_a_deadline_that_was_replaced_is_passed_over() -> None:
    """Of a position only the newest wish to be looked at counts; a cleared one leaves nothing behind."""
    desk = quiet_desk()
    desk.signal()
    (request,) = desk.sent()
    assert desk.engine.next_deadline == NOW + 10 * SECOND, "the entry is not confirmed yet"
    desk.accept(request)
    assert desk.engine.wakes == {1: NOW + 30 * SECOND}, "now it is the entry's own timeout"
    assert desk.engine.next_deadline == NOW + 30 * SECOND
    entry = desk.position.entry_order_ids[0]
    desk.fill(entry, commission_in_base=True)
    desk.release(desk.position)
    assert desk.engine.wakes == {}
    assert desk.engine.next_deadline == NOW + SECOND, "a mark"


def test_manual_orders_are_watched_too() -> None:
    desk = quiet_desk()
    name = place_manual(desk)
    assert desk.engine.wakes == {MANUAL: NOW + 10 * SECOND}
    desk.wait(10)
    assert desk.order(name).doubt is not None
    assert desk.asked() == [name]


# -- the market --------------------------------------------------------------------------------------------------


def no_oco() -> Desk:
    """The symbol knows neither OTO nor OCO: the engine watches the target."""
    plain = make_instrument(oto_allowed=False, oco_allowed=False, opo_allowed=False)
    return Desk(plain, make_instrument("ETHUSDT"), settings=make_settings(venue=QUIET))


def test_a_tick_says_whether_a_watched_price_is_reached() -> None:
    desk = no_oco()
    assert desk.engine.price_bounds("BTCUSDT") is None
    assert not desk.engine.observe(make_quote(price=D(60_000), time=desk.now))
    desk.engine.observe(make_quote(time=desk.now))
    desk.enter()
    bounds = desk.engine.price_bounds("BTCUSDT")
    assert bounds is not None
    assert bounds.bid_high == 52_000
    assert not desk.engine.observe(make_quote(price=D("51_999.99"), time=desk.now))
    assert desk.engine.observe(make_quote(price=D(52_000), time=desk.now))
    assert not desk.engine.observe(make_quote("ETHUSDT", price=D(52_000), time=desk.now))


def test_a_crossed_price_sells_at_the_target_once() -> None:
    """Trading rules §4, plan 4: the take profit is watched by the engine."""
    desk = no_oco()
    position = desk.enter()
    seq = desk.state.seq
    desk.step(inp.PriceCrossed("BTCUSDT"))
    assert desk.state.seq == seq, "the price has not come there"
    desk.price(52_000)
    assert position.status is PositionStatus.CLOSING
    assert position.exit_reason == "take_profit"
    assert len(desk.sent()) == 1
    desk.price(52_500)
    assert desk.sent() == [], "one exit is under way"


def test_a_closed_position_is_watched_no_more() -> None:
    desk = no_oco()
    position = desk.enter()
    end(desk, position)
    assert desk.engine.price_bounds("BTCUSDT") is None


# -- candles -----------------------------------------------------------------------------------------------------


def consultations(effects: list[Any]) -> list[tuple[str, int | None, int | None]]:
    return [
        (effect.symbol, effect.signal_id, effect.position_id)
        for effect in effects
        if isinstance(effect, ConsultAdvisor)
    ]


def test_a_candles_close_is_recorded_and_consults_about_what_waits_in_its_symbol() -> None:
    """Trading rules §10: at each close the advisor is asked about monitored signals and positions, no others."""
    desk = Desk(make_instrument(), make_instrument("ETHUSDT"), settings=make_settings(venue=QUIET))
    desk.signal(decision=SignalDecision.WAIT, key="1")
    desk.signal(decision=SignalDecision.WAIT, key="2", symbol="ETHUSDT")
    desk.signal(decision=SignalDecision.BAD_SETUP, key="3")
    desk.enter(key="4")
    step = desk.step(inp.CandleClose(make_candle()))
    assert consultations(step.effects) == [("BTCUSDT", 1, None)], "the position is not monitored"
    assert desk.state.closes["BTCUSDT"] == [D(50_100)]
    make_monitored(desk, 1)
    step = desk.step(inp.CandleClose(make_candle()))
    assert consultations(step.effects) == [("BTCUSDT", 1, None), ("BTCUSDT", None, 1)]
    step = desk.step(inp.CandleClose(make_candle("ETHUSDT")))
    assert consultations(step.effects) == [("ETHUSDT", 2, None)]
    desk.check()


# -- what the venue and the operator change ----------------------------------------------------------------------


def test_only_instruments_that_changed_are_recorded_and_their_positions_looked_at() -> None:
    """Trading rules §4: HALT flags the position and touches nothing; on TRADING it goes on."""
    desk = quiet_desk()
    position = desk.enter()
    assert desk.step(inp.UpdateInstruments((make_instrument(),))).records == []
    desk.step(inp.UpdateInstruments((make_instrument(status=SymbolStatus.HALT),)))
    assert position.exit_blocked
    assert desk.alerts() == ["EXIT_BLOCKED"]
    assert len(desk.instruments_asked()) == 1
    assert desk.sent() == []
    desk.step(inp.UpdateInstruments((make_instrument(),)))
    assert not position.exit_blocked


def test_a_new_instrument_is_learned() -> None:
    desk = quiet_desk()
    desk.step(inp.UpdateInstruments((make_instrument(), make_instrument("ETHUSDT"))))
    assert list(desk.state.instruments) == ["BTCUSDT", "ETHUSDT"]
    assert len(desk.events(ev.InstrumentChanged)) == 2


def test_fees_are_recorded_when_they_change() -> None:
    desk = quiet_desk()
    assert desk.step(inp.UpdateFees(FEE, FEE)).records == []
    desk.step(inp.UpdateFees(D("0.0009"), D("0.0012")))
    assert (desk.state.maker_fee, desk.state.taker_fee) == (D("0.0009"), D("0.0012"))


def test_settings_and_limits_take_effect_at_once_and_are_audited() -> None:
    """Trading rules §5: limits change at run time, and who changed them is on record."""
    desk = quiet_desk()
    settings = msgspec.structs.replace(desk.state.settings, enabled=False)
    assert desk.command(inp.ChangeSettings(settings=settings, by="eve")).ok
    assert desk.signal().code == "MODE_DISABLED"
    desk.command(inp.ChangeSettings(settings=make_settings(venue=QUIET), by="eve"))
    limits = wide_limits(min_confidence=D(2))
    assert desk.command(inp.ChangeLimits(by="eve", trader_id="ada", limits=limits)).ok
    assert desk.signal(key="a").code == "CONFIDENCE_TOO_LOW"
    assert desk.signal(key="b", trader_id="bob").ok
    assert desk.command(inp.ChangeLimits(by="eve", trader_id="ada")).ok
    assert desk.state.limits == {}
    assert {event.by for event in desk.events(ev.SettingsChanged)} == {"eve"}
    assert [event.by for event in desk.events(ev.LimitsChanged)] == ["eve", "eve"]


def test_each_connect_of_the_stream_reconciles() -> None:
    """Trading rules §7: on every stream (re)connect; the same state told twice is no news."""
    desk = quiet_desk()
    assert desk.step(inp.StreamChanged(True)).records == []
    desk.step(inp.StreamChanged(False, "closed by the server"))
    assert not desk.state.stream_connected
    assert desk.snapshots() == []
    desk.step(inp.StreamChanged(True))
    assert [read.cause for read in desk.snapshots()] == ["stream connected"]
    desk.step(inp.StreamChanged(False))
    desk.step(inp.StreamChanged(True))
    assert len(desk.snapshots()) == 1, "anew, although the first has not been answered"


def test_reconciliation_on_demand_is_never_put_off() -> None:
    desk = quiet_desk()
    desk.enter()
    for cause in ("operator", "again"):
        desk.step(inp.Reconcile(cause=cause))
    reads = desk.snapshots()
    assert [read.cause for read in reads] == ["operator", "again"]
    assert set(reads[0].client_order_ids) == set(desk.position.open_order_ids)


def test_a_keys_only_stop_seen_on_the_stream_halts_once() -> None:
    """Trading rules §8: its cancel ids begin RT_ES, and a service that sees one halts itself."""
    desk = quiet_desk()
    name = place_manual(desk)
    desk.sent()
    desk.report(name, V.NEW)
    desk.step(inp.ForeignStop("RT_ES_1"))
    safety = desk.state.safety
    assert (safety.halted_cause, safety.halted_by) == ("emergency_stop", "keys-only stop")
    assert "RT_ES_1" in safety.halted_reason
    assert len(desk.sent()) == 1, "our own order is cancelled"
    seq = desk.state.seq
    desk.step(inp.ForeignStop("RT_ES_1"))
    assert desk.state.seq == seq
    assert desk.signal().code == "HALTED"


def test_a_mode_that_is_left_takes_no_entries_and_its_signals_expire() -> None:
    """Trading rules §8: refused while anything is open; undecided signals expire; back again it trades on."""
    desk = quiet_desk()
    desk.enter()
    refused = desk.command(inp.SwitchMode(enabled=False, by="eve"))
    assert (refused.ok, refused.code) == (False, "OPEN_POSITIONS")
    assert "1 open position" in refused.message
    assert desk.events(ev.ModeSwitched) == []

    desk = quiet_desk()
    waiting = desk.signal(decision=SignalDecision.WAIT)
    assert desk.command(inp.SwitchMode(enabled=False, by="eve")).ok
    assert desk.state.signals[waiting.signal_id].status is SignalStatus.EXPIRED
    assert desk.signal(key="b").code == "MODE_DISABLED"
    seq = desk.state.seq
    assert desk.command(inp.SwitchMode(enabled=False, by="eve")).ok
    assert desk.state.seq == seq, "it was off already"
    assert desk.command(inp.SwitchMode(enabled=True, by="eve")).ok
    assert desk.signal(key="c").ok
    assert [(event.enabled, event.by) for event in desk.events(ev.ModeSwitched)] == [
        (False, "eve"),
        (True, "eve"),
    ]


def test_at_a_start_a_mode_is_left_whatever_is_open() -> None:
    desk = quiet_desk()
    desk.enter()
    assert desk.command(inp.SwitchMode(enabled=False, by="service", forced=True)).ok
    assert desk.signal(key="b", symbol="BTCUSDT").code == "MODE_DISABLED"
    assert desk.command(inp.ClosePosition(position_id=desk.position.id, by="eve")).ok, "exits always pass"


# -- preview -----------------------------------------------------------------------------------------------------


def test_a_preview_gives_the_verdict_and_records_nothing() -> None:
    """Trading rules §5: the same checker answers the preview: every check, its value, its limit."""
    desk = quiet_desk()
    before = desk.engine.ledger.dump()
    fine = desk.engine.preview(make_signal(created_at=desk.now), desk.now)
    assert fine.code is None
    bad = desk.engine.preview(make_signal(created_at=desk.now, stop_loss=None), desk.now)
    assert bad.code == "STOP_LOSS_REQUIRED"
    unknown = desk.engine.preview(make_signal(symbol="NOPEUSDT"), desk.now)
    assert unknown.code == "SYMBOL_NOT_ALLOWED"
    assert desk.engine.ledger.dump() == before
    answer = desk.signal(stop_loss=None)
    (denied,) = desk.events(ev.SignalDenied)
    assert answer.code == bad.code
    assert denied.checks == bad.checks


# -- after a state was loaded ------------------------------------------------------------------------------------


def reload(desk: Desk) -> Engine:
    engine = Engine(Ledger.load(desk.engine.ledger.dump()))
    engine.quotes.update(desk.engine.quotes)
    return engine


def in_the_midst() -> Desk:
    desk = quiet_desk()
    desk.signal()
    desk.accept(desk.sent()[0])
    return desk


def test_after_a_restart_everything_open_is_due_at_once_and_nothing_is_done_twice() -> None:
    desk = in_the_midst()
    place_manual(desk)
    desk.sent()
    engine = reload(desk)
    assert engine.wakes == {}
    engine.rearm(desk.now)
    assert engine.wakes == {MANUAL: desk.now, 1: desk.now}
    step = engine.step(inp.TimeReached(), now=desk.now)
    assert (step.records, step.effects) == ([], [])
    assert engine.wakes == desk.engine.wakes
    assert engine.next_deadline == desk.engine.next_deadline


def test_with_the_wakes_it_left_an_engine_goes_on_exactly() -> None:
    desk = in_the_midst()
    engine = reload(desk)
    engine.rearm(desk.now, desk.engine.wakes)
    assert engine.wakes == desk.engine.wakes
    assert engine.next_deadline == desk.engine.next_deadline
    due = engine.next_deadline
    assert due is not None
    ours, theirs = (each.step(inp.TimeReached(), now=due) for each in (desk.engine, engine))
    assert ours == theirs
    assert desk.engine.ledger.dump() == engine.ledger.dump()


def test_a_loaded_engine_watches_the_prices_of_its_positions() -> None:
    desk = no_oco()
    desk.enter()
    engine = reload(desk)
    engine.rearm(desk.now)
    assert engine.price_bounds("BTCUSDT") == desk.engine.price_bounds("BTCUSDT")
    assert engine.observe(make_quote(price=D(52_000), time=desk.now))


def test_an_ended_position_with_an_open_order_is_looked_at_after_a_restart() -> None:
    """Nothing is forgotten: an entry that arrives although its position has failed is cancelled, restart or not."""
    desk = quiet_desk()
    desk.signal(entry=inp.Entry("limit", D(49_950)))
    (request,) = desk.sent()
    desk.lose(request)
    desk.wait(40)
    for name in list(desk.position.open_order_ids):
        desk.absent(name)
        desk.wait(1)
        desk.absent(name)
    position = desk.position
    assert position.status is PositionStatus.FAILED
    desk.tray.clear()
    entry = position.entry_order_ids[0]
    news = desk.news(entry, V.NEW)
    engine = Engine(Ledger.load(desk.engine.ledger.dump()))
    engine.step(news, now=desk.now)
    loaded = Engine(Ledger.load(engine.ledger.dump()))
    loaded.rearm(desk.now)
    assert loaded.wakes == {MANUAL: desk.now, 1: desk.now}


def test_two_engines_given_the_same_inputs_record_the_same() -> None:
    def play(make: Callable[[], Desk]) -> tuple[bytes, list[Any]]:
        desk = make()
        desk.enter()
        desk.price(51_000)
        desk.wait(31)
        desk.step(inp.ClosePosition(position_id=1, by="ada"))
        effects = [effect for effect in desk.tray if isinstance(effect, Send | FetchSnapshot)]
        return desk.engine.ledger.dump(), effects

    assert play(quiet_desk) == play(quiet_desk)


def test_bids_fall_back_to_what_the_journal_knows() -> None:
    desk = quiet_desk()
    desk.enter()
    desk.wait(1)
    engine = Engine(Ledger.load(desk.engine.ledger.dump()))
    assert engine.bids["BTCUSDT"] == PRICE
    assert engine.bids["NOPEUSDT"] == Decimal(0)
