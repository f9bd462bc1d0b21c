"""The desk: every request passes it, by REST or by the WebSocket API, and is answered here.

In this order: limits, time unit, API key's form, parameters, weight, timestamp, key, signature, permission, fault plan;
then the operation's handler. What the exchange says about it is handed on (``Box.perform``) before the answer goes out.
An exception that nobody expected is logged, counted in ``internal_errors``, and answered with -1000 (HTTP 500).
Sources: Binance Spot REST "General API Information", "HTTP Return Codes", "Request Security"; WebSocket API "Response
format".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fillwright.core.types import Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.fault_plan import CallFault, Cut
from fillwright.exchange.server.faulting import Faulting
from fillwright.exchange.server.keys import ApiKey, is_well_formed
from fillwright.exchange.server.ledger import own_id
from fillwright.exchange.server.limits import RateLimited, Visitor
from fillwright.exchange.server.operations import ApiSession, Call, Operation
from fillwright.exchange.server.parameters import Parsed, Parser, is_encoded
from fillwright.exchange.server.replies import (
    Pending,
    Reply,
    encode,
    error_reply,
    html,
    websocket_message,
)
from fillwright.wire.errors import message

AHEAD_MAX: Time = 1_000_000
"""A timestamp this far ahead of the server's time is refused."""
SCANNED_BYTES_MAX = 4_096
"""How far into a query or a body the firewall looks."""
GONE_PATH = "/api/v3/userDataStream"
"""Removed on 2026-02-20; the proxy in front of the API answers for it."""

_MICROSECONDS = {
    None: False,
    "MILLISECOND": False,
    "millisecond": False,
    "MICROSECOND": True,
    "microsecond": True,
}
_ORDER_COUNT = -1015
_BANNED = 418
_API_SESSIONS = "api"
"""The kind of connections that a ban ends; market streams go on."""
_sql = re.compile(
    rb"(?i)(?:%20|\+|%27|')(?:union(?:%20|\+)+(?:all(?:%20|\+)+)?select|or(?:%20|\+)+1(?:%3d|=)1)"
    rb"|(?:select|delete)(?:%20|\+)[^&]{0,100}(?:%20|\+)from(?:%20|\+)|drop(?:%20|\+)+table|insert(?:%20|\+)+into"
).search


class _Route:
    """An operation, ready to be asked."""

    __slots__ = ("is_signed", "operation", "parser", "weight")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.is_signed = operation.is_signed
        self.parser = Parser(operation)
        self.weight = operation.weight if isinstance(operation.weight, int) else None
        """None: it depends on the parameters."""


