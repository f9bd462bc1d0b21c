"""The one event hierarchy: every change of state is one of these, and ``state.apply`` alone makes it so.

An event is a fact in the past tense. Denied is ours, rejected is the venue's. Each has a version; older versions are
brought up to date when they are read (``decode``). ``docs/EVENTS.md`` is generated from this package.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fillwright.core.events.account import (
    AccountOpened,
    BalanceCorrected,
    BalanceDiffers,
    BalanceUpdated,
    CandleClosed,
    EquityMarked,
    FeesChanged,
    InstrumentChanged,
    LedgerRecovered,
    LimitsChanged,
    SettingsChanged,
    TradingDayStarted,
    TransferSeen,
)
from fillwright.core.events.base import Check, Event, Fill, Record
from fillwright.core.events.orders import (
    ExternalOrderSeen,
    OrderAdopted,
    OrderAmended,
    OrderAmendRefused,
    OrderAmendRequested,
    OrderCancelled,
    OrderCancelRefused,
    OrderCancelRequested,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderPartiallyFilled,
    OrderPlaced,
    OrderQueried,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
)
from fillwright.core.events.positions import (
    ExitFailed,
    PositionClosed,
    PositionClosing,
    PositionCreated,
    PositionFailed,
    PositionOpened,
    PositionProtected,
    PositionReduced,
    PositionReduceRequested,
    PositionReopened,
    PositionUnprotected,
    PositionUpdated,
    ProtectionFailed,
    StopTakenAway,
)
from fillwright.core.events.rollout import RolloutCapChanged, RolloutOverridden, TradeJudged
from fillwright.core.events.safety import (
    Anomaly,
    CircuitBreakerClosed,
    CircuitBreakerOpened,
    Discrepancy,
    EmergencyStopped,
    EmergencyStopVerified,
    Error,
    ExternalCancelRequested,
    ForeignStopSeen,
    Halted,
    ModeSwitched,
    Paused,
    ProtectionRead,
    RateLimited,
    ReconciliationComplete,
    ReconciliationStarted,
    Resumed,
    ShutdownBegun,
    StreamStateChanged,
    UserModeSwitched,
    VenueAnswered,
    VenueErrorSeen,
)
from fillwright.core.events.signals import (
    CommandTaken,
    DecisionMade,
    SignalApproved,
    SignalDenied,
    SignalReceived,
    SignalStatusChanged,
)
from fillwright.core.events.venue import VenueRecorded

__all__ = [
    "EVENT_TYPES",
    "UPCASTS",
    "AccountOpened",
    "Anomaly",
    "BalanceCorrected",
    "BalanceDiffers",
    "BalanceUpdated",
    "CandleClosed",
    "Check",
    "CircuitBreakerClosed",
    "CircuitBreakerOpened",
    "CommandTaken",
    "DecisionMade",
    "Discrepancy",
    "EmergencyStopVerified",
    "EmergencyStopped",
    "EquityMarked",
    "Error",
    "Event",
    "ExitFailed",
    "ExternalCancelRequested",
    "ExternalOrderSeen",
    "FeesChanged",
    "Fill",
    "ForeignStopSeen",
    "Halted",
    "InstrumentChanged",
    "LedgerRecovered",
    "LimitsChanged",
    "ModeSwitched",
    "OrderAdopted",
    "OrderAmendRefused",
    "OrderAmendRequested",
    "OrderAmended",
    "OrderCancelRefused",
    "OrderCancelRequested",
    "OrderCancelled",
    "OrderDenied",
    "OrderExpired",
    "OrderFilled",
    "OrderNotFound",
    "OrderPartiallyFilled",
    "OrderPlaced",
    "OrderQueried",
    "OrderRejected",
    "OrderSubmitted",
    "OrderUnknown",
    "Paused",
    "PositionClosed",
    "PositionClosing",
    "PositionCreated",
    "PositionFailed",
    "PositionOpened",
    "PositionProtected",
    "PositionReduceRequested",
    "PositionReduced",
    "PositionReopened",
    "PositionUnprotected",
    "PositionUpdated",
    "ProtectionFailed",
    "ProtectionRead",
    "RateLimited",
    "ReconciliationComplete",
    "ReconciliationStarted",
    "Record",
    "Resumed",
    "RolloutCapChanged",
    "RolloutOverridden",
    "SettingsChanged",
    "ShutdownBegun",
    "SignalApproved",
    "SignalDenied",
    "SignalReceived",
    "SignalStatusChanged",
    "StopTakenAway",
    "StreamStateChanged",
    "TradeJudged",
    "TradingDayStarted",
    "TransferSeen",
    "UnknownEventError",
    "UserModeSwitched",
    "VenueAnswered",
    "VenueErrorSeen",
    "VenueRecorded",
    "decode",
    "encode",
]

EVENT_TYPES: dict[str, type[Event]] = {cls.__name__: cls for cls in Event.__subclasses__()}
"""Every event by its kind."""


def _without_body_hash(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "body_hash"}


def _one_balance(body: dict[str, Any]) -> dict[str, Any]:
    balance = (body["asset"], body["free"], body["locked"])
    return {"kind": body["kind"], "balances": [balance], "opening": body.get("opening", False)}


UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("SignalReceived", 1): _without_body_hash,  # the signal itself is there: its hash followed from it
    ("BalanceUpdated", 1): _one_balance,
}
"""(kind, version) → a function that turns such a body into the next version's."""

_ENCODER = msgspec.json.Encoder()
_EXPONENT = re.compile(rb"E[-+]").search
_DECODERS = {kind: msgspec.json.Decoder(cls) for kind, cls in EVENT_TYPES.items()}


class UnknownEventError(ValueError):
    """A journal holds an event of a newer program."""


def encode(event: Event) -> bytes:
    """Write an event as JSON; decimals as plain text, never with an exponent."""
    body = _ENCODER.encode(event)
    if _EXPONENT(body) is not None:  # rare: only then is it worth a walk through the fields
        return _ENCODER.encode(_plain_decimals(msgspec.to_builtins(event, builtin_types=(Decimal,))))
    return body


def _plain_decimals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {key: _plain_decimals(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_decimals(item) for item in value]
    return value


def decode(kind: str, version: int, body: bytes) -> Event:
    """Read an event of any version up to today's; UnknownEventError for kinds or versions of the future."""
    cls = EVENT_TYPES.get(kind)
    if cls is None or version > cls.version:
        raise UnknownEventError(f"{kind} version {version}")
    if version == cls.version:
        return _DECODERS[kind].decode(body)
    fields = msgspec.json.decode(body)
    for old in range(version, cls.version):
        fields = UPCASTS[kind, old](fields)
    return msgspec.convert(fields, cls)
