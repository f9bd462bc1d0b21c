"""The project's own rules: sizes, mirrored tests, purity, locks, and documents that tell the truth.

A list of exceptions names each with its reason. It may only shrink: an entry that is no longer needed fails, too.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fillwright import __version__
from scripts.doors import parse_doors, room_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "fillwright"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock")

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

UNTESTED: dict[str, str] = {}
"""Modules (relative to the package) without a test file of their own, and why."""
LONG_FUNCTIONS: dict[str, str] = {}
"""``module.py:function`` longer than the limit, and why."""


def name_of(module: Path) -> str:
    """Name a module relative to the package."""
    return module.relative_to(PACKAGE).as_posix()


# -- size and shape ----------------------------------------------------------------------------------------------


def test_there_are_modules_to_look_at() -> None:
    assert PACKAGE / "core" / "types.py" in MODULES


def test_no_module_is_too_long() -> None:
    lines = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    found = {
        f"{name_of(module)}:{node.name}"
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert found == set(LONG_FUNCTIONS)


def has_behaviour(module: Path) -> bool:
    """Tell whether a module defines any function: vocabulary and re-exports alone have nothing to test."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(ast.parse(module.read_text()))
    )


def mirror_of(module: Path) -> Path:
    """Say where a module's test file belongs: tests/<room>/test_<module>.py."""
    place = module.relative_to(PACKAGE)
    if place.name == "__init__.py":
        return ROOT / "tests" / place.parent / f"test_{place.parent.name}.py"
    return ROOT / "tests" / place.with_name(f"test_{place.name.removeprefix('_')}")


def test_each_module_has_its_test_file() -> None:
    missing = {name_of(m) for m in MODULES if has_behaviour(m) and not mirror_of(m).is_file()}
    assert missing == set(UNTESTED)


def test_each_room_has_its_doors() -> None:
    (contract,) = (c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "doors")
    doors = parse_doors(contract["doors"])
    names = [name_of(m).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for m in MODULES]
    assert [name for name in names if name != "__init__" and room_of(name, doors) is None] == []


# -- purity ------------------------------------------------------------------------------------------------------

IMPURE_BUILT_INS = {"open", "input", "print", "hash", "id", "eval", "exec"}
"""I/O, and what differs from one process to the next; ``hash`` is free inside ``__hash__``."""


def impurities(source: str) -> list[str]:
    """Find impure built-ins and loops over sets that stand in the text as such."""
    tree = ast.parse(source)
    free = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node not in free:
            if node.func.id in IMPURE_BUILT_INS:
                found.append(f"line {node.lineno}: {node.func.id}()")
        elif isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
            found.append(f"line {node.iter.lineno}: a loop over a set")
    return found


def is_set(node: ast.expr) -> bool:
    """Tell whether an expression is plainly a set."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)


def pure_modules() -> Iterator[Path]:
    """Give the modules of the core and of the exchange without its server."""
    for module in MODULES:
        parts = module.relative_to(PACKAGE).parts
        if parts[0] in {"core", "exchange"} and parts[:2] != ("exchange", "server"):
            yield module


def test_pure_rooms_use_no_impure_built_in() -> None:
    found = {name_of(module): impurities(module.read_text()) for module in pure_modules()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "open('x')",
        "x = hash('a')",
        "for x in {1, 2}: x",
        "[x for x in set(y)]",
        "sum(x for x in {y for y in z})",
    ],
)
def test_an_impurity_is_found(source: str) -> None:
    assert len(impurities(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def __hash__(self): return hash(self.x)",
        "x in {1, 2}",
        "[x for x in sorted({1, 2})]",
        "self.open('x')",
    ],
)
def test_what_is_pure_is_left_alone(source: str) -> None:
    assert impurities(source) == []


def ruff_codes(source: str, place: str) -> set[str]:
    """Check a text as if it stood at a place in the project."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=TID251", "--output-format=json"]
    result = subprocess.run(
        [*command, f"--stdin-filename={place}", "-"],
        input=source,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in (0, 1), result.stderr
    return set(re.findall(r'"code": "(\w+)"', result.stdout))


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from time import monotonic",
        "import datetime\nnow = datetime.datetime.now()",
        "from datetime import datetime\nnow = datetime.now()",
        "import random",
        "import secrets",
        "import uuid",
        "import asyncio",
        "import logging",
        "import os.path",
        "from pathlib import Path",
        "import socket",
        "import threading",
    ],
)
def test_the_ban_list_binds_the_pure_rooms_alone(source: str) -> None:
    for place in ("core/risk/checks.py", "core/engine.py", "exchange/matching.py"):
        assert ruff_codes(source, f"src/fillwright/{place}") == {"TID251"}
    for place in ("exchange/server/routes.py", "market/synthetic.py"):
        assert ruff_codes(source, f"src/fillwright/{place}") == set()


# -- files and documents -----------------------------------------------------------------------------------------

# Put together from parts, so that this file does not find itself.
PLACES = re.compile(
    "|".join(
        [
            "py" + "pi",
            "python" + "hosted",
            "npm" + "js",
            "/wo" + "rk/",
            "/ro" + "ot/",
            "/ho" + "me/",
            "/Us" + "ers/",
        ]
    )
)


def tracked_files() -> list[Path]:
    """List what git tracks; skips where there is no git checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = []
    for file in tracked_files():
        text = file.read_bytes().decode("utf-8", errors="replace")
        found += [f"{file.relative_to(ROOT)}: {match.group()}" for match in PLACES.finditer(text)]
    assert found == []


def pinned(lock: str) -> dict[str, str]:
    """Read ``name==version`` requirements, without markers."""
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-peers.lock"])
def test_locks_carry_versions_and_hashes_and_no_hosts(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = re.split(r"\n(?! )", text.strip())
    assert len(requirements) == len(pinned(lock)) > 0
    for requirement in requirements:
        assert re.match(
            r"[a-z0-9.-]+==[0-9][^\s;]*( ; [^\\\n]+)? \\\n    --hash=sha256:[0-9a-f]{64}", requirement
        ), requirement
    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE)


def test_the_dev_lock_contains_the_runtime_lock() -> None:
    runtime, dev = (pinned(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()


def test_locks_hold_what_the_project_asks_for() -> None:
    groups = {
        "requirements.lock": [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]],
        "requirements-dev.lock": PROJECT["project"]["optional-dependencies"]["dev"],
    }
    for lock, requirements in groups.items():
        names = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in requirements}
        assert names <= pinned(lock).keys()


def test_the_version_is_in_the_changelog() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert f"\n## [{__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


def test_commands_in_documents_exist_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / ".ci" / "run"]
    named = {
        command
        for document in documents
        for command in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", document.read_text(), flags=re.MULTILINE)
    }
    assert {"run", "test", "check"} <= named
    assert named <= targets


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
