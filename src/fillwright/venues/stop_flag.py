"""The flag of the stop by keys: a small order far below the market, whose name tells every service to halt itself.

A cancel is seen by those alone who listen at that moment, and there may be nothing to cancel. The flag rests while the
stop watches, so that open orders show it, and afterwards the account's history does. It needs the least amount that
Binance takes an order for, and gives it back when it is lowered.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

from fillwright.binance.budget import Lane
from fillwright.binance.outcomes import Answered, Refused, Unknown, Unsent, read
from fillwright.binance.private_rest import PrivateRest
from fillwright.core.instruments import Instrument
from fillwright.core.requests import CancelRequest, OrderRequest
from fillwright.core.types import CONTEXT, ONE, ZERO, ClientOrderId, OrderType, Side, Symbol, ceil_to
from fillwright.venues.binance_reading import FLAG_SYMBOLS, decode_information, why
from fillwright.wire import queries
from fillwright.wire.klines import decode_average_price
from fillwright.wire.requests import encoded

BELOW = Decimal("0.6")
"""Of the average price; nearer where the symbol's rules want it so."""
MARGIN = Decimal("0.02")
"""From the border of prices that are allowed, and above the least notional."""
SYMBOLS_MAX = 6
"""Tried at most."""
UNKNOWN_ORDER = -2011
RECV_WINDOW_MS = 1_000


class StopFlag:
    """One flag.

    Attributes:
        symbol: where it rests, or may; None: it was not raised.
        name: its id.
        why: why it was not raised, of each symbol that was tried.
    """

    def __init__(self, rest: PrivateRest, symbols: Sequence[Symbol] = ()) -> None:
        """``symbols``: that services trade; they look through the history of the first."""
        self.symbol: Symbol | None = None
        self.name: ClientOrderId = ""
        self.why = ""
        self._rest = rest
        self._symbols = tuple(symbols)

    async def hoist(self, name: ClientOrderId, seen: Sequence[Symbol]) -> None:
        """Place it where services look first; ``seen``: symbols of orders, the last resort."""
        for symbol in [*dict.fromkeys([*self._symbols[:1], *FLAG_SYMBOLS, *seen])][:SYMBOLS_MAX]:
            order = await self._order(symbol, name)
            if order is None:
                continue
            outcome = await self._rest.call(encoded(order), Lane.EXIT, recv_window_ms=RECV_WINDOW_MS)
            if isinstance(outcome, Answered | Unknown):
                self.symbol, self.name, self.why = symbol, name, ""
                return
            self._failed(symbol, why(outcome))

    async def lower(self, cancel_name: ClientOrderId) -> str:
        """Take it away; why not, or ''. What was bought with it, if the market fell so far, is told by no one."""
        if self.symbol is None:
            return ""
        request = CancelRequest(
            symbol=self.symbol, orig_client_order_id=self.name, cancel_client_order_id=cancel_name
        )
        outcome = await self._rest.call(encoded(request), Lane.EXIT, recv_window_ms=RECV_WINDOW_MS)
        if isinstance(outcome, Answered) or (isinstance(outcome, Refused) and outcome.code == UNKNOWN_ORDER):
            return ""
        return why(outcome)

    def _failed(self, symbol: Symbol, because: str) -> None:
        self.why = f"{self.why}; {symbol}: {because}" if self.why else f"{symbol}: {because}"

    async def _order(self, symbol: Symbol, name: ClientOrderId) -> OrderRequest | None:
        """The order, as a symbol's rules allow it; None: ``why`` tells."""
        info = read(
            await self._rest.call(queries.exchange_information([symbol]), Lane.EXIT), decode_information
        )
        if isinstance(info, Refused | Unknown | Unsent):
            self._failed(symbol, why(info))
            return None
        average = read(await self._rest.call(queries.average_price(symbol), Lane.EXIT), decode_average_price)
        if isinstance(average, Refused | Unknown | Unsent):
            self._failed(symbol, why(average))
            return None
        instrument = info.instruments.get(symbol)
        if instrument is None or average.price <= ZERO:
            self._failed(symbol, "nothing is known of it")
            return None
        price, quantity = flag_of(instrument, average.price)
        return OrderRequest(symbol, Side.BUY, OrderType.LIMIT_MAKER, name, quantity=quantity, price=price)


def flag_of(instrument: Instrument, average: Decimal) -> tuple[Decimal, Decimal]:
    """Price and quantity of the smallest order to buy that a symbol takes far below its average price."""
    with localcontext(CONTEXT):
        lowest = average * BELOW
        if instrument.percent_price is not None:
            band = instrument.percent_price.band(Side.BUY, average)
            lowest = max(lowest, band[0] * (ONE + MARGIN))
        price = instrument.price_up(lowest)
        lot = instrument.lot_size
        wanted = max(instrument.notional_min * (ONE + MARGIN) / price, lot.minimum)
        return price, ceil_to(wanted, lot.step)
