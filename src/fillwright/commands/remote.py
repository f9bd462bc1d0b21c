"""Commands that ask a running service: where it is found, with which token, and what its answers come to."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fillwright.commands.output import clean, console, moment, plain_json, print_json
from fillwright.config import Config
from fillwright.core.types import HUNDRED, Mode, NumberError, exact, plain
from fillwright.options import (
    RUNNING_NAME,
    AlreadyToldError,
    BadInputError,
    NotReachedError,
    RefusedError,
    Running,
)

if TYPE_CHECKING:
    from fillwright.answers import HaltedShape, ShadowShape, SignalAnswer, StatusAnswer, StopAnswer
    from fillwright.client import Client

TOKEN_VARIABLE = "FILLWRIGHT_TOKEN"
TOKEN_FILE_VARIABLE = "FILLWRIGHT_TOKEN_FILE"
FILE_BYTES_MAX = 64 * 1024
PRICE_DECIMALS = 8
"""The engine aligns levels to the symbol's tick."""
AGES_SHOWN = 8
"""Symbols whose prices' ages ``status`` tells."""
T = TypeVar("T")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Which service is asked, and by whom."""

    url: str
    token: str


def target(config: Config, url: str | None, token_file: Path | None) -> Target:
    """Find service and token; raises BadInputError.

    The service is the one named, else that which runs on the data folder, else where the settings have it. The token is
    in the file named, in ``FILLWRIGHT_TOKEN``, in the file that ``FILLWRIGHT_TOKEN_FILE`` names, or in the settings.
    """
    return Target(url=url or found_url(config), token=found_token(config, token_file))


def found_url(config: Config) -> str:
    """Where the service of the data folder is."""
    try:
        running = msgspec.json.decode((config.data.dir / RUNNING_NAME).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        host = "127.0.0.1" if config.server.host in ("0.0.0.0", "::") else config.server.host
        return (
            f"http://[{host}]:{config.server.port}" if ":" in host else f"http://{host}:{config.server.port}"
        )
    return running.url


def found_token(config: Config, token_file: Path | None) -> str:
    """The caller's token; raises BadInputError."""
    named = token_file or (
        Path(os.environ[TOKEN_FILE_VARIABLE]) if os.environ.get(TOKEN_FILE_VARIABLE) else None
    )
    if token_file is None and os.environ.get(TOKEN_VARIABLE):
        return os.environ[TOKEN_VARIABLE].strip()
    if named is not None:
        return read_text(named).strip()
    if config.server.token is not None:
        return config.server.token
    raise BadInputError(
        f"no token: export {TOKEN_VARIABLE}=… (shown at the service's first start; `fillwright token` makes a new one),"
        f" {TOKEN_FILE_VARIABLE}, or --token-file FILE"
    )


def read_text(path: Path) -> str:
    """Read a small file, or standard input for ``-``; raises BadInputError."""
    try:
        if str(path) == "-":
            return sys.stdin.read(FILE_BYTES_MAX)
        with path.open(encoding="utf-8") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not UTF-8 text") from error


