"""fillwright as a user starts it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TIMEOUT_S = 100
_NOT_OURS = ("FILLWRIGHT__", "PYTHONDONTWRITEBYTECODE")


def environment() -> dict[str, str]:
    """What a user's shell has, and the package of this checkout; no setting of this machine.

    Bytecode is kept as it is for users: what a start costs would not be theirs otherwise.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT / "src")}


def fillwright(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fillwright", *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def started(*words: object, cwd: Path) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "fillwright", *map(str, words)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def example(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the examples."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
