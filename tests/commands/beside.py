"""A real service in a thread beside the test, for commands that ask one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from structlog.testing import capture_logs

from tests.api.serving import service
from tests.runtime.builders import STORES

PATIENCE_S = 30


@contextmanager
def service_beside(path: Path) -> Iterator[str]:
    """Run a service on the box venue meanwhile; its address."""
    up, urls, failures = threading.Event(), list[str](), list[BaseException]()
    loop, done, before = asyncio.new_event_loop(), asyncio.Event(), len(STORES)

    async def live() -> None:
        # what it logs would go to the standard output that the test reads
        with capture_logs():
            await serve()

    async def serve() -> None:
        async with service(path) as served:
            urls.append(served.url)
            up.set()
            await done.wait()

    def work() -> None:
        try:
            loop.run_until_complete(asyncio.wait_for(live(), PATIENCE_S))
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)
        finally:
            up.set()
            while len(STORES) > before:  # they can be closed by the thread that opened them, and by no other
                STORES.pop().close()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert up.wait(PATIENCE_S)
        if failures:
            raise failures[0]
        yield urls[0]
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.set)
        thread.join(PATIENCE_S)
    assert not failures, failures
