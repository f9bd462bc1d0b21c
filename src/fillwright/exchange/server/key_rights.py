"""What a key may do, as mainnet tells it; served where the settings say so, as neither testnet nor demo mode has it.

Source: Binance Wallet "Get API Key Permission" (``GET /sapi/v1/account/apiRestrictions``).
"""

from __future__ import annotations

from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.shapes import Json

PATH = "/sapi/v1/account/apiRestrictions"
NOT_HERE = (
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableVanillaOptions",
    "enableMargin",
    "enableFutures",
    "enablePortfolioMarginTrading",
    "enableFixApiTrade",
    "enableFixReadOnly",
)
"""Rights to what this exchange does not have: no key has them."""


def key_rights(call: Call) -> Json:
    """The rights of the key that asks."""
    key = call.key
    assert key is not None, "the operation is signed"
    return {
        "ipRestrict": bool(key.ip_addresses),
        "createTime": call.time(key.made_at),
        "enableReading": Security.USER_DATA in key.permissions,
        "enableSpotAndMarginTrading": Security.TRADE in key.permissions,
        "enableWithdrawals": key.can_withdraw,
        **dict.fromkeys(NOT_HERE, False),
    }


KEY_RIGHTS: tuple[Operation, ...] = (
    Operation("apiRestrictions", "GET", PATH, Security.USER_DATA, (), key_rights, has_websocket=False),
)
"""Asking for them; REST alone has it."""
