"""What the exchange says: reports of its stream, answers to requests, shapes of queries, and its error.

Each struct carries what Binance's message of that name carries, under readable names; the wire spells them in
Binance's letters. Numbers are exact, times are microseconds UTC. Sources: Binance Spot "User Data Stream"
(Order Update, List Status, Account Update, Balance Update) and REST "Trading endpoints".
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum, unique
from typing import Any

import msgspec

from fillwright.core.types import (
    ZERO,
    AccountId,
    Asset,
    ClientOrderId,
    Contingency,
    ExecutionType,
    ExpiryReason,
    ListOrderStatus,
    ListStatus,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    Time,
    TimeInForce,
    VenueOrderStatus,
)

NO_ID = -1
"""Binance's "none" for order list ids, trade ids and times that do not apply."""


@unique
class RejectReason(StrEnum):
    """Why the engine refused an order (field ``r``)."""

    NONE = "NONE"
    INSUFFICIENT_BALANCES = "INSUFFICIENT_BALANCES"
    STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY = "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"
    WOULD_MATCH_IMMEDIATELY = "WOULD_MATCH_IMMEDIATELY"
    OCO_BAD_PRICES = "OCO_BAD_PRICES"


class Message(msgspec.Struct, frozen=True, gc=False, tag_field="says", tag=True):
    """Anything the exchange says; each names its class when written down, so that unions can be read back."""


# -- the stream --------------------------------------------------------------------------------------------------


class ExecutionReport(Message, frozen=True, gc=False):
    """One step in an order's life (``executionReport``); built by position in the hot path.

    On a cancel ``client_order_id`` is the cancel's own id and ``orig_client_order_id`` ours.
    """

    account_id: AccountId
    time: Time
    """Transaction time, ``T``."""
    symbol: Symbol
    client_order_id: ClientOrderId
    orig_client_order_id: ClientOrderId
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    iceberg_quantity: Decimal
    order_list_id: int
    execution_type: ExecutionType
    status: VenueOrderStatus
    reject_reason: RejectReason
    order_id: int
    last_quantity: Decimal
    executed_quantity: Decimal
    last_price: Decimal
    commission: Decimal
    commission_asset: Asset | None
    trade_id: int
    execution_id: int
    is_working: bool
    is_maker: bool
    order_time: Time
    executed_quote: Decimal
    last_quote: Decimal
    quote_order_quantity: Decimal
    stp: SelfTradePrevention
    working_time: Time | None = None
    trailing_delta: int | None = None
    trailing_time: Time | None = None
    expiry_reason: ExpiryReason | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_match_id: int | None = None
    prevented_quantity: Decimal | None = None
    last_prevented_quantity: Decimal | None = None
    last_prevented_price: Decimal | None = None
    last_prevented_quote: Decimal | None = None
    trade_group_id: int | None = None
    counter_order_id: int | None = None
    counter_symbol: Symbol | None = None


class ListLeg(Message, frozen=True, gc=False):
    """One order of a list, as lists name it."""

    symbol: Symbol
    order_id: int
    client_order_id: ClientOrderId


class ListStatusReport(Message, frozen=True, gc=False):
    """A change of an order list (``listStatus``)."""

    account_id: AccountId
    time: Time
    symbol: Symbol
    order_list_id: int
    contingency: Contingency
    status: ListStatus
    order_status: ListOrderStatus
    reject_reason: RejectReason
    list_client_order_id: ClientOrderId
    legs: tuple[ListLeg, ...]


class AssetBalance(Message, frozen=True, gc=False):
    """What an account holds of one asset, absolute."""

    asset: Asset
    free: Decimal
    locked: Decimal


class AccountPosition(Message, frozen=True, gc=False):
    """Balances that possibly changed in one transaction (``outboundAccountPosition``)."""

    account_id: AccountId
    time: Time
    balances: tuple[AssetBalance, ...]


class BalanceUpdate(Message, frozen=True, gc=False):
    """A deposit, withdrawal or transfer (``balanceUpdate``); never a trade."""

    account_id: AccountId
    time: Time
    asset: Asset
    delta: Decimal


ExchangeEvent = ExecutionReport | ListStatusReport | AccountPosition | BalanceUpdate
"""Anything on a user data stream."""


class MarketTrade(Message, frozen=True, gc=False):
    """One trade of a symbol as everybody sees it, whoever made it; names no account."""

    symbol: Symbol
    trade_id: int
    price: Decimal
    quantity: Decimal
    time: Time
    buyer_is_maker: bool


# -- queries -----------------------------------------------------------------------------------------------------


