"""How an account comes up, after a crash as at any start: its state from snapshot and journal, brought up to date.

What the configuration says is applied when it has changed since it was last applied, so that what was changed at run
time survives a crash. The user data stream counts as broken until the venue says that it is there: then the venue's
books are compared with ours.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from decimal import localcontext

import msgspec

from fillwright.core import events as ev
from fillwright.core.apply import apply
from fillwright.core.context import Averages, Context
from fillwright.core.effects import Effect
from fillwright.core.engine import Engine, Step
from fillwright.core.inputs import (
    ChangeLimits,
    ChangeSettings,
    EmergencyStop,
    Input,
    OpenLedger,
    Pause,
    Quote,
    Resume,
    StreamChanged,
    UpdateFees,
    UpdateInstruments,
)
from fillwright.core.settings import RiskLimits, Settings
from fillwright.core.state import Ledger, State
from fillwright.core.types import CONTEXT, Symbol, Time
from fillwright.ports import STATE_PART, Halt, Journal, Owner, Projection, Snapshot, Store, VenueTerms

CONFIGURATION_PART = "configuration"
"""The part of a snapshot that names the configuration in force."""
TAG_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
TAG_LENGTH = 6
BY_CONFIGURATION = "configuration"
BY_SERVICE = "service"
STARTED = "the service has started"


class Configured(msgspec.Struct, frozen=True):
    """What the configuration says of an account; limits by ``trader|symbol`` ('' = all), as State has them."""

    settings: Settings
    limits: Mapping[str, RiskLimits] = {}

    def fingerprint(self) -> bytes:
        """The same for the same configuration."""
        limits = [(key, self.limits[key]) for key in sorted(self.limits)]
        return hashlib.blake2b(msgspec.json.encode((self.settings, limits)), digest_size=16).digest()


class Recovered(msgspec.Struct, frozen=True):
    """An account that may go on: its engine, the writer of its read models, and effects that are due."""

    engine: Engine
    projection: Projection
    effects: list[Effect]


class Market(msgspec.Struct, frozen=True):
    """What is known of prices when an account comes up."""

    quotes: Mapping[Symbol, Quote]
    averages: Averages


def draw_tag() -> str:
    """The tag of a new ledger's client order ids: so that ours are told from others' on the exchange."""
    return "".join(secrets.choice(TAG_LETTERS) for _ in range(TAG_LENGTH))


def load(journal: Journal, account_id: str) -> tuple[Ledger, bytes]:
    """The state that the journal tells of, and the fingerprint of the configuration that was applied last."""
    snapshot = journal.load_snapshot(account_id)
    parts: Mapping[str, bytes] = {} if snapshot is None else snapshot.parts
    state = parts.get(STATE_PART)
    ledger = Ledger(State()) if state is None else Ledger.load(state)
    with localcontext(CONTEXT):
        for record in journal.load(account_id, ledger.state.seq):
            apply(ledger, record)
    return ledger, parts.get(CONFIGURATION_PART, b"")


def snapshot_of(engine: Engine, configured: Configured) -> Snapshot:
    """All that is needed to come up without the records so far."""
    state = engine.state
    parts = {STATE_PART: engine.ledger.dump(), CONFIGURATION_PART: configured.fingerprint()}
    return Snapshot(seq=state.seq, time=state.time, parts=parts)


def record_trouble(engine: Engine, where: str, what: str, now: Time) -> Step:
    """Have it in the journal that something went wrong outside of the core."""
    ctx = Context(engine.ledger, engine.quotes, engine.bids, engine.averages, max(now, engine.state.time))
    ctx.emit(ev.Error(where=where, what=what))
    return Step(ctx.records, ctx.effects, None)


def recover(
    store: Store,
    owner: Owner,
    terms: VenueTerms,
    configured: Configured,
    market: Market,
    now: Time,
    *,
    tag: Callable[[], str] = draw_tag,
    lost_tag: str = "",
    troubles: Sequence[tuple[str, str]] = (),
    halt: Halt | None = None,
) -> Recovered:
    """Bring an account up, or open its ledger, and commit what that changes in one transaction with a snapshot.

    ``lost_tag`` is that of a ledger that was lost, whose positions a new one takes back.
    ``troubles`` (where, what) are recorded, and ``halt``, an emergency stop that the journal did not take. Raises
    StorageError, SeqConflictError among them, and UnknownEventError for the journal of a newer program.
    """
    ledger, applied = load(store.journal, owner.account_id)
    engine = Engine(ledger)
    engine.quotes.update(market.quotes)
    engine.averages = market.averages
    projection = store.projection(owner)
    projection.catch_up()
    engine.rearm(now)
    changes = _Changes(engine, projection, now)
    if not engine.state.seq:
        changes.step(_open(owner, terms, configured, lost_tag or tag(), lost=bool(lost_tag)))
    for where, what in troubles:
        changes.take(record_trouble(engine, where, what, now))
    if halt is not None:
        changes.step(
            EmergencyStop(by=halt.by, reason=halt.reason, flatten=halt.flatten, external=halt.external)
        )
    _bring_up_to_date(changes, terms, configured, applied != configured.fingerprint())
    store.journal.append_group(
        owner.account_id,
        changes.records,
        snapshot=snapshot_of(engine, configured),
        projection=projection,
    )
    return Recovered(engine, projection, changes.effects)


class _Changes:
    """Steps of an engine that are committed together."""

    def __init__(self, engine: Engine, projection: Projection, now: Time) -> None:
        self.engine = engine
        self.projection = projection
        self.now = now
        self.records: list[ev.Record] = []
        self.effects: list[Effect] = []

    def step(self, item: Input) -> None:
        """Let an input happen."""
        self.take(self.engine.step(item, now=self.now))

    def take(self, step: Step) -> None:
        """Keep what a step has made."""
        self.projection.observe(step.records, self.engine.ledger)
        self.records += step.records
        self.effects += step.effects


def _open(owner: Owner, terms: VenueTerms, configured: Configured, tag: str, *, lost: bool) -> OpenLedger:
    return OpenLedger(
        account_id=owner.account_id,
        tag=tag,
        lost=lost,
        settings=msgspec.structs.replace(configured.settings, venue=terms.profile),
        instruments=terms.instruments,
        maker_fee=terms.maker_fee,
        taker_fee=terms.taker_fee,
        balances=terms.balances,
    )


def _bring_up_to_date(changes: _Changes, terms: VenueTerms, configured: Configured, is_new: bool) -> None:
    state = changes.engine.state
    settings = configured.settings if is_new else state.settings
    settings = msgspec.structs.replace(settings, venue=terms.profile)
    if settings != state.settings:
        changes.step(ChangeSettings(settings=settings, by=BY_CONFIGURATION))
    if is_new:
        _set_limits(changes, configured.limits)
    changes.step(StreamChanged(connected=False, detail=STARTED))
    changes.step(UpdateInstruments(terms.instruments))
    changes.step(UpdateFees(terms.maker_fee, terms.taker_fee))
    _lift_shutdown(changes)


def _set_limits(changes: _Changes, limits: Mapping[str, RiskLimits]) -> None:
    known = changes.engine.state.limits
    for key in dict.fromkeys([*known, *limits]):
        trader_id, _, symbol = key.partition("|")
        if known.get(key) != limits.get(key):
            changes.step(
                ChangeLimits(by=BY_CONFIGURATION, trader_id=trader_id, symbol=symbol, limits=limits.get(key))
            )


def _lift_shutdown(changes: _Changes) -> None:
    """After a graceful stop entries are allowed again; a halt, and an operator's pause, stay as they were."""
    safety = changes.engine.state.safety
    if not safety.shutdown or safety.halted_cause:
        return  # the resume that lifts the halt lifts both
    until, cause = safety.paused_until, safety.paused_cause
    changes.step(Resume(by=BY_SERVICE, reason=STARTED))
    if until > changes.now:
        changes.step(Pause(until=until, by=BY_SERVICE, cause=cause))
