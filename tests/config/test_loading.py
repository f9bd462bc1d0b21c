from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.config import Config, ConfigError, load
from fillwright.config.real import REAL_GROUPS
from fillwright.config.schema import GROUPS
from fillwright.config.service import SERVICE_GROUPS
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.types import Mode

D = Decimal


def load_text(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment=environment or {}, folder=tmp_path)


def problems_of(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text, environment)
    return caught.value.explain().splitlines()


# -- defaults ----------------------------------------------------------------------------------------------------


def test_nothing_given_is_the_cores_defaults(tmp_path: Path) -> None:
    config = load(environment={}, folder=tmp_path)
    assert config.settings == Settings()
    assert (config.limits, config.traders, config.places) == ({}, {}, {})
    assert (config.market.feed, config.durability) == ("auto", "auto")


def test_every_setting_of_the_core_can_be_set() -> None:
    groups = {"risk", "execution", "breaker", "reconciliation", "paper", "venue", "rollout"}
    for section, (struct, types) in GROUPS.items():
        names = {field.name for field in msgspec.structs.fields(struct)}
        assert set(types) == names - (groups if section == "basic" else set())


def test_defaults_are_those_of_the_records_document(shared_data: Path) -> None:
    """The table of records.md, read as text, says what a fresh configuration holds."""
    table = (shared_data.parent / "records.md").read_text()
    rows = re.findall(
        r"^\| (?:basic|risk: \w+|execution|breaker|reconciliation|paper|market|journal) \| (.*) \|$",
        table,
        re.M,
    )
    documented: dict[str, str] = {}
    for row in rows:
        without_notes = re.sub(r"\([^()]*\)", "", row)
        for part in without_notes.split(","):
            key, equals, value = part.partition("=")
            if equals:
                documented[key.strip()] = value.strip()
    assert len(documented) > 50
    values = {
        key.rpartition(".")[2]: value
        for key, value in load(environment={}, folder=shared_data / "nowhere").values.items()
    }
    # The document's words for the same thing.
    documented |= {"symbols": "(all)"} if documented["symbols"] == "[]" else {}
    documented["durability"] = {"normal": "auto"}[documented["durability"]]
    assert {key: values.get(key) for key in documented} == documented
    of_the_service = {key for _, types in (*SERVICE_GROUPS.values(), *REAL_GROUPS.values()) for key in types}
    of_the_service |= {"faults"}
    assert set(values) - of_the_service == set(documented) - of_the_service


@pytest.mark.parametrize(
    ("durability", "mode", "expected"),
    [
        ("auto", Mode.PAPER, "normal"),
        ("auto", Mode.TESTNET, "normal"),
        ("auto", Mode.MAINNET, "full"),
        ("normal", Mode.MAINNET, "normal"),
        ("full", Mode.PAPER, "full"),
    ],
)
def test_durability_follows_the_mode_unless_set(durability: str, mode: Mode, expected: str) -> None:
    assert Config(durability=durability).durability_in(mode) == expected


# -- layers ------------------------------------------------------------------------------------------------------


def test_later_files_and_the_environment_win(tmp_path: Path) -> None:
    (tmp_path / "fillwright.toml").write_text(
        "[risk]\nmax_positions = 1\nmax_daily_trades = 1\ncooldown_minutes = 1\n"
    )
    second, third = tmp_path / "b.toml", tmp_path / "c.toml"
    second.write_text("[risk]\nmax_positions = 2\nmax_daily_trades = 2\n")
    third.write_text("[risk]\nmax_positions = 3\n")
    config = load([second, third], environment={"FILLWRIGHT__RISK__MAX_ORDERS_PER_10S": "4"}, folder=tmp_path)
    risk = config.settings.risk
    assert (risk.max_positions, risk.max_daily_trades, risk.cooldown_minutes) == (3, 2, 1)
    assert risk.max_orders_per_10s == 4
    assert config.places["risk.max_positions"] == f"{third}:2"
    assert config.places["risk.max_orders_per_10s"] == "FILLWRIGHT__RISK__MAX_ORDERS_PER_10S"
    assert "risk.max_daily_loss_usdt" not in config.places


