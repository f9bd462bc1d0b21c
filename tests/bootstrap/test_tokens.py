from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fillwright.api.tokens import Caller
from fillwright.bootstrap.tokens import FixedToken, TokenFile, new_token, read_digest
from fillwright.options import BadInputError, StorageFailedError

CALLER = Caller("local", "operator")


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def test_only_the_hash_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "token.sha256"
    token = new_token(path)
    assert len(token) >= 43
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_digest(path) == digest(token).hex()
    assert TokenFile(path, CALLER).find(digest(token)) == CALLER
    assert TokenFile(path, CALLER).find(digest(token + "x")) is None


def test_a_new_token_is_known_soon_and_the_old_one_no_more(tmp_path: Path) -> None:
    path, now = tmp_path / "token.sha256", [0.0]
    old = new_token(path)
    tokens = TokenFile(path, CALLER, lambda: now[0])
    new = new_token(path)
    os.utime(path, (1, 1))  # the file system's clock may be too coarse to tell them apart
    assert tokens.find(digest(old)) == CALLER
    now[0] = 1.0
    assert tokens.find(digest(old)) is None
    assert tokens.find(digest(new)) == CALLER


def test_a_file_that_is_gone_or_broken_lets_nobody_in(tmp_path: Path) -> None:
    path, now = tmp_path / "token.sha256", [0.0]
    token = new_token(path)
    tokens = TokenFile(path, CALLER, lambda: now[0])
    path.unlink()
    now[0] = 1.0
    assert tokens.find(digest(token)) is None
    assert tokens.find(digest("")) is None
    path.write_text("nonsense")
    now[0] = 2.0
    assert tokens.find(digest(token)) is None
    with pytest.raises(BadInputError, match="fillwright token"):
        TokenFile(path, CALLER)


def test_no_token_yet(tmp_path: Path) -> None:
    assert read_digest(tmp_path / "token.sha256") == ""


def test_no_place_for_a_token(tmp_path: Path) -> None:
    with pytest.raises(StorageFailedError):
        new_token(tmp_path / "nowhere" / "token.sha256")


def test_a_token_of_the_settings() -> None:
    tokens = FixedToken("a-token-of-the-settings", CALLER)
    assert tokens.find(digest("a-token-of-the-settings")) == CALLER
    assert tokens.find(digest("another")) is None
