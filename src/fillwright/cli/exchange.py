"""``fillwright exchange``: a Binance Spot of one's own: running it, its accounts, its market.

The group comes by way of ``exchange_service``, which adds the other commands to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fillwright.cli.exchange_service import exchange
from fillwright.cli.exchange_words import (
    AccountName,
    Balance,
    SymbolName,
    Token,
    Url,
    door_of,
    given,
    services_of,
)
from fillwright.cli.words import Data, Json
from fillwright.commands import exchange as commands
from fillwright.commands.failures import ending
from fillwright.commands.service import service_config
from fillwright.options import BadInputError, ExchangeOptions

__all__ = ["exchange"]


class Source(StrEnum):
    """Where prices come from."""

    SYNTHETIC = "synthetic"
    TAPE = "tape"
    SCRIPT = "script"


class Clock(StrEnum):
    """What is done to the clock."""

    FREEZE = "freeze"
    STEP = "step"
    RESUME = "resume"
    SKEW = "skew"


class Phase(StrEnum):
    """A symbol's trading phase."""

    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"


SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="Settings of the server, TOML or JSON.")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="Default 8090; 0: any that is free.")]
Seed = Annotated[int | None, typer.Option(help="Of prices and faults; default 1.")]
Symbols = Annotated[
    list[str] | None, typer.Option(metavar="SYMBOL", help="What trades; default: all. May be repeated.")
]
InfoFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A body of /api/v3/exchangeInfo; default: built in.")
]
Market = Annotated[Source | None, typer.Option(help="Where prices come from; default synthetic.")]
Rate = Annotated[float | None, typer.Option(metavar="N", help="Synthetic trades a second and symbol.")]
Tapes = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="Recorded market data; may be repeated.")
]
Speed = Annotated[float | None, typer.Option(metavar="N", help="Seconds of a tape that pass in a second.")]
FirstAccount = Annotated[str | None, typer.Option(help="Name of the first account; default main.")]
NoLimits = Annotated[bool, typer.Option("--no-limits", help="Limits are shown, never enforced.")]
LegacyListenKey = Annotated[
    bool, typer.Option("--legacy-listen-key", help="Serve user data by listenKey, as before 2026-02-20.")
]
KeyRights = Annotated[
    bool, typer.Option("--key-rights", help="Tell what a key may do (apiRestrictions), as mainnet does.")
]
Frozen = Annotated[bool, typer.Option("--frozen", help="Time passes by `exchange time step` alone.")]
Start = Annotated[
    int | None, typer.Option(metavar="US", help="Time at the start, microseconds UTC; default: now.")
]
StateFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="SQLite file that the state is kept in.")
]
LogFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write every answer and event there, as JSON lines.")
]
AdminToken = Annotated[
    str | None, typer.Option(envvar="FILLWRIGHT_EXCHANGE_TOKEN", help="Default: a new one at each start.")
]
UpJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON when it takes requests.")]


@exchange.command(short_help="Run an exchange until Ctrl-C.")
def run(
    context: typer.Context,
    settings: SettingsFile = None,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    seed: Seed = None,
    symbol: Symbols = None,
    exchange_info: InfoFile = None,
    market: Market = None,
    rate: Rate = None,
    tape: Tapes = None,
    speed: Speed = None,
    account: FirstAccount = None,
    balance: Balance = None,
    no_limits: NoLimits = False,
    legacy_listen_key: LegacyListenKey = False,
    key_rights: KeyRights = False,
    frozen: Frozen = False,
    start_us: Start = None,
    state: StateFile = None,
    log: LogFile = None,
    admin_token: AdminToken = None,
    json: UpJson = False,
) -> None:
    """Run an exchange that Binance's clients cannot tell from Binance Spot, until Ctrl-C."""
    with ending(json):
        first = given(account_id=account, balances=commands.amounts(balance) if balance else None)
        wishes = given(
            host=host,
            port=port,
            seed=seed,
            symbols=symbol or None,
            exchange_info=_text(exchange_info),
            market=_market(market, rate, tape or (), speed),
            accounts=[first] if first else None,
            limits={"is_enabled": False} if no_limits else None,
            clock=given(is_frozen=True if frozen else None, start_us=start_us),
            is_legacy_listen_key=True if legacy_listen_key else None,
            tells_key_rights=True if key_rights else None,
            state_file=_text(state),
            log_file=_text(log),
            admin_token=admin_token,
        )
        folder = service_config((), data).data.dir
        options = ExchangeOptions(data=folder, file=settings, settings=wishes)
        commands.run(services_of(context), options, json_wanted=json)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _market(
    source: Source | None, rate: float | None, tapes: Sequence[Path], speed: float | None
) -> dict[str, Any]:
    if source is None and tapes:
        source = Source.TAPE
    return given(
        source=None if source is None else source.value,
        trades_per_second=rate,
        tapes=[str(path) for path in tapes] or None,
        speed=speed,
    )


# -- accounts ------------------------------------------------------------------------------------------------------


