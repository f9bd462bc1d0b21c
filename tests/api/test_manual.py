"""The reference has every path, shape and field."""

from __future__ import annotations

import re

from fillwright import docs_generator
from fillwright.answers import SignalAnswer
from fillwright.api.app import openapi_document
from fillwright.api.manual import field_meanings, row, type_of

PAGE = docs_generator.api_page()


def test_every_path_and_every_shape_is_described() -> None:
    document = openapi_document()
    for path, item in document["paths"].items():
        for method in item:
            if method in ("get", "post", "put", "delete"):
                assert f"`{method.upper()} {path}`" in PAGE
    for name, schema in document["components"]["schemas"].items():
        (section,) = re.findall(rf"^### {name}\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE)) == set(
            schema.get("properties") or ()
        )
    assert "None" not in PAGE


def test_links_to_shapes_lead_somewhere() -> None:
    headings = {name.lower() for name in re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", PAGE)) <= headings


def test_meanings_are_read_from_the_source() -> None:
    assert field_meanings(SignalAnswer)["code"] == "Why it was denied."
    assert "| `code` | string or null |  | Why it was denied. |" in PAGE


def test_types_in_words() -> None:
    assert (
        type_of({"type": "array", "items": {"$ref": "#/components/schemas/Order"}})
        == "list of [Order](#order)"
    )
    assert type_of({"oneOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}) == "time or null"
    assert type_of({"enum": ["a", "b"]}) == "`a` or `b`"
    assert row("a|b", 1) == "| a\\|b | 1 |"
