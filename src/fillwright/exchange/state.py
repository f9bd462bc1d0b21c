"""The whole state of an exchange, and the way its events leave: reports, then lists, then balances."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.types import (
    ZERO,
    AccountId,
    Asset,
    ClientOrderId,
    ExecutionType,
    ListOrderStatus,
    ListStatus,
    OrderType,
    Side,
    Symbol,
    Time,
    VenueOrderStatus,
)
from fillwright.exchange.accounts import Account
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import (
    NO_ID,
    AccountPosition,
    AmendmentView,
    AssetBalance,
    ExchangeError,
    ExchangeEvent,
    ExecutionReport,
    ListStatusReport,
    MarketTrade,
    RejectReason,
)
from fillwright.exchange.orders import Order, OrderList
from fillwright.exchange.settings import ExchangeSettings

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_LIST_ORDER_ALL_DONE = ListOrderStatus.ALL_DONE
_LIST_ALL_DONE = ListStatus.ALL_DONE
_BUY = Side.BUY

AveragePrice = Callable[[Symbol, int], Decimal | None]
"""The volume weighted average price of a symbol over some minutes, as of now."""

_TRADE = ExecutionType.TRADE
_NO_REJECT = RejectReason.NONE
_PENDING_NEW = VenueOrderStatus.PENDING_NEW
_MARKET = OrderType.MARKET


class State:
    """Accounts, orders, lists, markets, counters, and the events of the transaction under way."""

    __slots__ = (
        "accounts", "amendments", "average_price", "due", "events", "execution_id", "finals", "house", "issued",
        "list_events", "lists", "markets", "next_list_id", "next_order_id", "now", "orders", "outside",
        "request_id", "sequence", "settings", "shapes", "tape", "touched",
    )  # fmt: skip

    def __init__(self, instruments: Iterable[Instrument], settings: ExchangeSettings) -> None:
        self.settings = settings
        self.markets = {one.symbol: SymbolMarket(one, settings) for one in instruments}
        self.accounts: dict[AccountId, Account] = {}
        self.orders: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.house: dict[Asset, Decimal] = {}
        """Commissions taken."""
        self.outside: dict[Asset, Decimal] = {}
        """What the outside market has given (negative) and taken."""
        self.issued: dict[Asset, Decimal] = {}
        """Deposits less withdrawals: what all balances must sum to."""
        self.average_price: AveragePrice | None = None
        self.now: Time = 0
        self.next_order_id = 1
        self.next_list_id = 1
        self.execution_id = 0
        self.sequence = 0
        self.request_id = 0
        """Counter behind the ids of requests that came without one."""
        self.finals: deque[tuple[Time, int, bool]] = deque()
        """Final orders, and lists as a whole (True), oldest first: what may be forgotten next."""
        self.amendments: dict[int, list[AmendmentView]] = {}
        self.due: deque[int] = deque()
        """Lists whose pending legs are to be released in this transaction."""
        self.shapes: dict[tuple[object, ...], None] = {}
        """Combinations of parameters known to pass: bounded, there are only so many; not part of a dump."""
        self.events: list[ExchangeEvent] = []
        self.list_events: list[ListStatusReport] = []
        self.touched: dict[tuple[AccountId, Asset], None] = {}
        """Balances touched in this transaction, in order."""
        self.tape: list[MarketTrade] | None = [] if settings.public_trades else None
        """Trades that were not drained yet; None: nobody wants them. Not part of a dump."""

    # -- look-ups ------------------------------------------------------------------------------------------------

    def market(self, symbol: Symbol) -> SymbolMarket:
        """The market of a symbol, or -1121."""
        market = self.markets.get(symbol)
        if market is None:
            raise ExchangeError(-1121, "Invalid symbol.")
        return market

    def account(self, account_id: AccountId) -> Account:
        """An account, or -2015 as for a key that belongs to nobody."""
        account = self.accounts.get(account_id)
        if account is None:
            raise ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def legs(self, order_list: OrderList) -> list[Order]:
        """The orders of a list in reported order."""
        orders = self.orders
        return [orders[order_id] for order_id in order_list.legs]

    def average(self, market: SymbolMarket, minutes: int) -> Decimal | None:
        """The price that filters compare with: reference, else average of minutes, else (0 minutes) the last."""
        if market.reference_price is not None:
            return market.reference_price
        if not minutes:
            return market.last
        if self.average_price is not None:
            average = self.average_price(market.instrument.symbol, minutes)
        else:
            average = market.average.average(minutes, self.now)
        return average if average is not None else market.last

    def generated_id(self) -> ClientOrderId:
        """An id for a request that came without one: 22 characters, as Binance's."""
        self.request_id += 1
        return f"x{self.request_id:021d}"

    # -- events --------------------------------------------------------------------------------------------------

    def touch(self, account_id: AccountId, asset: Asset) -> None:
        """Note that a balance possibly changed."""
        self.touched[account_id, asset] = None

    def report(
        self,
        order: Order,
        kind: ExecutionType,
        client_order_id: ClientOrderId | None = None,
        orig_client_order_id: ClientOrderId = "",
        reject_reason: RejectReason = _NO_REJECT,
    ) -> None:
        """Report a step of an order that is neither a trade nor a prevention."""
        self.execution_id += 1
        trailing = order.trailing_delta
        order.update_time = self.now
        self.events.append(
            ExecutionReport(
                order.account_id,
                self.now,
                order.symbol,
                client_order_id if client_order_id is not None else order.client_order_id,
                orig_client_order_id,
                order.side,
                order.type,
                order.time_in_force,
                order.quantity,
                order.price,
                order.stop_price,
                order.iceberg_quantity,
                order.order_list_id,
                kind,
                order.status,
                reject_reason,
                order.order_id,
                ZERO,
                order.executed,
                ZERO,
                ZERO,
                None,
                NO_ID,
                self.execution_id,
                order.is_working and order.is_open,
                False,
                order.time,
                order.executed_quote,
                ZERO,
                order.quote_order_quantity,
                order.stp,
                order.working_time if order.working_time >= 0 else None,
                trailing or None,
                order.trailing_time if trailing else None,
                order.expiry_reason,
                order.strategy_id,
                order.strategy_type,
            )
        )

    def report_trade(
        self,
        order: Order,
        quantity: Decimal,
        price: Decimal,
        quote: Decimal,
        commission: Decimal,
        commission_asset: Asset,
        trade_id: int,
        is_maker: bool,
    ) -> None:
        """Report one fill."""
        self.execution_id += 1
        trailing = order.trailing_delta
        order.update_time = self.now
        self.events.append(
            ExecutionReport(
                order.account_id,
                self.now,
                order.symbol,
                order.client_order_id,
                "",
                order.side,
                order.type,
                order.time_in_force,
                order.quantity,
                order.price,
                order.stop_price,
                order.iceberg_quantity,
                order.order_list_id,
                _TRADE,
                order.status,
                _NO_REJECT,
                order.order_id,
                quantity,
                order.executed,
                price,
                commission,
                commission_asset,
                trade_id,
                self.execution_id,
                order.is_open and order.type is not _MARKET,
                is_maker,
                order.time,
                order.executed_quote,
                quote,
                order.quote_order_quantity,
                order.stp,
                order.working_time if order.working_time >= 0 else None,
                trailing or None,
                order.trailing_time if trailing else None,
                order.expiry_reason,
                order.strategy_id,
                order.strategy_type,
            )
        )

    def report_list(self, order_list: OrderList, reject_reason: RejectReason = _NO_REJECT) -> None:
        """Report a list's status; it leaves after the transaction's execution reports."""
        self.list_events.append(
            ListStatusReport(
                order_list.account_id,
                self.now,
                order_list.symbol,
                order_list.order_list_id,
                order_list.contingency,
                order_list.status,
                order_list.order_status,
                reject_reason,
                order_list.list_client_order_id,
                order_list.named,
            )
        )

    def end_transaction(self) -> None:
        """Let list statuses and one account position per account follow the reports."""
        if self.list_events:
            self.events.extend(self.list_events)
            self.list_events.clear()
        if self.touched:
            by_account: dict[AccountId, list[AssetBalance]] = {}
            for account_id, asset in self.touched:
                balance = self.accounts[account_id].balance(asset)
                view = AssetBalance(asset, balance.free, balance.locked)
                by_account.setdefault(account_id, []).append(view)
            self.touched.clear()
            for account_id, balances in by_account.items():
                self.accounts[account_id].update_time = self.now
                self.events.append(AccountPosition(account_id, self.now, tuple(balances)))

    def print_trade(
        self, market: SymbolMarket, price: Decimal, quantity: Decimal, *, buyer_is_maker: bool
    ) -> None:
        """Tell everybody of a trade under the market's latest number, if anybody listens."""
        if self.tape is not None:
            symbol = market.instrument.symbol
            self.tape.append(MarketTrade(symbol, market.trade_id, price, quantity, self.now, buyer_is_maker))

    def print_outside(
        self, market: SymbolMarket, price: Decimal, quantity: Decimal, buyer_is_maker: bool | None
    ) -> None:
        """Tell everybody of what the outside market traded with itself; by default a fall was a seller's doing."""
        if self.tape is not None:
            market.trade_id += 1
            if buyer_is_maker is None:
                buyer_is_maker = market.last is not None and price < market.last
            self.print_trade(market, price, quantity, buyer_is_maker=buyer_is_maker)

    # -- the end of orders ---------------------------------------------------------------------------------------

    def finish(self, order: Order) -> None:
        """Take a final order off the book, free what it held, and remember it for as long as settings say."""
        market = self.markets[order.symbol]
        market.remove(order)
        account = self.accounts[order.account_id]
        account.drop_open(order)
        instrument = market.instrument
        asset = instrument.quote if order.side is _BUY else instrument.base
        if order.locked:
            account.unlock(asset, order.locked)
            order.locked = ZERO
            self.touch(order.account_id, asset)
        if order.order_list_id == NO_ID:
            self.finals.append((self.now, order.order_id, False))

    def finish_list(self, order_list: OrderList) -> None:
        """Free what a list holds and report it done, once all its legs are final."""
        if not order_list.is_open:
            return
        for order_id in order_list.legs:
            if self.orders[order_id].is_open:
                return
        order_list.status = _LIST_ALL_DONE
        order_list.order_status = _LIST_ORDER_ALL_DONE
        order_list.transaction_time = self.now
        self.free_list_lock(order_list)
        self.accounts[order_list.account_id].open_lists.pop(order_list.order_list_id, None)
        self.finals.append((self.now, order_list.order_list_id, True))
        self.report_list(order_list)

    def free_list_lock(self, order_list: OrderList) -> None:
        """Free the lock a pair shares, and coins an OPO received for legs that will not come."""
        account = self.accounts[order_list.account_id]
        instrument = self.markets[order_list.symbol].instrument
        if order_list.locked:
            side = self.orders[order_list.pending[0]].side
            asset = instrument.quote if side is _BUY else instrument.base
            account.unlock(asset, order_list.locked)
            order_list.locked = ZERO
            self.touch(order_list.account_id, asset)
        if order_list.received:
            account.unlock(instrument.base, order_list.received)
            order_list.received = ZERO
            self.touch(order_list.account_id, instrument.base)

    def forget(self) -> None:
        """Drop final orders that are too old or too many; each order is dropped once, so this costs O(1) per order."""
        finals = self.finals
        oldest = self.now - self.settings.final_retention_us
        while finals and (len(finals) > self.settings.final_orders_max or finals[0][0] < oldest):
            _, number, is_list = finals.popleft()
            if is_list:
                self._drop_list(self.lists.pop(number))
            else:
                self._drop(self.orders[number])

    def _drop_list(self, order_list: OrderList) -> None:
        account = self.accounts[order_list.account_id]
        name = order_list.list_client_order_id
        if account.lists_by_client_id.get(name) == order_list.order_list_id:
            del account.lists_by_client_id[name]
        for leg in self.legs(order_list):
            self._drop(leg)

    def _drop(self, order: Order) -> None:
        del self.orders[order.order_id]
        self.amendments.pop(order.order_id, None)
        names = self.accounts[order.account_id].by_client_id
        for name in (order.client_order_id, order.cancel_client_order_id):
            if name and names.get((order.symbol, name)) == order.order_id:
                del names[order.symbol, name]
