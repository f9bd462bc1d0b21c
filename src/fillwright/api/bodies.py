"""What callers send: the bodies of requests, checked field by field, and the core's inputs that come of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from litestar.dto import DTOConfig, MsgspecDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from fillwright.api.errors import invalid, malformed
from fillwright.core.inputs import (
    AdjustProtection,
    ClosePosition,
    Decision,
    Entry,
    LiftRolloutCap,
    Resume,
    Signal,
    Size,
)
from fillwright.core.types import (
    HUNDRED,
    ONE,
    ZERO,
    Direction,
    Mode,
    NumberError,
    PositionDecision,
    SignalDecision,
    Time,
    exact,
)
from fillwright.spelling import microseconds

BODY_BYTES_MAX = 64 * 1024
T = TypeVar("T", bound=msgspec.Struct)

Amount = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{1,30}(\.[0-9]{1,30})?$",
        description="An exact decimal number, as text.",
        examples=["78000.5"],
    ),
]
Moment = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339, with a time zone.")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
SymbolName = Annotated[str, msgspec.Meta(min_length=1, max_length=32, examples=["BTCUSDT"])]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Words = Annotated[str, msgspec.Meta(max_length=4_000)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Interval = Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,3}[smhdwM])?$", examples=["15m"])]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body; unknown fields are refused."""


class EntryBody(Body, frozen=True):
    """How to get in: at the market, or at a limit price."""

    type: str = "market"
    """market | limit"""
    price: Amount | None = None


class SizeBody(Body, frozen=True):
    """How much: an amount of quote, or percent of equity at risk."""

    quote: Amount | None = None
    risk_percent: Amount | None = None


class SignalBody(Body, frozen=True):
    """A trader's view on a symbol."""

    symbol: SymbolName
    side: Direction
    trader_id: Name = "api"
    key: Key | None = None
    """Idempotency key, scoped to the trader; the header Idempotency-Key says the same."""
    decision: SignalDecision = SignalDecision.ENTER_TRADE
    confidence: Amount = "1"
    """0 to 1."""
    entry: EntryBody = EntryBody()
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    size: SizeBody | None = None
    """Absent: the account's default."""
    trailing: bool = False
    """Whether the stop follows the price, at the distance that it has at the entry."""
    interval: Interval = ""
    created_at: Moment | None = None
    """Absent: now."""
    expires_at: Moment | None = None
    reasoning: Words = ""
    metadata: Annotated[dict[Label, Reason], msgspec.Meta(max_length=32)] = {}

    def signal(self, created_at: Time, key: str | None) -> Signal:
        """The core's signal; raises ApiError for values that cannot be."""
        confidence = amount("$.confidence", self.confidence)
        if confidence > ONE:
            raise invalid("$.confidence", "must be at most 1")
        return Signal(
            trader_id=self.trader_id,
            symbol=self.symbol,
            side=self.side,
            created_at=created_at,
            decision=self.decision,
            confidence=confidence,
            entry=_entry(self.entry),
            stop_loss=_level("$.stop_loss", self.stop_loss),
            take_profit=_level("$.take_profit", self.take_profit),
            size=_size(self.size),
            trailing=self.trailing,
            interval=self.interval,
            expires_at=None if self.expires_at is None else time_of("$.expires_at", self.expires_at),
            reasoning=self.reasoning,
            metadata=self.metadata,
            key=key,
        )


class CloseBody(Body, frozen=True):
    """Close at the market."""

    reason: Reason = "operator"

    def command(self, position_id: int, by: str, key: str | None) -> ClosePosition:
        """The core's input."""
        return ClosePosition(position_id=position_id, by=by, reason=self.reason, key=key)


class ReduceBody(Body, frozen=True):
    """Sell a part of a position: a fraction of it, or a quantity."""

    fraction: Amount | None = None
    quantity: Amount | None = None
    reasoning: Words = ""

    def decision(self, position_id: int, by: str, key: str | None) -> Decision:
        """The core's input."""
        fraction, quantity = (
            _level("$.fraction", self.fraction),
            _level("$.quantity", self.quantity),
        )
        if (fraction is None) == (quantity is None):
            raise invalid("$", "needs fraction or quantity, not both")
        if fraction is not None and fraction >= ONE:
            raise invalid("$.fraction", "must be less than 1 (to sell all, close the position)")
        return Decision(
            position_id=position_id,
            decision=PositionDecision.REDUCE,
            fraction=fraction,
            quantity=quantity,
            reasoning=self.reasoning,
            by=by,
            key=key,
        )


class AddBody(Body, frozen=True):
    """Buy more of a position, for an amount of quote."""

    quote: Amount
    reasoning: Words = ""

    def decision(self, position_id: int, by: str, key: str | None) -> Decision:
        """The core's input."""
        return Decision(
            position_id=position_id,
            decision=PositionDecision.ADD,
            quote=_level("$.quote", self.quote),
            reasoning=self.reasoning,
            by=by,
            key=key,
        )


