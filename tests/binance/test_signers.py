from __future__ import annotations

import base64
import copy
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from fillwright.binance.signers import KeyKind, Signer, SigningKeyError, make_signer, read_secret
from fillwright.exchange.server.keys import ApiKey, KeyRing
from fillwright.exchange.server.keys import KeyKind as ServerKeyKind
from fillwright.wire.signing import query, timed, websocket_payload

API_KEY = SecretStr("canary-api-key")
HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
"""The sample that Binance's documentation publishes."""
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PAYLOAD = b"symbol=BTCUSDT&timestamp=1795168800000"


def pem(
    private: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: str = ""
) -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def public(private: Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def signer(secret: str, password: str | None = None) -> Signer:
    return make_signer(API_KEY, SecretStr(secret), None if password is None else SecretStr(password))


# -- Binance's own vectors -----------------------------------------------------------------------------------------

ORDER = (
    ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTC"), ("quantity", "1"), ("price", "0.1"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("１２３４５６", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)
def test_hmac_over_rest_signs_as_documented(symbol: str, signature: str) -> None:
    payload = query(timed((("symbol", symbol), *ORDER), 1_499_827_319_559, 5_000))
    assert signer(HMAC_SECRET).sign(payload.encode()) == signature


def test_hmac_over_the_websocket_api_signs_as_documented() -> None:
    params = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "recvWindow": 100,
        "timestamp": 1_645_423_376_532,
        "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    }
    signature = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
    assert signer(HMAC_SECRET).sign(websocket_payload(params)) == signature


# -- all kinds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "kind", "registered"),
    [
        (HMAC_SECRET, KeyKind.HMAC, HMAC_SECRET),
        (pem(RSA), KeyKind.RSA, public(RSA)),
        (pem(ED25519), KeyKind.ED25519, public(ED25519)),
    ],
    ids=["HMAC", "RSA", "Ed25519"],
)
def test_the_exchange_takes_signatures_of_every_kind(secret: str, kind: KeyKind, registered: str) -> None:
    one = signer(secret)
    assert (one.api_key, one.kind) == ("canary-api-key", kind)
    key = ApiKey(one.api_key, "main", ServerKeyKind(kind.value), registered)
    ring = KeyRing([key])
    assert ring.verify(key, PAYLOAD, one.sign(PAYLOAD))
    assert not ring.verify(key, PAYLOAD + b"0", one.sign(PAYLOAD))


def test_rsa_is_pkcs1_and_ed25519_is_over_the_text_itself() -> None:
    RSA.public_key().verify(
        base64.b64decode(signer(pem(RSA)).sign(PAYLOAD)), PAYLOAD, padding.PKCS1v15(), hashes.SHA256()
    )
    ED25519.public_key().verify(base64.b64decode(signer(pem(ED25519)).sign(PAYLOAD)), PAYLOAD)


def test_a_pem_may_be_encrypted_or_in_one_line() -> None:
    expected = signer(pem(ED25519)).sign(PAYLOAD)
    assert signer(pem(ED25519, "a password"), "a password").sign(PAYLOAD) == expected
    assert signer(pem(ED25519).strip().replace("\n", "\\n")).sign(PAYLOAD) == expected
    assert signer(f"\n  {pem(ED25519)}\n").sign(PAYLOAD) == expected


# -- what is no key ------------------------------------------------------------------------------------------------

SMALL = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("secret", "password", "wrong"),
    [
        (" ", None, "is empty"),
        ("-----BEGIN PRIVATE KEY-----\ncanary-secret\n-----END PRIVATE KEY-----", None, "cannot be read"),
        (pem(ED25519, "right"), None, "its password is needed"),
        (pem(ED25519, "right"), "canary-secret", "cannot be read"),
        (pem(ED25519), "canary-secret", "has no password"),
        (pem(SMALL), None, "2048 to 4096 bits"),
        (pem(CURVE), None, "neither RSA nor Ed25519"),
    ],
)
def test_what_is_no_key_is_said_without_showing_it(secret: str, password: str | None, wrong: str) -> None:
    with pytest.raises(SigningKeyError, match=wrong) as caught:
        signer(secret, password)
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("name", ["", "with space", "line\nend", "ключ", "k" * 300])
def test_what_is_no_api_key_is_said(name: str) -> None:
    with pytest.raises(SigningKeyError, match="printable text without spaces"):
        make_signer(SecretStr(name), SecretStr(HMAC_SECRET))


# -- silence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [HMAC_SECRET, pem(ED25519), pem(RSA)], ids=["HMAC", "Ed25519", "RSA"])
def test_a_signer_shows_nothing(secret: str) -> None:
    one = signer(secret)
    shown = f"{one!r} {one!s} {[one]}"
    assert "canary" not in shown
    assert secret[:16] not in shown
    assert not hasattr(one, "__dict__")
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or stored"):
            store(one)


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(f"{pem(ED25519)}\n\n")
    assert make_signer(API_KEY, read_secret(path)).kind is KeyKind.ED25519


@pytest.mark.parametrize(
    ("content", "wrong"),
    [(None, "No such file"), (b"", "is empty"), (b"\xff\xfe\x00", "no text"), (b"x" * 70_000, "too long")],
)
def test_a_file_without_a_secret_is_named(tmp_path: Path, content: bytes | None, wrong: str) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SigningKeyError, match=f"key.pem: .*{wrong}"):
        read_secret(path)
