"""From layers to one configuration: merged, checked, explained."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from fillwright.config.layers import (
    ALL,
    Layer,
    Path_,
    contains,
    overrides_layer,
    read_environment,
    read_file,
)
from fillwright.config.problems import HIDDEN, ConfigError, Problem, is_secret, shown
from fillwright.config.real import (
    REAL_GROUPS,
    REAL_MODES,
    DemoConfig,
    MainnetConfig,
    RealConfig,
    TestnetConfig,
    TradingConfig,
    is_allowed,
    with_keys,
)
from fillwright.config.schema import GROUPS, Schema, keys_of
from fillwright.config.service import SERVICE_GROUPS, DataConfig, LogConfig, MarketConfig, ServerConfig
from fillwright.config.values import exact_number
from fillwright.core.settings import (
    BreakerSettings,
    ExecutionSettings,
    PaperSettings,
    ReconciliationSettings,
    RiskLimits,
    Settings,
)
from fillwright.core.types import Mode, Symbol, plain

DEFAULT_FILE = "fillwright.toml"
NAME_LENGTH_MAX = 64


class TraderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A trader by name: the class to make (None: it only sends signals) and what it is given."""

    trader_class: str | None = None
    """``module:Class``, ``path/to/file.py:Class``, or the name of one that is built in."""
    parameters: dict[str, Any] = {}
    interval: str | None = None
    """Of its candles, before what it says itself; None: its own, else ``basic.candle_interval``."""
    symbols: tuple[Symbol, ...] = ()
    """Empty: all that the service has prices of."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """All that the files and the environment say, checked."""

    settings: Settings = Settings()
    limits: dict[str, RiskLimits] = {}
    """By ``trader|symbol`` ('' = all), as the core's state keeps them."""
    traders: dict[str, TraderConfig] = {}
    server: ServerConfig = ServerConfig()
    data: DataConfig = DataConfig()
    market: MarketConfig = MarketConfig()
    log: LogConfig = LogConfig()
    trading: TradingConfig = TradingConfig()
    testnet: TestnetConfig = TestnetConfig()
    demo: DemoConfig = DemoConfig()
    mainnet: MainnetConfig = MainnetConfig()
    allows_mainnet: bool = False
    """As the environment says (``ALLOW_MAINNET_TRADING``), and nothing else can."""
    faults: Path | None = None
    """A fault plan of the paper exchange."""
    durability: str = "auto"
    """auto | normal | full"""
    values: dict[str, str] = {}
    """Every key, dotted, with its value as text; secrets hidden."""
    places: dict[str, str] = {}
    """Where the keys that are not defaults were set."""

    def durability_in(self, mode: Mode) -> str:
        """Normal or full: as set, else full where real money is."""
        if self.durability != "auto":
            return self.durability
        return "full" if mode is Mode.MAINNET else "normal"

    @property
    def real(self) -> dict[Mode, RealConfig]:
        """The accounts at Binance that are to be had, by mode; mainnet's only where the environment allows it."""
        sections: dict[str, RealConfig] = {
            "testnet": self.testnet,
            "demo": self.demo,
            "mainnet": self.mainnet,
        }
        return {
            mode: sections[name]
            for name, mode in REAL_MODES.items()
            if sections[name].is_configured and (mode is not Mode.MAINNET or self.allows_mainnet)
        }


