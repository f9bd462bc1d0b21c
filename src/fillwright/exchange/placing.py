"""New orders: from a request to an order on the book, alone."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.requests import OrderRequest
from fillwright.core.types import (
    CONTINGENT_TYPES,
    ZERO,
    ExecutionType,
    OrderType,
    Side,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange import validation
from fillwright.exchange.accounts import Account
from fillwright.exchange.market import SymbolMarket, fires_rising, starts_rising
from fillwright.exchange.matching import Plan, plan, start_working, take
from fillwright.exchange.messages import NO_ID, ExchangeError, Fill, OrderResponse, PreventedMatch
from fillwright.exchange.orders import Order, order_view
from fillwright.exchange.state import State
from fillwright.exchange.validation import ALONE, Role

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_REPORT_NEW = ExecutionType.NEW
_LIMIT_MAKER = OrderType.LIMIT_MAKER
_MARKET = OrderType.MARKET
_BUY = Side.BUY
_GTC = TimeInForce.GTC
_NEW = VenueOrderStatus.NEW

INSUFFICIENT = "Account has insufficient balance for requested action."
WOULD_TRIGGER = "Stop price would trigger immediately."
"""The text seen on the live exchange; the documentation has "Order would trigger immediately."."""
WOULD_MATCH = "Order would immediately match and take."
ALL_THERE_IS = Decimal("1E+30")
"""The quantity bound of a walk whose real bound is a budget."""


def place(state: State, account: Account, request: OrderRequest) -> OrderResponse:
    """Take a new order: all checks, then the engine."""
    market = state.market(request.symbol)
    check_request(state, market, request)
    limits = state.settings.order_counts
    validation.check_counts(state, account, market, (request,), in_list=False)
    account.check_count(limits, 1, state.now)
    # Counted first: a fill in the very call takes its order back from the count.
    account.add_count(limits, 1, state.now)
    try:
        return enter(state, account, market, request)
    except ExchangeError:
        account.add_count(limits, -1, state.now)
        raise


def check_request(state: State, market: SymbolMarket, request: OrderRequest, role: Role = ALONE) -> None:
    """Everything that is judged of one order before the engine sees it, counts aside."""
    instrument = market.instrument
    validation.check_parameters(state, request, role)
    validation.check_numbers(request, market, role)
    validation.check_open(market)
    validation.check_supported(request, instrument)
    validation.check_filters(state, market, request, request.quantity)


def enter(state: State, account: Account, market: SymbolMarket, request: OrderRequest) -> OrderResponse:
    """The engine's part: duplicate, would-trigger, would-match, balance; then the order works."""
    validation.check_duplicate(state, account, request)
    order = make_order(state, account, market, request)
    prepared = admit(state, account, market, order)
    register(state, account, order)
    before = market.match_id
    fills = activate_new(state, market, order, prepared)
    prevented = () if market.match_id == before else prevented_by(account, order, before)
    return OrderResponse(state.now, order_view(order), tuple(fills), prevented)


def prevented_by(account: Account, order: Order, since: int) -> tuple[PreventedMatch, ...]:
    """Matches of a taker that were prevented after one with a given id."""
    return tuple(
        [
            one
            for one in account.prevented_matches
            if one.taker_order_id == order.order_id and one.prevented_match_id > since
        ]
    )


def make_order(
    state: State,
    account: Account,
    market: SymbolMarket,
    request: OrderRequest,
    order_list_id: int = NO_ID,
    status: VenueOrderStatus = VenueOrderStatus.NEW,
) -> Order:
    """Build the order of a request; it has no id yet and nothing knows of it."""
    return Order(
        NO_ID,
        account.account_id,
        request.symbol,
        request.client_order_id,
        request.side,
        request.type,
        request.time_in_force or _GTC,
        request.quantity or ZERO,
        request.price or ZERO,
        request.stop_price or ZERO,
        request.stp or market.instrument.default_stp,
        state.now,
        status,
        request.quote_order_quantity or ZERO,
        request.trailing_delta or 0,
        request.iceberg_quantity or ZERO,
        order_list_id,
        update_time=state.now,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
    )


