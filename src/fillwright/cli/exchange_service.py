"""``fillwright exchange``: faults, limits, connections, and how the server is doing."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fillwright.cli.exchange_words import Token, Url, door_of, exchange, given
from fillwright.cli.words import Data, Json
from fillwright.commands import exchange as commands
from fillwright.commands.failures import ending
from fillwright.options import ExitCode

__all__ = ["exchange"]


class Outcome(StrEnum):
    """What becomes of requests."""

    LOST = "lost"
    ANSWER_LOST = "answer_lost"
    REFUSED = "refused"
    MASKED = "masked"
    DELAYED = "delayed"


class EventOutcome(StrEnum):
    """What becomes of events."""

    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DELAYED = "delayed"
    REORDERED = "reordered"


class Cut(StrEnum):
    """How an answer is lost."""

    CLOSE = "close"
    SILENCE = "silence"


class Kind(StrEnum):
    """What connections are for."""

    API = "api"
    STREAMS = "streams"


class Change(StrEnum):
    """What is done to connections."""

    CUT = "cut"
    MUTE = "mute"
    SHUTDOWN = "shutdown"


@exchange.command(short_help="Let requests go wrong.")
def fault(
    context: typer.Context,
    outcome: Annotated[Outcome, typer.Argument(metavar="lost|answer_lost|refused|masked|delayed")],
    endpoint: Annotated[
        str, typer.Option(metavar="NAME", help="order.place, order.*, TRADE, USER_DATA, NONE; * is all.")
    ] = "*",
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    id_prefix: Annotated[str, typer.Option(metavar="TEXT", help="Of ids that begin with this only.")] = "",
    times: Annotated[int, typer.Option(min=0, metavar="N", help="How often; 0: without end.")] = 1,
    skip: Annotated[int, typer.Option(min=0, metavar="N", help="How many pass before.")] = 0,
    probability: Annotated[
        float, typer.Option(min=0, max=1, metavar="P", help="For each that is met.")
    ] = 1.0,
    by: Annotated[Cut, typer.Option(help="How an answer is lost.")] = Cut.CLOSE,
    code: Annotated[int | None, typer.Option(metavar="CODE", help="Binance's, of a wrong answer.")] = None,
    status: Annotated[int, typer.Option(metavar="HTTP", help="Of a wrong answer; 0: the code's.")] = 0,
    body: Annotated[str | None, typer.Option(metavar="TEXT", help="Instead of JSON; may be empty.")] = None,
    retry_after: Annotated[int | None, typer.Option(metavar="S", help="Retry-After.")] = None,
    lasts: Annotated[str, typer.Option("--for", metavar="LENGTH", help="Removed then; 0: it stays.")] = "0",
    delay: Annotated[str, typer.Option(metavar="LENGTH", help="Before it is carried out.")] = "0",
    answer_delay: Annotated[str, typer.Option(metavar="LENGTH", help="Before it is answered.")] = "0",
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Let requests go wrong: never carried out, or carried out and never answered, or answered wrongly, or late."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {
            "of": "requests",
            "outcome": outcome.value,
            "endpoint": endpoint,
            "account_id": account,
            "client_order_id": id_prefix,
            "skip": skip,
            "probability": probability,
            "for_us": commands.length_us(lasts),
            "by": by.value,
            "code": code,
            "http_status": status,
            "body": body,
            "retry_after_s": retry_after,
            "delay_us": commands.length_us(delay),
            "answer_delay_us": commands.length_us(answer_delay),
        }
        commands.show(door, commands.install(door, wish, times))


@exchange.command(name="event-fault", short_help="Let user stream events go wrong.")
def event_fault(
    context: typer.Context,
    outcome: Annotated[EventOutcome, typer.Argument(metavar="dropped|duplicated|delayed|reordered")],
    event: Annotated[str, typer.Option(metavar="NAME", help="executionReport, for example; * is all.")] = "*",
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    times: Annotated[int, typer.Option(min=0, metavar="N", help="How often; 0: without end.")] = 1,
    skip: Annotated[int, typer.Option(min=0, metavar="N", help="How many pass before.")] = 0,
    probability: Annotated[
        float, typer.Option(min=0, max=1, metavar="P", help="For each that is met.")
    ] = 1.0,
    lasts: Annotated[str, typer.Option("--for", metavar="LENGTH", help="Removed then; 0: it stays.")] = "0",
    delay: Annotated[str, typer.Option(metavar="LENGTH", help="How much later.")] = "0",
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Let events of user streams be lost, come twice, late, or in another order."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        wish = {
            "of": "events",
            "outcome": outcome.value,
            "event": event,
            "account_id": account,
            "skip": skip,
            "probability": probability,
            "for_us": commands.length_us(lasts),
            "delay_us": commands.length_us(delay),
        }
        commands.show(door, commands.install(door, wish, times))


@exchange.command(short_help="List faults, or remove them.")
def faults(
    context: typer.Context,
    remove: Annotated[int | None, typer.Option(metavar="NUMBER", help="Remove this one.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all.")] = False,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """List the faults that are installed, with how often each has hit; or remove them."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if clear or remove is not None:
            commands.show(door, door.post("/faults/remove", {} if clear else {"number": remove}))
        else:
            commands.show(door, door.get("/faults"))


