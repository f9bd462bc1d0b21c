"""The prices that the core watches, and when a quote reaches one."""

from __future__ import annotations
