"""Commands that ask a running service: ``signal send``, ``emergency-stop``, ``resume``, ``mode``, ``status``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fillwright.cli.words import ConfigFiles, Data, Json, services_of
from fillwright.commands import remote
from fillwright.commands.failures import ending
from fillwright.commands.keys_stop import stop_by_keys
from fillwright.commands.service import service_config
from fillwright.options import BadInputError, KeysStopOptions

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Where the service is; default: that of the data folder."),
]
StopUrl = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Where the service is, or with --keys the exchange's REST API."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Holds the token; else FILLWRIGHT_TOKEN, or the file of FILLWRIGHT_TOKEN_FILE."
    ),
]


class Side(StrEnum):
    """Of a signal."""

    LONG = "long"
    SHORT = "short"


def confirm(question: str, yes: bool) -> None:
    """Ask, unless the answer was given; BadInputError when it is no, or nobody is there."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInputError("nobody can be asked here: add --yes")
    if not typer.confirm(question, err=True):
        raise BadInputError("nothing was done")


signals = typer.Typer(
    name="signal", help="Send signals to the service.", no_args_is_help=True, rich_markup_mode=None
)


def target_of(
    config: list[Path] | None, data: Path | None, url: str | None, token_file: Path | None
) -> remote.Target:
    """Which service, with which token."""
    return remote.target(service_config(config or (), data), url, token_file)


@signals.command(short_help="Send a signal; the engine sizes, checks, enters and protects.")
def send(
    symbol: Annotated[str | None, typer.Argument(metavar="SYMBOL", help="Such as BTCUSDT.")] = None,
    side: Annotated[Side, typer.Option(help="Spot is long only.")] = Side.LONG,
    stop_loss: Annotated[
        str | None,
        typer.Option(
            metavar="PRICE|N%",
            help="A price, or percent below the entry. Needed, unless the risk settings say no.",
        ),
    ] = None,
    take_profit: Annotated[
        str | None, typer.Option(metavar="PRICE|N%", help="A price, or percent above the entry.")
    ] = None,
    quote: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="How much, in quote; default: by risk.")
    ] = None,
    risk_percent: Annotated[
        str | None, typer.Option(metavar="N", help="How much, in percent of equity at risk.")
    ] = None,
    entry: Annotated[str, typer.Option(metavar="market|limit@PRICE", help="How to get in.")] = "market",
    trader: Annotated[str, typer.Option(help="In whose name.")] = "cli",
    reasoning: Annotated[str, typer.Option(help="Kept with the signal.")] = "",
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: sent again with it, nothing happens twice.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="JSON", help="The signal as a JSON object; - reads standard input.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Send a signal; the engine sizes it, checks it, enters and protects. A signal that is denied ends with code 8."""
    with ending(json):
        wish = remote.SignalWish(
            symbol=symbol,
            side=side.value,
            stop_loss=stop_loss,
            take_profit=take_profit,
            quote=quote,
            risk_percent=risk_percent,
            entry=entry,
            trader=trader,
            reasoning=reasoning,
            file=file,
        )
        remote.send_signal(target_of(config, data, url, token_file), wish, key, json)


def emergency_stop(
    context: typer.Context,
    flatten: Annotated[bool, typer.Option("--flatten", help="Sell every position, too.")] = False,
    external: Annotated[
        bool, typer.Option("--external", help="Cancel orders that are not fillwright's, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option(help="Kept in the journal.")] = "emergency stop",
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Go straight to the exchange, without a service: settings with the keys of [testnet], [demo] or"
            " [mainnet].",
        ),
    ] = None,
    testnet: Annotated[bool, typer.Option("--testnet", help="With --keys: the testnet account.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="With --keys: the demo account.")] = False,
    mainnet: Annotated[bool, typer.Option("--mainnet", help="With --keys: the mainnet account.")] = False,
    tag: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="With --keys: only orders RT_TAG_…; default: all RT_ orders."),
    ] = None,
    watch: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=60,
            metavar="SECONDS",
            help="With --keys: how long to watch for requests that were under way; default: 15.",
        ),
    ] = None,
    url: StopUrl = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Stop entries at once and cancel those that work; what is held keeps its protection, or is sold.

    With --keys it needs neither service nor database, and a service that sees it halts itself.
    """
    sections = {"testnet": testnet, "demo": demo, "mainnet": mainnet}
    with ending(json):
        if keys is not None:
            named = [name for name, is_meant in sections.items() if is_meant]
            if len(named) > 1:
                raise BadInputError(f"--{' or --'.join(named)}, not both")
            options = KeysStopOptions(
                keys=keys,
                section=named[0] if named else None,
                flatten=flatten,
                external=external,
                url=url,
                tag=tag,
                watch_s=watch,
            )
            others = ", and orders that are NOT fillwright's" if external else ""
            what = "SELL every position, and cancel all entries" if flatten else "Cancel all entries"
            confirm(f"{what}{others}?", yes)
            stop_by_keys(services_of(context), options, json)
            return
        if any(sections.values()) or tag is not None or watch is not None:
            raise BadInputError("--testnet, --demo, --mainnet, --tag and --watch need --keys")
        wanted = target_of(config, data, url, token_file)
        others = ", and cancel orders that are NOT fillwright's" if external else ""
        confirm(f"Stop entries{' and SELL every position' if flatten else ''}{others}?", yes)
        remote.emergency_stop(wanted, flatten=flatten, external=external, reason=reason, json_wanted=json)


def resume(
    reason: Annotated[str, typer.Option(help="Why it is safe again; kept in the journal.")],
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: sent again with it, a halt that came since stays.")
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Take entries again after an emergency stop or another halt."""
    with ending(json):
        remote.resume(target_of(config, data, url, token_file), reason, key, json)


def mode(
    switch_to: Annotated[
        str | None,
        typer.Argument(metavar="[paper|testnet|demo|mainnet]", help="Switch to it; without: tell."),
    ] = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Sell what the mode that is left holds, first.")
    ] = False,
    accept_unverified_key: Annotated[
        bool,
        typer.Option("--accept-unverified-key", help="Go on although it cannot be read what the key may do."),
    ] = False,
    override_rollout: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Go on although the stage before it lacks clean trades; why is on record."
        ),
    ] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Leave an account that is not up although it has something open."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Tell the trading mode, or switch it: refused while anything is open; real accounts are tested first."""
    with ending(json):
        wanted = target_of(config, data, url, token_file)
        if question := remote.question_of(switch_to, flatten=flatten, force=force):
            confirm(question, yes)
        remote.mode(
            wanted,
            switch_to,
            json,
            confirmed=True,
            flatten=flatten,
            accept_unverified_key=accept_unverified_key,
            override_rollout=override_rollout,
            force=force,
        )


def status(
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Tell how the service and its account are doing."""
    with ending(json):
        remote.status(target_of(config, data, url, token_file), json)
