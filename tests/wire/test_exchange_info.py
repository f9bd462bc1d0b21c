from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fillwright.core.instruments import Instrument
from fillwright.core.types import OrderType, SelfTradePrevention, Side, SymbolStatus
from fillwright.wire.exchange_info import (
    ExchangeInfo,
    ExchangeInfoError,
    UnknownSymbolError,
    default_exchange_info,
    find_instrument,
    load_exchange_info,
    parse_exchange_info,
)


def number(text: str) -> Decimal:
    return Decimal(text)


def filters_of(instrument: Instrument) -> dict[str, dict[str, Any]]:
    """Write an instrument's filters back as exchangeInfo has them, numbers as Decimals."""
    price, lot, market = instrument.price_filter, instrument.lot_size, instrument.market_lot_size
    written: dict[str, dict[str, Any]] = {
        "PRICE_FILTER": {"minPrice": price.minimum, "maxPrice": price.maximum, "tickSize": price.tick},
        "LOT_SIZE": {"minQty": lot.minimum, "maxQty": lot.maximum, "stepSize": lot.step},
        "MARKET_LOT_SIZE": {"minQty": market.minimum, "maxQty": market.maximum, "stepSize": market.step},
    }
    if (percent := instrument.percent_price) is not None:
        if percent.by_side:
            written["PERCENT_PRICE_BY_SIDE"] = {
                "bidMultiplierUp": percent.bid_up,
                "bidMultiplierDown": percent.bid_down,
                "askMultiplierUp": percent.ask_up,
                "askMultiplierDown": percent.ask_down,
                "avgPriceMins": percent.average_minutes,
            }
        else:
            assert (percent.bid_up, percent.bid_down) == (percent.ask_up, percent.ask_down)
            written["PERCENT_PRICE"] = {
                "multiplierUp": percent.bid_up,
                "multiplierDown": percent.bid_down,
                "avgPriceMins": percent.average_minutes,
            }
    if (notional := instrument.notional) is not None:
        fields: dict[str, Any] = {"minNotional": notional.minimum, "avgPriceMins": notional.average_minutes}
        if notional.filter_name == "MIN_NOTIONAL":
            fields["applyToMarket"] = notional.minimum_for_market
        else:
            fields["applyMinToMarket"] = notional.minimum_for_market
            fields["maxNotional"] = notional.maximum
            fields["applyMaxToMarket"] = notional.maximum_for_market
        written[notional.filter_name] = fields
    if (trailing := instrument.trailing_delta) is not None:
        written["TRAILING_DELTA"] = {
            "minTrailingAboveDelta": trailing.above_minimum,
            "maxTrailingAboveDelta": trailing.above_maximum,
            "minTrailingBelowDelta": trailing.below_minimum,
            "maxTrailingBelowDelta": trailing.below_maximum,
        }
    if instrument.position_max is not None:
        written["MAX_POSITION"] = {"maxPosition": instrument.position_max}
    for kind, name, count in (
        ("ICEBERG_PARTS", "limit", instrument.iceberg_parts_max),
        ("MAX_NUM_ORDERS", "maxNumOrders", instrument.orders_max),
        ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", instrument.algo_orders_max),
        ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", instrument.iceberg_orders_max),
        ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", instrument.order_lists_max),
        ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", instrument.amends_max),
    ):
        if count is not None:
            written[kind] = {name: count}
    return written


def recorded_filters(symbol: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        fields["filterType"]: {
            name: Decimal(value) if isinstance(value, str) else value
            for name, value in fields.items()
            if name != "filterType"
        }
        for fields in symbol["filters"]
    }


FLAGS = {
    "icebergAllowed": "iceberg_allowed",
    "ocoAllowed": "oco_allowed",
    "otoAllowed": "oto_allowed",
    "opoAllowed": "opo_allowed",
    "quoteOrderQtyMarketAllowed": "quote_order_quantity_allowed",
    "allowTrailingStop": "trailing_allowed",
    "cancelReplaceAllowed": "cancel_replace_allowed",
    "amendAllowed": "amend_allowed",
    "isSpotTradingAllowed": "spot_allowed",
    "baseAssetPrecision": "base_precision",
    "quoteAssetPrecision": "quote_precision",
    "baseCommissionPrecision": "base_commission_precision",
    "quoteCommissionPrecision": "quote_commission_precision",
    "status": "status",
    "baseAsset": "base",
    "quoteAsset": "quote",
    "defaultSelfTradePreventionMode": "default_stp",
}


