from __future__ import annotations

import pytest

from fillwright.core.types import OrderType, Side
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.order_parameters import (
    NO_PEGS,
    leg_names,
    leg_parameters,
    leg_request,
    order_request,
    spelled,
)
from tests.exchange.server.asking import Asker
from tests.exchange.server.boxes import frozen_box


@pytest.fixture
def asker() -> Asker:
    return Asker(frozen_box())


def test_legs_spell_their_parameters_with_a_prefix() -> None:
    assert spelled("", "stopPrice") == "stopPrice"
    assert spelled("pendingAbove", "stopPrice") == "pendingAboveStopPrice"
    assert leg_names("above").trailing_delta == "aboveTrailingDelta"
    assert [one.name for one in leg_parameters("below")] == [
        "belowClientOrderId",
        "belowIcebergQty",
        "belowPrice",
        "belowStopPrice",
        "belowTrailingDelta",
        "belowTimeInForce",
        "belowStrategyId",
        "belowStrategyType",
        "belowPegPriceType",
        "belowPegOffsetType",
        "belowPegOffsetValue",
    ]


def test_an_order_without_an_id_gets_one_of_its_own(asker: Asker) -> None:
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    first, second = (order_request(asker.call("order.place", **params)) for _ in range(2))
    assert first.client_order_id != second.client_order_id
    assert len(first.client_order_id) == 22


def test_a_leg_is_read_by_its_names(asker: Asker) -> None:
    call = asker.call(
        "orderList.place.oco", symbol="BTCUSDT", side="SELL", quantity="1", aboveType="LIMIT_MAKER",
        abovePrice="2", belowType="STOP_LOSS", belowStopPrice="1", belowClientOrderId="b", belowStrategyId=5,
    )  # fmt: skip
    leg = leg_request(call, leg_names("below"), Side.SELL, OrderType.STOP_LOSS, call.parameters["quantity"])
    assert (leg.client_order_id, leg.stop_price, leg.price, leg.strategy_id) == ("b", 1, None, 5)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"pegPriceType": "PRIMARY_PEG"}, (-1013, NO_PEGS)),
        ({"pegPriceType": "PRIMARY_PEG", "symbol": "NOPE"}, (-1121, "Invalid symbol.")),
        ({"pegOffsetType": "PRICE_LEVEL"}, (-1106, "Parameter 'pegOffsetType' sent when not required.")),
        ({"pegOffsetValue": 3}, (-1106, "Parameter 'pegOffsetValue' sent when not required.")),
    ],
)
def test_pegged_orders_are_refused(asker: Asker, params: dict[str, object], error: tuple[int, str]) -> None:
    order: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1"}
    with pytest.raises(ExchangeError) as caught:
        order_request(asker.call("order.place", **(order | params)))
    assert (caught.value.code, caught.value.message) == error
