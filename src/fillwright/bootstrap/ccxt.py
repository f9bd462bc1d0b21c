"""Accounts through ccxt: what the settings say of them, whether the exchange is suited, venue, prices and self-test."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fillwright.config import RealConfig
from fillwright.config.real import BINANCE, CCXT
from fillwright.core.settings import Settings
from fillwright.core.types import AccountId, Mode, Symbol, plain
from fillwright.ports import Clock, MarketData
from fillwright.runtime.modes import Finding
from fillwright.venues.ccxt import CcxtVenue
from fillwright.venues.ccxt_client import CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_market import CcxtMarketData
from fillwright.venues.ccxt_places import Prepare, at_binance, at_urls
from fillwright.venues.ccxt_self_test import look
from fillwright.venues.ccxt_suitability import examine

KIND = "ccxt"


class CcxtAccess(msgspec.Struct, frozen=True):
    """How an account is reached; that its exchange is suited has been looked at."""

    settings: CcxtSettings
    keys: CcxtKeys
    prepare: Prepare

    @property
    def kind(self) -> str:
        """Where signers have their key's."""
        return KIND


def is_through_ccxt(account: RealConfig) -> bool:
    """Whether our own sessions are not used."""
    return account.through == CCXT


def access_of(mode: Mode, account: RealConfig) -> CcxtAccess:
    """The access that the settings describe; raises UnsuitedExchangeError.

    Binance is where ``rest_url`` and its like say. Another exchange's test network is the only place of ``[testnet]``,
    so that its real one is behind mainnet's gate.
    """
    access = _described(mode, account)
    suited = examine(access.settings, access.keys, access.prepare)
    settings = msgspec.structs.replace(access.settings, stop_types=suited.stop_types)
    return CcxtAccess(settings, access.keys, access.prepare)


def client_of(mode: Mode, account: RealConfig, symbols: tuple[Symbol, ...]) -> CcxtClient:
    """A way to the exchange alone, whether or not it is suited; not opened yet."""
    access = _described(mode, account)
    settings = msgspec.structs.replace(access.settings, symbols=symbols)
    return CcxtClient(settings, access.keys, access.prepare)


def _described(mode: Mode, account: RealConfig) -> CcxtAccess:
    assert account.api_key is not None
    assert account.secret is not None
    is_binance = account.exchange == BINANCE
    settings = CcxtSettings(
        exchange_id=account.exchange,
        sandbox=mode is not Mode.MAINNET and not is_binance,
        options=account.ccxt_options,
        maker_fee=None if account.ccxt_maker_fee is None else plain(account.ccxt_maker_fee),
        taker_fee=None if account.ccxt_taker_fee is None else plain(account.ccxt_taker_fee),
    )
    keys = CcxtKeys(account.api_key, account.secret, account.password)
    there = at_binance(
        account.rest_url.rstrip("/"), account.streams_url.rstrip("/"), account.websocket_api_url.rstrip("/")
    )
    elsewhere = at_urls(account.ccxt_urls)

    def prepare(exchange: object) -> None:
        if is_binance:
            there(exchange)
        elsewhere(exchange)

    return CcxtAccess(settings, keys, prepare)


def venue_of(
    access: CcxtAccess, account_id: AccountId, clock: Clock, settings: Settings, symbols: Sequence[Symbol]
) -> CcxtVenue:
    """Where the account's orders go."""
    wanted = msgspec.structs.replace(
        access.settings, symbols=tuple(symbols), recv_window_ms=settings.reconciliation.recv_window_ms
    )
    return CcxtVenue(account_id, access.keys, clock, wanted, access.prepare)


def prices_of(
    access: CcxtAccess, clock: Clock, symbols: Sequence[Symbol], intervals: Sequence[str]
) -> MarketData | None:
    """The exchange's own prices; None for Binance's, whose public streams need no ccxt."""
    if access.settings.exchange_id == BINANCE:
        return None
    return CcxtMarketData(access.settings, symbols, intervals, clock, access.prepare)


async def looked_at(venue: CcxtVenue, clock: Clock, *, reads_key_rights: bool) -> list[Finding]:
    """The self-test of an account."""
    looked = await look(venue.client, clock.now, reads_key_rights=reads_key_rights)
    return [
        Finding(name=one.name, passed=one.passed, detail=one.detail, is_unverified=one.is_unverified)
        for one in looked
    ]
