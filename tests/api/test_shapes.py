from __future__ import annotations

import msgspec

from fillwright.answers import SignalAnswer
from fillwright.api import shapes
from fillwright.api.errors import ErrorAnswer


def test_a_page_has_its_records_by_name_and_a_cursor() -> None:
    page = shapes.page_of("orders", shapes.OrderRecord)
    assert page.__struct_fields__ == ("orders", "next_cursor")
    assert msgspec.json.decode(b'{"orders": []}', type=page).next_cursor is None  # type: ignore[attr-defined]


def test_a_route_that_succeeds_with_one_status_fails_with_the_one_shape() -> None:
    found = shapes.answers(SignalAnswer, 201, "Taken", 409)
    assert sorted(found) == [201, 400, 401, 409]
    assert found[201].data_container.__struct_fields__ == SignalAnswer.__struct_fields__  # type: ignore[union-attr]
    assert {spec.data_container for status, spec in found.items() if status >= 400} == {ErrorAnswer}
