"""Dumps: the whole state of an exchange as bytes, versioned and exact; indexes are rebuilt on load."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from fillwright.core.types import (
    AccountId,
    Asset,
    ClientOrderId,
    Symbol,
    SymbolStatus,
    Time,
    VenueOrderStatus,
)
from fillwright.exchange.accounts import Account, Balance, CountWindow
from fillwright.exchange.ladder import Ladder
from fillwright.exchange.market import PriceRange, SymbolMarket
from fillwright.exchange.messages import AmendmentView, ExchangeEvent, PreventedMatch, TradeView
from fillwright.exchange.orders import Order, OrderList
from fillwright.exchange.settings import FeeSchedule
from fillwright.exchange.state import State

VERSION = 1


class SnapshotError(ValueError):
    """A dump that cannot be continued from: of another version, damaged, or of other instruments."""


class AccountDump(msgspec.Struct, array_like=True, gc=False):
    """One account."""

    account_id: AccountId
    fees: FeeSchedule
    trade_group: int
    balances: dict[Asset, Balance]
    open: list[int]
    open_lists: list[tuple[int, Symbol]]
    by_client_id: list[tuple[Symbol, ClientOrderId, int]]
    lists_by_client_id: dict[ClientOrderId, int]
    prevented_matches: list[PreventedMatch]
    windows: list[CountWindow]
    can_trade: bool = True
    update_time: Time = 0
    fills: dict[Symbol, list[TradeView]] = {}


Levels = list[tuple[Decimal, Decimal]]


class MarketDump(msgspec.Struct, array_like=True, gc=False):
    """One symbol's market."""

    symbol: Symbol
    status: SymbolStatus
    last: Decimal | None
    last_time: Time
    has_trades: bool
    bid: Decimal | None
    bid_quantity: Decimal
    ask: Decimal | None
    ask_quantity: Decimal
    depth_bids: Levels | None
    depth_asks: Levels | None
    candle_open: Time
    reference_price: Decimal | None
    price_range: PriceRange | None
    average: list[tuple[int, Decimal, Decimal]]
    trade_id: int
    match_id: int


class ExchangeDump(msgspec.Struct, array_like=True, gc=False):
    """The whole."""

    version: int
    now: Time
    counters: tuple[int, int, int, int, int]
    accounts: list[AccountDump]
    markets: list[MarketDump]
    orders: list[Order]
    lists: list[OrderList]
    house: dict[Asset, Decimal]
    outside: dict[Asset, Decimal]
    issued: dict[Asset, Decimal]
    finals: list[tuple[Time, int, bool]]
    amendments: dict[int, list[AmendmentView]]
    events: list[ExchangeEvent]
    outboxes: dict[AccountId, list[ExchangeEvent]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ExchangeDump)


def dump(state: State, outboxes: dict[AccountId, list[ExchangeEvent]]) -> bytes:
    """Write a state down."""
    whole = ExchangeDump(
        VERSION,
        state.now,
        (state.next_order_id, state.next_list_id, state.execution_id, state.sequence, state.request_id),
        [_dump_account(account) for account in state.accounts.values()],
        [_dump_market(market) for market in state.markets.values() if _is_used(market)],
        list(state.orders.values()),
        list(state.lists.values()),
        state.house,
        state.outside,
        state.issued,
        list(state.finals),
        state.amendments,
        state.events,
        outboxes,
    )
    return _ENCODER.encode(whole)


def _dump_account(account: Account) -> AccountDump:
    return AccountDump(
        account.account_id,
        account.fees,
        account.trade_group,
        account.balances,
        list(account.open),
        list(account.open_lists.items()),
        [(symbol, name, number) for (symbol, name), number in account.by_client_id.items()],
        account.lists_by_client_id,
        list(account.prevented_matches),
        account.windows,
        account.can_trade,
        account.update_time,
        account.fills,
    )


