"""What ``fillwright doctor`` looks at of accounts with a key: reached, read, in order, its key's rights, its symbols.

Nothing is changed there, and no word of a key is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from fillwright.binance.signers import Signer
from fillwright.binance.websocket_api import Account as Session
from fillwright.bootstrap.ccxt import CcxtAccess, looked_at, venue_of
from fillwright.bootstrap.enlisting import SYNTHETIC_SYMBOLS
from fillwright.bootstrap.real import endpoints_of, settings_in, signers_of
from fillwright.config import GATE, Config, RealConfig
from fillwright.core.settings import Settings
from fillwright.core.types import Mode, Symbol
from fillwright.options import BadInputError, Finding
from fillwright.ports import VenueUnavailableError
from fillwright.runtime.clock import SystemClock
from fillwright.venues.binance_checkup import (
    Checked,
    check_stream,
    check_up,
    least_of,
    money_of,
    symbols_of,
)
from fillwright.venues.binance_place import BinancePlace
from fillwright.venues.binance_self_test import Looked, look

ACCOUNT_MAX_S = 30.0
"""So long one account is looked at."""
PING, CLOCK, ACCOUNT, KEY = "ping", "clock", "account", "key"
REMEDIES = {
    PING: "let this machine reach {rest}, or put {mode}.rest_url right",
    CLOCK: "switch on time synchronisation: timedatectl set-ntp true",
    ACCOUNT: "look at the key, its addresses (IP), and whether it is of {mode}: each place has keys of its own",
    KEY: "at Binance: spot trading allowed, withdrawals not, bound to this machine's address",
}
CCXT_REMEDY = "look at the addresses and the key of [{mode}], and whether this machine reaches them"
UNREAD_KEY = "look yourself what the key may do, then switch with --accept-unverified-key"


def examine_accounts(config: Config) -> list[Finding]:
    """Look at every account that has a key."""
    found = _gate(config)
    try:
        signers = signers_of(config)
    except BadInputError as error:
        return [*found, _finding("Keys", "failed", str(error), "put the key right in the settings")]
    symbols = config.market.symbols or config.settings.symbols or _of_traders(config)
    for mode in sorted(signers, key=[*Mode].index):
        found += asyncio.run(_account(config, mode, signers[mode], symbols))
    return found


def _of_traders(config: Config) -> tuple[Symbol, ...]:
    """As the service does: theirs, and some common ones where a trader, or nobody, names any."""
    traders = config.traders.values()
    named = [symbol for trader in traders for symbol in trader.symbols]
    common = () if traders and all(trader.symbols for trader in traders) else SYNTHETIC_SYMBOLS
    return tuple(dict.fromkeys((*common, *named)))


def _gate(config: Config) -> list[Finding]:
    if not config.mainnet.is_configured or config.allows_mainnet:
        return []
    text = (
        f"[mainnet] has a key, and the environment does not say {GATE}=true: it is not looked at, nor traded"
    )
    return [
        _finding(
            "mainnet", "warning", text, f"export {GATE}=true where the service runs, or take the key out"
        )
    ]


def _finding(name: str, result: str, text: str, remedy: str = "") -> Finding:
    return Finding(name=name, result=result, text=text, remedy=remedy)


async def _account(
    config: Config, mode: Mode, signer: Signer | CcxtAccess, symbols: Sequence[Symbol]
) -> list[Finding]:
    account = config.real[mode]
    settings = settings_in(mode, config.settings, account.cap_usdt)
    try:
        async with asyncio.timeout(ACCOUNT_MAX_S):
            if isinstance(signer, CcxtAccess):
                return await _through_ccxt(mode, account, signer, settings, symbols)
            return await _at_binance(config, mode, account, signer, settings, symbols)
    except TimeoutError:
        text = f"no end within {ACCOUNT_MAX_S:g} s"
        return [
            _finding(
                f"{mode} {ACCOUNT}", "failed", text, REMEDIES[PING].format(rest=account.rest_url, mode=mode)
            )
        ]


async def _at_binance(
    config: Config,
    mode: Mode,
    account: RealConfig,
    signer: Signer,
    settings: Settings,
    symbols: Sequence[Symbol],
) -> list[Finding]:
    """The self-test, and if that can be had everything else."""
    ban_file = config.data.dir / f"binance-{mode}.json"
    place = BinancePlace(endpoints_of(account), ban_file=ban_file if config.data.dir.is_dir() else None)
    looked = await look(place.rest(signer), place.clock_sync, reads_key_rights=mode is Mode.MAINNET)
    if not next(one for one in looked if one.name == PING).passed:
        looked = [one for one in looked if one.name == PING]
    found = [_looked(mode, account, one) for one in looked]
    if any(not one.passed for one in looked if one.name in (PING, ACCOUNT)):
        return found
    session = Session(str(mode), signer, place.clock_sync.now, place.clock_sync.doubt, place.budget)
    checked = await check_up(place.rest(signer), symbols, settings, smallest_cap(settings))
    checked.append(await check_stream(place.endpoints, session))
    return [*found, *[_checked(mode, one) for one in checked]]


async def _through_ccxt(
    mode: Mode, account: RealConfig, access: CcxtAccess, settings: Settings, symbols: Sequence[Symbol]
) -> list[Finding]:
    """The self-test of an account through ccxt, its symbols and its money."""
    clock = SystemClock()
    venue = venue_of(access, str(mode), clock, settings, symbols)
    try:
        terms = await venue.open()
        try:
            looked = await looked_at(venue, clock, reads_key_rights=mode is Mode.MAINNET)
        finally:
            await venue.close()
    except VenueUnavailableError as error:
        return [_finding(f"{mode} {ACCOUNT}", "failed", str(error), CCXT_REMEDY.format(mode=mode))]
    there = [one for one in terms.instruments if one.symbol in symbols]
    missing = [symbol for symbol in symbols if symbol not in {one.symbol for one in there}]
    checked = [
        symbols_of(there, missing),
        least_of(there, smallest_cap(settings)),
        money_of({asset: free for asset, free, _ in terms.balances}, settings),
    ]
    found = [
        _looked(
            mode,
            account,
            Looked(name=one.name, passed=one.passed, detail=one.detail, is_unverified=one.is_unverified),
        )
        for one in looked
    ]
    return [*found, *[_checked(mode, one) for one in checked]]


def smallest_cap(settings: Settings) -> Decimal:
    """Quote that one trade may be worth at first: of the user's limits and the rollout's first cap the least."""
    risk = settings.risk
    return min(risk.max_position_size_usdt, risk.max_order_size_usdt, *settings.rollout.caps[:1])


def _looked(mode: Mode, account: RealConfig, one: Looked) -> Finding:
    name = f"{mode} {one.name}"
    if one.passed:
        return _finding(name, "ok", one.detail or "in order")
    if one.is_unverified:
        return _finding(name, "warning", one.detail, UNREAD_KEY)
    remedy = REMEDIES.get(one.name, "").format(rest=account.rest_url, mode=mode)
    return _finding(name, "failed", one.detail or "it failed", remedy)


def _checked(mode: Mode, one: Checked) -> Finding:
    return _finding(f"{mode} {one.name}", one.result, one.text, one.remedy)
