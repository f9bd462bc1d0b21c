"""Closed trades are judged when the venue's books were compared with ours; ten clean ones widen the cap."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core import events as ev
from fillwright.core import inputs as inp
from fillwright.core.positions import Position
from fillwright.core.rollout import JUDGED_AFTER, ROLLOUT_TRADER
from fillwright.core.settings import RolloutSettings, VenueProfile
from fillwright.core.types import SECOND, ZERO, ExpiryReason, OrderType, PositionStatus, Side
from tests.core.builders import D, wide_limits
from tests.core.desk import Desk, make_settings

GUARD = RolloutSettings(clean_trades=2, caps=(D(50), D(100)))
VENUE = VenueProfile(protection_read_s=0)


def guarded(**changes: Any) -> Desk:
    """An account whose trades are judged; its books were read when it came up."""
    desk = Desk(settings=make_settings(venue=VENUE, rollout=GUARD, **changes))
    desk.wait(1)
    desk.snapshots()
    read_books(desk)
    desk.wait(1)
    return desk


def enter(desk: Desk, **changes: Any) -> Position:
    return desk.enter(interval="1s", **changes)


def close(desk: Desk, position: Position, *, price: int = 50_000) -> None:
    """The stop sells, the target goes: the books are as ours, dust and all."""
    desk.fill(position.stop_order_id, price=price)
    for name in list(position.open_order_ids):
        desk.expired(name, ExpiryReason.OCO_TRIGGER)
    assert position.status is PositionStatus.CLOSED


def read_books(desk: Desk, **totals: Decimal) -> None:
    """The venue's books are asked for and come, with the totals that we have (or others)."""
    balances = tuple(
        (asset, totals.get(asset, balance.ledger), ZERO)
        for asset, balance in desk.state.portfolio.balances.items()
    )
    desk.step(inp.VenueSnapshot(symbol=None, orders=(), time=desk.now, balances=balances, cause="test"))


def judged(desk: Desk) -> list[ev.TradeJudged]:
    return desk.events(ev.TradeJudged)


def trade(desk: Desk) -> tuple[str, ...]:
    """A whole trade, and what is said against it."""
    close(desk, enter(desk))
    desk.wait(6)
    read_books(desk)
    return judged(desk)[-1].reasons


def test_a_trade_that_went_well_is_clean_once_the_books_were_compared() -> None:
    desk = guarded()
    close(desk, enter(desk))
    assert judged(desk) == [], "nobody has looked at the venue's books since"
    desk.wait(JUDGED_AFTER / SECOND + 1)
    assert [asked.symbol for asked in desk.snapshots()] == [None], "so they are asked for soon"
    read_books(desk)
    (verdict,) = judged(desk)
    assert (verdict.position_id, verdict.symbol, verdict.reasons) == (1, "BTCUSDT", ())
    rollout = desk.state.rollout
    assert (rollout.clean_trades, rollout.unclean_trades, rollout.closed, rollout.flaws) == (1, 0, {}, {})
    assert rollout.judged[0].clean
    desk.check()


def test_a_read_that_left_before_the_trade_was_closed_says_nothing_of_it() -> None:
    desk = guarded()
    desk.step(inp.Reconcile())
    desk.now += SECOND
    close(desk, enter(desk))
    read_books(desk)
    assert judged(desk) == []


def test_a_read_of_one_symbol_judges_nothing() -> None:
    desk = guarded()
    close(desk, enter(desk))
    desk.wait(6)
    desk.step(inp.VenueSnapshot(symbol="BTCUSDT", orders=(), time=desk.now, cause="protection"))
    assert judged(desk) == []


def test_another_total_waits_for_the_second_read_and_is_a_reason() -> None:
    """§7: a difference counts only in two reads; until then the trade is not judged."""
    desk = guarded()
    close(desk, enter(desk))
    desk.wait(6)
    wrong = desk.state.portfolio.balances["USDT"].ledger - 1
    read_books(desk, USDT=wrong)
    assert judged(desk) == []
    desk.wait(3)
    read_books(desk, USDT=wrong)
    (verdict,) = judged(desk)
    assert [reason.split(",")[0] for reason in verdict.reasons] == ["the books differed: USDT"]
    assert (desk.state.rollout.clean_trades, desk.state.rollout.unclean_trades) == (0, 1)
    desk.check()


def test_a_difference_that_was_a_read_too_early_is_none() -> None:
    desk = guarded()
    close(desk, enter(desk))
    desk.wait(6)
    read_books(desk, USDT=desk.state.portfolio.balances["USDT"].ledger - 1)
    desk.wait(3)
    read_books(desk)
    assert [verdict.reasons for verdict in judged(desk)] == [()]


def late_stop(desk: Desk) -> Position:
    """The exits go to the book two seconds after the fill."""
    assert desk.signal(interval="1s").ok
    (request,) = desk.sent()
    desk.accept(request)
    desk.fill(desk.position.entry_order_ids[-1], commission_in_base=True)
    desk.now += 2 * SECOND
    desk.release(desk.position)
    return desk.position


def in_doubt(desk: Desk) -> Position:
    """Nobody answers the entry, and the stream tells that it is there."""
    assert desk.signal(interval="1s").ok
    (request,) = desk.sent()
    desk.lose(request)
    desk.accept(request)
    desk.fill(desk.position.entry_order_ids[-1], commission_in_base=True)
    desk.release(desk.position)
    return desk.position


def halted(desk: Desk) -> Position:
    position = enter(desk)
    desk.step(inp.EmergencyStop(by="ada"))
    return position


