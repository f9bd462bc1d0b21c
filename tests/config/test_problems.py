from __future__ import annotations

import pytest

from fillwright.config.problems import ConfigError, Problem, is_secret, shown


@pytest.mark.parametrize(
    "key", ["api_key", "traders.a.parameters.token", "password", "x.key", "private_pem", "apiKey"]
)
def test_secrets_are_known_by_their_names(key: str) -> None:
    assert is_secret(key)
    assert shown(key, "hush") == "(hidden)"


@pytest.mark.parametrize("key", ["max_positions", "risk.max_daily_loss_usdt", "keys", "monkey"])
def test_other_names_are_no_secrets(key: str) -> None:
    assert not is_secret(key)


def test_what_is_shown_fits_a_line() -> None:
    assert shown("x", "a\nb" * 100).endswith("…")
    assert "\n" not in shown("x", ["a\nb\x1b"])


def test_an_error_explains_line_by_line() -> None:
    one = Problem(key="a.b", given="1", allowed="must be 2", source="f:1")
    two = Problem(key="", given="", allowed="no such file", source="g")
    assert ConfigError([one, two]).explain() == "f:1: a.b = 1: must be 2\ng: no such file"
    assert str(ConfigError([one])) == "f:1: a.b = 1: must be 2"
