"""User data streams as they were before 2026-02-20: keys of their own, made by REST, followed among market streams.

Some clients still know no other way; a server serves it where its settings say so (``is_legacy_listen_key``). An
account has one key at a time. It lives for an hour from when it was made or asked for last; its followers are told when
it ends (``listenKeyExpired``). Events go out as they are on ``/ws/<listenKey>``, under the key's name on
``/stream?streams=<listenKey>``. Source: Binance Spot "User Data Stream", editions before 2025-10-24.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from typing import Any, Protocol

from fillwright.core.types import HOUR, AccountId, Time
from fillwright.exchange.messages import ExchangeError
from fillwright.exchange.server.box import Box, Timer
from fillwright.exchange.server.operations import Call, Kind, Operation, Parameter
from fillwright.exchange.server.replies import encode
from fillwright.exchange.server.security import Security
from fillwright.exchange.server.user_streams import Subscription, UserStreams
from fillwright.wire.errors import message

LIFE: Time = HOUR
PATH = "/api/v3/userDataStream"
WEIGHT = 2
_LETTERS = string.ascii_letters + string.digits


class FollowingSession(Protocol):
    """What a key wants of a connection to the market streams."""

    microseconds: bool
    is_combined: bool

    def send(self, message: bytes) -> None:
        """Send a text message."""

    def time(self, time_us: Time) -> int:
        """A time as this client wants it."""


class Follower(Subscription):
    """A connection that follows a key."""

    __slots__ = ("listener", "prefix")

    def __init__(self, listener: FollowingSession, account_id: AccountId, text: str) -> None:
        super().__init__(listener, account_id, 0, is_of_session=False)
        self.listener = listener
        self.prefix = b'{"stream":%b,"data":' % encode(text)

    def wrap(self, body: bytes) -> bytes:
        """Bare, or under the key's name."""
        return b"%b%b}" % (self.prefix, body) if self.listener.is_combined else body


class _ListenKey:
    __slots__ = ("account_id", "followers", "text", "timer")

    def __init__(self, text: str, account_id: AccountId, timer: Timer) -> None:
        self.text = text
        self.account_id = account_id
        self.timer = timer
        self.followers: dict[FollowingSession, Follower] = {}


class ListenKeys:
    """All keys of a server: as many as accounts at most."""

    __slots__ = ("_box", "_by_account", "_by_text", "_made", "_streams")

    def __init__(self, box: Box, streams: UserStreams) -> None:
        self._box = box
        self._streams = streams
        self._by_text: dict[str, _ListenKey] = {}
        self._by_account: dict[AccountId, _ListenKey] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._by_text)

    def __contains__(self, text: object) -> bool:
        return text in self._by_text

    def start(self, account_id: AccountId) -> str:
        """The account's key, good for an hour from now; the one it has, or a new one."""
        found = self._by_account.get(account_id)
        if found is None:
            text = self._new_text(account_id)
            found = _ListenKey(text, account_id, self._expiry(text))
            self._by_text[text] = self._by_account[account_id] = found
        else:
            self._extend(found)
        return found.text

    def keep_alive(self, account_id: AccountId, text: str) -> None:
        """Let a key live for an hour from now; -1125 when the account has no such key."""
        self._extend(self._find(account_id, text))

    def close(self, account_id: AccountId, text: str) -> None:
        """End a key, whose followers hear nothing more; -1125 when the account has no such key."""
        self._end(self._find(account_id, text))

    def follow(self, text: str, session: FollowingSession) -> Callable[[], None] | None:
        """Tell a connection what happens to a key's account; returns how it leaves. None when there is no such key."""
        key = self._by_text.get(text)
        if key is None:
            return None
        follower = key.followers[session] = Follower(session, key.account_id, text)
        self._streams.add(follower)

        def leave() -> None:
            if key.followers.pop(session, None) is not None:
                self._streams.remove(follower)

        return leave

    def _find(self, account_id: AccountId, text: str) -> _ListenKey:
        found = self._by_text.get(text)
        if found is None or found.account_id != account_id:
            raise ExchangeError(-1125, message(-1125))
        return found

    def _new_text(self, account_id: AccountId) -> str:
        """64 letters and digits, of seed, number and the account's own keys.

        Servers of one seed and one secret make the same; who knows the seed alone cannot guess them.
        """
        self._made += 1
        own = [key.secret for key in self._box.keys.all() if key.account_id == account_id]
        source = ["listenKey", str(self._box.settings.seed), str(self._made), *own]
        digest = hashlib.sha512("\n".join(source).encode()).digest()
        return "".join([_LETTERS[byte % len(_LETTERS)] for byte in digest])

    def _expiry(self, text: str) -> Timer:
        return self._box.at(self._box.now + LIFE, lambda _: self._expire(text))

    def _extend(self, key: _ListenKey) -> None:
        key.timer.cancel()
        key.timer = self._expiry(key.text)

    def _expire(self, text: str) -> None:
        key = self._by_text[text]
        for session, follower in key.followers.items():
            event = {"e": "listenKeyExpired", "E": session.time(self._box.now), "listenKey": text}
            session.send(follower.wrap(encode(event)))
        self._end(key)

    def _end(self, key: _ListenKey) -> None:
        key.timer.cancel()
        del self._by_text[key.text], self._by_account[key.account_id]
        for follower in key.followers.values():
            self._streams.remove(follower)
        key.followers.clear()


def listen_key_operations(keys: ListenKeys) -> tuple[Operation, ...]:
    """What is asked of keys, by REST and by the WebSocket API; an API key is enough, nothing is signed."""

    def start(call: Call) -> dict[str, Any]:
        return {"listenKey": keys.start(call.account_id)}

    def ping(call: Call) -> dict[str, Any]:
        keys.keep_alive(call.account_id, call.parameters["listenKey"])
        return {}

    def stop(call: Call) -> dict[str, Any]:
        keys.close(call.account_id, call.parameters["listenKey"])
        return {}

    api_key, listen_key = (
        Parameter("apiKey", Kind.STRING),
        Parameter("listenKey", Kind.STRING, required=True),
    )
    verbs = (
        ("start", "POST", (), start),
        ("ping", "PUT", (listen_key,), ping),
        ("stop", "DELETE", (listen_key,), stop),
    )
    found = []
    for verb, method, parameters, handle in verbs:
        name = f"userDataStream.{verb}"
        for sends, place, wants in ((method, PATH, parameters), ("", "", (api_key, *parameters))):
            found.append(
                Operation(
                    name,
                    sends,
                    place,
                    Security.USER_STREAM,
                    wants,
                    handle,
                    WEIGHT,
                    has_websocket=not place,
                    is_key_enough=True,
                )
            )
    return tuple(found)