@exchange.command(short_help="List keys, or make one; opens an account that is not there.")
def keys(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Make a key for it; without: list all keys.")
    ] = None,
    balance: Balance = None,
    public_key: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="An Ed25519 or RSA public key; default: a new HMAC key."),
    ] = None,
    api_key: Annotated[str | None, typer.Option(help="Its name; default: made up.")] = None,
    secret: Annotated[str | None, typer.Option(help="Of an HMAC key; default: made up.")] = None,
    ip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="It may be used from there alone; again for more; default: any."
        ),
    ] = None,
    withdrawals: Annotated[
        bool, typer.Option("--withdrawals", help="It is told that it may withdraw (run --key-rights).")
    ] = False,
    revoke: Annotated[str | None, typer.Option(metavar="KEY", help="Forget this key.")] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """List keys; make one for an account (which is opened, with balances, if it is not there); or forget one."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if revoke is not None:
            commands.show(door, door.post("/keys/revoke", {"api_key": revoke}))
            return
        if account is None:
            commands.show(door, door.get("/keys"))
            return
        opened = None
        if account not in door.get("/accounts"):
            wish = {"account": account, "balances": commands.amounts(balance or ())}
            opened = door.post("/accounts", wish)
        elif balance:
            raise BadInputError(f"account {account} is open: bring funds in with `exchange deposit`")
        if opened is None or public_key or api_key or secret or ip or withdrawals:
            pem = None
            if public_key is not None:
                pem = commands.text_of(public_key)
            named = given(
                account=account,
                api_key=api_key,
                secret=secret,
                public_key=pem,
                ip_addresses=ip or None,
                can_withdraw=True if withdrawals else None,
            )
            opened = door.post("/keys", named)
        commands.show(door, opened)


@exchange.command(short_help="Bring funds into an account.")
def deposit(
    context: typer.Context,
    account: AccountName,
    asset: Annotated[str, typer.Argument(metavar="ASSET")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Below 0: taken out.")],
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Bring funds into an account, or take free ones out (an amount below 0, after --)."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        text = commands.number(amount)
        wish = {"account": account, "asset": asset, "amount": text.removeprefix("-")}
        commands.show(door, door.post("/withdraw" if text.startswith("-") else "/deposit", wish))


@exchange.command(short_help="Change an account's commission rates.")
def fees(
    context: typer.Context,
    account: AccountName,
    maker: Annotated[str | None, typer.Option(metavar="RATE", help="Such as 0.001.")] = None,
    taker: Annotated[str | None, typer.Option(metavar="RATE")] = None,
    bnb: Annotated[
        bool | None, typer.Option("--bnb/--no-bnb", help="Whether BNB pays, with its discount.")
    ] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Change what an account pays from its next fill on."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {"account": account, "maker": maker, "taker": taker, "pay_in_bnb": bnb}
        commands.show(door, door.post("/fees", wish))


# -- the market ------------------------------------------------------------------------------------------------------


@exchange.command(short_help="Move a symbol to a price.")
def price(
    context: typer.Context,
    symbol: SymbolName,
    price: Annotated[str, typer.Argument(metavar="PRICE")],
    quantity: Annotated[str, typer.Option(metavar="QUANTITY", help="Of the quotes and the trade.")] = "1",
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Quotes one tick around a price, and a trade at it: orders that it reaches fill, stops go off."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {"symbol": symbol, "price": commands.number(price), "quantity": commands.number(quantity)}
        commands.show(door, door.post("/price", wish))


@exchange.command(short_help="Push a trade of the outside market.")
def trade(
    context: typer.Context,
    symbol: SymbolName,
    price: Annotated[str, typer.Argument(metavar="PRICE")],
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY")],
    buyer_is_maker: Annotated[bool, typer.Option("--buyer-is-maker", help="The seller took.")] = False,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Push a trade of the outside market, as if somebody else had traded."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {
            "symbol": symbol,
            "price": commands.number(price),
            "quantity": commands.number(quantity),
            "buyer_is_maker": buyer_is_maker,
        }
        commands.show(door, door.post("/trade", wish))


@exchange.command(short_help="Push best quotes, or a book from a file.")
def quote(
    context: typer.Context,
    symbol: SymbolName,
    bid: Annotated[str | None, typer.Argument(metavar="[BID]")] = None,
    ask: Annotated[str | None, typer.Argument(metavar="[ASK]")] = None,
    quantity: Annotated[str, typer.Option(metavar="QUANTITY", help="On each side.")] = "1",
    book: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A whole book instead, as /api/v3/depth answers it.")
    ] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Push the outside market's best bid and ask, or its whole book."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if book is not None:
            commands.show(door, door.post("/depth", {"symbol": symbol, **commands.levels(book)}))
            return
        if bid is None or ask is None:
            raise BadInputError("give BID and ASK, or --book FILE")
        size = commands.number(quantity)
        wish = {
            "symbol": symbol,
            "bid": commands.number(bid),
            "ask": commands.number(ask),
            "bid_quantity": size,
            "ask_quantity": size,
        }
        commands.show(door, door.post("/quote", wish))


@exchange.command(short_help="Change a symbol's trading phase.")
def symbol(
    context: typer.Context,
    symbol: SymbolName,
    phase: Annotated[Phase, typer.Argument(metavar="PHASE", help="TRADING, HALT, BREAK, CANCEL_ONLY ...")],
    cancel_orders: Annotated[bool, typer.Option("--cancel-orders", help="All orders with it.")] = False,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Change a symbol's trading phase, as in a maintenance."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {"symbol": symbol, "status": phase.value, "cancel_orders": cancel_orders}
        commands.show(door, door.post("/symbol", wish))


@exchange.command(short_help="Tell the time, or freeze, step, resume, skew it.")
def time(
    context: typer.Context,
    action: Annotated[Clock | None, typer.Argument(metavar="[freeze|step|resume|skew]")] = None,
    by: Annotated[
        str | None, typer.Argument(metavar="[LENGTH]", help="For step and skew: 1500ms, 2s, 1h, 1d.")
    ] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Tell how the clock stands; freeze it, step it forward, let it run, or tell clients a wrong time (skew)."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if action is None:
            commands.show(door, door.get("/time"))
            return
        if (by is None) is (action in (Clock.STEP, Clock.SKEW)):
            raise BadInputError("step and skew take a length, the others take none")
        wish = {"action": action.value, "by_us": None if by is None else commands.length_us(by)}
        commands.show(door, door.post("/time", wish))
