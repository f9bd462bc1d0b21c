"""docs/EXCHANGE.md tells the truth: its Python runs, its commands are carried out, its settings are settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from fillwright.cli import app
from fillwright.exchange.server.settings import BoxSettings
from tests.e2e.exchange.box import Box, running_box
from tests.peers.freqtrade_config import config

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "EXCHANGE.md").read_text()
RUN_MAX_S = 60.0


def blocks(language: str) -> list[str]:
    """All blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


SNIPPETS = blocks("python")
COMMANDS = [
    line
    for block in blocks("sh")
    for line in block.splitlines()
    if not line.startswith("fillwright exchange run")
]


HURRY = """from binance.ws.reconnecting_websocket import ReconnectingWebsocket

ReconnectingWebsocket.TIMEOUT = 0.2
"""
"""python-binance's sockets go on reading for 10 s as it comes, before they notice that they were closed."""


def name_of(snippet: str) -> str:
    """The first library that a snippet imports beside asyncio."""
    return next(
        name for name in re.findall(r"^(?:import|from) (\w+)", snippet, re.MULTILINE) if name != "asyncio"
    )


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[name_of(one) for one in SNIPPETS])
def test_python_runs(snippet: str, tmp_path: Path) -> None:
    with running_box(source="synthetic", forked=True) as box:
        names = {"REST": box.rest, "WS": box.ws, "KEY": box.api_key, "SECRET": box.secret}
        program = tmp_path / "program.py"
        head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        program.write_text((HURRY if name_of(snippet) == "binance" else "") + head + snippet)
        ended = subprocess.run(
            [sys.executable, str(program)],
            capture_output=True, text=True, timeout=RUN_MAX_S, check=False, cwd=tmp_path,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert box.admin.get("/audit")["problems"] == []


def test_commands_are_carried_out(box: Box) -> None:
    place = ["--url", box.rest, "--token", box.admin_token]
    assert len(COMMANDS) > 20
    for line in COMMANDS:
        words = shlex.split(line, comments=True)
        assert words[0] == "fillwright", line
        result = CliRunner().invoke(app, [*words[1:], *place])
        assert result.exit_code == 0, (line, result.output)
    assert box.admin.get("/faults") == []
    assert "alice" in box.admin.get("/accounts")
    assert box.admin.get("/dump")["symbols"]["BTCUSDT"]["last"].startswith("60010")


def test_settings_are_settings() -> None:
    (text,) = blocks("toml")
    settings = msgspec.toml.decode(text, type=BoxSettings)
    assert settings.exchange.cancel_renames
    assert settings.accounts[0].account_id == "bot"
    switches = re.findall(r"`([a-z_]+)`", TEXT.partition("there is a choice")[2].partition("```toml")[0])
    fields = set(settings.exchange.__struct_fields__)
    assert {one for one in switches if "_" in one and one in fields} == {
        "cancel_renames", "unfilled_fok_null_list_id", "opo_commission_from_free", "commission_free",
    }  # fmt: skip


def test_freqtrade_is_configured_as_in_its_test() -> None:
    (text,) = blocks("json")
    shown: dict[str, Any] = json.loads(text)
    assert shown == config("REST", "WS", "KEY", "SECRET", dry_run=False)["exchange"]


def test_nautilus_trader_is_configured_as_in_its_test() -> None:
    shown = [line for line in blocks("text")[0].splitlines() if line]
    node = (ROOT / "tests" / "peers" / "nautilus_node.py").read_text()
    assert len(shown) == 6
    assert [line for line in shown if line not in node] == []


def test_hummingbot_is_configured_as_in_its_test() -> None:
    shown = re.findall(r'constants\.\w+ = "(?:http|ws)://127\.0\.0\.1:8090(\S+)"', blocks("text")[1])
    connector = (ROOT / "tests" / "peers" / "hummingbot_connector.py").read_text()
    assert (
        re.findall(r'constants\.\w+ = f"\{\w+\}(\S+)"', connector) == shown == ["/api/", "/ws", "/ws-api/v3"]
    )