def test_numbers_stay_exact(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        "[risk]\nmax_daily_loss_usdt = 0.1\nrisk_per_trade_percent = '0.25'\nmax_order_size_usdt = 1e3\n",
    )
    assert str(config.settings.risk.max_daily_loss_usdt) == "0.1"
    assert str(config.settings.risk.risk_per_trade_percent) == "0.25"
    assert str(config.settings.risk.max_order_size_usdt) == "1000"


def test_environment_takes_lists_and_flags(tmp_path: Path) -> None:
    environment = {
        "FILLWRIGHT__BASIC__SYMBOLS": "BTCUSDT, ETHUSDT",
        "FILLWRIGHT__BASIC__ENABLED": "false",
        "FILLWRIGHT__RISK__ALLOCATION_USDT": "none",
        "FILLWRIGHT_SHARED_DATA": "one underscore is not ours",
    }
    settings = load_text(tmp_path, "[risk]\nallocation_usdt = 5\n", environment).settings
    assert settings.symbols == ("BTCUSDT", "ETHUSDT")
    assert settings.enabled is False
    assert settings.risk.allocation_usdt is None


# -- traders and nested limits -----------------------------------------------------------------------------------


def test_a_nested_limit_binds_only_where_it_says_so(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        "[risk]\nmax_position_size_usdt = 1000\n"
        '[limits."breakout"."BTCUSDT"]\nmax_positions = 1\n'
        '[limits."*"."ETHUSDT"]\nrequire_stop_loss = true\n',
    )
    account = config.settings.risk
    assert account.max_position_size_usdt == D(1000)
    assert config.limits == {
        "breakout|BTCUSDT": msgspec.structs.replace(account, max_positions=1),
        "|ETHUSDT": account,
    }
    assert config.values["limits.*.ETHUSDT.require_stop_loss"] == "true"


def test_traders_have_a_class_and_parameters(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        '[traders.fast]\nclass = "mybot:Fast"\nparameters = {lookback = 20, factor = 1.5, api_key = "hush"}\n',
        {"FILLWRIGHT__TRADERS__fast__PARAMETERS__LOOKBACK": "30"},
    )
    assert config.traders["fast"].trader_class == "mybot:Fast"
    assert config.traders["fast"].parameters == {"lookback": 30, "factor": D("1.5"), "api_key": "hush"}
    assert config.values["traders.fast.parameters.api_key"] == "(hidden)"
    assert "hush" not in str(config.values)


# -- problems ----------------------------------------------------------------------------------------------------