class _LayerSource(PydanticBaseSettingsSource):
    """One layer as pydantic-settings wants it."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self.layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.layer.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.layer.values


def load(
    files: Sequence[Path] = (),
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Config:
    """Read and check the configuration.

    Args:
        files: read after ``fillwright.toml``; later ones win. Each must exist.
        environment: wins over files; None: the process's.
        folder: where ``fillwright.toml`` is looked for; None: the current one. It need not exist.
        overrides: by dotted key, what the command line says; it wins over everything else.

    Raises:
        ConfigError: with every problem there is.
    """
    problems: list[Problem] = []
    default = (folder or Path()) / DEFAULT_FILE
    paths = [*([default] if default.is_file() else []), *files]
    layers = [read_file(path, problems) for path in paths]
    environment = os.environ if environment is None else environment
    layers.append(read_environment(environment, problems))
    layers.append(overrides_layer(overrides or {}))
    for layer in layers:
        _normalise_names(layer, problems)
    schema = _validate(layers, problems)
    if schema is None or problems:
        raise ConfigError(problems)
    config = msgspec.structs.replace(_config_of(schema, layers), allows_mainnet=is_allowed(environment))
    config = _with_keys(config, layers, problems)
    _cross_check(config, layers, problems)
    if problems:
        raise ConfigError(problems)
    return config


def symbols_in(path: Path) -> tuple[str, ...]:
    """The symbols of ``[market]`` in a settings file; () where it names none."""
    market = read_file(path, []).values.get("market")
    named = market.get("symbols") if isinstance(market, dict) else None
    return tuple([one for one in named if isinstance(one, str)]) if isinstance(named, list) else ()


def load_account(path: Path, section: str | None = None) -> tuple[str, RealConfig]:
    """Read the keys of one account at Binance from a file, whatever else is in it; the section that was meant, too.

    The file has ``[testnet]``, ``[demo]`` or ``[mainnet]`` as ``fillwright.toml`` does, or the same keys without a
    section. Without ``section`` it is the one that there is. Raises ConfigError.
    """
    problems: list[Problem] = []
    layer = read_file(path, problems)
    there = [name for name in REAL_MODES if isinstance(layer.values.get(name), dict)]
    if section is None and len(there) > 1:
        problems.append(
            Problem(key="", given="", allowed=f"has {' and '.join(there)}: say which", source=str(path))
        )
    if problems:
        raise ConfigError(problems)
    meant = section or (there[0] if there else "mainnet")
    flat = {key: value for key, value in layer.values.items() if not isinstance(value, dict)}
    layer.values = {meant: layer.values.get(meant, {}) if there else flat}
    schema = _validate([layer], problems)
    if schema is None:
        raise ConfigError(problems)
    config: RealConfig = getattr(_with_keys(_config_of(schema, [layer]), [layer], problems), meant)
    if not config.is_configured and not problems:
        problems.append(
            Problem(key=f"{meant}.api_key", given="", allowed="there is no key", source=str(path))
        )
    if problems:
        raise ConfigError(problems)
    return meant, config


def _normalise_names(layer: Layer, problems: list[Problem]) -> None:
    """Check the free names (traders, symbols), and write ``*`` as the empty name that the core uses."""
    limits = layer.values.get("limits")
    if isinstance(limits, dict):
        for trader in list(limits):
            _check_name(layer, ("limits", trader), trader, problems)
            if isinstance(limits[trader], dict):
                for symbol in list(limits[trader]):
                    _check_name(layer, ("limits", trader, symbol), symbol, problems)
                layer.values["limits"][trader] = {
                    "" if name == ALL else name: limit for name, limit in limits[trader].items()
                }
        layer.values["limits"] = {
            "" if name == ALL else name: table for name, table in layer.values["limits"].items()
        }
        layer.places = {
            (path if path[0] != "limits" else tuple("" if part == ALL else part for part in path)): place
            for path, place in layer.places.items()
        }
    traders = layer.values.get("traders")
    if isinstance(traders, dict):
        for trader in traders:
            _check_name(layer, ("traders", trader), trader or "|", problems)


def _check_name(layer: Layer, path: Path_, name: str, problems: list[Problem]) -> None:
    if len(name) > NAME_LENGTH_MAX or "|" in name or not (name.isprintable()):
        problems.append(
            Problem(
                key=".".join(path[:-1]),
                given=shown("", path[-1]),
                allowed=f"a name of 1 to {NAME_LENGTH_MAX} printable characters without |",
                source=layer.place(path) or layer.name,
            )
        )


def _validate(layers: Sequence[Layer], problems: list[Problem]) -> BaseSettings | None:
    class Merged(Schema):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], **_: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_LayerSource(settings_cls, layer) for layer in reversed(layers))

    try:
        merged: BaseSettings = Merged()
    except ValidationError as error:
        seen = set()
        for detail in error.errors(include_url=False):
            path = _known_path(tuple(str(part) for part in detail["loc"]), layers)
            if path not in seen:
                seen.add(path)
                problems.append(_problem(path, detail["type"], detail["input"], layers))
        return None
    return merged


def _known_path(loc: Path_, layers: Sequence[Layer]) -> Path_:
    """Cut what pydantic adds about the type it tried, so that the path is one of the file."""
    while len(loc) > 1 and not any(contains(layer.values, loc) for layer in layers):
        loc = loc[:-1]
    return loc


def _problem(path: Path_, kind: str, given: object, layers: Sequence[Layer]) -> Problem:
    layer = _origin(path, layers)
    key = ".".join(part or ALL for part in path)
    if kind == "extra_forbidden":
        allowed = "unknown key" + _suggestion(path)
    elif keys_of(path) or path in (("traders",), ("limits",)):
        allowed = "must be a section"
    else:
        allowed = "must be " + _allowed(path)
    # What is wrong in an account's section may be a key in the wrong place.
    in_account = path[0] in REAL_MODES and path[-1] not in ("cap_usdt", "through", "exchange")
    hidden = in_account or any(path in candidate.secrets for candidate in layers)
    return Problem(
        key=key,
        given=HIDDEN if hidden else "" if isinstance(given, dict) else shown(key, given),
        allowed=allowed,
        source=(layer.place(path) if layer else None) or "settings",
    )


def _origin(path: Path_, layers: Sequence[Layer]) -> Layer | None:
    return next((layer for layer in reversed(layers) if contains(layer.values, path)), None)


def _allowed(path: Path_) -> str:
    for end in range(len(path), 0, -1):
        if says := keys_of(path[: end - 1]).get(path[end - 1]):
            return says
    return "a section"


def _suggestion(path: Path_) -> str:
    """Name the key that was probably meant, here or in another section."""
    *section, name = path
    known = keys_of(tuple(section))
    if close := difflib.get_close_matches(name, known, n=1, cutoff=0.7):
        return f"; did you mean {'.'.join([*section, close[0]])}?"
    everywhere = {
        key: group
        for group in (*GROUPS, *SERVICE_GROUPS, *REAL_GROUPS, "journal")
        for key in keys_of((group,))
    }
    if close := difflib.get_close_matches(name, everywhere, n=1, cutoff=0.7):
        return f"; did you mean {everywhere[close[0]]}.{close[0]}?"
    return f"; known are {', '.join(known)}" if known and len(known) <= 12 else ""


def _config_of(schema: BaseSettings, layers: Sequence[Layer]) -> Config:
    merged: dict[str, Any] = schema.model_dump(by_alias=True)
    risk = RiskLimits(**merged["risk"])
    set_limits: dict[str, Any] = schema.model_dump(include={"limits"}, exclude_unset=True).get("limits", {})
    settings = Settings(
        **merged["basic"],
        risk=risk,
        execution=ExecutionSettings(**merged["execution"]),
        breaker=BreakerSettings(**merged["breaker"]),
        reconciliation=ReconciliationSettings(**merged["reconciliation"]),
        paper=PaperSettings(**{key: value for key, value in merged["paper"].items() if key != "faults"}),
    )
    # What a nested limit does not say must not bind: it takes the account's own value, as the tightest wins.
    limits = {
        f"{trader}|{symbol}": msgspec.structs.replace(risk, **changes)
        for trader, by_symbol in set_limits.items()
        for symbol, changes in by_symbol.items()
    }
    traders = {
        name: TraderConfig(
            trader_class=trader["class"],
            parameters=trader["parameters"],
            interval=trader["interval"],
            symbols=trader["symbols"],
        )
        for name, trader in merged["traders"].items()
    }
    merged["limits"] = set_limits
    flat = dict(_flatten((), merged))
    named = {path: ".".join(part or ALL for part in path) for path in flat}
    secrets = {path for layer in layers for path in layer.secrets}
    return Config(
        settings=settings,
        limits=limits,
        traders=traders,
        server=ServerConfig(**merged["server"]),
        data=DataConfig(**merged["data"]),
        market=MarketConfig(**merged["market"]),
        log=LogConfig(**merged["log"]),
        trading=TradingConfig(**merged["trading"]),
        testnet=TestnetConfig(**merged["testnet"]),
        demo=DemoConfig(**merged["demo"]),
        mainnet=MainnetConfig(**merged["mainnet"]),
        faults=merged["paper"]["faults"],
        durability=merged["journal"]["durability"],
        values={
            named[path]: HIDDEN
            if value is not None and (path in secrets or is_secret(path[-1]))
            else _text(value, path[-1])
            for path, value in flat.items()
        },
        places={
            named[path]: origin.place(path) or origin.name
            for path in flat
            if (origin := _origin(path, layers)) is not None
        },
    )


def _flatten(path: Path_, node: Any) -> Iterator[tuple[Path_, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _flatten((*path, str(key)), value)
    else:
        yield path, node


def _text(value: Any, name: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value) if _is_plain(value) else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or ("(all)" if name == "symbols" else "(none)")
    return "none" if value is None else str(value)


def _is_plain(value: object) -> bool:
    if not isinstance(value, Decimal):
        return True
    try:
        exact_number(value)
    except ValueError:
        return False
    return True


def _with_keys(config: Config, layers: Sequence[Layer], problems: list[Problem]) -> Config:
    """The accounts at Binance with the content of their key files."""
    found: dict[str, RealConfig] = {}
    for section in REAL_MODES:

        def rank(key: str, section: str = section) -> int:
            origin = _origin((section, key), layers)
            return -1 if origin is None else layers.index(origin)

        def place(key: str, section: str = section) -> str:
            origin = _origin((section, key), layers) or _origin((section,), layers)
            return (None if origin is None else origin.place((section, key)) or origin.name) or "settings"

        found[section] = with_keys(section, getattr(config, section), rank, place, problems)
    return msgspec.structs.replace(config, **found)


def _cross_check(config: Config, layers: Sequence[Layer], problems: list[Problem]) -> None:
    """Settings that make sense alone but not together, and numbers where any value is allowed."""
    for name, trader in config.traders.items():
        for path, value in _flatten(("traders", name, "parameters"), trader.parameters):
            if not all(_is_plain(item) for item in (value if isinstance(value, list) else [value])):
                layer = _origin(path, layers)
                problems.append(
                    Problem(
                        key=".".join(path),
                        given=shown(path[-1], value),
                        allowed="must be a finite number of at most 30 digits on either side of the point",
                        source=(layer.place(path) if layer else None) or "settings",
                    )
                )
    for name, limits in {"": config.settings.risk, **config.limits}.items():
        path = ("limits", *name.split("|")) if name else ("risk",)
        if limits.min_position_size_usdt > limits.max_position_size_usdt:
            key = (*path, "min_position_size_usdt")
            if _origin(key, layers) is None:
                key = (*path, "max_position_size_usdt")
            layer = _origin(key, layers)
            problems.append(
                Problem(
                    key=".".join(key),
                    given=plain(getattr(limits, key[-1])),
                    allowed="min_position_size_usdt must not exceed max_position_size_usdt"
                    f" ({plain(limits.min_position_size_usdt)} > {plain(limits.max_position_size_usdt)})",
                    source=(layer.place(key) if layer else None) or "settings",
                )
            )
