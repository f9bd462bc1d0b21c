"""The read models' contract, for every store: rows say what the journal says, however it was grouped, and are found."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core.settings import RiskLimits
from fillwright.core.state import Ledger
from fillwright.core.types import Leg, Mode
from fillwright.ports import (
    STATE_PART,
    CursorError,
    Owner,
    ReadModel,
    Snapshot,
    Store,
    UnknownAccountError,
    every,
)
from tests.storage import recomputed
from tests.storage.story import OWNER, PRICE, Story, long_story, replayed

ACCOUNT = OWNER.account_id
STORY = long_story(60)
D = Decimal


def project(store: Store, story: Story, group: int = 1_000, until: int | None = None) -> ReadModel:
    """Write a story into a store, some steps at a time."""
    projection = store.projection(story.owner)
    steps = story.steps[:until]
    pending: list[ev.Record] = []
    for number, (step, ledger) in enumerate(replayed(steps), 1):
        projection.observe(step, ledger)
        pending += step
        if number % group == 0:
            store.journal.append_group(story.owner.account_id, pending, projection=projection)
            pending = []
    store.journal.append_group(story.owner.account_id, pending, projection=projection)
    return store.read_model()


def everything(model: ReadModel, account_id: str = ACCOUNT) -> dict[str, Any]:
    """All that a read model says of an account."""
    return {
        "seq": model.seq(account_id),
        "signals": list(every(lambda cursor: model.signals(account_id, cursor=cursor))),
        "positions": list(every(lambda cursor: model.positions(account_id, cursor=cursor))),
        "orders": list(every(lambda cursor: model.orders(account_id, cursor=cursor))),
        "trades": list(every(lambda cursor: model.trades(account_id, cursor=cursor))),
        "decisions": list(every(lambda cursor: model.decisions(account_id, cursor=cursor))),
        "fills": model.fills(account_id),
        "portfolio": model.portfolio(account_id),
        "settings": model.settings(account_id),
        "limits": model.risk_limits(account_id),
        "curve": model.equity_curve(account_id),
        "denials": model.denials(account_id),
    }


@pytest.fixture
def model(store: Store) -> ReadModel:
    """A store with the story in it."""
    return project(store, STORY)


# -- rows and the journal ----------------------------------------------------------------------------------------


def test_every_trade_equals_its_recomputation_from_executions(model: ReadModel) -> None:
    expected = recomputed.trades(STORY.records)
    trades = list(every(lambda cursor: model.trades(ACCOUNT, cursor=cursor, limit=7)))

    assert [trade.id for trade in trades] == sorted(expected, reverse=True)
    assert {trade.status for trade in trades} == {"Open", "Closed", "Cancelled", "Rejected"}
    for trade in trades:
        want = expected[trade.id]
        bought, sold = want["bought"], want["sold"]
        entry_value = sum((fill.quote for fill in bought), D(0))
        for name in ("symbol", "status", "requested_quantity", "order_time", "fill_time", "close_time"):
            assert getattr(trade, name) == want[name], (trade.id, name)
        assert trade.quantity == sum((fill.quantity for fill in bought), D(0))
        assert trade.exit_quantity == sum((fill.quantity for fill in sold), D(0))
        assert trade.entry_price == recomputed.average(bought)
        assert trade.exit_price == recomputed.average(sold)
        assert trade.entry_value == entry_value
        assert (trade.exit_value or 0) == sum((fill.quote for fill in sold), D(0))
        assert trade.realized_pnl == (want["realized"] if sold else None)
        assert trade.commission_paid == sum((fill.commission_quote for fill in bought + sold), D(0))
        assert {paid.asset: paid.amount for paid in trade.commissions} == recomputed.commissions(
            bought + sold
        )
        assert trade.slippage == entry_value - want["ask"] * trade.quantity
        assert trade.exit_reason == want["exit_reason"]
        assert (trade.ai_signal_id, trade.ai_confidence) == (want["ai_signal_id"], D("0.8"))


def test_every_position_equals_its_recomputation(model: ReadModel) -> None:
    expected = recomputed.trades(STORY.records)
    orders = recomputed.Orders(STORY.records).orders
    for position in every(lambda cursor: model.positions(ACCOUNT, cursor=cursor)):
        want = expected[position.id]
        closed = position.status == "closed"
        held = (D(0), want["held"], want["cost"]) if closed else (want["held"], D(0), D(0))
        assert (position.quantity, position.dust_quantity, position.dust_cost) == held
        assert position.cost == (D(0) if closed else want["cost"])
        assert position.realized_pnl == want["realized"]
        names = [name for name, order in orders.items() if order["position_id"] == position.id]
        assert sorted((*position.entry_order_ids, *position.exit_order_ids)) == sorted(names)
        assert position.order_list_id == (7 if want["bought"] else None)


def test_every_order_equals_its_recomputation(model: ReadModel) -> None:
    expected = recomputed.Orders(STORY.records).orders
    orders = list(every(lambda cursor: model.orders(ACCOUNT, cursor=cursor, limit=100)))

    assert sorted(order.id for order in orders) == sorted(expected)
    for order in orders:
        want = expected[order.id]
        fills = want["fills"]
        for name in ("exchange_order_id", "position_id", "side", "symbol", "original_quantity", "state"):
            assert getattr(order, name) == want[name], (order.id, name)
        for name in ("created_at", "updated_at", "reject_code", "expiry_reason"):
            assert getattr(order, name) == want[name], (order.id, name)
        assert order.executed_quantity == sum((fill.quantity for fill in fills), D(0))
        assert order.average_fill_price == recomputed.average(fills)


def test_every_execution_is_there_once(model: ReadModel) -> None:
    events = (record.event for record in STORY.records)
    expected = [e.fill for e in events if isinstance(e, ev.OrderFilled | ev.OrderPartiallyFilled)]
    fills = model.fills(ACCOUNT)

    assert [fill.trade_id for fill in fills] == [fill.trade_id for fill in expected]
    for fill, want in zip(fills, expected, strict=True):
        assert (fill.price, fill.quantity, fill.quote_quantity) == (want.price, want.quantity, want.quote)
        assert (fill.commission, fill.commission_asset) == (want.commission, want.commission_asset)
        assert (fill.is_maker, fill.timestamp) == (want.is_maker, want.time)


def test_the_money_adds_up(model: ReadModel) -> None:
    trades = recomputed.trades(STORY.records).values()
    portfolio = model.portfolio(ACCOUNT)
    cash = next(b.free for b in portfolio.balances if b.asset == "USDT")
    realized = sum((trade["realized"] for trade in trades), D(0))
    left = sum((trade["cost"] for trade in trades), D(0))
    (open_one,) = model.positions(ACCOUNT, status="open").items

    assert cash - 10_000 == realized - left
    assert portfolio.total_pnl == realized + open_one.unrealized_pnl
    assert portfolio.balance == cash + open_one.quantity * D("60123.45")
    assert open_one.unrealized_pnl == open_one.quantity * D("60123.45") * D("0.999") - open_one.cost
    assert portfolio.positions_open == 1
    assert portfolio.total_trades == sum(1 for trade in trades if trade["bought"])
    assert portfolio.winning_trades == sum(1 for t in trades if t["status"] == "Closed" and t["realized"] > 0)


def test_signals_tell_what_became_of_them(model: ReadModel) -> None:
    expected = recomputed.trades(STORY.records)
    ends = {"Closed": "completed", "Open": "in_position", "Cancelled": "expired", "Rejected": "failed"}
    for signal in every(lambda cursor: model.signals(ACCOUNT, cursor=cursor)):
        if signal.status == "denied":
            assert signal.status_reason in ("SPREAD_TOO_WIDE", "PAUSED")
            assert signal.position_id is None
        else:
            assert signal.position_id is not None
            assert signal.status == ends[expected[signal.position_id]["status"]]
        assert signal.metadata == {"atr": "350.5"}
        assert signal.size is not None
        assert signal.size.quote == D("99.5")


def test_marks_make_the_equity_curve(model: ReadModel) -> None:
    marks = [record for record in STORY.records if isinstance(record.event, ev.EquityMarked)]
    curve = model.equity_curve(ACCOUNT)

    assert [(point.seq, point.time) for point in curve] == [(mark.seq, mark.time) for mark in marks]
    assert [point.equity for point in curve] == [mark.event.equity for mark in marks]  # type: ignore[attr-defined]
    assert max(point.drawdown_percent for point in curve) == model.portfolio(ACCOUNT).max_drawdown
    assert len(model.equity_curve(ACCOUNT, points_max=6)) == 6


def test_settings_limits_and_decisions_are_there(model: ReadModel) -> None:
    assert model.settings(ACCOUNT) == STORY.ledger.state.settings
    assert [(row.trader_id, row.limits.max_positions) for row in model.risk_limits(ACCOUNT)] == [
        ("breakout", 2)
    ]
    decisions = model.decisions(ACCOUNT).items
    assert {decision.decision for decision in decisions} == {"adjust_sl"}
    assert decisions[0].price == D(59500)


def test_limits_can_be_taken_back(store: Store) -> None:
    story = Story()
    story.limits("a", "", RiskLimits(max_positions=1))
    story.limits("a", "BTCUSDT", RiskLimits(max_positions=2))
    story.limits("a", "", None)

    assert [row.symbol for row in project(store, story, group=1).risk_limits(ACCOUNT)] == ["BTCUSDT"]


def test_denials_are_counted_by_code(model: ReadModel) -> None:
    codes = [record.event.code for record in STORY.records if isinstance(record.event, ev.SignalDenied)]

    counts = {row.code: (row.signals, row.orders) for row in model.denials(ACCOUNT)}
    assert counts == {code: (codes.count(code), 0) for code in set(codes)}


def test_orders_denied_are_counted_too(store: Store) -> None:
    story = Story()
    story.deny(story.signal(), "PAUSED")
    denied = ev.OrderDenied("BTCUSDT", "BUY", "MARKET", "PAUSED", (), by="ann")  # type: ignore[arg-type]
    story.step(denied, ev.OrderDenied("BTCUSDT", "BUY", "MARKET", "HALTED", ()))  # type: ignore[arg-type]

    rows = project(store, story).denials(ACCOUNT)

    assert [(row.code, row.signals, row.orders) for row in rows] == [("PAUSED", 1, 1), ("HALTED", 0, 1)]


# -- groups, resumes, catching up --------------------------------------------------------------------------------


def written_at_once(store: Store) -> dict[str, Any]:
    """All that the store says of the story when it was written in one group, as another account's."""
    owner = Owner("other", "bob", Mode.PAPER)
    story = Story(owner)
    story.records, story.steps = STORY.records, STORY.steps
    return everything(project(store, story), owner.account_id)


