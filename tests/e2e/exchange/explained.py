"""Why the server's answers differ from recorded ones where they do."""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """A reason for differences: names and paths are patterns, ``what`` is how the difference begins."""

    name: str
    path: str
    what: str
    reason: str


EXPLAINED: tuple[Explanation, ...] = ()
