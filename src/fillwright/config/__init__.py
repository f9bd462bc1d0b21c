"""Settings from files and environment, validated at once: every problem is named, with its place and its remedy.

``load`` reads ``fillwright.toml``, then each ``--config`` file, then ``FILLWRIGHT__SECTION__KEY``; later wins.
Names and defaults are those of ``core.settings``, and of ``config.service`` for the service around the accounts; what a
value may be stands in ``config.schema``.
"""

from __future__ import annotations

from fillwright.config.loading import Config, TraderConfig, load, load_account, symbols_in
from fillwright.config.problems import ConfigError, Problem
from fillwright.config.real import GATE, DemoConfig, MainnetConfig, RealConfig, TestnetConfig, TradingConfig
from fillwright.config.service import DataConfig, LogConfig, MarketConfig, ServerConfig
from fillwright.config.template import template

__all__ = [
    "GATE",
    "Config",
    "ConfigError",
    "DataConfig",
    "DemoConfig",
    "LogConfig",
    "MainnetConfig",
    "MarketConfig",
    "Problem",
    "RealConfig",
    "ServerConfig",
    "TestnetConfig",
    "TraderConfig",
    "TradingConfig",
    "load",
    "load_account",
    "symbols_in",
    "template",
]
