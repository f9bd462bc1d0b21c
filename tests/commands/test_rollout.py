"""What ``rollout`` prints and asks, of a service beside it that trades on paper alone."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fillwright.answers import JudgementShape, RolloutAnswer, StageShape
from fillwright.commands import rollout as module
from fillwright.commands.remote import Target
from fillwright.commands.rollout import lift, question_of, run, show, standing
from fillwright.commands.rollout_trades import Outcome, RolloutWish
from fillwright.core.types import Mode
from fillwright.options import AlreadyToldError, BadInputError, RefusedError
from tests.api.serving import TOKEN
from tests.commands.beside import service_beside

STAGE = StageShape(
    mode=Mode.MAINNET,
    configured=True,
    clean_trades=3,
    unclean_trades=1,
    needed=10,
    complete=False,
    cap=Decimal(50),
    lifted_by=None,
    lifted_reason=None,
    lifted_at=None,
    overridden_by="eve",
    override_reason="known",
    judged=(JudgementShape(4, "BTCUSDT", False, ("late",), 1), JudgementShape(5, "BTCUSDT", True, (), 1)),
)
WISH = RolloutWish(stage="testnet")


def test_a_service_tells_how_far_every_stage_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with service_beside(tmp_path) as url:
        wanted = Target(url=url, token=TOKEN)
        show(wanted, json_wanted=False)
        told = capsys.readouterr().out
        assert "testnet   0 of 10 clean trades, no account: [testnet] has no key" in told
        show(wanted, json_wanted=True)
        assert [one["mode"] for one in json.loads(capsys.readouterr().out)["stages"]] == [
            "testnet",
            "demo",
            "mainnet",
        ]
        assert standing(wanted, "demo").clean_trades == 0
        with pytest.raises(BadInputError, match="a stage is one of"):
            lift(wanted, "moon", "known", False, restore=False, early=False)
        with pytest.raises(RefusedError, match="MODE_UNAVAILABLE"):
            lift(wanted, "testnet", "known", False, restore=False, early=False)
        with pytest.raises(RefusedError, match="MODE_UNAVAILABLE"):
            run(wanted, WISH, json_wanted=False)


def test_a_stage_is_told_with_its_cap_its_override_and_what_was_unclean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lifted = msgspec.structs.replace(
        STAGE, mode=Mode.DEMO, complete=True, cap=None, lifted_by="eve", lifted_reason="ten", judged=()
    )
    told = RolloutAnswer(Mode.MAINNET, (lifted, STAGE))
    monkeypatch.setattr(module, "asked", lambda *_: told)
    show(Target(url="", token=""), json_wanted=False)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("✓ demo")
    assert "cap lifted by eve: ten" in first
    assert second.startswith("> mainnet   3 of 10 clean trades, at most 50 a trade, 1 unclean")
    assert "begun early by eve: known" in second
    assert third.strip() == "position 4: late"


def test_only_real_money_is_asked_about() -> None:
    assert question_of("testnet", STAGE) == ""
    assert "7 trades with REAL MONEY" in question_of("mainnet", STAGE)
    assert question_of("mainnet", msgspec.structs.replace(STAGE, complete=True)) == ""


@pytest.mark.parametrize("quote", ["x", "0", "1e5", "-3"])
def test_an_amount_that_is_none_is_refused_before_anything_is_asked(quote: str) -> None:
    wish = RolloutWish(stage="testnet", quote=quote)
    with pytest.raises(BadInputError, match="--quote"):
        run(Target(url="http://127.0.0.1:1", token="x"), wish, json_wanted=False)


@pytest.mark.parametrize("json_wanted", [True, False])
@pytest.mark.parametrize("stopped", [None, "position 2 was not clean: late"])
def test_a_run_ends_as_it_went(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stopped: str | None,
    json_wanted: bool,
) -> None:
    outcome = Outcome(
        stage="testnet",
        complete=stopped is None,
        clean_trades=10 if stopped is None else 1,
        needed=10,
        cap=None,
        trades=(),
        stopped=stopped,
    )
    monkeypatch.setattr(module, "asked", lambda *_: outcome)
    wanted = Target(url="", token="")
    if stopped is None:
        run(wanted, WISH, json_wanted)
    else:
        with pytest.raises(AlreadyToldError, match="late"):
            run(wanted, WISH, json_wanted)
    told = capsys.readouterr().out
    if json_wanted:
        assert json.loads(told)["stopped"] == stopped
    else:
        assert ("complete: 10 clean trades" if stopped is None else f"Stopped: {stopped}") in told


@pytest.mark.parametrize(("restore", "said"), [(False, "lifted"), (True, "back")])
def test_a_cap_is_lifted_and_put_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], restore: bool, said: str
) -> None:
    answers: list[object] = [RolloutAnswer(Mode.MAINNET, (STAGE,)), object()]
    monkeypatch.setattr(module, "asked", lambda *_: answers.pop(0))
    lift(Target(url="", token=""), "mainnet", "ten", False, restore=restore, early=False)
    assert said in capsys.readouterr().out
