"""Everything that ccxt keeps is told once, in order; a stream that breaks is told of and comes back; polling works."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fillwright.core.effects import Send
from fillwright.core.inputs import BalanceReport, OrderReport, StreamChanged
from fillwright.core.types import VenueOrderStatus
from fillwright.exchange.faults import Outcome
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.venues import ccxt_stream
from fillwright.venues.ccxt_stream import News
from fillwright.wire.codec import WireError
from tests.binance.live_box import until
from tests.exchange.builders import BUY, D, limit
from tests.venues.ccxt_boxes import CcxtDesk, hundred
from tests.venues.test_ccxt_words import ORDER, TRADE

SYMBOLS = {"BTC/USDT": "BTCUSDT"}
noisy = pytest.mark.filterwarnings("default")  # the library's own


def news() -> News:
    return News(SYMBOLS, lambda: 7)


def order(**changes: Any) -> dict[str, Any]:
    return {**ORDER, **changes}


TRADED = {**TRADE, "symbol": "BTC/USDT"}


def test_what_is_new_is_told_once() -> None:
    looks = news()
    (first,) = looks.look([order()], [], None)
    assert isinstance(first, OrderReport)
    assert looks.look([order()], [], None) == []
    (second,) = looks.look([order(filled="0.5")], [TRADED], None)
    assert isinstance(second, OrderReport)
    assert [fill.quantity for fill in second.fills] == [D("0.5")]
    assert second.executed_quantity == D("0.5")
    assert looks.look([order(filled="0.5")], [TRADED], None) == []


def test_an_execution_is_told_with_its_order_whichever_is_heard_first() -> None:
    looks = news()
    assert looks.look([], [TRADED], None) == []
    (report,) = looks.look([order()], [TRADED], None)
    assert isinstance(report, OrderReport)
    assert (report.executed_quantity, len(report.fills)) == (D("0.5"), 1)
    late = {**TRADED, "id": "t-2"}
    (report,) = looks.look([order()], [TRADED, late], None)
    assert isinstance(report, OrderReport)
    assert len(report.fills) == 1


def test_balances_are_told_when_they_change() -> None:
    looks = news()
    balance = {"free": {"A": "1", "B": "2"}, "used": {"A": "0", "B": "0"}}
    (report,) = looks.look([], [], balance)
    assert isinstance(report, BalanceReport)
    assert len(report.balances) == 2
    assert looks.look([], [], balance) == []
    (report,) = looks.look([], [], {"free": {"A": "1", "B": "1"}, "used": {"A": "0", "B": "1"}})
    assert report == BalanceReport((("B", D(1), D(1)),), 7)


def test_other_symbols_are_passed_over_and_nonsense_is_an_error() -> None:
    looks = news()
    assert looks.look([order(symbol="ETH/USDT")], [{**TRADED, "symbol": "ETH/USDT"}], None) == []
    with pytest.raises(WireError):
        looks.look([order(status="?")], [], None)


def test_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_stream, "SEEN_MAX", 10)
    looks = news()
    for number in range(50):
        assert len(looks.look([order(id=str(number + 1))], [], None)) == 1
    assert len(looks._orders) == 10


@noisy
def test_a_stream_that_breaks_is_told_of_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_stream, "BACK_OFF_FIRST", 10_000)

    async def story() -> None:
        async with hundred() as live:
            desk = await CcxtDesk(live).start()
            for session in live.sessions:
                session.abort()
            states = lambda: [one.connected for one in desk.told if isinstance(one, StreamChanged)]  # noqa: E731
            await until(lambda: states() == [True, False, True], "the stream is back")
            before = len(desk.told)
            assert await desk.venue.carry_out(Send(limit(BUY, "1", "90", "l"), "entry"))
            await desk.quiet()
            heard = [one for one in desk.told[before:] if isinstance(one, OrderReport)]
            assert [one.client_order_id for one in heard] == ["l"]
            await desk.end()

    asyncio.run(story())


@noisy
def test_a_connection_that_was_broken_off_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that is cancelled while it connects takes ccxt's shared future of the connection with it."""
    monkeypatch.setattr(ccxt_stream, "BACK_OFF_FIRST", 10_000)

    async def story() -> None:
        async with hundred() as live:
            desk = await CcxtDesk(live).start()
            for line in desk.venue.client.exchange.clients.values():
                line.connected = asyncio.get_running_loop().create_future()
                line.connected.cancel()
                line.reject(asyncio.CancelledError())
            states = lambda: [one.connected for one in desk.told if isinstance(one, StreamChanged)]  # noqa: E731
            await until(lambda: states() == [True, False, True], "the stream is back")
            await desk.end()

    asyncio.run(story())


