"""On what terms an account trades: what is asked when a venue is opened, and what it makes of the answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.binance.outcomes import Outcome, Refused, Unknown
from fillwright.core.settings import VenueProfile
from fillwright.core.types import ErrorClass
from fillwright.ports import VenueTerms, VenueUnavailableError
from fillwright.venues.binance_reading import Reader
from fillwright.venues.binance_terms import order_limits, read_terms
from fillwright.wire.exchange_info import RateLimit
from fillwright.wire.requests import WireRequest
from tests.venues.test_binance_reading import Binance, account
from tests.warp import WarpClock, warped

D = Decimal
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160000},
]


def rates(maker: str, taker: str, buyer: str = "0", seller: str = "0") -> dict[str, str]:
    return {"maker": maker, "taker": taker, "buyer": buyer, "seller": seller}


def information(*symbols: str, **changes: Any) -> dict[str, Any]:
    rows = [
        {"symbol": one, "status": "TRADING", "baseAsset": one[:-4], "quoteAsset": "USDT", **changes}
        for one in symbols
    ]
    return {"symbols": rows, "rateLimits": LIMITS}


def commission(params: dict[str, Any]) -> dict[str, Any]:
    own = {"BTCUSDT": "0.0002", "ETHUSDT": "0.002"}[params["symbol"]]
    return {
        "symbol": params["symbol"],
        "standardCommission": rates("0.0001", own),
        "specialCommission": rates("0", "0.0005"),
        "taxCommission": rates("0.00001", "0", buyer="0.0001"),
    }


def opened(binance: Binance, *symbols: str) -> VenueTerms:
    async def once(request: WireRequest) -> Outcome:
        return await binance.ask(request, 0)

    async def whole() -> VenueTerms:
        reader = Reader(binance.ask, WarpClock())
        return (await read_terms(once, reader, symbols, VenueProfile(protection_read_s=7)))[0]

    return warped(whole())


def binance(**changes: Any) -> Binance:
    answers: dict[str, Any] = {
        "exchangeInfo": information("BTCUSDT", "ETHUSDT"),
        "account_status": account(USDT=("5", "1"), ETH=("0", "0")),
        "account_commission": commission,
        **changes,
    }
    return Binance(**answers)


def test_terms_are_symbols_rates_balances_and_limits() -> None:
    terms = opened(binance(), "BTCUSDT", "ETHUSDT")
    assert [one.symbol for one in terms.instruments] == ["BTCUSDT", "ETHUSDT"]
    assert terms.balances == (("USDT", D(5), D(1)),)
    assert terms.profile == VenueProfile(protection_read_s=7, order_limits=((10, 50), (86_400, 160_000)))


def test_the_dearest_rates_count_with_all_that_is_charged() -> None:
    terms = opened(binance(), "BTCUSDT", "ETHUSDT")
    assert terms.taker_fee == D("0.002") + D("0.0005") + D("0.0001")
    assert terms.maker_fee == D("0.001") + D("0.001")  # the account's own, in basis points


def test_the_rates_of_an_account_are_those_that_it_names() -> None:
    named = {**account(), "commissionRates": rates("0.0001", "0.0004", seller="0.0001")}
    terms = opened(binance(account_status=named))
    assert (terms.maker_fee, terms.taker_fee) == (D("0.0002"), D("0.0005"))


def test_without_named_symbols_all_of_spot_are_traded_at_the_accounts_rates() -> None:
    everything = information("BTCUSDT")
    everything["symbols"] += information("XUSDT", isSpotTradingAllowed=False)["symbols"]
    asked = binance(exchangeInfo=everything)
    terms = opened(asked)
    assert [one.symbol for one in terms.instruments] == ["BTCUSDT"]
    assert "account.commission" not in [one[0] for one in asked.asked]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exchangeInfo": information("BTCUSDT")}, "does not have ETHUSDT"),
        ({"exchangeInfo": Unknown("no answer")}, "its symbols: no answer"),
        ({"exchangeInfo": {}}, "unreadable"),
        (
            {"account_status": Refused(-2015, "Invalid API-key.", 401, ErrorClass.PERMANENT)},
            "Invalid API-key",
        ),
        ({"account_status": {**account(), "canTrade": False}}, "does not let this account trade"),
        ({"account_commission": Unknown("no answer")}, "the rates of BTCUSDT"),
    ],
)
def test_what_cannot_be_had_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(VenueUnavailableError, match=told):
        opened(binance(**changes), "BTCUSDT", "ETHUSDT")


def test_only_counts_of_orders_are_limits_of_orders() -> None:
    limits = [
        RateLimit("ORDERS", "SECOND", 10, 100),
        RateLimit("ORDERS", "FORTNIGHT", 1, 5),
        RateLimit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        RateLimit("ORDERS", "HOUR", 2, 9),
    ]
    assert order_limits(limits) == ((10, 100), (7_200, 9))


def test_limits_that_are_not_told_are_those_of_the_profile() -> None:
    silent = {**information("BTCUSDT", "ETHUSDT"), "rateLimits": []}
    assert opened(binance(exchangeInfo=silent)).profile.order_limits == VenueProfile().order_limits
