"""``rollout``: the way to real money, testnet, then demo mode, then mainnet, each with ten clean trades."""

from __future__ import annotations

from typing import Annotated

import typer

from fillwright.cli.remote import TokenFile, Url, confirm, target_of
from fillwright.cli.words import ConfigFiles, Data, Json
from fillwright.commands import rollout as commands
from fillwright.commands.failures import ending
from fillwright.commands.rollout_trades import RolloutWish
from fillwright.options import BadInputError

Stage = Annotated[
    str | None,
    typer.Argument(
        metavar="[testnet|demo|mainnet]", help="Make its trades; without: tell how far every stage is."
    ),
]
SymbolName = Annotated[
    str | None, typer.Option(metavar="SYMBOL", help="What to trade; default: BTCUSDT, if it is there.")
]
Quote = Annotated[
    str | None, typer.Option(metavar="AMOUNT", help="How much each trade buys, in quote; default: 15.")
]
Override = Annotated[
    str,
    typer.Option(metavar="REASON", help="Begin although the stage before is not complete; why is on record."),
]
LiftCap = Annotated[
    str,
    typer.Option(metavar="REASON", help="Make no trades, but lift the rollout's cap on trades of the stage."),
]
RestoreCap = Annotated[str, typer.Option(metavar="REASON", help="Make no trades, but put the cap back.")]
Early = Annotated[
    bool, typer.Option("--early", help="With --lift-cap: also before the clean trades are made.")
]
AcceptKey = Annotated[
    bool,
    typer.Option("--accept-unverified-key", help="Go on although it cannot be read what the key may do."),
]


def rollout(
    stage: Stage = None,
    symbol: SymbolName = None,
    quote: Quote = None,
    override: Override = "",
    lift_cap: LiftCap = "",
    restore_cap: RestoreCap = "",
    early: Early = False,
    accept_unverified_key: AcceptKey = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigFiles = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Prove an account: ten small whole trades, entered, protected, closed and compared with the exchange's books.

    It goes through the running service, which is switched to the stage's mode. The first trade that is not clean ends
    it (code 8); the same command goes on from there. demo comes after testnet, mainnet after demo. On mainnet one trade
    is worth 50 of quote at most, after ten clean trades 100, until --lift-cap.
    """
    with ending(json):
        changes = lift_cap or restore_cap
        if lift_cap and restore_cap:
            raise BadInputError("--lift-cap or --restore-cap, not both")
        if stage is None and (changes or override or symbol or quote):
            raise BadInputError("which stage? For example: fillwright rollout testnet")
        if early and not lift_cap:
            raise BadInputError("--early needs --lift-cap")
        wanted = target_of(config, data, url, token_file)
        if stage is None:
            commands.show(wanted, json)
            return
        if changes:
            if lift_cap:
                confirm(f"Lift the cap on trades of {stage}?", yes)
            commands.lift(wanted, stage, changes, json, restore=bool(restore_cap), early=early)
            return
        if question := commands.question_of(stage, commands.standing(wanted, stage)):
            confirm(question, yes)
        wish = RolloutWish(
            stage=stage,
            symbol=symbol,
            quote=quote,
            override=override,
            accept_unverified_key=accept_unverified_key,
        )
        commands.run(wanted, wish, json)
