from __future__ import annotations

from typing import Any

import pytest

from fillwright.exchange.server.operations import Call, Catalogue, Operation, Security


def _operation(name: str, method: str, path: str, *, has_websocket: bool = True) -> Operation:
    return Operation(name, method, path, Security.NONE, (), lambda call: {}, has_websocket=has_websocket)


def _call(*, microseconds: bool) -> Call:
    box: Any = None
    return Call(box, _operation("time", "GET", "/api/v3/time"), {}, 0, microseconds=microseconds)


def test_times_are_milliseconds_unless_microseconds_were_asked_for_and_none_stays_none() -> None:
    assert _call(microseconds=False).time(1_700_000_000_123_456) == 1_700_000_000_123
    assert _call(microseconds=True).time(1_700_000_000_123_456) == 1_700_000_000_123_456
    assert _call(microseconds=False).time(-1) == -1


def test_a_catalogue_finds_by_path_and_by_method_of_the_websocket_api() -> None:
    place = _operation("order.place", "POST", "/api/v3/order")
    status = _operation("order.status", "GET", "/api/v3/order")
    rest_only = _operation("order.oco", "POST", "/api/v3/order/oco", has_websocket=False)
    session = _operation("session.status", "", "")
    catalogue = Catalogue((place, status, rest_only, session))
    assert catalogue.by_path["POST", "/api/v3/order"] is place
    assert catalogue.methods["/api/v3/order"] == ("POST", "GET")
    assert set(catalogue.by_name) == {"order.place", "order.status", "session.status"}


def test_nothing_is_served_twice() -> None:
    place = _operation("order.place", "POST", "/api/v3/order")
    with pytest.raises(ValueError, match="served twice"):
        Catalogue((place, _operation("other", "POST", "/api/v3/order")))
    with pytest.raises(ValueError, match="served twice"):
        Catalogue((place, _operation("order.place", "PUT", "/api/v3/order")))
