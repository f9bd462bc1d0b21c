"""Processes forked from one that has everything imported and no loop: a start, and a kill, costs milliseconds.

There is one such server for each process that runs tests, so what it imports is named here for all who fork from it.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import pkgutil
from multiprocessing.context import ForkServerContext

from fillwright import api, bootstrap, cli, commands, runtime
from tests.conftest import ROOT

_ROOMS = (api, bootstrap, cli, commands, runtime)
_OTHERS = (
    "alembic.command",
    "tests.e2e.forked",
    "tests.e2e.victims",
    "tests.venues.test_paper_killed",
)


def _preloaded() -> list[str]:
    """What commands work with: what they import only when they need it, too."""
    found = [one.name for room in _ROOMS for one in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    return [*found, *_OTHERS]


@functools.cache
def server() -> ForkServerContext:
    """Where processes are forked; the first call starts it, with this checkout's package."""
    context = multiprocessing.get_context("forkserver")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    try:
        context.set_forkserver_preload(_preloaded())
        process = context.Process(target=int)
        process.start()
        process.join()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context