class OrderView(Message, frozen=True, gc=False):
    """An order as queries show it (``GET /api/v3/order``); the RESULT part of responses as well."""

    symbol: Symbol
    order_id: int
    order_list_id: int
    client_order_id: ClientOrderId
    price: Decimal
    quantity: Decimal
    executed_quantity: Decimal
    executed_quote: Decimal
    status: VenueOrderStatus
    time_in_force: TimeInForce
    type: OrderType
    side: Side
    stop_price: Decimal
    iceberg_quantity: Decimal
    time: Time
    update_time: Time
    is_working: bool
    working_time: Time
    """-1 while the order does not work yet."""
    quote_order_quantity: Decimal
    stp: SelfTradePrevention
    trailing_delta: int | None = None
    trailing_time: Time | None = None
    prevented_quantity: Decimal = ZERO
    expiry_reason: ExpiryReason | None = None
    prevented_match_id: int | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None


class TradeView(Message, frozen=True, gc=False):
    """One fill as ``GET /api/v3/myTrades`` shows it."""

    symbol: Symbol
    trade_id: int
    order_id: int
    order_list_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: Asset
    time: Time
    is_buyer: bool
    is_maker: bool


class ListView(Message, frozen=True, gc=False):
    """An order list as ``GET /api/v3/orderList`` shows it: ids of its legs only."""

    order_list_id: int
    contingency: Contingency
    status: ListStatus
    order_status: ListOrderStatus
    list_client_order_id: ClientOrderId | None
    """None in the answer to a list that ended in the very call (an unfilled FOK)."""
    transaction_time: Time
    symbol: Symbol
    legs: tuple[ListLeg, ...]


class OrderCount(Message, frozen=True, gc=False):
    """One window of the unfilled order count (``GET /api/v3/rateLimit/order``)."""

    interval_us: int
    limit: int
    count: int


class PreventedMatch(Message, frozen=True, gc=False):
    """A match that self-trade prevention stopped (``GET /api/v3/myPreventedMatches``)."""

    symbol: Symbol
    prevented_match_id: int
    taker_order_id: int
    maker_order_id: int
    trade_group_id: int
    stp: SelfTradePrevention
    price: Decimal
    taker_prevented_quantity: Decimal
    maker_prevented_quantity: Decimal
    time: Time


class AmendmentView(Message, frozen=True, gc=False):
    """One amendment of an order (``GET /api/v3/order/amendments``)."""

    symbol: Symbol
    order_id: int
    execution_id: int
    orig_client_order_id: ClientOrderId
    new_client_order_id: ClientOrderId
    orig_quantity: Decimal
    new_quantity: Decimal
    time: Time


# -- answers to requests -----------------------------------------------------------------------------------------


class Fill(Message, frozen=True, gc=False):
    """One fill in a FULL response."""

    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: Asset
    trade_id: int


class OrderResponse(Message, frozen=True, gc=False):
    """The answer to a new order (FULL)."""

    transaction_time: Time
    order: OrderView
    fills: tuple[Fill, ...] = ()
    prevented_matches: tuple[PreventedMatch, ...] = ()
    """What self-trade prevention stopped in this very call."""


class ListResponse(Message, frozen=True, gc=False):
    """The answer to a new list; legs as they were before any release in the same transaction."""

    list: ListView
    orders: tuple[OrderResponse, ...]


class CancelResponse(Message, frozen=True, gc=False):
    """The answer to a cancel of one order: ``client_order_id`` is the cancel's own id."""

    transaction_time: Time
    orig_client_order_id: ClientOrderId
    client_order_id: ClientOrderId
    order: OrderView


class CancelListResponse(Message, frozen=True, gc=False):
    """The answer to a cancel of a list, or of one leg of it."""

    list: ListView
    orders: tuple[CancelResponse, ...]


class AmendResponse(Message, frozen=True, gc=False):
    """The answer to an amendment; ``list`` when the order is a leg."""

    transaction_time: Time
    execution_id: int
    orig_client_order_id: ClientOrderId
    order: OrderView
    list: ListView | None = None


@unique
class ReplaceResult(StrEnum):
    """How one half of a cancelReplace ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOT_ATTEMPTED = "NOT_ATTEMPTED"


class ErrorBody(Message, frozen=True, gc=False):
    """An error inside a cancelReplace answer."""

    code: int
    message: str


class CancelReplaceResponse(Message, frozen=True, gc=False):
    """The answer to a cancelReplace; the ``data`` of its error when a half of it failed."""

    cancel_result: ReplaceResult
    new_order_result: ReplaceResult
    cancel_response: CancelResponse | CancelListResponse | ErrorBody | None
    new_order_response: OrderResponse | ErrorBody | None


Response = (
    OrderResponse
    | ListResponse
    | CancelResponse
    | CancelListResponse
    | CancelReplaceResponse
    | AmendResponse
    | tuple[CancelResponse | CancelListResponse, ...]
)
"""Any answer that is not an error."""


class ExchangeError(Exception):
    """The exchange refused a request: Binance's code and message, and its HTTP status.

    ``data`` is cancelReplace's: a CancelReplaceResponse, or the JSON that a server has made of it.
    """

    def __init__(self, code: int, message: str, http_status: int = 400, data: Any = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data

    @property
    def body(self) -> ErrorBody:
        """Code and message, as they stand inside a cancelReplace answer."""
        return ErrorBody(self.code, self.message)
