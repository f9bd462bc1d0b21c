"""Terms of a paper account: from settings; how much trust they earn; and what of a fault plan is still to come."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fillwright.core.settings import PaperSettings, Settings, VenueProfile
from fillwright.core.types import SECOND
from fillwright.exchange.faults import FaultPlan, Maintenance, Outcome, RequestFault, Rule, StreamOutage
from fillwright.exchange.settings import OrderCountLimit
from fillwright.venues.paper_terms import faults_from_now_on, paper_terms, profile
from tests.exchange.builders import BTCUSDT, SYMBOL
from tests.venues.papers import START, TERMS

D = Decimal


def test_terms_from_settings() -> None:
    settings = Settings(
        quote_asset="USDC",
        paper=PaperSettings(initial_balance=D(5), maker_fee=D("0.002"), slippage_bps=D(9), spread_bps=D(3)),
        venue=VenueProfile(order_limits=((10, 3), (86_400, 9))),
    )
    terms = paper_terms(settings, [BTCUSDT])
    assert (terms.instruments, terms.balances) == ((BTCUSDT,), {"USDC": D(5)})
    assert (terms.maker_fee, terms.taker_fee, terms.profile) == (D("0.002"), D("0.001"), settings.venue)
    assert (terms.exchange.slippage_bps, terms.exchange.spread_bps) == (D(9), D(3))
    assert [(one.limit, one.label) for one in terms.exchange.order_counts] == [(3, "10 SECOND"), (9, "1 DAY")]


def test_a_venue_that_loses_nothing_is_trusted() -> None:
    limits = (OrderCountLimit(10 * SECOND, 7, "10 SECOND"),)
    terms = msgspec.structs.replace(
        TERMS,
        profile=VenueProfile(keep_ended_s=7),
        exchange=msgspec.structs.replace(TERMS.exchange, order_counts=limits),
    )
    trusted, suspect = profile(terms, faulty=False), profile(terms, faulty=True)
    assert (trusted.in_flight_max_ms, trusted.reconciliation, trusted.protection_read_s) == (0, False, 0)
    assert suspect == msgspec.structs.replace(terms.profile, order_limits=((10, 7),))
    assert (trusted.keep_ended_s, trusted.order_limits) == (7, ((10, 7),))


def test_what_is_over_does_not_come_again() -> None:
    past, present = StreamOutage(START, START + 5), StreamOutage(START, START + 50)
    done, missed, due = (Maintenance(SYMBOL, START, START + end) for end in (5, 15, 50))
    plan = FaultPlan(
        seed=7,
        rules=[Rule(fault=RequestFault(Outcome.LOST), times=2)],
        outages=(past, present),
        maintenance=(done, missed, due),
        counter=3,
    )
    rest = faults_from_now_on(plan, stopped_at=START + 10, now=START + 20, seq=100)
    assert rest is not None
    assert rest.outages == (present,)
    assert rest.maintenance == (
        missed,
        due,
    )  # the one that was missed ended meanwhile: the symbol trades again
    assert (rest.seed, rest.counter) == (7, 103)
    rest.rules[0].times = 0
    assert plan.rules[0].times == 2  # another start finds the plan as it was
    assert faults_from_now_on(None, START, START, 0) is None
