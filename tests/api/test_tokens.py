from __future__ import annotations

import pytest

from fillwright.api.errors import ApiError
from fillwright.api.tokens import Caller, HashedTokens, bearer, caller_of, token_hash

ADA, BOB = Caller("ada", "ada's phone"), Caller("bob", "bob")
TOKENS = HashedTokens({token_hash("first-token"): ADA, token_hash("two"): BOB})


def test_a_token_is_known_by_its_hash_alone() -> None:
    assert caller_of(TOKENS, "first-token") == ADA
    assert caller_of(TOKENS, "two") == BOB
    assert "first-token" not in repr(vars(TOKENS))


@pytest.mark.parametrize("token", [None, "", "three", token_hash("first-token"), "x" * 100_000, "ünï"])
def test_anything_else_is_refused(token: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        caller_of(TOKENS, token)
    assert (caught.value.status, caught.value.code) == (401, "UNAUTHORIZED")
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("header", "token"),
    [(b"Bearer abc", "abc"), (b"bearer  abc ", "abc"), (b"Basic abc", None), (b"", None), (b"Bearer", None)],
)
def test_the_bearer_scheme_alone_brings_a_token(header: bytes, token: str | None) -> None:
    assert bearer(header) == token
