"""Every error code that the API tells, with its status and what it means: the reference of those who write clients.

Denial codes of risk checks come beside these, with 422 (``core.risk.codes``). A test holds this list against the code.
"""

from __future__ import annotations

import msgspec


class ErrorCode(msgspec.Struct, frozen=True):
    """One code: the statuses that it comes with, what it means, and what a client does about it."""

    code: str
    statuses: tuple[int, ...]
    meaning: str
    remedy: str


AGAIN = "Send it again after `Retry-After` seconds, with the same key."
MISTAKE = "Mend the request; the message names what is wrong."

ERROR_CODES = (
    # -- the request
    ErrorCode("MALFORMED_HTTP", (400,), "What came is no HTTP request.", MISTAKE),
    ErrorCode("MALFORMED_JSON", (400,), "The body is not JSON.", MISTAKE),
    ErrorCode("INVALID_FIELD", (400,), "A field of the body cannot be; `details.path` names it.", MISTAKE),
    ErrorCode("INVALID_PARAMETER", (400,), "A parameter or header cannot be; the details name it.", MISTAKE),
    ErrorCode("UNKNOWN_PARAMETER", (400,), "The path does not have this query parameter.", MISTAKE),
    ErrorCode(
        "INVALID_CURSOR", (400,), "The cursor is not one that a listing gave.", "Begin the listing anew."
    ),
    ErrorCode("BAD_REQUEST", (400,), "The request cannot be understood otherwise.", MISTAKE),
    ErrorCode(
        "REQUIRES_CONFIRMATION",
        (400,),
        "An emergency stop came without its header, or a switch to mainnet or one that sells without `confirmed`.",
        "Send `X-Confirm-Emergency-Stop: CONFIRM_STOP_ALL_TRADING`, or `confirmed: true`.",
    ),
    ErrorCode(
        "UNAUTHORIZED",
        (401,),
        "No token, or one that is not known.",
        "Send `Authorization: Bearer <token>`; `fillwright token` makes a new one.",
    ),
    ErrorCode("LINK_USED", (401,), "The one-time link was used, or is too old.", "Give the token by hand."),
    ErrorCode(
        "HOST_NOT_ALLOWED",
        (403,),
        "The Host header has a name that is not ours.",
        "Set `server.allowed_hosts`.",
    ),
    ErrorCode(
        "MAINNET_DISABLED",
        (403,),
        "The service has no mainnet account, or may not trade there.",
        "Set `[mainnet]`, and `ALLOW_MAINNET_TRADING=true` in its environment.",
    ),
    ErrorCode("NOT_FOUND", (404,), "There is no such path, or no record of that id.", MISTAKE),
    ErrorCode("METHOD_NOT_ALLOWED", (405,), "The path does not know this method.", MISTAKE),
    ErrorCode("REQUEST_TIMEOUT", (408,), "The request did not come to its end in time.", "Send it again."),
    ErrorCode("BODY_TOO_LARGE", (413,), "The body is larger than 64 KiB.", MISTAKE),
    ErrorCode("UNSUPPORTED_MEDIA_TYPE", (415,), "The body is of another type than JSON.", MISTAKE),
    ErrorCode("HEAD_TOO_LARGE", (431,), "Address and headers are too large.", MISTAKE),
    # -- what is true now
    ErrorCode(
        "KEY_CONFLICT",
        (409,),
        "The idempotency key came before with another body or command.",
        "Take a new key for something new.",
    ),
    ErrorCode(
        "POSITION_NOT_OPEN",
        (409,),
        "The position is not open; the message says what it is.",
        "Nothing to do.",
    ),
    ErrorCode(
        "REFUSED",
        (409,),
        "The command does not fit the position: a stop that would be widened, a part too small to be sold, a "
        "reduction that is under way.",
        "The message says why.",
    ),
    ErrorCode("ORDER_ENDED", (409,), "The order has ended; the message names its state.", "Nothing to do."),
    ErrorCode("ORDER_PROTECTS", (409,), "The order protects a position.", "Close the position instead."),
    ErrorCode(
        "MODE_UNAVAILABLE",
        (404, 409),
        "There is no account in that mode.",
        "Give it a key in the settings of that name.",
    ),
    ErrorCode(
        "SHADOW_OFF",
        (409,),
        "The real account has no shadow, and never had one.",
        "Set `trading.shadow = true` and start the service again.",
    ),
    ErrorCode(
        "OPEN_POSITIONS",
        (409,),
        "The mode is not left while its account has open positions, orders or doubts.",
        "Close them, or send `flatten: true`.",
    ),
    ErrorCode(
        "ROLLOUT_INCOMPLETE",
        (409,),
        "The stage before the mode lacks clean trades, or the account whose cap is to be lifted does.",
        "Make them (`fillwright rollout`), or say why not: `override_rollout`, `early`.",
    ),
    ErrorCode(
        "SELF_TEST_FAILED",
        (409,),
        "The account that was to be traded failed its self-test; `details.findings` has all that was looked at.",
        "Mend what failed; for a key whose rights cannot be read, `accept_unverified_key: true`.",
    ),
    ErrorCode(
        "SINCE_AHEAD",
        (409,),
        "`since` is beyond the journal's end: it is another journal than the caller knows.",
        "Begin at `details.seq`.",
    ),
    ErrorCode("REASON_REQUIRED", (422,), "A resume, or lifting a cap, needs a reason.", "Give one."),
    # -- not now
    ErrorCode("TOO_MANY_CONNECTIONS", (503,), "More connections than the service keeps.", AGAIN),
    ErrorCode("LANE_FULL", (503,), "Too much waits for the engine; nothing of this took place.", AGAIN),
    ErrorCode("BUSY", (503,), "Too many questions to the store are waiting.", AGAIN),
    ErrorCode("NOT_READY", (503,), "The account is starting, recovering or stopping.", AGAIN),
    ErrorCode(
        "NOT_STORED",
        (503,),
        "The store failed; `details.recorded` says whether the journal has it.",
        "Send it again with the same key: what was recorded is answered, and does not happen twice.",
    ),
    ErrorCode(
        "STOP_NOT_RECORDED",
        (503,),
        "An emergency stop holds, and its cancels went out if they could, but the journal does not have it yet.",
        "Make room on the disk, or mend the way to the exchange; read what the message says of a restart.",
    ),
    ErrorCode("ENGINE_STOPPED", (503,), "The account has stopped for good.", "Look at the service's log."),
    ErrorCode("UNAVAILABLE", (503,), "The service cannot take it now.", AGAIN),
    ErrorCode("STORAGE_FAILED", (503,), "The store cannot be read.", "Look at the service's log."),
    ErrorCode(
        "INTERNAL",
        (500,),
        "A mistake of fillwright's own.",
        "Report it, with the log's lines about `details.request_id`.",
    ),
)
