"""How one account asks the in-process exchange over its link, and what the deliveries mean to the core.

Shared by replay (virtual time) and paper trading (live time): they differ in how they wait, not in what is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
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
from fillwright.core.types import MILLISECOND, ZERO, AccountId, ErrorClass, Time
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.link import Delivery, DeliveryKind, Failure, Link
from fillwright.exchange.messages import ExchangeError, OrderView
from fillwright.exchange.queries import LIMIT_MAX, AccountQuery, OrderQuery
from fillwright.venues.in_process import (
    balances,
    from_error,
    from_event,
    from_response,
    from_trades,
    from_view,
    timed_out,
)

Asked = Send | QueryOrder | FetchSnapshot
"""What goes over the link."""
READ_AGAIN: Time = 500 * MILLISECOND
"""A read that failed is read again after this long: a venue in trouble is not hammered."""
ABSENT = -2013
_EVENT = DeliveryKind.EVENT
_RESPONSE = DeliveryKind.RESPONSE


def put(link: Link, number: int, effect: Asked, now: Time) -> None:
    """Put an effect on the wire; what becomes of it is delivered under this number."""
    if isinstance(effect, Send):
        link.send(number, effect.request, now)
    elif isinstance(effect, QueryOrder):
        query = OrderQuery(
            symbol=effect.symbol,
            order_id=effect.order_id,
            client_order_id=None if effect.order_id else effect.client_order_id,
        )
        link.query(number, query, now)
    else:
        link.query(number, AccountQuery(), now)


def news(delivery: Delivery) -> Input | None:
    """What the stream says; None for what the core does not need."""
    if delivery.kind is _EVENT:
        return from_event(delivery.payload)  # type: ignore[arg-type]
    assert delivery.kind is DeliveryKind.STREAM_STATE
    return StreamChanged(bool(delivery.payload), "link")


class Answers:
    """Turns what the exchange answers to one account into inputs."""

    __slots__ = ("account_id", "exchange")

    def __init__(self, exchange: Exchange, account_id: AccountId) -> None:
        self.exchange = exchange
        self.account_id = account_id

    def inputs(self, asked: Asked, delivery: Delivery, now: Time) -> Sequence[Input] | None:
        """The inputs of an answer; None: a read failed, it is to be done again (after ``READ_AGAIN``)."""
        kind, payload = delivery.kind, delivery.payload
        if isinstance(asked, Send):
            return _of_request(asked, kind, payload)
        if kind is not _RESPONSE and not _says_absent(payload):
            return None
        if isinstance(asked, QueryOrder):
            return (self._about(asked, payload),)
        return (self._snapshot(asked, now),)

    def instruments(self, effect: FetchInstruments) -> UpdateInstruments:
        """Symbols as the exchange describes them now; those that it does not have are left out."""
        exchange = self.exchange
        known = exchange.symbols
        return UpdateInstruments(
            tuple([exchange.instrument(symbol) for symbol in effect.symbols if symbol in known])
        )

    def _about(self, asked: QueryOrder, payload: object) -> Input:
        if isinstance(payload, OrderView):
            return self._report(payload)
        return OrderAbsent(symbol=asked.symbol, client_order_id=asked.client_order_id)

    def _report(self, view: OrderView) -> OrderReport:
        fills: tuple[FillReport, ...] = ()
        if view.executed_quantity != ZERO:
            fills = self._fills(view)
        return from_view(view, fills, "query")

    def _fills(self, view: OrderView) -> tuple[FillReport, ...]:
        """All fills of an order, page by page."""
        fills: list[FillReport] = []
        first = 0
        while True:
            page = self.exchange.trades(self.account_id, view.symbol, view.order_id, first, LIMIT_MAX)
            fills += from_trades(page)
            if len(page) < LIMIT_MAX:
                return tuple(fills)
            first = page[-1].trade_id + 1

    def _snapshot(self, asked: FetchSnapshot, now: Time) -> VenueSnapshot:
        exchange, account_id = self.exchange, self.account_id
        reports = [self._report(view) for view in exchange.open_orders(account_id, asked.symbol)]
        seen = {report.client_order_id for report in reports}
        absent = []
        for name in asked.client_order_ids:
            if name in seen:
                continue
            view = exchange.named(account_id, name)
            if view is None or asked.symbol not in (None, view.symbol):
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


def _of_request(asked: Send, kind: DeliveryKind, payload: object) -> Sequence[Input]:
    if kind is _RESPONSE:
        return from_response(payload)  # type: ignore[arg-type]
    if kind is DeliveryKind.TIMEOUT:
        return (timed_out(asked.request),)
    assert isinstance(payload, Failure)
    if payload.code is None:
        unreadable = RequestFailed(
            request=asked.request,
            error_class=ErrorClass.RATE if payload.http_status in (403, 418, 429) else ErrorClass.UNKNOWN,
            code=payload.http_status,
            message=payload.text,
        )
        return (unreadable,)
    error = ExchangeError(payload.code, payload.text, payload.http_status, payload.data)
    return (from_error(asked.request, error),)


def _says_absent(payload: object) -> bool:
    return isinstance(payload, Failure) and payload.code == ABSENT
