"""The admin door: JSON over HTTP under ``/admin``, for programs on the same machine that have its token.

Every action is a path with a body of its own (``admin_messages``). Answers are 200; 400 for what cannot be read or
done, 401 for a wrong token, 403 for a peer of another machine, 404 and 405 as usual.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import msgspec

from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server import admin_accounts, admin_market, admin_service
from fillwright.exchange.server.admin_messages import Refusal
from fillwright.exchange.server.admin_script import ScriptDoor
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.replies import JSON_TYPE, Reply

PREFIX = "/admin"
BODY_BYTES_MAX = 4 * 1024 * 1024
Handler = Callable[[Box, Any], object]

_ACTIONS: dict[tuple[str, str], tuple[Any, Handler]] = {
    **admin_accounts.ACTIONS,
    **admin_market.ACTIONS,
    **admin_service.ACTIONS,
}
_ENCODER = msgspec.json.Encoder()


class AdminDoor:
    """Lets in who has the token, and does what they ask."""

    def __init__(self, box: Box, token: str) -> None:
        self._box = box
        self._expected = f"Bearer {token}".encode()
        self._actions = {**_ACTIONS, **ScriptDoor().actions}
        self._decoders = {kind: msgspec.json.Decoder(kind) for kind, _ in self._actions.values()}
        self._methods: dict[str, tuple[str, ...]] = {}
        for method, path in self._actions:
            self._methods[path] = (*self._methods.get(path, ()), method)

    def serve(self, method: str, path: str, headers: Mapping[str, str], body: bytes, ip: str) -> Reply:
        """Answer one request; ``path`` begins with ``/admin``, names of ``headers`` are in lower case."""
        if not _is_loopback(ip):
            return _refused(HTTPStatus.FORBIDDEN, "the admin door is for programs on this machine")
        given = headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._expected):
            return _refused(
                HTTPStatus.UNAUTHORIZED, "the admin token is missing or wrong (Authorization: Bearer ...)"
            )
        place = path.removeprefix(PREFIX).rstrip("/") or "/status"
        action = self._actions.get((method, place))
        if action is None:
            if place not in self._methods:
                return _refused(
                    HTTPStatus.NOT_FOUND, f"there is no {place}; there is {', '.join(self._methods)}"
                )
            allowed = ", ".join(self._methods[place])
            return _refused(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{place} takes {allowed}", f"allow: {allowed}\r\n"
            )
        if len(body) > BODY_BYTES_MAX:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_BYTES_MAX} bytes")
        if method != "GET":
            self._box.changes += 1
        return self._carry_out(*action, body)

    def _carry_out(self, kind: Any, handle: Handler, body: bytes) -> Reply:
        box = self._box
        box.tick()
        try:
            wish = self._decoders[kind].decode(body or b"{}")
            answer = handle(box, wish)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _refused(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {error}")
        except ExchangeError as error:
            return _refused(HTTPStatus.BAD_REQUEST, f"{error.message} ({error.code})")
        except ValueError as error:
            return _refused(HTTPStatus.BAD_REQUEST, str(error))
        finally:
            box.settle()
        return Reply(HTTPStatus.OK, _ENCODER.encode(answer), "", JSON_TYPE)


def _is_loopback(ip: str) -> bool:
    try:
        return ip_address(ip.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refused(status: HTTPStatus, why: str, headers: str = "") -> Reply:
    return Reply(status, _ENCODER.encode(Refusal(error=why)), headers, JSON_TYPE)
