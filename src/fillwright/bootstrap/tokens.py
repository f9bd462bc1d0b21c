"""The bearer token: made at the first run, shown once; only its SHA-256 is kept, in a file that others cannot read."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fillwright.bootstrap.folder import write_private
from fillwright.options import BadInputError, StorageFailedError

if TYPE_CHECKING:  # the API is loaded when all else is up
    from fillwright.api.tokens import Caller

TOKEN_BYTES = 32
LOOK_EVERY_S = 1.0
"""A new token of ``fillwright token`` is known to a running service after this long, and the old one no more."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def new_token(path: Path) -> str:
    """Make a token in place of the one before; it is in the answer and nowhere else. Raises StorageFailedError."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    try:
        write_private(path, digest_of(token).hex().encode() + b"\n")
    except OSError as error:
        raise StorageFailedError(f"{path}: cannot be written: {error.strerror or error}") from error
    return token


def digest_of(token: str) -> bytes:
    """What is kept of a token, and what ``api.tokens`` looks for."""
    return hashlib.sha256(token.encode()).digest()


def read_digest(path: Path) -> str:
    """The SHA-256 (hex) that is kept; '' when there is none. Raises BadInputError."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read ({error}); fillwright token makes a new one") from error
    if not _DIGEST.fullmatch(text):
        raise BadInputError(f"{path}: is no SHA-256; fillwright token makes a new token")
    return text


class FixedToken:
    """``api.tokens.Tokens``: one token, from the settings."""

    def __init__(self, token: str, caller: Caller) -> None:
        self._digest = digest_of(token)
        self._caller = caller

    def find(self, digest: bytes) -> Caller | None:
        """Whose token has this SHA-256."""
        return self._caller if hmac.compare_digest(self._digest, digest) else None


class TokenFile:
    """``api.tokens.Tokens``: the token whose SHA-256 stands in a file, which is looked at again when it changes."""

    def __init__(self, path: Path, caller: Caller, steady: Callable[[], float] = time.monotonic) -> None:
        """Raises BadInputError when the file is not what it should be."""
        self._path = path
        self._caller = caller
        self._steady = steady
        self._changed_at = self._stamp()
        self._digest = bytes.fromhex(read_digest(path))
        self._looked_at = steady()

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def find(self, digest: bytes) -> Caller | None:
        """Whose token has this SHA-256; nobody's, while the file is gone or broken."""
        now = self._steady()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look()
        if not self._digest or not hmac.compare_digest(self._digest, digest):
            return None
        return self._caller

    def _look(self) -> None:
        changed_at = self._stamp()
        if changed_at == self._changed_at:
            return
        self._changed_at = changed_at
        try:
            self._digest = bytes.fromhex(read_digest(self._path))
        except BadInputError:
            self._digest = b""
