"""The service's log on standard error: for people at a terminal, as JSON lines for programs, never with a secret."""

from __future__ import annotations

import logging
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
        last = [structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False)]
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
    """A stream for logs: what it does not take (a full disk, a reader that has gone) is lost, and stops nobody."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        """Write, or count what is lost."""
        try:
            return self._stream.write(text)
        except OSError:
            self.lost += 1
            return 0

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