class Desk:
    """Answers requests.

    Attributes:
        internal_errors: answers of -1000, each a bug of ours; the log has their tracebacks.
    """

    def __init__(self, box: Box, operations: Iterable[Operation]) -> None:
        self.internal_errors = 0
        self._box = box
        self._log = logging.getLogger(__name__)
        self._routes: dict[str, dict[str, _Route]] = {}
        self._names: dict[str, _Route] = {}
        self._operations = tuple(operations)
        for operation in self._operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        route = _Route(operation)
        if operation.path:
            methods = self._routes.setdefault(operation.path, {})
            if operation.method in methods:
                raise ValueError(f"{operation.method} {operation.path} is served twice")
            methods[operation.method] = route
        if operation.has_websocket:
            if operation.name in self._names:
                raise ValueError(f"{operation.name} is served twice")
            self._names[operation.name] = route

    def can_meet(self, fault: CallFault) -> bool:
        """Whether there is an operation that a fault is for."""
        return any(fault.is_of(one.name, one.security.value) for one in self._operations)

    # -- REST ----------------------------------------------------------------------------------------------------

    def serve_rest(
        self, method: str, path: str, query: bytes, headers: Mapping[str, str], body: bytes, ip: str
    ) -> Reply | Pending:
        """Answer one HTTP request; names of headers are in lower case. ``body`` is a form, or empty."""
        methods = self._routes.get(path)
        route = None if methods is None else methods.get(method)
        if route is None:
            return self._nowhere(methods, path, headers, ip)
        box = self._box
        call = Call(box, route.operation, {}, box.now)
        visitor: Visitor | None = None
        try:
            now = call.now = box.tick()
            visitor = box.limits.enter(ip, now)
            if b"%" in query or b"%" in body or b"+" in query or b"+" in body:
                if _sql(query, 0, SCANNED_BYTES_MAX) or _sql(body, 0, SCANNED_BYTES_MAX):
                    return html(403, "Forbidden")
            unit = headers.get("x-mbx-time-unit")
            if unit is not None:
                call.microseconds = _time_unit(unit)
            reply = self._checked_rest(call, route, visitor, query, headers, body, ip)
        except ExchangeError as error:
            reply = self._refused(call, error)
            if error.http_status == _BANNED and box.sockets is not None:
                box.sockets.disconnect_ip(ip, _API_SESSIONS)
        except Exception as error:  # noqa: BLE001 - a bug of ours: logged, counted, answered
            reply = self._failed(call, error)
        if isinstance(reply, Pending):
            return reply.map(lambda late: self._finish_rest(call, visitor, late))
        return self._finish_rest(call, visitor, reply)

    def _checked_rest(
        self,
        call: Call,
        route: _Route,
        visitor: Visitor,
        query: bytes,
        headers: Mapping[str, str],
        body: bytes,
        ip: str,
    ) -> Reply | Pending:
        box = self._box
        weight = route.weight
        if weight is not None:
            box.limits.charge(visitor, weight, box.now)
        if not route.is_signed:
            call.parameters = route.parser.rest(query, body).values
            if weight is None:
                weight = self._weigh(call, visitor)
            if route.operation.is_key_enough:
                self._identify(call, headers.get("x-mbx-apikey", ""), ip)
            return self._serve(call, None, visitor, weight)
        api_key = headers.get("x-mbx-apikey", "")
        key = box.keys.get(api_key)
        if key is None and not is_well_formed(api_key):
            raise ExchangeError(-2014, message(-2014), 401)
        parsed = route.parser.rest(query, body)
        call.parameters = parsed.values
        if weight is None:
            weight = self._weigh(call, visitor)
        if not is_encoded(parsed.payload):
            raise ExchangeError(-1022, message(-1022))
        self._admit(call, parsed, key, ip)
        return self._serve(call, parsed, visitor, weight)

    def _finish_rest(self, call: Call, visitor: Visitor | None, reply: Reply) -> Reply:
        if visitor is None:
            return reply
        limits = self._box.limits
        reply.headers += limits.weight_headers(visitor)
        if reply.status == 200 and call.operation.shows_order_counts:
            reply.headers += limits.order_headers(self._box.exchange.order_counts(call.account_id))
        return reply

    def _nowhere(
        self, methods: Mapping[str, object] | None, path: str, headers: Mapping[str, str], ip: str
    ) -> Reply:
        """What is answered where nothing is served."""
        box = self._box
        box.tick()
        try:
            box.limits.enter(ip, box.now)
        except RateLimited as error:
            return error_reply(error, box.now)
        if path == GONE_PATH:
            return html(410, "Gone")
        status, reason = (404, "Not Found") if methods is None else (405, "Method Not Allowed")
        allow = "" if methods is None else f"allow: {', '.join(methods)}\r\n"
        if "text/html" in headers.get("accept", ""):
            return html(status, reason, allow)
        return Reply(status, b"", allow)

    # -- the WebSocket API -----------------------------------------------------------------------------------------

    def serve_websocket(self, session: ApiSession, request: Mapping[str, Any]) -> bytes | None:
        """Answer a request with ``id``, ``method``, ``params`` of the right types; None: nothing, or later.

        Numbers with a point are texts (``parameters.decode_request``).
        """
        identity = encode(request.get("id"))
        params: Mapping[str, Any] = request.get("params") or {}
        shows = params.get("returnRateLimits", session.shows_rate_limits) is not False
        box = self._box
        visitor = box.limits.visitor(session.ip)
        route = self._names.get(request["method"].removeprefix("v3/"))
        if route is None:
            error = ExchangeError(-1020, message(-1020))
            used = box.limits.used(visitor, box.now) if shows else ""
            return websocket_message(identity, error_reply(error), used)
        call = Call(box, route.operation, {}, box.now, session=session, microseconds=session.microseconds)

        def finish(reply: Reply) -> bytes | None:
            if reply.cut is not None:
                if reply.cut is Cut.CLOSE:
                    session.abort()
                return None
            used = self._used(call, visitor) if shows else ""
            return websocket_message(identity, reply, used)

        try:
            box.limits.check_ban(visitor, box.now)
            reply = self._checked_websocket(call, route, visitor, session, params)
        except ExchangeError as error:
            reply = self._refused(call, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: logged, counted, answered
            reply = self._failed(call, error)
        if isinstance(reply, Pending):
            reply.then(lambda late: _send_late(session, finish(late)))
            return None
        return finish(reply)

    def _checked_websocket(
        self, call: Call, route: _Route, visitor: Visitor, session: ApiSession, params: Mapping[str, Any]
    ) -> Reply | Pending:
        box = self._box
        weight = route.weight
        if weight is not None:
            box.limits.charge(visitor, weight, box.now)
        is_logged_on = session.key is not None and not route.operation.demands_signature
        parsed = route.parser.websocket(params, is_logged_on=is_logged_on)
        call.parameters = parsed.values
        if weight is None:
            weight = self._weigh(call, visitor)
        if not route.is_signed:
            if route.operation.is_key_enough:
                own = "" if session.key is None else session.key.api_key
                self._identify(call, parsed.values.get("apiKey", own), session.ip)
            return self._serve(call, None, visitor, weight)
        key = session.key if parsed.api_key is None else box.keys.get(parsed.api_key)
        if key is None and not is_well_formed(parsed.api_key or ""):
            raise ExchangeError(-2014, message(-2014), 401)
        self._admit(call, parsed, key, session.ip)
        return self._serve(call, parsed, visitor, weight)

    def _used(self, call: Call, visitor: Visitor) -> str:
        box = self._box
        if call.account_id and call.operation.shows_order_counts:
            counts = box.exchange.order_counts(call.account_id)
            return box.limits.used(visitor, box.now, counts)
        return box.limits.used(visitor, box.now)

    # -- both ------------------------------------------------------------------------------------------------------

    def _weigh(self, call: Call, visitor: Visitor) -> int:
        """Take the weight that depends on the parameters."""
        weigh = call.operation.weight
        weight = weigh if isinstance(weigh, int) else weigh(call)
        self._box.limits.charge(visitor, weight, call.now)
        return weight

    def _admit(self, call: Call, parsed: Parsed, key: ApiKey | None, ip: str) -> None:
        """Refuse a request that is late or early, or that nobody may send; note who sent it."""
        box = self._box
        self.check_time(parsed, box.now)
        if key is None:
            raise ExchangeError(-2015, message(-2015), 401)
        signature = parsed.signature
        if signature is not None and not box.keys.verify(key, parsed.payload, signature):
            raise ExchangeError(-1022, message(-1022))
        if not key.allows(call.operation.security, ip):
            raise ExchangeError(-2015, message(-2015), 401)
        call.key = key
        call.account_id = key.account_id

    def _identify(self, call: Call, api_key: str, ip: str) -> None:
        """Note whose key it is, where a key is enough; refuse a caller without one."""
        key = self._box.keys.get(api_key)
        if key is None and not is_well_formed(api_key):
            raise ExchangeError(-2014, message(-2014), 401)
        if key is None or not key.allows(call.operation.security, ip):
            raise ExchangeError(-2015, message(-2015), 401)
        call.key = key
        call.account_id = key.account_id

    def check_time(self, parsed: Parsed, now: Time) -> None:
        """Refuse a timestamp that is too far ahead, or older than its recvWindow (-1021)."""
        box = self._box
        if not box.settings.clock.check_timestamps:
            return
        served = box.clock.served(now)
        if parsed.timestamp >= served + AHEAD_MAX:
            raise ExchangeError(-1021, message(-1021, index=1))
        if served - parsed.timestamp > parsed.recv_window:
            raise ExchangeError(-1021, message(-1021))

    def _serve(self, call: Call, parsed: Parsed | None, visitor: Visitor, weight: int) -> Reply | Pending:
        """Carry out a call that may be, unless the fault plan has other ideas."""
        box = self._box
        if box.faults.has_calls:
            operation = call.operation
            fault = box.faults.for_call(
                operation.name, operation.security.value, call.account_id, own_id(call)
            )
            if fault is not None:
                return self._faulted(call, parsed, visitor, weight, fault)
        reply = self._carry_out(call, visitor, weight)
        box.answered(call, reply.status, reply.code)
        return reply

    def _carry_out(self, call: Call, visitor: Visitor, weight: int) -> Reply:
        box = self._box
        try:
            body = encode(call.perform())
        except ExchangeError as error:
            return self._error(call, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: logged, counted, answered
            return self._bug(call, error)
        if call.operation.is_free_on_success and weight:
            box.limits.give_back(visitor, weight, box.now)
        return Reply(200, body)

    def _faulted(
        self, call: Call, parsed: Parsed | None, visitor: Visitor, weight: int, fault: CallFault
    ) -> Reply | Pending:
        def carry_out() -> Reply:
            try:
                if parsed is not None and fault.delay_us:
                    self.check_time(parsed, self._box.now)
            except ExchangeError as error:
                return self._error(call, error)
            return self._carry_out(call, visitor, weight)

        return Faulting(self._box, call, fault, carry_out).begin()

    # -- errors ------------------------------------------------------------------------------------------------------

    def _refused(self, call: Call, error: ExchangeError) -> Reply:
        reply = self._error(call, error)
        self._box.answered(call, reply.status, reply.code)
        return reply

    def _error(self, call: Call, error: ExchangeError) -> Reply:
        retry_at = self._counts_end(call) if error.code == _ORDER_COUNT else None
        return error_reply(error, self._box.now, retry_at)

    def _counts_end(self, call: Call) -> Time:
        """When the order counts that are full begin anew."""
        counts = self._box.exchange.order_counts(call.account_id)
        full = [one.interval_us for one in counts if one.count >= one.limit]
        now = self._box.now
        return max([now - now % interval + interval for interval in full], default=now)

    def _failed(self, call: Call, error: Exception) -> Reply:
        reply = self._bug(call, error)
        self._box.answered(call, reply.status, reply.code)
        return reply

    def failed(self, what: str, error: Exception) -> None:
        """Count and log a bug of ours."""
        self.internal_errors += 1
        self._log.error("%s could not be answered", what, exc_info=error)

    def _bug(self, call: Call, error: Exception) -> Reply:
        self.failed(call.operation.name, error)
        return error_reply(ExchangeError(-1000, message(-1000), 500))


def _time_unit(text: str) -> bool:
    """Whether a caller wants microseconds; -1194 for a unit that is none."""
    unit = _MICROSECONDS.get(text)
    if unit is None:
        raise ExchangeError(-1194, message(-1194))
    return unit


def _send_late(session: ApiSession, answer: bytes | None) -> None:
    if answer is not None:
        session.send(answer)
