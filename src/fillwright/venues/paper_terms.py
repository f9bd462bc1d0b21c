"""On what terms a paper account trades, how far its venue can be trusted, and what is still to go wrong by plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.settings import Settings, VenueProfile
from fillwright.core.types import DAY, SECOND, Asset, Time
from fillwright.exchange.faults import FaultPlan
from fillwright.exchange.settings import ExchangeSettings, OrderCountLimit

KEEP_ENDED_S = 10
"""Without planned faults nothing comes late: what has ended need not burden the State for long."""


class PaperTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper account trades, on what terms, and what it starts with."""

    instruments: tuple[Instrument, ...]
    balances: Mapping[Asset, Decimal]
    maker_fee: Decimal
    taker_fee: Decimal
    exchange: ExchangeSettings = ExchangeSettings()
    profile: VenueProfile = VenueProfile()
    """That of a venue like any other; without planned faults the paper venue is trusted more."""


def paper_terms(settings: Settings, instruments: Sequence[Instrument]) -> PaperTerms:
    """The terms that an account's settings ask for."""
    paper = settings.paper
    counts = [
        OrderCountLimit(window_s * SECOND, orders, _label(window_s))
        for window_s, orders in settings.venue.order_limits
    ]
    return PaperTerms(
        instruments=tuple(instruments),
        balances={settings.quote_asset: paper.initial_balance},
        maker_fee=paper.maker_fee,
        taker_fee=paper.taker_fee,
        exchange=ExchangeSettings(
            slippage_bps=paper.slippage_bps, spread_bps=paper.spread_bps, order_counts=tuple(counts)
        ),
        profile=settings.venue,
    )


def _label(window_s: int) -> str:
    return "1 DAY" if window_s * SECOND == DAY else f"{window_s} SECOND"


def profile(terms: PaperTerms, *, faulty: bool) -> VenueProfile:
    """How far the venue can be trusted: without planned faults its stream loses nothing, and no request is late."""
    limits = tuple([(one.interval_us // SECOND, one.limit) for one in terms.exchange.order_counts])
    if faulty:
        return msgspec.structs.replace(terms.profile, order_limits=limits)
    return msgspec.structs.replace(
        terms.profile,
        in_flight_max_ms=0,
        protection_read_s=0,
        reconciliation=False,
        keep_ended_s=min(terms.profile.keep_ended_s, KEEP_ENDED_S),
        order_limits=limits,
    )


def faults_from_now_on(faults: FaultPlan | None, stopped_at: Time, now: Time, seq: int) -> FaultPlan | None:
    """A plan's part that is still to come: what is over while the process was away, nobody notices any more.

    A window of maintenance that ended meanwhile stays, so that the symbol trades again. The draws are others after each
    restart, and the same for the same journal.
    """
    if faults is None:
        return None
    plan = msgspec.msgpack.decode(msgspec.msgpack.encode(faults), type=FaultPlan)
    plan.outages = tuple(one for one in plan.outages if one.end > now)
    plan.maintenance = tuple(one for one in plan.maintenance if one.end > stopped_at)
    plan.counter += seq
    return plan