class AdjustBody(Body, frozen=True):
    """Move a position's stop or target; ``widen`` allows a stop that risks more."""

    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    widen: bool = False

    def command(self, position_id: int, by: str, key: str | None) -> AdjustProtection:
        """The core's input."""
        stop_loss, take_profit = (
            _level("$.stop_loss", self.stop_loss),
            _level("$.take_profit", self.take_profit),
        )
        if stop_loss is None and take_profit is None:
            raise invalid("$", "needs stop_loss or take_profit")
        return AdjustProtection(
            position_id=position_id,
            by=by,
            stop_loss=stop_loss,
            take_profit=take_profit,
            widen=self.widen,
            key=key,
        )


class StopBody(Body, frozen=True):
    """Emergency stop; with ``flatten`` every position is sold, with ``external`` orders not ours are cancelled, too."""

    flatten: bool = False
    external: bool = False
    reason: Reason = "emergency stop"


class ResumeBody(Body, frozen=True):
    """Lift a halt or an operator's pause."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def command(self, by: str, key: str | None) -> Resume:
        """The core's input."""
        return Resume(by=by, reason=self.reason, key=key)


class ModeBody(Body, frozen=True):
    """Switch the mode."""

    mode: str
    """paper | testnet | demo | mainnet"""
    confirmed: bool = False
    """Needed for mainnet, and to flatten."""
    flatten: bool = False
    """Sell what the old account holds first."""
    accept_unverified_key: bool = False
    """Go on although it cannot be read what the key may do."""
    override_rollout: Reason = ""
    """Why the stage before it need not be complete: it is on record, and counts from then on."""
    force: bool = False
    """Leave an account that is not up although its journal has something open; it is on record, and to be confirmed."""


class CapBody(Body, frozen=True):
    """Lift the cap on the first trades of a mode, or put it back."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    mode: str = "mainnet"
    restore: bool = False
    """Put it back."""
    early: bool = False
    """Lift it although the clean trades are not made."""

    def wanted(self) -> Mode:
        """The mode that is meant."""
        return mode_of(self.mode)

    def command(self, by: str) -> LiftRolloutCap:
        """The core's input."""
        return LiftRolloutCap(by=by, reason=self.reason, restore=self.restore, early=self.early)


def mode_of(text: str) -> Mode:
    """A mode by its name."""
    try:
        return Mode(text)
    except ValueError:
        raise invalid("$.mode", f"{text!r:.40} is none of {', '.join(Mode)}") from None


# -- values ------------------------------------------------------------------------------------------------------


def amount(path: str, text: str) -> Decimal:
    """An exact number ≥ 0."""
    try:
        return exact(text)
    except NumberError as error:
        raise invalid(path, str(error)) from None


def time_of(path: str, when: datetime) -> Time:
    """Microseconds UTC."""
    time = microseconds(when)
    if time <= 0:
        raise invalid(path, "must be after 1970")
    return time


def _level(path: str, text: str | None, most: Decimal | None = None) -> Decimal | None:
    if text is None:
        return None
    number = amount(path, text)
    if number <= ZERO:
        raise invalid(path, "must be more than 0")
    if most is not None and number > most:
        raise invalid(path, f"must be at most {most}")
    return number


def _entry(body: EntryBody) -> Entry:
    if body.type not in ("market", "limit"):
        raise invalid("$.entry.type", f"{body.type!r:.40} is none of market, limit")
    if (body.type == "limit") != (body.price is not None):
        raise invalid("$.entry.price", "a limit entry needs a price, a market entry takes none")
    return Entry(body.type, _level("$.entry.price", body.price))


def _size(body: SizeBody | None) -> Size | None:
    if body is None:
        return None
    if (body.quote is None) == (body.risk_percent is None):
        raise invalid("$.size", "needs quote or risk_percent, not both")
    return Size(_level("$.size.quote", body.quote), _level("$.size.risk_percent", body.risk_percent, HUNDRED))


# -- into the framework ------------------------------------------------------------------------------------------


class BodyDTO(MsgspecDTO[T]):
    """Has the framework decode bodies straight from their bytes: strictly, and with the path of what is wrong."""

    config: ClassVar[DTOConfig] = DTOConfig()
    _decoder: ClassVar[msgspec.json.Decoder[Any]]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if isinstance(model := getattr(cls, "model_type", None), type):
            cls._decoder = msgspec.json.Decoder(model)

    def decode_bytes(self, value: bytes) -> Any:
        """Read a body; an absent one is an empty object."""
        try:
            return self._decoder.decode(value or b"{}")
        except msgspec.DecodeError as error:
            raise malformed(error) from None

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """No transfer model is needed: the body's type is the model."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The schema of the body's own type."""
        found: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return found
