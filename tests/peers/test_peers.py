"""Whole trading systems, unmodified, against the server: they start, trade and stop; both sides agree.

They live in an environment of their own (``make test-peers`` makes it): their dependencies would bind ours.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.exchange.box import Box, running_box
from tests.e2e.exchange.raw import RawClient
from tests.peers.freqtrade_config import config

pytestmark = pytest.mark.peers

HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("PEERS_VENV", HERE.parents[1] / ".venv-peers")) / "bin"
NODE_MAX_S = 90.0
START_AND_TRADE_MAX_S = 120.0
STOP_MAX_S = 30.0
POLL_S = 0.25
ENDED = ("FILLED", "CANCELED", "FILLED")


@pytest.fixture
def peers_box() -> Iterator[Box]:
    """A server with a synthetic market of two symbols, and listenKeys."""
    with running_box(
        source="synthetic", options=["--symbol", "BTCUSDT", "--symbol", "ETHUSDT", "--legacy-listen-key"]
    ) as box:
        yield box


def orders_of(box: Box) -> list[Any]:
    """All orders of the server's account, as Binance's own API tells them."""
    with RawClient(box.rest, box.api_key, box.secret) as client:
        answer = client.signed("GET", "allOrders", symbol="BTCUSDT")
    assert answer.status == 200, answer
    orders = answer.json
    assert isinstance(orders, list)
    return orders


def check_box(box: Box) -> None:
    """Everything adds up on the server, nothing is left open, and none of its answers was a bug of its own."""
    assert box.admin.get("/audit")["problems"] == []
    assert box.admin.get("/status")["failures"] == 0
    assert box.admin.get("/dump")["accounts"]["main"]["open_orders"] == []


def until(
    condition: Callable[[], bool], within_s: float, log: Path, process: subprocess.Popen[bytes]
) -> None:
    """Wait; fail with the end of the log when it takes too long or the process is gone."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, log.read_text()[-3_000:]
        assert process.poll() is None, log.read_text()[-3_000:]
        time.sleep(POLL_S)


# -- NautilusTrader ------------------------------------------------------------------------------------------------


def test_nautilus_trader_trades_by_its_live_node(peers_box: Box) -> None:
    command = [
        str(PEERS / "python"), str(HERE / "nautilus_node.py"),
        peers_box.rest, peers_box.ws, peers_box.api_key, peers_box.secret,
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=NODE_MAX_S, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    assert lines, ended.stdout + ended.stderr
    assert json.loads(lines[-1])["happened"] == ["filled BUY", "accepted", "canceled", "filled SELL"]
    assert "[ERROR]" not in ended.stdout
    orders = orders_of(peers_box)
    assert tuple(one["status"] for one in orders) == ENDED
    assert all(one["clientOrderId"].startswith("O-") for one in orders)
    check_box(peers_box)


# -- hummingbot ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    "HUMMINGBOT_VENV" not in os.environ, reason="HUMMINGBOT_VENV names no environment with it"
)
def test_hummingbot_trades_by_its_connector(peers_box: Box, tmp_path: Path) -> None:
    """No lock can hold it: its release has to be built, and what it asks for contradicts itself."""
    command = [
        str(Path(os.environ["HUMMINGBOT_VENV"]) / "bin" / "python"), str(HERE / "hummingbot_connector.py"),
        peers_box.rest, peers_box.ws, peers_box.api_key, peers_box.secret,
    ]  # fmt: skip
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=NODE_MAX_S, check=False, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["happened"] == [
        "BuyOrderCompletedEvent",
        "SellOrderCreatedEvent",
        "OrderCancelledEvent",
        "SellOrderCreatedEvent",
        "SellOrderCompletedEvent",
    ]
    orders = orders_of(peers_box)
    assert tuple(one["status"] for one in orders) == ENDED
    assert all(one["clientOrderId"].startswith("x-") for one in orders)
    check_box(peers_box)


# -- freqtrade -----------------------------------------------------------------------------------------------------


class Freqtrade:
    """A running bot, its log and its database."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.log = folder / "log"
        self._database = folder / "trades.sqlite"

    def ask(self, question: str) -> list[Any]:
        """Rows of its database; none before there is one."""
        if not self._database.exists():
            return []
        with sqlite3.connect(f"file:{self._database}?mode=ro", uri=True) as database:
            try:
                return database.execute(question).fetchall()
            except sqlite3.OperationalError:
                return []

    def trade_once(self) -> None:
        """Wait until a trade is over."""
        until(lambda: bool(self.closed()), START_AND_TRADE_MAX_S, self.log, self.process)

    def closed(self) -> list[Any]:
        """Pair, why it was left, and the prices of trades that are over."""
        return self.ask("SELECT pair, exit_reason, open_rate, close_rate FROM trades WHERE is_open = 0")

    def orders(self) -> list[Any]:
        """Side, state and filled amount of each order, and its id at the exchange."""
        return self.ask("SELECT ft_order_side, status, filled, order_id FROM orders ORDER BY id")

    def stop(self) -> str:
        """Ctrl-C, which it answers with 130; gives its log."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(STOP_MAX_S) == 130
        return self.log.read_text()


@contextmanager
def freqtrade(box: Box, folder: Path, *, dry_run: bool) -> Iterator[Freqtrade]:
    """A bot as long as the block lasts."""
    (folder / "user").mkdir()
    file = folder / "config.json"
    file.write_text(json.dumps(config(box.rest, box.ws, box.api_key, box.secret, dry_run=dry_run)))
    command = [
        str(PEERS / "freqtrade"), "trade", "--config", str(file), "--userdir", str(folder / "user"),
        "--strategy-path", str(HERE), "--strategy", "Tour",
        "--db-url", f"sqlite:///{folder / 'trades.sqlite'}",
    ]  # fmt: skip
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder) as process,
    ):
        try:
            yield Freqtrade(process, folder)
        finally:
            process.kill()


def sound(log: str) -> None:
    """No error and no traceback in a bot's log."""
    bad = [line for line in log.splitlines() if " - ERROR - " in line or line.startswith("Traceback")]
    assert bad == []


def test_freqtrade_trades_dry(peers_box: Box, tmp_path: Path) -> None:
    with freqtrade(peers_box, tmp_path, dry_run=True) as bot:
        bot.trade_once()
        assert bot.closed()[0][:2] == ("BTC/USDT", "tour over")
        sound(bot.stop())
    assert orders_of(peers_box) == []
    check_box(peers_box)


def test_freqtrade_trades_live(peers_box: Box, tmp_path: Path) -> None:
    with freqtrade(peers_box, tmp_path, dry_run=False) as bot:
        bot.trade_once()
        told, closed = bot.orders(), bot.closed()[0]
        sound(bot.stop())
    assert closed[:2] == ("BTC/USDT", "tour over")
    assert [one[:2] for one in told] == [("buy", "closed"), ("stoploss", "canceled"), ("sell", "closed")]
    orders = orders_of(peers_box)
    assert tuple(one["status"] for one in orders) == ENDED
    assert [one["type"] for one in orders] == ["MARKET", "STOP_LOSS_LIMIT", "MARKET"]
    assert [str(one["orderId"]) for one in orders] == [one[3] for one in told]
    assert [float(one["executedQty"]) for one in orders] == [one[2] for one in told]
    bought, _, sold = orders
    for order, price in ((bought, closed[2]), (sold, closed[3])):
        paid = float(order["cummulativeQuoteQty"]) / float(order["executedQty"])
        assert paid == pytest.approx(price)
    check_box(peers_box)
