from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.config.layers import FILE_BYTES_MAX, Layer, contains, parameter, read_environment, read_file
from fillwright.config.problems import Problem


def test_the_line_of_a_key_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        '# a comment\n[risk]\nmax_positions = 1\n\n[limits."a b"."BTCUSDT"]  # note\nmax_positions = 1\n'
    )
    problems: list[Problem] = []
    layer = read_file(file, problems)
    assert problems == []
    assert layer.place(("risk", "max_positions")) == f"{file}:3"
    assert layer.place(("limits", "a b", "BTCUSDT", "max_positions")) == f"{file}:6"
    assert layer.place(("limits", "a b", "BTCUSDT")) == f"{file}:5"
    assert layer.place(("risk", "max_daily_trades")) is None


def test_a_key_inside_a_table_of_one_line_has_the_line_of_the_table(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("\n[traders.a]\nparameters = {x = 1}\n")
    assert read_file(file, []).place(("traders", "a", "parameters", "x")) == f"{file}:3"


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xef\xbb\xbf[risk]\n")
    assert read_file(file, []).values == {"risk": {}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe", "not UTF-8 text"),
        (b"#" * (FILE_BYTES_MAX + 1), "larger than"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(content)
    problems: list[Problem] = []
    layer = read_file(file, problems)
    assert layer.values == {}
    assert [expected in problem.line() for problem in problems] == [True]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    problems: list[Problem] = []
    read_file(tmp_path, problems)
    assert "cannot be read" in problems[0].line()


def test_names_of_traders_and_symbols_keep_their_case() -> None:
    problems: list[Problem] = []
    layer = read_environment(
        {
            "FILLWRIGHT__LIMITS__Fast__BTCUSDT__MAX_POSITIONS": "1",
            "fillwright__risk__MAX_POSITIONS": "2",
            "FILLWRIGHT__TRADERS__Fast__CLASS": "a:B",
        },
        problems,
    )
    assert problems == []
    assert layer.values == {
        "limits": {"Fast": {"BTCUSDT": {"max_positions": "1"}}},
        "risk": {"max_positions": "2"},
        "traders": {"Fast": {"class": "a:B"}},
    }


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("hush\n")
    problems: list[Problem] = []
    layer = read_environment({"FILLWRIGHT__TRADERS__a__PARAMETERS__TOKEN_FILE": str(secret)}, problems)
    path = ("traders", "a", "parameters", "token")
    assert layer.values == {"traders": {"a": {"parameters": {"token": "hush"}}}}
    assert layer.secrets == {path}
    assert layer.place(path) == "FILLWRIGHT__TRADERS__a__PARAMETERS__TOKEN_FILE"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FILLWRIGHT__RISK": "1"}, "read it as FILLWRIGHT__SECTION__KEY"),
        ({"FILLWRIGHT__RISK__": "1"}, "read it as FILLWRIGHT__SECTION__KEY"),
        ({"FILLWRIGHT__A__B_FILE": "nowhere"}, "cannot be read"),
        ({"FILLWRIGHT__A__B_FILE": "a\0b"}, "not a file name"),
        ({"FILLWRIGHT__A__B": "1", "fillwright__a__b": "2"}, "given twice, also by FILLWRIGHT__A__B"),
        ({"FILLWRIGHT__A__B": "1", "FILLWRIGHT__A__B__C": "2"}, "given twice"),
    ],
)
def test_a_variable_that_cannot_be_used_is_a_problem(variables: dict[str, str], expected: str) -> None:
    problems: list[Problem] = []
    read_environment(variables, problems)
    assert [expected in problem.line() for problem in problems] == [True]


@pytest.mark.parametrize(
    ("text", "value"),
    [("20", 20), ("0.5", Decimal("0.5")), ("true", True), ("[1, 2]", [1, 2]), ("hello", "hello"), ("", "")],
)
def test_a_parameter_is_read_as_toml_would(text: str, value: object) -> None:
    assert parameter(text) == value


def test_contains_looks_into_tables_alone() -> None:
    assert contains({"a": {"b": None}}, ("a", "b"))
    assert not contains({"a": "b"}, ("a", "b"))
    assert Layer(name="x").place(("a",)) is None
