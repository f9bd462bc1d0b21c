"""Finding the service and the token, and what a command line makes of signals and answers."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fillwright.answers import (
    PriceAgeShape,
    RolloutAnswer,
    RolloutShape,
    ShadowShape,
    SignalAnswer,
    StreamShape,
)
from fillwright.commands import remote
from fillwright.commands.remote import SignalWish, Target, found_token, found_url, status_lines, target, told
from fillwright.config import Config, load
from fillwright.core.types import Mode
from fillwright.options import AlreadyToldError, BadInputError, NotReachedError, RefusedError
from tests.api.serving import TOKEN
from tests.commands.beside import service_beside
from tests.commands.test_rollout import STAGE


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILLWRIGHT_TOKEN", raising=False)
    monkeypatch.delenv("FILLWRIGHT_TOKEN_FILE", raising=False)


def config_of(tmp_path: Path, text: str = "") -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment={}, folder=tmp_path, overrides={"data.dir": str(tmp_path / "data")})


# -- which service, and who asks -----------------------------------------------------------------------------------


def test_the_service_of_the_data_folder_comes_before_the_settings(tmp_path: Path) -> None:
    config = config_of(tmp_path, "[server]\nport = 9000\n")
    assert found_url(config) == "http://127.0.0.1:9000"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "service.json").write_text(
        '{"pid": 1, "url": "http://127.0.0.1:9001", "started_at": 1, "version": "1"}'
    )
    assert found_url(config) == "http://127.0.0.1:9001"
    (tmp_path / "data" / "service.json").write_text("{")
    assert found_url(config) == "http://127.0.0.1:9000"
    assert found_url(config_of(tmp_path, '[server]\nhost = "0.0.0.0"\n')) == "http://127.0.0.1:8080"
    assert found_url(config_of(tmp_path, '[server]\nhost = "::1"\n')) == "http://[::1]:8080"


def test_where_the_token_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path, '[server]\ntoken = "of-the-settings-1"\n')
    (tmp_path / "one").write_text("of-a-file\n")
    (tmp_path / "two").write_text("of-a-named-file\n")
    assert found_token(config, None) == "of-the-settings-1"
    monkeypatch.setenv("FILLWRIGHT_TOKEN_FILE", str(tmp_path / "one"))
    assert found_token(config, None) == "of-a-file"
    monkeypatch.setenv("FILLWRIGHT_TOKEN", "of-the-environment")
    assert found_token(config, None) == "of-the-environment"
    assert target(config, "http://x", tmp_path / "two") == Target(url="http://x", token="of-a-named-file")


def test_percentages_with_a_key_that_came_before_are_those_of_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with service_beside(tmp_path) as url:
        wanted = Target(url=url, token=TOKEN)
        wish = SignalWish(symbol="AAAUSDT", stop_loss="5%", take_profit="10%", quote="200", trader="ada")
        remote.send_signal(wanted, wish, "k1", True)
        sent = json.loads(capsys.readouterr().out)
        moved = {name: str(Decimal(level) + 1) for name, level in remote.levels(wanted, wish).items()}
        monkeypatch.setattr(remote, "levels", lambda *_: moved)
        remote.send_signal(wanted, wish, "k1", True)
        again = json.loads(capsys.readouterr().out)
        assert (again["id"], again["repeated"]) == (sent["id"], True)
        with pytest.raises(RefusedError, match="KEY_CONFLICT"):
            remote.send_signal(wanted, msgspec.structs.replace(wish, stop_loss="6%"), "k1", True)


def test_no_token_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fillwright token"):
        found_token(config_of(tmp_path), None)
    with pytest.raises(BadInputError, match="nowhere"):
        found_token(config_of(tmp_path), tmp_path / "nowhere")


# -- signals -------------------------------------------------------------------------------------------------------


def test_a_signal_of_the_command_line() -> None:
    wish = SignalWish(
        symbol="btcusdt",
        stop_loss="90",
        take_profit="120.5",
        quote="50",
        entry="limit@99.5",
        reasoning="why not",
    )
    assert wish.body() == {
        "symbol": "BTCUSDT",
        "side": "long",
        "trader_id": "cli",
        "stop_loss": "90",
        "take_profit": "120.5",
        "size": {"quote": "50"},
        "entry": {"type": "limit", "price": "99.5"},
        "reasoning": "why not",
    }


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (SignalWish(), "which symbol"),
        (SignalWish(symbol="A", stop_loss="1e5"), "--stop-loss '1e5': not a plain decimal"),
        (SignalWish(symbol="A", risk_percent="x"), "--risk-percent"),
        (SignalWish(symbol="A", entry="stop@5"), "market, or limit@PRICE"),
        (SignalWish(symbol="A", entry="limit@"), "--entry"),
        (SignalWish(symbol="A", file=Path("x")), "either a symbol"),
        (SignalWish(file=Path("nowhere")), "nowhere"),
    ],
)
def test_a_signal_that_is_none(wish: SignalWish, expected: str) -> None:
    with pytest.raises(BadInputError, match=expected):
        wish.body()


@pytest.mark.parametrize("text", ["0%", "100%", "x%"])
def test_a_percentage_that_is_none(text: str) -> None:
    with pytest.raises(BadInputError, match="stop-loss"):
        _ = SignalWish(symbol="A", stop_loss=text).distances


def test_percentages_are_of_a_limit_entrys_price() -> None:
    wish = SignalWish(symbol="A", stop_loss="2%", take_profit="3%", entry="limit@200")
    assert remote.levels(Target(url="", token=""), wish) == {"stop_loss": "196", "take_profit": "206"}
    short = SignalWish(symbol="A", side="short", stop_loss="2%", entry="limit@200")
    assert remote.levels(Target(url="", token=""), short) == {"stop_loss": "204"}


def test_a_signal_from_a_file_or_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "signal.json").write_text('{"symbol": "A", "side": "long"}')
    assert SignalWish(file=tmp_path / "signal.json").body() == {"symbol": "A", "side": "long"}
    monkeypatch.setattr("sys.stdin", io.StringIO("[]"))
    with pytest.raises(BadInputError, match="not one JSON object"):
        SignalWish(file=Path("-")).body()
    (tmp_path / "signal.json").write_text("{")
    with pytest.raises(BadInputError, match="not JSON"):
        SignalWish(file=tmp_path / "signal.json").body()


def test_a_denial_in_words() -> None:
    answer = SignalAnswer(id=5, status="denied", code="ORDER_RATE", value=Decimal("0.4"), limit=Decimal(1))
    assert told(answer).startswith("Signal 5 was denied by ORDER_RATE (value 0.4, limit 1).")
    meant = SignalAnswer(id=5, status="denied", code="ORDER_RATE", message="Entries follow too quickly.")
    assert told(meant).startswith(
        "Signal 5 was denied by ORDER_RATE. Entries follow too quickly. `fillwright"
    )
    noted = SignalAnswer(id=5, status="denied", code="HALTED", message="operator: drill")
    assert told(noted).startswith("Signal 5 was denied by HALTED (operator: drill). `fillwright")
    entering = SignalAnswer(id=6, status="entering", position_id=2, repeated=True)
    assert told(entering).startswith("Signal 6 is entering, position 2 (it came before")


# -- a real service ------------------------------------------------------------------------------------------------


def test_all_commands_against_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def printed() -> Any:
        return json.loads(capsys.readouterr().out)

    with service_beside(tmp_path) as url:
        wanted = Target(url=url, token=TOKEN)
        wish = SignalWish(symbol="AAAUSDT", stop_loss="5%", take_profit="10%", quote="200", trader="ada")
        remote.send_signal(wanted, wish, "k1", True)
        sent = printed()
        assert (sent["code"], sent["key"]) == (None, "k1")
        with pytest.raises(AlreadyToldError):
            remote.send_signal(wanted, SignalWish(symbol="AAAUSDT", stop_loss="1"), None, False)
        assert "was denied by" in capsys.readouterr().out
        remote.status(wanted, False)
        assert "paper mode, ready" in capsys.readouterr().out
        remote.mode(wanted, None, True)
        assert printed() == {"mode": "paper"}
        with pytest.raises(RefusedError, match="MODE_UNAVAILABLE"):
            remote.mode(wanted, "testnet", False)
        remote.emergency_stop(wanted, flatten=False, reason="drill", json_wanted=False)
        assert "Halted" in capsys.readouterr().out
        remote.status(wanted, True)
        assert printed()["halted"]["reason"] == "drill"
        remote.resume(wanted, "over", "r1", False)
        assert "are taken again" in capsys.readouterr().out
        remote.resume(wanted, "over", "r1", False)
        assert "came before" in capsys.readouterr().out
        with pytest.raises(RefusedError, match="UNAUTHORIZED"):
            remote.status(Target(url=url, token="wrong"), False)
        with pytest.raises(BadInputError, match="no price of NOPE"):
            remote.levels(wanted, SignalWish(symbol="NOPE", stop_loss="5%"))
    with pytest.raises(NotReachedError, match="fillwright run"):
        remote.status(wanted, False)


def test_the_ages_of_the_oldest_prices_are_told(tmp_path: Path) -> None:
    with service_beside(tmp_path) as url:
        found = remote.asked(Target(url=url, token=TOKEN), lambda client: client.status())
    many = tuple(PriceAgeShape(f"S{number}", number, None) for number in range(10))
    changed = msgspec.structs.replace(
        found,
        prices=(*many, PriceAgeShape("OLD", 7_000, 3)),
        stream=StreamShape("connected", 12),
        clock_skew_ms=-40,
        questions_dropped=2,
    )
    lines = dict(status_lines(changed))
    assert lines["Ages"].startswith("OLD 7000 ms (trade 3), S9 9 ms (trade none), ")
    assert lines["Ages"].endswith(", and 3 that are younger")
    assert lines["Clock"] == f"{found.feed.source}'s is -40 ms from ours"
    assert (
        lines["Venue"] == "connected, last word 12 ms ago, 0 requests under way, 2 questions found no place"
    )
    plain = dict(status_lines(msgspec.structs.replace(found, prices=(), clock_skew_ms=None)))
    assert plain["Ages"] == "no prices yet"
    assert "Clock" not in plain
    assert "Shadow" not in plain
    assert "Rollout" not in plain
    for rollout, said in (
        (RolloutShape(3, 10, Decimal(50)), "3 of 10 clean trades, at most 50 a trade"),
        (RolloutShape(12, 10, None), "complete, 12 clean trades"),
    ):
        real = msgspec.structs.replace(found, rollout=rollout)
        assert dict(status_lines(real))["Rollout"] == said
    shadow = ShadowShape(
        account_id="shadow-testnet",
        state="recovering",
        detail="starting",
        mirrored=12,
        missed=3,
        waiting=1,
        ticks_lost=4,
    )
    assert dict(status_lines(msgspec.structs.replace(found, shadow=shadow)))["Shadow"] == (
        "shadow-testnet (paper), recovering: starting; 12 mirrored, 3 missed, 1 waiting, 4 prices lost"
    )


def test_a_real_mode_is_told_with_what_it_has_proved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = msgspec.structs.replace(STAGE, mode=Mode.MAINNET, cap=Decimal(100), clean_trades=11)
    answers: list[object] = [Mode.MAINNET, RolloutAnswer(Mode.MAINNET, (stage,)), Mode.MAINNET]
    monkeypatch.setattr(remote, "asked", lambda *_: answers.pop(0))
    wanted = Target(url="", token="")
    remote.mode(wanted, None, False)
    assert capsys.readouterr().out == "mainnet\nrollout: complete, 11 clean trades, at most 100 a trade\n"
    remote.mode(wanted, None, True)
    assert json.loads(capsys.readouterr().out) == {"mode": "mainnet"}
