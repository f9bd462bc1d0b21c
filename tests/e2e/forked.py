"""The live service as a process that is forked from one which has everything imported: a start costs what it does.

What importing costs is paid once by each process that runs tests, not by every start. From the fork on it is the same
command with the same words, settings and folder; tests of the start itself use a process of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.forks import server


class Forked:
    """A command of fillwright in a forked process; what tests use of ``subprocess.Popen``."""

    def __init__(self, words: Sequence[str], folder: Path, environment: dict[str, str], log: Path) -> None:
        self._words = tuple(words)
        self._process = server().Process(
            target=_run, args=(self._words, folder, environment, log), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, less than nothing for a signal; None while it lives."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._words, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _run(words: Sequence[str], folder: Path, environment: dict[str, str], log: Path) -> None:
    """In the forked process: become what a shell would have started."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out, out)):
        os.dup2(descriptor, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as an interpreter has it, to its end
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["fillwright", *words]
    from fillwright.cli import main

    main()
