"""Binance's error table: what each code means for the request that met it, and the texts it comes with.

Both sides use it: the exchange answers with these messages, clients class an answer by code, text and HTTP status.
Sources: Binance Spot "Error codes", REST "HTTP return codes". ``%s`` stands where Binance fills something in.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from fillwright.core.types import ErrorClass

_R, _P, _U = ErrorClass.RETRYABLE, ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_CLOCK, _RATE = ErrorClass.CLOCK, ErrorClass.RATE


class ErrorEntry(msgspec.Struct, frozen=True):
    """One code: its name in Binance's documentation, its class, and the texts it is known to come with."""

    code: int
    name: str
    error_class: ErrorClass
    messages: tuple[str, ...] = ()
    http_status: int = 400


ENGINE_MESSAGES = (
    "Unknown order sent.",
    "Duplicate order sent.",
    "Market is closed.",
    "Account has insufficient balance for requested action.",
    "Market orders are not supported for this symbol.",
    "Iceberg orders are not supported for this symbol.",
    "Stop loss orders are not supported for this symbol.",
    "Stop loss limit orders are not supported for this symbol.",
    "Take profit orders are not supported for this symbol.",
    "Take profit limit orders are not supported for this symbol.",
    "Trailing stop orders are not supported for this symbol.",
    "OCO orders are not supported for this symbol",
    "OCO orders are not supported for this symbol.",
    "OTO orders are not supported for this symbol.",
    "OPO orders are not supported for this symbol.",
    "Order cancel-replace is not supported for this symbol.",
    "Order amend is not supported for this symbol.",
    "Quote order qty market orders are not support for this symbol.",
    "Price * QTY is zero or less.",
    "IcebergQty exceeds QTY.",
    "This action is disabled on this account.",
    "This account may not place or cancel orders.",
    "This symbol is not permitted for this account.",
    "This symbol is restricted for this account.",
    "Unsupported order combination",
    "Order would trigger immediately.",
    "Stop price would trigger immediately.",
    "Order would immediately match and take.",
    "The relationship of the prices for the orders is not correct.",
    "This order type is not possible in this trading phase.",
    "Order was not canceled due to cancel restrictions.",
    "Rest API trading is not enabled.",
    "WebSocket API trading is not enabled.",
    "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
    "Order book liquidity is less than `MARKET_LOT_SIZE` filter minimum quantity.",
    "Order book liquidity is less than symbol minimum quantity.",
    "Order amend (quantity increase) is not supported.",
    "The requested action would change no state; rejecting",
)
"""Texts of the matching engine: they come with -1010, -2010, -2011 and -2038, some with -1013."""

