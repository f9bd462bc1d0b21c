"""The wire between one client and the exchange in virtual time: latency, faults, and nothing else.

A request sent at ``now`` is carried out half a round trip later, in order of arrival; its answer and the events that
follow reach the client another half later. The caller owns time: it advances the link, and hands it what the market
has set off by ``collect``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum, unique
from heapq import heappop, heappush

import msgspec

from fillwright.core.requests import (
    AmendRequest,
    CancelListRequest,
    CancelOpenOrdersRequest,
    CancelReplaceRequest,
    CancelRequest,
    OrderListRequest,
    OrderRequest,
    Request,
)
from fillwright.core.types import SECOND, AccountId, ClientOrderId, Symbol, SymbolStatus, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.faults import QUERY, EventOutcome, FaultPlan, Outcome, RequestFault
from fillwright.exchange.messages import (
    AccountPosition,
    AmendResponse,
    AssetBalance,
    BalanceUpdate,
    CancelListResponse,
    CancelReplaceResponse,
    CancelResponse,
    ExchangeError,
    ExchangeEvent,
    ExecutionReport,
    ListResponse,
    ListStatusReport,
    ListView,
    Message,
    OrderCount,
    OrderResponse,
    OrderView,
    TradeView,
)
from fillwright.exchange.queries import Query

TIMEOUT_US_DEFAULT = 10 * SECOND
VERSION = 1
RequestId = int | str


@unique
class DeliveryKind(StrEnum):
    """What reaches the client."""

    RESPONSE = "response"
    ERROR = "error"
    TIMEOUT = "timeout"
    EVENT = "event"
    STREAM_STATE = "stream_state"


_EVENT = DeliveryKind.EVENT


class Failure(Message, frozen=True, gc=False):
    """An error answer; code None is an answer without a readable body (HTTP 503)."""

    code: int | None
    text: str
    http_status: int
    data: CancelReplaceResponse | None = None


_Row = CancelResponse | CancelListResponse | OrderView | ListView | TradeView | AssetBalance | OrderCount
Payload = (
    OrderResponse
    | ListResponse
    | CancelResponse
    | CancelListResponse
    | CancelReplaceResponse
    | AmendResponse
    | OrderView
    | ListView
    | ExecutionReport
    | ListStatusReport
    | AccountPosition
    | BalanceUpdate
    | Failure
    | tuple[_Row, ...]
    | bool
    | None
)
"""An answer, a failure, an event, or whether the stream is connected."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """Something that reaches the client at a time."""

    time: Time
    kind: DeliveryKind
    request_id: RequestId | None
    payload: Payload


class _Sent(msgspec.Struct, gc=False):
    """A request or query on its way to the exchange."""

    request_id: RequestId
    what: Request | Query
    fault: RequestFault | None


_KINDS: dict[str, type] = {
    one.__name__: one
    for one in (
        OrderRequest,
        OrderListRequest,
        CancelRequest,
        CancelListRequest,
        CancelOpenOrdersRequest,
        CancelReplaceRequest,
        AmendRequest,
    )
}

_REQUESTS = frozenset(_KINDS.values())


class Link:
    """One client's connection: requests one way; answers and the account's stream the other way.

    ``stream_only`` leaves answers of requests out where they are errors of nothing (a replay that reads the stream
    needs them not); errors, and answers of queries, are always delivered.
    """

    __slots__ = (
        "_arrivals", "_deliveries", "_half", "_latency_us", "_sequence", "_timeline", "_timeline_at", "account_id",
        "exchange", "faults", "stream_only", "timeout_us",
    )  # fmt: skip

    def __init__(
        self,
        exchange: Exchange,
        account_id: AccountId,
        latency_us: int = 0,
        faults: FaultPlan | None = None,
        *,
        stream_only: bool = False,
        timeout_us: int = TIMEOUT_US_DEFAULT,
    ) -> None:
        if latency_us < 0 or timeout_us < 0:
            raise ValueError("times are not negative")
        self.exchange = exchange
        self.account_id = account_id
        self.faults = faults
        self.stream_only = stream_only
        self.timeout_us = timeout_us
        self._latency_us = latency_us
        self._half = latency_us // 2
        self._arrivals: list[tuple[Time, int, _Sent]] = []
        self._deliveries: list[tuple[Time, int, Delivery]] = []
        self._sequence = 0
        self._timeline = _timeline(faults)
        self._timeline_at = 0

    # -- the client's side ---------------------------------------------------------------------------------------

    def send(self, request_id: RequestId, request: Request, now: Time) -> None:
        """Put a request on the wire; what becomes of it is delivered under this id."""
        fault = None
        if self.faults is not None:
            fault = self.faults.for_request(self.account_id, type(request).__name__, _own_id(request))
        self._put(request_id, request, fault, now)

    def query(self, request_id: RequestId, query: Query, now: Time) -> None:
        """Put a query on the wire; it is answered as of its arrival."""
        fault = None
        if self.faults is not None:
            fault = self.faults.for_request(self.account_id, QUERY, "")
        self._put(request_id, query, fault, now)

    def _put(
        self, request_id: RequestId, what: Request | Query, fault: RequestFault | None, now: Time
    ) -> None:
        if fault is not None and fault.outcome is Outcome.LOST:
            self._deliver(now + self.timeout_us, DeliveryKind.TIMEOUT, request_id, None)
            return
        arrival = now + self._latency_us - self._half + (0 if fault is None else fault.delay_us)
        self._sequence += 1
        heappush(self._arrivals, (arrival, self._sequence, _Sent(request_id, what, fault)))

    def next_time(self) -> Time | None:
        """When something happens next on this link: an arrival there or here; None: nothing is under way."""
        due = self._arrivals[0][0] if self._arrivals else None
        if self._deliveries and (due is None or self._deliveries[0][0] < due):
            due = self._deliveries[0][0]
        if self._timeline_at < len(self._timeline):
            change = self._timeline[self._timeline_at][0]
            if due is None or change < due:
                due = change
        return due

    def advance(self, now: Time) -> list[Delivery]:
        """Carry out what has arrived by now, and give what reaches the client by now, in order."""
        timeline = self._timeline
        if not timeline and not self._arrivals:
            return self.receive(now)
        while True:
            arrival = self._arrivals[0][0] if self._arrivals else None
            change = timeline[self._timeline_at][0] if self._timeline_at < len(timeline) else None
            if change is not None and change <= now and (arrival is None or change <= arrival):
                self._change()
            elif arrival is not None and arrival <= now:
                self._arrive()
            else:
                break
        return self.receive(now)

    def next_arrival(self) -> Time | None:
        """When the next request reaches the exchange, for drivers that interleave several links."""
        return self._arrivals[0][0] if self._arrivals else None

    def receive(self, now: Time) -> list[Delivery]:
        """Take what reaches the client by now, in order, without carrying out anything."""
        deliveries = self._deliveries
        received: list[Delivery] = []
        while deliveries and deliveries[0][0] <= now:
            received.append(heappop(deliveries)[2])
        return received

    # -- the exchange's side -------------------------------------------------------------------------------------

    def collect(self, now: Time) -> None:
        """Take up the account's events since the last time: call it after each market event."""
        events = self.exchange.drain_account(self.account_id)
        if not events:
            return
        faults, half = self.faults, self._half
        if faults is not None:
            for event in events:
                self._deliver_faulty(faults, event, event.time + half)
            return
        deliveries, sequence = self._deliveries, self._sequence
        for event in events:
            time = event.time + half
            sequence += 1
            heappush(deliveries, (time, sequence, Delivery(time, _EVENT, None, event)))
        self._sequence = sequence

    def _deliver_faulty(self, faults: FaultPlan, event: ExchangeEvent, time: Time) -> None:
        if faults.loses_events(event.time):
            return
        fault = faults.for_event(self.account_id, type(event).__name__)
        if fault is None:
            self._deliver(time, DeliveryKind.EVENT, None, event)
        elif fault.outcome is EventOutcome.DELAYED:
            self._deliver(time + fault.delay_us, DeliveryKind.EVENT, None, event)
        elif fault.outcome is EventOutcome.DUPLICATED:
            self._deliver(time, DeliveryKind.EVENT, None, event)
            self._deliver(time + fault.delay_us, DeliveryKind.EVENT, None, event)

    def _arrive(self) -> None:
        time, _, sent = heappop(self._arrivals)
        fault = sent.fault
        if fault is not None and fault.outcome is Outcome.REFUSED:
            failure = Failure(fault.code, fault.text, fault.status)
            self._deliver(time + self._half, DeliveryKind.ERROR, sent.request_id, failure)
            return
        kind, payload = self._carry_out(sent.what, time)
        if fault is not None and fault.outcome is Outcome.ANSWER_LOST:
            sent_at = time - self._latency_us + self._half
            self._deliver(sent_at + self.timeout_us, DeliveryKind.TIMEOUT, sent.request_id, None)
        elif fault is not None and fault.outcome is Outcome.MASKED:
            failure = Failure(fault.code, fault.text, fault.status)
            self._deliver(time + self._half, DeliveryKind.ERROR, sent.request_id, failure)
        elif kind is not None:
            self._deliver(time + self._half, kind, sent.request_id, payload)
        self.collect(time)

    def _carry_out(self, what: Request | Query, time: Time) -> tuple[DeliveryKind | None, Payload]:
        exchange, account_id = self.exchange, self.account_id
        try:
            if type(what) not in _REQUESTS:
                return DeliveryKind.RESPONSE, exchange.ask(account_id, what)  # type: ignore[arg-type]
            if self.stream_only:
                exchange.submit(account_id, what, time)  # type: ignore[arg-type]
                return None, None
            return DeliveryKind.RESPONSE, exchange.execute(account_id, what, time)  # type: ignore[arg-type]
        except ExchangeError as error:
            return DeliveryKind.ERROR, Failure(error.code, error.message, error.http_status, error.data)

    def _change(self) -> None:
        """The next scheduled change: a stream that goes or comes back, a symbol's trading phase."""
        time, connected, symbol, status = self._timeline[self._timeline_at]
        self._timeline_at += 1
        if symbol is not None and status is not None:
            self.exchange.set_status(symbol, status, time)
            self.collect(time)
        else:
            self._deliver(time + self._half, DeliveryKind.STREAM_STATE, None, connected)

    def _deliver(
        self, time: Time, kind: DeliveryKind, request_id: RequestId | None, payload: Payload
    ) -> None:
        self._sequence += 1
        heappush(self._deliveries, (time, self._sequence, Delivery(time, kind, request_id, payload)))

    # -- snapshots -----------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """What is under way, and how far the fault plan is; the exchange is dumped by itself."""
        return _ENCODER.encode(
            _LinkDump(
                VERSION,
                self._sequence,
                self._timeline_at,
                [(time, number, _pack(sent)) for time, number, sent in sorted(self._arrivals, key=_order)],
                sorted(self._deliveries, key=_order),
                self.faults,
            )
        )

    def load(self, data: bytes) -> None:
        """Take up what a dump of a link with the same parameters had under way."""
        try:
            dumped = _DECODER.decode(data)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not a link's dump: {error}") from error
        if dumped.version != VERSION:
            raise ValueError(f"version {dumped.version}; this code reads {VERSION}")
        self._sequence = dumped.sequence
        self._arrivals = [(time, number, _unpack(packed)) for time, number, packed in dumped.arrivals]
        self._deliveries = list(dumped.deliveries)
        self.faults = dumped.faults
        self._timeline = _timeline(self.faults)
        self._timeline_at = dumped.timeline_at