def without_owner(found: dict[str, Any]) -> str:
    """The same with accounts and users taken out."""
    text = repr(found)
    for name in ("'main'", "'other'", "'ann'", "'bob'"):
        text = text.replace(name, "'…'")
    return text


@pytest.mark.parametrize("group", [1, 2, 7, 50])
def test_rows_do_not_depend_on_how_records_were_grouped(store: Store, group: int) -> None:
    grouped = everything(project(store, STORY, group))

    assert without_owner(grouped) == without_owner(written_at_once(store))


@pytest.mark.parametrize("shown", [0, 1, 40, 100])
@pytest.mark.parametrize("snapshots", [(), (30,), (90,), (30, 90)])
def test_a_projection_catches_up_with_the_journal(
    open_again: Callable[[], Store], shown: int, snapshots: tuple[int, ...]
) -> None:
    """A crash after the journal's commit: rows lag, snapshots are before or after them."""
    store = open_again()
    if shown:
        project(store, STORY, group=3, until=shown)
    at = sum(len(step) for step in STORY.steps[:shown])
    store.journal.append(ACCOUNT, at, STORY.records[at:])
    for number, (step, ledger) in enumerate(replayed(STORY.steps), 1):
        if number in snapshots:
            state = {STATE_PART: ledger.dump()}
            store.journal.save_snapshot(ACCOUNT, Snapshot(step[-1].seq, step[-1].time, state))

    again = open_again()
    projection = again.projection(OWNER)
    assert projection.seq == at
    assert projection.catch_up() == len(STORY.records) - at
    assert projection.catch_up() == 0

    caught_up = everything(again.read_model())
    assert without_owner(caught_up) == without_owner(written_at_once(again))


