"""Commands about a position, against a real service on the box venue."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fillwright.commands import position, remote
from fillwright.commands.remote import SignalWish, Target
from fillwright.options import BadInputError, NotReachedError, RefusedError
from fillwright.ports import PositionView
from tests.api.serving import TOKEN
from tests.commands.beside import service_beside

PATIENCE_S = 10.0


def opened(wanted: Target) -> PositionView:
    """A position with its stop."""
    wish = SignalWish(symbol="AAAUSDT", stop_loss="95", take_profit="110", quote="200", trader="ada")
    remote.send_signal(wanted, wish, "s1", True)
    return settled(wanted, lambda found: found.stop_loss_order_id is not None)


def settled(wanted: Target, condition: Any) -> PositionView:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = remote.asked(wanted, lambda client: client.position(1))
        if condition(found):
            return found
    raise AssertionError(f"it never came: {found}")


def test_a_position_is_worked_on_and_nothing_happens_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed() -> Any:
        return json.loads(capsys.readouterr().out)

    with service_beside(tmp_path) as url:
        wanted = Target(url=url, token=TOKEN)
        before = opened(wanted).quantity
        capsys.readouterr()
        position.reduce(wanted, 1, "50%", "r1", True)
        assert printed() == {"success": True, "position_id": 1, "repeated": False, "key": "r1"}
        left = settled(wanted, lambda found: found.quantity < before).quantity
        position.reduce(wanted, 1, "50%", "r1", False)
        assert "Position 1 is being reduced (it came before" in capsys.readouterr().out
        position.adjust(wanted, 1, "96", None, False, None, True)
        assert printed()["key"].startswith("cli-")
        with pytest.raises(RefusedError, match="never widened"):
            position.adjust(wanted, 1, "94", None, False, None, True)
        position.add(wanted, 1, "100", "a1", True)
        assert settled(wanted, lambda found: found.quantity > left)
        position.close(wanted, 1, "enough", "c1", False)
        assert "is being closed." in capsys.readouterr().out
        settled(wanted, lambda found: found.status == "closed")
        position.close(wanted, 1, "enough", "c1", False)
        assert "nothing was done again" in capsys.readouterr().out
        with pytest.raises(RefusedError, match="KEY_CONFLICT"):
            position.close(wanted, 1, "more than enough", "c1", False)
    with pytest.raises(NotReachedError, match="With --key c1 it may be sent again"):
        position.close(wanted, 1, "enough", "c1", False)


@pytest.mark.parametrize("part", ["100%", "0", "-1", "x", "%", "0%", ""])
def test_a_part_is_a_share_or_a_quantity(part: str) -> None:
    with pytest.raises(BadInputError, match="PART"):
        position.reduce(Target(url="", token=""), 1, part, None, False)


def test_levels_are_named() -> None:
    nobody = Target(url="", token="")
    with pytest.raises(BadInputError, match="which level"):
        position.adjust(nobody, 1, None, None, False, None, False)
    with pytest.raises(BadInputError, match="--take-profit"):
        position.adjust(nobody, 1, None, "high", False, None, False)
    with pytest.raises(BadInputError, match="--quote"):
        position.add(nobody, 1, "0", None, False)
