"""The exchange under random order flow of several accounts: what must hold after every step, whatever happened."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
)
from fillwright.core.types import (
    CONTINGENT_TYPES,
    LIMIT_TYPES,
    CancelReplaceMode,
    ListKind,
    OrderType,
    SelfTradePrevention,
    Side,
    SymbolStatus,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeError, ExecutionReport, OrderView
from fillwright.exchange.settings import ExchangeSettings
from fillwright.exchange.snapshot import ExchangeDump
from fillwright.wire.errors import is_known_message
from tests.exchange.builders import BTCUSDT, SYMBOL

BNBUSDT = msgspec.structs.replace(BTCUSDT, symbol="BNBUSDT", base="BNB")
ACCOUNTS = st.sampled_from(["a", "b", "c"])
PRICES = st.integers(80_00, 120_00).map(lambda cents: Decimal(cents).scaleb(-2))
QUANTITIES = st.one_of(
    st.integers(1, 9).map(Decimal),
    st.integers(7_000, 500_000).map(lambda units: Decimal(units).scaleb(-5)),
    st.integers(1, 100).map(lambda units: Decimal(units).scaleb(-5)),
)
SIDES = st.sampled_from(list(Side))
TYPES = st.sampled_from(list(OrderType))
FORCES = st.sampled_from(list(TimeInForce))
MODES = st.sampled_from([None, *SelfTradePrevention])
DELTAS = st.one_of(st.none(), st.none(), st.integers(10, 2000))
OPEN = (VenueOrderStatus.NEW, VenueOrderStatus.PARTIALLY_FILLED, VenueOrderStatus.PENDING_NEW)


class ExchangeMachine(RuleBasedStateMachine):
    """Random requests and market events against one exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.names = 0
        self.now = 1_000_000
        self.reports: list[ExecutionReport] = []

    @initialize(
        feed=st.sampled_from(
            [
                "trades",
                "quotes",
                "depth",
                "quotes and trades",
                "depth and trades",
                "depth and quotes",
                "candles",
            ]
        ),
        queue=st.sampled_from([None, Decimal(0), Decimal(200)]),
        free_first=st.booleans(),
        renames=st.booleans(),
        kept=st.sampled_from([3, 1000]),
    )
    def open(self, feed: str, queue: Decimal | None, free_first: bool, renames: bool, kept: int) -> None:
        self.feed = feed
        self.settings = ExchangeSettings(
            queue_ahead_quote=queue,
            opo_commission_from_free=free_first,
            cancel_renames=renames,
            final_orders_max=kept,
        )
        self.exchange = Exchange([BTCUSDT, BNBUSDT], self.settings)
        self.exchange.average_price = lambda symbol, minutes: Decimal(100)
        for name, bnb in (("a", True), ("b", False), ("c", False)):
            self.exchange.open_account(
                name,
                {"USDT": Decimal(1000), "BTC": Decimal(10), "BNB": Decimal("0.01")},
                maker_fee=Decimal("0.001"),
                taker_fee=Decimal("0.001"),
                pay_fees_in_bnb=bnb,
                trade_group=-1 if name == "c" else 7,
            )
        self.exchange.on_trade("BNBUSDT", Decimal(500), Decimal(1), self.now)
        self.move(Decimal(100), Decimal(1), Decimal("0.05"), True)

    def tick(self) -> int:
        self.now += 1000
        return self.now

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def attempt(self, account: str, request: object) -> None:
        try:
            self.exchange.execute(account, request, self.tick())  # type: ignore[arg-type]
        except ExchangeError as error:
            if not is_known_message(error.code, error.message):
                raise AssertionError("not a text of Binance's") from error

    # -- the market ----------------------------------------------------------------------------------------------

    @rule(price=PRICES, quantity=QUANTITIES, spread=st.sampled_from(["0", "0.01", "0.5"]), up=st.booleans())
    def market(self, price: Decimal, quantity: Decimal, spread: str, up: bool) -> None:
        self.move(price, quantity, Decimal(spread), up)

    def move(self, price: Decimal, quantity: Decimal, spread: Decimal, up: bool) -> None:
        exchange, now = self.exchange, self.tick()
        bid, ask = price - spread, price + spread + Decimal("0.01")
        if "quotes" in self.feed:
            exchange.on_quote(SYMBOL, bid, quantity, ask, quantity * 2, now)
        if "depth" in self.feed:
            bids = [(bid - step, quantity + step) for step in (Decimal(0), Decimal("0.3"), Decimal(1))]
            asks = [(ask + step, quantity + step) for step in (Decimal(0), Decimal("0.3"), Decimal(1))]
            exchange.on_depth(SYMBOL, bids, asks, now, snapshot=True)
        if "trades" in self.feed:
            exchange.on_trade(SYMBOL, price, quantity, now, None if spread else up)
        if self.feed == "candles":
            high, low = price + spread * 4, price - spread * 4
            exchange.on_candle_open(SYMBOL, price, now)
            exchange.on_candle_close(SYMBOL, price, high, low, high if up else low, quantity, self.tick())

    @precondition(lambda self: "depth" in self.feed)
    @rule(price=PRICES, quantity=st.one_of(st.just(Decimal(0)), QUANTITIES), side=SIDES)
    def level(self, price: Decimal, quantity: Decimal, side: Side) -> None:
        changes = [(price, quantity)]
        bids, asks = (changes, []) if side is Side.BUY else ([], changes)
        self.exchange.on_depth(SYMBOL, bids, asks, self.tick(), snapshot=False)

    @rule(
        status=st.sampled_from([SymbolStatus.TRADING, SymbolStatus.TRADING, *SymbolStatus]),
        all_=st.booleans(),
    )
    def phase(self, status: SymbolStatus, all_: bool) -> None:
        self.exchange.set_status(SYMBOL, status, self.tick(), cancel_orders=all_)
        if status is not SymbolStatus.TRADING:
            self.exchange.set_status(SYMBOL, SymbolStatus.TRADING, self.tick())

    # -- requests ------------------------------------------------------------------------------------------------

    def order(
        self, kind: OrderType, side: Side, price: Decimal, stop: Decimal, force: TimeInForce, **fields: object
    ) -> OrderRequest:
        delta = fields.pop("delta", None)
        has_price = kind in LIMIT_TYPES
        takes_force = has_price and kind is not OrderType.LIMIT_MAKER
        contingent = kind in CONTINGENT_TYPES
        return OrderRequest(
            symbol=SYMBOL,
            side=side,
            type=kind,
            client_order_id=self.name(),
            time_in_force=force if takes_force else None,
            price=price if has_price else None,
            stop_price=stop if contingent and (delta is None or stop > 100) else None,
            trailing_delta=delta if contingent else None,  # type: ignore[arg-type]
            **fields,  # type: ignore[arg-type]
        )

    @rule(
        account=ACCOUNTS, kind=TYPES, side=SIDES, price=PRICES, stop=PRICES, force=FORCES, quantity=QUANTITIES,
        stp=MODES, delta=DELTAS,
    )  # fmt: skip
    def place(
        self,
        account: str,
        kind: OrderType,
        side: Side,
        price: Decimal,
        stop: Decimal,
        force: TimeInForce,
        quantity: Decimal,
        stp: SelfTradePrevention | None,
        delta: int | None,
    ) -> None:
        request = self.order(kind, side, price, stop, force, quantity=quantity, stp=stp, delta=delta)
        self.attempt(account, request)

    @rule(account=ACCOUNTS, side=SIDES, value=st.integers(1, 900).map(Decimal))
    def by_value(self, account: str, side: Side, value: Decimal) -> None:
        kind = OrderType.MARKET
        request = self.order(kind, side, value, value, TimeInForce.GTC, quote_order_quantity=value)
        self.attempt(account, request)

    @rule(
        account=ACCOUNTS, side=SIDES, quantity=QUANTITIES, low=PRICES, high=PRICES, usual=st.integers(0, 3),
        above=TYPES, below=TYPES, force=FORCES, delta=DELTAS,
    )  # fmt: skip
    def pair(
        self,
        account: str,
        side: Side,
        quantity: Decimal,
        low: Decimal,
        high: Decimal,
        usual: int,
        above: OrderType,
        below: OrderType,
        force: TimeInForce,
        delta: int | None,
    ) -> None:
        if usual:
            limits = [OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT]
            above = limits[usual - 1]
            below = OrderType.STOP_LOSS_LIMIT if below in LIMIT_TYPES else OrderType.STOP_LOSS
            last = self.exchange.quote(SYMBOL).last or Decimal(100)
            low = BTCUSDT.price_down(last - abs(low - 100) / 4 - 1)
            high = BTCUSDT.price_up(last + abs(high - 100) / 4 + 1)
        if usual and side is Side.BUY:
            above, below = below, above
        legs = self.exits(side, low, high, above, below, force, quantity, delta)
        self.attempt(account, self.listed(ListKind.OCO, legs))

    def listed(self, kind: ListKind, legs: tuple[OrderRequest, ...]) -> OrderListRequest:
        return OrderListRequest(kind=kind, symbol=SYMBOL, list_client_order_id=self.name(), legs=legs)

    def exits(
        self,
        side: Side,
        low: Decimal,
        high: Decimal,
        above: OrderType,
        below: OrderType,
        force: TimeInForce,
        quantity: Decimal | None,
        delta: int | None,
    ) -> tuple[OrderRequest, OrderRequest]:
        low, high = sorted((low, high))
        return (
            self.order(below, side, low, low, force, quantity=quantity, delta=delta),
            self.order(above, side, high, high, force, quantity=quantity),
        )

    @rule(
        account=ACCOUNTS, kind=st.sampled_from(list(ListKind)[1:]), side=SIDES, quantity=QUANTITIES, price=PRICES,
        low=PRICES, high=PRICES, above=TYPES, below=TYPES, force=FORCES, plain=st.booleans(), delta=DELTAS,
    )  # fmt: skip
    def chain(
        self,
        account: str,
        kind: ListKind,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        low: Decimal,
        high: Decimal,
        above: OrderType,
        below: OrderType,
        force: TimeInForce,
        plain: bool,
        delta: int | None,
    ) -> None:
        received = kind in (ListKind.OPO, ListKind.OPOCO)
        if received or plain:
            side = Side.BUY
        if plain:
            above, below = OrderType.TAKE_PROFIT, OrderType.STOP_LOSS
            low, high = Decimal(80), Decimal(120)
        working = self.order(OrderType.LIMIT, side, price, price, force, quantity=quantity)
        legs = self.exits(
            side.opposite, low, high, above, below, force, None if received else quantity, delta
        )
        pending = legs if kind in (ListKind.OTOCO, ListKind.OPOCO) else legs[:1]
        self.attempt(account, self.listed(kind, (working, *pending)))

    def pick(self, account: str, index: int) -> OrderView | None:
        mine = self.exchange.open_orders(account)
        return mine[index % len(mine)] if mine else None

    @rule(account=ACCOUNTS, index=st.integers(0, 20), whole=st.booleans())
    def cancel(self, account: str, index: int, whole: bool) -> None:
        order = self.pick(account, index)
        if order is None:
            return
        if whole and order.order_list_id >= 0:
            self.attempt(account, CancelListRequest(symbol=SYMBOL, order_list_id=order.order_list_id))
        else:
            cancel = CancelRequest(symbol=SYMBOL, order_id=order.order_id, cancel_client_order_id=self.name())
            self.attempt(account, cancel)

    @rule(account=ACCOUNTS, sure=st.integers(0, 5))
    def cancel_all(self, account: str, sure: int) -> None:
        if sure < 5 or not self.exchange.open_orders(account):
            return
        self.attempt(account, CancelOpenOrdersRequest(symbol=SYMBOL))
        assert not self.exchange.open_orders(account, SYMBOL)

    @rule(
        account=ACCOUNTS, index=st.integers(0, 20), kind=TYPES, side=SIDES, price=PRICES, quantity=QUANTITIES,
        mode=st.sampled_from(list(CancelReplaceMode)),
    )  # fmt: skip
    def replace(
        self,
        account: str,
        index: int,
        kind: OrderType,
        side: Side,
        price: Decimal,
        quantity: Decimal,
        mode: CancelReplaceMode,
    ) -> None:
        order = self.pick(account, index)
        cancel = CancelRequest(symbol=SYMBOL, order_id=order.order_id if order else 10**9)
        new = self.order(kind, side, price, price, TimeInForce.GTC, quantity=quantity)
        self.attempt(account, CancelReplaceRequest(mode=mode, cancel=cancel, order=new))

    @rule(account=ACCOUNTS, index=st.integers(0, 20), part=st.integers(1, 9))
    def amend(self, account: str, index: int, part: int) -> None:
        order = self.pick(account, index)
        if order is None or not order.quantity:
            return
        quantity = BTCUSDT.floor_quantity(order.quantity * part / 10)
        if quantity:
            self.attempt(account, AmendRequest(symbol=SYMBOL, new_quantity=quantity, order_id=order.order_id))

    @rule(account=ACCOUNTS, amount=st.integers(1, 500).map(Decimal), out=st.booleans())
    def funds(self, account: str, amount: Decimal, out: bool) -> None:
        try:
            if out:
                self.exchange.withdraw(account, "USDT", amount, self.tick())
            else:
                self.exchange.deposit(account, "USDT", amount, self.tick())
        except ExchangeError as error:
            if error.code != -2010:
                raise

    # -- what must hold ------------------------------------------------------------------------------------------

    @rule(share=st.integers(1, 99), quantity=QUANTITIES, up=st.sampled_from([None, True, False]))
    def nothing_happens_inside_the_bounds(self, share: int, quantity: Decimal, up: bool | None) -> None:
        low, high = self.exchange.bounds(SYMBOL)
        floor, ceiling = low or Decimal(50), high or Decimal(150)
        price = BTCUSDT.price_down(floor + (ceiling - floor) * share / 100)
        if not floor < price < ceiling:
            return
        self.tick()
        quoted = "trades" not in self.feed and self.feed != "candles"
        before = self.exchange.dump()
        skipped = Exchange.load(before, [BTCUSDT, BNBUSDT], self.settings)
        if quoted:
            step = BTCUSDT.price_down(min(price - floor, ceiling - price) / 3)
            self.exchange.on_quote(SYMBOL, price - step, quantity, price + step, quantity, self.now)
            skipped.set_market(
                SYMBOL, bid=price - step, bid_quantity=quantity, ask=price + step, ask_quantity=quantity,
                now=self.now,
            )  # fmt: skip
        elif self.feed == "candles":
            step = BTCUSDT.price_down(min(price - floor, ceiling - price) / 3)
            self.exchange.on_candle_open(SYMBOL, price, self.now)
            self.exchange.on_candle_close(
                SYMBOL, price, price + step, price - step, price, quantity, self.now
            )
            skipped.set_market(SYMBOL, last=price, now=self.now)
        else:
            self.exchange.on_trade(SYMBOL, price, quantity, self.now, up)
            skipped.set_market(SYMBOL, last=price, now=self.now)
        assert msgspec.msgpack.decode(self.exchange.dump(), type=ExchangeDump) == msgspec.msgpack.decode(
            skipped.dump(), type=ExchangeDump
        )

    @rule()
    def a_dump_goes_on_as_the_original(self) -> None:
        data = self.exchange.dump()
        again = Exchange.load(data, [BTCUSDT, BNBUSDT], self.settings)
        assert again.dump() == data
        assert again.bounds(SYMBOL) == self.exchange.bounds(SYMBOL)
        again.average_price = self.exchange.average_price
        self.exchange = again

    @invariant()
    def the_books_are_sound(self) -> None:
        if hasattr(self, "exchange"):
            assert self.exchange.audit() == ()

    @invariant()
    def reports_are_in_order_and_add_up(self) -> None:
        if not hasattr(self, "exchange"):
            return
        events = self.exchange.drain()
        reports = [event for event in events if isinstance(event, ExecutionReport)]
        numbers = [report.execution_id for report in reports]
        assert numbers == sorted(set(numbers))
        for report in reports:
            assert report.executed_quantity <= report.quantity
            if report.status is VenueOrderStatus.FILLED:
                assert report.executed_quantity == report.quantity

    @invariant()
    def open_orders_obey_filters_and_contingencies(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for account in ("a", "b", "c"):
            lists: dict[int, list[OrderView]] = {}
            for order in self.exchange.open_orders(account):
                lists.setdefault(order.order_list_id, []).append(order)
                assert order.status in OPEN
                self.obeys_filters(order)
            lists.pop(-1, None)
            for number, legs in lists.items():
                view = self.exchange.order_list(account, order_list_id=number)
                assert view.order_status == "EXECUTING"
                live = [leg for leg in legs if leg.status is not VenueOrderStatus.PENDING_NEW]
                if len(live) > 1:
                    # Only an untouched pair has two live legs.
                    assert all(not leg.executed_quantity and not leg.prevented_quantity for leg in live)
                    assert live[0].quantity == live[1].quantity
                    assert not any(leg.status is VenueOrderStatus.PENDING_NEW for leg in legs)
        counts = self.exchange.open_orders("a")
        assert sum(order.type in CONTINGENT_TYPES for order in counts) <= 5

    def obeys_filters(self, order: OrderView) -> None:
        if order.price:
            assert BTCUSDT.price_violation(order.price) is None
        if order.stop_price:
            assert BTCUSDT.price_violation(order.stop_price) is None
        if order.quantity:
            assert BTCUSDT.quantity_violation(order.quantity, False) is None


TestExchangeMachine = ExchangeMachine.TestCase
