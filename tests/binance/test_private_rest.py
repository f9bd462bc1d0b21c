from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from fillwright.binance.budget import Lane, RateBudget
from fillwright.binance.clock_sync import ClockSync, ClockSyncError
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.binance.signers import Ed25519Signer, HmacSigner, RsaSigner, Signer
from fillwright.core.requests import CancelOpenOrdersRequest, CancelRequest
from fillwright.core.types import MILLISECOND, MINUTE, SECOND, ErrorClass
from fillwright.exchange.faults import Outcome as Fate
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.exchange.server.settings import AccountSettings, ClockSettings, KeySettings
from fillwright.wire import queries
from fillwright.wire.accounts import decode_account
from fillwright.wire.orders import decode_order, decode_order_response
from fillwright.wire.requests import WireRequest, encoded
from tests.binance.test_signers import ED25519, RSA, public
from tests.exchange.server.boxes import API_KEY, SECRET, START, frozen, limit_order
from tests.exchange.server.http_box import HttpBox

STORY_MAX_S = 30.0
KINDS: dict[str, Callable[[], Signer]] = {
    "HMAC": lambda: HmacSigner(SecretStr(API_KEY), SecretStr(SECRET)),
    "RSA": lambda: RsaSigner(SecretStr("r" * 64), RSA),
    "Ed25519": lambda: Ed25519Signer(SecretStr("e" * 64), ED25519),
}
PLACE = encoded(limit_order("40000", own="RT_a_1_E_1"))
CANCEL = encoded(
    CancelRequest(symbol="BTCUSDT", orig_client_order_id="RT_a_1_E_1", cancel_client_order_id="RT_a_1_C_1")
)
STATUS = queries.order_status("BTCUSDT", client_order_id="RT_a_1_E_1")


class Bench:
    """A way to the exchange, its clock and its budget; time stands still where the exchange's stands."""

    def __init__(self, base: str, kind: str = "HMAC", timeout_s: float = 10.0, ahead: int = 0) -> None:
        self.lead = START + ahead
        self.clock = ClockSync(lambda: self.lead, lambda: 0)
        self.budget = RateBudget(lambda: START)
        self.rest = PrivateRest(
            base, KINDS[kind](), self.clock, self.budget, account_id="main", timeout_s=timeout_s
        )

    async def ask(self, request: WireRequest, lane: Lane = Lane.EXIT) -> Outcome:
        return await self.rest.call(request, lane)

    def used(self, kind: str, interval: int) -> int:
        rows = self.budget.usage("main")
        return next(one.used for one in rows if (one.kind, one.interval) == (kind, interval))


@pytest.fixture(scope="module")
def server() -> Iterator[HttpBox]:
    keys = (
        KeySettings(api_key=API_KEY, secret=SECRET),
        KeySettings(api_key="r" * 64, public_key=public(RSA)),
        KeySettings(api_key="e" * 64, public_key=public(ED25519)),
    )
    account = AccountSettings(balances={"USDT": Decimal(100_000)}, keys=keys)
    with HttpBox(frozen(port=0, accounts=(account,))) as box:
        yield box


@pytest.fixture
def box(server: HttpBox) -> Iterator[HttpBox]:
    server.price("BTCUSDT", "50000")
    yield server
    server.do(_clear)


def _clear(box: Box) -> None:
    box.faults.remove()
    box.limits.pardon("127.0.0.1")
    box.clock.skew_us = 0
    if box.exchange.open_orders("main", "BTCUSDT"):
        box.exchange.execute("main", CancelOpenOrdersRequest(symbol="BTCUSDT"), box.now)


