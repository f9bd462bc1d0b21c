from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from fillwright.config import Config, ConfigError, ServerConfig, load

MISTAKES = """
[server]
host = "two words"
port = 70000
token = "short"
allowed_hosts = ["a/b"]
[data]
dir = 5
[market]
feed = "nasdaq"
speed = 0
seed = -1
trades_per_second = "many"
[log]
level = "loud"
colour = true
"""


def config_of(tmp_path: Path, text: str = "", **environment: str) -> Config:
    (tmp_path / "fillwright.toml").write_text(text)
    return load(environment=environment, folder=tmp_path)


def test_what_the_service_does_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    assert (config.server.host, config.server.port, config.server.token) == ("127.0.0.1", 8080, None)
    assert config.data.dir == Path("data")
    assert (config.market.feed, config.market.symbols, config.market.speed) == ("auto", (), 1)
    assert (config.log.format, config.log.level) == ("auto", "info")
    assert config.faults is None
    assert config.values["server.token"] == "none"


def test_files_and_environment_say_otherwise(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a-token-of-some-length\n")
    config = config_of(
        tmp_path,
        '[server]\nport = 9000\n[market]\nfeed = "tape"\ntapes = ["a.csv", "b.csv"]\nspeed = 2.5\n'
        '[paper]\nfaults = "faults.json"\n'
        '[traders.ada]\nclass = "breakout"\ninterval = "5s"\nsymbols = ["BTCUSDT"]\n',
        FILLWRIGHT__SERVER__TOKEN_FILE=str(tmp_path / "secret"),
        FILLWRIGHT__SERVER__ALLOWED_HOSTS="a.example, b.example",
        FILLWRIGHT__DATA__DIR="/srv/fillwright",
        FILLWRIGHT__LOG__FORMAT="json",
        FILLWRIGHT__TRADERS__ada__SYMBOLS="ETHUSDT",
    )
    assert (config.server.port, config.server.token) == (9000, "a-token-of-some-length")
    assert config.server.allowed_hosts == ("a.example", "b.example")
    assert config.data.dir == Path("/srv/fillwright")
    assert (config.market.tapes, config.market.speed) == ((Path("a.csv"), Path("b.csv")), Decimal("2.5"))
    assert config.faults == Path("faults.json")
    assert config.log.format == "json"
    assert (config.traders["ada"].interval, config.traders["ada"].symbols) == ("5s", ("ETHUSDT",))
    assert config.values["server.token"] == "(hidden)"
    assert "a-token" not in str(config.values)


def test_ten_mistakes_are_told_at_once_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, MISTAKES)
    problems = {problem.key: problem for problem in caught.value.problems}
    assert problems.keys() == {
        "server.host",
        "server.port",
        "server.token",
        "server.allowed_hosts",
        "data.dir",
        "market.feed",
        "market.speed",
        "market.seed",
        "market.trades_per_second",
        "log.level",
        "log.colour",
    }
    assert all(problem.source.startswith(f"{tmp_path}/fillwright.toml:") for problem in problems.values())
    assert "auto, binance, synthetic or tape" in problems["market.feed"].allowed
    assert problems["server.port"].given == "70000"
    assert "short" not in problems["server.token"].line()


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_who_can_reach_a_host(host: str, expected: bool) -> None:
    assert ServerConfig(host=host).is_loopback is expected
