"""What goes wrong during the soak: faults of one call in twenty, of events, and of connections."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from fillwright.core.types import MILLISECOND, SECOND
from fillwright.exchange.server.admin_client import AdminError
from tests.e2e.exchange.box import Box
from tests.soak.judge import Disturbance

ONE = 0.7
"""How often it is one connection alone."""
CALLS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.004, {"outcome": "lost", "by": "silence"}),
    (0.002, {"outcome": "lost", "by": "close"}),
    (0.006, {"outcome": "answer_lost", "by": "silence"}),
    (0.002, {"outcome": "answer_lost", "by": "close"}),
    (0.005, {"outcome": "refused", "http_status": 503, "body": ""}),
    (0.004, {"outcome": "masked", "http_status": 503}),
    (0.004, {"outcome": "refused", "code": -1007}),
    (0.006, {"outcome": "masked", "code": -1007}),
    (0.004, {"outcome": "refused", "code": -1021}),
    (0.006, {"outcome": "delayed", "delay_us": 300 * MILLISECOND}),
    (0.003, {"outcome": "delayed", "delay_us": 3 * SECOND}),
    (0.004, {"outcome": "delayed", "answer_delay_us": 2 * SECOND}),
)
"""One call in twenty, whatever it asks for; each chance is of the calls that those before left alone."""
RARE: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.0001, {"outcome": "refused", "code": -1003, "http_status": 429, "retry_after_s": 1}),
)
"""Entries stop for a minute after each."""
EVENTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.002, {"outcome": "dropped"}),
    (0.01, {"outcome": "duplicated"}),
    (0.01, {"outcome": "delayed", "delay_us": SECOND}),
    (0.01, {"outcome": "reordered"}),
)


def install(box: Box) -> None:
    """Let things go wrong from now on."""
    for probability, fault in (*CALLS, *RARE):
        box.admin.post("/faults", of="requests", endpoint="*", times=None, probability=probability, **fault)
    for probability, fault in EVENTS:
        box.admin.post("/faults", of="events", times=None, probability=probability, **fault)


def disturb(box: Box, random: Random) -> Disturbance:
    """Something happens to one connection, or to all."""
    kind = random.choice(("cut", "cut", "mute", "shutdown"))
    for_us = random.randrange(1, 8) * SECOND if kind == "mute" else 0
    numbers = [one["number"] for one in box.admin.get("/connections")]
    which = random.choice(numbers) if numbers and random.random() < ONE else None
    begin = time.time_ns() // 1_000
    try:
        box.admin.post("/connections", action=kind, for_us=for_us, number=which)
    except AdminError as error:
        return Disturbance(f"{kind}: {error}", begin, begin)
    return Disturbance(f"{kind} {'all' if which is None else 'one'}", begin, begin + for_us)


def end(box: Box) -> None:
    """Nothing goes wrong any more."""
    box.admin.post("/faults/remove")
