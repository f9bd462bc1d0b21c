"""The import contract: what a door allows, what it refuses, and that the project's own table is enforced."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from scripts.doors import find_violations, parse_doors, room_of

ROOT = Path(__file__).resolve().parents[2]

DOORS = parse_doors(
    [
        "core -> nothing",
        "wire -> core.types",
        "exchange -> core.types, wire.errors",
        "exchange.server -> exchange, wire",
        "bootstrap -> everything",
    ]
)
LIBRARIES = parse_doors(["core -> decimal, collections"])


def why(importer: str, imported: str) -> str | None:
    """Give the reason against one import, or None."""
    graph = grimp.ImportGraph()
    graph.add_import(importer=importer, imported=imported, line_number=3, line_contents="import it")
    found = find_violations(graph, "house", DOORS, LIBRARIES)
    assert all((v.importer, v.imported, v.line_number) == (importer, imported, 3) for v in found)
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("house.core.engine", "house.core.types"),
        ("house.core.engine", "house"),
        ("house.core.engine", "decimal"),
        ("house.core.engine", "collections.abc"),
        ("house.wire.codec", "house.core.types"),
        ("house.wire.codec", "asyncio"),
        ("house.exchange.book", "house.wire.errors"),
        ("house.exchange.server.routes", "house.exchange.book"),
        ("house.exchange.server.routes", "house.wire.codec"),
        ("house.bootstrap", "house.exchange.server.routes"),
    ],
)
def test_a_door_lets_in(importer: str, imported: str) -> None:
    assert why(importer, imported) is None


@pytest.mark.parametrize(
    ("importer", "imported", "reason"),
    [
        ("house.core.engine", "house.wire.errors", "core has no door to it"),
        ("house.core.engine", "numpy", "core may use no library but those listed for it"),
        ("house.core.engine", "collections_extra", "core may use no library but those listed for it"),
        ("house.wire.codec", "house.core.state", "wire has no door to it"),
        ("house.wire.codec", "house.core", "wire has no door to it"),
        ("house.wire.codec", "house.core.types_more", "wire has no door to it"),
        ("house.exchange.book", "house.wire.codec", "exchange has no door to it"),
        ("house.exchange.book", "house.exchange.server.routes", "exchange has no door to it"),
        ("house.attic", "house.core.types", "this module belongs to no room: give it a line of its own"),
    ],
)
def test_a_wall_keeps_out(importer: str, imported: str, reason: str) -> None:
    assert why(importer, imported) == reason


def test_the_longest_name_is_the_room() -> None:
    assert room_of("exchange.server.routes", DOORS) == "exchange.server"
    assert room_of("exchange.serverless", DOORS) == "exchange"
    assert room_of("exchanges", DOORS) is None


@pytest.mark.parametrize("line", ["core", "core ->", "core -> , wire", " -> wire", "core: wire"])
def test_a_malformed_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="does not read"):
        parse_doors([line])


def test_a_second_line_for_a_room_is_refused() -> None:
    with pytest.raises(ValueError, match="'core' has two lines"):
        parse_doors(["core -> nothing", "core -> wire"])


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the project's own contracts over a package in another folder."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "doors.py", folder / "scripts")
    command = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{folder / 'src'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("from fillwright.core import types", 0),
        ("from fillwright import market", 1),
        ("from fillwright.market import tapes", 1),
        ("import socket", 1),
    ],
)
def test_the_projects_table_is_enforced(tmp_path: Path, statement: str, code: int) -> None:
    package = tmp_path / "src" / "fillwright"
    for module in ("__init__", "core/__init__", "core/types", "market/__init__", "market/tapes"):
        (package / module).parent.mkdir(parents=True, exist_ok=True)
        (package / f"{module}.py").touch()
    (package / "core" / "engine.py").write_text(statement + "\n")

    result = lint_imports(tmp_path)

    assert result.returncode == code, result.stdout + result.stderr
    assert ("fillwright.core.engine ->" in result.stdout) is (code == 1)
