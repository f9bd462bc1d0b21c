"""On what terms an account trades at Binance: its symbols, rates, balances, and the limits that orders are counted by.

Sources: Binance Spot REST "Exchange information", "Account information", "Query Commission Rates".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import TypeVar

import msgspec

from fillwright.binance.outcomes import Outcome, Refused, Unknown, Unsent, read
from fillwright.core.settings import VenueProfile
from fillwright.core.types import ZERO, Symbol
from fillwright.ports import VenueTerms, VenueUnavailableError
from fillwright.venues.binance_reading import Body, Reader, decode_information, why
from fillwright.wire import queries
from fillwright.wire.accounts import (
    Account,
    AccountCommission,
    CommissionRates,
    decode_account,
    decode_account_commission,
)
from fillwright.wire.exchange_info import ExchangeInfo, RateLimit
from fillwright.wire.requests import WireRequest

AskOnce = Callable[[WireRequest], Awaitable[Outcome]]
Decoded = TypeVar("Decoded")

COMMISSIONS_MAX = 10
"""Symbols whose own rates are asked for (weight 20 each); of more the account's rates are taken."""
BASIS_POINTS = Decimal(10_000)
_UNITS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}


async def read_terms(
    ask: AskOnce, reader: Reader, symbols: tuple[Symbol, ...], profile: VenueProfile
) -> tuple[VenueTerms, ExchangeInfo]:
    """Ask for everything at once; VenueUnavailableError says what could not be had.

    ``symbols`` empty: all that may be traded on Spot.
    """
    rated = symbols if len(symbols) <= COMMISSIONS_MAX else ()
    questions = [
        queries.exchange_information(symbols),
        queries.account_status(),
        *[queries.account_commission(symbol) for symbol in rated],
    ]
    of_symbols, of_account, *of_rates = await asyncio.gather(*[ask(one) for one in questions])
    info = _had(of_symbols, decode_information, "its symbols")
    missing = [symbol for symbol in symbols if symbol not in info.instruments]
    if missing:
        raise VenueUnavailableError(f"Binance does not have {', '.join(missing)}")
    account = _had(of_account, decode_account, "the account")
    if not account.can_trade:
        raise VenueUnavailableError("Binance does not let this account trade")
    maker, taker = _rates(account)
    for symbol, outcome in zip(rated, of_rates, strict=True):
        commission = _had(outcome, decode_account_commission, f"the rates of {symbol}")
        maker, taker = max(maker, _whole(commission, "maker")), max(taker, _whole(commission, "taker"))
    instruments = tuple([one for one in info.instruments.values() if one.spot_allowed])
    terms = VenueTerms(
        instruments=instruments,
        maker_fee=maker,
        taker_fee=taker,
        balances=reader.of_account(account),
        profile=msgspec.structs.replace(
            profile, order_limits=order_limits(info.rate_limits) or profile.order_limits
        ),
    )
    return terms, info


def order_limits(limits: Iterable[RateLimit]) -> tuple[tuple[int, int], ...]:
    """The counts of unfilled orders: (window in seconds, orders)."""
    return tuple(
        [
            (_UNITS_S[one.interval] * one.interval_num, one.limit)
            for one in limits
            if one.rate_limit_type == "ORDERS" and one.interval in _UNITS_S
        ]
    )


def _rates(account: Account) -> tuple[Decimal, Decimal]:
    """Maker's and taker's, with what a buyer or seller pays on top, whichever is more."""
    rates = account.commission_rates
    if rates is not None:
        return _sum(rates, "maker"), _sum(rates, "taker")
    more = max(account.buyer_commission, account.seller_commission)
    return (account.maker_commission + more) / BASIS_POINTS, (account.taker_commission + more) / BASIS_POINTS


def _whole(commission: AccountCommission, role: str) -> Decimal:
    """Standard, special and tax together; the discount for paying in BNB is not counted on."""
    parts = (commission.standard_commission, commission.special_commission, commission.tax_commission)
    return sum((_sum(part, role) for part in parts if part is not None), ZERO)


def _sum(rates: CommissionRates, role: str) -> Decimal:
    base: Decimal = getattr(rates, role)
    return base + max(rates.buyer or ZERO, rates.seller or ZERO)


def _had(outcome: Outcome, decode: Callable[[Body], Decoded], what: str) -> Decoded:
    answer = read(outcome, decode)
    if isinstance(answer, Refused | Unknown | Unsent):
        raise VenueUnavailableError(f"Binance does not tell {what}: {why(answer)}")
    return answer
