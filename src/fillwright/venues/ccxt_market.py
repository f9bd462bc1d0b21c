"""Prices of any exchange through ccxt as ``ports.MarketData``: quotes and trades as they come, candles when they close.

ccxt.pro's streams are used where an exchange has them, else it is read again and again. Candles are fetched once they
are over. No key is needed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import structlog
from pydantic import SecretStr

from fillwright.core.inputs import Candle
from fillwright.core.types import MILLISECOND, SECOND, ZERO, Symbol, Time
from fillwright.market.intervals import Interval, IntervalError
from fillwright.ports import Clock, FeedState, MarketSink, MarketUnavailableError, VenueUnavailableError
from fillwright.venues.ccxt_client import CcxtClient, CcxtKeys, CcxtSettings
from fillwright.venues.ccxt_errors import CallFailed
from fillwright.venues.ccxt_places import Prepare
from fillwright.venues.ccxt_words import Structure, number, symbol_of
from fillwright.wire.codec import WireError

NO_KEYS = CcxtKeys(SecretStr(""), SecretStr(""))
POLL: Time = SECOND
"""How often what has no stream is read."""
CANDLE_LATE: Time = 1_500 * MILLISECOND
"""So long after its end a candle is asked for."""
CANDLE_TRIES = 5
"""How often a candle that is not there yet is asked for, a pause of POLL apart; then there was none."""
CANDLES_MAX = 500
"""Of one answer."""
TRADES_MAX = 1_000
"""Trades that are remembered as told; the oldest are forgotten."""
END_MAX_S = 1.0
"""So long it is waited for what was cancelled."""
BACK_OFF_FIRST: Time = 500 * MILLISECOND
BACK_OFF_MAX: Time = 30 * SECOND


class CcxtMarketData:
    """Market data of some symbols at one exchange; MarketUnavailableError for an interval that does not exist."""

    def __init__(
        self,
        settings: CcxtSettings,
        symbols: Sequence[Symbol],
        intervals: Sequence[str],
        clock: Clock,
        prepare: Prepare | None = None,
        *,
        draw: random.Random | None = None,
    ) -> None:
        self._symbols = tuple(dict.fromkeys(symbols))
        try:
            self._intervals = tuple(dict.fromkeys(Interval.parse(one) for one in intervals))
        except IntervalError as error:
            raise MarketUnavailableError(str(error)) from error
        self._settings = msgspec.structs.replace(settings, new_updates=True)
        self._client = CcxtClient(self._settings, NO_KEYS, prepare)
        self._clock = clock
        self._draw = draw or random.Random()
        self._opening = asyncio.Lock()
        self._markets: dict[Symbol, Structure] = {}
        self._next_open: dict[tuple[Symbol, Interval], Time] = {}
        self._told: dict[tuple[Symbol, str], None] = {}
        """Trades."""
        self._log = structlog.get_logger().bind(exchange=settings.exchange_id)

    @property
    def source(self) -> str:
        """The exchange, as ccxt spells it."""
        return self._settings.exchange_id

    async def _open(self) -> None:
        async with self._opening:
            if self._client.exchange is not None:
                return
            try:
                self._client.open()
                markets = await self._client.call("load_markets")
            except (CallFailed, VenueUnavailableError) as error:
                await self._client.close()
                raise MarketUnavailableError(f"{self.source}: {error}") from None
            spot = {symbol_of(one): one for one in markets.values() if one.get("spot")}
            missing = [one for one in self._symbols if one not in spot]
            if missing:
                await self._client.close()
                raise MarketUnavailableError(f"{self.source} does not have {', '.join(missing)}")
            self._markets = {one: spot[one] for one in self._symbols}

    # -- candles -----------------------------------------------------------------------------------------------

    async def history(self, symbol: Symbol, interval: str, count: int) -> Sequence[Candle]:
        """The last closed candles, oldest first; raises MarketUnavailableError."""
        await self._open()
        try:
            wanted = Interval.parse(interval)
            candles = await self._candles(symbol, wanted, None, min(count + 1, CANDLES_MAX))
        except (CallFailed, IntervalError, VenueUnavailableError, WireError) as error:
            raise MarketUnavailableError(f"{self.source}: {error}") from None
        found = candles[-count:] if count > 0 else []
        if found:
            self._next_open.setdefault((symbol, wanted), found[-1].close_time + 1)
        return found

    async def _candles(
        self, symbol: Symbol, interval: Interval, since: Time | None, limit: int
    ) -> list[Candle]:
        """Closed ones; IntervalError where the exchange has none of them."""
        frames = self._client.exchange.timeframes or {}
        if not self._client.has("fetchOHLCV") or str(interval) not in frames:
            raise IntervalError(f"{self.source} has no candles of {interval} ({', '.join(frames) or 'none'})")
        since_ms = None if since is None else since // MILLISECOND
        rows = await self._client.call(
            "fetch_ohlcv", self._markets[symbol]["symbol"], str(interval), since_ms, limit
        )
        now = self._clock.now()
        found = [_candle(symbol, interval, row) for row in rows]
        return [one for one in found if one.close_time < now and (since is None or one.open_time >= since)]

    async def _follow_candles(self, symbol: Symbol, interval: Interval, sink: MarketSink) -> None:
        """Hand on each candle when it is over."""
        key = symbol, interval
        self._next_open.setdefault(key, interval.open_time(self._clock.now()))
        tries = 0
        while True:
            start = self._next_open[key]
            await self._clock.sleep_until(interval.close_time(start) + CANDLE_LATE + tries * POLL)
            for candle in await self._candles(symbol, interval, start, CANDLES_MAX):
                if candle.open_time >= self._next_open[key]:
                    self._next_open[key] = candle.close_time + 1
                    sink.candle(candle)
            tries = 0 if self._next_open[key] > start else tries + 1
            if tries >= CANDLE_TRIES:
                self._next_open[key], tries = interval.close_time(start) + 1, 0

    # -- quotes and trades -------------------------------------------------------------------------------------

    async def run(self, sink: MarketSink) -> None:
        """Push market data until cancelled; connections that break are made again."""
        failures = 0
        try:
            while True:
                why, was_up = await self._session(sink)
                sink.state(FeedState(self.source, connected=False, detail=f"{why}; trying again"))
                await self._client.hang_up()
                failures = 0 if was_up else failures + 1
                pause = min(BACK_OFF_FIRST << min(failures, 10), BACK_OFF_MAX)
                pause = pause // 2 + int(self._draw.random() * pause / 2)
                await self._clock.sleep_until(self._clock.now() + pause)
        finally:
            await self._client.close()

    async def _session(self, sink: MarketSink) -> tuple[str, bool]:
        """Until something fails: why it did, and whether there were prices."""
        await self._open()
        up = _Up(sink, FeedState(self.source, connected=True, detail=f"{self.source} through ccxt"))
        jobs: list[Coroutine[Any, Any, None]] = []
        for symbol in self._symbols:
            jobs += [self._quotes(symbol, sink, up.tell), self._trades(symbol, sink)]
            jobs += [self._follow_candles(symbol, interval, sink) for interval in self._intervals]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            error = next(task.exception() for task in tasks if task.done())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=END_MAX_S)
        if isinstance(error, IntervalError):
            raise MarketUnavailableError(str(error)) from None
        if not isinstance(error, CallFailed | VenueUnavailableError | WireError):
            raise error or RuntimeError("a stream without an end has ended")
        return str(error), up.is_told

    async def _ticker(self, symbol: Symbol, *, by_stream: bool) -> Structure:
        """The next bid and ask by stream, or by reading after a pause."""
        market = self._markets[symbol]["symbol"]
        if by_stream and self._client.has("watchBidsAsks"):
            return dict((await self._client.call("watch_bids_asks", [market])).get(market) or {})
        if by_stream and self._client.has("watchTicker"):
            return dict(await self._client.call("watch_ticker", market))
        await self._clock.sleep_until(self._clock.now() + POLL)
        return dict(await self._client.call("fetch_ticker", market))

    async def _quotes(self, symbol: Symbol, sink: MarketSink, up: Callable[[], None]) -> None:
        # A quiet market's stream says nothing for a while: what it would have said before is read.
        ticker = dict(await self._client.call("fetch_ticker", self._markets[symbol]["symbol"]))
        has_quotes = True
        while True:
            bid, ask = number(ticker.get("bid")), number(ticker.get("ask"))
            if bid and ask:
                sizes = [number(ticker.get(name)) or ZERO for name in ("bidVolume", "askVolume")]
                sink.quote(symbol, bid, sizes[0], ask, sizes[1], self._clock.now())
                up()
            ticker = dict(await self._ticker(symbol, by_stream=has_quotes))
            # Not every exchange's stream of tickers has quotes.
            has_quotes = has_quotes and bool(ticker.get("bid") and ticker.get("ask"))

    async def _trades(self, symbol: Symbol, sink: MarketSink) -> None:
        while True:
            market = self._markets[symbol]["symbol"]
            if self._client.has("watchTrades"):
                trades = await self._client.call("watch_trades", market)
            else:
                await self._clock.sleep_until(self._clock.now() + POLL)
                trades = await self._client.call("fetch_trades", market)
            for trade in trades:
                self._tell(symbol, trade, sink)

    def _tell(self, symbol: Symbol, trade: Mapping[str, Any], sink: MarketSink) -> None:
        price, quantity = number(trade.get("price")), number(trade.get("amount"))
        own = f"{trade.get('id') or trade.get('timestamp')}"
        if not price or not quantity or (symbol, own) in self._told:
            return
        self._told[symbol, own] = None
        while len(self._told) > TRADES_MAX * len(self._symbols):
            del self._told[next(iter(self._told))]
        stamp = trade.get("timestamp")
        time = int(stamp) * MILLISECOND if stamp else self._clock.now()
        sink.trade(symbol, price, quantity, trade.get("side") == "sell", time)


class _Up:
    """Tells once that there are prices."""

    def __init__(self, sink: MarketSink, state: FeedState) -> None:
        self.is_told = False
        self._sink, self._state = sink, state

    def tell(self) -> None:
        if not self.is_told:
            self.is_told = True
            self._sink.state(self._state)


def _candle(symbol: Symbol, interval: Interval, row: Sequence[object]) -> Candle:
    """A row of ccxt's (time in ms, open, high, low, close, volume); WireError for anything else."""
    if len(row) < 6 or not isinstance(row[0], int):
        raise WireError(f"{symbol}: a candle cannot be read")
    open_time = row[0] * MILLISECOND
    values: list[Decimal] = []
    for one in row[1:6]:
        value = number(one)
        if value is None:
            raise WireError(f"{symbol}: a candle cannot be read")
        values.append(value)
    return Candle(symbol, interval.value, open_time, interval.close_time(open_time), *values)
