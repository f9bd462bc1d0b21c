"""A ban that must be sat out, kept in a small file for the process that comes next.

The file is a help, not a truth: one that cannot be read or written is reported and otherwise does as if there were no
ban, for an account that cannot be reached at all is worse than one more refusal.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from fillwright.core.types import DAY, Time

BAN_LONGEST: Time = 3 * DAY
"""Binance's longest; a time further ahead is a mistake of some clock and cut to this."""
FILE_BYTES_MAX = 4_096


class Ban(msgspec.Struct, frozen=True):
    """Nothing may be sent before a time."""

    until: Time
    """Microseconds UTC."""
    http_status: int
    """429 or 418."""
    why: str = ""


class BanFile:
    """The file of one place and address; ``problem`` tells what was wrong with it last, empty when nothing was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""

    def read(self, now: Time) -> Ban | None:
        """The ban that holds now; None when there is none, or nobody can say."""
        try:
            with self.path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX)
            ban = msgspec.json.decode(text, type=Ban)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            self.problem = f"{self.path}: {error}"
            return None
        if ban.until <= now:
            return None
        return msgspec.structs.replace(ban, until=min(ban.until, now + BAN_LONGEST))

    def write(self, ban: Ban) -> None:
        """Keep a ban in place of the one before."""
        draft = self.path.with_name(f"{self.path.name}.new")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(ban))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            self.problem = f"{self.path}: {error}"
        else:
            self.problem = ""
