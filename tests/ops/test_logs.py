"""The log on standard error."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fillwright.ops.logs import HIDDEN, TEXT_LENGTH_MAX, Unfailing, configure_logs

SECRET = "s3cr3t-of-the-tests"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Full(io.StringIO):
    """A stream on a disk without room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_programs_get_json_and_people_at_a_terminal_do_not() -> None:
    for wanted, stream, is_json in (
        ("json", Terminal(), True),
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("console", io.StringIO(), False),
    ):
        configure_logs(wanted, "info", stream)
        structlog.get_logger().info("it is so", symbol="BTCUSDT")
        assert "it is so" in stream.getvalue()
        assert stream.getvalue().startswith("{") == is_json, (wanted, stream.getvalue())


def test_a_line_says_when_how_bad_and_what() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    structlog.get_logger().warning("it is so", symbol="BTCUSDT", count=3)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["symbol"], line["count"]) == (
        "it is so",
        "warning",
        "BTCUSDT",
        3,
    )
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    configure_logs("json", "warning", stream)
    structlog.get_logger().info("small")
    logging.getLogger("library").info("small, too")
    structlog.get_logger().error("large")
    assert [line["event"] for line in lines(stream)] == ["large"]


def test_libraries_come_out_the_same_way() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    logging.getLogger("library").warning("told by %s", "another")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("told by another", "warning")


@pytest.mark.parametrize(
    "name", ["token", "new_token", "Authorization", "api_key", "password", "client_secret"]
)
def test_secrets_are_hidden(name: str) -> None:
    for wanted in ("json", "console"):
        stream = io.StringIO()
        configure_logs(wanted, "info", stream)
        structlog.get_logger().info("a secret", **{name: SECRET})
        assert SECRET not in stream.getvalue()
        assert HIDDEN in stream.getvalue()


def test_texts_are_cut_and_cannot_command_a_terminal() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    structlog.get_logger().info("said", text="x" * 2 * TEXT_LENGTH_MAX, color="\x1b[31mred\r\n")
    (line,) = lines(stream)
    assert len(line["text"]) == TEXT_LENGTH_MAX + 1
    assert line["color"] == "?[31mred??"


def test_an_exception_comes_with_its_traceback() -> None:
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    try:
        raise ValueError("wrong")
    except ValueError as error:
        structlog.get_logger().error("a fault", exc_info=error)
    (line,) = lines(stream)
    assert "ValueError: wrong" in line["exception"]


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    configure_logs("json", "info", Full())
    structlog.get_logger().error("the disk is full")
    logging.getLogger("library").error("so it is")
    full = Unfailing(Full())
    full.write("x")
    full.flush()
    assert full.lost == 2
    assert not full.isatty()


def test_a_reader_that_stands_still_stops_nobody() -> None:
    reading, writing = os.pipe()
    try:
        with open(writing, "w") as stream:
            unfailing = Unfailing(stream)
            line = "x" * 2_500 + "\n"
            written = sum(unfailing.write(line) for _ in range(100))
            assert 0 < written < 100 * len(line)
            assert unfailing.lost
            lost = unfailing.lost
            os.read(reading, written)
            assert unfailing.write(line) == len(line)  # it goes on
            assert unfailing.lost == lost
    finally:
        os.close(reading)
