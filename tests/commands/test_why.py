from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.commands.why import brief, signal_number, story_json, told, why
from fillwright.core.events import Check, Fill
from fillwright.options import BadInputError
from fillwright.storage.sql import open_read_model
from tests.commands.fake import FakeServices, write_journal
from tests.storage.story import OWNER, Story

D = Decimal


@pytest.fixture
def out(tmp_path: Path) -> Path:
    story = Story()
    story.bought()
    story.deny(story.signal())
    write_journal(tmp_path, story)
    return tmp_path


def numbers(out: Path) -> dict[str, int]:
    with open_read_model(out / "journal.db") as model:
        return {one.status: one.id for one in model.signals(OWNER.account_id).items}


def test_a_denied_signal_names_its_check(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(FakeServices(), out, None, str(numbers(out)["denied"]), False)
    text = capsys.readouterr().out
    assert "is denied (SPREAD_TOO_WIDE)" in text
    assert "Denied by SPREAD_TOO_WIDE, of 2 checks" in text
    (line,) = (line for line in text.splitlines() if line.startswith("✗"))
    assert line.split() == ["✗", "SPREAD_TOO_WIDE", "0.7", "0.5", "wide"]
    assert "SignalDenied" in text


def test_a_traded_signal_tells_its_orders_and_fills(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(FakeServices(), out, None, str(numbers(out)["in_position"]), False)
    text = capsys.readouterr().out
    assert "Approved: all 2 checks passed" in text
    for expected in ("OrderSubmitted", "OrderFilled", "PositionProtected", "protection opoco", "fill="):
        assert expected in text


def test_the_story_as_json(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(FakeServices(), out, None, str(numbers(out)["denied"]), True)
    content = json.loads(capsys.readouterr().out)
    assert content["verdicts"][0]["code"] == "SPREAD_TOO_WIDE"
    assert content["verdicts"][0]["checks"][1] == {
        "code": "SPREAD_TOO_WIDE",
        "passed": False,
        "value": "0.7",
        "limit": "0.5",
        "note": "wide",
    }
    assert content["chain"][0]["event"]["kind"] == "SignalReceived"
    assert content["chain"][0]["time"].endswith("Z")


def test_a_signal_is_found_by_its_key(out: Path) -> None:
    with open_read_model(out / "journal.db") as model:
        one = model.signals(OWNER.account_id).items[0]
        assert signal_number(model, OWNER.account_id, one.key) == one.id
        assert signal_number(model, OWNER.account_id, "123") == 123
        with pytest.raises(BadInputError, match="neither a number nor a key"):
            signal_number(model, OWNER.account_id, "nope")


@pytest.mark.parametrize("signal", ["999", "-1", "9" * 30, "²", "\x1b"])
def test_an_unknown_signal_is_bad_input(out: Path, signal: str) -> None:
    with pytest.raises(BadInputError, match="there is no signal"):
        why(FakeServices(), out, None, signal, False)


def test_values_are_brief() -> None:
    fill = Fill(1, D("100.50"), D("0.2"), D("20.1"), D("0.0002"), "BTC", D("0.0201"), False, 0)
    assert brief(fill) == "0.2 × 100.5, fee 0.0002 BTC"
    assert brief(Check("HALTED", True)) == "(code=HALTED passed=True)"
    assert brief({"a": (D("1.0"), "b\n")}) == "{a=[1 b?]}"
    assert [told(value) for value in (None, "", (), 0, False, True, D(0), "x")] == [False] * 5 + [
        True,
        False,
        True,
    ]


def test_a_story_keeps_its_numbers(out: Path) -> None:
    with open_read_model(out / "journal.db") as model:
        story = model.why(OWNER.account_id, numbers(out)["in_position"])
    assert story is not None
    content = story_json(story)
    assert content["position"]["quantity"] == str(story.position.quantity if story.position else None)
    assert len(content["chain"]) == len(story.chain)
