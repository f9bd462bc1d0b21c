"""Replays that are killed (SIGKILL) while they run; what this imports is imported once, not for each victim."""

from __future__ import annotations

import mmap
import signal
import struct
import time
from collections import deque
from multiprocessing.process import BaseProcess
from pathlib import Path

from fillwright.bootstrap import replaying
from fillwright.options import ReplayOptions, ReplayProgress
from fillwright.replay.recording import SNAPSHOT_INTERVAL_S
from tests.e2e.forks import server

WAIT_S = 20
_COUNT = struct.Struct("<qq")
"""Ticks passed, and those passed some work before: what the dying process leaves in shared memory."""
WORK_S = 2 * SNAPSHOT_INTERVAL_S
"""Work that may be done again in any case: a snapshot of every moment is not worth its time."""


class Victim:
    """A replay in a process of its own that tells through shared memory how far it has come."""

    def __init__(self, wanted: ReplayOptions, shared: Path) -> None:
        shared.write_bytes(_COUNT.pack(0, 0))
        with shared.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), _COUNT.size)
        self.process: BaseProcess = server().Process(target=_replay_watched, args=(wanted, shared))
        self.process.start()

    @property
    def ticks(self) -> int:
        return int(_COUNT.unpack(self.memory[:])[0])

    @property
    def ticks_before(self) -> int:
        """Ticks that had been passed ``WORK_S`` before the last turn."""
        return int(_COUNT.unpack(self.memory[:])[1])

    def kill_at(self, ticks: int) -> int:
        """Kill it (SIGKILL) when it has passed so many ticks; returns how many it had at its end."""
        until = time.monotonic() + WAIT_S
        while self.ticks < ticks and self.process.is_alive():
            assert time.monotonic() < until, "the replay does not get on"
            time.sleep(0.0003)
        self.process.kill()
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL, "it ended before it was killed"
        return self.ticks

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.memory.close()


def _replay_watched(wanted: ReplayOptions, shared: Path) -> None:
    """In the process to be killed: replay, and note after every turn how far it is."""
    replaying.PROGRESS_TURNS, replaying.PROGRESS_INTERVAL_S = 1, -1.0
    turns: deque[tuple[float, int]] = deque()
    before = 0
    with shared.open("r+b") as file, mmap.mmap(file.fileno(), _COUNT.size) as memory:

        def progress(news: ReplayProgress) -> None:
            nonlocal before
            now = time.perf_counter()
            turns.append((now, news.ticks))
            while turns[0][0] < now - WORK_S:
                before = turns.popleft()[1]
            _COUNT.pack_into(memory, 0, news.ticks, before)

        replaying.replay(wanted, progress)
