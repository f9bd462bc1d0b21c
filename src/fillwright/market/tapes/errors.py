"""The one error of reading tapes."""

from __future__ import annotations

from pathlib import Path


class TapeError(ValueError):
    """A tape cannot be read, or a row of it cannot be true; ``FILE:LINE: what is wrong``.

    ``line`` counts a text file's lines from 1, ``row`` the rows of a columnar file from 1; both None when the
    trouble has no place.
    """

    def __init__(self, path: Path, what: str, *, line: int | None = None, row: int | None = None) -> None:
        place = f":{line}" if line is not None else f":row {row}" if row is not None else ""
        super().__init__(f"{path}{place}: {what}")
        self.path = path
        self.what = what
        self.line = line
        self.row = row