def assert_nothing_lost(body: dict[str, Any], info: ExchangeInfo) -> None:
    assert info.unknown_filters == ()
    assert len(info.instruments) == len(body["symbols"])
    for symbol in body["symbols"]:
        instrument = info.instrument(symbol["symbol"])
        recorded = recorded_filters(symbol)
        written = filters_of(instrument)
        for kind, fields in recorded.items():
            assert written.pop(kind) == fields, (symbol["symbol"], kind)
        assert all(not any(fields.values()) for fields in written.values()), (symbol["symbol"], written)
        for name, field in FLAGS.items():
            if name in symbol:
                assert getattr(instrument, field) == symbol[name], (symbol["symbol"], name)
        assert [kind.value for kind in instrument.order_types] == symbol["orderTypes"]
        if modes := symbol.get("allowedSelfTradePreventionModes"):
            assert [mode.value for mode in instrument.allowed_stp] == modes


def unpacked(path: Path) -> Any:
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return json.loads(data)


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("exchangeInfo_2021-04-17_full.json.zst", 1405),
        ("exchangeInfo_2021-08-14_full.json.zst", 1589),
        ("exchange_info_2021-08-26_full.json.zst", 1608),
        ("exchangeInfo_2021-10-12_full.json.zst", 1695),
    ],
)
def test_recorded_bodies_of_2021_lose_nothing(shared_data: Path, name: str, symbols: int) -> None:
    path = shared_data / "fixtures" / "exchangeInfo" / name
    info = load_exchange_info(path)
    assert len(info.instruments) == symbols
    assert_nothing_lost(unpacked(path), info)
    bitcoin = info.instrument("BTCUSDT")
    assert not bitcoin.oto_allowed
    assert not bitcoin.trailing_allowed
    assert bitcoin.default_stp is SelfTradePrevention.NONE
    assert bitcoin.notional is not None
    assert bitcoin.notional.filter_name == "MIN_NOTIONAL"


@pytest.mark.parametrize(
    ("name", "symbols"), [("binance_http.json.zst", 25), ("binance_http_2020.json.zst", 786)]
)
def test_gocryptotraders_recordings_lose_nothing(shared_data: Path, name: str, symbols: int) -> None:
    routes = unpacked(shared_data / "fixtures" / "gocryptotrader" / name)["routes"]
    bodies = [reply["data"] for reply in routes["/api/v3/exchangeInfo"]["GET"]]
    assert [len(body["symbols"]) for body in bodies] == [symbols]
    for body in bodies:
        assert_nothing_lost(body, parse_exchange_info(json.dumps(body).encode()))


def test_binance_nets_samples_lose_nothing(shared_data: Path) -> None:
    folder = shared_data / "fixtures" / "Binance.Net"
    text = (folder / "Endpoints" / "Spot" / "ExchangeData" / "GetExchangeInfo.txt").read_text()
    sample = text[text.index("{") :].replace("{\n    }", "")
    assert_nothing_lost(json.loads(sample), parse_exchange_info(sample.encode()))

    text = (folder / "Socket" / "Spot" / "ExchangeData" / "GetExchangeInfo.txt").read_text()
    reply = text[text.index("= ") + 2 :]
    info = parse_exchange_info(reply.encode())
    assert_nothing_lost(json.loads(reply)["result"], info)
    assert [limit.limit for limit in info.rate_limits] == [6000, 50, 160000, 300]


def test_binance_trading_bots_frame_loses_nothing(shared_data: Path) -> None:
    path = shared_data / "fixtures" / "binance-trading-bot" / "exchange-info" / "rest" / "exchange-info.json"
    body = json.loads(path.read_text())["response"]["body"]
    assert_nothing_lost(body, parse_exchange_info(json.dumps(body).encode()))


def test_the_built_in_exchange_info_has_the_filters_of_2026() -> None:
    info = default_exchange_info()
    assert " ".join(info.instruments) == (
        "BTCUSDT ETHUSDT BNBUSDT SOLUSDT XRPUSDT ADAUSDT DOGEUSDT LTCUSDT TRXUSDT ETHBTC"
    )
    bitcoin = info.instrument("BTCUSDT")
    assert bitcoin.price_filter.tick == number("0.01")
    assert bitcoin.lot_size.step == number("0.00001")
    assert bitcoin.market_lot_size.step == 0
    assert bitcoin.notional_min == 5
    assert (bitcoin.orders_max, bitcoin.order_lists_max, bitcoin.algo_orders_max, bitcoin.amends_max) == (
        200,
        20,
        5,
        10,
    )
    assert bitcoin.iceberg_parts_max == 100
    assert set(bitcoin.order_types) == set(OrderType)
    assert bitcoin.trailing_violation(OrderType.STOP_LOSS, Side.SELL, 10) is None
    assert bitcoin.trailing_violation(OrderType.STOP_LOSS, Side.SELL, 2001) == "TRAILING_DELTA"
    for instrument in info.instruments.values():
        assert instrument.oco_allowed
        assert instrument.oto_allowed
        assert instrument.opo_allowed
        assert instrument.amend_allowed
        assert instrument.cancel_replace_allowed
        assert instrument.trailing_allowed
        assert instrument.default_stp is SelfTradePrevention.EXPIRE_MAKER
        assert SelfTradePrevention.NONE not in instrument.allowed_stp


