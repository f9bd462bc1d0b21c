"""Who signs, and how: HMAC-SHA256, RSA (PKCS#1 v1.5 with SHA-256) and Ed25519; none of them ever shows its secret.

Source: Binance Spot REST "SIGNED Endpoint security", WebSocket API "Request security".
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Protocol


@unique
class KeyKind(StrEnum):
    """How a key signs; only Ed25519 may log on to the WebSocket API."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "ED25519"


class Signer(Protocol):
    """One API key."""

    @property
    def api_key(self) -> str:
        """Its name, which Binance is told."""

    @property
    def kind(self) -> KeyKind:
        """How it signs."""

    def sign(self, payload: bytes) -> str:
        """The signature: hex of HMAC, else base64 (to be percent-encoded on REST)."""
