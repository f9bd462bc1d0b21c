"""The engine alone and with its journal: a signal's step, a fill's step, signal to effects out."""

from __future__ import annotations

import gc
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks import material
from benchmarks.figures import Row, row
from fillwright.core.effects import Send
from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import (
    BalanceReport,
    FillReport,
    Input,
    OpenLedger,
    OrderReport,
    Quote,
    SubmitSignal,
)
from fillwright.core.requests import OrderListRequest
from fillwright.core.types import (
    SECOND,
    ExecutionType,
    ExpiryReason,
    OrderType,
    Side,
    Time,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.storage.sql import open_store

ACCOUNT = "bench"
START: Time = 1_770_076_800 * SECOND
PRICE = Decimal("60000.00")
_V = VenueOrderStatus


class Desk:
    """An engine with a quote, and a venue that answers by hand."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.instrument = material.instrument()
        self.now = START
        self._ids = 0
        self.opening = self.engine.step(
            OpenLedger(
                account_id=ACCOUNT,
                tag="bench",
                settings=material.settings(),
                instruments=(self.instrument,),
                maker_fee=Decimal("0.001"),
                taker_fee=Decimal("0.001"),
                balances=(("USDT", Decimal(10_000_000), Decimal(0)),),
            ),
            now=self.now,
        ).records

    def signal(self, number: int) -> SubmitSignal:
        """The next signal, with a fresh quote."""
        self.now += 2 * SECOND
        self.engine.observe(Quote(material.SYMBOL, PRICE, PRICE + Decimal("0.01"), PRICE, self.now))
        planned = material.bracket(number, self.now, Decimal("0.5"))
        return SubmitSignal(planned.at(PRICE))

    def reports(self, request: OrderListRequest) -> list[Input]:
        """What the venue says when the entry fills at once and the exits are released."""
        entry, *exits = request.legs
        quantity = entry.quantity or Decimal(0)
        fee = quantity * Decimal("0.001")
        held = quantity - fee
        self._ids += 10
        fill = FillReport(self._ids, PRICE, quantity, fee, "BTC", False, self.now)
        news: list[Input] = [
            OrderReport(
                symbol=entry.symbol,
                client_order_id=entry.client_order_id,
                order_id=self._ids,
                status=_V.FILLED,
                side=Side.BUY,
                type=OrderType.LIMIT,
                time=self.now,
                execution_type=ExecutionType.TRADE,
                order_list_id=self._ids,
                time_in_force=TimeInForce.FOK,
                quantity=quantity,
                price=entry.price,
                executed_quantity=quantity,
                executed_quote=quantity * PRICE,
                fills=(fill,),
            )
        ]
        for place, leg in enumerate(exits, 1):
            news.append(
                OrderReport(
                    symbol=leg.symbol,
                    client_order_id=leg.client_order_id,
                    order_id=self._ids + place,
                    status=_V.NEW,
                    side=Side.SELL,
                    type=leg.type,
                    time=self.now,
                    execution_type=ExecutionType.NEW,
                    order_list_id=self._ids,
                    quantity=self.instrument.floor_quantity(held),
                    stop_price=leg.stop_price,
                )
            )
        news.append(BalanceReport((("BTC", held, Decimal(0)),), self.now))
        return news

    def stopped(self, request: OrderListRequest) -> list[Input]:
        """What the venue says when the stop triggers: the target expires, the stop is filled."""
        entry, stop, target = request.legs
        quantity = self.instrument.floor_quantity((entry.quantity or Decimal(0)) * Decimal("0.999"))
        price = stop.stop_price or PRICE
        fill = FillReport(
            self._ids + 1, price, quantity, quantity * price * Decimal("0.001"), "USDT", False, self.now
        )
        common = {
            "symbol": entry.symbol,
            "side": Side.SELL,
            "time": self.now,
            "order_list_id": self._ids,
            "quantity": quantity,
        }
        return [
            OrderReport(
                client_order_id=target.client_order_id,
                order_id=self._ids + 2,
                status=_V.EXPIRED,
                type=target.type,
                execution_type=ExecutionType.EXPIRED,
                expiry_reason=ExpiryReason.OCO_TRIGGER,
                **common,
            ),
            OrderReport(
                client_order_id=stop.client_order_id,
                order_id=self._ids + 1,
                status=_V.FILLED,
                type=stop.type,
                execution_type=ExecutionType.TRADE,
                executed_quantity=quantity,
                executed_quote=quantity * price,
                fills=(fill,),
                **common,
            ),
            BalanceReport((("BTC", Decimal(0), Decimal(0)),), self.now),
        ]


def _request(step: Step) -> OrderListRequest:
    effect = step.effects[0]
    assert isinstance(effect, Send)
    assert isinstance(effect.request, OrderListRequest)
    return effect.request


def steps(rounds: int = 3_000) -> list[Row]:
    """``engine.step`` for a signal (44 checks, plan, sizing, events) and for the fill that protects it."""
    desk = Desk()
    clock = time.perf_counter
    signals, fills, exits = [], [], []
    gc.collect()
    gc.disable()
    for number in range(rounds):
        item = desk.signal(number)
        begin = clock()
        step = desk.engine.step(item, now=desk.now)
        signals.append(clock() - begin)
        news = desk.reports(_request(step))
        begin = clock()
        desk.engine.step(*news, now=desk.now)
        fills.append(clock() - begin)
        news = desk.stopped(_request(step))
        begin = clock()
        desk.engine.step(*news, now=desk.now)
        exits.append(clock() - begin)
    gc.enable()
    return [
        row("engine.step, a signal (checks, sizing, plan, 6 events)", signals, "aim ≤ 15 µs; toy core 3-12"),
        row("engine.step, entry filled and exits armed (4 reports)", fills, "aim ≤ 15 µs a report"),
        row("engine.step, stop filled, position closed (3 reports)", exits, "aim ≤ 15 µs a report"),
    ]


def commits(durability: str, rounds: int = 1_000) -> list[Row]:
    """Signal in → step → journal committed → effects out."""
    desk = Desk()
    clock = time.perf_counter
    samples, bare = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder) / "j.db", durability, lay_out=True) as store,
    ):
        journal = store.journal
        journal.append(ACCOUNT, 0, desk.opening)
        gc.collect()
        gc.disable()
        for number in range(rounds):
            item = desk.signal(number)
            begin = clock()
            step = desk.engine.step(item, now=desk.now)
            middle = clock()
            journal.append(ACCOUNT, step.records[0].seq - 1, step.records)
            done = clock()
            samples.append(done - begin)
            bare.append(done - middle)
            request = _request(step)
            for news in (desk.reports(request), desk.stopped(request)):
                more = desk.engine.step(*news, now=desk.now)
                journal.append(ACCOUNT, more.records[0].seq - 1, more.records)
            if store.checkpoint_due():
                store.checkpoint()
        gc.enable()
    limit = "8" if durability == "normal" else "105"
    name = durability.upper()
    return [
        row(f"signal → effects out, journal {name}", samples, "aim ≤ 100 µs (NORMAL); spike 69-81 / 224"),
        row(f"  of it the commit of its events, {name}", bare, f"baseline of one row: {limit} µs"),
    ]
