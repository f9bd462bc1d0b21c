"""Why the server's answers differ from recorded ones where they do."""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """A reason for differences: names and paths are patterns, ``what`` is how the difference begins."""

    name: str
    path: str
    what: str
    reason: str


_CONDITIONAL = "conditional field, shown for orders that have it; the recorded orders had none"
_QUERY_SHAPE = "the collection shows a query's fields here; Binance's documentation has this answer's own"
_OLD = "of earlier years; Binance has dropped it since"
_NEW = "newer than the recordings"

EXPLAINED: tuple[Explanation, ...] = (
    # Orders and lists.
    Explanation("*keepPriority", "amendedOrder.*", "missing", _QUERY_SHAPE),
    Explanation("*keepPriority", "amendedOrder.*", "only here", _QUERY_SHAPE),
    Explanation("ws order.cancel", "*", "missing", _QUERY_SHAPE),
    Explanation("ws openOrders.cancelAll", "[].*", "missing", _QUERY_SHAPE),
    Explanation(
        "DELETE /api/v3/openOrders",
        "[].orderReports[].icebergQty",
        "missing",
        "sent for icebergs alone, as documented",
    ),
    Explanation(
        "POST /api/v3/orderList/oco",
        "orderReports[].icebergQty",
        "missing",
        "sent for icebergs alone, as documented",
    ),
    Explanation("DELETE /api/v3/openOrders", "[].orderReports[].*", "only here", "the sample is abbreviated"),
    Explanation("POST /api/v3/order/oco", "orderReports[].origClientOrderId", "missing", _QUERY_SHAPE),
    Explanation("POST /api/v3/order/oco", "orderReports[].*", "only here", "the sample is abbreviated"),
    Explanation("*List*", "orderReports[].fills", "only here", "with newOrderRespType=FULL"),
    Explanation("*List*", "orderReports[].origQuoteOrderQty", "only here", _NEW),
    Explanation("*/oto", "orderReports[].stopPrice", "only here", "the recorded pending order was no stop"),
    Explanation("*rder*", "*strategy*", "only here", _CONDITIONAL),
    Explanation("*rder*", "*trailing*", "only here", _CONDITIONAL),
    Explanation("*order*", "*prevented*", "only here", _CONDITIONAL),
    Explanation("* /api/v3/allOrders", "[].prevented*", "only here", _CONDITIONAL),
    Explanation("POST /api/v3/order", "icebergQty", "only here", _CONDITIONAL),
    Explanation("*order*", "stopPrice", "only here", _CONDITIONAL),
    Explanation("*rder*", "*expiryReason", "only here", "since 2026-03-26"),
    Explanation("event executionReport", "eR", "only here", "since 2026-03-26"),
    Explanation("POST /api/v3/order/cancelReplace", "data", "missing", "recorded of one that failed"),
    Explanation("ws order.cancelReplace", "newOrderResponse.*", "only here", "the sample is abbreviated"),
    Explanation("*order*test", "specialCommissionForOrder", "only here", "since 2025-08"),
    Explanation("*", "specialCommission", "only here", "since 2025-08"),
    Explanation("*myPreventedMatches", "[].takerPreventedQuantity", "only here", "the taker lost, too"),
    Explanation("event executionReport", "b", "missing", "smart order routing: none here"),
    Explanation("event executionReport", "a", "missing", "smart order routing: none here"),
    Explanation("event executionReport", "k", "missing", "smart order routing: none here"),
    Explanation("event executionReport", "uS", "missing", "smart order routing: none here"),
    # Market data.
    Explanation("GET /api/v3/aggTrades", "[].", "missing", "a field without a name in that collection alone"),
    Explanation("*depth*", "*[][]", "missing", f"a third element of levels, {_OLD}"),
    Explanation("event trade", "b", "missing", f"the buyer's order id, {_OLD}"),
    Explanation("event trade", "a", "missing", f"the seller's order id, {_OLD}"),
    Explanation(
        "GET /api/v3/referencePrice/calculation",
        "bucket*",
        "missing",
        "of an arithmetic mean; a price set from outside is EXTERNAL",
    ),
    # Exchange information.
    Explanation("*exchangeInfo", "symbols[].filters[].multiplier*", "missing", f"PERCENT_PRICE, {_OLD}"),
    Explanation("*exchangeInfo", "symbols[].filters[].applyToMarket", "missing", f"MIN_NOTIONAL, {_OLD}"),
    Explanation(
        "*exchangeInfo", "symbols[].filters[].maxPosition", "missing", "of some symbols, not built in"
    ),
    Explanation("*exchangeInfo", "symbols[].opoAllowed", "only here", "since 2025-12"),
    Explanation("*exchangeInfo", "symbols[].pegInstructionsAllowed", "only here", "since 2025-08"),
    Explanation("*exchangeInfo", "symbols[].filters[].maxNumOrder*", "only here", "since 2025-08"),
    Explanation("ws exchangeInfo", "symbols[].allowAmend", "missing", "amendAllowed was announced as this"),
    Explanation("ws exchangeInfo", "sors", "missing", "smart order routing: none here"),
    # The envelope.
    Explanation("ws reply", "id", "number text", "the asker's own: text there, a number here"),
)
