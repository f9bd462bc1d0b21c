"""One place of Binance's (mainnet, testnet, demo, the box) as a process sees it: its clock, its budget, its accounts.

Weight, requests and connections are counted by address, so that all accounts of a process share one of these.
"""

from __future__ import annotations

import random
import ssl
from pathlib import Path

from fillwright.binance.budget import RateBudget
from fillwright.binance.clock_sync import ClockSync
from fillwright.binance.endpoints import Endpoints
from fillwright.binance.private_rest import PrivateRest
from fillwright.binance.signers import Signer
from fillwright.binance.websocket_api import Account
from fillwright.core.types import AccountId
from fillwright.ports import Clock
from fillwright.venues.binance import BinanceSettings, BinanceVenue


class BinancePlace:
    """Makes venues that share a clock and a budget.

    Attributes:
        clock_sync: Binance's clock as we know it.
        budget: what this address may still ask.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        clock_sync: ClockSync | None = None,
        ban_file: Path | None = None,
        tls: ssl.SSLContext | None = None,
        draw: random.Random | None = None,
    ) -> None:
        self.endpoints = endpoints
        self.clock_sync = clock_sync or ClockSync(draw=draw)
        self.budget = RateBudget(self.clock_sync.now, ban_file)
        self._tls, self._draw = tls, draw

    def rest(self, signer: Signer | None, account_id: AccountId = "") -> PrivateRest:
        """A REST session of an account, or (without a signer) of nobody; it is to be entered."""
        return PrivateRest(
            self.endpoints.rest, signer, self.clock_sync, self.budget, account_id=account_id, tls=self._tls
        )

    def venue(
        self, account_id: AccountId, signer: Signer, clock: Clock, settings: BinanceSettings | None = None
    ) -> BinanceVenue:
        """The venue of one account."""
        account = Account(account_id, signer, self.clock_sync.now, self.clock_sync.doubt, self.budget)
        return BinanceVenue(
            account,
            self.rest(signer, account_id),
            self.clock_sync,
            self.endpoints,
            clock,
            settings,
            tls=self._tls,
            draw=self._draw,
        )
