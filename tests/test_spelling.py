from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core.events import Check, Record, SignalDenied
from fillwright.core.types import Mode, Time
from fillwright.ports import FillView, OrderView, Verdict
from fillwright.spelling import (
    described,
    encode,
    microseconds,
    moment,
    parse_moment,
    read,
    spelled,
    time_fields,
)

TIME: Time = 1_795_168_800_123_456
FILL = FillView(
    trade_id=1,
    symbol="AAAUSDT",
    order_id="RT_t_1_E_1",
    position_id=None,
    side="BUY",
    price=Decimal("100.50"),
    quantity=Decimal("0E-8"),
    quote_quantity=Decimal("1E+3"),
    commission=Decimal("0.001"),
    commission_asset="USDT",
    commission_quote=Decimal("0.001"),
    is_maker=False,
    timestamp=TIME,
)
ORDER = OrderView(
    id="RT_t_1_E_1",
    exchange_order_id=1,
    order_list_id=None,
    position_id=1,
    leg="entry",
    symbol="AAAUSDT",
    side="BUY",
    order_type="LIMIT",
    time_in_force="FOK",
    original_quantity=Decimal(1),
    executed_quantity=Decimal(1),
    executed_quote=Decimal(100),
    remaining_quantity=Decimal(0),
    price=Decimal(100),
    stop_price=None,
    trailing_delta=None,
    average_fill_price=Decimal(100),
    state="Filled",
    in_doubt=False,
    reject_code=None,
    reject_reason=None,
    expiry_reason=None,
    attempt=1,
    sent_at=None,
    created_at=TIME,
    updated_at=TIME + 1,
    account_id="paper",
    user_id="local",
    mode=Mode.PAPER,
    fills=(FILL,),
)


def test_amounts_are_plain_texts_and_times_rfc_3339() -> None:
    fill = spelled(FILL)

    assert fill["price"] == "100.5"
    assert (fill["quantity"], fill["quote_quantity"]) == ("0", "1000")
    assert fill["timestamp"] == "2026-11-20T10:00:00.123456Z"
    assert fill["position_id"] is None


def test_a_record_and_what_is_in_it_are_read_back_as_they_were() -> None:
    found = read(OrderView, msgspec.json.decode(encode(ORDER)))

    assert found == msgspec.structs.replace(
        ORDER, fills=(msgspec.structs.replace(FILL, quantity=Decimal(0), quote_quantity=Decimal(1000)),)
    )


def test_events_bring_their_kind_and_checks_their_names() -> None:
    checks = (Check("HALTED", True), Check("SPREAD_TOO_WIDE", False, Decimal("1.5"), Decimal("0.5"), "wide"))
    record = Record(7, TIME, 6, SignalDenied(signal_id=3, code="SPREAD_TOO_WIDE", checks=checks))

    told = spelled(record)

    assert told["time"] == moment(TIME)
    assert told["event"]["kind"] == "SignalDenied"
    assert told["event"]["checks"][1] == {
        "code": "SPREAD_TOO_WIDE",
        "passed": False,
        "value": "1.5",
        "limit": "0.5",
        "note": "wide",
    }
    verdict = Verdict(7, TIME, False, "SPREAD_TOO_WIDE", checks)
    assert read(Verdict, spelled(verdict)) == verdict


@given(st.integers(0, 4_102_444_800_000_000))
def test_a_time_survives_its_spelling(time: Time) -> None:
    assert parse_moment(moment(time)) == time


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_moment("2026-11-20T10:00:00")
    zone = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert parse_moment("2026-11-20T12:00:00+02:00") == microseconds(zone)
    assert microseconds(zone + timedelta(microseconds=1)) == microseconds(zone) + 1


def test_what_cannot_be_read_is_a_validation_error() -> None:
    for wrong in ({**spelled(FILL), "timestamp": "yesterday"}, {**spelled(FILL), "price": "x"}, []):
        with pytest.raises(msgspec.ValidationError):
            read(FillView, wrong)


def test_documents_show_times_as_date_times_and_amounts_as_they_are() -> None:
    shape = described(OrderView, "Order")
    fields = {field.name: field.type for field in msgspec.structs.fields(shape)}

    assert time_fields(OrderView) == {"sent_at", "created_at", "updated_at"}
    assert fields["created_at"] is datetime
    assert fields["price"] == Decimal | None
    assert shape.__name__ == "Order"
    assert msgspec.json.decode(encode(ORDER), type=shape).created_at.tzinfo is not None
