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
from fillwright.core.inputs import (
    FillReport,
    Input,
    OrderAbsent,
    OrderReport,
    RequestFailed,
    StreamChanged,
    UpdateInstruments,
    VenueSnapshot,
)
from fillwright.core.instruments import Instrument
from fillwright.core.types import MILLISECOND, ErrorClass, Symbol, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.link import Delivery, DeliveryKind, Failure, Link
from fillwright.exchange.messages import ExchangeError, OrderView
from fillwright.exchange.queries import AccountQuery, OrderQuery
from fillwright.venues.in_process import (
    balances,
    from_error,
    from_event,
    from_response,
    from_trades,
    from_view,
    timed_out,
)

_EVENT = DeliveryKind.EVENT
Asked = Send | QueryOrder | FetchSnapshot
Later = FetchInstruments | QueryOrder | FetchSnapshot
READ_AGAIN: Time = 500 * MILLISECOND
"""A read that failed is read again after this long: a venue in trouble is not hammered."""


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
            elif isinstance(effect, QueryOrder):
                query = OrderQuery(
                    symbol=effect.symbol,
                    order_id=effect.order_id,
                    client_order_id=None if effect.order_id else effect.client_order_id,
                )
                self.link.query(self._number(effect, now), query, now)
            elif isinstance(effect, FetchSnapshot):
                self.link.query(self._number(effect, now), AccountQuery(), now)
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
                inputs.append(UpdateInstruments(self._instruments(effect.symbols)))
            else:
                self.carry_out((effect,), now)
        for delivery in self.link.advance(now):
            if delivery.kind is _EVENT:
                news = from_event(delivery.payload)  # type: ignore[arg-type]
                if news is not None:
                    inputs.append(news)
            else:
                self._translate(delivery, now, inputs)
        return inputs

    def _instruments(self, symbols: tuple[Symbol, ...]) -> tuple[Instrument, ...]:
        return tuple(self.exchange.instrument(symbol) for symbol in symbols)

    def _translate(self, delivery: Delivery, now: Time, inputs: list[Input]) -> None:
        kind, payload = delivery.kind, delivery.payload
        if kind is DeliveryKind.STREAM_STATE:
            inputs.append(StreamChanged(bool(payload), "link"))
            return
        assert delivery.request_id is not None
        _, asked = self._waiting.pop(int(delivery.request_id))
        if isinstance(asked, Send):
            inputs += self._answer(asked, kind, payload)
        elif kind is not DeliveryKind.RESPONSE and not _says_absent(payload):
            self._wait(asked, now + READ_AGAIN)
        elif isinstance(asked, QueryOrder):
            inputs.append(self._about(asked, payload))
        else:
            inputs.append(self._snapshot(asked, now))

    def _answer(self, asked: Send, kind: DeliveryKind, payload: object) -> list[Input]:
        if kind is DeliveryKind.RESPONSE:
            return from_response(payload)  # type: ignore[arg-type]
        if kind is DeliveryKind.TIMEOUT:
            return [timed_out(asked.request)]
        assert isinstance(payload, Failure)
        if payload.code is None:
            unreadable = RequestFailed(
                request=asked.request,
                error_class=ErrorClass.RATE if payload.http_status in (403, 418, 429) else ErrorClass.UNKNOWN,
                code=payload.http_status,
                message=payload.text,
            )
            return [unreadable]
        error = ExchangeError(payload.code, payload.text, payload.http_status, payload.data)
        return [from_error(asked.request, error)]

    def _about(self, asked: QueryOrder, payload: object) -> Input:
        if isinstance(payload, OrderView):
            return self._report(payload)
        return OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)

    def _report(self, view: OrderView) -> OrderReport:
        fills: tuple[FillReport, ...] = ()
        if view.executed_quantity:
            trades = self.exchange.trades(self.account_id, view.symbol, order_id=view.order_id)
            fills = from_trades(trades)
        return from_view(view, fills, "query")

    def _snapshot(self, asked: FetchSnapshot, now: Time) -> VenueSnapshot:
        exchange, account_id = self.exchange, self.account_id
        reports = [self._report(view) for view in exchange.open_orders(account_id, asked.symbol)]
        seen = {report.client_order_id for report in reports}
        absent = []
        for name in asked.client_order_ids:
            if name in seen:
                continue
            view = self._find(name, asked.symbol)
            if view is None:
                absent.append(name)
            else:
                reports.append(self._report(view))
        held = balances(exchange.balances(account_id)) if asked.balances else ()
        return VenueSnapshot(
            symbol=asked.symbol,
            orders=tuple(reports),
            time=now,
            balances=held,
            absent=tuple(absent),
            cause=asked.cause,
        )

    def _find(self, name: str, symbol: Symbol | None) -> OrderView | None:
        symbols = (symbol,) if symbol is not None else self.exchange.symbols
        for candidate in symbols:
            try:
                return self.exchange.order(self.account_id, candidate, client_order_id=name)
            except ExchangeError:
                continue
        return None

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


def _says_absent(payload: object) -> bool:
    return isinstance(payload, Failure) and payload.code == -2013
