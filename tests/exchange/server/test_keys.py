from __future__ import annotations

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fillwright.exchange.server import keys as module
from fillwright.exchange.server.keys import (
    ApiKey,
    KeyFormatError,
    KeyKind,
    KeyRing,
    is_well_formed,
    make_hmac_key,
)
from fillwright.exchange.server.security import Security

# The samples of Binance's documentation.
SAMPLE = ApiKey(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "main",
    KeyKind.HMAC,
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
ORDER = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
VECTORS = (
    (f"symbol=LTCBTC&{ORDER}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (
        f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{ORDER}",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    (
        (
            f"apiKey={SAMPLE.api_key}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT"
            "&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
        ),
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
)
PAYLOAD = b"symbol=BTCUSDT&timestamp=1"


def _pem(public: object) -> str:
    encoded: bytes = public.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded.decode()


@pytest.mark.parametrize(("payload", "signature"), VECTORS)
def test_the_documented_hmac_signatures_hold_in_either_case(payload: str, signature: str) -> None:
    ring = KeyRing([SAMPLE])
    assert ring.verify(SAMPLE, payload.encode(), signature)
    assert ring.verify(SAMPLE, payload.encode(), signature.upper())
    assert not ring.verify(SAMPLE, payload.encode() + b"0", signature)


@pytest.mark.parametrize("signature", ["", "00", "é" * 64, "c8db", "\ud800"])
def test_what_is_no_hmac_signature_does_not_hold(signature: str) -> None:
    assert not KeyRing([SAMPLE]).verify(SAMPLE, PAYLOAD, signature)


def test_an_ed25519_key_signs_in_base64_and_case_matters() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
    key = ApiKey("e" * 64, "main", KeyKind.ED25519, _pem(private.public_key()))
    signature = base64.b64encode(private.sign(PAYLOAD)).decode()
    ring = KeyRing([key])
    assert ring.verify(key, PAYLOAD, signature)
    assert not ring.verify(key, PAYLOAD, signature.swapcase())
    assert not ring.verify(key, PAYLOAD + b"0", signature)
    assert not ring.verify(key, PAYLOAD, "not base64!")
    assert not ring.verify(key, PAYLOAD, "é")


def test_a_public_key_may_come_as_the_base64_of_its_der() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"8" * 32)
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = ApiKey("e" * 64, "main", KeyKind.ED25519, base64.b64encode(der).decode())
    signature = base64.b64encode(private.sign(PAYLOAD)).decode()
    assert KeyRing([key]).verify(key, PAYLOAD, signature)


def test_an_rsa_key_signs_in_base64() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = ApiKey("r" * 64, "main", KeyKind.RSA, _pem(private.public_key()))
    signature = base64.b64encode(private.sign(PAYLOAD, padding.PKCS1v15(), hashes.SHA256())).decode()
    ring = KeyRing([key])
    assert ring.verify(key, PAYLOAD, signature)
    assert not ring.verify(key, PAYLOAD + b"0", signature)
    assert not ring.verify(key, PAYLOAD, "not base64!")


def test_a_key_that_is_none_is_refused() -> None:
    small = _pem(rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key())
    ed25519 = _pem(Ed25519PrivateKey.from_private_bytes(b"7" * 32).public_key())
    for kind, secret in (
        (KeyKind.HMAC, ""),
        (KeyKind.RSA, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        (KeyKind.RSA, "%%%"),
        (KeyKind.RSA, small),
        (KeyKind.RSA, ed25519),
        (KeyKind.ED25519, small),
    ):
        with pytest.raises(KeyFormatError):
            KeyRing([ApiKey("k" * 64, "main", kind, secret)])
    for name in ("", "é" * 64, "a\nb"):
        with pytest.raises(KeyFormatError):
            KeyRing([ApiKey(name, "main", KeyKind.HMAC, "s")])
    with pytest.raises(KeyFormatError, match="registered"):
        KeyRing([SAMPLE, SAMPLE])


def test_a_ring_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEYS_MAX", 1)
    with pytest.raises(KeyFormatError, match="already"):
        KeyRing([SAMPLE, ApiKey("k" * 64, "main", KeyKind.HMAC, "s")])


def test_a_revoked_key_signs_nothing() -> None:
    ring = KeyRing([SAMPLE])
    assert ring.all() == (SAMPLE,)
    assert ring.remove(SAMPLE.api_key) is SAMPLE
    assert ring.get(SAMPLE.api_key) is None
    assert not ring.verify(SAMPLE, VECTORS[0][0].encode(), VECTORS[0][1])
    assert ring.remove(SAMPLE.api_key) is None


def test_a_key_allows_what_it_may_from_where_it_may() -> None:
    key = ApiKey("k" * 64, "main", KeyKind.HMAC, "s", (Security.USER_DATA,), ("10.0.0.1",))
    assert key.allows(Security.USER_DATA, "10.0.0.1")
    assert not key.allows(Security.TRADE, "10.0.0.1")
    assert not key.allows(Security.USER_DATA, "10.0.0.2")
    assert SAMPLE.allows(Security.TRADE, "10.0.0.2")


def test_made_keys_are_well_formed_and_differ() -> None:
    one, other = make_hmac_key("main"), make_hmac_key("main")
    assert one.api_key != other.api_key
    assert is_well_formed(one.api_key)
    assert len(one.secret) == 64
    assert not is_well_formed("short")
    assert not is_well_formed("é" * 64)


def test_a_key_s_rights_change_its_secret_does_not() -> None:
    key = make_hmac_key("main")
    ring = KeyRing([key])
    ring.change(msgspec.structs.replace(key, can_withdraw=True))
    changed = ring.get(key.api_key)
    assert changed is not None
    assert changed.can_withdraw
    for other in (make_hmac_key("main"), msgspec.structs.replace(key, secret="another")):
        with pytest.raises(KeyFormatError, match="no such key"):
            ring.change(other)