_TABLE = (
    ErrorEntry(-1000, "UNKNOWN", _U, ("An unknown error occurred while processing the request.",)),
    ErrorEntry(
        -1001, "DISCONNECTED", _U, ("Internal error; unable to process your request. Please try again.",)
    ),
    ErrorEntry(-1002, "UNAUTHORIZED", _P, ("You are not authorized to execute this request.",), 401),
    ErrorEntry(
        -1003,
        "TOO_MANY_REQUESTS",
        _RATE,
        (
            "Too many requests queued.",
            (
                "Too much request weight used; current limit is %s request weight per %s. Please use WebSocket "
                "Streams for live updates to avoid polling the API."
            ),
            (
                "Way too much request weight used; IP banned until %s. Please use WebSocket Streams for live "
                "updates to avoid bans."
            ),
        ),
        429,
    ),
    ErrorEntry(
        -1006,
        "UNEXPECTED_RESP",
        _U,
        ("An unexpected response was received from the message bus. Execution status unknown.",),
    ),
    ErrorEntry(
        -1007,
        "TIMEOUT",
        _U,
        ("Timeout waiting for response from backend server. Send status unknown; execution status unknown.",),
        408,
    ),
    ErrorEntry(
        -1008,
        "SERVER_BUSY",
        _U,
        ("Server is currently overloaded with other requests. Please try again in a few minutes.",),
        503,
    ),
    ErrorEntry(-1010, "ERROR_MSG_RECEIVED", _P, ENGINE_MESSAGES),
    ErrorEntry(
        -1013,
        "INVALID_MESSAGE",
        _P,
        (
            "Filter failure: %s",
            "Invalid price.",
            "Invalid quantity.",
            "Invalid stopPrice.",
            "This symbol does not allow the specified self-trade prevention mode.",
            *ENGINE_MESSAGES,
        ),
    ),
    ErrorEntry(-1014, "UNKNOWN_ORDER_COMPOSITION", _P, ("Unsupported order combination.",)),
    ErrorEntry(
        -1015,
        "TOO_MANY_ORDERS",
        _RATE,
        ("Too many new orders; current limit is %s orders per %s.",),
        429,
    ),
    ErrorEntry(-1016, "SERVICE_SHUTTING_DOWN", _P, ("This service is no longer available.",)),
    ErrorEntry(-1020, "UNSUPPORTED_OPERATION", _P, ("This operation is not supported.",)),
    ErrorEntry(
        -1021,
        "INVALID_TIMESTAMP",
        _CLOCK,
        (
            "Timestamp for this request is outside of the recvWindow.",
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
    ),
    ErrorEntry(-1022, "INVALID_SIGNATURE", _P, ("Signature for this request is not valid.",)),
    ErrorEntry(
        -1034,
        "TOO_MANY_CONNECTIONS",
        _RATE,
        ("Too many concurrent connections; %s", "Too many connection attempts %s"),
    ),
    ErrorEntry(
        -1100,
        "ILLEGAL_CHARS",
        _P,
        ("Illegal characters found in parameter '%s'; legal range is '%s'.",),
    ),
    ErrorEntry(
        -1101,
        "TOO_MANY_PARAMETERS",
        _P,
        (
            "Too many parameters; expected '%s' and received '%s'.",
            "Duplicate values for a parameter detected.",
        ),
    ),
    ErrorEntry(
        -1102,
        "MANDATORY_PARAM_EMPTY_OR_MALFORMED",
        _P,
        (
            "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
            "Param '%s' or '%s' must be sent, but both were empty/null!",
        ),
    ),
    ErrorEntry(-1103, "UNKNOWN_PARAM", _P, ("An unknown parameter was sent.",)),
    ErrorEntry(
        -1104,
        "UNREAD_PARAMETERS",
        _P,
        ("Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",),
    ),
    ErrorEntry(-1105, "PARAM_EMPTY", _P, ("Parameter '%s' was empty.",)),
    ErrorEntry(-1106, "PARAM_NOT_REQUIRED", _P, ("Parameter '%s' sent when not required.",)),
    ErrorEntry(-1108, "PARAM_OVERFLOW", _P, ("Parameter '%s' overflowed.",)),
    ErrorEntry(-1111, "BAD_PRECISION", _P, ("Parameter '%s' has too much precision.",)),
    ErrorEntry(-1112, "NO_DEPTH", _R, ("No orders on book for symbol.",)),
    ErrorEntry(-1114, "TIF_NOT_REQUIRED", _P, ("TimeInForce parameter sent when not required.",)),
    ErrorEntry(-1115, "INVALID_TIF", _P, ("Invalid timeInForce.",)),
    ErrorEntry(-1116, "INVALID_ORDER_TYPE", _P, ("Invalid orderType.",)),
    ErrorEntry(-1117, "INVALID_SIDE", _P, ("Invalid side.",)),
    ErrorEntry(-1118, "EMPTY_NEW_CL_ORD_ID", _P, ("New client order ID was empty.",)),
    ErrorEntry(-1119, "EMPTY_ORG_CL_ORD_ID", _P, ("Original client order ID was empty.",)),
    ErrorEntry(-1120, "BAD_INTERVAL", _P, ("Invalid interval.",)),
    ErrorEntry(-1121, "BAD_SYMBOL", _P, ("Invalid symbol.",)),
    ErrorEntry(-1122, "INVALID_SYMBOLSTATUS", _P, ("Invalid symbolStatus.",)),
    ErrorEntry(-1125, "INVALID_LISTEN_KEY", _P, ("This listenKey does not exist.",)),
    ErrorEntry(-1127, "MORE_THAN_XX_HOURS", _P, ("More than %s hours between startTime and endTime.",)),
    ErrorEntry(-1128, "OPTIONAL_PARAMS_BAD_COMBO", _P, ("Combination of optional parameters invalid.",)),
    ErrorEntry(-1130, "INVALID_PARAMETER", _P, ("Data sent for parameter '%s' is not valid.",)),
    ErrorEntry(-1131, "BAD_RECV_WINDOW", _P, ("recvWindow must be less than 60000",)),
    ErrorEntry(-1134, "BAD_STRATEGY_TYPE", _P, ("strategyType was less than 1000000.",)),
    ErrorEntry(-1135, "INVALID_JSON", _P, ("JSON sent for parameter '%s' is not valid",)),
    ErrorEntry(-1139, "INVALID_TICKER_TYPE", _P, ("Invalid ticker type.",)),
    ErrorEntry(-1145, "INVALID_CANCEL_RESTRICTIONS", _P, ("Invalid cancelRestrictions",)),
    ErrorEntry(-1151, "DUPLICATE_SYMBOLS", _P, ("Symbol is present multiple times in the list.",)),
    ErrorEntry(-1158, "OCO_ORDER_TYPE_REJECTED", _P, ("Order type not supported in OCO.",)),
    ErrorEntry(
        -1159,
        "OTO_WORKING_ORDER_TYPE_REJECTED",
        _P,
        ("Order type not supported for the working order of an OTO.",),
    ),
    ErrorEntry(
        -1160,
        "OCO_ICEBERGQTY_TIMEINFORCE",
        _P,
        ("Parameter '%s' is not supported if aboveTimeInForce/belowTimeInForce is not GTC.",),
    ),
    ErrorEntry(-1165, "BUY_OCO_LIMIT_MUST_BE_BELOW", _P, ("A limit order in a buy OCO must be below.",)),
    ErrorEntry(-1166, "SELL_OCO_LIMIT_MUST_BE_ABOVE", _P, ("A limit order in a sell OCO must be above.",)),
    ErrorEntry(-1168, "BOTH_OCO_ORDERS_CANNOT_BE_LIMIT", _P, ("At least one OCO order must be contingent.",)),
    ErrorEntry(
        -1194,
        "INVALID_TIME_UNIT",
        _P,
        ("Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",),
    ),
    ErrorEntry(
        -1196, "BUY_OCO_STOP_LOSS_MUST_BE_ABOVE", _P, ("A stop loss order in a buy OCO must be above.",)
    ),
    ErrorEntry(
        -1197, "SELL_OCO_STOP_LOSS_MUST_BE_BELOW", _P, ("A stop loss order in a sell OCO must be below.",)
    ),
    ErrorEntry(
        -1198,
        "BUY_OCO_TAKE_PROFIT_MUST_BE_BELOW",
        _P,
        ("A take profit order in a buy OCO must be below.",),
    ),
    ErrorEntry(
        -1199,
        "SELL_OCO_TAKE_PROFIT_MUST_BE_ABOVE",
        _P,
        ("A take profit order in a sell OCO must be above.",),
    ),
    ErrorEntry(-1210, "INVALID_PEG_PRICE_TYPE", _P, ("Invalid pegPriceType.",)),
    ErrorEntry(-1211, "INVALID_PEG_OFFSET_TYPE", _P, ("Invalid pegOffsetType.",)),
    ErrorEntry(
        -1220, "SYMBOL_DOES_NOT_MATCH_STATUS", _P, ("The symbol's status does not match the requested %s.",)
    ),
    ErrorEntry(-1222, "OPO_WORKING_MUST_BE_BUY", _P, ("Working order in an OPO list must be a bid.",)),
    ErrorEntry(-1223, "OPO_PENDING_MUST_BE_SELL", _P, ("Pending orders in an OPO list must be asks.",)),
    ErrorEntry(-2010, "NEW_ORDER_REJECTED", _P, ("Filter failure: %s", *ENGINE_MESSAGES)),
    ErrorEntry(-2011, "CANCEL_REJECTED", _P, ENGINE_MESSAGES),
    ErrorEntry(-2013, "NO_SUCH_ORDER", _P, ("Order does not exist.", "Order list does not exist.")),
    ErrorEntry(-2014, "BAD_API_KEY_FMT", _P, ("API-key format invalid.",), 401),
    ErrorEntry(-2015, "REJECTED_MBX_KEY", _P, ("Invalid API-key, IP, or permissions for action.",), 401),
    ErrorEntry(
        -2016,
        "NO_TRADING_WINDOW",
        _P,
        ("No trading window could be found for the symbol. Try ticker/24hrs instead.",),
    ),
    ErrorEntry(
        -2021, "ORDER_CANCEL_REPLACE_PARTIALLY_FAILED", _P, ("Order cancel-replace partially failed.",), 409
    ),
    ErrorEntry(-2022, "ORDER_CANCEL_REPLACE_FAILED", _P, ("Order cancel-replace failed.",)),
    ErrorEntry(
        -2026,
        "ORDER_ARCHIVED",
        _P,
        ("Order was canceled or expired with no executed qty over 90 days ago and has been archived.",),
    ),
    ErrorEntry(-2035, "SUBSCRIPTION_ACTIVE", _P, ("User Data Stream subscription already active.",)),
    ErrorEntry(-2036, "SUBSCRIPTION_INACTIVE", _P, ("User Data Stream subscription not active.",)),
    ErrorEntry(-2038, "ORDER_AMEND_REJECTED", _P, ("Filter failure: %s", *ENGINE_MESSAGES)),
    ErrorEntry(
        -2039,
        "CLIENT_ORDER_ID_INVALID",
        _P,
        ("Client order ID is not correct for this order ID.",),
    ),
    ErrorEntry(
        -2042, "MAXIMUM_SUBSCRIPTION_IDS", _R, ("Maximum subscription ID reached for this connection.",)
    ),
    ErrorEntry(-2043, "NO_REFERENCE_PRICE", _P, ("This symbol doesn't have a reference price.",)),
)

ERRORS: dict[int, ErrorEntry] = {entry.code: entry for entry in _TABLE}
"""The table by code."""


def error_class(code: int | None, http_status: int = 400) -> ErrorClass:
    """Class an error answer: 5XX is unknown whatever the body says; a code not in the table is permanent otherwise.

    HTTP 403 may mean a broken limit and backs off as 429 and 418 do; 451 (a restricted place) is permanent.
    """
    entry = ERRORS.get(code) if code is not None else None
    if http_status in (418, 429):
        return ErrorClass.RATE
    if http_status >= 500:
        return ErrorClass.UNKNOWN
    if entry is not None:
        return entry.error_class
    if http_status == 408:
        return ErrorClass.UNKNOWN
    if http_status == 403:
        return ErrorClass.RATE
    return ErrorClass.PERMANENT


def message(code: int, *values: object, index: int = 0) -> str:
    """Fill a code's text (its first, or the one at an index) with values; their number must fit."""
    template = ERRORS[code].messages[index]
    return template % values if values else template


def is_known_message(code: int, text: str) -> bool:
    """Whether a text is one that Binance sends with a code."""
    return code in ERRORS and any(pattern.fullmatch(text) for pattern in _patterns(code))


@cache
def _patterns(code: int) -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(".+".join(re.escape(part) for part in template.split("%s")))
        for template in ERRORS[code].messages
    )
