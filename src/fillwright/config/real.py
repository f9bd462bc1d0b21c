"""Settings of real trading: which mode is traded at first, and the accounts at Binance with their keys and addresses.

Secrets are ``SecretStr``, which shows nothing of itself; whether they make a key is for ``binance.signers`` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, Field, SecretStr

from fillwright.config.layers import SECRET_BYTES_MAX
from fillwright.config.problems import Problem
from fillwright.config.values import Flag, OptionalAmount, OptionalFee
from fillwright.core.types import Mode

GATE = "ALLOW_MAINNET_TRADING"
"""Variable of the environment without which, as ``true``, nothing is traded on mainnet; no file can say it."""
CAP = Decimal(50)
"""Quote: play money is traded in amounts that real money will be; on mainnet the rollout has caps of its own."""
KEY_LENGTH_MAX = 65_536
BINANCE, CCXT = "binance", "ccxt"
PEM = "-----BEGIN "


class TradingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[trading]``: which mode is traded."""

    mode: str = "paper"
    """At the first start: a switch of mode is remembered from then on."""
    real_mode: str = "testnet"
    """Which account ``/api/real-trading`` is about while paper is traded."""
    shadow: bool = False
    """Whether each real account has a shadow: a paper account that gets the same signals, to be compared with it."""
    shadow_balance: Decimal | None = None
    """Quote that a shadow begins with; None: as much as the real account has then."""


class RealConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An account at Binance: it exists when it has an API key."""

    api_key: SecretStr | None = None
    api_key_file: SecretStr | None = None
    secret: SecretStr | None = None
    """Of HMAC; once loaded, whichever of secret and private key there is."""
    secret_file: SecretStr | None = None
    private_key: SecretStr | None = None
    """PEM of RSA or Ed25519."""
    private_key_file: SecretStr | None = None
    private_key_password: SecretStr | None = None
    key_type: str = "auto"
    """auto (as the key is) | HMAC | RSA | Ed25519"""
    rest_url: str = ""
    websocket_api_url: str = ""
    streams_url: str = ""
    cap_usdt: Decimal | None = CAP
    """No position and no order is larger, whatever the limits say; None: the limits alone hold."""
    old_tag: str = ""
    """Of a ledger that was lost: a new one takes its positions back, and goes on with it."""
    through: str = BINANCE
    """binance (our own sessions) | ccxt"""
    exchange: str = BINANCE
    """As ccxt spells it; only Binance is reached without ccxt."""
    password: SecretStr | None = None
    """Which some exchanges want beside key and secret; ccxt's word."""
    password_file: SecretStr | None = None
    ccxt_options: dict[str, Any] = {}
    """ccxt's own ``options``."""
    ccxt_maker_fee: Decimal | None = None
    """A fraction; None: what the account or ccxt tells."""
    ccxt_taker_fee: Decimal | None = None
    ccxt_urls: dict[str, Any] = {}
    """Addresses in place of ccxt's own, by their names in its ``urls["api"]``."""

    @property
    def is_configured(self) -> bool:
        """Whether there is such an account."""
        return self.api_key is not None


class TestnetConfig(RealConfig, frozen=True, kw_only=True):
    """``[testnet]``: Binance's Spot test network."""

    __test__ = False

    rest_url: str = "https://testnet.binance.vision"
    websocket_api_url: str = "wss://ws-api.testnet.binance.vision"
    streams_url: str = "wss://stream.testnet.binance.vision"


class DemoConfig(RealConfig, frozen=True, kw_only=True):
    """``[demo]``: Binance's demo mode; play money, features, limits and commissions as live."""

    rest_url: str = "https://demo-api.binance.com"
    websocket_api_url: str = "wss://demo-ws-api.binance.com"
    streams_url: str = "wss://demo-stream.binance.com"


class MainnetConfig(RealConfig, frozen=True, kw_only=True):
    """``[mainnet]``: Binance Spot; real money."""

    rest_url: str = "https://api.binance.com"
    websocket_api_url: str = "wss://ws-api.binance.com:443"
    streams_url: str = "wss://stream.binance.com:9443"
    cap_usdt: Decimal | None = None
    """Besides the rollout's caps (50, then 100 until they are lifted)."""


