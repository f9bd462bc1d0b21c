"""How a server's parts are made of its settings and put together."""

from __future__ import annotations

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import AccountId, Symbol
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.event_log import EventLog
from fillwright.exchange.server.keys import ApiKey, KeyFormatError, KeyKind, KeyRing
from fillwright.exchange.server.limits import Limits
from fillwright.exchange.server.settings import AccountSettings, BoxSettings, KeySettings
from fillwright.exchange.server.state_file import SavedState
from fillwright.exchange.settings import ExchangeLimits, ExchangeSettings
from fillwright.exchange.snapshot import SnapshotError
from fillwright.wire.exchange_info import (
    ExchangeInfo,
    ExchangeInfoError,
    default_exchange_info,
    find_instrument,
    load_exchange_info,
)


class BoxSettingsError(Exception):
    """No server can be made of these settings; the message says why."""


def make_box(settings: BoxSettings, clock: BoxClock | None = None, saved: SavedState | None = None) -> Box:
    """A server without its shells: as the settings have it, or as it was saved. Raises BoxSettingsError."""
    info, instruments = trading_rules(settings)
    exchange_settings = _exchange_settings(settings.exchange, info)
    if clock is None:
        clock = BoxClock(settings.clock.start_us, is_frozen=settings.clock.is_frozen)
    if saved is None:
        exchange = Exchange(instruments.values(), exchange_settings)
        keys = KeyRing()
    else:
        exchange = _restored(saved, settings, instruments, exchange_settings)
        keys = KeyRing(saved.keys)
        clock.begin_at(saved.now)
    box = Box(settings, exchange, clock)
    box.keys = keys
    box.limits = Limits(settings.limits, exchange_settings.order_counts)
    for account in settings.accounts:
        open_account(box, account)
    if settings.log_file is not None:
        try:
            box.log = EventLog(settings.log_file)
        except OSError as error:
            raise BoxSettingsError(f"{settings.log_file}: {error.strerror or error}") from error
    return box


def trading_rules(settings: BoxSettings) -> tuple[ExchangeInfo, dict[Symbol, Instrument]]:
    """What is known of symbols, and those that are traded; raises BoxSettingsError."""
    try:
        if settings.exchange_info is None:
            info = default_exchange_info()
        else:
            info = load_exchange_info(settings.exchange_info)
        wanted = settings.symbols or tuple(info.instruments)
        return info, {symbol: find_instrument(info.instruments, symbol) for symbol in wanted}
    except ExchangeInfoError as error:
        raise BoxSettingsError(str(error)) from error


def _exchange_settings(settings: ExchangeSettings, info: ExchangeInfo) -> ExchangeSettings:
    """The exchange-wide filters are those of the exchange information, unless the settings have their own."""
    if settings.limits != ExchangeLimits():
        return settings
    found = info.exchange_filters
    limits = ExchangeLimits(
        orders_max=found.orders_max,
        algo_orders_max=found.algo_orders_max,
        iceberg_orders_max=found.iceberg_orders_max,
        order_lists_max=found.order_lists_max,
    )
    return msgspec.structs.replace(settings, limits=limits)


def _restored(
    saved: SavedState,
    settings: BoxSettings,
    instruments: dict[Symbol, Instrument],
    exchange_settings: ExchangeSettings,
) -> Exchange:
    missing = [symbol for symbol in saved.symbols if symbol not in instruments]
    if missing:
        raise BoxSettingsError(
            f"{settings.state_file} also has {', '.join(missing)}: name them with --symbol"
        )
    try:
        return Exchange.load(saved.exchange, instruments.values(), exchange_settings)
    except SnapshotError as error:
        raise BoxSettingsError(f"{settings.state_file}: {error}; move the file away to begin anew") from error


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
    if key.secret:
        return ApiKey(key.api_key, account_id, KeyKind.HMAC, key.secret)
    return ApiKey(key.api_key, account_id, kind_of(key.public_key), key.public_key)


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


def state_of(box: Box) -> SavedState:
    """What is to be saved of a server now."""
    return SavedState(
        now=box.now,
        seed=box.settings.seed,
        symbols=box.exchange.symbols,
        exchange=box.exchange.dump(),
        keys=box.keys.all(),
    )
