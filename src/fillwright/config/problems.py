"""What is wrong with a configuration, said so that a person can put it right."""

from __future__ import annotations

import re

import msgspec

GIVEN_LENGTH_MAX = 60
HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(
    r"secret|token|passw|passphrase|credential|private|api_?key|(^|_)key$", re.IGNORECASE
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where it stands, what was given, what is allowed."""

    key: str
    """Dotted, as in the file: ``risk.max_positions``; empty for a whole file."""
    given: str
    allowed: str
    source: str
    """``file:line``, or the environment variable."""

    def line(self) -> str:
        """The problem in one line."""
        subject = f"{self.source}: {self.key}" if self.key else self.source
        if not self.given:
            return f"{subject}: {self.allowed}"
        return f"{subject} = {self.given}: {self.allowed}"


class ConfigError(ValueError):
    """The configuration cannot be used; ``problems`` holds all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.line() for problem in problems))

    def explain(self) -> str:
        """Every problem on a line of its own."""
        return "\n".join(problem.line() for problem in self.problems)


def is_secret(key: str) -> bool:
    """Whether a dotted key names something that must not be shown."""
    return _SECRET_NAME.search(key.rpartition(".")[2]) is not None


def shown(key: str, value: object) -> str:
    """A value as it may be printed: on one line, shortened, and never a secret."""
    if is_secret(key):
        return HIDDEN
    text = repr(value) if isinstance(value, str) else str(value)
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= GIVEN_LENGTH_MAX else text[: GIVEN_LENGTH_MAX - 1] + "…"
