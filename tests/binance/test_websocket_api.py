from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from fillwright.binance.budget import Lane
from fillwright.binance.outcomes import Answered, Outcome, Refused, Unknown, Unsent
from fillwright.binance.signers import Signer
from fillwright.binance.websocket_api import ApiSettings, WebSocketApi
from fillwright.core.types import SECOND, ErrorClass
from fillwright.exchange.faults import Outcome as Fate
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.wire.queries import account_status, exchange_information, key_rights, order_status, ping
from tests.binance.live_box import (
    ED25519_KEY,
    FROZEN,
    LiveBox,
    ed25519_signer,
    hmac_signer,
    limit,
    play,
    running,
    until,
)

SETTINGS = ApiSettings(backoff_base_s=0.001, backoff_cap_s=0.02, stable_s=0.0, connect_timeout_s=2.0)


class Session:
    """A session and what it said."""

    def __init__(self, live: LiveBox, signer: Signer | None, settings: ApiSettings) -> None:
        self.live = live
        self.states: list[tuple[bool, str]] = []
        self.api = WebSocketApi(
            live.endpoints,
            live.account(signer),
            on_state=lambda is_up, why: self.states.append((is_up, why)),
            settings=settings,
        )

    async def up(self, times: int = 1) -> None:
        """Wait until it is up, for the n-th time."""
        await until(lambda: self.states.count((True, "")) >= times and self.api.is_up, "up")

    async def place(self, own: str, **changes: Any) -> Outcome:
        return await self.api.ask(limit(own, **changes), Lane.ENTRY)

    def has(self, own: str) -> bool:
        """Whether the exchange has an open order."""
        return any(view.client_order_id == own for view in self.live.box.exchange.open_orders("main", None))


@asynccontextmanager
async def session(
    live: LiveBox, signer: Signer | None = None, settings: ApiSettings = SETTINGS
) -> AsyncIterator[Session]:
    found = Session(live, signer, settings)
    async with running(found.api.run()):
        yield found
    assert not found.api.is_up


def changed(**changes: float) -> ApiSettings:
    return msgspec.structs.replace(SETTINGS, **changes)


@pytest.mark.parametrize("signer", [ed25519_signer(), hmac_signer()], ids=["ed25519", "hmac"])
def test_orders_are_placed_and_asked_for(signer: Signer) -> None:
    async def story(live: LiveBox) -> None:
        async with session(live, signer) as found:
            await found.up()
            outcome = await found.place("a-1")
            assert isinstance(outcome, Answered)
            placed = msgspec.json.decode(outcome.result)
            assert (placed["status"], placed["fills"]) == ("NEW", [])
            assert abs(outcome.received - live.now()) < 5 * SECOND
            told = await found.api.ask(order_status("BTCUSDT", client_order_id="a-1"), Lane.QUERY)
            assert isinstance(told, Answered)
            assert msgspec.json.decode(told.result)["orderId"] == placed["orderId"]
            assert isinstance(await found.api.ask(ping(), Lane.QUERY), Answered)
            (one,) = live.sessions
            assert (one.key is not None) == (signer.api_key == ED25519_KEY)

    play(story)


def test_what_binance_refuses_is_refused() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            assert await found.place("a-1", quantity="100") == Refused(
                -2010, "Account has insufficient balance for requested action.", 400, ErrorClass.PERMANENT
            )

    play(story)


def test_without_a_session_nothing_leaves() -> None:
    async def story(live: LiveBox) -> None:
        found = Session(live, None, SETTINGS)
        assert await found.place("a-1") == Unsent("no session: not connected yet")
        assert not found.api.is_up
        assert live.budget.usage("main")[-1].used == 0

    play(story)


