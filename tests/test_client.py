from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fillwright import client as module
from fillwright.client import Client, ClientError, ConnectionFailed, EventRecord, NewSignal
from fillwright.core.types import Mode
from fillwright.runtime.feed import Feed
from tests.api.serving import TOKEN, VERSION, eventually, free_port, service
from tests.runtime.builders import NOW, run, until

SIGNAL = NewSignal(
    symbol="AAAUSDT",
    side="long",
    trader_id="ada",
    stop_loss=Decimal("95"),
    take_profit=Decimal("110"),
    quote=Decimal(200),
)


def test_a_trade_from_signal_to_result(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made, Client(made.url, TOKEN) as client:
            preview = await client.preview_signal(SIGNAL)
            assert (preview.approved, preview.code) == (True, None)
            sent = await client.send_signal(SIGNAL, key="k1")
            assert (sent.id, sent.status, sent.repeated) == (1, "entering", False)
            assert (await client.send_signal(SIGNAL, key="k1")).repeated
            ledger = made.account.engine.ledger
            await until(lambda: ledger.state.positions[1].stop_order_id, "protection")

            signal = await client.signal(1)
            assert (signal.stop_loss, signal.created_at, signal.mode) == (Decimal(95), NOW, Mode.PAPER)
            (position,) = (await client.positions(status="open")).items
            assert position.quantity > 1
            order = await client.order(position.entry_order_ids[0])
            assert order.fills[0].price == Decimal("100.01")
            assert order.created_at == NOW
            why = await client.why(1)
            assert why.verdicts[0].approved
            assert why.verdicts[0].checks[0].code == "HALTED"
            assert why.position == await client.position(1)
            assert {order.leg for order in why.orders} == {"entry", "stop_loss", "take_profit"}
            assert why.chain[0]["event"]["kind"] == "SignalReceived"
            assert [o.id async for o in client.every(client.orders, limit=1)] == [
                o.id for o in (await client.orders()).items
            ]

            await client.adjust_position(1, stop_loss=Decimal(96))
            await until(lambda: ledger.state.positions[1].stop_loss == 96, "the stop")
            before = ledger.state.positions[1].quantity
            await client.reduce_position(1, fraction=Decimal("0.5"))
            await until(lambda: ledger.state.positions[1].quantity < before, "the reduction")
            await client.add_to_position(1, Decimal(50))
            await client.close_position(1, "enough")
            await until(lambda: not ledger.open_positions, "closed")
            (trade,) = (await client.trades(status="closed")).items
            assert (trade.exit_reason, trade == await client.trade(1)) == ("tester: enough", True)
            portfolio = await client.portfolio()
            assert portfolio.total_pnl == trade.realized_pnl
            assert [s.id for s in (await client.signals(trader_id="ada")).items] == [1]

    run(story())


def test_operations(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made, Client(made.url + "/", TOKEN) as client:
            assert (await client.ready()).ready
            status = await client.status()
            assert (status.version, status.started_at, status.halted) == (VERSION, NOW, None)
            assert await client.mode() is Mode.PAPER
            assert await client.switch_mode("paper") is Mode.PAPER
            stopped = await client.emergency_stop(flatten=True, reason="drill")
            assert (stopped.disabled, stopped.sold, stopped.left) == (True, (), ())
            halted = (await client.status()).halted
            assert halted is not None
            assert (halted.reason, halted.at) == ("drill", NOW)
            denied = await client.send_signal(SIGNAL)
            assert (denied.status, denied.code) == ("denied", "HALTED")
            await client.resume("the drill is over")
            assert (await client.status()).halted is None

    run(story())


def test_refusals_carry_the_apis_code_and_details(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(tmp_path) as made:
            async with Client(made.url, TOKEN) as client:
                for ask, status, code in (
                    (client.position(7), 404, "NOT_FOUND"),
                    (client.switch_mode("mainnet"), 403, "MAINNET_DISABLED"),
                    (client.trades(limit=0), 400, "INVALID_PARAMETER"),
                    (client.send_signal({"symbol": "AAAUSDT"}), 400, "INVALID_FIELD"),
                ):
                    with pytest.raises(ClientError) as caught:
                        await ask
                    assert (caught.value.status, caught.value.code) == (status, code)
                assert caught.value.details == {"path": "$"}
                with pytest.raises(ClientError) as caught:
                    await anext(client.events(since=10**9))
                assert caught.value.code == "SINCE_AHEAD"
            async with Client(made.url, "wrong") as client:
                for refused in (client.status(), anext(client.events())):
                    with pytest.raises(ClientError) as caught:
                        await refused
                    assert (caught.value.status, caught.value.code) == (401, "UNAUTHORIZED")
                assert (await client.ready()).ready

    run(story())


def test_nobody_there_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECONNECTS_MAX", 2)
    monkeypatch.setattr(module, "PAUSE_FIRST_S", 0.001)

    async def story() -> None:
        async with Client(f"http://127.0.0.1:{free_port()}", TOKEN) as client:
            for ask in (client.status(), anext(client.events())):
                with pytest.raises(
                    ConnectionFailed, match="Connection refused; start it with `fillwright run`"
                ) as caught:
                    await ask
                assert TOKEN not in str(caught.value)

    run(story())


def test_another_service_at_the_address_is_no_fillwright() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    async def story() -> None:
        other = await asyncio.start_server(hello, "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        async with other, Client(f"http://127.0.0.1:{port}") as client:
            with pytest.raises(ClientError, match="is it fillwright") as caught:
                await client.status()
            assert caught.value.code == "UNREADABLE"

    run(story())


def test_events_go_on_after_a_connection_that_broke_without_gap_or_repetition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_FIRST_S", 0.001)

    async def story() -> None:
        async with service(tmp_path) as made, Client(made.url, TOKEN) as client:
            found: list[EventRecord] = []

            async def follow() -> None:
                async for record in client.events():
                    found.append(record)

            feed: Feed = made.account.feed
            first = feed.last_seq + 1
            following = asyncio.create_task(follow())
            await eventually(lambda: feed._waiting)
            for _ in range(3):
                await made.open_position()
                await eventually(lambda: found and found[-1].seq == feed.last_seq)
                for task in made.reader_tasks():
                    task.cancel()
            following.cancel()
            assert [record.seq for record in found] == list(range(first, feed.last_seq + 1))
            assert found[0].kind == "SignalReceived"
            assert found[0].time == NOW

    run(story())


def test_events_wait_for_a_service_that_is_coming_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_FIRST_S", 0.001)
    pauses: list[float] = []

    async def story() -> None:
        async with service(tmp_path, ready=False) as made, Client(made.url, TOKEN) as client:
            sleep = asyncio.sleep

            async def noted(seconds: float) -> None:
                pauses.append(seconds)
                await sleep(0)

            monkeypatch.setattr(module.asyncio, "sleep", noted)
            first = asyncio.create_task(anext(client.events(since=1)))
            while not pauses:
                await sleep(0)
            monkeypatch.undo()
            running = asyncio.create_task(made.orchestrator.run())
            assert (await first).seq == 2
            made.orchestrator.stop()
            made.orchestrator.stop()
            await running

    run(story())


def test_a_signal_names_only_what_it_says() -> None:
    when = datetime(2026, 11, 20, tzinfo=UTC)
    signal = NewSignal(
        symbol="A", side="long", entry_price=Decimal(5), risk_percent=Decimal(1), expires_at=when
    )
    body = signal.body()
    assert body["entry"] == {"type": "limit", "price": Decimal(5)}
    assert body["size"] == {"risk_percent": Decimal(1)}
    assert body["expires_at"] == when
    assert "stop_loss" not in body
