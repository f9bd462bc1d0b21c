from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fillwright.api.errors import ApiError
from fillwright.api.reads import Reads
from tests.runtime.builders import run


def test_questions_are_asked_in_threads_and_too_many_are_refused() -> None:
    model: Any = object()
    held = threading.Event()

    async def story() -> None:
        reads = Reads(model, waiting_max=2)
        here = threading.get_ident()
        assert await reads.ask(lambda given: given is model and threading.get_ident() != here)

        waiting = [asyncio.create_task(reads.ask(lambda _: held.wait(10))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as caught:
            await reads.ask(lambda _: None)
        assert (caught.value.status, caught.value.code) == (503, "BUSY")
        held.set()
        assert await asyncio.gather(*waiting) == [True, True]

        def fail(_: Any) -> None:
            raise KeyError("x")

        with pytest.raises(KeyError):
            await reads.ask(fail)
        assert await reads.ask(lambda _: 1) == 1
        reads.close()

    run(story())
