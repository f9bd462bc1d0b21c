"""What an account has and has traded: balances, commission rates, own trades.

Source: Binance Spot REST "Account endpoints".
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.types import Asset, Symbol
from fillwright.wire.codec import Message, decode


class AssetBalance(Message, frozen=True, kw_only=True, gc=False):
    """What an account holds of one asset."""

    asset: Asset
    free: Decimal
    locked: Decimal


class CommissionRates(Message, frozen=True, kw_only=True, gc=False):
    """Rates as fractions (0.001 = 0.1 %); buyer's and seller's come on top of maker's or taker's."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal | None = None
    """Absent for a tested order."""
    seller: Decimal | None = None


class Account(Message, frozen=True, kw_only=True, gc=False):
    """An account (``GET account``); the four commissions are basis points of old, ``commission_rates`` count."""

    maker_commission: int
    taker_commission: int
    buyer_commission: int
    seller_commission: int
    commission_rates: CommissionRates | None = None
    can_trade: bool
    can_withdraw: bool
    can_deposit: bool
    brokered: bool | None = None
    require_self_trade_prevention: bool | None = None
    prevent_sor: bool | None = None
    update_time: int
    account_type: str
    balances: tuple[AssetBalance, ...]
    permissions: tuple[str, ...] | None = None
    trade_group_id: int | None = None
    uid: int | None = None


class CommissionDiscount(Message, frozen=True, kw_only=True, gc=False):
    """The reduction for paying commissions in another asset."""

    enabled_for_account: bool
    enabled_for_symbol: bool
    discount_asset: Asset
    discount: Decimal


class AccountCommission(Message, frozen=True, kw_only=True, gc=False):
    """Commission rates of a symbol (``GET account/commission``)."""

    symbol: Symbol
    standard_commission: CommissionRates
    special_commission: CommissionRates | None = None
    tax_commission: CommissionRates | None = None
    discount: CommissionDiscount | None = None


class OrderCommission(Message, frozen=True, kw_only=True, gc=False):
    """What a tested order would pay (``POST order/test`` with computeCommissionRates)."""

    standard: CommissionRates = msgspec.field(name="standardCommissionForOrder")
    special: CommissionRates | None = msgspec.field(name="specialCommissionForOrder", default=None)
    tax: CommissionRates | None = msgspec.field(name="taxCommissionForOrder", default=None)
    discount: CommissionDiscount | None = None


class Trade(Message, frozen=True, kw_only=True, gc=False):
    """One execution of the account's (``GET myTrades``)."""

    symbol: Symbol
    trade_id: int = msgspec.field(name="id")
    order_id: int
    order_list_id: int | None = None
    price: Decimal
    quantity: Decimal = msgspec.field(name="qty")
    quote_quantity: Decimal | None = msgspec.field(name="quoteQty", default=None)
    commission: Decimal
    commission_asset: Asset
    time: int
    is_buyer: bool
    is_maker: bool
    is_best_match: bool | None = None


_ACCOUNT = msgspec.json.Decoder(Account)
_COMMISSION = msgspec.json.Decoder(AccountCommission)
_ORDER_COMMISSION = msgspec.json.Decoder(OrderCommission)
_TRADES = msgspec.json.Decoder(tuple[Trade, ...])


def decode_account(body: bytes | msgspec.Raw) -> Account:
    """Read the answer to ``GET account``; WireError otherwise."""
    return decode(_ACCOUNT, body, "an account")


def decode_account_commission(body: bytes | msgspec.Raw) -> AccountCommission:
    """Read the answer to ``GET account/commission``; WireError otherwise."""
    return decode(_COMMISSION, body, "an account's commission")


def decode_order_commission(body: bytes | msgspec.Raw) -> OrderCommission:
    """Read what a tested order would pay; WireError otherwise."""
    return decode(_ORDER_COMMISSION, body, "a tested order's commission")


def decode_trades(body: bytes | msgspec.Raw) -> tuple[Trade, ...]:
    """Read the answer to ``GET myTrades``; WireError otherwise."""
    return decode(_TRADES, body, "trades")
