"""What every event has, and the parts that several share."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import msgspec

from fillwright.core.types import Asset, Time


class Event(msgspec.Struct, frozen=True, gc=False, tag_field="kind", tag=True, omit_defaults=True):
    """A fact that has been recorded."""

    version: ClassVar[int] = 1


class Check(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One risk check's result: its code, whether it passed, what it saw and what it allows."""

    code: str
    passed: bool
    value: Decimal | None = None
    limit: Decimal | None = None
    note: str = ""


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution, with its commission valued in quote at that moment."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: Asset
    commission_quote: Decimal
    is_maker: bool
    time: Time


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the journal: sequence number, time, and the record that led to it (0: none)."""

    seq: int
    time: Time
    cause: int
    event: Event