def body(**fields: Any) -> bytes:
    symbol = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", **fields}
    return json.dumps({"serverTime": 1_700_000_000_123, "symbols": [symbol]}).encode()


def test_unknown_words_are_tolerated_and_unknown_filters_named() -> None:
    info = parse_exchange_info(
        body(
            status="AUCTION_MATCH",
            orderTypes=["LIMIT", "STOP_MARKET"],
            allowedSelfTradePreventionModes=["EXPIRE_BOTH", "SOMETHING_NEW"],
            filters=[{"filterType": "T_PLUS_SELL", "endTime": 1}],
            newField={"deep": [1]},
        )
    )
    instrument = info.instrument("BTCUSDT")
    assert info.server_time == 1_700_000_000_123_000
    assert info.unknown_filters == ("BTCUSDT:T_PLUS_SELL",)
    assert instrument.status is SymbolStatus.HALT
    assert instrument.order_types == (OrderType.LIMIT,)
    assert instrument.allowed_stp == (SelfTradePrevention.EXPIRE_BOTH,)


def test_exchange_filters_are_read() -> None:
    text = json.dumps(
        {
            "symbols": [],
            "exchangeFilters": [
                {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
                {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 200},
                {"filterType": "EXCHANGE_SOMETHING", "limit": 1},
            ],
        }
    )
    info = parse_exchange_info(text.encode())
    assert (info.exchange_filters.orders_max, info.exchange_filters.algo_orders_max) == (1000, 200)
    assert info.unknown_filters == ("*:EXCHANGE_SOMETHING",)


LOT = {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "10", "stepSize": "0.1"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an exchangeInfo body"),
        (b"[]", "not an exchangeInfo body"),
        (b'{"symbols": 5}', "not an exchangeInfo body"),
        (body(filters=[{**LOT, "minQty": "1e400"}]), "BTCUSDT: filter LOT_SIZE: '1e400'"),
        (body(filters=[{**LOT, "minQty": "NaN"}]), "BTCUSDT: filter LOT_SIZE: 'NaN'"),
        (body(filters=[{**LOT, "minQty": "-1"}]), "BTCUSDT: filter LOT_SIZE: minQty is -1"),
        (body(filters=[{**LOT, "minQty": None}]), "BTCUSDT: filter LOT_SIZE: minQty is not a number"),
        (body(filters=[{"filterType": "LOT_SIZE"}]), "BTCUSDT: filter LOT_SIZE: minQty is missing"),
        (
            body(filters=[{"filterType": "MAX_NUM_ORDERS", "maxNumOrders": "x"}]),
            "maxNumOrders is not a count",
        ),
        (gzip.compress(body())[:-9], "truncated"),
        (zstandard.compress(body())[:-9], "truncated"),
        (b"\x1f\x8b\x08\x00garbage-garbage", "cannot decompress|truncated"),
    ],
)
def test_broken_bodies_say_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(ExchangeInfoError, match=message):
        parse_exchange_info(data)


def test_a_symbol_twice_is_refused() -> None:
    decoded = json.loads(body())
    decoded["symbols"] *= 2
    with pytest.raises(ExchangeInfoError, match="BTCUSDT is listed twice"):
        parse_exchange_info(json.dumps(decoded).encode())


def test_files_are_read_plain_and_compressed(tmp_path: Path) -> None:
    for name, data in (
        ("info.json", body()),
        ("info.json.gz", gzip.compress(body())),
        ("info.json.zst", zstandard.compress(body())),
    ):
        (tmp_path / name).write_bytes(data)
        assert list(load_exchange_info(tmp_path / name).instruments) == ["BTCUSDT"]
    with pytest.raises(ExchangeInfoError, match=r"absent\.json: No such file"):
        load_exchange_info(tmp_path / "absent.json")
    (tmp_path / "bad.json").write_bytes(b"{")
    with pytest.raises(ExchangeInfoError, match=r"bad\.json: not an exchangeInfo body"):
        load_exchange_info(tmp_path / "bad.json")


def test_unknown_symbols_are_told_with_similar_ones() -> None:
    info = default_exchange_info()
    with pytest.raises(
        UnknownSymbolError, match="'BTCUSD' is not in the exchange info; did you mean BTCUSDT"
    ):
        info.instrument("BTCUSD")
    with pytest.raises(UnknownSymbolError, match="did you mean BTCUSDT"):
        find_instrument(info.instruments, "btcusdt")
    assert find_instrument(info.instruments, "ETHBTC").quote == "BTC"
    with pytest.raises(UnknownSymbolError, match="10 symbols known"):
        info.instrument("ZZZZZZ")