def register(state: State, account: Account, order: Order) -> None:
    """Give an admitted order its id and let the exchange know it."""
    order.order_id = state.next_order_id
    state.next_order_id += 1
    state.orders[order.order_id] = order
    account.add_open(order)
    account.by_client_id[order.symbol, order.client_order_id] = order.order_id


def admit(state: State, account: Account, market: SymbolMarket, order: Order) -> Plan | None:
    """Refuse what the engine refuses (-2010), and lock what the order needs; the plan of a MARKET order."""
    instrument = market.instrument
    if order.type in CONTINGENT_TYPES:
        if validation.would_trigger(market, order, starts_rising(order)):
            raise ExchangeError(-2010, WOULD_TRIGGER)
        arm(state, market, order)
    elif order.type is _LIMIT_MAKER and validation.would_match(market, order):
        raise ExchangeError(-2010, WOULD_MATCH)
    elif order.type is _MARKET:
        return admit_market(state, account, market, order)
    needed = order.lock_needed()
    asset = instrument.quote if order.side is _BUY else instrument.base
    if not account.lock(asset, needed):
        raise ExchangeError(-2010, INSUFFICIENT)
    order.locked = needed
    state.touch(account.account_id, asset)
    return None


def admit_market(state: State, account: Account, market: SymbolMarket, order: Order) -> Plan:
    """Plan a MARKET order, size it when it is given by value, and refuse it when it cannot be paid in full."""
    if order.quote_order_quantity and not order.quantity:
        made = plan(state, market, order, ALL_THERE_IS, order.quote_order_quantity)
        _check_liquidity(market, made.quantity)
        order.quantity = made.quantity
    else:
        made = plan(state, market, order, order.quantity)
    buying = order.side is _BUY
    asset = market.instrument.quote if buying else market.instrument.base
    if account.balance(asset).free < (made.cost if buying else order.quantity):
        raise ExchangeError(-2010, INSUFFICIENT)
    return made


def _check_liquidity(market: SymbolMarket, quantity: Decimal) -> None:
    instrument = market.instrument
    name = None
    if not quantity:
        name = "symbol"
    elif quantity < instrument.lot_size.minimum:
        name = "`LOT_SIZE` filter"
    elif quantity < instrument.market_lot_size.minimum:
        name = "`MARKET_LOT_SIZE` filter"
    if name is not None:
        raise ExchangeError(-2010, f"Order book liquidity is less than {name} minimum quantity.")
    maximum = instrument.market_lot_size.maximum
    if maximum and quantity > maximum:
        raise validation.filter_failure("MARKET_LOT_SIZE")


def arm(state: State, market: SymbolMarket, order: Order) -> None:
    """Set what a contingent order waits for: its stop price, or the start of its trailing."""
    if not order.trailing_delta:
        order.trigger = order.stop_price
    elif not order.stop_price:
        price = market.trigger_price(order.side)
        if price is not None:
            track(order, price, state.now)
    # What is locked is written with the tick's digits: balances have no room for those of a trailing trigger.
    order.lock_price = order.stop_price or market.instrument.price_up(order.trigger)


def track(order: Order, price: Decimal, now: int) -> None:
    """Take a price as the best since a trailing order began, and derive where it fires."""
    order.extreme = price
    if order.trailing_time < 0:
        order.trailing_time = now
    change = Decimal(order.trailing_delta).scaleb(-4)
    order.trigger = price * (1 + change if fires_rising(order) else 1 - change)


def activate_new(
    state: State, market: SymbolMarket, order: Order, prepared: Plan | None = None
) -> list[Fill]:
    """Let an admitted order wait for its trigger, or work at once."""
    if order.is_contingent:
        order.status = _NEW
        wait(state, market, order)
        state.report(order, _REPORT_NEW)
        return []
    start_working(state, order)
    return take(state, market, order, prepared)


def wait(state: State, market: SymbolMarket, order: Order) -> None:
    """Put a contingent order among the triggers."""
    state.sequence += 1
    order.sequence = state.sequence
    order.candle = market.candle_open
    market.wait(order)
