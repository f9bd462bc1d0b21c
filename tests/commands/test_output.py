from __future__ import annotations

import io
import json
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from rich.text import Text

from fillwright.commands.output import (
    WIDTH_WITHOUT_TERMINAL,
    clean,
    console,
    fitting,
    is_time,
    moment,
    money,
    plain_json,
    price,
    print_json,
    shown,
    table,
)
from fillwright.core.inputs import Entry
from fillwright.core.types import Mode
from tests.reports.sample import START, trade

D = Decimal


def test_texts_of_others_cannot_command_the_terminal() -> None:
    assert clean("a\x1b[31m\n\x07b") == "a?[31m??b"
    stream = io.StringIO()
    console(stream).print(table("", [("x", "left")], [["[red]\x1b[2J"]]))
    assert "\x1b" not in stream.getvalue()
    assert "[red]?[2J" in stream.getvalue()


def test_nothing_is_cut_off_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    long = "x" * (WIDTH_WITHOUT_TERMINAL - 20)
    console(stream).print(table("", [("a", "left"), ("b", "right")], [[long, "y"]]))
    assert long in stream.getvalue()


def test_cells() -> None:
    assert [shown(value) for value in (None, "", D("1.50"), 3, "a")] == ["–", "–", "1.5", "3", "a"]
    assert [money(value).plain for value in (D("1.005"), D(-2000), D(0), None)] == [
        "+1.00",
        "-2,000.00",
        "0.00",
        "–",
    ]
    assert isinstance(money(D(1)), Text)
    assert [price(value) for value in (D("0.123456789"), None)] == ["0.12345679", "–"]
    assert [moment(time) for time in (START, 0, None)] == ["2025-05-20 00:00:00", "–", "–"]


def test_amounts_are_rounded_as_ever_whatever_a_library_did_to_the_context() -> None:
    with localcontext() as context:
        context.rounding = ROUND_HALF_UP
        assert money(D("1.005")).plain == "+1.00"


def test_json_spells_records_as_the_api_does(capsys: pytest.CaptureFixture[str]) -> None:
    content = plain_json(trade(1, "2.50"))
    assert content["realized_pnl"] == "2.5"
    assert content["fill_time"] == "2025-05-20T06:00:00Z"
    assert content["order_time"] == "2025-05-20T05:59:59.95Z"
    assert content["mode"] == "paper"
    assert content["commissions"] == [{"asset": "USDT", "amount": "0.2"}]
    assert plain_json(
        {"entry": Entry("limit", D(5)), "mode": Mode.PAPER, "closed_at": None, "flags": (True,)}
    ) == {
        "entry": {"type": "limit", "price": "5"},
        "mode": "paper",
        "closed_at": None,
        "flags": [True],
    }
    print_json({"a": D("1E+2")})
    assert json.loads(capsys.readouterr().out) == {"a": "100"}


@pytest.mark.parametrize("name", ["created_at", "close_time", "time", "timestamp", "unprotected_since"])
def test_times_are_known_by_their_names(name: str) -> None:
    assert is_time(name)
    assert not is_time(name + "_ms")


def test_spare_columns_go_one_after_another_until_the_rest_fits() -> None:
    columns = [("ID", "right"), ("Symbol", "left"), ("Fees", "right")]
    rows = [[1, "BTCUSDT", Text("0.1975")], [224, "ETHUSDT", None]]
    spare = ("Fees", "Symbol")
    full = len("224") + 2 + len("BTCUSDT") + 2 + len("0.1975")
    assert fitting(columns, rows, spare, full) == [0, 1, 2]
    assert fitting(columns, rows, spare, full - 1) == [0, 1]
    assert fitting(columns, rows, spare, 3) == [0]
    assert fitting(columns, rows, (), 3) == [0, 1, 2]
