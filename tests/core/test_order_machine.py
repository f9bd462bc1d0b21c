"""Orders under a venue that lies: reports that cannot be, twice, late, of other symbols, about nobody; any answer.

Whatever comes in: no exception, nothing runs backwards, every execution is booked once, the money adds up, the journal
alone gives the same state, and the engine comes to rest with deadlines that lie ahead.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fillwright.core import inputs as inp
from fillwright.core.effects import Send
from fillwright.core.requests import Request
from fillwright.core.settings import VenueProfile
from fillwright.core.types import (
    ZERO,
    ErrorClass,
    ExecutionType,
    ExpiryReason,
    OrderType,
    PositionDecision,
    Side,
    SymbolStatus,
    VenueOrderStatus,
)
from tests.core.builders import D, make_instrument
from tests.core.desk import Desk, make_settings
from tests.core.judge import Judge

REQUESTS_MAX = 20
picks = st.integers(0, 11)
amounts = st.sampled_from([D("-0.001"), ZERO, D("0.00001"), D("0.0005"), D("0.00099"), D("0.00198"), D(1)])
GHOSTS = ["RT_t_1_S_9", "RT_t_1_E_7", "RT_t_0_M_5", "RT_t_99_X_1", "RT_t_1_C_1", "RT_old_1_E_1", "web_1", "x"]


class OrderMachine(RuleBasedStateMachine):
    """An engine that is told anything."""

    @initialize(reliable=st.booleans(), opo=st.booleans(), limit=st.booleans())
    def open(self, reliable: bool, opo: bool, limit: bool) -> None:
        venue = VenueProfile(in_flight_max_ms=0 if reliable else 10_000)
        self.desk = Desk(
            make_instrument(opo_allowed=opo, oto_allowed=opo),
            make_instrument("ETHUSDT"),
            settings=make_settings(venue=venue),
        )
        self.judge = Judge()
        self.requests: list[Request] = []
        self.trades = 0
        self.told: list[inp.Input] = []
        self.after()
        self.signal(limit)

    def step(self, *items: inp.Input) -> None:
        self.told += items
        self.desk.step(*items)
        self.after()

    def after(self) -> None:
        self.requests += [effect.request for effect in self.desk.tray if isinstance(effect, Send)]
        del self.requests[:-REQUESTS_MAX], self.told[:-REQUESTS_MAX]
        self.desk.tray.clear()
        self.judge.read(self.desk.records, self.desk.engine.ledger)
        self.desk.records.clear()

    # -- what is wanted --------------------------------------------------------------------------------------

    def signal(self, limit: bool) -> None:
        entry = inp.Entry("limit", D(49_990)) if limit else inp.Entry()
        self.desk.signal(entry=entry, key=str(self.desk.state.signals_made))
        self.after()

    @rule(
        kind=st.sampled_from(
            ["signal", *PositionDecision, "manual", "cancel all", "stop", "flatten", "resume"]
        ),
        number=st.sampled_from([D("0.4"), D(1)]),
        level=st.sampled_from([49_200, 49_990, 51_500]),
        position=st.integers(1, 3),
    )
    def want(self, kind: str, number: Decimal, level: int, position: int) -> None:
        if kind == "signal":
            self.signal(level > 50_000)
        elif kind == "manual":
            side = Side.SELL if level > 50_000 else Side.BUY
            self.step(
                inp.PlaceOrder(
                    by="ada",
                    symbol="BTCUSDT",
                    side=side,
                    type=OrderType.LIMIT,
                    quantity=number / 100,
                    price=D(level),
                )
            )
        elif kind == "cancel all":
            self.step(inp.CancelAll(by="ada"))
        elif kind in ("stop", "flatten"):
            self.step(inp.EmergencyStop(by="ada", flatten=kind == "flatten"))
        elif kind == "resume":
            self.step(inp.Resume(by="ada", reason="goes on"))
        else:
            self.step(
                inp.Decision(
                    position_id=position,
                    decision=PositionDecision(kind),
                    price=D(level),
                    fraction=number,
                    quote=D(20),
                )
            )

    @rule(seconds=st.sampled_from([0.2, 1, 3, 12, 100]), price=st.sampled_from([48_000, 50_000, 52_500]))
    def wait(self, seconds: float, price: int) -> None:
        self.desk.wait(seconds)
        self.desk.price(price)
        self.after()

    @rule(status=st.sampled_from(list(SymbolStatus)))
    def trade_or_not(self, status: SymbolStatus) -> None:
        self.step(inp.UpdateInstruments((make_instrument(status=status),)))

    # -- what is told ----------------------------------------------------------------------------------------

    def known(self, pick: int) -> inp.OrderReport | None:
        names = list(self.desk.state.orders)
        if not names:
            return None
        return self.desk.news(names[-1 - pick % len(names)], VenueOrderStatus.NEW)

    @rule(
        pick=picks,
        status=st.sampled_from(list(VenueOrderStatus)),
        quantity=st.sampled_from(["same", None, "less", "more"]),
        executed=st.none() | amounts,
        parts=st.lists(amounts, max_size=2),
        again=st.booleans(),
        wrong=st.sampled_from([None, None, None, None, "symbol", "side", "order id", "name"]),
        ghost=st.sampled_from(GHOSTS),
        kind=st.none() | st.sampled_from(list(ExecutionType)),
        twice=st.booleans(),
    )
    def report(
        self,
        pick: int,
        status: VenueOrderStatus,
        quantity: str | None,
        executed: Decimal | None,
        parts: list[Decimal],
        again: bool,
        wrong: str | None,
        ghost: str,
        kind: ExecutionType | None,
        twice: bool,
    ) -> None:
        known = self.known(pick)
        if known is None:
            return
        fills = []
        for part in parts:
            self.trades += not again
            fills.append(
                inp.FillReport(self.trades, D(50_000), part, abs(part) / 1000, "BTC", False, self.desk.now)
            )
        order = self.desk.order(known.client_order_id)
        size = known.quantity
        if quantity is None:
            size = None
        elif size is not None and quantity != "same":
            size = size / 2 if quantity == "less" else size * 2
        total = order.executed_quantity + sum(parts, ZERO) if executed is None else executed
        changes: dict[str, Any] = {
            "symbol": {"symbol": "ETHUSDT"},
            "side": {"side": known.side.opposite},
            "order id": {"order_id": known.order_id + 50},
            "name": {"client_order_id": ghost, "order_id": 900 + GHOSTS.index(ghost)},
        }.get(wrong or "", {})
        news = self.desk.news(
            known.client_order_id,
            status,
            **{
                "quantity": size,
                "executed_quantity": total,
                "fills": tuple(fills),
                "execution_type": kind,
                "expiry_reason": ExpiryReason.REJECTED,
                **changes,
            },
        )
        self.step(*([news, news] if twice else [news]))

    @rule(pick=picks, whole=st.booleans())
    def execute(self, pick: int, whole: bool) -> None:
        """For once the truth: so that there is something to lie about."""
        known = self.known(pick)
        if known is None:
            return
        order = self.desk.order(known.client_order_id)
        size = order.quantity or D("0.00198")
        part = size - order.executed_quantity
        if not whole:
            part = min(part, D("0.0007"))
        self.trades += 1
        fill = inp.FillReport(self.trades, D(50_000), part, part / 1000, "BTC", True, self.desk.now)
        total = order.executed_quantity + part
        status = VenueOrderStatus.FILLED if total == size else VenueOrderStatus.PARTIALLY_FILLED
        self.step(
            self.desk.news(
                order.id, status, quantity=size, executed_quantity=total, fills=(fill,) if part else ()
            )
        )

    @precondition(lambda self: self.told)
    @rule(pick=picks)
    def repeat(self, pick: int) -> None:
        """Something that was said long ago comes once more."""
        self.step(self.told[pick % len(self.told)])

    @precondition(lambda self: self.requests)
    @rule(
        pick=picks,
        error=st.sampled_from(list(ErrorClass)),
        code=st.sampled_from([-2010, -2011, -2013, -2021, -2022, -1013, -1003, 418, 503]),
        message=st.sampled_from(["no", "Duplicate order sent.", "Market is closed."]),
        cancelled=st.booleans(),
    )
    def fail(self, pick: int, error: ErrorClass, code: int, message: str, cancelled: bool) -> None:
        request = self.requests[pick % len(self.requests)]
        self.step(
            inp.RequestFailed(
                request=request, error_class=error, code=code, message=message, cancel_done=cancelled
            )
        )

    @rule(pick=picks)
    def deny(self, pick: int) -> None:
        """The venue does not know an order, whether it does or not."""
        known = self.known(pick)
        if known is not None:
            self.step(inp.OrderAbsent(symbol=known.symbol, client_order_id=known.client_order_id))

    @rule(
        shown=st.lists(picks, max_size=3),
        absent=st.lists(picks, max_size=3),
        whole=st.booleans(),
        coins=amounts,
        cause=st.sampled_from(["periodic", "protection", "anomaly"]),
    )
    def snapshot(self, shown: list[int], absent: list[int], whole: bool, coins: Decimal, cause: str) -> None:
        reports = tuple(news for pick in shown if (news := self.known(pick)) is not None)
        names = tuple(news.client_order_id for pick in absent if (news := self.known(pick)) is not None)
        self.step(
            inp.VenueSnapshot(
                symbol=None if whole else "BTCUSDT",
                orders=reports,
                time=self.desk.now,
                absent=names,
                balances=(("BTC", max(coins, ZERO), ZERO),) if whole else (),
                cause=cause,
            )
        )

    @rule(connected=st.booleans())
    def stream(self, connected: bool) -> None:
        self.step(inp.StreamChanged(connected))

    def teardown(self) -> None:
        if hasattr(self, "desk") and not self.desk.records:  # else a step has failed already
            self.desk.wait(120)  # deadlines move on, and nothing raises
            self.after()


TestOrders = OrderMachine.TestCase
