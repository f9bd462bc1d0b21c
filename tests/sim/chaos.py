"""Chaos from a seed: three symbols, every kind of wish, prices that walk and jump, faults, crashes."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from fillwright.core.inputs import (
    AdjustProtection,
    CancelAll,
    CancelOrder,
    ClosePosition,
    EmergencyStop,
    PlaceOrder,
    Reconcile,
    Resume,
)
from fillwright.core.positions import Position
from fillwright.core.requests import CancelRequest
from fillwright.core.types import MILLISECOND, SECOND, OrderType, PositionDecision, Side, Symbol, SymbolStatus
from fillwright.exchange.faults import FaultPlan, Rates, StreamOutage
from fillwright.exchange.messages import ExchangeError
from tests.sim.harness import ACCOUNT, START, World, make_instrument

D = Decimal
SYMBOLS: tuple[Symbol, ...] = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
PLANS: tuple[dict[Symbol, dict[str, Any]], ...] = (
    {"AAAUSDT": {}, "BBBUSDT": {"opo_allowed": False}, "CCCUSDT": {"oto_allowed": False}},
    {"AAAUSDT": {"amend_allowed": False}, "BBBUSDT": {"cancel_replace_allowed": False}, "CCCUSDT": {}},
    {
        "AAAUSDT": {"algo_orders_max": 5},
        "BBBUSDT": {"oco_allowed": False},
        "CCCUSDT": {"trailing_allowed": False},
    },
)
MASKABLE = ((-1007, 0), (None, 503), (-1000, 0), (-1001, 0))
FAULTS = Rates(
    lost=0.012,
    answer_lost=0.012,
    masked=0.012,
    delayed=0.007,
    refused=0.007,
    request_delay_us=6 * SECOND,
    codes=MASKABLE,
    event_dropped=0.02,
    event_duplicated=0.015,
    event_delayed=0.015,
    event_delay_us=5 * SECOND,
)


class Chaos:
    """One run: everything follows from the seed."""

    def __init__(self, seed: int, *, faults: bool = True, restarts: bool = True) -> None:
        self.random = Random(seed)
        self.restarts = restarts
        changes = self.random.choice(PLANS)
        outages = []
        if faults and self.random.random() < 0.5:
            begin = START + self.random.randrange(5, 60) * SECOND
            is_mute = self.random.random() < 0.5
            outages.append(StreamOutage(begin, begin + self.random.randrange(1, 60) * SECOND, is_mute))
        plan = FaultPlan(seed=seed, rates=FAULTS if faults else Rates(), outages=tuple(outages))
        self.world = World(
            instruments=[make_instrument(symbol, **changes[symbol]) for symbol in SYMBOLS], faults=plan
        )
        self.world.read_lag = self.random.choice((0, 0, 200, 1500)) * MILLISECOND
        self.prices = dict.fromkeys(SYMBOLS, D(100))
        self.deep: dict[Symbol, None] = {}
        """Symbols whose books have been shown: from then on they are shown with every price."""
        self.log: list[str] = []

    def run(self, steps: int) -> World:
        """Do so many things, one after another, and let a random time pass after each."""
        actions = (
            (30, self.walk),
            (12, self.signal),
            (5, self.decide),
            (2, self.operate),
            (1, self.manual),
            (1, self.meddle),
            (1, self.move_coins),
            (1, self.disturb),
            (1, self.crash if self.restarts else self.walk),
        )
        chosen = self.random.choices([one for _, one in actions], [weight for weight, _ in actions], k=steps)
        for action in chosen:
            action()
            self.world.run(self.random.choice((0, 20, 50, 90, 300, 1500, 5000)) * MILLISECOND)
        for symbol in SYMBOLS:
            self.trade_again(symbol)
            if symbol in self.deep:
                self.book(symbol, self.prices[symbol], D(100_000))
        return self.world

    def note(self, what: str) -> None:
        """Keep a line for failures."""
        self.log.append(f"{(self.world.now - START) / SECOND:10.3f} {what}")

    def walk(self) -> None:
        """A price moves a little, or jumps."""
        random = self.random
        symbol = random.choice(SYMBOLS)
        bips = random.choice((-300, -80, -40, -20, -10, -5, 0, 5, 10, 20, 40, 80, 300))
        price = (self.prices[symbol] * (10_000 + bips) / 10_000).quantize(D("0.01"))
        self.prices[symbol] = max(price, D(20))
        volume = random.choice((D("0.001"), D("0.05"), D("0.5"), D(100)))
        self.note(f"{symbol} at {price}, {volume}")
        if symbol in self.deep:
            self.book(symbol, self.prices[symbol], random.choice((D("0.3"), D(1000))))
        self.world.price(symbol, self.prices[symbol], volume=volume, displayed=random.choice((D(1), D(1000))))

    def signal(self) -> None:
        """A trader wants in."""
        random = self.random
        symbol = random.choice(SYMBOLS)
        price = self.prices[symbol]
        kind = random.randrange(4)
        answer = self.world.signal(
            symbol,
            stop=price * D(random.randrange(960, 996)) / 1000,
            target=price * D(random.randrange(1010, 1040)) / 1000 if random.random() < 0.7 else None,
            limit=(price * D(random.randrange(985, 1000)) / 1000).quantize(D("0.01")) if kind < 2 else None,
            quote=D(random.choice((12, 60, 300))),
            trader_id=random.choice(("ada", "bob")),
            trailing=kind == 3,
        )
        self.note(f"signal {symbol}: {answer.ok} {answer.code} position {answer.position_id}")

    def position(self) -> Position | None:
        """Some position that is open."""
        positions = list(self.world.engine.ledger.open_positions.values())
        return self.random.choice(positions) if positions else None

    def decide(self) -> None:
        """A trader or operator changes its mind about a position."""
        random, position = self.random, self.position()
        if position is None:
            return
        price = self.prices[position.symbol]
        level = (price * D(random.randrange(970, 999)) / 1000).quantize(D("0.01"))
        above = (price * D(random.randrange(1002, 1030)) / 1000).quantize(D("0.01"))
        kind = random.choice(list(PositionDecision))
        if random.random() < 0.2:
            answer = self.world.command(ClosePosition(position_id=position.id, by="ops"))
        elif random.random() < 0.2:
            answer = self.world.command(
                AdjustProtection(
                    position_id=position.id, by="ops", stop_loss=level, take_profit=above, widen=True
                )
            )
        else:
            answer = self.world.decide(
                kind,
                position.id,
                price=above if kind is PositionDecision.ADJUST_TAKE_PROFIT else level,
                fraction=D(random.choice(("0.3", "0.5", "0.9"))),
                quote=D(60),
            )
        self.note(f"{kind} position {position.id}: {answer.ok} {answer.message}")

    def operate(self) -> None:
        """An operator cancels, stops, resumes, reconciles."""
        random, world = self.random, self.world
        kind = random.randrange(6)
        self.note(f"operator {kind}")
        if kind == 0:
            world.command(EmergencyStop(by="ops", flatten=random.random() < 0.5))
            world.at(random.randrange(1, 8) * SECOND, self.resume)
        elif kind == 1:
            world.command(CancelAll(by="ops"))
        elif kind == 2:
            world.command(Reconcile(by="ops"))
        else:
            orders = list(world.engine.ledger.open_orders.values())
            if orders:
                world.command(CancelOrder(client_order_id=random.choice(orders).id, by="ops"))

    def resume(self) -> None:
        """The halt is lifted."""
        self.note("resume")
        self.world.command(Resume(by="ops", reason="all is well"))

    def manual(self) -> None:
        """A person places an order by hand."""
        random = self.random
        symbol = random.choice(SYMBOLS)
        price = (self.prices[symbol] * D(random.randrange(980, 999)) / 1000).quantize(D("0.01"))
        is_market = random.random() < 0.3
        answer = self.world.command(
            PlaceOrder(
                by="ops",
                symbol=symbol,
                side=Side.BUY,
                type=OrderType.MARKET if is_market else OrderType.LIMIT,
                quantity=D("0.3"),
                price=None if is_market else price,
            )
        )
        self.note(f"manual {symbol}: {answer.ok} {answer.code}")

    def meddle(self) -> None:
        """The user cancels one of our orders in another app."""
        views = self.world.exchange.open_orders(ACCOUNT)
        if not views:
            return
        view = self.random.choice(views)
        self.note(f"meddle {view.client_order_id}")
        try:
            self.world.outside(CancelRequest(symbol=view.symbol, order_id=view.order_id))
        except ExchangeError as error:
            self.note(str(error))

    def move_coins(self) -> None:
        """Somebody takes free coins away, or brings some."""
        random, world = self.random, self.world
        free = {one.asset: one.free for one in world.exchange.balances(ACCOUNT)}
        asset = random.choice([*free])
        if random.random() < 0.4:
            self.note(f"deposit {asset}")
            world.deposit(asset, D(1))
        elif free[asset]:
            amount = min(free[asset], D(random.choice(("0.01", "0.5", "100"))))
            self.note(f"withdraw {amount} {asset}")
            world.withdraw(asset, amount)

    def disturb(self) -> None:
        """The symbol stops trading for a while, with or without its orders; or its book is thin for a while."""
        random, world = self.random, self.world
        symbol = random.choice(SYMBOLS)
        if random.random() < 0.5:
            status = random.choice((SymbolStatus.HALT, SymbolStatus.BREAK, SymbolStatus.CANCEL_ONLY))
            self.note(f"{symbol} is {status}")
            world.exchange.set_status(symbol, status, world.now, cancel_orders=random.random() < 0.3)
            world.link.collect(world.now)
            world.at(random.randrange(1, 40) * SECOND, lambda: self.trade_again(symbol))
            return
        price = self.prices[symbol]
        self.note(f"{symbol} is thin")
        self.book(symbol, price, D("0.2"))
        world.at(random.randrange(1, 10) * SECOND, lambda: self.book(symbol, self.prices[symbol], D(1000)))

    def trade_again(self, symbol: Symbol) -> None:
        """The symbol trades again."""
        self.note(f"{symbol} trades")
        self.world.exchange.set_status(symbol, SymbolStatus.TRADING, self.world.now)
        self.world.link.collect(self.world.now)

    def book(self, symbol: Symbol, price: Decimal, quantity: Decimal) -> None:
        """Show a book of two levels each side."""
        tick = D("0.01")
        self.deep[symbol] = None
        bids = [(price - tick * step, quantity) for step in (1, 9)]
        asks = [(price + tick * step, quantity) for step in (1, 9)]
        self.world.exchange.on_depth(symbol, bids, asks, self.world.now, snapshot=True)
        self.world.seen(symbol)

    def crash(self) -> None:
        """The process dies, between journal and wire or at any other moment, and comes back."""
        if not self.world.is_up:
            return
        if self.random.random() < 0.5:
            self.note("crash before sending")
            self.world.crash_before_sending()
        else:
            self.note("crash")
            self.world.crash(self.random.choice((0, 1, 5)) * SECOND)
