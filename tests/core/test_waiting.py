"""Waiting: news that does not come in time is asked for, and nothing is forgotten."""

from __future__ import annotations
