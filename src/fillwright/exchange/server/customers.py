"""Accounts and their keys, as settings and the admin door name them."""

from __future__ import annotations

from fillwright.core.types import AccountId
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.keys import ApiKey, KeyFormatError, KeyKind, KeyRing, make_hmac_key
from fillwright.exchange.server.settings import AccountSettings, BoxSettingsError, KeySettings


def open_account(box: Box, account: AccountSettings) -> bool:
    """Open an account with its balances, and register its keys; whether it is new. Raises BoxSettingsError."""
    is_new = not box.exchange.has_account(account.account_id)
    try:
        if is_new:
            box.exchange.open_account(
                account.account_id,
                account.balances,
                maker_fee=account.maker_fee,
                taker_fee=account.taker_fee,
                pay_fees_in_bnb=account.pay_fees_in_bnb,
                bnb_discount=account.bnb_discount,
                trade_group=account.trade_group,
            )
        for key in account.keys:
            if box.keys.get(key.api_key) is None:
                box.keys.add(made_key(account.account_id, key))
    except ValueError as error:
        raise BoxSettingsError(f"account {account.account_id}: {error}") from error
    return is_new


def made_key(account_id: AccountId, key: KeySettings) -> ApiKey:
    """A key as settings name it: with a secret, or with a public key. Raises KeyFormatError."""
    if bool(key.secret) == bool(key.public_key):
        raise KeyFormatError("a key has either a secret (HMAC) or a public key (RSA, Ed25519)")
    kind = KeyKind.HMAC if key.secret else kind_of(key.public_key)
    return ApiKey(
        key.api_key,
        account_id,
        kind,
        key.secret or key.public_key,
        ip_addresses=key.ip_addresses,
        can_withdraw=key.can_withdraw,
    )


def kind_of(public_key: str) -> KeyKind:
    """Which kind of key this is; raises KeyFormatError when it is none."""
    problem = KeyFormatError("this is no public key")
    for kind in (KeyKind.ED25519, KeyKind.RSA):
        try:
            KeyRing([ApiKey("any", "any", kind, public_key)])
        except KeyFormatError as error:
            problem = error
        else:
            return kind
    raise problem


def first_keys(box: Box) -> None:
    """Make an HMAC key for each account that has none at all, so that somebody can come in."""
    with_key = {key.account_id for key in box.keys.all()}
    for account_id in box.exchange.account_ids:
        if account_id not in with_key:
            box.keys.add(make_hmac_key(account_id))
