from __future__ import annotations

from pathlib import Path

from fillwright.market.tapes.errors import TapeError


def test_the_message_names_file_place_and_trouble() -> None:
    path = Path("a/b.csv")
    assert str(TapeError(path, "is empty")) == "a/b.csv: is empty"
    assert str(TapeError(path, "price is zero", line=7)) == "a/b.csv:7: price is zero"
    error = TapeError(path, "price is zero", row=7)
    assert str(error) == "a/b.csv:row 7: price is zero"
    assert (error.path, error.what, error.line, error.row) == (path, "price is zero", None, 7)
