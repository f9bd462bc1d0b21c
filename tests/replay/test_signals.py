"""Signals of a file: read exactly, and every mistake named with its file and line."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.inputs import Entry, Size
from fillwright.core.types import Direction, SignalDecision
from fillwright.replay.signals import LINE_LENGTH_MAX, PlannedSignal, SignalFileError, read_signals

D = Decimal
GOOD: dict[str, Any] = {"symbol": "BTCUSDT", "created_at": 1_770_076_800_000_000}


def read(tmp_path: Path, *rows: object, symbol: str | None = None) -> list[PlannedSignal]:
    path = tmp_path / "signals.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return list(read_signals(path, symbol))


def test_a_whole_signal(tmp_path: Path) -> None:
    whole = {
        "key": "a-1",
        "trader_id": "ada",
        "symbol": "ETHUSDT",
        "side": "long",
        "created_at": "2026-02-03T01:00:05.25+01:00",
        "expires_at": "2026-02-03T00:05:00Z",
        "decision": "wait",
        "confidence": "0.75",
        "entry": {"type": "limit", "price": "2300.10"},
        "stop_loss": 2200.10,
        "take_profit": "2500",
        "size": {"risk_percent": "0.5"},
        "trailing": True,
        "interval": "1m",
        "reasoning": "because",
        "metadata": {"score": 7},
    }
    (planned,) = read(tmp_path, whole)
    signal = planned.signal
    assert (signal.key, signal.trader_id, signal.symbol, signal.side) == (
        "a-1",
        "ada",
        "ETHUSDT",
        Direction.LONG,
    )
    assert signal.created_at == 1_770_076_805_250_000
    assert signal.expires_at == 1_770_077_100_000_000
    assert signal.decision is SignalDecision.WAIT
    assert signal.confidence == D("0.75")
    assert signal.entry == Entry("limit", D("2300.10"))
    assert (signal.stop_loss, signal.take_profit) == (D("2200.1"), D(2500))
    assert signal.size == Size(None, D("0.5"))
    assert signal.trailing
    assert signal.metadata == {"score": "7"}
    assert (signal.interval, signal.reasoning) == ("1m", "because")


def test_the_least_a_signal_needs(tmp_path: Path) -> None:
    (planned,) = read(tmp_path, {"created_at": 5}, symbol="BTCUSDT")
    assert planned.signal.symbol == "BTCUSDT"
    assert planned.signal.trader_id == "signals"
    assert planned.signal.decision is SignalDecision.ENTER_TRADE
    assert planned.signal.key is None
    assert planned.signal.size is None


def test_numbers_are_exact_however_they_are_written(tmp_path: Path) -> None:
    (planned,) = read(tmp_path, '{"symbol": "BTCUSDT", "created_at": 5, "stop_loss": 0.1000000000000000055}')
    assert planned.signal.stop_loss == D("0.1000000000000000055")


def test_percentages_become_levels_at_the_last_price(tmp_path: Path) -> None:
    (planned,) = read(tmp_path, {**GOOD, "stop_loss_percent": "1", "take_profit_percent": "2.5"})
    at = planned.at(D(200))
    assert (at.stop_loss, at.take_profit) == (D(198), D(205))
    assert planned.at(None) is planned.signal
    (short,) = read(
        tmp_path, {**GOOD, "side": "short", "stop_loss_percent": "1", "take_profit_percent": "2.5"}
    )
    at = short.at(D(200))
    assert (at.stop_loss, at.take_profit) == (D(202), D(195))


def test_blank_lines_count_but_hold_nothing(tmp_path: Path) -> None:
    first, second = read(tmp_path, GOOD, "", "   ", GOOD)
    assert (first.number, second.number) == (1, 4)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("nonsense", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ('{"a": ' + "1" * LINE_LENGTH_MAX + "}", "longer than"),
        ({"created_at": 5}, "symbol is missing"),
        ({"symbol": "BTCUSDT"}, "created_at is missing"),
        ({**GOOD, "symbol": 7}, "symbol is not a text"),
        ({**GOOD, "created_at": "yesterday"}, "created_at: 'yesterday' is not a time"),
        ({**GOOD, "created_at": "2026-02-03T00:00:00"}, "has no time zone"),
        ({**GOOD, "created_at": True}, "created_at is not a time"),
        ({**GOOD, "created_at": -5}, "created_at is not a time"),
        ({**GOOD, "side": "sideways"}, "side: 'sideways' is none of long, short"),
        ({**GOOD, "decision": "maybe"}, "decision: 'maybe' is none of"),
        ({**GOOD, "stop_loss": "NaN"}, "stop_loss: 'NaN' is not a plain decimal number"),
        ({**GOOD, "stop_loss": "Infinity"}, "stop_loss: 'Infinity' is not a plain decimal number"),
        ({**GOOD, "stop_loss": "1e400"}, "stop_loss: '1e400' is not a plain decimal number"),
        ({**GOOD, "stop_loss": True}, "stop_loss: True is not a plain decimal number"),
        ({**GOOD, "stop_loss": []}, "stop_loss: [] is not a plain decimal number"),
        ({**GOOD, "stop_loss": 0}, "stop_loss must be more than zero"),
        ({**GOOD, "stop_loss": "-3"}, "stop_loss must be more than zero"),
        ({**GOOD, "stop_loss": "0." + "1" * 60}, "stop_loss"),
        ({**GOOD, "stop_loss_percent": 101}, "stop_loss_percent must be at most 100"),
        ({**GOOD, "stop_loss": 1, "stop_loss_percent": 1}, "given as a price and as a percentage"),
        ({**GOOD, "confidence": 2}, "confidence must be at most 1"),
        ({**GOOD, "trailing": "yes"}, "trailing is not true or false"),
        ({**GOOD, "entry": "market"}, "entry is not an object"),
        ({**GOOD, "entry": {"type": "stop"}}, "entry: type: 'stop' is none of market, limit"),
        ({**GOOD, "entry": {"type": "limit"}}, "entry: a limit entry needs a price"),
        (
            {**GOOD, "entry": {"type": "market", "price": 5}},
            "entry: a limit entry needs a price, a market entry none",
        ),
        ({**GOOD, "entry": {"typ": "market"}}, "entry: unknown field 'typ'"),
        ({**GOOD, "size": {}}, "size: needs quote or risk_percent"),
        ({**GOOD, "size": {"quote": 1, "risk_percent": 1}}, "size: needs quote or risk_percent"),
        ({**GOOD, "metadata": 3}, "metadata is not an object"),
        ({**GOOD, "stoploss": 3}, "unknown field 'stoploss'"),
    ],
)
def test_every_mistake_is_named_with_its_line(tmp_path: Path, row: object, expected: str) -> None:
    with pytest.raises(SignalFileError) as told:
        read(tmp_path, GOOD, row)
    assert str(told.value).startswith(f"{tmp_path / 'signals.jsonl'}:2: ")
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def test_numbers_no_decimal_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SignalFileError, match=":1: "):
        read(tmp_path, '{"symbol": "BTCUSDT", "created_at": 5, "stop_loss": 1e400}')


def test_lines_follow_each_other_in_time(tmp_path: Path) -> None:
    with pytest.raises(SignalFileError, match=":2: created_at is before the line above"):
        read(tmp_path, GOOD, {**GOOD, "created_at": 5})


def test_a_file_without_signals(tmp_path: Path) -> None:
    with pytest.raises(SignalFileError, match="no signals"):
        read(tmp_path, "", "")
    with pytest.raises(SignalFileError, match="No such file"):
        list(read_signals(tmp_path / "missing.jsonl"))
    with pytest.raises(SignalFileError, match="directory"):
        list(read_signals(tmp_path))
