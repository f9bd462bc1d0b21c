"""Which symbol a tape is of: what the caller says, what the rows say, what the file's name says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fillwright.core.instruments import Instrument
from fillwright.core.types import Symbol
from fillwright.market.tapes.errors import TapeError
from fillwright.wire.exchange_info import UnknownSymbolError, find_instrument


def symbols_in_name(path: Path, instruments: Mapping[Symbol, Instrument]) -> list[Symbol]:
    """Known symbols in a file's name."""
    words = re.split(r"[^A-Za-z0-9]+", path.name)
    return [word.upper() for word in words if word.upper() in instruments]


def tape_symbol(
    path: Path, asked: Symbol | None, in_rows: str | None, instruments: Mapping[Symbol, Instrument]
) -> Symbol:
    """The one symbol of a tape; TapeError when the sources disagree, none tells it, or it is not known."""
    named = symbols_in_name(path, instruments)
    if in_rows is not None:
        symbol = in_rows
    elif asked is not None:
        if named and asked not in named:
            raise TapeError(path, f"the file's name says {named[0]}, not {asked}")
        symbol = asked
    elif named:
        symbol = named[0]
    else:
        raise TapeError(path, "neither the rows nor the file's name tell the symbol: name it")
    known(path, symbol, instruments)
    if asked is not None and symbol != asked:
        raise TapeError(path, f"is a tape of {symbol}, not of {asked}")
    return symbol


def known(path: Path, symbol: Symbol, instruments: Mapping[Symbol, Instrument]) -> Instrument:
    """The instrument of a tape's symbol; TapeError when the exchange info has none."""
    try:
        return find_instrument(instruments, symbol)
    except UnknownSymbolError as error:
        raise TapeError(path, str(error)) from error
