"""API keys and signatures: HMAC-SHA256, RSA (PKCS#1 v1.5, SHA-256) and Ed25519 over the text as it was sent.

Source: Binance Spot REST "SIGNED Endpoint security", "Request security".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import string
from collections.abc import Callable, Iterable
from enum import StrEnum, unique

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from fillwright.core.types import AccountId, Time
from fillwright.exchange.server.security import Security

KEYS_MAX = 100_000
"""Keys in one ring; adding more is refused."""
RSA_BITS_MIN = 2048
RSA_BITS_MAX = 4096

_LETTERS = string.ascii_letters + string.digits
_WELL_FORMED = re.compile(r"[A-Za-z0-9]{64}", re.ASCII)

Verifier = Callable[[bytes, str], bool]


class KeyFormatError(ValueError):
    """A key that cannot be registered: no key of its kind, too short, or a name twice."""


@unique
class KeyKind(StrEnum):
    """How a key signs."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "ED25519"


ALL_PERMISSIONS = (Security.TRADE, Security.USER_DATA, Security.USER_STREAM)


class ApiKey(msgspec.Struct, frozen=True):
    """A key: whose it is, how it signs and what it may do."""

    api_key: str
    account_id: AccountId
    kind: KeyKind
    secret: str
    """The secret of an HMAC key; the public key of the others, PEM or the base64 of its DER."""
    permissions: tuple[Security, ...] = ALL_PERMISSIONS
    ip_addresses: tuple[str, ...] = ()
    """The addresses it may be used from; empty: any."""
    can_withdraw: bool = False
    """What ``apiRestrictions`` tells of it; there are no withdrawals here."""
    made_at: Time = 0

    def allows(self, security: Security, ip: str) -> bool:
        """Whether it may do this from there."""
        return security in self.permissions and (not self.ip_addresses or ip in self.ip_addresses)


def make_hmac_key(account_id: AccountId, permissions: tuple[Security, ...] = ALL_PERMISSIONS) -> ApiKey:
    """A new HMAC key with a random name and secret of 64 letters and digits each."""
    name, secret = ("".join([secrets.choice(_LETTERS) for _ in range(64)]) for _ in range(2))
    return ApiKey(name, account_id, KeyKind.HMAC, secret, permissions)


def is_well_formed(api_key: str) -> bool:
    """Whether a text could be an API key at all; one that could not is answered with -2014."""
    return _WELL_FORMED.fullmatch(api_key) is not None


class KeyRing:
    """All keys of the exchange."""

    __slots__ = ("_keys", "_verifiers")

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._verifiers: dict[str, Verifier] = {}
        for key in keys:
            self.add(key)

    def add(self, key: ApiKey) -> None:
        """Register a key; KeyFormatError when it is none, or its name is taken."""
        if not key.api_key or not key.api_key.isascii() or not key.api_key.isprintable():
            raise KeyFormatError("an API key is printable ASCII text")
        if key.api_key in self._keys:
            raise KeyFormatError(f"the API key {key.api_key:.8}... is registered")
        if len(self._keys) >= KEYS_MAX:
            raise KeyFormatError(f"there are {KEYS_MAX} keys already")
        self._verifiers[key.api_key] = _verifier(key)
        self._keys[key.api_key] = key

    def get(self, api_key: str) -> ApiKey | None:
        """A key by its name; None when there is none."""
        return self._keys.get(api_key)

    def change(self, key: ApiKey) -> None:
        """Give a key that is registered other rights; KeyFormatError when it is not, or signs otherwise."""
        known = self._keys.get(key.api_key)
        if known is None or (known.kind, known.secret) != (key.kind, key.secret):
            raise KeyFormatError("there is no such key")
        self._keys[key.api_key] = key

    def remove(self, api_key: str) -> ApiKey | None:
        """Revoke a key; None when there was none."""
        self._verifiers.pop(api_key, None)
        return self._keys.pop(api_key, None)

    def all(self) -> tuple[ApiKey, ...]:
        """Every key, in the order in which they were registered."""
        return tuple(self._keys.values())

    def verify(self, key: ApiKey, payload: bytes, signature: str) -> bool:
        """Whether a signature is this key's over this text; constant in time for HMAC."""
        verifier = self._verifiers.get(key.api_key)
        return verifier is not None and verifier(payload, signature)


def _verifier(key: ApiKey) -> Verifier:
    if key.kind is KeyKind.HMAC:
        if not key.secret:
            raise KeyFormatError("an HMAC key has a secret")
        return _hmac_verifier(key.secret.encode())
    public = _public_key(key.secret)
    if key.kind is KeyKind.ED25519 and isinstance(public, Ed25519PublicKey):
        return _ed25519_verifier(public)
    if key.kind is KeyKind.RSA and isinstance(public, RSAPublicKey):
        if not RSA_BITS_MIN <= public.key_size <= RSA_BITS_MAX:
            raise KeyFormatError(f"an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")
        return _rsa_verifier(public)
    raise KeyFormatError(f"this is no public key of kind {key.kind}")


def _public_key(text: str) -> object:
    try:
        if text.lstrip().startswith("-----"):
            return serialization.load_pem_public_key(text.encode())
        return serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise KeyFormatError("this is no public key in PEM, nor the base64 of one in DER") from problem


def _hmac_verifier(secret: bytes) -> Verifier:
    keyed = hmac.new(secret, digestmod="sha256")

    def verify(payload: bytes, signature: str) -> bool:
        signing = keyed.copy()
        signing.update(payload)
        expected = signing.hexdigest().encode()
        return hmac.compare_digest(expected, signature.lower().encode("utf-8", "replace"))

    return verify


def _ed25519_verifier(public: Ed25519PublicKey) -> Verifier:
    def verify(payload: bytes, signature: str) -> bool:
        decoded = _base64(signature)
        if decoded is None:
            return False
        try:
            public.verify(decoded, payload)
        except InvalidSignature:
            return False
        return True

    return verify


def _rsa_verifier(public: RSAPublicKey) -> Verifier:
    def verify(payload: bytes, signature: str) -> bool:
        decoded = _base64(signature)
        if decoded is None:
            return False
        try:
            public.verify(decoded, payload, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return verify


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
