from __future__ import annotations

import json

import pytest

from fillwright.wire.codec import WireError
from fillwright.wire.key_rights import KeyRights, decode_key_rights

ANSWER = {
    "ipRestrict": True,
    "createTime": 1_698_645_219_000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableSpotAndMarginTrading": True,
    "enableSomethingNew": True,
}


def test_the_rights_of_a_key_are_read() -> None:
    assert decode_key_rights(json.dumps(ANSWER).encode()) == KeyRights(
        ip_restrict=True,
        enable_reading=True,
        enable_withdrawals=False,
        enable_spot_and_margin_trading=True,
    )


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"ipRestrict": "yes"}', b"[]"])
def test_another_answer_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_key_rights(body)