@exchange.command(short_help="Let things happen later, by a plan.")
def script(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Steps as JSON; without: how scripts go.")
    ] = None,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Let actions of the admin door happen later: a JSON array of {"after_us", "path", "wish"}."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if file is None:
            commands.show(door, door.get("/script"))
        else:
            commands.show(door, door.post("/script", {"steps": commands.steps(file)}))


@exchange.command(short_help="Show the limits, or change them.")
def limits(
    context: typer.Context,
    enforced: Annotated[bool | None, typer.Option("--on/--off", help="Whether they refuse.")] = None,
    request_weight: Annotated[int | None, typer.Option(min=1, metavar="N", help="In a minute.")] = None,
    raw_requests: Annotated[int | None, typer.Option(min=1, metavar="N", help="In five minutes.")] = None,
    connections: Annotated[int | None, typer.Option(min=1, metavar="N", help="In five minutes.")] = None,
    ban: Annotated[str | None, typer.Option(metavar="IP", help="Ban this address (418) instead.")] = None,
    ban_for: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long; 0 lifts a ban.")] = "2m",
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Show the limits of an address, change them, or ban one."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if ban is not None:
            wish: dict[str, Any] = {"ip": ban, "for_us": commands.length_us(ban_for)}
            commands.show(door, door.post("/ban", wish))
            return
        wish = given(
            is_enabled=enforced,
            request_weight=request_weight,
            raw_requests=raw_requests,
            connections=connections,
        )
        commands.show(door, door.post("/limits", wish) if wish else door.get("/limits"))


@exchange.command(short_help="List WebSocket connections, or cut, mute, shut them down.")
def connections(
    context: typer.Context,
    change: Annotated[Change | None, typer.Argument(metavar="[cut|mute|shutdown]")] = None,
    number: Annotated[int | None, typer.Option(metavar="N", help="This one only.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Of this kind only.")] = None,
    mute_for: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long it is mute.")] = "10s",
    data: Data = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """List WebSocket connections; drop them, send nothing on them for a while, or announce a shutdown and close."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        if change is None:
            commands.show(door, door.get("/connections"))
            return
        wish = {
            "action": change.value,
            "number": number,
            "kind": None if kind is None else kind.value,
            "for_us": commands.length_us(mute_for) if change is Change.MUTE else None,
        }
        commands.show(door, door.post("/connections", wish))


@exchange.command(short_help="Tell how the exchange is doing.")
def status(
    context: typer.Context, data: Data = None, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """Tell how the exchange is doing."""
    with ending(json):
        door = door_of(context, data, url, token, json)
        commands.show(door, door.get("/status"))


@exchange.command(short_help="Print balances, open orders and prices as JSON.")
def dump(
    context: typer.Context,
    data: Data = None,
    url: Url = None,
    token: Token = None,
    _json: Json = False,  # as every command has it; this one knows nothing else
) -> None:
    """Print balances, open orders and lists, and prices, exactly, as JSON."""
    with ending(json_wanted=True):
        door = door_of(context, data, url, token, True)
        commands.show(door, door.get("/dump"))


@exchange.command(short_help="Add everything up anew; tell what clients were told otherwise.")
def audit(
    context: typer.Context, data: Data = None, url: Url = None, token: Token = None, json: Json = False
) -> None:
    """Add all books up anew, and tell what clients were told otherwise than it happened. Code 1: it does not add up."""
    with ending(json):
        sound = commands.audit(door_of(context, data, url, token, json))
    if not sound:
        raise typer.Exit(int(ExitCode.BUG))
