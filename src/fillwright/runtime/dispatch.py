"""Effects on their way to the venue: each a task of its own, so many at once, the urgent ones first.

What exceeds the bound waits in order of its lane: exit, protect, query, entry. Entries and queries never take all
places, so that an exit finds one. A request that waited too long is not sent any more, and the engine is told so: it
must not reach the venue after the engine has given it up. Questions beyond the bound are dropped, counted and said, and
once half of what waits has gone they are asked again: all at once, by having the venue's books read anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from fillwright.core.context import ENTRY_LANE, EXIT_LANE, PROTECT_LANE, QUERY_LANE
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Input, Reconcile, RequestFailed
from fillwright.core.types import SECOND, ErrorClass, Symbol, Time
from fillwright.ports import Clock, Venue, VenueEffect

IN_FLIGHT_MAX = 64
"""Effects carried out at one time."""
IN_FLIGHT_MAX_OF_LANE = {EXIT_LANE: 64, PROTECT_LANE: 64, QUERY_LANE: 16, ENTRY_LANE: 32}
WAITING_MAX = 10_000
"""Effects that wait for their turn, in all lanes."""
ASK_AGAIN_BELOW = WAITING_MAX // 2
"""Dropped questions are asked again when no more effects than this wait."""
WAIT_MAX: Time = 5 * SECOND
"""A request that waited longer than this is not sent; less than the engine waits before it doubts."""
NOT_SENT = "not sent: too many requests were waiting"
ASKED_AGAIN = "questions were dropped: too many were waiting"

_Waiting = tuple[Time, VenueEffect]


class Dispatch:
    """Carries out effects of one account as tasks of a group; ``answers`` takes what the venue's answers make."""

    def __init__(self, venue: Venue, answers: Callable[[Sequence[Input]], None], clock: Clock) -> None:
        self.wait_max = WAIT_MAX
        self._venue = venue
        self._answers = answers
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, int] = dict.fromkeys(IN_FLIGHT_MAX_OF_LANE, 0)
        self._lanes: dict[str, deque[_Waiting]] = {lane: deque() for lane in IN_FLIGHT_MAX_OF_LANE}
        self._questions: set[VenueEffect] = set()
        """What waits in the query lane."""
        self._later: dict[VenueEffect, asyncio.Task[None]] = {}
        """What is to be asked later; together with what waits, no more than may wait."""
        self._started: set[asyncio.Task[Sequence[Input]]] = set()
        self.waiting = 0
        self.questions_dropped = 0
        """So far, in all."""
        self._dropped_since = 0
        """Questions dropped since they were asked again last."""
        self._symbols: dict[Symbol, None] = {}
        """Whose instruments were asked for among them."""
        self._log = structlog.get_logger().bind(account=venue.account_id)

    @property
    def in_flight(self) -> int:
        """How many effects are being carried out."""
        return len(self._started)

    @property
    def is_idle(self) -> bool:
        """Whether no request is on its way or waits (questions may be)."""
        return self.waiting == len(self._questions) and len(self._started) == self._running[QUERY_LANE]

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Make tasks in this group from now on."""
        self._tasks = tasks

    def stop(self) -> None:
        """Begin nothing more, and leave what is under way; what was sent is at the venue."""
        self._tasks = None
        for task in (*self._started, *self._later.values()):
            task.cancel()
        self._later.clear()

    def add(self, effects: Iterable[VenueEffect], decided_at: Time | None = None) -> None:
        """Carry out effects, at once or in their turn; ``decided_at``: since when they wait (else since now).

        A question that is not to be asked yet takes no place until it is.
        """
        now = self._clock.now()
        since = now if decided_at is None else decided_at
        is_late = now - since > self.wait_max
        for effect in effects:
            if type(effect) is Send:
                if is_late:
                    self._refuse(effect)
                else:
                    self._take(effect.lane, effect, since)
            elif not isinstance(effect, Send | FetchSnapshot) and effect.not_before > now:
                self._put_off(effect)
            else:
                self._take(QUERY_LANE, effect, since)
        if self.waiting:
            self._fill()

    def _take(self, lane: str, effect: VenueEffect, since: Time) -> None:
        if not self.waiting and self._has_place(lane):
            self._begin(lane, effect)
        else:
            self._put(lane, effect, since)

    def _put_off(self, question: QueryOrder | FetchInstruments) -> None:
        if self._tasks is None or question in self._later:
            return
        if self.waiting + len(self._later) >= WAITING_MAX:
            self._refuse(question)
            return
        self._later[question] = self._tasks.create_task(self._ask_when_due(question))

    async def _ask_when_due(self, question: QueryOrder | FetchInstruments) -> None:
        await self._clock.sleep_until(question.not_before)
        del self._later[question]
        self._take(QUERY_LANE, question, self._clock.now())

    def _has_place(self, lane: str) -> bool:
        return len(self._started) < IN_FLIGHT_MAX and self._running[lane] < IN_FLIGHT_MAX_OF_LANE[lane]

    def _put(self, lane: str, effect: VenueEffect, since: Time) -> None:
        if effect in self._questions:
            return  # the same question waits already
        if self.waiting >= WAITING_MAX:
            self._refuse(effect)
            return
        if not isinstance(effect, Send):
            self._questions.add(effect)
        self._lanes[lane].append((since, effect))
        self.waiting += 1

    def _refuse(self, effect: VenueEffect) -> None:
        """Nothing was sent."""
        if isinstance(effect, Send):
            failure = RequestFailed(
                request=effect.request, error_class=ErrorClass.RETRYABLE, code=0, message=NOT_SENT
            )
            self._answers([failure])
            return
        if not self._dropped_since:
            self._log.warning(
                "questions to the venue are dropped: too many are waiting", waiting=self.waiting
            )
        self._dropped_since += 1
        self.questions_dropped += 1
        if isinstance(effect, FetchInstruments):
            self._symbols.update(dict.fromkeys(effect.symbols))

    def _ask_again(self) -> None:
        """What was dropped is asked as one question: the books of the whole account, with every order not final."""
        self._log.warning("dropped questions are asked again", count=self._dropped_since)
        symbols, self._symbols, self._dropped_since = tuple(self._symbols), {}, 0
        if symbols:
            self.add([FetchInstruments(symbols)])
        self._answers([Reconcile(cause=ASKED_AGAIN)])

    def _fill(self) -> None:
        for lane, queue in self._lanes.items():
            while queue and self._has_place(lane):
                since, effect = queue.popleft()
                self.waiting -= 1
                self._questions.discard(effect)
                if self._clock.now() - since > self.wait_max and isinstance(effect, Send):
                    self._refuse(effect)
                else:
                    self._begin(lane, effect)
        if self._dropped_since and self.waiting <= ASK_AGAIN_BELOW:
            self._ask_again()

    def _begin(self, lane: str, effect: VenueEffect) -> None:
        if self._tasks is None:
            return  # the account is being left: the journal knows what was meant
        self._running[lane] += 1
        task = self._tasks.create_task(self._venue.carry_out(effect))
        self._started.add(task)
        task.add_done_callback(partial(self._ended, lane))

    def _ended(self, lane: str, task: asyncio.Task[Sequence[Input]]) -> None:
        self._running[lane] -= 1
        self._started.discard(task)
        if task.cancelled() or task.exception() is not None:
            self._tasks = None  # the account is being left; the group tells what went wrong
            return
        answers = task.result()
        if answers or self.is_idle:
            self._answers(answers)
        if self.waiting:
            self._fill()
