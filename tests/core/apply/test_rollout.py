"""What goes wrong with a trade is collected until it is judged; everything kept is bounded."""

from __future__ import annotations

import msgspec
import pytest

from fillwright.core import events as ev
from fillwright.core.rollout import FLAWS_MAX, JUDGED_MAX, UNJUDGED_MAX
from fillwright.core.settings import RolloutSettings, Settings
from fillwright.core.state import Ledger
from fillwright.core.types import Leg
from tests.core.builders import Book, D, make_instrument

GUARD = RolloutSettings(clean_trades=2, caps=(D(50), D(100)))


def guarded() -> Book:
    return Book(make_instrument(), make_instrument("ETHUSDT"), settings=Settings(rollout=GUARD))


def flaws(book: Book) -> dict[int, list[str]]:
    return book.state.rollout.flaws


def test_judgements_are_counted_and_the_newest_are_kept() -> None:
    book = guarded()
    for number in range(JUDGED_MAX + 5):
        book.push(ev.TradeJudged(number, "BTCUSDT", () if number % 2 else ("late",)))
    rollout = book.state.rollout
    assert (rollout.clean_trades, rollout.unclean_trades, rollout.cap) == (27, 28, D(100))
    assert [one.position_id for one in rollout.judged] == list(range(5, JUDGED_MAX + 5))


def test_the_cap_is_that_of_the_settings_in_force() -> None:
    book = guarded()
    assert book.state.rollout.cap == 50
    book.set(rollout=msgspec.structs.replace(GUARD, caps=(D(20),)))
    assert book.state.rollout.cap == 20
    book.push(ev.RolloutCapChanged(lifted=True, reason="known", by="eve"))
    lifted = book.state.rollout
    assert lifted.cap is None
    assert lifted.lifted_by == "eve"
    book.push(ev.RolloutCapChanged(lifted=False, reason="again", by="eve"))
    assert book.state.rollout.cap == 20
    assert book.state.rollout.lifted_by == ""
    book.set(rollout=RolloutSettings())
    assert book.state.rollout.cap is None


def test_trouble_of_no_order_in_particular_is_every_trade_s() -> None:
    book = guarded()
    book.create_position()
    book.create_position("ETHUSDT")
    book.push(ev.Anomaly(subject="somebody else's", what="odd"))
    assert flaws(book) == {1: ["a report that cannot be: odd"], 2: ["a report that cannot be: odd"]}


@pytest.mark.parametrize(("asset", "blamed"), [("BTC", [1]), ("USDT", [1, 2]), ("XRP", [])])
def test_another_total_is_a_matter_of_the_trades_of_that_asset(asset: str, blamed: list[int]) -> None:
    book = guarded()
    book.create_position()
    book.create_position("ETHUSDT")
    book.push(ev.Discrepancy(asset, "another total", "1", "2", "balance corrected"))
    assert list(flaws(book)) == blamed


@pytest.mark.parametrize(
    ("symbol", "counts", "blamed"), [("BTCUSDT", True, [1]), ("", True, [1, 2]), ("BTCUSDT", False, [])]
)
def test_an_error_of_the_venue_is_a_matter_of_the_trades_of_its_symbol(
    symbol: str, counts: bool, blamed: list[int]
) -> None:
    book = guarded()
    book.create_position()
    book.create_position("ETHUSDT")
    book.push(ev.VenueErrorSeen(-1007, "Timeout", "unknown", "OrderRequest", symbol, counts))
    assert list(flaws(book)) == blamed


def test_a_trade_has_so_many_flaws_at_most_and_none_twice() -> None:
    book = guarded()
    book.create_position()
    for number in range(FLAWS_MAX + 5):
        book.push(
            ev.ExitFailed(1, number, f"refused {number}"), ev.ExitFailed(1, number, f"refused {number}")
        )
    assert flaws(book)[1] == [f"selling it failed: refused {number}" for number in range(FLAWS_MAX)]


def test_a_trade_that_fails_is_forgotten() -> None:
    book = guarded()
    book.create_position()
    book.push(ev.ProtectionFailed(1, 1, "no"), ev.PositionFailed(1, "rejected", "rejected"))
    assert flaws(book) == {}


def test_a_stop_that_somebody_cancelled_is_a_flaw() -> None:
    book = guarded()
    position = book.open_position()
    stop = book.submit(position, Leg.STOP_LOSS)
    book.push(ev.StopTakenAway(position.id, stop, book.now))
    assert flaws(book) == {position.id: ["somebody else cancelled its stop"]}


def test_a_position_of_dust_is_no_whole_trade() -> None:
    book = guarded()
    dust, gone = book.open_position(), book.open_position("ETHUSDT")
    book.push(ev.PositionClosed(dust.id, D(0), "dust"))
    assert book.state.rollout.closed == {}
    book.push(ev.PositionReduced(gone.id, gone.quantity, "closed_outside", gone.cost))
    book.push(ev.PositionClosed(gone.id, D(0), "closed_outside"))
    assert list(book.state.rollout.closed) == [gone.id], "what somebody else took is not passed over"


def test_closed_trades_wait_in_a_bounded_place_the_oldest_give_way() -> None:
    book = guarded()
    rollout = book.state.rollout
    rollout.closed.update(dict.fromkeys(range(1000, 1000 + UNJUDGED_MAX), 1))
    rollout.flaws[1_000] = ["late"]
    position = book.open_position()
    book.close_position(position, D(50_000))
    assert (len(rollout.closed), rollout.closed[position.id], 1_000 in rollout.closed) == (
        UNJUDGED_MAX,
        book.now,
        False,
    )
    assert rollout.flaws == {}


def test_a_closed_trade_that_is_opened_again_waits_no_more() -> None:
    book = guarded()
    position = book.open_position()
    book.close_position(position, D(50_000))
    book.push(ev.PositionReopened(position.id, "a late fill"))
    assert book.state.rollout.closed == {}
    assert flaws(book) == {1: ["it was opened again: a late fill"]}


def test_a_trade_that_was_clean_and_is_opened_again_is_clean_no_more() -> None:
    book = guarded()
    book.push(ev.TradeJudged(1, "BTCUSDT"), ev.TradeJudged(2, "BTCUSDT"))
    assert book.state.rollout.cap == 100
    book.push(ev.TradeJudged(1, "BTCUSDT", ("it was opened again: a late fill",)))
    rollout = book.state.rollout
    assert (rollout.clean_trades, rollout.unclean_trades) == (1, 1)
    assert rollout.cap == 50


def test_what_comes_late_of_a_trade_that_was_judged_is_not_kept() -> None:
    book = guarded()
    position = book.open_position()
    book.close_position(position, D(50_000))
    book.push(ev.TradeJudged(position.id, "BTCUSDT"))
    name = position.entry_order_ids[0]
    book.push(ev.Discrepancy(name, "another state", "filled", "cancelled", "state corrected"))
    book.push(ev.Anomaly(name, "odd"))
    assert flaws(book) == {}


def test_it_all_survives_a_snapshot() -> None:
    book = guarded()
    book.create_position()
    book.push(ev.Halted("emergency_stop", "drill", "ada"), ev.TradeJudged(9, "BTCUSDT", ("late",)))
    assert Ledger.load(book.ledger.dump()).state.rollout == book.state.rollout


def test_without_a_guard_nothing_is_collected() -> None:
    book = Book()
    book.create_position()
    book.push(ev.Halted("emergency_stop", "drill", "ada"))
    assert flaws(book) == {}