def test_records_that_are_shown_already_are_passed_over(open_again: Callable[[], Store]) -> None:
    """A resumed replay observes old steps again, with objects that are younger than the rows."""
    before = everything(project(open_again(), STORY))
    projection = open_again().projection(OWNER)

    for step, ledger in replayed(STORY.steps[:50]):
        projection.observe(step, ledger)

    assert projection.flush() == 0
    assert everything(open_again().read_model()) == before


def test_a_flush_outside_a_group_is_a_transaction_of_its_own(store: Store) -> None:
    projection = store.projection(OWNER)
    story = Story()
    store.journal.append(ACCOUNT, 0, story.records)
    projection.observe(story.records, story.ledger)
    assert projection.seq == 0

    assert projection.flush() > 0
    assert projection.flush() == 0
    assert projection.seq == store.read_model().seq(ACCOUNT) == len(story.records)


def test_observing_leaves_the_ledger_as_it_is(store: Store) -> None:
    story = Story()
    fresh = Ledger.load(story.ledger.dump())
    del fresh.state.portfolio.balances["USDT"]
    before = fresh.dump()
    projection = store.projection(OWNER)

    projection.observe(story.records, fresh)
    projection.flush()

    assert fresh.dump() == before


# -- finding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["signals", "positions", "orders", "trades"])
@pytest.mark.parametrize(
    "wanted", [{}, {"symbol": "ETHUSDT"}, {"trader_id": "breakout"}, {"trader_id": "nobody"}]
)
def test_listings_filter(model: ReadModel, what: str, wanted: dict[str, str]) -> None:
    listing = getattr(model, what)
    whole = list(every(lambda cursor: listing(ACCOUNT, cursor=cursor)))
    found = list(every(lambda cursor: listing(ACCOUNT, cursor=cursor, limit=3, **wanted)))

    if "symbol" in wanted:
        assert found == [row for row in whole if row.symbol == wanted["symbol"]]
        assert 0 < len(found) < len(whole)
    else:
        assert found == ([] if wanted.get("trader_id") == "nobody" else whole)


