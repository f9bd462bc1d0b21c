"""What an API key may do, as Binance tells it; mainnet alone has this.

Source: Binance Wallet "Get API Key Permission" (``GET /sapi/v1/account/apiRestrictions``).
"""

from __future__ import annotations

import msgspec

from fillwright.wire.codec import decode


class KeyRights(msgspec.Struct, frozen=True, rename="camel"):
    """The rights of the key that asked."""

    ip_restrict: bool
    """Whether it works from stated addresses alone."""
    enable_reading: bool
    enable_withdrawals: bool
    enable_spot_and_margin_trading: bool


_RIGHTS = msgspec.json.Decoder(KeyRights)


def decode_key_rights(body: bytes | msgspec.Raw) -> KeyRights:
    """Read the answer to ``GET account/apiRestrictions``; WireError otherwise."""
    return decode(_RIGHTS, body, "a key's rights")
