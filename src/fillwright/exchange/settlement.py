"""One fill: balances, commission, the order's progress, its report."""

from __future__ import annotations

from decimal import Decimal

from fillwright.core.instruments import Instrument
from fillwright.core.types import ZERO, Asset, Side, VenueOrderStatus
from fillwright.exchange.accounts import Account, round_commission
from fillwright.exchange.lists import after_fill, before_fill
from fillwright.exchange.market import SymbolMarket
from fillwright.exchange.messages import NO_ID, Fill, TradeView
from fillwright.exchange.orders import Order
from fillwright.exchange.state import State

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
    in_list = order.order_list_id != NO_ID
    if in_list:
        before_fill(state, order)
    is_first = not order.executed
    order.executed += quantity
    order.executed_quote += quote
    left = order.remaining
    if left > ZERO:
        order.status = VenueOrderStatus.PARTIALLY_FILLED
    elif order.prevented:
        order.status = VenueOrderStatus.EXPIRED_IN_MATCH
    else:
        order.status = VenueOrderStatus.FILLED

    account = state.accounts[order.account_id]
    instrument = market.instrument
    buying = order.side is _BUY
    _pay(account, instrument, order, quote if buying else quantity)
    commission, asset = _commission(state, account, instrument, order, quantity, quote, is_maker)
    _receive(state, account, instrument, order, quantity if buying else quote, commission, asset)
    if commission:
        state.house[asset] = state.house.get(asset, ZERO) + commission
    touched = state.touched
    touched[account.account_id, instrument.base] = None
    touched[account.account_id, instrument.quote] = None
    if asset is not instrument.base and asset is not instrument.quote:
        touched[account.account_id, asset] = None

    if is_first and state.settings.order_counts:
        account.add_count(state.settings.order_counts, -1, state.now)
    order.fills.append(
        TradeView(
            order.symbol, trade_id, order.order_id, order.order_list_id, price, quantity, quote, commission, asset,
            state.now, buying, is_maker,
        )
    )  # fmt: skip
    is_final = left <= ZERO
    if is_final:
        state.finish(order)
    state.report_trade(order, quantity, price, quote, commission, asset, trade_id, is_maker)
    if in_list:
        after_fill(state, order, is_first=is_first)
    return Fill(price, quantity, commission, asset, trade_id)


def _pay(account: Account, instrument: Instrument, order: Order, amount: Decimal) -> None:
    """Take what the order gives: from its lock, else from free; a buyer's better price frees the difference."""
    balance = account.balance(instrument.quote if order.side is _BUY else instrument.base)
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


def _receive(
    state: State,
    account: Account,
    instrument: Instrument,
    order: Order,
    amount: Decimal,
    commission: Decimal,
    commission_asset: Asset,
) -> None:
    """Credit what the order gets, less a commission in that asset; an OPO's coins stay locked for its exits."""
    received_asset = instrument.base if order.side is _BUY else instrument.quote
    balance = account.balance(received_asset)
    if commission and commission_asset != received_asset:
        account.balance(commission_asset).free -= commission
        commission = ZERO
    order_list = state.lists.get(order.order_list_id)
    if order_list is None or not order_list.takes_received or order.order_id != order_list.working:
        balance.free += amount - commission
        return
    if commission and state.settings.opo_commission_from_free and balance.free >= commission:
        balance.free -= commission
    else:
        amount -= commission
    balance.locked += amount
    order_list.received += amount


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
