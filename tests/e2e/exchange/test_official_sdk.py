"""The unmodified official SDK (binance-sdk-spot) against the server: REST, WebSocket API, streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot.rest_api.models import (
    NewOrderNewOrderRespTypeEnum,
    NewOrderSideEnum,
    NewOrderTimeInForceEnum,
    NewOrderTypeEnum,
    OrderCancelReplaceCancelReplaceModeEnum,
    OrderCancelReplaceSideEnum,
    OrderCancelReplaceTimeInForceEnum,
    OrderCancelReplaceTypeEnum,
    OrderListOcoAboveTypeEnum,
    OrderListOcoBelowTypeEnum,
    OrderListOcoSideEnum,
)
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import (
    OrderPlaceSideEnum,
    OrderPlaceTimeInForceEnum,
    OrderPlaceTypeEnum,
)

from tests.e2e.exchange.box import Box

pytestmark = pytest.mark.filterwarnings("default")  # the library's own
MARKET = "BTCUSDT"
WAIT_MAX_S = 30.0
LIMIT: dict[str, Any] = {
    "symbol": MARKET,
    "type": NewOrderTypeEnum.LIMIT,
    "time_in_force": NewOrderTimeInForceEnum.GTC,
}


def rest(box: Box, api_key: str = "", secret: str = "") -> Any:
    """The SDK's REST client; its models are strict, so an answer of another shape fails."""
    config = ConfigurationRestAPI(
        api_key=api_key or box.api_key, api_secret=secret or box.secret, base_path=box.rest, timeout=10_000
    )
    return Spot(config_rest_api=config).rest_api


def strict(response: Any) -> Any:
    """The answer as the SDK's typed model; it falls back to plain JSON where an answer is of another shape."""
    data = response.data()
    parts = data if isinstance(data, list) else [data]
    assert not any(isinstance(one, dict) for one in parts), f"not the model's shape: {parts[:1]}"
    return data


def test_rest_prices(box: Box) -> None:
    client = rest(box)
    assert strict(client.time()).server_time > 0
    info = strict(client.exchange_info(symbol=MARKET))
    assert info.symbols[0].base_asset == "BTC"
    assert info.symbols[0].filters
    assert strict(client.depth(MARKET, 5)).bids[0] == ["59990.00000000", "2.00000000"]
    box.trade(MARKET, "60000", "0.25")
    assert strict(client.get_trades(MARKET))[-1].qty == "0.25000000"
    assert strict(client.agg_trades(MARKET))[-1].p == "60000.00000000"
    assert strict(client.avg_price(MARKET)).mins == 5
    assert client.klines(MARKET, "1m").data()
    assert client.ticker_price(MARKET).data() is not None
    assert client.ticker24hr(MARKET).data() is not None
    assert client.ticker_book_ticker(MARKET).data() is not None
    assert client.execution_rules(symbol=MARKET).data() is not None


def test_rest_orders(box: Box) -> None:
    client = rest(box)
    bought = strict(client.new_order(MARKET, NewOrderSideEnum.BUY, NewOrderTypeEnum.MARKET, quantity=0.01))
    assert (bought.status, bought.fills[0].price) == ("FILLED", "60010.00000000")
    resting = strict(
        client.new_order(
            side=NewOrderSideEnum.BUY,
            quantity=0.02,
            price=59_000,
            new_client_order_id="mine",
            strategy_id=7,
            strategy_type=1_000_001,
            new_order_resp_type=NewOrderNewOrderRespTypeEnum.FULL,
            **LIMIT,
        )
    )
    assert (resting.client_order_id, resting.status) == ("mine", "NEW")
    assert strict(client.get_order(MARKET, orig_client_order_id="mine")).order_id == resting.order_id
    amended = strict(client.order_amend_keep_priority(MARKET, 0.01, order_id=resting.order_id))
    assert amended.amended_order.qty == "0.01000000"
    assert strict(client.order_amendments(MARKET, resting.order_id))[0].new_qty == "0.01000000"
    replaced = strict(
        client.order_cancel_replace(
            MARKET,
            OrderCancelReplaceSideEnum.BUY,
            OrderCancelReplaceTypeEnum.LIMIT,
            OrderCancelReplaceCancelReplaceModeEnum.STOP_ON_FAILURE,
            time_in_force=OrderCancelReplaceTimeInForceEnum.GTC,
            quantity=0.02,
            price=58_000,
            cancel_order_id=resting.order_id,
        )
    )
    assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
    assert len(strict(client.get_open_orders(MARKET))) == 1
    client.delete_open_orders(MARKET)
    oco = strict(
        client.order_list_oco(
            MARKET,
            OrderListOcoSideEnum.SELL,
            0.01,
            OrderListOcoAboveTypeEnum.LIMIT_MAKER,
            OrderListOcoBelowTypeEnum.STOP_LOSS,
            above_price=62_000,
            below_stop_price=58_000,
        )
    )
    assert oco.contingency_type == "OCO"
    assert len(oco.order_reports) == 2
    assert strict(client.get_order_list(order_list_id=oco.order_list_id)).list_order_status == "EXECUTING"
    assert strict(client.delete_order_list(MARKET, oco.order_list_id)).list_order_status == "ALL_DONE"
    account = strict(client.get_account(omit_zero_balances=True))
    assert {one.asset for one in account.balances} >= {"BTC", "USDT"}
    assert strict(client.my_trades(MARKET))[0].order_id == bought.order_id
    assert len(strict(client.all_orders(MARKET))) == 5
    assert strict(client.account_commission(MARKET)).standard_commission.maker == "0.00100000"
    assert strict(client.rate_limit_order())[0].rate_limit_type == "ORDERS"
    assert client.my_filters(MARKET).data() is not None


