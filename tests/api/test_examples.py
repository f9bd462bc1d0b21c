"""The examples of the reference, read from it as a shell would, do what they say they do."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec

from fillwright import docs_generator
from fillwright.api.examples import EXAMPLES
from fillwright.api.examples import SYMBOL as SHOWN
from tests.api.serving import TOKEN, Service, service
from tests.runtime.builders import SYMBOL, run, until

PAGE = docs_generator.api_page()
ALIKE = frozenset(
    {"code", "details", "success", "repeated", "id", "position_id", "ready", "symbol", "disabled"}
)
"""What an answer holds exactly as it is shown; the rest depends on the moment, and is of the same kind."""


class Shown(msgspec.Struct):
    """A request of the page and its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    answer: Any


def examples() -> list[Shown]:
    """What the page shows, read as a shell would."""
    found = []
    pattern = r"```sh\n(curl .*?)```\n\n(\d+):\n\n```json\n(.*?)```"
    for command, status, answer in re.findall(pattern, PAGE, flags=re.DOTALL):
        words = shlex.split(command.replace("\\\n", " ").replace(SHOWN, SYMBOL))
        url = next(word for word in words if word.startswith("http://"))
        values = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
        headers = dict(value.split(": ", 1) for value in values)
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        path = url.removeprefix("http://127.0.0.1:8080")
        shown = json.loads(answer.replace(SHOWN, SYMBOL))
        found.append(Shown(words[words.index("-X") + 1], path, headers, body, int(status), shown))
    return found


def check_alike(told: Any, shown: Any, where: str) -> None:
    """The same fields, each of the same kind, and some the same."""
    if isinstance(shown, dict):
        assert isinstance(told, dict), where
        assert list(told) == list(shown), where
        for name, value in shown.items():
            if name in ALIKE:
                assert told[name] == value, f"{where}.{name}"
            check_alike(told[name], value, f"{where}.{name}")
    elif isinstance(shown, list):
        assert len(told) == len(shown), where
        for one, other in zip(told, shown, strict=True):
            check_alike(one, other, where)
    else:
        assert type(told) is type(shown), where


def test_the_examples_do_what_is_shown(tmp_path: Path) -> None:
    async def at_rest(made: Service) -> None:
        position = made.account.engine.state.positions[1]
        await until(
            lambda: (
                position.is_ended
                or (position.stop_order_id and not position.reduce_quantity and position.status == "open")
            ),
            "at rest",
        )

    async def story() -> None:
        async with service(tmp_path) as made:
            for shown in examples():
                if shown.path.startswith("/api/positions/1"):
                    await at_rest(made)
                assert (
                    "$FILLWRIGHT_TOKEN" in shown.headers.get("Authorization", "") or shown.path == "/readyz"
                )
                headers = {**shown.headers, "Authorization": f"Bearer {TOKEN}"}
                status, answer = await made.ask(shown.method, shown.path, raw=shown.body, **headers)
                assert status == shown.status, (shown.path, answer)
                check_alike(answer, shown.answer, shown.path)
            assert made.account.engine.state.signals_made == 1

    run(story())
    assert len(examples()) == len(EXAMPLES)
