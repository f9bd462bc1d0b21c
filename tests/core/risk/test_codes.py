"""The codes stand in the order of the rules, and each can be explained."""

from __future__ import annotations

import re

import msgspec

from fillwright.core.events import Check
from fillwright.core.risk.codes import SIGNAL_CODES, DenialCode, describe
from fillwright.core.settings import BreakerSettings, ExecutionSettings, RiskLimits, Settings

RULES = """
HALTED PAUSED MODE_DISABLED SYMBOL_NOT_ALLOWED SYMBOL_NOT_TRADING SHORT_NOT_SUPPORTED DUPLICATE_SIGNAL SIGNAL_STALE
CONFIDENCE_TOO_LOW STOP_LOSS_REQUIRED STOP_LOSS_WRONG_SIDE STOP_LOSS_TOO_FAR TAKE_PROFIT_WRONG_SIDE QUOTE_STALE
SPREAD_TOO_WIDE PRICE_DEVIATION CIRCUIT_OPEN COOLDOWN_LOSSES DAILY_LOSS DRAWDOWN_MAX DAILY_TRADES_MAX ORDER_RATE
SYMBOL_IN_DOUBT POSITIONS_MAX POSITIONS_PER_SYMBOL_MAX EXPOSURE_SYMBOL_MAX EXPOSURE_TOTAL_MAX ALLOCATION_MAX
CORRELATION POSITION_SIZE_MAX POSITION_SIZE_MIN ORDER_SIZE_MAX BALANCE_INSUFFICIENT FEE_RESERVE EXIT_PRICES
OWN_ORDER_CROSSED ALGO_SLOTS ORDER_SLOTS RATE_RESERVE
"""
ORDER = re.findall(r"\w+", RULES)


def test_the_codes_stand_in_the_order_of_the_rules() -> None:
    codes = [code.value for code in DenialCode]
    assert codes[: len(ORDER)] == ORDER
    assert all(code.startswith("FILTER_") for code in codes[len(ORDER) :])


def test_a_code_is_its_own_text_in_a_journal() -> None:
    assert msgspec.json.encode(Check(DenialCode.HALTED, False)) == b'["HALTED",false,null,null,""]'
    assert DenialCode("ALGO_SLOTS") is DenialCode.ALGO_SLOTS


def test_every_code_says_what_it_means_and_what_to_do() -> None:
    for code, meaning, _, remedy in describe():
        assert meaning.endswith("."), code
        assert remedy.endswith("."), code
    assert [row[0] for row in describe()] == [code.value for code in DenialCode]


def test_the_settings_named_exist() -> None:
    known = {
        field
        for struct in (RiskLimits, ExecutionSettings, BreakerSettings, Settings)
        for field in struct.__struct_fields__
    }
    named = {name for _, _, setting, _ in describe() for name in setting.split(", ") if name}
    assert named <= known


def test_the_codes_about_a_signal_follow_each_other() -> None:
    start = ORDER.index("SHORT_NOT_SUPPORTED")
    assert [code.value for code in SIGNAL_CODES] == ORDER[start : ORDER.index("QUOTE_STALE")]
