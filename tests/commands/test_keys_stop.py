from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.commands.keys_stop import stop_by_keys
from fillwright.options import AlreadyToldError, KeysStopOptions, KeysStopReport
from tests.commands.fake import FakeServices

OPTIONS = KeysStopOptions(keys=Path("keys.toml"))


def told(capsys: pytest.CaptureFixture[str], json_wanted: bool = False, **changes: Any) -> str:
    services = FakeServices()
    services.stopped = msgspec.structs.replace(services.stopped, **changes)
    try:
        stop_by_keys(services, OPTIONS, json_wanted)
    except AlreadyToldError:
        assert not services.stopped.is_clean
    else:
        assert services.stopped.is_clean
    assert services.stops == [OPTIONS]
    return capsys.readouterr().out


def test_what_was_done_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys)
    for expected in (
        "RT_abc_2_E_1",
        "0.01 BTCUSDT",
        "Clean after 0.25 s, watched until 15.0 s",
        "A flag rested at BTCUSDT",
    ):
        assert expected in text
    assert "LEFT" not in text


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, json_wanted=True))
    assert found["sold"] == [{"id": "RT_abc_1_X_9", "symbol": "BTCUSDT", "quantity": "0.01"}]
    assert (found["flag"], found["no_flag"]) == ("BTCUSDT", None)
    assert (found["clean"], found["clean_after_s"], found["left"]) == (True, "0.250", [])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"left": (("RT_abc_2_E_1", "too many requests"),)}, "LEFT: RT_abc_2_E_1: too many requests"),
        ({"clean_after_s": None}, "NOT CLEAN after 15.0 s"),
        (
            {"flag": "", "no_flag": "no money"},
            "No flag: no money. A service that heard of the cancels has halted",
        ),
        (
            {"flag": "", "no_flag": "no money", "cancelled": ()},
            "no money. No service has seen it: STOP a running",
        ),
    ],
)
def test_what_is_left_is_told_loudly(
    changes: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in told(capsys, **changes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda report: report, True),
        (lambda report: msgspec.structs.replace(report, left=(("a", "b"),)), False),
        (lambda report: msgspec.structs.replace(report, clean_after_s=None), False),
    ],
)
def test_clean_is_when_nothing_is_left(
    change: Callable[[KeysStopReport], KeysStopReport], expected: bool
) -> None:
    assert change(FakeServices().stopped).is_clean is expected
