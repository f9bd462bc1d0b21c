from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from fillwright.binance.api_line import PENDING_MAX, TIMEOUTS_MAX, Answer, ApiLine
from fillwright.binance.outcomes import Answered, Refused, Unknown, Unsent
from fillwright.core.types import ErrorClass

NOW = 1_795_168_800_000_000
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 7}
]


class FakeConnection:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[dict[str, Any]] = []
        self.aborted: list[str] = []

    def send(self, text: bytes) -> None:
        self.sent.append(msgspec.json.decode(text))

    def abort(self, why: str = "") -> None:
        self.is_up = False
        self.aborted.append(why)


class Talk:
    """A line over a connection that does nothing by itself."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.connection = FakeConnection()
        self.line = ApiLine(lambda: NOW, lambda _, frame: self.events.append(frame))
        self.line.connection = self.connection  # type: ignore[assignment]

    def ask(self, method: str = "order.place", timeout_s: float = 60.0) -> asyncio.Future[Answer]:
        answer = self.line.write(method, {"symbol": "BTCUSDT", "orderId": 7}, timeout_s)
        assert not isinstance(answer, Unsent), answer
        return answer

    def hear(self, body: Any) -> None:
        frame = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.line.heard(self.connection, frame)  # type: ignore[arg-type]


def play(story: Callable[[Talk], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story(Talk())

    asyncio.run(run())


def test_requests_have_numbers_and_answers_find_them_in_any_order() -> None:
    async def story(talk: Talk) -> None:
        first, second = talk.ask(), talk.ask("order.cancel")
        assert talk.connection.sent == [
            {"id": 1, "method": "order.place", "params": {"symbol": "BTCUSDT", "orderId": 7}},
            {"id": 2, "method": "order.cancel", "params": {"symbol": "BTCUSDT", "orderId": 7}},
        ]
        talk.hear({"id": 2, "status": 200, "result": {"b": 2}})
        talk.hear({"rateLimits": LIMITS, "result": {"a": 1}, "status": 200, "id": 1})
        (outcome, counts), (other, none) = await first, await second
        assert isinstance(outcome, Answered)
        assert isinstance(other, Answered)
        assert (bytes(outcome.result), outcome.received) == (b'{"a":1}', NOW)
        assert [row.count for row in counts] == [7]
        assert (bytes(other.result), none) == (b'{"b":2}', ())

    play(story)


def test_refusals_and_answers_that_say_nothing() -> None:
    async def story(talk: Talk) -> None:
        asked = [talk.ask() for _ in range(3)]
        talk.hear({"id": 1, "status": 400, "error": {"code": -1013, "msg": "Filter failure: LOT_SIZE"}})
        talk.hear({"id": 2, "status": 408, "error": {"code": -1007, "msg": "Timeout"}})
        talk.hear({"id": 3, "status": 503})
        refused, timeout, odd = [(await one)[0] for one in asked]
        assert refused == Refused(-1013, "Filter failure: LOT_SIZE", 400, ErrorClass.PERMANENT)
        assert timeout == Unknown("Timeout (-1007, HTTP 408)", -1007, 408)
        assert isinstance(odd, Unknown)
        assert "unreadable" in odd.why
        assert talk.line.unreadable == 1

    play(story)


def test_an_answer_that_does_not_come_in_time_is_unknown_and_late_when_it_comes() -> None:
    async def story(talk: Talk) -> None:
        asked = talk.ask(timeout_s=0.01)
        outcome, _ = await asked
        assert outcome == Unknown("no answer within 0.01 s")
        talk.hear({"id": 1, "status": 200, "result": {}})
        assert talk.line.late == 1
        assert talk.connection.aborted == []

    play(story)


def test_many_requests_without_an_answer_end_the_connection() -> None:
    async def story(talk: Talk) -> None:
        for _ in range(TIMEOUTS_MAX - 1):
            await talk.ask(timeout_s=0.001)
        talk.hear({"id": 1, "status": 200, "result": {}})
        for _ in range(TIMEOUTS_MAX - 1):
            await talk.ask(timeout_s=0.001)
        assert talk.connection.aborted == []
        await talk.ask(timeout_s=0.001)
        assert talk.connection.aborted == [f"{TIMEOUTS_MAX} requests in a row had no answer"]

    play(story)


def test_what_is_under_way_when_the_connection_ends_is_unknown() -> None:
    async def story(talk: Talk) -> None:
        asked = [talk.ask(), talk.ask()]
        assert not talk.line.idle.is_set()
        talk.connection.is_up = False
        talk.line.ended()
        assert [(await one)[0] for one in asked] == [Unknown("the connection ended before the answer")] * 2
        assert talk.line.idle.is_set()

    play(story)


def test_nothing_is_written_on_a_connection_that_has_ended_or_is_full() -> None:
    async def story(talk: Talk) -> None:
        asked = [talk.ask() for _ in range(PENDING_MAX)]
        assert talk.line.write("order.place", {}, 60) == Unsent("500 requests await their answers")
        talk.connection.is_up = False
        assert talk.line.write("order.place", {}, 60) == Unsent("the connection has ended")
        assert len(talk.connection.sent) == PENDING_MAX
        talk.line.ended()
        await asyncio.gather(*asked)

    play(story)


def test_a_refusal_of_nothing_in_particular_ends_everything() -> None:
    async def story(talk: Talk) -> None:
        asked = talk.ask()
        message = "Invalid API-key, IP, or permissions for action."
        talk.hear({"id": None, "status": 401, "error": {"code": -2015, "msg": message}})
        outcome, _ = await asked
        assert outcome == Unknown(f"Binance broke the session off: {message} (-2015)")
        assert talk.connection.aborted == [f"Binance broke the session off: {message} (-2015)"]
        assert talk.line.complaint == f"{message} (-2015)"

    play(story)


def test_who_asked_may_give_up_but_the_answer_is_still_to_come() -> None:
    async def story(talk: Talk) -> None:
        asked = talk.ask()
        asked.cancel()
        assert not talk.line.idle.is_set()
        talk.hear({"id": 1, "status": 200, "result": {}})
        assert talk.line.idle.is_set()
        assert (asked.cancelled(), talk.line.late) == (True, 0)

    play(story)


def test_events_and_noise_are_no_answers() -> None:
    async def story(talk: Talk) -> None:
        asked = talk.ask()
        talk.hear({"subscriptionId": 0, "event": {"e": "balanceUpdate"}})
        talk.hear({"event": {"e": "serverShutdown", "E": 1}})
        talk.hear(b"nonsense")
        talk.hear({"id": "somebody-else", "status": 200, "result": {}})
        assert len(talk.events) == 3
        assert talk.line.late == 1
        assert not asked.done()
        talk.hear(b'{"id":1,"status":200,"result":')
        assert talk.line.unreadable == 1
        assert not asked.done()
        talk.hear({"id": 1, "status": "?", "result": {}})
        assert not asked.done()
        talk.hear({"id": 1, "status": 200, "result": {}, "rateLimits": 5})
        outcome, _ = await asked
        assert isinstance(outcome, Unknown)

    play(story)


def test_a_message_may_come_before_anything_is_asked() -> None:
    async def story(talk: Talk) -> None:
        del talk.line.connection
        talk.hear({"event": {"e": "serverShutdown", "E": 1}})
        assert id(talk.line.connection) == id(talk.connection)
        assert len(talk.events) == 1

    play(story)
