"""Any spot exchange that ccxt serves with client order ids as a venue, Binance Spot among them.

Order lists, replacements, trailing stops and amendments are not offered: the core enters, then places a stop alone
(plan 4). Every request ends in reports or in RequestFailed, unknown where nobody can say; nothing is sent twice here.
Deposits and withdrawals are seen as changed balances only. Trading rules §§4, 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import structlog

from fillwright.core.effects import FetchInstruments, FetchSnapshot, QueryOrder, Send
from fillwright.core.inputs import Input, OrderReport, RequestFailed
from fillwright.core.requests import CancelOpenOrdersRequest, CancelRequest, OrderRequest, Request
from fillwright.core.settings import VenueProfile
from fillwright.core.types import AccountId, ErrorClass, Symbol, exact
from fillwright.ports import Clock, Reports, VenueCalls, VenueEffect, VenueTerms, VenueUnavailableError
from fillwright.venues.ccxt_client import OK, CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_errors import CallFailed, Failure
from fillwright.venues.ccxt_reading import READ_AGAIN_MAX, Reader
from fillwright.venues.ccxt_stream import CcxtStream
from fillwright.venues.ccxt_suitability import NEEDED
from fillwright.venues.ccxt_words import (
    NotOffered,
    Structure,
    fill_of,
    number,
    placing,
    report_of,
)
from fillwright.venues.in_process import TIMEOUT_CODE
from fillwright.wire.codec import WireError

__all__ = ["CcxtKeys", "CcxtSettings", "CcxtVenue"]

UNSUPPORTED = -1020


class CcxtVenue:
    """``ports.Venue``: one account at an exchange, through ccxt.

    ``prepare`` gets ccxt's object before it is used, for whatever has no setting here (addresses, proxies).

    Attributes:
        client: the way to ccxt; open while the venue is.
    """

    def __init__(
        self,
        account_id: AccountId,
        keys: CcxtKeys,
        clock: Clock,
        settings: CcxtSettings | None = None,
        prepare: Callable[[Any], None] | None = None,
    ) -> None:
        self.settings = settings or CcxtSettings()
        self._account_id = account_id
        self.client = CcxtClient(self.settings, keys, prepare)
        self._clock = clock
        self._reader = Reader(self.client, clock)
        self._is_listened_to = False
        self._log = structlog.get_logger().bind(account=account_id)

    @property
    def account_id(self) -> AccountId:
        """Whose orders go here."""
        return self._account_id

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """How many calls of ccxt ended how, by (call, outcome): ``ok``, or the class of ccxt's exception."""
        return self.client.calls

    @property
    def call_counts(self) -> tuple[VenueCalls, ...]:
        """The same with the codes of failures."""
        ended = [
            VenueCalls(call, OK, None, count) for (call, kind), count in self.calls.items() if kind == OK
        ]
        failed = [VenueCalls(call, kind, code, n) for (call, kind, code), n in self.client.codes.items()]
        return (*sorted(ended), *sorted(failed))

    # -- opening and closing -----------------------------------------------------------------------------------

    async def open(self) -> VenueTerms:
        """Learn the exchange's markets and what the account holds; VenueUnavailableError says what is missing."""
        terms = None
        try:
            self.client.open()
            terms = await self._terms()
        except (CallFailed, WireError, LookupError) as error:
            raise VenueUnavailableError(f"{self.settings.exchange_id}: {error}") from None
        finally:
            if terms is None:  # refused, or whoever opens it is cancelled
                await self.close()
        return terms

    async def _terms(self) -> VenueTerms:
        name = self.settings.exchange_id
        missing = [one for one in NEEDED if not self.client.has(one)]
        if missing:
            raise VenueUnavailableError(f"ccxt does not offer {', '.join(missing)} at {name}")
        instruments = self._reader.learn(await self.client.call("load_markets"))
        unknown = [one for one in self.settings.symbols if one not in self._reader.markets]
        if unknown or not instruments:
            raise VenueUnavailableError(f"{name} does not have {', '.join(unknown) or 'a market on Spot'}")
        account = await self.client.call("fetch_balance")
        maker, taker = self._fees(account)
        return VenueTerms(
            instruments=instruments,
            maker_fee=maker,
            taker_fee=taker,
            balances=self._reader.of_account(account),
            profile=self._profile(),
        )

    def _profile(self) -> VenueProfile:
        """A request may wait here for as long as a call may take, before it is dated and sent."""
        profile = self.settings.profile
        late = profile.in_flight_max_ms + self.settings.call_timeout_ms
        return msgspec.structs.replace(profile, in_flight_max_ms=late)

    def _fees(self, account: Structure) -> tuple[Decimal, Decimal]:
        """As set, else as the account's answer tells (Binance), else the highest that ccxt knows of its markets."""
        info = account.get("info")
        told = info.get("commissionRates") if isinstance(info, Mapping) else None
        found = []
        for name, fixed in (("maker", self.settings.maker_fee), ("taker", self.settings.taker_fee)):
            own = number(told.get(name)) if isinstance(told, Mapping) else None
            known = [number(market.get(name)) for market in self._reader.markets.values()]
            if fixed is None and own is None and None in known:
                raise VenueUnavailableError(f"nobody tells the {name}'s fee: ccxt_{name}_fee must be set")
            highest = max([one for one in known if one is not None], default=Decimal(0))
            found.append(exact(fixed) if fixed is not None else own if own is not None else highest)
        return found[0], found[1]

    async def close(self) -> None:
        """Let go of connections; nothing is cancelled at the exchange."""
        await self.client.close()

    async def run(self, reports: Reports) -> None:
        """Hand on the stream until cancelled; the first report is StreamChanged(True)."""
        if self.client.exchange is None:
            raise VenueUnavailableError("the venue is not open")
        if self._is_listened_to:
            raise RuntimeError("the stream of an account has one listener")
        self._is_listened_to = True
        try:
            await CcxtStream(self.client, self._reader, self._clock).run(reports)
        finally:
            self._is_listened_to = False

    # -- effects -----------------------------------------------------------------------------------------------

    async def carry_out(self, effect: VenueEffect) -> Sequence[Input]:
        """Do one effect; what goes wrong at the exchange or on the way becomes an input."""
        if isinstance(effect, Send):
            return await self._send(effect.request)
        if not isinstance(effect, FetchSnapshot) and effect.not_before:
            await self._clock.sleep_until(effect.not_before)
        while True:
            try:
                return (await self._read(effect),)
            except (WireError, LookupError) as error:
                self._log.error("an answer cannot be understood: read again", reason=str(error))
                await self._clock.sleep_until(self._clock.now() + READ_AGAIN_MAX)

    async def _read(self, effect: FetchSnapshot | FetchInstruments | QueryOrder) -> Input:
        if isinstance(effect, FetchSnapshot):
            return await self._reader.snapshot(effect)
        if isinstance(effect, FetchInstruments):
            return await self._reader.instruments(effect)
        return await self._reader.about(effect)

    async def _send(self, request: Request) -> Sequence[Input]:
        try:
            if isinstance(request, OrderRequest):
                return await self._place(request)
            if isinstance(request, CancelRequest):
                return await self._cancel(request)
            if isinstance(request, CancelOpenOrdersRequest):
                return await self._cancel_all(request)
            raise NotOffered("ccxt has no unified order lists, replacements or amendments")
        except NotOffered as error:
            failure = Failure("NotSupported", ErrorClass.PERMANENT, UNSUPPORTED, str(error))
        except CallFailed as error:
            failure = error.failure
            if failure.error_class is ErrorClass.CLOCK:
                await self._reader.set_clock()
        except (WireError, LookupError) as error:
            text = f"an unreadable answer: {error}"
            failure = Failure("Unreadable", ErrorClass.UNKNOWN, TIMEOUT_CODE, text)
        return (
            RequestFailed(
                request=request,
                error_class=failure.error_class,
                code=failure.code,
                message=failure.message,
            ),
        )

    async def _place(self, request: OrderRequest) -> Sequence[Input]:
        market = self._reader.market(request.symbol)
        features = (self.client.exchange.features or {}).get("spot") or {}
        has_stop_prices = bool((features.get("createOrder") or {}).get("stopLossPrice"))
        wanted = placing(request, is_binance=self.client.is_binance, has_stop_prices=has_stop_prices)
        order = await self.client.call("create_order", market["symbol"], *wanted.arguments)
        return self._answered(order, request.symbol, request.client_order_id)

    async def _cancel(self, request: CancelRequest) -> Sequence[Input]:
        market, params = self._reader.market(request.symbol), {}
        own = None if request.order_id is None else self._reader.id_of(request.order_id)
        if own is None or self.client.is_binance:
            params = {"clientOrderId": request.orig_client_order_id} if request.orig_client_order_id else {}
        if self.client.is_binance:
            if request.cancel_client_order_id is not None:
                params["newClientOrderId"] = request.cancel_client_order_id
            if request.restriction is not None:
                params["cancelRestrictions"] = request.restriction.value
        order = await self.client.call("cancel_order", own, market["symbol"], params)
        return self._answered(order, request.symbol, request.orig_client_order_id or "")

    async def _cancel_all(self, request: CancelOpenOrdersRequest) -> Sequence[Input]:
        if not self.client.has("cancelAllOrders"):
            raise NotOffered("ccxt cannot cancel all orders of a symbol at this exchange")
        market = self._reader.market(request.symbol)
        orders = await self.client.call("cancel_all_orders", market["symbol"])
        return [one for order in orders or () for one in self._answered(order, request.symbol, "")]

    def _answered(self, order: object, symbol: Symbol, name: str) -> list[OrderReport]:
        """What an answer says; one that names the order alone says nothing that the stream or a question does not.

        WireError for one that does not even name it: then nobody can say.
        """
        if not isinstance(order, Mapping) or not order.get("id"):
            raise WireError("the answer names no order")
        self._reader.remember(order, symbol)
        if order.get("status") is None or order.get("side") is None:
            return []
        now = self._clock.now()
        report = report_of(order, symbol, (), now, "response", name)
        fills = tuple([fill_of(trade, report.time) for trade in order.get("trades") or ()])
        return [report_of(order, symbol, fills, now, "response", name)]
