"""The error: what it carries, and how it stands inside an answer."""

from __future__ import annotations

import msgspec

from fillwright.exchange.messages import ErrorBody, ExchangeError, ExchangeEvent
from tests.exchange.builders import SYMBOL, D, an_exchange, an_opoco


def test_an_error_names_its_code_and_keeps_its_body() -> None:
    error = ExchangeError(-2011, "Unknown order sent.")
    assert str(error) == "-2011 Unknown order sent."
    assert (error.http_status, error.data) == (400, None)
    assert error.body == ErrorBody(-2011, "Unknown order sent.")


def test_events_can_be_written_down_and_read_back() -> None:
    exchange = an_exchange()
    exchange.deposit("a", "USDT", D(1), 4)
    exchange.execute("a", an_opoco(), 5)
    exchange.on_trade(SYMBOL, D(80), D(1), 6)
    events = exchange.drain()
    data = msgspec.json.encode(events)
    assert msgspec.json.decode(data, type=list[ExchangeEvent]) == events
