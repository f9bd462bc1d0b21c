from __future__ import annotations

import msgspec
import pytest

from fillwright.exchange.server.admin_messages import (
    MakeKey,
    MoveTime,
    SetPrice,
    SetSymbol,
    TimeAction,
    Wish,
)
from fillwright.exchange.server.keys import ALL_PERMISSIONS


@pytest.mark.parametrize("price", ['"NaN"', '"Infinity"', '"-sNaN"', '"1E+16"', '"1E-19"', '"-1E+16"'])
def test_an_amount_is_a_number(price: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="price is a number"):
        msgspec.json.decode(f'{{"symbol": "BTCUSDT", "price": {price}}}', type=SetPrice)


def test_amounts_are_exact_as_text_or_number() -> None:
    for price in ('"0.100000000000000001"', "0.100000000000000001"):
        wish = msgspec.json.decode(f'{{"symbol": "BTCUSDT", "price": {price}}}', type=SetPrice)
        assert str(wish.price) == "0.100000000000000001"


@pytest.mark.parametrize("kind", [Wish, MakeKey, MoveTime, SetSymbol])
def test_what_is_not_known_is_an_error(kind: type[Wish]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"account": "a", "symbol": "b", "action": "step", "what": 1}', type=kind)


def test_a_price_that_is_cleared_is_told_from_one_that_is_left() -> None:
    assert msgspec.json.decode('{"symbol": "b"}', type=SetSymbol).reference_price is msgspec.UNSET
    cleared = msgspec.json.decode('{"symbol": "b", "reference_price": null}', type=SetSymbol)
    assert cleared.reference_price is None


def test_a_key_may_do_everything_unless_it_is_said() -> None:
    assert msgspec.json.decode('{"account": "a"}', type=MakeKey).permissions == ALL_PERMISSIONS
    assert msgspec.json.decode('{"action": "freeze"}', type=MoveTime).action is TimeAction.FREEZE
