"""Events are facts that survive being written down: any event, any number in it, any version of it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import msgspec.inspect as mi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.events import EVENT_TYPES, UPCASTS, UnknownEventError, decode, encode
from fillwright.core.types import Direction, Mode, Protection

D = Decimal

DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=D("-1e20"), max_value=D("1e20")
) | st.sampled_from(
    [D("0"), D("-0.0"), D("1E+3"), D("1E-18"), D("0E-8"), D("0.10"), D("123456789.123456789123456789")]
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["", "E-", "1E+3", 'a"\\\u2028', "1E-9"]
)


def values(kind: mi.Type) -> st.SearchStrategy[Any]:
    """Make values of a field's type."""
    if isinstance(kind, mi.UnionType):
        return st.one_of([values(part) for part in kind.types])
    if isinstance(kind, mi.VarTupleType):
        return st.lists(values(kind.item_type), max_size=3).map(tuple)
    if isinstance(kind, mi.TupleType):
        return st.tuples(*(values(part) for part in kind.item_types))
    if isinstance(kind, mi.DictType):
        return st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=2)
    if isinstance(kind, mi.EnumType):
        return st.sampled_from(list(kind.cls))
    if isinstance(kind, mi.StructType):
        return structs(kind.cls)
    simple: dict[type[mi.Type], st.SearchStrategy[Any]] = {
        mi.NoneType: st.none(),
        mi.BoolType: st.booleans(),
        mi.IntType: st.integers(-(2**53), 2**53),
        mi.StrType: TEXTS,
        mi.BytesType: st.binary(max_size=12),
        mi.DecimalType: DECIMALS,
    }
    return simple[type(kind)]


def structs(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Make structs, some fields at their default."""
    info = mi.type_info(cls)
    assert isinstance(info, mi.StructType)
    needed = {field.name: values(field.type) for field in info.fields if field.required}
    free = {field.name: values(field.type) for field in info.fields if not field.required}
    return st.fixed_dictionaries(needed, optional=free).map(lambda fields: cls(**fields))


# -- writing and reading -----------------------------------------------------------------------------------------


def sample(kind: mi.Type) -> Any:
    """Make one value of a field's type, with numbers that are awkward to write."""
    if isinstance(kind, mi.UnionType):
        return sample(next(part for part in kind.types if not isinstance(part, mi.NoneType)))
    if isinstance(kind, mi.VarTupleType):
        return (sample(kind.item_type), sample(kind.item_type))
    if isinstance(kind, mi.TupleType):
        return tuple(sample(part) for part in kind.item_types)
    if isinstance(kind, mi.DictType):
        return {sample(kind.key_type): sample(kind.value_type)}
    if isinstance(kind, mi.EnumType):
        return list(kind.cls)[-1]
    if isinstance(kind, mi.StructType):
        return kind.cls(**{field.name: sample(field.type) for field in kind.fields})
    simple: dict[type[mi.Type], Any] = {
        mi.BoolType: True,
        mi.IntType: 2**53,
        mi.StrType: "E-µ",
        mi.BytesType: b"\x13\xe0",
        mi.DecimalType: D("-1.50E-9"),
    }
    return simple[type(kind)]


def assert_comes_back(event: ev.Event) -> None:
    """Write an event, read it, and write it again."""
    kind = type(event).__name__
    body = encode(event)
    again = decode(kind, event.version, body)

    assert again == event
    assert encode(again) == body
    assert msgspec.json.decode(body)["kind"] == kind


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_every_kind_of_event_comes_back_with_all_its_fields(kind: str) -> None:
    assert_comes_back(sample(mi.type_info(EVENT_TYPES[kind])))


@given(st.sampled_from(sorted(EVENT_TYPES)).flatmap(lambda kind: structs(EVENT_TYPES[kind])))
def test_any_event_comes_back_as_it_was(event: ev.Event) -> None:
    assert_comes_back(event)


@given(number=DECIMALS)
def test_numbers_are_written_plainly(number: Decimal) -> None:
    body = encode(ev.EquityMarked(number, (("BTCUSDT", number),))).decode()

    texts = re.findall(r'"(-?[0-9][^"]*)"', body)
    assert len(texts) == 2
    for text in texts:
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
        assert D(text) == number


def test_a_text_that_looks_like_an_exponent_stays() -> None:
    event = ev.Error("E-", "1E+3")

    assert msgspec.json.decode(encode(event)) == {"kind": "Error", "where": "E-", "what": "1E+3"}


def test_numbers_inside_parts_are_written_plainly() -> None:
    check = ev.Check("SPREAD_TOO_WIDE", False, D("1E-9"), D("1E+2"))

    body = encode(ev.SignalDenied(1, "SPREAD_TOO_WIDE", (check,)))

    assert msgspec.json.decode(body)["checks"] == [["SPREAD_TOO_WIDE", False, "0.000000001", "100", ""]]


def test_what_has_its_default_is_left_out() -> None:
    assert encode(ev.BalanceUpdated((("USDT", D(1), D("0.5")),))) == (
        b'{"kind":"BalanceUpdated","balances":[["USDT","1","0.5"]]}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"kind":"OrderPlaced"}',
        b'{"kind":"Error","where":"x","what":"y"}',
        b'{"kind":"OrderPlaced","id":"a","exchange_order_id":"one"}',
        b'{"kind":"OrderPlaced","id":"a","exchange_order_id":1,"quantity":"lots"}',
    ],
)
def test_a_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode("OrderPlaced", 1, body)


