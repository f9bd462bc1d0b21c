"""Faults as a client meets them: on a socket."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fillwright.core.types import MILLISECOND
from fillwright.exchange.server.admin_client import AdminClient
from fillwright.exchange.server.settings import ClockSettings
from tests.exchange.server.boxes import frozen
from tests.exchange.server.http_box import HttpBox, HttpClient

SILENCE_S = 0.3
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "40000",
}
LATE_MS = 120


class Bench:
    """A server, its admin door, and a client that gives up early."""

    def __init__(self, box: HttpBox) -> None:
        self.box = box
        self.admin = AdminClient(box.server.url, "t")
        self.client = HttpClient(box.server.port)

    def fault(self, outcome: str, **rule: Any) -> None:
        self.admin.post("/faults", of="requests", outcome=outcome, **rule)

    def impatient(self) -> HttpClient:
        self.client.close()
        self.client = HttpClient(self.box.server.port)
        self.client._connection.timeout = SILENCE_S
        return self.client

    def status_of(self, own: str) -> str | None:
        answer = self.client.ask("GET", "order", symbol="BTCUSDT", origClientOrderId=own)
        return str(answer.body["status"]) if answer.status == 200 else None


@pytest.fixture
def bench() -> Iterator[Bench]:
    # Timestamps are of the frozen start; the clock runs, so that delays pass.
    clock = ClockSettings(start_us=frozen().clock.start_us, check_timestamps=False)
    with HttpBox(frozen(port=0, admin_token="t", clock=clock)) as box:
        box.price("BTCUSDT", "50000")
        made = Bench(box)
        yield made
        made.client.close()
        assert made.admin.get("/audit")["problems"] == []
        assert made.admin.get("/status")["failures"] == 0


@pytest.mark.parametrize(("outcome", "then"), [("answer_lost", "NEW"), ("lost", None)])
def test_the_connection_closes_instead_of_an_answer(bench: Bench, outcome: str, then: str | None) -> None:
    bench.fault(outcome, endpoint="order.place")
    with pytest.raises(http.client.RemoteDisconnected):
        bench.client.ask("POST", "order", newClientOrderId="a", **ORDER)
    bench.client.close()
    assert bench.status_of("a") == then
    (entry,) = bench.admin.get("/audit")["entries"]
    assert (entry["sent"]["status"], entry["sent"]["is_executed"]) == (0, then is not None)
    assert (None if entry["order"] is None else entry["order"]["status"]) == then


@pytest.mark.parametrize(("outcome", "then"), [("answer_lost", "NEW"), ("lost", None)])
def test_nothing_is_heard_at_all(bench: Bench, outcome: str, then: str | None) -> None:
    bench.fault(outcome, endpoint="order.*", by="silence")
    with pytest.raises(TimeoutError):
        bench.impatient().ask("POST", "order", newClientOrderId="a", **ORDER)
    bench.client.close()
    assert bench.status_of("a") == then


def test_an_answer_is_masked_though_all_was_done(bench: Bench) -> None:
    bench.fault("masked", endpoint="TRADE", code=-1007, http_status=408)
    answer = bench.client.ask("POST", "order", newClientOrderId="a", **ORDER)
    assert answer.error[:2] == (408, -1007)
    assert bench.status_of("a") == "NEW"


def test_a_proxy_answers_with_a_page_and_a_time_to_come_back(bench: Bench) -> None:
    bench.fault(
        "refused", http_status=503, body="<html>busy</html>", content_type="text/html", retry_after_s=7
    )
    answer = bench.client.send("GET", "ping", "")
    assert (answer.status, answer.body) == (503, b"<html>busy</html>")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["retry-after"] == "7"
    assert bench.client.send("GET", "ping", "").status == 200


def test_an_empty_body_is_empty(bench: Bench) -> None:
    bench.fault("refused", http_status=502, body="")
    answer = bench.client.send("GET", "ping", "")
    assert (answer.status, answer.body) == (502, b"")


def test_an_answer_comes_late(bench: Bench) -> None:
    bench.fault("delayed", answer_delay_us=LATE_MS * MILLISECOND)
    began = time.monotonic()
    answer = bench.client.ask("POST", "order", newClientOrderId="a", **ORDER)
    assert answer.status == 200
    assert time.monotonic() - began >= LATE_MS / 1_000 / 2


def test_an_order_arrives_late(bench: Bench) -> None:
    bench.fault("delayed", delay_us=LATE_MS * MILLISECOND)
    bench.client._connection.timeout = LATE_MS / 1_000 * 20
    before = bench.admin.get("/time")["now"]
    answer = bench.client.ask("POST", "order", newClientOrderId="a", **ORDER)
    assert answer.body["transactTime"] * 1_000 >= before // 1_000 * 1_000 + LATE_MS * MILLISECOND


def test_only_the_account_and_ids_that_are_meant_are_hit(bench: Bench) -> None:
    bench.fault("refused", client_order_id="bot-", account_id="main", code=-1001, times=None)
    assert bench.client.ask("POST", "order", newClientOrderId="hand-1", **ORDER).status == 200
    assert bench.client.ask("POST", "order", newClientOrderId="bot-1", **ORDER).error[1] == -1001
    assert bench.status_of("bot-1") is None
