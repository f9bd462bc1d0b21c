"""Whether an exchange can be traded at through ccxt: what ccxt says of it, and what it would send.

Two orders are tried on ccxt's object with its ``fetch`` taken away: nothing leaves. Our client order id must be in what
would be sent, or a lost answer could never be asked about; so must the price of a stop, or a position had none. What a
trial cannot see, since ccxt hands on what it does not know, its own description must say: that it knows client order
ids and stops at this exchange. Names that an exchange refuses or changes are known from its documents (NAMES).
"""

from __future__ import annotations

import asyncio
import difflib
import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fillwright.core.types import OrderType
from fillwright.ports import VenueUnavailableError
from fillwright.venues.ccxt_client import CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_errors import shown
from fillwright.venues.ccxt_places import UnknownAddressError
from fillwright.venues.ccxt_words import SIGNIFICANT_DIGITS

NEEDED = ("createOrder", "cancelOrder", "fetchOpenOrders", "fetchOrder", "fetchBalance")
"""An exchange without these cannot be traded at."""
CREDENTIALS = ("apiKey", "secret", "password")
"""What of ccxt's credentials the settings can give."""
TRIAL_MAX_S = 10.0
TRIAL_NAME = "RT_k3x9q2ab_1234_E_1"
TRIAL_MARKET = "BTC/USDT"
TRIAL_PRICE, TRIAL_STOP = "99.5", "87.25"
REASON_CHARACTERS_MAX = 160
_UUID_ALONE = "its client order ids are UUIDs"
_LETTERS = "its client order ids have letters and digits alone"
NAMES = {
    "okx": _LETTERS,
    "okxus": _LETTERS,
    "myokx": _LETTERS,
    "kraken": "its client order ids have 18 characters at most",
    "coinbaseexchange": _UUID_ALONE,
    "onetrading": _UUID_ALONE,
    "bingx": "it writes client order ids in small letters",
    "gate": "it puts t- before client order ids",
    "gateeu": "it puts t- before client order ids",
}
"""Exchanges that do not keep names like RT_k3x9q2ab_12_E_1, and why."""


class UnsuitedExchangeError(Exception):
    """An exchange cannot be traded at through ccxt; ``missing`` lists all that it lacks."""

    def __init__(self, exchange_id: str, missing: tuple[str, ...]) -> None:
        super().__init__(f"{exchange_id} cannot be traded at through ccxt: {'; '.join(missing)}")
        self.exchange_id, self.missing = exchange_id, missing


class Suited(msgspec.Struct, frozen=True):
    """What an exchange takes of the stops that the core knows."""

    stop_types: tuple[OrderType, ...]


def examine(settings: CcxtSettings, keys: CcxtKeys, prepare: Callable[[Any], None] | None = None) -> Suited:
    """Look at an exchange, without a network; raises UnsuitedExchangeError. Not to be called in a running loop."""
    return asyncio.run(_examine(settings, keys, prepare))


async def _examine(settings: CcxtSettings, keys: CcxtKeys, prepare: Callable[[Any], None] | None) -> Suited:
    name = settings.exchange_id
    client = CcxtClient(settings, keys, prepare)
    try:
        client.open()
    except ModuleNotFoundError as error:
        raise UnsuitedExchangeError(
            name, (f"ccxt is not installed ({error.name}): run `make setup`",)
        ) from None
    except UnknownAddressError as error:
        raise UnsuitedExchangeError(name, (str(error),)) from None
    except VenueUnavailableError as error:
        raise UnsuitedExchangeError(name, (f"{error}{_alike(name)}",)) from None
    try:
        missing = _lacking(client, keys)
        stops: list[OrderType] = []
        if not missing:
            missing += await _ids_are_sent(client)
        if not missing:
            whys = []
            for kind in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT):
                why = await _stop_is_sent(client, kind)
                if why:
                    whys.append(why)
                else:
                    stops.append(kind)
            missing += [] if stops else [f"stop orders: {whys[0]}"]
    finally:
        await client.close()
    if missing:
        raise UnsuitedExchangeError(name, tuple(missing))
    return Suited(tuple(stops))


def _alike(name: str) -> str:
    known = importlib.import_module("ccxt.pro").exchanges
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
    return f"; did you mean {' or '.join(found)}?" if found and name not in known else ""


def _lacking(client: CcxtClient, keys: CcxtKeys) -> list[str]:
    """What ccxt itself says."""
    exchange = client.exchange
    found = []
    if not client.has("spot"):
        found.append("a Spot market")
    found += [f"{name} in ccxt" for name in NEEDED if not client.has(name)]
    if exchange.has.get("createMarketOrder") is False:
        found.append("market orders: a close or an emergency stop could not sell")
    if "clientOrderId" not in _source(exchange, "create"):
        found.append("client order ids: ccxt's create_order does not know them here")
    elif client.settings.exchange_id in NAMES:
        found.append(f"names like ours (RT_…_E_1): {NAMES[client.settings.exchange_id]}")
    found += _lacking_in_orders(client)
    if exchange.precisionMode == SIGNIFICANT_DIGITS:
        found.append("steps of prices and amounts (it counts significant digits)")
    for word, is_needed in (exchange.requiredCredentials or {}).items():
        if not is_needed:
            continue
        if word not in CREDENTIALS:
            found.append(
                f"a way to give the {word} that ccxt wants (key, secret and password are all there is)"
            )
        elif word == "password" and keys.password is None:
            found.append("the password that it wants beside key and secret: password, or password_file")
    return found