def asked(wanted: Target, question: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """Ask the service; raises NotReachedError, RefusedError."""
    from fillwright.client import Client, ClientError, ConnectionFailed

    async def ask() -> T:
        async with Client(wanted.url, wanted.token) as client:
            return await question(client)

    try:
        return asyncio.run(ask())
    except ConnectionFailed as error:
        raise NotReachedError(error.message) from error
    except ClientError as error:
        raise RefusedError(f"{error.message} ({error.code})", error.code, error.details) from error


# -- signals ---------------------------------------------------------------------------------------------------


class SignalWish(msgspec.Struct, frozen=True, kw_only=True):
    """A signal as the command line has it."""

    symbol: str | None = None
    side: str = "long"
    stop_loss: str | None = None
    take_profit: str | None = None
    quote: str | None = None
    risk_percent: str | None = None
    entry: str = "market"
    """``market``, or ``limit@PRICE``."""
    trader: str = "cli"
    reasoning: str = ""
    file: Path | None = None
    """A JSON object instead of all this."""

    @property
    def distances(self) -> dict[str, Decimal]:
        """Levels that are given in percent of the price: below it for a stop, above it for a target."""
        found: dict[str, Decimal] = {}
        for name, sign in (("stop_loss", -1), ("take_profit", 1)):
            text = getattr(self, name)
            if text is None or not text.endswith("%"):
                continue
            percent = Decimal(_number(name, text[:-1]))
            if not 0 < percent < HUNDRED:
                raise BadInputError(f"--{name.replace('_', '-')} {text}: a percentage above 0 and below 100")
            found[name] = sign * percent * (1 if self.side == "long" else -1)
        return found

    def body(self) -> Mapping[str, Any]:
        """As the API wants it; raises BadInputError."""
        if self.file is not None:
            if self.symbol is not None:
                raise BadInputError("give either a symbol and its options, or --file")
            return _object_of(self.file)
        if self.symbol is None:
            raise BadInputError("which symbol? For example: fillwright signal send BTCUSDT --stop-loss 60000")
        made: dict[str, Any] = {"symbol": self.symbol.upper(), "side": self.side, "trader_id": self.trader}
        for name in ("stop_loss", "take_profit"):
            if (text := getattr(self, name)) is not None and not text.endswith("%"):
                made[name] = _number(name, text)
        size = {
            name: _number(name, text)
            for name in ("quote", "risk_percent")
            if (text := getattr(self, name)) is not None
        }
        made.update({"size": size} if size else {})
        made.update({"reasoning": self.reasoning} if self.reasoning else {})
        percentages = {name: str(getattr(self, name)) for name in self.distances}
        made.update({"metadata": percentages} if percentages else {})
        kind, at, price = self.entry.partition("@")
        if (kind, at) == ("limit", "@"):
            made["entry"] = {"type": "limit", "price": _number("entry", price)}
        elif self.entry != "market":
            raise BadInputError(f"--entry {self.entry!r:.40}: market, or limit@PRICE")
        return made


def levels(wanted: Target, wish: SignalWish) -> dict[str, str]:
    """Stop and target that were given in percent, worked out of the price of the entry; raises BadInputError."""
    distances = wish.distances if wish.file is None else {}
    if not distances:
        return {}
    kind, _, limit = wish.entry.partition("@")
    if kind == "limit":
        price = Decimal(_number("entry", limit))
    else:
        symbol = (wish.symbol or "").upper()
        answer = asked(wanted, lambda client: client.quotes())
        prices = {quote.symbol: quote.ask for quote in answer.quotes}
        if symbol not in prices:
            raise BadInputError(
                f"there is no price of {symbol}; the service has {', '.join(prices) or 'none yet'}"
            )
        price = prices[symbol]
    return {
        name: plain(round(price * (HUNDRED + distance) / HUNDRED, PRICE_DECIMALS))
        for name, distance in distances.items()
    }


def _number(name: str, text: str) -> str:
    try:
        return plain(exact(text))
    except NumberError:
        option = name.replace("_", "-")
        raise BadInputError(f"--{option} {text!r:.40}: not a plain decimal number") from None


def _object_of(path: Path) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(read_text(path))
    except msgspec.DecodeError as error:
        raise BadInputError(f"{path}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInputError(f"{path}: not one JSON object")
    return found


def send_signal(wanted: Target, wish: SignalWish, key: str | None, json_wanted: bool) -> None:
    """Send a signal and print what became of it; raises RefusedError when it was denied."""
    body = wish.body()
    own_key = body.get("key") if isinstance(body.get("key"), str) else None
    key = key or own_key or f"cli-{secrets.token_hex(8)}"
    answer = _sent(wanted, wish, body, key)
    if json_wanted:
        print_json({**plain_json(answer), "key": key})
    else:
        console().print(told(answer), soft_wrap=True)
    if answer.status == "denied":
        raise AlreadyToldError(f"signal {answer.id} was denied: {answer.code}", answer.code or "")


def _sent(wanted: Target, wish: SignalWish, body: Mapping[str, Any], key: str) -> SignalAnswer:
    """Send a signal; one whose key came before takes the levels that its percentages came to then.

    The price has moved since, so that the same percentages would make another signal of it. They are in its metadata:
    other percentages are a conflict still.
    """
    made = levels(wanted, wish)
    try:
        return asked(wanted, lambda client: client.send_signal({**body, **made}, key))
    except RefusedError as error:
        known = error.details.get("signal_id") if isinstance(error.details, Mapping) else None
        if error.code != "KEY_CONFLICT" or not made or not isinstance(known, int):
            raise
    first = asked(wanted, lambda client: client.signal(known))
    before = {name: plain(level) for name in made if (level := getattr(first, name)) is not None}
    return asked(wanted, lambda client: client.send_signal({**body, **before}, key))


def told(answer: SignalAnswer) -> str:
    """What became of a signal, in a line."""
    again = " (it came before: the first answer again)" if answer.repeated else ""
    if answer.status != "denied":
        position = f", position {answer.position_id}" if answer.position_id else ""
        more = f"`fillwright why {answer.id}` tells more."
        return f"Signal {answer.id} is {clean(answer.status)}{position}{again}. {more}"
    figures = ", ".join(
        f"{name} {plain(value)}"
        for name, value in (("value", answer.value), ("limit", answer.limit))
        if isinstance(value, Decimal)
    )
    note = "" if answer.message == answer.code else clean(answer.message or "")
    meaning = f" {note}" if note.endswith(".") else ""
    because = "; ".join(filter(None, [figures, "" if meaning else note]))
    reason = f" ({because})" if because else ""
    return (
        f"Signal {answer.id} was denied by {clean(answer.code or '')}{reason}{again}.{meaning}"
        f" `fillwright why {answer.id}` shows every check."
    )


# -- operations --------------------------------------------------------------------------------------------------


def emergency_stop(
    wanted: Target, *, flatten: bool, reason: str, json_wanted: bool, external: bool = False
) -> None:
    """Stop entries, cancel those that work, with ``flatten`` sell everything; print what was done."""
    answer: StopAnswer = asked(
        wanted, lambda client: client.emergency_stop(flatten=flatten, external=external, reason=reason)
    )
    if json_wanted:
        print_json(answer)
        return
    out = console()
    out.print("Halted: no entries until `fillwright resume --reason …`.", style="bold")
    out.print(f"Cancelled orders: {len(answer.cancelled_orders)}")
    if flatten:
        out.print(f"Sold: {', '.join(map(str, answer.sold)) or 'nothing'}")
    left = ", ".join(map(str, answer.left))
    out.print(f"Open positions: {left or 'none'}{'' if not left or flatten else ' (their protection rests)'}")
    if answer.verified:
        out.print(f"Done, and read back from the exchange after {answer.took_ms} ms.")
    else:
        rest = f": {', '.join(map(clean, answer.orders_left))}" if answer.orders_left else ""
        out.print(f"NOT PROVEN YET, it goes on{rest}. `fillwright status` tells when it is.", soft_wrap=True)


def resume(wanted: Target, reason: str, key: str | None, json_wanted: bool) -> None:
    """Take entries again; with a key that came before: say that they were."""
    answer = asked(wanted, lambda client: client.resume(reason, key=key))
    if json_wanted:
        print_json(answer)
    elif answer.repeated:
        console().print("It came before: nothing was lifted now.")
    else:
        console().print("Entries are taken again.")


def question_of(switch_to: str | None, *, flatten: bool, force: bool = False) -> str:
    """What a person is to be asked before a switch of mode; '' when nothing is at stake."""
    if switch_to is None:
        return ""
    stakes = ["SELL every position"] if flatten else []
    stakes += ["LEAVE what may be open"] if force else []
    stakes += ["trade with REAL MONEY"] if switch_to == Mode.MAINNET else []
    return f"Really {' and '.join(stakes)}?" if stakes else ""


def mode(
    wanted: Target,
    switch_to: str | None,
    json_wanted: bool,
    *,
    confirmed: bool = False,
    flatten: bool = False,
    accept_unverified_key: bool = False,
    override_rollout: str = "",
    force: bool = False,
) -> None:
    """Print the mode, or switch it."""
    if switch_to is None:
        found = asked(wanted, lambda client: client.mode())
    else:
        found = asked(
            wanted,
            lambda client: client.switch_mode(
                switch_to,
                confirmed=confirmed,
                flatten=flatten,
                accept_unverified_key=accept_unverified_key,
                override_rollout=override_rollout,
                force=force,
            ),
        )
    if json_wanted:
        print_json({"mode": found})
        return
    console().print(str(found))
    if found != Mode.PAPER:
        rollout = asked(wanted, lambda client: client.rollout())
        stage = next((one for one in rollout.stages if one.mode == found), None)
        if stage is not None:
            console().print(f"rollout: {proved(stage.clean_trades, stage.needed, stage.cap)}")


def proved(clean_trades: int, needed: int, cap: Decimal | None) -> str:
    """What a real account has proved, for people."""
    limit = "" if cap is None else f", at most {plain(cap)} a trade"
    made = f"{clean_trades} of {needed}" if clean_trades < needed else f"complete, {clean_trades}"
    return f"{made} clean trades{limit}"


def status(wanted: Target, json_wanted: bool) -> None:
    """Print how the service is doing."""
    found = asked(wanted, lambda client: client.status())
    if json_wanted:
        print_json(found)
        return
    out = console()
    for name, text in status_lines(found):
        out.print(f"{name:<11}{clean(text)}", soft_wrap=True)


def ages(found: StatusAnswer) -> str:
    """How old the prices of each symbol are, the oldest first."""
    if not found.prices:
        return "no prices yet"
    oldest = sorted(found.prices, key=lambda one: one.quote_age_ms, reverse=True)
    told = [
        f"{one.symbol} {one.quote_age_ms} ms (trade {'none' if one.trade_age_ms is None else one.trade_age_ms})"
        for one in oldest[:AGES_SHOWN]
    ]
    rest = len(oldest) - len(told)
    return ", ".join(told) + (f", and {rest} that are younger" if rest else "")


def _venue(found: StatusAnswer) -> str:
    stream = found.stream
    age = "" if stream.age_ms is None else f", last word {stream.age_ms} ms ago"
    dropped = f", {found.questions_dropped} questions found no place" if found.questions_dropped else ""
    return f"{stream.state}{age}, {found.in_flight} requests under way{dropped}"


def status_lines(found: StatusAnswer) -> list[tuple[str, str]]:
    """The status for people: name and text."""
    feed = found.feed
    age = "" if feed.age_ms is None else f", newest {feed.age_ms} ms old"
    halted = _halted(found.halted) if found.halted else ""
    paused = f"paused by {found.paused.cause} until {moment(found.paused.until)} UTC" if found.paused else ""
    lines = [
        (
            "Service",
            f"fillwright {found.version}, {found.mode} mode, {'ready' if found.ready else 'NOT READY'}",
        ),
        *(("", reason) for reason in found.reasons),
        ("Account", f"{found.account_id}, {found.state}, record {found.seq}"),
        ("Entries", halted or paused or ("taken" if found.enabled else "switched off")),
        (
            "Prices",
            f"{feed.source}, {'connected' if feed.connected else 'NOT CONNECTED'}{age}: {feed.detail}",
        ),
        ("Ages", ages(found)),
        ("Venue", _venue(found)),
        *_calls(found),
        ("Positions", f"{found.positions_open} open, {found.orders_open} orders at the venue"),
    ]
    if found.clock_skew_ms is not None:
        lines.insert(-2, ("Clock", f"{feed.source}'s is {found.clock_skew_ms:+} ms from ours"))
    if found.rollout is not None:
        rollout = found.rollout
        lines.append(("Rollout", proved(rollout.clean_trades, rollout.needed, rollout.cap)))
    if found.unprotected:
        lines.append(("", f"WITHOUT A LIVE STOP: {', '.join(map(str, found.unprotected))}"))
    if found.in_doubt:
        lines.append(("In doubt", ", ".join(found.in_doubt)))
    if found.shadow is not None:
        lines.append(("Shadow", _shadow(found.shadow)))
    lines += [
        ("Trader", f"{one.trader_id}, {one.state}{f': {one.error}' if one.error else ''}")
        for one in found.traders
    ]
    return lines


def _calls(found: StatusAnswer) -> list[tuple[str, str]]:
    """How the calls of a venue's library ended: what failed by its kind and code."""
    if not found.venue_calls:
        return []
    well = sum([one.count for one in found.venue_calls if one.code is None])
    failed = [one for one in found.venue_calls if one.code is not None]
    told = [f"{one.call} {one.outcome} ({one.code}) {one.count}" for one in failed]
    return [
        ("Calls", f"{well} of ccxt ended well, {sum([one.count for one in failed])} failed"),
        *(("", one) for one in told),
    ]


def _shadow(shadow: ShadowShape) -> str:
    """How the paper account beside the real one is doing."""
    detail = f": {shadow.detail}" if shadow.detail else ""
    lost = f", {shadow.ticks_lost} prices lost" if shadow.ticks_lost else ""
    told = f"{shadow.mirrored} mirrored, {shadow.missed} missed, {shadow.waiting} waiting{lost}"
    return f"{shadow.account_id} (paper), {shadow.state}{detail}; {told}"


def _halted(halted: HaltedShape) -> str:
    """Why entries have stopped, and how far that is."""
    text = f"HALTED by {halted.cause}: {halted.reason}"
    if halted.verified:
        return text
    return f"{text} (NOT PROVEN YET; left: {', '.join(halted.left) or 'to be read back'})"
