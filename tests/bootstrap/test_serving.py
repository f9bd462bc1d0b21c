"""Who may ask, and by which names; that it answers is in tests/e2e."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fillwright.api.tokens import Caller
from fillwright.bootstrap.folder import DataFolder
from fillwright.bootstrap.serving import OPERATOR, hosts_of, tokens_of
from fillwright.bootstrap.tokens import new_token
from fillwright.config import ServerConfig
from fillwright.options import BadInputError

OURS = Caller("local", OPERATOR)


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def test_names_of_this_machine_need_not_be_said() -> None:
    assert hosts_of(ServerConfig(allowed_hosts=("a.example",))) == ("a.example",)
    assert hosts_of(ServerConfig(host="b.example", allowed_hosts=("a.example",))) == (
        "b.example",
        "a.example",
    )


def test_the_token_of_the_settings_goes_before_that_of_the_folder(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data") as folder:
        kept = new_token(folder.token)
        assert tokens_of(ServerConfig(), folder, "local").find(digest(kept)) == OURS
        given = tokens_of(ServerConfig(token="a token of the settings, long enough"), folder, "local")
        assert given.find(digest("a token of the settings, long enough")) == OURS
        assert given.find(digest(kept)) is None


def test_a_broken_token_file_is_told(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data") as folder:
        folder.token.write_text("no digest")
        with pytest.raises(BadInputError, match="no SHA-256"):
            tokens_of(ServerConfig(), folder, "local")
