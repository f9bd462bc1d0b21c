"""A full disk and a trader that raises end a replay in order: a line, an exit code, a journal to go on from."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import TIMEOUT_S, environment, fillwright

WORDS = ("replay", "--synthetic", "--days", "2", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT")
LIMIT_BLOCKS = 600
"""Of 512 or 1,024 bytes, as shells differ: more than an empty journal has, less than the replay needs."""
RAISING = """
from fillwright.traders import Signal, Trader

class Raising(Trader):
    warm_up = 1
    def on_candle(self, candles, position):
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen == 40:
            raise ValueError("forty candles are enough")
        return None
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the replay when nothing is in its way."""
    return digest(fillwright(*WORDS, "--out", "whole", "--json", cwd=tmp_path_factory.mktemp("whole")))


def digest(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["digest"])


def assert_journal_whole(journal: Path) -> int:
    """The journal reads, and its records follow each other; how many there are."""
    connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        seqs = [seq for (seq,) in connection.execute("SELECT seq FROM journal ORDER BY seq")]
    finally:
        connection.close()
    assert seqs == list(range(1, len(seqs) + 1))
    return len(seqs)


def test_files_that_may_not_grow(tmp_path: Path, whole: str) -> None:
    if sys.platform == "win32":
        pytest.skip("no limits on file sizes here")
    command = f'ulimit -f {LIMIT_BLOCKS}; exec "$0" "$@"'
    stopped = subprocess.run(
        ["sh", "-c", command, sys.executable, "-m", "fillwright", *WORDS, "--out", "out"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert_storage_failed(stopped, tmp_path / "out")
    assert digest(fillwright(*WORDS, "--out", "out", "--resume", "--json", cwd=tmp_path)) == whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", folder):
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def mount(*words: object) -> int:
    return subprocess.run(["mount", *map(str, words)], capture_output=True, check=False).returncode


def test_full_disk(small_disk: Path, whole: str) -> None:
    stopped = fillwright(*WORDS, "--out", small_disk / "out", cwd=small_disk)
    assert_storage_failed(stopped, small_disk / "out")
    assert "the disk is full" in stopped.stderr
    assert mount("-o", "remount,size=64m", small_disk) == 0
    again = fillwright(*WORDS, "--out", small_disk / "out", "--resume", "--json", cwd=small_disk)
    assert digest(again) == whole


def assert_storage_failed(stopped: subprocess.CompletedProcess[str], out: Path) -> None:
    assert stopped.returncode == 4, stopped.stderr
    assert stopped.stderr.count("\n") == 1, stopped.stderr
    assert "journal.db" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert {path.name.partition("-")[0] for path in out.iterdir()} == {"journal.db"}


def test_a_trader_that_raises_and_is_mended(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(RAISING)
    words = (*WORDS, "--trader", "mine.py:Raising", "--out", "out")
    stopped = fillwright(*words, cwd=tmp_path)
    assert stopped.returncode == 3, stopped.stderr
    assert "Raising" in stopped.stderr
    assert 'raise ValueError("forty candles are enough")' in stopped.stderr
    assert "fillwright/replay" not in stopped.stderr
    assert assert_journal_whole(tmp_path / "out" / "journal.db") > 20
    assert not (tmp_path / "out" / "report.html").exists()
    (tmp_path / "mine.py").write_text(RAISING.replace("== 40", "== -1"))
    resumed = digest(fillwright(*words, "--resume", "--json", cwd=tmp_path))
    assert resumed == digest(fillwright(*words, "--json", cwd=tmp_path))