@pytest.mark.parametrize(
    ("entered", "reason"),
    [
        (late_stop, "it had no live stop for 2000 ms"),
        (in_doubt, "order RT_t_1_E_1 was in doubt"),
        (halted, "halted"),
    ],
)
def test_what_went_wrong_meanwhile_is_told(entered: Callable[[Desk], Position], reason: str) -> None:
    desk = guarded()
    close(desk, entered(desk))
    for _ in range(2):  # the stop has asked for the books already, before the trade was closed
        desk.wait(6)
        read_books(desk)
    (verdict,) = judged(desk)
    assert any(reason in told for told in verdict.reasons), verdict.reasons
    assert desk.state.rollout.unclean_trades == 1
    desk.check()


def test_a_trade_without_a_stop_is_not_clean() -> None:
    desk = guarded(risk=wide_limits(require_stop_loss=False, max_position_size_usdt=D(100)))
    answer = desk.signal(stop_loss=None, take_profit=None, interval="1s")
    assert answer.ok, answer
    (request,) = desk.sent()
    desk.accept(request)
    desk.fill(desk.position.entry_order_ids[-1])
    desk.command(inp.ClosePosition(position_id=1, by="ada"))
    (sale,) = desk.sent()
    desk.accept(sale)
    desk.fill(desk.position.exit_order_ids[-1], price=50_000)
    desk.wait(6)
    read_books(desk)
    assert judged(desk)[0].reasons == ("it had no stop loss",)


def test_an_entry_that_bought_nothing_is_neither_clean_nor_unclean() -> None:
    desk = guarded()
    desk.signal(interval="1s")
    (request,) = desk.sent()
    desk.refuse(request)
    desk.wait(6)
    read_books(desk)
    assert judged(desk) == []
    assert desk.state.rollout.flaws == {}


def test_without_a_guard_nothing_is_judged_and_no_book_is_read_for_it() -> None:
    desk = Desk(settings=make_settings(venue=VENUE))
    desk.wait(1)
    desk.snapshots()
    read_books(desk)
    close(desk, desk.enter())
    desk.wait(20)
    assert desk.snapshots() == []
    read_books(desk)
    assert judged(desk) == []


# -- caps --------------------------------------------------------------------------------------------------------


def test_the_cap_follows_the_clean_trades_and_is_lifted_by_somebody_with_a_reason() -> None:
    """§8: caps 50, then 100 quote."""
    desk = guarded(risk=wide_limits(max_position_size_usdt=D(400)))

    def largest() -> Decimal:
        position = desk.position
        return position.requested_quantity * position.limit_price

    assert trade(desk) == ()
    assert 45 < largest() <= 50
    early = desk.command(inp.LiftRolloutCap(by="eve", reason="in a hurry"))
    assert (early.ok, early.code) == (False, "ROLLOUT_INCOMPLETE")
    assert trade(desk) == ()
    assert trade(desk) == ()
    assert 95 < largest() <= 100
    nameless = desk.command(inp.LiftRolloutCap(by="eve", reason=" "))
    assert (nameless.ok, nameless.code) == (False, "REASON_REQUIRED")
    assert desk.command(inp.LiftRolloutCap(by="eve", reason="three were clean")).ok
    assert desk.command(inp.LiftRolloutCap(by="eve", reason="once more")).ok
    (lifted,) = desk.events(ev.RolloutCapChanged)
    assert (lifted.lifted, lifted.by, lifted.reason) == (True, "eve", "three were clean")
    assert trade(desk) == ()
    assert 300 < largest() <= 400
    assert desk.command(inp.LiftRolloutCap(by="eve", reason="the drill is over", restore=True)).ok
    assert desk.state.rollout.cap == 100
    desk.check()


def test_a_cap_is_lifted_early_only_if_that_is_said() -> None:
    desk = guarded()
    assert desk.command(inp.LiftRolloutCap(by="eve", reason="we know this venue", early=True)).ok
    assert desk.state.rollout.cap is None


def test_an_order_by_hand_beyond_the_cap_is_denied_with_its_name() -> None:
    desk = guarded(risk=wide_limits())
    order = inp.PlaceOrder(
        by="ada", symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=D("0.0012"), price=D(49_900)
    )
    answer = desk.command(order)
    assert (answer.ok, answer.code) == (False, "POSITION_SIZE_MAX")
    failed = [check for check in desk.events(ev.OrderDenied)[0].checks if not check.passed]
    assert [(check.code, check.limit, check.note) for check in failed] == [
        ("POSITION_SIZE_MAX", D(50), "rollout_cap"),
        ("ORDER_SIZE_MAX", D(50), "rollout_cap"),
    ]


def test_a_user_s_own_limit_that_is_tighter_holds() -> None:
    desk = guarded(risk=wide_limits(max_position_size_usdt=D(30), max_order_size_usdt=D(30)))
    enter(desk)
    position = desk.position
    assert position.requested_quantity * position.limit_price <= 30


def test_losses_of_the_trades_that_prove_the_account_are_no_streak() -> None:
    """In and out at once each loses the spread: ten of them would end in the losses' cool-down."""
    desk = guarded(risk=wide_limits(max_consecutive_losses=2))
    close(desk, enter(desk, trader_id=ROLLOUT_TRADER), price=49_990)
    assert (desk.state.portfolio.losses, desk.state.safety.consecutive_losses) == (1, 0)
    desk.wait(2)
    read_books(desk)
    close(desk, enter(desk), price=49_990)
    assert desk.state.safety.consecutive_losses == 1
    desk.wait(6)
    read_books(desk)
    assert desk.state.rollout.clean_trades == 2
    close(desk, enter(desk, trader_id=ROLLOUT_TRADER), price=49_990)
    assert desk.state.safety.cooldown_until > desk.now, (
        "the account has proved itself: the name is one like any other"
    )
