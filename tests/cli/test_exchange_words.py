from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fillwright.cli.exchange_words import given
from tests.cli.test_exchange import invoke
from tests.commands.test_exchange import FakeExchange


def test_only_what_was_named_is_given() -> None:
    assert given(a=None, b={}, c=0, d=False, e="") == {"c": 0, "d": False, "e": ""}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), (Path("data"), None, None)),
        (("--data", "there"), (Path("there"), None, None)),
        (("--url", "http://h:1", "--token", "t"), (Path("data"), "http://h:1", "t")),
    ],
)
def test_the_server_that_is_meant_is_named(
    words: tuple[str, ...], expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, ...]] = []

    def ask(data: Path, url: str | None, token: str | None, *_: Any) -> dict[str, int]:
        seen.append((data, url, token))
        return {"now": 1}

    services = FakeExchange()
    monkeypatch.setattr(services, "ask_exchange", ask)
    assert invoke(services, "status", *words).exit_code == 0
    assert seen == [expected]
