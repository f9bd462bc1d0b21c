"""The exchange: requests in, answers out, market data in, events out. Synchronous, and a function of its inputs.

Everything that happens is told by ``drain``: execution reports in causal order, then list statuses, then one account
position per account, for each request and each market event. Time is the caller's; it never runs backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, getcontext, localcontext
from typing import Any, TypeVar

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import (
    CONTEXT,
    ZERO,
    AccountId,
    Asset,
    ClientOrderId,
    ExpiryReason,
    Symbol,
    SymbolStatus,
    Time,
)
from fillwright.exchange import (
    audit,
    cancels,
    lists,
    placing,
    placing_lists,
    queries,
    snapshot,
)
from fillwright.exchange.accounts import Account
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.market_door import MarketDoor
from fillwright.exchange.messages import (
    AmendmentView,
    AssetBalance,
    BalanceUpdate,
    ExchangeError,
    ExchangeEvent,
    ListView,
    OrderCount,
    OrderView,
    PreventedMatch,
    Response,
    TradeView,
)
from fillwright.exchange.settings import ExchangeSettings, FeeSchedule
from fillwright.exchange.state import State
from fillwright.exchange.triggers import settle_market

Answer = TypeVar("Answer")
_DEFAULTS = ExchangeSettings()
_HANDLERS: dict[type, Callable[[State, Account, Any], Response]] = {
    OrderRequest: placing.place,
    OrderListRequest: placing_lists.place_list,
    CancelRequest: cancels.cancel,
    CancelListRequest: cancels.cancel_list,
    CancelOpenOrdersRequest: cancels.cancel_open_orders,
    CancelReplaceRequest: cancels.cancel_replace,
    AmendRequest: cancels.amend,
}
_REFUSAL_CODES: dict[type, int] = {
    CancelRequest: -2011,
    CancelListRequest: -2011,
    CancelOpenOrdersRequest: -2011,
    AmendRequest: -2038,
}


class Exchange(MarketDoor):
    """A Binance Spot exchange with any number of accounts and symbols."""

    __slots__ = ("_outboxes",)

    def __init__(self, instruments: Iterable[Instrument], settings: ExchangeSettings = _DEFAULTS) -> None:
        super().__init__(instruments, settings)
        self._outboxes: dict[AccountId, list[ExchangeEvent]] = {}

    # -- accounts ------------------------------------------------------------------------------------------------

    def open_account(
        self,
        account_id: AccountId,
        balances: Mapping[Asset, Decimal],
        *,
        maker_fee: Decimal,
        taker_fee: Decimal,
        pay_fees_in_bnb: bool = False,
        bnb_discount: Decimal = Decimal("0.25"),
        trade_group: int = -1,
    ) -> None:
        """Open an account with what it starts with; an account that exists is a mistake of the caller."""
        state = self._state
        if account_id in state.accounts:
            raise ValueError(f"account {account_id!r} exists")
        fees = FeeSchedule(maker_fee, taker_fee, pay_fees_in_bnb, bnb_discount)
        account = Account(account_id, fees, trade_group, state.settings)
        state.accounts[account_id] = account
        for asset, amount in balances.items():
            if amount < ZERO:
                raise ValueError(f"balance of {asset} is negative")
            account.balance(asset).free = amount
            state.issued[asset] = CONTEXT.add(state.issued.get(asset, ZERO), amount)

    def has_account(self, account_id: AccountId) -> bool:
        """Whether an account is open."""
        return account_id in self._state.accounts

    @property
    def account_ids(self) -> tuple[AccountId, ...]:
        """The accounts, in the order in which they were opened."""
        return tuple(self._state.accounts)

    def deposit(self, account_id: AccountId, asset: Asset, amount: Decimal, now: Time) -> None:
        """Bring in funds from elsewhere."""
        if amount <= ZERO:
            raise ValueError("a deposit is more than zero")
        self._move(account_id, asset, amount, now)

    def withdraw(self, account_id: AccountId, asset: Asset, amount: Decimal, now: Time) -> None:
        """Take out free funds; ExchangeError when there is not enough."""
        if amount <= ZERO:
            raise ValueError("a withdrawal is more than zero")
        if self._state.account(account_id).balance(asset).free < amount:
            raise ExchangeError(-2010, placing.INSUFFICIENT)
        self._move(account_id, asset, -amount, now)

    def _move(self, account_id: AccountId, asset: Asset, delta: Decimal, now: Time) -> None:
        state = self._state
        account = state.account(account_id)
        self._set_time(now)
        balance = account.balance(asset)
        balance.free = CONTEXT.add(balance.free, delta)
        state.issued[asset] = CONTEXT.add(state.issued.get(asset, ZERO), delta)
        state.events.append(BalanceUpdate(account_id, state.now, asset, delta))
        state.touch(account_id, asset)
        state.end_transaction()

    def set_time(self, now: Time) -> None:
        """Let time pass: what depends on it (order counts, what is archived) is as of now."""
        self._set_time(now)

    def set_fees(self, account_id: AccountId, fees: FeeSchedule) -> None:
        """Change an account's commission rates, from its next fill on."""
        self._state.account(account_id).fees = fees

    def set_can_trade(self, account_id: AccountId, can_trade: bool) -> None:
        """Let an account place and cancel orders, or not; what rests goes on resting."""
        self._state.account(account_id).can_trade = can_trade

    # -- requests ------------------------------------------------------------------------------------------------

    def execute(self, account_id: AccountId, request: Request, now: Time) -> Response:
        """Carry out a request as of a time; ExchangeError when it is refused. Events queue up either way."""
        handler = _HANDLERS[type(request)]
        if getcontext().prec < CONTEXT.prec:
            with localcontext(CONTEXT):
                return self._carry_out(handler, account_id, request, now)
        return self._carry_out(handler, account_id, request, now)

    def submit(self, account_id: AccountId, request: Request, now: Time) -> None:
        """Carry out a request as ``execute`` does, for a client who reads the stream and no answers."""
        if type(request) is not OrderListRequest:
            self.execute(account_id, request, now)
            return
        with localcontext(CONTEXT):
            self._carry_out(placing_lists.enter_list, account_id, request, now)

    def test(self, account_id: AccountId, request: OrderRequest, now: Time) -> None:
        """Check an order as the exchange would before its engine sees it; ExchangeError when it would be refused."""
        state = self._state
        if not state.account(account_id).can_trade:
            raise self._may_not_trade(request)
        self._set_time(now)
        with localcontext(CONTEXT):
            placing.check_request(state, state.market(request.symbol), request)

    def generated_id(self) -> ClientOrderId:
        """An id for an order that came without one; never the same twice."""
        return self._state.generated_id()

    @staticmethod
    def _may_not_trade(request: Request) -> ExchangeError:
        code = _REFUSAL_CODES.get(type(request), -2010)
        return ExchangeError(code, "This account may not place or cancel orders.")

    def _carry_out(
        self,
        handler: Callable[[State, Account, Any], Answer],
        account_id: AccountId,
        request: Request,
        now: Time,
    ) -> Answer:
        state = self._state
        account = state.account(account_id)
        if now > state.now:
            state.now = now
        if not account.can_trade:
            raise self._may_not_trade(request)
        try:
            return handler(state, account, request)
        finally:
            symbol = request.order.symbol if isinstance(request, CancelReplaceRequest) else request.symbol
            market = state.markets.get(symbol)
            if market is not None:
                settle_market(state, market)
            state.end_transaction()
            state.forget()

    # -- events --------------------------------------------------------------------------------------------------

    def drain(self) -> list[ExchangeEvent]:
        """All events since the last drain, in the order in which they happened."""
        events = self._state.events
        if not events:
            return []
        self._state.events = []
        return events

    def drain_account(self, account_id: AccountId) -> list[ExchangeEvent]:
        """One account's events since its last drain; those of others wait for theirs."""
        outboxes = self._outboxes
        if not outboxes and len(self._state.accounts) == 1 and account_id in self._state.accounts:
            return self.drain()
        for event in self.drain():
            outboxes.setdefault(event.account_id, []).append(event)
        return outboxes.pop(account_id, [])

    # -- reading -------------------------------------------------------------------------------------------------

    def order(
        self,
        account_id: AccountId,
        symbol: Symbol,
        order_id: int | None = None,
        client_order_id: ClientOrderId | None = None,
    ) -> OrderView:
        """One order by its number or its id; -2013 when there is none."""
        state = self._state
        return queries.order(state, state.account(account_id), symbol, order_id, client_order_id)

    def named(self, account_id: AccountId, client_order_id: ClientOrderId) -> OrderView | None:
        """The order with an id, of whatever symbol; None when there is none."""
        return queries.named(self._state, self._state.account(account_id), client_order_id)

    def open_orders(self, account_id: AccountId, symbol: Symbol | None = None) -> tuple[OrderView, ...]:
        """Open orders, pending legs included."""
        return queries.open_orders(self._state, self._state.account(account_id), symbol)

    def all_orders(
        self,
        account_id: AccountId,
        symbol: Symbol,
        order_id: int | None = None,
        limit: int = 500,
        start_time: Time | None = None,
        end_time: Time | None = None,
    ) -> tuple[OrderView, ...]:
        """Open and remembered orders, ascending."""
        account = self._state.account(account_id)
        return queries.all_orders(self._state, account, symbol, order_id, limit, start_time, end_time)

    def order_list(
        self,
        account_id: AccountId,
        order_list_id: int | None = None,
        list_client_order_id: ClientOrderId | None = None,
    ) -> ListView:
        """One list by its number or its id; -2013 when there is none."""
        state = self._state
        return queries.order_list(state, state.account(account_id), order_list_id, list_client_order_id)

    def all_order_lists(
        self,
        account_id: AccountId,
        from_id: int | None = None,
        start_time: Time | None = None,
        end_time: Time | None = None,
        limit: int = 500,
    ) -> tuple[ListView, ...]:
        """Open and remembered lists, ascending."""
        account = self._state.account(account_id)
        return queries.all_order_lists(self._state, account, from_id, start_time, end_time, limit)

    def open_order_lists(self, account_id: AccountId) -> tuple[ListView, ...]:
        """Open lists."""
        return queries.open_order_lists(self._state, self._state.account(account_id))

    def trades(
        self,
        account_id: AccountId,
        symbol: Symbol,
        order_id: int | None = None,
        from_id: int | None = None,
        limit: int = 500,
        start_time: Time | None = None,
        end_time: Time | None = None,
    ) -> tuple[TradeView, ...]:
        """Fills, ascending."""
        state = self._state
        account = state.account(account_id)
        return queries.trades(state, account, symbol, order_id, from_id, limit, start_time, end_time)

    def balances(self, account_id: AccountId) -> tuple[AssetBalance, ...]:
        """All balances of an account."""
        return queries.balances(self._state.account(account_id))

    def fees(self, account_id: AccountId) -> FeeSchedule:
        """The commission rates of an account."""
        return self._state.account(account_id).fees

    def can_trade(self, account_id: AccountId) -> bool:
        """Whether an account may place and cancel orders."""
        return self._state.account(account_id).can_trade

    def update_time(self, account_id: AccountId) -> Time:
        """When a balance of an account last changed; 0: never."""
        return self._state.account(account_id).update_time

    def trade_group(self, account_id: AccountId) -> int:
        """The trade group of an account; -1: none."""
        return self._state.account(account_id).trade_group

    def order_counts(self, account_id: AccountId) -> tuple[OrderCount, ...]:
        """The unfilled order counts."""
        return queries.order_counts(self._state, self._state.account(account_id))

    def prevented_matches(self, account_id: AccountId, symbol: Symbol) -> tuple[PreventedMatch, ...]:
        """Matches that self-trade prevention stopped."""
        return queries.prevented_matches(self._state.account(account_id), symbol)

    def amendments(self, account_id: AccountId, symbol: Symbol, order_id: int) -> tuple[AmendmentView, ...]:
        """The amendments of one order."""
        return queries.amendments(self._state, self._state.account(account_id), symbol, order_id)

    def ask(self, account_id: AccountId, query: queries.Query) -> queries.QueryAnswer:
        """Answer a query given as data."""
        return queries.ask(self._state, account_id, query)

    def house(self) -> dict[Asset, Decimal]:
        """Commissions taken so far."""
        return dict(self._state.house)

    def audit(self) -> tuple[str, ...]:
        """Everything that does not add up; empty when the books are sound."""
        return audit.audit(self._state)

    # -- administration ------------------------------------------------------------------------------------------

    def set_status(
        self, symbol: Symbol, status: SymbolStatus, now: Time, *, cancel_orders: bool = False
    ) -> None:
        """Change a symbol's trading phase; the exchange may cancel all orders with it (EXCHANGE_CANCELED)."""
        state = self._state
        market = state.market(symbol)
        self._set_time(now)
        market.status = status
        market.dirty = True
        if cancel_orders:
            for account in state.accounts.values():
                for order in list(account.open_of(symbol)):
                    if order.is_open:
                        lists.expire(state, order, ExpiryReason.EXCHANGE_CANCELED)
        self._feed(lambda: settle_market(state, market))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols that trade here."""
        return tuple(self._state.markets)

    @property
    def assets(self) -> tuple[Asset, ...]:
        """All assets that are traded here."""
        traded = [market.instrument for market in self._state.markets.values()]
        return tuple(dict.fromkeys([asset for one in traded for asset in (one.base, one.quote)]))

    def instrument(self, symbol: Symbol) -> Instrument:
        """A symbol as it is described now, its trading phase included."""
        market = self._state.market(symbol)
        if market.instrument.status is market.status:
            return market.instrument
        return msgspec.structs.replace(market.instrument, status=market.status)

    def status(self, symbol: Symbol) -> SymbolStatus:
        """A symbol's trading phase."""
        return self._state.market(symbol).status

    def set_instrument(self, instrument: Instrument) -> None:
        """Add a symbol, or change the filters of one; orders that rest are left as they are."""
        state = self._state
        market = state.markets.get(instrument.symbol)
        if market is None:
            state.markets[instrument.symbol] = SymbolMarket(instrument, state.settings)
        else:
            market.use(instrument)

    # -- snapshots -----------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """The whole state, exact; events that were not drained included."""
        return snapshot.dump(self._state, self._outboxes)

    @classmethod
    def load(
        cls, data: bytes, instruments: Iterable[Instrument], settings: ExchangeSettings = _DEFAULTS
    ) -> Exchange:
        """Continue from a dump, with the same instruments and settings."""
        exchange = cls(instruments, settings)
        exchange._outboxes = snapshot.load(exchange._state, data)
        return exchange
