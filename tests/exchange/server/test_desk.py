from __future__ import annotations

import hmac
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from fillwright.core.types import DAY, MINUTE, SECOND
from fillwright.exchange.faults import Outcome
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.fault_plan import CallFault
from fillwright.exchange.server.keys import ApiKey, KeyKind
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.replies import Pending, Reply
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.settings import ClockSettings, LimitSettings
from fillwright.exchange.settings import ExchangeSettings, OrderCountLimit
from tests.exchange.server.boxes import API_KEY, SECRET, START, frozen_box, limit_order

IP = "127.0.0.1"
NOW_MS = START // 1000
SYMBOL = Parameter("symbol", Kind.SYMBOL, required=True)
READ_ONLY = "r" * 64


def _place(call: Call) -> dict[str, Any]:
    call.box.exchange.execute(call.account_id, limit_order("40000", client_order_id="a"), call.now)
    return {"transactTime": call.time(call.now), "account": call.account_id}


def _refuse(_call: Call) -> None:
    raise ExchangeError(-2010, "Account has insufficient balance for requested action.")


def _half(_call: Call) -> None:
    data: Any = {"cancelResult": "FAILURE"}
    raise ExchangeError(-2021, "Order cancel-replace partially failed.", 409, data)


def _break(_call: Call) -> None:
    raise RuntimeError("a bug")


OPERATIONS = (
    Operation("ping", "GET", "/api/v3/ping", Security.NONE, (), lambda call: {}),
    Operation("time", "GET", "/api/v3/time", Security.NONE, (), lambda call: {"t": call.time(call.now)}),
    Operation(
        "depth",
        "GET",
        "/api/v3/depth",
        Security.NONE,
        (SYMBOL, Parameter("limit", Kind.INTEGER)),
        lambda call: call.parameters,
        weight=lambda call: 50 if call.parameters.get("limit", 100) > 100 else 5,
    ),
    Operation(
        "order.place",
        "POST",
        "/api/v3/order",
        Security.TRADE,
        (Parameter("newClientOrderId", Kind.CLIENT_ID),),
        _place,
        weight=4,
        is_free_on_success=True,
        shows_order_counts=True,
    ),
    Operation("order.status", "GET", "/api/v3/order", Security.USER_DATA, (), lambda call: {}, weight=4),
    Operation("refuse", "DELETE", "/api/v3/order", Security.TRADE, (), _refuse, is_free_on_success=True),
    Operation("half", "POST", "/api/v3/half", Security.TRADE, (), _half),
    Operation("break", "GET", "/api/v3/break", Security.NONE, (), _break),
)


class Session:
    """A connection to the WebSocket API, as the desk sees it."""

    def __init__(self) -> None:
        self.ip = IP
        self.microseconds = False
        self.key: ApiKey | None = None
        self.shows_rate_limits = True
        self.sent: list[bytes] = []
        self.is_aborted = False

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def abort(self) -> None:
        self.is_aborted = True


def _desk(**changes: Any) -> tuple[Desk, Box]:
    box = frozen_box(**changes)
    box.keys.add(ApiKey(READ_ONLY, "main", KeyKind.HMAC, SECRET, (Security.USER_DATA,)))
    return Desk(box, OPERATIONS), box


def _sign(text: str) -> str:
    signature = hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()
    return f"{text}&signature={signature}"


def _now(reply: Reply | Pending) -> Reply:
    assert isinstance(reply, Reply)
    return reply


def _rest(
    desk: Desk, method: str, path: str, query: str = "", body: str = "", **headers: str
) -> tuple[int, Any, Reply]:
    named = {"x-mbx-apikey": API_KEY, **{name.replace("_", "-"): text for name, text in headers.items()}}
    reply = _now(desk.serve_rest(method, path, query.encode(), named, body.encode(), IP))
    is_json = reply.content_type.startswith("application/json") and reply.body
    return reply.status, msgspec.json.decode(reply.body) if is_json else reply.body, reply


def _headers(reply: Reply) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in reply.headers.splitlines())


def _error(code: int, text: str) -> dict[str, Any]:
    return {"code": code, "msg": text}


