"""The list of error codes says what the code says: nothing is told that is not on it, and nothing on it is made up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from fillwright.api import errors
from fillwright.api.codes import ERROR_CODES
from fillwright.api.desk import CONFLICTS
from fillwright.core.risk.codes import DenialCode

PACKAGE = Path(errors.__file__).parent
COMMANDS = PACKAGE.parent / "core" / "commands.py"
REFUSERS = {"_refuse"}
UNREACHABLE = {"ORDER_INVALID", "ORDER_UNKNOWN"}
"""Of commands that have no path yet."""


def calls(file: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node


def told() -> dict[str, set[int]]:
    """Codes and statuses of every ApiError that is made in the API with constants."""
    found: dict[str, set[int]] = {}
    for file in sorted(PACKAGE.glob("*.py")):
        for call in calls(file, {"ApiError"}):
            status, code = call.args[:2]
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                found.setdefault(str(code.value), set()).add(int(str(status.value)))
    return found


def test_every_error_that_is_made_is_on_the_list_with_its_status() -> None:
    listed = {one.code: set(one.statuses) for one in ERROR_CODES}
    for code, statuses in told().items():
        assert statuses <= listed[code], code
    for status, code in errors._STATUS_CODES.items():
        assert status in listed[code], code


def test_what_the_core_refuses_is_on_the_list_or_a_denial() -> None:
    known = {one.code for one in ERROR_CODES} | set(DenialCode) | UNREACHABLE
    refused = {
        str(call.args[1].value)
        for call in calls(COMMANDS, REFUSERS)
        if isinstance(call.args[1], ast.Constant)
    }
    assert {"POSITION_NOT_OPEN", "REASON_REQUIRED"} <= refused
    assert refused <= known
    assert known >= CONFLICTS


def test_nothing_on_the_list_is_made_up() -> None:
    texts = [file.read_text() for file in (*PACKAGE.glob("*.py"), COMMANDS) if file.name != "codes.py"]
    for one in ERROR_CODES:
        assert any(f'"{one.code}"' in text for text in texts), one.code


def test_every_code_is_listed_once_and_says_what_to_do() -> None:
    codes = [one.code for one in ERROR_CODES]
    assert len(set(codes)) == len(codes)
    assert all(one.meaning.endswith(".") and one.remedy.endswith(".") for one in ERROR_CODES)
