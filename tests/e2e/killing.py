"""A service killed (SIGKILL) again and again under load, and judged after each restart."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect
from collections.abc import Sequence
from random import Random

from fillwright.core.types import SECOND, Time
from tests.e2e.judge import Judge
from tests.e2e.service import Service
from tests.e2e.traffic import Sent, Traffic

RATE = 50
"""Signals a second."""
AGREE_MAX_S = 10.0
"""So long the two books may differ after a restart while nobody trades: what is under way arrives."""
PROTECTED_WITHIN_S = 2.0
"""So long after a process began every position that was open should have its stop at the exchange."""
RESTS_MAX = 5
AGAIN = 25
"""Answered signals that are sent once more after each restart, to see that they get the same answer."""


class Killing:
    """The lives of one service."""

    def __init__(self, service: Service, seed: int, traders: int = 400) -> None:
        self.service = service
        self.random = Random(seed)
        self.traffic = Traffic(service.symbols, seed, traders)
        self.judge: Judge | None = None
        self.kills = 0
        self.stops = 0
        self.ready_after_s: list[float] = []
        self.agreed_after_s: list[float] = []
        """How long the two books were seen to differ after that."""
        self.started_at: list[Time] = []
        """When each process was begun."""

    def life(self, least_s: float, most_s: float, *, graceful: bool = False) -> None:
        """Start it, judge it, load it, and end it at a moment that is drawn."""
        self.begin()
        asyncio.run(self._until_ended(self.random.uniform(least_s, most_s), graceful))

    def start(self) -> None:
        """Begin the process, and note when that was: at this moment it knows nothing yet."""
        self.started_at.append(time.time_ns() // 1_000)
        self.service.start()

    def killed_while_starting(self) -> None:
        """Kill it at some moment of its start."""
        usual = self.ready_after_s[-1] if self.ready_after_s else 1.0
        self.start()
        time.sleep(self.random.uniform(0.25, 1.05) * usual)
        self.service.kill()
        self.kills += 1

    def begin(self) -> None:
        """Start it; once it is ready everything that was true must be true still."""
        self.start()
        self.ready_after_s.append(self.service.wait_ready())
        if self.judge is None:
            self.judge = Judge(self.service.database)
        self.agree()
        asyncio.run(self.traffic.repeat(self.service.url, self._again()))
        self.judge.look()
        self.judge.heard(self.traffic.sent)
        self.check()

    def agree(self) -> None:
        """Both books become the same while nobody trades."""
        judge = self.judge
        assert judge is not None
        begin = time.monotonic()
        until = begin + AGREE_MAX_S
        judge.look()
        while (differences := judge.differences()) and time.monotonic() < until:
            time.sleep(0.02)
            judge.look()
        assert differences == []
        self.agreed_after_s.append(time.monotonic() - begin)
        self.check()

    def check(self) -> None:
        """Nothing was found that is not as it must be."""
        assert self.judge is not None
        assert self.judge.problems == []

    def _again(self) -> list[Sent]:
        """All that were sent and never answered, and some that were."""
        answered = [one for one in self.traffic.sent if one.answers]
        drawn = self.random.sample(answered, min(AGAIN, len(answered)))
        return [*(one for one in self.traffic.unanswered if one.tries), *drawn]

    async def _until_ended(self, seconds: float, graceful: bool) -> None:
        loop = asyncio.get_running_loop()
        end = self._stop if graceful else self._kill
        loop.call_later(seconds, end)
        await self.traffic.flow(self.service.url, RATE, seconds + 5)
        assert self.service.process is None

    def _kill(self) -> None:
        self.service.kill()
        self.kills += 1

    def _stop(self) -> None:
        assert self.service.stop() == 0
        self.stops += 1

    def finish(self) -> None:
        """Let it come to rest, stop it, and settle."""
        self._stop_at_rest()
        judge = self.judge
        assert judge is not None
        assert judge.settle() == []
        answered = [one for one in self.traffic.sent if one.answers]
        assert len(answered) == len([one for one in self.traffic.sent if one.tries])
        assert [s for s in judge.starts if s.positions], "it was never killed with an open position"

    def _stop_at_rest(self) -> None:
        """Stop it; once more when an execution was on its way to the account at that moment, as it may be."""
        for _ in range(RESTS_MAX):
            self.begin()
            assert self.service.stop() == 0
            assert self.judge is not None
            self.judge.look()
            self.check()
            if not self.judge.differences():
                return
        raise AssertionError(f"the books differ after each of {RESTS_MAX} stops")

    def protected_after_s(self) -> list[float]:
        """From each process's beginning to the moment at which all that was open had its stop, where something was.

        Processes that were killed before that moment are left out.
        """
        assert self.judge is not None
        found = []
        for start in self.judge.starts:
            begun = self.started_at[bisect(self.started_at, start.time) - 1]
            if start.positions and start.protected_at is not None:
                found.append((start.protected_at - begun) / SECOND)
        return sorted(found)

    @property
    def summary(self) -> str:
        """How it went, in a few lines."""
        assert self.judge is not None
        refused = sum(len(one.refusals) for one in self.traffic.sent)
        broken = sum(one.tries - len(one.answers) - len(one.refusals) for one in self.traffic.sent)
        protected = self.protected_after_s()
        late = sum(seconds > PROTECTED_WITHIN_S for seconds in protected)
        return (
            f"{self.kills} kills, {self.stops} stops; {len(self.traffic.sent)} signals sent, {broken} answers lost, "
            f"{refused} refused\n"
            f"seconds after the process began: every open position protected {spread(protected)}, "
            f"{late} later than {PROTECTED_WITHIN_S:g} s; "
            f"signals taken {spread(self.ready_after_s)}; "
            f"both books the same, seconds after that: {spread(self.agreed_after_s)}\n{self.judge.summary}"
        )


def spread(seconds: Sequence[float]) -> str:
    """A distribution in words."""
    if not seconds:
        return "never"
    ranked = sorted(seconds)
    p50, p99 = ranked[len(ranked) // 2], ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {ranked[-1]:.2f} ({len(ranked)} starts)"
