"""What exchange tests build again and again: an instrument, an exchange, requests in one line."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwright.core.instruments import (
    Instrument,
    LotSize,
    Notional,
    PercentPrice,
    PriceFilter,
    TrailingDelta,
)
from fillwright.core.requests import OrderListRequest, OrderRequest
from fillwright.core.types import ListKind, OrderType, SelfTradePrevention, Side, TimeInForce
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import AccountPosition, ExchangeError, ExecutionReport, ListStatusReport
from fillwright.exchange.settings import ExchangeSettings

D = Decimal
SYMBOL = "BTCUSDT"
BUY, SELL = Side.BUY, Side.SELL
BTCUSDT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    price_filter=PriceFilter(D("0.01"), D("1000000"), D("0.01")),
    lot_size=LotSize(D("0.00001"), D("9000"), D("0.00001")),
    market_lot_size=LotSize(D(0), D("100"), D(0)),
    percent_price=PercentPrice(True, D("5"), D("0.2"), D("5"), D("0.2")),
    notional=Notional(minimum=D(5)),
    trailing_delta=TrailingDelta(10, 2000, 10, 2000),
    iceberg_parts_max=100,
    orders_max=200,
    algo_orders_max=5,
    order_lists_max=20,
    amends_max=10,
    allowed_stp=tuple(SelfTradePrevention),
)
FREE = {"maker_fee": D(0), "taker_fee": D(0)}
FEES = {"maker_fee": D("0.001"), "taker_fee": D("0.001")}
EXACT = ExchangeSettings(slippage_bps=D(0), spread_bps=D(0), queue_ahead_quote=D(0))
"""No spread, no slippage, no queue: prices in tests are the prices they name."""


def an_exchange(
    settings: ExchangeSettings = EXACT,
    *,
    instrument: Instrument = BTCUSDT,
    fees: dict[str, Decimal] = FREE,
    last: str | None = "100",
    accounts: tuple[str, ...] = ("a", "b"),
    trade_group: int = -1,
    more: tuple[Instrument, ...] = (),
    **balances: str,
) -> Exchange:
    """Make an exchange with funded accounts and a last price."""
    exchange = Exchange([instrument, *more], settings)
    funds = balances or {"USDT": "10000", "BTC": "10"}
    for account in accounts:
        amounts = {asset: D(amount) for asset, amount in funds.items()}
        exchange.open_account(account, amounts, trade_group=trade_group, **fees)
    if last is not None:
        exchange.on_trade(SYMBOL, D(last), D(1), 1)
    exchange.drain()
    return exchange


_DECIMALS = ("quantity", "quote_order_quantity", "price", "stop_price", "iceberg_quantity")


def an_order(side: Side, kind: OrderType, name: str, **fields: Any) -> OrderRequest:
    """Make a request; numbers are given as text, limit orders are GTC unless they say otherwise."""
    numbers = {key: D(value) if key in _DECIMALS else value for key, value in fields.items()}
    limits = (OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    if kind in limits and "time_in_force" not in numbers:
        numbers["time_in_force"] = TimeInForce.GTC
    numbers.setdefault("symbol", SYMBOL)
    return OrderRequest(side=side, type=kind, client_order_id=name, **numbers)


def limit(side: Side, quantity: str, price: str, name: str = "x", **fields: Any) -> OrderRequest:
    """Make a LIMIT order."""
    return an_order(side, OrderType.LIMIT, name, quantity=quantity, price=price, **fields)


def market(side: Side, quantity: str, name: str = "x", **fields: Any) -> OrderRequest:
    """Make a MARKET order."""
    return an_order(side, OrderType.MARKET, name, quantity=quantity, **fields)


def stop(side: Side, quantity: str, stop_price: str, name: str = "x", **fields: Any) -> OrderRequest:
    """Make a STOP_LOSS order."""
    return an_order(side, OrderType.STOP_LOSS, name, quantity=quantity, stop_price=stop_price, **fields)


def a_list(kind: ListKind, *legs: OrderRequest, name: str = "list") -> OrderListRequest:
    """Make a list of legs."""
    return OrderListRequest(kind=kind, symbol=legs[0].symbol, list_client_order_id=name, legs=legs)


def an_oco(
    quantity: str = "1", stop_price: str = "90", target: str = "110", name: str = "oco"
) -> OrderListRequest:
    """Make a selling OCO of a stop and a limit maker."""
    return a_list(
        ListKind.OCO,
        stop(SELL, quantity, stop_price, f"{name}-stop"),
        an_order(SELL, OrderType.LIMIT_MAKER, f"{name}-limit", quantity=quantity, price=target),
        name=name,
    )


def an_opoco(
    quantity: str = "1",
    price: str = "100",
    stop_price: str = "90",
    target: str = "110",
    name: str = "opoco",
    time_in_force: TimeInForce = TimeInForce.FOK,
) -> OrderListRequest:
    """Make a bracket: entry, stop and target, both exits contingent."""
    return a_list(
        ListKind.OPOCO,
        limit(BUY, quantity, price, f"{name}-entry", time_in_force=time_in_force),
        an_order(SELL, OrderType.STOP_LOSS, f"{name}-stop", stop_price=stop_price),
        an_order(SELL, OrderType.TAKE_PROFIT, f"{name}-target", stop_price=target),
        name=name,
    )


def trade(exchange: Exchange, price: str, quantity: str = "1", now: int = 10, **fields: Any) -> list[str]:
    """Let the outside market trade, and tell what happened."""
    exchange.on_trade(SYMBOL, D(price), D(quantity), now, **fields)
    return told(exchange)


def told(exchange: Exchange) -> list[str]:
    """Drain the events as short texts: who, what, what came of it."""
    lines = []
    for event in exchange.drain():
        match event:
            case ExecutionReport():
                parts = [event.client_order_id, event.execution_type.value, event.status.value]
                if event.trade_id >= 0:
                    parts.append(f"{event.last_quantity.normalize():f}@{event.last_price.normalize():f}")
                if event.expiry_reason is not None:
                    parts.append(event.expiry_reason.value)
                lines.append(" ".join(parts))
            case ListStatusReport():
                lines.append(f"{event.list_client_order_id} {event.status} {event.order_status}")
            case AccountPosition():
                lines.append(f"{event.account_id} balances")
            case _:
                lines.append(type(event).__name__)
    return lines


def reports(exchange: Exchange) -> list[ExecutionReport]:
    """Drain the events and keep the execution reports."""
    return [event for event in exchange.drain() if isinstance(event, ExecutionReport)]


def holds(exchange: Exchange, account: str, asset: str) -> tuple[str, str]:
    """Tell free and locked of one asset as plain texts."""
    for balance in exchange.balances(account):
        if balance.asset == asset:
            return f"{balance.free.normalize():f}", f"{balance.locked.normalize():f}"
    return "0", "0"


def refused(call: Callable[[], object]) -> tuple[int, str]:
    """Expect a refusal; its code and message."""
    with pytest.raises(ExchangeError) as caught:
        call()
    return caught.value.code, caught.value.message
