"""Positions under every legal outcome: a venue that refuses, loses, delays, repeats and reorders, but never lies.

Whatever the order of things: nothing is sold that no position owns, the books add up after every step, and once
the venue behaves again every coin is protected or sold and both sides agree about every order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fillwright.core import inputs as inp
from fillwright.core.effects import Effect, Send
from fillwright.core.engine import Engine
from fillwright.core.instruments import Instrument
from fillwright.core.market_watch import joined, position_bounds
from fillwright.core.positions import HOLDING
from fillwright.core.settings import Settings, VenueProfile
from fillwright.core.state import Ledger
from fillwright.core.types import (
    SECOND,
    ZERO,
    ErrorClass,
    ExpiryReason,
    Leg,
    PositionDecision,
    PositionStatus,
    VenueOrderStatus,
)
from tests.core.builders import CASH, D, make_instrument
from tests.core.desk import Desk, make_settings
from tests.core.judge import Judge
from tests.core.venue import ModelVenue, VenueOrder, unanswered

ARRIVES_WITHIN = 14_000_000
"""A request that lies in the inbox for longer is past its recvWindow."""
HEAL_STEPS_MAX = 600
HEALTHY_AFTER = 200_000_000
PLANS: list[dict[str, Any]] = [
    {},
    {"opo_allowed": False},
    {"opo_allowed": False, "oto_allowed": False},
    {"opo_allowed": False, "oto_allowed": False, "oco_allowed": False},
    {"cancel_replace_allowed": False, "amend_allowed": False},
]
SETTINGS: list[Settings] = [
    make_settings(),
    make_settings(take_profit_style="maker", execution={"unprotected_action": "alert"}),
    make_settings(venue=VenueProfile(in_flight_max_ms=0, protection_read_s=5)),
]
picks = st.integers(0, 7)


class PositionMachine(RuleBasedStateMachine):
    """An engine, a venue, and everything that may lie between them."""

    @initialize(
        plan=st.sampled_from(PLANS),
        settings=st.sampled_from(SETTINGS),
        coins=st.sampled_from([0, 1]),
        limit=st.booleans(),
        served=st.booleans(),
    )
    def open(self, plan: dict[str, Any], settings: Settings, coins: int, limit: bool, served: bool) -> None:
        self.mine = Decimal(coins)
        instrument: Instrument = make_instrument(**plan)
        self.venue = ModelVenue(instrument, self.mine)
        self.desk = Desk(
            instrument, settings=settings, balances=(("USDT", CASH, ZERO), ("BTC", self.mine, ZERO))
        )
        self.judge = Judge()
        self.sent_at: dict[int, int] = {}
        self.kept: list[Effect] = []
        self.after()
        self.signal(limit, 49_000, 52_000)
        if served:
            self._serve()

    def after(self) -> None:
        """Look at what a step has done."""
        self.venue.now = self.desk.now
        tray, self.desk.tray = self.desk.tray, []
        self.venue.take(tray)
        self.kept += tray  # so that no id is used again
        for asked in self.venue.inbox:
            self.sent_at.setdefault(id(asked), self.desk.now)
        self.judge.read(self.desk.records, self.desk.engine.ledger)
        self.desk.records.clear()

    def step(self, *items: inp.Input) -> None:
        self.desk.step(*items)
        self.after()

    # -- the trader and the operator -------------------------------------------------------------------------

    @rule(limit=st.booleans(), stop=st.sampled_from([49_000, 49_900]), goal=st.sampled_from([None, 52_000]))
    def another_signal(self, limit: bool, stop: int, goal: int | None) -> None:
        self.signal(limit, stop, goal)

    def signal(self, limit: bool, stop: int, goal: int | None) -> None:
        entry = inp.Entry("limit", D(49_990)) if limit else inp.Entry()
        self.desk.signal(
            entry=entry,
            stop_loss=D(stop),
            take_profit=D(goal) if goal else None,
            key=str(self.desk.state.signals_made),
            trailing=bool(stop % 1000),
        )
        self.after()

    def newest(self) -> int:
        return self.desk.state.positions_made

    @precondition(lambda self: self.newest())
    @rule(
        kind=st.sampled_from(list(PositionDecision)),
        number=st.sampled_from([D("0.3"), D("0.9"), D(1)]),
        level=st.sampled_from([49_100, 49_950, 51_000, 53_000]),
    )
    def decide(self, kind: PositionDecision, number: Decimal, level: int) -> None:
        self.step(
            inp.Decision(
                position_id=self.newest(), decision=kind, price=D(level), fraction=number, quote=D(20)
            )
        )

    @rule(what=st.sampled_from(["restart", "resume", "cancel all", "reconcile", "stop", "flatten"]))
    def operate(self, what: str) -> None:
        if what == "restart":
            self.restart()
        elif what == "resume":
            self.step(inp.Resume(by="ada", reason="goes on"))
        elif what == "cancel all":
            self.step(inp.CancelAll(by="ada"))
        elif what == "reconcile":
            self.step(inp.Reconcile())
        else:
            self.step(inp.EmergencyStop(by="ada", flatten=what == "flatten"))

    def restart(self) -> None:
        """The process dies: what was under way from the venue is lost, the state is not."""
        engine = Engine(Ledger.load(self.desk.engine.ledger.dump()))
        engine.quotes.update(self.desk.engine.quotes)
        engine.rearm(self.desk.now)
        self.desk.engine = engine
        self.venue.outbox.clear()
        # What was on its way to an exchange in the same process is gone with it.
        survives = not self.in_process
        self.venue.inbox = [asked for asked in self.venue.inbox if survives and isinstance(asked, Send)]
        self.step(inp.Reconcile(cause="start"))

    # -- the market and the clock ----------------------------------------------------------------------------

    @rule(price=st.sampled_from([48_000, 49_850, 50_000, 50_500, 52_100]))
    def market(self, price: int) -> None:
        self.venue.price = D(price)
        self.desk.price(price)
        self.after()

    @rule(seconds=st.sampled_from([0.3, 1, 2.5, 11, 40]))
    def wait(self, seconds: float) -> None:
        end = self.desk.now + int(D(str(seconds)) * SECOND)
        # From deadline to deadline: a request is as old as its sending, not as the end of the wait.
        while (due := self.desk.engine.next_deadline) is not None and due < end:
            self.desk.wait(D(max(due - self.desk.now, 0)) / SECOND)
            self.after()
        self.desk.wait(D(end - self.desk.now) / SECOND)
        self.after()

    # -- the venue -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.venue.inbox)
    @rule(pick=picks, answered=st.booleans(), part=st.sampled_from([None, None, None, 0, "0.001"]))
    def carry_out(self, pick: int, answered: bool, part: Any) -> None:
        asked = self.venue.inbox[pick % len(self.venue.inbox)]
        self._carry_out(asked, answered, None if part is None else D(part))

    def _carry_out(self, asked: Any, answered: bool = True, part: Decimal | None = None) -> None:
        late = self.desk.now - self.sent_at[id(asked)] > ARRIVES_WITHIN
        if isinstance(asked, Send) and (late or self.in_process and self.desk.now > self.sent_at[id(asked)]):
            self._lose(asked)
            return
        self.venue.market_part = part
        self.venue.carry_out(asked, answered=answered)
        self.venue.market_part = None

    @property
    def in_process(self) -> bool:
        return not self.desk.state.settings.venue.in_flight_max_ms

    def _lose(self, asked: Send) -> None:
        self.venue.inbox.remove(asked)
        self.venue.outbox.append(unanswered(asked.request))

    @precondition(lambda self: self.venue.inbox)
    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        """A request gets lost on its way."""
        asked = self.venue.inbox[pick % len(self.venue.inbox)]
        if isinstance(asked, Send):
            self._lose(asked)

    @precondition(lambda self: self.venue.inbox)
    @rule(pick=picks, error=st.sampled_from([ErrorClass.PERMANENT, ErrorClass.RATE, ErrorClass.RETRYABLE]))
    def refuse(self, pick: int, error: ErrorClass) -> None:
        asked = self.venue.inbox[pick % len(self.venue.inbox)]
        if isinstance(asked, Send):
            self.venue.inbox.remove(asked)
            self.venue.outbox.append(
                inp.RequestFailed(request=asked.request, error_class=error, code=-1013, message="no")
            )

    def working(self, pick: int) -> VenueOrder | None:
        live = [o for o in self.venue.open_orders() if o.status is not VenueOrderStatus.PENDING_NEW]
        return live[pick % len(live)] if live else None

    @rule(pick=picks, whole=st.booleans(), release=st.booleans())
    def execute(self, pick: int, whole: bool, release: bool) -> None:
        order = self.working(pick)
        if order is not None:
            self.venue.release_refused = not release
            step = self.venue.instrument.lot_size.step
            part = order.remaining if whole else max(order.remaining // 2 // step * step, step)
            self.venue.fill(order, min(part, order.remaining))
            self.venue.release_refused = False

    @rule(pick=picks)
    def expire(self, pick: int) -> None:
        """The exchange takes an order off the book."""
        order = self.working(pick)
        if order is not None:
            self.venue.expire(order, ExpiryReason.EXCHANGE_CANCELED)

    @precondition(lambda self: self.venue.outbox)
    @rule(pick=picks)
    def deliver(self, pick: int) -> None:
        self.step(self.venue.outbox.pop(pick % len(self.venue.outbox)))

    @precondition(lambda self: self.venue.outbox)
    @rule()
    def deliver_all(self) -> None:
        while self.venue.outbox:
            self.step(self.venue.outbox.pop(0))

    @precondition(lambda self: self.venue.outbox)
    @rule(pick=picks)
    def deliver_twice(self, pick: int) -> None:
        """It will come once more, much later perhaps."""
        self.step(self.venue.outbox[pick % len(self.venue.outbox)])

    @precondition(lambda self: self.venue.outbox)
    @rule(pick=picks)
    def drop(self, pick: int) -> None:
        """The stream loses a report."""
        news = self.venue.outbox[pick % len(self.venue.outbox)]
        if isinstance(news, inp.OrderReport) and news.source == "stream":
            self.venue.outbox.remove(news)

    @rule()
    def serve(self) -> None:
        """Everything under way happens, in order."""
        self._serve()

    def _serve(self) -> None:
        for _ in range(HEAL_STEPS_MAX):
            if self.venue.outbox:
                batch, self.venue.outbox = self.venue.outbox, []
                for news in batch:
                    self.step(news)
            elif self.venue.inbox:
                for asked in list(self.venue.inbox):
                    self._carry_out(asked)
            else:
                return
        raise AssertionError("engine and venue do not come to rest")

    # -- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_sold_that_no_position_owns(self) -> None:
        if hasattr(self, "venue"):
            assert self.venue.coins - self.venue.locked() >= self.mine

    @invariant()
    def what_is_watched_is_what_all_positions_want(self) -> None:
        if hasattr(self, "venue"):
            engine, found = self.desk.engine, None
            for position in engine.ledger.open_positions.values():
                wanted = position_bounds(engine.ledger, position)
                found = joined(found, wanted) if wanted is not None else found
            assert engine.price_bounds(self.venue.instrument.symbol) == found

    @invariant()
    def positions_that_hold_nothing_yet_are_known(self) -> None:
        if hasattr(self, "venue"):
            ledger = self.desk.engine.ledger
            entering = [one.id for one in ledger.open_positions.values() if one.status not in HOLDING]
            assert list(ledger.entering) == entering

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """A position with coins to lose is covered, or something is under way, or it will be looked at."""
        if not hasattr(self, "venue") or self.venue.inbox or self.venue.outbox:
            return
        engine = self.desk.engine
        for position in engine.ledger.open_positions.values():
            if engine._wakes.get(position.id):
                continue
            orders = engine.ledger.orders_of(position)
            stops = [o for o in orders if o.leg is Leg.STOP_LOSS and o.is_live]
            left = position.quantity - sum((o.remaining for o in stops), ZERO)
            sellable = self.venue.instrument.is_sellable(left, position.stop_loss or self.venue.price)
            covered = not sellable and position.status is not PositionStatus.CLOSING
            assert covered or orders and not sellable, position

    def teardown(self) -> None:
        if hasattr(self, "venue"):
            self._heal()

    def _heal(self) -> None:
        """The venue behaves again: in the end both sides agree, and every coin is protected or sold."""
        self._serve()
        end = self.desk.now + HEALTHY_AFTER
        for _ in range(HEAL_STEPS_MAX):
            due = self.desk.engine.next_deadline
            if due is None or due > end:
                break
            self.desk.wait(D(max(due - self.desk.now, 0)) / 1_000_000)
            self.after()
            self._serve()
        else:
            raise AssertionError("the deadlines do not end")
        self.step(inp.Reconcile())
        self._serve()
        engine = self.desk.engine
        theirs = {order.name: order for order in self.venue.open_orders()}
        ours = engine.ledger.open_orders
        assert sorted(theirs) == sorted(ours)
        for name, order in ours.items():
            assert order.executed_quantity == theirs[name].executed
        owned = ZERO
        for position in engine.state.positions.values():
            owned += position.quantity + position.dust_quantity
            if position.is_ended:
                continue
            stops = [o for o in engine.ledger.orders_of(position) if o.leg is Leg.STOP_LOSS and o.is_live]
            held = sum((order.remaining for order in stops), ZERO)
            resting = [o for o in ours.values() if o.position_id == position.id and o.executed_quantity]
            left = position.quantity - held
            stuck = bool(resting) and position.status is PositionStatus.CLOSING
            assert stuck or not self.venue.instrument.is_sellable(left, position.stop_loss or D(1)), position
        assert owned == self.venue.coins - self.mine


TestPositions = PositionMachine.TestCase
