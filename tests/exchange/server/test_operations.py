from __future__ import annotations

from typing import Any

import pytest

from fillwright.exchange.server.operations import Call, Operation
from fillwright.exchange.server.security import Security


def _operation(security: Security = Security.NONE, **more: Any) -> Operation:
    return Operation("time", "GET", "/api/v3/time", security, (), lambda call: {}, **more)


def _call(*, microseconds: bool) -> Call:
    box: Any = None
    return Call(box, _operation(), {}, 0, microseconds=microseconds)


def test_times_are_milliseconds_unless_microseconds_were_asked_for_and_none_stays_none() -> None:
    assert _call(microseconds=False).time(1_700_000_000_123_456) == 1_700_000_000_123
    assert _call(microseconds=True).time(1_700_000_000_123_456) == 1_700_000_000_123_456
    assert _call(microseconds=False).time(-1) == -1


def test_a_call_without_a_key_has_no_account() -> None:
    assert _call(microseconds=False).account_id == ""


@pytest.mark.parametrize("security", [one for one in Security if one is not Security.NONE])
def test_whatever_is_not_public_is_signed_unless_a_key_is_enough(security: Security) -> None:
    assert not _operation().is_signed
    assert _operation(security).is_signed
    assert not _operation(security, is_key_enough=True).is_signed
