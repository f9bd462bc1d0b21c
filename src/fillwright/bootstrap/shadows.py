"""Shadows of accounts at Binance: paper accounts beside them, at the same prices; loaded when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from fillwright.bootstrap.real import RealAccount
from fillwright.config import Config
from fillwright.core.settings import RolloutSettings
from fillwright.core.types import ZERO
from fillwright.ports import Clock, Store
from fillwright.runtime.account import AccountEngine
from fillwright.runtime.market import MarketHub
from fillwright.runtime.recovery import Configured
from fillwright.runtime.relaxed import RelaxedStore
from fillwright.runtime.shadow import Shadow, shadow_owner, until_ready
from fillwright.venues.paper import paper_terms
from fillwright.venues.paper_late import LatePaperVenue
from fillwright.venues.paper_terms import PaperTerms


def shadows_of(config: Config, accounts: Sequence[RealAccount], store: Store, clock: Clock) -> list[Shadow]:
    """Put the shadows together; each is opened once its real account is ready."""
    if not config.trading.shadow:
        return []
    relaxed = RelaxedStore(store)
    return [_shadow(config, account, relaxed, clock) for account in accounts]


def _shadow(config: Config, real: RealAccount, store: RelaxedStore, clock: Clock) -> Shadow:
    owner = shadow_owner(real.engine.owner)
    # It has no BNB: it would deny everything for want of it. That the real account pays less shows in the fees.
    execution = msgspec.structs.replace(real.settings.execution, pay_fees_in_bnb=False)
    settings = msgspec.structs.replace(real.settings, execution=execution, rollout=RolloutSettings())

    async def terms() -> PaperTerms:
        """As ``[paper]`` says, save symbols and money: those are the real account's."""
        await until_ready(real.engine, clock)
        wanted = config.trading.shadow_balance
        balance = _quote_of(real.engine) if wanted is None else wanted
        paper = msgspec.structs.replace(settings.paper, initial_balance=balance)
        instruments = tuple(real.engine.engine.state.instruments.values())
        return paper_terms(msgspec.structs.replace(settings, paper=paper), instruments)

    venue = LatePaperVenue(
        owner.account_id, store.journal, clock, terms, latency_ms=settings.paper.latency_ms
    )
    account = AccountEngine(owner, store, venue, clock, MarketHub(clock), Configured(settings, config.limits))
    return Shadow(real.engine, account, clock)


def _quote_of(account: AccountEngine) -> Decimal:
    """What an account has of its quote asset."""
    portfolio = account.engine.state.portfolio
    held = portfolio.balances.get(portfolio.quote_asset)
    return ZERO if held is None else held.total
