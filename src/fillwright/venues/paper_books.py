"""The paper exchange's books: an exchange that notes its commands, and does them again after a restart.

What it notes is everything that it is a function of, so that the same commands give the same exchange, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.requests import CancelReplaceRequest, OrderListRequest, Request
from fillwright.core.types import ZERO, AccountId, Asset, Symbol, SymbolStatus, Time
from fillwright.exchange.accounts import CountWindow
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.messages import ExchangeError, Response
from fillwright.exchange.settings import ExchangeSettings, FeeSchedule
from fillwright.ports import Levels
from fillwright.venues.paper_commands import (
    Averages,
    Command,
    Configured,
    Deepened,
    Executed,
    LevelTuple,
    Opened,
    Phased,
    Quoted,
    Reopened,
    Setup,
    Shown,
    Traded,
    Transferred,
)
from fillwright.venues.paper_slots import Slot


class PaperExchange(Exchange):
    """An exchange with one account; ``commands`` are those that nobody has taken to the journal yet."""

    __slots__ = ("_asked", "_told", "commands", "setup", "slots", "tells_by_stream")

    setup: Setup

    def __init__(self, instruments: Iterable[Instrument], settings: ExchangeSettings) -> None:
        super().__init__(instruments, settings)
        self.commands: list[Command] = []
        self.slots: dict[Symbol, Slot] = {}
        self.tells_by_stream = False
        """Whether nobody reads the answers of requests that succeed: then those of lists are left empty."""
        self._asked: list[Decimal | None] = []
        """The average prices that the command under way asked for."""
        self._told: Iterator[Decimal | None] | None = None
        """Those that it asked for when it was done for the first time."""
        self.average_price = self._average

    @property
    def now(self) -> Time:
        """The time of the last command."""
        return self._state.now

    # -- beginnings ------------------------------------------------------------------------------------------

    @classmethod
    def begin(cls, setup: Setup, balances: Mapping[Asset, Decimal], now: Time) -> PaperExchange:
        """A new exchange; its first command is how it began."""
        command = Opened(setup, dict(balances), now)
        exchange = cls._opened(command)
        exchange.commands.append(command)
        return exchange

    @classmethod
    def _opened(cls, command: Opened) -> PaperExchange:
        setup = command.setup
        exchange = cls(setup.instruments, setup.settings)
        exchange.open_account(
            setup.account_id, command.balances, maker_fee=setup.maker_fee, taker_fee=setup.taker_fee
        )
        return exchange._ready(setup)

    @classmethod
    def resume(cls, setup: Setup, dump: bytes) -> PaperExchange:
        """Go on from a dump; SnapshotError when that cannot be."""
        exchange = cls.load(dump, setup.instruments, setup.settings)
        assert isinstance(exchange, PaperExchange)
        return exchange._ready(setup)

    def _ready(self, setup: Setup) -> PaperExchange:
        self.setup = setup
        self.slots = {symbol: Slot(symbol, market) for symbol, market in self._state.markets.items()}
        return self

    def configured(self, setup: Setup, now: Time) -> PaperExchange:
        """This exchange with other instruments, settings or fees (itself, if nothing differs); it is used up."""
        known = {one.symbol: one for one in self.setup.instruments}
        known.update((one.symbol, one) for one in setup.instruments)
        whole = Setup(
            account_id=self.setup.account_id,
            instruments=tuple(known.values()),
            settings=setup.settings,
            maker_fee=setup.maker_fee,
            taker_fee=setup.taker_fee,
        )
        if whole == self.setup:
            return self
        command = Configured(whole, now)
        exchange = self._configured(command)
        exchange.commands = [*self.commands, command]
        return exchange

    def _configured(self, command: Configured) -> PaperExchange:
        setup, now = command.setup, command.now
        before = {one.symbol: one.status for one in self.setup.instruments}
        if _windows(setup) != _windows(self.setup):
            # Orders are counted in other windows from now on: what the old ones counted fits none of them.
            counts = [CountWindow() for _ in setup.settings.order_counts]
            self._state.account(setup.account_id).windows = counts
        exchange = type(self).resume(setup, self.dump())
        account = exchange._state.account(setup.account_id)
        account.fees = FeeSchedule(setup.maker_fee, setup.taker_fee)
        for instrument in setup.instruments:
            if before.get(instrument.symbol, instrument.status) is not instrument.status:
                Exchange.set_status(exchange, instrument.symbol, instrument.status, now)
                exchange.slots[instrument.symbol].renew()
        exchange._asked.clear()
        return exchange

    def reopen(self, now: Time) -> None:
        """Forget what is known of markets: nobody can say how old it is, or whether the source is still the same.

        Until a symbol's first tick there is no liquidity there but that of orders which rest, and stops wait.
        """
        known = any(slot.is_known for slot in self.slots.values())
        command = Reopened(now)
        self._reopen(command)
        if known:
            self.commands.append(command)

    def _reopen(self, command: Reopened) -> None:
        self._set_time(command.now)
        for slot in self.slots.values():
            slot.forget()

    # -- commands, for the first time --------------------------------------------------------------------------

    def execute(self, account_id: AccountId, request: Request, now: Time) -> Response:
        """Carry out a request as of a time; ExchangeError when it is refused. It is noted either way."""
        slot = self.slots.get(_symbol_of(request))
        shown = self._show(slot, now)
        response: Response = ()
        try:
            if self.tells_by_stream and type(request) is OrderListRequest:
                super().submit(account_id, request, now)
            else:
                response = super().execute(account_id, request, now)
        except ExchangeError:
            self._note(Executed(now, request, shown, self._averages()), slot)
            raise
        self._note(Executed(now, request, shown, self._averages()), slot)
        return response

    def submit(self, account_id: AccountId, request: Request, now: Time) -> None:
        """Carry out a request for a client who reads no answers; it is noted as any other."""
        self.execute(account_id, request, now)

    def traded(self, slot: Slot, price: Decimal, quantity: Decimal, buyer_is_maker: bool, now: Time) -> None:
        """A trade of the market that is not inside the bounds."""
        shown = self._show(slot, now)
        self.on_trade(slot.symbol, price, quantity, now, buyer_is_maker)
        averages = self._averages()
        self._note(Traded(now, slot.symbol, price, quantity, buyer_is_maker, shown, averages), slot)

    def quoted(
        self, slot: Slot, bid: Decimal, bid_quantity: Decimal, ask: Decimal, ask_quantity: Decimal, now: Time
    ) -> None:
        """Quotes that are not inside the bounds."""
        shown = self._show(slot, now)
        self.on_quote(slot.symbol, bid, bid_quantity, ask, ask_quantity, now)
        averages = self._averages()
        self._note(Quoted(now, slot.symbol, bid, bid_quantity, ask, ask_quantity, shown, averages), slot)

    def deepened(self, slot: Slot, now: Time) -> None:
        """A book, in the slot, that may not wait."""
        shown = self._show(slot, now)
        if shown is not None:
            self._note(Deepened(now, slot.symbol, shown, self._averages()), slot)

    def set_status(
        self, symbol: Symbol, status: SymbolStatus, now: Time, *, cancel_orders: bool = False
    ) -> None:
        """Change a symbol's trading phase."""
        slot = self.slots.get(symbol)
        shown = self._show(slot, now)
        super().set_status(symbol, status, now, cancel_orders=cancel_orders)
        self._note(Phased(now, symbol, status, cancel_orders, shown, self._averages()), slot)

    def deposit(self, account_id: AccountId, asset: Asset, amount: Decimal, now: Time) -> None:
        """Bring in funds from elsewhere."""
        super().deposit(account_id, asset, amount, now)
        self.commands.append(Transferred(now, asset, amount))

    def withdraw(self, account_id: AccountId, asset: Asset, amount: Decimal, now: Time) -> None:
        """Take out free funds; ExchangeError when there is not enough."""
        super().withdraw(account_id, asset, amount, now)
        self.commands.append(Transferred(now, asset, -amount))

    def _note(self, command: Command, slot: Slot | None) -> None:
        self.commands.append(command)
        if slot is not None:
            slot.renew()

    def _averages(self) -> Averages:
        if not self._asked:
            return ()
        asked = tuple(self._asked)
        self._asked.clear()
        return asked

    def _average(self, symbol: Symbol, minutes: int) -> Decimal | None:
        if self._told is not None:
            return next(self._told, None)
        average = self.slots[symbol].average(minutes)
        self._asked.append(average)
        return average

    # -- what the exchange is shown ------------------------------------------------------------------------------

    def _show(self, slot: Slot | None, now: Time) -> Shown | None:
        """Show what the slot holds, if anything; it is empty then."""
        if slot is None or (slot.last is None and slot.bid is None and slot.bids is None):
            return None
        bids: LevelTuple | None = None
        asks: LevelTuple | None = None
        if slot.bids is not None:
            market = slot.market
            bids, asks = _changes(market.depth_bids, slot.bids), _changes(market.depth_asks, slot.asks)
        if slot.bid is None:
            shown = Shown(slot.last, None, None, None, None, bids, asks)
        else:
            shown = Shown(slot.last, slot.bid, slot.bid_quantity, slot.ask, slot.ask_quantity, bids, asks)
        slot.last = slot.bid = slot.bids = None
        slot.asks = ()
        self._apply(slot.symbol, shown, now)
        return shown

    def _apply(self, symbol: Symbol, shown: Shown, now: Time) -> None:
        if shown.last is not None or shown.bid is not None:
            self.set_market(
                symbol,
                last=shown.last,
                bid=shown.bid,
                bid_quantity=shown.bid_quantity,
                ask=shown.ask,
                ask_quantity=shown.ask_quantity,
                now=now,
            )
        if shown.bids is not None and shown.asks is not None:
            self.on_depth(symbol, shown.bids, shown.asks, now, snapshot=False)

    # -- commands, once more ---------------------------------------------------------------------------------------

    @classmethod
    def perform(cls, exchange: PaperExchange | None, command: Command) -> PaperExchange:
        """Do a command again; the exchange that has done it (not always the same object). Nothing is noted."""
        if isinstance(command, Opened):
            return cls._opened(command)
        if exchange is None:
            raise ValueError("the first command does not open the exchange")
        if isinstance(command, Configured):
            return exchange._configured(command)
        if isinstance(command, Reopened):
            exchange._reopen(command)
        else:
            exchange._repeat(command)
        return exchange

    def _repeat(self, command: Executed | Traded | Quoted | Deepened | Phased | Transferred) -> None:
        now, account_id = command.now, self.setup.account_id
        if isinstance(command, Transferred):
            if command.delta > ZERO:
                super().deposit(account_id, command.asset, command.delta, now)
            else:
                super().withdraw(account_id, command.asset, -command.delta, now)
            return
        symbol = _symbol_of(command.request) if isinstance(command, Executed) else command.symbol
        self._told = iter(command.averages)
        if command.shown is not None:
            self._apply(symbol, command.shown, now)
        if isinstance(command, Executed):
            with suppress(ExchangeError):
                super().execute(account_id, command.request, now)
        elif isinstance(command, Traded):
            self.on_trade(symbol, command.price, command.quantity, now, command.buyer_is_maker)
        elif isinstance(command, Quoted):
            self.on_quote(symbol, command.bid, command.bid_quantity, command.ask, command.ask_quantity, now)
        elif isinstance(command, Phased):
            super().set_status(symbol, command.status, now, cancel_orders=command.cancel_orders)
        self._told = None
        slot = self.slots.get(symbol)
        if slot is not None:
            slot.renew()


def _windows(setup: Setup) -> list[int]:
    return [one.interval_us for one in setup.settings.order_counts]


def _symbol_of(request: Request) -> Symbol:
    return request.order.symbol if isinstance(request, CancelReplaceRequest) else request.symbol


def _changes(known: Ladder | None, levels: Levels) -> LevelTuple:
    """The levels that differ from what is known: absolute quantities, 0 for those that are gone."""
    if known is None:
        return tuple([(price, quantity) for price, quantity in levels if quantity])
    quantities = known.quantities
    new = {price: quantity for price, quantity in levels if quantity}
    changed = [(price, quantity) for price, quantity in new.items() if quantities.get(price) != quantity]
    gone = [(price, ZERO) for price in quantities if price not in new]
    return tuple(changed + gone)