@pytest.mark.parametrize("what", ["signals", "positions", "orders", "trades"])
def test_open_and_closed_make_the_whole(model: ReadModel, what: str) -> None:
    listing = getattr(model, what)

    def rows(status: str | None) -> set[Any]:
        return {row.id for row in every(lambda cursor: listing(ACCOUNT, cursor=cursor, status=status))}

    assert rows("open") | rows("closed") == rows(None)
    assert not rows("open") & rows("closed")
    assert len(rows("open")) == (2 if what == "orders" else 1)


def test_signals_are_found_by_their_own_status(model: ReadModel) -> None:
    assert {signal.status for signal in model.signals(ACCOUNT, status="denied").items} == {"denied"}


@pytest.mark.parametrize("what", ["positions", "orders", "trades"])
def test_another_status_is_refused(model: ReadModel, what: str) -> None:
    with pytest.raises(ValueError, match="neither open nor closed"):
        getattr(model, what)(ACCOUNT, status="denied")


@pytest.mark.parametrize("what", ["signals", "positions", "orders", "trades"])
def test_pages_are_stable_while_rows_are_added(store: Store, what: str) -> None:
    story = long_story(10)
    model = project(store, story)
    listing = getattr(model, what)
    before = [row.id for row in every(lambda cursor: listing(ACCOUNT, cursor=cursor))]
    first = listing(ACCOUNT, limit=4)

    shown = len(story.steps)
    story.random_trade()
    projection = store.projection(OWNER)
    for number, (step, ledger) in enumerate(replayed(story.steps)):
        if number >= shown:
            projection.observe(step, ledger)
            store.journal.append(ACCOUNT, step[0].seq - 1, step)
            projection.flush()
    cursor = first.next_cursor
    rest = [row.id for row in every(lambda at: listing(ACCOUNT, cursor=at or cursor, limit=4))]

    assert [row.id for row in first.items] + rest == before
    assert len(listing(ACCOUNT, limit=1_000).items) > len(before)


def test_the_last_page_has_no_cursor(model: ReadModel) -> None:
    count = len(model.trades(ACCOUNT, limit=1_000_000).items)

    assert model.trades(ACCOUNT, limit=count).next_cursor is None
    assert model.trades(ACCOUNT, limit=count - 1).next_cursor is not None
    assert len(model.trades(ACCOUNT, limit=0).items) == 1


def test_trades_are_listed_from_either_end(model: ReadModel) -> None:
    newest_first = list(every(lambda cursor: model.trades(ACCOUNT, limit=3, cursor=cursor)))

    oldest_first = list(
        every(lambda cursor: model.trades(ACCOUNT, limit=3, cursor=cursor, oldest_first=True))
    )

    assert len(newest_first) > 3
    assert oldest_first == newest_first[::-1]
    with pytest.raises(CursorError):
        model.trades(ACCOUNT, cursor=model.trades(ACCOUNT, limit=1).next_cursor, oldest_first=True)


def test_a_cursor_of_another_listing_is_refused(model: ReadModel) -> None:
    cursor = model.trades(ACCOUNT, limit=1).next_cursor

    for wrong in (cursor, "", "nonsense", "ñ", "x" * 1_000):
        with pytest.raises(CursorError):
            model.orders(ACCOUNT, cursor=wrong)


