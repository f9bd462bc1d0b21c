"""Messages as Binance documents them, and what tests do with them."""

from __future__ import annotations

import json
from typing import Any

ACK = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": "RT_a1_7_S_1",
    "transactTime": 1507725176595,
}
RESULT = {
    **ACK,
    "price": "90000.00000000",
    "origQty": "0.00200000",
    "executedQty": "0.00000000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "STOP_LOSS_LIMIT",
    "side": "SELL",
    "workingTime": -1,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "stopPrice": "90100.00000000",
    "trailingDelta": 100,
    "trailingTime": -1,
    "strategyId": 37463720,
    "strategyType": 1000000,
    "pegPriceType": "PRIMARY_PEG",
    "pegOffsetType": "PRICE_LEVEL",
    "pegOffsetValue": 5,
    "peggedPrice": "87523.83710000",
    "usedSor": True,
    "workingFloor": "SOR",
}
CANCEL = {
    "symbol": "LTCBTC",
    "origClientOrderId": "myOrder1",
    "orderId": 4,
    "orderListId": -1,
    "clientOrderId": "cancelMyOrder1",
    "transactTime": 1684804350068,
    "price": "2.00000000",
    "origQty": "1.00000000",
    "executedQty": "0.00000000",
    "origQuoteOrderQty": "0.00000000",
    "cummulativeQuoteQty": "0.00000000",
    "status": "CANCELED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "selfTradePreventionMode": "NONE",
}
VIEW = {
    **{name: value for name, value in RESULT.items() if name != "transactTime"},
    "icebergQty": "0.00000000",
    "time": 1499827319559,
    "updateTime": 1499827319560,
    "isWorking": True,
    "expiryReason": "OCO_TRIGGER",
}
LIST = {
    "orderListId": 1274512,
    "contingencyType": "OTO",
    "listStatusType": "EXEC_STARTED",
    "listOrderStatus": "EXECUTING",
    "listClientOrderId": "RT_a1_7_L_1",
    "transactionTime": 1660801713793,
    "symbol": "BTCUSDT",
    "orders": [{"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "RT_a1_7_S_1"}],
}
UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}
NO_FUNDS = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
AMENDED = {
    "transactTime": 1741926410255,
    "executionId": 75,
    "amendedOrder": {
        "symbol": "BTCUSDT",
        "orderId": 33,
        "orderListId": 4,
        "origClientOrderId": "RT_a1_7_T_1",
        "clientOrderId": "RT_a1_7_T_1",
        "price": "6.00000000",
        "qty": "5.00000000",
        "executedQty": "0.00000000",
        "preventedQty": "0.00000000",
        "quoteOrderQty": "0.00000000",
        "cumulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "SELL",
        "workingTime": 1741926410242,
        "selfTradePreventionMode": "NONE",
    },
    "listStatus": {
        "orderListId": 4,
        "contingencyType": "OTO",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "8nOGLLawudj1QoOiwbroRH",
        "symbol": "BTCUSDT",
        "orders": [{"symbol": "BTCUSDT", "orderId": 33, "clientOrderId": "RT_a1_7_T_1"}],
    },
}
COUNT = {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160000, "count": 2}
RATES = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
DISCOUNT = {
    "enabledForAccount": True,
    "enabledForSymbol": True,
    "discountAsset": "BNB",
    "discount": "0.75000000",
}
ACCOUNT = {
    "makerCommission": 10,
    "takerCommission": 10,
    "buyerCommission": 0,
    "sellerCommission": 0,
    "commissionRates": RATES,
    "canTrade": True,
    "canWithdraw": False,
    "canDeposit": True,
    "brokered": False,
    "requireSelfTradePrevention": False,
    "preventSor": False,
    "updateTime": 1795168800121,
    "accountType": "SPOT",
    "balances": [{"asset": "BTC", "free": "0.00079920", "locked": "0.00000000"}],
    "permissions": ["SPOT"],
    "tradeGroupId": 7,
    "uid": 354937868,
}
TRADE = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "orderListId": -1,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}
REPORT: dict[str, Any] = {
    "e": "executionReport", "E": 1795168861007, "s": "BTCUSDT", "c": "rt-cxl-1c0a5b", "S": "BUY", "o": "LIMIT",
    "f": "GTC", "q": "0.00200000", "p": "91250.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1,
    "C": "rt-9f2c4e1a77b04d53", "x": "CANCELED", "X": "CANCELED", "r": "NONE", "i": 48211907734,
    "l": "0.00000000", "z": "0.00080000", "L": "0.00000000", "n": "0", "N": None, "T": 1795168861006, "t": -1,
    "I": 102883399870, "w": False, "m": False, "M": False, "O": 1795168799310, "Z": "73.00000000",
    "Y": "0.00000000", "Q": "0.00000000", "W": 1795168799310, "V": "EXPIRE_MAKER",
}  # fmt: skip
CONDITIONAL: dict[str, Any] = {
    "d": 4, "D": 1668680518494, "j": 1, "J": 1000000, "v": 3, "A": "3.000000", "B": "2.000000", "u": 1, "U": 37,
    "Cs": "BTCUSDT", "pl": "2.123456", "pL": "0.10000001", "pY": "0.21234562", "b": "ONE_PARTY_TRADE_REPORT",
    "a": 1234, "k": "SOR", "uS": True, "gP": "PRIMARY_PEG", "gOT": "PRICE_LEVEL", "gOV": 5,
    "gp": "1.00000000", "eR": "OCO_TRIGGER",
}  # fmt: skip
POSITION = {
    "e": "outboundAccountPosition",
    "E": 1795168800123,
    "u": 1795168800121,
    "B": [
        {"a": "BTC", "f": "0.00079920", "l": "0.00000000"},
        {"a": "USDT", "f": "817.50000000", "l": "109.50000000"},
    ],
}
UPDATE = {"e": "balanceUpdate", "E": 1795169000511, "a": "USDT", "d": "-250.00000000", "T": 1795169000498}
LIST_STATUS = {
    "e": "listStatus", "E": 1795168902455, "s": "BTCUSDT", "g": 7731205, "c": "OCO", "l": "ALL_DONE",
    "L": "ALL_DONE", "r": "NONE", "C": "rt-oco-2b9d", "T": 1795168902454,
    "O": [{"s": "BTCUSDT", "i": 48211955002, "c": "rt-sl-77aa01"}],
}  # fmt: skip
LOCK = {"e": "externalLockUpdate", "E": 1795169100200, "a": "BTC", "d": "0.00050000", "T": 1795169100188}
TERMINATED = {"e": "eventStreamTerminated", "E": 1795169200000}
SHUTDOWN = {"e": "serverShutdown", "E": 1795169300000}


def text(body: Any) -> bytes:
    return json.dumps(body).encode()


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in body.items() if field != name}


def replaced(
    cancel: Any, order: Any, cancel_result: str = "SUCCESS", order_result: str = "SUCCESS"
) -> dict[str, Any]:
    return {
        "cancelResult": cancel_result,
        "newOrderResult": order_result,
        "cancelResponse": cancel,
        "newOrderResponse": order,
    }
