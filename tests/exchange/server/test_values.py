from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.operations import Kind, Parameter
from fillwright.exchange.server.values import converter, invalid, missing

ILLEGAL = "Illegal characters found in parameter 'p'; legal range is '{}'."
DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


def _value(kind: Kind, text: str, **more: Any) -> Any:
    return converter(Parameter("p", kind, **more))(text)


def _refusal(kind: Kind, text: str, **more: Any) -> tuple[int, str]:
    with pytest.raises(ExchangeError) as caught:
        _value(kind, text, **more)
    return caught.value.code, caught.value.message


def test_decimals_are_exact_and_plain() -> None:
    assert _value(Kind.DECIMAL, "0.10") == Decimal("0.10")
    assert _value(Kind.DECIMAL, "0.00000000000000000001") == Decimal("1E-20")
    for text in ("1e-05", "-1", "+1", ".5", "1.", "NaN", "1,5", "१", "1" * 21, "1." + "1" * 21, " 1"):
        assert _refusal(Kind.DECIMAL, text) == (-1100, ILLEGAL.format(DECIMAL))
    assert _refusal(Kind.DECIMAL, "92233720368.54775808") == (-1108, "Parameter 'p' overflowed.")


def test_integers_are_longs_in_their_range() -> None:
    assert _value(Kind.INTEGER, "9223372036854775807") == 2**63 - 1
    assert _refusal(Kind.INTEGER, "9223372036854775808") == (-1108, "Parameter 'p' overflowed.")
    for text in ("-1", "1.0", "x", "१", "1" * 21):
        assert _refusal(Kind.INTEGER, text) == (-1100, ILLEGAL.format("^[0-9]{1,20}$"))
    assert _refusal(Kind.INTEGER, "0", minimum=1) == (-1130, "Data sent for parameter 'p' is not valid.")
    assert _refusal(Kind.INTEGER, "999999", minimum=1_000_000, error=-1134) == (
        -1134,
        "strategyType was less than 1000000.",
    )
    assert _value(Kind.INTEGER, "5000", maximum=1000, is_clamped=True) == 1000
    assert _refusal(Kind.INTEGER, "5000", maximum=1000)[0] == -1130


def test_times_are_milliseconds_or_microseconds_by_their_size() -> None:
    assert _value(Kind.TIME, "1499827319559") == 1_499_827_319_559_000
    assert _value(Kind.TIME, "1499827319559123") == 1_499_827_319_559_123
    assert _value(Kind.TIME, "0") == 0
    assert _value(Kind.TIME, "9223372036854775807") == 4_102_444_800_000_000
    assert _refusal(Kind.TIME, "-1")[0] == -1100


def test_client_ids_have_at_most_36_of_their_characters() -> None:
    assert _value(Kind.CLIENT_ID, "a-Z_9") == "a-Z_9"
    for text in ("a" * 37, "a b", "ä", "a.b", "a\n"):
        assert _refusal(Kind.CLIENT_ID, text) == (-1100, ILLEGAL.format("^[a-zA-Z0-9-_]{1,36}$"))


def test_symbols_are_unicode_without_lower_case() -> None:
    assert _value(Kind.SYMBOL, "BTCUSDT") == "BTCUSDT"
    assert _value(Kind.SYMBOL, "１２３４５６") == "１２３４５６"
    for text in ("btcusdt", "BTC/USDT", "A" * 51, "BTC USDT", "BTC\n"):
        assert _refusal(Kind.SYMBOL, text) == (-1100, ILLEGAL.format(r"^[\w\-._&&[^a-z]]{1,50}$"))


def test_lists_of_symbols_are_compact_json_without_doubles() -> None:
    assert _value(Kind.SYMBOLS, '["BTCUSDT","BNBUSDT"]') == ["BTCUSDT", "BNBUSDT"]
    assert _refusal(Kind.SYMBOLS, "BTCUSDT") == (-1135, "JSON sent for parameter 'p' is not valid")
    assert _refusal(Kind.SYMBOLS, '["BTCUSDT",1]')[0] == -1135
    for text in ('["BTCUSDT", "BNBUSDT"]', '["btcusdt"]'):
        assert _refusal(Kind.SYMBOLS, text)[0] == -1100
    assert _refusal(Kind.SYMBOLS, "[]") == (-1105, "Parameter 'p' was empty.")
    assert _refusal(Kind.SYMBOLS, '["A","A"]') == (-1151, "Symbol is present multiple times in the list.")
    assert _refusal(Kind.SYMBOLS, '["A","B"]', maximum=1) == (
        -1101,
        "Too many parameters; expected '1' and received '2'.",
    )


def test_texts_may_be_one_or_a_list() -> None:
    known = ("SPOT", "MARGIN")
    assert _value(Kind.STRINGS, "SPOT", values=known) == ["SPOT"]
    assert _value(Kind.STRINGS, '["SPOT","MARGIN"]', values=known) == ["SPOT", "MARGIN"]
    assert _refusal(Kind.STRINGS, '["SPOT","X"]', values=known)[0] == -1130
    assert _refusal(Kind.STRINGS, "[", values=known)[0] == -1135


def test_booleans_enumerations_and_intervals() -> None:
    assert _value(Kind.BOOLEAN, "TRUE") is True
    assert _value(Kind.BOOLEAN, "false") is False
    assert _refusal(Kind.BOOLEAN, "1")[0] == -1130
    assert _value(Kind.INTERVAL, "1M") == "1M"
    assert _refusal(Kind.INTERVAL, "1D") == (-1120, "Invalid interval.")
    assert _value(Kind.STRING, "BUY", values=("BUY", "SELL"), error=-1117) == "BUY"
    assert _refusal(Kind.STRING, "buy", values=("BUY", "SELL"), error=-1117) == (-1117, "Invalid side.")
    assert _value(Kind.STRING, "anything at all") == "anything at all"


def test_errors_name_their_parameter_where_their_text_does() -> None:
    assert invalid("x", -1116).message == "Invalid orderType."
    assert invalid("x").message == "Data sent for parameter 'x' is not valid."
    assert missing("x").message == "Mandatory parameter 'x' was not sent, was empty/null, or malformed."
