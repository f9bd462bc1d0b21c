"""What a person wants to know of an account at Binance before it trades: symbols, money, fees, orders, and its stream.

The self-test (``binance_self_test``) says whether it may be traded at all; this looks at the rest. Nothing is changed
at Binance. Sources: Binance Spot REST "Exchange information", "Account information", "Current open orders".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

import msgspec

from fillwright.binance.budget import Lane
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.outcomes import Failed, Refused, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.binance.user_stream import UserStream
from fillwright.binance.websocket_api import Account as Session
from fillwright.core.instruments import Instrument
from fillwright.core.settings import Settings
from fillwright.core.types import ZERO, Asset, OrderType, Symbol, SymbolStatus, plain
from fillwright.venues.binance_reading import decode_information, why
from fillwright.wire import queries
from fillwright.wire.accounts import Account, decode_account
from fillwright.wire.orders import OrderView, decode_orders

OK, WARNING, FAILED = "ok", "warning", "failed"
OURS = "RT_"
"""How client order ids of fillwright begin, of whichever installation."""
BNB = "BNB"
NO_SUCH_SYMBOL = -1121
APART_MAX = 50
"""Symbols that are asked about one by one; of more the rest counts as not there."""
SHOWN_MAX = 5
"""Names told one by one; of more the number."""
FALL = Decimal("0.90")
"""The lowest exit that is counted on: a tenth below the entry, with the commission and a margin in it."""
STREAM_MAX_S = 5.0


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    result: str
    """ok | warning | failed"""
    text: str
    remedy: str = ""


async def check_up(
    rest: PrivateRest, symbols: Sequence[Symbol], settings: Settings, cap: Decimal
) -> list[Checked]:
    """Look at symbols, money, fees and open orders; ``rest`` is entered here.

    ``cap``: quote that one trade may be worth at first, with the user's limits and the rollout's.
    """
    async with rest:
        known = await _instruments(rest, symbols)
        account = read(await rest.call(queries.account_status(), Lane.QUERY), decode_account)
        orders = read(await rest.call(queries.open_orders(), Lane.QUERY), decode_orders)
    found = []
    if isinstance(known, Failed):
        found.append(_unread("symbols", known))
    else:
        missing = [symbol for symbol in symbols if symbol not in known]
        there = [*known.values()]
        found += [symbols_of(there, missing), *plans_of(there), least_of(there, cap)]
    if isinstance(account, Account):
        free = {one.asset: one.free for one in account.balances}
        found += [money_of(free, settings), fees_of(free, settings)]
    found.append(_unread("orders", orders) if isinstance(orders, Failed) else orders_of(orders))
    return found


async def _instruments(rest: PrivateRest, symbols: Sequence[Symbol]) -> dict[Symbol, Instrument] | Failed:
    """Those of the symbols that are there; all at once, or one by one where one of them is not there."""
    asked = read(await rest.call(queries.exchange_information(symbols), Lane.QUERY), decode_information)
    if not isinstance(asked, Failed):
        return {one: asked.instruments[one] for one in symbols if one in asked.instruments}
    if not (isinstance(asked, Refused) and asked.code == NO_SUCH_SYMBOL):
        return asked
    found: dict[Symbol, Instrument] = {}
    for symbol in symbols[:APART_MAX]:
        one = read(await rest.call(queries.exchange_information([symbol]), Lane.QUERY), decode_information)
        if not isinstance(one, Failed):
            found.update(one.instruments)
    return found


def _unread(name: str, failed: Failed) -> Checked:
    return Checked(
        name=name,
        result=FAILED,
        text=f"cannot be read: {why(failed)}",
        remedy="look at what else is wrong with the account first",
    )


# -- symbols -----------------------------------------------------------------------------------------------------


def symbols_of(there: Sequence[Instrument], missing: Sequence[Symbol]) -> Checked:
    """Whether the symbols are there and trade."""
    if missing:
        remedy = "market.symbols: leave out what is not traded there"
        return Checked(name="symbols", result=FAILED, text=f"there is no {_list(missing)}", remedy=remedy)
    closed = [f"{one.symbol} is {one.status}" for one in there if one.status is not SymbolStatus.TRADING]
    closed += [f"{one.symbol} is not for Spot" for one in there if not one.spot_allowed]
    if closed:
        remedy = "wait, or leave them out of market.symbols: entries there are denied"
        return Checked(name="symbols", result=WARNING, text=_list(closed), remedy=remedy)
    return Checked(name="symbols", result=OK, text=f"{_list([one.symbol for one in there])} trade")


def plans_of(there: Sequence[Instrument]) -> list[Checked]:
    """How entries there are protected: in one request, or by a second one."""
    late = [one.symbol for one in there if not (one.opo_allowed or one.oto_allowed)]
    bare = [one.symbol for one in there if OrderType.STOP_LOSS not in one.order_types]
    found = []
    if late:
        found.append(
            Checked(
                name="protection",
                result=WARNING,
                text=f"{_list(late)}: no list with an entry in it, the stop follows once the entry is filled",
                remedy="nothing to do; these positions are without a stop for two requests",
            )
        )
    if bare:
        found.append(
            Checked(
                name="stops",
                result=WARNING,
                text=f"{_list(bare)}: no STOP_LOSS, stops are STOP_LOSS_LIMIT",
                remedy="nothing to do; one that is not filled is sold at market after stop_escalate_s",
            )
        )
    if not found and there:
        found.append(
            Checked(name="protection", result=OK, text="entry, stop and target go out in one request")
        )
    return found


def least_of(there: Sequence[Instrument], cap: Decimal) -> Checked:
    """Whether what may be spent on a trade is what the symbols want at least, also of its exit."""
    wanted = {one.symbol: one.notional.minimum / FALL for one in there if one.notional is not None}
    small = [f"{symbol} wants {plain(round(least, 2))}" for symbol, least in wanted.items() if least > cap]
    told = f"a trade may be worth {plain(cap)}"
    if small:
        remedy = "raise max_position_size_usdt, max_order_size_usdt or cap_usdt, or leave the symbols out"
        return Checked(name="minimum", result=FAILED, text=f"{told}, and {_list(small)}", remedy=remedy)
    most = plain(round(max(wanted.values(), default=ZERO), 2))
    return Checked(name="minimum", result=OK, text=f"{told}; no symbol wants more than {most}")


# -- money -------------------------------------------------------------------------------------------------------


def money_of(balances: Mapping[Asset, Decimal], settings: Settings) -> Checked:
    """Whether there is anything to buy with."""
    quote, least = settings.quote_asset, settings.risk.min_position_size_usdt
    free = balances.get(quote, ZERO)
    if free < least:
        remedy = f"bring {quote} in: a position is worth {plain(least)} at least (min_position_size_usdt)"
        return Checked(name="money", result=WARNING, text=f"{plain(free)} {quote} free", remedy=remedy)
    return Checked(name="money", result=OK, text=f"{plain(free)} {quote} free")


def fees_of(balances: Mapping[Asset, Decimal], settings: Settings) -> Checked:
    """Whether there is BNB where fees are to be paid in it."""
    free = balances.get(BNB, ZERO)
    if not settings.execution.pay_fees_in_bnb:
        return Checked(name="fees", result=OK, text="paid in what is received (pay_fees_in_bnb is off)")
    if not free:
        remedy = "bring BNB in, or say pay_fees_in_bnb = false: entries are denied (FEE_RESERVE)"
        return Checked(
            name="fees", result=WARNING, text="to be paid in BNB, and there is none", remedy=remedy
        )
    return Checked(name="fees", result=OK, text=f"paid in BNB, {plain(free)} of it free")


# -- orders ------------------------------------------------------------------------------------------------------


def orders_of(orders: Sequence[OrderView]) -> Checked:
    """Whose orders are open."""
    others = [one for one in orders if not one.client_order_id.startswith(OURS)]
    ours = len(orders) - len(others)
    if others:
        told = _list([f"{one.symbol} {one.side} {one.type}" for one in others])
        remedy = (
            "nothing to do; they take slots and balance, and only `emergency-stop --external` cancels them"
        )
        text = f"{len(others)} open orders are not fillwright's: {told}"
        return Checked(name="orders", result=WARNING, text=text, remedy=remedy)
    return Checked(
        name="orders", result=OK, text=f"{ours} open, all of them fillwright's" if ours else "none open"
    )


def _list(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_MAX
    return ", ".join(names[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


# -- the stream --------------------------------------------------------------------------------------------------


async def check_stream(endpoints: Endpoints, session: Session) -> Checked:
    """Whether the account's user data stream can be listened to."""
    up = asyncio.Event()

    def told(is_up: bool, why: str) -> None:
        if is_up:
            up.set()

    stream = UserStream(endpoints, session, on_event=lambda _: None, on_state=told)
    living = asyncio.create_task(stream.run())
    try:
        async with asyncio.timeout(STREAM_MAX_S):
            await up.wait()
    except TimeoutError:
        remedy = f"let this machine reach {endpoints.websocket_api}"
        text = stream.trouble or f"no answer within {STREAM_MAX_S:g} s"
        return Checked(name="stream", result=FAILED, text=text, remedy=remedy)
    finally:
        living.cancel()
        with suppress(asyncio.CancelledError):
            await living
    return Checked(name="stream", result=OK, text="its events can be listened to")
