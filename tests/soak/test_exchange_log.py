"""The reader of the exchange's log: what it must notice, it notices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwright.core.types import (
    SECOND,
    ExecutionType,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    VenueOrderStatus,
)
from fillwright.exchange.messages import ExecutionReport, RejectReason
from fillwright.exchange.server.event_log import AnswerLine, EventLog
from fillwright.wire.exchange_info import parse_exchange_info
from tests.soak.exchange_log import Account, ExchangeLog
from tests.soak.place import restrained

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = OrderType.LIMIT, OrderType.STOP_LOSS
NEW, FILLED, CANCELED = VenueOrderStatus.NEW, VenueOrderStatus.FILLED, VenueOrderStatus.CANCELED
PENDING = VenueOrderStatus.PENDING_NEW
ENTRY, STOPS = "RT_tag_7_E_1", "RT_tag_7_S_1"


class Written:
    """A log that is written line by line, as the exchange writes it."""

    def __init__(self, folder: Path) -> None:
        self._file = EventLog(folder / "log.jsonl")
        self._trades = 0
        instruments = parse_exchange_info(restrained()).instruments
        self._log = ExchangeLog(folder / "log.jsonl", lambda symbol: instruments[symbol], ("ada",))

    def tell(
        self,
        order_id: int,
        name: str,
        side: Side,
        kind: OrderType,
        status: VenueOrderStatus,
        *,
        second: float = 0,
        last: str = "0",
        trade_id: int | None = None,
        was: str = "",
        account: str = "ada",
        quantity: str = "1",
    ) -> None:
        """One report of an order for one BTC at 100."""
        executed = D(last)
        self._trades += 1
        types: dict[VenueOrderStatus, ExecutionType] = {CANCELED: ExecutionType.CANCELED}
        kinds: Any = ExecutionType.TRADE if executed else types.get(status, ExecutionType.NEW)
        report = ExecutionReport(
            account_id=account, time=int(second * SECOND), symbol="BTCUSDT", client_order_id=name,
            orig_client_order_id=was, side=side, type=kind, time_in_force=TimeInForce.GTC, quantity=D(quantity),
            price=D(100), stop_price=D(0), iceberg_quantity=D(0), order_list_id=-1, execution_type=kinds,
            status=status, reject_reason=RejectReason.NONE, order_id=order_id, last_quantity=executed,
            executed_quantity=executed, last_price=D(100), commission=executed / 1000 if side is BUY else D(0),
            commission_asset="BTC" if side is BUY else "USDT", trade_id=trade_id or self._trades, execution_id=1,
            is_working=True, is_maker=False, order_time=0, executed_quote=D(0), last_quote=D(0),
            quote_order_quantity=D(0), stp=SelfTradePrevention.NONE,
        )  # fmt: skip
        self._file.events([report])

    def answer(self, name: str, fault: str = "", **parameters: Any) -> None:
        """One answer."""
        line = AnswerLine(answer=name, time=5, account="ada", parameters=parameters, status=200, fault=fault)
        self._file.answer(line)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def read(self) -> Account:
        """All that was written so far."""
        self._file.flush()
        self._log.look()
        return self._log.accounts["ada"]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    log = Written(tmp_path)
    yield log
    log.close()


def entered(written: Written) -> None:
    """A position is bought at second 1; its stop waits for that."""
    written.tell(1, ENTRY, BUY, LIMIT, NEW)
    written.tell(2, STOPS, SELL, STOP, PENDING)
    written.tell(1, ENTRY, BUY, LIMIT, FILLED, second=1, last="1")


def test_a_stop_that_is_live_in_the_same_moment_leaves_no_spell(written: Written) -> None:
    entered(written)
    written.tell(2, STOPS, SELL, STOP, NEW, second=1)
    assert written.read().spells == []


def test_a_spell_lasts_from_the_purchase_to_the_live_stop(written: Written) -> None:
    entered(written)
    (spell,) = written.read().spells
    assert (spell.position_id, spell.begin, spell.end, spell.least) == (7, SECOND, None, D("0.999"))
    written.tell(2, STOPS, SELL, STOP, NEW, second=3, quantity="0.999")
    assert (spell := written.read().spells[0]).end == 3 * SECOND
    written.tell(2, "RT_tag_7_C_1", SELL, STOP, CANCELED, second=4, was=STOPS)
    assert len(written.read().spells) == 2
    written.tell(3, "RT_tag_7_X_1", SELL, OrderType.MARKET, FILLED, second=5, last="0.999")
    assert [one.end for one in written.read().spells] == [3 * SECOND, 5 * SECOND]


def test_a_stop_for_less_is_none_for_the_rest(written: Written) -> None:
    entered(written)
    written.tell(2, STOPS, SELL, STOP, NEW, second=2, quantity="0.5")
    assert written.read().spells[0].end is None


def test_what_is_executed_twice_is_found(written: Written) -> None:
    written.tell(1, ENTRY, BUY, LIMIT, FILLED, last="1", trade_id=4)
    written.tell(1, ENTRY, BUY, LIMIT, FILLED, last="1", trade_id=4)
    assert "happened twice" in written.read().problems[0]
    written.tell(9, ENTRY, BUY, LIMIT, FILLED, last="1")
    assert "was executed as orders [1] and 9" in written.read().problems[1]


def test_an_id_that_is_used_for_something_else_is_found(written: Written) -> None:
    written.tell(1, ENTRY, BUY, LIMIT, CANCELED)
    written.tell(2, ENTRY, SELL, LIMIT, NEW)
    assert "was used for" in written.read().problems[0]


def test_an_id_of_somebody_else_is_found(written: Written) -> None:
    written.tell(1, "mine", BUY, LIMIT, NEW)
    assert written.read().problems == ["mine is not of our making"]


def test_other_accounts_are_left_alone(written: Written) -> None:
    written.tell(1, ENTRY, BUY, LIMIT, NEW, account="main")
    assert written.read().orders == {}


def test_faults_are_counted_with_the_ids_that_they_hit(written: Written) -> None:
    written.answer("order.place", symbol="BTCUSDT", newClientOrderId=ENTRY)
    written.answer("order.place", "lost", symbol="BTCUSDT", newClientOrderId=ENTRY)
    written.answer("openOrders.status", "masked")
    account = written.read()
    assert account.calls == 3
    assert [(one.names, one.is_question) for one in account.faults] == [(ENTRY, False), ("", True)]


def test_a_line_that_is_not_complete_waits(written: Written, tmp_path: Path) -> None:
    written.tell(1, ENTRY, BUY, LIMIT, NEW)
    written.read()
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'{"says":"Exec')
    assert list(written.read().orders) == [1]
