"""Who signs, and how: HMAC-SHA256, RSA (PKCS#1 v1.5 with SHA-256) and Ed25519; none of them ever shows its secret.

Source: Binance Spot REST "SIGNED Endpoint security", WebSocket API "Request security".
"""

from __future__ import annotations

import base64
import hmac
import re
from enum import StrEnum, unique
from pathlib import Path
from typing import NoReturn, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

RSA_BITS_MIN, RSA_BITS_MAX = 2_048, 4_096
KEY_FILE_BYTES_MAX = 1 << 16
API_KEY_LENGTH_MAX = 256
_PEM = "-----BEGIN "
_API_KEY = re.compile(r"[!-~]+", re.ASCII)


class SigningKeyError(ValueError):
    """A key cannot be used; the text says what is wrong with it and shows nothing of it."""


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


class _Key:
    """What all kinds have in common: a name, and silence about the rest."""

    __slots__ = ("_api_key",)

    def __init__(self, api_key: SecretStr) -> None:
        name = api_key.get_secret_value().strip()
        if not _API_KEY.fullmatch(name) or len(name) > API_KEY_LENGTH_MAX:
            raise SigningKeyError("an API key is printable text without spaces")
        self._api_key = name

    @property
    def api_key(self) -> str:
        """Its name, which Binance is told; to be treated as a secret, too."""
        return self._api_key

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not copied or stored")


class HmacSigner(_Key):
    """Signs with a secret that Binance has as well (deprecated there, but accepted)."""

    __slots__ = ("_keyed",)
    kind = KeyKind.HMAC

    def __init__(self, api_key: SecretStr, secret: SecretStr) -> None:
        super().__init__(api_key)
        text = secret.get_secret_value().strip()
        if not text:
            raise SigningKeyError("the secret of the API key is empty")
        self._keyed = hmac.new(text.encode(), digestmod="sha256")

    def sign(self, payload: bytes) -> str:
        """Hex."""
        signing = self._keyed.copy()
        signing.update(payload)
        return signing.hexdigest()


class RsaSigner(_Key):
    """Signs with an RSA private key."""

    __slots__ = ("_private",)
    kind = KeyKind.RSA

    def __init__(self, api_key: SecretStr, private: RSAPrivateKey) -> None:
        super().__init__(api_key)
        if not RSA_BITS_MIN <= private.key_size <= RSA_BITS_MAX:
            raise SigningKeyError(f"an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")
        self._private = private

    def sign(self, payload: bytes) -> str:
        """Base64."""
        return base64.b64encode(self._private.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()


class Ed25519Signer(_Key):
    """Signs with an Ed25519 private key: quick, and a session need sign once only."""

    __slots__ = ("_private",)
    kind = KeyKind.ED25519

    def __init__(self, api_key: SecretStr, private: Ed25519PrivateKey) -> None:
        super().__init__(api_key)
        self._private = private

    def sign(self, payload: bytes) -> str:
        """Base64."""
        return base64.b64encode(self._private.sign(payload)).decode()


def make_signer(api_key: SecretStr, secret: SecretStr, password: SecretStr | None = None) -> Signer:
    """Make the signer of a key: ``secret`` is a private key as PEM (RSA, Ed25519), else the secret of HMAC.

    ``password`` opens a PEM that is encrypted. Raises SigningKeyError.
    """
    text = secret.get_secret_value().strip()
    if not text.startswith(_PEM):
        return HmacSigner(api_key, secret)
    # A PEM in one line of the environment has its line ends written out.
    pem = text.replace("\\n", "\n").encode()
    opened = None if password is None else password.get_secret_value().encode()
    try:
        private = load_pem_private_key(pem, opened)
    except TypeError:
        wrong = "is encrypted: its password is needed" if opened is None else "has no password"
        raise SigningKeyError(f"the private key {wrong}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyError("the private key cannot be read: no PEM, or not with this password") from None
    if isinstance(private, Ed25519PrivateKey):
        return Ed25519Signer(api_key, private)
    if isinstance(private, RSAPrivateKey):
        return RsaSigner(api_key, private)
    raise SigningKeyError("the private key is neither RSA nor Ed25519")


def read_secret(path: Path) -> SecretStr:
    """Read a secret or a PEM from a file; SigningKeyError names the file when it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(KEY_FILE_BYTES_MAX + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "this is no text"
        raise SigningKeyError(f"{path}: {told}") from None
    if len(text) > KEY_FILE_BYTES_MAX:
        raise SigningKeyError(f"{path}: too long for a key")
    if not text.strip():
        raise SigningKeyError(f"{path}: is empty")
    return SecretStr(text.strip())
