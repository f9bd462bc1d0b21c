"""Every exception of ccxt's is classed; texts carry no signature."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from fillwright.core.executions import DUPLICATE_ORDER, INSUFFICIENT_BALANCE
from fillwright.core.types import ErrorClass
from fillwright.venues.ccxt_errors import UNREADABLE, failure_of

P, U, RATE, CLOCK = ErrorClass.PERMANENT, ErrorClass.UNKNOWN, ErrorClass.RATE, ErrorClass.CLOCK
URL = "https://api.example.com/api/v3/order?symbol=BTCUSDT&signature=abcdef0123"


def every_class(part: type[Exception]) -> list[type[Exception]]:
    return [part, *[one for child in part.__subclasses__() for one in every_class(child)]]


@pytest.mark.parametrize("kind", every_class(ccxt.BaseError), ids=lambda kind: kind.__name__)
def test_what_says_nothing_certain_is_unknown_and_what_is_the_exchanges_is_final(
    kind: type[Exception],
) -> None:
    failure = failure_of(kind("kraken something"), "kraken")
    assert failure.kind == kind.__name__ != UNREADABLE
    if issubclass(kind, ccxt.ExchangeError):
        assert failure.error_class is P
    elif issubclass(kind, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
        assert failure.error_class is RATE
    elif issubclass(kind, ccxt.InvalidNonce):
        assert failure.error_class is CLOCK
    else:
        assert failure.error_class is U


CASES: list[tuple[Exception, ErrorClass, int, str]] = [
    (ccxt.InsufficientFunds("binance Account has too little"), P, -2010, INSUFFICIENT_BALANCE),
    (ccxt.DuplicateOrderId("binance again"), P, -2010, DUPLICATE_ORDER),
    (ccxt.InvalidOrder('binance {"code":-2010,"msg":"Duplicate order sent."}'), P, -2010, DUPLICATE_ORDER),
    (
        ccxt.OrderNotFound('binance {"code":-2011,"msg":"Unknown order sent."}'),
        P,
        -2011,
        "Unknown order sent.",
    ),
    # Binance's own table knows better than the class that ccxt gives.
    (ccxt.OperationFailed('binance {"code":-1010,"msg":"Market is closed."}'), P, -1010, "Market is closed."),
    (ccxt.ExchangeError('binance {"code":-1007,"msg":"Timeout"}'), U, -1007, "Timeout"),
    (ccxt.InvalidOrder('binance {"code":-1015,"msg":"Too many"}'), RATE, -1015, "Too many"),
    (ccxt.BadRequest('binance {"code":-1021,"msg":"late"}'), CLOCK, -1021, "late"),
    (ccxt.DDoSProtection('binance 418 x {"code":-1003,"msg":"banned"}'), RATE, -1003, "banned"),
    (ccxt.ExchangeNotAvailable(f"binance POST {URL} 503 Service Unavailable <html>"), U, 503, "HTTP 503"),
    (ccxt.ExchangeNotAvailable(f"binance GET {URL} 403 Forbidden <html>"), RATE, 403, "HTTP 403 Forbidden"),
    (ccxt.ExchangeNotAvailable(f"binance GET {URL} 451 "), P, 451, "HTTP 451"),
    (ccxt.RequestTimeout(f"binance POST {URL}"), U, 0, "POST https://api.example.com/api/v3/order"),
    (KeyError("orderId"), U, 0, "an unreadable answer: KeyError"),
]


@pytest.mark.parametrize(("error", "error_class", "code", "text"), CASES)
def test_failures(error: Exception, error_class: ErrorClass, code: int, text: str) -> None:
    failure = failure_of(error, "binance")
    assert (failure.error_class, failure.code) == (error_class, code)
    assert text in failure.message
    assert "signature" not in failure.message


@pytest.mark.parametrize("body", ["{", "{}", '{"code":"x"}', '{"code":-1,"msg":3}', "}{", '{"code":null}'])
def test_whatever_a_body_is_it_is_classed(body: str) -> None:
    assert failure_of(ccxt.ExchangeError(f"binance {body}"), "binance").error_class is P


def test_codes_are_binances_only_at_binance() -> None:
    error: Any = ccxt.InvalidOrder('okx {"code":-1015,"msg":"Too many"}')
    assert failure_of(error, "okx").error_class is P
