"""Signatures of WebSocket requests, as clients make them."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fillwright.exchange.server.keys import ApiKey, KeyKind
from tests.exchange.server.boxes import API_KEY, SECRET

_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED25519_KEY = ApiKey(
    "e" * 64,
    "second",
    KeyKind.ED25519,
    _PRIVATE.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode(),
)


def _payload(params: dict[str, Any]) -> bytes:
    return "&".join(f"{name}={params[name]}" for name in sorted(params)).encode()


def signed(params: dict[str, Any]) -> dict[str, Any]:
    """Sign with the HMAC key of account ``main``."""
    whole = {**params, "apiKey": API_KEY}
    return {**whole, "signature": hmac.digest(SECRET.encode(), _payload(whole), "sha256").hex()}


def signed_ed25519(params: dict[str, Any]) -> dict[str, Any]:
    """Sign with the Ed25519 key of account ``second``."""
    whole = {**params, "apiKey": ED25519_KEY.api_key}
    return {**whole, "signature": base64.b64encode(_PRIVATE.sign(_payload(whole))).decode()}
