"""Skipping what cannot matter gives the journal that visiting every moment gives, to the last byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.instruments import PercentPrice
from fillwright.core.settings import ExecutionSettings, PaperSettings
from fillwright.core.types import Symbol
from fillwright.market.events import DepthSnapshot, DepthUpdate, Event, Trade
from fillwright.market.events import Quote as QuoteEvent
from fillwright.replay.signals import PlannedSignal
from fillwright.replay.simulation import Simulation
from tests.core.builders import make_instrument
from tests.replay.builders import (
    Case,
    ListTape,
    MemoryJournal,
    at,
    by_instrument,
    candles_tape,
    events_tape,
    lines,
    planned,
    quotes_tape,
    trades_tape,
)

D = Decimal
SYMBOLS = ("BTCUSDT", "ETHUSDT")
BASE = 10_000
"""Prices are walked in cents around 100.00."""
CHUNKS = (1, 2, 3, 7, 64, 1_000)
GAPS_MS = (0, 0, 1, 20, 25, 50, 50, 400, 1_000, 7_000, 10_000, 31_000, 61_000)
STEPS = (0, 0, 0, 1, -1, 1, -1, 2, -2, 5, -5, 12, -12, 40, -40)
SIZES = ("0.00001", "0.5", "1", "3", "40")
SEEDS = st.integers(0, 2**32 - 1)
"""Rows are drawn from a seeded generator: tapes of hundreds of rows would be far too large for hypothesis to draw."""

Kind = Callable[[Random, int, Symbol, int], ListTape]


def walk(random: Random, rows: int) -> Iterator[tuple[float, int]]:
    """Seconds and prices in cents: bursts at one time, flat stretches, gaps, jumps."""
    time, price, calm = random.choice((0, 0, 1_500)), BASE, random.choice((1, 1, 3, 20))
    gaps = random.sample(GAPS_MS, random.choice((2, 4, 8)))
    for _ in range(rows):
        time += random.choice(gaps)
        if not random.randrange(calm):
            price = max(2_000, price + random.choice(STEPS))
        yield time / 1000, price


def cents(value: int) -> str:
    return f"{value / 100:.2f}"


def trades(random: Random, rows: int, symbol: Symbol, chunk_rows: int) -> ListTape:
    return trades_tape(
        [
            (second, cents(price), random.choice(SIZES), random.random() < 0.5)
            for second, price in walk(random, rows)
        ],
        symbol=symbol,
        chunk_rows=chunk_rows,
    )


def candles(random: Random, rows: int, symbol: Symbol, chunk_rows: int) -> ListTape:
    number, price, made = 0, BASE, []
    for _ in range(rows):
        number += random.choice((1, 1, 1, 1, 2, 30))
        opened = max(2_000, price + random.choice(STEPS))
        price = max(2_000, opened + random.choice(STEPS))
        high = max(opened, price) + abs(random.choice(STEPS))
        low = min(opened, price) - abs(random.choice(STEPS))
        made.append((number, cents(opened), cents(high), cents(low), cents(price), random.choice(SIZES)))
    return candles_tape(made, symbol=symbol, chunk_rows=chunk_rows)


def quotes(random: Random, rows: int, symbol: Symbol, chunk_rows: int) -> ListTape:
    return quotes_tape(
        [(second, cents(price - 1), cents(price + 1)) for second, price in walk(random, rows)],
        symbol=symbol,
        chunk_rows=chunk_rows,
    )


def recording(random: Random, rows: int, symbol: Symbol, chunk_rows: int) -> ListTape:
    events: list[Event] = []
    for number, (second, price) in enumerate(walk(random, rows), 1):
        time, bid, ask = at(second), D(cents(price - 1)), D(cents(price + 1))
        size, kind = D(random.choice(SIZES)), random.choice("tttqqds")
        if kind == "t":
            events.append(Trade(symbol, time, number, D(cents(price)), size, random.random() < 0.5))
        elif kind == "q":
            events.append(QuoteEvent(symbol, time, number, bid, size, ask, size))
        elif kind == "d":
            events.append(DepthUpdate(symbol, time, number, number, ((bid, size),), ((ask, D(0)),)))
        else:
            book = ((bid, size), (bid - 1, D(900))), ((ask, size), (ask + 1, D(900)))
            events.append(DepthSnapshot(symbol, time, number, *book))
    return events_tape(events, symbols=(symbol,), chunk_rows=chunk_rows)


def some_signals(random: Random, count: int, tapes: list[ListTape]) -> list[PlannedSignal]:
    """Signals at market and at limits, with tight and wide stops and targets, fixed and trailing."""
    made = []
    for _ in range(count):
        tape = random.choice(tapes)
        made.append(
            {
                "seconds": round(last_second(tape) * random.random(), random.choice((0, 3))),
                "symbol": tape.symbols[0],
                "stop_percent": random.choice(("0.05", "0.3", "0.3", "1", "5")),
                "target_percent": random.choice((None, "0.06", "0.1", "0.3", "1", "5")),
                "trailing": random.random() < 0.3,
                "limit": random.choice((None, None, None, "99.90", "99.99", "100.00", "100.30")),
                "quote": random.choice((6, 500)),
            }
        )
    made.sort(key=lambda one: one["seconds"])
    return [planned(number, **one) for number, one in enumerate(made, 1)]


def last_second(tape: ListTape) -> float:
    if isinstance(tape.data, list):
        end = tape.data[-1].time_us
    else:
        end = int(tape.data.close_time_us[-1] if tape.interval else tape.data.time_us[-1])  # type: ignore[union-attr]
    return (end - at(0)) / 1_000_000


@st.composite
def cases(draw: st.DrawFn) -> Case:
    random = Random(draw(SEEDS))
    rows = draw(st.integers(1, 300))
    kinds = random.choice(
        (
            (trades,),
            (trades,),
            (trades, trades),
            (candles,),
            (candles, trades),
            (quotes,),
            (recording, trades),
        )
    )
    chunk_rows = random.choice(CHUNKS)
    tapes = [kind(random, rows, symbol, chunk_rows) for kind, symbol in zip(kinds, SYMBOLS, strict=False)]
    able = {
        f"{what}_allowed": random.random() < 0.7
        for what in ("oco", "oto", "opo", "trailing", "cancel_replace")
    }
    band = random.choice((None, PercentPrice(True, D("1.002"), D("0.998"), D("1.002"), D("0.998"))))
    return Case(
        tapes=tapes,
        signals=some_signals(random, draw(st.integers(1, 20)), tapes),
        instruments=by_instrument(
            *[make_instrument(symbol, percent_price=band, **able) for symbol in SYMBOLS[: len(tapes)]]
        ),
        paper=PaperSettings(
            latency_ms=random.choice((0, 1, 50)),
            slippage_bps=random.choice((D(0), D(2))),
            spread_bps=random.choice((D(0), D(2))),
        ),
        take_profit_style=random.choice(("market", "maker")),
        execution=ExecutionSettings(
            slippage_max_percent=random.choice((D("0.05"), D("0.5"))),
            entry_timeout_s=random.choice((D(2), D(30), D(3600))),
        ),
    )


@given(cases())
def test_skipping_gives_the_same_journal_as_visiting_every_moment(case: Case) -> None:
    skipping, visiting = case.play(), case.play(tick_by_tick=True)
    assert skipping.lines == visiting.lines
    assert skipping.outcome.ticks == visiting.outcome.ticks
    assert skipping.outcome.end == visiting.outcome.end
    assert exchange_of(skipping.simulation) == exchange_of(visiting.simulation)
    assert skipping.outcome.verification.differences == []


def exchange_of(simulation: Simulation) -> tuple[Any, ...]:
    """What the exchange holds and quotes at the end."""
    exchange = simulation.exchange
    return (
        exchange.balances("replay"),
        exchange.open_orders("replay"),
        exchange.open_order_lists("replay"),
        [exchange.quote(symbol) for symbol in exchange.symbols],
    )


@given(cases(), st.sampled_from([1, 2, 5, 1_000]))
def test_chunks_leave_no_trace(case: Case, chunk_rows: int) -> None:
    other = msgspec.structs.replace(
        case, tapes=[ListTape(one.kind, one.data, one.symbols, chunk_rows) for one in case.tapes]
    )
    assert case.play().lines == other.play().lines


@given(cases(), st.integers(0, 400), st.booleans())
def test_going_on_from_a_snapshot_leaves_no_trace(case: Case, turns: int, tick_by_tick: bool) -> None:
    whole = case.play(tick_by_tick=tick_by_tick)
    journal = MemoryJournal()
    begun = case.job(journal, tick_by_tick=tick_by_tick)
    simulation = begun.start()
    for _ in range(turns):
        if not simulation.turn():
            break
    begun.recorder.commit(simulation, snapshot=True)
    job = case.job(journal, tick_by_tick=tick_by_tick)
    resumed = job.resume()
    assert resumed is not None
    outcome = job.play(resumed)
    assert lines(journal.records) == whole.lines
    assert outcome.ticks == whole.outcome.ticks
    assert outcome.verification.differences == []
    assert exchange_of(resumed) == exchange_of(whole.simulation)