def test_rest_errors(box: Box) -> None:
    client = rest(box)
    with pytest.raises(BadRequestError, match="insufficient balance"):
        client.new_order(side=NewOrderSideEnum.BUY, quantity=100, price=59_000, **LIMIT)
    with pytest.raises(BadRequestError, match="Filter failure: NOTIONAL"):
        client.new_order(side=NewOrderSideEnum.BUY, quantity="0.00001", price=59_000, **LIMIT)
    with pytest.raises(BadRequestError, match="Illegal characters found in parameter 'quantity'"):
        client.new_order(side=NewOrderSideEnum.BUY, quantity=0.00001, price=59_000, **LIMIT)  # sends 1e-05
    with pytest.raises(BadRequestError, match="Order does not exist"):
        client.get_order(MARKET, order_id=999_999)
    with pytest.raises(UnauthorizedError):
        rest(box, api_key="x" * 64).get_account()
    with pytest.raises(BadRequestError, match="Signature for this request is not valid"):
        rest(box, secret="wrong").get_account()


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario with a limit of time."""

    async def limited() -> None:
        await asyncio.wait_for(scenario(), WAIT_MAX_S)

    asyncio.run(limited())


@pytest.mark.parametrize("ed25519", [False, True], ids=["hmac", "ed25519"])
def test_websocket_api_and_user_data(box: Box, ed25519: bool) -> None:
    async def scenario() -> None:
        if ed25519:
            config = ConfigurationWebSocketAPI(
                api_key=box.ed25519_key, private_key=box.ed25519_private, stream_url=f"{box.ws}/ws-api/v3"
            )
        else:
            config = ConfigurationWebSocketAPI(
                api_key=box.api_key, api_secret=box.secret, stream_url=f"{box.ws}/ws-api/v3"
            )
        spot = Spot(config_ws_api=config)
        connection = await spot.websocket_api.create_connection()
        try:
            events: asyncio.Queue[Any] = asyncio.Queue()
            if ed25519:
                logon = await connection.session_logon()
                assert logon.data().result.api_key == box.ed25519_key
                stream = (await connection.user_data_stream_subscribe()).stream
            else:
                stream = (await connection.user_data_stream_subscribe_signature()).stream
            stream.on("message", events.put_nowait)
            placed = await connection.order_place(
                MARKET,
                OrderPlaceSideEnum.SELL,
                OrderPlaceTypeEnum.LIMIT,
                time_in_force=OrderPlaceTimeInForceEnum.GTC,
                quantity=0.5,
                price=60_005,
            )
            order_id = placed.data().result.order_id
            assert placed.rate_limits is not None
            report = (await events.get()).actual_instance
            assert (report.i, report.x) == (order_id, "NEW")
            assert type((await events.get()).actual_instance).__name__ == "OutboundAccountPosition"
            box.trade(MARKET, "60006", "0.2")
            fill = (await events.get()).actual_instance
            assert (fill.x, fill.l) == ("TRADE", "0.20000000")
            status = await connection.order_status(MARKET, order_id=order_id)
            assert status.data().result.executed_qty == "0.20000000"
            cancelled = await connection.order_cancel(MARKET, order_id=order_id)
            assert cancelled.data().result is not None
            depth = await connection.depth(MARKET)
            assert depth.data().result.last_update_id > 0
            refused = await connection.order_place(
                MARKET,
                OrderPlaceSideEnum.BUY,
                OrderPlaceTypeEnum.LIMIT,
                time_in_force=OrderPlaceTimeInForceEnum.GTC,
                quantity=100,
                price=59_000,
            )
            assert refused.data()["error"]["code"] == -2010
        finally:
            await connection.close_connection(close_session=True)

    play(scenario)


def test_streams(box: Box) -> None:
    async def scenario() -> None:
        spot = Spot(config_ws_streams=ConfigurationWebSocketStreams(stream_url=box.ws))
        connection = await spot.websocket_streams.create_connection()
        try:
            seen: asyncio.Queue[Any] = asyncio.Queue()
            for stream in (
                await connection.trade(MARKET.lower()),
                await connection.agg_trade(MARKET.lower()),
                await connection.book_ticker(MARKET.lower()),
                await connection.diff_book_depth(MARKET.lower(), update_speed="100ms"),
            ):
                stream.on("message", seen.put_nowait)
            box.trade(MARKET, "60000", "0.3")
            box.depth(MARKET, bids=[("59991", "1")], asks=[("60010", "3")])
            kinds = set()
            while len(kinds) < 4:
                kinds.add(type(await seen.get()).__name__)
            assert kinds == {
                "TradeResponse",
                "AggTradeResponse",
                "BookTickerResponse",
                "DiffBookDepthResponse",
            }
        finally:
            await connection.close_connection(close_session=True)

    play(scenario)
