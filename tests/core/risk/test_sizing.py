"""An entry's size: the loss at its stop is the amount risked, no limit is ever exceeded, and the narrowest is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwright.core import events as ev
from fillwright.core.inputs import Size
from fillwright.core.instruments import LotSize, Notional
from fillwright.core.risk.limits import Combined
from fillwright.core.risk.situation import Room
from fillwright.core.risk.sizing import Sized, size, size_draft
from fillwright.core.settings import Settings
from fillwright.core.types import ONE, ZERO
from tests.core.builders import FEE, Book, D, make_draft, make_instrument, make_signal, wide_limits

STEP = D("0.00001")


def limits_of(**changes: Any) -> Combined:
    """Limits that nothing reaches, save those given."""
    book = Book(settings=Settings(risk=wide_limits(**changes)))
    return book.limits.of(book.state, "ada", "BTCUSDT")


def size_of(
    limits: Combined | None = None, room: Room | None = None, instrument: Any = None, **changes: Any
) -> Sized:
    fields: dict[str, Any] = {
        "limit_price": D(50_000),
        "stop_loss": D(49_000),
        "wanted": None,
        "taker_fee": FEE,
    }
    return size(
        limits or limits_of(),
        instrument or make_instrument(),
        room or Room(D(10_000), D(10_000)),
        **{**fields, **changes},
    )


def test_the_loss_at_the_stop_is_the_amount_risked() -> None:
    sized = size_of()
    # 1 % of 10,000 is at risk; a coin loses 1,000 and pays 0.1 % of 50,000 and of 49,000.
    assert sized == Sized(D("0.09099"), D(100))
    loss = sized.quantity * (1000 + 50 + 49)
    assert loss <= 100 < loss + STEP * 1099


def test_a_signal_may_ask_for_less_risk_but_not_for_more() -> None:
    assert size_of(wanted=Size(risk_percent=D("0.5"))) == Sized(D("0.04549"), D(50))
    assert size_of(wanted=Size(risk_percent=D(5))) == Sized(
        size_of().quantity, D(100), "risk_per_trade_percent"
    )


def test_a_signal_may_ask_for_an_amount_of_quote() -> None:
    sized = size_of(wanted=Size(quote=D(1000)))
    assert sized == Sized(D("0.02"), D("21.98"))
    clipped = size_of(wanted=Size(quote=D(8000)))
    assert (clipped.quantity, clipped.clipped_by) == (size_of().quantity, "risk_per_trade_percent")


def test_without_a_stop_the_size_limits_alone_decide() -> None:
    sized = size_of(limits_of(max_position_size_usdt=D(100)), stop_loss=None)
    assert sized == Sized(D("0.002"), D(100), "max_position_size_usdt")
    assert size_of(stop_loss=None, wanted=Size(quote=D(50))) == Sized(D("0.001"), D(50))


NARROW: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max_position_size_usdt": ({"max_position_size_usdt": D(100)}, {}),
    "max_position_size_percent": ({"max_position_size_percent": D(1)}, {}),
    "max_order_size_usdt": ({"max_order_size_usdt": D(100)}, {}),
    "max_symbol_exposure_usdt": ({"max_symbol_exposure_usdt": D(150)}, {"exposure_symbol": D(50)}),
    "max_total_exposure_usdt": ({"max_total_exposure_usdt": D(400)}, {"exposure_total": D(300)}),
    "allocation_usdt": ({"allocation_usdt": D(180)}, {"exposure_trader": D(80)}),
    "balance": ({}, {"available": D(100)}),
}


@pytest.mark.parametrize("name", NARROW)
def test_the_narrowest_limit_is_named(name: str) -> None:
    limits, room = NARROW[name]
    sized = size_of(limits_of(**limits), Room(**{"equity": D(10_000), "available": D(10_000), **room}))
    assert sized == Sized(D("0.002"), D(100), name)


@pytest.mark.parametrize("name", NARROW)
def test_a_limit_that_is_used_up_leaves_nothing(name: str) -> None:
    limits, room = NARROW[name]
    full = {key: value * 9 for key, value in room.items() if key != "available"}
    nothing = {key: ZERO for key in limits if not full}
    sized = size_of(
        limits_of(**{**limits, **nothing}), Room(**{"equity": D(10_000), "available": D(-5), **full})
    )
    assert sized.quantity == ZERO


def test_the_lot_filters_cap_and_are_named() -> None:
    small = make_instrument(lot_size=LotSize(STEP, D("0.05"), STEP))
    assert size_of(instrument=small) == Sized(D("0.05"), D(100), "LOT_SIZE")
    market = make_instrument(market_lot_size=LotSize(ZERO, D("0.03"), ZERO))
    assert size_of(instrument=market) == Sized(D("0.03"), D(100), "MARKET_LOT_SIZE")
    bounded = make_instrument(notional=Notional(maximum=D(1000)))
    assert size_of(instrument=bounded) == Sized(D("0.02"), D(100), "NOTIONAL")


def test_what_is_too_small_to_be_ordered_is_nothing() -> None:
    coarse = make_instrument(lot_size=LotSize(D("0.1"), D(9000), D("0.1")))
    assert size_of(instrument=coarse).quantity == ZERO
    least = make_instrument(lot_size=LotSize(D("0.1"), D(9000), STEP))
    assert size_of(instrument=least).quantity == ZERO


def test_a_symbol_without_a_step_is_cut_to_its_precision() -> None:
    free = make_instrument(lot_size=LotSize(), base_precision=4)
    assert size_of(instrument=free).quantity == D("0.0909")


@pytest.mark.parametrize("stop", [D(50_000), D(51_000)])
def test_a_stop_on_the_wrong_side_buys_nothing(stop: Decimal) -> None:
    assert size_of(stop_loss=stop) == Sized(ZERO, D(100), "stop_loss")


def test_a_price_of_nothing_buys_nothing() -> None:
    assert size_of(limit_price=ZERO, stop_loss=None).quantity == ZERO


def test_bounds_that_are_off_or_just_reached_clip_nothing() -> None:
    free = make_instrument(market_lot_size=LotSize(), lot_size=LotSize(step=STEP), notional=Notional())
    assert size_of(instrument=free) == Sized(D("0.09099"), D(100))
    exact = make_instrument(
        lot_size=LotSize(D("0.02"), D("0.02"), STEP),
        market_lot_size=LotSize(ZERO, D("0.02"), ZERO),
        notional=Notional(maximum=D(1000)),
    )
    limits = limits_of(max_position_size_usdt=D(1000), risk_per_trade_percent=D("0.2198"))
    for wanted in (Size(quote=D(1000)), Size(risk_percent=D("0.2198")), None):
        sized = size_of(limits, instrument=exact, wanted=wanted)
        assert sized == Sized(D("0.02"), D("21.98"))


def test_a_commission_in_quote_is_kept_back_from_the_balance() -> None:
    room = Room(D(10_000), D(100))
    assert size_of(room=room, fee_in_quote=True).quantity == D("0.00199")
    assert size_of(room=room).quantity == D("0.00200")


AMOUNTS = st.decimals(0, 20_000, places=2)
HELD = st.decimals(0, 2_000, places=2)


@given(
    limit_price=st.decimals(1, 60_000, places=2),
    stop_share=st.decimals("0.5", "0.999", places=3),
    has_stop=st.booleans(),
    equity=AMOUNTS,
    available=AMOUNTS,
    exposure=st.tuples(HELD, HELD, HELD),
    caps=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.none() | AMOUNTS),
    wanted=st.none()
    | st.builds(Size, quote=AMOUNTS)
    | st.builds(Size, risk_percent=st.decimals(0, 50, places=1)),
    fee_in_quote=st.booleans(),
)
def test_no_limit_is_ever_exceeded(
    limit_price: Decimal,
    stop_share: Decimal,
    has_stop: bool,
    equity: Decimal,
    available: Decimal,
    exposure: tuple[Decimal, Decimal, Decimal],
    caps: tuple[Decimal, Decimal, Decimal, Decimal, Decimal | None],
    wanted: Size | None,
    fee_in_quote: bool,
) -> None:
    rules = {
        "max_position_size_usdt": caps[0],
        "max_order_size_usdt": caps[1],
        "max_symbol_exposure_usdt": caps[2],
        "max_total_exposure_usdt": caps[3],
        "allocation_usdt": caps[4],
        "max_position_size_percent": D(20),
    }
    in_symbol, total, of_trader = exposure
    room = Room(equity, available, in_symbol, total, of_trader)
    stop = limit_price * stop_share if has_stop else None
    arguments: dict[str, Any] = {
        "limit_price": limit_price,
        "stop_loss": stop,
        "wanted": wanted,
        "fee_in_quote": fee_in_quote,
    }
    sized = size_of(limits_of(**rules), room, **arguments)
    notional = sized.quantity * limit_price
    assert sized.quantity >= ZERO
    assert sized.quantity % STEP == ZERO
    if not sized.quantity:
        return
    assert notional <= min(caps[0], caps[1], equity * D("0.2"))
    assert in_symbol + notional <= caps[2]
    assert total + notional <= caps[3]
    assert caps[4] is None or of_trader + notional <= caps[4]
    assert notional * (ONE + FEE if fee_in_quote else ONE) <= available
    if wanted is not None and wanted.quote is not None:
        assert notional <= wanted.quote
    if stop is not None:
        loss = sized.quantity * (limit_price - stop + FEE * (limit_price + stop))
        assert loss <= equity * D("0.01")
        assert loss <= sized.risk_amount
        if wanted is not None and wanted.risk_percent is not None:
            assert loss <= equity * wanted.risk_percent / 100
    if not sized.clipped_by:
        assert wanted is not None or stop is not None
    # More of everything never gives less.
    more = Room(equity * 2, available * 2, in_symbol / 2, total / 2, of_trader / 2)
    doubled = {name: None if value is None else value * 2 for name, value in rules.items()}
    assert size_of(limits_of(**doubled), more, **arguments).quantity >= sized.quantity


@given(st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)).map(sorted))
def test_a_nearer_stop_never_buys_less(distances: list[int]) -> None:
    near, far = distances
    assert size_of(stop_loss=D(50_000 - near)).quantity >= size_of(stop_loss=D(50_000 - far)).quantity


def test_a_draft_is_sized_from_the_account_as_it_stands() -> None:
    book = Book(make_instrument(), make_instrument("ETHUSDT"))
    book.open_position("ETHUSDT", quantity=D("0.009"))
    draft = make_draft(quantity=ZERO)
    limits = book.limits.of(book.state, "ada", "BTCUSDT")
    room = size_draft(draft, book.ledger, limits, make_signal(), make_instrument(), book.state.prices)
    assert room == Room(D(10_000), D(9_550), ZERO, D(450), D(450))
    assert (draft.quantity, draft.clipped_by) == (D("0.00099"), "max_total_exposure_usdt")
    assert draft.risk_amount == 100


def test_an_addition_fills_up_what_the_position_has_not() -> None:
    book = Book()
    position = book.open_position(quantity=D("0.0012"))
    draft = make_draft(limit_price=D(50_000))
    limits = book.limits.of(book.state, "ada", "BTCUSDT")
    room = size_draft(
        draft, book.ledger, limits, make_signal(), make_instrument(), book.state.prices, position
    )
    assert room.held == 60
    assert (draft.quantity, draft.clipped_by) == (D("0.0008"), "max_position_size_usdt")


def test_a_draft_in_bnb_keeps_the_commission_back_where_bnb_pays_it() -> None:
    pair = make_instrument("BTCBNB", lot_size=LotSize(D("0.001"), D(9000), D("0.001")))
    book = Book(pair, settings=Settings(quote_asset="BNB", risk=wide_limits()), cash=ZERO)
    book.push(ev.BalanceUpdated((("BNB", D(50), ZERO),), opening=True))
    sizes = []
    for pays in (False, True):
        book.set_execution(pay_fees_in_bnb=pays)
        draft = make_draft(symbol="BTCBNB", limit_price=D(10), stop_loss=None)
        limits = book.limits.of(book.state, "ada", "BTCBNB")
        size_draft(draft, book.ledger, limits, make_signal(stop_loss=None), pair, book.state.prices)
        sizes.append(draft.quantity)
    assert sizes == [D(5), D("4.995")]
