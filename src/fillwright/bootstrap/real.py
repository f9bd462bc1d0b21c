"""Accounts at Binance: each with its key, its own prices, and a self-test; loaded when there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec

from fillwright.binance.endpoints import Endpoints
from fillwright.binance.signers import Signer, SigningKeyError, make_signer
from fillwright.bootstrap.ccxt import (
    CcxtAccess,
    access_of,
    is_through_ccxt,
    looked_at,
    prices_of,
    venue_of,
)
from fillwright.config import Config, RealConfig
from fillwright.core.rollout import CAPS, CLEAN_TRADES
from fillwright.core.settings import RolloutSettings, Settings
from fillwright.core.types import AccountId, Mode, Symbol
from fillwright.market.live.late import LateMarket
from fillwright.options import BadInputError
from fillwright.ports import Clock, MarketData, Owner, Store, Venue
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.modes import Finding, SelfTest
from fillwright.runtime.orchestrator import MarketLine
from fillwright.runtime.recovery import Configured
from fillwright.storage.halt_mark import halt_mark
from fillwright.venues.binance import BinanceSettings
from fillwright.venues.binance_place import BinancePlace
from fillwright.venues.binance_self_test import look
from fillwright.venues.ccxt import CcxtVenue
from fillwright.venues.ccxt_suitability import UnsuitedExchangeError

KEY_TYPE_ANY = "auto"


class RealAccount(msgspec.Struct, frozen=True):
    """An account, what it trades at, and how it is tested."""

    engine: AccountEngine
    settings: Settings
    """With its cap."""
    hub: MarketHub
    market: LateMarket
    """Takes Binance's streams once they are loaded."""
    endpoints: Endpoints
    self_test: SelfTest
    own_prices: Callable[[Sequence[str]], MarketData | None] | None = None
    """Makes its own source for candles of these intervals; None, or of nothing: Binance's streams."""

    @property
    def account_id(self) -> AccountId:
        """Its id."""
        return self.engine.owner.account_id

    @property
    def line(self) -> MarketLine:
        """Its prices."""
        return MarketLine(self.hub, self.market)


def signers_of(config: Config) -> dict[Mode, Signer | CcxtAccess]:
    """The signers of all accounts, that of ``trading.real_mode`` first; BadInputError tells all that is wrong."""
    found: dict[Mode, Signer | CcxtAccess] = {}
    problems: list[str] = []
    for mode in sorted(config.real, key=lambda mode: mode != config.trading.real_mode):
        account = config.real[mode]
        assert account.api_key is not None
        assert account.secret is not None
        if is_through_ccxt(account):
            try:
                found[mode] = access_of(mode, account)
            except UnsuitedExchangeError as error:
                problems.append(f"[{mode}]: {error}")
            continue
        try:
            signer = make_signer(account.api_key, account.secret, account.private_key_password)
        except SigningKeyError as error:
            problems.append(f"[{mode}]: {error}")
            continue
        if account.key_type not in (KEY_TYPE_ANY, signer.kind) and account.key_type.upper() != signer.kind:
            problems.append(f"[{mode}]: key_type is {account.key_type}, and the key is {signer.kind}")
        found[mode] = signer
    if problems:
        raise BadInputError("; ".join(problems))
    return found


def endpoints_of(account: RealConfig) -> Endpoints:
    """Where the settings say that Binance is."""
    return Endpoints(
        rest=account.rest_url.rstrip("/"),
        streams=account.streams_url.rstrip("/"),
        websocket_api=account.websocket_api_url.rstrip("/"),
    )


def settings_in(mode: Mode, settings: Settings, cap: Decimal | None) -> Settings:
    """The settings of a real account: its trades are judged, and capped by its user and by the rollout."""
    rollout = RolloutSettings(clean_trades=CLEAN_TRADES, caps=CAPS if mode is Mode.MAINNET else ())
    settings = msgspec.structs.replace(settings, rollout=rollout)
    if cap is None:
        return settings
    risk = msgspec.structs.replace(
        settings.risk,
        max_position_size_usdt=min(settings.risk.max_position_size_usdt, cap),
        max_order_size_usdt=min(settings.risk.max_order_size_usdt, cap),
    )
    return msgspec.structs.replace(settings, risk=risk)


def real_accounts(
    config: Config,
    signers: dict[Mode, Signer | CcxtAccess],
    symbols: Sequence[Symbol],
    *,
    user_id: str,
    store: Store,
    clock: Clock,
    folder: Path,
) -> list[RealAccount]:
    """Put the accounts together; nothing is asked of Binance yet. ``folder``: remembers bans across restarts."""
    found = []
    for mode, signer in signers.items():
        account = config.real[mode]
        endpoints = endpoints_of(account)
        settings = settings_in(mode, config.settings, account.cap_usdt)
        owner = Owner(account_id=str(mode), user_id=user_id, mode=mode)
        hub = MarketHub(clock)
        venue: Venue
        if isinstance(signer, CcxtAccess):
            venue = venue_of(signer, owner.account_id, clock, settings, symbols)
            test = _ccxt_self_test(venue, clock, settings, reads_key_rights=mode is Mode.MAINNET)
            prices = partial(prices_of, signer, clock, symbols)
        else:
            place = BinancePlace(endpoints, ban_file=folder / f"binance-{mode}.json")
            wanted = BinanceSettings(
                symbols=tuple(symbols), recv_window_ms=settings.reconciliation.recv_window_ms
            )
            venue = place.venue(owner.account_id, signer, clock, wanted)
            test = _self_test(place, signer, settings, reads_key_rights=mode is Mode.MAINNET)
            prices = None
        engine = AccountEngine(
            owner,
            store,
            venue,
            clock,
            hub,
            Configured(settings, config.limits),
            lost_tag=account.old_tag,
            mark=halt_mark(folder, owner.account_id),
        )
        found.append(RealAccount(engine, settings, hub, LateMarket(), endpoints, test, prices))
    return found


def _ccxt_self_test(
    venue: CcxtVenue, clock: Clock, settings: Settings, *, reads_key_rights: bool
) -> SelfTest:
    async def test() -> Sequence[Finding]:
        return [*await looked_at(venue, clock, reads_key_rights=reads_key_rights), _limits(settings)]

    return test


def _self_test(
    place: BinancePlace, signer: Signer, settings: Settings, *, reads_key_rights: bool
) -> SelfTest:
    async def test() -> Sequence[Finding]:
        looked = await look(place.rest(signer), place.clock_sync, reads_key_rights=reads_key_rights)
        found = [
            Finding(name=one.name, passed=one.passed, detail=one.detail, is_unverified=one.is_unverified)
            for one in looked
        ]
        return [*found, _limits(settings)]

    return test


def _limits(settings: Settings) -> Finding:
    """Real money needs limits: what is lost in a day, and how much is held, ends somewhere."""
    risk = settings.risk
    names = ("max_position_size_usdt", "max_total_exposure_usdt", "max_daily_loss_usdt")
    missing = [name for name in names if not getattr(risk, name)]
    return Finding(name="limits", passed=not missing, detail=", ".join(f"{name} is 0" for name in missing))