def advance_together(links: Sequence[Link], now: Time) -> list[tuple[Link, Delivery]]:
    """Advance several clients of one exchange: requests are carried out in order of arrival over all of them."""
    while True:
        due = [(time, index) for index, link in enumerate(links) if (time := link.next_arrival()) is not None]
        if not due or min(due)[0] > now:
            break
        time, index = min(due)
        first = links[index]
        first._arrive()
        for link in links:
            link.collect(time)
    return [(link, delivery) for link in links for delivery in link.advance(now)]


def _own_id(request: Request) -> ClientOrderId:
    if isinstance(request, OrderRequest):
        return request.client_order_id
    if isinstance(request, OrderListRequest):
        return request.list_client_order_id
    if isinstance(request, CancelReplaceRequest):
        return request.order.client_order_id
    if isinstance(request, CancelRequest | CancelListRequest):
        return request.cancel_client_order_id or ""
    return ""


_Change = tuple[Time, bool, Symbol | None, SymbolStatus | None]


def _timeline(faults: FaultPlan | None) -> list[_Change]:
    """Scheduled changes of a plan in order of time."""
    if faults is None:
        return []
    changes: list[_Change] = []
    for outage in faults.outages:
        if not outage.is_mute:
            changes += [(outage.start, False, None, None), (outage.end, True, None, None)]
    for window in faults.maintenance:
        changes.append((window.start, False, window.symbol, window.status))
        changes.append((window.end, True, window.symbol, SymbolStatus.TRADING))
    return sorted(changes, key=lambda change: change[0])


# -- written down ------------------------------------------------------------------------------------------------


class _Packed(msgspec.Struct, array_like=True, gc=False):
    request_id: RequestId
    kind: str
    body: bytes
    fault: RequestFault | None


class _LinkDump(msgspec.Struct, array_like=True, gc=False):
    version: int
    sequence: int
    timeline_at: int
    arrivals: list[tuple[Time, int, _Packed]]
    deliveries: list[tuple[Time, int, Delivery]]
    faults: FaultPlan | None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_LinkDump)
_QUERY_DECODER = msgspec.msgpack.Decoder(Query)


def _order(entry: tuple[Time, int, object]) -> tuple[Time, int]:
    return entry[:2]


def _pack(sent: _Sent) -> _Packed:
    name = type(sent.what).__name__
    kind = name if name in _KINDS else QUERY
    return _Packed(sent.request_id, kind, _ENCODER.encode(sent.what), sent.fault)


def _unpack(packed: _Packed) -> _Sent:
    if packed.kind == QUERY:
        return _Sent(packed.request_id, _QUERY_DECODER.decode(packed.body), packed.fault)
    what: Request = msgspec.msgpack.decode(packed.body, type=_KINDS[packed.kind])
    return _Sent(packed.request_id, what, packed.fault)
