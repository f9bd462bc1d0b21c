"""Operations of the WebSocket API that are about its session: logging on, and listening to user data streams.

Source: Binance Spot WebSocket API "Authentication requests", "User Data Stream requests".
"""

from __future__ import annotations

from typing import Any

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.keys import KeyKind
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.websocket_api import ApiSession
from fillwright.wire.errors import message

_KIND_NAMES = {KeyKind.HMAC: "HMAC_SHA256", KeyKind.RSA: "RSA", KeyKind.ED25519: "Ed25519"}


def _session(call: Call) -> ApiSession:
    session = call.session
    if not isinstance(session, ApiSession):
        raise TypeError(f"{call.operation.name} was asked outside of the WebSocket API")
    return session


def _status(call: Call) -> dict[str, Any]:
    session = _session(call)
    key, since = session.key, session.authorized_since
    return {
        "apiKey": None if key is None else key.api_key,
        "authorizedSince": None if since is None else call.time(since),
        "connectedSince": call.time(session.connected_at),
        "returnRateLimits": session.shows_rate_limits,
        "serverTime": call.time(call.box.clock.served(call.now)),
        "userDataStream": len(session.subscriptions) > 0,
    }


def _log_on(call: Call) -> dict[str, Any]:
    key = call.key
    if key is None:
        raise TypeError("a signed call has a key")
    if key.kind is not KeyKind.ED25519:
        raise ExchangeError(-4056, f"{_KIND_NAMES[key.kind]} API key is not supported.")
    _session(call).log_on(key)
    return _status(call)


def _log_out(call: Call) -> dict[str, Any]:
    _session(call).log_out()
    return _status(call)


def _list_subscriptions(call: Call) -> list[dict[str, int]]:
    return [{"subscriptionId": one.number} for one in _session(call).subscriptions]


def _subscribe(call: Call) -> dict[str, int]:
    session = _session(call)
    if session.key is None:
        raise ExchangeError(-1002, message(-1002), 401)
    if not session.key.allows(Security.USER_STREAM, session.ip):
        raise ExchangeError(-2015, message(-2015), 401)
    return {"subscriptionId": session.subscriptions.start(session.key.account_id, is_of_session=True)}


def _subscribe_signed(call: Call) -> dict[str, int]:
    session = _session(call)
    return {"subscriptionId": session.subscriptions.start(call.account_id, is_of_session=False)}


def _unsubscribe(call: Call) -> dict[str, Any]:
    _session(call).subscriptions.stop(call.parameters.get("subscriptionId"))
    return {}


SESSION = (
    Operation("session.logon", "", "", Security.USER_DATA, (), _log_on, 2, demands_signature=True),
    Operation("session.status", "", "", Security.NONE, (), _status, 2),
    Operation("session.logout", "", "", Security.NONE, (), _log_out, 2),
    Operation("session.subscriptions", "", "", Security.NONE, (), _list_subscriptions, 2),
    Operation("userDataStream.subscribe", "", "", Security.NONE, (), _subscribe, 2),
    Operation(
        "userDataStream.subscribe.signature",
        "",
        "",
        Security.USER_STREAM,
        (),
        _subscribe_signed,
        2,
        demands_signature=True,
    ),
    Operation(
        "userDataStream.unsubscribe",
        "",
        "",
        Security.NONE,
        (Parameter("subscriptionId", Kind.INTEGER),),
        _unsubscribe,
        2,
    ),
)
"""Everything that is asked of the session itself."""
