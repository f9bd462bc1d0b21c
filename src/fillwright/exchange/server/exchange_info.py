"""exchangeInfo as this server shows it: the body it was made of, but for what the server itself decides.

Symbols that do not trade here are left out. Of each that does, everything the body says is passed on, fields unknown to
us included, except the status (as it is now) and pegged orders (never here). Each symbol is rendered once and kept.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fillwright.core.types import Symbol
from fillwright.exchange.exchange import Exchange
from fillwright.exchange.messages import ExchangeError
from fillwright.wire.exchange_info import ExchangeInfoError, decompressed

DEFAULT_PERMISSIONS = ("SPOT", "MARGIN", "LEVERAGED")
"""Symbols with none of these are shown only to those who name their permission."""
_BUILT_IN = "default_exchange_info.json"

Body = dict[str, Any]
_BODY = msgspec.json.Decoder(Body)


class InfoBook:
    """The body of exchangeInfo, symbol by symbol."""

    def __init__(self, body: bytes, exchange: Exchange) -> None:
        """Raises ExchangeInfoError."""
        try:
            whole = _BODY.decode(body)
        except msgspec.DecodeError as error:
            raise ExchangeInfoError(f"not an exchangeInfo body: {error}") from error
        if "symbols" not in whole:
            whole = whole.get("result", whole)
        self._exchange = exchange
        self.timezone: str = str(whole.get("timezone", "UTC"))
        self.exchange_filters: list[Any] = whole.get("exchangeFilters", [])
        trading = dict.fromkeys(exchange.symbols)
        self._symbols: dict[Symbol, Body] = {
            one["symbol"]: one for one in whole["symbols"] if one["symbol"] in trading
        }
        self._rendered: dict[tuple[Symbol, bool], tuple[str, msgspec.Raw]] = {}

    @classmethod
    def load(cls, path: Path | None, exchange: Exchange) -> InfoBook:
        """Of a file, or of the body that is built in. Raises ExchangeInfoError."""
        if path is None:
            return cls(
                importlib.resources.files("fillwright.wire").joinpath(_BUILT_IN).read_bytes(), exchange
            )
        try:
            return cls(decompressed(path.read_bytes()), exchange)
        except OSError as error:
            raise ExchangeInfoError(f"{path}: {error.strerror or error}") from error

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in the body's order."""
        return tuple(self._symbols)

    def shown(self, symbols: Iterable[Symbol], *, with_permission_sets: bool) -> list[msgspec.Raw]:
        """Symbols as they are shown, rendered; -1121 for one that does not trade here."""
        return [self._render(symbol, with_permission_sets) for symbol in symbols]

    def filters(self, symbol: Symbol) -> list[Any]:
        """The filters of a symbol; none for one that does not trade here."""
        found: list[Any] = self._symbols.get(symbol, {}).get("filters", [])
        return found

    def with_permissions(self, permissions: Sequence[str]) -> tuple[Symbol, ...]:
        """Symbols that an account with one of these permissions may trade, as far as a permission set names it."""
        wanted = frozenset(permissions)
        return tuple(symbol for symbol, body in self._symbols.items() if wanted & _permissions(body))

    def _render(self, symbol: Symbol, with_permission_sets: bool) -> msgspec.Raw:
        body = self._symbols.get(symbol)
        if body is None:
            raise ExchangeError(-1121, "Invalid symbol.")
        status = self._exchange.status(symbol).value
        key = (symbol, with_permission_sets)
        known = self._rendered.get(key)
        if known is not None and known[0] == status:
            return known[1]
        shown = body | {"status": status, "pegInstructionsAllowed": False}
        if not with_permission_sets and "permissionSets" in shown:
            shown["permissionSets"] = []
        raw = msgspec.Raw(msgspec.json.encode(shown))
        self._rendered[key] = (status, raw)
        return raw


def _permissions(body: Body) -> frozenset[str]:
    """Every permission that a symbol names: in its sets today, in a plain list in older bodies."""
    named = [name for one in body.get("permissionSets", ()) for name in one] + list(
        body.get("permissions", ())
    )
    if named:
        return frozenset(named)
    flags = (("isSpotTradingAllowed", "SPOT"), ("isMarginTradingAllowed", "MARGIN"))
    return frozenset(name for flag, name in flags if body.get(flag, name == "SPOT"))
