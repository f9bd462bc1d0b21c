"""Who calls: bearer tokens, known by their SHA-256 alone and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol

import msgspec

from fillwright.api.errors import ApiError

SCHEME = "bearer "
TOKEN_LENGTH_MAX = 512
REALM = 'Bearer realm="fillwright"'


class Caller(msgspec.Struct, frozen=True):
    """Whose token it is, and by what name what they do is recorded."""

    user_id: str
    name: str


class Tokens(Protocol):
    """Knows tokens by their hash."""

    def find(self, digest: bytes) -> Caller | None:
        """Whose token has this SHA-256; compares in constant time."""


class HashedTokens:
    """A fixed set of tokens: SHA-256 in hex → who it belongs to."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        self._callers = tuple((bytes.fromhex(digest), caller) for digest, caller in callers.items())

    def find(self, digest: bytes) -> Caller | None:
        """Whose token it is; each is compared, whichever fits."""
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def caller_of(tokens: Tokens, token: str | None) -> Caller:
    """Who shows this token; raises ApiError 401."""
    if not token:
        raise unauthorized("a bearer token is needed: Authorization: Bearer <token>")
    caller = known_caller(tokens, token)
    if caller is None:
        raise unauthorized("the token is not known", ', error="invalid_token"')
    return caller


def known_caller(tokens: Tokens, token: str | None) -> Caller | None:
    """Who shows this token; None when nobody knows it."""
    if not token or len(token) > TOKEN_LENGTH_MAX:
        return None
    return tokens.find(hashlib.sha256(token.encode()).digest())


def unauthorized(message: str, extra: str = "") -> ApiError:
    """No token, or a wrong one."""
    return ApiError(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": REALM + extra})


def bearer(header: bytes) -> str | None:
    """The token in an Authorization header; None when it is of another scheme."""
    text = header.decode("latin-1").strip()
    return text[len(SCHEME) :].strip() if text[: len(SCHEME)].lower() == SCHEME else None