def _lacking_in_orders(client: CcxtClient) -> list[str]:
    """Kinds of orders without which entries and stops are not what the core takes them for."""
    found = []
    features = _features(client)
    if not (features.get("stopLossPrice") or features.get("triggerPrice")):
        found.append("stop orders: ccxt knows none on Spot here")
    elif not client.is_binance and "'trigger'" in _source(
        client.exchange, "fetch_open", "fetch_order", "cancel"
    ):
        found.append("stop orders among its other orders: here they are asked for and cancelled apart")
    if (features.get("timeInForce") or {}).get("FOK") is not True:
        found.append("fill-or-kill orders: an entry at the market could be filled in part")
    return found


def _source(exchange: Any, *words: str) -> str:
    """What ccxt has written for this exchange of calls whose names begin with a word and are about orders."""
    return "".join(
        inspect.getsource(function)
        for kind in type(exchange).__mro__
        if kind.__module__.startswith("ccxt.") and ".base" not in kind.__module__
        for name, function in vars(kind).items()
        if name.startswith(words) and "order" in name and inspect.isfunction(function)
    )


def _features(client: CcxtClient) -> Mapping[str, Any]:
    """What ccxt says of ``createOrder`` on Spot."""
    return ((client.exchange.features or {}).get("spot") or {}).get("createOrder") or {}


async def _ids_are_sent(client: CcxtClient) -> list[str]:
    sent, why = await _trial(client, "limit", "buy", TRIAL_PRICE, {"timeInForce": "GTC"})
    if TRIAL_NAME in sent:
        return []
    if sent and not why:
        return ["client order ids: ccxt does not send ours with an order"]
    return [f"client order ids: an order could not be tried ({why or 'nothing would be sent'})"]


async def _stop_is_sent(client: CcxtClient, kind: OrderType) -> str:
    """Why a stop cannot be placed; '' if it can."""
    word = "stopLossPrice" if _features(client).get("stopLossPrice") else "triggerPrice"
    is_limit = kind is OrderType.STOP_LOSS_LIMIT
    price = TRIAL_STOP.replace(".25", ".05") if is_limit else None
    sent, why = await _trial(client, "limit" if is_limit else "market", "sell", price, {word: TRIAL_STOP})
    if TRIAL_STOP in sent and TRIAL_NAME in sent:
        return ""
    return why or "the price of a stop would not be sent"


class _Captured(Exception):
    """The request is known; nothing more is to happen."""


async def _trial(
    client: CcxtClient, kind: str, side: str, price: str | None, params: dict[str, Any]
) -> tuple[str, str]:
    """What ccxt would send for an order, and why nothing, if it refuses."""
    exchange, sent = client.exchange, list[str]()

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if method == "GET":
            sent.append(url)
            return {}
        sent.append(f"{url} {body if isinstance(body, str) else json.dumps(body, default=str)}")
        raise _Captured

    exchange.fetch = fetch
    exchange.set_markets([exchange.safe_market_structure(_MARKET)])
    order = exchange.create_order(
        TRIAL_MARKET, kind, side, "1", price, {"clientOrderId": TRIAL_NAME, **params}
    )
    task = asyncio.ensure_future(order)
    await asyncio.wait((task,), timeout=TRIAL_MAX_S)
    why = ""
    if not task.done():
        task.cancel()
        why = "no end"
    elif not task.cancelled() and not isinstance(error := task.exception(), _Captured | None):
        # Of errors over empty answers only the class says something; ccxt's own texts tell what it cannot do.
        is_told = any(one.__name__ == "BaseError" for one in type(error).__mro__)
        why = shown(str(error))[:REASON_CHARACTERS_MAX] if is_told else type(error).__name__
    return "\n".join(sent), why


_MARKET: dict[str, Any] = {
    "id": "BTCUSDT",
    "lowercaseId": "btcusdt",
    "symbol": TRIAL_MARKET,
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "numericId": 1,
    "type": "spot",
    "spot": True,
    "active": True,
    **dict.fromkeys(("margin", "swap", "future", "option", "contract"), False),
    "precision": {"amount": "0.00001", "price": "0.01"},
    "limits": {
        "amount": {"min": "0.00001", "max": "1000"},
        "price": {"min": "0.01", "max": "1000000"},
        "cost": {"min": "1", "max": None},
    },
    "info": {"orderTypes": ["LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"]},
}
"""A market such as any exchange has, for the trial."""
