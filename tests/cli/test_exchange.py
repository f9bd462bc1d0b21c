from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fillwright.cli import app
from tests.commands.test_exchange import FakeExchange


def invoke(services: FakeExchange, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["exchange", *map(str, arguments)], obj=services)


def asked(*arguments: object, answers: dict[str, Any] | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    services = FakeExchange(answers)
    result = invoke(services, *arguments)
    assert result.exit_code == 0, result.output
    return services.asked


def test_options_of_run_become_settings(tmp_path: Path) -> None:
    services = FakeExchange()
    result = invoke(
        services, "run", "--json", "--data", tmp_path, "--port", 0, "--seed", 7, "--symbol", "BTCUSDT",
        "--symbol", "ETHUSDT", "--account", "bot", "--balance", "USDT=5", "--no-limits", "--frozen",
        "--start-us", 9, "--state", "s.db", "--log", "l", "--rate", 2.5, "--settings", "box.toml",
        "--legacy-listen-key", "--key-rights",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (options,) = services.ran
    assert (options.data, options.file) == (tmp_path, Path("box.toml"))
    assert options.settings == {
        "port": 0,
        "seed": 7,
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "market": {"trades_per_second": 2.5},
        "accounts": [{"account_id": "bot", "balances": {"USDT": "5"}}],
        "limits": {"is_enabled": False},
        "clock": {"is_frozen": True, "start_us": 9},
        "state_file": "s.db",
        "log_file": "l",
        "is_legacy_listen_key": True,
        "tells_key_rights": True,
    }


def test_run_alone_changes_nothing_of_the_settings() -> None:
    services = FakeExchange()
    assert invoke(services, "run").exit_code == 0
    assert services.ran[0].settings == {}


def test_a_tape_is_played_without_being_asked_twice() -> None:
    services = FakeExchange()
    assert invoke(services, "run", "--tape", "a.csv", "--speed", 60).exit_code == 0
    assert services.ran[0].settings["market"] == {"source": "tape", "tapes": ["a.csv"], "speed": 60.0}


def test_a_key_opens_an_account_that_is_not_there() -> None:
    answers = {"/accounts": ["main"]}
    assert asked("keys", "bot", "--balance", "USDT=5", answers=answers)[-1] == (
        "POST",
        "/accounts",
        {"account": "bot", "balances": {"USDT": "5"}},
    )
    assert asked("keys", "main", answers=answers)[-1] == ("POST", "/keys", {"account": "main"})


def test_a_public_key_is_read_from_its_file(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text("PEM")
    sent = asked("keys", "main", "--public-key", pem, answers={"/accounts": ["main"]})[-1]
    assert sent == ("POST", "/keys", {"account": "main", "public_key": "PEM"})


def test_a_key_is_bound_to_addresses_and_may_be_said_to_withdraw() -> None:
    words = ("keys", "main", "--ip", "10.0.0.1", "--ip", "10.0.0.2", "--withdrawals")
    expected = {"account": "main", "ip_addresses": ["10.0.0.1", "10.0.0.2"], "can_withdraw": True}
    assert asked(*words, answers={"/accounts": ["main"]})[-1] == ("POST", "/keys", expected)


def test_balances_of_an_account_that_is_open_are_refused() -> None:
    result = invoke(FakeExchange({"/accounts": ["main"]}), "keys", "main", "--balance", "USDT=5")
    assert result.exit_code == 2
    assert "deposit" in result.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("keys",), ("GET", "/keys", {})),
        (("keys", "--revoke", "k"), ("POST", "/keys/revoke", {"api_key": "k"})),
        (
            ("deposit", "main", "USDT", "5"),
            ("POST", "/deposit", {"account": "main", "asset": "USDT", "amount": "5"}),
        ),
        (
            ("deposit", "main", "USDT", "--", "-5"),
            ("POST", "/withdraw", {"account": "main", "asset": "USDT", "amount": "5"}),
        ),
        (
            ("fees", "main", "--maker", "0", "--bnb"),
            ("POST", "/fees", {"account": "main", "maker": "0", "pay_in_bnb": True}),
        ),
        (("price", "BTCUSDT", "5"), ("POST", "/price", {"symbol": "BTCUSDT", "price": "5", "quantity": "1"})),
        (
            ("trade", "BTCUSDT", "5", "2", "--buyer-is-maker"),
            ("POST", "/trade", {"symbol": "BTCUSDT", "price": "5", "quantity": "2", "buyer_is_maker": True}),
        ),
        (
            ("quote", "BTCUSDT", "5", "6"),
            (
                "POST",
                "/quote",
                {"symbol": "BTCUSDT", "bid": "5", "ask": "6", "bid_quantity": "1", "ask_quantity": "1"},
            ),
        ),
        (
            ("symbol", "BTCUSDT", "CANCEL_ONLY"),
            ("POST", "/symbol", {"symbol": "BTCUSDT", "status": "CANCEL_ONLY", "cancel_orders": False}),
        ),
        (("time",), ("GET", "/time", {})),
        (("time", "step", "2s"), ("POST", "/time", {"action": "step", "by_us": 2_000_000})),
        (("time", "skew", "--", "-1s"), ("POST", "/time", {"action": "skew", "by_us": -1_000_000})),
        (("time", "freeze"), ("POST", "/time", {"action": "freeze"})),
    ],
)
def test_words_become_wishes(words: tuple[str, ...], expected: tuple[str, str, dict[str, Any]]) -> None:
    assert asked(*words) == [expected]


def test_a_book_is_pushed_from_a_file(tmp_path: Path) -> None:
    book = tmp_path / "book.json"
    book.write_text('{"bids": [["1", "2"]], "asks": []}')
    sent = ("POST", "/depth", {"symbol": "BTCUSDT", "bids": [["1", "2"]], "asks": []})
    assert asked("quote", "BTCUSDT", "--book", book) == [sent]


@pytest.mark.parametrize(
    "words",
    [
        ("quote", "BTCUSDT"),
        ("time", "step"),
        ("time", "freeze", "1s"),
        ("price", "BTCUSDT", "much"),
        ("symbol", "BTCUSDT", "OPEN"),
        ("run", "--balance", "USDT"),
    ],
)
def test_what_cannot_be_meant_is_bad_input(words: tuple[str, ...]) -> None:
    services = FakeExchange()
    assert invoke(services, *words).exit_code == 2
    assert services.asked == []
    assert services.ran == []
