"""Prices over HTTP: the newest quote of each symbol, as the engine sees it."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response

from fillwright.answers import QuotesAnswer, QuoteShape
from fillwright.api import shapes
from fillwright.api.desk import Desk, json_response
from fillwright.api.marks import feed_shape


def quote_routes(desk: Desk) -> list[HTTPRouteHandler]:
    """The route ``/api/quotes``."""

    @get("/api/quotes", responses=shapes.answers(QuotesAnswer), tags=["prices"])
    async def quotes(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The newest quote of each symbol, and where prices come from."""
        hub = desk.account(request).hub
        found = tuple(
            QuoteShape(
                quote.symbol, quote.bid, quote.ask, quote.last, quote.time, hub.traded_at.get(quote.symbol)
            )
            for quote in hub.quotes.values()
        )
        return json_response(QuotesAnswer(found, feed_shape(hub, desk.clock.now())))

    return [quotes]
