"""The replay's venue: the engine's effects go over the link to the exchange, what comes back becomes inputs."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

import msgspec

from fillwright.core.effects import (
    Alert,
    ConsultAdvisor,
    Effect,
    FetchInstruments,
    FetchSnapshot,
    QueryOrder,
    Send,
)
from fillwright.core.inputs import Input
from fillwright.core.types import Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.link import Delivery, DeliveryKind, Link
from fillwright.venues.asking import READ_AGAIN, Answers, Asked, news, put
from fillwright.venues.in_process import from_event

_EVENT = DeliveryKind.EVENT
Later = FetchInstruments | QueryOrder | FetchSnapshot


class _Image(msgspec.Struct):
    """What a snapshot keeps of the venue."""

    link: bytes
    waiting: dict[int, tuple[Time, Send | QueryOrder | FetchSnapshot]]
    timers: list[tuple[Time, int, Later]]
    numbers: int


class ReplayVenue:
    """Carries effects out and gives back inputs, all in virtual time."""

    def __init__(self, exchange: Exchange, link: Link, latency_us: Time) -> None:
        self.exchange = exchange
        self.link = link
        self.latency_us = latency_us
        self.account_id = link.account_id
        self.alerts: dict[str, int] = {}
        self._answers = Answers(exchange, link.account_id)
        self._waiting: dict[int, tuple[Time, Asked]] = {}
        self._timers: list[tuple[Time, int, Later]] = []
        self._numbers = 0

    # -- out -------------------------------------------------------------------------------------------------

    def carry_out(self, effects: Iterable[Effect], now: Time) -> None:
        """Send what the engine wants sent."""
        self._forget_answered(now)
        for effect in effects:
            if isinstance(effect, Send):
                self.link.send(self._number(effect, now), effect.request, now)
            elif isinstance(effect, QueryOrder | FetchSnapshot):
                put(self.link, self._number(effect, now), effect, now)
            elif isinstance(effect, FetchInstruments):
                self._wait(effect, max(effect.not_before, now))
            elif isinstance(effect, Alert):
                self.alerts[effect.code] = self.alerts.get(effect.code, 0) + 1
            else:
                assert isinstance(effect, ConsultAdvisor)

    def _wait(self, effect: Later, until: Time) -> None:
        self._numbers += 1
        heappush(self._timers, (until, self._numbers, effect))

    def _number(self, effect: Asked, now: Time) -> int:
        self._numbers += 1
        self._waiting[self._numbers] = (now, effect)
        return self._numbers

    def _forget_answered(self, now: Time) -> None:
        """A link that delivers errors only: what had no error by its time was accepted, as the stream tells."""
        if not self.link.stream_only:
            return
        waiting = self._waiting
        while waiting:
            number = next(iter(waiting))
            if waiting[number][0] + self.latency_us >= now:
                break
            del waiting[number]

    # -- in --------------------------------------------------------------------------------------------------

    def next_time(self) -> Time | None:
        """When something happens next between engine and exchange."""
        link = self.link.next_time()
        timer = self._timers[0][0] if self._timers else None
        if link is None or timer is None:
            return link if timer is None else timer
        return min(link, timer)

    def advance(self, now: Time) -> list[Input]:
        """Let everything due by now happen; the inputs that reach the engine, in order."""
        inputs: list[Input] = []
        while self._timers and self._timers[0][0] <= now:
            _, _, effect = heappop(self._timers)
            if isinstance(effect, FetchInstruments):
                inputs.append(self._answers.instruments(effect))
            else:
                self.carry_out((effect,), now)
        for delivery in self.link.advance(now):
            if delivery.kind is _EVENT:
                event = from_event(delivery.payload)  # type: ignore[arg-type]
                if event is not None:
                    inputs.append(event)
            else:
                self._translate(delivery, now, inputs)
        return inputs

    def _translate(self, delivery: Delivery, now: Time, inputs: list[Input]) -> None:
        if delivery.request_id is None:
            said = news(delivery)
            if said is not None:
                inputs.append(said)
            return
        _, asked = self._waiting.pop(int(delivery.request_id))
        answer = self._answers.inputs(asked, delivery, now)
        if answer is not None:
            inputs += answer
        else:
            assert not isinstance(asked, Send)
            self._wait(asked, now + READ_AGAIN)

    # -- snapshots -------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Everything under way, exactly."""
        return msgspec.msgpack.encode(
            _Image(self.link.dump(), self._waiting, list(self._timers), self._numbers)
        )

    def load(self, data: bytes) -> None:
        """Take up what ``dump`` wrote."""
        image = msgspec.msgpack.decode(data, type=_Image)
        self.link.load(image.link)
        self._waiting = dict(image.waiting)
        self._timers = image.timers
        self._numbers = image.numbers