REAL_MODES: Mapping[str, Mode] = {
    "testnet": Mode.TESTNET,
    "demo": Mode.DEMO,
    "mainnet": Mode.MAINNET,
}
"""Sections of accounts at Binance, and their modes."""

_Mode = Literal["paper", "testnet"]
TRADING: dict[str, Any] = {
    "mode": Annotated[_Mode, Field(description="paper or testnet: of the first start")],
    "real_mode": Annotated[
        Literal["testnet", "demo", "mainnet"], Field(description="testnet, demo or mainnet")
    ],
    "shadow": Flag,
    "shadow_balance": OptionalAmount,
}


def _url(*schemes: str) -> Any:
    words = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)
    pattern = rf"^({'|'.join(schemes)})://[0-9A-Za-z.\-\[\]:]+$"
    return Annotated[str, Field(min_length=8, max_length=300, pattern=pattern, description=words)]


def _not_blank(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not value.get_secret_value().strip():
        raise ValueError("empty")
    return value


def _secret(words: str) -> Any:
    return Annotated[
        SecretStr | None,
        AfterValidator(_not_blank),
        Field(max_length=KEY_LENGTH_MAX, description=words),
    ]


REAL: dict[str, Any] = {
    "api_key": _secret("the API key"),
    "api_key_file": _secret("a file that holds the API key"),
    "secret": _secret("the secret of an HMAC key"),
    "secret_file": _secret("a file that holds the secret of an HMAC key"),
    "private_key": _secret("the private key (PEM) of an RSA or Ed25519 key"),
    "private_key_file": _secret("a file that holds the private key (PEM) of an RSA or Ed25519 key"),
    "private_key_password": _secret("the password of an encrypted private key"),
    "key_type": Annotated[
        Literal["auto", "HMAC", "RSA", "Ed25519"],
        Field(description="auto (as the key is), HMAC, RSA or Ed25519"),
    ],
    "rest_url": _url("https", "http"),
    "websocket_api_url": _url("wss", "ws"),
    "streams_url": _url("wss", "ws"),
    "cap_usdt": OptionalAmount,
    "old_tag": Annotated[
        str,
        Field(
            max_length=8,
            pattern="^[a-z0-9]*$",
            description="the TAG of RT_TAG_… in the ids of the orders of a database that was lost",
        ),
    ],
    "through": Annotated[Literal["binance", "ccxt"], Field(description="binance (our own sessions) or ccxt")],
    "exchange": Annotated[
        str,
        Field(
            max_length=40,
            pattern="^[a-z0-9_]+$",
            description="an exchange as ccxt spells it; through ccxt alone",
        ),
    ],
    "password": _secret("what some exchanges want beside key and secret; through ccxt alone"),
    "password_file": _secret("a file that holds the password"),
    "ccxt_options": Annotated[dict[str, Any], Field(description="a table of ccxt's own options")],
    "ccxt_maker_fee": OptionalFee,
    "ccxt_taker_fee": OptionalFee,
    "ccxt_urls": Annotated[
        dict[str, Any], Field(description='a table of addresses by their names in ccxt\'s urls["api"]')
    ],
}

OF_CCXT = (
    "exchange",
    "password",
    "password_file",
    "ccxt_options",
    "ccxt_urls",
    "ccxt_maker_fee",
    "ccxt_taker_fee",
)
"""Keys that have a meaning for an account through ccxt alone."""

OF_BINANCE = ("rest_url", "websocket_api_url", "streams_url", "key_type")

REAL_GROUPS: dict[str, tuple[type[msgspec.Struct], dict[str, Any]]] = {
    "trading": (TradingConfig, TRADING),
    "testnet": (TestnetConfig, REAL),
    "demo": (DemoConfig, REAL),
    "mainnet": (MainnetConfig, REAL),
}
"""Sections of real trading: the struct that holds their defaults, and their types."""

Rank = Callable[[str], int]
"""How late the layer is that a key of the section came from; -1: it is a default."""


def is_allowed(environment: Mapping[str, str]) -> bool:
    """Whether the environment allows mainnet."""
    return environment.get(GATE, "").strip().lower() == "true"


def with_keys(
    section: str,
    config: RealConfig,
    rank: Rank,
    place: Callable[[str], str],
    problems: list[Problem],
) -> RealConfig:
    """The account with the content of its key files; whatever is wrong with its keys becomes a problem."""

    def refuse(key: str, allowed: str) -> None:
        problems.append(Problem(key=f"{section}.{key}", given="", allowed=allowed, source=place(key)))

    api_key = _chosen(config, ("api_key", "api_key_file"), rank, refuse)
    secret = _chosen(config, ("secret", "secret_file", "private_key", "private_key_file"), rank, refuse)
    if (api_key is None) is not (secret is None) and not any(one.key.startswith(section) for one in problems):
        if api_key is None:
            refuse("api_key", "the API key is missing: api_key or api_key_file")
        else:
            refuse("secret", "the key's secret is missing: secret, private_key, or one of them as …_file")
    password = _chosen(config, ("password", "password_file"), rank, refuse)
    for key, allowed in _ccxt_mistakes(config):
        refuse(key, allowed)
    return msgspec.structs.replace(
        config, api_key=api_key, secret=secret, api_key_file=None, secret_file=None,
        private_key=None, private_key_file=None, password=password, password_file=None,
    )  # fmt: skip


def _ccxt_mistakes(config: RealConfig) -> list[tuple[str, str]]:
    """Keys that have no meaning the way the account is reached, and why."""
    default = type(config)()
    said = [name for name in OF_CCXT + OF_BINANCE if getattr(config, name) != getattr(default, name)]
    given = [name for name in said if name in OF_CCXT]
    if config.through != CCXT:
        return [(name, 'has a meaning only with through = "ccxt"') for name in given]
    if config.old_tag:
        return [("old_tag", "positions are taken back over Binance's own sessions alone")]
    if config.private_key_password is not None:
        return [("private_key_password", "ccxt takes private keys without a password alone")]
    if config.exchange == BINANCE:
        return []
    own = [name for name in said if name in OF_BINANCE]
    return [(name, "is Binance's; other addresses of an exchange through ccxt are ccxt_urls") for name in own]


def _chosen(
    config: RealConfig, names: tuple[str, ...], rank: Rank, refuse: Callable[[str, str], None]
) -> SecretStr | None:
    """The one that was said last, read if it is a file; two of the same file or both of the environment are refused."""
    given = sorted([(rank(name), name) for name in names if getattr(config, name) is not None])
    if not given:
        return None
    if len(given) > 1 and given[-1][0] == given[-2][0]:
        refuse(given[-1][1], f"give one of {', '.join(names)}")
        return None
    name = given[-1][1]
    value: SecretStr | None = getattr(config, name)
    if value is not None and name.endswith("_file"):
        value = _content(name, value, refuse)
    if (
        value is not None
        and name.startswith("private")
        and not value.get_secret_value().strip().startswith(PEM)
    ):
        refuse(
            name,
            f"a private key is PEM, and begins with {PEM.strip()}; the secret of an HMAC key is `secret`",
        )
        return None
    return value


def _content(name: str, file: SecretStr, refuse: Callable[[str, str], None]) -> SecretStr | None:
    """What a file holds. Its name is not told: it may be the key itself, in the wrong place."""
    try:
        with Path(file.get_secret_value()).open("rb") as opened:
            content = opened.read(SECRET_BYTES_MAX + 1)
        text = content.decode().strip()
    except OSError as error:
        refuse(name, f"the file cannot be read: {error.strerror or 'no file name'}")
    except UnicodeDecodeError:
        refuse(name, "the file is not UTF-8 text")
    except ValueError:
        refuse(name, "this is not a file name")
    else:
        if text and len(content) <= SECRET_BYTES_MAX:
            return SecretStr(text)
        refuse(name, "the file is empty" if not text else "the file is too long for a key")
    return None