def test_all_problems_come_together_each_with_its_place(tmp_path: Path) -> None:
    lines = problems_of(
        tmp_path,
        "[risk]\nmax_positions = -1\n\nmax_position_sise_usdt = 5\n[paper]\ntaker_fee = 3\n",
        {"FILLWRIGHT__EXECUTION__UNPROTECTED_ACTION": "hope"},
    )
    file = tmp_path / "fillwright.toml"
    assert sorted(lines) == sorted(
        [
            "FILLWRIGHT__EXECUTION__UNPROTECTED_ACTION: execution.unprotected_action = 'hope': must be sell or alert",
            f"{file}:2: risk.max_positions = -1: must be a whole number from 0 to 1000000",
            f"{file}:4: risk.max_position_sise_usdt = 5: unknown key; did you mean risk.max_position_size_usdt?",
            f"{file}:6: paper.taker_fee = 3: must be a fraction from 0 to 0.1 (0.001 is one part in a thousand)",
        ]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[risky]\n", "unknown key; did you mean risk?"),
        ("[risk]\nentry_timeout_s = 3\n", "did you mean execution.entry_timeout_s?"),
        ("risk = 3\n", "must be a section"),
        ("[market]\nfeet = 1\n", "did you mean market.feed?"),
        ("[journal]\nx = 1\n", "known are durability"),
        ("[traders.a]\nclass = 5\n", "must be module:Class"),
        ("[traders.a]\nclass = ''\n", "must be module:Class"),
        ("[traders.a]\nparameters = 3\n", "must be a table of names and values"),
        ("[traders.a.parameters]\nx = nan\n", "must be a finite number"),
        ("[traders.a.parameters]\nx = [1.5, 1e400]\n", "must be a finite number"),
        ('[limits."a|b"."BTCUSDT"]\nmax_positions = 1\n', "without |"),
        ('[limits."a"."BTCUSDT"]\nday_start_hour_utc = 1\n', "unknown key"),
        ("[risk]\nmin_position_size_usdt = 200\n", "min_position_size_usdt must not exceed"),
        ("[risk]\nmax_positions = true\n", "must be a whole number"),
        ("[risk]\nmax_positions = 1.5\n", "must be a whole number"),
        ("[risk]\nmax_positions = [1]\n", "must be a whole number"),
        ("[risk]\nmax_positions = {a = 1}\n", "must be a whole number"),
        ("[risk]\nrequire_stop_loss = 'perhaps'\n", "must be true or false"),
        ("[basic]\nsymbols = ['BTC/USDT']\n", "must be symbols in capitals"),
        ("[basic]\nquote_asset = 'usdt'\n", "must be an asset in capitals"),
        ("[basic]\ncandle_interval = '7m'\n", "must be one of 1s 5s 10s"),
        ("[paper]\ninitial_balance = 0\n", "must be an amount above 0"),
        ("[execution]\nentry_timeout_s = 0\n", "must be seconds above 0"),
        ("not toml", "not valid TOML"),
        ("[risk]\na = 1\na = 2\n", "not valid TOML"),
        ("a = " + "9" * 5000, "not valid TOML"),
    ],
)
def test_a_problem_says_what_is_allowed(tmp_path: Path, text: str, expected: str) -> None:
    (line,) = problems_of(tmp_path, text)
    assert line.startswith(f"{tmp_path / 'fillwright.toml'}")
    assert expected in line


@pytest.mark.parametrize(
    "number",
    [
        "-1",
        "nan",
        "-nan",
        "inf",
        "-inf",
        "1e400",
        "-1e400",
        "1e-400",
        "0.1234567890123456789",
        "'1e3'",
        "''",
        "true",
    ],
)
def test_numbers_that_are_no_amounts_are_refused(tmp_path: Path, number: str) -> None:
    (line,) = problems_of(tmp_path, f"[risk]\nmax_daily_loss_usdt = {number}\n")
    assert ":2: risk.max_daily_loss_usdt = " in line
    assert "must be an amount from 0 to 10^15, at most 18 decimals" in line
    assert len(line) < 300 + len(str(tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load([tmp_path / "nowhere.toml"], environment={}, folder=tmp_path)
    assert caught.value.explain() == f"{tmp_path / 'nowhere.toml'}: no such file"


def test_a_secret_is_not_in_its_problem(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    (line,) = problems_of(tmp_path, "", {"FILLWRIGHT__RISK__MAX_POSITIONS_FILE": str(secret)})
    assert "hush" not in line
    assert "(hidden)" in line


@given(
    text=st.text(max_size=40),
    key=st.sampled_from(["max_positions", "max_daily_loss_usdt", "require_stop_loss"]),
)
def test_any_text_is_taken_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, text: str, key: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    problems: list[str] = []
    value: object = None
    try:
        config = load(environment={f"FILLWRIGHT__RISK__{key}": text}, folder=folder / "nowhere")
        value = getattr(config.settings.risk, key)
    except ConfigError as error:
        problems = error.explain().splitlines()
    assert len(problems) == 1 or isinstance(value, type(getattr(RiskLimits(), key)))