def test_one_of_each_is_found(model: ReadModel) -> None:
    trade = model.trades(ACCOUNT, status="open").items[0]

    assert model.trade(ACCOUNT, trade.id) == trade
    assert model.position(ACCOUNT, trade.id) == model.positions(ACCOUNT, status="open").items[0]
    assert model.signal(ACCOUNT, trade.ai_signal_id or 0) == model.signals(ACCOUNT, status="open").items[0]
    order = model.order(ACCOUNT, trade.client_order_id)
    assert order is not None
    assert (order.leg, order.state, order.exchange_order_id) == ("entry", "Filled", trade.binance_order_id)
    assert list(order.fills) == model.fills(ACCOUNT, order_id=order.id)
    assert [o.leg for o in model.orders_of(ACCOUNT, trade.id)] == ["entry", "stop_loss", "take_profit"]
    assert model.fills(ACCOUNT, position_id=trade.id) == list(order.fills)
    for missing in (
        model.trade(ACCOUNT, 999),
        model.position(ACCOUNT, 999),
        model.signal(ACCOUNT, 999),
        model.order(ACCOUNT, "RT_replay_999_E_1"),
        model.why(ACCOUNT, 999),
    ):
        assert missing is None
    assert model.orders_of(ACCOUNT, 999) == []


def test_an_account_that_is_not_there_is_said(model: ReadModel) -> None:
    for ask in (model.portfolio, model.settings, model.trades, model.orders, model.fills, model.denials):
        with pytest.raises(UnknownAccountError, match="nobody"):
            ask("nobody")


def test_modes_are_never_mixed(store: Store) -> None:
    real = Owner("real", "ann", Mode.TESTNET)
    project(store, long_story(5))
    project(store, long_story(8, real))
    model = store.read_model()

    assert model.accounts() == [OWNER, real]
    assert {trade.mode for trade in model.trades(ACCOUNT).items} == {Mode.PAPER}
    assert {trade.mode for trade in model.trades("real").items} == {Mode.TESTNET}
    assert model.portfolio("real").mode is Mode.TESTNET


# -- why ---------------------------------------------------------------------------------------------------------


def test_why_tells_the_whole_story_of_a_signal(store: Store) -> None:
    story = Story()
    other = story.bought()
    number = story.bought(price=PRICE + 7)
    story.closed(other, D(59000))
    story.decide(number)
    story.closed(number, D(62000), Leg.TAKE_PROFIT)
    story.candle()
    story.bought()
    signal_id = story.ledger.state.positions[number].signal_id

    why = project(store, story).why(ACCOUNT, signal_id)

    assert why is not None
    kinds = [type(record.event).__name__ for record in why.chain]
    assert kinds[:4] == ["SignalReceived", "SignalApproved", "PositionCreated", "OrderSubmitted"]
    assert kinds[-1] == "PositionClosed"
    assert "DecisionMade" in kinds
    assert "CandleClosed" not in kinds
    mine = {record.seq for record in why.chain}
    names = {getattr(r.event, "position_id", number) for r in story.records if r.seq in mine}
    assert names <= {number, 0}
    (verdict,) = why.verdicts
    assert (verdict.approved, verdict.code) == (True, "")
    assert verdict.checks[1] == ev.Check("POSITION_SIZE_MAX", True, D("99.5"), D(100))
    assert why.position is not None
    assert why.position.status == "closed"
    assert why.trade is not None
    assert why.trade.exit_reason == "take_profit"
    assert [order.leg for order in why.orders] == ["entry", "stop_loss", "take_profit"]


def test_why_names_the_check_that_denied(store: Store) -> None:
    story = Story()
    signal_id = story.signal()
    story.deny(signal_id)

    why = project(store, story).why(ACCOUNT, signal_id)

    assert why is not None
    (verdict,) = why.verdicts
    assert (verdict.approved, verdict.code) == (False, "SPREAD_TOO_WIDE")
    assert [check.passed for check in verdict.checks] == [True, False]
    assert (why.position, why.trade, why.orders) == (None, None, ())
    assert [type(record.event).__name__ for record in why.chain] == ["SignalReceived", "SignalDenied"]


def test_an_open_story_is_told_to_the_journals_end(store: Store) -> None:
    story = Story()
    number = story.bought()
    story.mark(PRICE)
    late = story.step(ev.PositionUpdated(number, "later", exit_blocked=True))

    why = project(store, story).why(ACCOUNT, 1)

    assert why is not None
    assert why.chain[-1] == late[0]


def test_records_are_read_on_from_a_seq(store: Store) -> None:
    story = Story()
    story.bought()
    model = project(store, story)

    everything = model.records(ACCOUNT, 0, 1_000)

    assert everything == list(store.journal.load(ACCOUNT))
    assert model.records(ACCOUNT, 2, 3) == everything[2:5]
    assert model.records(ACCOUNT, everything[-1].seq) == []
