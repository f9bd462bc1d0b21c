"""The soak: two services on one exchange under load and faults, killed again and again, and judged."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from fillwright.core.types import MILLISECOND, SECOND, Time
from fillwright.wire.exchange_info import parse_exchange_info
from tests.e2e.exchange.box import Box
from tests.soak import trouble
from tests.soak.exchange_log import ExchangeLog
from tests.soak.judge import Disturbance, Lasting, SoakJudge, held
from tests.soak.place import CUSTOMERS, SYMBOLS, Customer, own_coins, restrained
from tests.soak.traffic import SoakTraffic

RATE = 20.0
"""Signals a second, of both services together."""
KILLED_EVERY_S = 20.0
DISTURBED_EVERY_S = 12.0
READY_MAX_S = 60.0
AGREE_MAX_S = 90.0
"""After the faults: doubts end (27 s), what no event told is read (30 s), and what follows from it."""
HALTED_MAX_S = 20.0
"""When nothing trades any more nothing is under way but what was sent before."""
RESTS_MAX = 3
FLUSHED_S = 1.2
"""Lines of the event log are in the file after this."""
PROGRESS_EVERY_S = 10.0
LOOK_S = 0.1
BUSY: Time = 400 * MILLISECOND
"""A pause of this program that is longer tells of a machine with too much to do."""


class Side:
    """One customer with its service, its traffic and its judge."""

    def __init__(self, customer: Customer, seed: int) -> None:
        self.name, self.service = customer.name, customer.service
        self.random = Random(f"{seed} {customer.name}")
        self.traffic = SoakTraffic(SYMBOLS, seed * 2 + CUSTOMERS.index(customer.name))
        self.judge: SoakJudge | None = None
        self.killed_at: list[Time] = []
        self.ready_after_s: list[float] = []
        self.resumed = 0

    async def start(self) -> None:
        """Start the process."""
        self.service.start()

    async def ready(self) -> None:
        """Wait until it takes signals."""
        begin = time.monotonic()
        process = self.service.process
        while time.monotonic() < begin + READY_MAX_S:
            if self.service.process is not process or process is None:
                return  # it was killed meanwhile
            assert process.poll() is None, f"{self.name} has ended by itself:\n{self.service.log[-4000:]}"
            try:
                status, _ = await asyncio.to_thread(self.service.get, "/readyz")
            except OSError:
                status = 0
            if status == 200:
                self.ready_after_s.append(time.monotonic() - self.service.started_at)
                if self.judge is None:
                    self.judge = SoakJudge(self.service.database, own_coins(self.name))
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{self.name} is not ready after {READY_MAX_S} s:\n{self.service.log[-4000:]}")

    async def kill(self) -> None:
        """SIGKILL, and up again at once."""
        self.killed_at.append(time.time_ns() // 1_000)
        self.service.kill()
        self.service.start()

    async def live(self, rate: float, until: float) -> None:
        """Drive it through all its lives."""
        begin = time.monotonic()
        while time.monotonic() < until:
            process = self.service.process
            await self.ready()
            if self.service.process is process:
                await self.resume()
                await self.traffic.once_more(self.service.url)
            if self.service.process is process:
                await self.traffic.drive(self.service.url, rate, begin, until)

    async def resume(self) -> None:
        """Lift a halt, as an operator would who has looked."""
        try:
            _, status = await asyncio.to_thread(self.service.get, "/api/status")
            if isinstance(status, dict) and status.get("halted"):
                self.resumed += 1
                await asyncio.to_thread(
                    self.service.ask, "POST", "/api/resume", {"reason": "the soak goes on"}
                )
        except OSError:
            return


class Soak:
    """See the module.

    Args:
        place: from ``running_place``.
        say: takes progress, a line at a time.
    """

    def __init__(
        self,
        place: tuple[Box, Path, list[Customer]],
        seed: int,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.box, log, customers = place
        self.seed, self.say = seed, say
        self.random = Random(f"{seed} connections")
        instruments = parse_exchange_info(restrained()).instruments
        by_name = {one.symbol: one for one in instruments.values()}
        self.log = ExchangeLog(log, lambda symbol: by_name[symbol], CUSTOMERS)
        self.sides = [Side(customer, seed) for customer in customers]
        self.disturbances: Counter[str] = Counter()
        self._begin = 0.0

    # -- running ---------------------------------------------------------------------------------------------

    async def run(self, seconds: float) -> None:
        """So long under faults; then everything comes to rest, and is judged."""
        for side in self.sides:
            await side.start()
        for side in self.sides:
            await side.ready()
        trouble.install(self.box)
        watcher = asyncio.create_task(self._watch_machine())
        self._begin = time.monotonic()
        until = self._begin + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, side in enumerate(self.sides):
                tasks.create_task(side.live(RATE / len(self.sides), until))
                tasks.create_task(self._kill(side, KILLED_EVERY_S * (number + 1) / len(self.sides), until))
            tasks.create_task(self._disturb(until))
            tasks.create_task(self._progress(until))
        trouble.end(self.box)
        await self._rest()
        watcher.cancel()

    async def _kill(self, side: Side, first_s: float, until: float) -> None:
        delay = first_s * side.random.uniform(0.7, 1.0)
        while time.monotonic() + delay < until - 1:
            await asyncio.sleep(delay)
            await side.kill()
            delay = KILLED_EVERY_S * side.random.uniform(0.8, 1.2)

    async def _disturb(self, until: float) -> None:
        while True:
            delay = self.random.uniform(0.5, 1.5) * DISTURBED_EVERY_S
            if time.monotonic() + delay > until:
                return
            await asyncio.sleep(delay)
            self._disturbed(await asyncio.to_thread(trouble.disturb, self.box, self.random))

    def _disturbed(self, one: Disturbance) -> None:
        self.disturbances[one.what] += 1
        for side in self.sides:
            assert side.judge is not None
            side.judge.disturbances.append(one)

    async def _watch_machine(self) -> None:
        """Note when this machine has no time for us: then it has none for the services either."""
        while True:
            begin = _now()
            await asyncio.sleep(LOOK_S)
            if (end := _now()) > begin + BUSY:
                self._disturbed(Disturbance("the machine was busy", begin, end))

    async def _progress(self, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(max(0.0, min(PROGRESS_EVERY_S, until - time.monotonic())))
            await asyncio.to_thread(self.look)
            self.say(self.progress)
            found = [
                f"{side.name}: {problem}"
                for side in self.sides
                if side.judge is not None
                for problem in (*side.judge.problems, *self.log.accounts[side.name].problems)
            ]
            assert found == [], "\n".join(found)

    def look(self) -> None:
        """Take in what is new in all books."""
        self.log.look()
        for side in self.sides:
            if side.judge is not None:
                side.judge.look()

    # -- the end ---------------------------------------------------------------------------------------------

    async def _rest(self) -> None:
        for side in self.sides:
            await side.ready()
            await side.resume()
            await side.traffic.once_more(side.service.url)
        for left in reversed(range(RESTS_MAX)):
            await self._agree("after the faults", AGREE_MAX_S)
            self._set_status("HALT")
            try:
                await self._agree("at rest", HALTED_MAX_S)
                break
            except (
                AssertionError
            ):  # it was halted in the moment between an execution and what follows from it
                if not left:
                    raise
                self._set_status("TRADING")
        for side in self.sides:
            assert side.service.stop() == 0, side.service.log[-4000:]
        await self._agree("stopped", HALTED_MAX_S)

    def _set_status(self, status: str) -> None:
        for symbol in SYMBOLS:
            self.box.admin.post("/symbol", symbol=symbol, status=status)

    async def _agree(self, when: str, most_s: float) -> None:
        """Both books become the same."""
        begin = time.monotonic()
        while differences := await self._differences():
            if time.monotonic() > begin + most_s:
                raise AssertionError("\n".join([*differences, f"{when}, after {most_s} s"]))
        self.say(f"{when}: the books are the same after {time.monotonic() - begin:.1f} s")

    async def _differences(self) -> list[str]:
        dump = await asyncio.to_thread(self.box.admin.get, "/dump")
        await asyncio.sleep(FLUSHED_S)
        await asyncio.to_thread(self.look)
        found = []
        for side in self.sides:
            assert side.judge is not None
            account = dump["accounts"][side.name]
            found += [
                f"{side.name}: {one}" for one in side.judge.differences(self.log.accounts[side.name], account)
            ]
        return found

    def problems(self) -> list[str]:
        """Everything that is not as it must be; with the services stopped."""
        audit, dump = self.box.admin.get("/audit"), self.box.admin.get("/dump")
        status = self.box.admin.get("/status")
        found = [f"the exchange's audit: {one}" for one in audit["problems"]]
        if status["failures"]:
            found.append(f"{status['failures']} failures of the exchange")
        for side in self.sides:
            judge, account = side.judge, self.log.accounts[side.name]
            assert judge is not None
            books = dump["accounts"][side.name]
            judge.heard(side.traffic.sent)
            judge.commanded(side.traffic.commands)
            mine = [
                *judge.problems,
                *judge.coins(account, books),
                *judge.settled(held(books)),
                *[f"never answered: {one.name}" for one in side.traffic.unanswered if not one.refusals][:5],
                *beyond(self.naked(side), "without a stop"),
                *beyond(self.doubted(side), "in doubt"),
            ]
            found += [f"{side.name}: {one}" for one in mine]
        return found

    def naked(self, side: Side) -> list[Lasting]:
        """Spells without a stop."""
        assert side.judge is not None
        return side.judge.naked(self.log.accounts[side.name], side.judge.dead(side.killed_at), _now())

    def doubted(self, side: Side) -> list[Lasting]:
        """Doubts."""
        assert side.judge is not None
        return side.judge.doubted(self.log.accounts[side.name], side.judge.dead(side.killed_at), _now())

    # -- words -----------------------------------------------------------------------------------------------

    @property
    def progress(self) -> str:
        """Where it stands, in one line."""
        told = [f"{time.monotonic() - self._begin:6.0f} s"]
        for side in self.sides:
            judge, account = side.judge, self.log.accounts[side.name]
            if judge is None:
                continue
            told.append(
                f"{side.name}: {len(side.killed_at)} kills, {len(side.traffic.sent)} signals, {len(judge.intents)} "
                f"orders, {len(account.trades)} executions, "
                f"{len(judge.ledger.open_positions)} open, {len(judge.ledger.doubts)} in doubt, "
                f"{len(account.faults)} faults"
            )
        return " | ".join(told)

    @property
    def summary(self) -> str:
        """How it went."""
        lines = [f"seed {self.seed}; connections: {dict(self.disturbances)}"]
        for side in self.sides:
            judge, account = side.judge, self.log.accounts[side.name]
            if judge is None:
                continue
            naked, doubted = self.naked(side), self.doubted(side)
            dead = [until - since for since, until in judge.dead(side.killed_at)]
            lines += [
                f"{side.name}: {judge.summary}",
                (
                    f"  {len(side.killed_at)} kills; {account.calls} calls, {len(account.faults)} of them faulty; "
                    f"{len(account.trades)} executions; {len(side.traffic.commands)} commands; {judge.halts} halts, "
                    f"{side.resumed} resumed"
                ),
                f"  denied: {dict(sorted(judge.denials.items(), key=lambda one: -one[1]))}",
                (
                    f"  without a stop, service alive: {spread([one.alive for one in naked])}; in all: "
                    f"{spread([one.total for one in naked])}; of those without any fault or death: "
                    f"{spread([one.total for one in naked if not one.faults and not one.dead])}"
                ),
                f"  in doubt, service alive: {spread([one.alive for one in doubted])}",
                f"  dead, from a kill to books compared: {spread(dead)}",
            ]
        return "\n".join(lines)


def beyond(lasting: Sequence[Lasting], what: str) -> list[str]:
    """What lasted longer than it may."""
    return [
        f"{one.what} was {what} for {one.total / SECOND:.1f} s from {one.begin}, {one.dead / SECOND:.1f} s of it dead; "
        f"with {one.faults} faults it may be {one.allowed / SECOND:.1f} s"
        for one in lasting
        if one.alive > one.allowed
    ]


def spread(lengths: Sequence[Time]) -> str:
    """A distribution in words."""
    if not lengths:
        return "never"
    ranked = sorted(lengths)
    p50, p99 = ranked[len(ranked) // 2], ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]
    return f"{len(ranked)} times, p50 {p50 / SECOND:.3f} s, p99 {p99 / SECOND:.3f} s, max {ranked[-1] / SECOND:.3f} s"


def _now() -> Time:
    return time.time_ns() // 1_000
