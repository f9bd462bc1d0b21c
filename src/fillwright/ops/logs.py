"""The service's log on standard error: for people at a terminal, as JSON lines for programs, never with a secret."""

from __future__ import annotations

import logging
import select
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import msgspec
import structlog
from structlog.typing import Processor

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
HIDDEN = "(hidden)"
SECRET_WORDS = ("token", "secret", "password", "authorization", "api_key", "private")
"""A field whose name holds one of these is not written."""
TEXT_LENGTH_MAX = 4_000
"""Texts of others (an answer of Binance, an error) are cut to this."""
PART_LENGTH = 1_000
"""Characters written at once: a pipe that says it takes more takes 4,096 bytes."""
PATIENCE_S = 0.02
"""So long it is waited for a reader that is slow."""


def configure_logs(wanted: str, level: str, stream: TextIO | None = None) -> None:
    """Set up structlog, and have what libraries log through ``logging`` come out the same way.

    Args:
        wanted: console, json, or auto: console at a terminal, else json.
        level: debug, info, warning or error.
        stream: standard error unless given.
    """
    out = cast(TextIO, Unfailing(sys.stderr if stream is None else stream))
    is_console = wanted == "console" or (wanted == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        shorten,
    ]
    last: list[Processor]
    if is_console:
        # A plain traceback: the decorated one shows what variables hold, keys among them.
        plain = structlog.dev.plain_traceback
        last = [
            structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False, exception_formatter=plain)
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=LEVELS[level], force=True)


class Unfailing:
    """A stream for logs: what it does not take (a full disk, a reader that has gone or stands still) is lost.

    It stops nobody: a terminal that is held (Ctrl-S), or a pipe that nobody empties, would hold the whole service.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        self._stands_still = False

    def write(self, text: str) -> int:
        """Write, or count what is lost."""
        try:
            for start in range(0, len(text), PART_LENGTH):
                if not self._takes_more():
                    self.lost += 1
                    return start
                self._stream.write(text[start : start + PART_LENGTH])
                self._stream.flush()
        except OSError:
            self.lost += 1
            return 0
        return len(text)

    def _takes_more(self) -> bool:
        """Whether a part can be written without waiting; one that has just been waited for in vain is not again."""
        try:
            number = self._stream.fileno()
        except (OSError, AttributeError):
            return True  # it is kept in memory
        patience_s = 0.0 if self._stands_still else PATIENCE_S
        _, writable, _ = select.select((), (number,), (), patience_s)
        self._stands_still = not writable
        return bool(writable)

    def flush(self) -> None:
        """Write what is waiting."""
        try:
            self._stream.flush()
        except OSError:
            self.lost += 1

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what its name calls a secret."""
    for name in event:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = HIDDEN
    return event


def shorten(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut texts that are too long, and take from all what a terminal would obey."""
    for name, value in event.items():
        if not isinstance(value, str) or name in ("exception", "trace"):
            continue
        if len(value) > TEXT_LENGTH_MAX:
            value = value[:TEXT_LENGTH_MAX] + "…"
        event[name] = "".join(char if char.isprintable() else "?" for char in value)
    return event


def _json(content: Any, **_: Any) -> str:
    return msgspec.json.encode(content, enc_hook=repr).decode()
