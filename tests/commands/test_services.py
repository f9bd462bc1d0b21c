from __future__ import annotations

import importlib.util
import inspect

import pytest

from fillwright.commands.services import Services


@pytest.mark.skipif(
    importlib.util.find_spec("fillwright.bootstrap") is None, reason="no composition root yet"
)
@pytest.mark.parametrize("name", ["replay", "read_model"])
def test_the_composition_root_is_what_commands_expect(name: str) -> None:
    bootstrap = importlib.import_module("fillwright.bootstrap")
    expected = list(inspect.signature(getattr(Services, name)).parameters)[1:]
    given = inspect.signature(getattr(bootstrap, name)).parameters
    assert list(given)[: len(expected)] == expected
    assert all(given[extra].default is not inspect.Parameter.empty for extra in list(given)[len(expected) :])
