"""``make test-faults`` ends with one line that tells how many combinations passed."""

from __future__ import annotations

import pytest

MARK = "faults"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say the last word, where the whole matrix was asked for."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.getoption("markexpr") != MARK:
        return
    passed = len(reporter.stats.get("passed", ()))
    failed = len(reporter.stats.get("failed", ())) + len(reporter.stats.get("error", ()))
    reporter.write_line(f"{passed} passed, {failed} failed")
