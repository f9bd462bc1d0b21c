from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from structlog.testing import capture_logs

from fillwright.core.context import ENTRY_LANE, EXIT_LANE, PROTECT_LANE
from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Input, ListDone, Reconcile, RequestFailed
from fillwright.core.requests import CancelRequest
from fillwright.core.types import SECOND, ErrorClass
from fillwright.ports import StorageError, VenueEffect, VenueTerms
from fillwright.runtime.dispatch import IN_FLIGHT_MAX, IN_FLIGHT_MAX_OF_LANE, WAITING_MAX, Dispatch
from tests.runtime.builders import ManualClock, run, turns


def send(name: str, lane: str = ENTRY_LANE) -> Send:
    return Send(CancelRequest(symbol="AAAUSDT", orig_client_order_id=name), lane)


def question(name: str) -> QueryOrder:
    return QueryOrder("AAAUSDT", name)


def name_of(effect: VenueEffect) -> str:
    if isinstance(effect, Send):
        assert isinstance(effect.request, CancelRequest)
        return effect.request.orig_client_order_id or ""
    if isinstance(effect, FetchInstruments):
        return ",".join(effect.symbols)
    assert isinstance(effect, QueryOrder)
    return effect.client_order_id


class SlowVenue:
    """Lets each effect wait until the test lets it go."""

    account_id = "paper"

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Future[Sequence[Input]]] = {}

    async def open(self) -> VenueTerms:
        raise NotImplementedError

    async def run(self, reports: Callable[[Sequence[Input]], None]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        name = name_of(effect)
        self.begun.append(name)
        gate = self.gates[name] = asyncio.get_running_loop().create_future()
        return await gate

    def finish(self, *names: str, answers: Sequence[Input] = ()) -> None:
        for name in names:
            self.gates.pop(name).set_result(answers)


class Stand:
    """A dispatch with a slow venue."""

    def __init__(self) -> None:
        self.venue = SlowVenue()
        self.clock = ManualClock()
        self.answers: list[Sequence[Input]] = []
        self.dispatch = Dispatch(self.venue, self.answers.append, self.clock)

    def refused(self) -> list[str]:
        """Names of the requests that were not sent."""
        return [
            name_of(Send(item.request, ""))
            for answer in self.answers
            for item in answer
            if isinstance(item, RequestFailed)
        ]


def with_stand(check: Callable[[Stand], Awaitable[None]]) -> None:
    async def body() -> None:
        stand = Stand()
        async with asyncio.TaskGroup() as tasks:
            stand.dispatch.start(tasks)
            await check(stand)
            stand.dispatch.stop()

    run(body())


def test_effects_are_carried_out_beside_each_other_and_their_answers_handed_on() -> None:
    async def check(stand: Stand) -> None:
        stand.dispatch.add([send("a"), send("b", EXIT_LANE), question("c")])
        await turns()
        assert stand.venue.begun == ["a", "b", "c"]
        assert stand.dispatch.in_flight == 3
        done = ListDone("AAAUSDT", 1, "x")
        stand.venue.finish("b", answers=[done])
        await turns()
        assert stand.answers == [[done]]
        assert (stand.dispatch.in_flight, stand.dispatch.is_idle) == (2, False)
        stand.venue.finish("a")
        await turns()
        assert stand.dispatch.is_idle  # a question may take its time

    with_stand(check)


def test_entries_leave_room_for_exits() -> None:
    async def check(stand: Stand) -> None:
        entries = IN_FLIGHT_MAX_OF_LANE[ENTRY_LANE]
        stand.dispatch.add(send(f"e{number}") for number in range(100))
        await turns()
        assert len(stand.venue.begun) == entries
        stand.dispatch.add([send("exit", EXIT_LANE), send("protect", PROTECT_LANE)])
        await turns()
        assert stand.venue.begun[entries:] == ["exit", "protect"]
        assert stand.dispatch.waiting == 100 - entries

    with_stand(check)


def test_what_waits_leaves_in_the_order_of_its_lane() -> None:
    async def check(stand: Stand) -> None:
        stand.dispatch.add(send(f"x{number}", EXIT_LANE) for number in range(IN_FLIGHT_MAX))
        stand.dispatch.add(
            [send("entry"), question("query"), send("protect", PROTECT_LANE), send("exit", EXIT_LANE)]
        )
        await turns()
        assert len(stand.venue.begun) == IN_FLIGHT_MAX
        for number in range(4):
            stand.venue.finish(f"x{number}")
            await turns()
        assert stand.venue.begun[IN_FLIGHT_MAX:] == ["exit", "protect", "query", "entry"]

    with_stand(check)


def test_each_lane_keeps_its_order() -> None:
    async def check(stand: Stand) -> None:
        stand.dispatch.add(send(f"e{number:03}") for number in range(200))
        await turns()
        while stand.venue.gates:
            stand.venue.finish(*list(stand.venue.gates))
            await turns(5)
        assert stand.venue.begun == [f"e{number:03}" for number in range(200)]

    with_stand(check)


def test_a_request_that_waited_too_long_is_not_sent_and_the_engine_is_told() -> None:
    async def check(stand: Stand) -> None:
        entries = IN_FLIGHT_MAX_OF_LANE[ENTRY_LANE]
        stand.dispatch.add(send(f"e{number}") for number in range(entries))
        stand.dispatch.add([send("late")])
        stand.clock.move(3 * SECOND)
        stand.dispatch.add([send("later")])
        await turns()
        stand.clock.move(3 * SECOND)
        stand.venue.finish("e0")
        await turns()
        assert stand.refused() == ["late"]
        assert stand.venue.begun[-1] == "later"
        (failure,) = [item for answer in stand.answers for item in answer]
        assert isinstance(failure, RequestFailed)
        assert failure.error_class is ErrorClass.RETRYABLE

    with_stand(check)


def test_a_request_whose_journal_took_too_long_is_not_sent() -> None:
    async def check(stand: Stand) -> None:
        decided_at = stand.clock.now()
        stand.clock.move(6 * SECOND)
        stand.dispatch.add([send("old", EXIT_LANE), question("q")], decided_at)
        await turns()
        assert (stand.refused(), stand.venue.begun) == (["old"], ["q"])

    with_stand(check)


def test_a_question_for_later_takes_no_place_until_it_is_due() -> None:
    async def check(stand: Stand) -> None:
        due = stand.clock.now() + 10 * SECOND
        later = [
            FetchInstruments((f"A{number}USDT",), not_before=due)
            for number in range(IN_FLIGHT_MAX_OF_LANE["query"] + 1)
        ]
        stand.dispatch.add([*later, *later, question("now")])
        await turns()
        assert (stand.venue.begun, stand.dispatch.waiting) == (["now"], 0)
        stand.clock.move(10 * SECOND)
        await turns()
        assert stand.venue.begun[1:] == [
            f"A{number}USDT" for number in range(IN_FLIGHT_MAX_OF_LANE["query"] - 1)
        ]
        assert stand.dispatch.waiting == 2

    with_stand(check)


def test_questions_wait_without_end_but_none_waits_twice() -> None:
    async def check(stand: Stand) -> None:
        places = IN_FLIGHT_MAX_OF_LANE["query"]
        stand.dispatch.add(question(f"q{number}") for number in range(places))
        await turns()
        for _ in range(50):
            stand.dispatch.add([question("again"), question("q0")])
        assert stand.dispatch.waiting == 2
        stand.clock.move(3_600 * SECOND)
        stand.venue.finish("q0", "q1")
        await turns()
        assert stand.venue.begun[places:] == ["again", "q0"]
        stand.dispatch.add([question("again")])  # it is under way, but what it will say may be too old
        assert stand.dispatch.waiting == 1
        assert stand.dispatch.is_idle

    with_stand(check)


def test_a_queue_at_its_bound_refuses_requests_and_drops_questions() -> None:
    async def check(stand: Stand) -> None:
        entries = IN_FLIGHT_MAX_OF_LANE[ENTRY_LANE]
        stand.dispatch.add(send(f"e{number}") for number in range(entries + WAITING_MAX))
        assert stand.dispatch.waiting == WAITING_MAX
        for number in range(IN_FLIGHT_MAX):
            stand.dispatch.add([question(f"q{number}")])
        stand.dispatch.add([send("one more")])
        assert stand.refused() == ["one more"]
        assert stand.dispatch.waiting == WAITING_MAX

    with_stand(check)


def test_questions_that_were_dropped_are_asked_again_once_there_is_room() -> None:
    async def check(stand: Stand) -> None:
        entries, places = IN_FLIGHT_MAX_OF_LANE[ENTRY_LANE], IN_FLIGHT_MAX_OF_LANE["query"]
        stand.dispatch.add(question(f"p{number}") for number in range(places))
        stand.dispatch.add(send(f"e{number}") for number in range(entries + WAITING_MAX))
        stand.dispatch.wait_max = 0
        with capture_logs() as log:
            for number in range(20):
                stand.dispatch.add([question(f"q{number}"), FetchInstruments(("AAAUSDT", "BBBUSDT"))])
            assert (stand.dispatch.waiting, stand.dispatch.questions_dropped) == (WAITING_MAX, 40)
            await turns()
            assert stand.answers == []
            stand.clock.move(SECOND)  # what waits is too old now: it is not sent
            stand.venue.finish("e0")
            await turns()
        assert stand.dispatch.waiting == 1  # the instruments, for a place of their lane
        asked = [item for answer in stand.answers for item in answer if isinstance(item, Reconcile)]
        assert asked == [Reconcile(cause="questions were dropped: too many were waiting")]
        assert [(entry["log_level"], entry["event"]) for entry in log] == [
            ("warning", "questions to the venue are dropped: too many are waiting"),
            ("warning", "dropped questions are asked again"),
        ]
        assert log[1]["count"] == 40
        stand.venue.finish("p0")
        await turns()
        assert stand.venue.begun[-1] == "AAAUSDT,BBBUSDT"
        assert stand.dispatch.questions_dropped == 40

    with_stand(check)


def test_a_snapshot_is_a_question() -> None:
    async def check(stand: Stand) -> None:
        asked = FetchSnapshot(symbol=None, client_order_ids=("a", "b"), cause="x")
        stand.dispatch.add(question(f"q{number}") for number in range(IN_FLIGHT_MAX_OF_LANE["query"]))
        stand.dispatch.add([asked, asked])
        assert stand.dispatch.waiting == 1

    with_stand(check)


def test_after_stopping_nothing_begins_and_what_is_under_way_is_left() -> None:
    async def check(stand: Stand) -> None:
        stand.dispatch.add(send(f"e{number}") for number in range(100))
        await turns()
        begun = len(stand.venue.begun)
        stand.dispatch.stop()
        await turns()
        assert stand.dispatch.in_flight == 0
        stand.dispatch.add([send("more", EXIT_LANE)])
        await turns()
        assert len(stand.venue.begun) == begun

    with_stand(check)


def test_a_venue_that_cannot_keep_its_books_ends_the_group() -> None:
    async def body() -> None:
        stand = Stand()
        async with asyncio.TaskGroup() as tasks:
            stand.dispatch.start(tasks)
            stand.dispatch.add([send("a")])
            await turns()
            stand.venue.gates["a"].set_exception(StorageError("the disk is full"))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        run(body())
    assert [str(error) for error in caught.value.exceptions] == ["the disk is full"]
