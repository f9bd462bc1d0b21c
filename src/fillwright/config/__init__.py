"""Settings from files and environment, validated at once: every problem is named, with its place and its remedy.

``load`` reads ``fillwright.toml``, then each ``--config`` file, then ``FILLWRIGHT__SECTION__KEY``; later wins.
Names and defaults are those of ``core.settings``; what a value may be stands in ``config.schema``.
"""

from __future__ import annotations

from fillwright.config.loading import Config, TraderConfig, load
from fillwright.config.problems import ConfigError, Problem

__all__ = ["Config", "ConfigError", "Problem", "TraderConfig", "load"]