def tell(bench: Bench, story: Callable[[Bench], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(STORY_MAX_S), bench.rest:
            return await story(bench)

    return asyncio.run(run())


def fault(box: HttpBox, outcome: Fate, **rule: Any) -> None:
    box.do(lambda box: box.faults.install(CallFault(outcome=outcome, **rule)))


def order_ids(box: HttpBox) -> list[str]:
    return box.do(lambda box: [one.client_order_id for one in box.exchange.open_orders("main", None)])


# -- what works ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_orders_are_placed_read_and_cancelled_with_any_key(box: HttpBox, kind: str) -> None:
    async def story(bench: Bench) -> None:
        placed = read(await bench.ask(PLACE), decode_order_response)
        assert not isinstance(placed, Refused | Unknown | Unsent), placed
        assert (placed.client_order_id, placed.status, placed.fills) == ("RT_a_1_E_1", "NEW", ())
        viewed = read(await bench.ask(STATUS), decode_order)
        assert not isinstance(viewed, Refused | Unknown | Unsent), viewed
        assert viewed.order_id == placed.order_id
        cancelled = await bench.ask(CANCEL)
        assert isinstance(cancelled, Answered), cancelled
        assert cancelled.received == START

    tell(Bench(box.server.url, kind), story)


def test_what_is_public_needs_no_key(box: HttpBox) -> None:
    bench = Bench(box.server.url)
    bench.rest = PrivateRest(box.server.url, None, bench.clock, bench.budget)

    async def story(bench: Bench) -> None:
        asked = await bench.ask(queries.exchange_information(["BTCUSDT", "ETHUSDT"]), Lane.QUERY)
        assert isinstance(asked, Answered), asked
        with pytest.raises(ValueError, match="needs a key"):
            await bench.ask(PLACE)

    tell(bench, story)


def test_counts_are_taken_from_the_headers(box: HttpBox) -> None:
    async def story(bench: Bench) -> None:
        await bench.ask(PLACE)
        assert bench.used("REQUEST_WEIGHT", MINUTE) == 0
        counted = box.do(lambda box: box.exchange.order_counts("main")[0].count)
        assert bench.used("ORDERS", 10 * SECOND) == counted
        await bench.ask(queries.account_status())
        assert bench.used("REQUEST_WEIGHT", MINUTE) == 20
        assert bench.used("RAW_REQUESTS", 5 * MINUTE) == 2

    tell(Bench(box.server.url), story)


# -- refused -------------------------------------------------------------------------------------------------------


def test_a_refusal_has_code_words_and_class(box: HttpBox) -> None:
    absent = queries.order_status("BTCUSDT", client_order_id="RT_a_9_E_9")
    outcome = tell(Bench(box.server.url), lambda bench: bench.ask(absent))
    assert outcome == Refused(-2013, "Order does not exist.", 400, ErrorClass.PERMANENT)


def test_an_unknown_key_is_refused(box: HttpBox) -> None:
    bench = Bench(box.server.url)
    stranger = HmacSigner(SecretStr("x" * 64), SecretStr(SECRET))
    bench.rest = PrivateRest(box.server.url, stranger, bench.clock, bench.budget)
    outcome = tell(bench, lambda bench: bench.ask(STATUS))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.http_status) == (-2015, 401)


def test_429_and_418_stop_everything_before_it_leaves(box: HttpBox) -> None:
    fault(box, Fate.REFUSED, endpoint="account.status", code=-1003, http_status=418, retry_after_s=120)

    async def story(bench: Bench) -> None:
        banned = await bench.ask(queries.account_status())
        assert isinstance(banned, Refused)
        assert (banned.error_class, banned.retry_after_ms) == (ErrorClass.RATE, 120_000)
        held = await bench.ask(CANCEL)
        assert held == Unsent(banned.message, ErrorClass.RATE, 120_000, http_status=418)
        assert bench.budget.ban is not None

    tell(Bench(box.server.url), story)


def test_the_budget_refuses_before_anything_is_sent(box: HttpBox) -> None:
    async def story(bench: Bench) -> None:
        for _ in range(60):
            bench.budget.claim(PLACE, Lane.ENTRY, "main")
        assert isinstance(await bench.ask(PLACE, Lane.ENTRY), Unsent)
        assert order_ids(box) == []
        assert isinstance(await bench.ask(PLACE, Lane.PROTECT), Answered)

    tell(Bench(box.server.url), story)


# -- the time ------------------------------------------------------------------------------------------------------


def test_the_clock_is_read_to_the_microsecond(box: HttpBox) -> None:
    box.do(lambda box: setattr(box.clock, "skew_us", 1_234))

    async def story(bench: Bench) -> None:
        assert await bench.rest.server_time() == START + 1_234
        await bench.clock.sync(bench.rest.server_time)
        assert bench.clock.now() == START + 1_234

    tell(Bench(box.server.url), story)


@pytest.mark.parametrize("ahead", [2_500 * MILLISECOND, -9 * SECOND])
def test_a_read_refused_for_its_time_is_asked_again_with_a_clock_set_right(box: HttpBox, ahead: int) -> None:
    async def story(bench: Bench) -> None:
        account = read(await bench.ask(queries.account_status()), decode_account)
        assert not isinstance(account, Refused | Unknown | Unsent), account
        assert bench.clock.now() == START

    tell(Bench(box.server.url, ahead=ahead), story)


def test_an_order_refused_for_its_time_is_not_sent_again_but_the_next_one_is_right(box: HttpBox) -> None:
    async def story(bench: Bench) -> None:
        refused = await bench.ask(PLACE)
        assert isinstance(refused, Refused)
        assert (refused.code, refused.error_class) == (-1021, ErrorClass.CLOCK)
        assert order_ids(box) == []
        assert isinstance(await bench.ask(PLACE), Answered)

    tell(Bench(box.server.url, ahead=3 * SECOND), story)


def test_without_a_time_the_refusal_stands(box: HttpBox) -> None:
    fault(box, Fate.REFUSED, endpoint="time", code=-1001, http_status=500, times=None)

    async def story(bench: Bench) -> None:
        refused = await bench.ask(queries.account_status())
        assert isinstance(refused, Refused)
        assert refused.error_class is ErrorClass.CLOCK
        with pytest.raises(ClockSyncError, match="Internal error"):
            await bench.clock.sync(bench.rest.server_time)

    tell(Bench(box.server.url, ahead=3 * SECOND), story)


# -- unknown -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.ANSWER_LOST])
@pytest.mark.parametrize("request_", [PLACE, CANCEL], ids=["POST", "DELETE"])
def test_a_connection_lost_after_the_request_leaves_it_unknown(
    box: HttpBox, fate: Fate, request_: WireRequest
) -> None:
    fault(box, fate, endpoint=request_.method, by=Cut.CLOSE)

    async def story(bench: Bench) -> None:
        outcome = await bench.ask(request_)
        assert isinstance(outcome, Unknown), outcome
        assert "connection was lost" in outcome.why

    tell(Bench(box.server.url), story)


def test_silence_is_unknown_after_its_time(box: HttpBox) -> None:
    fault(box, Fate.ANSWER_LOST, endpoint="order.place", by=Cut.SILENCE)
    outcome = tell(Bench(box.server.url, timeout_s=0.2), lambda bench: bench.ask(PLACE))
    assert outcome == Unknown("no answer within 0.2 s")
    assert order_ids(box) == ["RT_a_1_E_1"]


def test_a_read_is_given_up_sooner_than_an_order(box: HttpBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fillwright.binance.private_rest.READ_TIMEOUT_S", 0.1)
    fault(box, Fate.ANSWER_LOST, times=2, by=Cut.SILENCE)

    async def story(bench: Bench) -> None:
        assert await bench.ask(queries.account_status()) == Unknown("no answer within 0.1 s")
        assert await bench.ask(PLACE) == Unknown("no answer within 0.4 s")

    tell(Bench(box.server.url, timeout_s=0.4), story)


@pytest.mark.parametrize(("code", "status"), [(-1007, 408), (-1006, 400), (-1008, 503), (None, 502)])
def test_what_binance_does_not_know_nobody_knows(box: HttpBox, code: int | None, status: int) -> None:
    fault(
        box,
        Fate.MASKED,
        endpoint="order.place",
        code=code,
        http_status=status,
        body="" if code is None else None,
    )
    outcome = tell(Bench(box.server.url), lambda bench: bench.ask(PLACE))
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.http_status) == (code, status)
    assert order_ids(box) == ["RT_a_1_E_1"]


# -- never sent ----------------------------------------------------------------------------------------------------


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def story() -> None:
        listening = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        bench = Bench(f"http://127.0.0.1:{port}")
        async with bench.rest:
            outcome = await bench.ask(PLACE)
        assert isinstance(outcome, Unsent)
        assert "cannot be reached" in outcome.why
        assert bench.used("ORDERS", 10 * SECOND) == bench.used("REQUEST_WEIGHT", MINUTE) == 0

    asyncio.run(story())


def test_a_closed_session_sends_nothing() -> None:
    bench = Bench("http://127.0.0.1:9")
    assert asyncio.run(bench.ask(PLACE)) == Unsent("the session is closed")


# -- a server that misbehaves --------------------------------------------------------------------------------------

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serving(handle: Handle, timeout_s: float = 5.0) -> Any:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(closing, "127.0.0.1", 0) as listening:
        bench = Bench(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", timeout_s=timeout_s)
        async with asyncio.timeout(STORY_MAX_S), bench.rest:
            yield bench


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("request_", [PLACE, CANCEL, STATUS], ids=["POST", "DELETE", "GET"])
def test_nothing_is_sent_twice_on_a_connection_that_dies(request_: WireRequest) -> None:
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer(200, b"{}"))
        await writer.drain()
        seen.append(await reader.readuntil(b"\r\n\r\n"))

    async def story() -> None:
        async with serving(handle) as bench:
            assert isinstance(await bench.ask(queries.ping()), Answered)
            assert isinstance(await bench.ask(request_), Unknown)

    asyncio.run(story())
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(302, b"", "Location: http://127.0.0.1:9/"), Unknown),
        (answer(200, b"{}")[:-1], Unknown),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Unknown),
        (answer(200, b"not gzip", "Content-Encoding: gzip"), Unknown),
        (answer(403, b"<html>"), Refused),
        (answer(200, b"<html>"), Answered),
    ],
    ids=["redirect", "cut", "another protocol", "garbled", "firewall", "not JSON"],
)
def test_strange_answers_are_judged(reply: bytes, kind: type[Outcome]) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    async def story() -> None:
        async with serving(handle) as bench:
            outcome = await bench.ask(PLACE)
            assert isinstance(outcome, kind), outcome
            assert not isinstance(read(outcome, decode_order_response), Answered)

    asyncio.run(story())


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fillwright.binance.private_rest.BODY_BYTES_MAX", 1_000)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200, b"0" * 5_000))
        await writer.drain()

    async def story() -> None:
        async with serving(handle) as bench:
            assert await bench.ask(PLACE) == Unknown("the answer is too large")

    asyncio.run(story())


