"""Settings of the service around the accounts: where it listens, where its data and its prices are, how it logs."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field

from fillwright.config.values import Flag, SymbolNames, exact_number, whole_number, words
from fillwright.core.types import Symbol

TOKEN_LENGTH_MIN = 16
LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain"})


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[server]``: the HTTP and WebSocket API, and the page."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any that is free."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, besides those of this machine, by which browsers and programs may ask for it."""
    tls_proxy: bool = False
    """Whether something in front of it speaks TLS; said by whoever put it there."""
    token: str | None = None
    """A bearer token in place of the one that is made at the first run."""

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        if self.host.lower() in LOOPBACK_NAMES:
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class DataConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[data]``: what the service remembers."""

    dir: Path = Path("data")
    """Relative to the current folder, as ``fillwright.toml`` is."""


class MarketConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[market]``: where prices come from."""

    feed: str = "auto"
    """auto (Binance, or synthetic when it cannot be had) | binance | synthetic | tape"""
    symbols: tuple[Symbol, ...] = ()
    """Empty: those of ``basic.symbols``, of the traders, or of the tape."""
    tapes: tuple[Path, ...] = ()
    speed: Decimal = Decimal(1)
    """How many seconds of a tape pass in a second."""
    seed: int = 1
    """Of the synthetic market."""
    trades_per_second: Decimal = Decimal(5)
    """Of each symbol of the synthetic market."""
    exchange_info: Path | None = None
    """Binance's exchangeInfo (JSON); None: the one that is built in."""


class LogConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[log]``: what the service tells of itself on standard error."""

    format: str = "auto"
    """auto (console at a terminal, else json) | console | json"""
    level: str = "info"


Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\s/]+$")]
FilePath = Annotated[Path, Field(description="the name of a file")]

SERVER: dict[str, Any] = {
    "host": Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[0-9A-Za-z.:_-]+$",
            description="a name or address of this machine, such as 127.0.0.1",
        ),
    ],
    "port": Annotated[
        int,
        BeforeValidator(whole_number),
        Field(ge=0, le=65_535, description="a port from 1 to 65535, or 0 for any that is free"),
    ],
    "allowed_hosts": Annotated[
        tuple[Text, ...],
        BeforeValidator(words),
        Field(max_length=100, description='host names, such as ["trading.example.org"]'),
    ],
    "tls_proxy": Flag,
    "token": Annotated[
        str | None,
        Field(
            min_length=TOKEN_LENGTH_MIN,
            max_length=512,
            pattern=r"^[!-~]+$",
            description=f"{TOKEN_LENGTH_MIN} to 512 printable characters without spaces",
        ),
    ],
}
DATA: dict[str, Any] = {"dir": Annotated[Path, Field(description="the name of a folder")]}
MARKET: dict[str, Any] = {
    "feed": Annotated[
        Literal["auto", "binance", "synthetic", "tape"],
        Field(description="auto, binance, synthetic or tape"),
    ],
    "symbols": SymbolNames,
    "tapes": Annotated[
        tuple[Path, ...], BeforeValidator(words), Field(max_length=1_000, description="names of files")
    ],
    "speed": Annotated[
        Decimal,
        BeforeValidator(exact_number),
        Field(gt=0, le=1_000_000, description="a number above 0, at most 1000000"),
    ],
    "seed": Annotated[
        int,
        BeforeValidator(whole_number),
        Field(ge=0, lt=2**31, description="a whole number from 0 to 2^31 - 1"),
    ],
    "trades_per_second": Annotated[
        Decimal,
        BeforeValidator(exact_number),
        Field(ge=Decimal("0.1"), le=50_000, description="a number from 0.1 to 50000"),
    ],
    "exchange_info": Annotated[Path | None, Field(description="the name of a file")],
}
LOG: dict[str, Any] = {
    "format": Annotated[Literal["auto", "console", "json"], Field(description="auto, console or json")],
    "level": Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ],
}
FAULTS = Annotated[
    Path | None,
    Field(description="the name of a file (JSON): what goes wrong at the paper exchange, and how often"),
]

SERVICE_GROUPS: dict[str, tuple[type[msgspec.Struct], dict[str, Any]]] = {
    "server": (ServerConfig, SERVER),
    "data": (DataConfig, DATA),
    "market": (MarketConfig, MARKET),
    "log": (LogConfig, LOG),
}
"""Sections of the service: the struct that holds their defaults, and their types."""
