"""``fillwright emergency-stop --keys``: a key, a clock, a REST session, and nothing else."""

from __future__ import annotations

import asyncio

import msgspec

from fillwright.binance.signers import Signer, SigningKeyError, make_signer
from fillwright.bootstrap.ccxt import client_of, is_through_ccxt
from fillwright.bootstrap.real import endpoints_of
from fillwright.config import RealConfig, load_account, symbols_in
from fillwright.config.real import BINANCE, REAL_MODES
from fillwright.options import BadInputError, KeysStopOptions, KeysStopReport
from fillwright.runtime.clock import SystemClock
from fillwright.venues.binance_place import BinancePlace
from fillwright.venues.ccxt_keys_stop import CcxtKeysStop
from fillwright.venues.keys_only_stop import WATCH_S, KeysOnlyStop, StopReport


def stop_by_keys(options: KeysStopOptions) -> KeysStopReport:
    """Stop an account straight at the exchange; raises ConfigError, BadInputError."""
    section, account = load_account(options.keys, options.section)
    options = msgspec.structs.replace(options, section=section)
    if options.url is not None:
        account = msgspec.structs.replace(account, rest_url=options.url)
    if is_through_ccxt(account) and account.exchange != BINANCE:
        report = asyncio.run(_stop_through_ccxt(account, options))
        account = msgspec.structs.replace(account, rest_url=f"{account.exchange}, through ccxt")
    else:  # Binance is asked directly, however a service goes there
        report = asyncio.run(_stop(account, _signer(account), options))
    return KeysStopReport(
        where=account.rest_url,
        cancelled=report.cancelled,
        sold=tuple([(one.client_order_id, one.symbol, one.quantity) for one in report.sold]),
        kept=report.kept,
        left=tuple([(one.what, one.why) for one in report.left]),
        flag=report.flag,
        no_flag=report.no_flag,
        clean_after_s=report.clean_after_s,
        took_s=report.took_s,
    )


def _signer(account: RealConfig) -> Signer:
    assert account.api_key is not None
    assert account.secret is not None
    try:
        return make_signer(account.api_key, account.secret, account.private_key_password)
    except SigningKeyError as error:
        raise BadInputError(str(error)) from error


async def _stop_through_ccxt(account: RealConfig, options: KeysStopOptions) -> StopReport:
    section = options.section or "mainnet"
    stop = CcxtKeysStop(
        client_of(REAL_MODES[section], account, symbols_in(options.keys)),
        SystemClock(),
        flatten=options.flatten,
        tag=options.tag,
        external=options.external,
        watch_s=WATCH_S if options.watch_s is None else options.watch_s,
    )
    return await stop.run()


async def _stop(account: RealConfig, signer: Signer, options: KeysStopOptions) -> StopReport:
    place = BinancePlace(endpoints_of(account))
    async with place.rest(signer) as rest:
        stop = KeysOnlyStop(
            rest,
            place.clock_sync,
            flatten=options.flatten,
            tag=options.tag,
            external=options.external,
            symbols=symbols_in(options.keys),
            watch_s=WATCH_S if options.watch_s is None else options.watch_s,
        )
        return await stop.run()
