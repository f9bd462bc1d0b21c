"""What tests of wire messages share: comparing JSON field by field, and any message of a class."""

from __future__ import annotations

import types
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from fillwright.wire.codec import Message


def differences(recorded: Any, written: Any, path: str = "$") -> Iterator[tuple[str, str]]:
    """Give ``(field, what differs)`` wherever two JSON documents are not the same, to the last digit."""
    if isinstance(recorded, dict) and isinstance(written, dict):
        for name in sorted(recorded.keys() | written.keys()):
            if name not in written:
                yield name, f"{path}.{name}: {recorded[name]!r} is lost"
            elif name not in recorded:
                yield name, f"{path}.{name}: {written[name]!r} is invented"
            else:
                yield from differences(recorded[name], written[name], f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(written, list) and len(recorded) == len(written):
        for number, (one, other) in enumerate(zip(recorded, written, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif recorded != written or type(recorded) is not type(written):
        yield path.rpartition(".")[2], f"{path}: {recorded!r} became {written!r}"


NUMBERS = st.decimals(
    min_value=-(10**12), max_value=10**12, places=8, allow_nan=False, allow_infinity=False
) | st.sampled_from([Decimal("0E-8"), Decimal("0.10"), Decimal("1E-8"), Decimal("92233720368.54775807")])
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    Decimal: NUMBERS,
    int: st.integers(min_value=-1, max_value=2**63 - 1),
    bool: st.booleans(),
    str: st.text(min_size=1, max_size=12),
}


def messages(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Any message of a class: each field that may be absent is absent at times."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values(hints[name]) for name in kind.__struct_fields__})


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may have."""
    origin = get_origin(hint)
    if hint is types.NoneType:
        return st.none()
    if hint is msgspec.Raw:
        return st.sampled_from([b'{"a":[1,null]}', b"[]", b"true"]).map(msgspec.Raw)
    if origin in (Union, types.UnionType):
        return st.one_of(*(values(part) for part in get_args(hint)))
    if origin is tuple:
        return st.lists(values(get_args(hint)[0]), min_size=1, max_size=2).map(tuple)
    if hint in SCALARS:
        return SCALARS[hint]
    return messages(hint)
