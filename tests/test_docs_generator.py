"""Generated documents say all that the code has, and staleness is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fillwright import docs_generator
from fillwright.core.events import EVENT_TYPES
from fillwright.core.risk.codes import DenialCode
from fillwright.storage.sql import schema

ROOT = Path(__file__).resolve().parent.parent


def test_the_documents_in_the_checkout_are_fresh() -> None:
    assert docs_generator.stale(ROOT / "docs") == []


def test_every_event_is_described_once_with_its_fields() -> None:
    page = docs_generator.events_page()
    headings = re.findall(r"^### (\w+) \(version (\d+)\)$", page, flags=re.MULTILINE)

    assert sorted(headings) == sorted((name, str(kind.version)) for name, kind in EVENT_TYPES.items())
    for name, kind in EVENT_TYPES.items():
        (section,) = re.findall(rf"^### {name} .*?(?=^##|\Z)", page, flags=re.MULTILINE | re.DOTALL)
        assert re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE) == list(kind.__struct_fields__)
        assert len(section.split("\n")[2]) > 10, name


def test_meanings_below_fields_are_read() -> None:
    page = docs_generator.events_page()

    assert "| `pending` | `bool` | `False` | A leg that waits for its list's working order. |" in page
    assert "| `price` | `Decimal \\| None` | `None` |" in page


def test_every_denial_is_described_in_order() -> None:
    page = docs_generator.denials_page()

    assert re.findall(r"^\| `(\w+)`", page, flags=re.MULTILINE) == [code.value for code in DenialCode]


def test_every_table_and_column_is_described() -> None:
    page = docs_generator.journal_page()
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", page, flags=re.MULTILINE | re.DOTALL))

    assert set(sections) == set(schema.metadata.tables)
    for name, table in schema.metadata.tables.items():
        if "as of `" in sections[name]:
            assert name.startswith("real_")
        else:
            columns = re.findall(r"^\| `(\w+)`", sections[name], flags=re.MULTILINE)
            assert columns == [column.name for column in table.columns]


def test_staleness_is_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--docs", str(tmp_path)]
    assert docs_generator.main([*arguments, "--check"]) == 1
    assert capsys.readouterr().err.count("is stale") == len(docs_generator.PAGES)
    assert list(tmp_path.iterdir()) == []

    assert docs_generator.main(arguments) == 0
    assert docs_generator.main([*arguments, "--check"]) == 0
    assert docs_generator.main(arguments) == 0

    (tmp_path / "EVENTS.md").write_text("old")
    capsys.readouterr()
    assert docs_generator.main([*arguments, "--check"]) == 1
    assert "EVENTS.md is stale" in capsys.readouterr().err
