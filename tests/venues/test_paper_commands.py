"""Commands of the paper exchange: exact on their way to the journal and back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fillwright.core.requests import CancelReplaceRequest, CancelRequest
from fillwright.core.types import CancelReplaceMode, SymbolStatus
from fillwright.exchange.settings import ExchangeSettings
from fillwright.venues.paper_commands import (
    Command,
    Configured,
    Deepened,
    Executed,
    Opened,
    Phased,
    Quoted,
    Reopened,
    Setup,
    Shown,
    Traded,
    Transferred,
    decode,
    decode_setup,
    encode,
    encode_setup,
    name_of,
)
from tests.exchange.builders import BTCUSDT, BUY, SYMBOL, an_opoco, limit

D = Decimal
SETUP = Setup(
    account_id="a",
    instruments=(BTCUSDT,),
    settings=ExchangeSettings(),
    maker_fee=D("0.10"),
    taker_fee=D("1E-3"),
)
SHOWN = Shown(D("1.50"), D(1), D("0E-8"), D(2), D("1E+2"), ((D("1.0"), D(0)),), ())
NOTHING = Shown(None, None, None, None, None, None, None)
REPLACE = CancelReplaceRequest(
    mode=CancelReplaceMode.STOP_ON_FAILURE,
    cancel=CancelRequest(symbol=SYMBOL, order_id=7),
    order=limit(BUY, "1.00", "90.0", "new"),
)
COMMANDS: list[Command] = [
    Opened(SETUP, {"USDT": D("1.00")}, 5),
    Configured(SETUP, 6),
    Reopened(6),
    Executed(7, an_opoco(), SHOWN, (None, D("1.20"))),
    Executed(7, REPLACE, None, ()),
    Traded(8, SYMBOL, D("1.10"), D(2), True, NOTHING, ()),
    Quoted(9, SYMBOL, D(1), D(2), D(3), D(4), None, ()),
    Deepened(10, SYMBOL, SHOWN, ()),
    Phased(11, SYMBOL, SymbolStatus.HALT, True, None, ()),
    Transferred(12, "USDT", D("-1.0")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    again = decode(encode(command))
    assert again == command
    assert encode(again) == encode(command)  # 1.0 and 1.00 are equal, but not the same


def test_every_kind_is_tried() -> None:
    assert {type(command) for command in COMMANDS} == set(Command.__args__)


def test_a_setup_comes_back() -> None:
    assert decode_setup(encode_setup(SETUP)) == SETUP


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x91\xa3odd", encode_setup(SETUP)])
def test_what_is_no_command(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a command"):
        decode(data)


def test_what_is_no_setup() -> None:
    with pytest.raises(ValueError, match="not the setup"):
        decode_setup(encode(COMMANDS[0]))
