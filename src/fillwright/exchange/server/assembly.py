"""How a server's parts are made of its settings and put together."""

from __future__ import annotations

import msgspec

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.server.accounts import ACCOUNT
from fillwright.exchange.server.admin import AdminDoor
from fillwright.exchange.server.box import Box
from fillwright.exchange.server.clock import BoxClock
from fillwright.exchange.server.customers import open_account
from fillwright.exchange.server.desk import Desk
from fillwright.exchange.server.event_log import EventLog
from fillwright.exchange.server.exchange_info import InfoBook
from fillwright.exchange.server.key_rights import KEY_RIGHTS
from fillwright.exchange.server.keys import KeyRing
from fillwright.exchange.server.limits import Limits
from fillwright.exchange.server.listen_keys import ListenKeys, listen_key_operations
from fillwright.exchange.server.listener import Listener
from fillwright.exchange.server.market_operations import GENERAL, MARKET
from fillwright.exchange.server.market_sink import MarketSourceError
from fillwright.exchange.server.market_source import open_markets
from fillwright.exchange.server.market_streams import MarketStreams
from fillwright.exchange.server.session_operations import SESSION
from fillwright.exchange.server.settings import BoxSettings, BoxSettingsError
from fillwright.exchange.server.state_file import SavedState
from fillwright.exchange.server.stream_sessions import stream_sessions
from fillwright.exchange.server.ticker_operations import TICKERS
from fillwright.exchange.server.trading import TRADING
from fillwright.exchange.server.trading_lists import LISTS
from fillwright.exchange.server.user_streams import UserStreams
from fillwright.exchange.server.websocket import WebSockets
from fillwright.exchange.server.websocket_api import PATH, api_sessions
from fillwright.exchange.settings import ExchangeLimits, ExchangeSettings
from fillwright.exchange.snapshot import SnapshotError
from fillwright.wire.exchange_info import (
    ExchangeInfo,
    ExchangeInfoError,
    default_exchange_info,
    find_instrument,
    load_exchange_info,
)


def make_box(settings: BoxSettings, clock: BoxClock | None = None, saved: SavedState | None = None) -> Box:
    """A server without its shells: as the settings have it, or as it was saved. Raises BoxSettingsError."""
    info, instruments = trading_rules(settings)
    exchange_settings = _exchange_settings(settings, info)
    if clock is None:
        clock = BoxClock(settings.clock.start_us, is_frozen=settings.clock.is_frozen)
    if saved is None:
        exchange = Exchange(instruments.values(), exchange_settings)
        keys = KeyRing()
    else:
        exchange = _restored(saved, settings, instruments, exchange_settings)
        keys = KeyRing(saved.keys)
        clock.begin_at(saved.now)
    box = Box(settings, exchange, clock)
    box.keys = keys
    box.limits = Limits(settings.limits, exchange_settings.order_counts)
    for account in settings.accounts:
        open_account(box, account)
    if settings.log_file is not None:
        try:
            box.log = EventLog(settings.log_file)
        except OSError as error:
            raise BoxSettingsError(f"{settings.log_file}: {error.strerror or error}") from error
    _make_market(box, instruments, goes_on=saved is not None)
    _make_doors(box)
    box.tick()
    return box


def _make_market(box: Box, instruments: dict[Symbol, Instrument], *, goes_on: bool) -> None:
    """What is public, and where prices come from."""
    try:
        box.info = InfoBook.load(box.settings.exchange_info, box.exchange)
        open_markets(box, instruments, goes_on=goes_on)
    except (ExchangeInfoError, MarketSourceError) as error:
        raise BoxSettingsError(str(error)) from error


def _make_doors(box: Box) -> None:
    """What clients come in by."""
    streams = box.user_streams = UserStreams(box)
    operations = (*GENERAL, *MARKET, *TICKERS, *TRADING, *LISTS, *ACCOUNT, *SESSION)
    if box.settings.tells_key_rights:
        operations += KEY_RIGHTS
    listen_keys = None
    if box.settings.is_legacy_listen_key:
        listen_keys = ListenKeys(box, streams)
        operations += listen_key_operations(listen_keys)
    box.desk = desk = Desk(box, operations)
    market = stream_sessions(MarketStreams(box), listen_keys)
    routes = {PATH: api_sessions(desk, streams)}
    routes.update(dict.fromkeys(("/ws", "/ws/", "/stream", "/stream/"), market))
    box.sockets = WebSockets(box, routes)


def make_listener(box: Box, admin_token: str) -> Listener:
    """The port, with everything behind it."""
    if not isinstance(box.desk, Desk) or not isinstance(box.sockets, WebSockets):
        raise ValueError("the box has no doors")
    return Listener(box, box.desk, AdminDoor(box, admin_token).serve, box.sockets.take_over)


def trading_rules(settings: BoxSettings) -> tuple[ExchangeInfo, dict[Symbol, Instrument]]:
    """What is known of symbols, and those that are traded; raises BoxSettingsError."""
    try:
        if settings.exchange_info is None:
            info = default_exchange_info()
        else:
            info = load_exchange_info(settings.exchange_info)
        wanted = settings.symbols or tuple(info.instruments)
        return info, {symbol: find_instrument(info.instruments, symbol) for symbol in wanted}
    except ExchangeInfoError as error:
        raise BoxSettingsError(str(error)) from error


def _exchange_settings(settings: BoxSettings, info: ExchangeInfo) -> ExchangeSettings:
    """The exchange-wide filters are those of the exchange information, unless the settings have their own.

    Where limits are off, orders are counted, and none is too many.
    """
    wanted, limits = settings.exchange, settings.exchange.limits
    if limits == ExchangeLimits():
        found = info.exchange_filters
        limits = ExchangeLimits(
            orders_max=found.orders_max,
            algo_orders_max=found.algo_orders_max,
            iceberg_orders_max=found.iceberg_orders_max,
            order_lists_max=found.order_lists_max,
        )
    counts = [
        msgspec.structs.replace(one, is_enforced=one.is_enforced and settings.limits.is_enabled)
        for one in wanted.order_counts
    ]
    return msgspec.structs.replace(wanted, limits=limits, order_counts=tuple(counts))


def _restored(
    saved: SavedState,
    settings: BoxSettings,
    instruments: dict[Symbol, Instrument],
    exchange_settings: ExchangeSettings,
) -> Exchange:
    missing = [symbol for symbol in saved.symbols if symbol not in instruments]
    if missing:
        raise BoxSettingsError(
            f"{settings.state_file} also has {', '.join(missing)}: name them with --symbol"
        )
    try:
        return Exchange.load(saved.exchange, instruments.values(), exchange_settings)
    except SnapshotError as error:
        raise BoxSettingsError(f"{settings.state_file}: {error}; move the file away to begin anew") from error


def state_of(box: Box) -> SavedState:
    """What is to be saved of a server now."""
    return SavedState(
        now=box.now,
        seed=box.settings.seed,
        symbols=box.exchange.symbols,
        exchange=box.exchange.dump(),
        keys=box.keys.all(),
    )