# -- what is served ----------------------------------------------------------------------------------------------------


def test_a_public_request_is_answered_with_its_weight() -> None:
    desk, _ = _desk()
    assert _rest(desk, "GET", "/api/v3/ping")[:2] == (200, {})
    status, answer, reply = _rest(desk, "GET", "/api/v3/depth", "symbol=BTCUSDT&limit=500")
    assert (status, answer) == (200, {"symbol": "BTCUSDT", "limit": 500})
    assert _headers(reply) == {"x-mbx-used-weight": "51", "x-mbx-used-weight-1m": "51"}


def test_a_signed_request_is_carried_out_and_shows_order_counts() -> None:
    desk, box = _desk()
    status, answer, reply = _rest(desk, "POST", "/api/v3/order", _sign(f"timestamp={NOW_MS}"))
    assert (status, answer) == (200, {"transactTime": NOW_MS, "account": "main"})
    assert _headers(reply) == {
        "x-mbx-used-weight": "0",
        "x-mbx-used-weight-1m": "0",
        "x-mbx-order-count-10s": "1",
        "x-mbx-order-count-1d": "1",
    }
    assert len(box.exchange.open_orders("main")) == 1


def test_the_signature_is_of_query_and_body_as_sent() -> None:
    desk, _ = _desk()
    signature = hmac.digest(SECRET.encode(), f"recvWindow=5000timestamp={NOW_MS}".encode(), "sha256").hex()
    body = f"timestamp={NOW_MS}&signature={signature}"
    assert _rest(desk, "POST", "/api/v3/order", "recvWindow=5000", body)[0] == 200
    assert _rest(desk, "POST", "/api/v3/order", "", _sign(f"timestamp={NOW_MS}"))[1]["code"] == -2010


