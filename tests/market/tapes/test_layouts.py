from __future__ import annotations

import pytest

from fillwright.market.tapes.layouts import Content, by_names, by_shape, is_row


@pytest.mark.parametrize(
    ("names", "content", "roles"),
    [
        (
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            Content.TRADES,
            {"trade_id": "agg_trade_id", "time": "transact_time", "maker": "is_buyer_maker"},
        ),
        (
            "id,price,qty,quote_qty,time,is_buyer_maker",
            Content.TRADES,
            {"trade_id": "id", "quantity": "qty", "time": "time"},
        ),
        (
            "ts_ms,exch_ts_ms,symbol,trade_id,price,qty,side",
            Content.TRADES,
            {"time": "exch_ts_ms", "taker_side": "side", "symbol": "symbol"},
        ),
        (
            "open_time,open,high,low,close,volume,close_time,quote_volume,count",
            Content.CANDLES,
            {"open_time": "open_time", "close_time": "close_time"},
        ),
        ("Date,Open,High,Low,Close,Volume", Content.CANDLES, {"open_time": "Date", "volume": "Volume"}),
        (
            "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time",
            Content.QUOTES,
            {"time": "transaction_time", "ask_quantity": "best_ask_qty"},
        ),
        (
            "TimestampOfReceive,Stream,EventType,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity",
            Content.DEPTH_UPDATES,
            {"event_time": "EventTime", "is_ask": "IsAsk"},
        ),
        (
            "TimestampOfReceive,TimestampOfRequest,LastUpdateId,IsAsk,Price,Quantity",
            Content.DEPTH_LEVELS,
            {"receive_time": "TimestampOfReceive"},
        ),
        (
            "exch_ts_ms,symbol,seq,bids_px,bids_qty,asks_px,asks_qty",
            Content.BOOKS,
            {"bids": "bids_px", "last_update_id": "seq"},
        ),
    ],
)
def test_names_tell_what_columns_mean(names: str, content: Content, roles: dict[str, str]) -> None:
    layout = by_names(tuple(names.split(",")), 1)
    assert layout is not None
    assert layout.content is content
    assert layout.header_lines == 1
    assert roles.items() <= layout.roles.items()


def test_names_of_another_kind_tell_nothing() -> None:
    assert by_names(("a", "b", "price")) is None


def fields(line: str) -> list[str]:
    return line.split(",")


def test_shapes_of_dumps_are_known() -> None:
    trades = by_shape(fields("1,2.5,0.1,0.25,1770076800000,True,True"))
    aggregates = by_shape(fields("1,2.5,0.1,7,8,1770076800000,false,True"))
    candles = by_shape(fields("1770076800000,1,2,0.5,1.5,9,1770076859999,9,3,4,5,0"))
    assert trades is not None
    assert aggregates is not None
    assert candles is not None
    assert trades.columns[4] == "time" == trades.roles["time"]
    assert aggregates.columns[5] == "time"
    assert candles.content is Content.CANDLES
    assert by_shape(fields("1,2.5,0.1,0.25,yesterday,True,True")) is None
    assert by_shape(["1", "2"]) is None


def test_data_looks_unlike_a_header() -> None:
    assert is_row(fields("1,2.5,0.1,True"))
    assert not is_row(fields("open_time,open,high"))
