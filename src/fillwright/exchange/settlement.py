"""One fill: balances, commission, the order's progress, its report."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.types import ZERO, Asset, Side, VenueOrderStatus
from fillwright.exchange.accounts import Account, Balance, round_commission
from fillwright.exchange.lists import after_fill, claim_lock
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import Fill, TradeView
from fillwright.exchange.orders import Order, OrderList
from fillwright.exchange.state import State

# Members bound once: attribute access on an enum class costs more than the comparison itself.
_EXPIRED_IN_MATCH = VenueOrderStatus.EXPIRED_IN_MATCH
_FILLED = VenueOrderStatus.FILLED
_PARTIALLY_FILLED = VenueOrderStatus.PARTIALLY_FILLED
_BUY = Side.BUY


def fill(
    state: State,
    market: SymbolMarket,
    order: Order,
    price: Decimal,
    quantity: Decimal,
    quote: Decimal,
    trade_id: int,
    *,
    is_maker: bool,
) -> Fill:
    """Settle one order's side of a trade and report it; the other side is settled by its own call."""
    order_list = state.lists.get(order.order_list_id) if order.order_list_id >= 0 else None
    if order_list is not None and order_list.locked and order.order_id in order_list.pending:
        claim_lock(state, order_list, order)
    is_first = not order.executed
    order.executed += quantity
    order.executed_quote += quote
    is_final = order.remaining <= ZERO
    if not is_final:
        order.status = _PARTIALLY_FILLED
    else:
        order.status = _EXPIRED_IN_MATCH if order.prevented else _FILLED

    account = state.accounts[order.account_id]
    instrument = market.instrument
    buying = order.side is _BUY
    base, counter = account.balance(instrument.base), account.balance(instrument.quote)
    if buying:
        _pay(order, counter, quote)
    else:
        _pay(order, base, quantity)
    commission, asset = _commission(state, account, instrument, order, quantity, quote, is_maker)
    fee_elsewhere = asset != (instrument.base if buying else instrument.quote)
    net = ZERO if fee_elsewhere else commission
    if not buying:
        counter.free += quote - net
    elif order_list is not None and order_list.takes_received and order.order_id == order_list.working:
        _hold(state, order_list, base, quantity, net)
    else:
        base.free += quantity - net
    touched = state.touched
    touched[account.account_id, instrument.base] = None
    touched[account.account_id, instrument.quote] = None
    if commission:
        state.house[asset] = state.house.get(asset, ZERO) + commission
        if fee_elsewhere:
            account.balance(asset).free -= commission
            touched[account.account_id, asset] = None

    if is_first and state.settings.order_counts:
        account.add_count(state.settings.order_counts, -1, state.now)
    trade = TradeView(
        order.symbol, trade_id, order.order_id, order.order_list_id, price, quantity, quote, commission, asset,
        state.now, buying, is_maker,
    )  # fmt: skip
    order.fills.append(trade)
    if state.settings.fills_kept_max:
        account.keep_fill(trade, state.settings.fills_kept_max)
    if is_final:
        state.finish(order)
    state.report_trade(order, quantity, price, quote, commission, asset, trade_id, is_maker)
    if order_list is not None:
        after_fill(state, order_list, order, is_first=is_first)
    return Fill(price, quantity, commission, asset, trade_id)


def _pay(order: Order, balance: Balance, amount: Decimal) -> None:
    """Take what the order gives: from its lock, else from free; a buyer's better price frees the difference."""
    held = order.locked
    if not held:
        balance.free -= amount
        return
    needed = order.lock_needed()
    order.locked = needed
    released = held - needed
    balance.locked -= released
    if released != amount:
        balance.free += released - amount


def _hold(
    state: State, order_list: OrderList, balance: Balance, quantity: Decimal, commission: Decimal
) -> None:
    """Keep what an OPO's working order received locked for its exits; the fee comes off it, or from free coins."""
    if commission and state.settings.opo_commission_from_free and balance.free >= commission:
        balance.free -= commission
    else:
        quantity -= commission
    balance.locked += quantity
    order_list.received += quantity


def _commission(
    state: State,
    account: Account,
    instrument: Instrument,
    order: Order,
    quantity: Decimal,
    quote: Decimal,
    is_maker: bool,
) -> tuple[Decimal, Asset]:
    """Commission and its asset: BNB where the account pays so and has enough of it, else the asset received."""
    buying = order.side is _BUY
    asset = instrument.base if buying else instrument.quote
    fees = account.fees
    rate = fees.maker if is_maker else fees.taker
    if not rate or state.settings.commission_free:
        return ZERO, asset
    received = quantity if buying else quote
    precision = instrument.base_commission_precision if buying else instrument.quote_commission_precision
    if fees.pay_in_bnb:
        bnb = state.settings.bnb
        if asset == bnb:
            return round_commission(received * rate * fees.bnb_rate, precision), asset
        amount = _in_bnb(state, instrument, quantity, quote)
        if amount is not None:
            amount = round_commission(amount * rate * fees.bnb_rate, precision)
            if amount and account.balance(bnb).free >= amount:
                return amount, bnb
    return round_commission(received * rate, precision), asset


def _in_bnb(state: State, instrument: Instrument, quantity: Decimal, quote: Decimal) -> Decimal | None:
    """What a fill is worth in BNB; None while no price is known."""
    bnb = state.settings.bnb
    if instrument.base == bnb:
        return quantity
    if instrument.quote == bnb:
        return quote
    market = state.markets.get(bnb + instrument.quote)
    if market is None or not market.last:
        return None
    return quote / market.last