def test_what_has_no_name_on_the_websocket_is_not_sent() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            unsent = Unsent("this is asked over REST alone")
            assert await found.api.ask(key_rights(), Lane.QUERY) == unsent
            assert await found.api.ask(exchange_information(), Lane.QUERY) == unsent
            assert isinstance(await found.api.ask(exchange_information(["BTCUSDT"]), Lane.QUERY), Answered)

    play(story)


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.ANSWER_LOST])
def test_a_connection_that_ends_leaves_requests_unknown(fate: Fate) -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.fault(CallFault(outcome=fate, endpoint="order.place"))
            assert await found.place("a-1") == Unknown("the connection ended before the answer")
            assert found.has("a-1") == (fate is Fate.ANSWER_LOST)
            await found.up(times=2)
            assert isinstance(await found.place("a-2"), Answered)
            assert [is_up for is_up, _ in found.states] == [True, False, True]

    play(story)


def test_an_answer_that_does_not_come_is_unknown_after_a_while() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.fault(CallFault(outcome=Fate.ANSWER_LOST, endpoint="order.place", by=Cut.SILENCE))
            outcome = await found.api.ask(limit("a-1"), Lane.ENTRY, timeout_s=0.05)
            assert outcome == Unknown("no answer within 0.05 s")
            assert found.has("a-1")
            assert isinstance(await found.place("a-2"), Answered)
            assert found.states == [(True, "")]

    play(story)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            CallFault(outcome=Fate.MASKED, code=-1007),
            Unknown(
                "Timeout waiting for response from backend server. Send status unknown; execution status "
                "unknown. (-1007, HTTP 408)",
                -1007,
                408,
            ),
        ),
        (
            CallFault(outcome=Fate.REFUSED, code=-1015),
            Refused(
                -1015,
                "Too many new orders; current limit is %s orders per %s.",
                429,
                ErrorClass.RATE,
            ),
        ),
    ],
)
def test_faults_are_told_for_what_they_are(fault: CallFault, expected: Outcome) -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.fault(fault)
            assert await found.place("a-1") == expected

    play(story)


def test_what_is_under_way_when_it_is_closed_is_unknown() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.fault(CallFault(outcome=Fate.LOST, endpoint="order.place", by=Cut.SILENCE))
            asked = asyncio.create_task(found.place("a-1"))
            await asyncio.sleep(0.01)
        assert isinstance(await asked, Unknown)

    play(story)


def test_it_can_be_run_again() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
        assert await found.place("a-1") == Unsent("no session: closed")
        task = asyncio.create_task(found.api.run())
        await found.up(times=2)
        assert isinstance(await found.place("a-1"), Answered)
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: not live.sessions, "closed")

    play(story)


def test_a_shutdown_is_answered_by_a_new_connection_and_nothing_is_lost() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            (old,) = live.sessions
            live.fault(CallFault(outcome=Fate.DELAYED, endpoint="order.place", answer_delay_us=SECOND))
            slow = asyncio.create_task(found.place("a-1"))
            await until(lambda: found.has("a-1"), "placed")
            live.shut_down()
            await until(lambda: len(found.api._lines) == 2, "both")
            new = live.sessions[1]
            before = new.messages_received
            assert isinstance(await found.place("a-2"), Answered)
            assert new.messages_received == before + 1
            assert old.is_open
            live.pass_time(SECOND)
            assert isinstance(await slow, Answered)
            await until(lambda: not old.is_open, "the old one closed")
            assert isinstance(await found.place("a-3"), Answered)
            assert found.states == [(True, "")]

    play(story, FROZEN)


def test_connections_are_replaced_before_their_day_is_over() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live, settings=changed(rotate_after_s=0.1)) as found:
            await found.up()
            first = live.sessions[0].number
            count = 0
            while live.sessions[-1].number < first + 4:
                count += 1
                assert isinstance(
                    await found.place(f"a-{count}", price=str(40_000 - count)), Answered | Refused
                )
                await asyncio.sleep(0.01)
            assert found.states == [(True, "")]

    play(story)