def test_what_is_sent_is_what_was_signed() -> None:
    sent: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer(200, b"{}"))
        await writer.drain()

    async def story() -> None:
        async with serving(handle) as bench:
            bench.rest = PrivateRest(
                bench.rest._base, KINDS["Ed25519"](), bench.clock, bench.budget, account_id="main"
            )
            async with bench.rest:
                await bench.ask(queries.open_orders("１２"))

    asyncio.run(story())
    target = sent[0].split(" ")[1]
    payload, _, signature = target.partition("?")[2].partition("&signature=")
    assert payload == f"symbol=%EF%BC%91%EF%BC%92&recvWindow=5000&timestamp={START // 1_000}"
    assert signature.endswith("%3D%3D")
    assert f"X-MBX-APIKEY: {'e' * 64}" in sent[0]


# -- secrets -------------------------------------------------------------------------------------------------------


def test_neither_outcomes_nor_logs_nor_texts_show_the_key(
    box: HttpBox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fault(box, Fate.LOST, endpoint="order.place", by=Cut.CLOSE)
    bench = Bench(box.server.url)

    async def story(bench: Bench) -> list[Outcome]:
        return [await bench.ask(PLACE), await bench.ask(STATUS), await bench.ask(PLACE)]

    outcomes = tell(bench, story)
    shown = f"{outcomes!r} {bench.rest!r} {caplog.text}"
    assert API_KEY not in shown
    assert SECRET not in shown
    assert "signature" not in shown


def test_a_clock_that_runs_is_possible_too() -> None:
    settings = frozen(port=0, clock=ClockSettings())
    with HttpBox(settings) as box:
        clock = ClockSync()
        rest = PrivateRest(box.server.url, KINDS["HMAC"](), clock, RateBudget(clock.now))

        async def story() -> None:
            async with rest:
                await clock.sync(rest.server_time)
                assert abs(clock.state.skew_ms) < 1_000
                assert isinstance(await rest.call(queries.account_status(), Lane.QUERY), Answered)

        asyncio.run(story())


# -- all at once ---------------------------------------------------------------------------------------------------

TROUBLE = (
    CallFault(outcome=Fate.LOST, endpoint="order.place", by=Cut.CLOSE, probability=0.2, times=None),
    CallFault(outcome=Fate.ANSWER_LOST, endpoint="order.place", by=Cut.CLOSE, probability=0.08, times=None),
    CallFault(outcome=Fate.MASKED, endpoint="order.place", code=-1007, probability=0.08, times=None),
    CallFault(
        outcome=Fate.MASKED, endpoint="order.place", http_status=502, body="", probability=0.08, times=None
    ),
    CallFault(outcome=Fate.REFUSED, endpoint="order.place", code=-1021, probability=0.08, times=None),
    CallFault(outcome=Fate.REFUSED, endpoint="order.place", code=-2010, probability=0.08, times=None),
)


def test_in_any_trouble_an_outcome_is_never_wrong(box: HttpBox) -> None:
    for rule in TROUBLE:
        box.do(lambda box, rule=rule: box.faults.install(rule))
    ends: dict[str, Outcome] = {}

    async def story(bench: Bench) -> None:
        async def place(number: int) -> None:
            own = f"RT_a_{number}_E_1"
            ends[own] = await bench.ask(encoded(limit_order("40000", own=own)))

        for first in range(0, 60, 10):
            await asyncio.gather(*[place(number) for number in range(first, first + 10)])

    tell(Bench(box.server.url), story)
    resting = set(order_ids(box))
    kinds = {type(one) for one in ends.values()}
    assert kinds == {Answered, Refused, Unknown}
    assert [own for own, end in ends.items() if isinstance(end, Answered) and own not in resting] == []
    assert [own for own, end in ends.items() if isinstance(end, Refused) and own in resting] == []
    in_doubt = {own for own, end in ends.items() if isinstance(end, Unknown)}
    assert in_doubt & resting
    assert in_doubt - resting