def _is_used(market: SymbolMarket) -> bool:
    # An exchange may know thousands of symbols of which a replay uses one.
    return (
        market.last is not None
        or market.bid is not None
        or market.depth_bids is not None
        or market.reference_price is not None
        or market.price_range is not None
        or market.trade_id > 0
        or market.match_id > 0
        or market.status is not market.instrument.status
    )


def _dump_market(market: SymbolMarket) -> MarketDump:
    return MarketDump(
        market.instrument.symbol,
        market.status,
        market.last,
        market.last_time,
        market.has_trades,
        market.bid,
        market.bid_quantity,
        market.ask,
        market.ask_quantity,
        _dump_ladder(market.depth_bids),
        _dump_ladder(market.depth_asks),
        market.candle_open,
        market.reference_price,
        market.price_range,
        list(market.average.buckets),
        market.trade_id,
        market.match_id,
    )


def _dump_ladder(ladder: Ladder | None) -> Levels | None:
    return None if ladder is None else [(price, ladder.quantities[price]) for price in ladder.prices]


def load(state: State, data: bytes) -> dict[AccountId, list[ExchangeEvent]]:
    """Fill a fresh state from a dump; SnapshotError when that cannot be."""
    try:
        whole = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise SnapshotError(f"not an exchange dump: {error}") from error
    if whole.version != VERSION:
        raise SnapshotError(f"version {whole.version}; this code reads {VERSION}")
    state.now = whole.now
    counters = whole.counters
    state.next_order_id, state.next_list_id, state.execution_id, state.sequence, state.request_id = counters
    state.orders = {order.order_id: order for order in whole.orders}
    state.lists = {one.order_list_id: one for one in whole.lists}
    state.house, state.outside, state.issued = whole.house, whole.outside, whole.issued
    state.finals = deque(whole.finals)
    state.amendments = whole.amendments
    state.events = whole.events
    for part in whole.markets:
        market = state.markets.get(part.symbol)
        if market is None:
            raise SnapshotError(f"{part.symbol} is not among the instruments")
        _load_market(market, part)
    for account in whole.accounts:
        state.accounts[account.account_id] = _load_account(state, account)
    _load_books(state)
    return whole.outboxes


def _load_market(market: SymbolMarket, part: MarketDump) -> None:
    market.status = part.status
    market.last, market.last_time, market.has_trades = part.last, part.last_time, part.has_trades
    market.bid, market.bid_quantity = part.bid, part.bid_quantity
    market.ask, market.ask_quantity = part.ask, part.ask_quantity
    if part.depth_bids is not None and part.depth_asks is not None:
        market.depth_bids, market.depth_asks = Ladder(descending=True), Ladder(descending=False)
        market.depth_bids.replace(part.depth_bids)
        market.depth_asks.replace(part.depth_asks)
    market.candle_open = part.candle_open
    market.reference_price, market.price_range = part.reference_price, part.price_range
    market.average.buckets.extend(part.average)
    market.trade_id, market.match_id = part.trade_id, part.match_id
    market.dirty = True


def _load_account(state: State, part: AccountDump) -> Account:
    account = Account(part.account_id, part.fees, part.trade_group, state.settings)
    account.balances = part.balances
    for number in part.open:
        account.add_open(state.orders[number])
    account.open_lists = dict(part.open_lists)
    account.by_client_id = {(symbol, name): number for symbol, name, number in part.by_client_id}
    account.lists_by_client_id = part.lists_by_client_id
    account.prevented_matches.extend(part.prevented_matches)
    if len(part.windows) != len(account.windows):
        raise SnapshotError("other order count windows than in these settings")
    account.windows = part.windows
    account.can_trade = part.can_trade
    account.update_time = part.update_time
    account.fills = part.fills
    return account


def _load_books(state: State) -> None:
    for order in state.orders.values():
        if not order.is_open or order.status is VenueOrderStatus.PENDING_NEW:
            continue
        market = state.markets.get(order.symbol)
        if market is None:
            raise SnapshotError(f"{order.symbol} is not among the instruments")
        if order.is_contingent:
            market.wait(order)
        else:
            market.rest(order)
