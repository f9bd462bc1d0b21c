"""What the composition root offers to commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from fillwright import bootstrap
from fillwright.ports import CannotOpenError


def test_a_journal_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CannotOpenError), bootstrap.read_model(tmp_path / "journal.db") as model:
        model.accounts()
