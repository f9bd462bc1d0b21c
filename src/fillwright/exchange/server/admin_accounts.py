"""The admin door's actions on accounts: keys, balances, fees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fillwright.core.types import AccountId
from fillwright.exchange.server.admin_messages import (
    ChangeKey,
    Done,
    KeyTold,
    MakeAccount,
    MakeKey,
    RevokeKey,
    SetFees,
    SetTrading,
    Transfer,
    Wish,
)
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.customers import kind_of, open_account
from fillwright.exchange.server.keys import ApiKey, KeyKind, make_hmac_key
from fillwright.exchange.server.settings import AccountSettings, check_rates

ACCOUNTS_MAX = 10_000


def _account(box: Box, account_id: AccountId) -> AccountId:
    if not box.exchange.has_account(account_id):
        raise ValueError(f"there is no account {account_id!r}")
    return account_id


def accounts(box: Box, _wish: Wish) -> tuple[AccountId, ...]:
    """The accounts."""
    return box.exchange.account_ids


def make_account(box: Box, wish: MakeAccount) -> KeyTold:
    """Open an account, and make its first key."""
    if box.exchange.has_account(wish.account):
        raise ValueError(f"account {wish.account!r} exists")
    if len(box.exchange.account_ids) >= ACCOUNTS_MAX:
        raise ValueError(f"there are {ACCOUNTS_MAX} accounts already")
    settings = AccountSettings(
        account_id=wish.account,
        **{name: getattr(wish, name) for name in wish.__struct_fields__ if name != "account"},
    )
    open_account(box, settings)
    return _told(_added(box, make_hmac_key(wish.account)), with_secret=True)


def keys(box: Box, _wish: Wish) -> list[KeyTold]:
    """All keys, without secrets."""
    return [_told(key) for key in box.keys.all()]


def make_key(box: Box, wish: MakeKey) -> KeyTold:
    """Register a key; its secret is told when it was made here."""
    account_id = _account(box, wish.account)
    if wish.public_key and wish.secret:
        raise ValueError("a key has either a secret (HMAC) or a public key (RSA, Ed25519)")
    made = make_hmac_key(account_id)
    key = ApiKey(
        wish.api_key or made.api_key,
        account_id,
        KeyKind.HMAC,
        wish.secret or made.secret,
        wish.permissions,
        wish.ip_addresses,
        wish.can_withdraw,
    )
    if wish.public_key:
        key = msgspec.structs.replace(key, kind=kind_of(wish.public_key), secret=wish.public_key)
    return _told(_added(box, key), with_secret=not wish.public_key and not wish.secret)


def _added(box: Box, key: ApiKey) -> ApiKey:
    key = msgspec.structs.replace(key, made_at=box.now)
    box.keys.add(key)
    return key


def change_key(box: Box, wish: ChangeKey) -> KeyTold:
    """Give a key other rights, from its next request on."""
    key = box.keys.get(wish.api_key)
    if key is None:
        raise ValueError("there is no such key")
    names = ("permissions", "ip_addresses", "can_withdraw")
    changed = {name: value for name in names if (value := getattr(wish, name)) is not None}
    key = msgspec.structs.replace(key, **changed)
    box.keys.change(key)
    return _told(key)


def _told(key: ApiKey, *, with_secret: bool = False) -> KeyTold:
    return KeyTold(
        account=key.account_id,
        api_key=key.api_key,
        kind=key.kind.value,
        permissions=key.permissions,
        ip_addresses=key.ip_addresses,
        can_withdraw=key.can_withdraw,
        secret=key.secret if with_secret else "",
    )


def revoke_key(box: Box, wish: RevokeKey) -> Done:
    """Forget a key; sessions of it end at their next request."""
    if box.keys.remove(wish.api_key) is None:
        raise ValueError("there is no such key")
    return Done(now=box.now)


def deposit(box: Box, wish: Transfer) -> Done:
    """Bring funds in."""
    box.exchange.deposit(_account(box, wish.account), wish.asset, wish.amount, box.now)
    return Done(now=box.now)


def withdraw(box: Box, wish: Transfer) -> Done:
    """Take free funds out."""
    box.exchange.withdraw(_account(box, wish.account), wish.asset, wish.amount, box.now)
    return Done(now=box.now)


def set_fees(box: Box, wish: SetFees) -> Done:
    """Change an account's commission rates."""
    fees = box.exchange.fees(_account(box, wish.account))
    names = ("maker", "taker", "pay_in_bnb", "bnb_discount")
    changed = {name: value for name in names if (value := getattr(wish, name)) is not None}
    fees = msgspec.structs.replace(fees, **changed)
    check_rates(fees.maker, fees.taker, fees.bnb_discount)
    box.exchange.set_fees(wish.account, fees)
    return Done(now=box.now)


def set_trading(box: Box, wish: SetTrading) -> Done:
    """Let an account trade, or not."""
    box.exchange.set_can_trade(_account(box, wish.account), wish.can_trade)
    return Done(now=box.now)


ACTIONS: dict[tuple[str, str], tuple[Any, Callable[[Box, Any], object]]] = {
    ("GET", "/accounts"): (Wish, accounts),
    ("POST", "/accounts"): (MakeAccount, make_account),
    ("GET", "/keys"): (Wish, keys),
    ("POST", "/keys"): (MakeKey, make_key),
    ("POST", "/keys/change"): (ChangeKey, change_key),
    ("POST", "/keys/revoke"): (RevokeKey, revoke_key),
    ("POST", "/deposit"): (Transfer, deposit),
    ("POST", "/withdraw"): (Transfer, withdraw),
    ("POST", "/fees"): (SetFees, set_fees),
    ("POST", "/trading"): (SetTrading, set_trading),
}