def test_a_new_connection_that_ends_leaves_the_old_one_at_work() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.fault(CallFault(outcome=Fate.DELAYED, endpoint="order.place", answer_delay_us=SECOND))
            slow = asyncio.create_task(found.place("a-1"))
            await until(lambda: found.has("a-1"), "placed")
            live.shut_down()
            await until(lambda: len(found.api._lines) == 2, "both")
            live.sessions[1].abort()
            await until(lambda: len(found.api._lines) == 1, "the old one alone")
            assert isinstance(await found.place("a-2"), Answered)
            live.pass_time(SECOND)
            assert isinstance(await slow, Answered)
            assert found.states == [(True, "")]

    play(story, FROZEN)


def test_a_mute_connection_is_given_up() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live, settings=changed(silence_s=0.2)) as found:
            await found.up()
            live.sessions[0].muted_until = live.box.now + 60 * SECOND
            asked = asyncio.create_task(found.place("a-1"))
            await until(lambda: (False, "nothing was heard for 0.2 s") in found.states, "given up")
            assert isinstance(await asked, Unknown)
            await found.up(times=2)

    play(story)


def test_a_key_that_is_no_longer_valid_ends_the_session() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.box.keys.remove(ED25519_KEY)
            outcome = await found.place("a-1")
            assert isinstance(outcome, Unknown)
            assert "-2015" in outcome.why
            await until(lambda: len(found.states) >= 3, "refused")
            assert "Invalid API-key" in found.states[1][1]
            assert found.states[2][1].startswith("Binance refused the log-on: Invalid API-key")
            assert not found.api.is_up
            assert isinstance(await found.place("a-2"), Unsent)
            assert not found.has("a-1")

    play(story)


def test_a_wrong_time_is_told_to_the_clock() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.skew_us = 5 * SECOND
            outcome = await found.place("a-1")
            assert isinstance(outcome, Refused)
            assert (outcome.code, outcome.error_class) == (-1021, ErrorClass.CLOCK)
            assert live.clock_refusals == 1
            live.skew_us = -2 * SECOND
            window = await found.api.ask(limit("a-2"), Lane.ENTRY, recv_window_ms=1_000)
            assert isinstance(window, Refused)
            assert isinstance(await found.place("a-3"), Answered)

    play(story)


def test_counts_reach_the_budget_and_its_lanes_hold_entries_back() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            assert isinstance(await found.api.ask(account_status(), Lane.QUERY), Answered)
            used = {(row.kind, row.interval): row.used for row in live.budget.usage("main")}
            # Connection 2, log-on 2, account 20; a connection's are counted twice until the minute is over.
            assert used["REQUEST_WEIGHT", 60 * SECOND] == 26
            for number in range(60):
                outcome = await found.place(f"a-{number}", price=str(40_000 - number))
                assert isinstance(outcome, Answered)
            refused = await found.place("a-60")
            assert isinstance(refused, Unsent)
            assert refused.error_class is ErrorClass.RATE
            assert isinstance(await found.api.ask(limit("x-1"), Lane.EXIT), Answered)

    play(story, FROZEN)


def test_a_ban_is_waited_out() -> None:
    async def story(live: LiveBox) -> None:
        async with session(live) as found:
            await found.up()
            live.box.limits.ban("127.0.0.1", live.box.now + SECOND)
            outcome = await found.place("a-1")
            assert isinstance(outcome, Refused)
            assert outcome.http_status == 418
            refused = await found.place("a-2")
            assert isinstance(refused, Unsent)
            assert refused.error_class is ErrorClass.RATE
            assert live.budget.ban is not None
            await until(lambda: not found.api.is_up, "disconnected")
            await found.up(times=2)
            assert len(found.states) <= 6

    play(story)


def test_a_server_that_bans_connections_is_left_alone() -> None:
    async def story(live: LiveBox) -> None:
        live.box.limits.ban("127.0.0.1", live.box.now + SECOND)
        async with session(live) as found:
            await until(lambda: bool(found.states), "refused")
            assert found.states == [(False, "HTTP status 418")]
            assert live.budget.ban is not None
            await found.up()
            assert len(found.states) <= 4

    play(story)
