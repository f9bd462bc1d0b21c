"""Questions to the read models, asked in threads of their own so that the loop never waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fillwright.api.errors import RETRY_AFTER_S, ApiError
from fillwright.ports import ReadModel

THREADS = 4
"""Questions answered at the same time; as many as a read model has connections."""
WAITING_MAX = 256
"""Questions under way or waiting; more are refused."""
T = TypeVar("T")


class Reads:
    """Asks one read model."""

    def __init__(self, model: ReadModel, waiting_max: int = WAITING_MAX) -> None:
        self._model = model
        self._waiting_max = waiting_max
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="api-read")
        self._count = 0

    async def ask(self, question: Callable[[ReadModel], T]) -> T:
        """Ask in a thread; what is made of the answer for the caller belongs into the question, too."""
        if self._count >= self._waiting_max:
            raise ApiError(
                503,
                "BUSY",
                f"{self._waiting_max} questions are waiting already; try again in a moment",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        self._count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, question, self._model)
        finally:
            self._count -= 1

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)