# -- kinds and versions ------------------------------------------------------------------------------------------


def test_an_event_of_the_future_is_refused() -> None:
    with pytest.raises(UnknownEventError, match="OrderTeleported version 1"):
        decode("OrderTeleported", 1, b"{}")
    with pytest.raises(UnknownEventError, match="OrderPlaced version 2"):
        decode("OrderPlaced", 2, b"{}")


def test_old_versions_are_brought_up_to_date_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ev.Paused, "version", 3)
    monkeypatch.setitem(UPCASTS, ("Paused", 1), lambda body: {**body, "until": body["until_s"] * 1_000_000})
    monkeypatch.setitem(UPCASTS, ("Paused", 2), lambda body: {**body, "by": body["by"].lower()})

    old = b'{"kind":"Paused","cause":"lunch","until_s":7,"by":"ANN"}'
    newer = b'{"kind":"Paused","cause":"lunch","until":8,"by":"ANN"}'
    newest = b'{"kind":"Paused","cause":"lunch","until":9,"by":"ANN"}'

    assert decode("Paused", 1, old) == ev.Paused("lunch", 7_000_000, "ann")
    assert decode("Paused", 2, newer) == ev.Paused("lunch", 8, "ann")
    assert decode("Paused", 3, newest) == ev.Paused("lunch", 9, "ANN")


def test_numbers_of_old_versions_are_read_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ev.FeesChanged, "version", 2)
    monkeypatch.setitem(UPCASTS, ("FeesChanged", 1), lambda body: {**body, "taker": body["maker"]})

    event = decode("FeesChanged", 1, b'{"kind":"FeesChanged","maker":"0.0010"}')

    assert str(event.taker) == "0.0010"  # type: ignore[attr-defined]


def test_balances_of_old_journals_are_read() -> None:
    old = b'{"kind":"BalanceUpdated","asset":"USDT","free":"1.50","locked":"0"}'
    opening = b'{"kind":"BalanceUpdated","asset":"BTC","free":"2","locked":"1","opening":true}'

    assert decode("BalanceUpdated", 1, old) == ev.BalanceUpdated((("USDT", D("1.50"), D(0)),))
    assert decode("BalanceUpdated", 1, opening) == ev.BalanceUpdated((("BTC", D(2), D(1)),), opening=True)


def test_signals_of_old_journals_are_read() -> None:
    old = (
        b'{"kind":"SignalReceived","signal_id":1,"signal":{"trader_id":"ada","symbol":"BTCUSDT","side":"long",'
        b'"created_at":7},"key":"ada|k","body_hash":"5c1f"}'
    )

    event = decode("SignalReceived", 1, old)

    assert isinstance(event, ev.SignalReceived)
    assert (event.signal_id, event.signal.symbol, event.key) == (1, "BTCUSDT", "ada|k")


def test_every_old_version_can_be_read() -> None:
    expected = {(kind, old) for kind, cls in EVENT_TYPES.items() for old in range(1, cls.version)}

    assert set(UPCASTS) == expected


def test_every_event_is_offered_by_name() -> None:
    assert set(EVENT_TYPES) <= set(ev.__all__)
    assert all(getattr(ev, name) is kind for name, kind in EVENT_TYPES.items())


def test_events_cannot_be_changed() -> None:
    event = ev.PositionOpened(1)

    with pytest.raises(AttributeError):
        event.position_id = 2  # type: ignore[misc]


def test_enums_are_written_as_their_words() -> None:
    assert (Direction.LONG.value, Protection.OPOCO.value, Mode.PAPER.value) == ("long", "opoco", "paper")
    body = encode(ev.PositionProtected(1, "S", 2, "T", Protection.OPOCO))
    assert msgspec.json.decode(body)["protection"] == "opoco"