@noisy
def test_a_stream_that_does_not_come_up_is_tried_again_and_can_be_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ccxt_stream, "UP_MAX_S", 0.02)
    monkeypatch.setattr(ccxt_stream, "BACK_OFF_FIRST", 10_000)

    async def story() -> None:
        async with hundred() as live:
            desk = CcxtDesk(live)
            desk.terms = await desk.venue.open()
            watched = []

            async def silence() -> None:
                watched.append(1)
                await asyncio.sleep(60)

            for name in ("watch_orders", "watch_my_trades", "watch_balance"):
                setattr(desk.venue.client.exchange, name, silence)
            desk._running = asyncio.ensure_future(desk.venue.run(desk.told.extend))
            await until(lambda: len(watched) > 6, "it is tried again")
            assert desk.told == []
            await asyncio.wait_for(desk.end(), 3)

    asyncio.run(story())


@noisy
def test_streams_that_never_come_up_are_done_without_until_reading_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ccxt_stream, "BACK_OFF_FIRST", 1_000)

    async def story() -> None:
        async with hundred() as live:
            desk = CcxtDesk(live, poll_ms=20)
            desk.terms = await desk.venue.open()
            exchange, watched = desk.venue.client.exchange, []

            async def refuse() -> None:
                watched.append(1)
                raise ValueError("no such stream")

            exchange.watch_orders = refuse
            desk._running = asyncio.ensure_future(desk.venue.run(desk.told.extend))
            await until(lambda: bool(desk.told), "it is read")
            tries = len(watched)
            assert tries == ccxt_stream.TRIES_MAX
            (up,) = [one for one in desk.told if isinstance(one, StreamChanged)]
            assert (up.connected, up.detail) == (True, "read again and again")
            live.fault(CallFault(outcome=Outcome.REFUSED, http_status=503))
            await until(lambda: len(watched) > tries, "the stream is tried again")
            await desk.end()

    asyncio.run(story())


@noisy
def test_an_exchange_without_streams_is_read_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with hundred() as live:
            desk = CcxtDesk(live, poll_ms=30)
            prepare = desk.venue.client._prepare
            assert prepare is not None

            def without_streams(exchange: Any) -> None:
                prepare(exchange)
                for name in ("watchOrders", "watchMyTrades", "watchBalance"):
                    exchange.has[name] = False

            desk.venue.client._prepare = without_streams
            await desk.start()
            await desk.venue.carry_out(Send(limit(BUY, "1", "90", "l"), "entry"))
            await until(lambda: any(isinstance(one, OrderReport) for one in desk.told), "the order is seen")
            live.box.trade("BTCUSDT", D(89), D(5), False, live.box.now)
            await until(lambda: _status(desk) is VenueOrderStatus.FILLED, "the execution is seen")
            assert any(isinstance(one, BalanceReport) for one in desk.told)
            await desk.end()

    asyncio.run(story())


@noisy
def test_an_order_that_is_placed_and_filled_between_two_readings_is_told() -> None:
    async def story() -> None:
        async with hundred() as live:
            desk = CcxtDesk(live, poll_ms=400)
            prepare = desk.venue.client._prepare
            assert prepare is not None

            def without_streams(exchange: Any) -> None:
                prepare(exchange)
                exchange.has["watchOrders"] = False

            desk.venue.client._prepare = without_streams
            await desk.start()
            await desk.venue.carry_out(Send(limit(BUY, "1", "90", "l"), "entry"))
            live.box.trade("BTCUSDT", D(89), D(5), False, live.box.now)
            assert list(desk.venue._reader.working.values()) == ["BTCUSDT"]
            await until(lambda: _status(desk) is VenueOrderStatus.FILLED, "the execution is seen")
            assert desk.venue._reader.working == {}
            (gone,) = [one.order_id for one in desk.told if isinstance(one, OrderReport)]
            desk.venue._reader.working["999"] = "BTCUSDT"  # one that the exchange does not know
            await until(lambda: desk.venue._reader.working == {}, "it is not asked about again")
            assert gone != 999
            await desk.end()

    asyncio.run(story())


def _status(desk: CcxtDesk) -> VenueOrderStatus | None:
    return next((one.status for one in reversed(desk.told) if isinstance(one, OrderReport)), None)
