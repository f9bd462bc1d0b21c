"""The log on standard error."""

from __future__ import annotations

import errno
import io

import structlog

from fillwright.ops.logs import configure_logs


class Full(io.StringIO):
    """A stream on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    configure_logs("json", "info", Full())
    structlog.get_logger().error("the disk is full")
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    structlog.get_logger().error("there is room again")
    assert "there is room again" in stream.getvalue()
