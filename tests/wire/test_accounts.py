from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given

from fillwright.wire.accounts import (
    Account,
    AccountCommission,
    OrderCommission,
    Trade,
    decode_account,
    decode_account_commission,
    decode_order_commission,
    decode_trades,
)
from fillwright.wire.codec import WireError, encode
from tests.wire.messages import messages
from tests.wire.samples import ACCOUNT, DISCOUNT, RATES, TRADE, text


def test_an_account_is_read_without_loss() -> None:
    account = decode_account(text(ACCOUNT))
    assert account.balances[0].free == Decimal("0.0007992")
    assert account.commission_rates is not None
    assert account.commission_rates.taker == Decimal("0.001")
    assert json.loads(encode(account)) == ACCOUNT


def test_commissions_are_read_without_loss() -> None:
    body = {
        "symbol": "BTCUSDT",
        "standardCommission": RATES,
        "specialCommission": RATES,
        "taxCommission": RATES,
        "discount": DISCOUNT,
    }
    commission = decode_account_commission(text(body))
    assert commission.standard_commission.maker == Decimal("0.001")
    assert json.loads(encode(commission)) == body
    of_order = {
        "standardCommissionForOrder": {"maker": "0.1", "taker": "0.2"},
        "specialCommissionForOrder": RATES,
        "taxCommissionForOrder": RATES,
        "discount": DISCOUNT,
    }
    tested = decode_order_commission(text(of_order))
    assert (tested.standard.taker, tested.standard.buyer) == (Decimal("0.2"), None)
    assert json.loads(encode(tested)) == of_order


def test_trades_are_read_without_loss() -> None:
    trades = decode_trades(text([TRADE]))
    assert (trades[0].trade_id, trades[0].order_id, trades[0].is_maker) == (28457, 100234, False)
    assert json.loads(encode(trades)) == [TRADE]
    assert decode_trades(b"[]") == ()


def test_what_is_something_else_is_refused() -> None:
    with pytest.raises(WireError, match=r"not an account: .*`makerCommission`"):
        decode_account(b"{}")
    with pytest.raises(WireError, match="free is not a plain number"):
        decode_account(text({**ACCOUNT, "balances": [{"asset": "BTC", "free": "NaN", "locked": "0"}]}))
    with pytest.raises(WireError, match="not an account's commission"):
        decode_account_commission(text(ACCOUNT))
    with pytest.raises(WireError, match="not a tested order's commission"):
        decode_order_commission(b"{}")
    with pytest.raises(WireError, match=r"not trades: .*`id` - at `\$\[0\]`"):
        decode_trades(text([{**TRADE, "id": "x"}]).replace(b'"id": "x", ', b""))


@given(messages(Account))
def test_any_account_comes_back(account: Account) -> None:
    assert decode_account(encode(account)) == account


@given(messages(AccountCommission))
def test_any_commission_comes_back(commission: AccountCommission) -> None:
    assert decode_account_commission(encode(commission)) == commission


@given(messages(OrderCommission))
def test_any_tested_commission_comes_back(commission: OrderCommission) -> None:
    assert decode_order_commission(encode(commission)) == commission


@given(messages(Trade))
def test_any_trade_comes_back(trade: Trade) -> None:
    assert decode_trades(encode([trade])) == (trade,)