def test_times_come_in_the_unit_that_was_asked_for() -> None:
    desk, _ = _desk()
    for unit, expected in (("MICROSECOND", START), ("microsecond", START), ("MILLISECOND", NOW_MS)):
        assert _rest(desk, "GET", "/api/v3/time", x_mbx_time_unit=unit)[1] == {"t": expected}
    assert _rest(desk, "GET", "/api/v3/time", x_mbx_time_unit="Micro")[:2] == (
        400,
        _error(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."),
    )


def test_nothing_is_served_twice() -> None:
    with pytest.raises(ValueError, match="served twice"):
        Desk(frozen_box(), (*OPERATIONS, OPERATIONS[0]))


# -- what is not -------------------------------------------------------------------------------------------------------


def test_paths_and_methods_that_there_are_not() -> None:
    desk, _ = _desk()
    assert _rest(desk, "GET", "/api/v3/nothing")[:2] == (404, b"")
    status, page, reply = _rest(desk, "GET", "/api/v3/nothing", accept="text/html,*/*")
    assert (status, reply.content_type) == (404, "text/html")
    assert b"404 Not Found" in page
    status, _, reply = _rest(desk, "PUT", "/api/v3/order")
    assert status == 405
    assert _headers(reply)["allow"] == "POST, GET, DELETE"


def test_listen_keys_are_gone() -> None:
    desk, _ = _desk()
    for method in ("POST", "PUT", "DELETE"):
        status, page, reply = _rest(desk, method, "/api/v3/userDataStream")
        assert (status, reply.content_type) == (410, "text/html")
        assert b"410 Gone" in page


def test_what_looks_like_sql_is_blocked_before_the_api() -> None:
    desk, _ = _desk()
    for text in ("symbol=A%20UNION%20SELECT%201", "symbol=A%27+or+1%3D1", "x=drop%20table%20orders"):
        assert _rest(desk, "GET", "/api/v3/depth", text)[0] == 403
    assert _rest(desk, "GET", "/api/v3/depth", "symbol=%EF%BC%91")[0] == 200


SIGNED = f"timestamp={NOW_MS}"
INVALID_KEY = _error(-2015, "Invalid API-key, IP, or permissions for action.")


@pytest.mark.parametrize(
    ("query", "key", "status", "answer"),
    [
        (_sign(SIGNED), "", 401, _error(-2014, "API-key format invalid.")),
        (_sign(SIGNED), "short", 401, _error(-2014, "API-key format invalid.")),
        (_sign(SIGNED), "u" * 64, 401, INVALID_KEY),
        (_sign(SIGNED), READ_ONLY, 401, INVALID_KEY),
        (SIGNED + "&signature=00", API_KEY, 400, _error(-1022, "Signature for this request is not valid.")),
        (
            SIGNED,
            API_KEY,
            400,
            _error(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."),
        ),
        (
            _sign(f"timestamp={NOW_MS + 1000}"),
            API_KEY,
            400,
            _error(-1021, "Timestamp for this request was 1000ms ahead of the server's time."),
        ),
        (
            _sign(f"timestamp={NOW_MS - 5001}"),
            API_KEY,
            400,
            _error(-1021, "Timestamp for this request is outside of the recvWindow."),
        ),
        (
            _sign(f"timestamp={START - 101}&recvWindow=0.1"),
            API_KEY,
            400,
            _error(-1021, "Timestamp for this request is outside of the recvWindow."),
        ),
        (
            _sign(SIGNED + "&price=1"),
            API_KEY,
            400,
            _error(-1104, "Not all sent parameters were read; read '2' parameter(s) but was sent '3'."),
        ),
        (
            _sign(SIGNED + "&newClientOrderId=[1]"),
            API_KEY,
            400,
            _error(
                -1100,
                "Illegal characters found in parameter 'newClientOrderId'; legal range is "
                "'^[a-zA-Z0-9-_]{1,36}$'.",
            ),
        ),
    ],
)
def test_who_may_not_is_refused(query: str, key: str, status: int, answer: dict[str, Any]) -> None:
    desk, box = _desk()
    assert _rest(desk, "POST", "/api/v3/order", query, x_mbx_apikey=key)[:2] == (status, answer)
    assert box.exchange.open_orders("main") == ()


@pytest.mark.parametrize("stamp", [NOW_MS + 999, NOW_MS - 5000, START + 999_999, START])
def test_timestamps_in_the_window_are_accepted_in_either_unit(stamp: int) -> None:
    desk, _ = _desk()
    assert _rest(desk, "POST", "/api/v3/order", _sign(f"timestamp={stamp}"))[0] == 200


def test_signed_text_that_was_not_percent_encoded_is_refused() -> None:
    box = frozen_box()
    desk = Desk(box, [Operation("x", "POST", "/x", Security.TRADE, (SYMBOL,), lambda call: call.parameters)])
    raw = _sign(f"symbol=１２&timestamp={NOW_MS}")
    assert _rest(desk, "POST", "/x", "", raw)[1]["code"] == -1022
    encoded = _sign(f"symbol={quote('１２')}&timestamp={NOW_MS}")
    assert _rest(desk, "POST", "/x", "", encoded)[:2] == (200, {"symbol": "１２"})


def test_a_skewed_clock_is_the_one_that_timestamps_are_compared_with() -> None:
    desk, box = _desk()
    box.clock.skew_us = -2 * SECOND
    assert _rest(desk, "GET", "/api/v3/order", _sign(SIGNED))[1]["code"] == -1021


def test_timestamps_may_be_let_alone() -> None:
    desk, _ = _desk(clock=ClockSettings(is_frozen=True, start_us=START, check_timestamps=False))
    assert _rest(desk, "GET", "/api/v3/order", _sign("timestamp=1"))[0] == 200


def test_what_the_exchange_refuses_costs_weight_and_keeps_its_data() -> None:
    desk, _ = _desk()
    status, answer, reply = _rest(desk, "DELETE", "/api/v3/order", _sign(SIGNED))
    assert (status, answer["code"]) == (400, -2010)
    assert _headers(reply)["x-mbx-used-weight"] == "1"
    status, answer, _ = _rest(desk, "POST", "/api/v3/half", _sign(SIGNED))
    assert (status, answer["data"]) == (409, {"cancelResult": "FAILURE"})


def test_a_bug_is_answered_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    desk, _ = _desk()
    assert _rest(desk, "GET", "/api/v3/break")[:2] == (
        500,
        _error(-1000, "An unknown error occurred while processing the request."),
    )
    assert desk.internal_errors == 1
    assert "a bug" in caplog.text


def test_a_bug_of_what_is_due_is_answered_as_well() -> None:
    desk, box = _desk()

    def fail(_now: int) -> None:
        raise RuntimeError("a bug")

    box.at(START, fail)
    assert _rest(desk, "GET", "/api/v3/ping")[0] == 500
    assert desk.internal_errors == 1
    assert _rest(desk, "GET", "/api/v3/ping")[0] == 200


# -- limits ------------------------------------------------------------------------------------------------------------


def test_over_the_weight_is_429_then_418_with_retry_after() -> None:
    desk, _ = _desk(limits=LimitSettings(request_weight=1))
    _rest(desk, "GET", "/api/v3/ping")
    status, answer, reply = _rest(desk, "GET", "/api/v3/ping")
    assert (status, answer["code"]) == (429, -1003)
    assert _headers(reply)["retry-after"] == str((MINUTE - START % MINUTE) // SECOND)
    statuses = [_rest(desk, "GET", "/api/v3/ping")[0] for _ in range(11)]
    assert statuses[-1] == 418
    assert _headers(_rest(desk, "GET", "/api/v3/nothing")[2])["retry-after"] == "120"


def test_a_ban_ends_the_connections_to_the_websocket_api_of_its_address() -> None:
    desk, box = _desk()
    ended: list[tuple[str, str]] = []
    sockets: Any = SimpleNamespace(disconnect_ip=lambda ip, kind: ended.append((ip, kind)))
    box.sockets = sockets
    _rest(desk, "GET", "/api/v3/ping")
    box.limits.ban(IP, START + SECOND)
    assert ended == []
    assert _rest(desk, "GET", "/api/v3/ping")[0] == 418
    assert ended == [(IP, "api")]


def test_too_many_orders_come_with_retry_after() -> None:
    counts = (OrderCountLimit(10 * SECOND, 1, "10 SECOND"), OrderCountLimit(DAY, 10, "1 DAY"))
    desk, box = _desk(exchange=ExchangeSettings(order_counts=counts))
    box.clock.step(3 * SECOND)
    query = _sign(f"timestamp={NOW_MS + 3000}")
    assert _rest(desk, "POST", "/api/v3/order", query)[0] == 200
    status, answer, reply = _rest(desk, "POST", "/api/v3/order", query)
    assert (status, answer["code"]) == (429, -1015)
    assert _headers(reply)["retry-after"] == "7"


# -- the WebSocket API -------------------------------------------------------------------------------------------------


def _ask(desk: Desk, session: Session, method: str, **params: Any) -> dict[str, Any]:
    answer = desk.serve_websocket(session, {"id": "x", "method": method, "params": params})
    assert answer is not None
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    assert decoded.pop("id") == "x"
    return decoded


def _signed_params(**params: Any) -> dict[str, Any]:
    params = {"apiKey": API_KEY, "timestamp": NOW_MS, **params}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return params | {"signature": hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()}


def _row(kind: str, interval: str, number: int, limit: int, count: int) -> dict[str, Any]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": limit,
        "count": count,
    }


def test_websocket_answers_come_in_their_envelope() -> None:
    desk, _ = _desk()
    session = Session()
    weight = _row("REQUEST_WEIGHT", "MINUTE", 1, 6000, 1)
    assert _ask(desk, session, "ping") == {"status": 200, "result": {}, "rateLimits": [weight]}
    assert _ask(desk, session, "v3/ping", returnRateLimits=False) == {"status": 200, "result": {}}
    assert _ask(desk, session, "order.place", **_signed_params()) == {
        "status": 200,
        "result": {"transactTime": NOW_MS, "account": "main"},
        "rateLimits": [
            _row("ORDERS", "SECOND", 10, 100, 1),
            _row("ORDERS", "DAY", 1, 200_000, 1),
            weight | {"count": 2},
        ],
    }


def test_websocket_errors_come_in_theirs() -> None:
    desk, _ = _desk()
    session = Session()
    session.shows_rate_limits = False
    assert _ask(desk, session, "nothing") == {
        "status": 400,
        "error": _error(-1020, "This operation is not supported."),
    }
    assert _ask(desk, session, "order.place", **_signed_params() | {"signature": "00"}) == {
        "status": 400,
        "error": _error(-1022, "Signature for this request is not valid."),
    }
    unknown = _signed_params() | {"apiKey": "u" * 64}
    assert _ask(desk, session, "order.place", **unknown) == {"status": 401, "error": INVALID_KEY}
    malformed = _signed_params() | {"apiKey": "short"}
    assert _ask(desk, session, "order.place", **malformed)["error"]["code"] == -2014
    assert _ask(desk, session, "half", **_signed_params())["status"] == 409
    assert _ask(desk, session, "break")["error"]["code"] == -1000


def test_who_is_logged_on_sends_a_timestamp_only() -> None:
    desk, box = _desk()
    session = Session()
    session.key = box.keys.get(API_KEY)
    session.microseconds = True
    assert _ask(desk, session, "order.place", timestamp=NOW_MS)["result"]["transactTime"] == START
    session.key = box.keys.get(READ_ONLY)
    assert _ask(desk, session, "order.place", timestamp=NOW_MS)["error"] == INVALID_KEY
    assert _ask(desk, session, "half", **_signed_params())["status"] == 409


def test_websocket_limits_say_when_to_come_back() -> None:
    desk, box = _desk(limits=LimitSettings(request_weight=1))
    session = Session()
    _ask(desk, session, "ping")
    answer = _ask(desk, session, "ping")
    minute = START - START % MINUTE + MINUTE
    assert answer["status"] == 429
    assert answer["error"]["data"] == {"serverTime": NOW_MS, "retryAfter": minute // 1000}
    box.limits.ban(IP, START + SECOND)
    assert _ask(desk, session, "ping")["status"] == 418


# -- faults ------------------------------------------------------------------------------------------------------------


def _faulted(change: Callable[[], CallFault]) -> tuple[Desk, Box]:
    desk, box = _desk()
    box.faults.install(change())
    return desk, box


def test_a_fault_hits_what_has_passed_the_checks_only() -> None:
    desk, _ = _faulted(lambda: CallFault(outcome=Outcome.REFUSED, code=-1007, endpoint="order.place"))
    assert _rest(desk, "POST", "/api/v3/order", SIGNED + "&signature=00")[1]["code"] == -1022
    assert _rest(desk, "POST", "/api/v3/order", _sign(SIGNED))[1]["code"] == -1007
    assert _rest(desk, "POST", "/api/v3/order", _sign(SIGNED))[0] == 200


def test_a_late_request_is_judged_by_its_window_again() -> None:
    desk, box = _faulted(lambda: CallFault(outcome=Outcome.DELAYED, delay_us=6 * SECOND, times=2))
    answers: list[Reply] = []
    for text in (SIGNED, SIGNED + "&recvWindow=7000"):
        pending = desk.serve_rest(
            "POST", "/api/v3/order", _sign(text).encode(), {"x-mbx-apikey": API_KEY}, b"", IP
        )
        assert isinstance(pending, Pending)
        pending.then(answers.append)
    assert answers == []
    box.clock.step(6 * SECOND)
    box.tick()
    assert [one.status for one in answers] == [400, 200]
    assert "x-mbx-used-weight" in answers[1].headers
    assert box.exchange.order("main", "BTCUSDT", client_order_id="a").time == START + 6 * SECOND


def test_late_and_lost_answers_on_a_websocket() -> None:
    desk, box = _faulted(lambda: CallFault(outcome=Outcome.DELAYED, answer_delay_us=SECOND))
    session = Session()
    request = {"id": 7, "method": "order.place", "params": _signed_params()}
    assert desk.serve_websocket(session, request) is None
    assert len(box.exchange.open_orders("main")) == 1
    box.clock.step(SECOND)
    box.tick()
    assert msgspec.json.decode(session.sent[0])["id"] == 7
    box.faults.install(CallFault(outcome=Outcome.ANSWER_LOST))
    assert desk.serve_websocket(session, {"id": 8, "method": "ping"}) is None
    assert session.is_aborted
    assert box.exchange.balances("main")[0].locked == Decimal(40)
