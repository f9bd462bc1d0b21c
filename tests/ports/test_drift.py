"""Which account is whose shadow, and which signal is whose twin."""

from __future__ import annotations

import pytest

from fillwright.ports import is_shadow, shadow_of, twin_key, twin_of


def test_a_shadow_is_named_after_its_account() -> None:
    assert shadow_of("testnet") == "shadow-testnet"
    assert is_shadow("shadow-testnet")
    assert not is_shadow("testnet")


def test_a_twins_key_names_the_real_signal() -> None:
    assert twin_key(12) == "shadow:12"
    assert twin_of(twin_key(12)) == 12


@pytest.mark.parametrize("key", ["", "12", "shadow:", "shadow:x", "shadow:-1", "shadow:²", "a shadow:1"])
def test_other_keys_name_none(key: str) -> None:
    assert twin_of(key) is None
